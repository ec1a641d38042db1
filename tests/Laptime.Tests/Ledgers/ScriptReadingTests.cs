using Laptime.Ledgers.Behaviour;
using Laptime.Ledgers.Sql;

namespace Laptime.Tests.Ledgers;

/// <summary>The hint that a text gives, and what of it is never run.</summary>
public sealed class ScriptReadingTests
{
    private static ScriptReading Read(string sql) => ScriptReading.Of(MigrationBody.OfText("1", "1.sql", SqlDialect.PostgreSql, sql), TestContext.Current.CancellationToken);

    [Theory]
    [InlineData("copy t to stdout;", Answer.Yes, "reads only")]
    [InlineData("copy t to program 'rm -rf /';", Answer.Unknown, "runs a program")]
    [InlineData("\\! ls\nselect 1;", Answer.Unknown, "`\\!` is a command of psql")]
    [InlineData("\\! ls\nupdate t set n = n + 1;", Answer.No, "n is computed from n")]
    [InlineData("prepare transaction 'x';", Answer.Unknown, "outlives its session")]
    public void What_is_not_run_or_runs_something_else_is_not_told_by_the_rest(string sql, Answer repeats, string why)
    {
        var reading = Read(sql);
        Assert.Equal(repeats, reading.Repeats);
        Assert.Contains(why, reading.Why, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("drop table if exists shop.orders cascade;", "table shop.orders")]
    [InlineData("drop function stamp(int, text);", "function stamp")]
    [InlineData("drop procedure if exists \"Stamp\";", "function Stamp")]
    [InlineData("drop materialized view totals;", "view totals")]
    [InlineData("drop trigger touched on shop.orders;", "trigger orders.touched")]
    [InlineData("alter table if exists orders add column n int;", "table orders")]
    [InlineData("drop index orders_n;", null)]
    [InlineData("drop", null)]
    public void What_a_statement_changes_or_takes_away_is_asked_about(string sql, string? touched) => Assert.Equal(touched, Assert.Single(Read(sql).Statements).Touches?.ToString());
}
