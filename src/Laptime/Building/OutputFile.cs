namespace Laptime.Building;

/// <summary>One file of an artifact, where it lies after the build. Folders are implied; empty ones are not part of an artifact.</summary>
/// <param name="Path">In the artifact: relative, with '/', without <c>.</c> or <c>..</c>.</param>
/// <param name="Source">Absolute path on disk.</param>
/// <param name="Executable">Kept as mode 0755, otherwise 0644. Meaningless for links.</param>
/// <param name="LinkTarget">For a symbolic link its target as written; null for a file.</param>
public sealed record OutputFile(string Path, string Source, bool Executable, string? LinkTarget)
{
    /// <summary>Reads what is there, without following links.</summary>
    public static OutputFile Read(string path, string source)
    {
        var info = new FileInfo(source);
        return new OutputFile(path, source,
            !OperatingSystem.IsWindows() && info.LinkTarget is null && (info.UnixFileMode & UnixFileMode.UserExecute) != 0, info.LinkTarget);
    }
}
