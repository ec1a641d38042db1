using System.Buffers;
using System.Text.Json;
using Laptime.Fingerprints;
using Laptime.Foundations;

namespace Laptime.Artifacts;

/// <summary>
/// Tags of an OCI layout. <c>tags/NAME</c> (one small file each) is what we read and write; <c>index.json</c> is the same for other tools.
/// A small index is rewritten with each tag. Rewriting a large one on every deploy would cost more than the deploy, so from
/// <see cref="LargeIndex"/> on tags are gathered in <c>index.pending</c> and folded in when there are enough, or when asked.
/// The caller holds the store's lock.
/// </summary>
internal sealed class LayoutIndex(string folder)
{
    public const long LargeIndex = 64 << 10;
    private const long ManyPending = 32 << 10;
    private const string TagKey = "org.opencontainers.image.ref.name";
    private static readonly byte[] Empty =
        """{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"""u8.ToArray();

    private string Index => Path.Combine(folder, "index.json");

    private string Pending => Path.Combine(folder, "index.pending");

    private string Tags => Path.Combine(folder, "tags");

    public Digest? Read(string tag)
    {
        var file = Path.Combine(Tags, tag);
        try
        {
            // Asked first: an artifact that was never made is an everyday answer, and an exception costs more than the whole look-up.
            if (File.Exists(file))
            {
                return Digest.TryParse(File.ReadAllText(file).Trim(), out var digest) ? digest : null;
            }

            // Another tool's layout, of which nothing was taken over yet: reading it changes nothing in it.
            return Directory.Exists(Tags) || !File.Exists(Index) ? null : ReadIndex().FirstOrDefault(e => e.Tag == tag).Target?.Digest;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Makes the folder a layout; tags of a layout that another tool wrote are taken over.</summary>
    public void Create()
    {
        if (File.Exists(Path.Combine(folder, "oci-layout")) && Directory.Exists(Tags))
        {
            return;
        }

        if (!File.Exists(Index))
        {
            AtomicFile.Write(Index, Empty);
        }

        var importing = Tags + ".new";
        Directory.CreateDirectory(importing);
        foreach (var (tag, descriptor) in ReadIndex())
        {
            if (tag is null || !ArtifactStore.IsTag(tag))
            {
                continue;
            }

            File.WriteAllText(Path.Combine(importing, tag), descriptor.Digest.ToString());
        }

        if (!Directory.Exists(Tags))
        {
            Directory.Move(importing, Tags);
        }

        AtomicFile.Write(Path.Combine(folder, "oci-layout"), """{"imageLayoutVersion":"1.0.0"}""");
    }

    /// <summary>All tags, in no order.</summary>
    public IEnumerable<string> List()
    {
        if (Directory.Exists(Tags))
        {
            return Directory.EnumerateFiles(Tags).Select(f => Path.GetFileName(f)!).Where(t => ArtifactStore.IsTag(t) && !IsTemporary(t));
        }

        return File.Exists(Index) ? ReadIndex().Select(e => e.Tag).OfType<string>().Where(ArtifactStore.IsTag).Distinct(StringComparer.Ordinal) : [];
    }

    /// <summary>Everything that index.json names, pending tags too; with names of other tools' that are no tags, and entries without a name.</summary>
    public IReadOnlyList<(string? Tag, Descriptor Target)> Entries()
    {
        var pending = ReadPending();
        return [.. ReadIndex().Where(e => e.Tag is null || !pending.ContainsKey(e.Tag)), .. pending.Select(p => ((string?)p.Key, p.Value!))];
    }

    /// <summary>Takes a manifest and its tags out.</summary>
    public void Remove(Digest manifest)
    {
        var tags = List().Where(t => Read(t) == manifest).ToList();
        foreach (var tag in tags)
        {
            File.Delete(Path.Combine(Tags, tag));
        }

        Fold(tags.Select(t => (t, (Descriptor?)null)), manifest);
    }

    /// <param name="tag">A name that is safe as a file's name.</param>
    /// <param name="target">Null removes the tag.</param>
    public void Set(string tag, Descriptor? target)
    {
        var file = Path.Combine(Tags, tag);
        if (target is null)
        {
            File.Delete(file);
        }
        else
        {
            AtomicFile.Write(file, target.Digest.ToString());
        }

        // A removed tag leaves the index at once: others must not find it either.
        var pending = new FileInfo(Pending);
        if (target is not null && new FileInfo(Index).Length >= LargeIndex && (!pending.Exists || pending.Length < ManyPending))
        {
            File.AppendAllText(Pending, $"{tag} {target.Digest} {target.Size} {target.MediaType} {target.ArtifactType}\n");
        }
        else
        {
            Fold((tag, target));
        }
    }

    /// <summary>Brings index.json up to date.</summary>
    public void Fold() => Fold([], null);

    private void Fold(params IEnumerable<(string Tag, Descriptor? Target)> changes) => Fold(changes, null);

    private void Fold(IEnumerable<(string Tag, Descriptor? Target)> changes, Digest? removed)
    {
        var all = ReadPending();
        foreach (var (tag, target) in changes)
        {
            all[tag] = target;
        }

        if (all.Count > 0 || removed is not null)
        {
            AtomicFile.Write(Index, Merge(all, removed));
        }

        File.Delete(Pending);
    }

    private Dictionary<string, Descriptor?> ReadPending()
    {
        var all = new Dictionary<string, Descriptor?>(StringComparer.Ordinal);
        if (File.Exists(Pending))
        {
            foreach (var line in File.ReadLines(Pending))
            {
                // A line that a crash cut short is not lost: its tag file was written before it, only other tools miss it.
                if (line.Split(' ') is [var tag, var text, var size, .. var kind] && Digest.TryParse(text, out var digest) && long.TryParse(size, out var length))
                {
                    all[tag] = kind is [var mediaType, var artifactType]
                        ? new Descriptor(mediaType, digest, length) { ArtifactType = artifactType.Length == 0 ? null : artifactType }
                        : new Descriptor(OciManifest.MediaType, digest, length) { ArtifactType = OciManifest.ComponentType };
                }
            }
        }

        return all;
    }

    /// <summary>The index with some tags replaced; what we do not know is copied as it is.</summary>
    private ReadOnlySpan<byte> Merge(Dictionary<string, Descriptor?> changes, Digest? removed)
    {
        using var old = ParseIndex();
        var buffer = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(buffer, OciManifest.Plain);
        json.WriteStartObject();
        foreach (var property in old.RootElement.EnumerateObject().Where(p => p.Name != "manifests"))
        {
            property.WriteTo(json);
        }

        json.WriteStartArray("manifests");
        if (old.RootElement.TryGetProperty("manifests", out var manifests))
        {
            foreach (var manifest in manifests.EnumerateArray().Where(m => (TagIn(m) is not { } tag || !changes.ContainsKey(tag)) && !IsOf(m, removed)))
            {
                manifest.WriteTo(json);
            }
        }

        foreach (var (tag, target) in changes.OrderBy(c => c.Key, StringComparer.Ordinal))
        {
            if (target is null)
            {
                continue;
            }

            json.WriteStartObject();
            json.WriteString("mediaType", target.MediaType);
            json.WriteString("digest", target.Digest.ToString());
            json.WriteNumber("size", target.Size);
            if (target.ArtifactType is { } type)
            {
                json.WriteString("artifactType", type);
            }

            json.WriteStartObject("annotations");
            json.WriteString(TagKey, tag);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenSpan;
    }

    private List<(string? Tag, Descriptor Target)> ReadIndex()
    {
        var entries = new List<(string?, Descriptor)>();
        using var index = ParseIndex();
        if (index.RootElement.TryGetProperty("manifests", out var manifests))
        {
            foreach (var manifest in manifests.EnumerateArray())
            {
                try
                {
                    entries.Add((TagIn(manifest), OciManifest.Read(manifest) with
                    {
                        ArtifactType = manifest.TryGetProperty("artifactType", out var type) ? type.GetString() : null,
                    }));
                }
                catch (Exception e) when (e is FormatException or KeyNotFoundException or InvalidOperationException)
                {
                    // Of a kind or with a digest that we do not know: it stays in the file, for those who do.
                }
            }
        }

        return entries;
    }

    /// <summary>A damaged index is rebuilt from nothing: it is for others, the tags are ours.</summary>
    private JsonDocument ParseIndex()
    {
        try
        {
            return JsonDocument.Parse(File.ReadAllBytes(Index));
        }
        catch (Exception e) when (e is JsonException or FileNotFoundException)
        {
            return JsonDocument.Parse(Empty);
        }
    }

    private static string? TagIn(JsonElement manifest) =>
        manifest.TryGetProperty("annotations", out var annotations) && annotations.TryGetProperty(TagKey, out var tag) ? tag.GetString() : null;

    private static bool IsOf(JsonElement manifest, Digest? digest) =>
        digest is { } of && manifest.TryGetProperty("digest", out var text) && text.ValueKind == JsonValueKind.String && text.GetString() == of.ToString();

    /// <summary>A file that an atomic write is about to rename: <c>TAG.PID-12345678.tmp</c>.</summary>
    private static bool IsTemporary(string name) => name.EndsWith(".tmp", StringComparison.Ordinal) && name.Split('.') is [_, .., var unique, _] && unique.Split('-') is [_, { Length: 8 }];
}
