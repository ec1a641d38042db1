using Laptime.Tests.Engines;

namespace Laptime.Contracts.Ledgers;

public sealed class PostgresServerTests
{
    [Fact]
    public async Task It_answers_with_a_database_of_the_tests_own()
    {
        var server = await PostgresServer.SharedAsync();
        var database = await server.DatabaseAsync("fixture");
        Assert.Equal(database, await server.PsqlAsync(database, "select current_database()"));
        Assert.Equal("none", await server.PsqlAsync(database, "show track_functions"));
    }

    [Fact]
    public async Task What_fails_is_told_in_psqls_words()
    {
        var server = await PostgresServer.SharedAsync();
        var e = await Assert.ThrowsAsync<EngineException>(() => server.PsqlAsync("postgres", "select * from nothing"));
        Assert.Contains("nothing", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Its_end_leaves_nothing()
    {
        var server = await PostgresServer.OwnAsync();
        Assert.Equal("1", await server.PsqlAsync("postgres", "select 1"));
        await server.DisposeAsync();
        Assert.False(Directory.Exists(server.Folder));
    }
}
