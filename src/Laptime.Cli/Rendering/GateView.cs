using Laptime.Gates;
using Laptime.Reports;

namespace Laptime.Cli.Rendering;

/// <summary>Gates on a terminal.</summary>
internal static class GateView
{
    private const int Indent = 12;

    public static string Claimed(GateClaimed claimed, GateSheet sheet, Terminal terminal)
    {
        if (terminal.Json)
        {
            return GateDocuments.Act("claim", claimed.Item, claimed.Record, claimed.Notes);
        }

        var (page, record) = (new Page(terminal), claimed.Record.Record);
        var run = record.Runs![^1];
        page.Wrapped(Symbols.Good(terminal), new Span($"claimed {claimed.Item.Id} at {record.Revision![..12]}: {run.Ending} after {Foundations.Duration.Text(run.Seconds)}", Tone.Strong), 2);
        Evidence(page, record);
        if (record.Beside is { Count: > 0 } beside)
        {
            Fact(page, "beside", $"{beside.Count + (record.BesideMore ?? 0)} {(beside.Count == 1 ? "file is" : "files are")} here that git ignores; a verification does not have {(beside.Count == 1 ? "it" : "them")}: {Some(beside)}");
        }

        Notes(page, claimed.Notes);
        End(page, claimed.Record, sheet, $"somebody else: lap gate verify {claimed.Item.Id}");
        return page.ToString();
    }

    public static string Verified(GateVerified verified, GateSheet sheet, Terminal terminal)
    {
        if (terminal.Json)
        {
            return GateDocuments.Act("verify", verified.Item, verified.Record, verified.Notes, verified.Claim, verified.Stale);
        }

        var (page, record) = (new Page(terminal), verified.Record.Record);
        var claimer = verified.Claim.Record.By.Name;
        page.Wrapped(
            verified.Passed ? Symbols.Good(terminal) : Symbols.Bad(terminal),
            new Span($"{(verified.Passed ? "PASS" : "FAIL")} {verified.Item.Id} at {record.Revision![..12]}: claimed by {claimer}, {(verified.Passed ? "repeated" : "not repeated")} from a fresh clone by {record.By.Name}", Tone.Strong), 2);
        if (record.Difference is { } difference)
        {
            Fact(page, "differs", difference);
        }

        foreach (var suspect in record.Suspects ?? [])
        {
            Fact(page, "suspect", suspect.Path.StartsWith('$') ? $"{suspect.Path}: {suspect.Because}" : $"{suspect.Path}: it was in {claimer}'s folder and is not in the commit; {suspect.Because}");
        }

        if (!verified.Passed && record.Suspects is null && verified.Claim.Record.Beside is { Count: > 0 } beside)
        {
            Fact(page, "suspect", $"none of the {beside.Count} files that {claimer}'s folder had beside the commit is named by what failed: {Some(beside)}");
        }

        if (!verified.Passed)
        {
            foreach (var line in record.Runs is { Count: > 0 } runs ? runs[^1].Tail.TakeLast(10) : [])
            {
                page.Line("  | ", new Span(line, Tone.Dim));
            }
        }

        Evidence(page, record);
        if (verified.Stale is { } stale)
        {
            Fact(page, "stale", $"the claim is of an earlier state: {stale}");
        }

        Notes(page, verified.Notes);
        End(page, verified.Record, sheet, null);
        return page.ToString();
    }

    public static string Vetoed(GateItem item, StoredRecord veto, GateSheet sheet, Terminal terminal)
    {
        if (terminal.Json)
        {
            return GateDocuments.Act("veto", item, veto, []);
        }

        var page = new Page(terminal);
        page.Wrapped(Symbols.Bad(terminal), new Span($"{veto.Record.By.Name} stands against {item.Id}: {veto.Record.Reason}", Tone.Strong), 2);
        End(page, veto, sheet, $"to withdraw it: lap gate lift {item.Id} --reason TEXT");
        return page.ToString();
    }

    public static string Lifted(GateItem item, IReadOnlyList<StoredRecord> lifted, GateSheet sheet, Terminal terminal)
    {
        if (terminal.Json)
        {
            return GateDocuments.Act("lift", item, lifted[^1], []);
        }

        var page = new Page(terminal);
        page.Wrapped(Symbols.Good(terminal), new Span($"{lifted.Count} {(lifted.Count == 1 ? "veto" : "vetoes")} against {item.Id} lifted by {lifted[^1].Record.By.Name}: {lifted[^1].Record.Reason}", Tone.Strong), 2);
        End(page, lifted[^1], sheet, null);
        return page.ToString();
    }

    public static string Status(GateBoard board, Foundations.Outcome outcome, DateTimeOffset now, Terminal terminal)
    {
        if (terminal.Json)
        {
            return GateDocuments.Status(board, outcome);
        }

        var page = new Page(terminal);
        page.Table(
            [new Column(""), new Column("item"), new Column("status"), new Column("commit", Yields: Yields.Late), new Column("age", Right: true, Yields: Yields.Late), new Column("claimed by", Yields: Yields.Shrinking), new Column("verified by", Yields: Yields.Shrinking)],
            [.. board.Items.Select(i => new Span[]
            {
                Sign(i.Status, terminal), i.Item.Id, new(GateMarkdown.Shown(i.Status), Tones(i.Status)), new(i.Claim is { } claim ? claim.Record.Revision![..7] : "", Tone.Dim),
                new(i.Claim is { } aged ? HistoryView.Coarse(Math.Max(0, (now - (i.Verdicts.Count > 0 ? i.Verdicts[^1] : aged).Record.At).TotalSeconds)) : "", Tone.Dim),
                i.Claim?.Record.By.Name ?? "", i.Verdicts.Count > 0 ? string.Join(", ", i.Verdicts.Select(v => v.Record.By.Name)) : "",
            })]);
        page.Blank();
        // What somebody has to act on.
        foreach (var item in board.Items.Where(i => i.Status is not (GateStatus.Pass or GateStatus.Unclaimed)))
        {
            page.Wrapped(Sign(item.Status, terminal), $"{item.Item.Id}: {item.Why}", 2);
        }

        if (!board.IsDone && board.Items.Any(i => i.Status is not (GateStatus.Pass or GateStatus.Unclaimed)))
        {
            page.Blank();
        }

        var passing = board.Items.Count(i => i.Status == GateStatus.Pass);
        page.Wrapped(board.IsDone ? Symbols.Good(terminal) : "  ", new Span(board.IsDone ? $"done: all {board.Items.Count} items pass at {board.Revision[..12]}" : $"{passing} of {board.Items.Count} items pass at {board.Revision[..12]}", Tone.Strong), 2);
        if (board.Uncommitted.Count > 0)
        {
            page.Wrapped(new Span("!", Tone.Warn), $"this is about the commit; not in it: {Some(board.Uncommitted)}", 2);
        }

        if (board.Orphans.Count > 0)
        {
            page.Wrapped(new Span("!", Tone.Warn), $"there are records of items that gates.yaml does not have: {Some(board.Orphans)}", 2);
        }

        return page.ToString();
    }

    private static void Evidence(Page page, GateRecord record)
    {
        foreach (var file in record.Evidence ?? [])
        {
            Fact(page, "evidence", $"{file.Path} {file.Digest[..19]} ({file.Size} bytes{(file.Kept is null && record.Kind == "claim" ? ", too large to be kept" : "")})");
        }
    }

    private static void Notes(Page page, IReadOnlyList<string> notes)
    {
        foreach (var note in notes)
        {
            Fact(page, "note", note);
        }
    }

    private static void End(Page page, StoredRecord record, GateSheet sheet, string? next)
    {
        Fact(page, "record", $"{record.File}{(record.Record.Key is null ? "" : record.KnownKey is { } key ? $" (signed: {key})" : " (signed with a key that is not in keys/)")}");
        Fact(page, "next", $"commit it, so that others have it: git add {sheet.Records} && git commit{(next is null ? "" : $"; then {next}")}");
    }

    private static void Fact(Page page, string name, string text) => page.Wrapped(new Span($"  {name}", Tone.Dim), text, Indent);

    private static string Some(IReadOnlyList<string> names) => string.Join(", ", names.Take(5)) + (names.Count > 5 ? $" and {names.Count - 5} more" : "");

    private static Span Sign(GateStatus status, Terminal terminal) => status switch
    {
        GateStatus.Pass => Symbols.Good(terminal),
        GateStatus.Fail or GateStatus.Veto or GateStatus.Broken => Symbols.Bad(terminal),
        GateStatus.Claimed => Symbols.Running(terminal),
        GateStatus.Stale or GateStatus.Blocked => new Span("!", Tone.Warn),
        _ => new Span("-", Tone.Dim),
    };

    private static Tone Tones(GateStatus status) => status switch
    {
        GateStatus.Pass => Tone.Good,
        GateStatus.Fail or GateStatus.Veto or GateStatus.Broken => Tone.Bad,
        GateStatus.Stale or GateStatus.Blocked => Tone.Warn,
        GateStatus.Claimed => Tone.Accent,
        _ => Tone.Dim,
    };
}
