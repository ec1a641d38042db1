using System.Security.Cryptography;
using System.Text;
using Laptime.Foundations;
using Laptime.Processes;
using Npgsql;

namespace Laptime.Databases.Scratch;

/// <summary>
/// Scratch databases on one server, and the role that bodies run as: it may log in, it is no superuser, may make no databases or roles, and is let into no database but
/// these. Disposing removes all of it; what a killed run left, the next one removes when it opens.
/// </summary>
internal sealed class PostgresScratch : IAsyncDisposable
{
    private const string SkeletonPrefix = "lap_skeleton_";
    private static readonly TimeSpan RemovalBound = TimeSpan.FromSeconds(30);

    private readonly PostgresDoor door;
    private readonly PostgresSession admin;
    private readonly TimeProvider clock;
    private readonly string password;
    private readonly HashSet<string> databases = new(StringComparer.Ordinal);

    private PostgresScratch(PostgresDoor door, PostgresSession admin, string role, string password, TimeProvider clock) =>
        (this.door, this.admin, Role, this.password, this.clock) = (door, admin, role, password, clock);

    /// <summary>What bodies run as.</summary>
    public string Role { get; }

    /// <exception cref="FaultException">Unreachable, or a role that may not make what contains a body: then none is run.</exception>
    public static async Task<PostgresScratch> OpenAsync(PostgresDoor door, TimeProvider clock, CancellationToken cancel)
    {
        var admin = await door.OpenAsync(cancel);
        try
        {
            if (await admin.ReadAsync("select rolsuper::text, rolcreatedb::text, rolcreaterole::text from pg_roles where rolname = current_user", cancel) is not [[var super, var databases, var roles]]
                || (super != "true" && (databases != "true" || roles != "true")))
            {
                throw new FaultException(new Fault(
                    Outcome.UsageError, $"the role {door.User} may not make databases and roles at {door.Host}:{door.Port}: a body could not be contained there, so none is tried", null,
                    $"alter role {door.User} createdb createrole, or name a server that is there for trying in `scratch`"));
            }

            await SweepAsync(admin, door, clock, cancel);
            var role = ScratchName.New(clock).ToString();
            var password = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
            await admin.RunAsync($"create role {role} login nosuperuser nocreatedb nocreaterole noreplication nobypassrls connection limit 4 password '{password}'", cancel);
            var scratch = new PostgresScratch(door, admin, role, password, clock);
            if (super != "true")
            {
                await admin.RunAsync($"grant {role} to current_user", cancel);
            }
            else
            {
                await admin.RunAsync($"alter role {role} set temp_file_limit = '1GB'", cancel);
            }

            return scratch;
        }
        catch (PostgresException e)
        {
            await admin.DisposeAsync();
            throw Failed("prepare a scratch", e);
        }
        catch
        {
            await admin.DisposeAsync();
            throw;
        }
    }

    /// <summary>The way into one of the databases, as the role.</summary>
    public PostgresDoor Into(string database) => door.To(database, Role, password);

    /// <summary>The first copy: everything in it belongs to the role, so that a body may change it.</summary>
    /// <param name="template">Copied with its rows.</param>
    public async Task<string> CopyAsync(string template, CancellationToken cancel)
    {
        var others = await admin.ValueAsync("select count(*)::text from pg_stat_activity where datname = $1 and backend_type = 'client backend'", cancel, template);
        if (others is not "0")
        {
            throw new FaultException(new Fault(Outcome.UsageError, $"{others} sessions are connected to the template database {template}: PostgreSQL copies none that is in use", null, "use one that nobody works with"));
        }

        var name = await CreateAsync($"template {PostgresSession.Quoted(template)}", cancel);
        await HandOverAsync(name, cancel);
        return name;
    }

    /// <summary>The schema of a database in use, without its rows.</summary>
    /// <param name="keep">It stays for the next time.</param>
    /// <returns>The copy, and what of the schema could not be made.</returns>
    public async Task<(string Database, IReadOnlyList<string> Left)> SkeletonAsync(PostgresDoor live, PostgresSkeleton skeleton, string folder, bool keep, CancellationToken cancel)
    {
        var source = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{live.Host}:{live.Port}/{live.Database}")))[..8];
        var kept = keep ? $"{SkeletonPrefix}{source}_{await PostgresSkeleton.KeyAsync(live, cancel)}" : null;
        if (kept is not null && await admin.ValueAsync("select coalesce(shobj_description(oid, 'pg_database'), '') from pg_database where datname = $1", cancel, kept) is { } left)
        {
            var copy = await CreateAsync($"template {PostgresSession.Quoted(kept)}", cancel);
            await HandOverAsync(copy, cancel);
            return (copy, left.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        }

        var name = await CreateAsync("template template0 encoding 'UTF8'", cancel);
        var missing = await skeleton.FillAsync(live, door.To(name), folder, cancel);
        if (kept is not null)
        {
            // Complete only now: what was half made has the name of a scratch.
            foreach (var row in await admin.ReadAsync("select datname::text from pg_database where datname like $1", cancel, $"{SkeletonPrefix.Replace("_", "\\_", StringComparison.Ordinal)}{source}\\_%"))
            {
                await DropAsync(row[0]!, cancel);
            }

            await admin.RunAsync($"comment on database {name} is {PostgresSession.Literal(string.Join('\n', missing))}", cancel);
            await admin.RunAsync($"revoke all on database {name} from {Role}", cancel);
            await admin.RunAsync($"alter database {name} rename to {kept}", cancel);
            databases.Remove(name);
            name = await CreateAsync($"template {kept}", cancel);
        }

        await HandOverAsync(name, cancel);
        return (name, missing);
    }

    /// <summary>Another copy of a copy.</summary>
    public Task<string> CloneAsync(string database, CancellationToken cancel) => CreateAsync($"template {database}", cancel);

    /// <summary>Ends whatever runs in it, and removes it.</summary>
    public async Task DropAsync(string database, CancellationToken cancel)
    {
        await RemoveAsync(admin, door, database, cancel);
        databases.Remove(database);
    }

    /// <summary>A prepared transaction keeps its database from being removed, whoever forces it; it can be taken back only from within.</summary>
    private static async Task RemoveAsync(PostgresSession admin, PostgresDoor door, string database, CancellationToken cancel)
    {
        var prepared = await admin.ReadAsync("select gid, owner::text from pg_prepared_xacts where database = $1", cancel, database);
        if (prepared.Count > 0)
        {
            await using var within = await door.To(database).OpenAsync(cancel);
            foreach (var row in prepared)
            {
                await within.RunAsync($"set role {PostgresSession.Quoted(row[1]!)}", cancel);
                await within.RunAsync($"rollback prepared {PostgresSession.Literal(row[0]!)}", cancel);
            }
        }

        await admin.RunAsync($"drop database if exists {PostgresSession.Quoted(database)} with (force)", cancel);
    }

    /// <summary>Ends every session of the role, whatever it runs.</summary>
    public Task EndSessionsAsync(CancellationToken cancel) => admin.ReadAsync("select pg_terminate_backend(pid)::text from pg_stat_activity where usename = $1", cancel, Role);

    public async ValueTask DisposeAsync()
    {
        using var bound = new CancellationTokenSource(RemovalBound, clock);
        foreach (var database in databases.Append(null).ToList())
        {
            try
            {
                await (database is null ? admin.RunAsync($"drop role if exists {Role}", bound.Token) : RemoveAsync(admin, door, database, bound.Token));
            }
            catch (Exception e) when (e is NpgsqlException or FaultException or OperationCanceledException or InvalidOperationException)
            {
                // The server is gone or does not answer: the next run removes it.
            }
        }

        await admin.DisposeAsync();
    }

    public static FaultException Failed(string what, NpgsqlException e) =>
        new(new Fault(Outcome.UsageError, $"PostgreSQL refused to {what}: {(e is PostgresException p ? $"{p.SqlState} {p.MessageText}" : e.Message)}", null, "a server that is there for trying, named in `scratch`, has room for it"), e);

    /// <summary>Removes what runs that are gone left behind.</summary>
    private static async Task SweepAsync(PostgresSession admin, PostgresDoor door, TimeProvider clock, CancellationToken cancel)
    {
        foreach (var query in (string[])["select 'database', datname::text from pg_database where datname like 'lap\\_scratch\\_%'", "select 'role', rolname::text from pg_roles where rolname like 'lap\\_scratch\\_%'"])
        {
            foreach (var row in await admin.ReadAsync(query, cancel))
            {
                if (ScratchName.Parse(row[1]!) is not { } name || !name.IsDead(clock))
                {
                    continue;
                }

                try
                {
                    await (row[0] == "database" ? RemoveAsync(admin, door, row[1]!, cancel) : admin.RunAsync($"drop role if exists {PostgresSession.Quoted(row[1]!)}", cancel));
                }
                catch (Exception e) when (e is PostgresException or FaultException)
                {
                    // Somebody else's, or somebody removes it at this very moment: whoever may, will.
                }
            }
        }
    }

    private async Task<string> CreateAsync(string how, CancellationToken cancel)
    {
        var name = ScratchName.New(clock).ToString();
        databases.Add(name);
        try
        {
            await admin.RunAsync($"create database {name} {how}", cancel);
            await admin.RunAsync($"revoke all on database {name} from public", cancel);
            await admin.RunAsync($"grant connect, create, temporary on database {name} to {Role}", cancel);
            return name;
        }
        catch (PostgresException e)
        {
            throw Failed("make a scratch database", e);
        }
    }

    /// <summary>Everything in the copy becomes the role's: bodies change it, and a SECURITY DEFINER function has that role's rights. What reaches beyond the database goes.</summary>
    private async Task HandOverAsync(string database, CancellationToken cancel)
    {
        await using var session = await door.To(database).OpenAsync(cancel);
        try
        {
            await session.RunAsync("set search_path = pg_catalog", cancel);
            await session.RunAsync("set synchronous_commit = off", cancel);
            foreach (var row in await session.ReadAsync("select extname::text from pg_extension", cancel))
            {
                if (PostgresSkeleton.Reaching.Contains(row[0]!))
                {
                    await session.RunAsync($"drop extension {PostgresSession.Quoted(row[0]!)} cascade", cancel);
                }
            }

            await session.RunAsync(
                $$"""
                do $lap$
                declare
                  o record;
                  ours constant text := '{{Role}}';
                begin
                  for o in select s.srvname from pg_foreign_server s loop
                    execute format('drop server %I cascade', o.srvname);
                  end loop;
                  for o in select n.oid, n.nspname from pg_namespace n where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
                      and not exists (select 1 from pg_depend d where d.classid = 'pg_namespace'::regclass and d.objid = n.oid and d.deptype = 'e') loop
                    execute format('alter schema %I owner to %I', o.nspname, ours);
                  end loop;
                  for o in select c.oid::regclass::text as name, c.relkind from pg_class c join pg_namespace n on n.oid = c.relnamespace
                      where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
                      and not exists (select 1 from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and (d.deptype = 'e' or (c.relkind = 'S' and d.deptype in ('a', 'i')))) loop
                    execute format('alter %s %s owner to %I', case o.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence' when 'f' then 'foreign table' else 'table' end, o.name, ours);
                  end loop;
                  for o in select p.oid::regprocedure::text as name, p.prokind from pg_proc p join pg_namespace n on n.oid = p.pronamespace
                      where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and (p.prokind <> 'a' or p.pronargs > 0)
                      and not exists (select 1 from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e') loop
                    execute format('alter %s %s owner to %I', case o.prokind when 'a' then 'aggregate' else 'routine' end, o.name, ours);
                  end loop;
                  for o in select t.oid::regtype::text as name from pg_type t join pg_namespace n on n.oid = t.typnamespace
                      where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
                      and (t.typtype in ('e', 'd', 'r') or (t.typtype = 'c' and exists (select 1 from pg_class c where c.oid = t.typrelid and c.relkind = 'c')))
                      and not exists (select 1 from pg_depend d where d.classid = 'pg_type'::regclass and d.objid = t.oid and d.deptype = 'e') loop
                    execute format('alter type %s owner to %I', o.name, ours);
                  end loop;
                end $lap$
                """, cancel);
        }
        catch (PostgresException e)
        {
            throw Failed("hand the copy over to the scratch's role", e);
        }
    }
}
