using System.Globalization;
using System.Text.Json.Nodes;
using Laptime.Tests.Engines;

namespace Laptime.EndToEnd.Docker;

/// <summary>A line of examples/recipes/bad/README.md: the page is what is tested.</summary>
/// <param name="Exit">Of <c>lap test</c>.</param>
/// <param name="By">The tier that catches it; or budget, teardown.</param>
/// <param name="Words">In what is said of it.</param>
internal sealed record BadRecipe(string Name, int Exit, string By, string Words)
{
    private const int Cells = 5;

    public static string Folder => Path.Combine(RecipeImages.Folder(), "bad");

    public static IReadOnlyList<BadRecipe> All { get; } =
    [
        .. File.ReadLines(Path.Combine(Folder, "README.md")).Where(static l => l.StartsWith("| `", StringComparison.Ordinal)).Select(static l => l.Trim('|').Split('|', StringSplitOptions.TrimEntries))
            .Select(static c => c.Length == Cells ? new BadRecipe(c[0].Trim('`'), int.Parse(c[2], CultureInfo.InvariantCulture), c[3], c[4]) : throw new InvalidOperationException($"not {Cells} cells: {string.Join('|', c)}")),
    ];

    /// <summary>Below examples/recipes.</summary>
    public string Example => Path.Combine("bad", Name);

    /// <summary>No more tiers than it takes to catch it.</summary>
    public string Stages => By switch { "upgrade" => "install,upgrade", "restore" => "backup,restore", "teardown" => "custom", "budget" => "install,upgrade,backup,restore", _ => By };

    public static BadRecipe Named(string name) => All.Single(b => b.Name == name);

    /// <summary>What is not as the page says; null: it was caught.</summary>
    public string? Missed(JsonObject run)
    {
        var tier = run["tiers"]!.AsArray().FirstOrDefault(t => (string?)t!["name"] == By);
        var (said, caught) = By switch
        {
            "budget" => ($"{run["budgetFindings"]!.ToJsonString()}", run["tiers"]!.AsArray().All(static t => (string?)t!["status"] is "pass" or "skip")),
            "teardown" => ($"{run["left"]!.ToJsonString()}", (string?)run["teardown"] == "leaked"),
            _ => ($"{tier?["reason"]}\n{tier?["evidence"]}\n{tier?["tail"]}", (string?)tier?["status"] == "fail"),
        };
        return caught && said.Contains(Words, StringComparison.Ordinal) && (By == "teardown" || (string?)run["teardown"] == "clean")
            ? null
            : $"{Name}: wanted {By} to say `{Words}`\n{run["tiers"]!.ToJsonString()}\n{run["budgetFindings"]!.ToJsonString()}\nteardown {run["teardown"]}: {run["left"]?.ToJsonString()}";
    }
}
