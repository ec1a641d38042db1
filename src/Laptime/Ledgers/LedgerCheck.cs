using Laptime.Foundations;
using Laptime.Ledgers.Governance;
using Laptime.Processes;
using Laptime.Workspaces;

namespace Laptime.Ledgers;

/// <summary>What was read of one ledger, and the governance axis judged from it.</summary>
public sealed record LedgerReading
{
    public required LedgerSettings Settings { get; init; }

    public required LedgerState State { get; init; }

    public required GovernanceReport Governance { get; init; }

    /// <summary>The other axis; whoever looks at bodies puts it here. Nothing of the governance axis goes into it.</summary>
    public BehaviourReport Behaviour { get; init; } = BehaviourReport.NotLooked;

    /// <summary>Null: no database was asked.</summary>
    public DatabaseAddress? Database { get; init; }

    /// <summary>What the database was asked and what it is, or why it was not asked, in a clause.</summary>
    public required string DatabaseWords { get; init; }

    /// <summary>Which branch the files were checked against, or why none, in a clause.</summary>
    public required string MergeWords { get; init; }

    /// <summary>How the tool was recognised; null: laptime.yaml names it.</summary>
    public string? Evidence { get; init; }

    /// <summary>Files that no row of the ledger has, in the tool's order; null without a ledger.</summary>
    public IReadOnlyList<Migration>? Pending => State.Applied is not { } applied ? null
        : [.. State.Here.Migrations.Where(m => m.Kind is MigrationKind.Versioned or MigrationKind.Repeatable && !applied.Rows.Any(r => r.Id == m.Id && r.Kind == MigrationKind.Repeatable == (m.Kind == MigrationKind.Repeatable)))];
}

/// <summary>
/// Reads ledgers (files, the merge with the main branch, the database) and judges their governance. Changes nothing anywhere.
/// The safe loop's guardrail calls <see cref="CheckAsync"/> and refuses when a reading is not clean.
/// </summary>
/// <param name="open">Opens a database; it connects on its first question.</param>
/// <param name="environmentVariable">For <c>${env.NAME}</c> in <c>database</c>.</param>
public sealed class LedgerCheck(Workspace workspace, ProcessRunner runner, Func<DatabaseAddress, LedgerDatabase> open, Func<string, string?> environmentVariable)
{
    /// <summary>The ledgers of laptime.yaml, or the one that is named.</summary>
    /// <exception cref="LapException">There is none of that name, or none at all.</exception>
    public IReadOnlyList<LedgerSettings> Select(string? name)
    {
        if (workspace.Ledgers.Count == 0)
        {
            var found = Found().Take(3).ToList();
            throw new LapException(found.Count == 0 ? "no ledgers are configured" : $"no ledgers are configured, but there are migrations: {string.Join(", ", found.Select(static f => $"{f.Path} ({f.Tool.Title})"))}", workspace.File,
                "add to laptime.yaml: ledgers: { main: { path: " + (found.Count == 0 ? "db/migrations" : found[0].Path.Length == 0 ? "." : found[0].Path) + ", database: \"${env.DATABASE_URL}\" } }");
        }

        return name is null ? workspace.Ledgers : workspace.Ledgers.Where(l => l.Name == name).ToList() is { Count: > 0 } one ? one
            : throw new LapException($"there is no ledger {name}", workspace.File, NearestName.Suggest(name, [.. workspace.Ledgers.Select(static l => l.Name)]));
    }

    /// <param name="name">Null: all of them.</param>
    /// <param name="filesOnly">No database is asked.</param>
    /// <exception cref="LapException">No such ledger; a tool that cannot be told; an address that cannot be read.</exception>
    /// <exception cref="FaultException">The database does not answer.</exception>
    public async Task<IReadOnlyList<LedgerReading>> CheckAsync(string? name, bool filesOnly, CancellationToken cancel)
    {
        var readings = new List<LedgerReading>();
        foreach (var settings in Select(name))
        {
            readings.Add(await CheckAsync(settings, filesOnly, cancel).ConfigureAwait(false));
        }

        return readings;
    }

    private async Task<LedgerReading> CheckAsync(LedgerSettings settings, bool filesOnly, CancellationToken cancel)
    {
        var where = settings.At?.ToString() ?? workspace.File;
        var folder = MigrationFolder.Read(workspace.Root, settings.Path);
        var (address, databaseWords) = filesOnly ? (null, "not asked (--files-only)") : AddressOf(settings, where);
        IReadOnlyList<(LedgerTool Tool, string Evidence)> candidates = settings.Tool == "auto" ? LedgerTools.Candidates(folder) : [(LedgerTools.Named(settings.Tool), "")];
        if (candidates.Count != 1 && address is null)
        {
            LedgerTools.Only(candidates, settings.Name, settings.Path, where);
        }

        var database = address is null ? null : open(address);
        await using var _ = database as IAsyncDisposable;
        // Git and the database work at the same time; both are waited for.
        var branches = new BranchReader(runner, workspace.Root);
        var asked = database is null ? null : ReadTablesAsync(database, settings, candidates, cancel);
        var ground = branches.GroundAsync(settings.Main, where, cancel);
        await Task.WhenAll(asked ?? Task.CompletedTask, ground).ConfigureAwait(false);
        var tables = asked is null ? [] : await asked.ConfigureAwait(false);
        if (candidates.Count > 1)
        {
            candidates = LedgerTools.Narrowed(candidates, tables, folder);
        }

        var tool = LedgerTools.Only(candidates, settings.Name, settings.Path, where);
        var here = tool.Read(folder);
        if (settings.Tool != "auto" && here.Migrations.Count == 0 && folder.Files.Count > 0 && LedgerTools.Candidates(folder) is [var other, ..] && other.Tool != tool)
        {
            // Nothing would be compared with nothing, and be clean.
            throw new LapException($"ledger {settings.Name}: nothing in {(settings.Path.Length == 0 ? "." : settings.Path)} is a migration of {tool.Title}; it looks like {other.Tool.Title} ({other.Evidence})", where, $"`tool: {other.Tool.Name}`, or correct `path`");
        }

        here = here with
        {
            Unread =
            [
                .. here.Unread,
                .. folder.Files.Where(static f => f.TooLarge).Select(static f => new UnreadFile(
                    f.Path, $"it is larger than {MigrationFolder.LargestFile >> 20} MiB; the governance axis goes by its name alone: no checksum, no effect, and none of what came before it is looked up")),
            ],
        };
        var (merge, mergeWords, place) = await MergeAsync(branches, await ground.ConfigureAwait(false), folder, here, tool, cancel).ConfigureAwait(false);
        var state = new LedgerState { Tool = tool, Folder = settings.Path, Here = here, Merge = merge, Owners = Owners(settings, place) };
        if (database is not null)
        {
            var applied = tool.Interpret(tables, state.Known);
            state = state with { Applied = applied ?? new AppliedLedger(settings.Table ?? tool.Tables[0], []) };
            databaseWords = applied is null ? $"{address}: it has no {settings.Table ?? tool.Tables[0]}, so nothing is applied" : $"{address}, {applied.Table}";
            if (AppliedEffects.ToLookUp(tool, state.Known, state.Applied) is { Count: > 0 } objects)
            {
                state = state with { Facts = await database.LookUpAsync(objects, cancel).ConfigureAwait(false) };
            }
        }

        state = state with { Origins = await OriginsAsync(branches, place, state, cancel).ConfigureAwait(false) };
        return new LedgerReading
        {
            Settings = settings, State = state, Governance = LedgerJudge.Judge(state), Database = address, DatabaseWords = databaseWords, MergeWords = mergeWords,
            Evidence = settings.Tool == "auto" ? candidates[0].Evidence : null,
        };
    }

    private static async Task<IReadOnlyList<TableRows>> ReadTablesAsync(LedgerDatabase database, LedgerSettings settings, IReadOnlyList<(LedgerTool Tool, string Evidence)> candidates, CancellationToken cancel)
    {
        if (settings.Table is not { } named)
        {
            var names = (candidates.Count == 0 ? LedgerTools.All : candidates.Select(static c => c.Tool)).SelectMany(static t => t.Tables).Distinct().ToList();
            return await database.ReadTablesAsync(names, cancel).ConfigureAwait(false);
        }

        var (schema, table) = named.LastIndexOf('.') is > 0 and var dot ? (named[..dot], named[(dot + 1)..]) : (null, named);
        var found = await database.ReadTablesAsync([table], cancel).ConfigureAwait(false);
        // Under the name that the tool's reader knows.
        return [.. found.Where(t => schema is null || t.Schema.Equals(schema, StringComparison.OrdinalIgnoreCase)).SelectMany(t => candidates.Select(c => t with { Name = c.Tool.Tables[0] }))];
    }

    private (DatabaseAddress? Address, string Words) AddressOf(LedgerSettings settings, string where)
    {
        if (settings.Database is not { } template)
        {
            return (null, "none is configured: only the files were checked");
        }

        var unset = template.Names.Where(n => n.StartsWith("env.", StringComparison.Ordinal) && string.IsNullOrEmpty(environmentVariable(n[4..]))).Select(static n => n[4..]).ToList();
        if (unset.Count > 0)
        {
            return (null, $"{string.Join(", ", unset)} is not set: only the files were checked");
        }

        try
        {
            var text = template.Resolve(n => n switch { "workspace.name" => workspace.Name, _ when n.StartsWith("env.", StringComparison.Ordinal) => environmentVariable(n[4..]), _ => null });
            return (DatabaseAddress.Parse(text, workspace.Root, where), "");
        }
        catch (KeyNotFoundException e)
        {
            throw new LapException($"ledger {settings.Name}: {e.Message}", where, "`database` may use ${env.NAME} and ${workspace.name}");
        }
    }

    private static async Task<(MergeView? Merge, string Words, BranchGround? Ground)> MergeAsync(
        BranchReader branches, BranchGround? ground, MigrationFolder folder, MigrationSet here, LedgerTool tool, CancellationToken cancel)
    {
        if (ground is null)
        {
            return (null, "no other branch was looked at: there is no git repository with a commit", null);
        }

        if (ground.Main is null)
        {
            return (null, "no other branch was looked at: there is no main or master (`main` in laptime.yaml names another)", ground);
        }

        return await branches.MergeAsync(ground, folder, here, tool, cancel).ConfigureAwait(false) is not { } merge
            ? (null, $"git cannot merge {ground.Main}: the two have no common history here (a shallow clone?)", ground)
            : (merge, merge.Commit == ground.Head ? $"this is {merge.Main}" : $"as merged with {merge.Main} ({merge.Commit[..8]}){(merge.Exact ? "" : ", file by file: git is older than 2.38")}", ground);
    }

    private OwnerRules Owners(LedgerSettings settings, BranchGround? ground)
    {
        if (settings.Owners.Count > 0)
        {
            return OwnerRules.Of(settings.Owners, "`owners` in laptime.yaml");
        }

        return OwnerRules.FindCodeOwners(ground?.Top ?? workspace.Root, ground?.Below ?? "");
    }

    /// <summary>Git is asked only about files that somebody has to decide about.</summary>
    private static async Task<IReadOnlyDictionary<string, FileOrigin>> OriginsAsync(BranchReader branches, BranchGround? ground, LedgerState state, CancellationToken cancel)
    {
        var origins = new Dictionary<string, FileOrigin>();
        if (ground is null)
        {
            return origins;
        }

        foreach (var migration in Collisions.Disputed(state.Known).DistinctBy(static m => m.File).Take(20))
        {
            var fromMain = state.Merge?.FromMain.Contains(migration.File) == true;
            if (await branches.OriginAsync(ground, fromMain ? ground.MainCommit! : "HEAD", state.Shown(migration.File, null), cancel).ConfigureAwait(false) is { } origin)
            {
                origins[state.Shown(migration)] = origin with { Branch = fromMain ? ground.Main! : "this branch" };
            }
        }

        var known = state.Known.Select(static m => m.Id).ToHashSet();
        var missing = state.Applied?.Rows.Where(r => !r.Implied && !known.Contains(r.Id)).ToList() ?? [];
        if (missing.Count > 0)
        {
            var all = await branches.EverywhereAsync(ground, state.Folder, cancel).ConfigureAwait(false);
            foreach (var row in missing)
            {
                if (all.FirstOrDefault(f => Path.GetFileName(f.File) is var name && (name.StartsWith(row.Version, StringComparison.Ordinal) || name.StartsWith("V" + row.Version + "__", StringComparison.Ordinal) || name == row.File)) is { Origin: { } found })
                {
                    origins[row.Id] = found;
                }
            }
        }

        return origins;
    }

    /// <summary>Folders below the workspace that look like migrations: for the message when none are configured.</summary>
    private IEnumerable<(string Path, LedgerTool Tool)> Found()
    {
        string[] usual = ["db/migrations", "migrations", "db/migrate", "Migrations", "src/main/resources/db/migration", "db/migration", "db/changelog", "src/main/resources/db/changelog", "alembic/versions", "migrations/versions", "sql/migrations", "database/migrations"];
        foreach (var path in usual.Concat(workspace.Components.SelectMany(c => usual.Select(u => c.Path.Length == 0 ? u : c.Path + "/" + u))).Distinct())
        {
            if (Directory.Exists(Path.Combine(workspace.Root, path)) && LedgerTools.Candidates(MigrationFolder.Read(workspace.Root, path)) is [var (tool, _), ..])
            {
                yield return (path, tool);
            }
        }
    }
}
