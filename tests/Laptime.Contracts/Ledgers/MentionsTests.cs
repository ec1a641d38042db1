using Laptime.Ledgers;
using Laptime.Ledgers.Behaviour;
using Laptime.Processes;

namespace Laptime.Contracts.Ledgers;

/// <summary>Who in the workspace names something, with the real git.</summary>
public sealed class MentionsTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Whole_words_are_found_tracked_or_new_whatever_their_letters_and_migrations_are_left_out()
    {
        using var ground = await LedgerGround.OfAsync("sql", "db", DatabaseKind.Sqlite);
        ground.Write("web/a[1].py", "select * from Orders; -- stamp\n");
        ground.Write("web/b.py", "orders_old, restamp\n");
        ground.Write("db/0001_orders.sql", "create table orders (id int); create table quiet (id int);\n");
        await ground.GitAsync("init", "-q");
        await ground.CommitAsync("one");
        ground.Write("web/new.py", "orders\n");
        var mentions = new Mentions(new ProcessRunner(TimeProvider.System), ground.Root, ["db"]);
        var found = (await mentions.FindAsync(["orders", "stamp", "quiet"], Cancel))!;
        Assert.Equal(["web/a[1].py", "web/new.py"], found["orders"].Order(StringComparer.Ordinal));
        Assert.Equal(["web/a[1].py"], found["stamp"]);
        Assert.Empty(found["quiet"]);
        Assert.Empty((await mentions.FindAsync(["quiet"], Cancel))!["quiet"]);

        // More files than are named one by one: then everywhere.
        for (var i = 0; i < 205; i++)
        {
            ground.Write($"many/{i}.py", "stamp\n");
        }

        Assert.Equal(5, (await mentions.FindAsync(["orders", "stamp"], Cancel))!["stamp"].Count);
        Assert.Equal(2, (await mentions.FindAsync(["orders", "stamp"], Cancel))!["orders"].Count);
        Directory.Delete(ground.At(".git"), recursive: true);
        Assert.Null(await mentions.FindAsync(["orders"], Cancel));
    }
}
