using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Laptime.Fingerprints;
using Laptime.Signals;

namespace Laptime.Targets.Commands;

/// <summary>What a command says of one component: an item of docs/schema/observed.v1.json. Everything but the component may be left out; keys that are not here are the command's own.</summary>
internal sealed record CommandReading
{
    public required string Component { get; init; }

    public string? Revision { get; init; }

    public string? Artifact { get; init; }

    public string? DeploymentKey { get; init; }

    public string? Fingerprint { get; init; }

    public string? Transaction { get; init; }

    /// <summary>What its instances loaded, as rollout was told in LAPTIME_LOADED.</summary>
    public string? Loaded { get; init; }

    /// <summary>The highest fencing token that changed it.</summary>
    public long Fence { get; init; }

    public DateTimeOffset? Since { get; init; }

    /// <summary>Instances of this revision that are alive; left out: all when serving, else none.</summary>
    public int? Instances { get; init; }

    public int Of { get; init; } = 1;

    /// <summary>Left out: every wanted instance is alive and it has not ended.</summary>
    public bool? Serving { get; init; }

    /// <summary><c>running</c> (also when left out), <c>exited</c> or <c>crash-loop</c>.</summary>
    public string? State { get; init; }

    public int? ExitCode { get; init; }

    public int Restarts { get; init; }

    public string? Endpoint { get; init; }

    public string? Detail { get; init; }

    public IReadOnlyList<string>? Tail { get; init; }

    [JsonIgnore]
    public bool HasEnded => State is "exited" or "crash-loop";

    [JsonIgnore]
    public int Alive => Instances ?? (HasEnded || Serving == false ? 0 : Of);

    [JsonIgnore]
    public bool IsServing => !HasEnded && (Serving ?? Alive >= Of);

    /// <summary>Every value that comes out of one command, whatever lines it is written on: objects one after the other, or one document with `items`.</summary>
    /// <exception cref="JsonException">It is something else.</exception>
    public static IReadOnlyList<CommandReading> ReadAll(string text)
    {
        var found = new List<CommandReading>();
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(text), new JsonReaderOptions { AllowMultipleValues = true });
        while (reader.Read())
        {
            using var value = JsonDocument.ParseValue(ref reader);
            if (value.RootElement.ValueKind == JsonValueKind.Object && value.RootElement.TryGetProperty("items", out var items))
            {
                found.AddRange(items.Deserialize(CommandJson.Default.ListCommandReading) ?? throw new JsonException("`items` is null"));
            }
            else
            {
                found.Add(One(value.RootElement));
            }
        }

        foreach (var reading in found)
        {
            reading.Check();
        }

        return found;
    }

    /// <exception cref="JsonException">The object is no reading.</exception>
    public static CommandReading One(JsonElement element)
    {
        var reading = element.Deserialize(CommandJson.Default.CommandReading) ?? throw new JsonException("null is not an object");
        reading.Check();
        return reading;
    }

    public Observed ToObserved() => new()
    {
        Component = Component, Revision = Revision, Artifact = DigestOf(Artifact), DeploymentKey = DigestOf(DeploymentKey), Fingerprint = DigestOf(Fingerprint),
        Transaction = Transaction, Loaded = LoadedText.Parse(Loaded), Since = Since, Instances = Alive, Of = Of, Serving = IsServing, Endpoint = Endpoint, Tail = Tail ?? [],
        Detail = Detail ?? (IsServing ? null : State switch
        {
            "exited" => ExitCode is { } code ? $"exited with {code}" : "exited",
            "crash-loop" => $"crash loop, {Restarts} restarts",
            _ => $"{Alive} of {Of} instances serve",
        }),
    };

    public Life ToLife() => State switch
    {
        "exited" => new Life.Exited(ExitCode, null, Tail ?? []),
        "crash-loop" => new Life.CrashLoop(Restarts, ExitCode is { } code ? $"exit code {code}" : "not told", Tail ?? []),
        _ => new Life.Running(),
    };

    private void Check()
    {
        if (Component is not { Length: > 0 })
        {
            throw new JsonException("an item has no `component`");
        }

        if (State is not (null or "running" or "exited" or "crash-loop"))
        {
            throw new JsonException($"`state` of {Component} is none of running, exited, crash-loop");
        }

        foreach (var (name, text) in ((string, string?)[])[("artifact", Artifact), ("deploymentKey", DeploymentKey), ("fingerprint", Fingerprint)])
        {
            if (!string.IsNullOrEmpty(text) && !Digest.TryParse(text, out _))
            {
                throw new JsonException($"`{name}` of {Component} is no digest (sha256:…)");
            }
        }
    }

    private static Digest DigestOf(string? text) => Digest.TryParse(text ?? "", out var digest) ? digest : Digest.None;
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(List<CommandReading>))]
internal sealed partial class CommandJson : JsonSerializerContext;
