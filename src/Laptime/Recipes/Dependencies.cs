using System.Text.RegularExpressions;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Recipes.Reading;
using Laptime.Timing;

namespace Laptime.Recipes;

/// <summary>
/// What a recipe needs beside it: each brought up once, before the base, which is given its address and accounts; taken down last. A warm one is only borrowed: a namespace of the run's own
/// in the canonical deployment, and no deploy.
/// </summary>
internal sealed partial class Dependencies(
    Recipe recipe, Func<string, CancellationToken, Task<RecipeSource>> open, Func<Placement, RecipeDriver> drivers, ProcessRunner runner, TimeProvider clock, Lane lane, Action<string> say)
{
    private static readonly TimeSpan NamespaceBound = TimeSpan.FromMinutes(2);

    private readonly List<(RecipeDependency Asked, RecipeSource Source)> sources = [];
    private readonly List<(Placement Placement, RecipeDriver Driver)> up = [];
    private readonly List<(RecipeDependency Asked, RecipeSource Source, string Name, RecipeDriver Driver)> namespaces = [];
    private readonly Dictionary<string, string> exports = new(StringComparer.Ordinal);
    private readonly List<string> deployed = [];
    private readonly List<string> warm = [];
    private readonly List<string> left = [];

    /// <summary>Names of those that were deployed for this run.</summary>
    public IReadOnlyList<string> Deployed => deployed;

    /// <summary>Names of those that stood already.</summary>
    public IReadOnlyList<string> Warm => warm;

    /// <summary>What they give to the recipe.</summary>
    public IReadOnlyDictionary<string, string> Exports => exports;

    public IReadOnlyDictionary<string, Recipe> Recipes => sources.ToDictionary(s => s.Source.Recipe.Name, s => s.Source.Recipe, StringComparer.Ordinal);

    /// <summary>Why one of them does not stand; null: they do.</summary>
    public Fault? Failure { get; private set; }

    /// <summary>clean, leaked, failed, kept, not-run.</summary>
    public string Teardown { get; private set; } = "not-run";

    public IReadOnlyList<string> Left => left;

    /// <summary>By the target's record, of all that were deployed here.</summary>
    public TargetCount Counted { get; private set; } = TargetCount.Nothing;

    /// <exception cref="LapException">One is no recipe, or is there twice.</exception>
    public async Task OpenAsync(CancellationToken cancel)
    {
        foreach (var asked in recipe.Settings.Deps)
        {
            var source = await open(asked.Recipe, cancel);
            if (source.Recipe.Settings.Deps.Count > 0)
            {
                throw new LapException($"{source.Recipe.Name} has dependencies of its own, and a run deploys only those that its recipe names", asked.At.ToString(), "name them here, before it");
            }

            if (sources.Any(s => s.Source.Recipe.Name == source.Recipe.Name))
            {
                throw new LapException($"{source.Recipe.Name} is a dependency twice", asked.At.ToString(), "name it once: a dependency is deployed once and serves all");
            }

            sources.Add((asked, source));
        }
    }

    /// <summary>Brings them up, in the order of recipe.yaml. The first that does not stand ends it.</summary>
    public async Task UpAsync(RunLedger ledger, string folder, Timeline timeline, CancellationToken cancel)
    {
        foreach (var (asked, source) in sources)
        {
            using var segment = timeline.Begin("dependency", source.Recipe.Name);
            var standing = asked.Mode == DependencyMode.Cold ? null : await new Canonical(source.Recipe, drivers, clock).FindAsync(cancel);
            if (standing is not null)
            {
                await BorrowAsync(asked, source, standing, cancel);
            }
            else if (asked.Mode == DependencyMode.Warm)
            {
                Failure = new Fault(
                    Outcome.TierFailed, $"the warm dependency {source.Recipe.Name} has no canonical deployment that stands", asked.At.ToString(),
                    $"make it: lap test {asked.Recipe} --refresh-canonical; or `mode: cold`, which deploys it for each run");
            }
            else
            {
                if (asked.Mode == DependencyMode.Auto)
                {
                    say($"{source.Recipe.Name}: no canonical deployment stands, so it is deployed for this run (one more deploy is expected)");
                }

                Failure = await DeployAsync(asked, source, ledger, folder, timeline, segment.Id, cancel);
            }

            segment.End(Failure is null ? "ok" : "failed");
            if (Failure is not null)
            {
                return;
            }
        }
    }

    /// <summary>Takes down what was deployed for this run, in the order opposite to that in which it came up, and gives back what was borrowed.</summary>
    public async Task DownAsync(RunLedger ledger, RecipeRunOptions options, Timeline timeline, CancellationToken cancel)
    {
        foreach (var (asked, source, name, driver) in namespaces)
        {
            await using (driver.ConfigureAwait(false))
            {
                await GiveBackAsync(asked, source, name, driver, cancel);
            }
        }

        foreach (var (placement, driver) in Enumerable.Reverse(up))
        {
            await using (driver.ConfigureAwait(false))
            {
                if (options.Keep)
                {
                    Teardown = "kept";
                }
                else
                {
                    using var segment = timeline.Begin("teardown", placement.Recipe.Name);
                    await RemoveAsync(ledger, placement, driver, options, cancel);
                    segment.End(Teardown == "clean" ? "ok" : "failed");
                }

                Counted = Counted.And(await driver.CountAsync(cancel));
            }
        }
    }

    /// <summary>A namespace that cannot be removed is remembered: the next run that borrows removes it, when this one is dead.</summary>
    private async Task GiveBackAsync(RecipeDependency asked, RecipeSource source, string name, RecipeDriver driver, CancellationToken cancel)
    {
        try
        {
            await NamespaceAsync(asked, source, "delete", name, driver, cancel);
            await new Canonical(source.Recipe, drivers, clock).ForgetAsync(name, cancel);
            Teardown = Teardown == "not-run" ? "clean" : Teardown;
        }
        catch (FaultException e)
        {
            Teardown = "failed";
            left.Add($"{source.Recipe.Name}: the namespace {name}");
            say($"{source.Recipe.Name}: {e.Fault.What}");
        }
    }

    private async Task RemoveAsync(RunLedger ledger, Placement placement, RecipeDriver driver, RecipeRunOptions options, CancellationToken cancel)
    {
        try
        {
            var rest = await ledger.RemoveAsync(driver, placement, options.Lane == Lane.Fast, cancel);
            left.AddRange(rest.Select(r => $"{placement.Recipe.Name}: {r}"));
            Teardown = Teardown is "not-run" or "clean" ? rest.Count == 0 ? "clean" : "leaked" : Teardown;
        }
        catch (FaultException e)
        {
            Teardown = "failed";
            say($"teardown of {placement.Recipe.Name}: {e.Fault.What}");
        }
    }

    private async Task<Fault?> DeployAsync(RecipeDependency asked, RecipeSource source, RunLedger ledger, string folder, Timeline timeline, int parent, CancellationToken cancel)
    {
        var version = source.Recipe.Published is [.., var newest] ? newest : source.Recipe.Head;
        var checkout = Directory.CreateDirectory(Path.Combine(folder, "checkouts", source.Recipe.Name)).FullName;
        await source.CheckOutAsync(version, checkout, cancel);
        var placement = RunFolders.Place(folder, source.Recipe, lane, new Dictionary<string, string>());
        var driver = drivers(placement);
        up.Add((placement, driver));
        deployed.Add(source.Recipe.Name);
        await driver.AttachAsync(cancel);
        var placed = new PlacedVersion(version, checkout, IsBase: false);
        await driver.PrepareAsync(placed, timeline, parent, cancel);
        if (await ledger.DeployAsync(driver, placement, placed, "dependency", timeline, parent, cancel) is { } fault)
        {
            return fault with { What = $"the dependency {source.Recipe.Name} does not come up: {fault.What}" };
        }

        Export(asked, await driver.OfferAsync(cancel), source.Recipe.Name);
        return null;
    }

    private async Task BorrowAsync(RecipeDependency asked, RecipeSource source, RecipeDriver driver, CancellationToken cancel)
    {
        // The driver is kept open: the namespace is removed through it.
        var canonical = new Canonical(source.Recipe, drivers, clock);
        if (asked.Namespace is not null)
        {
            foreach (var orphan in canonical.Orphans())
            {
                await NamespaceAsync(asked, source, "delete", orphan, driver, cancel);
                await canonical.ForgetAsync(orphan, cancel);
                say($"{source.Recipe.Name}: the namespace {orphan} of a dead run was removed");
            }
        }

        var name = "lt" + RunFolders.Token(4);
        await canonical.RememberAsync(name, cancel);
        namespaces.Add((asked, source, name, driver));
        warm.Add(source.Recipe.Name);
        await NamespaceAsync(asked, source, "create", name, driver, cancel);
        Export(asked, new Dictionary<string, string>(await driver.OfferAsync(cancel), StringComparer.Ordinal) { ["namespace"] = name }, source.Recipe.Name);
    }

    private async Task NamespaceAsync(RecipeDependency asked, RecipeSource source, string verb, string name, RecipeDriver driver, CancellationToken cancel)
    {
        if (asked.Namespace is not { } program)
        {
            return;
        }

        var variables = (await driver.OfferAsync(cancel)).Where(o => o.Key.StartsWith("env.", StringComparison.Ordinal)).ToDictionary(o => o.Key["env.".Length..], o => (string?)o.Value, StringComparer.Ordinal);
        variables["RECIPE_URL"] = (await driver.ObserveAsync(cancel)).Url;
        var result = await runner.RunAsync(
            new Command { Program = program, Arguments = [verb, name], Directory = Path.GetDirectoryName(program)!, Environment = variables, Deadline = NamespaceBound, FailsAs = Outcome.TierFailed }, null, cancel);
        if (!result.Succeeded)
        {
            throw new FaultException(new Fault(Outcome.TierFailed, $"`{Path.GetFileName(program)} {verb} {name}` for {source.Recipe.Name}: {result.Ending}", asked.At.ToString(), "run it by hand against the canonical deployment", result.Tail));
        }
    }

    /// <exception cref="LapException">A value asks for what the dependency does not have.</exception>
    private void Export(RecipeDependency asked, IReadOnlyDictionary<string, string> offered, string name)
    {
        foreach (var (variable, text) in asked.Export)
        {
            exports[variable] = Names().Replace(text, match => offered.TryGetValue(match.Groups[1].Value, out var value) ? value : throw new LapException(
                $"{name} offers no `{match.Groups[1].Value}`", asked.At.ToString(), NearestName.Suggest(match.Groups[1].Value, [.. offered.Keys])));
        }
    }

    [GeneratedRegex(@"\$\{([^}]+)\}")]
    private static partial Regex Names();
}
