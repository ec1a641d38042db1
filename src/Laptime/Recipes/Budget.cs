namespace Laptime.Recipes;

/// <summary>
/// What a run may deploy: it follows from what was done, so there is no key for it. One install, one more for each cold dependency (and for a fresh install of head); one update in place when
/// the upgrade ran; everything that was installed is removed. Counted by the choke point's ledger and by the target's own record: all three have to agree.
/// </summary>
/// <param name="Installs">1 + cold dependencies (+ 1).</param>
/// <param name="Updates">1 when the upgrade ran.</param>
/// <param name="Removes">As many as installs; 0 of what is kept.</param>
internal sealed record Budget(int Installs, int Updates, int Removes)
{
    /// <param name="ledger">What the choke point counted.</param>
    /// <param name="failed">Those of them that did not come to stand: of these the target may have recorded nothing, and so nothing was there to remove.</param>
    /// <returns>How the counts differ, each in a sentence; empty: the budget holds.</returns>
    public IReadOnlyList<string> Judge(IReadOnlyList<LedgerLine> ledger, IReadOnlyList<LedgerLine> failed, TargetCount target)
    {
        var findings = new List<string>();
        var (installs, updates) = (failed.Count(l => l.Act == LedgerAct.Install), failed.Count(l => l.Act == LedgerAct.Update));
        Compare(findings, "deploys", Installs, ledger.Count(l => l.Act == LedgerAct.Install), installs, target.Installs);
        Compare(findings, "updates in place", Updates, ledger.Count(l => l.Act == LedgerAct.Update), updates, target.Updates);
        Compare(findings, "removals", Removes, ledger.Count(l => l.Act == LedgerAct.Remove), installs, target.Removes);
        return findings;
    }

    private static void Compare(List<string> findings, string what, int expected, int counted, int unsure, int seen)
    {
        if (counted != expected)
        {
            findings.Add($"{what}: the run made {counted}, expected {expected}");
        }

        if (seen > counted)
        {
            findings.Add($"{what}: the target recorded {seen}, the run made {counted}: somebody else deployed behind its back");
        }
        else if (seen < counted - unsure)
        {
            findings.Add($"{what}: the target recorded {seen}, the run made {counted}: what was to be done did not show there");
        }
    }
}
