using Laptime.Foundations;
using Laptime.Ledgers.Tools.Alembic;
using Laptime.Ledgers.Tools.Atlas;
using Laptime.Ledgers.Tools.Dbmate;
using Laptime.Ledgers.Tools.Django;
using Laptime.Ledgers.Tools.EntityFramework;
using Laptime.Ledgers.Tools.Flyway;
using Laptime.Ledgers.Tools.GolangMigrate;
using Laptime.Ledgers.Tools.Liquibase;
using Laptime.Ledgers.Tools.Numbered;
using Laptime.Ledgers.Tools.Rails;

namespace Laptime.Ledgers;

/// <summary>Every tool that lap reads, and which of them a folder belongs to.</summary>
public static class LedgerTools
{
    private static readonly NumberedTool Numbered = new();

    public static IReadOnlyList<LedgerTool> All { get; } =
    [
        new FlywayTool(), new LiquibaseTool(), new EntityFrameworkTool(), new DbmateTool(), new GolangMigrateTool(), new RailsTool(), new DjangoTool(), new AlembicTool(), new AtlasTool(), Numbered,
    ];

    /// <exception cref="KeyNotFoundException">There is none of that name: laptime.yaml's keys allow no other.</exception>
    public static LedgerTool Named(string name) => All.FirstOrDefault(t => t.Name == name) ?? throw new KeyNotFoundException($"no migration tool is called {name}");

    /// <summary>Every tool whose files these are, with what shows it. Numbered SQL is one only where nothing says more.</summary>
    public static IReadOnlyList<(LedgerTool Tool, string Evidence)> Candidates(MigrationFolder folder)
    {
        var found = All.Where(static t => t != Numbered).Select(t => (Tool: t, Evidence: t.Recognise(folder))).Where(static c => c.Evidence is not null).Select(static c => (c.Tool, c.Evidence!)).ToList();
        return found.Count > 0 ? found : Numbered.Recognise(folder) is { } evidence ? [(Numbered, evidence)] : [];
    }

    /// <summary>The one whose tables are there; all of them where that decides nothing.</summary>
    public static IReadOnlyList<(LedgerTool Tool, string Evidence)> Narrowed(IReadOnlyList<(LedgerTool Tool, string Evidence)> candidates, IReadOnlyList<TableRows> tables, MigrationFolder folder)
    {
        var fitting = candidates.Where(c => c.Tool.Interpret(tables, c.Tool.Read(folder).Migrations) is not null).ToList();
        return fitting.Count > 0 ? fitting : candidates;
    }

    /// <exception cref="LapException">None, or several.</exception>
    public static LedgerTool Only(IReadOnlyList<(LedgerTool Tool, string Evidence)> candidates, string ledger, string path, string? where) => candidates switch
    {
        [var (tool, _)] => tool,
        [] => throw new LapException($"ledger {ledger}: nothing in {(path.Length == 0 ? "." : path)} looks like a migration", where, $"correct `path`, or name the tool: `tool: {string.Join("` or `", All.Select(static t => t.Name))}`"),
        _ => throw new LapException($"ledger {ledger}: {path} may be of several tools: {string.Join("; ", candidates.Select(static c => $"{c.Tool.Title} ({c.Evidence})"))}", where,
            $"name the one that it is: {string.Join(" or ", candidates.Select(static c => $"`tool: {c.Tool.Name}`"))}"),
    };
}
