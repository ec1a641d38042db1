using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Laptime.Fingerprints;
using Laptime.Workspaces;

namespace Laptime.Building;

/// <summary>
/// Whether a step with inputs of its own has to run. Its key covers those inputs, the command, its environment, the declared variables, the
/// profile, the platform, its tool's version, what the component uses, and the keys of such steps before it.
/// </summary>
/// <remarks>
/// A pattern is looked up among the component's inputs. One that matches none of them means files that an earlier step makes
/// (generated sources, which git ignores): those are read from disk. One that matches nothing at all makes the step run: a typing mistake must not
/// look like "nothing changed".
/// </remarks>
internal sealed class StepCache(BuildRequest request, StepRecords records)
{
    public IReadOnlyList<string> Warnings => warnings;

    private readonly List<string> warnings = [];

    /// <summary>Null: the step declares no inputs, or one of its patterns matches nothing; it always runs.</summary>
    /// <param name="before">Shared key of the step with declared inputs before this one, or "".</param>
    public StepKey? KeyOf(Step step, ResolvedCommand command, string before)
    {
        if (step.Inputs is null || InputsOf(step) is not { } inputs)
        {
            return null;
        }

        var facts = new List<string> { "step/1", request.Component.Name, step.Name, before, command.Command.Program };
        facts.AddRange(command.Command.Arguments);
        foreach (var (name, value) in command.Env)
        {
            facts.Add($"env {name}={value}");
        }

        foreach (var part in request.Fingerprint.OtherParts())
        {
            if (part.Kind is PartKind.Variable or PartKind.Platform or PartKind.Uses || (part.Kind is PartKind.Tool && part.Name == step.Name))
            {
                facts.Add($"{part.Kind} {part.Name}={part.Value}");
            }
        }

        facts.AddRange(inputs);
        var shared = Hash(facts);
        return new StepKey(Hash([shared, request.Profile?.Name ?? ""]), shared);
    }

    /// <summary>The record that spares the step, if its traces are all there.</summary>
    public StepRecord? Hit(Step step, StepKey? key) =>
        key is { } wanted && records.Find(step.Name, wanted) is { } record
        && record.Witnesses.All(w => Stamp(w) is { } now && now.IsSameEntry(w.Stamp))
        && record.Products.All(p => Stamp(p) is { } now && now.IsUntouched(p.Stamp)) ? record : null;

    public FileStamp? Stamp(Trace trace) => FileStamp.Read(Path.Combine(request.Root, trace.Path));

    /// <summary>What the step's patterns match, as lines for the key; null when a pattern matches nothing.</summary>
    private List<string>? InputsOf(Step step)
    {
        var path = request.Component.Path;
        var all = InputPatterns.Compile(path, step.Inputs!);
        var lines = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var part in request.Fingerprint.FilesWhere(all.Matches))
        {
            lines.Add($"{part.Name}\0{part.Value}");
        }

        foreach (var pattern in step.Inputs!.Where(p => !p.StartsWith('!')))
        {
            var one = InputPatterns.Compile(path, [pattern]);
            if (request.Fingerprint.FileNames().Any(one.Matches))
            {
                continue;
            }

            var any = false;
            foreach (var file in one.Roots.SelectMany(start => Tree.Files(request.Root, start, one.MayMatchBelow)).Where(one.Matches))
            {
                any = true;
                if (all.Matches(file))
                {
                    lines.Add($"{file}\0{ContentOf(file)}");
                }
            }

            if (!any)
            {
                var text = $"{request.Component.Name}: the inputs pattern `{pattern}` of step {step.Name} matches nothing, so the step always runs";
                if (!warnings.Contains(text))
                {
                    warnings.Add(text);
                }

                return null;
            }
        }

        return [.. lines];
    }

    private string ContentOf(string file)
    {
        var full = Path.Combine(request.Root, file);
        var output = OutputFile.Read(file, full);
        if (output.LinkTarget is { } target)
        {
            return "link " + target;
        }

        if (FileStamp.Read(full)?.Kind != FileStamp.EntryKind.File)
        {
            return "other";
        }

        using var stream = File.OpenRead(full);
        return (output.Executable ? "exec " : "file ") + Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    private string Hash(IEnumerable<string> facts)
    {
        using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, records.Salt);
        foreach (var fact in facts)
        {
            // With the length before it, no two lists of facts read the same.
            hash.AppendData(Encoding.UTF8.GetBytes($"{fact.Length.ToString(CultureInfo.InvariantCulture)}:{fact}"));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
