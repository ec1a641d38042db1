using Laptime.Foundations;
using Laptime.Timing;

namespace Laptime.Recipes;

/// <summary>
/// One deployment of a recipe on one target: the same tiers run on every kind. A driver does what it is told and tells what it sees; it decides nothing, counts nothing and retries nothing.
/// Everything that it makes carries <see cref="Placement.Id"/>, so that whoever comes after a killed run can remove it.
/// </summary>
/// <remarks>One contract suite holds for all of them (tests/Laptime.Contracts). Deploying is called from one place alone: <see cref="RunLedger.DeployAsync"/>.</remarks>
public abstract class RecipeDriver : IAsyncDisposable
{
    /// <summary>What a version says of itself, without asking the target: pure reading of the checkout as it would be deployed here.</summary>
    /// <exception cref="LapException">The recipe is wrong, with file:line:column.</exception>
    public abstract VersionFacts Read(PlacedVersion version);

    /// <summary>What this lane does otherwise than the recipe asks for, each in a sentence; empty in the faithful lane.</summary>
    public abstract IReadOnlyList<string> ParityNotes { get; }

    /// <summary>What people should know of what was applied so far, each in a sentence.</summary>
    public virtual IReadOnlyList<string> Warnings => [];

    /// <summary>Begins to listen to the target's own record of what happens to this deployment, before anything does. Idempotent.</summary>
    public abstract Task AttachAsync(CancellationToken cancel);

    /// <summary>This version stands already, brought there by an earlier run: without it a target that keeps no files of a version knows neither its ports nor its secrets.</summary>
    public virtual void Adopt(PlacedVersion version)
    {
    }

    /// <summary>Has everything brought here that a deploy of this version needs, so that no deploy waits for it (segment <c>pull</c>, or <c>build</c>). Changes nothing that runs.</summary>
    /// <exception cref="FaultException">It cannot be had.</exception>
    public abstract Task PrepareAsync(PlacedVersion version, Timeline timeline, int? parent, CancellationToken cancel);

    /// <summary>
    /// Brings the deployment to this version, in place when one stands, and waits until it stands: the target's own rule of convergence, then every service's own health test or ready probe.
    /// Segments: <c>apply</c>, <c>schedule</c>, <c>boot</c>, <c>health-wait</c>, <c>monitor-wait</c>.
    /// </summary>
    /// <returns>Null when it stands; else what failed (<c>not-live</c>, <c>readiness-timeout</c>, <c>rollout-failed</c>, <c>never-listened</c>), with the last log lines.</returns>
    /// <exception cref="FaultException">The target itself cannot be reached.</exception>
    internal abstract Task<Fault?> ApplyAsync(PlacedVersion version, Timeline timeline, int? parent, CancellationToken cancel);

    /// <summary>Waits until what runs stands again, after something else than a deploy touched it (a restore). Null when it does.</summary>
    public abstract Task<Fault?> StandAsync(PlacedVersion version, Timeline timeline, int? parent, CancellationToken cancel);

    /// <summary>What runs, read from the target now.</summary>
    public abstract Task<Picture> ObserveAsync(CancellationToken cancel);

    /// <summary>Runs a program in a running instance of the service, as that instance has it.</summary>
    /// <exception cref="FaultException">None runs.</exception>
    public abstract Task<ServiceExec> ExecAsync(string service, IReadOnlyList<string> command, CancellationToken cancel);

    /// <summary>Writes files into a volume (a tar archive, paths relative to the volume's root); what is there under other names stays.</summary>
    public abstract Task PutAsync(string volume, Stream tar, CancellationToken cancel);

    /// <summary>Reads a volume as a tar archive: everything, or only these paths (relative, files or folders; one that is not there is a fault).</summary>
    public abstract Task GetAsync(string volume, IReadOnlyList<string>? paths, Stream tar, CancellationToken cancel);

    /// <summary>Removes one file of a volume.</summary>
    public abstract Task DeleteAsync(string volume, string path, CancellationToken cancel);

    /// <summary>The newest lines of what the service says.</summary>
    public abstract Task<IReadOnlyList<string>> LogsAsync(string service, int lines, CancellationToken cancel);

    /// <summary>
    /// Removes the deployment with everything that belongs to it: services, containers, networks, volumes, secrets, configs, processes, folders. Also what a killed run left, of which nothing
    /// is known but its id. Waits until it is gone.
    /// </summary>
    /// <param name="force">End what is slow to stop; else with the recipe's own grace.</param>
    internal abstract Task RemoveAsync(bool force, CancellationToken cancel);

    /// <summary>Everything of this deployment that the target still has, by listing: kind and name ("volume kv-1a2b_data"). Empty after a clean teardown.</summary>
    public abstract Task<IReadOnlyList<string>> ListAsync(CancellationToken cancel);

    /// <summary>What the target's own record says of this deployment since <see cref="AttachAsync"/>, whoever did it.</summary>
    public abstract Task<TargetCount> CountAsync(CancellationToken cancel);

    /// <summary>Environment of scripts, beside what every target gives them: addresses, container ids, folders of volumes.</summary>
    public abstract Task<IReadOnlyDictionary<string, string>> ScriptEnvironmentAsync(CancellationToken cancel);

    /// <summary>
    /// What a recipe that depends on this deployment may have of it: <c>url</c>, <c>host</c>, <c>port</c> of the main service as others reach it, <c>env.NAME</c> for its variables and
    /// <c>secret.NAME</c> for what was generated.
    /// </summary>
    public virtual async Task<IReadOnlyDictionary<string, string>> OfferAsync(CancellationToken cancel)
    {
        var offered = new Dictionary<string, string>(StringComparer.Ordinal);
        if ((await ObserveAsync(cancel)).Url is { } url)
        {
            var address = new Uri(url);
            (offered["url"], offered["host"], offered["port"]) = (url, address.Host, $"{address.Port}");
        }

        foreach (var (name, value) in await ScriptEnvironmentAsync(cancel))
        {
            offered["env." + name] = value;
        }

        return offered;
    }

    /// <summary>A service's name as a part of a variable's: <c>my-app</c> is <c>MY_APP</c>.</summary>
    private protected static string Variable(string name) => string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) ? char.ToUpperInvariant(c) : '_'));

    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}

/// <summary>Where one deployment of a run lives.</summary>
public sealed record Placement
{
    /// <summary>Unique on the target, at most 40 characters of a-z, 0-9 and '-': the stack's name, the label of everything.</summary>
    public required string Id { get; init; }

    /// <summary>The deployment's own folder in the run's: absolute, exists.</summary>
    public required string Folder { get; init; }

    public required Recipe Recipe { get; init; }

    public required Lane Lane { get; init; }

    /// <summary>What dependencies export to it, over everything else.</summary>
    public IReadOnlyDictionary<string, string> Exports { get; init; } = new Dictionary<string, string>();
}

/// <summary>A version of the recipe in a checkout of its own.</summary>
/// <param name="Version">Which.</param>
/// <param name="Folder">The checkout, absolute; the run's own.</param>
/// <param name="IsBase">The version that head upgrades from: <see cref="RecipeSettings.OverlayBaseOnly"/> lies over it.</param>
public sealed record PlacedVersion(RecipeVersion Version, string Folder, bool IsBase)
{
    /// <summary>Only for reading: as it is without the overlays of recipe.yaml.</summary>
    public bool IsBare { get; init; }
}

/// <summary>What one version of a recipe says.</summary>
public sealed record VersionFacts
{
    /// <summary>What the running system is to say its version is after this was applied.</summary>
    public required string Version { get; init; }

    /// <summary>The service that users reach: `app`, where there is one.</summary>
    public required string Main { get; init; }

    public required IReadOnlyList<ServiceFacts> Services { get; init; }

    /// <summary>Names of its volumes, those of other owners left out.</summary>
    public required IReadOnlyList<string> Volumes { get; init; }

    /// <summary>Null: it declares no backup.</summary>
    public BackupFacts? Backup { get; init; }

    /// <summary>Bound on converging.</summary>
    public required TimeSpan Timeout { get; init; }

    /// <summary>What it says twice, or not at all, and was guessed; each in a sentence with its place.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}

/// <param name="Name">As the recipe calls it.</param>
/// <param name="Image">As named; null for processes.</param>
/// <param name="Definition">Digest of everything that is written about it: another one has to show on the target.</param>
/// <param name="Volumes">Names of the volumes that it mounts.</param>
public sealed record ServiceFacts(string Name, string? Image, string Definition, IReadOnlyList<string> Volumes);

/// <summary>What a backup of the recipe holds, and what runs around it.</summary>
/// <param name="Volumes">Volumes in it, each with the paths that are (relative to the volume; null: all of it).</param>
/// <param name="Excluded">Volumes that were left out on purpose.</param>
/// <param name="Hooks">In the order of the services in the file.</param>
public sealed record BackupFacts(IReadOnlyDictionary<string, IReadOnlyList<string>?> Volumes, IReadOnlyList<string> Excluded, IReadOnlyList<RecipeHook> Hooks)
{
    /// <summary>Why the tool that makes backups there would refuse this recipe, with the place; null: it would not. The tier fails by it; the others do not.</summary>
    public string? Trouble { get; init; }
}

/// <summary>How a program in a service ended.</summary>
public sealed record ServiceExec(int ExitCode, IReadOnlyList<string> Output);

/// <summary>What runs, as the target says.</summary>
public sealed record Picture
{
    public required IReadOnlyList<ServicePicture> Services { get; init; }

    public required IReadOnlyList<VolumePicture> Volumes { get; init; }

    /// <summary>What the running system says its version is: the version label of the main service, or the record of the process target; null: it says nothing.</summary>
    public string? Version { get; init; }

    /// <summary>Where the main service answers; null: nowhere.</summary>
    public string? Url { get; init; }

    public ServicePicture? Find(string service) => Services.FirstOrDefault(s => s.Name == service);
}

/// <summary>One service that the target has.</summary>
public sealed record ServicePicture
{
    /// <summary>As the recipe calls it.</summary>
    public required string Name { get; init; }

    /// <summary>What was applied, as a digest of the target's own words: it changes with every change of the service, whoever made it.</summary>
    public required string Spec { get; init; }

    /// <summary>Digest of what runs: the image's id, or the artifact's.</summary>
    public string? Content { get; init; }

    /// <summary>The image as it was named; null for processes.</summary>
    public string? Image { get; init; }

    /// <summary>The running instances: container or task ids, or process ids with their start times. In a fixed order.</summary>
    public required IReadOnlyList<string> Instances { get; init; }

    public int Wanted { get; init; } = 1;

    /// <summary>Instances that ended by themselves since the last apply.</summary>
    public int Restarts { get; init; }

    /// <summary>Converged, by the target's own rule, this moment.</summary>
    public bool Stands { get; init; }

    /// <summary>In words when it does not stand, or when its update was paused or rolled back.</summary>
    public string? Detail { get; init; }

    /// <summary>The last update was paused or rolled back by the target.</summary>
    public bool WentBack { get; init; }

    /// <summary>Names of <see cref="Picture.Volumes"/> that it has.</summary>
    public IReadOnlyList<string> Volumes { get; init; } = [];
}

/// <summary>A place that outlives the instances.</summary>
/// <param name="Name">As the recipe calls it.</param>
/// <param name="Identity">Its name on the target with when it was made: another one is another volume.</param>
public sealed record VolumePicture(string Name, string Identity);

/// <summary>What happened to one deployment, from the target's own record.</summary>
/// <param name="Installs">How often it was made from nothing.</param>
/// <param name="Updates">How often it was changed in place.</param>
/// <param name="Removes">How often it was removed.</param>
/// <param name="Evidence">What was counted, each in a line: time, kind, what.</param>
public sealed record TargetCount(int Installs, int Updates, int Removes, IReadOnlyList<string> Evidence)
{
    public static readonly TargetCount Nothing = new(0, 0, 0, []);

    public TargetCount And(TargetCount more) => new(Installs + more.Installs, Updates + more.Updates, Removes + more.Removes, [.. Evidence, .. more.Evidence]);
}
