namespace Laptime.Ledgers.Governance;

/// <summary>Migrations that come too late: below what is applied, or below what the main branch has.</summary>
internal static class Places
{
    public static IEnumerable<LedgerFinding> Of(LedgerState state)
    {
        if (state.Tool.Rules.Late == LateMigration.Graph)
        {
            foreach (var finding in Unfounded(state))
            {
                yield return finding;
            }

            yield break;
        }

        var versioned = state.Here.Migrations.Where(static m => m.Kind == MigrationKind.Versioned).ToList();
        var told = new HashSet<string>();
        if (state.Applied is { } applied)
        {
            var rows = applied.Rows.Where(static r => r.Kind != MigrationKind.Repeatable && r.State != AppliedState.Undone).ToList();
            var ids = rows.Select(static r => r.Id).ToHashSet();
            if (rows.Count > 0)
            {
                var newest = rows.MaxBy(static r => r.Id, Comparer<string>.Create(state.Tool.Compare))!;
                foreach (var late in versioned.Where(m => !ids.Contains(m.Id) && state.Tool.Compare(m.Id, newest.Id) < 0))
                {
                    told.Add(late.Id);
                    yield return Late(state, late, $"{newest.Version} is applied", $"{applied.Table} stands at {newest.Version} and has no row for {late.Version}");
                }
            }

            if (state.Tool.Rules.KeepsOrder && OutOfTurn(state, rows) is { } turned)
            {
                yield return turned;
            }
        }

        if (state.Merge is { } merge)
        {
            var onMain = merge.Set.Migrations.Where(m => m.Kind == MigrationKind.Versioned && merge.OnMain.Contains(m.File)).ToList();
            if (onMain.Count > 0)
            {
                var newest = onMain.MaxBy(static m => m.Id, Comparer<string>.Create(state.Tool.Compare))!;
                var taken = onMain.Select(static m => m.Id).ToHashSet();
                var recorded = state.Applied?.Rows.Select(static r => r.Id).ToHashSet();
                foreach (var late in versioned.Where(m => !merge.OnMain.Contains(m.File) && !taken.Contains(m.Id) && recorded?.Contains(m.Id) != true && !told.Contains(m.Id) && state.Tool.Compare(m.Id, newest.Id) < 0))
                {
                    yield return Late(state, late, $"{merge.Main} has {newest.Version} already", state.Applied is null ? null : $"{state.Applied.Table} has neither as the newest: it is told here before it is");
                }
            }
        }
    }

    /// <summary>In a graph nothing is late but what something applied builds on.</summary>
    private static IEnumerable<LedgerFinding> Unfounded(LedgerState state)
    {
        if (state.Applied is not { } applied || state.Tool.Rules.HeadOnly)
        {
            yield break;
        }

        var rows = applied.Rows.Where(static r => r.State != AppliedState.Undone).Select(static r => r.Id).ToHashSet();
        var here = state.Here.Migrations.GroupBy(static m => m.Id).ToDictionary(static g => g.Key, static g => g.First());
        // A squashed migration and those that it replaces stand for each other.
        var stoodFor = state.Here.Migrations.Where(m => rows.Contains(m.Id)).SelectMany(static m => m.Replaces).ToHashSet();
        var told = new HashSet<string>();
        foreach (var child in state.Here.Migrations.Where(m => rows.Contains(m.Id)))
        {
            foreach (var parent in child.Parents.Where(p => !rows.Contains(p) && !stoodFor.Contains(p)).Select(here.GetValueOrDefault).OfType<Migration>()
                .Where(p => !(p.Replaces.Count > 0 && p.Replaces.All(r => rows.Contains(r) || stoodFor.Contains(r))) && told.Add(p.Id)))
            {
                yield return new LedgerFinding
                {
                    Kind = FindingKind.OutOfOrder, Id = parent.Version, Files = [state.Shown(parent), state.Shown(child)],
                    What = $"{Wording.Name(child)} is applied, and {Wording.Name(parent)}, which it builds on, is not: {state.Tool.Title} refuses to go on",
                    Records = $"{applied.Table} has {child.Version} and no row for {parent.Version}",
                    Mend = $"if {Wording.Name(parent)} was put in later, let it build on {Wording.Name(child)} instead; else find out who applied {Wording.Name(child)} without it, and compare what the database has with the text of both",
                };
            }
        }
    }

    private static LedgerFinding Late(LedgerState state, Migration late, string because, string? records)
    {
        var rule = state.Tool.Rules.Late;
        var versions = state.Known.Where(static m => m.Kind == MigrationKind.Versioned && Digits.Are(m.Version)).Select(static m => m.Version).ToList();
        var next = Digits.Are(late.Version) && versions.Count > 0
            ? Digits.IsStamp(late.Version) ? "with a new time stamp" : "as " + Digits.Next(versions.MaxBy(static v => v, Comparer<string>.Create(Digits.Compare))!.PadLeft(late.Version.Length, '0'))
            : "behind the newest";
        return new LedgerFinding
        {
            Kind = rule == LateMigration.Skips ? FindingKind.Skipped : FindingKind.OutOfOrder,
            // Time stamps of branches cross all the time, and a tool that applies late ones means it: worth knowing, no reason to refuse.
            Weight = rule == LateMigration.Applies && Digits.IsStamp(Digits.Leading(late.Version)) ? FindingWeight.Notice : FindingWeight.Conflict,
            Id = late.Version, Files = [state.Shown(late)],
            What = $"{Wording.Name(late)} is not applied, and {because}: {state.Tool.Title} {rule switch { LateMigration.Skips => "never runs it, without a word", LateMigration.Refuses => "refuses it", _ => "runs it after the newer ones, which it never did on the machine that wrote it" }}",
            Owner = null, Records = records,
            Mend = $"renumber it {next}, after looking whether it still fits what the newer ones made",
        };
    }

    /// <summary>History: it cannot be mended any more, but whoever builds the database anew gets another one.</summary>
    private static LedgerFinding? OutOfTurn(LedgerState state, List<AppliedMigration> rows)
    {
        var turned = new List<AppliedMigration>();
        AppliedMigration? highest = null;
        foreach (var row in rows.Where(static r => r.Rank is not null && r.Kind == MigrationKind.Versioned).OrderBy(static r => r.Rank))
        {
            if (highest is not null && state.Tool.Compare(row.Id, highest.Id) < 0)
            {
                turned.Add(row);
            }
            else
            {
                highest = row;
            }
        }

        return turned.Count == 0 ? null : new LedgerFinding
        {
            Kind = FindingKind.OutOfOrder, Weight = FindingWeight.Notice, Id = turned[0].Version, What = $"{Wording.List(turned.Select(static r => r.Version))} ran after newer ones: a database built anew runs them in another order",
            Records = $"{state.Applied!.Table} has {turned[0].Version} as row {turned[0].Rank}", Mend = "nothing in the ledger: build a database from the files once, and compare it with this one",
        };
    }
}
