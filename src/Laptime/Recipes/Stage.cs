using System.Globalization;
using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Recipes;

/// <summary>The one deployment that all tiers share, with what is known of it.</summary>
internal sealed class Stage(RecipeDriver driver, Placement placement, RunLedger ledger, PlacedVersion installed, PlacedVersion head, ProcessRunner runner, string folder, bool runsScripts)
{
    private static readonly TimeSpan ScriptBound = TimeSpan.FromMinutes(10);

    public RecipeDriver Driver => driver;

    public Placement Placement => placement;

    public Recipe Recipe => placement.Recipe;

    public RunLedger Ledger => ledger;

    public PlacedVersion Base { get; } = installed;

    public PlacedVersion Head => head;

    /// <summary>What runs by now.</summary>
    public PlacedVersion Present { get; set; } = installed;

    public VersionFacts BaseFacts { get; } = driver.Read(installed);

    public VersionFacts HeadFacts { get; } = driver.Read(head);

    public VersionFacts Facts => Present == head ? HeadFacts : BaseFacts;

    /// <summary>The upgrade changed nothing: that the target recorded no update is what it failed by, and no matter of the budget.</summary>
    public bool WasVacuous { get; set; }

    /// <summary>After the install stood.</summary>
    public Picture? Installed { get; set; }

    /// <summary>Name and value of every item that was written.</summary>
    public Dictionary<string, string> Seeds { get; } = new(StringComparer.Ordinal);

    /// <summary>Who wrote them; empty: nothing was.</summary>
    public List<Seeder> Seeders { get; } = [];

    public string Backup => Path.Combine(folder, "backup");

    public string FileOf(string volume) => Path.Combine(Backup, volume + ".tar");

    /// <summary>The checks of a tier that the recipe brings: exit 0 is a pass, 77 a skip when it is declared. Whoever changes the deployment in them is caught.</summary>
    public async Task AssertAsync(TierRun tier, CancellationToken cancel)
    {
        using var segment = tier.Begin("assert");
        (Picture Picture, TargetCount Count)? seen = null;
        foreach (var check in Recipe.Checks.Where(c => c.Tier == tier.Tier))
        {
            if (!runsScripts)
            {
                tier.Unverify($"{check.Name} was not run: the recipe comes from an address", "read its scripts, then: --trust-scripts");
                continue;
            }

            var (before, counted) = seen ?? (await driver.ObserveAsync(cancel), await driver.CountAsync(cancel));
            var (result, _) = await ScriptAsync(check.File, [], tier.Tier, before, cancel);
            var (after, then) = (await driver.ObserveAsync(cancel), await driver.CountAsync(cancel));
            seen = (after, then);
            if (Difference(before, after) is { } changed || !Same(counted, then))
            {
                tier.Check(false, "", $"{check.Name} changed the deployment: {Difference(before, after) ?? "the target recorded a deploy"}", "checks only assert; operations belong to lap test");
            }
            else if (result.ExitCode == 77 && Recipe.Settings.MaySkip.TryGetValue(check.Name, out var why))
            {
                tier.Skip(check.Name, why);
            }
            else if (result.ExitCode == 77)
            {
                tier.Unverify($"{check.Name} skipped itself (77), which is not declared", "declare it in recipe.yaml: `may-skip: { \"" + check.Name + "\": why }`");
            }
            else
            {
                tier.Check(result.Succeeded, $"{check.Name} passed in {Duration.Text(result.Elapsed)}", $"{check.Name}: {result.Ending}", "run it by hand against the deployment: lap test --keep", result.Tail);
            }
        }

        segment.End();
    }

    /// <summary>Runs a program of the recipe's beside the deployment.</summary>
    /// <param name="picture">The deployment as it is now.</param>
    public async Task<(ProcessResult Result, IReadOnlyList<string> Output)> ScriptAsync(string file, IReadOnlyList<string> arguments, Tier? tier, Picture picture, CancellationToken cancel)
    {
        var variables = new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["RECIPE_NAME"] = Recipe.Name, ["RECIPE_TIER"] = tier?.ToString().ToLowerInvariant(), ["RECIPE_VERSION"] = Present.Version.Text, ["RECIPE_BASE"] = Base.Version.Text,
            ["RECIPE_HEAD"] = Head.Version.Text, ["RECIPE_DEPLOYMENT"] = placement.Id, ["RECIPE_FOLDER"] = Present.Folder, ["RECIPE_URL"] = picture.Url,
        };
        foreach (var (name, value) in await driver.ScriptEnvironmentAsync(cancel))
        {
            variables[name] = value;
        }

        // Where the recipe's folder has it, head's own checkout does too: nothing of the recipe's own folder is run, or written to.
        var within = Path.GetRelativePath(Recipe.Root, file);
        var own = within.StartsWith("..", StringComparison.Ordinal) ? file : Path.Combine(Head.Folder, within);
        var output = new List<string>();
        var result = await runner.RunAsync(
            new Command { Program = File.Exists(own) ? own : file, Arguments = arguments, Directory = Head.Folder, Environment = variables, Deadline = ScriptBound, FailsAs = Outcome.TierFailed },
            line =>
            {
                if (!line.IsError)
                {
                    output.Add(line.Text);
                }
            }, cancel);
        return (result, output);
    }

    /// <summary>The first thing that is not as it was; null: everything is.</summary>
    public static string? Difference(Picture before, Picture after)
    {
        foreach (var was in before.Services)
        {
            if (after.Find(was.Name) is not { } now)
            {
                return $"{was.Name} is gone";
            }

            if (now.Spec != was.Spec || now.Content != was.Content)
            {
                return $"{was.Name} was deployed again";
            }

            if (!now.Instances.SequenceEqual(was.Instances))
            {
                return $"{was.Name} runs in other instances: {string.Join(", ", was.Instances)} before, {string.Join(", ", now.Instances)} now";
            }
        }

        return after.Services.Select(s => s.Name).Except(before.Services.Select(s => s.Name)).FirstOrDefault() is { } more ? $"{more} came"
            : before.Volumes.Except(after.Volumes).FirstOrDefault() is { } lost ? $"the volume {lost.Name} was replaced or removed"
            : after.Volumes.Except(before.Volumes).FirstOrDefault() is { } made ? $"the volume {made.Name} came"
            : null;
    }

    private static bool Same(TargetCount a, TargetCount b) => (a.Installs, a.Updates, a.Removes) == (b.Installs, b.Updates, b.Removes);

    /// <summary>A value that nothing else has.</summary>
    public string Value(string name) => string.Create(CultureInfo.InvariantCulture, $"seed-{placement.Id}-{name}-{RunFolders.Token(6)}");
}
