using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Laptime.Foundations;
using Laptime.Timing;

namespace Laptime.Recipes;

/// <summary>What one line of a run's ledger is about.</summary>
public enum LedgerAct
{
    Install,
    Update,
    Remove,

    /// <summary>The target has nothing of it any more, by listing. No call: until this stands in the ledger, the next run looks and removes.</summary>
    Gone,
}

/// <summary>One changing call, written down before it is made: a killed run tells by its ledger what it may have left.</summary>
/// <param name="At">When.</param>
/// <param name="Act">What.</param>
/// <param name="Deployment">Id of the placement.</param>
/// <param name="Recipe">Its recipe.</param>
/// <param name="Version">What was brought there; null for a removal, and after it.</param>
/// <param name="Purpose">base, upgrade, dependency, fresh, teardown, canonical.</param>
public sealed record LedgerLine(DateTimeOffset At, LedgerAct Act, string Deployment, string Recipe, string? Version, string Purpose);

/// <summary>
/// The one place from where a run deploys and removes, and the only one that counts (a test proves it). Lines are on the disk before the target is touched.
/// </summary>
public sealed class RunLedger(string file, TimeProvider clock)
{
    private readonly List<LedgerLine> lines = [];
    private readonly List<LedgerLine> failed = [];

    public IReadOnlyList<LedgerLine> Lines => lines;

    /// <summary>Deploys of <see cref="Lines"/> that did not come to stand: how much of such a one the target recorded, nobody can say beforehand.</summary>
    public IReadOnlyList<LedgerLine> Failed => failed;

    /// <summary>Deploys a version: counted, then done. An update when the deployment stands already by this ledger.</summary>
    public async Task<Fault?> DeployAsync(RecipeDriver driver, Placement placement, PlacedVersion version, string purpose, Timeline timeline, int? parent, CancellationToken cancel)
    {
        var stands = lines.LastOrDefault(l => l.Deployment == placement.Id) is { Act: not (LedgerAct.Remove or LedgerAct.Gone) };
        Write(new LedgerLine(clock.GetUtcNow(), stands ? LedgerAct.Update : LedgerAct.Install, placement.Id, placement.Recipe.Name, version.Version.Text, purpose));
        var stood = false;
        try
        {
            var fault = await driver.ApplyAsync(version, timeline, parent, cancel);
            stood = fault is null;
            return fault;
        }
        finally
        {
            if (!stood)
            {
                failed.Add(lines[^1]);
            }
        }
    }

    /// <summary>Removes a deployment: counted, then done, then looked for.</summary>
    /// <returns>What the target still has of it.</returns>
    public async Task<IReadOnlyList<string>> RemoveAsync(RecipeDriver driver, Placement placement, bool force, CancellationToken cancel)
    {
        Write(new LedgerLine(clock.GetUtcNow(), LedgerAct.Remove, placement.Id, placement.Recipe.Name, null, "teardown"));
        await driver.RemoveAsync(force, cancel);
        var left = await driver.ListAsync(cancel);
        if (left.Count == 0)
        {
            Write(new LedgerLine(clock.GetUtcNow(), LedgerAct.Gone, placement.Id, placement.Recipe.Name, null, "teardown"));
        }

        return left;
    }

    /// <summary>What a run wrote; nothing of it is invented: a line that was cut by a crash is left out.</summary>
    public static IReadOnlyList<LedgerLine> Read(string file)
    {
        var read = new List<LedgerLine>();
        foreach (var text in File.Exists(file) ? File.ReadAllLines(file) : [])
        {
            try
            {
                if (JsonSerializer.Deserialize(text, RunLedgerJson.Default.LedgerLine) is { } line)
                {
                    read.Add(line);
                }
            }
            catch (JsonException)
            {
                // Cut in the middle: it was not acted on yet.
            }
        }

        return read;
    }

    private void Write(LedgerLine line)
    {
        using (var stream = new FileStream(file, FileMode.Append, FileAccess.Write, FileShare.Read))
        {
            stream.Write(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(line, RunLedgerJson.Default.LedgerLine) + "\n"));
            stream.Flush(flushToDisk: true);
        }

        lines.Add(line);
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
[JsonSerializable(typeof(LedgerLine))]
internal sealed partial class RunLedgerJson : JsonSerializerContext;
