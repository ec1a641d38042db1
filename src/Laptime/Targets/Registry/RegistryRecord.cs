using System.Text.Json;
using System.Text.Json.Serialization;
using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Targets.Registry;

/// <summary>The registry that a workspace started last: who it is, so that no other is ever taken for it.</summary>
/// <param name="Root">The workspace it belongs to: a copy of the folder has the same file and must not end it.</param>
/// <param name="Address">Where it listens.</param>
/// <param name="Owner">Its process; null: it is a container.</param>
/// <param name="Container">The container's id, or null.</param>
public sealed record RegistryRecord(string Root, string Address, ProcessOwner? Owner, string? Container, DateTimeOffset Since)
{
    /// <summary>Null: none was started here, or nothing readable says so.</summary>
    internal static RegistryRecord? Read(string path, string root)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), RegistryJson.Default.RegistryRecord) is { Address: not null } record && record.Root == root ? record : null;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or JsonException)
        {
            return null;
        }
    }

    internal void Write(string path) => AtomicFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(this, RegistryJson.Default.RegistryRecord));
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(RegistryRecord))]
internal sealed partial class RegistryJson : JsonSerializerContext;
