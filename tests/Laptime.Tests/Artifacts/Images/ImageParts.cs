using System.Formats.Tar;
using System.Text;
using Laptime.Artifacts;
using Laptime.Artifacts.Images;
using Laptime.Fingerprints;

namespace Laptime.Tests.Artifacts.Images;

/// <summary>Images as tools write them, put together by hand.</summary>
internal static class ImageParts
{
    public static readonly byte[] Layer = Tar(("bin/tool", "one"), ("etc/.wh.gone", ""), ("etc/.wh..wh..opq", ""));
    public static readonly byte[] Second = Tar(("www/page", "two"));

    public static byte[] Config(string platform, params byte[][] layers)
    {
        var diffs = string.Join(',', layers.Select(l => $"\"{Digest.Of(l)}\""));
        var history = string.Join(',', layers.Select(_ => """{"created":"2026-11-21T10:00:00Z","created_by":"x"}"""));
        return Encoding.UTF8.GetBytes($$"""
            {"created":"2026-11-21T10:00:00.5Z","architecture":"{{platform.Split('/')[1]}}","os":"linux",
            "config":{"Env":["PATH=/bin","A=base"],"Cmd":["/bin/tool"],"Labels":{"org.opencontainers.image.created":"now","k":"v"} },
            "rootfs":{"type":"layers","diff_ids":[{{diffs}}]},"history":[{{history}}]}
            """);
    }

    public static byte[] Manifest(byte[] config, params byte[][] layers) => new OciManifest(
        null, Blob(ImageConfig.MediaType, config), [.. layers.Select(l => Blob(OciManifest.LayerType, l))]).ToBytes();

    public static Descriptor Blob(string type, byte[] bytes) => new(type, Digest.Of(bytes), bytes.Length);

    /// <summary>One entry of an index.</summary>
    public static string Entry(byte[] manifest, string? platform, string type = OciManifest.MediaType, string more = "")
    {
        var said = platform is null ? "" : $$""","platform":{"os":"{{platform.Split('/')[0]}}","architecture":"{{platform.Split('/')[1]}}"}""";
        return $$"""{"mediaType":"{{type}}","digest":"{{Digest.Of(manifest)}}","size":{{manifest.Length}}{{said}}{{more}}}""";
    }

    public static byte[] Index(params string[] entries) =>
        Encoding.UTF8.GetBytes($$"""{"schemaVersion":2,"mediaType":"{{StoredManifest.IndexType}}","manifests":[{{string.Join(',', entries)}}]}""");

    public static (string, byte[]) File(byte[] blob) => ("blobs/sha256/" + Digest.Of(blob).ToHex(), blob);

    /// <summary>An archive: each file at its name; a text that starts with "-> " is a link.</summary>
    public static string Archive(TemporaryFolder folder, params (string Name, byte[] Content)[] files)
    {
        var path = folder.At(Guid.NewGuid().ToString("N"), "image.tar");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        System.IO.File.WriteAllBytes(path, Tar(files));
        return path;
    }

    public static byte[] Tar(params (string Name, string Content)[] files) => Tar([.. files.Select(f => (f.Name, Encoding.UTF8.GetBytes(f.Content)))]);

    private static byte[] Tar((string Name, byte[] Content)[] files)
    {
        using var buffer = new MemoryStream();
        using (var tar = new System.Formats.Tar.TarWriter(buffer, TarEntryFormat.Pax, leaveOpen: true))
        {
            foreach (var (name, content) in files)
            {
                var link = Encoding.UTF8.GetString(content) is ['-', '>', ' ', .. var target] ? target : null;
                tar.WriteEntry(link is null
                    ? new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content), ModificationTime = DateTimeOffset.UnixEpoch }
                    : new PaxTarEntry(TarEntryType.SymbolicLink, name) { LinkName = link });
            }
        }

        return buffer.ToArray();
    }
}
