using System.Buffers;
using System.Text;
using System.Text.Json;
using Laptime.Fingerprints;

namespace Laptime.Targets.Swarm;

/// <summary>Specs of services and tasks as texts that are equal when the specs mean the same.</summary>
internal static class SpecText
{
    /// <summary>What a task is started from. <c>Runtime</c> is left out: the engine writes it into the service's side only.</summary>
    public static string OfTemplate(JsonElement template) => Of(template, static name => name is "Runtime");

    /// <summary>A whole service, as what somebody may have changed by hand.</summary>
    public static Digest DigestOf(JsonElement spec) => Digest.Of(Of(spec, static _ => false));

    public static string Of(JsonElement element, Func<string, bool> leaveOut)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            Write(writer, element, leaveOut);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <summary>The parts in which two specs of a service differ: "Labels", "TaskTemplate.ContainerSpec.Env".</summary>
    public static IReadOnlyList<string> Differences(JsonElement before, JsonElement now)
    {
        var found = new List<string>();
        Compare(before, now, "", 0);
        return found;

        void Compare(JsonElement a, JsonElement b, string path, int depth)
        {
            if (a.ValueKind == JsonValueKind.Object && b.ValueKind == JsonValueKind.Object && depth < 3)
            {
                foreach (var name in a.EnumerateObject().Select(static p => p.Name).Union(b.EnumerateObject().Select(static p => p.Name)).Order(StringComparer.Ordinal))
                {
                    var below = path.Length == 0 ? name : $"{path}.{name}";
                    a.TryGetProperty(name, out var left);
                    b.TryGetProperty(name, out var right);
                    Compare(left, right, below, depth + 1);
                }
            }
            else if (Text(a) != Text(b))
            {
                found.Add(path);
            }
        }

        static string Text(JsonElement element) => element.ValueKind == JsonValueKind.Undefined ? "null" : Of(element, static _ => false);
    }

    private static void Write(Utf8JsonWriter writer, JsonElement element, Func<string, bool>? leaveOut)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                writer.WriteStartObject();
                foreach (var property in element.EnumerateObject().OrderBy(static p => p.Name, StringComparer.Ordinal))
                {
                    if (leaveOut?.Invoke(property.Name) != true && !IsNothing(property.Value))
                    {
                        writer.WritePropertyName(property.Name);
                        Write(writer, property.Value, null);
                    }
                }

                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (var item in element.EnumerateArray())
                {
                    Write(writer, item, null);
                }

                writer.WriteEndArray();
                break;
            case JsonValueKind.Undefined:
                writer.WriteNullValue();
                break;
            default:
                element.WriteTo(writer);
                break;
        }
    }

    /// <summary>What Go writes for something that is not there: null, an empty object.</summary>
    private static bool IsNothing(JsonElement value) =>
        value.ValueKind == JsonValueKind.Null || (value.ValueKind == JsonValueKind.Object && !value.EnumerateObject().MoveNext());
}
