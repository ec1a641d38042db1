using Laptime.Foundations;
using Laptime.Reports;
using Laptime.Timing;
using Laptime.Transactions;

namespace Laptime.Cli.Rendering;

/// <summary>One line of the live view.</summary>
/// <param name="Running">The symbol is a spinner.</param>
internal sealed record LiveLine(Span Symbol, bool Running, string Name, string Doing, string Elapsed, string Output);

/// <summary>What the live view shows, folded from events: for each component where it stands. Not safe for several threads.</summary>
internal sealed class LiveModel(Terminal terminal, TimeProvider clock)
{
    private const string Whole = "";
    private readonly List<string> order = [];
    private readonly Dictionary<string, State> states = [];

    public int Warnings { get; private set; }

    public void Happened(TransactionEvent happened)
    {
        switch (happened)
        {
            case TransactionEvent.Began began:
                foreach (var component in began.Document.Components)
                {
                    Of(component.Name).Report = component;
                }

                break;
            case TransactionEvent.ComponentChanged changed:
                Of(changed.Component.Name).Report = changed.Component;
                break;
            case TransactionEvent.SegmentChanged { Segment: var segment }:
                Changed(segment);
                break;
            case TransactionEvent.Warned:
                Warnings++;
                break;
        }
    }

    public void Output(string component, string line)
    {
        if (line.Length > 0)
        {
            Of(component).Output = line;
        }
    }

    /// <summary>What fits in <paramref name="most"/> lines: those that run first, then in the order they came.</summary>
    public IReadOnlyList<LiveLine> Lines(int most)
    {
        var all = order.Where(n => n != Whole || states[n].Open.Count > 0).Select(n => Line(n, states[n])).ToList();
        if (all.Count <= most)
        {
            return all;
        }

        var shown = all.OrderBy(l => l.Running ? 0 : 1).Take(most - 1).ToList();
        shown.Add(new LiveLine(new Span(" "), false, "", $"and {all.Count - shown.Count} more", "", ""));
        return shown;
    }

    private LiveLine Line(string name, State state)
    {
        var title = name == Whole ? "lap" : name;
        // The innermost of the segments that are open says most.
        if (state.Open.Count > 0)
        {
            var (segment, since) = state.Open[^1];
            return new LiveLine(Symbols.Running(terminal), true, title, segment.Name, Duration.Text(clock.GetElapsedTime(since).TotalSeconds), state.Output);
        }

        if (state.Report is { } report && (report.Action == "skip" || report.Signals.Reflected.Status is not "not-run" || Failed(report)))
        {
            return new LiveLine(Symbols.Component(terminal, report), false, title, report.Action == "skip" ? "skip" : Sentences.State(report), "", "");
        }

        return state.Last is { } last
            ? new LiveLine(last.Outcome is "ok" ? new Span(" ") : Symbols.Bad(terminal), false, title, $"{last.Name} {last.Outcome}", Duration.Text(last.Seconds!.Value), "")
            : new LiveLine(new Span(" "), false, title, "waits", "", "");
    }

    private static bool Failed(ComponentReport report) => Sentences.Each(report.Signals).Any(s => s.Signal.Status is "fail" or "timeout");

    private void Changed(Segment segment)
    {
        var state = Of(segment.Component ?? Whole);
        state.Open.RemoveAll(o => o.Segment.Id == segment.Id);
        if (segment.Seconds is null)
        {
            state.Open.Add((segment, clock.GetTimestamp()));
            state.Output = "";
        }
        else
        {
            state.Last = segment;
        }
    }

    private State Of(string name)
    {
        if (!states.TryGetValue(name, out var state))
        {
            order.Add(name);
            states.Add(name, state = new State());
        }

        return state;
    }

    private sealed class State
    {
        public List<(Segment Segment, long Since)> Open { get; } = [];

        public Segment? Last { get; set; }

        public ComponentReport? Report { get; set; }

        public string Output { get; set; } = "";
    }
}
