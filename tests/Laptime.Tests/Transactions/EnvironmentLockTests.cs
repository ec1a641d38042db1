using System.Text.Json;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Transactions;

namespace Laptime.Tests.Transactions;

public sealed class EnvironmentLockTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly ManualTime clock = new() { Flow = TimeSpan.FromSeconds(1) };

    private string LockFile => folder.At("lock");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    private Task<EnvironmentLock> Take(string transaction = "tx-1", TimeSpan bound = default, Action<LockHolder>? waiting = null, TimeProvider? time = null) =>
        EnvironmentLock.AcquireAsync(folder, "local", transaction, "0123456789abcdef", bound, waiting, time ?? clock, Cancel);

    private void HeldBy(ProcessOwner owner, long fence = 7) =>
        File.WriteAllBytes(LockFile, JsonSerializer.SerializeToUtf8Bytes(new LockHolder(owner, "tx-other", clock.GetUtcNow(), fence, "0123456789abcdef"), LockJson.Default.LockHolder));

    private static ProcessOwner Dead => ProcessOwner.Current() with { StartTicks = 1 };

    private static ProcessOwner Elsewhere => ProcessOwner.Current() with { Host = "another-host" };

    private async Task<Fault> Refused(TimeSpan bound = default) => (await Assert.ThrowsAsync<FaultException>(() => Take(bound: bound))).Fault;

    [Fact]
    public async Task The_holder_is_shown_and_a_second_taker_is_refused_with_everything_about_the_first()
    {
        using var held = await Take();
        Assert.Equal(held.Holder, EnvironmentLock.Read(folder)!.Value.Holder);
        Assert.Null(held.TakenFrom);
        var fault = await Refused(TimeSpan.FromSeconds(30));
        Assert.Equal(Outcome.Locked, fault.Outcome);
        foreach (var said in new[] { "local is held by tx-1", $"pid {Environment.ProcessId}", "at 01234567 ", "since 11:03:29Z", "waited 30" })
        {
            Assert.Contains(said, fault.What, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_refusal_is_at_the_bound_and_the_waiting_is_told_once()
    {
        using var held = await Take();
        var told = new List<string>();
        var start = clock.GetUtcNow();
        await Assert.ThrowsAsync<FaultException>(() => Take("tx-2", TimeSpan.FromSeconds(3), h => told.Add(h.Transaction)));
        Assert.Equal(["tx-1"], told);
        Assert.InRange(clock.GetUtcNow() - start, TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(3.2));
    }

    [Fact]
    public async Task A_released_lock_is_free_and_every_lock_has_a_higher_fence()
    {
        var fences = new List<long>();
        for (var i = 0; i < 5; i++)
        {
            using var held = await Take();
            Assert.True(held.IsStillHeld());
            fences.Add(held.Fence);
        }

        Assert.Null(EnvironmentLock.Read(folder));
        Assert.Equal([1, 2, 3, 4, 5], fences);
    }

    [Fact]
    public async Task A_dead_owner_of_this_host_is_taken_over_and_named_and_the_fence_grows_past_its_own()
    {
        HeldBy(Dead, fence: 41);
        using var held = await Take();
        Assert.Equal("tx-other", held.TakenFrom!.Transaction);
        Assert.Equal(42, held.Fence);
    }

    [Fact]
    public async Task An_owner_from_before_the_boot_is_dead()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "only Linux tells one boot from another");
        HeldBy(ProcessOwner.Current() with { BootId = "another boot" });
        using var held = await Take();
        Assert.NotNull(held.TakenFrom);
    }

    [Fact]
    public async Task An_owner_on_another_host_is_never_taken_over_and_the_mend_says_whom_to_ask()
    {
        HeldBy(Elsewhere);
        var fault = await Refused(TimeSpan.FromHours(1));
        Assert.Contains("another-host", fault.What, StringComparison.Ordinal);
        Assert.Contains("lap lock release --env local", fault.Mend, StringComparison.Ordinal);
        Assert.Equal(7, EnvironmentLock.Read(folder)!.Value.Holder.Fence);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("[1]")]
    [InlineData("{\"owner\":null,\"transaction\":\"tx\"}")]
    [InlineData("{\"owner\":{\"user\":\"a\"")]
    public async Task A_lock_file_that_says_nothing_is_nobodys_to_take(string content)
    {
        File.WriteAllText(LockFile, content);
        Assert.Contains("unreadable lock file", (await Refused()).What, StringComparison.Ordinal);
        EnvironmentLock.Release(folder);
        using var held = await Take();
        Assert.True(held.IsStillHeld());
    }

    [Fact]
    public async Task A_revived_owner_learns_that_it_was_taken_over_and_touches_nothing_of_the_new_holders()
    {
        var revived = await Take();
        HeldBy(Dead with { Pid = 1 }, revived.Fence);
        using var next = await Take("tx-2");
        Assert.False(revived.IsStillHeld());
        var beat = File.GetLastWriteTimeUtc(LockFile);
        clock.Advance(TimeSpan.FromSeconds(4));
        File.SetLastWriteTimeUtc(LockFile, beat);
        revived.Dispose();
        Assert.True(next.IsStillHeld());
        Assert.True(next.Fence > revived.Fence);
    }

    [Fact]
    public async Task The_same_fence_in_other_hands_is_not_held()
    {
        using var held = await Take();
        HeldBy(Elsewhere, held.Fence);
        Assert.False(held.IsStillHeld());
    }

    [Fact]
    public async Task A_release_by_a_person_is_seen_by_the_holder_and_survived()
    {
        var held = await Take();
        Assert.Equal("tx-1", EnvironmentLock.Release(folder)!.Transaction);
        Assert.False(held.IsStillHeld());
        clock.Advance(TimeSpan.FromMinutes(1));
        Assert.False(File.Exists(LockFile));
        held.Dispose();
        Assert.Null(EnvironmentLock.Release(folder));
        using var next = await Take();
        Assert.Equal(held.Fence + 1, next.Fence);
    }

    [Fact]
    public async Task The_heart_beats_while_it_is_held_and_not_after()
    {
        var held = await Take();
        clock.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(clock.GetUtcNow(), EnvironmentLock.Read(folder)!.Value.Heartbeat);
        HeldBy(Elsewhere, held.Fence + 1);
        var beat = File.GetLastWriteTimeUtc(LockFile);
        clock.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(beat, File.GetLastWriteTimeUtc(LockFile));
        held.Dispose();
        Assert.Equal(held.Fence + 1, EnvironmentLock.Read(folder)!.Value.Holder.Fence);
    }

    [Fact]
    public async Task A_folder_that_is_gone_is_no_trouble_at_the_end()
    {
        var held = await Take();
        Directory.Delete(folder, recursive: true);
        Assert.False(held.IsStillHeld());
        held.Dispose();
    }

    [Fact]
    public async Task Waiting_ends_when_it_is_cancelled()
    {
        using var held = await Take();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => EnvironmentLock.AcquireAsync(
            folder, "local", "tx-2", null, TimeSpan.FromHours(1), _ => stop.Cancel(), TimeProvider.System, stop.Token));
    }

    [Fact]
    public async Task Of_many_threads_exactly_one_holds_it_at_a_time_and_all_get_it()
    {
        var (holders, most) = (0, 0);
        var fences = new List<long>();
        await Task.WhenAll(Enumerable.Range(0, 12).Select(i => Task.Run(async () =>
        {
            using var held = await Take($"tx-{i}", TimeSpan.FromMinutes(5), time: TimeProvider.System);
            lock (fences)
            {
                most = Math.Max(most, ++holders);
                fences.Add(held.Fence);
            }

            await Task.Yield();
            Assert.True(held.IsStillHeld());
            lock (fences)
            {
                holders--;
            }
        }, Cancel)));
        Assert.Equal(1, most);
        Assert.Equal(Enumerable.Range(1, 12).Select(i => (long)i), fences);
    }

    [Fact]
    public async Task Of_many_takers_that_find_a_dead_owner_one_gets_it()
    {
        HeldBy(Dead);
        var results = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(async () =>
        {
            try
            {
                return await Take($"tx-{i}", TimeSpan.Zero, time: TimeProvider.System);
            }
            catch (FaultException e) when (e.Fault.Outcome == Outcome.Locked)
            {
                return null;
            }
        }, Cancel)));
        using var taken = Assert.Single(results, r => r is not null)!;
        Assert.Equal("tx-other", taken.TakenFrom!.Transaction);
        Assert.True(taken.IsStillHeld());
    }

    /// <summary>The owner is a real process: held while it lives, taken over once it was killed, even while nobody has reaped it.</summary>
    [Fact]
    public async Task A_real_process_holds_it_until_it_is_killed()
    {
        using var program = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo(FakeTool.Path, ["hang"]) { UseShellExecute = false })!;
        try
        {
            HeldBy(ProcessOwner.Current() with { Pid = program.Id, StartTicks = ProcessOwner.TicksOf(program.Id)!.Value });
            Assert.Contains($"pid {program.Id}", (await Refused()).What, StringComparison.Ordinal);
        }
        finally
        {
            program.Kill();
        }

        using var held = await Take(bound: TimeSpan.FromMinutes(5), time: TimeProvider.System);
        Assert.Equal(program.Id, held.TakenFrom!.Owner.Pid);
        await program.WaitForExitAsync(Cancel);
    }
}
