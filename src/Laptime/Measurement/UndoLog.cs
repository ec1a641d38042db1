using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Laptime.Building;
using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Measurement;

/// <summary>
/// What a measurement changed in the workspace, written (and through to the disk) before it is changed: a file that was replaced by an edit, a cache that was
/// set aside. The recorder undoes it; when it was killed, the next lap command that is about to touch the workspace does. Every step of the undoing may be
/// repeated: killed in the middle, it is done again from the start.
/// </summary>
/// <remarks>
/// The original file is kept as itself, under a second name (a hard link), and renamed back: content, mode, owner and time stamps are the same because the file
/// is. At no moment is there no file under its name.
/// </remarks>
public sealed class UndoLog
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly string root;
    private readonly string file;

    public UndoLog(string root)
    {
        this.root = root;
        Folder = FolderOf(root);
        file = Path.Combine(Folder, "undo.json");
    }

    /// <summary>Where originals wait: <c>.laptime/measuring</c>.</summary>
    public string Folder { get; }

    /// <summary>Which run is under way: whoever undoes what its killed recorder left ends it first.</summary>
    public string PidFile => Path.Combine(Folder, "lap.pid");

    /// <summary>Takes the right to measure in this workspace; the kernel gives it up when the process dies. Null: somebody else measures.</summary>
    public IDisposable? TryTake()
    {
        Directory.CreateDirectory(Folder);
        return FileLock.TryTake(Path.Combine(Folder, "lock"));
    }

    /// <summary>Whether anything is to be undone, by whomever. One look at the disk.</summary>
    public static bool IsPending(string root) => File.Exists(Path.Combine(FolderOf(root), "undo.json"));

    /// <summary>What is pending; null: nothing.</summary>
    /// <exception cref="LapException">The file was damaged by somebody.</exception>
    public UndoDocument? Pending()
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(file), UndoJson.Default.UndoDocument);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (JsonException e)
        {
            throw new LapException($"what a measurement has to undo cannot be read: {e.Message}", file, $"compare what is in {Folder} with the workspace, put it back by hand, and delete this file");
        }
    }

    /// <summary>Announces what will be changed. Durable when it returns.</summary>
    public void Announce(UndoDocument document)
    {
        Directory.CreateDirectory(Folder);
        AtomicFile.Write(file, JsonSerializer.SerializeToUtf8Bytes(document, UndoJson.Default.UndoDocument));
    }

    /// <summary>
    /// Undoes what a measurement left whose process is gone; what belongs to a living one (or to one on another host) is left alone.
    /// </summary>
    /// <returns>What was done, a sentence each; empty when there was nothing to do.</returns>
    public async Task<IReadOnlyList<string>> UndoAbandonedAsync(TimeProvider clock, CancellationToken cancel)
    {
        if (!IsAbandoned())
        {
            return [];
        }

        // Of two that come at once the second finds nothing left to do.
        using var held = await FileLock.TakeAsync(Path.Combine(Folder, "lock"), Patience, clock, cancel);

        // A run that goes on without its recorder would deploy the edit after all.
        await LeftoverProgram.EndAsync(PidFile, clock, cancel);
        return IsAbandoned() && Pending() is { } pending ? [.. Undo(pending).Select(s => $"{s} (the measurement {pending.Of} was killed)")] : [];
    }

    private bool IsAbandoned() => Pending() is { } pending && pending.Owner.IsAlive() == false;

    /// <summary>Undoes everything that is announced.</summary>
    /// <returns>What was done, a sentence each.</returns>
    /// <exception cref="FaultException">Something cannot be put back; it stays announced.</exception>
    public IReadOnlyList<string> Undo(UndoDocument pending)
    {
        var said = new List<string>();
        foreach (var step in pending.Steps)
        {
            try
            {
                said.AddRange(step.Kind == UndoStep.Replaced ? PutBack(step) : MoveBack(step));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new FaultException(new Fault(
                    Outcome.InternalError, $"{step.Path} cannot be put back: {e.Message}", Path.Combine(root, step.Path), $"the original is {step.Saved}: make room or give access, and run lap deploy, which tries again"), e);
            }
        }

        File.Delete(file);
        return said;
    }

    /// <summary>The content that the recorder's own edit has: anything else under the name was written by somebody else meanwhile.</summary>
    public static string HashOf(ReadOnlySpan<byte> content) => Convert.ToHexStringLower(SHA256.HashData(content));

    private List<string> PutBack(UndoStep step)
    {
        var path = Path.Combine(root, step.Path);
        if (!File.Exists(step.Saved))
        {
            // Announced, and not begun; or put back already.
            return [];
        }

        var said = new List<string> { $"{step.Path} is as it was before the edit" };
        if (step.Edited is { } edited && File.Exists(path) && HashOf(File.ReadAllBytes(path)) is var now && now != edited && now != HashOf(File.ReadAllBytes(step.Saved)))
        {
            var kept = Path.Combine(Folder, $"kept-{now[..8]}-{Path.GetFileName(path)}");
            File.Copy(path, kept, overwrite: true);
            said.Add($"{step.Path} was changed by something else too, while it was edited; that version is kept: {kept}");
        }

        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.Move(step.Saved, path, overwrite: true);

        // Two names of one file (the edit had not been put in place yet): renaming one to the other does nothing.
        File.Delete(step.Saved);
        return said;
    }

    private static List<string> MoveBack(UndoStep step)
    {
        if (!Path.Exists(step.Saved))
        {
            return [];
        }

        Delete(step.Path);
        Move(step.Saved, step.Path);
        return [$"{Path.GetFileName(step.Path)} is back where it was"];
    }

    internal static void Move(string from, string to)
    {
        if (Directory.Exists(from))
        {
            Directory.Move(from, to);
        }
        else if (File.Exists(from))
        {
            File.Move(from, to);
        }
    }

    internal static void Delete(string path)
    {
        if (Directory.Exists(path) && new FileInfo(path).LinkTarget is null)
        {
            Directory.Delete(path, recursive: true);
        }
        else
        {
            File.Delete(path);
        }
    }

    private static string FolderOf(string root) => Path.Combine(root, ".laptime", "measuring");
}

/// <param name="Of">The measurement's id.</param>
/// <param name="Owner">The process that undoes it, as long as it lives.</param>
public sealed record UndoDocument(string Of, ProcessOwner Owner, IReadOnlyList<UndoStep> Steps);

/// <param name="Kind"><see cref="Replaced"/> or <see cref="Aside"/>.</param>
/// <param name="Path">What was changed: a file relative to the workspace, or the full path of what was set aside.</param>
/// <param name="Saved">Full path of the original.</param>
/// <param name="Edited">Hash of the edit's own content; null while it is not known.</param>
public sealed record UndoStep(string Kind, string Path, string Saved, string? Edited = null)
{
    public const string Replaced = "replaced";
    public const string Aside = "aside";
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(UndoDocument))]
internal sealed partial class UndoJson : JsonSerializerContext;
