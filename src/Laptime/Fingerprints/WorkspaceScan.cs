using Laptime.Foundations;
using Laptime.Workspaces;

namespace Laptime.Fingerprints;

/// <summary>How to scan.</summary>
public sealed record ScanOptions
{
    /// <summary>Read and hash every input again, whatever the stat index says (<c>--full</c>).</summary>
    public bool Full { get; init; }

    /// <summary>Write the stat index afterwards. False for everything that only asks (`plan`, `why`): a question writes nothing.</summary>
    public bool SaveIndex { get; init; }

    /// <summary>Absolute path of the stat index; null: <c>.laptime/index</c> below the workspace root.</summary>
    public string? IndexPath { get; init; }

    /// <summary>Use the portable reader on Linux too (tests compare both).</summary>
    public bool Portable { get; init; }

    /// <summary>Where git's own settings are; null: as this process's environment says.</summary>
    internal GitHome? Git { get; init; }
}

/// <summary>What a scan cost.</summary>
/// <param name="Files">Inputs found, each counted once however many components share it.</param>
/// <param name="Directories">Folders listed; 0: the saved index gave the names, and only contents were read again.</param>
/// <param name="Hashed">Inputs whose content was read.</param>
/// <param name="HashedBytes">Bytes read for it.</param>
public readonly record struct ScanCounters(int Files, int Directories, int Hashed, long HashedBytes);

/// <summary>
/// The inputs of every component at one moment. Two scans with equal <see cref="Tree"/> have equal inputs for every component.
/// </summary>
public sealed class WorkspaceScan
{
    private readonly Dictionary<string, InputFile[]> groups;

    internal WorkspaceScan(Dictionary<string, InputFile[]> groups, Digest tree, IReadOnlyList<string> unstable, IReadOnlyList<string> warnings, IReadOnlyList<string> directories, ScanCounters counters)
    {
        this.groups = groups;
        Tree = tree;
        Unstable = unstable;
        Warnings = warnings;
        Directories = directories;
        Counters = counters;
    }

    /// <summary>Digest over all components' inputs and the workspace's source files: what <see cref="NoOpVerdict.Tree"/> gives for an unchanged workspace.</summary>
    public Digest Tree { get; }

    /// <summary>Files that changed while they were read. Their digest is of what was read; an artifact made from them is tainted.</summary>
    public IReadOnlyList<string> Unstable { get; }

    /// <summary>For the report: patterns that match nothing, and the like.</summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>
    /// What <see cref="InputWatch"/> is to watch, absolute: a folder that was walked, or <c>folder//name</c> for one name in a folder (a rule
    /// file, a .git that is not there yet). Empty: this workspace cannot be watched.
    /// </summary>
    public IReadOnlyList<string> Directories { get; }

    public ScanCounters Counters { get; }

    /// <summary>A component's inputs, sorted by path, ordinally. Also <c>infra:ENV</c> and <c>stack:ENV</c> for an environment's infra inputs and stack files.</summary>
    /// <exception cref="KeyNotFoundException">There is no such component.</exception>
    public IReadOnlyList<InputFile> Files(string component) => groups[component];

    /// <summary>Those of a component's inputs that <paramref name="patterns"/> (relative to the component's path) match: a step's own inputs.</summary>
    public IReadOnlyList<InputFile> Files(Component component, IReadOnlyList<string> patterns)
    {
        var matcher = InputPatterns.Compile(component.Path, patterns);
        return [.. groups[component.Name].Where(f => matcher.Matches(f.Path))];
    }

    /// <summary>One digest over the inputs of a component (or group).</summary>
    public Digest DigestOf(string component) => DigestOf(groups[component]);

    /// <summary>One digest over some inputs: paths, kinds and contents. They must be sorted by path.</summary>
    public static Digest DigestOf(IReadOnlyList<InputFile> files)
    {
        using var hash = new LengthPrefixed("laptime/inputs/v1");
        hash.Add(files.Count);
        foreach (var file in files)
        {
            hash.Add(file.Path).Add((int)file.Kind).Add(file.Content);
        }

        return hash.Finish();
    }

    /// <summary>Paths of a component's inputs that differ between two scans (content, kind, added, removed), sorted.</summary>
    public static IReadOnlyList<string> Changed(WorkspaceScan before, WorkspaceScan after, string component)
    {
        List<string> changed = [];
        var (a, b) = (before.groups[component], after.groups[component]);
        var (i, j) = (0, 0);
        while (i < a.Length || j < b.Length)
        {
            var order = i == a.Length ? 1 : j == b.Length ? -1 : string.CompareOrdinal(a[i].Path, b[j].Path);
            if (order < 0)
            {
                changed.Add(a[i++].Path);
            }
            else if (order > 0)
            {
                changed.Add(b[j++].Path);
            }
            else
            {
                if (a[i].Kind != b[j].Kind || a[i].Content != b[j].Content)
                {
                    changed.Add(a[i].Path);
                }

                i++;
                j++;
            }
        }

        return changed;
    }
}
