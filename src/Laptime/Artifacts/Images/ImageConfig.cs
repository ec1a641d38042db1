using System.Buffers;
using System.Text.Json;
using Laptime.Fingerprints;
using Laptime.Workspaces;

namespace Laptime.Artifacts.Images;

/// <summary>The config of an image (OCI image spec, "image configuration"), written so that equal settings are equal bytes.</summary>
internal static class ImageConfig
{
    public const string MediaType = "application/vnd.oci.image.config.v1+json";
    public const string DockerMediaType = "application/vnd.docker.container.image.v1+json";

    /// <summary>The one time in our images.</summary>
    private const string Epoch = "1970-01-01T00:00:00Z";
    private static readonly string[] CreatedLabels = ["org.opencontainers.image.created", "org.opencontainers.artifact.created"];

    /// <summary>What a config says it is for: <c>linux/arm/v7</c>; null when it does not say.</summary>
    /// <exception cref="JsonException">It is no JSON.</exception>
    public static string? PlatformOf(ReadOnlyMemory<byte> config)
    {
        using var document = JsonDocument.Parse(config);
        return PlatformOf(document.RootElement);
    }

    public static string? PlatformOf(JsonElement element)
    {
        if (Text(element, "os") is not { Length: > 0 } os || Text(element, "architecture") is not { Length: > 0 } architecture)
        {
            return null;
        }

        return Text(element, "variant") is { Length: > 0 } variant ? $"{os}/{architecture}/{variant}" : $"{os}/{architecture}";
    }

    /// <summary>Whether what is there serves where <paramref name="wanted"/> is asked for; <c>linux/arm64/v8</c> and <c>linux/arm64</c> are the same.</summary>
    public static bool Fits(string there, string wanted) => Plain(there) == Plain(wanted) || (!Plain(wanted).Contains("/v", StringComparison.Ordinal) && Plain(there).StartsWith(Plain(wanted) + "/", StringComparison.Ordinal));

    public static IReadOnlyList<string> DiffIds(ReadOnlyMemory<byte> config)
    {
        using var document = JsonDocument.Parse(config);
        return document.RootElement.TryGetProperty("rootfs", out var rootfs) && rootfs.TryGetProperty("diff_ids", out var ids) && ids.ValueKind == JsonValueKind.Array
            ? [.. ids.EnumerateArray().Select(i => i.GetString() ?? "")]
            : [];
    }

    /// <summary>The same config without the times a tool wrote into it.</summary>
    /// <param name="top">Digest of the last layer, uncompressed, where it was written anew; null: it stays.</param>
    public static byte[] Unstamped(ReadOnlyMemory<byte> config, Digest? top)
    {
        using var document = JsonDocument.Parse(config);
        return Write(json =>
        {
            foreach (var property in document.RootElement.EnumerateObject())
            {
                switch (property.Name)
                {
                    case "created":
                        json.WriteString("created", Epoch);
                        break;
                    case "history" when property.Value.ValueKind == JsonValueKind.Array:
                        json.WriteStartArray("history");
                        foreach (var entry in property.Value.EnumerateArray())
                        {
                            Replace(json, entry, ["created"], w => w.WriteString("created", Epoch));
                        }

                        json.WriteEndArray();
                        break;
                    case "rootfs" when top is { } layer:
                        json.WritePropertyName("rootfs");
                        Replace(json, property.Value, ["diff_ids"], w => Strings(w, "diff_ids", [.. property.Value.GetProperty("diff_ids").EnumerateArray().Select(d => d.GetString() ?? "").SkipLast(1), layer.ToString()]));
                        break;
                    case "config" when property.Value.TryGetProperty("Labels", out var labels) && labels.ValueKind == JsonValueKind.Object:
                        json.WritePropertyName("config");
                        Replace(json, property.Value, ["Labels"], w =>
                        {
                            w.WritePropertyName("Labels");
                            Replace(w, labels, CreatedLabels, null);
                        });
                        break;
                    default:
                        property.WriteTo(json);
                        break;
                }
            }
        });
    }

    /// <param name="basis">The base's config; null: there is none.</param>
    /// <param name="platform">For an image without a base.</param>
    /// <param name="layer">Digest of the layer on top, uncompressed.</param>
    public static byte[] Layered(JsonElement? basis, string platform, ImageSettings settings, Digest layer)
    {
        var below = basis is { } b && b.TryGetProperty("config", out var c) && c.ValueKind == JsonValueKind.Object ? c : (JsonElement?)null;
        return Write(json =>
        {
            json.WriteString("created", Epoch);
            var parts = (basis is { } own ? PlatformOf(own) ?? platform : platform).Split('/');
            json.WriteString("architecture", parts[1]);
            json.WriteString("os", parts[0]);
            if (parts.Length > 2)
            {
                json.WriteString("variant", parts[2]);
            }

            json.WriteStartObject("config");
            Config(json, below, settings);
            json.WriteEndObject();

            json.WriteStartObject("rootfs");
            json.WriteString("type", "layers");
            json.WriteStartArray("diff_ids");
            var diffs = basis is { } root && root.TryGetProperty("rootfs", out var rootfs) && rootfs.TryGetProperty("diff_ids", out var ids) ? ids.EnumerateArray().ToList() : [];
            foreach (var id in diffs)
            {
                id.WriteTo(json);
            }

            json.WriteStringValue(layer.ToString());
            json.WriteEndArray();
            json.WriteEndObject();

            History(json, basis, diffs.Count);
        });
    }

    private static void Config(Utf8JsonWriter json, JsonElement? below, ImageSettings settings)
    {
        // What is ours replaces what the base says; a new command takes both halves of the old one away.
        string[] replaced = ["Env", "WorkingDir", "Labels", "ExposedPorts", .. settings.User is null ? [] : (string[])["User"], .. settings.Command.Count == 0 ? [] : (string[])["Entrypoint", "Cmd"]];
        foreach (var property in below?.EnumerateObject() ?? default)
        {
            if (!replaced.Contains(property.Name, StringComparer.Ordinal))
            {
                property.WriteTo(json);
            }
        }

        if (settings.User is { } user)
        {
            json.WriteString("User", user);
        }

        var env = new List<string>();
        if (below is { } old && old.TryGetProperty("Env", out var texts) && texts.ValueKind == JsonValueKind.Array)
        {
            env.AddRange(texts.EnumerateArray().Select(e => e.GetString() ?? "").Where(e => !settings.Env.ContainsKey(e.Split('=')[0])));
        }

        env.AddRange(settings.Env.OrderBy(e => e.Key, StringComparer.Ordinal).Select(e => $"{e.Key}={e.Value}"));
        Strings(json, "Env", env);
        Strings(json, "Entrypoint", settings.Command);
        json.WriteString("WorkingDir", settings.WorkDir);
        Merged(json, "Labels", below, settings.Labels.Select(l => KeyValuePair.Create(l.Key, (Action<Utf8JsonWriter>)(w => w.WriteStringValue(l.Value)))));
        Merged(json, "ExposedPorts", below, settings.Port is { } port ? [KeyValuePair.Create($"{port}/tcp", (Action<Utf8JsonWriter>)Empty)] : []);

        static void Empty(Utf8JsonWriter w)
        {
            w.WriteStartObject();
            w.WriteEndObject();
        }
    }

    /// <summary>Only a base's history that tells every layer can be gone on with.</summary>
    private static void History(Utf8JsonWriter json, JsonElement? basis, int layers)
    {
        List<JsonElement> old = basis is { } b && b.TryGetProperty("history", out var history) && history.ValueKind == JsonValueKind.Array ? [.. history.EnumerateArray()] : [];
        if (old.Count(h => !(h.TryGetProperty("empty_layer", out var empty) && empty.ValueKind == JsonValueKind.True)) != layers)
        {
            return;
        }

        json.WriteStartArray("history");
        foreach (var entry in old)
        {
            entry.WriteTo(json);
        }

        json.WriteStartObject();
        json.WriteString("created", Epoch);
        json.WriteString("created_by", "lap: outputs");
        json.WriteEndObject();
        json.WriteEndArray();
    }

    private static void Strings(Utf8JsonWriter json, string name, IReadOnlyList<string> texts)
    {
        if (texts.Count == 0)
        {
            return;
        }

        json.WriteStartArray(name);
        foreach (var text in texts)
        {
            json.WriteStringValue(text);
        }

        json.WriteEndArray();
    }

    /// <summary>An object of the base with entries of ours added or replaced, sorted.</summary>
    private static void Merged(Utf8JsonWriter json, string name, JsonElement? below, IEnumerable<KeyValuePair<string, Action<Utf8JsonWriter>>> own)
    {
        var all = new SortedDictionary<string, Action<Utf8JsonWriter>>(StringComparer.Ordinal);
        if (below is { } b && b.TryGetProperty(name, out var old) && old.ValueKind == JsonValueKind.Object)
        {
            foreach (var property in old.EnumerateObject())
            {
                all[property.Name] = property.Value.WriteTo;
            }
        }

        foreach (var (key, value) in own)
        {
            all[key] = value;
        }

        if (all.Count == 0)
        {
            return;
        }

        json.WriteStartObject(name);
        foreach (var (key, write) in all)
        {
            json.WritePropertyName(key);
            write(json);
        }

        json.WriteEndObject();
    }

    /// <summary>An object with some properties written anew (null: left out).</summary>
    private static void Replace(Utf8JsonWriter json, JsonElement element, string[] names, Action<Utf8JsonWriter>? write)
    {
        json.WriteStartObject();
        foreach (var property in element.EnumerateObject())
        {
            if (!names.Contains(property.Name, StringComparer.Ordinal))
            {
                property.WriteTo(json);
            }
            else
            {
                write?.Invoke(json);
            }
        }

        json.WriteEndObject();
    }

    private static byte[] Write(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, OciManifest.Plain))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static string Plain(string platform) => platform.Replace("/arm64/v8", "/arm64", StringComparison.Ordinal).Replace("/amd64/v1", "/amd64", StringComparison.Ordinal);

    private static string? Text(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
