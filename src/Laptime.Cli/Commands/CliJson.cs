using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Laptime.Foundations;
using Laptime.Transactions;

namespace Laptime.Cli.Commands;

/// <summary>A failure before there was a transaction.</summary>
internal sealed record FailureDocument(string Schema, string Outcome, int ExitCode, FailureReport Failure, IReadOnlyList<Problem> Problems);

/// <summary>`lap status`: per component what the target itself says, and how that differs from what was last verified.</summary>
internal sealed record StatusDocument(string Schema, string Workspace, string Environment, string Target, DateTimeOffset ReadAt, IReadOnlyList<StatusComponent> Components);

internal sealed record StatusComponent(string Name, StatusObserved? Observed, SignalsReport Signals, string? Drift, string? Endpoint);

internal sealed record StatusObserved(string? Revision, string? Artifact, string? Fingerprint, string? Transaction, int Instances, int Of, DateTimeOffset? Since, bool Serving, string? Detail, IReadOnlyList<string> Tail, IReadOnlyList<int> Pids);

/// <summary>`lap exec -o json`: what the program printed and how it ended.</summary>
/// <param name="ExitCode">The program's, which is also lap's.</param>
internal sealed record ExecDocument(string Schema, string Component, string Environment, string Instance, IReadOnlyList<string> Command, int ExitCode, string Stdout, string Stderr);

internal sealed record LockList(string Schema, IReadOnlyList<LockItem> Items);

internal sealed record LockItem(string Id, string Environment, string Transaction, string User, string Host, int Pid, DateTimeOffset Since, DateTimeOffset Heartbeat, long Fence, string Owner);

internal sealed record ValidDocument(string Schema, string Outcome, int ExitCode, string File, string Workspace, IReadOnlyList<string> Components, IReadOnlyList<string> Environments);

internal sealed record VersionDocument(string Schema, string Version, string Runtime, string Platform);

internal sealed record AgentDocument(string Schema, bool Running, int? Pid, string? Version, int? Instances, string Socket);

/// <summary>`lap keys create`. Nothing of the private key but where it lies.</summary>
internal sealed record KeyDocument(string Schema, string Name, string Hint, string PublicFile, string PrivateFile, string Source, string Builder, string Rule);

/// <summary>`lap keys list`.</summary>
internal sealed record KeyList(string Schema, IReadOnlyList<KeyItem> Items);

internal sealed record KeyItem(string Id, string Name, string PublicFile, string? Hint, string? PrivateFile, IReadOnlyList<KeyTrust> Trusted, Problem? Problem);

internal sealed record KeyTrust(string Source, string Builder, double? MaxAgeSeconds, string? Until, string? At);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(FailureDocument))]
[JsonSerializable(typeof(StatusDocument))]
[JsonSerializable(typeof(LockList))]
[JsonSerializable(typeof(ExecDocument))]
[JsonSerializable(typeof(ValidDocument))]
[JsonSerializable(typeof(VersionDocument))]
[JsonSerializable(typeof(AgentDocument))]
[JsonSerializable(typeof(DoctorDocument))]
[JsonSerializable(typeof(KeyDocument))]
[JsonSerializable(typeof(KeyList))]
[JsonSerializable(typeof(Rendering.RaceEvent))]
[JsonSerializable(typeof(Rendering.RaceList))]
internal sealed partial class CliJson : JsonSerializerContext
{
    public static CliJson Readable { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
