using System.CommandLine;
using System.CommandLine.Completions;
using Laptime.Cli.Rendering;
using Laptime.Foundations;
using Laptime.Measurement;
using Laptime.Reports;
using Laptime.Timing;
using Laptime.Transactions;

namespace Laptime.Cli.Commands;

/// <summary>`lap experiment`: one change, measured before and after, with what was expected written down first.</summary>
internal static class ExperimentCommands
{
    private const string StandardScenario = "full";

    private static readonly Argument<string> New = new("NAME") { Description = "What the experiment is called" };
    private static readonly Argument<string?> OpenOne = new("NAME") { Description = "The experiment (default: the one that is open)", Arity = ArgumentArity.ZeroOrOne, CompletionSources = { static _ => Names() } };
    private static readonly Argument<string?> AnyOne = new("NAME") { Description = "The experiment (default: the newest)", Arity = ArgumentArity.ZeroOrOne, CompletionSources = { static _ => Names() } };
    private static readonly Option<string?> Hypothesis = Flag.Text("--hypothesis", "What is expected, and why", "TEXT");
    private static readonly Option<string?> BaselineOf = Flag.Text("--baseline", "Take this baseline instead of recording one", "NAME");
    private static readonly Option<string?> Scenario = Flag.Text("--scenario", $"What is measured: {Measurement.Scenario.Words} (default: {StandardScenario})", "SCENARIO");
    private static readonly Option<int> Runs = Flag.Number("--runs", "Runs before, and again after", 10, 1, "-n");
    private static readonly Option<string?> EditWith = Flag.Text("--edit-with", "For edit:PATH: edit with this command (see lap baseline record)", "COMMAND");
    private static readonly Option<bool> Markdown = Flag.Switch("--markdown", "Print it as Markdown");

    public static Command Group() => Verb.Group(
        "experiment", "One change, measured before and after: what was expected, what was changed, what came of it.", Start(), Finish(), List(), Show());

    private static Command Start() => Verb.Make(
        "start", "Begin: write down what is expected, and measure how it is now.",
        [New, DeployFlags.Components, Hypothesis, BaselineOf, Scenario, Runs, DeployFlags.Profile, EditWith],
        async session =>
        {
            var arguments = session.Arguments;
            var name = CheckedName(arguments.GetValue(New)!);
            if (arguments.GetValue(Hypothesis) is not { } hypothesis || string.IsNullOrWhiteSpace(hypothesis))
            {
                throw new LapException("what do you expect?", "--hypothesis", $"lap experiment start {name} --hypothesis \"without the lint step a deploy takes a third less\"");
            }

            using (var journal = session.OpenJournalForReading())
            {
                if (journal is not null)
                {
                    new ExperimentStore(journal).CheckNew(name);
                }
            }

            if (arguments.GetValue(BaselineOf) is not null && arguments.GetValue(Scenario) is not null)
            {
                throw new LapException("--baseline and --scenario do not go together", "--scenario", "the baseline has its scenario already");
            }

            var before = arguments.GetValue(BaselineOf) is { } given
                ? BaselineCommands.Find(session, given)
                : await BaselineCommands.MakeAsync(session, new BaselineCommands.Asked(
                    arguments.GetValue(Scenario) ?? StandardScenario, arguments.GetValue(Runs), $"{name}-before-{session.Clock.GetUtcNow().UtcDateTime:yyyyMMddHHmmss}",
                    arguments.GetValue(DeployFlags.Components) ?? [], arguments.GetValue(EditWith), []));
            if (Incomplete(before) is { } code)
            {
                return code;
            }

            var now = session.Clock.GetUtcNow();
            var experiment = new Experiment
            {
                Id = RecordId.New("ex", now), Name = name, Workspace = session.Workspace.Name, Hypothesis = hypothesis.Trim(), StartedAt = now, Before = new SideName(before.Id, before.Name),
                Key = before.Key, Runs = before.Samples.Count, Dominant = RecordingComparison.DominantOf(Recording.Of(before)), At = await SnapshotAsync(session),
            };
            using (var journal = session.OpenJournal())
            {
                new ExperimentStore(journal).Start(experiment);
            }

            return Tell(session, experiment);
        },
        "lap experiment start no-lint --hypothesis \"without lint a deploy takes a third less\"",
        "lap experiment start cache --hypothesis \"restore is cached\" --scenario cold -n 5",
        "lap experiment start page --hypothesis \"the page builds faster\" --baseline edit-1");

    private static Command Finish() => Verb.Make(
        "finish", "End: measure again, say what changed since the start, and judge. One that ended inconclusive can be finished again.",
        [OpenOne, BaselineOf, Runs, DeployFlags.Profile, .. CompareCommand.Flags],
        async session =>
        {
            var arguments = session.Arguments;
            var judging = CompareCommand.JudgingOf(session);
            _ = CompareCommand.OutcomeOf(session, Verdict.NoEvidence);
            var (experiment, before) = Open(session);
            CheckScope(session, experiment);

            // Before the recording: an edit during it belongs to the next experiment.
            var now = await SnapshotAsync(session);
            var after = arguments.GetValue(BaselineOf) is { } given
                ? BaselineCommands.Find(session, given)
                : await BaselineCommands.MakeAsync(session, new BaselineCommands.Asked(
                    experiment.Key.Scenario, arguments.GetResult(Runs) is { Implicit: false } ? arguments.GetValue(Runs) : experiment.Runs,
                    $"{experiment.Name}-after-{session.Clock.GetUtcNow().UtcDateTime:yyyyMMddHHmmss}", [.. experiment.Key.Components], experiment.Key.EditWith, experiment.Key.Aside));
            if (Incomplete(after) is { } code)
            {
                return code;
            }

            var comparison = RecordingComparison.Apart(before, after, judging);
            var outcome = CompareCommand.OutcomeOf(session, comparison.Interval.Verdict);
            experiment = experiment.Finish(now, after, comparison with { Outcome = outcome.Name, ExitCode = outcome.ExitCode }, session.Clock.GetUtcNow());
            using (var journal = session.OpenJournal())
            {
                new ExperimentStore(journal).Save(experiment);
            }

            return Tell(session, experiment);
        },
        "lap experiment finish", "lap experiment finish no-lint --fail-on worse");

    private static Command List() => Verb.Make(
        "list", "The experiments of this workspace, the newest first.", [],
        session =>
        {
            using var journal = session.OpenJournalForReading();
            Console.Out.Write(ExperimentView.List(journal is null ? [] : new ExperimentStore(journal).All(), session.Terminal));
            return Task.FromResult(0);
        },
        "lap experiment list", "lap experiment list -o json");

    private static Command Show() => Verb.Make(
        "show", "One experiment: hypothesis, what changed, verdict. With --markdown as a page to keep.", [AnyOne, Markdown],
        session =>
        {
            using var journal = session.OpenJournalForReading() ?? throw new LapException("nothing was recorded here yet", session.Workspace.Root, "lap experiment start NAME --hypothesis TEXT");
            var experiment = new ExperimentStore(journal).Find(session.Arguments.GetValue(AnyOne));
            Console.Out.Write(session.Arguments.GetValue(Markdown) && !session.Json ? ExperimentMarkdown.Write(experiment) : ExperimentView.One(experiment, session.Terminal, session.Verbose));
            return Task.FromResult(0);
        },
        "lap experiment show", "lap experiment show no-lint --markdown > docs/experiments/no-lint.md");

    /// <summary>The experiment to finish, with the baseline that it began with.</summary>
    private static (Experiment Experiment, Baseline Before) Open(Session session)
    {
        using var journal = session.OpenJournalForReading() ?? throw new LapException("no experiment is open", session.Workspace.Root, "lap experiment start NAME --hypothesis TEXT");
        var experiment = new ExperimentStore(journal).Find(session.Arguments.GetValue(OpenOne), open: true);
        if (experiment.Comparison is { Interval.Verdict: not Verdict.Inconclusive } done)
        {
            throw new LapException($"{experiment.Name} is finished: {done.Sentence}", null, "start another one for the next change");
        }

        return (experiment, new BaselineStore(journal).Find(experiment.Before.Id));
    }

    private static void CheckScope(Session session, Experiment experiment)
    {
        var scope = session.Scope;
        if (scope.Environment.Name != experiment.Key.Environment || scope.Profile?.Name != experiment.Key.Profile)
        {
            throw new LapException(
                $"{experiment.Name} was begun on environment {experiment.Key.Environment}, profile {experiment.Key.Profile ?? "none"}", null,
                $"lap experiment finish {experiment.Name} --env {experiment.Key.Environment}{(experiment.Key.Profile is { } profile ? $" --profile {profile}" : "")}");
        }
    }

    /// <summary>Its exit code when a recording is not complete.</summary>
    private static int? Incomplete(Baseline baseline)
    {
        if (baseline is { Ended: "complete", Samples.Count: > 0 })
        {
            return null;
        }

        BaselineCommands.Explain(baseline);
        Verb.Explain([new Problem($"the baseline {baseline.Name} is not complete: the experiment is as it was", Where: null, "mend what failed, and give the command again")]);
        return baseline.ExitCode is { } code and not 0 ? code : Outcome.Inconclusive.ExitCode;
    }

    /// <summary>Inputs and settings as they are; reads only.</summary>
    private static async Task<InputSnapshot> SnapshotAsync(Session session)
    {
        var scope = session.Scope;
        await using var target = session.OpenTarget(mayLaunch: false);
        var timeline = new Timeline(session.Clock, static _ => { });
        var detected = await new Detector(scope, session.Store, session.Lookup, target, session.Runner, Environment.GetEnvironmentVariable, session.Clock)
            .DetectAsync(new DeployOptions(), toAct: false, timeline, session.Shutdown.Token);
        var git = await GitState.ReadAsync(session.Runner, scope.Workspace.Root, session.Shutdown.Token);
        return new InputSnapshot
        {
            At = session.Clock.GetUtcNow(), Revision = git.Revision, Dirty = git.Dirty, Lap = Session.Version, Machine = MachineReport.Here(),
            Settings = Settings.Flatten(await File.ReadAllTextAsync(Path.Combine(scope.Workspace.Root, scope.Workspace.File), session.Shutdown.Token)),
            Components = [.. detected.Facts.Fingerprints.Values],
        };
    }

    /// <summary>Prints it, and leaves its page beside the reports.</summary>
    private static int Tell(Session session, Experiment experiment)
    {
        var page = Path.Combine(session.Folder.Reports, experiment.Id + ".md");
        session.Folder.Create(session.Folder.Reports);
        AtomicFile.Write(page, ExperimentMarkdown.Write(experiment));
        Console.Out.Write(
            session.Arguments.CommandResult.Command.Options.Contains(CompareCommand.AsMarkdown) && session.Arguments.GetValue(CompareCommand.AsMarkdown) && !session.Json
                ? ExperimentMarkdown.Write(experiment)
                : ExperimentView.One(experiment, session.Terminal, session.Verbose));
        return experiment.Comparison?.ExitCode ?? 0;
    }

    private static string CheckedName(string name) =>
        name is { Length: > 0 and <= 60 } and not "last" && !name.StartsWith('-') && name.All(c => char.IsLetterOrDigit(c) || c is '-' or '_' or '.')
            ? name
            : throw new LapException($"{name} cannot be a name", "NAME", "use letters, digits, '-', '_' and '.'");

    /// <summary>For completion.</summary>
    private static IEnumerable<CompletionItem> Names()
    {
        try
        {
            return Workspaces.WorkspaceFile.Find(Session.Here()) is { } file && Workspaces.WorkspaceFile.Load(file, Environment.GetEnvironmentVariable) is var workspace
                ? Read(Path.GetFullPath(Path.Combine(workspace.Root, workspace.Journal.Store)))
                : [];
        }
        catch (Exception e) when (e is LapException or System.Text.Json.JsonException)
        {
            return [];
        }

        static IEnumerable<CompletionItem> Read(string store)
        {
            using var journal = Storage.Sqlite.SqliteJournal.OpenReadOnly(store);
            return [.. new ExperimentStore(journal).All().Select(e => new CompletionItem(e.Name))];
        }
    }
}
