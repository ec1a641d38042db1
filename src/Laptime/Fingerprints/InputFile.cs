namespace Laptime.Fingerprints;

/// <summary>What an input is on disk. Only these three have a fingerprint; devices, pipes and sockets are refused.</summary>
public enum InputKind : byte
{
    File = 1,
    Executable = 2,

    /// <summary>A symbolic link: its content is the text it points to; it is never followed.</summary>
    Link = 3,
}

/// <summary>One input as it was scanned.</summary>
/// <param name="Path">Relative to the workspace root, with '/'; may start with "..". Bytes that are not UTF-8 are kept as <see cref="PathText"/> says.</param>
/// <param name="Content">SHA-256 of the content, or of a link's target text.</param>
/// <param name="Size">Bytes.</param>
/// <param name="ModifiedNs">Modification time, nanoseconds since 1970 (UTC): a report's "save" moment, never part of a fingerprint.</param>
public readonly record struct InputFile(string Path, InputKind Kind, Digest Content, long Size, long ModifiedNs)
{
    /// <summary>Kind and content, as a fingerprint's part holds them.</summary>
    public string Value => PrefixOf(Kind) + Content.ToHex();

    internal static string PrefixOf(InputKind kind) => kind switch
    {
        InputKind.File => "file:",
        InputKind.Executable => "exec:",
        _ => "link:",
    };

    public DateTimeOffset Modified => DateTimeOffset.UnixEpoch.AddTicks(ModifiedNs / 100);
}
