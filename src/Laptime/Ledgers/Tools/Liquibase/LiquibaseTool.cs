using System.Text.RegularExpressions;

namespace Laptime.Ledgers.Tools.Liquibase;

/// <summary>
/// Change sets in formatted SQL, XML, YAML and JSON, found through include and includeAll from a master changelog, or all there are; <c>databasechangelog</c> (id, author, filename, dateexecuted,
/// orderexecuted, exectype, md5sum, description, comments, tag, liquibase, contexts, labels, deployment_id) and <c>databasechangeloglock</c> (id, locked, lockgranted, lockedby).
/// A change set is its id, author and path together.
/// </summary>
internal sealed partial class LiquibaseTool : LedgerTool
{
    public override string Name => "liquibase";

    public override string Title => "Liquibase";

    public override LedgerRules Rules { get; } = new() { Late = LateMigration.Graph, OnSameId = "stops; before release 4.23 it ran the first alone", KeepsOrder = true };

    public override string Checksums => "MD5 over Liquibase's own reading of a change, which differs by its release: not compared";

    public override IReadOnlyList<string> Tables { get; } = ["databasechangelog", "databasechangeloglock"];

    public override string? Recognise(MigrationFolder folder) => folder.Files.FirstOrDefault(f => IsFormattedSql(f) || IsChangelog(f)) is { } file ? $"{file.Path} is a Liquibase changelog" : null;

    public override MigrationSet Read(MigrationFolder folder)
    {
        var (migrations, unread) = (new List<Migration>(), new List<UnreadFile>());
        var changelogs = folder.Files.Where(f => IsFormattedSql(f) || IsChangelog(f)).ToDictionary(static f => f.Path);
        var parsed = new Dictionary<string, ChangeNode>();
        foreach (var file in changelogs.Values.Where(static f => !IsFormattedSql(f)))
        {
            try
            {
                parsed[file.Path] = file.Path.EndsWith(".xml", StringComparison.OrdinalIgnoreCase) ? ChangeNode.OfXml(file.Text) : ChangeNode.OfYaml(file.Text);
            }
            catch (FormatException e)
            {
                unread.Add(new UnreadFile(file.Path, e.Message));
            }
        }

        var included = parsed.SelectMany(p => p.Value.Children.SelectMany(c => Included(c, p.Key, changelogs.Keys))).ToHashSet();
        var seen = new HashSet<string>();
        foreach (var root in changelogs.Keys.Where(p => !included.Contains(p)))
        {
            Walk(root);
        }

        return new MigrationSet(migrations, unread);

        void Walk(string path)
        {
            if (!seen.Add(path))
            {
                return;
            }

            if (!parsed.TryGetValue(path, out var changelog))
            {
                if (IsFormattedSql(changelogs[path]))
                {
                    migrations.AddRange(FormattedSql(changelogs[path]));
                }

                return;
            }

            foreach (var child in changelog.Children)
            {
                if (child.Name == "changeSet")
                {
                    var (id, author) = (child["id"] ?? "", child["author"] ?? "");
                    migrations.Add(new Migration
                    {
                        Id = IdOf(id, author, child["logicalFilePath"] ?? changelog["logicalFilePath"] ?? path), Version = id, Name = author, File = path, Content = child.Digest, ReadChanges = () => LiquibaseChanges.Of(child),
                        Kind = child["runAlways"] == "true" || child["runOnChange"] == "true" ? MigrationKind.Repeatable : MigrationKind.Versioned,
                    });
                    continue;
                }

                foreach (var other in Included(child, path, changelogs.Keys))
                {
                    Walk(other);
                }
            }
        }
    }

    public override AppliedLedger? Interpret(IReadOnlyList<TableRows> tables, IReadOnlyList<Migration> migrations)
    {
        if (tables.FirstOrDefault(t => t.Name.Equals(Tables[0], StringComparison.OrdinalIgnoreCase) && t.Column("orderexecuted") >= 0) is not { } table)
        {
            return null;
        }

        var known = migrations.ToLookup(static m => (m.Version, m.Name));
        var rows = new List<AppliedMigration>();
        foreach (var row in table.Rows.OrderBy(r => long.TryParse(table.Value(r, "orderexecuted"), out var order) ? order : 0))
        {
            var (id, author, path) = (table.Value(row, "id") ?? "", table.Value(row, "author") ?? "", table.Value(row, "filename") ?? "");
            var type = table.Value(row, "exectype") ?? "";
            // The path in the table is the one Liquibase was called with; ours begins at the ledger's folder: they end alike.
            var same = known[(id, author)].FirstOrDefault(m => EndAlike(PathOf(m.Id), path));
            rows.Add(new AppliedMigration
            {
                Id = same?.Id ?? IdOf(id, author, path), Version = id, Name = author, File = path, Checksum = table.Value(row, "md5sum"),
                // MARK_RAN: recorded without having run, on purpose.
                Kind = type == "MARK_RAN" ? MigrationKind.Baseline : same?.Kind ?? MigrationKind.Versioned,
                State = type == "FAILED" ? AppliedState.Partial : AppliedState.Applied, Detail = type is "EXECUTED" or "" ? null : "exectype " + type,
                Rank = long.TryParse(table.Value(row, "orderexecuted"), out var rank) ? rank : null, AppliedAt = table.Value(row, "dateexecuted"),
            });
        }

        var locks = tables.FirstOrDefault(t => t.Name.Equals(Tables[1], StringComparison.OrdinalIgnoreCase) && t.Column("locked") >= 0);
        return new AppliedLedger(table.ToString(), rows)
        {
            Trouble = locks is null ? [] : [.. locks.Rows.Where(r => TableValue.IsTrue(locks.Value(r, "locked"))).Select(r => $"{locks} is locked since {locks.Value(r, "lockgranted")} by {locks.Value(r, "lockedby")}")],
        };
    }

    private static string IdOf(string id, string author, string path) => $"{id}::{author}::{PathWithout(path)}";

    private static string PathOf(string id) => id[(id.LastIndexOf("::", StringComparison.Ordinal) + 2)..];

    private static string PathWithout(string path) => (path.StartsWith("classpath:", StringComparison.Ordinal) ? path["classpath:".Length..] : path).Replace('\\', '/').TrimStart('/');

    private static bool EndAlike(string a, string b)
    {
        var (x, y) = ("/" + PathWithout(a), "/" + PathWithout(b));
        return x.EndsWith(y, StringComparison.Ordinal) || y.EndsWith(x, StringComparison.Ordinal);
    }

    private static bool IsFormattedSql(MigrationFile file) => file.Path.EndsWith(".sql", StringComparison.OrdinalIgnoreCase) && Header().IsMatch(file.Text);

    private static bool IsChangelog(MigrationFile file) => Path.GetExtension(file.Path).ToLowerInvariant() switch
    {
        ".xml" => file.Text.Contains("<databaseChangeLog", StringComparison.Ordinal),
        ".yaml" or ".yml" or ".json" => file.Text.Contains("databaseChangeLog", StringComparison.Ordinal),
        _ => false,
    };

    private static IEnumerable<string> Included(ChangeNode child, string from, IEnumerable<string> all)
    {
        var folder = from.Contains('/') ? from[..from.LastIndexOf('/')] : "";
        switch (child.Name)
        {
            case "include" when child["file"] is { } file:
                var wanted = child["relativeToChangelogFile"] == "true" ? Join(folder, file) : PathWithout(file);
                return all.Where(p => p == wanted || EndAlike(p, wanted)).Take(1);
            case "includeAll" when child["path"] is { } path:
                var below = (child["relativeToChangelogFile"] == "true" ? Join(folder, path) : PathWithout(path)).TrimEnd('/');
                return all.Where(p => p != from && (p.StartsWith(below + "/", StringComparison.Ordinal) || ("/" + p).Contains("/" + below[(below.LastIndexOf('/') + 1)..] + "/", StringComparison.Ordinal))).Order(StringComparer.Ordinal);
            default:
                return [];
        }
    }

    private static string Join(string folder, string path)
    {
        var parts = new List<string>();
        foreach (var part in (folder + "/" + path.Replace('\\', '/')).Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == ".." && parts.Count > 0)
            {
                parts.RemoveAt(parts.Count - 1);
            }
            else if (part != ".")
            {
                parts.Add(part);
            }
        }

        return string.Join('/', parts);
    }

    private static IEnumerable<Migration> FormattedSql(MigrationFile file)
    {
        var marks = ChangeSet().Matches(file.Text);
        for (var i = 0; i < marks.Count; i++)
        {
            var mark = marks[i];
            var body = file.Text[(mark.Index + mark.Length)..(i + 1 < marks.Count ? marks[i + 1].Index : file.Text.Length)];
            var attributes = mark.Groups[3].Value;
            var conditional = attributes.Contains("dbms:", StringComparison.Ordinal) || attributes.Contains("context", StringComparison.Ordinal) || body.Contains("--precondition", StringComparison.Ordinal);
            var (id, author) = (mark.Groups[2].Value.Trim('"'), mark.Groups[1].Value.Trim('"'));
            yield return new Migration
            {
                Id = IdOf(id, author, LogicalPath().Match(attributes) is { Success: true } logical ? logical.Groups[1].Value : file.Path), Version = id, Name = author, File = file.Path,
                Content = TextReading.ContentOf(body.Trim()), Up = body, InTransaction = !attributes.Contains("runInTransaction:false", StringComparison.Ordinal),
                Kind = attributes.Contains("runOnChange:true", StringComparison.Ordinal) || attributes.Contains("runAlways:true", StringComparison.Ordinal) ? MigrationKind.Repeatable : MigrationKind.Versioned,
                ReadChanges = conditional ? () => [Effects.SqlChanges.UnclearText(body)] : null,
            };
        }
    }

    [GeneratedRegex(@"^\s*--\s*liquibase formatted sql", RegexOptions.IgnoreCase)]
    private static partial Regex Header();

    [GeneratedRegex("""^[ \t]*--[ \t]*changeset[ \t]+("[^"]+"|[^\s:]+):("[^"]+"|[^\s]+)([^\r\n]*)\r?$""", RegexOptions.Multiline | RegexOptions.IgnoreCase)]
    private static partial Regex ChangeSet();

    [GeneratedRegex(@"logicalFilePath:(\S+)")]
    private static partial Regex LogicalPath();
}
