using Laptime.Fingerprints;
using Laptime.Ledgers;
using Laptime.Ledgers.Effects;

namespace Laptime.Tests.Ledgers;

public sealed class ExpectedEffectsTests
{
    /// <summary>What is expected of each of the migrations, in their order.</summary>
    private static string Of(params string?[] bodies)
    {
        var migrations = bodies.Select((b, i) => b is null ? null : new Migration { Id = $"{i}", Version = $"{i}", Name = "", File = $"{i}.sql", Content = Digest.Of(b), Up = b }).ToList();
        var expected = ExpectedEffects.Of(migrations);
        return string.Join(" | ", migrations.Select(m => m is null ? "?" : expected.TryGetValue(m, out var objects) ? string.Join(", ", objects) : ""));
    }

    [Fact]
    public void What_a_later_one_drops_is_expected_of_nobody() => Assert.Equal("table b | ", Of("CREATE TABLE a (id int); CREATE TABLE b (id int);", "DROP TABLE a"));

    [Fact]
    public void Columns_and_indexes_go_with_their_table() =>
        Assert.Equal("table b |  | ", Of("CREATE TABLE a (id int); CREATE TABLE b (id int);", "ALTER TABLE a ADD c int; CREATE INDEX ix ON a (c)", "DROP TABLE a"));

    [Fact]
    public void A_rename_moves_the_table_and_what_is_of_it() =>
        Assert.Equal("table b, column b.c | ", Of("CREATE TABLE a (id int); ALTER TABLE a ADD c int", "ALTER TABLE a RENAME TO b"));

    [Fact]
    public void What_a_dynamic_statement_names_is_not_expected_any_more() =>
        Assert.Equal("table b | ", Of("CREATE TABLE a (id int); CREATE TABLE b (id int)", "DO $$ BEGIN EXECUTE 'drop table ' || 'a'; END $$"));

    [Fact]
    public void Behind_a_migration_without_a_text_only_what_came_after_it_is_expected() => Assert.Equal(" | ? | table b", Of("CREATE TABLE a (id int)", null, "CREATE TABLE b (id int)"));

    [Fact]
    public void What_is_made_again_is_known_by_who_made_it_first() => Assert.Equal("table a | ", Of("CREATE TABLE a (id int)", "CREATE TABLE IF NOT EXISTS a (id int)"));

    [Fact]
    public void Dropped_and_made_anew_it_is_the_later_ones() => Assert.Equal(" | table a", Of("CREATE TABLE a (id int)", "DROP TABLE a; CREATE TABLE a (id int, b int)"));
}
