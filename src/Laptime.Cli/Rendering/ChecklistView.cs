using Laptime.Guardrails;

namespace Laptime.Cli.Rendering;

/// <summary><c>lap checklist</c>: ten items on one screen.</summary>
internal static class ChecklistView
{
    public static string Word(ChecklistStatus status) => status switch { ChecklistStatus.Met => "met", ChecklistStatus.NotMet => "not-met", _ => "no-evidence" };

    public static string Render(string environment, IReadOnlyList<ChecklistItem> items, Terminal terminal)
    {
        var page = new Page(terminal);
        int Count(ChecklistStatus status) => items.Count(i => i.Status == status);
        page.Wrapped("", new Span($"{environment}: {Count(ChecklistStatus.Met)} met, {Count(ChecklistStatus.NotMet)} not met, {Count(ChecklistStatus.NoEvidence)} without evidence", Tone.Strong), 0);
        foreach (var item in items)
        {
            var (symbol, tone) = item.Status switch
            {
                ChecklistStatus.Met => (Symbols.Good(terminal), Tone.Good),
                ChecklistStatus.NotMet => (Symbols.Bad(terminal), Tone.Bad),
                _ => (new Span("?", Tone.Dim), Tone.Dim),
            };
            page.Wrapped(new Span($"{symbol.Text} {item.Id,2} {Word(item.Status)}", tone), new Span(item.Text, Tone.Strong), 17);
            page.Wrapped("", item.What + (item.Evidence.Count > 0 ? $"  [{string.Join("; ", item.Evidence.Take(3))}]" : ""), 17);
        }

        return page.ToString();
    }
}
