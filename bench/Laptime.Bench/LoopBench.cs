using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Laptime.Processes;

namespace Laptime.Bench;

/// <summary>One file changed: what of the interval is Laptime's own; and how users are led from the old instance to the new one.</summary>
internal static partial class LoopBench
{
    public static void Run(Page page, string lap, int files, int rounds)
    {
        using var tree = new BenchTree(lap, files);
        _ = Child.Run(tree.Lap("deploy"), Path.Combine(tree.Root, ".git", "bench.out"));
        var changes = Enumerable.Range(0, rounds + 1).Select(i => Change.Make(tree, i)).Skip(1).ToList();
        page.Line($"## One file changed, {files:n0} files");
        page.Line();
        page.Line("The interval (save to reflected) less what is not Laptime's: the build step's command, and the new instance's own boot (from its start to its first good");
        page.Line("answer). The start of the `lap` process is in it: the command is given the moment the file is saved.");
        page.Line();
        page.Head("part", "median", "least", "most");
        // What was on the critical path in some of the rounds only is 0 in the others.
        foreach (var part in changes.SelectMany(c => c.Parts.Select(p => p.Name)).Distinct().OrderBy(p => p == "unattributed"))
        {
            var values = changes.Select(c => c.Parts.FirstOrDefault(p => p.Name == part).Ms).ToList();
            page.Row(part, Page.Ms(Series.Middle(values)), Page.Ms(values.Min()), Page.Ms(values.Max()));
        }

        var own = changes.Select(c => c.Own).ToList();
        page.Row("**own overhead**", Page.Against(Math.Round(Series.Middle(own)), 150), Page.Ms(own.Min()), Page.Ms(own.Max()));
        var unattributed = changes.Select(c => 100 * c.UnattributedShare).ToList();
        page.Row("unattributed, % of the interval", Page.Against(Series.Middle(unattributed), 5), Page.Ms(unattributed.Min()), Page.Ms(unattributed.Max()));
        page.Line();
        page.Line("## Blue/green");
        page.Line();
        var swaps = changes.Select(c => c.ReadyToReflected).ToList();
        page.Line($"From the new instance's first good answer to reflection, {swaps.Count} swaps: median {Page.Against(Series.Middle(swaps), 50, " ms")}, most {Page.Ms(swaps.Max())} ms.");
        page.Line();
        page.Line(UnderLoad(tree, swaps: 10));
        page.Save();
    }

    /// <summary>Ten swaps while wrk asks as fast as it can.</summary>
    private static string UnderLoad(BenchTree tree, int swaps)
    {
        var output = Path.Combine(tree.Root, ".git", "wrk.out");
        using var file = File.OpenHandle(output, FileMode.Create, FileAccess.Write, FileShare.ReadWrite);
        using var wrk = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo(
            "wrk", ["-t1", "-c8", "-d600s", "--timeout", "20s", $"http://127.0.0.1:{tree.Port}/"]) { RedirectStandardOutput = true })!;
        for (var i = 0; i < swaps; i++)
        {
            _ = Change.Make(tree, 1000 + i);
        }

        // SIGINT makes wrk say what it counted.
        _ = Child.Run(tree.InTree("kill", "-INT", $"{wrk.Id}"));
        var said = wrk.StandardOutput.ReadToEnd();
        wrk.WaitForExit();
        var requests = long.Parse(Requests().Match(said).Groups[1].Value, CultureInfo.InvariantCulture);
        var failed = Failures().Matches(said).Sum(m => m.Groups.Cast<Group>().Skip(1).Where(g => g.Success).Sum(g => long.Parse(g.Value, CultureInfo.InvariantCulture)));
        return $"Ten swaps under load (wrk, 8 connections): {requests:n0} requests, {Page.Against(failed, 0)} failed.";
    }

    [GeneratedRegex(@"(\d+) requests in")]
    private static partial Regex Requests();

    [GeneratedRegex(@"Non-2xx or 3xx responses: (\d+)|Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")]
    private static partial Regex Failures();
}

/// <summary>One change, deployed: where its interval went.</summary>
internal sealed record Change(IReadOnlyList<(string Name, double Ms)> Parts, double Own, double ReadyToReflected, double UnattributedShare)
{
    public static Change Make(BenchTree tree, int number)
    {
        File.WriteAllText(tree.Edited, $"page {number} {Guid.NewGuid()}\n");
        using var document = JsonDocument.Parse(Child.Read(tree.Lap("deploy", "-o", "json")));
        var root = document.RootElement;
        if (root.GetProperty("outcome").GetString() != "reflected")
        {
            throw new InvalidOperationException($"the change was not reflected:\n{root}");
        }

        var parts = new List<(string Name, double Ms)>();
        var (ready, reflected, own) = (0.0, 0.0, 0.0);
        foreach (var segment in root.GetProperty("segments").EnumerateArray())
        {
            var name = segment.GetProperty("name").GetString()!;
            var start = segment.GetProperty("start").GetDouble();
            if (segment.GetProperty("seconds").ValueKind != JsonValueKind.Number)
            {
                throw new InvalidOperationException($"the segment {name} has no end:\n{root}");
            }

            var seconds = segment.GetProperty("seconds").GetDouble();
            if (name == "ready")
            {
                ready = start + seconds;
            }
            else if (name == "reflect")
            {
                reflected = start + seconds;
            }

            if (segment.GetProperty("criticalPath").GetBoolean())
            {
                var mine = name is not ("live" or "ready") && !name.StartsWith("build/", StringComparison.Ordinal);
                var kind = segment.TryGetProperty("kind", out var k) && k.GetString() is { } text ? $" ({text})" : "";
                var label = (mine ? "" : "not ours: ") + name + kind;
                own += mine ? seconds * 1000 : 0;
                var at = parts.FindIndex(p => p.Name == label);
                if (at < 0)
                {
                    parts.Add((label, seconds * 1000));
                }
                else
                {
                    parts[at] = (label, parts[at].Ms + (seconds * 1000));
                }
            }
        }

        var interval = root.GetProperty("interval");
        var unattributed = interval.GetProperty("unattributedSeconds").GetDouble();
        parts.Add(("unattributed", unattributed * 1000));
        return new Change(parts, own + (unattributed * 1000), (reflected - ready) * 1000, unattributed / interval.GetProperty("seconds").GetDouble());
    }
}
