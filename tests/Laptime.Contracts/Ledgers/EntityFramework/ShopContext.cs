using Microsoft.EntityFrameworkCore;

namespace Laptime.Contracts.Ledgers.EntityFramework;

/// <summary>What the migrations beside it belong to. They are compiled and run by EF Core, and read as files by lap.</summary>
internal sealed class ShopContext(string connection) : DbContext
{
    protected override void OnConfiguring(DbContextOptionsBuilder optionsBuilder) => optionsBuilder.UseNpgsql(connection);
}
