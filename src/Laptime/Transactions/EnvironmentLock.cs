using System.Text.Json;
using System.Text.Json.Serialization;
using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Transactions;

/// <summary>Who holds an environment.</summary>
/// <param name="Fence">Grows with every lock taken; a target that saw a higher one refuses the lower.</param>
/// <param name="Commit">The git commit that is deployed, when known.</param>
public sealed record LockHolder(ProcessOwner Owner, string Transaction, DateTimeOffset Since, long Fence, string? Commit);

/// <summary>
/// One transaction at a time per environment. A dead owner on this host is taken over, any other never silently. The holder shows a heartbeat;
/// a holder that was taken over learns it from <see cref="IsStillHeld"/> before it writes anything.
/// </summary>
public sealed class EnvironmentLock : IDisposable
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan HeartbeatEvery = TimeSpan.FromSeconds(5);
    private readonly string path;
    private readonly TimeProvider clock;
    private readonly ITimer heartbeat;

    private EnvironmentLock(string path, LockHolder holder, LockHolder? takenFrom, TimeProvider clock)
    {
        this.path = path;
        this.clock = clock;
        Holder = holder;
        TakenFrom = takenFrom;
        heartbeat = clock.CreateTimer(_ => Beat(), null, HeartbeatEvery, HeartbeatEvery);
    }

    public LockHolder Holder { get; }

    /// <summary>The dead owner it was taken over from, or null.</summary>
    public LockHolder? TakenFrom { get; }

    public long Fence => Holder.Fence;

    /// <summary>Waits until the environment is free, at most <paramref name="bound"/>.</summary>
    /// <param name="folder">The environment's folder; it exists.</param>
    /// <param name="waiting">Told once, when somebody else holds it.</param>
    /// <exception cref="FaultException">Outcome.Locked: still held at the bound.</exception>
    public static async Task<EnvironmentLock> AcquireAsync(
        string folder, string environment, string transaction, string? commit, TimeSpan bound, Action<LockHolder>? waiting, TimeProvider clock, CancellationToken cancel)
    {
        var start = clock.GetTimestamp();
        var told = false;
        while (true)
        {
            var (taken, holder, from) = TryTake(folder, transaction, commit, clock);
            if (taken is not null)
            {
                return new EnvironmentLock(LockFile(folder), taken, from, clock);
            }

            if (holder is not null && !told)
            {
                told = true;
                waiting?.Invoke(holder);
            }

            if (clock.GetElapsedTime(start) >= bound)
            {
                throw new FaultException(Refusal(folder, environment, holder, bound, clock));
            }

            await Task.Delay(Poll, clock, cancel);
        }
    }

    /// <summary>Who holds it now, with the time of the last heartbeat; null when it is free.</summary>
    public static (LockHolder Holder, DateTimeOffset Heartbeat)? Read(string folder)
    {
        var path = LockFile(folder);
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), LockJson.Default.LockHolder) is { Owner: not null, Transaction: not null } holder
                ? (holder, File.GetLastWriteTimeUtc(path))
                : (Unreadable(path), File.GetLastWriteTimeUtc(path));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (JsonException)
        {
            return (Unreadable(path), File.GetLastWriteTimeUtc(path));
        }
    }

    /// <summary>Removes the lock of whoever holds it: only when a person says so. The fence keeps a holder that comes back from writing.</summary>
    public static LockHolder? Release(string folder)
    {
        using var guard = Guard(folder);
        var holder = Read(folder)?.Holder;
        File.Delete(LockFile(folder));
        return holder;
    }

    /// <summary>False after somebody released it or took it over: nothing may be written any more.</summary>
    public bool IsStillHeld() => Read(Path.GetDirectoryName(path)!)?.Holder == Holder;

    public void Dispose()
    {
        heartbeat.Dispose();
        var folder = Path.GetDirectoryName(path)!;
        if (!Directory.Exists(folder))
        {
            return;
        }

        using var guard = Guard(folder);
        if (IsStillHeld())
        {
            File.Delete(path);
        }
    }

    private static (LockHolder? Taken, LockHolder? Holder, LockHolder? From) TryTake(string folder, string transaction, string? commit, TimeProvider clock)
    {
        using var guard = Guard(folder);
        LockHolder? from = null;
        if (Read(folder) is var (holder, _))
        {
            if (holder.Owner.IsAlive() != false)
            {
                return (null, holder, null);
            }

            from = holder;
        }

        var fenceFile = Path.Combine(folder, "fence");
        var last = File.Exists(fenceFile) && long.TryParse(File.ReadAllText(fenceFile), out var number) ? number : 0;
        var fence = Math.Max(last, from?.Fence ?? 0) + 1;
        AtomicFile.Write(fenceFile, fence.ToString());
        var mine = new LockHolder(ProcessOwner.Current(), transaction, clock.GetUtcNow(), fence, commit);
        AtomicFile.Write(LockFile(folder), JsonSerializer.SerializeToUtf8Bytes(mine, LockJson.Default.LockHolder));
        return (mine, null, from);
    }

    private static Fault Refusal(string folder, string environment, LockHolder? holder, TimeSpan bound, TimeProvider clock)
    {
        if (holder is null)
        {
            return new Fault(Outcome.Locked, $"{environment}: the lock could not be taken within {Duration.Text(bound)}", folder, "try again");
        }

        var beat = Read(folder)?.Heartbeat ?? holder.Since;
        var owner = holder.Owner;
        var where = $"{owner.User}@{owner.Host}, pid {owner.Pid}";
        return new Fault(
            Outcome.Locked,
            $"{environment} is held by {holder.Transaction} ({where}){(holder.Commit is null ? "" : $" at {holder.Commit[..Math.Min(8, holder.Commit.Length)]}")} since {holder.Since.UtcDateTime:HH:mm:ss}Z, "
            + $"last heartbeat {Duration.Text(clock.GetUtcNow() - beat)} ago; waited {Duration.Text(bound)}",
            where,
            owner.Host == Environment.MachineName
                ? "wait for it (--lock-timeout 10m), or end that process; a dead owner is taken over by itself"
                : $"ask {owner.User}; when that machine is gone for good: lap lock release --env {environment}");
    }

    private static string LockFile(string folder) => Path.Combine(folder, "lock");

    /// <summary>Nobody knows whose it is: never taken over.</summary>
    private static LockHolder Unreadable(string path) =>
        new(new ProcessOwner("?", "?", 0, 0, ""), "an unreadable lock file", File.GetLastWriteTimeUtc(path), 0, null);

    /// <summary>Serialises changes of the lock file itself: the kernel frees it with its process. Held while two small files reach the disk.</summary>
    /// <exception cref="FaultException">Outcome.Locked: somebody sits on it.</exception>
    private static FileStream Guard(string folder)
    {
        var path = Path.Combine(folder, "lock.guard");
        for (var attempt = 0; attempt < 10_000; attempt++)
        {
            if (FileLock.TryTake(path) is { } guard)
            {
                return guard;
            }

            Thread.Sleep(1);
        }

        throw new FaultException(new Fault(Outcome.Locked, $"another process does not let go of {path}", path, "end it, and try again"));
    }

    private void Beat()
    {
        try
        {
            if (IsStillHeld())
            {
                File.SetLastWriteTimeUtc(path, clock.GetUtcNow().UtcDateTime);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Released by a person, or another's, meanwhile: IsStillHeld says so before anything is written.
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(LockHolder))]
internal sealed partial class LockJson : JsonSerializerContext;
