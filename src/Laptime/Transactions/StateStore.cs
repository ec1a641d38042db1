using System.Text.Json;
using System.Text.Json.Serialization;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Planning;

namespace Laptime.Transactions;

/// <summary>
/// What was last verified in one environment, per component, newest first with the ones before it (rollback targets). Written atomically, only for
/// components that were acted on and seen. It explains; the target decides.
/// </summary>
public sealed class StateStore(string folder)
{
    /// <summary>Deployments to go back to, per component.</summary>
    public const int Kept = 6;

    /// <summary>The same deployment may have been verified by several transactions: `lap rollback --to` finds each.</summary>
    private const int MostRecords = 40;

    /// <summary>True once anything was verified here.</summary>
    public bool Exists => File.Exists(FilePath);

    private string FilePath => Path.Combine(folder, "state.json");

    /// <summary>Newest first per component. An unreadable file is an empty one: unknown is not equal, the target is asked.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<DeployedRecord>> Load()
    {
        try
        {
            var file = JsonSerializer.Deserialize(File.ReadAllBytes(FilePath), StateJson.Default.StateFile);
            return file is { Version: 1, Components: { } components } && components.All(c => IsWhole(c.Key, c.Value)) ? components : Nothing();
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or JsonException or FormatException)
        {
            return Nothing();
        }
    }

    /// <summary>As <see cref="Load"/>, but a file that cannot be read is no empty one: what would be removed because of it cannot be brought back.</summary>
    /// <exception cref="FaultException">The file is there, and it is damaged.</exception>
    public IReadOnlyDictionary<string, IReadOnlyList<DeployedRecord>> LoadForKeeping()
    {
        try
        {
            if (!Exists)
            {
                return Nothing();
            }

            return JsonSerializer.Deserialize(File.ReadAllBytes(FilePath), StateJson.Default.StateFile) is { Version: 1, Components: { } components } && components.All(c => IsWhole(c.Key, c.Value))
                ? components
                : throw new JsonException("it is not what lap writes");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or FormatException)
        {
            throw new FaultException(new Fault(
                Outcome.RolloutFailed, $"what was verified in this environment cannot be read: {e.Message}", FilePath, "deploy there once (which writes it again), or delete the file when the environment is gone"), e);
        }
    }

    /// <summary>Adds a verified record of one component; the caller holds the environment's lock.</summary>
    public void Verified(DeployedRecord record) => Change(components =>
    {
        var before = components.GetValueOrDefault(record.Component) ?? [];
        var keys = before.Select(r => r.DeploymentKey).Where(k => k != record.DeploymentKey).Distinct().Take(Kept - 1).Append(record.DeploymentKey).ToHashSet();
        components[record.Component] = [record, .. before.Where(r => keys.Contains(r.DeploymentKey)).Take(MostRecords - 1)];
    });

    /// <summary>The schema moved: what was verified of these components before is no proven rollback target any more. The caller holds the environment's lock.</summary>
    /// <param name="words">What moved it, in a clause.</param>
    public void SchemaMoved(IEnumerable<string> moved, string words) => Change(components =>
    {
        foreach (var name in moved)
        {
            if (components.TryGetValue(name, out var history))
            {
                components[name] = [.. history.Select(r => r.UnsafeSchema is null ? r with { UnsafeSchema = words } : r)];
            }
        }
    });

    /// <summary>The component was stopped and seen to be gone; it has no record any more.</summary>
    public void Removed(string component) => Change(components => components.Remove(component));

    private static Dictionary<string, IReadOnlyList<DeployedRecord>> Nothing() => [];

    /// <summary>JSON of the right shape may still say nothing where something has to be.</summary>
    private static bool IsWhole(string component, IReadOnlyList<DeployedRecord>? history) =>
        history is { Count: > 0 } && history.All(r => r is { RunSettings: not null } && r.Component == component && !r.RunSettings.Values.Contains(null!));

    private void Change(Action<Dictionary<string, IReadOnlyList<DeployedRecord>>> change)
    {
        var components = new Dictionary<string, IReadOnlyList<DeployedRecord>>(Load());
        change(components);
        AtomicFile.Write(FilePath, JsonSerializer.SerializeToUtf8Bytes(new StateFile(1, components), StateJson.Default.StateFile));
    }
}

internal sealed record StateFile(int Version, IReadOnlyDictionary<string, IReadOnlyList<DeployedRecord>>? Components);

internal sealed class DigestJson : JsonConverter<Digest>
{
    public override Digest Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.GetString() is { } text && text != "none" ? Digest.Parse(text) : Digest.None;

    public override void Write(Utf8JsonWriter writer, Digest value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, Converters = [typeof(DigestJson)])]
[JsonSerializable(typeof(StateFile))]
internal sealed partial class StateJson : JsonSerializerContext;
