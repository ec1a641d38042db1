using System.Globalization;
using Laptime.Workspaces;

namespace Laptime.Fingerprints;

/// <summary>Turns a workspace on disk into fingerprints. It only reads, but for the stat index when asked to save it.</summary>
public static class Fingerprinter
{
    /// <summary>Walks the inputs of every component and gives each its content digest.</summary>
    /// <exception cref="Foundations.LapException">An input cannot be one (a pipe, a missing component folder), or a pattern is wrong; all such problems together.</exception>
    /// <exception cref="Foundations.FaultException">A file or folder cannot be read; it is named.</exception>
    public static WorkspaceScan Scan(Workspace workspace, ScanOptions options, CancellationToken cancel) =>
        new Scanner(workspace, options, cancel).Run();

    /// <summary>
    /// Is everything as the scan found it? True is proven by the stat index that it saved, in a fraction of a scan's time; false means that another
    /// scan has to tell.
    /// </summary>
    public static bool StillAs(WorkspaceScan scan, Workspace workspace, string indexPath) =>
        NoOpCheck.Check(indexPath, workspace.Root) is { IsClean: true } verdict && verdict.Tree == scan.Tree && scan.Unstable.Count == 0;

    /// <summary>The fingerprint of one component: its files from the scan, and what the caller resolved.</summary>
    public static ComponentFingerprint Compute(WorkspaceScan scan, FingerprintInputs inputs) =>
        Compute(scan.Files(inputs.Component), inputs);

    /// <summary>The same over a given list of files (a step's own inputs).</summary>
    public static ComponentFingerprint Compute(IReadOnlyList<InputFile> files, FingerprintInputs inputs)
    {
        List<FingerprintPart> parts = [];
        foreach (var (name, value) in inputs.Variables)
        {
            parts.Add(new FingerprintPart(PartKind.Variable, name, value is null ? "unset" : DigestOfVariable(name, value).ToString()));
        }

        for (var i = 0; i < inputs.Steps.Count; i++)
        {
            // Two steps may share a name; the number keeps the order, which decides too.
            var step = inputs.Steps[i];
            parts.Add(new FingerprintPart(PartKind.Step, (i + 1).ToString("000", CultureInfo.InvariantCulture) + " " + step.Name, DigestOfStep(step).ToString()));
        }

        parts.Add(new FingerprintPart(PartKind.Profile, "", inputs.Profile is null ? "none" : "profile " + inputs.Profile));
        foreach (var (name, value) in inputs.ProfileVars)
        {
            parts.Add(new FingerprintPart(PartKind.Profile, name, DigestOfVariable(name, value).ToString()));
        }

        parts.Add(new FingerprintPart(PartKind.Platform, "", inputs.Platform));
        foreach (var (name, version) in inputs.Tools)
        {
            parts.Add(new FingerprintPart(PartKind.Tool, name, version));
        }

        foreach (var (name, digest) in inputs.Uses)
        {
            parts.Add(new FingerprintPart(PartKind.Uses, name, digest.ToString()));
        }

        foreach (var pattern in inputs.Outputs.Distinct())
        {
            parts.Add(new FingerprintPart(PartKind.Setting, "output " + pattern, ""));
        }

        foreach (var (name, value) in inputs.Settings)
        {
            parts.Add(new FingerprintPart(PartKind.Setting, "setting " + name, value));
        }

        // A handful, nearly in order: sorting values of ours by the base library would be compiled at run time.
        for (var i = 1; i < parts.Count; i++)
        {
            for (var j = i; j > 0 && ComponentFingerprint.Compare(parts[j - 1], parts[j]) > 0; j--)
            {
                (parts[j - 1], parts[j]) = (parts[j], parts[j - 1]);
            }
        }

        return ComponentFingerprint.Of(inputs.Component, files as InputFile[] ?? [.. files], [.. parts]);
    }

    /// <summary>What a stored fingerprint keeps of a variable: never the value. Bound to the name, so that equal values do not show as equal.</summary>
    public static Digest DigestOfVariable(string name, string value)
    {
        using var hash = new LengthPrefixed("laptime/variable/v1");
        return hash.Add(name).Add(value).Finish();
    }

    /// <summary>Kind, command and environment of a step.</summary>
    public static Digest DigestOfStep(ResolvedStep step)
    {
        using var hash = new LengthPrefixed("laptime/step/v1");
        hash.Add(step.Name).Add(step.Kind.ToString()).Add(step.IsShell ? "shell" : "exec").Add(step.Command.Count);
        foreach (var argument in step.Command)
        {
            hash.Add(argument);
        }

        foreach (var (name, value) in step.Env.OrderBy(e => e.Key, StringComparer.Ordinal))
        {
            hash.Add(name).Add(value);
        }

        return hash.Finish();
    }
}
