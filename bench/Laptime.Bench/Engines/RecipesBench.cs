using System.Globalization;
using System.Text.Json.Nodes;
using Laptime.Processes;

namespace Laptime.Bench.Engines;

/// <summary>
/// `lap test` of an application with PostgreSQL: five tiers on one deployment in the fast lane, beside the same tiers with a deploy each; and the floor that nobody gets below on a swarm: what the
/// recipe's own programs take to boot, and what the swarm takes for services that boot at once.
/// </summary>
internal static class RecipesBench
{
    private const double GoalAgainstEach = 0.3;
    private const double GoalAgainstFloor = 1.5;

    /// <summary>The tiers, each with what it cannot do without.</summary>
    private static readonly string[] Tiers = ["install", "upgrade", "backup", "backup,restore", "custom"];

    /// <param name="parts">floor, fast, published; empty: all. Five tiers on one deployment are measured for each.</param>
    public static void Run(Page page, string root, string lap, int rounds, IReadOnlyCollection<string> parts)
    {
        using var engine = new BenchEngine(root);
        var recipe = Copy(root, engine.Folder);
        Child.Run(Plain(engine, root, "bash", Path.Combine(root, "examples", "recipes", "images", "build")));
        _ = Test(engine, lap, recipe, "fast", null);
        var one = Enumerable.Range(0, rounds).Select(_ => Test(engine, lap, recipe, "fast", null)).ToList();
        if (Wanted("floor"))
        {
            // Half of the tests before it and half after: a machine that turns slower is slower for both.
            var floor = RecipeFloor.Measure(engine, rounds);
            one.AddRange(Enumerable.Range(0, rounds).Select(_ => Test(engine, lap, recipe, "fast", null)));
            AgainstTheFloor(page, one, floor);
        }

        foreach (var (part, lane, of) in ((string, string, string)[])[("fast", "fast", "in the fast lane"), ("published", "faithful", "with the health intervals as published (30 s and 10 s)")])
        {
            if (Wanted(part))
            {
                AgainstEach(page, one, [.. Tiers.Select(t => (t, Test(engine, lap, recipe, lane, t)))], of);
            }
        }

        page.SaveOver();
        bool Wanted(string part) => parts.Count == 0 || parts.Contains(part);
    }

    private static void AgainstEach(Page page, List<Measured> one, List<(string Tier, Measured Run)> each, string lane)
    {
        page.Line($"\n## Beside a deploy each {lane}, {one.Count} rounds\n");
        page.Line($"Seconds of whole commands, teardown included. One deployment: `lap test`, fast lane (median). A deploy each: one run per tier {lane}, which is what testing them apart costs.\n");
        page.Head("tier", "on one deployment", "a deploy each");
        foreach (var (tier, run) in each)
        {
            var name = tier.Split(',')[^1];
            page.Row(name, S(Series.Middle(one.Select(o => o.Segment(name)))), S(run.Seconds));
        }

        var all = each.Sum(static e => e.Run.Seconds);
        page.Row("teardown", S(Series.Middle(one.Select(static o => o.Segment("teardown")))), "in each");
        page.Row("**all**", Range(one), $"**{S(all)}**");
        page.Line($"\nAgainst a deploy each: {Page.Against(Middle(one) / all, GoalAgainstEach, " x")}. Deploys: {one[0].Deploys} and {one[0].Updates} in place; of the others {each.Sum(static e => e.Run.Deploys)} and {each.Sum(static e => e.Run.Updates)}.\n");
    }

    private static void AgainstTheFloor(Page page, List<Measured> one, IReadOnlyList<(string What, double Seconds)> floor)
    {
        page.Line($"\n## The floor of it, {one.Count} rounds\n");
        page.Line("`examples/recipes/pg-app` without its dependency. What nobody gets below who installs, upgrades and removes this recipe on a swarm. Boot: in plain containers, from the start to the first answer that says well, each when what it waits for is "
            + "there. The swarm's fixed delays: `docker stack deploy` of a stack of the same shape (two services, an own network and a shared one, a volume, a secret, a config) whose programs are there at once, "
            + "with the fast lane's settings (health every second, an update watched for 500 ms). In an update the swarm pauses some seconds "
            + "before it ends what was replaced; lap's fast lane does not wait for that, and so may get below this part. Seeds, hooks, the archive, checks and lap itself are not in the floor.\n");
        page.Head("part", "s");
        foreach (var (what, seconds) in floor)
        {
            page.Row(what, S(seconds));
        }

        var least = floor.Sum(static f => f.Seconds);
        page.Row("**floor**", $"**{S(least)}**");
        page.Row("five tiers on one deployment (median)", Range(one));
        page.Line($"\nAgainst the floor: {Page.Against(Middle(one) / least, GoalAgainstFloor, " x")}.\n");
        page.Line($"Of the tiers' time: {string.Join(", ", ((string[])["pull", "apply", "schedule", "boot", "health-wait", "monitor-wait", "seed", "hook", "archive", "mutate", "restore", "assert", "teardown"])
            .Select(n => $"{n} {S(Series.Middle(one.Select(o => o.Sum(n))))}"))}.\n");
    }

    private static double Middle(List<Measured> runs) => Series.Middle(runs.Select(static r => r.Seconds));

    private static string Range(List<Measured> runs) => $"**{S(Middle(runs))}** ({S(runs.Min(static o => o.Seconds))} to {S(runs.Max(static o => o.Seconds))})";

    /// <summary>The recipe without its dependency, which is another recipe's deploy.</summary>
    private static string Copy(string root, string folder)
    {
        var to = Path.Combine(folder, "pg-app");
        Child.Run(new Command { Program = "cp", Arguments = ["-r", Path.Combine(root, "examples", "recipes", "pg-app"), to], Directory = folder });
        File.WriteAllText(Path.Combine(folder, "recipe.yaml"), "env: { DOMAIN: notes.test, SETTINGS_URL: \"http://settings.test\" }\nready: { app: { http: /cgi-bin/health } }\n");
        return to;
    }

    private static Command Plain(BenchEngine engine, string folder, string program, params IReadOnlyList<string> arguments) => new()
    {
        Program = program, Arguments = arguments, Directory = folder, Environment = new Dictionary<string, string?> { ["DOCKER_HOST"] = engine.Host, ["DOCKER_CONTEXT"] = null, ["CI"] = null, ["GITHUB_STEP_SUMMARY"] = null },
    };

    private static Measured Test(BenchEngine engine, string lap, string recipe, string lane, string? stages)
    {
        string[] only = stages is null ? [] : ["--stages", stages];
        var output = Path.Combine(engine.Folder, "run.json");
        var cost = Child.Run(Plain(engine, engine.Folder, lap, ["test", recipe, "--recipe-file", "recipe.yaml", "--lane", lane, .. only, "-o", "json"]), output);
        Console.Error.WriteLine($"{lane} {stages ?? "all"}: {cost.Wall / 1000:0.0} s");
        return new Measured(cost.Wall / 1000, JsonNode.Parse(File.ReadAllText(output))!.AsObject());
    }

    private static string S(double seconds) => seconds.ToString("0.00", CultureInfo.InvariantCulture);

    private sealed record Measured(double Seconds, JsonObject Document)
    {
        public int Deploys => (int)Document["deployCount"]!;

        public int Updates => (int)Document["inPlaceUpdates"]!;

        /// <summary>Of a tier, or the teardown.</summary>
        public double Segment(string name) => Document["segments"]!.AsArray().Where(s => (string?)s!["name"] == name && s["parent"] is null).Sum(static s => (double?)s!["seconds"] ?? 0);

        /// <summary>Of all tiers, without the tier of the same name.</summary>
        public double Sum(string name) => Document["segments"]!.AsArray().Where(s => (string?)s!["name"] == name && (s["parent"] is not null || name == "teardown")).Sum(static s => (double?)s!["seconds"] ?? 0);
    }
}
