using System.CommandLine;
using System.CommandLine.Completions;
using System.Text.Json;
using Laptime.Cli.Rendering;
using Laptime.Foundations;
using Laptime.Measurement;
using Laptime.Reports;
using Laptime.Storage.Sqlite;

namespace Laptime.Cli.Commands;

/// <summary>`lap baseline`: a scenario measured again and again, kept, and compared.</summary>
internal static class BaselineCommands
{
    private static readonly Argument<string> ScenarioWord = new("SCENARIO")
    {
        Description = "cold, warm, full or edit:PATH", HelpName = "SCENARIO", CompletionSources = { static context => ScenarioWords(context.WordToComplete) },
    };

    private static readonly Argument<string> One = Name("NAME", "A baseline: its name, its id, or `last`");
    private static readonly Argument<string> Before = Name("A", "Before: a baseline's name, its id, or `last`");
    private static readonly Argument<string> After = Name("B", "After: the same");
    private static readonly Argument<string[]> Several = new("NAME")
    {
        Description = "Baselines by name or id", Arity = ArgumentArity.OneOrMore, CompletionSources = { static _ => Names() },
    };

    private static readonly Option<int> Runs = Flag.Number("--runs", "Runs that count", 10, 1, "-n");
    private static readonly Option<string?> Named = Flag.Text("--name", "What the baseline is called (default: made from the scenario, such as warm-1)", "NAME");
    private static readonly Option<string?> EditWith = Flag.Text("--edit-with", "Edit the file with this command instead of a line at its end; it runs in the workspace, the file is $LAPTIME_EDIT_PATH", "COMMAND");
    private static readonly Option<string[]> Aside = Flag.Paths("--aside", "cold: also set this folder aside (a build tool's own cache, such as node_modules); may be given several times");

    public static System.CommandLine.Command Group() => Verb.Group(
        "baseline", "Measure one scenario again and again, keep it, and compare it with another time.", Record(), List(), Show(), Compare(), Remove(), Racing.RaceCommand.Make(), Racing.RaceCommand.List());

    private static System.CommandLine.Command Record() => Verb.Make(
        "record",
        "Record a baseline: N deploys of one scenario, each measured whole. The workspace is left as it was, even after kill -9.",
        [ScenarioWord, DeployFlags.Components, Runs, Named, DeployFlags.Profile, EditWith, Aside],
        RecordAsync,
        "lap baseline record warm                          nothing changed since the last deploy",
        "lap baseline record edit:src/gateway/Cart.cs -n 20    save to reflected; the edit is undone after each run",
        "lap baseline record cold -n 5 --name before-upgrade   lap's caches set aside, everything built and rolled out",
        "lap baseline record full -n 5                     every step of every loop, everything built and rolled out",
        "lap baseline record edit:a.json --edit-with 'date > src/a.json'");

    private static System.CommandLine.Command List() => Verb.Make(
        "list", "The baselines of this workspace, the newest first.", [],
        session =>
        {
            Console.Out.Write(BaselineView.List(All(session), session.Clock.GetUtcNow(), session.Terminal));
            return Task.FromResult(0);
        },
        "lap baseline list", "lap baseline list -o json");

    private static System.CommandLine.Command Show() => Verb.Make(
        "show", "One baseline: its intervals, where they went, and what it was recorded on.", [One],
        session =>
        {
            Console.Out.Write(BaselineView.One(Find(session, session.Arguments.GetValue(One)!), session.Terminal));
            return Task.FromResult(0);
        },
        "lap baseline show warm-1", "lap baseline show last -o json    with every sample");

    private static System.CommandLine.Command Compare() => Verb.Make(
        "compare", "Two baselines of one scenario, by kind of work and by segment, with a verdict: better, worse, no evidence, or inconclusive (17).",
        [Before, After, .. CompareCommand.Flags],
        session =>
        {
            var judging = CompareCommand.JudgingOf(session);
            var (a, b) = (Find(session, session.Arguments.GetValue(Before)!), Find(session, session.Arguments.GetValue(After)!));
            if (a.Id == b.Id)
            {
                throw new LapException($"{a.Name} is compared with itself", null, "name two baselines: lap baseline list");
            }

            var document = RecordingComparison.Apart(a, b, judging);
            string[] incomplete = [.. new[] { a, b }.Where(x => !x.IsComplete).Select(x => $"{x.Name} is incomplete: {x.Count} runs")];
            return Task.FromResult(CompareCommand.End(session, document with
            {
                Kinds = KindComparison.Of(Recording.Of(a), Recording.Of(b)), Warnings = [.. document.Warnings, .. incomplete],
            }));
        },
        "lap baseline compare before after",
        "lap baseline compare warm-1 last --fail-on worse    for CI: 16 when it became slower, 17 when nothing can be said",
        "lap baseline compare before after -o json");

    private static System.CommandLine.Command Remove() => Verb.Make(
        "rm", "Forget baselines. Their transactions stay in the history.", [Several],
        session =>
        {
            using var journal = session.OpenJournal();
            var store = new BaselineStore(journal);
            foreach (var found in session.Arguments.GetValue(Several)!.Select(store.Find).DistinctBy(b => b.Id).ToList())
            {
                store.Remove(found);
                Console.Out.WriteLine($"forgotten: {found.Name} ({found.Id})");
            }

            return Task.FromResult(0);
        },
        "lap baseline rm warm-1");

    private static async Task<int> RecordAsync(Session session)
    {
        var arguments = session.Arguments;
        var baseline = await MakeAsync(session, new Asked(
            arguments.GetValue(ScenarioWord)!, arguments.GetValue(Runs), Checked(arguments.GetValue(Named)), arguments.GetValue(DeployFlags.Components) ?? [], arguments.GetValue(EditWith),
            arguments.GetValue(Aside) ?? []));
        if (!session.Quiet || session.Json)
        {
            Console.Out.Write(BaselineView.One(baseline, session.Terminal));
        }

        Explain(baseline);
        return baseline.ExitCode!.Value;
    }

    /// <summary>What to record, as on the command line.</summary>
    internal sealed record Asked(string Scenario, int Runs, string? Name, string[] Components, string? EditWith, IReadOnlyList<string> Aside);

    /// <summary>Why a recording is not complete, on stderr.</summary>
    internal static void Explain(Baseline baseline)
    {
        if (baseline.Failure is { } failure)
        {
            Verb.Explain([new Problem(failure.Message, failure.Where, failure.Mend)], failure.Tail);
        }
    }

    /// <summary>Records a baseline with progress on stderr; complete or not, it is kept.</summary>
    internal static async Task<Baseline> MakeAsync(Session session, Asked asked)
    {
        await session.UndoAbandonedAsync();
        var scope = session.Scope;
        var root = scope.Workspace.Root;
        session.Folder.Create();
        var components = asked.Components;
        _ = session.Select(components);
        var scenario = Scenario.Parse(asked.Scenario, root, Session.Here());
        var aside = asked.Aside;
        var editWith = asked.EditWith;
        if (editWith is not null && scenario is not Scenario.Edit)
        {
            throw new LapException("--edit-with belongs to edit:PATH", "--edit-with", $"lap baseline record edit:PATH --edit-with '{editWith}'");
        }

        if (aside.Count > 0 && scenario is not Scenario.Cold)
        {
            throw new LapException("--aside belongs to cold", "--aside", "lap baseline record cold --aside PATH");
        }

        var request = new RecordRequest
        {
            Scenario = scenario, Runs = asked.Runs, Name = asked.Name, Scope = scope, Components = components, EditWith = editWith,
            Aside = [.. aside.Select(a => Path.GetRelativePath(root, Folder(a, root)).Replace('\\', '/'))], Caches = [.. OwnCaches(session), .. aside.Select(a => Folder(a, root))],
            Arguments = PassedOn(session, scenario), Lap = Self(root), Version = Session.Version,
        };
        using var journal = session.OpenJournal();
        var reports = new ReportFiles(session.Folder.Reports);
        Baseline baseline;
        using (var progress = RecordProgress.Create(session.Terminal, Console.Error, session.Clock))
        {
            baseline = await new BaselineRecorder(request, journal, session.Runner, session.Clock, progress.Happened, reports.Write).RecordAsync(session.Shutdown.Token);
        }

        if (baseline.Ended == "interrupted")
        {
            baseline = baseline with { ExitCode = session.Shutdown.Outcome.ExitCode };
            new BaselineStore(journal).Save(baseline);
        }

        return baseline;
    }

    /// <summary>This very lap, as a program of its own.</summary>
    internal static Processes.Command Self(string root)
    {
        var program = Environment.ProcessPath!;
        return new Processes.Command
        {
            Program = program, Directory = root,
            // As a tool without a program of its own it is a library that dotnet runs.
            Arguments = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [Path.Combine(AppContext.BaseDirectory, "lap.dll")] : [],
        };
    }

    /// <summary>What was given to this command and decides a deploy too, written out.</summary>
    private static List<string> PassedOn(Session session, Scenario scenario)
    {
        var passed = new List<string>();
        void Pass(string flag, string? value)
        {
            if (value is not null)
            {
                passed.AddRange([flag, value]);
            }
        }

        Pass("--env", session.Arguments.GetValue(Global.Environment));
        Pass("--file", session.Arguments.GetValue(Global.File) is null ? null : session.Workspace.File);
        // --full would choose the safe environment's, and what is compared is of one profile.
        Pass("--profile", scenario is Scenario.Full ? session.Scope.Profile?.Name : session.Arguments.GetValue(DeployFlags.Profile));
        return passed;
    }

    /// <summary>What lap has learnt and may forget: the stat index, the steps' records, the artifacts.</summary>
    private static IEnumerable<string> OwnCaches(Session session) =>
        [session.Folder.Index, Path.Combine(session.Folder.Path, "steps"), session.Folder.Artifacts];

    private static string Folder(string path, string root)
    {
        var full = new[] { Path.GetFullPath(path, Session.Here()), Path.GetFullPath(path, root) }.FirstOrDefault(Path.Exists)
            ?? throw new LapException($"--aside {path}: there is no such folder", Path.GetFullPath(path, root), "name a cache of a build tool, such as src/web/node_modules");
        var relative = Path.GetRelativePath(root, full);
        return relative is "." or ".." || relative.StartsWith("../", StringComparison.Ordinal) || relative is ".laptime" or ".git" || relative.StartsWith(".git/", StringComparison.Ordinal)
            ? throw new LapException($"--aside {path}: not a cache in the workspace", full, "name a cache of a build tool, such as src/web/node_modules")
            : full;
    }

    private static string? Checked(string? name) =>
        name is null || (name is { Length: <= 80 } and not "last" && !name.StartsWith('-') && name.All(c => char.IsLetterOrDigit(c) || c is '-' or '_' or '.'))
            ? name
            : throw new LapException($"--name {name} cannot be a name", "--name", "use letters, digits, '-', '_' and '.'");

    internal static Argument<string> Name(string argument, string description) =>
        new(argument) { Description = description, HelpName = argument, CompletionSources = { static _ => Names() } };

    internal static IReadOnlyList<Baseline> All(Session session)
    {
        using var journal = session.OpenJournalForReading();
        return journal is null ? [] : new BaselineStore(journal).All();
    }

    internal static Baseline Find(Session session, string name)
    {
        using var journal = session.OpenJournalForReading() ?? throw new LapException("nothing was recorded here yet", session.Workspace.Root, "lap baseline record warm");
        return new BaselineStore(journal).Find(name);
    }

    /// <summary>For completion: the names in the workspace around the current folder; none when anything about it is wrong.</summary>
    private static IEnumerable<CompletionItem> Names()
    {
        try
        {
            if (Workspaces.WorkspaceFile.Find(Session.Here()) is not { } file)
            {
                return [];
            }

            var workspace = Workspaces.WorkspaceFile.Load(file, Environment.GetEnvironmentVariable);
            using var journal = SqliteJournal.OpenReadOnly(Path.GetFullPath(Path.Combine(workspace.Root, workspace.Journal.Store)));
            return [.. new BaselineStore(journal).All().Select(b => new CompletionItem(b.Name))];
        }
        catch (Exception e) when (e is LapException or JsonException)
        {
            return [];
        }
    }

    /// <summary>The words; after edit: the files below what is typed so far.</summary>
    internal static IEnumerable<CompletionItem> ScenarioWords(string typed)
    {
        if (!typed.StartsWith("edit:", StringComparison.Ordinal))
        {
            return [new("cold"), new("warm"), new("full"), new("edit:")];
        }

        var path = typed["edit:".Length..];
        var folder = path.LastIndexOf('/') is >= 0 and var slash ? path[..(slash + 1)] : "";
        try
        {
            return
            [
                .. new DirectoryInfo(Path.Combine(Session.Here(), folder)).EnumerateFileSystemInfos().Where(f => !f.Name.StartsWith('.')).OrderBy(f => f.Name, StringComparer.Ordinal)
                    .Select(f => new CompletionItem($"edit:{folder}{f.Name}{(f is DirectoryInfo ? "/" : "")}")),
            ];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or LapException)
        {
            return [];
        }
    }
}
