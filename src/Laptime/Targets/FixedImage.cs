using Laptime.Fingerprints;

namespace Laptime.Targets;

/// <summary>Names of images that are not built here.</summary>
public static class FixedImage
{
    /// <summary>The digest that a reference is pinned by: <c>repo@sha256:…</c>, or the id itself. None: it is a name that may lead elsewhere tomorrow, or no name at all.</summary>
    public static Digest DigestOf(string? reference) => reference is not null && reference[(reference.IndexOf('@', StringComparison.Ordinal) + 1)..] is var digest
        && digest.StartsWith("sha256:", StringComparison.Ordinal) && Digest.TryParse(digest, out var known) ? known : Digest.None;
}
