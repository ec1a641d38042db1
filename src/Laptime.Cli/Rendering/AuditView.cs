using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Laptime.Audit;

namespace Laptime.Cli.Rendering;

/// <summary>`lap audit`: entries, and what a check of them says.</summary>
internal static class AuditView
{
    private static readonly JsonWriterOptions Readable = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string List(IReadOnlyList<AuditEntry> entries, int all, Terminal terminal)
    {
        if (terminal.Json)
        {
            return Json(new JsonObject
            {
                ["schema"] = "laptime/audit/v1",
                ["items"] = new JsonArray([.. entries.Select(e => (JsonNode)new JsonObject
                {
                    ["id"] = e.Seq, ["at"] = Time(e.Time), ["actor"] = e.Actor, ["event"] = e.Event, ["data"] = e.Data.DeepClone(),
                })]),
            });
        }

        var page = new Page(terminal);
        if (entries.Count == 0)
        {
            page.Line("nothing was recorded yet: deploys and promotions to environments of the safe loop are");
            return page.ToString();
        }

        page.Table(
            [new Column("", Right: true), new Column("when (UTC)"), new Column("event"), new Column("what", Yields: Yields.Shrinking), new Column("by", Yields: Yields.Late)],
            [.. entries.Select(e => new Span[] { new($"{e.Seq}", Tone.Dim), $"{e.Time.UtcDateTime:yyyy-MM-dd HH:mm:ss}", new(e.Event, e.Event == "refused" ? Tone.Warn : Tone.Strong), What(e), new(By(e.Actor), Tone.Dim) })]);
        if (entries.Count < all)
        {
            page.Line(new Span($"  {all} entries in all: lap audit list -n {all}", Tone.Dim));
        }

        return page.ToString();
    }

    public static string Verdict(AuditVerdict verdict, string path, Terminal terminal)
    {
        if (terminal.Json)
        {
            return Json(new JsonObject
            {
                ["schema"] = "laptime/audit-verdict/v1", ["outcome"] = verdict.IsWhole ? "ok" : "guardrail-refused", ["exitCode"] = verdict.IsWhole ? 0 : 21, ["log"] = path,
                ["entries"] = verdict.Head.Count, ["head"] = verdict.Head.Head.ToString(),
                ["checkpoint"] = verdict.Last is { } last ? new JsonObject { ["entries"] = last.Head.Count, ["head"] = last.Head.Head.ToString(), ["at"] = Time(last.At), ["held"] = last.Held } : null,
                ["findings"] = new JsonArray([.. verdict.Findings.Select(f => (JsonNode)new JsonObject { ["kind"] = Kind(f.Trouble), ["line"] = f.Line, ["what"] = f.What })]),
                ["cannotSee"] = new JsonArray([.. verdict.Blind.Select(b => (JsonNode)JsonValue.Create(b))]),
            });
        }

        var page = new Page(terminal);
        page.Wrapped(
            verdict.IsWhole ? Symbols.Good(terminal) : Symbols.Bad(terminal),
            new Span(verdict.IsWhole
                ? $"{verdict.Head.Count} {(verdict.Head.Count == 1 ? "entry" : "entries")}, each chained to the one before{(verdict.Last is { } held ? $"; {held.Held} vouches for {held.Head.Count} of them" : "")}"
                : $"the audit log was touched: {verdict.Findings.Count} {(verdict.Findings.Count == 1 ? "finding" : "findings")} in {path}", Tone.Strong), 2);
        foreach (var finding in verdict.Findings)
        {
            page.Wrapped(new Span($"  {Kind(finding.Trouble)}", Tone.Bad), (finding.Line is { } line ? $"line {line}: " : "") + finding.What, 18);
        }

        page.Line(new Span("  what this check cannot see:", Tone.Dim));
        foreach (var blind in verdict.Blind)
        {
            page.Wrapped(new Span("  ·", Tone.Dim), new Span(blind, Tone.Dim), 4);
        }

        return page.ToString();
    }

    /// <summary>Without the address: -o json has it.</summary>
    private static string By(string actor) => actor.IndexOf(" <", StringComparison.Ordinal) is > 0 and var start ? actor[..start] : actor;

    private static string What(AuditEntry entry)
    {
        string? Text(string name) => entry.Data[name] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

        // What decides comes first: the column is cut at the terminal's edge.
        List<string?> said =
        [
            Text("outcome"), entry.Event == "refused" && entry.Data["guardrails"] is JsonObject all ? "by " + string.Join(", ", all.Where(g => (string?)g.Value == "refused").Select(g => g.Key)) : null,
            entry.Data["overrides"] is JsonObject { Count: > 0 } opened ? "overridden: " + string.Join(", ", opened.Select(o => $"{o.Key} ({o.Value})")) : null, Text("attempt"), Text("why"), Text("difference"), Text("reason"),
            entry.Data["components"] is JsonObject components ? string.Join(", ", components.Select(c => c.Key)) : null, Text("transaction"),
        ];
        return $"{Text("environment") ?? Text("item") ?? entry.Event}: {string.Join("; ", said.Where(t => !string.IsNullOrEmpty(t)))}";
    }

    private static string Kind(AuditTrouble trouble) => trouble switch
    {
        AuditTrouble.Edited => "edited", AuditTrouble.Removed => "removed", AuditTrouble.Reordered => "reordered", AuditTrouble.CutTail => "cut-tail", AuditTrouble.Rewritten => "rewritten",
        AuditTrouble.TornTail => "torn-tail", _ => "bad-checkpoint",
    };

    private static string Time(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", System.Globalization.CultureInfo.InvariantCulture);

    private static string Json(JsonObject document)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, Readable))
        {
            document.WriteTo(json);
        }

        return System.Text.Encoding.UTF8.GetString(bytes.ToArray()) + "\n";
    }
}
