using System.CommandLine;
using System.CommandLine.Completions;
using Laptime.Cli.Rendering;
using Laptime.Databases;
using Laptime.Foundations;
using Laptime.Ledgers;
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

    public static Command Group() => Verb.Group("ledger", "Migrations: who owns which number, what the database records, what the bodies do.", Check(), Show());

    private static Command Check() => Verb.Make(
        "check", "Check files, the merge with the main branch and the database against each other. Reads only; exit code 19 when somebody has to decide.", [Name, FilesOnly],
        async session =>
        {
            var readings = await ReadAsync(session);
            var conflict = readings.Any(r => !r.Governance.IsClean);
            Console.Out.Write(session.Json ? LedgerDocuments.Check(readings, conflict ? Outcome.LedgerConflict : Outcome.Ok) : LedgerView.Check(readings, session.Terminal));
            return conflict ? Outcome.LedgerConflict.ExitCode : 0;
        },
        "lap ledger check", "lap ledger check main --files-only", "lap ledger check -o json");

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
