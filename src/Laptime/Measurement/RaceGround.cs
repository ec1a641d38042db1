using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Measurement;

/// <summary>
/// The two checkouts that a race runs in: git worktrees in a folder of their own outside the workspace (what a tool finds in the folders above must not be
/// the workspace's), removed at the end together with whatever runs in them. A race that was killed leaves a note in the workspace; the next lap that does
/// anything sweeps what it names. One race at a time in a workspace: a lock that the kernel gives up with its holder says so.
/// </summary>
/// <remarks>The user's own working tree, index and branches are not touched; git gets unreferenced objects at most.</remarks>
public sealed class RaceGround : IAsyncDisposable
{
    private const int Attempts = 40;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private readonly WorkspaceFolder workspace;
    private readonly Git git;
    private readonly Func<string, Task> stop;
    private readonly FileStream held;
    private readonly Note note;
    private string? snapshot;

    private RaceGround(WorkspaceFolder workspace, Git git, Func<string, Task> stop, FileStream held, Note note) =>
        (this.workspace, this.git, this.stop, this.held, this.note) = (workspace, git, stop, held, note);

    /// <summary>The pid file of the lap that runs at the moment in one of the checkouts: a killed race's child is ended by it.</summary>
    public static string PidFile(WorkspaceFolder workspace) => Path.Combine(workspace.Path, "race.pid");

    /// <summary>Something of a race is here: one that runs, or one that was killed. Costs one look at the file system.</summary>
    public static bool IsLeft(WorkspaceFolder workspace) => File.Exists(NoteFile(workspace));

    /// <summary>Takes the workspace's race lock, removes what a killed race left, and makes an empty ground.</summary>
    /// <param name="parent">Where the folder of the checkouts is made.</param>
    /// <param name="stop">Ends everything that runs in a checked-out workspace, given its root.</param>
    /// <exception cref="FaultException">Another race runs here.</exception>
    /// <exception cref="LapException">The workspace is not in a git repository.</exception>
    public static async Task<RaceGround> OpenAsync(WorkspaceFolder workspace, string parent, ProcessRunner runner, Func<string, Task> stop, CancellationToken cancel)
    {
        workspace.Create();
        var held = FileLock.TryTake(LockFile(workspace))
            ?? throw new FaultException(new Fault(Outcome.Locked, "another race runs in this workspace", workspace.Root, "wait for its end, or end it with Ctrl-C in its terminal"));
        try
        {
            await SweepHeldAsync(workspace, runner, stop, cancel).ConfigureAwait(false);
            var git = await Git.OpenAsync(runner, workspace.Root, "a race needs git: each side runs in a checkout of its own", cancel).ConfigureAwait(false);
            var note = new Note(Path.Combine(Path.GetFullPath(parent), "lap-race-" + Guid.NewGuid().ToString("N")[..8]), git.Top, git.Below);

            // The note first: from here on a kill at any moment leaves something that says what to remove.
            AtomicFile.Write(NoteFile(workspace), note.ToString());
            Directory.CreateDirectory(note.Folder);
            return new RaceGround(workspace, git, stop, held, note);
        }
        catch
        {
            await held.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>What a killed race left is stopped and removed; nothing happens while a race runs.</summary>
    /// <returns>Whether there was something.</returns>
    public static async Task<bool> SweepAsync(WorkspaceFolder workspace, ProcessRunner runner, Func<string, Task> stop, CancellationToken cancel)
    {
        if (!IsLeft(workspace) || FileLock.TryTake(LockFile(workspace)) is not { } held)
        {
            return false;
        }

        await using (held.ConfigureAwait(false))
        {
            return await SweepHeldAsync(workspace, runner, stop, cancel).ConfigureAwait(false);
        }
    }

    /// <summary>Checks a side's sources out.</summary>
    /// <param name="name">Name of the folder: a or b, of equal length, so that no path is longer on one side.</param>
    /// <returns>The root of the workspace in the checkout, and the commit.</returns>
    public async Task<(string Root, string Commit)> CheckOutAsync(string name, RaceSide side, CancellationToken cancel)
    {
        // Taken once: an edit between the two checkouts is not to become the difference that is measured.
        var commit = side is RaceSide.Revision revision
            ? await git.CommitOfAsync(revision.Name, $"A side is {RaceSide.Grammar}", cancel).ConfigureAwait(false)
            : snapshot ??= await git.SnapshotAsync(note.Folder, cancel).ConfigureAwait(false);
        var folder = Path.Combine(note.Folder, name);
        await git.CheckOutAsync(folder, commit, cancel).ConfigureAwait(false);
        return (Path.Combine(folder, note.Below), commit);
    }

    /// <summary>Stops what runs in the checkouts and removes them.</summary>
    public async ValueTask DisposeAsync()
    {
        await using (held.ConfigureAwait(false))
        {
            await RemoveAsync(workspace, note, git, stop).ConfigureAwait(false);
        }
    }

    private static async Task<bool> SweepHeldAsync(WorkspaceFolder workspace, ProcessRunner runner, Func<string, Task> stop, CancellationToken cancel)
    {
        while (ProcessRunner.EndLeftover(PidFile(workspace)))
        {
            await Task.Delay(10, cancel).ConfigureAwait(false);
        }

        File.Delete(PidFile(workspace));
        if (!IsLeft(workspace))
        {
            return false;
        }

        if (Note.Read(await File.ReadAllTextAsync(NoteFile(workspace), cancel).ConfigureAwait(false)) is not { } note)
        {
            File.Delete(NoteFile(workspace));
            return false;
        }

        await RemoveAsync(workspace, note, new Git(runner, note.Top, note.Below), stop).ConfigureAwait(false);
        return true;
    }

    private static async Task RemoveAsync(WorkspaceFolder workspace, Note note, Git git, Func<string, Task> stop)
    {
        foreach (var name in Directory.Exists(note.Folder) ? Directory.GetDirectories(note.Folder) : [])
        {
            var root = Path.Combine(name, note.Below);
            if (Directory.Exists(root))
            {
                await stop(root).ConfigureAwait(false);
            }
        }

        await DeleteAsync(note.Folder).ConfigureAwait(false);
        if (Directory.Exists(note.Top))
        {
            await git.PruneAsync(CancellationToken.None).ConfigureAwait(false);
        }

        File.Delete(NoteFile(workspace));
    }

    /// <summary>A program that has just been stopped may still write its last lines.</summary>
    private static async Task DeleteAsync(string folder)
    {
        for (var attempt = 1; Directory.Exists(folder); attempt++)
        {
            try
            {
                Directory.Delete(folder, recursive: true);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                if (attempt == Attempts)
                {
                    throw new FaultException(new Fault(Outcome.InternalError, $"the checkouts of a race cannot be removed: {e.Message}", folder, "remove the folder, then run git worktree prune"), e);
                }

                await Task.Delay(Pause).ConfigureAwait(false);
            }
        }
    }

    private static string NoteFile(WorkspaceFolder workspace) => Path.Combine(workspace.Path, "race");

    private static string LockFile(WorkspaceFolder workspace) => Path.Combine(workspace.Path, "race.lock");

    /// <param name="Below">Of the workspace in the repository; empty at its top.</param>
    private sealed record Note(string Folder, string Top, string Below)
    {
        public static Note? Read(string text) =>
            text.Split('\n') is [var folder, var top, var below, ..] && Path.GetFileName(folder).StartsWith("lap-race-", StringComparison.Ordinal) ? new Note(folder, top, below) : null;

        public override string ToString() => $"{Folder}\n{Top}\n{Below}\n";
    }
}
