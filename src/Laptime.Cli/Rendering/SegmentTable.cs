using Laptime.Foundations;
using Laptime.Reports;
using Laptime.Timing;

namespace Laptime.Cli.Rendering;

/// <summary>Segments as rows, each with a bar where its time went, so that overlaps are seen. A star marks the critical path.</summary>
internal static class SegmentTable
{
    private const int NarrowestBar = 12;

    public static void Write(Page page, IReadOnlyList<Segment> segments, TimelineScale scale, Terminal terminal)
    {
        var names = segments.Select(Remarked).ToList();
        var nameWidth = Math.Min(24, Width("segment", names));
        var components = segments.Select(s => s.Component ?? "").ToList();
        var componentWidth = Math.Min(16, Width("component", components));
        var took = segments.Select(s => s.Seconds is { } seconds ? Duration.Text(seconds) : "no end").ToList();
        var tookWidth = Width("took", took);
        var bar = terminal.Width - (1 + nameWidth + componentWidth + tookWidth + (4 * 2));
        var (full, aside, empty) = terminal.Unicode ? ('█', '░', ' ') : ('#', '-', ' ');
        var rows = new List<Span[]>();
        for (var i = 0; i < segments.Count; i++)
        {
            var segment = segments[i];
            var tone = segment.Outcome is "failed" or "timeout" ? Tone.Bad : segment.CriticalPath ? Tone.Plain : Tone.Dim;
            rows.Add(
            [
                new(segment.CriticalPath ? "*" : "", Tone.Accent),
                new(TextWidth.Cut(TextWidth.Clean(names[i]), nameWidth, terminal.Unicode), tone),
                new(TextWidth.Cut(TextWidth.Clean(components[i]), componentWidth, terminal.Unicode), tone),
                new(took[i], tone),
                new(Bar(segment), segment.Outcome is "failed" or "timeout" ? Tone.Bad : segment.CriticalPath ? Tone.Accent : Tone.Dim),
            ]);
        }

        if (bar >= NarrowestBar)
        {
            page.Table([.. Columns(Axis(Duration.Text(scale.Seconds), bar))], rows);
        }
        else
        {
            page.Table([.. Columns("").Take(4)], rows.ConvertAll(r => r[..4]));
        }

        string Bar(Segment segment) => bar < NarrowestBar ? ""
            : segment is { Name: "wait", Kind: "idle" } ? "idle: nobody had asked yet"
            : scale.IsAfter(segment) ? "after the interval"
            : scale.Bar(segment, bar, full, aside, empty)?.TrimEnd() ?? "";
    }

    private static IEnumerable<Column> Columns(string axis) =>
        [new Column(""), new Column("segment"), new Column("component"), new Column("took", Right: true), new Column(axis)];

    /// <summary>0 at the left, the whole at the right.</summary>
    private static string Axis(string whole, int width) => "0" + whole.PadLeft(width - 1);

    private static string Remarked(Segment segment) => SegmentName.Bare(segment.Name, segment.Kind)
        + (segment.Cache == "hit" ? " (hit)" : "")
        + (segment.Outcome is null or "ok" ? "" : $" ({segment.Outcome})");

    private static int Width(string title, List<string> texts) => texts.Select(t => TextWidth.Of(TextWidth.Clean(t))).Append(title.Length).Max();
}
