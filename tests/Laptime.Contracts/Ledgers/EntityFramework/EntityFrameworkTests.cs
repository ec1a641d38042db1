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

    [Fact]
    public async Task What_else_can_be_wrong_beside_a_ledger_that_EF_Core_wrote_is_found()
    {
        using var ground = await MigratedAsync();
        await ground.GitAsync("init", "-q");
        await ground.CommitAsync("both");
        await ground.GitAsync("checkout", "-q", "-b", "work");
        (await ground.CheckAsync()).Clean();

        // Another class with an id that is taken, and an edit of what ran.
        const string Body = "src/Migrations/20260201120000_AddEmail.cs";
        var text = await File.ReadAllTextAsync(ground.At(Body), TestContext.Current.CancellationToken);
        ground.Write("src/Migrations/Other.cs", "[Migration(\"20260201120000_AddEmail\")]\nclass Other : Migration { protected override void Up(MigrationBuilder migrationBuilder) { migrationBuilder.CreateTable(name: \"Other\"); } }\n");
        var findings = await ground.CheckAsync();
        Assert.Equal(["duplicate-id 20260201120000", "phantom 20260201120000"], findings.Conflicts());
        Assert.StartsWith(Body, findings.One(FindingKind.DuplicateId).Owner, StringComparison.Ordinal);
        ground.Remove("src/Migrations/Other.cs");
        ground.Write(Body, text.Replace("Email", "Mail", StringComparison.Ordinal));
        Assert.Contains("content-changed 20260201120000", (await ground.CheckAsync()).Conflicts());
        ground.Write(Body, text);

        // Late by its time stamp: EF Core applies it, and that is worth knowing.
        ground.Write("src/Migrations/20260115120000_Late.cs", "[Migration(\"20260115120000_Late\")]\nclass Late : Migration { }\n");
        Assert.Equal(FindingWeight.Notice, (await ground.CheckAsync()).One(FindingKind.OutOfOrder).Weight);
        ground.Remove("src/Migrations/20260115120000_Late.cs");

        await ground.SqlAsync("CREATE TABLE \"__EFMigrationsLock\" (\"Id\" integer primary key, \"Timestamp\" text not null); INSERT INTO \"__EFMigrationsLock\" VALUES (1, '2026-02-01 12:00:00')");
        var left = (await ground.CheckAsync()).One(FindingKind.Partial);
        Assert.Equal("public.__EFMigrationsLock is locked since 2026-02-01 12:00:00", left.What);
        Assert.Contains("see whether that migration still runs", left.Mend, StringComparison.Ordinal);
    }

    private static string Here([CallerFilePath] string here = "") => here;
}
