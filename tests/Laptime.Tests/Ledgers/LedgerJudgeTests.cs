using FsCheck;
using FsCheck.Fluent;
using Laptime.Fingerprints;
using Laptime.Ledgers;
using Laptime.Ledgers.Governance;

namespace Laptime.Tests.Ledgers;

/// <summary>The judging is a pure function: what it finds follows from what is wrong, and from nothing else.</summary>
public sealed class LedgerJudgeTests
{
    private static readonly OwnerRules Owners = OwnerRules.Of(new Dictionary<string, string> { ["*"] = "@data" }, "laptime.yaml");

    private static Migration File(int number, string name, string? checksum = null) => new()
    {
        Id = $"{number:0000}", Version = $"{number:0000}", Name = name, File = $"{number:0000}_{name}.sql", Content = Digest.Of(name), Checksum = checksum, Up = $"CREATE TABLE {name} (id int);",
    };

    private static AppliedMigration Row(int number, string? checksum = null) => new() { Id = $"{number:0000}", Version = $"{number:0000}", Checksum = checksum, Rank = number };

    private static LedgerState State(string tool, IEnumerable<Migration> files, IEnumerable<AppliedMigration>? rows, IEnumerable<string>? tables = null) => new()
    {
        Tool = LedgerTools.Named(tool), Folder = "db", Owners = Owners, Here = new MigrationSet([.. files], []),
        Applied = rows is null ? null : new AppliedLedger("ledger", [.. rows]),
        Facts = tables is null ? null : new CatalogFacts(tables.Select(t => new CatalogObject(CatalogKind.Table, null, null, t)).ToHashSet(), new HashSet<CatalogObject>()),
    };

    private static IEnumerable<string> Kinds(LedgerState state) => LedgerJudge.Judge(state).Findings.Select(f => $"{f.Kind} {f.Id}");

    /// <summary>Any two sets of numbers: what is on disk, and what is recorded.</summary>
    private static Arbitrary<(HashSet<int> Files, HashSet<int> Rows)> Sets() =>
        (from files in Gen.Choose(1, 30).ListOf() from rows in Gen.Choose(1, 30).ListOf() select (files.ToHashSet(), rows.ToHashSet())).ToArbitrary();

    private static void Holds<T>(Arbitrary<T> of, Func<T, bool> property) => Check.One(Config.QuickThrowOnFailure.WithMaxTest(300), Prop.ForAll(of, property));

    [Fact]
    public void A_ledger_that_applied_the_first_files_in_their_order_is_clean_for_every_tool() => Holds(
        (from count in Gen.Choose(0, 20) from applied in Gen.Choose(0, count) from tool in Gen.Elements(LedgerTools.All.Select(t => t.Name)) select (count, applied, tool)).ToArbitrary(),
        c => !Kinds(State(c.tool, Enumerable.Range(1, c.count).Select(n => File(n, $"t{n}", "1")), Enumerable.Range(1, c.applied).Select(n => Row(n, "1")), Enumerable.Range(1, c.applied).Select(n => $"t{n}"))).Any());

    [Fact]
    public void Exactly_the_rows_without_a_file_are_missing_and_exactly_the_lower_files_without_a_row_are_late() => Holds(Sets(), s =>
    {
        var found = Kinds(State("dbmate", s.Files.Order().Select(n => File(n, $"t{n}")), s.Rows.Order().Select(n => Row(n)))).ToList();
        var expected = s.Rows.Except(s.Files).Select(n => $"missing-file {n:0000}").Concat(s.Rows.Count == 0 ? [] : s.Files.Except(s.Rows).Where(n => n < s.Rows.Max()).Select(n => $"out-of-order {n:0000}"));
        return found.Order().SequenceEqual(expected.Order());
    });

    [Fact]
    public void Exactly_the_recorded_ones_whose_table_is_gone_are_phantoms() => Holds(Sets(), s =>
    {
        var all = s.Files.Union(s.Rows).Order().ToList();
        var found = Kinds(State("dbmate", all.Select(n => File(n, $"t{n}")), all.Select(n => Row(n)), s.Rows.Select(n => $"t{n}"))).ToList();
        return found.Order().SequenceEqual(all.Except(s.Rows).Select(n => $"phantom {n:0000}").Order());
    });

    [Fact]
    public void Exactly_the_numbers_that_two_files_carry_are_duplicates_whatever_the_order_of_the_files() => Holds(Sets(), s =>
    {
        var files = s.Files.Select(n => File(n, "a")).Concat(s.Rows.Select(n => File(n, "b"))).ToList();
        var expected = s.Files.Intersect(s.Rows).Select(n => $"duplicate-id {n:0000}").Order().ToList();
        return expected.SequenceEqual(Kinds(State("dbmate", files, null)).Order()) && expected.SequenceEqual(Kinds(State("dbmate", files.AsEnumerable().Reverse(), null)).Order());
    });

    [Fact]
    public void Exactly_the_applied_ones_whose_checksum_differs_were_edited() => Holds(Sets(), s =>
    {
        var all = s.Files.Union(s.Rows).Order().ToList();
        var found = Kinds(State("flyway", all.Select(n => File(n, "t", s.Rows.Contains(n) ? "2" : "1")), all.Select(n => Row(n, "1"))));
        return found.Order().SequenceEqual(s.Rows.Select(n => $"content-changed {n:0000}").Order());
    });

    [Fact]
    public void No_advice_writes_into_a_ledger() => Holds(
        (from sets in Sets().Generator from tool in Gen.Elements(LedgerTools.All.Select(t => t.Name)) select (sets, tool)).ToArbitrary(),
        c => LedgerJudge.Judge(State(c.tool, c.sets.Files.Select(n => File(n, "a", "1")).Concat(c.sets.Rows.Select(n => File(n, "b", "2"))), c.sets.Rows.Select(n => Row(n, "3")), ["a"])).Findings
            .All(f => !new[] { "INSERT", "UPDATE ", "DELETE", "repair", "--fake", "stamp", "force", "resolve", "set-version" }.Any(w => f.Mend.Contains(w, StringComparison.Ordinal) && !f.Mend.Contains("time stamp", StringComparison.Ordinal))));

    [Fact]
    public void Who_keeps_a_number_is_who_has_the_checksum_that_is_recorded() =>
        Assert.StartsWith("db/0042_b.sql: the ledger records its checksum", LedgerJudge.Judge(State("flyway", [File(42, "a", "1"), File(42, "b", "2")], [Row(42, "2")])).Findings[0].Owner, StringComparison.Ordinal);

    [Fact]
    public void Without_a_trace_of_who_was_first_nobody_is_named()
    {
        var finding = LedgerJudge.Judge(State("dbmate", [File(42, "a"), File(42, "b")], null)).Findings[0];
        Assert.StartsWith("nobody yet", finding.Owner, StringComparison.Ordinal);
        Assert.StartsWith("decide which one keeps 0042", finding.Mend, StringComparison.Ordinal);
    }

    [Fact]
    public void Who_was_committed_first_keeps_a_number_that_no_ledger_records()
    {
        var state = State("dbmate", [File(42, "a"), File(42, "b")], null) with
        {
            Origins = new Dictionary<string, FileOrigin>
            {
                ["db/0042_a.sql"] = new("1111111111", "Ann", "2026-02-01T10:00:00+00:00", "this branch"), ["db/0042_b.sql"] = new("2222222222", "Bob", "2026-01-01T10:00:00+00:00", "this branch"),
            },
        };
        Assert.Equal("db/0042_b.sql: it was committed first (Bob, 22222222 of 2026-01-01)", LedgerJudge.Judge(state).Findings[0].Owner);
    }

    [Fact]
    public void Owners_that_are_written_down_but_leave_a_file_out_are_a_conflict_and_none_at_all_a_notice()
    {
        var state = State("dbmate", [File(1, "a")], null);
        Assert.Equal(FindingWeight.Notice, Assert.Single(LedgerJudge.Judge(state with { Owners = OwnerRules.None }).Findings).Weight);
        var left = Assert.Single(LedgerJudge.Judge(state with { Owners = OwnerRules.OfCodeOwners("/docs/ @writers\n", "CODEOWNERS", "") }).Findings);
        Assert.Equal((FindingKind.OwnerUnknown, FindingWeight.Conflict), (left.Kind, left.Weight));
    }

    [Fact]
    public void An_index_that_is_there_and_not_valid_is_half_applied()
    {
        var index = new CatalogObject(CatalogKind.Index, null, "users", "ix");
        var state = State("dbmate", [File(1, "a") with { Up = "CREATE INDEX CONCURRENTLY IF NOT EXISTS ix ON users (id);" }], [Row(1)]) with
        {
            Facts = new CatalogFacts(new HashSet<CatalogObject> { index }, new HashSet<CatalogObject> { index }),
        };
        Assert.Equal(FindingKind.Partial, Assert.Single(LedgerJudge.Judge(state).Findings).Kind);
    }

    [Fact]
    public void Time_stamps_that_come_late_are_worth_knowing_and_no_reason_to_refuse()
    {
        Migration Stamped(string stamp) => File(1, "a") with { Id = stamp, Version = stamp, File = $"{stamp}_a.sql" };
        var report = LedgerJudge.Judge(State("dbmate", [Stamped("20260101120000"), Stamped("20260201120000")], [Row(1) with { Id = "20260201120000", Version = "20260201120000" }]));
        Assert.True(report.IsClean);
        Assert.Equal(FindingKind.OutOfOrder, Assert.Single(report.Findings).Kind);
    }
}
