namespace Laptime.Ledgers.Governance;

/// <summary>Everything that the governance axis is judged from. Gathered before, by reading only; judging it is a pure function.</summary>
public sealed record LedgerState
{
    public required LedgerTool Tool { get; init; }

    /// <summary>The ledger's folder, relative to the workspace.</summary>
    public required string Folder { get; init; }

    /// <summary>As they are on disk.</summary>
    public required MigrationSet Here { get; init; }

    /// <summary>Null: there is no other branch to merge with, or git could not tell.</summary>
    public MergeView? Merge { get; init; }

    /// <summary>Null: no database was asked, or it has no ledger of this tool.</summary>
    public AppliedLedger? Applied { get; init; }

    /// <summary>Null: nothing was looked up.</summary>
    public CatalogFacts? Facts { get; init; }

    public OwnerRules Owners { get; init; } = OwnerRules.None;

    /// <summary>Who brought a file, by the path that findings show.</summary>
    public IReadOnlyDictionary<string, FileOrigin> Origins { get; init; } = new Dictionary<string, FileOrigin>();

    /// <summary>Here and what the merge brings.</summary>
    public IReadOnlyList<Migration> Known => Merge?.Set.Migrations ?? Here.Migrations;

    /// <summary>Null: nobody is named.</summary>
    /// <param name="file">Relative to the ledger's folder.</param>
    public string? OwnerOf(string file) => Owners.Of(Owners.BelowTop is { } top ? (top.Length == 0 ? "" : top + "/") + Shown(file, null) : file);

    /// <summary>A file as findings show it.</summary>
    public string Shown(Migration migration) => Shown(migration.File, Merge is { } merge && merge.FromMain.Contains(migration.File) ? merge.Main : null);

    /// <param name="branch">Null: it is here.</param>
    public string Shown(string file, string? branch) => (branch is null ? "" : branch + ":") + (Folder.Length == 0 ? file : Folder.EndsWith("/" + file, StringComparison.Ordinal) || Folder == file ? Folder : $"{Folder}/{file}");
}

/// <summary>What the ledger's folder will hold once this branch and the main branch are merged; nobody has merged them yet.</summary>
/// <param name="Main">As people name the branch: <c>origin/main</c>.</param>
/// <param name="Commit">What it stands at.</param>
/// <param name="FromMain">Files of the merge that are not here, or not with this content; relative to the ledger's folder.</param>
/// <param name="OnMain">Files of the ledger's folder on the main branch.</param>
/// <param name="Conflicts">Files that git itself cannot merge.</param>
/// <param name="Exact">True: git made the tree (merge-tree). False: put together from what each side changed, since git is older than 2.38.</param>
public sealed record MergeView(
    string Main, string Commit, MigrationSet Set, IReadOnlySet<string> FromMain, IReadOnlySet<string> OnMain, IReadOnlyList<string> Conflicts, bool Exact)
{
    /// <summary>Migrations of the main branch whose files have another text here, as main has them.</summary>
    public IReadOnlyList<Migration> Theirs { get; init; } = [];
}

/// <summary>The commit that brought a file.</summary>
/// <param name="Branch">Where it was looked for.</param>
/// <param name="At">As git writes it, ISO 8601.</param>
public sealed record FileOrigin(string Commit, string Author, string At, string Branch)
{
    public override string ToString() => $"{Author}, {Commit[..Math.Min(8, Commit.Length)]} of {At[..Math.Min(10, At.Length)]}";
}
