using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Targets.Registry;

/// <summary>The registry as a container, where its program is not installed and a Docker engine answers that has the image. Nothing is pulled.</summary>
internal sealed class RegistryContainer(LocalRegistry registry, string network, ProcessRunner runner) : RegistryHost
{
    public const string Image = "registry:2";
    private const string Label = "io.laptime.registry";
    private const string HostNetwork = "host";
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(20);

    /// <summary>Null: no engine answers, or it does not have the image.</summary>
    public static async Task<RegistryContainer?> FindAsync(LocalRegistry registry, ProcessRunner runner, CancellationToken cancel)
    {
        var host = new RegistryContainer(registry, "", runner);
        return await host.DockerAsync(["image", "inspect", "--format", "{{.Id}}", Image], cancel) is not { Succeeded: true }
            || await host.DockerAsync(["info", "--format", "{{.OperatingSystem}} {{.SecurityOptions}}"], cancel) is not { Succeeded: true } about
            ? null
            // In a virtual machine or a user namespace the engine's loopback is not ours: the port has to be published.
            : new RegistryContainer(registry, about.Tail is [var text, ..] && !text.Contains("Docker Desktop", StringComparison.Ordinal) && !text.Contains("rootless", StringComparison.Ordinal) && OperatingSystem.IsLinux()
                ? HostNetwork : "bridge", runner);
    }

    public override async Task<RegistryRecord> StartAsync(CancellationToken cancel)
    {
        Directory.CreateDirectory(registry.Data);
        // One that died is still there, by its id; what it had to say goes with it.
        if (await DockerAsync(["container", "ls", "--all", "--quiet", "--no-trunc", "--filter", $"label={Label}={registry.Home}"], cancel) is { Succeeded: true, Tail: [_, ..] before })
        {
            await DockerAsync(["container", "rm", "--force", .. before], cancel);
        }

        var endpoint = registry.Endpoint;
        var address = endpoint.LoopbackAddress!.ToString();
        string[] place = network == HostNetwork
            ? ["--network", HostNetwork, "--env", $"REGISTRY_HTTP_ADDR={(address.Contains(':') ? $"[{address}]" : address)}:{endpoint.Port}"]
            : ["--publish", $"{(address.Contains(':') ? $"[{address}]" : address)}:{endpoint.Port}:5000"];
        string[] user = OperatingSystem.IsLinux() && network == HostNetwork ? ["--user", Libc.EffectiveUser().ToString()] : [];
        var run = await DockerAsync(
            ["run", "--detach", "--restart", "no", "--label", $"{Label}={registry.Home}", "--env", "REGISTRY_STORAGE_DELETE_ENABLED=true", "--env", "REGISTRY_LOG_LEVEL=warn",
             "--volume", registry.Data + ":/var/lib/registry", .. user, .. place, Image], cancel);
        return run is { Succeeded: true, Tail: [.., { Length: 64 } id] }
            ? registry.Record(null, id)
            : throw new FaultException(new Fault(Outcome.BuildFailed, $"the container of the local registry cannot be started: {run?.Ending}", Image, "the engine's words say why", run?.Tail));
    }

    public override async Task<bool> IsAliveAsync(RegistryRecord record, CancellationToken cancel) =>
        await DockerAsync(["container", "inspect", "--format", "{{.State.Running}}", record.Container!], cancel) is { Succeeded: true, Tail: ["true"] };

    /// <summary>The engine holds the port for it, or its process does in a namespace of its own: the container that runs is all there is to know.</summary>
    public override bool Holds(RegistryRecord record, int port) => true;

    public override async Task EndAsync(RegistryRecord record, CancellationToken cancel)
    {
        await File.WriteAllLinesAsync(registry.Log, await LogsAsync(record.Container!, cancel), cancel);
        if (await DockerAsync(["container", "rm", "--force", record.Container!], cancel) is not { Succeeded: true } removed)
        {
            throw new FaultException(new Fault(Outcome.BuildFailed, $"the container of the local registry cannot be removed", record.Container, "docker container rm --force does it by hand"));
        }
    }

    /// <summary>What the last one said before it was removed.</summary>
    public override Task<IReadOnlyList<string>> TailAsync(CancellationToken cancel) => Task.FromResult(Local.LogFile.Tail(registry.Log, 12));

    private async Task<IReadOnlyList<string>> LogsAsync(string container, CancellationToken cancel) =>
        (await DockerAsync(["container", "logs", "--tail", "20", container], cancel))?.Tail ?? [];

    /// <summary>Null: there is no docker command.</summary>
    private async Task<ProcessResult?> DockerAsync(IReadOnlyList<string> arguments, CancellationToken cancel)
    {
        try
        {
            return await runner.RunAsync(new Command { Program = "docker", Arguments = arguments, Directory = registry.Home, Deadline = Bound }, onLine: null, cancel);
        }
        catch (FaultException)
        {
            return null;
        }
    }
}
