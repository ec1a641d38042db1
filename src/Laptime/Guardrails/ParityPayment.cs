using Laptime.Artifacts;
using Laptime.Building;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Planning;
using Laptime.Transactions;
using Laptime.Workspaces;

namespace Laptime.Guardrails;

/// <summary>
/// Makes up for what the earlier loop left out: the steps, the profile. On a clean checkout of the very commit everything is done as the safe environment does it, and has to give the very
/// digest: then the artifact is what the safe loop would have made. An artifact that comes out otherwise is not paid for, and nothing of it is rolled out.
/// </summary>
internal sealed class ParityPayment(
    TransactionRun run, TransactionDocument from, OciLayoutStore own, Builder builder, Action<BuildLine>? onLine,
    Func<string, CancellationToken, Task<(IAsyncDisposable Held, DeployScope Scope)>> checkout, Func<string, string?> environmentVariable)
{
    private readonly List<UnpaidGap> unpaid = [];
    private readonly List<string> paid = [];

    public IReadOnlyList<UnpaidGap> Unpaid => unpaid;

    public IReadOnlyList<string> Paid => paid;

    /// <summary>What the earlier loop left out, in words.</summary>
    public IEnumerable<string> Owed(IReadOnlyList<IntendedRollout> intended) => intended.SelectMany(Gaps);

    /// <summary>What serves there already was paid for when it came, or taken as it was: nothing is done with it now.</summary>
    private IReadOnlyList<string> Gaps(IntendedRollout intent) => !intent.Planned.RollsOut ? []
        : ParityGap.Between(run.Scope.Workspace.Find(intent.Planned.Name)!, from.Loop, from.Profile, from.ParityGaps, run.Scope.Profile?.Name);

    /// <summary>The same rollouts, with the fingerprint that the safe environment gives them where that was shown.</summary>
    /// <param name="dryRun">Nothing is run: what would have to be paid is told.</param>
    public async Task<IReadOnlyList<IntendedRollout>> PayAsync(IReadOnlyList<IntendedRollout> intended, bool dryRun, CancellationToken cancel)
    {
        var owed = intended.Select(i => (Intent: i, Gaps: Gaps(i))).Where(o => o.Gaps.Count > 0).ToList();
        if (owed.Count == 0)
        {
            return intended;
        }

        var results = intended.ToDictionary(i => i.Planned.Name, StringComparer.Ordinal);
        foreach (var group in owed.GroupBy(o => Commit(o.Intent)))
        {
            var names = group.Select(g => g.Intent.Planned.Name).ToHashSet(StringComparer.Ordinal);
            var words = group.SelectMany(g => g.Gaps).ToList();
            if (group.Key is not { } commit)
            {
                unpaid.AddRange(words.Select(w => new UnpaidGap($"{w}, and {from.Id} was made of files that are no commit", "commit, publish and deploy that, then promote")));
            }
            else if (dryRun)
            {
                paid.AddRange(words.Select(w => $"{w}: would be made up for on {commit[..12]}"));
            }
            else
            {
                await PayAsync(commit, names, group.Select(g => (g.Intent, g.Gaps)).ToList(), results, cancel);
            }
        }

        return [.. intended.Select(i => results[i.Planned.Name])];
    }

    private string? Commit(IntendedRollout intent) => intent.Provenance?.Revision ?? (from.Trigger is { Dirty: false, Revision: { } commit } ? commit : null);

    private async Task PayAsync(
        string commit, HashSet<string> names, List<(IntendedRollout Intent, IReadOnlyList<string> Gaps)> owed, Dictionary<string, IntendedRollout> results, CancellationToken cancel)
    {
        using var segment = run.Timeline.Begin("build", kind: "parity");
        var (held, scope) = await checkout(commit, cancel);
        await using var end = held;
        var options = new DeployOptions { Selected = names, Parallel = run.Options.Parallel };
        var there = new TransactionRun(scope, options, run.Timeline, run.Log, run.Clock);
        var looking = new Detector(scope, own, null, null, builder.Runner, environmentVariable, run.Clock);
        var detected = await looking.DetectAsync(options, toAct: true, run.Timeline, cancel);
        var plan = Planner.Make(scope.Workspace, scope.Environment, detected.Facts);
        foreach (var planned in plan.Components)
        {
            there.Tell(ComponentReports.Describe(planned, detected));
        }

        Plan built;
        try
        {
            built = await new BuildPhase(there, detected, looking, own, new ArtifactFetch(own, null), null, new EarlierBuilds(there, own, detected.Lookups), builder, onLine).RunAsync(plan, cancel);
        }
        catch (FaultException e) when (e.Fault.Outcome == Outcome.BuildFailed)
        {
            unpaid.AddRange(owed.SelectMany(o => o.Gaps).Select(g => new UnpaidGap($"{g}, and failed when it was made up for: {e.Fault.What}", e.Fault.Mend ?? "correct it, publish, deploy, promote that")));
            return;
        }

        foreach (var (intent, gaps) in owed)
        {
            var made = built.Components.First(c => c.Name == intent.Planned.Name);
            if (made.Artifact == intent.Planned.Artifact)
            {
                paid.AddRange(gaps.Select(g => $"{g}: made up for on {commit[..12]}, same digest {made.Artifact.Short}"));
                results[made.Name] = intent with { Planned = intent.Planned with { Fingerprint = made.Fingerprint } };
            }
            else
            {
                unpaid.AddRange(gaps.Select(g => new UnpaidGap(
                    $"{g}; done in full, {commit[..12]} gives {made.Artifact.Short} and not {intent.Planned.Artifact.Short}", $"publish what {run.Scope.Environment.Name} would build (`lap publish --env {run.Scope.Environment.Name}`) and deploy that, or make the build reproducible")));
            }
        }

        segment.End();
    }
}
