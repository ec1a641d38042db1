using System.Text.Json;
using System.Text.Json.Serialization;
using Laptime.Foundations;

namespace Laptime.Targets.Local;

/// <summary>One line of the agent's own record of what it started and stopped. Independent of the journal: whoever deploys, by whatever way, starts instances through the agent.</summary>
/// <param name="At">When.</param>
/// <param name="What">start: instances of a revision are about to be started by a rollout; stop: a component is about to be stopped and forgotten.</param>
/// <param name="Transaction">Who started it; null for a stop.</param>
/// <param name="Serving">Something of the environment served at that moment.</param>
public sealed record AgentEvent(DateTimeOffset At, string What, string Environment, string Component, string Revision, string? Transaction, bool Serving)
{
    /// <summary>A longer file is set aside (one, under <c>.1</c>): a workspace is deployed for years.</summary>
    private const long Longest = 4 << 20;

    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Append(string file, AgentEvent line)
    {
        if (new FileInfo(file) is { Exists: true, Length: > Longest })
        {
            File.Move(file, file + ".1", overwrite: true);
        }

        AppendedFile.Append(file, [.. JsonSerializer.SerializeToUtf8Bytes(line, AgentEventJson.Default.AgentEvent), (byte)'\n']);
    }

    /// <summary>What is whole of it; empty without a file.</summary>
    public static IReadOnlyList<AgentEvent> Read(string file)
    {
        var events = new List<AgentEvent>();
        foreach (var text in File.Exists(file) ? File.ReadLines(file) : [])
        {
            try
            {
                if (JsonSerializer.Deserialize(text, AgentEventJson.Default.AgentEvent) is { } line)
                {
                    events.Add(line);
                }
            }
            catch (JsonException)
            {
                // The last line of an agent that was killed.
            }
        }

        return events;
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(AgentEvent))]
internal sealed partial class AgentEventJson : JsonSerializerContext;
