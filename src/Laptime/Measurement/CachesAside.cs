using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Measurement;

/// <summary>
/// Sets caches aside for cold runs, and puts them back: renamed, never copied and never deleted. What a cold run makes in their place is deleted before the next.
/// </summary>
/// <param name="of">The measurement's id.</param>
/// <param name="paths">Full paths; what does not exist is only cleared afterwards.</param>
internal sealed class CachesAside(UndoLog undo, string of, IReadOnlyList<string> paths)
{
    private UndoDocument? announced;

    /// <exception cref="LapException">A cache is on another file system, or in use.</exception>
    public void SetAside()
    {
        // A cache of the workspace waits in .laptime, where neither git nor an input pattern sees it; one that is kept elsewhere waits beside itself.
        var steps = paths.Select((path, i) => new UndoStep(
            UndoStep.Aside, path, IsInWorkspace(path) ? Path.Combine(undo.Folder, $"aside-{i}") : path + ".laptime-aside")).ToList();
        announced = new UndoDocument(of, ProcessOwner.Current(), steps);
        undo.Announce(announced);
        foreach (var step in steps)
        {
            try
            {
                UndoLog.Move(step.Path, step.Saved);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                PutBack();
                throw new LapException($"{step.Path} cannot be set aside: {e.Message}", step.Path, "it has to be a folder or file on the workspace's own file system that nobody holds open");
            }
        }
    }

    /// <summary>Deletes what the last run made: the next one is cold again.</summary>
    public void Clear()
    {
        foreach (var step in announced?.Steps ?? [])
        {
            UndoLog.Delete(step.Path);
        }
    }

    public void PutBack()
    {
        if (announced is not null)
        {
            undo.Undo(announced);
            announced = null;
        }
    }

    private bool IsInWorkspace(string path)
    {
        var root = Path.GetDirectoryName(Path.GetDirectoryName(undo.Folder))!;
        return path.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal);
    }
}
