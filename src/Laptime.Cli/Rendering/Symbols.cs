using Laptime.Transactions;

namespace Laptime.Cli.Rendering;

/// <summary>One sign for each standing; a word always stands beside it.</summary>
internal static class Symbols
{
    public static Span Outcome(Terminal terminal, string? outcome) => outcome switch
    {
        null => Running(terminal),
        "ok" or "reflected" or "built" or "published" or "bootstrapped" or "rolled-back" or "stopped" => Good(terminal),
        "unchanged" => Skip(),
        "planned" => new Span(terminal.Unicode ? "→" : ">", Tone.Accent),
        "interrupted" => new Span("!", Tone.Warn),
        _ => Bad(terminal),
    };

    public static Span Component(Terminal terminal, ComponentReport component)
    {
        var signals = component.Signals;
        if (Reports.Sentences.Each(signals).Any(s => s.Signal.Status is "fail" or "timeout"))
        {
            return Bad(terminal);
        }

        return component.Action switch
        {
            "skip" => Skip(),
            "build" when component.Artifact is null => new Span("!", Tone.Warn),
            "build" or "stop" => Good(terminal),
            _ => signals.Reflected.Status == "pass" || (signals.Reflected.Status == "not-defined" && signals.Ready.Status == "pass") ? Good(terminal) : new Span("!", Tone.Warn),
        };
    }

    public static Span Good(Terminal terminal) => new(terminal.Unicode ? "✓" : "+", Tone.Good);

    public static Span Bad(Terminal terminal) => new(terminal.Unicode ? "✗" : "x", Tone.Bad);

    public static Span Running(Terminal terminal) => new(terminal.Unicode ? "…" : "~", Tone.Accent);

    public static Span Skip() => new("=", Tone.Dim);
}
