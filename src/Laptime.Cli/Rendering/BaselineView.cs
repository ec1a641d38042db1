using System.Text.Json;
using Laptime.Foundations;
using Laptime.Measurement;
using Laptime.Reports;

namespace Laptime.Cli.Rendering;

/// <summary>A recorded baseline on one screen: its intervals, and where they went.</summary>
internal static class BaselineView
{
    /// <summary>Segments below this share of the interval are summed up in one line.</summary>
    private const double Small = 0.01;

    public static string One(Baseline baseline, Terminal terminal)
    {
        if (terminal.Json)
        {
            return JsonSerializer.Serialize(baseline, BaselineJson.Readable.Baseline) + "\n";
        }

        var page = new Page(terminal);
        var key = baseline.Key;
        page.Wrapped(
            baseline is { Ended: "complete" } ? Symbols.Good(terminal) : baseline.Samples.Count == 0 ? Symbols.Bad(terminal) : new Span("!", Tone.Warn),
            new Span(
                $"{baseline.Name}: {key.Scenario}, {baseline.Count} {(baseline.IsComplete && baseline.Samples.Count == 1 ? "run" : "runs")} on {key.Environment}"
                + (key.Profile is null ? "" : $" (profile {key.Profile})") + (key.Components.Count == 0 ? "" : $", {string.Join(", ", key.Components)} only")
                + (baseline.Ended is "complete" ? "" : $"; {(baseline.Ended is null ? "being recorded, or its recorder was killed" : baseline.Ended)}"),
                Tone.Strong),
            2);
        if (baseline.Samples.Count > 0)
        {
            page.Blank();
            Times(page, baseline, terminal);
            page.Blank();
            Segments(page, baseline, terminal);
        }

        page.Blank();
        Facts(page, baseline);
        return page.ToString();
    }

    public static string List(IReadOnlyList<Baseline> baselines, DateTimeOffset now, Terminal terminal)
    {
        if (terminal.Json)
        {
            return JsonSerializer.Serialize(new BaselineList("laptime/baselines/v1", [.. baselines.Select(Item)]), BaselineJson.Readable.BaselineList) + "\n";
        }

        var page = new Page(terminal);
        if (baselines.Count == 0)
        {
            page.Line("no baselines yet: lap baseline record warm");
            return page.ToString();
        }

        page.Table(
            [
                new Column(""), new Column("name"), new Column("scenario", Yields: Yields.Shrinking), new Column("runs", Right: true), new Column("interval", Right: true),
                new Column("from .. to", Right: true, Yields: Yields.Late), new Column("where"), new Column("age", Right: true), new Column("revision", Yields: Yields.First),
            ],
            [.. baselines.Select(b =>
            {
                var item = Item(b);
                return new Span[]
                {
                    b.Ended == "complete" ? Symbols.Good(terminal) : new Span("!", Tone.Warn), new(b.Name, Tone.Strong), b.Key.Scenario, b.Count,
                    item.Median is { } median ? Duration.Text(median) : "", item is { Low: { } low, High: { } high } ? new Span($"{Duration.Text(low)} .. {Duration.Text(high)}", Tone.Dim) : "",
                    b.Key.Environment + (b.Key.Profile is null ? "" : $"/{b.Key.Profile}"), new(HistoryView.Coarse(Math.Max(0, (now - b.At).TotalSeconds)), Tone.Dim), new(Revision(b), Tone.Dim),
                };
            })]);
        return page.ToString();
    }

    /// <summary>Before and after by kind of work: what of the critical path each took.</summary>
    public static string Kinds(IReadOnlyList<KindComparison> kinds, Terminal terminal)
    {
        var page = new Page(terminal);
        var bar = Math.Clamp((terminal.Width - 60) / 2, 4, 20);
        var longest = kinds.Count == 0 ? 1 : Math.Max(1e-9, kinds.Max(k => Math.Max(k.A, k.B)));
        Span Bar(double seconds) => new(new string(terminal.Unicode ? '█' : '#', seconds > 0 ? Math.Max(1, (int)Math.Round(seconds / longest * bar)) : 0), Tone.Accent);

        page.Table(
            [
                new Column(""), new Column("kind"), new Column("A", Right: true), new Column("share", Right: true), new Column("", Yields: Yields.First), new Column("B", Right: true),
                new Column("share", Right: true), new Column("", Yields: Yields.First), new Column("B - A", Right: true, Yields: Yields.Late),
            ],
            [.. kinds.Select(k => new Span[]
            {
                "", k.Kind, Duration.Text(k.A), new(Sentences.Percent(k.ShareA), Tone.Dim), Bar(k.A), Duration.Text(k.B), new(Sentences.Percent(k.ShareB), Tone.Dim), Bar(k.B),
                (k.B - k.A > 0 ? "+" : "") + Duration.Text(k.B - k.A),
            })]);
        page.Blank();
        return page.ToString();
    }

    private static BaselineItem Item(Baseline b)
    {
        var side = b.Samples.Count == 0 ? null : Side(b.Samples.Select(s => s.IntervalSeconds));
        return new BaselineItem(b.Id, b.Name, b.Key, b.At, b.Revision, b.Dirty, b.Requested, b.Samples.Count, b.Ended, side?.Median, side?.Low, side?.High);
    }

    private static void Times(Page page, Baseline baseline, Terminal terminal)
    {
        var rows = new List<Span[]>();
        void Add(string name, Func<BaselineSample, double?> of)
        {
            double[] values = [.. baseline.Samples.Select(of).OfType<double>()];
            if (values.Length == baseline.Samples.Count)
            {
                var side = Side(values);
                rows.Add(["", name, new(Duration.Text(side.Median), Tone.Strong), Duration.Text(side.Low), Duration.Text(side.High), new(Spark(values, terminal), Tone.Dim)]);
            }
        }

        Add("interval", s => s.IntervalSeconds);
        Add("artifact published", s => s.ArtifactPublishSeconds);
        Add("rollout", s => s.RolloutSeconds);
        Add("the whole command", s => s.CommandSeconds);
        page.Table(
            [
                new Column(""), new Column("time"), new Column("median", Right: true), new Column("low", Right: true), new Column("high", Right: true),
                new Column(terminal.Unicode ? "run by run" : "", Yields: Yields.Shrinking),
            ],
            rows);
    }

    private static void Segments(Page page, Baseline baseline, Terminal terminal)
    {
        var interval = new Samples(baseline.Samples.Select(s => s.IntervalSeconds)).Median;
        var all = baseline.Samples.SelectMany(s => s.Segments).GroupBy(s => (s.Name, s.Component)).Select(g => (
                g.Key.Name, g.Key.Component, Kind: g.Last().Kind, Hits: g.Count(s => s.Cache == "hit"),
                Seconds: new Samples(baseline.Samples.Select(s => s.Segments.Where(x => x.Name == g.Key.Name && x.Component == g.Key.Component).Sum(x => x.Seconds))).Median,
                OnPath: 2 * g.Count(s => s.CriticalPath) >= baseline.Samples.Count))
            .Append((Name: "unattributed", Component: (string?)null, Kind: (string?)null, Hits: 0, Seconds: new Samples(baseline.Samples.Select(s => s.UnattributedSeconds ?? 0)).Median, OnPath: true))
            .OrderByDescending(s => s.Seconds).ToList();
        var shown = all.Where(s => interval > 0 && s.Seconds >= Small * interval).Take(Math.Max(4, terminal.Height - 14)).ToList();
        var bar = Math.Clamp(terminal.Width - 62, 8, 40);
        var (full, aside) = terminal.Unicode ? ('█', '░') : ('#', '-');
        var longest = shown.Count == 0 ? 1 : Math.Max(1e-9, shown[0].Seconds);
        page.Table(
            [
                new Column(""), new Column("segment"), new Column("component", Yields: Yields.Shrinking), new Column("kind", Yields: Yields.First), new Column("median", Right: true),
                new Column("share", Right: true), new Column("", Yields: Yields.Late),
            ],
            [.. shown.Select(s => new Span[]
            {
                new(s.OnPath ? "*" : "", Tone.Accent), s.Name + (2 * s.Hits > baseline.Samples.Count ? " (hit)" : ""), s.Component ?? "", new(s.Kind ?? "", Tone.Dim), Duration.Text(s.Seconds),
                Sentences.Percent(s.Seconds / interval), new(new string(s.OnPath ? full : aside, Math.Max(1, (int)Math.Round(s.Seconds / longest * bar))), s.OnPath ? Tone.Accent : Tone.Dim),
            })]);
        if (all.Count > shown.Count)
        {
            page.Line(new Span($"   and {Sentences.Count(all.Count - shown.Count, "segment")} below, the longest {Duration.Text(all.Except(shown).Max(s => s.Seconds))}", Tone.Dim));
        }
    }

    private static void Facts(Page page, Baseline baseline)
    {
        void Fact(string name, string text) => page.Wrapped(new Span(name, Tone.Dim), new Span(text, Tone.Dim), 13);

        Fact("recorded", $"{baseline.At.UtcDateTime:yyyy-MM-dd HH:mm:ss}Z, {baseline.Id}{(baseline.Lap is null ? "" : $", lap {baseline.Lap}")}");
        if (Revision(baseline) is { Length: > 0 } revision)
        {
            Fact("revision", revision);
        }

        Fact("machine", $"{baseline.Key.Machine.Text} ({baseline.Key.Machine.Id})");
        foreach (var run in baseline.Discarded)
        {
            Fact("not counted", $"{run.Transaction}: {run.Reason}");
        }

        foreach (var note in baseline.Notes)
        {
            page.Wrapped(new Span("note", Tone.Warn), new Span(note, Tone.Warn), 13);
        }

        if (baseline.Failure is { } failure)
        {
            page.Wrapped(new Span("ended", Tone.Warn), new Span($"{failure.Kind}: {failure.Message}", Tone.Warn), 13);
        }
    }

    private static string Revision(Baseline baseline) => baseline.Revision is not { } revision ? "" : revision[..Math.Min(12, revision.Length)] + (baseline.Dirty == true ? " and changes" : "");

    private static SideReport Side(IEnumerable<double> values) => SideReport.Of(new Samples(values), Judging.Standard);

    /// <summary>One sign for each run, from the shortest to the longest; runs that differ by less than 2 % stand at one height.</summary>
    private static string Spark(double[] values, Terminal terminal)
    {
        const string Heights = "▁▂▃▄▅▆▇█";
        if (!terminal.Unicode || values.Length < 2)
        {
            return "";
        }

        var (low, high) = (values.Min(), values.Max());
        var range = Math.Max(high - low, 0.02 * high);
        return string.Concat(values.Select(v => Heights[range <= 0 ? 0 : Math.Clamp((int)((v - low) / range * Heights.Length), 0, Heights.Length - 1)]));
    }
}
