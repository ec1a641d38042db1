using Laptime.Fingerprints;
using Laptime.Foundations;

namespace Laptime.Artifacts;

/// <summary>
/// Pruning and everybody else. Whoever looks something up here, or stores it, goes on to use it: from the first such operation until its process ends it has a
/// part of the lock <c>use</c>. Whoever removes content takes that lock whole, so that nothing is removed while anybody else may need it. The kernel gives
/// both up when a process dies.
/// </summary>
public sealed partial class OciLayoutStore
{
    private static readonly TimeSpan UseBound = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan UsePoll = TimeSpan.FromMilliseconds(10);
    private FileStream? use;
    private bool isAlone;

    /// <summary>Lets go of the store; the end of the process does so too.</summary>
    public void Dispose() => Interlocked.Exchange(ref use, null)?.Dispose();

    private string UseFile => Path.Combine(root, "use");

    /// <summary>The manifest that a tag names, whatever is under its digest; null when there is no such tag.</summary>
    public Digest? ReadTag(string tag) => index.Read(RequireTag(tag));

    /// <summary>Keeps all others away from the store, also from reading, until the result is disposed. Hold it shortly.</summary>
    /// <exception cref="FaultException">Locked: another lap still used it after <paramref name="bound"/>.</exception>
    public async Task<IDisposable> AloneAsync(TimeSpan bound, CancellationToken cancel)
    {
        if (!Directory.Exists(root))
        {
            // Nothing to be alone with.
            return new Alone(this, null);
        }

        Interlocked.Exchange(ref use, null)?.Dispose();
        try
        {
            var held = await FileLock.TakeAsync(UseFile, bound, clock, cancel).ConfigureAwait(false);
            isAlone = true;
            return new Alone(this, held);
        }
        catch (FaultException e) when (e.Fault.Outcome == Outcome.Locked)
        {
            throw new FaultException(new Fault(
                Outcome.Locked, $"another lap uses the store, so nothing was removed from it (waited {Duration.Text(bound)})", root,
                "wait for the deploy under way (`lap history` names it), or give it more time: --lock-timeout 10m"), e);
        }
    }

    /// <summary>Files that killed writers left: old enough to have been locked by their writer, and locked no more.</summary>
    public IReadOnlyList<string> Leftovers()
    {
        IEnumerable<string> Files(string folder, string pattern) => Directory.Exists(folder) ? Directory.EnumerateFiles(folder, pattern) : [];
        return
        [
            .. Files(Temporary, "*").Concat(Files(root, "*.tmp")).Concat(Files(Path.Combine(root, "tags"), "*.tmp")).Concat(Files(Path.Combine(root, "origins"), "*.tmp"))
                .Where(IsLeft),
        ];
    }

    private bool IsLeft(string path)
    {
        if (clock.GetUtcNow() - File.GetLastWriteTimeUtc(path) <= Newborn || FileLock.TryTake(path) is not { } held)
        {
            return false;
        }

        held.Dispose();
        return true;
    }

    /// <summary>Joins those who use the store; waits while somebody is alone with it.</summary>
    /// <param name="writes">False: nothing is made for it, a question changes nothing (a store without the file was never pruned).</param>
    private async ValueTask UseAsync(bool writes, CancellationToken cancel)
    {
        if (use is not null || isAlone)
        {
            return;
        }

        var began = clock.GetTimestamp();
        while (true)
        {
            if (!Directory.Exists(root))
            {
                return;
            }

            FileStream? part;
            try
            {
                part = FileLock.TryShare(UseFile, writes);
            }
            catch (UnauthorizedAccessException)
            {
                // A store that this user only reads: its owner prunes it.
                return;
            }

            if (part is not null)
            {
                if (Interlocked.CompareExchange(ref use, part, null) is not null)
                {
                    await part.DisposeAsync().ConfigureAwait(false);
                }

                return;
            }

            if (!File.Exists(UseFile))
            {
                return;
            }

            if (clock.GetElapsedTime(began) > UseBound)
            {
                throw new StoreException(StoreFailure.Local, new Fault(
                    Outcome.Locked, $"the store has been pruned for {Duration.Text(UseBound)}", root, "wait for `lap artifacts prune` to end, or end it"));
            }

            await Task.Delay(UsePoll, clock, cancel).ConfigureAwait(false);
        }
    }

    private sealed class Alone(OciLayoutStore store, FileStream? held) : IDisposable
    {
        public void Dispose()
        {
            held?.Dispose();
            store.isAlone = false;
        }
    }
}
