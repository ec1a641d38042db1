using System.Text.Json;
using System.Text.Json.Serialization;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Recipes.Reading;
using Laptime.Timing;

namespace Laptime.Recipes;

/// <summary>
/// The deployment of a recipe that outlives its runs, and that others use as a warm dependency. Brought to head after a green run, outside of that run's budget and with a ledger of its own; a
/// refresh that fails puts back the version that stood.
/// </summary>
internal sealed class Canonical(Recipe recipe, Func<Placement, RecipeDriver> drivers, TimeProvider clock)
{
    private string Folder => Path.Combine(recipe.Home, "canonical");

    private string RecordFile => Path.Combine(Folder, "canonical.json");

    private string LedgerFile => Path.Combine(Folder, RunFolders.LedgerFile);

    /// <summary>It, when it stands: the caller disposes the driver.</summary>
    public async Task<RecipeDriver?> FindAsync(CancellationToken cancel)
    {
        if (Read() is not { } record)
        {
            return null;
        }

        var driver = drivers(PlacementOf(record));
        if (record.Checkout is { } checkout && Directory.Exists(checkout))
        {
            driver.Adopt(new PlacedVersion(new RecipeVersion(record.Version, null, false), checkout, IsBase: false));
        }

        await driver.AttachAsync(cancel);
        var picture = await driver.ObserveAsync(cancel);
        if (picture.Services.Count > 0 && picture.Services.All(s => s.Stands))
        {
            return driver;
        }

        await driver.DisposeAsync();
        return null;
    }

    /// <summary>Brings it to head.</summary>
    /// <param name="green">The run that asks passed; else nothing is touched.</param>
    public async Task<CanonicalReport> RefreshAsync(RecipeSource source, Lane lane, bool green, CancellationToken cancel)
    {
        var began = clock.GetTimestamp();
        double Took() => clock.GetElapsedTime(began).TotalSeconds;
        var was = Read();
        if (!green)
        {
            return new CanonicalReport(was?.Version, "unchanged", 0, "only a green run refreshes it");
        }

        var record = new CanonicalRecord(was?.Id ?? RunFolders.Place(Folder, recipe, lane, new Dictionary<string, string>()).Id, recipe.Head.Text, lane, was?.Namespaces ?? []);
        var driver = drivers(PlacementOf(record));
        await using (driver.ConfigureAwait(false))
        {
            await driver.AttachAsync(cancel);
            // The version that stands keeps its checkout: it may be needed to go back.
            var checkout = Path.Combine(Folder, "checkout-" + RunFolders.Token(3));
            Directory.CreateDirectory(checkout);
            await source.CheckOutAsync(recipe.Head, checkout, cancel);
            var ledger = new RunLedger(LedgerFile, clock);
            var timeline = new Timeline(clock, _ => { });
            var placed = new PlacedVersion(recipe.Head, checkout, IsBase: false);
            var (fault, touched) = await DeployAsync(driver, PlacementOf(record), placed, ledger, timeline, cancel);
            if (fault is null)
            {
                Drop(was?.Checkout);
                Write(record with { Checkout = checkout });
                return new CanonicalReport(record.Version, was is null ? "created" : "refreshed", Took(), null);
            }

            Drop(checkout);
            if (was is null)
            {
                await ledger.RemoveAsync(driver, PlacementOf(record), force: true, cancel);
                return new CanonicalReport(null, "failed", Took(), fault.What);
            }

            if (!touched)
            {
                return new CanonicalReport(was.Version, "failed", Took(), $"{fault.What}; {was.Version} was left as it is");
            }

            var back = was.Checkout is { } old && Directory.Exists(old)
                ? await ledger.DeployAsync(driver, PlacementOf(was), new PlacedVersion(new RecipeVersion(was.Version, null, false), old, IsBase: false), "canonical", timeline, null, cancel)
                : fault;
            return new CanonicalReport(was.Version, "failed", Took(), back is null ? $"{fault.What}; {was.Version} was put back" : $"{fault.What}; and {was.Version} could not be put back: {back.What}");
        }
    }

    /// <returns>What went wrong, and whether the target was touched before it did.</returns>
    private static async Task<(Fault? Fault, bool Touched)> DeployAsync(RecipeDriver driver, Placement placement, PlacedVersion version, RunLedger ledger, Timeline timeline, CancellationToken cancel)
    {
        try
        {
            await driver.PrepareAsync(version, timeline, null, cancel);
        }
        catch (FaultException e)
        {
            return (e.Fault, false);
        }

        return (await ledger.DeployAsync(driver, placement, version, "canonical", timeline, null, cancel), true);
    }

    /// <summary>A run took a namespace in it.</summary>
    public Task RememberAsync(string name, CancellationToken cancel) => ChangeAsync(r => r with { Namespaces = [.. r.Namespaces, new NamespaceRecord(name, ProcessOwner.Current())] }, cancel);

    public Task ForgetAsync(string name, CancellationToken cancel) => ChangeAsync(r => r with { Namespaces = [.. r.Namespaces.Where(n => n.Name != name)] }, cancel);

    /// <summary>Namespaces whose runs are dead.</summary>
    public IReadOnlyList<string> Orphans() => [.. Read()?.Namespaces.Where(n => n.Owner.IsAlive() == false).Select(n => n.Name) ?? []];

    private Placement PlacementOf(CanonicalRecord record) => new()
    {
        Id = record.Id, Folder = Directory.CreateDirectory(Path.Combine(Folder, "deployments", record.Id)).FullName, Recipe = recipe, Lane = record.Lane,
    };

    private static void Drop(string? folder)
    {
        if (folder is not null && Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private async Task ChangeAsync(Func<CanonicalRecord, CanonicalRecord> change, CancellationToken cancel)
    {
        Directory.CreateDirectory(Folder);
        // Runs of several recipes may borrow it at once.
        using var held = await FileLock.TakeAsync(Path.Combine(Folder, "lock"), TimeSpan.FromSeconds(10), clock, cancel);
        if (Read() is { } record)
        {
            Write(change(record));
        }
    }

    private CanonicalRecord? Read()
    {
        try
        {
            return File.Exists(RecordFile) ? JsonSerializer.Deserialize(File.ReadAllBytes(RecordFile), CanonicalJson.Default.CanonicalRecord) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private void Write(CanonicalRecord record)
    {
        Directory.CreateDirectory(Folder);
        AtomicFile.Write(RecordFile, JsonSerializer.SerializeToUtf8Bytes(record, CanonicalJson.Default.CanonicalRecord));
    }
}

internal sealed record CanonicalRecord(string Id, string Version, Lane Lane, IReadOnlyList<NamespaceRecord> Namespaces)
{
    /// <summary>Files of the version that stands.</summary>
    public string? Checkout { get; init; }
}

internal sealed record NamespaceRecord(string Name, ProcessOwner Owner);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(CanonicalRecord))]
internal sealed partial class CanonicalJson : JsonSerializerContext;
