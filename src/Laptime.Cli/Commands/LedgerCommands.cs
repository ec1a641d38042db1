using System.CommandLine;
using System.CommandLine.Completions;
using Laptime.Cli.Rendering;
using Laptime.Databases;
using Laptime.Foundations;
using Laptime.Ledgers;
using Laptime.Ledgers.Behaviour;
using Laptime.Transactions;
using Laptime.Workspaces;

namespace Laptime.Cli.Commands;

/// <summary>`lap ledger`: migrations as files, as branches and as the database's own ledger have them.</summary>
internal static class LedgerCommands
{
    private static readonly Argument<string?> Name = new("NAME")
    {
        Description = "One ledger (default: all)", Arity = ArgumentArity.ZeroOrOne, CompletionSources = { static _ => Names() },
    };

    private static readonly Option<bool> FilesOnly = Flag.Switch("--files-only", "Ask no database: files and branches alone");

    private static readonly TimeSpan DefaultBound = TimeSpan.FromSeconds(30);

    private static readonly Option<string> Bodies = Flag.Choice("--bodies", "Whose bodies are looked at (applied ones are not tried)", "pending", ["pending", "all", "none"]);
    private static readonly Option<TimeSpan?> TryBound = Flag.Time("--try-timeout", "Bound on trying one body", DefaultBound);

    public static Command Group() => Verb.Group("ledger", "Migrations: who owns which number, what the database records, what the bodies do.", Check(), Show());

    private static Command Check() => Verb.Make(
        "check", "Check files, the merge with the main branch and the database against each other. Pending bodies are tried twice in scratch copies, never on the database itself. Exit code 19 when somebody has to decide, or where `behaviour: refuse` says so.", [Name, FilesOnly, Bodies, TryBound],
        async session =>
        {
            var which = session.Arguments.GetValue(Bodies)!;
            var readings = await WithBehaviourAsync(session, await ReadAsync(session), which, Flag.TimeOf(session.Arguments, TryBound, DefaultBound), session.Shutdown.Token);
            var conflict = readings.Any(static r => !r.Governance.IsClean || r.Behaviour.Refuses);
            Console.Out.Write(session.Json ? LedgerDocuments.Check(readings, conflict ? Outcome.LedgerConflict : Outcome.Ok) : LedgerView.Check(readings, session.Terminal));
            return conflict ? Outcome.LedgerConflict.ExitCode : 0;
        },
        "lap ledger check", "lap ledger check main --files-only", "lap ledger check --bodies none", "lap ledger check -o json");

    private static Command Show() => Verb.Make(
        "show", "Every migration with what the database records of it, whether its effect is there, and who owns it.", [Name, FilesOnly],
        async session =>
        {
            var readings = await ReadAsync(session);
            Console.Out.Write(session.Json ? LedgerDocuments.Show(readings) : LedgerView.Show(readings, session.Terminal));
            return 0;
        },
        "lap ledger show", "lap ledger show main -o json");

    private static Task<IReadOnlyList<LedgerReading>> ReadAsync(Session session) =>
        Of(session).CheckAsync(session.Arguments.GetValue(Name), session.Arguments.GetValue(FilesOnly), session.Shutdown.Token);

    /// <summary>The check of this workspace; a deploy's guardrail asks the same one.</summary>
    public static LedgerCheck Of(Session session) => new(session.Workspace, session.Runner, LedgerDatabases.Open, Environment.GetEnvironmentVariable);

    /// <summary>Where a ledger stands, for a deploy that applies migrations. Only here does a deploy load what asks databases.</summary>
    public static async Task<LedgerHead?> HeadAsync(Session session, string name, CancellationToken cancel)
    {
        var reading = (await Of(session).CheckAsync(name, filesOnly: false, cancel))[0];
        if (reading.State.Applied is not { } applied)
        {
            return null;
        }

        var rows = applied.Rows.Where(static r => r.State == AppliedState.Applied).ToList();
        return new LedgerHead(rows.Count, rows.Count > 0 ? rows[^1].Id : null, Fingerprints.Digest.Of(string.Join('\n', applied.Rows.Select(static r => $"{r.Id} {r.State} {r.Checksum} {r.AppliedAt}"))).ToString());
    }

    /// <summary>
    /// What the safe loop refuses of the ledgers, a line each: everything that the governance axis found where somebody has to decide, whatever the bodies do; and, where a ledger says
    /// <c>behaviour: refuse</c>, what its pending bodies were shown to do. Bodies of other ledgers are not looked at.
    /// </summary>
    public static async Task<IReadOnlyList<string>> RefusalsAsync(Session session, CancellationToken cancel)
    {
        var read = await Of(session).CheckAsync(null, filesOnly: false, cancel);
        var looked = await WithBehaviourAsync(session, [.. read.Where(static r => r.Settings.Behaviour == BehaviourPolicy.Refuse)], "pending", DefaultBound, cancel);
        return
        [
            .. read.Where(static r => !r.Governance.IsClean).SelectMany(static r => r.Governance.Findings.Where(static f => f.Weight == FindingWeight.Conflict).Select(f => $"{r.Settings.Name}: {f.Kind.Name} {f.Id}: {f.What}")),
            // A ledger that is declared and was not asked is not clean: nobody saw it.
            .. read.Where(static r => r.Settings.Database is not null && r.Database is null).Select(static r => $"{r.Settings.Name}: its database was not asked: {r.DatabaseWords}"),
            .. looked.SelectMany(static r => r.Behaviour.Findings.Where(static f => f.Weight == FindingWeight.Conflict).Select(f => $"{r.Settings.Name}: {f.Verdict} {f.Id}: {f.What} (`behaviour: refuse`)")),
        ];
    }

    /// <summary>The other axis: looks at bodies and at nothing that the governance axis found.</summary>
    private static async Task<IReadOnlyList<LedgerReading>> WithBehaviourAsync(Session session, IReadOnlyList<LedgerReading> readings, string which, TimeSpan bound, CancellationToken cancel)
    {
        if (which == "none")
        {
            return readings;
        }

        var looked = new List<LedgerReading>();
        foreach (var reading in readings)
        {
            looked.Add(reading.Database is null || reading.Pending is null ? reading
                : reading with { Behaviour = (await BehaviourAsync(session, reading, which == "all", bound, cancel)).Under(reading.Settings.Behaviour) });
        }

        return looked;
    }

    private static async Task<BehaviourReport> BehaviourAsync(Session session, LedgerReading reading, bool all, TimeSpan bound, CancellationToken cancel)
    {
        var kind = reading.Database!.Kind;
        var pending = reading.Pending!.Select(m => BehaviourCheck.BodyOf(m, session.Workspace.Root, reading.Settings.Path, kind)).OfType<MigrationBody>().ToList();
        var others = all ? reading.State.Here.Migrations.Where(m => !reading.Pending!.Contains(m)).Select(m => BehaviourCheck.BodyOf(m, session.Workspace.Root, reading.Settings.Path, kind)).OfType<MigrationBody>().ToList() : [];
        if (pending.Count + others.Count == 0)
        {
            return new BehaviourReport("unknown", reading.Pending!.Count == 0 ? "nothing is pending: no body was looked at" : "the pending migrations are not written in SQL: their bodies were not looked at", []);
        }

        var where = reading.Settings.At?.ToString() ?? session.Workspace.File;
        var scratch = reading.Settings.Scratch?.Resolve(n => n.StartsWith("env.", StringComparison.Ordinal) ? Environment.GetEnvironmentVariable(n[4..]) : n == "workspace.name" ? session.Workspace.Name : null);
        var same = scratch == LedgerSettings.SameServer;
        var server = string.IsNullOrEmpty(scratch) ? null : same ? reading.Database : DatabaseAddress.Parse(scratch, session.Workspace.Root, where);
        var settings = new BehaviourSettings(server, reading.Settings.TryOn, IsApart: !same) { Bound = bound };
        var mentions = new Mentions(session.Runner, session.Workspace.Root, [reading.Settings.Path]);
        var folder = session.Folder.Create(Path.Combine(session.Folder.Path, "scratch"));
        var check = new BehaviourCheck(session.Runner, session.Clock);
        return await check.CheckAsync(pending, others, reading.Database, settings, mentions.FindAsync, folder, cancel);
    }

    private static IEnumerable<CompletionItem> Names()
    {
        try
        {
            return WorkspaceFile.Find(Session.Here()) is { } file
                ? [.. WorkspaceFile.Load(file, Environment.GetEnvironmentVariable).Ledgers.Select(static l => new CompletionItem(l.Name))]
                : [];
        }
        catch (LapException)
        {
            return [];
        }
    }
}
