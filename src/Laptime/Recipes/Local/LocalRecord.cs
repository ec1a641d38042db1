using System.Text.Json;
using System.Text.Json.Serialization;
using Laptime.Foundations;

namespace Laptime.Recipes.Local;

/// <summary>What is known of a deployment on processes beside what the agent says: its ports, and which revisions came up with which version.</summary>
internal sealed record LocalRecord
{
    public IReadOnlyDictionary<string, int> Ports { get; init; } = new Dictionary<string, int>();

    /// <summary>Null: nothing was applied.</summary>
    public string? Version { get; init; }

    /// <summary>By component, as they were when the version had come up.</summary>
    public IReadOnlyDictionary<string, string?> Revisions { get; init; } = new Dictionary<string, string?>();

    public static LocalRecord Read(string file)
    {
        try
        {
            return File.Exists(file) ? JsonSerializer.Deserialize(File.ReadAllBytes(file), LocalRecordJson.Default.LocalRecord) ?? new LocalRecord() : new LocalRecord();
        }
        catch (JsonException)
        {
            return new LocalRecord();
        }
    }

    public void Write(string file) => AtomicFile.Write(file, JsonSerializer.SerializeToUtf8Bytes(this, LocalRecordJson.Default.LocalRecord));
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(LocalRecord))]
internal sealed partial class LocalRecordJson : JsonSerializerContext;
