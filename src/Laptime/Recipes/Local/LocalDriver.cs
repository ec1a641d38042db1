using System.Formats.Tar;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Targets;
using Laptime.Targets.Local;
using Laptime.Timing;
using Laptime.Transactions;
using Laptime.Workspaces;

namespace Laptime.Recipes.Local;

/// <summary>
/// A workspace recipe as processes under an agent of its own: runs everywhere. The deployment is a workspace in the run's folder; a version is its files, brought up by a plain `lap deploy`
/// there, so that everything a user gets (blue/green, signals, the proof of what serves) is what is tested. Volumes are folders beside it.
/// </summary>
/// <param name="lap">The program that runs, with these arguments, in this folder.</param>
/// <param name="lapVersion">Of lap: the agent's has to be the same.</param>
public sealed class LocalDriver(Placement placement, Func<IReadOnlyList<string>, string, Command> lap, string lapVersion, ProcessRunner runner, TimeProvider clock) : RecipeDriver
{
    private static readonly TimeSpan StopBound = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan StandPoll = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromMinutes(5);

    /// <summary>What of `lap deploy`'s segments is what a recipe's reader calls otherwise.</summary>
    private static readonly Dictionary<string, string> Names = new(StringComparer.Ordinal) { ["rollout"] = "apply", ["live"] = "boot", ["ready"] = "health-wait", ["smoke"] = "health-wait", ["reflect"] = "health-wait" };

    private readonly string work = Path.Combine(placement.Folder, "work");
    private readonly string volumes = Path.Combine(placement.Folder, "volumes");
    private readonly string kept = Path.Combine(placement.Folder, "events.jsonl");
    private readonly List<string> warnings = [];
    private LocalRecord? record;

    public override IReadOnlyList<string> ParityNotes => [];

    public override IReadOnlyList<string> Warnings => warnings;

    private string WorkspaceFilePath => Path.Combine(work, "laptime.yaml");

    private AgentFolder Agent => new(work);

    public override VersionFacts Read(PlacedVersion version)
    {
        var workspace = Load(Path.Combine(version.Folder, "laptime.yaml"));
        var running = workspace.Components.Where(c => c.Run is not null).ToList();
        var settings = placement.Recipe.Settings;
        return new VersionFacts
        {
            Version = version.Version.Text,
            Main = MainOf(running),
            Services = [.. running.Select(c => new ServiceFacts(c.Name, null, "", [.. settings.Volumes.Keys]))],
            Volumes = [.. settings.Volumes.Keys],
            Backup = settings.Volumes.Count == 0 ? null : new BackupFacts(settings.Volumes.Keys.ToDictionary(v => v, _ => (IReadOnlyList<string>?)null, StringComparer.Ordinal), [], settings.Hooks),
            Timeout = settings.Timeout ?? DefaultTimeout,
        };
    }

    /// <summary>The agent writes its record from its first moment on.</summary>
    public override Task AttachAsync(CancellationToken cancel) => Task.CompletedTask;

    /// <summary>Nothing is fetched: what has to be built is built by the deploy, and measured there.</summary>
    public override Task PrepareAsync(PlacedVersion version, Timeline timeline, int? parent, CancellationToken cancel) => Task.CompletedTask;

    internal override async Task<Fault?> ApplyAsync(PlacedVersion version, Timeline timeline, int? parent, CancellationToken cancel)
    {
        CopyIn(version.Folder);
        foreach (var volume in placement.Recipe.Settings.Volumes.Keys.Where(v => !Directory.Exists(FolderOf(v))))
        {
            Directory.CreateDirectory(FolderOf(volume));
            // Folders do not remember reliably when they were made.
            await File.WriteAllTextAsync(MarkOf(volume), RunFolders.Token(8), cancel);
        }

        var began = timeline.Now;
        var (result, output) = await runner.RunForBytesAsync(Lap(["deploy", "-o", "json"]) with { Deadline = Read(version).Timeout }, 16 << 20, cancel);
        var took = timeline.Now - began;
        TransactionDocument? document = null;
        try
        {
            document = JsonSerializer.Deserialize(output, TransactionJson.Default.TransactionDocument);
        }
        catch (JsonException)
        {
            // It ended before it had one, or is none of ours.
        }

        Measure(document, timeline, parent, began, took);
        warnings.AddRange((document?.Warnings ?? []).Where(w => !w.Contains("no segment", StringComparison.Ordinal)).Except(warnings));
        if (!result.Succeeded)
        {
            var outcome = Outcome.All.FirstOrDefault(o => o.ExitCode == result.ExitCode && o.ExitCode != 0) ?? Outcome.RolloutFailed;
            return document?.Failure is { } failure
                ? new Fault(outcome, failure.Message, failure.Where, failure.Mend, failure.Tail ?? result.Tail)
                : new Fault(result.TimedOut ? Outcome.ReadinessTimeout : outcome, $"`lap deploy` of {version.Version}: {result.Ending}", placement.Recipe.Name, "see its last lines", result.Tail);
        }

        Keep(Record with
        {
            Version = version.Version.Text, Revisions = (await ObservedAsync(cancel)).ToDictionary(o => o.Component, o => o.Revision, StringComparer.Ordinal),
        });
        return null;
    }

    public override async Task<Fault?> StandAsync(PlacedVersion version, Timeline timeline, int? parent, CancellationToken cancel)
    {
        using var segment = timeline.Begin("health-wait", parent: parent);
        var began = clock.GetTimestamp();
        var bound = Read(version).Timeout;
        string? last = null;
        while (clock.GetElapsedTime(began) < bound)
        {
            var (result, output) = await runner.RunForBytesAsync(Lap(["status", "-o", "json"]), 16 << 20, cancel);
            last = result.Succeeded ? WhyNot(output) : string.Join(" · ", result.Tail.TakeLast(3));
            if (last is null)
            {
                segment.End();
                return null;
            }

            await Task.Delay(StandPoll, clock, cancel);
        }

        segment.End("timeout");
        return new Fault(Outcome.ReadinessTimeout, $"does not stand after {Duration.Text(bound)}: {last}", placement.Recipe.Name, "see its log; `timeout:` in recipe.yaml gives it longer");
    }

    public override async Task<Picture> ObserveAsync(CancellationToken cancel)
    {
        var observed = await ObservedAsync(cancel);
        var running = Workspace().Components.Where(c => c.Run is not null).ToList();
        var main = MainOf(running);
        return new Picture
        {
            Services =
            [
                .. observed.OrderBy(o => o.Component, StringComparer.Ordinal).Select(o => new ServicePicture
                {
                    Name = o.Component, Spec = o.DeploymentKey.ToString(), Content = o.Artifact.IsNone ? null : o.Artifact.ToString(), Wanted = o.Of, Stands = o.Serving, Detail = o.Detail,
                    Instances = [.. o.Pids.Order().Select(p => $"pid {p} from {ProcessOwner.TicksOf(p)?.ToString(CultureInfo.InvariantCulture) ?? "nowhere"}")],
                    Volumes = [.. placement.Recipe.Settings.Volumes.Keys],
                }),
            ],
            Volumes = [.. placement.Recipe.Settings.Volumes.Keys.Where(v => Directory.Exists(FolderOf(v))).Select(v => new VolumePicture(v, IdentityOf(v)))],
            // The version is not in a process: it is the one that was applied, as long as nothing else runs than what came up then.
            Version = observed.Count == Record.Revisions.Count && observed.All(o => o.Revision is { } r && Record.Revisions.GetValueOrDefault(o.Component) == r) ? Record.Version : null,
            Url = observed.FirstOrDefault(o => o.Component == main)?.Endpoint ?? (PortOf(main) is { } port ? $"http://127.0.0.1:{port}" : null),
        };
    }

    public override async Task<ServiceExec> ExecAsync(string service, IReadOnlyList<string> command, CancellationToken cancel)
    {
        var (gate, lines) = (new Lock(), new List<string>());
        await using var target = Target();
        var end = await target.ExecAsync(new ExecRequest(service, command), line =>
        {
            lock (gate)
            {
                lines.Add(line.Text);
            }
        }, cancel);
        return new ServiceExec(end.ExitCode, lines);
    }

    public override async Task PutAsync(string volume, Stream tar, CancellationToken cancel) =>
        await TarFile.ExtractToDirectoryAsync(tar, Existing(volume), overwriteFiles: true, cancel);

    public override async Task GetAsync(string volume, IReadOnlyList<string>? paths, Stream tar, CancellationToken cancel)
    {
        var folder = Existing(volume);
        await using var writer = new TarWriter(tar, TarEntryFormat.Pax, leaveOpen: true);
        foreach (var path in paths ?? [""])
        {
            var full = Below(folder, path, volume);
            if (!Path.Exists(full))
            {
                throw new FaultException(new Fault(Outcome.TierFailed, $"the volume {volume} has no {path}", placement.Recipe.Name, "correct the path that is backed up"));
            }

            if (path.Length > 0)
            {
                await writer.WriteEntryAsync(full, path, cancel);
            }

            foreach (var file in Directory.Exists(full) ? Directory.EnumerateFileSystemEntries(full, "*", All).Order(StringComparer.Ordinal) : Enumerable.Empty<string>())
            {
                await writer.WriteEntryAsync(file, Path.GetRelativePath(folder, file).Replace('\\', '/'), cancel);
            }
        }
    }

    public override Task DeleteAsync(string volume, string path, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        File.Delete(Below(Existing(volume), path, volume));
        return Task.CompletedTask;
    }

    public override async Task<IReadOnlyList<string>> LogsAsync(string service, int lines, CancellationToken cancel)
    {
        await using var target = Target();
        return await target.LogsAsync(service, lines, follow: false, cancel).ToListAsync(cancel);
    }

    internal override async Task RemoveAsync(bool force, CancellationToken cancel)
    {
        if (Directory.Exists(Agent.Run))
        {
            if (File.Exists(WorkspaceFilePath))
            {
                // Stopping waits for what is served to end; who is in a hurry ends it with the agent.
                _ = force ? null : await runner.RunAsync(Lap(["down"]) with { Deadline = StopBound }, null, cancel);
                var stopped = await runner.RunAsync(Lap(["agent", "stop", "--instances"]) with { Deadline = StopBound }, null, cancel);
                if (!stopped.Succeeded)
                {
                    throw new FaultException(new Fault(
                        Outcome.TierFailed, $"what runs in {work} cannot be stopped: {stopped.Ending}", placement.Id, $"lap agent stop --instances -f {WorkspaceFilePath}", stopped.Tail));
                }
            }

            if (File.Exists(Agent.Events))
            {
                File.Move(Agent.Events, kept, overwrite: true);
            }
        }

        foreach (var folder in (string[])[work, volumes])
        {
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    public override Task<IReadOnlyList<string>> ListAsync(CancellationToken cancel)
    {
        var left = new List<string>();
        if (Directory.Exists(volumes))
        {
            left.AddRange(Directory.EnumerateDirectories(volumes).Select(v => "volume " + Path.GetFileName(v)));
        }

        left.AddRange(ProcessesWithin(placement.Folder));
        return Task.FromResult<IReadOnlyList<string>>(left);
    }

    public override Task<TargetCount> CountAsync(CancellationToken cancel)
    {
        // Of the agent, whoever asked it: what one transaction starts is one deploy, from nothing when nothing of the environment served then.
        var (installs, updates, removes, evidence) = (0, 0, 0, new List<string>());
        var running = new HashSet<(string, string)>();
        string? last = null;
        foreach (var line in AgentEvent.Read(kept).Concat(AgentEvent.Read(Agent.Events)))
        {
            var key = (line.Environment, line.Component);
            switch (line.What)
            {
                case "start":
                    if (line.Transaction != last)
                    {
                        last = line.Transaction;
                        _ = line.Serving ? updates++ : installs++;
                        evidence.Add($"{line.At:HH:mm:ss.fff} {(line.Serving ? "update" : "install")} by {line.Transaction}: {line.Revision}");
                    }

                    running.Add(key);
                    break;
                case "stop":
                    if (running.Remove(key) && running.Count == 0)
                    {
                        removes++;
                        last = null;
                        evidence.Add($"{line.At:HH:mm:ss.fff} remove: {line.Component} was the last");
                    }

                    break;
            }
        }

        return Task.FromResult(new TargetCount(installs, updates, removes, evidence));
    }

    public override Task<IReadOnlyDictionary<string, string>> ScriptEnvironmentAsync(CancellationToken cancel)
    {
        var variables = Variables();
        foreach (var component in Workspace().Components.Where(c => c.Run is not null && PortOf(c.Name) is not null))
        {
            variables["RECIPE_URL_" + Variable(component.Name)] = $"http://127.0.0.1:{PortOf(component.Name)}";
        }

        return Task.FromResult<IReadOnlyDictionary<string, string>>(variables);
    }

    private static EnumerationOptions All { get; } = new() { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint };

    private static string MainOf(List<Component> running) =>
        (running.FirstOrDefault(c => c.Name == "app") ?? running.FirstOrDefault(c => c.Run!.Port is not null) ?? running[0]).Name;

    private string MarkOf(string volume) => Path.Combine(placement.Folder, $"volume-{volume}.made");

    private string IdentityOf(string volume) => File.Exists(MarkOf(volume)) ? $"{volume} {File.ReadAllText(MarkOf(volume))}" : volume;

    /// <summary>Programs that work in the deployment's folder: nothing else has anything to do there.</summary>
    private static IEnumerable<string> ProcessesWithin(string folder)
    {
        foreach (var process in OperatingSystem.IsLinux() ? Directory.EnumerateDirectories("/proc").Where(p => int.TryParse(Path.GetFileName(p), out _)) : Enumerable.Empty<string>())
        {
            string? at = null;
            try
            {
                at = new FileInfo(Path.Combine(process, "cwd")).LinkTarget;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Another user's, or gone meanwhile.
            }

            if (at is not null && (at == folder || at.StartsWith(folder + "/", StringComparison.Ordinal)))
            {
                yield return $"process {Path.GetFileName(process)} in {at}";
            }
        }
    }

    /// <summary>What is written in the status document against the deployment standing; null: it stands.</summary>
    private static string? WhyNot(byte[] status)
    {
        using var document = JsonDocument.Parse(status);
        foreach (var component in document.RootElement.GetProperty("components").EnumerateArray())
        {
            var name = component.GetProperty("name").GetString();
            var observed = component.GetProperty("observed");
            if (observed.ValueKind == JsonValueKind.Null || !observed.GetProperty("serving").GetBoolean())
            {
                return $"{name} does not serve";
            }

            if (component.GetProperty("signals").GetProperty("ready").GetProperty("status").GetString() is "fail" or "timeout")
            {
                return $"{name} is not ready";
            }
        }

        return null;
    }

    private static string Below(string folder, string path, string volume)
    {
        var full = Path.GetFullPath(Path.Combine(folder, path));
        return full == folder || full.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal)
            ? full
            : throw new LapException($"`{path}` leads out of the volume {volume}", null, "write a path relative to the volume");
    }

    /// <summary>The critical path of the deploy, under the names that recipes have for it; what is left is lap's own and the rollout's.</summary>
    private static void Measure(TransactionDocument? document, Timeline timeline, int? parent, double began, double took)
    {
        var told = 0.0;
        foreach (var segment in document?.Segments.Where(s => s is { CriticalPath: true, Start: >= 0, Seconds: > 0 }) ?? [])
        {
            var name = segment.Name.StartsWith("build", StringComparison.Ordinal) ? "build" : Names.GetValueOrDefault(segment.Name, "apply");
            timeline.Record(name, began + told, segment.Seconds!.Value, segment.Component, parent: parent, outcome: segment.Outcome ?? "ok");
            told += segment.Seconds.Value;
        }

        if (took > told)
        {
            timeline.Record("apply", began + told, took - told, parent: parent);
        }
    }

    private string FolderOf(string volume) => Path.Combine(volumes, volume);

    private string Existing(string volume) => Directory.Exists(FolderOf(volume)) ? FolderOf(volume)
        : throw new FaultException(new Fault(Outcome.TierFailed, $"the volume {volume} is not there", placement.Recipe.Name, "`volumes:` in recipe.yaml names them"));

    private Workspace Load(string file) => WorkspaceFile.Load(file, name => VariableOf(name) ?? Environment.GetEnvironmentVariable(name));

    private Workspace Workspace() => Load(WorkspaceFilePath);

    private string? VariableOf(string name) => Variables().GetValueOrDefault(name);

    private LocalTarget Target() => new(new AgentLauncher(Agent, lapVersion, clock), Workspace().Environments[0].Name, mayLaunch: false, runner);

    private async Task<IReadOnlyList<Observed>> ObservedAsync(CancellationToken cancel)
    {
        if (!Directory.Exists(Agent.Run))
        {
            return [];
        }

        await using var target = Target();
        return await target.ObserveAsync(cancel);
    }

    private int? PortOf(string component) => Record.Ports.GetValueOrDefault(component) is > 0 and var port ? port : null;

    /// <summary>What was applied, for whoever opens the deployment again.</summary>
    private LocalRecord Record => record ??= LocalRecord.Read(Path.Combine(placement.Folder, "deployment.json"));

    private void Keep(LocalRecord changed)
    {
        record = changed;
        changed.Write(Path.Combine(placement.Folder, "deployment.json"));
    }

    /// <summary>Everything of the old version goes but what lap keeps; what it wrote belongs into volumes.</summary>
    private void CopyIn(string from)
    {
        BeRepository(work);
        foreach (var entry in new DirectoryInfo(work).EnumerateFileSystemInfos().Where(e => e.Name is not (".laptime" or ".git")))
        {
            if (entry is DirectoryInfo { LinkTarget: null } folder)
            {
                folder.Delete(recursive: true);
            }
            else
            {
                entry.Delete();
            }
        }

        Copy(from, work);
        var wanted = Load(WorkspaceFilePath).Components.Where(c => c.Run?.Port is not null).Select(c => c.Name).Except(Record.Ports.Keys).ToList();
        if (wanted.Count > 0)
        {
            Keep(Record with { Ports = new Dictionary<string, int>(Record.Ports.Concat(FreePorts(wanted)), StringComparer.Ordinal) });
        }
    }

    /// <summary>Runs lie in a folder that the repository around the recipe ignores; in one of its own, only what the recipe itself ignores is.</summary>
    private static void BeRepository(string folder)
    {
        var git = Path.Combine(folder, ".git");
        Directory.CreateDirectory(Path.Combine(git, "objects"));
        Directory.CreateDirectory(Path.Combine(git, "refs", "heads"));
        File.WriteAllText(Path.Combine(git, "HEAD"), "ref: refs/heads/main\n");
        File.WriteAllText(Path.Combine(git, "config"), "[core]\n\trepositoryformatversion = 0\n\tbare = false\n");
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var entry in new DirectoryInfo(from).EnumerateFileSystemInfos().Where(e => e.Name is not (".laptime" or ".git")))
        {
            var target = Path.Combine(to, entry.Name);
            if (entry.LinkTarget is { } link)
            {
                File.CreateSymbolicLink(target, link);
            }
            else if (entry is DirectoryInfo)
            {
                Copy(entry.FullName, target);
            }
            else
            {
                File.Copy(entry.FullName, target);
            }
        }
    }

    /// <summary>Ports that are nobody's this moment: a recipe's own would meet those of its dependencies, and of whatever runs here.</summary>
    private static Dictionary<string, int> FreePorts(IReadOnlyList<string> components)
    {
        var (listeners, found) = (new List<TcpListener>(), new Dictionary<string, int>(StringComparer.Ordinal));
        foreach (var component in components)
        {
            var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            listeners.Add(listener);
            found[component] = ((IPEndPoint)listener.LocalEndpoint).Port;
        }

        listeners.ForEach(l => l.Dispose());
        return found;
    }

    private Dictionary<string, string> Variables()
    {
        var variables = new Dictionary<string, string>(placement.Recipe.Settings.Env, StringComparer.Ordinal);
        foreach (var (name, value) in placement.Exports)
        {
            variables[name] = value;
        }

        foreach (var (volume, variable) in placement.Recipe.Settings.Volumes)
        {
            variables[variable] = FolderOf(volume);
        }

        return variables;
    }

    /// <summary>Only of components that this version has.</summary>
    private string? Ports()
    {
        var workspace = File.Exists(WorkspaceFilePath) ? Workspace() : null;
        var ports = Record.Ports.Where(p => workspace?.Find(p.Key)?.Run is not null).Select(p => $"{p.Key}={p.Value}").ToList();
        return ports.Count > 0 ? string.Join(',', ports) : null;
    }

    private Command Lap(IReadOnlyList<string> arguments)
    {
        // Neither the twins of flags nor a trace were meant for the deployment.
        var variables = Environment.GetEnvironmentVariables().Keys.Cast<string>()
            .Where(n => (n.StartsWith("LAP_", StringComparison.Ordinal) && n != AgentLauncher.PathVariable) || n is "TRACEPARENT" or "TRACESTATE" or "CI" or "GITHUB_ACTIONS" or "GITHUB_STEP_SUMMARY")
            .ToDictionary(n => n, _ => (string?)null, StringComparer.Ordinal);
        foreach (var (name, value) in Variables())
        {
            variables[name] = value;
        }

        variables[RunPorts.Variable] = Ports();
        return lap(arguments, work) with { Environment = variables };
    }
}
