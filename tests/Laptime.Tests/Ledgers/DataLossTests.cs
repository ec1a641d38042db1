using Laptime.Ledgers.Behaviour;
using Laptime.Ledgers.Sql;

namespace Laptime.Tests.Ledgers;

/// <summary>What a body takes away for good, as its text says it.</summary>
public sealed class DataLossTests
{
    [Theory]
    [InlineData("drop table orders;", "the rows of orders")]
    [InlineData("drop table if exists shop.orders, carts cascade;", "the rows of orders|the rows of carts")]
    [InlineData("truncate table only orders;", "the rows of orders")]
    [InlineData("delete from orders;", "all rows of orders")]
    [InlineData("delete from orders where id = 1;", "")]
    [InlineData("alter table orders drop column if exists note, drop constraint c, alter n drop default;", "the values of orders.note")]
    [InlineData("alter table orders drop note;", "the values of orders.note")]
    [InlineData("alter table orders drop constraint c;", "")]
    [InlineData("drop schema old cascade;", "everything in schema old")]
    [InlineData("drop index i; drop view v; drop function f();", "")]
    [InlineData("create temp table work (n int); insert into work values (1); drop table work;", "")]
    [InlineData("create table new_orders (n int); insert into new_orders select n from orders; drop table orders; alter table new_orders rename to orders;", "")]
    [InlineData("do $$ begin drop table orders; end $$;", "")]
    [InlineData("select 'drop table orders;'; -- drop table orders;", "")]
    public void Rows_that_are_gone_afterwards_are_named(string sql, string expected)
    {
        var reading = ScriptReading.Of(MigrationBody.OfText("1", "1.sql", SqlDialect.PostgreSql, sql), CancellationToken.None);
        Assert.Equal(expected, string.Join('|', reading.Losses.Select(l => l.What)));
    }

    [Fact]
    public void Of_a_body_that_is_applied_already_nothing_is_grave()
    {
        var body = MigrationBody.OfText("1", "1.sql", SqlDialect.PostgreSql, "drop table orders; \\! rm");
        var reading = ScriptReading.Of(body, CancellationToken.None);
        Assert.Equal([true, true], BehaviourFindings.Of(body, reading, null, []).Select(f => f.Grave));
        Assert.DoesNotContain(BehaviourFindings.Of(body, reading, null, [], pending: false), f => f.Grave);
    }
}
