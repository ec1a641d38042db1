using System.Formats.Tar;
using System.IO.Compression;

namespace Laptime.Artifacts.Images;

/// <summary>What a tool wrote, by name: a folder, or a tar that is read in place and never unpacked.</summary>
internal sealed class ImageFiles
{
    private const int MostLinks = 8;
    private readonly string path;
    private readonly Dictionary<string, (long Offset, long Length)>? entries;
    private readonly Dictionary<string, string> links = new(StringComparer.Ordinal);

    private ImageFiles(string path, Dictionary<string, (long, long)>? entries) => (this.path, this.entries) = (path, entries);

    /// <param name="path">A folder, a tar, or a gzipped tar (it is decompressed beside itself).</param>
    /// <exception cref="InvalidDataException">It is no tar.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static async Task<ImageFiles> OpenAsync(string path, CancellationToken cancel)
    {
        if (Directory.Exists(path))
        {
            return new ImageFiles(path, null);
        }

        var plain = await PlainAsync(path, cancel).ConfigureAwait(false);
        var files = new ImageFiles(plain, new Dictionary<string, (long, long)>(StringComparer.Ordinal));
        var tar = File.OpenRead(plain);
        await using (tar.ConfigureAwait(false))
        {
            var reader = new TarReader(tar, leaveOpen: true);
            await using (reader.ConfigureAwait(false))
            {
                while (await reader.GetNextEntryAsync(copyData: false, cancel).ConfigureAwait(false) is { } entry)
                {
                    var name = Normal(entry.Name);
                    switch (entry.EntryType)
                    {
                        case TarEntryType.RegularFile or TarEntryType.V7RegularFile:
                            files.entries![name] = (entry.Length == 0 ? 0 : entry.DataOffset, entry.Length);
                            break;
                        case TarEntryType.SymbolicLink:
                            // docker save writes a layer that comes again as a link to the first one.
                            files.links[name] = Joined(Parent(name), entry.LinkName);
                            break;
                        case TarEntryType.HardLink:
                            files.links[name] = Normal(entry.LinkName);
                            break;
                    }
                }
            }
        }

        return files;
    }

    public bool Has(string name) => Find(name) is not null;

    /// <summary>Length of a file; null when there is none.</summary>
    public long? LengthOf(string name) => Find(name)?.Length;

    /// <exception cref="InvalidDataException">There is no such file.</exception>
    public Stream Open(string name)
    {
        var (offset, length) = Find(name) ?? throw new InvalidDataException($"it has no {name}");
        return new SliceStream(File.OpenRead(entries is null ? Within(name) : path), offset, length);
    }

    /// <exception cref="InvalidDataException">There is no such file, or it is larger than a document of its kind.</exception>
    public async Task<byte[]> ReadAsync(string name, CancellationToken cancel)
    {
        if (LengthOf(name) is > StoredManifest.LargestBytes and var length)
        {
            throw new InvalidDataException($"its {name} has {length} bytes");
        }

        var stream = Open(name);
        await using (stream.ConfigureAwait(false))
        {
            var bytes = new byte[stream.Length];
            await stream.ReadExactlyAsync(bytes, cancel).ConfigureAwait(false);
            return bytes;
        }
    }

    private (long Offset, long Length)? Find(string name)
    {
        name = Normal(name);
        if (entries is null)
        {
            return ArtifactPath.IsSafe(name) && new FileInfo(Within(name)) is { Exists: true, LinkTarget: null } file ? (0, file.Length) : null;
        }

        for (var i = 0; i < MostLinks && links.TryGetValue(name, out var target); i++)
        {
            name = target;
        }

        return entries.TryGetValue(name, out var found) ? found : null;
    }

    private string Within(string name) => Path.Combine(path, Normal(name));

    private static string Normal(string name) => Joined("", name);

    private static string Parent(string name) => name.LastIndexOf('/') is >= 0 and var slash ? name[..slash] : "";

    private static string Joined(string folder, string name)
    {
        var parts = new List<string>();
        foreach (var part in $"{folder}/{name}".Split('/'))
        {
            if (part == ".." && parts.Count > 0)
            {
                parts.RemoveAt(parts.Count - 1);
            }
            else if (part is not ("" or "." or ".."))
            {
                parts.Add(part);
            }
        }

        return string.Join('/', parts);
    }

    private static async Task<string> PlainAsync(string path, CancellationToken cancel)
    {
        var source = File.OpenRead(path);
        await using (source.ConfigureAwait(false))
        {
            var magic = new byte[2];
            var gzip = await source.ReadAtLeastAsync(magic, 2, throwOnEndOfStream: false, cancel).ConfigureAwait(false) == 2 && magic is [0x1f, 0x8b];
            if (!gzip)
            {
                return path;
            }

            source.Position = 0;
            var plain = path + ".plain";
            var target = File.Create(plain);
            await using (target.ConfigureAwait(false))
            {
                var unzip = new GZipStream(source, CompressionMode.Decompress);
                await using (unzip.ConfigureAwait(false))
                {
                    await unzip.CopyToAsync(target, 1 << 20, cancel).ConfigureAwait(false);
                }
            }

            return plain;
        }
    }
}
