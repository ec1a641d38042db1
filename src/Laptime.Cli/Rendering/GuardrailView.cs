using Laptime.Transactions;

namespace Laptime.Cli.Rendering;

/// <summary>The guardrails of a safe environment: a line each, with its evidence where somebody has to act on it or asked for it.</summary>
internal static class GuardrailView
{
    private const int EvidenceShown = 5;

    public static string Render(TransactionDocument document, Terminal terminal)
    {
        var page = new Page(terminal);
        var refused = document.Guardrails?.Count(g => g.Status == "refused") ?? 0;
        page.Wrapped(
            refused > 0 || document.ExitCode != 0 ? Symbols.Bad(terminal) : Symbols.Good(terminal),
            new Span($"{document.PromotedFrom} to {document.Environment}: {(refused > 0 ? $"{refused} of {document.Guardrails!.Count} guardrails would refuse it" : document.Failure is { } failure ? failure.Message : "it would go through")}", Tone.Strong), 2);
        if (document.Components.Count > 0)
        {
            page.Blank();
            page.Table(
                [new Column(""), new Column("component"), new Column("action"), new Column("artifact"), new Column("runs now", Yields: Yields.First)],
                [.. document.Components.Select(c => new Span[]
                {
                    c.Action == "skip" ? Symbols.Skip() : new Span("+", Tone.Accent), new(c.Name, Tone.Strong), c.Action, c.Revision ?? c.Artifact ?? "", new(c.Reading?.Revision ?? "", Tone.Dim),
                })]);
        }

        Write(page, document.Guardrails ?? [], terminal, all: true);
        return page.ToString();
    }

    /// <param name="all">Also those that pass, with their evidence; otherwise only what somebody has to know.</param>
    public static void Write(Page page, IReadOnlyList<GuardrailReport> guardrails, Terminal terminal, bool all)
    {
        var shown = guardrails.Where(g => all || g.Status is not ("pass" or "not-asked")).ToList();
        if (shown.Count == 0)
        {
            return;
        }

        page.Blank();
        foreach (var guardrail in shown)
        {
            var (symbol, tone) = guardrail.Status switch
            {
                "pass" => (Symbols.Good(terminal), Tone.Plain),
                "not-asked" => (Symbols.Skip(), Tone.Dim),
                "refused" => (Symbols.Bad(terminal), Tone.Bad),
                _ => (new Span("!", Tone.Warn), Tone.Warn),
            };
            page.Wrapped(new Span($"{symbol.Text} {guardrail.Name}", tone == Tone.Plain ? Tone.Strong : tone), new Span($"{Word(guardrail.Status)}{guardrail.What}", tone == Tone.Bad ? Tone.Plain : tone), 13);
            foreach (var line in guardrail.Evidence.Take(EvidenceShown).Where(e => e != guardrail.What))
            {
                page.Wrapped("", new Span("· " + line, Tone.Dim), 13);
            }

            if (guardrail.Evidence.Count > EvidenceShown)
            {
                page.Wrapped("", new Span($"· and {guardrail.Evidence.Count - EvidenceShown} more", Tone.Dim), 13);
            }

            if (guardrail.Reason is { } reason)
            {
                page.Wrapped("", new Span("reason: " + reason, Tone.Warn), 13);
            }

            if (guardrail.Mend is { } mend && guardrail.Status != "overridden")
            {
                page.Wrapped("", new Span("mend: " + mend), 13);
            }
        }
    }

    private static string Word(string status) => status switch { "refused" => "refused: ", "overridden" => "overridden: ", "reported" => "only reported: ", _ => "" };
}
