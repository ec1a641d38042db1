using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Recipes.Reading;

/// <summary>Checks by presence: `tests/&lt;tier&gt;.*` and `tests/custom/*`, beside the recipe and beside a recipe.yaml that lies elsewhere.</summary>
internal static class CheckFinder
{
    public const string Folder = "tests";

    private static readonly Tier[] Tiers = [Tier.Install, Tier.Upgrade, Tier.Backup, Tier.Restore, Tier.Custom];

    /// <param name="root">Of the recipe: names are relative to it.</param>
    /// <param name="file">recipe.yaml; null: there is none.</param>
    /// <exception cref="LapException">A check cannot run: every one of them is told.</exception>
    public static IReadOnlyList<RecipeCheck> Find(string root, string? file)
    {
        var (checks, problems) = (new List<RecipeCheck>(), new List<Problem>());
        In(root);
        if (file is not null && Path.GetDirectoryName(file) is { } beside && beside != root)
        {
            In(beside);
        }

        return problems.Count == 0 ? [.. checks.OrderBy(static c => c.Tier)] : throw new LapException(problems);

        void In(string folder)
        {
            foreach (var tier in Tiers)
            {
                foreach (var check in Files(Path.Combine(folder, Folder)).Where(f => Path.GetFileNameWithoutExtension(f).Equals(Word(tier), StringComparison.OrdinalIgnoreCase)))
                {
                    Add(tier, check);
                }
            }

            foreach (var check in Files(Path.Combine(folder, Folder, Word(Tier.Custom))))
            {
                Add(Tier.Custom, check);
            }
        }

        void Add(Tier tier, string check)
        {
            var name = Path.GetRelativePath(root, check).Replace('\\', '/');
            if (WorkingFolder.IsProgram(check) || (OperatingSystem.IsWindows() && Path.HasExtension(check)))
            {
                checks.Add(new RecipeCheck(tier, name, check));
            }
            else if (IsScript(check))
            {
                // A check that silently does not run is one that was taken away.
                problems.Add(new Problem($"{name} begins with #! and may not be executed: the check would not run", check, $"chmod +x {name} (in git: git update-index --chmod=+x {name}), or move it out of `{Folder}`"));
            }
        }
    }

    public static string Word(Tier tier) => tier.ToString().ToLowerInvariant();

    private static IEnumerable<string> Files(string folder) =>
        Directory.Exists(folder) ? Directory.EnumerateFiles(folder).Where(static f => Path.GetFileName(f)[0] is not ('.' or '#') && !f.EndsWith('~')).Order(StringComparer.Ordinal) : [];

    private static bool IsScript(string file)
    {
        if (!Libc.IsRegular(file))
        {
            return false;
        }

        Span<byte> start = stackalloc byte[2];
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        return stream.Read(start) == 2 && start is [(byte)'#', (byte)'!'];
    }
}
