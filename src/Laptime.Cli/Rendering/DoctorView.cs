using Laptime.Cli.Doctor;

namespace Laptime.Cli.Rendering;

/// <summary><c>lap doctor</c>: one line a check, the cure below it.</summary>
internal static class DoctorView
{
    public static string Render(IReadOnlyList<Finding> findings, Terminal terminal)
    {
        var page = new Page(terminal);
        var indent = 2 + findings.Max(f => f.Id.Length) + 2 + "fail".Length + 2;
        foreach (var finding in findings)
        {
            var (sign, tone) = finding.Status switch
            {
                "ok" => (Symbols.Good(terminal).Text, Tone.Good),
                "warn" => ("!", Tone.Warn),
                _ => (Symbols.Bad(terminal).Text, Tone.Bad),
            };
            var lead = $"{sign} {finding.Id.PadRight(indent - 8)}{finding.Status}";
            page.Wrapped(new Span(lead, tone), finding.Detail, indent);
            if (finding.Mend is { } mend && finding.Status != "ok")
            {
                page.Wrapped("", new Span($"mend: {mend}", Tone.Strong), indent);
            }
        }

        page.Blank();
        var (failed, warned) = (findings.Count(f => f.Status == "fail"), findings.Count(f => f.Status == "warn"));
        page.Line(failed > 0
            ? new Span($"{failed} {(failed == 1 ? "thing" : "things")} that this workspace needs {(failed == 1 ? "fails" : "fail")}", Tone.Bad)
            : new Span(warned > 0 ? $"everything that is needed is there; {warned} {(warned == 1 ? "warning" : "warnings")}" : "everything is there", Tone.Good));
        return page.ToString();
    }
}
