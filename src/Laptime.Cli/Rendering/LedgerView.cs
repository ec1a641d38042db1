using Laptime.Ledgers;

namespace Laptime.Cli.Rendering;

/// <summary>Ledgers on a terminal: the verdicts of the two axes side by side, then what each of them found, apart.</summary>
internal static class LedgerView
{
    private const int Indent = 4;

    public static string Check(IReadOnlyList<LedgerReading> readings, Terminal terminal)
    {
        var page = new Page(terminal);
        foreach (var reading in readings)
        {
            if (page.Lines > 0)
            {
                page.Blank();
            }

            Heading(page, reading);
            Axes(page, reading.Governance, reading.Behaviour, terminal);
            if (reading.Behaviour.Refuses)
            {
                // Below the axes, as what follows from one of them: no verdict is another one for it.
                page.Blank();
                page.Wrapped(Symbols.Bad(terminal), new Span($"refused by `behaviour: refuse`: {LedgerWords.Refused(reading.Behaviour)}", Tone.Strong), 2);
            }

            foreach (var finding in reading.Governance.Findings)
            {
                page.Blank();
                var conflict = finding.Weight == FindingWeight.Conflict;
                page.Wrapped(conflict ? Symbols.Bad(terminal) : new Span("!", Tone.Warn), new Span($"governance: {finding.Kind} {finding.Id}", Tone.Strong), 2);
                page.Wrapped("", finding.What, Indent);
                Fact(page, "owner", finding.Owner);
                Fact(page, "records", finding.Records);
                Fact(page, "mend", finding.Mend);
            }

            foreach (var finding in reading.Behaviour.Findings)
            {
                page.Blank();
                page.Wrapped(finding.Weight == FindingWeight.Conflict ? Symbols.Bad(terminal) : new Span("!", Tone.Warn), new Span($"behaviour: {finding.Verdict} {finding.Id}", Tone.Strong), 2);
                page.Wrapped("", finding.What, Indent);
                Fact(page, "body", finding.File);
                foreach (var evidence in finding.Evidence)
                {
                    Fact(page, "shown by", evidence);
                }
            }

            if (reading.State.Here.Unread.Count > 0)
            {
                page.Blank();
                foreach (var unread in reading.State.Here.Unread.Take(5))
                {
                    page.Wrapped(new Span("!", Tone.Warn), $"{unread.File} was not read: {unread.Why}", 2);
                }

                if (reading.State.Here.Unread.Count > 5)
                {
                    page.Line($"  and {reading.State.Here.Unread.Count - 5} more (-o json names them)");
                }
            }
        }

        return page.ToString();
    }

    public static string Show(IReadOnlyList<LedgerReading> readings, Terminal terminal)
    {
        var page = new Page(terminal);
        foreach (var reading in readings)
        {
            if (page.Lines > 0)
            {
                page.Blank();
            }

            Heading(page, reading);
            page.Blank();
            page.Table(
                [new Column(""), new Column("version"), new Column("name", Yields: Yields.Shrinking), new Column("state"), new Column("effect"), new Column("applied at", Yields: Yields.Late), new Column("owner", Yields: Yields.Shrinking)],
                [.. LedgerLine.Of(reading).Select(l => new Span[]
                {
                    Sign(l, terminal), l.Version, l.Name, l.State, l.Effect switch { true => "there", false => new Span("missing", Tone.Bad), null => new Span("not told", Tone.Dim) },
                    new(l.Row?.AppliedAt is { } at ? at[..Math.Min(19, at.Length)] : "", Tone.Dim), l.Owner is { } owner ? owner : new Span("nobody", Tone.Dim),
                })]);
        }

        return page.ToString();
    }

    /// <summary>The two verdicts, one line each: the only place where they stand together, and neither is changed for the other.</summary>
    internal static void Axes(Page page, GovernanceReport governance, BehaviourReport behaviour, Terminal terminal)
    {
        page.Blank();
        var clean = governance.IsClean;
        page.Wrapped(new Span($"  governance  {(clean ? Symbols.Good(terminal) : Symbols.Bad(terminal)).Text} {governance.Verdict,-11}", clean ? Tone.Good : Tone.Bad), LedgerWords.Governance(governance), 28);
        var (sign, tone) = behaviour.Verdict switch { "unaffected" => (Symbols.Good(terminal).Text, Tone.Good), "affected" => ("!", Tone.Warn), _ => ("?", Tone.Dim) };
        page.Wrapped(new Span($"  behaviour   {sign} {behaviour.Verdict,-11}", tone), behaviour.What, 28);
    }

    private static void Heading(Page page, LedgerReading reading)
    {
        var state = reading.State;
        var count = LedgerWords.Count(state.Here.Migrations.Count(static m => m.Kind != MigrationKind.Undo), "migration");
        page.Line(new Span(reading.Settings.Name, Tone.Strong), $"  {state.Tool.Title}, {(reading.Settings.Path.Length == 0 ? "." : reading.Settings.Path)}, {count}"
            + (reading.Pending is { } pending ? $", {pending.Count} pending" : ""));
        if (reading.Evidence is { } evidence)
        {
            page.Wrapped(new Span("  tool      ", Tone.Dim), evidence, 12);
        }

        page.Wrapped(new Span("  files     ", Tone.Dim), reading.MergeWords, 12);
        page.Wrapped(new Span("  database  ", Tone.Dim), reading.DatabaseWords, 12);
        if (reading.Database is not null)
        {
            page.Wrapped(new Span("  checksums ", Tone.Dim), state.Tool.Checksums, 12);
        }
    }

    private static void Fact(Page page, string name, string? text)
    {
        if (text is not null)
        {
            page.Wrapped(new Span($"    {name,-8}  ", Tone.Dim), text, 14);
        }
    }

    private static Span Sign(LedgerLine line, Terminal terminal) => line switch
    {
        { Effect: false } or { State: "missing-file" or "partial" } => Symbols.Bad(terminal),
        { State: "applied" or "baseline" or "implied" } => Symbols.Good(terminal),
        _ => Symbols.Skip(),
    };
}
