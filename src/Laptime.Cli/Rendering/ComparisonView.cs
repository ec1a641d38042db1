using Laptime.Foundations;
using Laptime.Measurement;

namespace Laptime.Cli.Rendering;

/// <summary>A comparison: what A and B took, the ratio with its interval as number and as picture, and the verdict in words; the sentence last, where eyes end.</summary>
internal static class ComparisonView
{
    /// <summary>Cells on each side of "no change".</summary>
    private const int Half = 6;

    /// <summary>The picture ends at a quarter and at four times.</summary>
    private static readonly double Widest = Math.Log(4);

    /// <param name="all">Also segments that are too small to be judged.</param>
    public static string Render(ComparisonDocument document, Terminal terminal, bool all)
    {
        var page = new Page(terminal);
        page.Line(new Span("A ", Tone.Dim), Name(document.A), new Span($"  {Runs(document.Interval.A.N)}", Tone.Dim));
        page.Line(new Span("B ", Tone.Dim), Name(document.B), new Span($"  {Runs(document.Interval.B.N)}, {(document.Design == "pairs" ? "in pairs with A's" : "recorded apart from A's")}", Tone.Dim));
        page.Blank();

        var rows = new List<Span[]> { Row("interval", "", document.Interval, terminal, Tone.Strong) };
        if (document.ArtifactPublish is { } publish)
        {
            rows.Add(Row("to artifact", "", publish, terminal, Tone.Plain));
        }

        if (document.Rollout is { } rollout)
        {
            rows.Add(Row("rollouts", "", rollout, terminal, Tone.Plain));
        }

        var shown = document.Segments.Where(s => all || !s.Negligible).ToList();
        rows.AddRange(shown.Select(s => Row(s.Segment, s.Component ?? "", s, terminal, s.Negligible || !s.OnPath ? Tone.Dim : Tone.Plain)));
        page.Table(
            [
                new Column(""), new Column(""), new Column("", Yields: Yields.Shrinking), new Column("A", Right: true), new Column("B", Right: true), new Column("ratio", Right: true),
                new Column("95 %", Yields: Yields.Late), new Column(Axis(terminal), Yields: Yields.Late), new Column("p", Right: true, Yields: Yields.First), new Column("verdict"),
            ],
            rows);
        if (document.Segments.Count > shown.Count)
        {
            page.Line(new Span($"   {document.Segments.Count - shown.Count} more below {ComparisonSentence.Percent(RecordingComparison.Negligible)} of the interval (-v shows them)", Tone.Dim));
        }

        page.Blank();
        var sign = Sign(document.Interval.Verdict, terminal);
        page.Wrapped(sign, new Span(document.Sentence, Tone.Strong), 2);
        foreach (var finding in document.Findings)
        {
            page.Wrapped(new Span(terminal.Unicode ? "·" : "-", Tone.Accent), finding, 2);
        }

        foreach (var warning in document.Warnings)
        {
            page.Wrapped(new Span("!", Tone.Warn), warning, 2);
        }

        return page.ToString();
    }

    public static Span Sign(Verdict verdict, Terminal terminal) => verdict switch
    {
        Verdict.Better => Symbols.Good(terminal), Verdict.Worse => Symbols.Bad(terminal), Verdict.NoEvidence => new Span("~", Tone.Dim), _ => new Span("?", Tone.Warn),
    };

    private static Span Name(SideName side) => side.Label == side.Id ? side.Id : $"{side.Label} ({side.Id})";

    private static string Runs(int n) => n == 1 ? "1 run" : $"{n} runs";

    private static Span[] Row(string name, string component, Comparison figures, Terminal terminal, Tone tone)
    {
        var verdict = figures.Verdict switch { Verdict.Better => Tone.Good, Verdict.Worse => Tone.Bad, Verdict.Inconclusive => Tone.Warn, _ => Tone.Dim };
        return
        [
            Sign(figures.Verdict, terminal), new(name, tone), new(component, tone), new(Duration.Text(figures.A.Median), tone), new(Duration.Text(figures.B.Median), tone),
            new(figures.Ratio.Median is { } ratio ? "×" + ComparisonSentence.Number(ratio) : "new", tone),
            new(figures.Ratio is { Low: { } low, High: { } high } ? $"{ComparisonSentence.Number(low)}-{ComparisonSentence.Number(high)}" : "", Tone.Dim), new(Picture(figures.Ratio, terminal), verdict),
            new((figures.AdjustedP ?? figures.P) is var p && figures.Verdict == Verdict.Inconclusive ? "" : p < 0.001 ? "<0.001" : p.ToString("0.000", System.Globalization.CultureInfo.InvariantCulture), Tone.Dim),
            new(figures is SegmentComparison { Negligible: true } ? "not judged" : ComparisonSentence.Name(figures.Verdict), verdict),
        ];
    }

    private static string Axis(Terminal terminal) => "less".PadRight(Half) + (terminal.Unicode ? '│' : '|') + "more".PadLeft(Half);

    /// <summary>The interval of the ratio around the line of no change, on a logarithmic scale.</summary>
    private static string Picture(RatioReport ratio, Terminal terminal)
    {
        if (ratio.Median is not { } median)
        {
            return "";
        }

        var cells = new string(' ', (2 * Half) + 1).ToCharArray();
        for (var i = Cell(ratio.Low ?? median); i <= Cell(ratio.High ?? median); i++)
        {
            cells[i] = terminal.Unicode ? '─' : '-';
        }

        cells[Half] = terminal.Unicode ? '│' : '|';
        cells[Cell(median)] = terminal.Unicode ? '●' : 'o';
        return new string(cells);
    }

    private static int Cell(double ratio) => Half + (int)Math.Round(Math.Clamp(Math.Log(Math.Max(ratio, 1e-9)) / Widest, -1, 1) * Half);
}
