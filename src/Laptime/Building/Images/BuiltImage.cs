using Laptime.Workspaces;

namespace Laptime.Building.Images;

/// <summary>What the build of an image component left, to be put into the artifact store.</summary>
/// <param name="Platform">The one platform that is wanted: <c>linux/amd64</c>, <c>linux/arm/v7</c>.</param>
public abstract record BuiltImage(string Platform)
{
    /// <summary>A tool's own output: a docker archive or an OCI one (a tar, maybe gzipped), or a folder with an OCI image layout.</summary>
    /// <param name="Path">The file or the folder; the caller deletes it when it is stored.</param>
    /// <param name="Stamped">The tool writes the time of the build into the image's config, although equal content should be an equal image: it is taken out.</param>
    public sealed record Archive(string Path, string Platform, bool Stamped) : BuiltImage(Platform);

    /// <summary>Files that become one layer on a base.</summary>
    public sealed record Layered(ImageSettings Settings, IReadOnlyList<OutputFile> Files, string Platform) : BuiltImage(Platform);

    /// <summary>Linux on this machine's architecture, as images name it.</summary>
    public static string DefaultPlatform { get; } = "linux/" + System.Runtime.InteropServices.RuntimeInformation.OSArchitecture switch
    {
        System.Runtime.InteropServices.Architecture.X64 => "amd64",
        System.Runtime.InteropServices.Architecture.X86 => "386",
        System.Runtime.InteropServices.Architecture.Arm64 => "arm64",
        System.Runtime.InteropServices.Architecture.Arm => "arm/v7",
        System.Runtime.InteropServices.Architecture.Ppc64le => "ppc64le",
        System.Runtime.InteropServices.Architecture.RiscV64 => "riscv64",
        var other => other.ToString().ToLowerInvariant(),
    };
}
