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
    private const double AgainstEach = 0.3;
    private const double AgainstFloor = 1.5;

    /// <summary>The tiers, each with what it cannot do without.</summary>
    private static readonly string[] Tiers = ["install", "upgrade", "backup", "backup,restore", "custom"];

    public static void Run(Page page, string root, string lap, int rounds)
    {
        using var engine = new BenchEngine(root);
        var recipe = Copy(root, engine.Folder);
        Child.Run(Plain(engine, root, "bash", Path.Combine(root, "examples", "recipes", "images", "build")));
        _ = Test(engine, lap, recipe, "fast", null);
        var one = Enumerable.Range(0, rounds).Select(_ => Test(engine, lap, recipe, "fast", null)).ToList();
        var each = Tiers.Select(t => (Tier: t, Faithful: Test(engine, lap, recipe, "faithful", t), Fast: Test(engine, lap, recipe, "fast", t))).ToList();
        var floor = Floor(engine, rounds);

        var (total, faithful, fast) = (Series.Middle(one.Select(static o => o.Seconds)), each.Sum(static e => e.Faithful.Seconds), each.Sum(static e => e.Fast.Seconds));
        page.Line($"\n## App and PostgreSQL, five tiers (`examples/recipes/pg-app` without its dependency), {rounds} rounds\n");
        page.Line("Seconds of whole commands, teardown included. One deployment: `lap test`, fast lane (median). A deploy each: one run per tier, which is what testing them apart costs; once with the health "
            + "intervals as published (30 s and 10 s, `--lane faithful`), once in the fast lane.\n");
        page.Head("tier", "on one deployment", "a deploy each, as published", "a deploy each, fast lane");
        foreach (var (tier, slow, quick) in each)
        {
            var name = tier.Split(',')[^1];
            page.Row(name, S(Series.Middle(one.Select(o => o.Segment(name)))), S(slow.Seconds), S(quick.Seconds));
        }

        page.Row("teardown", S(Series.Middle(one.Select(static o => o.Segment("teardown")))), "in each", "in each");
        page.Row("**all**", $"**{S(total)}** ({S(one.Min(static o => o.Seconds))} to {S(one.Max(static o => o.Seconds))})", $"**{S(faithful)}**", $"**{S(fast)}**");
        page.Line($"\nAgainst a deploy each, as published: {Page.Against(total / faithful, AgainstEach, " x")}. Against a deploy each in the same lane: {Page.Times(total / fast)}.\n");
        page.Line($"Waiting: {string.Join(", ", ((string[])["schedule", "boot", "health-wait", "monitor-wait"]).Select(n => $"{n} {S(Series.Middle(one.Select(o => o.Sum(n))))}"))}; deploys of the one: "
            + $"{one[0].Deploys} and {one[0].Updates} in place; of the others {each.Sum(static e => e.Fast.Deploys)} and {each.Sum(static e => e.Fast.Updates)}.\n");

        page.Line("\n## The floor of it\n");
        page.Line("The recipe's own boot, in plain containers: from `docker run` to the first answer that says well. The swarm's own, with `docker stack deploy` and two services that boot at once "
            + "(health every second, monitor 500 ms, as in the fast lane): until both run; an update in place of one, start-first, until the old one has gone; and until "
            + "everything is removed, with the containers removed by force.\n");
        page.Head("", "s");
        foreach (var (what, seconds) in floor)
        {
            page.Row(what, S(seconds));
        }

        var least = floor.Sum(static f => f.Seconds);
        page.Row("**floor**", $"**{S(least)}**");
        page.Line($"\nFive tiers on one deployment against the floor: {Page.Against(total / least, AgainstFloor, " x")}.\n");
        page.SaveOver();
    }

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

    private static List<(string What, double Seconds)> Floor(BenchEngine engine, int rounds)
    {
        const string Wait = "until docker exec $id \"$@\" > /dev/null 2>&1; do sleep 0.02; done";
        engine.Docker("network", "create", "floor");
        var (db, old, head) = (new List<double>(), new List<double>(), new List<double>());
        for (var i = 0; i < rounds; i++)
        {
            db.Add(Shell($"id=$(docker run -d --name floor-db --network floor --network-alias db -e POSTGRES_USER=notes -e POSTGRES_PASSWORD=p laptime.example/postgres:15)\nset -- pg_isready -h 127.0.0.1 -U notes\n{Wait}"));
            engine.Docker("exec", "floor-db", "sh", "-c", "echo p > /tmp/p");
            foreach (var (version, into) in ((string, List<double>)[])[("1.0.0", old), ("1.1.0", head)])
            {
                into.Add(Shell($"id=$(docker create --name floor-app --network floor -e DB_HOST=db -e DB_PASSWORD_FILE=/p laptime.example/notes:{version})\nprintf p > p\ndocker cp -q p $id:/p\ndocker start $id > /dev/null\n"
                    + $"set -- wget -q -O /dev/null http://127.0.0.1:8080/cgi-bin/health\n{Wait}"));
                engine.Docker("rm", "--force", "--volumes", "floor-app");
            }

            engine.Docker("rm", "--force", "--volumes", "floor-db");
        }

        engine.Docker("network", "rm", "floor");
        File.WriteAllText(Path.Combine(engine.Folder, "floor.yml"), """
            version: "3.8"
            x-health: &health { test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/cgi-bin/health"], interval: 1s }
            services:
              a:
                image: laptime.example/kv:1.0.0
                healthcheck: *health
                deploy: { endpoint_mode: dnsrr, update_config: { monitor: 500ms } }
              b:
                image: laptime.example/kv:$B
                volumes: [ "data:/data" ]
                healthcheck: *health
                deploy: { endpoint_mode: dnsrr, update_config: { monitor: 500ms, order: start-first } }
            volumes: { data: {} }

            """);
        var (install, update, removal) = (new List<double>(), new List<double>(), new List<double>());
        for (var i = 0; i < rounds; i++)
        {
            const string Running = "until [ \"$(docker service ls --format '{{.Replicas}}' --filter label=com.docker.stack.namespace=floor | grep -c 1/1)\" = 2 ]; do sleep 0.02; done";
            const string Deploy = "docker stack deploy --resolve-image never -c floor.yml floor > /dev/null";
            install.Add(Shell($"export B=1.0.0\n{Deploy}\n{Running}"));
            update.Add(Shell($"export B=1.1.0\n{Deploy}\nuntil [ \"$(docker service inspect --format '{{{{.UpdateStatus.State}}}}' floor_b)\" = completed ] && [ \"$(docker ps -q --filter name=floor_b | wc -l)\" = 1 ]; do sleep 0.02; done"));
            removal.Add(Shell("docker service rm floor_a floor_b > /dev/null\nwhile ids=$(docker ps -aq --filter label=com.docker.stack.namespace=floor); [ -n \"$ids\" ]; do docker rm -f $ids > /dev/null 2>&1; done\n"
                + "until docker network rm floor_default > /dev/null 2>&1; do sleep 0.02; done\nuntil docker volume rm floor_data > /dev/null 2>&1; do sleep 0.02; done"));
        }

        return
        [
            ("boot of PostgreSQL, with its first initdb", Series.Middle(db)), ("boot of the application, base", Series.Middle(old)), ("boot of the application, head", Series.Middle(head)),
            ("swarm: two services until both run", Series.Middle(install)), ("swarm: one of them updated in place", Series.Middle(update)), ("swarm: everything removed", Series.Middle(removal)),
        ];

        double Shell(string text) => Child.Run(Plain(engine, engine.Folder, "sh", "-e", "-c", text)).Wall / 1000;
    }

    private static string S(double seconds) => seconds.ToString("0.0", CultureInfo.InvariantCulture);

    private sealed record Measured(double Seconds, JsonObject Document)
    {
        public int Deploys => (int)Document["deployCount"]!;

        public int Updates => (int)Document["inPlaceUpdates"]!;

        /// <summary>Of a tier, or the teardown.</summary>
        public double Segment(string name) => Document["segments"]!.AsArray().Where(s => (string?)s!["name"] == name && s["parent"] is null).Sum(static s => (double?)s!["seconds"] ?? 0);

        public double Sum(string name) => Document["segments"]!.AsArray().Where(s => (string?)s!["name"] == name).Sum(static s => (double?)s!["seconds"] ?? 0);
    }
}
