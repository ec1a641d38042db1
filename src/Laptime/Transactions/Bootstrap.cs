using System.Text.Json;
using System.Text.Json.Serialization;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Planning;
using Laptime.Processes;
using Laptime.Workspaces;

namespace Laptime.Transactions;

/// <summary>
/// Runs an environment's bootstrap commands under its lock, and remembers per environment what it was bootstrapped from. The memory is gone while they run: an
/// environment that was left half way is bootstrapped again, whatever its files say then.
/// </summary>
public sealed class Bootstrap(DeployScope scope)
{
    private static readonly TimeSpan Bound = TimeSpan.FromMinutes(30);

    private string FilePath => Path.Combine(scope.EnvironmentFolder, "infra.json");

    /// <summary>The environment's infrastructure as its files are; null: it has no bootstrap.</summary>
    public InfraFacts? Facts(WorkspaceScan scan)
    {
        if (scope.Environment.Infra is not { Bootstrap.Count: > 0 } infra)
        {
            return null;
        }

        var files = infra.Inputs.Count > 0 ? scan.Files("infra:" + scope.Environment.Name) : [];
        var wanted = InfraFingerprint.Of(scope.Environment, files, [.. infra.Bootstrap.Select(c => Detector.Resolve(c, scope.Names.Of))]);
        return wanted is null ? null : new InfraFacts(wanted, Load());
    }

    /// <exception cref="FaultException">A command failed; nothing was rolled out.</exception>
    internal async Task RunAsync(TransactionRun run, PlannedBootstrap planned, ProcessRunner runner, long fence, CancellationToken cancel)
    {
        File.Delete(FilePath);
        using var segment = run.Timeline.Begin("bootstrap");
        var environment = new Dictionary<string, string?>
        {
            ["LAPTIME_ENVIRONMENT"] = scope.Environment.Name, ["LAPTIME_TRANSACTION"] = run.Id, ["LAPTIME_FENCE"] = fence.ToString(System.Globalization.CultureInfo.InvariantCulture),
        };
        foreach (var command in scope.Environment.Infra!.Bootstrap)
        {
            var words = Detector.Resolve(command, scope.Names.Of);
            var program = command is CommandLine.Shell ? Command.Shell(words[0], scope.Workspace.Root) : new Command
            {
                Program = words[0].Contains('/') ? Path.GetFullPath(words[0], scope.Workspace.Root) : words[0], Arguments = [.. words.Skip(1)], Directory = scope.Workspace.Root,
            };
            var result = await runner.RunAsync(program with
            {
                Environment = run.Timeline.Trace is { } trace ? trace.Into(environment, segment.Id) : environment, Secrets = scope.Names.Secrets, Deadline = Bound, FailsAs = Outcome.RolloutFailed,
            }, null, cancel);
            if (!result.Succeeded)
            {
                segment.End("failed");
                throw new FaultException(new Fault(
                    Outcome.RolloutFailed, $"the bootstrap of {scope.Environment.Name} failed: {result.Ending}", $"environment {scope.Environment.Name}: infra.bootstrap",
                    "its last lines say why; nothing was rolled out, and the next deploy bootstraps again", result.Tail));
            }
        }

        AtomicFile.Write(FilePath, JsonSerializer.SerializeToUtf8Bytes(new InfraRecord(1, planned.Fingerprint.Value.ToString(), planned.Fingerprint.Parts, run.Id, run.Clock.GetUtcNow()), InfraJson.Default.InfraRecord));
        segment.End();
    }

    /// <summary>What cannot be read is not known.</summary>
    private InfraFingerprint? Load()
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(FilePath), InfraJson.Default.InfraRecord) is { Version: 1, Parts: not null } record && Digest.TryParse(record.Fingerprint ?? "", out var value)
                ? new InfraFingerprint(value, record.Parts) : null;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or JsonException)
        {
            return null;
        }
    }
}

internal sealed record InfraRecord(int Version, string? Fingerprint, IReadOnlyDictionary<string, string> Parts, string? Transaction, DateTimeOffset At);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(InfraRecord))]
internal sealed partial class InfraJson : JsonSerializerContext;
