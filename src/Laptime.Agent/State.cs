using System.Text.Json;
using System.Text.Json.Serialization;
using Laptime.Foundations;
using Laptime.Targets.Local;

namespace Laptime.Agent;

/// <summary>What runs, written at every change before anything is done about it: the next agent takes it over. May hold secrets: 0600.</summary>
internal sealed record AgentState
{
    public required string BootId { get; init; }

    /// <summary>The folder it was written in: <see cref="AgentFolder.Mark"/>.</summary>
    public string? Folder { get; init; }

    public required IReadOnlyList<RevisionState> Revisions { get; init; }

    internal static AgentState? Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), StateJson.Default.AgentState);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (JsonException e)
        {
            throw new LapException(
                $"the list of what runs cannot be read: {e.Message}", path, "another version of lap may have written it; end what it lists (the pids are in it), then remove it");
        }
    }

    internal void Write(string path) =>
        AtomicFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(this, StateJson.Default.AgentState), durable: false, UnixFileMode.UserRead | UnixFileMode.UserWrite);
}

/// <summary>Where a revision stands in its life.</summary>
internal enum Standing
{
    /// <summary>Started, nobody is led to it yet: an agent that finds it stops it.</summary>
    Next,

    /// <summary>The front leads to it.</summary>
    Current,

    /// <summary>It served before the current one, which is not confirmed yet.</summary>
    Previous,

    /// <summary>To be stopped.</summary>
    Retiring,
}

internal sealed record RevisionState
{
    public required Standing Standing { get; init; }

    public required bool Confirmed { get; init; }

    public required RevisionLabels Labels { get; init; }

    public required RunPlan Plan { get; init; }

    public required int? FrontPort { get; init; }

    public required DateTimeOffset Since { get; init; }

    public required IReadOnlyList<InstanceState> Instances { get; init; }
}

/// <param name="Pid">0: about to be started; found again by LAPTIME_INSTANCE in its environment.</param>
/// <param name="Restarts">Greater than 0: given up in a crash loop after that many.</param>
internal sealed record InstanceState(string Id, int Pid, long StartTicks, int Port, int Restarts, string? LastExit);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, WriteIndented = true)]
[JsonSerializable(typeof(AgentState))]
internal sealed partial class StateJson : JsonSerializerContext;
