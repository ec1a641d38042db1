using Laptime.Artifacts;
using Laptime.Building;
using Laptime.Fingerprints;
using Laptime.Guardrails;
using Laptime.Planning;
using Laptime.Transactions;

namespace Laptime.Tests.Guardrails;

/// <summary>What is known of something to go back to, before anybody needs it.</summary>
public sealed class RollbackProbeTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 11, 3, 29, TimeSpan.Zero);
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task It_is_proven_when_all_of_it_is_there_it_ran_here_with_smoke_passed_and_the_schema_fits()
    {
        var (store, record) = await StoredAsync();
        Assert.Equal(RollbackStatus.Proven, await StatusAsync([store], [Ran(record)], record));
        // In whichever store it is.
        Assert.Equal(RollbackStatus.Proven, await StatusAsync([new OciLayoutStore(folder.At("empty"), TimeProvider.System), store], [Ran(record)], record));
    }

    [Fact]
    public async Task It_is_stale_when_nothing_shows_that_it_worked_here_or_that_is_too_long_ago()
    {
        var (store, record) = await StoredAsync();
        Assert.Equal(RollbackStatus.Stale, await StatusAsync([store], [], record));
        Assert.Equal(RollbackStatus.Stale, await StatusAsync([store], [Ran(record, smoke: "not-run")], record));
        Assert.Equal(RollbackStatus.Stale, await StatusAsync([store], [Ran(record) with { ExitCode = 14 }], record));
        Assert.Equal(RollbackStatus.Stale, await StatusAsync([store], [Ran(record)], record, most: TimeSpan.FromDays(1)));
        Assert.Equal(RollbackStatus.Proven, await StatusAsync([store], [Ran(record)], record, most: TimeSpan.FromDays(3)));
    }

    [Fact]
    public async Task It_is_unsafe_when_the_schema_moved_since_and_missing_when_any_blob_of_it_is_gone()
    {
        var (store, record) = await StoredAsync();
        var moved = record with { UnsafeSchema = "tx moved ledger main from 1 to 2" };
        var target = await new RollbackProbe([store], [Ran(record)], null, Now).ProbeAsync(moved, TestContext.Current.CancellationToken);
        Assert.Equal($"web: web@1 is unsafe(schema): {moved.UnsafeSchema}", target.Line);
        foreach (var blob in Directory.GetFiles(folder.At("store/blobs/sha256")))
        {
            File.Move(blob, blob + ".aside");
            Assert.Equal(RollbackStatus.Missing, await StatusAsync([store], [Ran(record)], record));
            File.Move(blob + ".aside", blob);
        }

        Assert.Equal(RollbackStatus.Proven, await StatusAsync([store], [Ran(record)], record));
    }

    private static async Task<RollbackStatus> StatusAsync(IReadOnlyList<ArtifactStore> stores, IReadOnlyList<TransactionDocument> history, DeployedRecord record, TimeSpan? most = null) =>
        (await new RollbackProbe(stores, history, most, Now).ProbeAsync(record, TestContext.Current.CancellationToken)).Status;

    private async Task<(OciLayoutStore Store, DeployedRecord Record)> StoredAsync()
    {
        var store = new OciLayoutStore(folder.At("store"), TimeProvider.System);
        folder.File("a", "content");
        var artifact = await store.StoreAsync([new OutputFile("a", folder.At("a"), false, null)], Digest.Of("f"u8), TestContext.Current.CancellationToken);
        return (store, new DeployedRecord { Component = "web", Artifact = artifact, Revision = "web@1" });
    }

    /// <summary>Two days ago.</summary>
    private static TransactionDocument Ran(DeployedRecord record, string smoke = "pass") => new()
    {
        Id = "tx-20261119-110329-7f3a9c", Verb = "promote", Workspace = "shop", Environment = "production", Target = "process", Loop = "safe", ExitCode = 0,
        Interval = new IntervalReport { From = "commit", To = "reflected", Start = Now.AddDays(-2).AddMinutes(-1), End = Now.AddDays(-2) },
        Components =
        [
            new ComponentReport { Name = record.Component, Action = "lookup+rollout", Cause = "inputs-changed", Artifact = record.Artifact.ToString(), Signals = new SignalsReport { Smoke = new SignalReport { Status = smoke } } },
        ],
    };
}
