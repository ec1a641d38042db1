using System.Globalization;
using System.Text;
using Laptime.Building;
using Laptime.Foundations;

namespace Laptime.Artifacts;

/// <summary>
/// Writes files as a tar of which every byte follows from content: sorted by path (ordinal), time 0, owner 0, modes 0644 or 0755, no folders.
/// Plain ustar; a pax header only where a name, link or size does not fit it. (The framework's writer puts process ids and times into pax headers.)
/// </summary>
internal static class TarWriter
{
    private const int Block = 512;
    private const long LargestOctal = 0x1_FFFF_FFFF; // eleven octal digits

    /// <exception cref="FaultException">A link points out of the artifact; a file vanished or changed its length while it was read.</exception>
    public static async Task WriteAsync(IReadOnlyList<OutputFile> files, Stream tar, CancellationToken cancel)
    {
        var buffer = new byte[128 << 10];
        foreach (var file in files.OrderBy(f => f.Path, StringComparer.Ordinal))
        {
            if ((file.Path.Contains('\n') && SplitName(file.Path) is not { Prefix: "" }) || (file.LinkTarget?.Contains('\n') ?? false))
            {
                // pax allows it, but readers that split its records at line ends (.NET's) do not.
                throw Refused(file, $"the output {file.Path.ReplaceLineEndings("\\n")} has a line break in a name that is long or not ASCII, or in its link's target",
                    "let the step choose another name");
            }

            if (file.LinkTarget is { } target)
            {
                if (ArtifactPath.LeavesArtifact(file.Path, target))
                {
                    throw Refused(file, $"the output {file.Path} is a link to {target}, which is not part of the artifact",
                        "let the step copy the file, or link within the outputs by a relative path");
                }

                await tar.WriteAsync(Header(file.Path, 0, file.Executable, target), cancel).ConfigureAwait(false);
                continue;
            }

            FileStream source;
            try
            {
                source = new FileStream(file.Source, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw Refused(file, $"the output {file.Path} cannot be read: {e.Message}", "let the step write files that its user can read, with names in UTF-8");
            }

            await using (source.ConfigureAwait(false))
            {
                var length = source.Length;
                await tar.WriteAsync(Header(file.Path, length, file.Executable, null), cancel).ConfigureAwait(false);
                var copied = 0L;
                while (await source.ReadAsync(buffer, cancel).ConfigureAwait(false) is > 0 and var count && copied + count <= length)
                {
                    await tar.WriteAsync(buffer.AsMemory(0, count), cancel).ConfigureAwait(false);
                    copied += count;
                }

                if (copied != length || source.Length != length)
                {
                    throw Refused(file, $"the output {file.Path} changed while it was stored", "make sure that nothing goes on writing after the last build step ended");
                }

                await tar.WriteAsync(new byte[Padding(length)], cancel).ConfigureAwait(false);
            }
        }

        await tar.WriteAsync(End, cancel).ConfigureAwait(false);
    }

    /// <summary>For other archives of ours: the header of a plain file.</summary>
    internal static byte[] FileHeader(string path, long size) => Header(path, size, executable: false, null);

    internal static byte[] PaddingAfter(long size) => new byte[Padding(size)];

    internal static byte[] End => new byte[2 * Block];

    private static FaultException Refused(OutputFile file, string what, string mend) => new(new Fault(Outcome.BuildFailed, what, file.Source, mend));

    private static byte[] Header(string path, long size, bool executable, string? link) =>
        EntryHeader(path, size, link is null ? executable ? 0b111_101_101 : 0b110_100_100 : 0b111_111_111, link is null ? '0' : '2', link ?? "");

    /// <summary>Any entry: of a kind as ustar writes it (<c>0</c> file, <c>2</c> link, <c>5</c> folder), owned by root, of time 0.</summary>
    internal static byte[] EntryHeader(string path, long size, int mode, char type, string link)
    {
        var records = new StringBuilder();
        var longLink = link.Length > 100 || !Ascii.IsValid(link);
        // Readers of a pax header may leave the prefix out (System.Formats.Tar does): beside other records a split path is written in full.
        if (SplitName(path) is not { Prefix: var folders } || (folders.Length > 0 && (longLink || size > LargestOctal)))
        {
            records.Append(Record("path", path));
        }

        if (longLink)
        {
            records.Append(Record("linkpath", link));
        }

        if (size > LargestOctal)
        {
            records.Append(Record("size", size.ToString(CultureInfo.InvariantCulture)));
        }

        var (prefix, name) = SplitName(path) ?? ("", ToAscii(path));
        var header = Plain(prefix, name, Math.Min(size, LargestOctal), mode, type, ToAscii(link));
        if (records.Length == 0)
        {
            return header;
        }

        var pax = Encoding.UTF8.GetBytes(records.ToString());
        return [.. Plain("", "pax", pax.Length, 0b110_100_100, 'x', ""), .. pax, .. new byte[Padding(pax.Length)], .. header];
    }

    /// <summary>ustar has 100 bytes for the name and 155 for the folders before it; null when the path does not fit.</summary>
    private static (string Prefix, string Name)? SplitName(string path)
    {
        if (!Ascii.IsValid(path))
        {
            return null;
        }

        if (path.Length <= 100)
        {
            return ("", path);
        }

        var slash = path.IndexOf('/', path.Length - 101);
        return slash is > 0 and <= 155 && slash < path.Length - 1 ? (path[..slash], path[(slash + 1)..]) : null;
    }

    /// <summary>What old readers show for a name that only the pax header has in full.</summary>
    private static string ToAscii(string text)
    {
        var shown = string.Concat(text.Select(c => char.IsAscii(c) ? c : '_'));
        return shown.Length <= 100 ? shown : shown[..100];
    }

    private static string Record(string key, string value)
    {
        // The length counts itself.
        var rest = Encoding.UTF8.GetByteCount(value) + key.Length + 3;
        var length = rest;
        while (length != rest + Digits(length))
        {
            length = rest + Digits(length);
        }

        return $"{length} {key}={value}\n";
    }

    private static int Digits(int number) => number.ToString(CultureInfo.InvariantCulture).Length;

    private static int Padding(long size) => (int)((Block - (size % Block)) % Block);

    private static byte[] Plain(string prefix, string name, long size, int mode, char type, string link)
    {
        var header = new byte[Block];
        Text(0, name);
        Octal(100, 8, mode);
        Octal(108, 8, 0);
        Octal(116, 8, 0);
        Octal(124, 12, size);
        Octal(136, 12, 0);
        header[156] = (byte)type;
        Text(157, link);
        Text(257, "ustar\0" + "00");
        Octal(329, 8, 0);
        Octal(337, 8, 0);
        Text(345, prefix);
        // The sum is taken with its own field as blanks, and written as six digits, NUL, blank.
        header.AsSpan(148, 8).Fill((byte)' ');
        var sum = 0;
        foreach (var b in header)
        {
            sum += b;
        }

        Octal(148, 7, sum);
        return header;

        void Text(int at, string text) => Encoding.ASCII.GetBytes(text, header.AsSpan(at));

        void Octal(int at, int width, long value) =>
            Text(at, Convert.ToString(value, 8).PadLeft(width - 1, '0') + '\0');
    }
}
