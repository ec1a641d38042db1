using System.Globalization;
using System.Text;

namespace Laptime.Databases.Scratch;

/// <summary>What a database looks like at one moment: everything that a second application may change.</summary>
/// <param name="Catalog">Definition by object: <c>table public.a</c>.</param>
/// <param name="Tables">Object id by table: another id is another table.</param>
/// <param name="Sequences">Last value by sequence.</param>
/// <param name="InvalidIndexes">Names without schema.</param>
internal sealed record PostgresState(
    IReadOnlyDictionary<string, string> Catalog, IReadOnlyDictionary<string, string> Tables, IReadOnlyDictionary<string, string> Sequences, IReadOnlySet<string> InvalidIndexes)
{
    /// <summary>Rows and hash of the rows by table; null: not read.</summary>
    public IReadOnlyDictionary<string, (string Rows, string Hash)>? Content { get; init; }

    public string? ContentUnread { get; init; }
}

/// <summary>Reads the meters. Runs as the scratch's own role: what a hostile body hung onto a type or a cast then has that role's rights and no more.</summary>
internal static class PostgresMeters
{
    private const string Ours = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema'";

    /// <summary>One row per object: kind, name, definition. No object ids in it: the same objects made in another order are the same.</summary>
    private const string CatalogQuery = $"""
        select 'schema', n.nspname::text, md5(concat_ws('|', n.nspacl::text)) from pg_namespace n where {Ours}
        union all select case c.relkind when 'v' then 'view' when 'm' then 'view' when 'S' then 'sequence' when 'c' then 'type' else 'table' end, n.nspname || '.' || c.relname,
            md5(concat_ws('|', c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity, c.relreplident, c.reloptions::text, c.relacl::text, c.relispartition, pg_get_expr(c.relpartbound, c.oid),
                case when c.relkind in ('v','m') then pg_get_viewdef(c.oid) end,
                (select string_agg(concat_ws(':', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, a.attstattarget, a.attstorage, a.attacl::text, a.attcollation::regcollation,
                    pg_get_expr(d.adbin, d.adrelid)), ',' order by a.attnum)
                 from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
                (select concat_ws(':', s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmax, s.seqmin, s.seqcache, s.seqcycle) from pg_sequence s where s.seqrelid = c.oid)))
        from pg_class c join pg_namespace n on n.oid = c.relnamespace where {Ours} and c.relkind in ('r','p','v','m','f','S','c')
        union all select 'index', n.nspname || '.' || c.relname, md5(concat_ws('|', pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisready, i.indisclustered, i.indisreplident, c.reloptions::text))
        from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace where {Ours}
        union all select 'constraint', n.nspname || '.' || coalesce(r.relname || '.', '') || k.conname, md5(concat_ws('|', pg_get_constraintdef(k.oid), k.convalidated))
        from pg_constraint k join pg_namespace n on n.oid = k.connamespace left join pg_class r on r.oid = k.conrelid where {Ours}
        union all select 'trigger', n.nspname || '.' || r.relname || '.' || t.tgname, md5(concat_ws('|', pg_get_triggerdef(t.oid), t.tgenabled))
        from pg_trigger t join pg_class r on r.oid = t.tgrelid join pg_namespace n on n.oid = r.relnamespace where {Ours} and not t.tgisinternal
        union all select 'function', n.nspname || '.' || p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',
            md5(concat_ws('|', p.prokind, p.prolang, p.prosrc, p.probin, pg_get_function_sqlbody(p.oid), pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), p.provolatile, p.prosecdef, p.proisstrict, p.proleakproof,
                p.proparallel, p.procost, p.prorows, p.proconfig::text, p.proacl::text))
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace where {Ours}
        union all select 'type', n.nspname || '.' || t.typname, md5(concat_ws('|', t.typtype, t.typnotnull, t.typdefault, format_type(t.typbasetype, t.typtypmod), t.typacl::text,
            (select string_agg(e.enumlabel, ',' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid)))
        from pg_type t join pg_namespace n on n.oid = t.typnamespace where {Ours} and t.typtype in ('e','d','r')
        union all select 'policy', n.nspname || '.' || r.relname || '.' || p.polname, md5(concat_ws('|', p.polcmd, p.polpermissive, p.polroles::text, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)))
        from pg_policy p join pg_class r on r.oid = p.polrelid join pg_namespace n on n.oid = r.relnamespace where {Ours}
        union all select 'rule', n.nspname || '.' || r.relname || '.' || w.rulename, md5(concat_ws('|', pg_get_ruledef(w.oid), w.ev_enabled))
        from pg_rewrite w join pg_class r on r.oid = w.ev_class join pg_namespace n on n.oid = r.relnamespace where {Ours} and w.rulename <> '_RETURN'
        union all select 'statistics', n.nspname || '.' || s.stxname, md5(pg_get_statisticsobjdef(s.oid)) from pg_statistic_ext s join pg_namespace n on n.oid = s.stxnamespace where {Ours}
        union all select 'extension', e.extname::text, e.extversion from pg_extension e
        union all select 'operator', n.nspname || '.' || o.oprname || '(' || o.oprleft::regtype || ',' || o.oprright::regtype || ')', md5(concat_ws('|', o.oprcode, o.oprcom, o.oprnegate)) from pg_operator o join pg_namespace n on n.oid = o.oprnamespace where {Ours}
        union all select 'cast', c.castsource::regtype || ' as ' || c.casttarget::regtype, md5(concat_ws('|', c.castcontext, c.castmethod)) from pg_cast c where c.oid >= 16384
        union all select 'event trigger', e.evtname::text, md5(concat_ws('|', e.evtevent, e.evtenabled, e.evttags::text)) from pg_event_trigger e
        union all select 'publication', p.pubname::text, md5(concat_ws('|', p.puballtables, p.pubinsert, p.pubupdate, p.pubdelete)) from pg_publication p
        union all select 'default privileges', coalesce(a.defaclnamespace::regnamespace::text, '') || a.defaclobjtype::text || a.defaclrole::regrole::text, md5(a.defaclacl::text) from pg_default_acl a
        union all select 'comment', pg_describe_object(d.classoid, d.objoid, d.objsubid), md5(d.description) from pg_description d where d.objoid >= 16384
        union all select 'setting', coalesce(s.setrole::regrole::text, '-'), md5(s.setconfig::text) from pg_db_role_setting s where s.setdatabase = (select oid from pg_database where datname = current_database())
        """;

    /// <summary>What the settings of a session may change of a reading is set first.</summary>
    public static async Task PrepareAsync(PostgresSession session, CancellationToken cancel)
    {
        foreach (var setting in (string[])["search_path = pg_catalog", "row_security = off", "extra_float_digits = 3", "datestyle = 'ISO, YMD'", "intervalstyle = postgres", "timezone = 'UTC'", "bytea_output = hex", "statement_timeout = 0", "lock_timeout = '5s'"])
        {
            await session.RunAsync("set " + setting, cancel);
        }
    }

    public static async Task<IReadOnlyDictionary<string, string>> CatalogAsync(PostgresSession session, CancellationToken cancel)
    {
        var objects = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var row in await session.ReadAsync(CatalogQuery, cancel))
        {
            // Two operators may share a name; together they are one entry.
            var key = $"{row[0]} {row[1]}";
            objects[key] = objects.TryGetValue(key, out var other) ? string.CompareOrdinal(other, row[2]) < 0 ? other + row[2] : row[2] + other : row[2] ?? "";
        }

        return objects;
    }

    public static async Task<PostgresState> ReadAsync(PostgresSession session, CancellationToken cancel)
    {
        await PrepareAsync(session, cancel);
        var catalog = await CatalogAsync(session, cancel);
        var tables = new Dictionary<string, string>(StringComparer.Ordinal);
        var content = new StringBuilder();
        foreach (var row in await session.ReadAsync($"select n.nspname::text, c.relname::text, c.oid::text from pg_class c join pg_namespace n on n.oid = c.relnamespace where {Ours} and c.relkind in ('r','m') and c.relpersistence <> 't' order by 1, 2", cancel))
        {
            var name = $"{row[0]}.{row[1]}";
            tables[name] = row[2]!;
            content.Append(content.Length == 0 ? "" : "\nunion all ")
                .Append(CultureInfo.InvariantCulture, $"select {PostgresSession.Literal(name)}, count(*)::text, coalesce(sum(hashtextextended(\"lap row\"::text, 0)), 0)::text from only {PostgresSession.Quoted(row[0]!)}.{PostgresSession.Quoted(row[1]!)} \"lap row\"");
        }

        var rows = new Dictionary<string, (string, string)>(StringComparer.Ordinal);
        string? unread = null;
        try
        {
            foreach (var row in content.Length == 0 ? [] : await session.ReadAsync(content.ToString(), cancel))
            {
                rows[row[0]!] = (row[1]!, row[2]!);
            }
        }
        catch (Npgsql.PostgresException e)
        {
            unread = $"{e.SqlState} {e.MessageText}";
        }

        var sequences = (await session.ReadAsync("select schemaname || '.' || sequencename, coalesce(last_value::text, 'not used') from pg_sequences", cancel)).ToDictionary(static r => r[0]!, static r => r[1]!, StringComparer.Ordinal);
        return new PostgresState(catalog, tables, sequences, await InvalidIndexesAsync(session, cancel)) { Content = unread is null ? rows : null, ContentUnread = unread };
    }

    public static async Task<IReadOnlySet<string>> InvalidIndexesAsync(PostgresSession session, CancellationToken cancel) =>
        (await session.ReadAsync("select c.relname::text from pg_index i join pg_class c on c.oid = i.indexrelid where not i.indisvalid", cancel)).Select(static r => r[0]!).ToHashSet(StringComparer.Ordinal);

    public static async Task<long> WalAsync(PostgresSession session, CancellationToken cancel) =>
        long.Parse((await session.ValueAsync("select (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::text", cancel))!, CultureInfo.InvariantCulture);
}
