using Laptime.Reports;
using Laptime.Transactions;

namespace Laptime.Cli.Rendering;

/// <summary><c>lap plan</c>: what a deploy would do, and why.</summary>
internal static class PlanView
{
    public static string Render(TransactionDocument plan, Terminal terminal)
    {
        var page = new Page(terminal);
        page.Wrapped(Symbols.Outcome(terminal, "planned"), new Span($"{plan.Environment}: {Sentences.Headline(plan)}", Tone.Strong), 2);
        if (plan.Components.Count > 0)
        {
            page.Blank();
            page.Table(
                [new Column(""), new Column("component"), new Column("action", Yields: Yields.Late), new Column("why", Yields: Yields.Shrinking), new Column("runs now", Yields: Yields.First)],
                [.. plan.Components.Select(c => new Span[]
                {
                    c.Action == "skip" ? Symbols.Skip() : new Span("+", Tone.Accent), new(c.Name, Tone.Strong), new(c.Action, c.Action == "skip" ? Tone.Dim : Tone.Plain),
                    Sentences.Why(c), new(c.Reading?.Revision ?? "", Tone.Dim),
                })]);
        }

        foreach (var gap in plan.ParityGaps)
        {
            page.Wrapped(new Span("~", Tone.Dim), new Span("parity gap: " + gap, Tone.Dim), 2);
        }

        foreach (var warning in plan.Warnings)
        {
            page.Wrapped(new Span("!", Tone.Warn), new Span("warning: " + warning, Tone.Warn), 2);
        }

        return page.ToString();
    }
}

/// <summary><c>lap why COMPONENT</c>: the facts behind one decision.</summary>
internal static class WhyView
{
    private const int DetailsShown = 10;

    /// <param name="component">As planned, or as it was done.</param>
    /// <param name="past">Null for a plan; otherwise the transaction in which it was done.</param>
    /// <param name="all">Every detail (<c>-v</c>).</param>
    public static string Render(ComponentReport component, string? past, bool all, Terminal terminal)
    {
        var page = new Page(terminal);
        page.Wrapped(
            component.Action == "skip" ? Symbols.Skip() : new Span("+", Tone.Accent),
            new Span($"{component.Name}: {(past is null ? "would be" : "was")} {Done(component.Action)}, because of {component.Cause}", Tone.Strong),
            2);
        var shown = all ? component.Detail.Count : DetailsShown;
        foreach (var detail in component.Detail.Take(shown))
        {
            page.Line("    ", detail);
        }

        if (component.Detail.Count > shown)
        {
            page.Line(new Span($"    and {component.Detail.Count - shown} more (-v lists them)", Tone.Dim));
        }

        Fact("fingerprint", component.Fingerprint);
        Fact("artifact", component.Artifact is { } artifact ? artifact + (component.ArtifactSource is { } source ? $" ({source})" : "") : null);
        Fact("before", component.PreviousArtifact == component.Artifact ? null : component.PreviousArtifact);
        Fact("deployment key", component.DeploymentKey);
        Fact("runs now", component.Reading is { } r ? $"{r.Revision ?? "nothing that says its revision"}, {r.Instances}/{r.Of} instances, read {r.At.UtcDateTime:HH:mm:ss.fff} UTC" : null);
        Fact("transaction", past);
        return page.ToString();

        void Fact(string name, string? value)
        {
            if (value is not null)
            {
                page.Wrapped(new Span("  " + name, Tone.Dim), value, 18);
            }
        }
    }

    private static string Done(string action) => action switch
    {
        "skip" => "skipped",
        "build" => "built",
        "build+rollout" => "built and rolled out",
        "rollout" => "rolled out",
        "lookup+rollout" => "looked up and rolled out",
        "reconcile" => "restarted",
        "bootstrap" => "bootstrapped",
        _ => action,
    };
}
