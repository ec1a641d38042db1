using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Signals;
using Laptime.Timing;
using Laptime.Workspaces;

namespace Laptime.Targets;

/// <summary>
/// A place where components run. Everything that Laptime knows of it comes from asking it: the target is the truth.
/// One contract suite holds for all of them. Calls are safe to repeat; a method that finds its work done returns at once.
/// </summary>
public abstract class Target : IAsyncDisposable
{
    /// <summary>What runs, read from the target itself now. A component that the target does not know is absent from the result.</summary>
    /// <exception cref="FaultException">The target cannot be read; nothing may be skipped then.</exception>
    public abstract Task<IReadOnlyList<Observed>> ObserveAsync(CancellationToken cancel);

    /// <summary>
    /// Brings one component to the requested revision, asking <paramref name="gate"/> at the right moments. The old instance keeps serving until the
    /// new one passed the gate, and stays when anything fails. Failures of signals are in the result; faults of the target are thrown.
    /// </summary>
    public abstract Task<RolloutResult> RolloutAsync(RolloutRequest request, Gate gate, Timeline timeline, int? parentSegment, CancellationToken cancel);

    /// <summary>
    /// The digest of the fixed image that the component is about to run: the one that it is written with, else what its name leads to, brought there first where it is not. None: it has no
    /// such image, or the target does not know.
    /// </summary>
    /// <exception cref="FaultException">The image cannot be had.</exception>
    public virtual Task<Digest> PinAsync(Component component, CancellationToken cancel) => Task.FromResult(FixedImage.DigestOf(component.Run?.Image));

    /// <summary>Why a component cannot be started again with what was kept of an earlier rollout (<see cref="RolloutResult.Stack"/>), in a clause; null: it can.</summary>
    public virtual Task<string?> WhyNotAgainAsync(string component, Digest stack, CancellationToken cancel) => Task.FromResult<string?>("this target keeps none");

    /// <summary>What was kept of a component beside <paramref name="wanted"/> may go: no record names it any more.</summary>
    public virtual void KeepOnly(string component, IReadOnlySet<Digest> wanted)
    {
    }

    /// <summary>Stops and removes a component; true when there was something to remove.</summary>
    /// <param name="component">Its name.</param>
    /// <param name="fence">Fencing token of the lock: a target that saw a higher one refuses.</param>
    public abstract Task<bool> StopAsync(string component, long fence, CancellationToken cancel);

    /// <summary>Begins to stop a component and does not wait for its end: <see cref="StopAsync"/> does, afterwards. What is told to end together ends together.</summary>
    /// <param name="component">Its name.</param>
    /// <param name="fence">As <see cref="StopAsync"/>.</param>
    public virtual Task LeaveAsync(string component, long fence, CancellationToken cancel) => Task.CompletedTask;

    /// <summary>The newest <paramref name="lines"/> lines of the component's log, then, with <paramref name="follow"/>, what comes, until cancelled.</summary>
    public abstract IAsyncEnumerable<string> LogsAsync(string component, int lines, bool follow, CancellationToken cancel);

    /// <summary>
    /// Runs a program beside an instance of the component, as that instance has it: where it runs, with its environment. Until the program ends or is cancelled; nothing of the component
    /// is changed by it, and nothing counts it as a deploy.
    /// </summary>
    /// <param name="said">Each line as it comes.</param>
    /// <exception cref="FaultException">Nothing of the component runs there, or the target cannot run programs.</exception>
    public abstract Task<ExecEnd> ExecAsync(ExecRequest request, Action<ExecLine> said, CancellationToken cancel);

    /// <summary>How many rollouts this target is best given at once, where it mostly waits for others; null: as many as there are builds at once.</summary>
    public virtual int? AtOnce => null;

    /// <summary>Whether <see cref="PruneAsync"/> removes anything here.</summary>
    public virtual bool Prunes => false;

    /// <summary>Removes what runs under this environment's name and is in none of its files any more; the names of what was removed. Most targets leave that to <c>lap down</c>.</summary>
    /// <param name="fence">Fencing token of the lock: a target that saw a higher one refuses.</param>
    public virtual Task<IReadOnlyList<string>> PruneAsync(long fence, CancellationToken cancel) => Task.FromResult<IReadOnlyList<string>>([]);

    /// <summary>
    /// Waits until what successful rollouts left to do has ended (old instances that are drained and stopped, in segments of their own that are part of
    /// nobody's interval). Called once before a transaction ends; <see cref="DisposeAsync"/> waits too.
    /// </summary>
    public virtual Task SettleAsync(CancellationToken cancel) => Task.CompletedTask;

    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}

/// <summary>What the target says of one component, from the labels that it carries.</summary>
public sealed record Observed
{
    public required string Component { get; init; }

    /// <summary>What the serving instances say they are; null when it cannot be read.</summary>
    public string? Revision { get; init; }

    public Digest Artifact { get; init; }

    public Digest DeploymentKey { get; init; }

    public Digest Fingerprint { get; init; }

    /// <summary>The transaction that brought it here.</summary>
    public string? Transaction { get; init; }

    /// <summary>What its instances loaded of each dependency when they were started, as they say; null: they do not.</summary>
    public IReadOnlyDictionary<string, Digest>? Loaded { get; init; }

    public DateTimeOffset? Since { get; init; }

    /// <summary>Instances of this revision that are alive, and how many are wanted.</summary>
    public int Instances { get; init; }

    public int Of { get; init; }

    /// <summary>True only when every wanted instance is alive and the front leads to it.</summary>
    public bool Serving { get; init; }

    /// <summary>What the instances' own ready probe just said, where the target can ask it cheaply; not-run where it was not asked.</summary>
    public SignalStatus Ready { get; init; }

    /// <summary>Where an instance said that it is not ready; null where none did.</summary>
    public AskedAt? NotReadyAt { get; init; }

    /// <summary>What the reflect probe (or the target's own evidence) just said: Fail is the certain answer of another revision. Not-run where it was not asked.</summary>
    public SignalStatus Reflected { get; init; }

    /// <summary>In words when not serving: "exited with 1 12 s ago", "crash loop, 5 restarts".</summary>
    public string? Detail { get; init; }

    /// <summary>It is not serving, and the target is bringing the same revision back by itself this moment (its engine was restarted, an instance died once): a rollout would only come on top.</summary>
    public bool Recovering { get; init; }

    /// <summary>The last lines of an instance that has ended by itself, where the target keeps them.</summary>
    public IReadOnlyList<string> Tail { get; init; } = [];

    /// <summary>Where users reach it; null without a port.</summary>
    public string? Endpoint { get; init; }

    /// <summary>Process ids of the instances, where the target has them.</summary>
    public IReadOnlyList<int> Pids { get; init; } = [];
}

/// <summary>Where a probe asks an instance.</summary>
/// <param name="Port">Null: it serves none.</param>
/// <param name="Host">A literal address.</param>
public sealed record AskedAt(int? Port, string Host = "127.0.0.1");

/// <summary>One rollout, fully decided: every template but port is resolvable through <see cref="Names"/>.</summary>
public sealed record RolloutRequest
{
    public required Component Component { get; init; }

    public required string Environment { get; init; }

    public required string Revision { get; init; }

    public required Digest Artifact { get; init; }

    public required Digest Fingerprint { get; init; }

    public required Digest DeploymentKey { get; init; }

    public required string Transaction { get; init; }

    /// <summary>What the instances load of each dependency when they are started: what runs carries it, and says it when it is observed.</summary>
    public IReadOnlyDictionary<string, Digest> Loads { get; init; } = new Dictionary<string, Digest>();

    /// <summary>
    /// Not empty: nothing of the component itself changed; its instances are replaced because these dependencies did. Every instance that was there before has to go, also where the
    /// target would see no difference.
    /// </summary>
    public IReadOnlyList<string> ReconciledFor { get; init; } = [];

    /// <summary>Settings that were kept of an earlier rollout, to be started with again in place of those of <see cref="Component"/>; none: those.</summary>
    public Digest Stack { get; init; }

    /// <summary>Fencing token of the lock: a target that saw a higher one refuses.</summary>
    public required long Fence { get; init; }

    /// <summary>Unpacks the artifact into a folder of the target's choice.</summary>
    public required Func<string, CancellationToken, Task> Unpack { get; init; }

    /// <summary>Where the artifact is; an image's manifest, config and layers are read from it. Null: only <see cref="Unpack"/> is given.</summary>
    public Artifacts.ArtifactStore? Store { get; init; }

    /// <summary>Values of template names except port.</summary>
    public required Func<string, string?> Names { get; init; }

    /// <summary>Values to redact.</summary>
    public IReadOnlyList<string> Secrets { get; init; } = [];
}

/// <param name="Signals">All four; those after the first failure are not-run.</param>
/// <param name="Fault">Null when the new revision was seen reflected (or the component serves nothing to see and the target's own evidence holds).</param>
/// <param name="StillServing">On failure: the revision that keeps serving; null when none.</param>
public sealed record RolloutResult(SignalSet Signals, Fault? Fault, string? StillServing)
{
    /// <summary>Where users reach it, as the target says; null: the component's port on this machine, when it has one.</summary>
    public string? Endpoint { get; init; }

    /// <summary>Time that the place itself took, each with the setting that removes it.</summary>
    public IReadOnlyList<EngineDelay> Delays { get; init; } = [];

    /// <summary>By what the target finds the settings again that it started this with; none: it keeps none.</summary>
    public Digest Stack { get; init; }

    /// <summary>False: no port of this machine leads to it, only other components reach it.</summary>
    public bool Reached { get; init; } = true;

    /// <summary>What people should know of this rollout: settings that the place has no room for.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];
}
