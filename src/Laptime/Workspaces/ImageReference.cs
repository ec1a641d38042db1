using System.Diagnostics.CodeAnalysis;

namespace Laptime.Workspaces;

/// <summary>Where a base image is, pinned by digest: what it holds is known without asking anybody.</summary>
public abstract record ImageReference
{
    private const string LayoutScheme = "oci-layout:";
    private const string RegistryScheme = "oci://";
    private static readonly System.Buffers.SearchValues<char> Hexadecimal = System.Buffers.SearchValues.Create("0123456789abcdef");

    private ImageReference() { }

    /// <summary>Nothing at all.</summary>
    public sealed record Empty : ImageReference;

    /// <param name="Digest"><c>sha256:</c> and 64 hexadecimal digits.</param>
    public abstract record Pinned(string Digest) : ImageReference;

    /// <summary>In the workspace's own artifact store.</summary>
    public sealed record Stored(string Digest) : Pinned(Digest);

    /// <summary>In an OCI image layout on disk.</summary>
    /// <param name="Folder">Relative to the workspace, or absolute.</param>
    public sealed record Layout(string Folder, string Digest) : Pinned(Digest);

    /// <summary>In a registry.</summary>
    /// <param name="Address"><c>oci://HOST/REPOSITORY</c>.</param>
    public sealed record Registry(string Address, string Digest) : Pinned(Digest);

    /// <param name="text">As in laptime.yaml.</param>
    /// <param name="reference">What it means.</param>
    /// <param name="what">What is wrong, to follow the text; null when nothing is.</param>
    public static bool TryParse(string text, [NotNullWhen(true)] out ImageReference? reference, [NotNullWhen(false)] out string? what)
    {
        (reference, what) = (null, null);
        if (text == ImageSettings.Scratch)
        {
            reference = new Empty();
            return true;
        }

        if (IsDigest(text))
        {
            reference = new Stored(text);
            return true;
        }

        var at = text.LastIndexOf('@');
        if (at <= 0 || !IsDigest(text[(at + 1)..]))
        {
            what = at > 0 ? "has no sha256 digest behind its `@`" : "is not pinned by digest";
            return false;
        }

        var (name, digest) = (text[..at], text[(at + 1)..]);
        if (name.StartsWith(LayoutScheme, StringComparison.Ordinal))
        {
            var folder = name[LayoutScheme.Length..];
            folder = folder.StartsWith("//", StringComparison.Ordinal) ? folder[2..] : folder;
            reference = folder.Length > 0 ? new Layout(folder, digest) : null;
            what = folder.Length > 0 ? null : "names no folder";
            return reference is not null;
        }

        name = name.StartsWith(RegistryScheme, StringComparison.Ordinal) ? name[RegistryScheme.Length..] : name;
        if (name.Any(c => char.IsWhiteSpace(c) || char.IsControl(c)) || name.Contains("://", StringComparison.Ordinal))
        {
            what = "is no name of an image";
            return false;
        }

        reference = new Registry(RegistryScheme + Full(WithoutTag(name)), digest);
        return true;
    }

    /// <summary><c>oci://HOST/REPOSITORY</c> of an image as people name it, with or without tag and digest.</summary>
    public static string AddressOf(string image) => RegistryScheme + Full(WithoutTag(image.IndexOf('@', StringComparison.Ordinal) is > 0 and var at ? image[..at] : image));

    internal static bool IsDigest(string text) =>
        text.Length == 71 && text.StartsWith("sha256:", StringComparison.Ordinal) && text.AsSpan(7).IndexOfAnyExcept(Hexadecimal) < 0;

    /// <summary>A tag beside a digest is for people.</summary>
    private static string WithoutTag(string name) => name.LastIndexOf(':') is > 0 and var colon && name.IndexOf('/', colon) < 0 && name.Contains('/') ? name[..colon]
        : !name.Contains('/') && name.IndexOf(':') is > 0 and var tag ? name[..tag] : name;

    /// <summary>As Docker reads names: without a host they are Docker Hub's, and its own are in <c>library</c>.</summary>
    private static string Full(string name)
    {
        var first = name.Split('/')[0];
        if (name.Contains('/') && (first.Contains('.') || first.Contains(':') || first == "localhost"))
        {
            return first == "docker.io" ? "registry-1.docker.io" + name[first.Length..] : name;
        }

        return "registry-1.docker.io/" + (name.Contains('/') ? name : "library/" + name);
    }
}
