using System.Globalization;
using System.Text.Json;
using Laptime.Foundations;

namespace Laptime.Recipes;

/// <summary>Where the runs of one recipe lie: one at a time, each in a folder of its own, and what a killed one left is removed before the next begins.</summary>
internal sealed class RunFolders(Recipe recipe, Func<Placement, RecipeDriver> drivers, TimeProvider clock)
{
    public const string LedgerFile = "ledger.jsonl";
    public const string ResultsFile = "results.json";

    private const int RunsKept = 20;
    private const int LongestName = 16;

    private string Runs => Path.Combine(recipe.Home, "runs");

    public string FolderOf(string run) => Path.Combine(Runs, run);

    /// <exception cref="FaultException">Another run of this recipe is under way.</exception>
    public FileStream Lock()
    {
        Directory.CreateDirectory(Runs);
        return FileLock.TryTake(Path.Combine(recipe.Home, "lock")) ?? throw new FaultException(new Fault(
            Outcome.Locked, $"another run of {recipe.Name} is under way", recipe.Home, "wait for it to end, or end it: each recipe is tested by one run at a time"));
    }

    public string NewRun()
    {
        var id = $"run-{clock.GetUtcNow().UtcDateTime.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)}-{Token(3)}";
        Directory.CreateDirectory(FolderOf(id));
        return id;
    }

    /// <summary>A place for one deployment: its id is unique on the target and says whose it is.</summary>
    /// <param name="run">Its folder.</param>
    public static Placement Place(string run, Recipe of, Lane lane, IReadOnlyDictionary<string, string> exports)
    {
        var name = string.Concat(of.Name.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-')).Trim('-');
        var id = $"lt-{(name.Length > LongestName ? name[..LongestName].TrimEnd('-') : name)}-{Token(4)}";
        return new Placement { Id = id, Folder = Directory.CreateDirectory(Path.Combine(run, "deployments", id)).FullName, Recipe = of, Lane = lane, Exports = exports };
    }

    /// <summary>Removes what runs left that are over, one way or another: killed ones, and those that were to be kept. Call with the lock.</summary>
    /// <param name="others">Recipes of dependencies, by name.</param>
    public async Task SweepAsync(IReadOnlyDictionary<string, Recipe> others, Action<string> say, CancellationToken cancel)
    {
        foreach (var run in Directory.EnumerateDirectories(Runs).Order(StringComparer.Ordinal))
        {
            var ledger = Path.Combine(run, LedgerFile);
            foreach (var lines in RunLedger.Read(ledger).GroupBy(l => l.Deployment).Where(g => g.Last().Act != LedgerAct.Gone).Reverse().ToList())
            {
                var line = lines.Last(l => l.Act != LedgerAct.Remove);
                var placement = new Placement
                {
                    Id = line.Deployment, Folder = Directory.CreateDirectory(Path.Combine(run, "deployments", line.Deployment)).FullName, Recipe = others.GetValueOrDefault(line.Recipe) ?? recipe, Lane = Lane.Fast,
                };
                var driver = drivers(placement);
                await using (driver.ConfigureAwait(false))
                {
                    // A teardown that was cut short, or that could not remove all.
                    var found = lines.Last().Act == LedgerAct.Remove ? await driver.ListAsync(cancel) : null;
                    var rest = await new RunLedger(ledger, clock).RemoveAsync(driver, placement, force: true, cancel);
                    if (rest.Count > 0)
                    {
                        say($"{Path.GetFileName(run)} left {line.Deployment} ({line.Recipe} {line.Version}), and of it cannot be removed: {string.Join(", ", rest)}");
                    }
                    else if (found is not { Count: 0 })
                    {
                        say($"{Path.GetFileName(run)} left {line.Deployment} ({line.Recipe} {line.Version}) {(found is null ? "standing: it is" : $"in part: {string.Join(", ", found)} {(found.Count == 1 ? "is" : "are")}")} removed now");
                    }
                }
            }

            DeleteCheckouts(run);
        }

        foreach (var old in Directory.EnumerateDirectories(Runs).OrderDescending(StringComparer.Ordinal).Skip(RunsKept))
        {
            Directory.Delete(old, recursive: true);
        }
    }

    /// <summary>What only the run needed: checkouts, archives, what deployments left. Ledger, logs and results stay.</summary>
    public static void DeleteCheckouts(string run)
    {
        foreach (var name in (string[])["base", "head", "checkouts", "backup", "deployments"])
        {
            var folder = Path.Combine(run, name);
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    /// <summary>Every run that ended with results, the newest first.</summary>
    public IReadOnlyList<RecipeRunDocument> Results()
    {
        var results = new List<RecipeRunDocument>();
        foreach (var run in Directory.Exists(Runs) ? Directory.EnumerateDirectories(Runs).OrderDescending(StringComparer.Ordinal) : Enumerable.Empty<string>())
        {
            try
            {
                if (File.Exists(Path.Combine(run, ResultsFile)) && JsonSerializer.Deserialize(File.ReadAllBytes(Path.Combine(run, ResultsFile)), RecipeRunJson.Default.RecipeRunDocument) is { } document)
                {
                    results.Add(document);
                }
            }
            catch (JsonException)
            {
                // Of a later lap, or damaged: it is no evidence.
            }
        }

        return results;
    }

    public static void Save(string run, RecipeRunDocument document) =>
        AtomicFile.Write(Path.Combine(run, ResultsFile), JsonSerializer.SerializeToUtf8Bytes(document, RecipeRunJson.Readable.RecipeRunDocument));

    public static string Token(int bytes) => Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(bytes));
}
