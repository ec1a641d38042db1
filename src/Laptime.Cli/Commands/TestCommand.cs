using System.CommandLine;
using System.CommandLine.Completions;
using Laptime.Cli.Rendering;
using Laptime.Foundations;
using Laptime.Recipes;
using Laptime.Recipes.Local;
using Laptime.Recipes.Reading;
using Laptime.Recipes.Swarm;
using Laptime.Reports;
using Laptime.Workspaces;

namespace Laptime.Cli.Commands;

/// <summary>`lap test`: a recipe through its tiers, on one deployment.</summary>
internal static class TestCommand
{
    private static readonly string[] TierNames = [.. Enum.GetNames<Tier>().Select(n => n.ToLowerInvariant())];

    private static readonly Argument<string> Named = new("RECIPE")
    {
        Description = "A folder with a compose file or a laptime.yaml, a git repository, or its address (default: the current folder)", HelpName = "RECIPE", DefaultValueFactory = _ => ".",
    };

    private static readonly Option<string?> Stages = WithWords(Flag.Text("--stages", "Only these tiers, with commas between (default: all five). The base is deployed whatever they are", "TIERS"), TierNames);
    private static readonly Option<string> LaneOf = Flag.Choice("--lane", "fast: health intervals and monitors are shortened, teardown is forced, and the report says so; faithful: the recipe as it is", "fast", ["fast", "faithful"]);
    private static readonly Option<string?> Target = WithWords(Flag.Text("--target", "Where it runs: process or swarm (default: recipe.yaml, else by the files present)", "TARGET"), "process", "swarm");
    private static readonly Option<bool> Fresh = Flag.Switch("--fresh", "Also install head from nothing: one more deploy, and the one thing that the shared base cannot show");
    private static readonly Option<bool> Strict = Flag.Switch("--strict", "Fail (23) when this run shows less than the last green one: fewer checks, a new skip");
    private static readonly Option<string?> Base = Flag.Text("--base", "The published version to come from (default: the newest that is older than head)", "VERSION");
    private static readonly Option<bool> Keep = Flag.Switch("--keep", "Leave the deployment standing, to look at; the recipe's next run removes it");
    private static readonly Option<bool> Refresh = Flag.Switch("--refresh-canonical", "After a green run, bring the deployment that others use as a warm dependency to head: outside of the budget, reported apart");
    private static readonly Option<bool> Trust = Flag.Switch("--trust-scripts", "Run the scripts of a recipe that was named by its address");
    private static readonly Option<string?> Settings = Flag.Text("--recipe-file", "A recipe.yaml outside of the recipe, in place of its own", "FILE");
    private static readonly Option<string?> Markdown = Flag.Text("--markdown", "Also write the report as Markdown", "FILE");
    private static readonly Option<string?> JUnit = Flag.Text("--junit", "Also write the report as JUnit XML, for CI", "FILE");
    private static readonly Option<bool> List = Flag.Switch("--list", "What would be tested: versions, base, tiers, checks, dependencies, what is expected. Runs nothing");
    private static readonly Option<bool> Record = Flag.Switch("--budget-record", "The page that records the budget of every run so far, as Markdown. Runs nothing");

    public static Command Make() => Verb.Make(
        "test",
        "Test a recipe: install, upgrade, backup, restore and the recipe's own checks, on ONE deployment. Everything that is deployed is counted, twice; another count than expected ends with 18.",
        [Named, Stages, LaneOf, Target, Fresh, Strict, Base, Keep, Refresh, Trust, Settings, Markdown, JUnit, List, Record],
        RunAsync,
        "lap test examples/recipes/kv                       all five tiers, deploy-count = 1 (expect 1)",
        "lap test --stages install,custom                   the recipe here; the base is the version itself",
        "lap test ../wiki --base 1.4.0+2.1 --lane faithful  from an older version, with the recipe's own health intervals",
        "lap test ../wiki --fresh --strict                  for a release: head from nothing too, and nothing weaker than last time",
        "lap test https://git.example.org/wiki --list       what would be done",
        "lap test --junit out/wiki.xml -o json              for CI: 23 when a tier failed, 18 when the budget did not hold");

    private static async Task<int> RunAsync(Session session)
    {
        var (arguments, cancel) = (session.Arguments, session.Shutdown.Token);
        var here = Session.Here();
        var stages = StagesOf(arguments.GetValue(Stages));
        Task<RecipeSource> Open(string named, string? file, CancellationToken stop) => RecipeSource.OpenAsync(named, here, file, cache: null, session.Runner, session.Clock, stop);
        var source = await Open(arguments.GetValue(Named)!, arguments.GetValue(Settings), cancel);
        var recipe = source.Recipe;
        if (arguments.GetValue(Record))
        {
            Console.Out.Write(BudgetRecord.Render(RecipeRun.Results(recipe, session.Clock)));
            return 0;
        }

        var target = TargetOf(recipe, arguments.GetValue(Target));
        var options = new RecipeRunOptions
        {
            Stages = stages, Lane = arguments.GetValue(LaneOf) == "faithful" ? Lane.Faithful : Lane.Fast, Fresh = arguments.GetValue(Fresh), Strict = arguments.GetValue(Strict), Base = arguments.GetValue(Base),
            Keep = arguments.GetValue(Keep), RefreshCanonical = arguments.GetValue(Refresh), TrustScripts = arguments.GetValue(Trust),
        };
        if (arguments.GetValue(List))
        {
            Console.Out.Write(RecipePlanView.Render(recipe, BaseVersion.Of(recipe, options.Base), target, options, session.Terminal));
            return 0;
        }

        var (markdown, junit) = (PageFile.Prepare(arguments.GetValue(Markdown), here), PageFile.Prepare(arguments.GetValue(JUnit), here));
        var run = new RecipeRun(
            source, target, placement => Driver(session, target, placement), (named, stop) => Open(named, null, stop), session.Runner, session.Clock,
            what =>
            {
                if (!session.Quiet && !session.Json)
                {
                    Console.Error.WriteLine("lap: " + Processes.TerminalText.Strip(what));
                }
            });
        var document = await run.RunAsync(options, cancel);
        if (document.Outcome == Outcome.Interrupted.Name)
        {
            document = document with { ExitCode = session.Shutdown.Outcome.ExitCode };
        }

        PageFile.Write(markdown, () => RecipeMarkdown.Render(document));
        PageFile.Write(junit, () => JUnitReport.Render(document));
        Console.Out.Write(RecipeView.Render(document, session.Terminal));
        return document.ExitCode;
    }

    private static HashSet<Tier> StagesOf(string? text)
    {
        if (text is null)
        {
            return [.. Enum.GetValues<Tier>()];
        }

        var names = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var unknown = names.Except(TierNames).Select(n => new Problem($"there is no tier {n}", "--stages", NearestName.Suggest(n, TierNames))).ToList();
        return unknown.Count > 0 ? throw new LapException(unknown) : [.. names.Select(n => Enum.Parse<Tier>(n, ignoreCase: true))];
    }

    private static string TargetOf(Recipe recipe, string? asked)
    {
        var target = asked ?? (recipe.Settings.Target ?? (recipe.Kind == RecipeKind.Workspace ? TargetKind.Process : TargetKind.Swarm)).ToString().ToLowerInvariant();
        return (target, recipe.Kind) switch
        {
            ("process", RecipeKind.Workspace) or ("swarm", RecipeKind.Compose) => target,
            ("process", _) => throw new LapException($"{recipe.Name} is a compose file, and its services run in containers", recipe.Root, "--target swarm; on processes a recipe is a laptime.yaml"),
            ("swarm", _) => throw new LapException($"{recipe.Name} is a laptime.yaml, which is tested as processes", recipe.Root, "--target process; on Swarm a recipe is a compose file"),
            _ => throw new LapException($"recipes are not tested on `{target}`", "--target", NearestName.Suggest(target, ["process", "swarm"])),
        };
    }

    private static RecipeDriver Driver(Session session, string target, Placement placement) => target switch
    {
        "swarm" => new SwarmDriver(placement, session.NewEngine(), session.Runner, session.Clock),
        _ => new LocalDriver(placement, (given, folder) => BaselineCommands.Self(folder) is var lap ? lap with { Arguments = [.. lap.Arguments, .. given] } : lap, Session.Version, session.Runner, session.Clock),
    };

    private static Option<string?> WithWords(Option<string?> option, params string[] words)
    {
        option.CompletionSources.Add(_ => words.Select(w => new CompletionItem(w)));
        return option;
    }
}
