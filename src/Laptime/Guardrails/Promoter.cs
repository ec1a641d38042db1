using Laptime.Artifacts;
using Laptime.Artifacts.Provenance;
using Laptime.Building;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Planning;
using Laptime.Processes;
using Laptime.Signals;
using Laptime.Targets;
using Laptime.Timing;
using Laptime.Transactions;
using Laptime.Workspaces;

namespace Laptime.Guardrails;

/// <summary>
/// Brings the artifacts of an earlier transaction to a safe environment, by digest: nothing is built for it. What the earlier loop left out is made up for first, on the same commit, and has
/// to come out with the same digest; then the guardrails are asked; then it is rolled out under them.
/// </summary>
/// <param name="scope">The environment that it goes to.</param>
/// <param name="from">The transaction that is promoted.</param>
/// <param name="lookup">Says where artifacts come from.</param>
/// <param name="guard">The guardrails of the environment.</param>
/// <param name="checkout">Opens a clean checkout of a commit and gives the same environment in it.</param>
public sealed class Promoter(
    DeployScope scope, TransactionDocument from, Detector detector, OciLayoutStore own, ArtifactLookup lookup, Builder builder, Action<BuildLine>? onLine, Target target, Prober prober, Guard guard,
    Func<string, CancellationToken, Task<(IAsyncDisposable Held, DeployScope Scope)>> checkout, Func<string, string?> environmentVariable, TransactionLog log, TimeProvider clock)
{
    /// <summary>Reads what a ledger records; null: ledgers are not read.</summary>
    public LedgerLook? Ledgers { get; init; }

    public Task<TransactionDocument> PromoteAsync(DeployOptions options, bool dryRun, Timeline timeline, CancellationToken cancel) => TransactionFrame.RunAsync(
        new TransactionRun(scope, options, timeline, log, clock), run => WorkAsync(run, dryRun, cancel),
        // The change is the same one: its interval begins where it began, and the time that it lay in between is told as waiting.
        () => from.Trigger is { Event: "commit" or "merge" or "save" } began ? Task.FromResult(began) : null,
        () => target.SettleAsync(CancellationToken.None), cancel);

    private async Task<Outcome> WorkAsync(TransactionRun run, bool dryRun, CancellationToken cancel)
    {
        log.Change(d => d with { PromotedFrom = from.Id });
        var promoted = from.Components.Where(c => scope.Workspace.Find(c.Name)?.Run is not null && Digest.TryParse(c.Artifact ?? "", out _) && (run.Options.Selected?.Contains(c.Name) ?? true)).ToList();
        if (promoted.Count == 0)
        {
            throw new LapException($"{from.Id} has no artifact that runs in {scope.Environment.Name}", scope.Environment.Name, "promote a transaction that deployed something: `lap history`");
        }

        var detected = await detector.DetectAsync(run.Options with { Selected = promoted.Select(c => c.Name).ToHashSet(StringComparer.Ordinal) }, toAct: !dryRun, run.Timeline, cancel);
        if (await lookup.ReadyAsync(run.Timeline, cancel) is { } news)
        {
            log.Warn(news);
        }

        var intended = new List<IntendedRollout>();
        foreach (var component in promoted)
        {
            intended.Add(await IntendAsync(run, component, detected, cancel));
        }

        var gaps = new ParityPayment(run, from, own, builder, onLine, checkout, environmentVariable);
        if (!dryRun)
        {
            await RequireAffordableAsync(run, intended, detected, gaps, cancel);
        }

        intended = [.. await gaps.PayAsync(intended, dryRun, cancel)];
        foreach (var planned in intended.Select(i => i.Planned))
        {
            run.Tell(ComponentReports.Describe(planned, detected) with { Provenance = intended.First(i => i.Planned == planned).Provenance });
        }

        run.Count(c => c with { Skipped = intended.Count(i => i.Planned.Action == ActionKind.Skip) });
        var rollouts = intended.Where(i => i.Planned.RollsOut).ToList();
        var intent = Intent(run, intended, detected) with { Gaps = gaps.Unpaid, Paid = gaps.Paid, DryRun = dryRun };
        await guard(intent, cancel);
        if (dryRun || rollouts.Count == 0)
        {
            return dryRun ? Outcome.Planned : Outcome.Unchanged;
        }

        foreach (var planned in rollouts.Select(r => r.Planned))
        {
            if (await new ArtifactFetch(own, lookup.Shared).TryAsync(planned, null, run.Timeline, cancel) is { } gone)
            {
                throw SafeLoop.Refusal([(planned.Name, gone)]);
            }
        }

        using (var wait = run.Timeline.Begin("wait", kind: "journal"))
        {
            log.Begin(ProcessOwner.Current());
            wait.End();
        }

        var phase = new RolloutPhase(run, own, target, prober) { Migrations = new Migrations(run, builder.Runner, Ledgers), Agreed = (held, token) => guard(intent with { Held = held }, token) };
        await TakeBack.UnlessAllAsync(run, detected.Facts, phase, async () =>
        {
            await phase.RolloutGivenAsync(rollouts.ToDictionary(r => r.Planned.Name, r => r.Planned, StringComparer.Ordinal), detected.Facts, cancel);
            return rollouts.Count;
        }, cancel);
        return Outcome.Reflected;
    }

    /// <summary>What is cheap to ask comes first: nothing is made up for that would be refused anyway.</summary>
    private async Task RequireAffordableAsync(TransactionRun run, IReadOnlyList<IntendedRollout> intended, Detected detected, ParityPayment gaps, CancellationToken cancel)
    {
        try
        {
            await guard(Intent(run, intended, detected) with { DryRun = true }, cancel);
        }
        catch (FaultException e) when (e.Fault.Outcome == Outcome.GuardrailRefused)
        {
            // Asked once more, so that it is recorded, with what is still owed.
            await guard(Intent(run, intended, detected) with { Owed = [.. gaps.Owed(intended)] }, cancel);
        }
    }

    private RolloutIntent Intent(TransactionRun run, IReadOnlyList<IntendedRollout> intended, Detected detected) => new()
    {
        Run = run, Observed = detected.Observed, From = from, Components = intended.Where(i => i.Planned.RollsOut).ToList() is { Count: > 0 } rollouts ? rollouts : intended,
    };

    private async Task<IntendedRollout> IntendAsync(TransactionRun run, ComponentReport component, Detected detected, CancellationToken cancel)
    {
        var artifact = Digest.Parse(component.Artifact!);
        var fingerprint = Digest.TryParse(component.Fingerprint ?? "", out var known) ? known : Digest.None;
        var answer = await lookup.FindAsync(component.Name, fingerprint, [], run.Timeline, cancel);
        if (answer is LookupAnswer.Prebuilt other && other.Artifact != artifact)
        {
            answer = new LookupAnswer.Fallback("untrusted", $"the provenance of its inputs speaks of {other.Artifact.Short}, and {from.Id} deployed {artifact.Short}", "deploy what was published, then promote that transaction") { Judged = other.Judged };
        }

        var key = DeploymentKey.Of(artifact, detected.Facts.RunSettings[component.Name]);
        var serves = detected.Facts.Observed.GetValueOrDefault(component.Name) is { Serving: true } running && running.Artifact == artifact && running.DeploymentKey == key;
        var wanted = detected.Facts.Fingerprints.GetValueOrDefault(component.Name);
        return new IntendedRollout(
            new PlannedComponent
            {
                Name = component.Name, Action = serves ? ActionKind.Skip : ActionKind.LookupAndRollout, Cause = serves ? Cause.DigestAlreadyDeployed : CauseOf(component, detected),
                Detail = serves ? [] : [$"{component.Revision} of {from.Id} ({from.Environment})"],
                Fingerprint = wanted?.Value == fingerprint ? wanted : new ComponentFingerprint(component.Name, fingerprint, []), Artifact = artifact, DeploymentKey = key, Prebuilt = answer is LookupAnswer.Prebuilt,
            },
            (answer as LookupAnswer.Prebuilt)?.Provenance, answer as LookupAnswer.Fallback, answer.Judged);
    }

    private static Cause CauseOf(ComponentReport component, Detected detected) => detected.Facts.Observed.GetValueOrDefault(component.Name) is not { } running ? Cause.NeverDeployed
        : running.Artifact.ToString() == component.Artifact ? Cause.RunSettingsChanged : Cause.InputsChanged;
}
