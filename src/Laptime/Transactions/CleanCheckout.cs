using System.Text;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Transactions;

/// <summary>
/// A checkout of one commit in a folder of its own outside of the workspace: nothing uncommitted, ignored or left over can get into what is built there, nor
/// what a build tool finds in the folders above. Always the same folder for a repository, because some compilers write paths into what they make. One
/// process at a time; what a killed one left is ended and removed by the next.
/// </summary>
public sealed class CleanCheckout : IAsyncDisposable
{
    private static readonly TimeSpan LockBound = TimeSpan.FromHours(1);

    private readonly Git git;
    private readonly FileStream held;
    private readonly string folder;
    private bool kept;

    private CleanCheckout(Git git, FileStream held, string folder) => (this.git, this.held, this.folder) = (git, held, folder);

    /// <summary>The workspace's root in it.</summary>
    public string Root => Path.Combine(folder, git.Below);

    /// <param name="commit">40 or 64 hexadecimal digits.</param>
    /// <exception cref="FaultException">Git cannot check it out, or another publish holds the folder for an hour.</exception>
    /// <exception cref="LapException">The commit has a <c>.laptime</c> in it.</exception>
    public static async Task<CleanCheckout> OpenAsync(Git git, string commit, TimeProvider clock, CancellationToken cancel)
    {
        var parent = Path.Combine(CacheFolder(), "laptime", "checkouts", Digest.Of(Encoding.UTF8.GetBytes(git.Top)).ToHex()[..16]);
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(parent);
        }
        else
        {
            Directory.CreateDirectory(parent, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        var held = await FileLock.TakeAsync(Path.Combine(parent, "lock"), LockBound, clock, cancel);
        var checkout = new CleanCheckout(git, held, Path.Combine(parent, "tree"));
        try
        {
            await checkout.RemoveAsync();
            await git.CheckOutAsync(checkout.folder, commit, cancel);
            await checkout.RefuseRecordsAsync(commit);
            return checkout;
        }
        catch
        {
            await held.DisposeAsync();
            throw;
        }
    }

    /// <summary>It stays where it is until the next one: a failed build can be looked into.</summary>
    public void Keep() => kept = true;

    public async ValueTask DisposeAsync()
    {
        await using (held)
        {
            if (!kept)
            {
                await RemoveAsync();
            }
        }
    }

    /// <summary>Records of steps that came with the commit would let its outputs pass for built: nothing would have been, and it would be signed.</summary>
    private async Task RefuseRecordsAsync(string commit)
    {
        var own = new WorkspaceFolder(Root).Path;
        if (!Path.Exists(own) && new FileInfo(own).LinkTarget is null)
        {
            return;
        }

        // Not as RemoveAsync does it: what the commit says of processes is nothing to act on.
        Directory.Delete(folder, recursive: true);
        await git.PruneAsync(CancellationToken.None);
        throw new LapException(
            $"commit {commit[..12]} has a .laptime in it, which is what lap knows of one machine: nothing is published from there", Path.Combine(git.Below, ".laptime"),
            "git rm -r --cached .laptime, commit, and publish again");
    }

    private async Task RemoveAsync()
    {
        if (Directory.Exists(folder))
        {
            foreach (var steps in Directory.Exists(Path.Combine(Root, ".laptime", "steps")) ? Directory.GetFiles(Path.Combine(Root, ".laptime", "steps"), "*.pid") : [])
            {
                while (ProcessRunner.EndLeftover(steps))
                {
                    await Task.Delay(10);
                }
            }

            Directory.Delete(folder, recursive: true);
        }

        await git.PruneAsync(CancellationToken.None);
    }

    private static string CacheFolder() =>
        Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } given && Path.IsPathRooted(given) ? given
        : Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) is { Length: > 0 } home ? Path.Combine(home, OperatingSystem.IsWindows() ? "AppData/Local" : ".cache")
        : Path.GetTempPath();
}
