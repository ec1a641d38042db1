namespace Laptime.Ledgers.Governance;

/// <summary>One identifier for two migrations, and two that build on the same one: on disk, and in the merge that git would make without a word.</summary>
internal static class Collisions
{
    public static IEnumerable<LedgerFinding> Of(LedgerState state, EffectView effects)
    {
        foreach (var group in Groups(state.Known))
        {
            yield return Duplicate(state, effects, group);
        }

        if (state.Tool.Rules.SharesNumbers)
        {
            foreach (var group in state.Known.GroupBy(static m => m.Version).Select(static g => g.DistinctBy(static m => m.Id).ToList()).Where(static g => g.Count > 1))
            {
                yield return new LedgerFinding
                {
                    Kind = FindingKind.DuplicateId, Weight = FindingWeight.Notice, Id = group[0].Version, Files = [.. group.Select(state.Shown)],
                    What = $"{Wording.List(group.Select(Wording.Name))} carry one number; {state.Tool.Title} tells them apart by their names and runs both, in the order of the names", Owner = "each its own: the names differ",
                    Records = state.Applied is { } applied ? $"{applied.Table} records {Wording.List(group.Where(m => applied.Rows.Any(r => r.Id == m.Id)).Select(static m => m.Id).DefaultIfEmpty("none of them"))}" : null,
                    Mend = "nothing, unless their order matters: then give the later one a later number",
                };
            }
        }

        foreach (var heads in Heads(state))
        {
            yield return heads;
        }

        if (state.Merge is { } merge)
        {
            foreach (var file in merge.Conflicts.Where(f => state.Here.Migrations.Any(m => m.File == f)))
            {
                var migration = state.Here.Migrations.First(m => m.File == file);
                yield return new LedgerFinding
                {
                    Kind = FindingKind.DuplicateId, Id = migration.Version, Files = [state.Shown(file, null), state.Shown(file, merge.Main)],
                    What = $"{Wording.Name(migration)} is not the same here and on {merge.Main}, and git cannot merge the two",
                    Owner = $"{merge.Main}: it is the branch that is deployed", Records = Wording.Row(state, Row(state, migration), migration.Version),
                    Mend = $"take the file of {merge.Main} as it is (git checkout {merge.Main} -- {state.Shown(file, null)}), and put your change into a new migration",
                };
            }
        }
    }

    /// <summary>Files whose history decides who was first: only of these is git asked.</summary>
    public static IEnumerable<Migration> Disputed(IReadOnlyList<Migration> known) => Groups(known).SelectMany(static g => g);

    private static IEnumerable<List<Migration>> Groups(IReadOnlyList<Migration> known) =>
        known.GroupBy(static m => (m.Kind, m.Id)).Select(static g => g.DistinctBy(static m => (m.File, m.Content)).ToList()).Where(static g => g.Count > 1);

    private static LedgerFinding Duplicate(LedgerState state, EffectView effects, List<Migration> group)
    {
        var row = Row(state, group[0]);
        var (keeper, why) = Keeper(state, effects, group, row);
        var brought = group.Where(m => state.Merge?.FromMain.Contains(m.File) == true).ToList();
        var version = group[0].Version;
        var across = brought.Count > 0 && brought.Count < group.Count;
        var sameFile = group.DistinctBy(static m => m.File).Count() == 1;
        var others = group.Where(m => m != keeper).ToList();
        return new LedgerFinding
        {
            Kind = FindingKind.DuplicateId, Id = version, Files = [.. group.Select(state.Shown).Distinct()],
            What = (across ? $"{version} is taken by {Wording.List(group.Where(m => !brought.Contains(m)).Select(Wording.Name))} here and by {Wording.List(brought.Select(Wording.Name))} on {state.Merge!.Main}; git merges them without a conflict, and"
                : sameFile ? $"{Wording.Name(group[0])} has {version} {group.Count} times;" : $"{version} is taken by {Wording.List(group.Select(Wording.Name))};") + $" {state.Tool.Title} {state.Tool.Rules.OnSameId}",
            Owner = keeper is null ? why : $"{state.Shown(keeper)}: {why}",
            Records = Wording.Row(state, row, version),
            Mend = keeper is null ? $"decide which one keeps {version}, then give the other the next free number" : Renumber(state, others, keeper, effects),
        };
    }

    private static AppliedMigration? Row(LedgerState state, Migration migration) =>
        state.Applied?.Rows.FirstOrDefault(r => r.Id == migration.Id && r.Kind == MigrationKind.Repeatable == (migration.Kind == MigrationKind.Repeatable));

    /// <summary>What a deployed ledger records wins, shown by the effect; else who was first on the branch that is deployed; else who was first at all.</summary>
    private static (Migration? Keeper, string Why) Keeper(LedgerState state, EffectView effects, List<Migration> group, AppliedMigration? row)
    {
        if (row is not null)
        {
            if (row.Checksum is not null && group.Where(m => m.Checksum == row.Checksum).ToList() is [var same])
            {
                return (same, "the ledger records its checksum");
            }

            if (row.File is { } file && group.Where(m => file.EndsWith(m.File, StringComparison.Ordinal)).ToList() is [var named])
            {
                return (named, "the ledger names its file");
            }

            var there = group.Where(m => effects.IsThere(m) == true).ToList();
            if (there is [var ran] && group.TrueForAll(m => m == ran || effects.IsThere(m) == false))
            {
                return (ran, $"the ledger records the number, and only its effect is in the database ({Wording.Objects(effects.Present(ran))})");
            }

            if (there.Count == group.Count)
            {
                return (null, "nobody yet: the ledger records the number once, and the effects of all of them are in the database");
            }
        }

        var brought = group.Where(m => state.Merge?.FromMain.Contains(m.File) == true || state.Merge?.OnMain.Contains(m.File) == true).ToList();
        if (brought is [var onMain])
        {
            return (onMain, $"it is on {state.Merge!.Main} already{(state.Origins.GetValueOrDefault(state.Shown(onMain)) is { } by ? $" ({by})" : "")}{(row is null ? "" : "; which one the ledger means is not told by its effect")}");
        }

        var dated = group.Select(m => (Migration: m, Origin: state.Origins.GetValueOrDefault(state.Shown(m)))).Where(static d => d.Origin is not null).OrderBy(static d => d.Origin!.At, StringComparer.Ordinal).ToList();
        return dated.Count == group.Count && dated[0].Origin!.At != dated[1].Origin!.At
            ? (dated[0].Migration, $"it was committed first ({dated[0].Origin})")
            : dated.Count == group.Count - 1 && dated.Count > 0
                ? (dated[0].Migration, $"it is committed ({dated[0].Origin}), the other is not")
                : (null, "nobody yet: neither the ledger nor git's history tells who was first");
    }

    private static string Renumber(LedgerState state, List<Migration> others, Migration keeper, EffectView effects)
    {
        var versions = state.Known.Select(static m => m.Version).Concat(state.Applied?.Rows.Select(static r => r.Version) ?? []).Where(static v => Digits.Are(v)).ToList();
        var newest = versions.Count == 0 ? null : versions.MaxBy(static v => v, Comparer<string>.Create(Digits.Compare));
        var own = others.Where(m => state.Merge?.FromMain.Contains(m.File) != true).ToList();
        var moved = (own.Count > 0 ? own : others)[0];
        var file = state.Shown(moved);
        var caution = state.Applied is not null && effects.IsThere(moved) is null ? " Look first whether its effect is in the database already: lap cannot tell from its text." : "";
        var rename = newest is not null && Digits.Are(moved.Version) && Wording.Name(moved).Contains(moved.Version, StringComparison.Ordinal)
            ? Digits.IsStamp(newest) ? $"rename {file} with a new time stamp"
                : $"git mv {file} {Replace(file, moved.Version, Digits.Next(newest.PadLeft(moved.Version.Length, '0')))}"
            : $"give {file} an identifier of its own";
        return $"{rename}; {Wording.Name(keeper)} keeps {keeper.Version}.{(effects.IsThere(moved) == true ? " Its effect is in the database already: make it safe to run again before." : caution)}";
    }

    private static string Replace(string file, string version, string by)
    {
        var at = file.LastIndexOf(version, StringComparison.Ordinal);
        return string.Concat(file.AsSpan(0, at), by, file.AsSpan(at + version.Length));
    }

    /// <summary>In tools whose order is a graph two branches collide by building on the same migration.</summary>
    private static IEnumerable<LedgerFinding> Heads(LedgerState state)
    {
        if (state.Tool.Rules.Late != LateMigration.Graph || state.Known.All(static m => m.Parents.Count == 0))
        {
            yield break;
        }

        var builtOn = state.Known.SelectMany(static m => m.Parents.Concat(m.Replaces)).ToHashSet();
        foreach (var stream in state.Known.Where(m => !builtOn.Contains(m.Id)).GroupBy(static m => m.Id.Contains('.') ? m.Id[..m.Id.IndexOf('.')] : ""))
        {
            // A squashed migration and those that it replaces stand side by side for a while.
            var heads = stream.DistinctBy(static m => m.Id).ToList();
            if (heads.Count < 2)
            {
                continue;
            }

            var brought = heads.Where(m => state.Merge?.FromMain.Contains(m.File) == true).ToList();
            var keeper = brought.Count == 1 ? brought[0] : heads.FirstOrDefault(m => state.Applied?.Rows.Any(r => r.Id == m.Id) == true);
            yield return new LedgerFinding
            {
                Kind = FindingKind.SeveralHeads, Id = string.Join(" and ", heads.Select(static m => m.Id)), Files = [.. heads.Select(state.Shown)],
                What = $"{Wording.List(heads.Select(Wording.Name))} are both the last of {(stream.Key.Length == 0 ? "the chain" : stream.Key)}{(brought.Count > 0 && brought.Count < heads.Count ? $" once {state.Merge!.Main} is merged, without a conflict in git" : "")}; {state.Tool.Title} refuses until one builds on the other",
                Owner = keeper is null ? "nobody yet: neither is applied" : $"{state.Shown(keeper)}: " + (brought.Count == 1 ? $"it is on {state.Merge!.Main} already" : "the ledger records it"),
                Records = state.Applied is { } applied ? $"{applied.Table} records {Wording.List(heads.Where(m => applied.Rows.Any(r => r.Id == m.Id)).Select(static m => m.Id).DefaultIfEmpty("none of them"))}" : null,
                Mend = keeper is null || heads.FirstOrDefault(m => m != keeper) is not { } other ? "let one of them build on the other, or add a merge migration"
                    : $"let {state.Shown(other)} build on {keeper.Id}, or add a merge migration",
            };
        }
    }
}
