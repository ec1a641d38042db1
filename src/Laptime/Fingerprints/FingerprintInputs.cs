using Laptime.Workspaces;

namespace Laptime.Fingerprints;

/// <summary>A step as it will run: every ${name} already resolved by the caller.</summary>
/// <param name="Command">One text for the shell, or one element per argument (see <paramref name="IsShell"/>).</param>
public sealed record ResolvedStep(string Name, StepKind Kind, bool IsShell, IReadOnlyList<string> Command, IReadOnlyDictionary<string, string> Env);

/// <summary>
/// What decides a component's artifact beside its files. The caller resolves it; here nothing reads the environment, runs a tool or
/// looks at the clock, so equal inputs always give equal fingerprints. The order of every collection but the steps is of no importance.
/// </summary>
public sealed record FingerprintInputs
{
    public required string Component { get; init; }

    /// <summary>Declared variables with their values; null: unset (which differs from empty). Only digests of values are kept.</summary>
    public IReadOnlyDictionary<string, string?> Variables { get; init; } = new Dictionary<string, string?>();

    /// <summary>Name of the profile; null: none.</summary>
    public string? Profile { get; init; }

    public IReadOnlyDictionary<string, string> ProfileVars { get; init; } = new Dictionary<string, string>();

    /// <summary>The steps that will run, in order.</summary>
    public IReadOnlyList<ResolvedStep> Steps { get; init; } = [];

    /// <summary>Output patterns.</summary>
    public IReadOnlyList<string> Outputs { get; init; } = [];

    /// <summary>Operating system and architecture, as <see cref="CurrentPlatform"/> writes them.</summary>
    public string Platform { get; init; } = CurrentPlatform;

    /// <summary>Step (or tool) name to what its `tool:` command printed.</summary>
    public IReadOnlyDictionary<string, string> Tools { get; init; } = new Dictionary<string, string>();

    /// <summary>Components whose artifact is an input, with that artifact's digest.</summary>
    public IReadOnlyDictionary<string, Digest> Uses { get; init; } = new Dictionary<string, Digest>();

    /// <summary>Other settings that decide the artifact (image target, base, …).</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>For example <c>linux-x64</c>; the same whatever way .NET was installed.</summary>
    public static string CurrentPlatform { get; } =
        (OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : OperatingSystem.IsLinux() ? "linux" : "unix")
        + "-" + System.Runtime.InteropServices.RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant();
}
