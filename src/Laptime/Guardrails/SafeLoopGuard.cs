using System.Text.Json.Nodes;
using Laptime.Artifacts;
using Laptime.Foundations;
using Laptime.Planning;
using Laptime.Processes;
using Laptime.Targets;
using Laptime.Transactions;
using Laptime.Workspaces;

namespace Laptime.Guardrails;

/// <summary>
/// The guardrails of a safe environment: every one is looked at, so that one refusal names all of them, each with its reason, evidence and cure. What was asked and answered
/// is in the audit log before anything is touched.
/// </summary>
/// <param name="stores">Where artifacts are, the nearest first.</param>
/// <param name="journal">Opens it for reading; null: nothing was ever recorded.</param>
/// <param name="ledgers">What is refused of the ledgers (governance always, behaviour by their policy), a line each; null: there are no ledgers.</param>
/// <param name="record">Adds an entry to the audit log.</param>
/// <param name="command">A command of laptime.yaml, ready to run.</param>
public sealed class SafeLoopGuard(
    DeployScope scope, IReadOnlyList<ArtifactStore> stores, Func<Journal?> journal, Func<CancellationToken, Task<IReadOnlyList<string>>>? ledgers, GuardrailOverride overrides,
    Func<string, JsonObject, CancellationToken, Task> record, Func<CommandLine, Command> command, ProcessRunner runner, TimeProvider clock)
{
    private const int MostHistory = 500;

    private GuardrailSettings Policy => scope.Environment.Guardrails;

    /// <summary>The names that `--override` was given.</summary>
    /// <exception cref="LapException">There is no such guardrail, or no reason was given.</exception>
    public static GuardrailOverride ReadOverrides(IReadOnlyList<string> names, string? reason)
    {
        if (names.Count == 0)
        {
            return reason is null ? GuardrailOverride.None : throw new LapException("--reason is the reason of an --override", "--reason", "name the guardrail: --override freeze --reason TEXT");
        }

        var known = Enum.GetNames<GuardrailName>().Select(n => n.ToLowerInvariant()).ToList();
        if (names.FirstOrDefault(n => !known.Contains(n.ToLowerInvariant())) is { } strange)
        {
            throw new LapException($"there is no guardrail {strange}", "--override", NearestName.Suggest(strange, known));
        }

        return string.IsNullOrWhiteSpace(reason)
            ? throw new LapException("--override needs a reason, which is recorded", "--override", "--override freeze --reason \"incident 4711: the fix cannot wait\"")
            : new GuardrailOverride(names.Select(n => Enum.Parse<GuardrailName>(n, ignoreCase: true)).ToHashSet(), reason.Trim());
    }

    /// <summary>Looks at all guardrails, tells them to the transaction, and refuses when one of them does.</summary>
    /// <exception cref="FaultException">Refused (21), with every reason and cure.</exception>
    public async Task RequireAsync(RolloutIntent intent, CancellationToken cancel)
    {
        IReadOnlyList<Guardrail> verdicts;
        using (var asking = intent.Run.Timeline.Begin("lookup", kind: "guardrails"))
        {
            verdicts = intent.Held is { } held ? overrides.Apply([FreezeCheck.Of(Policy.Freeze, clock.GetUtcNow()), Rollouts(held.Holder)], Policy) : await JudgeAsync(intent, cancel);
            asking.End();
        }

        var again = verdicts.Select(v => v.Report()).ToDictionary(r => r.Name, StringComparer.Ordinal);
        intent.Run.Log.Change(d => d with { Guardrails = intent.Held is null ? [.. again.Values] : [.. (d.Guardrails ?? []).Select(g => again.GetValueOrDefault(g.Name, g))] });
        var refused = verdicts.Where(v => v.Status == GuardrailStatus.Refused).ToList();
        if (intent.Held is not null && refused.Count == 0)
        {
            return;
        }

        if (!intent.DryRun)
        {
            await record(refused.Count > 0 ? "refused" : "allowed", new JsonObject
            {
                ["transaction"] = intent.Run.Id, ["environment"] = scope.Environment.Name, ["verb"] = intent.Run.Log.Document.Verb,
                ["components"] = new JsonObject([.. intent.Components.Select(c => KeyValuePair.Create(c.Planned.Name, (JsonNode?)JsonValue.Create(c.Planned.Artifact.ToString())))]),
                ["guardrails"] = new JsonObject([.. verdicts.Select(v => KeyValuePair.Create(v.Text, (JsonNode?)JsonValue.Create(v.Report().Status)))]),
                ["overrides"] = new JsonObject([.. verdicts.Where(v => v.Status == GuardrailStatus.Overridden).Select(v => KeyValuePair.Create(v.Text, (JsonNode?)JsonValue.Create(v.Reason)))]),
            }, cancel);
        }

        foreach (var opened in intent.DryRun ? [] : verdicts.Where(v => v.Status is GuardrailStatus.Overridden or GuardrailStatus.Reported))
        {
            intent.Run.Log.Warn(opened.Status == GuardrailStatus.Overridden ? $"{opened.Text} was overridden ({opened.Reason}): {opened.What}" : $"{opened.Text} would refuse, and only reports here: {opened.What}");
        }

        if (refused.Count > 0)
        {
            throw new FaultException(new Fault(
                Outcome.GuardrailRefused, $"{scope.Environment.Name} refuses: {string.Join("; ", refused.Select(r => $"{r.Text}: {r.What}"))}", scope.Environment.At?.ToString() ?? scope.Environment.Name,
                string.Join("; ", refused.Select(r => $"{r.Text}: {r.Mend}"))));
        }
    }

    /// <summary>Every verdict, in the order of the names, under the policy.</summary>
    public async Task<IReadOnlyList<Guardrail>> JudgeAsync(RolloutIntent intent, CancellationToken cancel)
    {
        using var open = journal();
        var history = open?.List(scope.Environment.Name, MostHistory) ?? [];
        List<Guardrail> verdicts =
        [
            Provenance(intent), Builder(intent), await ReviewAsync(intent, history, cancel), Parity(intent), Smoke(intent, open), await RollbackAsync(intent, history, cancel), await LedgerAsync(cancel),
            FreezeCheck.Of(Policy.Freeze, clock.GetUtcNow()), Rollouts(null),
        ];
        return overrides.Apply(verdicts, Policy);
    }

    private static Guardrail Provenance(RolloutIntent intent)
    {
        var without = intent.Components.Where(c => c.Provenance is null).ToList();
        return (without.Count == 0
            ? Guardrail.Pass(GuardrailName.Provenance, "every artifact was built at a trusted event, and its signature holds",
                [.. intent.Components.Select(c => $"{c.Planned.Name} {c.Planned.Artifact.Short}: {c.Provenance!.Source} {c.Provenance.Revision?[..12]} by {c.Provenance.Builder}")])
            : Guardrail.Refuse(GuardrailName.Provenance, string.Join("; ", without.Select(c => $"{c.Planned.Name}: {c.Refusal?.Why ?? "its artifact has no provenance"}")),
                string.Join("; ", without.Select(c => c.Refusal?.Mend ?? "`lap publish` builds it, signs where it comes from and puts it into the store").Distinct()), [.. without.Select(c => $"{c.Planned.Name}: {c.Refusal?.Reason ?? "missing"}")]))
            with { Attestations = [.. intent.Components.Select(c => c.Judged).OfType<AttestationRef>()] };
    }

    private Guardrail Builder(RolloutIntent intent)
    {
        if (Policy.Builders.Count == 0)
        {
            return intent.Components.Any(c => c.Provenance is null) ? Guardrail.NotAsked(GuardrailName.Builder, "nobody knows who built: there is no provenance")
                : Guardrail.Pass(GuardrailName.Builder, "built by builders of the trust rules", [.. intent.Components.Select(c => c.Provenance!.Builder).Distinct()]);
        }

        var strange = intent.Components.Where(c => c.Provenance is null || !Policy.Builders.Any(b => b.EndsWith('*') ? c.Provenance.Builder.StartsWith(b[..^1], StringComparison.Ordinal) : b == c.Provenance.Builder)).ToList();
        return strange.Count == 0
            ? Guardrail.Pass(GuardrailName.Builder, "built by builders that this environment takes artifacts from", [.. intent.Components.Select(c => c.Provenance!.Builder).Distinct()])
            : Guardrail.Refuse(GuardrailName.Builder, string.Join("; ", strange.Select(c => $"{c.Planned.Name} was built by {c.Provenance?.Builder ?? "nobody knows whom"}")),
                $"publish from {string.Join(" or ", Policy.Builders)}, or add the builder to guardrails.builders", [.. strange.Select(c => $"{c.Planned.Name}: {c.Provenance?.Builder ?? "no provenance"}")]);
    }

    private async Task<Guardrail> ReviewAsync(RolloutIntent intent, IReadOnlyList<TransactionDocument> history, CancellationToken cancel)
    {
        if (Policy.Review is not { } review)
        {
            return Guardrail.NotAsked(GuardrailName.Review, "guardrails.review asks for none");
        }

        // Each component's commits: from those of what serves of it to those of what is rolled out.
        var ranges = intent.Components.Select(c => (From: Serving(c.Planned.Name), To: c.Provenance?.Revision ?? intent.From?.Trigger?.Revision)).Where(r => r.To is not null).Distinct().ToList();
        if (ranges.Count == 0)
        {
            return Guardrail.Refuse(GuardrailName.Review, "no commit is known that could have been reviewed", "publish from a commit: `lap publish`");
        }

        Git git;
        try
        {
            git = await Git.OpenAsync(runner, scope.Workspace.Root, "a review is of a commit, and this is no git repository", cancel);
        }
        catch (LapException e)
        {
            return Guardrail.Refuse(GuardrailName.Review, e.Problems[0].What, e.Problems[0].Mend ?? "git init");
        }

        var source = new ReviewSource(review, git, scope.Workspace.Root, runner, command);
        return await source.CheckAsync(ranges!, cancel) with { Attestations = source.Read };

        string? Serving(string component) => intent.Observed.FirstOrDefault(o => o.Component == component) is not { } running ? null
            : history.Where(t => t.ExitCode == 0).SelectMany(t => t.Components).FirstOrDefault(c => c.Name == component && c.Artifact == running.Artifact.ToString() && c.Provenance?.Revision is not null)?.Provenance!.Revision;
    }

    private static Guardrail Parity(RolloutIntent intent) =>
        intent.From is null ? Guardrail.NotAsked(GuardrailName.Parity, "this is the safe loop's own build")
        : intent.Owed.Count > 0 ? Guardrail.NotAsked(GuardrailName.Parity, "what was left out is made up for once nothing else refuses") with { Evidence = intent.Owed }
        : intent.Gaps is { Count: > 0 } gaps
            ? Guardrail.Refuse(GuardrailName.Parity, string.Join("; ", gaps.Select(g => g.What)), string.Join("; ", gaps.Select(g => g.Mend).Distinct()), [.. gaps.Select(g => g.What)])
            : Guardrail.Pass(GuardrailName.Parity, intent.Paid.Count == 0 ? $"{intent.From.Id} left nothing out of what is rolled out" : $"what {intent.From.Id} left out was made up for", intent.Paid);

    private Guardrail Smoke(RolloutIntent intent, Journal? open)
    {
        var undefined = intent.Components.Where(c => scope.Workspace.Find(c.Planned.Name)!.Probes.Smoke.Count == 0).Select(c => c.Planned.Name).ToList();
        if (undefined.Count > 0)
        {
            return Guardrail.Refuse(GuardrailName.Smoke, $"no smoke check is defined for {string.Join(", ", undefined)}", "add probes.smoke: what shows that it does its work", [.. undefined.Select(c => $"{c}: probes.smoke is empty")]);
        }

        if (intent.Run.Options.NoSmoke)
        {
            return Guardrail.Refuse(GuardrailName.Smoke, "--no-smoke leaves the smoke checks out", "leave --no-smoke out", "--no-smoke was given");
        }

        if (intent.From is null && Policy.From is null)
        {
            return Guardrail.Pass(GuardrailName.Smoke, "smoke checks are defined, and run here before users reach it");
        }

        var earlier = intent.From?.Environment ?? Policy.From!;
        var passed = intent.From is { } from ? [from] : open?.List(earlier, MostHistory) ?? [];
        var evidence = intent.Components.Select(c => (c.Planned.Name, c.Planned.Artifact, In: passed.FirstOrDefault(t => t.ExitCode == 0 && t.Components.Any(r => r.Name == c.Planned.Name && r.Artifact == c.Planned.Artifact.ToString()
            && (r.Signals.Smoke.Status == "pass" || (t == intent.From && PassedBefore(open, earlier, r))))))).ToList();
        return evidence.All(e => e.In is not null)
            ? Guardrail.Pass(GuardrailName.Smoke, $"defined, and passed in {earlier}", [.. evidence.Select(e => $"{e.Name} {e.Artifact.Short}: {e.In!.Id}")])
            : Guardrail.Refuse(GuardrailName.Smoke, $"nothing shows that the smoke checks of {string.Join(", ", evidence.Where(e => e.In is null).Select(e => e.Name))} passed in {earlier}",
                $"`lap deploy --env {earlier} --recreate` rolls it out there again, with its smoke checks; then promote that transaction",
                [.. evidence.Select(e => $"{e.Name} {e.Artifact.Short}: {(e.In is { } good ? good.Id : intent.From?.Components.FirstOrDefault(c => c.Name == e.Name) is { } seen ? $"smoke {seen.Signals.Smoke.Status} in {intent.From.Id}" : $"never seen in {earlier}")}")]);
    }

    /// <summary>A component that was skipped in the transaction was checked when it was rolled out.</summary>
    private static bool PassedBefore(Journal? open, string environment, ComponentReport skipped) =>
        skipped.Action == "skip" && (open?.List(environment, MostHistory) ?? []).Any(t => t.ExitCode == 0 && t.Components.Any(c => c.Name == skipped.Name && c.Artifact == skipped.Artifact && c.Signals.Smoke.Status == "pass"));

    private async Task<Guardrail> RollbackAsync(RolloutIntent intent, IReadOnlyList<TransactionDocument> history, CancellationToken cancel)
    {
        var probe = new RollbackProbe(stores, history, Policy.RollbackAge, clock.GetUtcNow());
        var records = new StateStore(scope.EnvironmentFolder).Load();
        var targets = new List<RollbackTarget>();
        foreach (var planned in intent.Components.Select(c => c.Planned))
        {
            if (intent.Observed.FirstOrDefault(o => o.Component == planned.Name) is not { } running)
            {
                continue;
            }

            var known = records.GetValueOrDefault(planned.Name)?.FirstOrDefault(r => r.Artifact == running.Artifact);
            targets.Add(known is null
                ? new RollbackTarget(planned.Name, running.Revision ?? running.Artifact.Short, running.Artifact, RollbackStatus.Stale, "it was not deployed from this checkout, which knows nothing of it")
                : await probe.ProbeAsync(known, cancel));
        }

        if (targets.Count == 0)
        {
            return Guardrail.Pass(GuardrailName.Rollback, "nothing of it serves here yet: there is nothing to go back to");
        }

        var bad = targets.Where(t => t.Status != RollbackStatus.Proven).ToList();
        IReadOnlyList<string> evidence = [.. targets.Select(t => t.Line)];
        return bad.Count == 0
            ? Guardrail.Pass(GuardrailName.Rollback, $"{targets.Count} rollback {(targets.Count == 1 ? "target is" : "targets are")} proven", evidence)
            : Guardrail.Refuse(GuardrailName.Rollback, string.Join("; ", bad.Select(t => t.Line)), string.Join("; ", bad.Select(Mend).Distinct()), evidence);
    }

    private static string Mend(RollbackTarget target) => target.Status switch
    {
        RollbackStatus.Missing => "publish the commit that serves again (`lap publish` from a checkout of it), or accept that there is no way back: --override rollback",
        RollbackStatus.Stale => "deploy what serves once more, with its smoke checks, or accept it: --override rollback",
        _ => "take the schema change back, or accept that there is no way back: --override rollback",
    };

    private async Task<Guardrail> LedgerAsync(CancellationToken cancel)
    {
        if (ledgers is null)
        {
            return Guardrail.NotAsked(GuardrailName.Ledger, "no ledger is declared");
        }

        try
        {
            var findings = await ledgers(cancel);
            return findings.Count == 0
                ? Guardrail.Pass(GuardrailName.Ledger, "clean on the governance axis, and nothing that `behaviour: refuse` refuses")
                : Guardrail.Refuse(GuardrailName.Ledger, string.Join("; ", findings.Take(3)) + (findings.Count > 3 ? $" and {findings.Count - 3} more" : ""), "`lap ledger check` names each with what to do", findings);
        }
        catch (FaultException e)
        {
            return Guardrail.Refuse(GuardrailName.Ledger, $"cannot be checked: {e.Fault.What}", e.Fault.Mend ?? "see what the database says", e.Fault.Where ?? "the ledger");
        }
    }

    /// <param name="own">The lock that this rollout has by now: of two that began at once, the one that had its lock first goes on. Null: it has none yet.</param>
    private Guardrail Rollouts(LockHolder? own)
    {
        if (Policy.Rollouts is not { } most)
        {
            return Guardrail.NotAsked(GuardrailName.Rollouts, "any number of rollouts may go on at once");
        }

        var others = scope.Workspace.Environments.Where(e => e.Name != scope.Environment.Name).Select(e => (e.Name, Held: EnvironmentLock.Read(scope.Folder.Environment(e.Name))))
            .Where(e => e.Held is { } held && held.Holder.Owner.IsAlive() != false && (own is null || IsBefore(held.Holder, own))).Select(e => $"{e.Name}: {e.Held!.Value.Holder.Transaction}").ToList();
        return others.Count < most
            ? Guardrail.Pass(GuardrailName.Rollouts, $"{others.Count} of {most} other rollouts go on", others)
            : Guardrail.Refuse(GuardrailName.Rollouts, $"{others.Count} rollouts go on already, and {most} at once are allowed", "wait until one of them has ended: `lap lock status`", others);

        static bool IsBefore(LockHolder one, LockHolder other) => (one.Since, one.Transaction).CompareTo((other.Since, other.Transaction)) < 0;
    }
}
