namespace Laptime.Ledgers.Governance;

/// <summary>Who answers for a migration. Where nobody ever wrote owners down it is worth knowing; where they are written down and a file is left out, somebody has to decide.</summary>
internal static class Ownership
{
    public static IEnumerable<LedgerFinding> Of(LedgerState state)
    {
        var files = state.Here.Migrations.Select(static m => m.File).Distinct().ToList();
        if (files.Count == 0)
        {
            yield break;
        }

        if (!state.Owners.AreDeclared)
        {
            yield return new LedgerFinding
            {
                Kind = FindingKind.OwnerUnknown, Weight = FindingWeight.Notice, Id = state.Folder.Length == 0 ? "." : state.Folder, What = "nobody is named as the owner of the migrations: there is no CODEOWNERS and no `owners`",
                Mend = "name them in CODEOWNERS, or in laptime.yaml: `owners: { \"*\": \"@data-team\" }`",
            };
            yield break;
        }

        var orphans = files.Where(f => state.OwnerOf(f) is null).ToList();
        if (orphans.Count > 0)
        {
            yield return new LedgerFinding
            {
                Kind = FindingKind.OwnerUnknown, Id = Wording.List(orphans.Select(static f => f[(f.LastIndexOf('/') + 1)..]), 3), Files = [.. orphans.Select(f => state.Shown(f, null))],
                What = $"{state.Owners.Source} names no owner for {Wording.List(orphans.Select(static f => f[(f.LastIndexOf('/') + 1)..]))}", Mend = $"add a pattern that covers {(orphans.Count == 1 ? "it" : "them")} to {state.Owners.Source}",
            };
        }
    }
}
