using Laptime.Building.Images;
using Laptime.Fingerprints;
using Laptime.Processes;
using Laptime.Timing;
using Laptime.Workspaces;

namespace Laptime.Building;

/// <summary>One component to build, with everything that decides how.</summary>
public sealed record BuildRequest
{
    /// <summary>Absolute path of the workspace.</summary>
    public required string Root { get; init; }

    public required Component Component { get; init; }

    /// <summary>Null: no profile.</summary>
    public Profile? Profile { get; init; }

    public required Loop Loop { get; init; }

    /// <summary>Run every step, also those that the loop leaves out.</summary>
    public bool Full { get; init; }

    /// <summary>Values for ${names} in steps (<c>profile.X</c>, <c>env.X</c>, …); null: no value. What comes from <c>env.</c> is a secret.</summary>
    public required Func<string, string?> Values { get; init; }

    /// <summary>Values that no log or message shows: steps may have them from the environment too.</summary>
    public IReadOnlyList<string> Secrets { get; init; } = [];

    /// <summary>Of the component as it is about to be built; its file parts key the steps' own caches.</summary>
    public required ComponentFingerprint Fingerprint { get; init; }

    /// <summary>Folders with the unpacked artifacts of the components it uses; steps get them as <c>LAPTIME_ARTIFACT_NAME</c>.</summary>
    public IReadOnlyDictionary<string, string> UsedArtifacts { get; init; } = new Dictionary<string, string>();

    /// <summary>Inputs of other components (relative to the root): outputs may not match them either, for outputs are deleted.</summary>
    public IReadOnlyCollection<string> OtherInputs { get; init; } = [];

    /// <summary>Folder for the logs of this transaction; each step writes <c>COMPONENT/STEP.log</c> in it.</summary>
    public required string LogFolder { get; init; }
}

/// <summary>What a build gave. The caller reads the inputs again before it trusts the result: a file that changed meanwhile taints it.</summary>
/// <param name="Outputs">The artifact's files, where they lie now: store them before anything else is built here.</param>
/// <param name="ParityGaps">Steps that the loop left out, in words.</param>
public sealed record BuildResult(
    string Component, IReadOnlyList<OutputFile> Outputs, IReadOnlyList<StepResult> Steps, IReadOnlyList<string> ParityGaps, IReadOnlyList<string> Warnings)
{
    /// <summary>Set when the component is an image: it is the artifact, not <see cref="Outputs"/>. Import it, then delete what it points at.</summary>
    public BuiltImage? Image { get; init; }
}

/// <param name="Cache">hit, miss, or none (the step declares no inputs of its own and always runs).</param>
/// <param name="LogFile">Null for a hit.</param>
/// <param name="Earlier">For a hit: the run that it spares, where it is known when that was.</param>
public sealed record StepResult(string Name, StepKind Kind, string Cache, Segment Segment, string? LogFile, StepRun? Earlier = null);

/// <summary>A step's run in an earlier build.</summary>
public sealed record StepRun(DateTimeOffset Start, DateTimeOffset End);

/// <summary>A line that a step printed.</summary>
public readonly record struct BuildLine(string Component, string Step, OutputLine Line);
