using Laptime.Foundations;

namespace Laptime.Recipes;

/// <summary>
/// Seeders for the databases that a version brings, found by the images of its services. PostgreSQL only: what cannot be tried here for real (MySQL, MariaDB) is left to `seed:` of recipe.yaml.
/// </summary>
public static class Seeders
{
    public static IReadOnlyList<Seeder> For(VersionFacts version, RecipeDriver driver) =>
        [.. version.Services.Where(static s => IsPostgres(s.Image)).Select(s => new PostgresSeeder(driver, s.Name))];

    /// <summary>By the last part of the image's name: postgres, postgresql, pgautoupgrade, postgis.</summary>
    internal static bool IsPostgres(string? image)
    {
        var name = image?.Split('@')[0].Split('/')[^1].Split(':')[0];
        return name is "postgres" or "postgresql" or "pgautoupgrade" or "postgis" or "pgvector";
    }
}

/// <summary>
/// A table of its own in the recipe's database, by psql in the database's container, as the user and in the database that the container was given (POSTGRES_USER, POSTGRES_DB). Over the socket in there,
/// where such images trust who is in already.
/// </summary>
internal sealed class PostgresSeeder(RecipeDriver driver, string service) : Seeder
{
    private const string Table = "laptime_seed";

    /// <summary>$1: statements; the rest: psql's own arguments, `-v VARIABLE=TEXT`. psql replaces variables (:'n0') only in what it reads, not in -c.</summary>
    private const string Script =
        """statements=$1; shift; printf '%s\n' "$statements" | psql -X -A -t -q -v ON_ERROR_STOP=1 "$@" -U "${POSTGRES_USER:-postgres}" -d "${POSTGRES_DB:-${POSTGRES_USER:-postgres}}" """;

    public override string Name => $"a row in PostgreSQL ({service})";

    public override async Task PutAsync(IReadOnlyDictionary<string, string> items, CancellationToken cancel) => await SqlAsync(
        $"""
        set client_min_messages = warning;
        create table if not exists {Table} (name text primary key, value text not null);
        insert into {Table} values {string.Join(", ", items.Select(static (_, i) => $"(:'n{i}', :'v{i}')"))} on conflict (name) do update set value = excluded.value;
        """,
        items.SelectMany(static (item, i) => (string[])["-v", $"n{i}={item.Key}", "-v", $"v{i}={item.Value}"]), cancel);

    /// <summary>A database that was restored without the table has none of them.</summary>
    public override async Task<IReadOnlyDictionary<string, string>> GetAsync(IReadOnlyCollection<string> names, CancellationToken cancel) =>
        (await SqlAsync(
            $"""
            select to_regclass('{Table}') is not null as there \gset
            \if :there
            select name, value from {Table} where name in ({string.Join(", ", names.Select(static (_, i) => $":'n{i}'"))});
            \endif
            """,
            names.SelectMany(static (name, i) => (string[])["-v", $"n{i}={name}"]), cancel))
        .Select(static row => row.Split('|', 2)).ToDictionary(static row => row[0], static row => row[1], StringComparer.Ordinal);

    public override async Task<bool> DeleteAsync(string name, CancellationToken cancel)
    {
        await SqlAsync($"delete from {Table} where name = :'n0';", ["-v", $"n0={name}"], cancel);
        return true;
    }

    private async Task<IReadOnlyList<string>> SqlAsync(string statements, IEnumerable<string> arguments, CancellationToken cancel)
    {
        var ended = await driver.ExecAsync(service, ["/bin/sh", "-c", Script, "sh", statements, .. arguments], cancel);
        return ended.ExitCode == 0
            ? [.. ended.Output.Where(static l => l.Length > 0)]
            : throw new FaultException(new Fault(
                Outcome.TierFailed, $"psql in {service} ended with {ended.ExitCode}{(ended.Output is [.., var last] ? $": {last}" : "")}", service,
                "`seed: { put, get }` in recipe.yaml writes items in a way of the recipe's own", ended.Output));
    }
}
