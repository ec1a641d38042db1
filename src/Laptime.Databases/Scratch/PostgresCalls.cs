using System.Globalization;
using Laptime.Ledgers;
using Laptime.Ledgers.Behaviour;
using Npgsql;

namespace Laptime.Databases.Scratch;

/// <summary>Asks a database in use whether what a migration defines is called: its statistics, its triggers, its dependencies. Questions only, in one read-only transaction.</summary>
internal static class PostgresCalls
{
    private const string Ours = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema'";
    private const string Names = "string_to_array($1, e'\\n')";

    private sealed record Window(string Since, bool CountsFunctions, bool CountsTables, string? Statements, string? StatementsSince);

    public static async Task<IReadOnlyList<CallReading>> ReadAsync(PostgresDoor live, IReadOnlyList<CatalogObject> objects, MentionSearch search, CancellationToken cancel)
    {
        if (objects.Count == 0)
        {
            return [];
        }

        var mentions = await search([.. objects.Select(static o => o.Name)], cancel);
        await using var session = await live.ReadOnly().OpenAsync(cancel);
        await session.RunAsync("begin transaction read only", cancel);
        await session.RunAsync("set local search_path = pg_catalog", cancel);
        var window = await WindowAsync(session, cancel);
        var names = string.Join('\n', objects.Select(static o => o.Name).Distinct());
        var functions = await session.ReadAsync(
            $"select n.nspname::text, p.proname::text, p.oid::text, coalesce(s.calls, 0)::text, l.lanname::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang left join pg_stat_user_functions s on s.funcid = p.oid where p.proname = any({Names}) and {Ours}",
            cancel, names);
        var triggers = await session.ReadAsync(
            $"""
            select t.tgname::text, n.nspname || '.' || c.relname, c.relname::text, p.proname::text, t.tgenabled::text, (t.tgtype::int & 4 > 0)::text, (t.tgtype::int & 16 > 0)::text, (t.tgtype::int & 8 > 0)::text,
                coalesce(s.n_tup_ins, 0)::text, coalesce(s.n_tup_upd, 0)::text, coalesce(s.n_tup_del, 0)::text
            from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace join pg_proc p on p.oid = t.tgfoid left join pg_stat_user_tables s on s.relid = c.oid
            where not t.tgisinternal and {Ours} and (t.tgname = any({Names}) or p.proname = any({Names}))
            """, cancel, names);
        var tables = await session.ReadAsync(
            $"""
            select n.nspname::text, c.relname::text, c.relkind::text, (coalesce(s.seq_scan, 0) + coalesce(s.idx_scan, 0))::text, (coalesce(s.n_tup_ins, 0) + coalesce(s.n_tup_upd, 0) + coalesce(s.n_tup_del, 0))::text
            from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_stat_user_tables s on s.relid = c.oid where c.relkind in ('r','p','v','m','f') and c.relname = any({Names}) and {Ours}
            """, cancel, names);
        var dependents = await session.ReadAsync(
            $"""
            select distinct p.proname::text, pg_describe_object(d.classid, d.objid, d.objsubid) from pg_depend d join pg_proc p on p.oid = d.refobjid join pg_namespace n on n.oid = p.pronamespace
            where d.refclassid = 'pg_proc'::regclass and d.deptype in ('n', 'a') and d.classid <> 'pg_trigger'::regclass and p.proname = any({Names}) and {Ours}
            union select distinct w.name, 'the text of function ' || n.nspname || '.' || p.proname from unnest({Names}) w(name) join pg_proc p on p.prosrc ~* ('\m' || regexp_replace(w.name, '([^[:alnum:]_])', '\\\1', 'g') || '\M') and p.proname <> w.name
                join pg_namespace n on n.oid = p.pronamespace where {Ours}
            """, cancel, names);
        var statements = await StatementsAsync(session, window, names, cancel);

        var readings = new List<CallReading>();
        foreach (var wanted in objects)
        {
            var evidence = new List<string>();
            bool Is(string? schema) => wanted.Schema is null || wanted.Schema == schema;
            evidence.AddRange(dependents.Where(d => d[0] == wanted.Name).Take(5).Select(static d => $"used by {d[1]}"));
            evidence.Add(mentions is null ? "the workspace's files were not searched (no git)" : mentions.GetValueOrDefault(wanted.Name) is { Count: > 0 } files ? $"named in {string.Join(", ", files)}" : "no file of the workspace names it, migrations apart");
            var named = statements.GetValueOrDefault(wanted.Name);
            readings.Add(wanted.Kind switch
            {
                CatalogKind.Function => Function(wanted, [.. functions.Where(f => f[1] == wanted.Name && Is(f[0]))], [.. triggers.Where(t => t[3] == wanted.Name)], named, window, evidence),
                CatalogKind.Trigger => Trigger(wanted, [.. triggers.Where(t => t[0] == wanted.Name && (wanted.Table is null || t[2] == wanted.Table))], window, evidence),
                _ => Table(wanted, [.. tables.Where(t => t[1] == wanted.Name && Is(t[0]))], named, window, evidence),
            });
        }

        return readings;
    }

    private static CallReading Function(CatalogObject wanted, List<string?[]> functions, List<string?[]> triggers, long statements, Window window, List<string> evidence)
    {
        if (functions.Count == 0)
        {
            return new CallReading(wanted, CallAnswer.NotThere, $"{wanted} is not in the database yet: nobody can have called it there", evidence);
        }

        evidence.InsertRange(0, triggers.Select(t => $"trigger {t[0]} on {t[1]} calls it{(t[4] == "D" ? " (disabled)" : "")}"));
        var calls = functions.Sum(static f => Number(f[3]));
        var by = triggers.Find(static t => t[4] != "D") is { } trigger ? $", by trigger {trigger[0]} on {trigger[1]}" : "";
        if (calls > 0)
        {
            return new CallReading(wanted, CallAnswer.Called, $"{wanted} was called {calls} times since {window.Since}{by} (pg_stat_user_functions)", evidence);
        }

        foreach (var t in triggers.Where(static t => t[4] != "D"))
        {
            if (Fired(t) is > 0 and var rows && !window.CountsFunctions)
            {
                return new CallReading(wanted, CallAnswer.Called, $"{wanted} is called by trigger {t[0]} on {t[1]}, which saw {rows} rows change since {window.Since} (pg_stat_user_tables)", evidence);
            }
        }

        if (statements > 0)
        {
            return new CallReading(wanted, CallAnswer.Called, $"{wanted} was named by {statements} statements since {window.StatementsSince} (pg_stat_statements)", evidence);
        }

        evidence.Add(window.CountsFunctions ? "blind spot: calls before track_functions was set, and those of sessions that set it otherwise, are not counted" : "blind spot: track_functions is none, calls are not counted");
        if (window.CountsFunctions && functions.Exists(static f => f[4] == "sql"))
        {
            evidence.Add("blind spot: a function in SQL that the planner inlines is not counted");
        }
        else if (window.CountsFunctions && functions.Exists(static f => f[4] is "c" or "internal"))
        {
            evidence.Add("blind spot: with track_functions = pl only functions in procedural languages are counted");
        }

        Blind(window, evidence);
        return new CallReading(wanted, window.CountsFunctions || window.Statements is not null ? CallAnswer.NotObserved : triggers.Count > 0 && window.CountsTables ? CallAnswer.NotObserved : CallAnswer.CannotTell,
            $"{wanted} was not seen called since {window.Since}{Idle(triggers)}", evidence);
    }

    /// <summary>Why the triggers that are there are no call that was seen.</summary>
    private static string Idle(List<string?[]> triggers) => (triggers.Find(static t => t[4] != "D" && Fired(t) > 0) ?? triggers.Find(static t => t[4] != "D") ?? triggers.FirstOrDefault()) switch
    {
        null => "",
        var t when t[4] == "D" => $"; trigger {t[0]} on {t[1]} is disabled",
        var t when Fired(t) is > 0 and var rows => $"; trigger {t[0]} on {t[1]} would call it, and {rows} rows changed there without a call that was counted: the counting or the trigger is younger than they, or its WHEN kept them out",
        var t => $"; trigger {t[0]} on {t[1]} would call it, and saw no row",
    };

    private static CallReading Trigger(CatalogObject wanted, List<string?[]> triggers, Window window, List<string> evidence)
    {
        if (triggers.Count == 0)
        {
            return new CallReading(wanted, CallAnswer.NotThere, $"{wanted} is not in the database yet: it cannot have fired", evidence);
        }

        var t = triggers[0];
        if (t[4] == "D")
        {
            return new CallReading(wanted, CallAnswer.NotObserved, $"{wanted} is disabled on {t[1]}", evidence);
        }

        evidence.Insert(0, $"it calls function {t[3]}");
        return Fired(t) is > 0 and var rows
            ? new CallReading(wanted, CallAnswer.Called, $"{wanted} is enabled on {t[1]}, which saw {rows} rows change since {window.Since} (pg_stat_user_tables)", evidence)
            : new CallReading(wanted, window.CountsTables ? CallAnswer.NotObserved : CallAnswer.CannotTell, $"{wanted} is enabled on {t[1]}, which saw none of its events since {window.Since}", evidence);
    }

    private static CallReading Table(CatalogObject wanted, List<string?[]> tables, long statements, Window window, List<string> evidence)
    {
        if (tables.Count == 0)
        {
            return new CallReading(wanted, CallAnswer.NotThere, $"{wanted} is not in the database yet: nobody can use it there", evidence);
        }

        var (reads, writes) = (tables.Sum(static t => Number(t[3])), tables.Sum(static t => Number(t[4])));
        if (reads + writes > 0)
        {
            evidence.Add("blind spot: what migrations themselves read and wrote counts too");
            return new CallReading(wanted, CallAnswer.Called, $"{wanted} was scanned {reads} times, and {writes} of its rows were written, since {window.Since} (pg_stat_user_tables)", evidence);
        }

        if (statements > 0)
        {
            return new CallReading(wanted, CallAnswer.Called, $"{wanted} was named by {statements} statements since {window.StatementsSince} (pg_stat_statements)", evidence);
        }

        var view = tables.TrueForAll(static t => t[2] is "v");
        if (view)
        {
            evidence.Add("blind spot: the use of views is not counted");
        }

        Blind(window, evidence);
        return new CallReading(wanted, view && window.Statements is null || !window.CountsTables ? CallAnswer.CannotTell : CallAnswer.NotObserved, $"{wanted} was not seen used since {window.Since}", evidence);
    }

    private static void Blind(Window window, List<string> evidence) => evidence.Add(window.Statements is null
        ? "blind spot: pg_stat_statements is not there, statements are not counted by their text"
        : "blind spot: statements in functions, and those that pg_stat_statements forgot, are not seen");

    private static long Fired(string?[] t) => (t[5] == "true" ? Number(t[8]) : 0) + (t[6] == "true" ? Number(t[9]) : 0) + (t[7] == "true" ? Number(t[10]) : 0);

    private static long Number(string? text) => long.Parse(text ?? "0", CultureInfo.InvariantCulture);

    private static async Task<Window> WindowAsync(PostgresSession session, CancellationToken cancel)
    {
        var row = (await session.ReadAsync(
            """
            select coalesce('the last reset (' || to_char(s.stats_reset at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') || ')', 'the statistics began (never reset; the server started ' || to_char(pg_postmaster_start_time() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') || ')'),
                current_setting('track_functions'), current_setting('track_counts'),
                (select quote_ident(n.nspname) from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_stat_statements')
            from pg_stat_database s where s.datname = current_database()
            """, cancel))[0];
        string? since = null;
        var statements = row[3];
        if (statements is not null)
        {
            try
            {
                // An error ends the transaction: asked in one of its own.
                await session.RunAsync("savepoint asked", cancel);
                since = await session.ValueAsync($"select to_char(stats_reset at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') from {statements}.pg_stat_statements_info", cancel);
            }
            catch (PostgresException)
            {
                // Not preloaded, or too old to say since when.
                await session.RunAsync("rollback to savepoint asked", cancel);
                statements = null;
            }
        }

        return new Window(row[0]!, row[1] != "none", row[2] == "on", statements, since);
    }

    private static async Task<Dictionary<string, long>> StatementsAsync(PostgresSession session, Window window, string names, CancellationToken cancel)
    {
        if (window.Statements is null)
        {
            return [];
        }

        try
        {
            return (await session.ReadAsync(
                $"""
                select w.name, sum(s.calls)::text from unnest({Names}) w(name) join {window.Statements}.pg_stat_statements s on s.query ~* ('\m' || regexp_replace(w.name, '([^[:alnum:]_])', '\\\1', 'g') || '\M')
                where s.dbid = (select oid from pg_database where datname = current_database()) and s.query !~* '^\s*(create|alter|drop|comment|grant|revoke|copy|do|explain)\M' and s.query !~* '\m(pg_catalog|pg_proc|pg_class|pg_stat_\w+)\M' group by w.name
                """, cancel, names)).ToDictionary(static r => r[0]!, static r => Number(r[1]), StringComparer.Ordinal);
        }
        catch (PostgresException)
        {
            return [];
        }
    }
}
