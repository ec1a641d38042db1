using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Measurement;

/// <summary>
/// Edits one file for a run and puts it back. The edited file is made beside and renamed into place, so that at no moment a part of it is seen; the original waits
/// under a second name.
/// </summary>
/// <param name="of">The measurement's id.</param>
/// <param name="relative">The file, relative to the workspace.</param>
/// <param name="editWith">The user's own command; null: a line at its end.</param>
internal sealed class FileEdit(string root, UndoLog undo, string of, string relative, string? editWith, ProcessRunner runner)
{
    private readonly string path = Path.Combine(root, relative);
    private UndoDocument? announced;

    private string Saved => Path.Combine(undo.Folder, "original");

    private string Made => Path.Combine(undo.Folder, "edited");

    /// <exception cref="LapException">The file cannot be edited so that it can be put back, or the edit changes nothing; it is as it was.</exception>
    public async Task ApplyAsync(CancellationToken cancel)
    {
        var original = await File.ReadAllBytesAsync(path, cancel);
        var edited = editWith is null ? SourceEdit.Apply(relative, original, Guid.NewGuid().ToString("N")[..8]) : original;
        Announce(editWith is null ? UndoLog.HashOf(edited) : null);
        SetAside();
        PutInPlace(edited);
        if (editWith is null)
        {
            return;
        }

        ProcessResult result;
        try
        {
            result = await runner.RunAsync(
                Command.Shell(editWith, root) with { Environment = new Dictionary<string, string?> { ["LAPTIME_EDIT_PATH"] = path }, FailsAs = Outcome.UsageError }, onLine: null, cancel);
        }
        catch
        {
            Undo();
            throw;
        }

        var content = result.Succeeded && File.Exists(path) ? await File.ReadAllBytesAsync(path, cancel) : null;
        if (content is null || content.AsSpan().SequenceEqual(original))
        {
            Undo();
            throw new LapException(
                result.Succeeded
                    ? content is null ? $"--edit-with removed {relative}" : $"--edit-with changed nothing in {relative}"
                    : $"--edit-with failed: {result.Ending}{(result.Tail is [.., var last] ? $": {last}" : "")}",
                editWith, $"the command runs in the workspace and has to change {relative} (also in $LAPTIME_EDIT_PATH), another way each time: date >> {relative}");
        }

        Announce(UndoLog.HashOf(content));
    }

    /// <summary>The original's content with the present time: what goes by time stamps builds it anew, and holds nothing of the edits afterwards.</summary>
    public async Task ApplyContentOfOriginalAsync(CancellationToken cancel)
    {
        var original = await File.ReadAllBytesAsync(path, cancel);
        Announce(UndoLog.HashOf(original));
        SetAside();
        PutInPlace(original);
    }

    /// <summary>The original itself, with its time stamps.</summary>
    /// <returns>What else there is to say.</returns>
    public IReadOnlyList<string> Undo()
    {
        File.Delete(Made);
        var said = announced is null ? [] : undo.Undo(announced).Skip(1).ToList();
        announced = null;
        return said;
    }

    private void SetAside()
    {
        try
        {
            HardLink.Create(path, Saved);
        }
        catch (IOException e)
        {
            Undo();
            throw new LapException(
                $"{relative} cannot be set aside for the edit: {e.Message}", path, "the file and .laptime have to be on one file system that has hard links");
        }
    }

    private void Announce(string? edited)
    {
        announced = new UndoDocument(of, ProcessOwner.Current(), [new UndoStep(UndoStep.Replaced, relative, Saved, edited)]);
        undo.Announce(announced);
    }

    private void PutInPlace(byte[] content)
    {
        File.Delete(Made);

        // On the disk before it is in place: some file systems write what replaces a file through at the rename, milliseconds that no editor's save has.
        using (var made = File.OpenHandle(Made, FileMode.CreateNew, FileAccess.Write))
        {
            RandomAccess.Write(made, content, 0);
            RandomAccess.FlushToDisk(made);
        }

        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(Made, File.GetUnixFileMode(path));
        }

        File.Move(Made, path, overwrite: true);

        // The save is the moment from which on the edit is seen.
        File.SetLastWriteTimeUtc(path, DateTime.UtcNow);
    }
}
