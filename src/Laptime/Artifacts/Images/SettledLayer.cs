using System.Formats.Tar;
using System.IO.Compression;

namespace Laptime.Artifacts.Images;

/// <summary>
/// A layer that a tool wrote in the order of a folder's listing and with the times of its files, written again as one of which every byte follows from
/// content: sorted, time 0. Modes, links and folders stay.
/// </summary>
internal static class SettledLayer
{
    private sealed record Entry(string Name, TarEntryType Type, int Mode, long Offset, long Length, string Link);

    /// <summary>Writes the layer into a file.</summary>
    /// <param name="open">Opens the layer: a tar, maybe gzipped.</param>
    /// <param name="folder">For files on the way.</param>
    /// <returns>The new layer and its file; null for one with more in it than folders, files and links of root: it stays as it is.</returns>
    public static async Task<(Descriptor Layer, string Path)?> WriteAsync(Func<Stream> open, string folder, CancellationToken cancel)
    {
        var plain = Path.Combine(folder, "layer.plain");
        await UnzipAsync(open, plain, cancel).ConfigureAwait(false);
        if (await ReadAsync(plain, cancel).ConfigureAwait(false) is not { } entries)
        {
            return null;
        }

        var path = Path.Combine(folder, "layer.tar");
        var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 256 << 10);
        await using (file.ConfigureAwait(false))
        {
            using var hashing = new HashingStream(file);
            foreach (var entry in entries.OrderBy(e => e.Name, StringComparer.Ordinal))
            {
                await hashing.WriteAsync(TarWriter.EntryHeader(entry.Name, entry.Length, entry.Mode, TypeOf(entry.Type), entry.Link), cancel).ConfigureAwait(false);
                if (entry.Length > 0)
                {
                    using var data = new SliceStream(File.OpenRead(plain), entry.Offset, entry.Length);
                    await data.CopyToAsync(hashing, 256 << 10, cancel).ConfigureAwait(false);
                    await hashing.WriteAsync(TarWriter.PaddingAfter(entry.Length), cancel).ConfigureAwait(false);
                }
            }

            await hashing.WriteAsync(TarWriter.End, cancel).ConfigureAwait(false);
            return (new Descriptor(OciManifest.LayerType, hashing.Finish(), hashing.Count), path);
        }
    }

    private static async Task<List<Entry>?> ReadAsync(string plain, CancellationToken cancel)
    {
        var entries = new List<Entry>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        var file = File.OpenRead(plain);
        await using (file.ConfigureAwait(false))
        {
            var reader = new TarReader(file, leaveOpen: true);
            await using (reader.ConfigureAwait(false))
            {
                while (await reader.GetNextEntryAsync(copyData: false, cancel).ConfigureAwait(false) is { } entry)
                {
                    var name = entry.Name.Trim('/');
                    // A name with a line break does not fit into a pax header that every reader understands.
                    if (entry.Uid != 0 || entry.Gid != 0 || name.Length == 0 || name.Contains('\n') || !names.Add(name)
                        || entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.Directory or TarEntryType.SymbolicLink))
                    {
                        return null;
                    }

                    entries.Add(new Entry(name, entry.EntryType, (int)entry.Mode, entry.Length > 0 ? entry.DataOffset : 0, entry.Length, entry.LinkName));
                }
            }
        }

        return entries;
    }

    private static async Task UnzipAsync(Func<Stream> open, string plain, CancellationToken cancel)
    {
        var magic = new byte[2];
        using (var start = open())
        {
            await start.ReadAtLeastAsync(magic, 2, throwOnEndOfStream: false, cancel).ConfigureAwait(false);
        }

        var file = File.Create(plain);
        await using (file.ConfigureAwait(false))
        {
            var layer = open();
            var content = magic is [0x1f, 0x8b] ? new GZipStream(layer, CompressionMode.Decompress) : layer;
            await using (content.ConfigureAwait(false))
            {
                await content.CopyToAsync(file, 1 << 20, cancel).ConfigureAwait(false);
            }
        }
    }

    private static char TypeOf(TarEntryType type) => type switch
    {
        TarEntryType.Directory => '5',
        TarEntryType.SymbolicLink => '2',
        _ => '0',
    };
}
