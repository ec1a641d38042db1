namespace Laptime.Fingerprints;

/// <summary>One fact that decides an artifact. The kind is one of <see cref="PartKind"/>'s names, the name says which one of that kind.</summary>
/// <param name="Kind">file, var, step, profile, platform, tool, uses, setting.</param>
/// <param name="Name">File: path relative to the workspace root with '/'; variable: its name; step: its name; and so on.</param>
/// <param name="Value">What decides: for a file mode and content digest; never the plain value of a variable, only its digest.</param>
public readonly record struct FingerprintPart(PartKind Kind, string Name, string Value);

/// <summary>The kinds of facts that decide an artifact; each keeps its own cause in <c>lap why</c>.</summary>
public enum PartKind
{
    File,
    Variable,
    Step,
    Profile,
    Platform,
    Tool,
    Uses,
    Setting,
}

/// <summary>
/// Everything that decides one component's artifact, as a readable record whose hash is the key (so that <c>lap why</c> can print it).
/// Parts are sorted by kind and then by name, ordinally.
/// </summary>
public sealed record ComponentFingerprint(string Component, Digest Value, IReadOnlyList<FingerprintPart> Parts);
