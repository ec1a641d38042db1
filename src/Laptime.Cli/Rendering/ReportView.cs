using Laptime.Foundations;
using Laptime.Transactions;

namespace Laptime.Cli.Rendering;

/// <summary><c>lap report [TX]</c>: one past transaction, as its own run showed it.</summary>
internal static class ReportView
{
    private const int Searched = 10_000;

    /// <summary>The transaction that <paramref name="name"/> means: null or <c>last</c> the newest, <c>last~1</c> the one before it, else an id or the beginning of one (with or without <c>tx-</c>), or its end.</summary>
    /// <exception cref="LapException">None, or several.</exception>
    public static TransactionDocument Find(Journal journal, string? name)
    {
        if (name is null or "last")
        {
            return journal.List(null, 1) is [var newest]
                ? newest
                : throw new LapException("there is no transaction yet", mend: "`lap deploy` makes the first one");
        }

        if (name.StartsWith("last~", StringComparison.Ordinal) && int.TryParse(name.AsSpan(5), System.Globalization.NumberStyles.None, null, out var back) && back < Searched)
        {
            var newest = journal.List(null, back + 1);
            return newest.Count > back
                ? newest[back]
                : throw new LapException($"there is no transaction `{name}`", mend: $"there are {newest.Count}: the oldest is last~{newest.Count - 1}");
        }

        if (TransactionId.TryParse(name, out _) && journal.Load(name) is { } exact)
        {
            return exact;
        }

        var all = journal.List(null, Searched);
        var found = all.Where(t => t.Id.StartsWith(name, StringComparison.Ordinal) || t.Id.StartsWith("tx-" + name, StringComparison.Ordinal)
            || (name.Length >= 4 && t.Id.EndsWith(name, StringComparison.Ordinal))).ToList();
        return found switch
        {
            [var one] => one,
            [] => throw new LapException($"no transaction is called `{name}`", mend: all.Count == 0
                ? "there is none yet: `lap deploy` makes the first one"
                : $"`lap history` lists them; the newest is {all[0].Id}"),
            _ => throw new LapException($"`{name}` means {found.Count} transactions", mend: "give more of one of them: " + string.Join(", ", found.Take(10).Select(t => t.Id))),
        };
    }

    public static string Render(TransactionDocument document, Terminal terminal)
    {
        var page = new Page(terminal);
        var at = document.Interval?.Start ?? document.Trigger?.At;
        page.Wrapped(
            "",
            new Span(
                $"{document.Id}  {document.Workspace} to {document.Environment} ({document.Target}, {document.Loop}"
                + $"{(document.Profile is { } profile ? ", " + profile : "")}){(at is { } time ? $"  {time.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC" : "")}"
                + (document.Actor is { } actor ? $"  by {actor}" : ""),
                Tone.Dim),
            0);
        return page + SummaryView.Render(document, terminal, path: true);
    }
}
