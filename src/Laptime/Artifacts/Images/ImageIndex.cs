using System.Text.Json;
using Laptime.Fingerprints;
using Laptime.Foundations;

namespace Laptime.Artifacts.Images;

/// <summary>One manifest of an index, and what the index says of it.</summary>
/// <param name="Platform">Null when the index does not say.</param>
internal sealed record IndexedManifest(Descriptor Descriptor, string? Platform)
{
    public bool IsIndex => Descriptor.MediaType is StoredManifest.IndexType or StoredManifest.DockerListType;
}

/// <summary>The choice of one manifest where several are offered.</summary>
internal static class ImageIndex
{
    private const string ReferenceType = "vnd.docker.reference.type";

    /// <summary>The manifests of images in an index; attestations that BuildKit puts beside them are none.</summary>
    /// <exception cref="FormatException">It is no index.</exception>
    public static IReadOnlyList<IndexedManifest> Read(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            using var document = JsonDocument.Parse(bytes);
            var found = new List<IndexedManifest>();
            foreach (var entry in document.RootElement.GetProperty("manifests").EnumerateArray())
            {
                var platform = entry.TryGetProperty("platform", out var said) ? ImageConfig.PlatformOf(said) : null;
                var attestation = entry.TryGetProperty("annotations", out var notes) && notes.ValueKind == JsonValueKind.Object && notes.TryGetProperty(ReferenceType, out _);
                if (!attestation && platform != "unknown/unknown")
                {
                    found.Add(new IndexedManifest(
                        new Descriptor(entry.GetProperty("mediaType").GetString() ?? "", Digest.Parse(entry.GetProperty("digest").GetString() ?? ""), entry.GetProperty("size").GetInt64()), platform));
                }
            }

            return found;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new FormatException($"not an OCI index: {e.Message}", e);
        }
    }

    /// <summary>The one that is wanted; a manifest that does not say its platform stands for any, if it is the only one.</summary>
    /// <exception cref="FaultException">None, or several: what there is, is named.</exception>
    public static IndexedManifest Choose(IReadOnlyList<IndexedManifest> offered, string wanted, string what)
    {
        var distinct = offered.DistinctBy(o => o.Descriptor.Digest).ToList();
        if (distinct is [{ Platform: null } only])
        {
            return only;
        }

        var fitting = distinct.Where(o => o.Platform is { } platform && ImageConfig.Fits(platform, wanted)).ToList();
        // linux/arm64 before linux/arm64/v9: the one that says exactly what is asked for.
        var exact = fitting.Where(o => o.Platform == wanted).ToList();
        return exact is [var one] ? one : fitting is [var single] ? single : throw new FaultException(new Fault(
            Outcome.BuildFailed,
            distinct.Count == 0 ? $"{what} holds no image" : $"{what} holds {(fitting.Count == 0 ? $"no image for {wanted}, only for" : $"several images for {wanted}:")} {string.Join(", ", distinct.Select(o => o.Platform ?? "a platform it does not name").Distinct())}",
            null, "one component is one image for one platform: build for it alone, or set `platform:`"));
    }
}
