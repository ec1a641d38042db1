using System.CommandLine;
using Laptime.Cli.Rendering;
using Laptime.Foundations;
using Laptime.Planning;
using Laptime.Timing;
using Laptime.Transactions;

namespace Laptime.Cli.Commands;

/// <summary>`lap plan` and `lap why`: questions. They run nothing but `tool:` commands' versions, and write nothing.</summary>
internal static class PlanCommands
{
    private static readonly Argument<string> One = new("COMPONENT") { HelpName = "COMPONENT", Description = "The component to explain", CompletionSources = { static _ => DeployFlags.ComponentNames() } };
    private static readonly Option<bool> All = Flag.Switch("--all", "Every fact, not only the first ten");

    public static Command Plan() => Verb.Make(
        "plan", "Show what a deploy would do, and why. Runs and writes nothing.",
        [DeployFlags.Components, DeployFlags.Profile, DeployFlags.Full, DeployFlags.Force, DeployFlags.DetailedExitCode],
        async session =>
        {
            var document = await MakeAsync(session, DeployFlags.Read(session));
            Results.Plan(document, session.Terminal, Console.Out);
            return session.Arguments.GetValue(DeployFlags.DetailedExitCode) && document.Components.Any(c => c.Action != "skip") ? Outcome.HasChanges.ExitCode : 0;
        },
        "lap plan", "lap plan gateway -o json", "lap plan --detailed-exitcode    3 when something would be done");

    public static Command Why() => Verb.Make(
        "why", "Say why a component would be built, rolled out or skipped, and why it last was.",
        [One, DeployFlags.Profile, All],
        async session =>
        {
            var name = session.Arguments.GetValue(One)!;
            session.Select([name]);
            var document = await MakeAsync(session, new DeployOptions());
            var component = document.Components.First(c => c.Name == name);
            if (session.Json)
            {
                Console.Out.Write(Results.Json(document with { Components = [component] }));
                return 0;
            }

            using var journal = session.OpenJournalForReading();
            var last = journal?.List(session.Scope.Environment.Name, 50).FirstOrDefault(t => t.Components.Any(c => c.Name == name && c.Action != "skip"));
            Console.Out.Write(WhyView.Render(component, null, session.Arguments.GetValue(All), session.Terminal));
            if (last?.Components.First(c => c.Name == name) is { } before)
            {
                Console.Out.Write("\n" + WhyView.Render(before, last.Id, session.Arguments.GetValue(All), session.Terminal));
            }

            return 0;
        },
        "lap why gateway");

    private static async Task<TransactionDocument> MakeAsync(Session session, DeployOptions options)
    {
        session.TellOfAbandoned();
        var scope = session.Scope;
        await using var target = session.OpenTarget(mayLaunch: false);
        var timeline = new Timeline(session.Clock, static _ => { });
        var detector = new Detector(scope, session.Store, session.Lookup, target, session.Runner, Environment.GetEnvironmentVariable, session.Clock);
        var detected = await detector.DetectAsync(options, toAct: false, timeline, session.Shutdown.Token);
        var plan = Planner.Make(scope.Workspace, scope.Environment, detected.Facts);
        if (session.Lookup is { } lookup)
        {
            plan = await lookup.AttestAsync(plan, detected, timeline, session.Shutdown.Token);
        }

        return Transaction.First(session, scope, "plan", timeline.Started) with
        {
            Outcome = Outcome.Planned.Name,
            ExitCode = 0,
            Components = [.. plan.Components.Select(c => ComponentReports.Describe(c, detected))],
            ParityGaps = ParityGap.Of(scope.Workspace, scope.Environment, scope.Profile?.Name, plan, detected.Facts.Records, options.Full, noSmoke: false),
            Warnings = [.. detected.Facts.Unreadable is { } why ? [$"the target could not be read: {why}; every running component is planned for a rollout"] : (string[])[], .. detected.Scan.Warnings, .. plan.Warnings],
            Counters = new CounterReport { Skipped = plan.Components.Count(c => c.Action == ActionKind.Skip) },
        };
    }
}
