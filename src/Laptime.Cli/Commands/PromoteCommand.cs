using System.CommandLine;
using Laptime.Building;
using Laptime.Cli.Rendering;
using Laptime.Foundations;
using Laptime.Guardrails;
using Laptime.Signals;
using Laptime.Transactions;
using Laptime.Workspaces;

namespace Laptime.Cli.Commands;

/// <summary>`lap promote`: the one hand-off from the fast loop to the safe one.</summary>
internal static class PromoteCommand
{
    private const int Searched = 1000;

    public static readonly Option<string?> To = Flag.Text("--to", "The environment that it goes to", "ENV");
    private static readonly Option<string?> From = Flag.Text("--tx", "The transaction to promote (default: the last good one of the environment that promotions come from)", "TX");
    private static readonly Option<bool> DryRun = Flag.Switch("--dry-run", "Show every guardrail with its evidence, and do nothing");

    public static Command Make() => Verb.Make(
        "promote",
        "Bring the artifacts of a transaction to a safe environment, by digest: what its loop left out is made up for, the guardrails are asked, nothing is built anew.",
        [
            DeployFlags.Components, To, From, DryRun, SafetyFlags.Override, SafetyFlags.Reason, DeployFlags.RolloutTimeout, DeployFlags.ReadyTimeout, DeployFlags.ReconcileTimeout, DeployFlags.Poll,
            DeployFlags.LockTimeout, DeployFlags.Parallel, DeployFlags.Traces,
        ],
        RunAsync,
        "lap promote --to production                    the last good transaction of the environment that promotions come from",
        "lap promote --to production --dry-run          every guardrail with its evidence",
        "lap promote --to production --tx tx-20261121-110329-7f3a9c",
        "lap promote --to production --override freeze --reason \"incident 4711\"");

    private static async Task<int> RunAsync(Session session)
    {
        var scope = session.Scope;
        if (session.Arguments.GetValue(To) is null && session.Arguments.GetValue(Global.Environment) is null)
        {
            throw new LapException("where to?", "--to", "lap promote --to " + (session.Workspace.Environments.FirstOrDefault(e => e.Loop == Loop.Safe)?.Name ?? "ENV"));
        }

        if (scope.Environment.Loop != Loop.Safe)
        {
            throw new LapException($"{scope.Environment.Name} is of the fast loop: nothing is promoted to it", scope.Environment.At?.ToString(), $"lap deploy --env {scope.Environment.Name}, or write `loop: safe`");
        }

        var from = Find(session);
        var options = DeployFlags.Read(session);
        var dryRun = session.Arguments.GetValue(DryRun);
        var safety = new Safety(session);
        var guard = safety.Guard()!;
        using var lookup = session.OpenLookup();
        await using var target = session.OpenTarget(mayLaunch: !dryRun);
        if (dryRun)
        {
            return await ShowAsync(session, from, options, guard, lookup, target);
        }

        TransactionDocument? ended = null;
        var code = await Transaction.RecordAsync(session, "promote", async (log, show, timeline, cancel) =>
        {
            ended = await MakePromoter(session, from, guard, lookup, target, log, show).PromoteAsync(options, dryRun: false, timeline, cancel);
            return ended;
        }, (document, cancel) => ProofWriter.SaveAsync(session, options, document, target, cancel));
        if (ended is not null)
        {
            await new SummaryFiles(session, safety).WriteAsync(ended with { ExitCode = code }, CancellationToken.None);
        }

        return code;
    }

    private static async Task<int> ShowAsync(Session session, TransactionDocument from, DeployOptions options, SafeLoopGuard guard, ArtifactLookup lookup, Targets.Target target)
    {
        var timeline = new Timing.Timeline(session.Clock, static _ => { });
        var log = new TransactionLog(static () => throw new System.Diagnostics.UnreachableException("nothing is recorded of a question"), static _ => { });
        log.Open(Transaction.First(session, session.Scope, "promote", timeline.Started));
        var document = await MakePromoter(session, from, guard, lookup, target, log, static _ => { }).PromoteAsync(options, dryRun: true, timeline, session.Shutdown.Token);
        document = document with { Segments = [], Interval = null, Dominant = null };
        Results.Promotion(document, session.Terminal, Console.Out);
        return document.ExitCode ?? Outcome.InternalError.ExitCode;
    }

    private static Promoter MakePromoter(Session session, TransactionDocument from, SafeLoopGuard guard, ArtifactLookup lookup, Targets.Target target, TransactionLog log, Action<BuildLine> show)
    {
        var scope = session.Scope;
        return new Promoter(
            scope, from, new Detector(scope, session.Store, null, target, session.Runner, Environment.GetEnvironmentVariable, session.Clock), session.Store, lookup, new Builder(session.Runner, session.Clock), show, target,
            new Prober(session.Clock), guard.RequireAsync, new Safety(session).CheckOutAsync, Environment.GetEnvironmentVariable, log, session.Clock)
        {
            Ledgers = (name, stop) => LedgerCommands.HeadAsync(session, name, stop),
        };
    }

    private static TransactionDocument Find(Session session)
    {
        var scope = session.Scope;
        using var journal = session.OpenJournalForReading() ?? throw new LapException("nothing was deployed here yet, so there is nothing to promote", session.Workspace.Root, ComesFrom(session) is { } first ? $"lap publish --env {first}, then lap deploy --env {first}" : "lap publish, then lap deploy");
        if (session.Arguments.GetValue(From) is { } named)
        {
            var one = ReportView.Find(journal, named);
            return one is { ExitCode: 0, Outcome: "reflected" or "unchanged" } && one.Environment != scope.Environment.Name ? one
                : throw new LapException(
                    one.Environment == scope.Environment.Name ? $"{one.Id} was in {one.Environment} already" : $"{one.Id} ended with {one.Outcome ?? "nothing"}: nobody saw it serve", "--tx",
                    "promote a transaction that was reflected in an earlier environment: `lap history`");
        }

        var environment = ComesFrom(session)
            ?? throw new LapException("there is no environment that promotions come from", scope.Environment.At?.ToString(), "say which transaction: --tx TX; or name one: guardrails: { from: ENV }");
        return journal.List(environment, Searched).FirstOrDefault(t => t is { ExitCode: 0, Outcome: "reflected" or "unchanged", MeasuredFor: null } && t.Components.Any(c => c.Artifact is not null))
            ?? throw new LapException($"no transaction of {environment} was reflected yet", environment, $"lap deploy --env {environment}, then promote it");
    }

    private static string? ComesFrom(Session session) => session.Scope.Environment.Guardrails.From ?? session.Workspace.Environments.FirstOrDefault(e => e.Loop == Loop.Fast)?.Name;
}
