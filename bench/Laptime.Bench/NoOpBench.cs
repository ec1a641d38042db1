using System.Diagnostics;
using System.Text.Json;

namespace Laptime.Bench;

/// <summary>A deploy with nothing to do beside `git status`, an empty .NET program and turbo; the first fingerprint beside sha256sum; memory; what is compiled at run time.</summary>
internal static class NoOpBench
{
    /// <summary>Files from which on fewer rounds must do: one of all parts takes minutes.</summary>
    private const int Large = 200_000;

    public static void Run(Page page, string lap, string empty, IReadOnlyList<int> sizes, int rounds, string? turbo)
    {
        using var peer = new Peer(turbo);
        var noop = new List<string[]>();
        var watched = new List<string[]>();
        var first = new List<string[]>();
        var memory = new List<string[]>();
        var compiled = new List<string>();
        foreach (var size in sizes)
        {
            var began = Stopwatch.GetTimestamp();
            void Note(string done) => Console.Error.WriteLine($"bench: {size:n0} files, {Stopwatch.GetElapsedTime(began).TotalSeconds,5:0} s: {done}");
            Note("begins");
            using var tree = new BenchTree(lap, size);
            Note("tree written and committed");
            if (peer.Program is not null)
            {
                // First of all: it leaves its log in a folder of its own among the inputs.
                _ = Child.Run(peer.Build(tree), Path.Combine(tree.Root, ".git", "turbo.out"));
            }

            _ = Child.Run(tree.Lap("deploy"), Path.Combine(tree.Root, ".git", "bench.out"));
            Note("deployed");
            RequireNoOp(tree, "with the watch");
            var mark = tree.Mark("-");
            RequireNoOp(tree, "without the watch");
            if (size == sizes[0])
            {
                compiled = Compiled(tree);
            }

            var n = size > Large ? Math.Max(3, rounds / 3) : rounds;
            var git = tree.InTree("git", "status");
            var deploy = tree.Lap("deploy");
            var series = Rounds.Run(
                n,
                [
                    ("lap", () => Child.Run(deploy)),
                    ("git", () => Child.Run(git)),
                    .. peer.Program is null ? [] : ((string, Func<Cost>)[])[("turbo", () => Child.Run(peer.Build(tree)))],
                ]);
            Note($"{n} rounds without the watch");
            noop.Add(
            [
                $"{size:n0}", Three(series[0]), Three(series[1]), series.Length > 2 ? Three(series[2]) : "not here",
                GoalOf(series[0].Median / series[1].Median, size), Page.Times(series[0].Least / series[1].Least), Page.Times(series[0].Cpu / series[1].Cpu),
                series.Length > 2 ? Page.Times(series[2].Median / series[1].Median) : "-",
            ]);
            memory.Add([$"{size:n0}", MemoryGoal(Child.PeakMemory(deploy), size), Page.Ms(Child.PeakMemory(git))]);

            RequireMark(tree, "-");
            if (mark == "-")
            {
                watched.Add([$"{size:n0}", "the agent gave no watch", "", "", "", ""]);
            }
            else
            {
                _ = tree.Mark(mark);
                var pair = Rounds.Run(n, ("lap", () => Child.Run(deploy)), ("empty", () => Child.Run(tree.InTree(empty))));
                RequireMark(tree, mark);
                watched.Add(
                [
                    $"{size:n0}", Three(pair[0]), Three(pair[1]), Page.Against(pair[0].Median / pair[1].Median, 1.5, " x"), Page.Times(pair[0].Least / pair[1].Least),
                    Page.Times(pair[0].Cpu / pair[1].Cpu),
                ]);
            }

            Note("rounds with the watch");
            first.Add(FirstFingerprint(tree, size > Large ? 2 : Math.Max(3, n / 3)));
            Note("first fingerprints");
        }

        page.Line("## A deploy with nothing to do, beside `git status`");
        page.Line();
        page.Line("Without the agent's watch: every input is looked at, and the target is asked. Cells are median / least wall time, and processor time.");
        page.Line();
        page.Head("files", "lap deploy", "git status", "turbo run build (cached)", "lap : git (goal)", "of the least", "of processor time", "turbo : git");
        noop.ForEach(r => page.Row(r));
        page.Line();
        page.Line("## With the agent's watch, beside an empty .NET program");
        page.Line();
        page.Line("The agent says that nothing was written since the last full look; the target is asked all the same.");
        page.Line();
        page.Head("files", "lap deploy", "empty program", "lap : empty (goal)", "of the least", "of processor time");
        watched.ForEach(r => page.Row(r));
        page.Line();
        page.Line("## First fingerprint, beside `find -type f -print0 | xargs -0 -P2 -n 500 sha256sum`");
        page.Line();
        page.Line("`detect` is the segment of a deploy without a stat index: walk, ignore rules, SHA-256 of every file, writing the index.");
        page.Line();
        page.Head("files", "detect", "sha256sum", "detect : sha256sum (goal)", "of the least");
        first.ForEach(r => page.Row(r));
        page.Line();
        page.Line("## Peak memory of a deploy with nothing to do (MB)");
        page.Line();
        page.Head("files", "lap deploy (goal)", "git status");
        memory.ForEach(r => page.Row(r));
        page.Line();
        page.Line($"## Methods compiled at run time: {Page.Against(compiled.Count, 14)}");
        page.Line();
        compiled.ForEach(m => page.Line($"- `{m}`"));
        page.Save();
    }

    /// <summary>A figure of the full path under the name of the fast one would be a lie: the no-op's document has no plan segment.</summary>
    private static void RequireNoOp(BenchTree tree, string how)
    {
        var said = Child.Read(tree.Lap("deploy", "-o", "json"));
        using var document = JsonDocument.Parse(said);
        if (document.RootElement.GetProperty("segments").EnumerateArray().Any(s => s.GetProperty("name").GetString() == "plan"))
        {
            throw new InvalidOperationException($"the deploy with nothing to do ({how}) went the full way:\n{said}");
        }
    }

    /// <summary>A run that had gone the full way would have left a new proof.</summary>
    private static void RequireMark(BenchTree tree, string mark)
    {
        if (tree.Mark(mark) is var now && now != mark)
        {
            throw new InvalidOperationException($"one of the deploys with nothing to do went the full way: the proof's mark was {mark}, now it is {now}");
        }
    }

    private static string[] FirstFingerprint(BenchTree tree, int rounds)
    {
        var detect = new Series("detect");
        var sums = new Series("sha256sum");
        var command = tree.InTree("/bin/sh", "-c", "find app -type f -print0 | xargs -0 -P2 -n 500 sha256sum");
        for (var i = -1; i < rounds; i++)
        {
            File.Delete(tree.Index);
            File.Delete(tree.Proof);
            using var document = JsonDocument.Parse(Child.Read(tree.Lap("deploy", "-o", "json")));
            var seconds = document.RootElement.GetProperty("segments").EnumerateArray().First(s => s.GetProperty("name").GetString() == "detect" && s.GetProperty("kind").GetString() is null).GetProperty("seconds").GetDouble();
            var cost = Child.Run(command);
            if (i >= 0)
            {
                detect.Add(new Cost(seconds * 1000, 0));
                sums.Add(cost);
            }
        }

        return
        [
            $"{tree.Files:n0}", $"{Page.Ms(detect.Median)} / {Page.Ms(detect.Least)}", Three(sums), Page.Against(detect.Median / sums.Median, 0.65, " x"),
            Page.Times(detect.Least / sums.Least),
        ];
    }

    private static List<string> Compiled(BenchTree tree)
    {
        var file = Path.GetTempFileName();
        try
        {
            _ = Child.Run(tree.Lap("deploy") with
            {
                Environment = new Dictionary<string, string?> { ["DOTNET_JitStdOutFile"] = file, ["DOTNET_JitDisasmSummary"] = "1" },
            });
            return [.. File.ReadAllLines(file).Where(l => l.Length > 0).Select(l => l[(l.IndexOf("for method ", StringComparison.Ordinal) + 11)..])];
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static string Three(Series series) => $"{Page.Ms(series.Median)} / {Page.Ms(series.Least)}, {Page.Ms(series.Cpu)}";

    private static string GoalOf(double ratio, int files) => files switch
    {
        10_000 => Page.Against(ratio, 1.6, " x"),
        100_000 => Page.Against(ratio, 0.75, " x"),
        500_000 => Page.Against(ratio, 0.5, " x"),
        _ => Page.Times(ratio),
    };

    private static string MemoryGoal(double megabytes, int files) => files switch
    {
        10_000 => Page.Against(megabytes, 70),
        100_000 => Page.Against(megabytes, 120),
        _ => Page.Ms(megabytes),
    };
}
