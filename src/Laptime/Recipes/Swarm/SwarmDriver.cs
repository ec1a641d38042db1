using System.Globalization;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Targets.Docker;
using Laptime.Targets.Swarm;
using Laptime.Timing;

namespace Laptime.Recipes.Swarm;

/// <summary>
/// A compose recipe on a Swarm: a stack of its own, made by <c>docker stack deploy</c> of the recipe's own files and watched through the engine's API. Everything that it makes carries the
/// stack's name as the label that Swarm itself gives, so that whoever comes later finds it by the name alone.
/// </summary>
public sealed class SwarmDriver : RecipeDriver
{
    private static readonly TimeSpan PullBound = TimeSpan.FromMinutes(10);

    /// <summary>Shorter ones would be found in words that mean something else.</summary>
    private const int ShortestSecret = 6;

    private readonly Placement placement;
    private readonly EngineClient engine;
    private readonly Func<PlacedVersion, StackVersion> read;
    private readonly StackReader? reader;
    private readonly TimeProvider clock;
    private readonly SwarmApi api;
    private readonly StackRecord record;
    private readonly StackApply hands;
    private readonly StackVolumes volumes;
    private readonly Dictionary<PlacedVersion, StackVersion> versions = [];
    private StackVersion? present;

    /// <summary>When the newest apply began: what ended before was of an earlier one.</summary>
    private DateTimeOffset applied;

    /// <param name="engine">A manager of the swarm, where the tasks run too; disposed with the driver.</param>
    public SwarmDriver(Placement placement, EngineClient engine, ProcessRunner runner, TimeProvider clock)
        : this(placement, engine, new StackReader(placement, StackReader.IngressWorks(engine.Endpoint.Socket is not null)), null, runner, clock)
    {
    }

    /// <param name="read">How a version is read, where it is no recipe in a folder.</param>
    internal SwarmDriver(Placement placement, EngineClient engine, Func<PlacedVersion, StackVersion> read, ProcessRunner runner, TimeProvider clock)
        : this(placement, engine, null, read, runner, clock)
    {
    }

    private SwarmDriver(Placement placement, EngineClient engine, StackReader? reader, Func<PlacedVersion, StackVersion>? read, ProcessRunner runner, TimeProvider clock)
    {
        (this.placement, this.engine, this.reader, this.clock) = (placement, engine, reader, clock);
        this.read = read ?? reader!.Read;
        (api, record, volumes) = (new SwarmApi(engine), new StackRecord(engine, placement.Id, clock), new StackVolumes(engine, placement.Id));
        hands = new StackApply(api, placement.Id, placement.Folder, runner, clock);
        Labels = [SwarmPlaces.Label(placement.Id)];
    }

    public override IReadOnlyList<string> ParityNotes => reader?.Notes ?? [];

    private string Stack => placement.Id;

    private string[] Labels { get; }

    public override VersionFacts Read(PlacedVersion version) => VersionOf(version).Facts;

    public override async Task AttachAsync(CancellationToken cancel) => record.Begin([.. (await api.ServicesAsync(Labels, cancel)).Select(static s => s.ID)]);

    public override void Adopt(PlacedVersion version) => present = VersionOf(version);

    public override async Task PrepareAsync(PlacedVersion version, Timeline timeline, int? parent, CancellationToken cancel)
    {
        using var segment = timeline.Begin("pull", parent: parent);
        // Told before anything is touched: docker says it in the middle of a deploy.
        if (present?.Recipe is { } before && VersionOf(version).Recipe is { } after && Reading.ComposeRecipe.Clashes(before, after) is [var clash, ..] clashes)
        {
            segment.End("failed");
            throw new FaultException(new Fault(Outcome.RolloutFailed, clash, null, "configs and secrets cannot be changed under one name", clashes));
        }

        foreach (var image in VersionOf(version).Facts.Services.Select(static s => s.Image).OfType<string>().Distinct(StringComparer.Ordinal))
        {
            if (await engine.InspectImageAsync(image, cancel) is not null)
            {
                continue;
            }

            try
            {
                await engine.PullImageAsync(image, engine.Accounts is { } accounts ? await accounts.OfAsync(image, cancel) : null, PullBound, cancel);
            }
            catch (EngineException e)
            {
                segment.End("failed");
                throw new FaultException(e.Fault with { What = $"the image {image} is neither in the engine nor could it be pulled: {e.Fault.What}", Mend = "push it, load it (docker load), or log in to its registry" }, e);
            }
        }

        segment.End();
    }

    internal override async Task<Fault?> ApplyAsync(PlacedVersion version, Timeline timeline, int? parent, CancellationToken cancel)
    {
        var wanted = VersionOf(version);
        using (var segment = timeline.Begin("apply", parent: parent))
        {
            await hands.PrepareAsync(wanted, cancel);
            (applied, present) = (clock.GetUtcNow(), wanted);
            using var call = record.Call();
            if (await hands.DeployAsync(wanted, cancel) is { } refused)
            {
                segment.End("failed");
                return refused;
            }

            segment.End();
        }

        return await StandAsync(wanted, applied, timeline, parent, cancel);
    }

    public override Task<Fault?> StandAsync(PlacedVersion version, Timeline timeline, int? parent, CancellationToken cancel)
    {
        present = VersionOf(version);
        return StandAsync(present, clock.GetUtcNow(), timeline, parent, cancel);
    }

    public override async Task<Picture> ObserveAsync(CancellationToken cancel)
    {
        var services = await api.ServicesAsync(Labels, cancel);
        var tasks = (await api.TasksAsync(Labels.Select(static l => ("label", l)), cancel)).ToLookup(static t => t.ServiceID ?? "");
        var containers = (await engine.ListContainersAsync(all: false, Labels, cancel)).ToDictionary(static c => c.Id, StringComparer.Ordinal);
        var seen = services.OrderBy(static s => s.Name, StringComparer.Ordinal).Select(s => PictureOf(s, [.. tasks[s.ID]], containers)).ToList();
        var names = seen.SelectMany(static s => s.Volumes).Distinct(StringComparer.Ordinal);
        var there = (await engine.ListVolumesAsync([], cancel)).Where(v => v.Name.StartsWith(Stack + "_", StringComparison.Ordinal) || present?.Volumes.Values.Contains(v.Name) == true)
            .ToDictionary(v => NameOf(v.Name), StringComparer.Ordinal);
        var main = present?.Facts.Main ?? "app";
        var removed = await record.RemovedVolumesAsync(cancel);
        return new Picture
        {
            Services = seen,
            Volumes = [.. names.Concat(there.Keys).Distinct(StringComparer.Ordinal).Where(there.ContainsKey).Order(StringComparer.Ordinal).Select(n => new VolumePicture(n, $"{there[n].Name}{(removed(there[n].Name) is > 0 and var times ? $", made anew {times} times" : "")}"))],
            Version = services.FirstOrDefault(s => s.Name == $"{Stack}_{main}") is { } service ? VersionIn(service) : null,
            Url = await UrlAsync(seen.FirstOrDefault(s => s.Name == main), containers, cancel),
        };
    }

    public override async Task<ServiceExec> ExecAsync(string service, IReadOnlyList<string> command, CancellationToken cancel)
    {
        var ended = await engine.ExecAsync(await ContainerAsync(service, cancel), command, null, null, cancel);
        return new ServiceExec(ended.ExitCode, Redacted(ended.Output.Select(static l => l.Text)));
    }

    public override Task PutAsync(string volume, Stream tar, CancellationToken cancel) => volumes.PutAsync(TargetName(volume), tar, cancel);

    public override Task GetAsync(string volume, IReadOnlyList<string>? paths, Stream tar, CancellationToken cancel) => volumes.GetAsync(TargetName(volume), paths, tar, cancel);

    public override Task DeleteAsync(string volume, string path, CancellationToken cancel) => volumes.DeleteAsync(TargetName(volume), path, cancel);

    public override async Task<IReadOnlyList<string>> LogsAsync(string service, int lines, CancellationToken cancel) =>
        (await engine.ListContainersAsync(all: true, [.. Labels, $"com.docker.swarm.service.name={Stack}_{service}"], cancel)).MaxBy(static c => c.Created) is { } newest
            ? Redacted(await engine.TailAsync(newest.Id, lines, cancel))
            : [];

    internal override async Task RemoveAsync(bool force, CancellationToken cancel)
    {
        using (record.Call())
        {
            await new StackRemains(api, Stack, clock).RemoveAsync(force, cancel);
        }

        await hands.RemoveSharedAsync(cancel);
    }

    public override Task<IReadOnlyList<string>> ListAsync(CancellationToken cancel) => new StackRemains(api, Stack, clock).ListAsync(cancel);

    public override Task<TargetCount> CountAsync(CancellationToken cancel) => record.CountAsync(cancel);

    public override async Task<IReadOnlyDictionary<string, string>> ScriptEnvironmentAsync(CancellationToken cancel)
    {
        var variables = new Dictionary<string, string>(present?.Environment ?? new Dictionary<string, string>(), StringComparer.Ordinal) { ["DOCKER_HOST"] = engine.Endpoint.Text };
        var network = await api.NetworkAsync(TaskAddresses.Network, cancel);
        foreach (var container in (await engine.ListContainersAsync(all: false, Labels, cancel)).OrderBy(static c => c.Created))
        {
            if (ServiceOf(container) is { } service)
            {
                variables["RECIPE_CONTAINER_" + Variable(service)] = container.Id;
                if (TaskAddresses.Of(network, container.Id) is { } address)
                {
                    variables["RECIPE_HOST_" + Variable(service)] = address.Ip;
                }
            }
        }

        return variables;
    }

    /// <summary>Where its main service shares a network with others, they reach it by its name there; else at the address that this machine has for it.</summary>
    public override async Task<IReadOnlyDictionary<string, string>> OfferAsync(CancellationToken cancel)
    {
        var offered = new Dictionary<string, string>(await base.OfferAsync(cancel), StringComparer.Ordinal);
        if (present is { IsShared: true, Port: { } port } version)
        {
            var host = $"{Stack}_{version.Facts.Main}";
            (offered["url"], offered["host"], offered["port"]) = (string.Create(CultureInfo.InvariantCulture, $"http://{host}:{port}"), host, port.ToString(CultureInfo.InvariantCulture));
        }

        foreach (var (name, value) in present?.Secrets ?? new Dictionary<string, Func<string>>())
        {
            // stack_name_version, as the recipe calls it: name.
            var own = name.StartsWith(Stack + "_", StringComparison.Ordinal) ? name[(Stack.Length + 1)..] : name;
            offered["secret." + (own.LastIndexOf('_') is > 0 and var at ? own[..at] : own)] = value();
        }

        return offered;
    }

    public override async ValueTask DisposeAsync()
    {
        await record.DisposeAsync();
        engine.Dispose();
        await base.DisposeAsync();
    }

    private async Task<Fault?> StandAsync(StackVersion version, DateTimeOffset since, Timeline timeline, int? parent, CancellationToken cancel) =>
        await new StackWait(api, Stack, version, placement.Lane == Lane.Fast, clock).RunAsync(since, timeline, parent, cancel) is { } fault
            ? fault with { What = Redacted([fault.What])[0], Tail = fault.Tail is null ? null : Redacted(fault.Tail) }
            : null;

    /// <summary>Reports and logs outlive the run; its secrets do not.</summary>
    private IReadOnlyList<string> Redacted(IEnumerable<string> lines)
    {
        string[] values = [.. (present?.Secrets.Values ?? []).Select(static v => v()).Where(static v => v.Length >= ShortestSecret)];
        return [.. lines.Select(l => values.Aggregate(l, static (text, value) => text.Replace(value, "***", StringComparison.Ordinal)))];
    }

    private StackVersion VersionOf(PlacedVersion version) => versions.TryGetValue(version, out var known) ? known : versions[version] = read(version);

    private ServicePicture PictureOf(SwarmService service, IReadOnlyList<SwarmTask> tasks, Dictionary<string, ContainerSummary> containers)
    {
        // The swarm hears of a container's end a moment after the engine.
        var dead = tasks.Select(static t => t.Container).OfType<string>().Where(c => !containers.ContainsKey(c)).ToHashSet(StringComparer.Ordinal);
        var verdict = Convergence.Judge(service, tasks, applied, dead);
        var running = tasks.Where(t => t is { State: "starting" or "running", IsWanted: true, Container: { } id } && containers.ContainsKey(id)).OrderBy(static t => t.Slot).ThenBy(static t => t.ID, StringComparer.Ordinal).ToList();
        var state = service.UpdateStatus?.State;
        var wentBack = state is "paused" || state?.StartsWith("rollback", StringComparison.Ordinal) == true;
        return new ServicePicture
        {
            Name = NameOf(service.Name),
            Spec = SpecText.DigestOf(service.Spec).ToString(),
            Content = running.Select(t => containers[t.Container!].ImageID).FirstOrDefault(),
            Image = service.Image,
            Instances = [.. running.Select(static t => t.Container![..12])],
            Wanted = service.Replicas ?? Math.Max(1, running.Count),
            Restarts = tasks.Count(t => t.HasEnded && t.State is "failed" or "rejected" or "complete" && (t.Status.Timestamp ?? t.CreatedAt) >= applied && t.DesiredState != "remove" && IsPresent(service, t)),
            Stands = verdict is Converged.Yes && !wentBack,
            WentBack = wentBack,
            Detail = verdict switch
            {
                Converged.Failed failed => failed.What,
                Converged.NotYet notYet => notYet.Why,
                _ => wentBack ? $"its update was {state}: {service.UpdateStatus?.Message}" : null,
            },
            Volumes = [.. VolumesOf(service).Select(NameOf)],
        };
    }

    /// <summary>An end that is no part of an update: the task had what the service wants now.</summary>
    private static bool IsPresent(SwarmService service, SwarmTask task) => SpecText.OfTemplate(task.Spec) == SpecText.OfTemplate(service.Template) && !(task.State == "complete" && service.Restarts is "none" or "on-failure");

    private static IEnumerable<string> VolumesOf(SwarmService service)
    {
        if (!service.Template.TryGetProperty("ContainerSpec", out var container) || !container.TryGetProperty("Mounts", out var mounts) || mounts.ValueKind != System.Text.Json.JsonValueKind.Array)
        {
            yield break;
        }

        foreach (var mount in mounts.EnumerateArray())
        {
            if (mount.TryGetProperty("Type", out var type) && type.GetString() == "volume" && mount.TryGetProperty("Source", out var source) && source.GetString() is { Length: > 0 } name)
            {
                yield return name;
            }
        }
    }

    /// <summary>The label that Co-op Cloud gives; recipes without one say their version by the image's tag.</summary>
    private string? VersionIn(SwarmService service) =>
        service.Label($"coop-cloud.{Stack}.version") ?? TagOf(service.Image);

    /// <summary>Null: it has none.</summary>
    internal static string? TagOf(string? image)
    {
        var name = image?.Split('@')[0];
        var colon = name?.LastIndexOf(':') ?? -1;
        return colon > (name?.LastIndexOf('/') ?? 0) ? name![(colon + 1)..] : null;
    }

    private async Task<string?> UrlAsync(ServicePicture? main, Dictionary<string, ContainerSummary> containers, CancellationToken cancel) =>
        main is { Instances: [var first, ..] } && present?.Port is { } port && containers.Keys.FirstOrDefault(c => c.StartsWith(first, StringComparison.Ordinal)) is { } id
        && TaskAddresses.Of(await api.NetworkAsync(TaskAddresses.Network, cancel), id) is { } address
            ? string.Create(CultureInfo.InvariantCulture, $"http://{address.Ip}:{port}")
            : null;

    private async Task<string> ContainerAsync(string service, CancellationToken cancel) =>
        (await engine.ListContainersAsync(all: false, [.. Labels, $"com.docker.swarm.service.name={Stack}_{service}"], cancel)).Where(static c => c.State == "running").MaxBy(static c => c.Created)?.Id
        ?? throw new FaultException(new Fault(Outcome.TierFailed, $"no container of {service} runs", $"stack {Stack}", "see its log: lap test --keep"));

    private string NameOf(string target) =>
        present?.Volumes.FirstOrDefault(v => v.Value == target).Key is { } name ? name : target.StartsWith(Stack + "_", StringComparison.Ordinal) ? target[(Stack.Length + 1)..] : target;

    private string TargetName(string volume) => present?.Volumes.GetValueOrDefault(volume) ?? $"{Stack}_{volume}";

    private string? ServiceOf(ContainerSummary container) => container.Label("com.docker.swarm.service.name") is { } name ? NameOf(name) : null;
}
