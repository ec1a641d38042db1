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

    /// <summary>$1: a statement that may hold :'name' and :'value'; $2: name; $3: value. psql replaces variables only in what it reads, not in -c.</summary>
    private const string Script =
        """printf '%s\n' "$1" | psql -X -A -t -q -v ON_ERROR_STOP=1 -v name="$2" -v value="$3" -U "${POSTGRES_USER:-postgres}" -d "${POSTGRES_DB:-${POSTGRES_USER:-postgres}}" """;

    public override string Name => $"a row in PostgreSQL ({service})";

    public override async Task PutAsync(string name, string value, CancellationToken cancel) => await SqlAsync(
        $"set client_min_messages = warning; create table if not exists {Table} (name text primary key, value text not null); insert into {Table} values (:'name', :'value') on conflict (name) do update set value = excluded.value;",
        name, value, cancel);

    public override async Task<string?> GetAsync(string name, CancellationToken cancel)
    {
        // A database that was restored without the table has no such item either.
        if (await SqlAsync($"select to_regclass('{Table}') is not null", name, "", cancel) is not ["t"])
        {
            return null;
        }

        return await SqlAsync($"select value from {Table} where name = :'name'", name, "", cancel) is [var value, ..] ? value : null;
    }

    public override async Task<bool> DeleteAsync(string name, CancellationToken cancel)
    {
        await SqlAsync($"delete from {Table} where name = :'name'", name, "", cancel);
        return true;
    }

    private async Task<IReadOnlyList<string>> SqlAsync(string statement, string name, string value, CancellationToken cancel)
    {
        var ended = await driver.ExecAsync(service, ["/bin/sh", "-c", Script, "sh", statement, name, value], cancel);
        return ended.ExitCode == 0
            ? [.. ended.Output.Where(static l => l.Length > 0)]
            : throw new FaultException(new Fault(
                Outcome.TierFailed, $"psql in {service} ended with {ended.ExitCode}{(ended.Output is [.., var last] ? $": {last}" : "")}", service,
                "`seed: { put, get }` in recipe.yaml writes items in a way of the recipe's own", ended.Output));
    }
}
