namespace Laptime.Ledgers.Governance;

/// <summary>What the ledger records, against the files and the catalog: edited, gone, half done, recorded without effect.</summary>
internal static class Records
{
    public static IEnumerable<LedgerFinding> Of(LedgerState state, EffectView effects)
    {
        if (state.Applied is not { } applied)
        {
            return state.Here.Migrations.Select(m => Edit(state, null, m)).OfType<LedgerFinding>();
        }

        var findings = new List<LedgerFinding>();
        foreach (var trouble in applied.Trouble)
        {
            findings.Add(new LedgerFinding
            {
                Kind = FindingKind.Partial, Id = applied.Table, What = trouble, Records = trouble, Mend = "see whether that migration still runs; only when it is surely gone, and its effect was looked at, may the lock be released",
            });
        }

        var here = state.Here.Migrations.Where(static m => m.Kind is MigrationKind.Versioned or MigrationKind.Repeatable).ToLookup(static m => (m.Kind, m.Id));
        var known = state.Known.Where(static m => m.Kind is MigrationKind.Versioned or MigrationKind.Repeatable).ToLookup(static m => (m.Kind, m.Id));
        var baselines = state.Here.Migrations.Where(static m => m.Kind == MigrationKind.Baseline).Select(static m => m.Id).ToHashSet();
        var replaced = state.Here.Migrations.SelectMany(static m => m.Replaces).ToHashSet();
        var drifted = false;
        foreach (var row in applied.Rows.Where(static r => r.State != AppliedState.Undone))
        {
            var kind = row.Kind == MigrationKind.Repeatable ? MigrationKind.Repeatable : MigrationKind.Versioned;
            var files = here[(kind, row.Id)].ToList();
            var all = known[(kind, row.Id)].ToList();
            if (row.State == AppliedState.Partial)
            {
                findings.Add(Partial(state, row, files, effects));
                continue;
            }

            if (files.Count == 0)
            {
                if (row.Kind != MigrationKind.Baseline && !row.Implied && !baselines.Contains(row.Id) && !replaced.Contains(row.Id))
                {
                    findings.Add(Missing(state, row, all));
                }

                continue;
            }

            if (files is [var only] && !(drifted && state.Tool.Rules.ChecksumRunsOn) && Drift(state, row, only) is { } drift)
            {
                drifted = true;
                findings.Add(drift);
            }

            if (row.Kind != MigrationKind.Baseline)
            {
                findings.AddRange(all.Select(m => Phantom(state, row, m, all, effects)).OfType<LedgerFinding>());
            }
        }

        return findings;
    }

    private static LedgerFinding Partial(LedgerState state, AppliedMigration row, List<Migration> files, EffectView effects) => new()
    {
        Kind = FindingKind.Partial, Id = row.Version, Files = [.. files.Select(state.Shown)],
        What = $"{row.Version} began and did not end well ({row.Detail ?? "the ledger says so"})", Records = Wording.Row(state, row, row.Version),
        Mend = "compare what the database has with each statement of the file, finish or take back by hand what is missing, and only then tell the tool; "
            + $"{state.Tool.Title}'s own command for it changes the ledger alone, not the database",
    };

    private static LedgerFinding Missing(LedgerState state, AppliedMigration row, List<Migration> elsewhere)
    {
        if (elsewhere.Count > 0)
        {
            return new LedgerFinding
            {
                Kind = FindingKind.MissingFile, Weight = FindingWeight.Notice, Id = row.Version, Files = [.. elsewhere.Select(state.Shown)],
                What = $"{row.Version} is applied; its file is on {state.Merge!.Main} and not here yet", Records = Wording.Row(state, row, row.Version), Mend = $"merge {state.Merge!.Main} into this branch",
            };
        }

        var newest = state.Here.Migrations.Where(static m => m.Kind == MigrationKind.Versioned).Select(static m => m.Id).ToList();
        var ahead = state.Tool.Rules.Late != LateMigration.Graph && newest.Count > 0 && newest.TrueForAll(id => state.Tool.Compare(id, row.Id) < 0);
        var origin = state.Origins.GetValueOrDefault(row.Id);
        return new LedgerFinding
        {
            Kind = FindingKind.MissingFile, Id = row.Version, Files = row.File is { } file ? [file] : [],
            What = $"{row.Version}{(row.Name is { Length: > 0 } name && name != row.Version ? $" ({name})" : "")} is applied, and no file here has it{(ahead ? ": it is newer than every file, so the database is ahead of this checkout" : "")}",
            Owner = origin is null ? null : $"{origin.Branch}: {origin}, not merged",
            Records = Wording.Row(state, row, row.Version),
            Mend = origin is not null ? $"merge the branch that brought it ({origin.Branch}), or take it back there"
                : "find who applied it, and commit the very file that ran; if it was deleted on purpose, commit what the tool wants for that (a baseline, a squash)",
        };
    }

    /// <summary>
    /// Where no checksum can be compared, git is the witness: what was applied came from the main branch, and here it has another text. Without a ledger that was asked nobody can say that it
    /// was applied: then it is worth knowing.
    /// </summary>
    private static LedgerFinding? Edit(LedgerState state, AppliedMigration? row, Migration file)
    {
        if (file.Kind != MigrationKind.Versioned || state.Merge is not { } merge || merge.Theirs.FirstOrDefault(t => t.File == file.File && t.Id == file.Id && t.Kind == file.Kind) is not { } theirs || SameBody(theirs, file))
        {
            return null;
        }

        return new LedgerFinding
        {
            Kind = FindingKind.ContentChanged, Weight = row is null ? FindingWeight.Notice : FindingWeight.Conflict, Id = file.Version, Files = [state.Shown(file), state.Shown(file.File, merge.Main)],
            What = $"{Wording.Name(file)} is {(row is null ? $"on {merge.Main} and may be applied" : "applied")}, and its text here is not what {merge.Main} has"
                + (row is null || file.Checksum is not null ? "" : $"; nothing in the ledger shows it (checksums: {state.Tool.Checksums})"),
            Owner = $"{merge.Main}: what is deployed came from there", Records = Wording.Row(state, row, file.Version),
            Mend = $"take the file of {merge.Main} as it is (git checkout {merge.Main} -- {state.Shown(file.File, null)}), and write the change as a new migration",
        };
    }

    /// <summary>What applies it is the same: the part that takes it back may change.</summary>
    private static bool SameBody(Migration a, Migration b) => a.Content == b.Content || (a.Up is { } one && b.Up is { } other && MigrationFile.ContentOf(one.Trim()) == MigrationFile.ContentOf(other.Trim()));

    private static LedgerFinding? Drift(LedgerState state, AppliedMigration row, Migration file)
    {
        if (row.Kind is not (MigrationKind.Repeatable or MigrationKind.Baseline) && (row.Checksum is null || file.Checksum is null) && Edit(state, row, file) is { } edit)
        {
            return edit;
        }

        if (row.Kind == MigrationKind.Repeatable || row.Implied || row.Kind == MigrationKind.Baseline)
        {
            return null;
        }

        if (row.Checksum is { } recorded && file.Checksum is { } computed && recorded != computed)
        {
            var renamed = row.Name is { } name && TextOf(name) != TextOf(file.Name);
            return new LedgerFinding
            {
                Kind = FindingKind.ContentChanged, Id = row.Version, Files = [state.Shown(file)],
                What = renamed ? $"{Wording.Name(file)} is not what was applied as {row.Version}: the ledger calls it {row.Name}"
                    : $"{Wording.Name(file)} was edited after it was applied{(state.Tool.Rules.ChecksumRunsOn ? ", or a file was put in before it" : "")}",
                Owner = state.Merge is { } merge && merge.OnMain.Contains(file.File) ? $"{merge.Main}: what is deployed came from there" : null,
                Records = $"{Wording.Row(state, row, row.Version)}, checksum {recorded}; the file has {computed}",
                Mend = "put the file back as it was applied (git log -p shows the edit), and write the change as a new migration; do not make the ledger fit the file",
            };
        }

        return row.Name is { Length: > 0 } said && state.Tool.Rules.KeepsOrder && state.Tool.Rules.Late == LateMigration.Refuses && TextOf(said) != TextOf(file.Name) && (row.Checksum is null || file.Checksum is null)
            ? new LedgerFinding
            {
                Kind = FindingKind.ContentChanged, Id = row.Version, Files = [state.Shown(file)], What = $"{Wording.Name(file)} is not what was applied as {row.Version}: the ledger calls it {said}",
                Records = Wording.Row(state, row, row.Version), Mend = "see which of the two ran; give the other a number of its own",
            }
            : null;
    }

    private static string TextOf(string name) => name.Replace('_', ' ').Trim().ToLowerInvariant();

    private static LedgerFinding? Phantom(LedgerState state, AppliedMigration row, Migration migration, List<Migration> all, EffectView effects)
    {
        if (effects.Invalid(migration) is { Count: > 0 } invalid)
        {
            return new LedgerFinding
            {
                Kind = FindingKind.Partial, Id = row.Version, Files = [state.Shown(migration)], What = $"{Wording.Name(migration)} left {Wording.Objects(invalid)} half built: it is there and not valid, so no query uses it",
                Records = Wording.Row(state, row, row.Version), Mend = $"in a new migration: DROP INDEX CONCURRENTLY {invalid[0].Name}, then create it again; IF NOT EXISTS would pass over it",
            };
        }

        if (effects.Missing(migration) is not { Count: > 0 } missing)
        {
            return null;
        }

        var (present, ran) = (effects.Present(migration), all.FirstOrDefault(m => m != migration && effects.IsThere(m) == true));
        return new LedgerFinding
        {
            // Where the ledger is one number, what lies below it and has no effect was passed over.
            Kind = row.Implied && state.Tool.Rules.Late == LateMigration.Skips ? FindingKind.Skipped : FindingKind.Phantom,
            Id = row.Version, Files = [state.Shown(migration)],
            What = $"{Wording.Name(migration)} counts as applied, and {(present.Count > 0 ? "a part of its effect" : "its effect")} is not in the database: no {Wording.Objects(missing)}",
            Owner = ran is null ? null : $"{state.Shown(ran)}: the number was recorded for it, its effect is there ({Wording.Objects(effects.Present(ran))})",
            Records = Wording.Row(state, row, row.Version),
            Mend = ran is not null ? $"give {Wording.Name(migration)} a number of its own, so that it runs"
                : $"find out whether it never ran or was undone by hand since; then repeat what is missing in a new migration ({Wording.Name(migration)} itself will not run again)",
        };
    }
}
