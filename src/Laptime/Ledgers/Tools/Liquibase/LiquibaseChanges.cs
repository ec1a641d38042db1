using Laptime.Ledgers.Effects;

namespace Laptime.Ledgers.Tools.Liquibase;

/// <summary>What a change set of a changelog does to the catalog.</summary>
internal static class LiquibaseChanges
{
    public static IReadOnlyList<CatalogChange> Of(ChangeNode changeSet)
    {
        var changes = new List<CatalogChange>();
        // Whether a precondition held when it ran nobody can tell afterwards.
        if (changeSet.Children.Exists(static c => c.Name == "preConditions") || changeSet["dbms"] is not null || changeSet["context"] is not null || changeSet["contextFilter"] is not null)
        {
            return [SqlChanges.UnclearText(changeSet.Canonical)];
        }

        foreach (var change in changeSet.Children)
        {
            Add(change, changes);
        }

        return changes;
    }

    private static void Add(ChangeNode change, List<CatalogChange> changes)
    {
        var (schema, table) = (change["schemaName"], Fold(change["tableName"]));
        switch (change.Name)
        {
            case "createTable" when table is not null:
                changes.Add(new CatalogChange.Creates(new CatalogObject(CatalogKind.Table, schema, null, table)));
                break;
            case "dropTable" when table is not null:
                changes.Add(new CatalogChange.Drops(new CatalogObject(CatalogKind.Table, schema, null, table)));
                break;
            case "renameTable" when Fold(change["oldTableName"]) is { } old && Fold(change["newTableName"]) is { } to:
                changes.Add(new CatalogChange.Renames(new CatalogObject(CatalogKind.Table, schema, null, old), to));
                break;
            case "addColumn" when table is not null:
                changes.AddRange(change.Children.Where(static c => c.Name == "column").Select(c => Fold(c["name"])).OfType<string>()
                    .Select(c => new CatalogChange.Creates(new CatalogObject(CatalogKind.Column, schema, table, c))));
                break;
            case "dropColumn" when table is not null:
                changes.AddRange(change.Children.Where(static c => c.Name == "column").Select(c => Fold(c["name"])).Append(Fold(change["columnName"])).OfType<string>()
                    .Select(c => new CatalogChange.Drops(new CatalogObject(CatalogKind.Column, schema, table, c))));
                break;
            case "renameColumn" when table is not null && Fold(change["oldColumnName"]) is { } old && Fold(change["newColumnName"]) is { } to:
                changes.Add(new CatalogChange.Renames(new CatalogObject(CatalogKind.Column, schema, table, old), to));
                break;
            case "createIndex" when table is not null && Fold(change["indexName"]) is { } index:
                changes.Add(new CatalogChange.Creates(new CatalogObject(CatalogKind.Index, schema, table, index)));
                break;
            case "dropIndex" when Fold(change["indexName"]) is { } index:
                changes.Add(new CatalogChange.Drops(new CatalogObject(CatalogKind.Index, schema, table, index)));
                break;
            case "createView" when Fold(change["viewName"]) is { } view:
                changes.Add(new CatalogChange.Creates(new CatalogObject(CatalogKind.View, schema, null, view)));
                break;
            case "dropView" when Fold(change["viewName"]) is { } view:
                changes.Add(new CatalogChange.Drops(new CatalogObject(CatalogKind.View, schema, null, view)));
                break;
            case "createSequence" when Fold(change["sequenceName"]) is { } sequence:
                changes.Add(new CatalogChange.Creates(new CatalogObject(CatalogKind.Sequence, schema, null, sequence)));
                break;
            case "dropSequence" when Fold(change["sequenceName"]) is { } sequence:
                changes.Add(new CatalogChange.Drops(new CatalogObject(CatalogKind.Sequence, schema, null, sequence)));
                break;
            case "sql":
                changes.AddRange(SqlChanges.Of(change["sql"] ?? change.Text));
                break;
            case "comment" or "rollback" or "preConditions" or "tagDatabase" or "validCheckSum" or "insert" or "update" or "delete" or "loadData" or "loadUpdateData" or "addPrimaryKey" or "addUniqueConstraint"
                or "addForeignKeyConstraint" or "addNotNullConstraint" or "addDefaultValue" or "addAutoIncrement" or "modifyDataType" or "dropPrimaryKey" or "dropUniqueConstraint" or "dropForeignKeyConstraint"
                or "dropNotNullConstraint" or "dropDefaultValue" or "setTableRemarks" or "setColumnRemarks" or "property":
                break;
            default:
                changes.Add(SqlChanges.UnclearText(change.Canonical));
                break;
        }
    }

    /// <summary>Liquibase quotes a name that is not all in one case; the others the database folds.</summary>
    private static string? Fold(string? name) => name is null || name.Contains("${", StringComparison.Ordinal) ? null
        : name.Any(char.IsUpper) && !name.Any(char.IsLower) ? name.ToLowerInvariant() : name;
}
