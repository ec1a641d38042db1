using System.Text.Json;
using System.Text.Json.Nodes;
using Laptime.Foundations;

namespace Laptime.Targets.Kubernetes;

/// <summary>
/// The objects of a component's last successful rollout here, as they were applied. The cluster's own history is not relied on: anybody's change moves it.
/// Readable by this user only: objects may hold secrets.
/// </summary>
internal static class LastGood
{
    public static void Save(string folder, string component, ObjectPlan plan)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartArray();
            foreach (var one in plan.Objects)
            {
                one.WriteTo(json);
            }

            json.WriteEndArray();
        }

        Directory.CreateDirectory(folder);
        AtomicFile.Write(PathOf(folder, component), bytes.ToArray(), durable: false, mode: UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    /// <summary>Null: there is none, or it is damaged.</summary>
    public static IReadOnlyList<JsonObject>? Load(string folder, string component)
    {
        try
        {
            return [.. (JsonNode.Parse(File.ReadAllBytes(PathOf(folder, component))) ?? throw new JsonException("null")).AsArray().OfType<JsonObject>()];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>The deployment key that its workload carries.</summary>
    public static string? KeyOf(IReadOnlyList<JsonObject> objects) =>
        objects.Where(ObjectPlan.IsWorkload).Select(w => (string?)w["metadata"]?["annotations"]?[Labels.DeploymentKey]).FirstOrDefault();

    private static string PathOf(string folder, string component) => Path.Combine(folder, $"{component}.objects.json");
}
