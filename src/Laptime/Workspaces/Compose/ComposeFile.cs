using Laptime.Foundations;

namespace Laptime.Workspaces.Compose;

/// <summary>
/// Reads ordinary compose files: several are joined as compose joins them; <c>.env</c> and variables, anchors, merge keys, short and long forms,
/// <c>extends</c>, <c>env_file</c>, profiles. Keys that Laptime does not know are kept, for the tool that the file is handed to.
/// </summary>
public static class ComposeFile
{
    /// <summary>In compose's own order of preference.</summary>
    public static IReadOnlyList<string> FileNames { get; } = ["compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"];

    /// <summary>The compose file in the folder, absolute; null when there is none.</summary>
    public static string? Find(string directory)
    {
        foreach (var name in FileNames)
        {
            if (Path.GetFullPath(Path.Combine(directory, name)) is var file && File.Exists(file))
            {
                return file;
            }
        }

        return null;
    }

    /// <summary>The compose file in the folder with the override file beside it, where there is one; empty when there is none.</summary>
    public static IReadOnlyList<string> FindAll(string directory)
    {
        if (Find(directory) is not { } file)
        {
            return [];
        }

        var stem = Path.GetFileNameWithoutExtension(file);
        foreach (var ending in (ReadOnlySpan<string>)[".override.yaml", ".override.yml"])
        {
            if (Path.Combine(directory, stem + ending) is var other && File.Exists(other))
            {
                return [file, Path.GetFullPath(other)];
            }
        }

        return [file];
    }

    /// <summary>Files that are not there, and that <see cref="FindAll"/> would find in place of these, or with them.</summary>
    /// <param name="found">What it found: absolute.</param>
    public static IEnumerable<string> Preferred(IReadOnlyList<string> found)
    {
        var folder = Path.GetDirectoryName(found[0])!;
        var stem = Path.GetFileNameWithoutExtension(found[0]);
        return FileNames.TakeWhile(n => n != Path.GetFileName(found[0])).Append(stem + ".override.yaml").Append(stem + ".override.yml").Select(n => Path.Combine(folder, n)).TakeWhile(f => !found.Contains(f));
    }

    /// <summary>Reads and joins the files. Paths in all of them are relative to the folder of the first.</summary>
    /// <param name="paths">At least one.</param>
    /// <param name="environmentVariable">The value of an environment variable, null when it is not set; it stands before <c>.env</c>.</param>
    /// <param name="refuse">Asked before a file is read, with its absolute path: why it may not be; null: it may.</param>
    /// <exception cref="LapException">All problems at once, each with its place.</exception>
    public static ComposeProject Read(IReadOnlyList<string> paths, Func<string, string?> environmentVariable, Func<string, string?>? refuse = null) =>
        new ComposeReader([.. paths.Select(Path.GetFullPath)], environmentVariable, refuse).Read();
}
