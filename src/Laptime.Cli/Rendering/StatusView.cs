using Laptime.Cli.Commands;

namespace Laptime.Cli.Rendering;

/// <summary><c>lap status</c>: what the target says, one line a component.</summary>
internal static class StatusView
{
    public static string Render(string workspace, string environment, IReadOnlyList<StatusComponent> components, DateTimeOffset readAt, Terminal terminal)
    {
        var page = new Page(terminal);
        var serving = components.Count(c => c.Observed is { Serving: true });
        page.Line(
            serving == components.Count ? Symbols.Good(terminal) : Symbols.Bad(terminal), " ",
            new Span($"{workspace} · {environment}: {serving} of {components.Count} serving", Tone.Strong), new Span($"  read {readAt.UtcDateTime:HH:mm:ss}Z", Tone.Dim));
        page.Blank();
        page.Table(
            [new Column(""), new Column("component"), new Column("revision"), new Column("state", Yields: Yields.Shrinking), new Column("instances", Right: true), new Column("reach"), new Column("drift", Yields: Yields.Shrinking)],
            [.. components.Select(c => new Span[]
            {
                c.Observed is { Serving: true } && c.Signals.Ready.Status != "fail" ? Symbols.Good(terminal) : Symbols.Bad(terminal),
                new(c.Name, Tone.Strong),
                c.Observed?.Revision ?? "-",
                State(c),
                c.Observed is null ? "0" : $"{c.Observed.Instances}/{c.Observed.Of}",
                new(c.Endpoint ?? "", Tone.Dim),
                new(c.Drift ?? "", Tone.Warn),
            })]);
        foreach (var component in components.Where(c => c.Observed is { Serving: false, Tail.Count: > 0 }))
        {
            page.Blank();
            page.Line(new Span($"last lines of {component.Name}", Tone.Strong));
            foreach (var line in component.Observed!.Tail)
            {
                page.Line(new Span($"  | {line}", Tone.Dim));
            }
        }

        return page.ToString();
    }

    private static Span State(StatusComponent component) => component.Observed switch
    {
        null => new Span("not running", Tone.Bad),
        { Serving: false } seen => new Span(seen.Detail ?? "not serving", Tone.Bad),
        _ => component.Signals.Ready.Status switch
        {
            "pass" => new Span("serving, ready", Tone.Good),
            "fail" => new Span("serving, NOT ready", Tone.Bad),
            _ => new Span("serving", Tone.Good),
        },
    };
}
