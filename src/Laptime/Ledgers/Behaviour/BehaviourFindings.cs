using Laptime.Foundations;

namespace Laptime.Ledgers.Behaviour;

/// <summary>What was seen of bodies, as the report has it. Looks at nothing of the governance axis.</summary>
public static class BehaviourFindings
{
    /// <param name="trial">Null: nobody tried it (the text alone was read).</param>
    /// <param name="pending">It will be applied; false: it is applied already, and nothing of it can be refused.</param>
    public static IReadOnlyList<BehaviourFinding> Of(MigrationBody body, ScriptReading reading, Trial? trial, IReadOnlyList<CallReading> calls, bool pending = true)
    {
        var answer = trial?.Repeats ?? Answer.Unknown;
        var text = $"the text alone says {Word(reading.Repeats)}: {reading.Why}";
        var findings = new List<BehaviourFinding>
        {
            new()
            {
                Id = body.Id, File = body.File,
                Verdict = answer switch { Answer.Yes => "idempotent", Answer.No => "not-idempotent", _ => "repeat-unknown" },
                Grave = pending && (answer == Answer.No || reading.Refused.Count > 0),
                What = trial?.Why ?? (reading.Refused.Count > 0 ? $"it was not tried: {string.Join("; ", reading.Refused.Take(3))}" : "it was not tried: " + text),
                Evidence =
                [
                    .. trial?.Meters.Select(static m => $"{m.Meter}: {m.What}") ?? [], .. trial?.Notes ?? [], .. trial is null || (reading.Refused is [var said, ..] && reading.Why == said) ? (IReadOnlyList<string>)[] : [text],
                    .. trial is { Ran: true } ? (IReadOnlyList<string>)[$"tried in {Duration.Text(trial.Elapsed)}"] : [],
                ],
            },
        };
        if (pending && reading.Losses.Count > 0)
        {
            findings.Add(new BehaviourFinding
            {
                Id = body.Id, File = body.File, Verdict = "loses-data", Grave = true, What = $"applied once, it takes away {reading.Losses[0].What}{(reading.Losses.Count > 1 ? $" and what {reading.Losses.Count - 1} more statements take" : "")}",
                Evidence = [.. reading.Losses.Take(10).Select(static l => $"line {l.Line}, {l.Head}: {l.What}")],
            });
        }

        findings.AddRange(calls.Select(c => new BehaviourFinding
        {
            Id = body.Id, File = body.File, Verdict = c.Answer switch { CallAnswer.Called => "called", CallAnswer.NotObserved => "not-observed", CallAnswer.NotThere => "not-there", _ => "cannot-tell" }, What = c.What, Evidence = c.Evidence,
        }));
        return findings;
    }

    /// <summary>The axis in one word and one line: affected when something changes the second time, is lost or is in use, unaffected only when all of it was seen not to be, unknown else.</summary>
    public static BehaviourReport Report(IReadOnlyList<BehaviourFinding> findings)
    {
        if (findings.Count == 0)
        {
            return new BehaviourReport("unaffected", "there is no body to look at", []);
        }

        int Count(string verdict) => findings.Count(f => f.Verdict == verdict);
        var words = new List<string>();
        foreach (var (verdict, one, several) in ((string, string, string)[])
        [
            ("not-idempotent", "body is not idempotent", "bodies are not idempotent"), ("idempotent", "body is idempotent", "bodies are idempotent"), ("repeat-unknown", "body is not told", "bodies are not told"),
            ("loses-data", "body loses data", "bodies lose data"),
            ("called", "object is in use", "objects are in use"), ("not-observed", "object was not seen in use", "objects were not seen in use"), ("cannot-tell", "object cannot be told", "objects cannot be told"),
            ("not-there", "object is new", "objects are new"),
        ])
        {
            if (Count(verdict) is > 0 and var count)
            {
                words.Add($"{count} {(count == 1 ? one : several)}");
            }
        }

        var affected = Count("not-idempotent") + Count("loses-data") + Count("called") > 0;
        var unknown = Count("repeat-unknown") + Count("not-observed") + Count("cannot-tell") > 0;
        return new BehaviourReport(affected ? "affected" : unknown ? "unknown" : "unaffected", string.Join(", ", words), findings);
    }

    private static string Word(Answer answer) => answer switch { Answer.Yes => "idempotent", Answer.No => "not idempotent", _ => "nothing" };
}
