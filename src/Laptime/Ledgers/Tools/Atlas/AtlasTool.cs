using System.Security.Cryptography;
using System.Text;

namespace Laptime.Ledgers.Tools.Atlas;

/// <summary>
/// <c>20240101120000_add_users.sql</c> with <c>atlas.sum</c>; <c>atlas_schema_revisions</c> (version, description, type, applied, total, executed_at, execution_time, error, error_stmt, hash,
/// partial_hashes, operator_version), in a schema of that name or in the database's own. The hash of a file runs over all files before it too (sql/migrate/dir.go, NewHashFile).
/// </summary>
internal sealed class AtlasTool : LedgerTool
{
    private const string SumFile = "atlas.sum";

    public override string Name => "atlas";

    public override string Title => "Atlas";

    public override LedgerRules Rules { get; } = new() { Late = LateMigration.Refuses, OnSameId = "refuses the second", KeepsOrder = true, ChecksumRunsOn = true };

    public override string Checksums => "SHA-256 over this file and all before it, compared";

    public override IReadOnlyList<string> Tables { get; } = ["atlas_schema_revisions"];

    public override string? Recognise(MigrationFolder folder) => folder.Files.Any(f => f.Path == SumFile) ? $"{SumFile} is there" : null;

    public override MigrationSet Read(MigrationFolder folder)
    {
        var (migrations, unread) = (new List<Migration>(), new List<UnreadFile>());
        using var running = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var sums = Sums(folder);
        var told = false;
        foreach (var file in folder.Top(".sql").OrderBy(f => f.Name, StringComparer.Ordinal))
        {
            running.AppendData(Encoding.UTF8.GetBytes(file.Name));
            string? hash = null;
            if (!file.Text.StartsWith("-- atlas:sum ignore", StringComparison.Ordinal))
            {
                running.AppendData(file.Bytes);
                hash = file.TooLarge ? null : Convert.ToBase64String(running.GetCurrentHash());
            }

            if (!told && sums is not null && hash is not null && sums.GetValueOrDefault(file.Name) != hash)
            {
                told = true;
                unread.Add(new UnreadFile(SumFile, $"it does not fit {file.Name} (`atlas migrate validate` says so too): the file was edited, or added without `atlas migrate hash`"));
            }

            var name = Path.GetFileNameWithoutExtension(file.Name);
            var cut = name.IndexOf('_');
            migrations.Add(new Migration
            {
                Id = cut < 0 ? name : name[..cut], Version = cut < 0 ? name : name[..cut], Name = cut < 0 ? "" : name[(cut + 1)..], File = file.Path, Content = file.Content, Checksum = hash,
                Up = file.TooLarge ? null : file.Text, IsStream = file.TooLarge, InTransaction = !file.Text.Contains("-- atlas:txmode none", StringComparison.Ordinal),
            });
        }

        return this.Sorted(migrations, unread);
    }

    public override AppliedLedger? Interpret(IReadOnlyList<TableRows> tables, IReadOnlyList<Migration> migrations)
    {
        if (tables.FirstOrDefault(t => t.Name.Equals(Tables[0], StringComparison.OrdinalIgnoreCase) && t.Column("hash") >= 0) is not { } table)
        {
            return null;
        }

        var rows = new List<AppliedMigration>();
        foreach (var row in table.Rows.OrderBy(r => table.Value(r, "executed_at"), StringComparer.Ordinal))
        {
            // A dot begins what Atlas itself keeps in the table.
            if (table.Value(row, "version") is not { } version || version.StartsWith('.'))
            {
                continue;
            }

            _ = long.TryParse(table.Value(row, "applied"), out var applied);
            _ = long.TryParse(table.Value(row, "total"), out var total);
            var error = table.Value(row, "error");
            var partial = applied < total || !string.IsNullOrEmpty(error);
            rows.Add(new AppliedMigration
            {
                Id = version, Version = version, Name = table.Value(row, "description"), Checksum = table.Value(row, "hash") is { Length: > 0 } hash ? hash.StartsWith("h1:", StringComparison.Ordinal) ? hash[3..] : hash : null,
                State = partial ? AppliedState.Partial : AppliedState.Applied, Detail = partial ? $"{applied} of {total} statements{(string.IsNullOrEmpty(error) ? "" : ": " + error)}" : null,
                Rank = rows.Count + 1, AppliedAt = table.Value(row, "executed_at"),
            });
        }

        return new AppliedLedger(table.ToString(), rows);
    }

    /// <summary>Name to hash, as atlas.sum has them; null: there is none.</summary>
    private static Dictionary<string, string>? Sums(MigrationFolder folder) => folder.Files.FirstOrDefault(f => f.Path == SumFile)?.Text.Split('\n').Skip(1)
        .Select(l => l.Trim().Split(" h1:")).Where(l => l.Length == 2).DistinctBy(l => l[0]).ToDictionary(l => l[0], l => l[1]);
}
