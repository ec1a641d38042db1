using System.Text.RegularExpressions;
using Laptime.Ledgers.Effects;

namespace Laptime.Ledgers.Tools.EntityFramework;

/// <summary>What the Up method of a scaffolded migration does: its calls name everything (<c>name: "Users"</c>), and a name is kept as it is written.</summary>
internal static partial class CSharpChanges
{
    public static IReadOnlyList<CatalogChange> Of(string text)
    {
        var start = text.IndexOf("void Up(", StringComparison.Ordinal);
        var end = text.IndexOf("void Down(", StringComparison.Ordinal);
        var up = text[Math.Max(0, start)..(end > start ? end : text.Length)];
        var changes = new List<CatalogChange>();
        foreach (Match call in Call().Matches(up))
        {
            var open = call.Index + call.Length - 1;
            var arguments = up[open..TextReading.EndOfCall(up, open)];
            if (Change(call.Groups[1].Value, arguments) is { } change)
            {
                changes.Add(change);
            }
        }

        return changes;
    }

    private static CatalogChange? Change(string method, string arguments)
    {
        string? Named(string named) => Argument().Matches(arguments).FirstOrDefault(m => m.Groups[1].Value == named)?.Groups[2].Value;

        var (name, table, to) = (Named("name"), Named("table"), Named("newName"));
        // The schema of CreateTable stands before its columns; elsewhere there is one only.
        var schema = Named("schema");
        CatalogObject Whole(CatalogKind kind) => new(kind, schema, null, name!);
        CatalogObject Part(CatalogKind kind) => new(kind, schema, table, name!);
        return (method, name, table, to) switch
        {
            ("CreateTable", not null, _, _) => new CatalogChange.Creates(Whole(CatalogKind.Table)),
            ("DropTable", not null, _, _) => new CatalogChange.Drops(Whole(CatalogKind.Table)),
            ("RenameTable", not null, _, not null) => new CatalogChange.Renames(Whole(CatalogKind.Table), to),
            ("AddColumn", not null, not null, _) => new CatalogChange.Creates(Part(CatalogKind.Column)),
            ("DropColumn", not null, not null, _) => new CatalogChange.Drops(Part(CatalogKind.Column)),
            ("RenameColumn", not null, not null, not null) => new CatalogChange.Renames(Part(CatalogKind.Column), to),
            ("CreateIndex", not null, not null, _) => new CatalogChange.Creates(Part(CatalogKind.Index)),
            ("DropIndex", not null, _, _) => new CatalogChange.Drops(Part(CatalogKind.Index)),
            ("RenameIndex", not null, _, not null) => new CatalogChange.Renames(Part(CatalogKind.Index), to),
            ("CreateSequence", not null, _, _) => new CatalogChange.Creates(Whole(CatalogKind.Sequence)),
            ("DropSequence", not null, _, _) => new CatalogChange.Drops(Whole(CatalogKind.Sequence)),
            ("AlterColumn" or "AlterTable" or "AddPrimaryKey" or "AddForeignKey" or "AddUniqueConstraint" or "AddCheckConstraint" or "DropPrimaryKey" or "DropForeignKey" or "DropUniqueConstraint"
                or "DropCheckConstraint" or "InsertData" or "UpdateData" or "DeleteData" or "EnsureSchema" or "AlterDatabase" or "AlterSequence" or "RestartSequence", _, _, _) => null,
            _ => SqlChanges.UnclearText(arguments),
        };
    }

    [GeneratedRegex(@"migrationBuilder\s*\.\s*(\w+)\s*(?:<[^;()]*>)?\s*\(")]
    private static partial Regex Call();

    [GeneratedRegex(@"\b(\w+):\s*""([^""]+)""")]
    private static partial Regex Argument();
}
