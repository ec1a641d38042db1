using System.Runtime.CompilerServices;
using Laptime.Databases.PostgreSql;
using Laptime.Ledgers;
using Microsoft.EntityFrameworkCore;

namespace Laptime.Contracts.Ledgers.EntityFramework;

/// <summary>EF Core itself migrates a real PostgreSQL; lap reads the same migrations' sources and the ledger that EF Core wrote.</summary>
public sealed class EntityFrameworkTests
{
    private static async Task<LedgerGround> MigratedAsync()
    {
        var ground = await LedgerGround.OfAsync("auto", "src/Migrations", DatabaseKind.PostgreSql, ", owners: { \"*\": \"@data\" }");
        foreach (var file in Directory.EnumerateFiles(Path.Combine(Path.GetDirectoryName(Here())!, "Migrations")))
        {
            ground.Write("src/Migrations/" + Path.GetFileName(file), await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken));
        }

        await using var context = new ShopContext(PostgresAddress.ConnectionText(DatabaseAddress.Parse(ground.Url!, ground.Root, null)));
        await context.Database.MigrateAsync(TestContext.Current.CancellationToken);
        return ground;
    }

    [Fact]
    public async Task A_ledger_that_EF_Core_wrote_is_clean_and_every_effect_is_found()
    {
        using var ground = await MigratedAsync();
        var reading = await ground.CheckAsync();
        reading.Clean();
        Assert.Equal("ef", reading.State.Tool.Name);
        Assert.Equal(["20260101120000_AddUsers", "20260201120000_AddEmail"], reading.State.Applied!.Rows.Select(r => r.Id));
        Assert.All(LedgerLine.Of(reading), l => Assert.True(l.Effect, l.Id));
    }

    [Fact]
    public async Task What_is_missing_of_it_is_found_object_by_object()
    {
        using var ground = await MigratedAsync();
        await ground.SqlAsync("DROP INDEX \"IX_Users_Email\"");
        var phantom = (await ground.CheckAsync()).One(FindingKind.Phantom);
        Assert.Equal("20260201120000", phantom.Id[..14]);
        Assert.Contains("a part of its effect", phantom.What, StringComparison.Ordinal);
        Assert.Contains("IX_Users_Email", phantom.What, StringComparison.Ordinal);
        Assert.DoesNotContain("Email,", phantom.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_removed_class_and_a_row_by_hand_are_found()
    {
        using var ground = await MigratedAsync();
        ground.Remove("src/Migrations/20260201120000_AddEmail.cs");
        ground.Remove("src/Migrations/20260201120000_AddEmail.Designer.cs");
        await ground.SqlAsync("INSERT INTO \"__EFMigrationsHistory\" VALUES ('20260301120000_Gone', '10.0.0')");
        Assert.Equal(["missing-file 20260201120000", "missing-file 20260301120000"], (await ground.CheckAsync()).Conflicts());
    }

    private static string Here([CallerFilePath] string here = "") => here;
}
