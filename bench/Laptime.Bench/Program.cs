using System.Globalization;
using Laptime.Bench;
using Laptime.Bench.Engines;

if (args.Length == 0)
{
    Console.Error.WriteLine("bench/run starts this");
    return 2;
}

if (args[0] == "--store")
{
    return await StoreBench.ChildAsync(args[1..]);
}

var root = args[0];
var names = new List<string>();
IReadOnlyList<int> sizes = [10_000];
var rounds = 11;
var parts = new List<string>();
string? turbo = null;
string? behaviour = null;
string? postgres = null;
for (var i = 1; i < args.Length; i++)
{
    switch (args[i])
    {
        case "--files":
            sizes = [.. args[++i].Split(',').Select(s => int.Parse(s, CultureInfo.InvariantCulture))];
            break;
        case "--rounds":
            rounds = int.Parse(args[++i], CultureInfo.InvariantCulture);
            break;
        case "--turbo":
            turbo = args[++i];
            break;
        case "--postgres":
            postgres = args[++i];
            break;
        case "noop" or "loop" or "aa" or "record" or "store" or "engines" or "ledger" or "recipes":
            names.Add(args[i]);
            break;
        case "behaviour":
            behaviour = args[++i];
            names.Add("behaviour");
            break;
        case "--part":
            parts.AddRange(args[++i].Split(','));
            break;
        default:
            Console.Error.WriteLine($"bench: {args[i]} is neither noop nor loop nor aa nor record nor store nor engines nor ledger nor recipes nor --files N,N, --rounds N, --part noop,change,cold,stacks (engines) or floor,fast,published (recipes), --turbo PATH, --postgres URL");
            return 2;
    }
}

var lap = Path.Combine(root, ".out", "cli", "lap");
string Docs(string name) => Path.Combine(root, "docs", "perf", name + ".md");
try
{
    if (names.Count == 0 || names.Contains("noop"))
    {
        NoOpBench.Run(new Page(Docs("noop"), "A deploy with nothing to do"), lap, Path.Combine(root, ".out", "bench", "empty", "empty"), sizes, rounds, turbo);
    }

    if (names.Count == 0 || names.Contains("record"))
    {
        RecordBench.Run(new Page(Docs("record"), "What recording costs"), lap, root, rounds);
    }

    if (names.Count == 0 || names.Contains("loop"))
    {
        LoopBench.Run(new Page(Docs("loop"), "A deploy of one change"), lap, sizes[0], rounds);
    }

    if (names.Count == 0 || names.Contains("aa"))
    {
        AaBench.Run(new Page(Docs("aa"), "Identical commands, compared"));
    }

    if (names.Count == 0 || names.Contains("store"))
    {
        StoreBench.Run(new Page(Docs("store"), "Artifacts in and out of stores"), rounds);
    }

    if (behaviour is not null)
    {
        await BehaviourBench.RunAsync(new Page(Docs("behaviour"), "Trying migrations"), behaviour, rounds);
        return 0;
    }

    if (names.Contains("engines"))
    {
        EnginesBench.Run(new Page(Docs("engines"), "Deploys to engines"), root, lap, rounds, parts);
    }

    if (names.Contains("recipes"))
    {
        RecipesBench.Run(new Page(Docs("recipes"), "Recipes through their tiers"), root, lap, rounds, parts);
    }

    if (names.Count == 0 || names.Contains("ledger"))
    {
        LedgerBench.Run(new Page(Docs("ledger"), "Checking the migration ledger"), lap, rounds, postgres);
    }

    return 0;
}
catch (Exception e) when (e is InvalidOperationException or IOException or System.ComponentModel.Win32Exception or System.Text.Json.JsonException)
{
    // Caught so that what was started is stopped and what was written is removed on the way here.
    Console.Error.WriteLine($"bench: {e.Message}");
    return 1;
}
