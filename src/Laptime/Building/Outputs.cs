using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Workspaces;

namespace Laptime.Building;

/// <summary>
/// The declared outputs of one component: what is taken into the artifact, and what is removed before a build so that nothing stale gets into it.
/// Everything stays inside the component's path; links are taken as links and never followed.
/// </summary>
/// <remarks>
/// A pattern that names a place (<c>out/**</c>) is the build's own: it is emptied before a build and may match no input. A bare wildcard
/// (<c>**</c>: the whole folder runs as it lies there) names none: what it matches is taken, and nothing is ever removed by it.
/// </remarks>
internal sealed class Outputs
{
    private readonly string root;
    private readonly Component component;
    private readonly InputPatterns all;
    private readonly InputPatterns places;

    private Outputs(string root, Component component, InputPatterns all, InputPatterns places) =>
        (this.root, this.component, this.all, this.places) = (root, component, all, places);

    /// <exception cref="LapException">A pattern climbs out, or matches an input (it would be deleted).</exception>
    public static Outputs Of(BuildRequest request)
    {
        var component = request.Component;
        var problems = component.Build.Outputs
            .Where(p => p.Split('/').Contains(".."))
            .Select(p => new Problem($"{component.Name}: the outputs pattern `{p}` leads out of the component's path", component.At,
                "outputs are deleted before a build: keep them below the component's path")).ToList();
        var all = InputPatterns.Compile(component.Path, component.Build.Outputs);
        var places = InputPatterns.Compile(component.Path, [.. component.Build.Outputs.Where(p => p.StartsWith('!') || ScanGroup.IsPlace(p))]);
        // Without steps nothing is ever deleted: a folder that is kept in git may be the artifact.
        var inputs = component.Build.Steps.Count == 0 ? [] : request.Fingerprint.FileNames().Concat(request.OtherInputs)
            .Where(places.Matches).Distinct().Take(6).ToList();
        if (inputs.Count > 0)
        {
            problems.Add(new Problem(
                $"{component.Name}: outputs match files that are inputs: {string.Join(", ", inputs.Take(5))}{(inputs.Count > 5 ? ", …" : "")}", component.At,
                "outputs are deleted before a build: narrow the outputs, or leave the files out of the inputs with a pattern such as `!out/**` (or let git ignore them)"));
        }

        return problems.Count == 0 ? new Outputs(request.Root, component, all, places) : throw new LapException(problems);
    }

    /// <summary>What is in the build's own places now: paths relative to the workspace root.</summary>
    public Dictionary<string, FileStamp> List() => List(places);

    private Dictionary<string, FileStamp> List(InputPatterns patterns)
    {
        var found = new Dictionary<string, FileStamp>(StringComparer.Ordinal);
        foreach (var start in patterns.Roots)
        {
            foreach (var path in Tree.Files(root, start, patterns.MayMatchBelow))
            {
                if (patterns.Matches(path) && FileStamp.Read(Path.Combine(root, path)) is { } stamp)
                {
                    found[path] = stamp;
                }
            }
        }

        return found;
    }

    /// <summary>Removes what is there, but for <paramref name="keep"/>, and the folders that become empty by it.</summary>
    /// <exception cref="FaultException">Something cannot be deleted.</exception>
    public void Remove(IReadOnlySet<string> keep)
    {
        var emptied = new SortedSet<string>(Comparer<string>.Create((a, b) => b.Length != a.Length ? b.Length - a.Length : string.CompareOrdinal(a, b)));
        foreach (var path in List().Keys.Where(p => !keep.Contains(p)))
        {
            Delete(path);
            emptied.Add(Parent(path));
        }

        while (emptied.Count > 0)
        {
            var folder = emptied.Min!;
            emptied.Remove(folder);
            // Never the component's own folder or one above it.
            var full = Path.Combine(root, folder);
            if (folder.Length > component.Path.Length && Directory.Exists(full) && !Directory.EnumerateFileSystemEntries(full).Any())
            {
                Directory.Delete(full);
                emptied.Add(Parent(folder));
            }
        }
    }

    public void Delete(string path)
    {
        try
        {
            File.Delete(Path.Combine(root, path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(new Fault(Outcome.BuildFailed, $"{component.Name}: the old output {path} cannot be removed: {e.Message}",
                component.Name, "make it writable, or delete it yourself"), e);
        }
    }

    /// <summary>The artifact's files after the steps, with paths relative to the component's path.</summary>
    /// <exception cref="FaultException">A pattern matches nothing, or something that is no file.</exception>
    public IReadOnlyList<OutputFile> Collect()
    {
        var found = List(all);
        var idle = component.Build.Outputs.Where(p => !p.StartsWith('!'))
            .Where(p => InputPatterns.Compile(component.Path, [p]) is var one && !found.Keys.Any(one.Matches)).ToList();
        if (idle.Count > 0)
        {
            throw new FaultException(new Fault(Outcome.BuildFailed,
                $"{component.Name}: the steps succeeded, but the outputs {string.Join(", ", idle.Select(p => $"`{p}`"))} match nothing", component.At.ToString(),
                $"outputs are relative to {(component.Path.Length == 0 ? "the workspace" : component.Path)} and links are not followed: correct the pattern, or let a step write there"));
        }

        if (found.FirstOrDefault(f => f.Value.Kind is FileStamp.EntryKind.Other or FileStamp.EntryKind.Folder) is { Key: { } odd })
        {
            throw new FaultException(new Fault(Outcome.BuildFailed, $"{component.Name}: the output {odd} is no file but a pipe, socket or device", component.At.ToString(),
                "narrow the outputs with a pattern that starts with `!`"));
        }

        var strip = component.Path.Length == 0 ? 0 : component.Path.Length + 1;
        return [.. found.Keys.Order(StringComparer.Ordinal).Select(p => OutputFile.Read(p[strip..], Path.Combine(root, p)))];
    }

    private static string Parent(string path) => path.LastIndexOf('/') is >= 0 and var slash ? path[..slash] : "";
}
