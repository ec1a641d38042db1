using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Laptime.Processes;

namespace Laptime.Bench.Engines;

/// <summary>lap on a real swarm beside what people do with docker alone: build, push, <c>docker stack deploy</c>. One engine, in turn, in one run.</summary>
internal static class EnginesBench
{
    /// <param name="parts">noop, change, cold, stacks; empty: all of them.</param>
    public static void Run(Page page, string root, string lap, int rounds, IReadOnlyCollection<string> parts)
    {
        using var engine = new BenchEngine(root);
        page.Line($"Engine {engine.Docker("version", "--format", "{{.Server.Version}}, docker command {{.Client.Version}}")}, a swarm of one node, docker-registry on loopback. Images FROM scratch with busybox (2 MB), built by the");
        page.Line("classic builder on both sides; `order: start-first`, everything else of a service as docker has it by default. No IPVS in this kernel.");
        bool Wanted(string part) => parts.Count == 0 || parts.Contains(part);
        if (Wanted("noop"))
        {
            NoOp(page, engine, lap, rounds);
        }

        if (Wanted("change"))
        {
            Change(page, engine, lap, Math.Max(3, rounds / 2), scratch: false);
            Change(page, engine, lap, Math.Max(3, rounds / 2), scratch: true);
        }

        if (Wanted("cold"))
        {
            Cold(page, engine, lap, Math.Max(3, rounds / 3));
        }

        if (Wanted("stacks"))
        {
            Stacks(page, engine, lap, rounds);
        }

        page.SaveOver();
    }

    private static void NoOp(Page page, BenchEngine engine, string lap, int rounds)
    {
        var shop = new EngineShop(engine, lap, "noop");
        var single = new EngineShop(engine, lap, "single");
        var local = ProcessShop.Write(engine, lap);
        try
        {
            var dockerSide = shop.DockerDeploy(EngineShop.Services, wait: false);
            _ = Child.Run(dockerSide, Path.Combine(engine.Folder, "out"));
            _ = Child.Run(shop.Deploy(), Path.Combine(engine.Folder, "out"));
            _ = Child.Run(single.Deploy("--env", "docker"), Path.Combine(engine.Folder, "out"));
            _ = Child.Run(local, Path.Combine(engine.Folder, "out"));
            engine.Settle(shop.Stack + "-lap");
            engine.Settle(shop.Stack + "-docker");
            foreach (var command in (Command[])[shop.Deploy(), single.Deploy("--env", "docker"), local])
            {
                Unchanged(Child.Read(command with { Arguments = [.. command.Arguments, "-o", "json"] }));
            }

            // What one of them asks and writes, before anything else happens.
            var (before, from) = (engine.Versions(shop.Stack + "-lap"), DateTime.UtcNow);
            engine.Tap.Take();
            Unchanged(Child.Read(shop.Deploy("-o", "json")));
            var asked = engine.Tap.Take();
            var (after, events) = (engine.Versions(shop.Stack + "-lap"), engine.Events(from, DateTime.UtcNow));
            var peerBefore = engine.Versions(shop.Stack + "-docker");
            _ = Child.Run(dockerSide);
            var peerChanged = peerBefore.Split(' ').Zip(engine.Versions(shop.Stack + "-docker").Split(' ')).Count(static p => p.First != p.Second);

            var series = Rounds.Run(
                rounds,
                ("`docker build` x 3, `docker push` x 3, `docker stack deploy`, all cached", () => Child.Run(dockerSide)),
                ("`lap deploy`, swarm", () => Child.Run(shop.Deploy())),
                ("`lap deploy`, docker", () => Child.Run(single.Deploy("--env", "docker"))),
                ("`lap deploy`, process", () => Child.Run(local)),
                ("`lap deploy`, swarm, without the agent's word (the full run)", () => Child.Run(shop.Deploy("--lock-timeout", "60s"))));
            page.Line();
            page.Line($"## Nothing to do, three services, {rounds} rounds");
            page.Line();
            page.Head("ms", "median", "least", "most", "of docker's", "goal");
            foreach (var one in series)
            {
                page.Row(one.Name, Page.Ms(one.Median), Page.Ms(one.Least), Page.Ms(one.Most), one == series[0] ? "" : Page.Times(one.Median / series[0].Median),
                    one == series[1] ? $"{Page.Against(one.Median / series[0].Median, 0.4, " x")}; {Page.Against(one.Median - series[3].Median, 10, " ms")} above process" : "");
            }

            page.Line();
            page.Line($"What it writes: {asked.Count(static r => !r.StartsWith("GET ", StringComparison.Ordinal))} ≤ 0 requests other than GET, {events} ≤ 0 events of the engine, {(before == after ? "no" : "**a**")} service's version changed.");
            page.Line($"What it asks: {string.Join(", ", asked.GroupBy(static r => r).Select(static g => $"{g.Key} {g.Count()} x"))}. (`docker stack deploy` with nothing new writes {peerChanged} services: each then has only itself to go back to.)");
        }
        finally
        {
            _ = Child.Try(local with { Arguments = ["down"] });
            single.End();
            shop.End();
        }
    }

    private static void Change(Page page, BenchEngine engine, string lap, int rounds, bool scratch)
    {
        var shop = new EngineShop(engine, lap, scratch ? "scratch" : "change", scratch);
        try
        {
            _ = Child.Run(shop.DockerDeploy(EngineShop.Services, wait: false), Path.Combine(engine.Folder, "out"));
            _ = Child.Run(shop.Deploy(), Path.Combine(engine.Folder, "out"));
            List<Seen> ours = [], theirs = [];
            for (var round = 0; round < rounds; round++)
            {
                engine.Settle(shop.Stack + "-lap");
                engine.Settle(shop.Stack + "-docker");
                theirs.Add(Seen.Of(engine, shop, "docker", $"{shop.Stack}-{round + 1}", shop.DockerDeploy(["web"], wait: true)));
                engine.Settle(shop.Stack + "-lap");
                ours.Add(Seen.Of(engine, shop, "lap", $"{shop.Stack}-{round + 1}", shop.Deploy("-o", "json")));
            }

            page.Line();
            page.Line($"## One service changed, start-first, {rounds} rounds, {(scratch ? "the image written by lap itself (`base: scratch`)" : "the same Dockerfile")}");
            page.Line();
            page.Line("*First* and *only new* are when the prober, which asks every task at its own address all the time, had the first answer of the new revision, and the last one of the old.");
            page.Line();
            page.Head("ms from the command's start", "median", "least", "most", "lap : docker (goal)");
            Row("docker: first", theirs, static s => s.First, null);
            Row("docker: only new", theirs, static s => s.OnlyNew, null);
            Row("docker: whole (`build`, `push`, `stack deploy --detach=false`)", theirs, static s => s.Whole, null);
            Row("lap: first", ours, static s => s.First, Page.Times(Middle(ours, static s => s.First) / Middle(theirs, static s => s.First)));
            Row("lap: only new", ours, static s => s.OnlyNew, Page.Times(Middle(ours, static s => s.OnlyNew) / Middle(theirs, static s => s.OnlyNew)));
            Row("**lap: whole**", ours, static s => s.Whole, Page.Against(Middle(ours, static s => s.Whole) / Middle(theirs, static s => s.Whole), 0.6, " x"));
            page.Line();
            page.Head("lap's word beside the prober's, ms", "median", "least", "most", "goal");
            Row("first answer: lap after the prober", ours, static s => s.FirstLate, Page.Against(ours.Max(static s => Math.Abs(s.FirstLate)), 50, " ms") + " (the most)");
            Row("reflected: lap after only new tasks answer", ours, static s => s.ReflectedLate, Page.Against(ours.Max(static s => s.ReflectedLate), 150, " ms") + " (the most)");
            Row("the command's end after its reflected", ours, static s => s.AfterEnd, "");
            page.Line();
            page.Head("lap's segments on the critical path", "median", "least", "most", "");
            foreach (var name in ours[^1].Segments.Keys)
            {
                Row(name, ours, s => s.Segments.GetValueOrDefault(name), "");
            }

            page.Line();
            page.Line($"What lap names as the engine's own: {string.Join("; ", ours[^1].Delays)}.");
        }
        finally
        {
            shop.End();
        }

        void Row(string name, List<Seen> all, Func<Seen, double> value, string? goal) =>
            page.Row(name, Page.Ms(Middle(all, value)), Page.Ms(all.Min(value)), Page.Ms(all.Max(value)), goal ?? "");
    }

    private static double Middle(IEnumerable<Seen> all, Func<Seen, double> value) => Series.Middle(all.Select(value));

    private static void Cold(Page page, BenchEngine engine, string lap, int rounds)
    {
        List<double> ours = [], theirs = [], running = [], scratch = [];
        for (var round = 0; round < rounds; round++)
        {
            foreach (var written in (bool[])[false, true])
            {
                var shop = new EngineShop(engine, lap, $"cold{(written ? "s" : "")}{round}", written);
                try
                {
                    // Nothing of it is anywhere: every layer is new.
                    foreach (var service in EngineShop.Services)
                    {
                        foreach (var side in (string[])["lap", "docker"])
                        {
                            shop.Write(side, service, Guid.NewGuid().ToString());
                            File.WriteAllText(Path.Combine(shop.Folder, side, service, "bin", "salt"), Guid.NewGuid().ToString());
                        }
                    }

                    if (written)
                    {
                        running.Add(Child.Run(shop.DockerUntilRunning(), Path.Combine(engine.Folder, "out")).Wall);
                    }
                    else
                    {
                        theirs.Add(Child.Run(shop.DockerDeploy(EngineShop.Services, wait: true), Path.Combine(engine.Folder, "out")).Wall);
                    }

                    (written ? scratch : ours).Add(Child.Run(shop.Deploy(), Path.Combine(engine.Folder, "out")).Wall);
                }
                finally
                {
                    shop.End();
                }
            }
        }

        page.Line();
        page.Line($"## First deploy, nothing cached, three services, {rounds} rounds");
        page.Line();
        page.Head("ms", "median", "least", "most", "lap : docker (goal)");
        page.Row("`docker build` x 3, `push` x 3, `stack deploy --detach=false`", Page.Ms(Series.Middle(theirs)), Page.Ms(theirs.Min()), Page.Ms(theirs.Max()), "");
        page.Row("the same with `--detach=true`, until every task runs (asked every 20 ms)", Page.Ms(Series.Middle(running)), Page.Ms(running.Min()), Page.Ms(running.Max()), "");
        page.Row("`lap deploy`, the same Dockerfiles", Page.Ms(Series.Middle(ours)), Page.Ms(ours.Min()), Page.Ms(ours.Max()), Page.Against(Series.Middle(ours) / Series.Middle(theirs), 1.1, " x") + "; " + Page.Against(Series.Middle(ours) / Series.Middle(running), 1.1, " x") + " of until it runs");
        page.Row("`lap deploy`, `base: scratch`", Page.Ms(Series.Middle(scratch)), Page.Ms(scratch.Min()), Page.Ms(scratch.Max()), Page.Against(Series.Middle(scratch) / Series.Middle(theirs), 1.1, " x") + "; " + Page.Against(Series.Middle(scratch) / Series.Middle(running), 1.1, " x") + " of until it runs");
    }

    /// <summary>Ten compose files of twenty services in one environment.</summary>
    private static void Stacks(Page page, BenchEngine engine, string lap, int rounds)
    {
        const int Files = 10, Each = 20, Running = 20;
        var folder = Path.Combine(engine.Folder, "stacks");
        Directory.CreateDirectory(folder);
        var image = new EngineShop(engine, lap, "image");
        var id = engine.Command(image.Docker, "docker", "build", "-q", "web");
        var built = Child.Read(id).Trim();
        for (var file = 0; file < Files; file++)
        {
            File.WriteAllText(Path.Combine(folder, $"stack{file}.yml"), (file == 0 ? "name: many\n" : "") + "services:\n" + string.Concat(Enumerable.Range(0, Each).Select(i => $$"""
                  s{{file}}x{{i}}:
                    image: {{built}}
                    deploy: { replicas: {{((file * Each) + i < Running ? 1 : 0)}} }

                """)));
        }

        File.WriteAllText(Path.Combine(folder, "laptime.yaml"), $$"""
            version: 1
            name: many
            components: { s0x0: { run: { image: "{{built}}" } } }
            environments:
              swarm: { target: swarm, stack: [{{string.Join(", ", Enumerable.Range(0, Files).Select(static f => $"stack{f}.yml"))}}] }

            """);
        var deploy = engine.Command(folder, lap, "deploy");
        try
        {
            _ = Child.Run(deploy, Path.Combine(engine.Folder, "out"));
            engine.Settle("many");
            Unchanged(Child.Read(engine.Command(folder, lap, "deploy", "-o", "json")));
            engine.Tap.Take();
            Unchanged(Child.Read(engine.Command(folder, lap, "deploy", "-o", "json")));
            var fast = engine.Tap.Take();
            Unchanged(Child.Read(engine.Command(folder, lap, "deploy", "-o", "json", "--lock-timeout", "60s")));
            var full = engine.Tap.Take();
            var series = Rounds.Run(rounds, ("`lap deploy`", () => Child.Run(deploy)), ("`lap deploy`, the full run", () => Child.Run(engine.Command(folder, lap, "deploy", "--lock-timeout", "60s"))));
            page.Line();
            page.Line($"## Ten stacks of twenty services in one environment, nothing to do, {rounds} rounds");
            page.Line();
            page.Line($"Ten compose files joined (`stack: [...]`), 200 services; {Running} of them with a task, the others with `replicas: 0` (two processors are too few for 200 containers).");
            page.Line();
            page.Head("ms", "median", "least", "most", "goal", "asked of the engine");
            foreach (var (one, asked) in series.Zip([fast, full]))
            {
                page.Row(one.Name, Page.Ms(one.Median), Page.Ms(one.Least), Page.Ms(one.Most), Page.Against(one.Median, 1000, " ms"), string.Join(", ", asked.GroupBy(static r => r).Select(static g => $"{g.Key} {g.Count()} x")));
            }
        }
        finally
        {
            _ = Child.Try(engine.Command(folder, lap, "agent", "stop"));
        }
    }

    private static void Unchanged(string json)
    {
        using var document = JsonDocument.Parse(json);
        if (document.RootElement.GetProperty("outcome").GetString() != "unchanged")
        {
            throw new InvalidOperationException($"something was done:\n{json}");
        }
    }
}

/// <summary>One change as the prober and, for lap, its own document have it; milliseconds from the command's start unless said otherwise.</summary>
/// <param name="Whole">To the command's end.</param>
/// <param name="First">To the first answer of the new revision.</param>
/// <param name="OnlyNew">To the last answer of the old one.</param>
/// <param name="FirstLate">lap's moment after the prober's.</param>
/// <param name="ReflectedLate">lap's `reflected` after only new tasks answered.</param>
/// <param name="AfterEnd">From lap's `reflected` to the end of its process.</param>
internal sealed record Seen(
    double Whole, double First, double OnlyNew, double FirstLate, double ReflectedLate, double AfterEnd, IReadOnlyDictionary<string, double> Segments, IReadOnlyList<string> Delays)
{
    public static Seen Of(BenchEngine engine, EngineShop shop, string side, string content, Command command)
    {
        var old = File.ReadAllText(Path.Combine(shop.Folder, side, "web", "www", "content")).Trim();
        using var prober = new TaskProber(engine.Socket, $"{shop.Stack}-{side}_web", EngineShop.Inside);
        prober.Until(old);
        shop.Write(side, "web", content);
        var output = Path.Combine(engine.Folder, "deploy.out");
        var began = DateTime.UtcNow;
        var cost = Child.Run(command, output);
        var ended = DateTime.UtcNow;
        var (first, _) = prober.Until(content);
        var last = prober.Of(old)!.Value.Last;
        var document = side == "lap" ? JsonDocument.Parse(File.ReadAllText(output)).RootElement : default;
        var web = side == "lap" ? document.GetProperty("components").EnumerateArray().Single(static c => c.GetProperty("name").GetString() == "web") : default;
        var reflected = side == "lap" ? document.GetProperty("interval").GetProperty("end").GetDateTime().ToUniversalTime() : ended;
        return new Seen(
            cost.Wall, Ms(first - began), Ms(last - began), side == "lap" ? Ms(web.GetProperty("firstAnswerAt").GetDateTime().ToUniversalTime() - first) : 0, Ms(reflected - last), Ms(ended - reflected),
            side == "lap" ? SegmentsOf(document) : new Dictionary<string, double>(),
            side == "lap" && web.TryGetProperty("engineDelays", out var delays)
                ? [.. delays.EnumerateArray().Select(static d => $"`{d.GetProperty("kind").GetString()}` {d.GetProperty("seconds").GetDouble().ToString("0.0", CultureInfo.InvariantCulture)} s{(d.GetProperty("waited").GetBoolean() ? "" : " (not waited for)")}")]
                : []);
    }

    private static double Ms(TimeSpan span) => span.TotalMilliseconds;

    private static Dictionary<string, double> SegmentsOf(JsonElement document)
    {
        var parts = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (var segment in document.GetProperty("segments").EnumerateArray().Where(static s => s.GetProperty("criticalPath").GetBoolean()))
        {
            var name = segment.GetProperty("name").GetString()! + (segment.TryGetProperty("kind", out var kind) && kind.GetString() is { } text ? $" ({text})" : "");
            parts[name] = parts.GetValueOrDefault(name) + (segment.GetProperty("seconds").GetDouble() * 1000);
        }

        parts["unattributed"] = document.GetProperty("interval").GetProperty("unattributedSeconds").GetDouble() * 1000;
        return parts;
    }
}

/// <summary>Three components as processes: lap's own no-op, which the engine's is compared with.</summary>
internal static class ProcessShop
{
    /// <returns>Its deploy.</returns>
    public static Command Write(BenchEngine engine, string lap)
    {
        var folder = Path.Combine(engine.Folder, "processes");
        foreach (var service in EngineShop.Services)
        {
            Directory.CreateDirectory(Path.Combine(folder, service, "www"));
            File.WriteAllText(Path.Combine(folder, service, "www", "content"), "0\n");
        }

        File.WriteAllText(Path.Combine(folder, "laptime.yaml"), $$"""
            version: 1
            name: processes
            components:
            {{string.Concat(EngineShop.Services.Select(s => $$"""
              {{s}}:
                path: {{s}}
                inputs: ["www/**"]
                build: { steps: [ { name: copy, kind: package, run: "mkdir -p out && cp www/content out/" } ], outputs: ["out/**"] }
                run: { command: [/bin/busybox, httpd, -f, -p, "127.0.0.1:${port}", -h, out], port: {{FreePort()}} }
                probes: { ready: { http: /content } }

            """))}}
            environments: { local: { target: process } }

            """);
        return engine.Command(folder, lap, "deploy");
    }

    private static int FreePort()
    {
        using var socket = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        socket.Start();
        return ((System.Net.IPEndPoint)socket.LocalEndpoint).Port;
    }
}
