namespace Laptime.Foundations;

/// <summary>Appends to a file that other processes append to at the same time: each piece is there whole, once, and not inside another.</summary>
public static class AppendedFile
{
    private const int PatienceMilliseconds = 2000;

    /// <summary>Makes the file, and the folder that it is in, when they are missing.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be.</exception>
    public static void Append(string path, ReadOnlySpan<byte> content)
    {
        if (Path.GetDirectoryName(path) is { Length: > 0 } folder)
        {
            Directory.CreateDirectory(folder);
        }

        if (OperatingSystem.IsLinux() && RawFile.Append(path, content, PatienceMilliseconds))
        {
            return;
        }

        // Elsewhere; and where it failed, this says why. The base library's lock excludes the other way's as well.
        using var file = new FileStream(path, new FileStreamOptions { Mode = FileMode.Append, Access = FileAccess.Write, Share = FileShare.None, BufferSize = 0 });
        file.Write(content);
    }
}
