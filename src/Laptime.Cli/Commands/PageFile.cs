using Laptime.Foundations;

namespace Laptime.Cli.Commands;

/// <summary>A page that a command was asked to write (`--markdown FILE`).</summary>
internal static class PageFile
{
    /// <summary>Where it will be, its folder made: told before a long command rather than after it.</summary>
    /// <param name="named">As on the command line; null: it was not asked for.</param>
    /// <exception cref="LapException">No file can be there.</exception>
    public static string? Prepare(string? named, string here)
    {
        if (named is null)
        {
            return null;
        }

        var file = Path.GetFullPath(named, here);
        Guard(file, () => Directory.CreateDirectory(Path.GetDirectoryName(file)!));
        return Directory.Exists(file) ? throw Refused("it is a folder", file) : file;
    }

    /// <summary>Whole or not at all.</summary>
    /// <exception cref="LapException">It cannot be written.</exception>
    public static void Write(string? file, Func<string> page)
    {
        if (file is not null)
        {
            Guard(file, () => AtomicFile.Write(file, page(), durable: false));
        }
    }

    private static void Guard(string file, Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Refused(e.Message, file);
        }
    }

    private static LapException Refused(string why, string file) => new($"the page cannot be written: {why}", file, "name a file in a folder that you may write to");
}
