using Laptime.Foundations;
using Laptime.Planning;

namespace Laptime.Transactions;

/// <summary>The safe loop brings forward only what a trusted event built: it never builds, and refuses with the reason of each component.</summary>
internal static class SafeLoop
{
    /// <exception cref="FaultException">Something of the plan would be brought to the environment without provenance that holds.</exception>
    public static void Require(Plan plan, IReadOnlyDictionary<string, LookupAnswer> lookups)
    {
        var refused = plan.Components.Where(c => c.Action != ActionKind.Skip && (c.Builds || !c.Prebuilt))
            .Select(c => (c.Name, lookups.GetValueOrDefault(c.Name) as LookupAnswer.Fallback ?? Unknown(c))).ToList();
        if (refused.Count > 0)
        {
            throw Refusal(refused);
        }
    }

    public static FaultException Refusal(IReadOnlyList<(string Component, LookupAnswer.Fallback Why)> refused) => new(new Fault(
        Outcome.GuardrailRefused,
        "the safe loop deploys only what was built at a trusted event: " + string.Join("; ", refused.GroupBy(r => r.Why.Reason).Select(g => $"{string.Join(", ", g.Select(r => r.Component))}: {g.Key}: {string.Join("; ", g.Select(r => r.Why.Why).Distinct().Take(1))}{(g.Select(r => r.Why.Why).Distinct().Count() > 1 ? ", and the like" : "")}")),
        string.Join(", ", refused.Select(r => r.Component)),
        string.Join("; ", refused.Select(r => r.Why.Mend).Distinct())));

    private static LookupAnswer.Fallback Unknown(PlannedComponent planned) => planned.Cause == Cause.Forced
        ? new("missing", "--force asks for a build, and nothing is built here", "deploy without --force; `lap publish --force` builds again")
        : new("missing", "its artifact has no provenance", "`lap publish` builds it, signs where it comes from and puts it into the store");
}
