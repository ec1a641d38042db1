using System.CommandLine;
using System.Reflection;
using Laptime.Artifacts;
using Laptime.Artifacts.Provenance;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Measurement;
using Laptime.Planning;
using Laptime.Processes;
using Laptime.Storage.Sqlite;
using Laptime.Targets;
using Laptime.Targets.Commands;
using Laptime.Targets.Docker;
using Laptime.Targets.Kubernetes;
using Laptime.Targets.Local;
using Laptime.Targets.Swarm;
using Laptime.Targets.Registry;
using Laptime.Timing;
using Laptime.Transactions;
using Laptime.Workspaces;
using Laptime.Workspaces.Compose;

namespace Laptime.Cli.Commands;

/// <summary>What one command works with, made on first use: a command touches only what it needs.</summary>
internal sealed class Session(ParseResult arguments, Shutdown shutdown)
{
    private Workspace? workspace;
    private IReadOnlyList<string> notices = [];
    private EngineClient? engine;
    private DeployScope? scope;
    private Lazy<ArtifactLookup?>? lookup;

    /// <summary>The version as people see it.</summary>
    public static string Version { get; } =
        typeof(Session).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";

    public ParseResult Arguments { get; } = arguments;

    public Shutdown Shutdown { get; } = shutdown;

    public TimeProvider Clock { get; } = TimeProvider.System;

    public ProcessRunner Runner => field ??= Shutdown.Watch(new ProcessRunner(Clock));

    public bool Json => Arguments.GetValue(Global.Output) == "json";

    public bool Quiet => Arguments.GetValue(Global.Quiet);

    public bool Verbose => Arguments.GetValue(Global.Verbose);

    public Rendering.Terminal Terminal => field ??= Rendering.Terminal.OfThisProcess(Arguments.GetValue(Global.Progress), Quiet, Json, Arguments.GetValue(Global.NoColor));

    /// <summary>Asks a person; null where nobody can answer.</summary>
    public Func<string, string?>? Ask => Console.IsInputRedirected || Console.IsErrorRedirected || Json ? null : static what =>
    {
        Console.Error.Write($"{what}.\n[k]eep what fits, [r]ecreate (stop it first), or anything else to leave it: ");
        return Console.ReadLine()?.Trim().ToLowerInvariant() switch { "k" or "keep" => "reuse", "r" or "recreate" => "recreate", _ => null };
    };

    /// <summary>The workspace as it is in the environment that is asked for: its compose files, where it has some, say what runs there.</summary>
    public Workspace Workspace => workspace ??= Named is { } name && Written.Environments.All(e => e.Name != name)
        ? Written
        : ComposeWorkspace.For(InEnvironment.Of(Written, Environment()), Environment(), System.Environment.GetEnvironmentVariable);

    /// <summary>What laptime.yaml (or a compose file without one) says, whatever the environment.</summary>
    private Workspace Written => field ??= LoadWorkspace();

    /// <summary>There is no laptime.yaml: the components are the services of a compose file.</summary>
    public bool IsFromCompose => Notices.Count > 0;

    /// <summary>What people are told of a workspace without laptime.yaml, each time.</summary>
    public IReadOnlyList<string> Notices
    {
        get
        {
            _ = Written;
            return notices;
        }
    }

    public WorkspaceFolder Folder => field ??= new WorkspaceFolder(Workspace.Root);

    /// <summary>Workspace, environment and profile with every template's names resolved.</summary>
    public DeployScope Scope => scope ??= MakeScope();

    /// <summary>The workspace's own: what was built here and what was fetched.</summary>
    public OciLayoutStore Store => field ??= new OciLayoutStore(Folder.Artifacts, Clock);

    /// <summary>Where `lap publish` puts artifacts and deploys look for them (`artifacts.store`); the same as <see cref="Store"/> unless another place is named.</summary>
    public ArtifactStore Shared => field ??= MakeShared();

    /// <summary>Whom to believe.</summary>
    public TrustPolicy Trust => field ??= TrustPolicy.Load(Workspace, Clock);

    /// <summary>Null: there is nowhere to look for prebuilt artifacts, and nothing asks for them.</summary>
    public ArtifactLookup? Lookup => (lookup ??= new Lazy<ArtifactLookup?>(() => MayBePublished ? OpenLookup() : null)).Value;

    public NoOpLog NoOps => field ??= NoOpLog.Beside(JournalFile);

    public string JournalFile => Path.GetFullPath(Path.Combine(Workspace.Root, Workspace.Journal.Store));

    /// <summary>Null: nothing was ever recorded.</summary>
    public Journal? OpenJournalForReading() => File.Exists(JournalFile) || File.Exists(NoOps.Path) ? SqliteJournal.OpenReadOnly(JournalFile, NoOps) : null;

    public Journal OpenJournal()
    {
        Folder.Create(Path.GetDirectoryName(JournalFile));
        return SqliteJournal.Open(JournalFile, NoOps);
    }

    /// <param name="mayLaunch">False for questions: they start nothing.</param>
    public Target OpenTarget(bool mayLaunch) => OpenTarget(Environment(), mayLaunch);

    /// <param name="mayLaunch">False for questions: they start nothing.</param>
    public Target OpenTarget(DeployEnvironment environment, bool mayLaunch)
    {
        var names = new Lazy<TemplateScope>(() => environment == Scope.Environment ? Scope.Names : new TemplateScope(
            Workspace, environment, Workspace.Profiles.FirstOrDefault(p => p.Name == environment.Profile), System.Environment.GetEnvironmentVariable));
        return environment.Target switch
        {
            TargetKind.Process => new LocalTarget(Launcher, environment.Name, mayLaunch, Runner),
            TargetKind.Docker => OpenDocker(environment, names, mayLaunch),
            TargetKind.Swarm => OpenSwarm(environment, names),
            TargetKind.Command => new CommandTarget(
                Workspace.Root, environment.Name, environment.Commands!, names.Value.Of, names.Value.Secrets, Runner, Clock),
            TargetKind.Kubernetes => new KubernetesTarget(
                Workspace.Root, Workspace.Name, environment.Name, environment.Kubernetes!, [.. Workspace.Components.Select(c => c.Name)], ImageOf, () => Shared, Folder.Environment(environment.Name),
                names.Value.Secrets, Runner, Clock),
            _ => throw new System.Diagnostics.UnreachableException(),
        };
    }

    /// <summary>The environment's compose files as they are meant. Of a workspace that is nothing else, files count that are not there yet: one that compose would rather read.</summary>
    private ComposeProject StackOf(DeployEnvironment environment)
    {
        var project = ComposeFile.Read([.. environment.Stack.Select(s => Path.Combine(Workspace.Root, s))], System.Environment.GetEnvironmentVariable);
        return IsFromCompose ? project with { Missing = [.. project.Missing.Union(ComposeFile.Preferred(project.Files))] } : project;
    }

    /// <summary>
    /// Calls the environment's engine while compose files, journal and index are read: connecting costs most of a look at it. Whether it answers, the target tells.
    /// </summary>
    public void ApproachTarget()
    {
        if (Environment().Target is TargetKind.Docker or TargetKind.Swarm)
        {
            engine ??= NewEngine();
            engine.Approach(Shutdown.Token);
        }
    }

    /// <summary>The one that was called before, where one was; whoever takes it disposes it.</summary>
    private EngineClient TakeEngine() => Interlocked.Exchange(ref engine, null) ?? NewEngine();

    public EngineClient NewEngine() => new(EngineEndpoint.Find(System.Environment.GetEnvironmentVariable), Clock) { Accounts = new EngineAccounts(Runner) };

    private DockerTarget OpenDocker(DeployEnvironment environment, Lazy<TemplateScope> names, bool mayLaunch)
    {
        ComposeContainers? compose = null;
        var forWantOfSwarm = false;
        if (environment.Stack.Count > 0)
        {
            var project = StackOf(environment);
            compose = new ComposeContainers(project, project.Name ?? Workspace.Name);
            compose.Require();
            forWantOfSwarm = IsFromCompose && project.SwarmEvidence is not null;
        }

        var reachable = compose?.Services ?? Workspace.Components.SelectMany(c => c.Needs);
        return new DockerTarget(
            TakeEngine(), Launcher,
            new DockerPlace(Workspace.Name, Workspace.Root, environment.Name) 
            {
                Reachable = reachable.ToHashSet(StringComparer.Ordinal), Compose = compose, IsForWantOfSwarm = forWantOfSwarm,
            }, Clock, SignalsOf(names), mayLaunch);
    }

    /// <summary>How what serves a component at a revision and transaction is asked for its signals; null where there is nothing to ask.</summary>
    private Func<string, string, string, SignalPlan?> SignalsOf(Lazy<TemplateScope> names) => (name, revision, transaction) => Workspace.Find(name) is { Run: not null } component
        ? RunningSignals.PlanOf(component, names.Value.For(component, revision, transaction), names.Value.Secrets)
        : null;

    /// <summary>Where a cluster pulls an image from: the registry that artifacts are stored in.</summary>
    private string? ImageOf(Digest artifact) =>
        Workspace.Artifacts.Store is var store && store.StartsWith("oci://", StringComparison.Ordinal) ? $"{store["oci://".Length..].TrimEnd('/')}@{artifact}" : null;

    private SwarmTarget OpenSwarm(DeployEnvironment environment, Lazy<TemplateScope> names)
    {
        if (environment.Stack.Count == 0)
        {
            throw new LapException($"environment {environment.Name}: `target: swarm` deploys a stack, and no compose file is named", environment.At?.ToString(), "add `stack: compose.yml`");
        }

        var project = StackOf(environment);
        return new SwarmTarget(
            TakeEngine(), project,
            new SwarmPlace(
                Workspace.Name, Workspace.Root, environment.Name, SwarmPlace.StackOf(project, Workspace.Name, environment.Name), new WorkspaceFolder(Workspace.Root).Environment(environment.Name)),
            Runner, Clock,
            SignalsOf(names), ImageOf);
    }

    public AgentLauncher Launcher => field ??= new AgentLauncher(new AgentFolder(Workspace.Root), Version, Clock);

    /// <summary>The environment that was named; null: none was.</summary>
    private string? Named => (Arguments.CommandResult.Command.Options.Contains(PromoteCommand.To) ? Arguments.GetValue(PromoteCommand.To) : null) ?? Arguments.GetValue(Global.Environment);

    public DeployEnvironment Environment()
    {
        if (Named is not { } name)
        {
            return Written.Environments[0];
        }

        return Written.Environments.FirstOrDefault(e => e.Name == name)
            ?? throw new LapException($"there is no environment {name}", Written.File, NearestName.Suggest(name, [.. Written.Environments.Select(e => e.Name)]));
    }

    /// <summary>
    /// Puts back what a killed measurement left (an edit, caches set aside, the checkouts of a race and what runs in them). For every command that is about to touch it, before anything is read.
    /// </summary>
    public async Task UndoAbandonedAsync()
    {
        // A run of a measurement need not ask: whoever measures lives.
        if (System.Environment.GetEnvironmentVariable(MeasuredCommand.Variable) is not null)
        {
            return;
        }

        if (RaceGround.IsLeft(Folder))
        {
            await Racing.RaceCommand.SweepAsync(this);
        }

        if (UndoLog.IsPending(Workspace.Root))
        {
            foreach (var said in await new UndoLog(Workspace.Root).UndoAbandonedAsync(Clock, Shutdown.Token))
            {
                Console.Error.WriteLine("lap: " + said);
            }
        }
    }

    /// <summary>For a question, which changes nothing: what it is about to say is of a workspace with a measurement's edit in it.</summary>
    public void TellOfAbandoned()
    {
        if (UndoLog.IsPending(Workspace.Root) && new UndoLog(Workspace.Root).Pending() is { } pending && pending.Owner.IsAlive() == false)
        {
            Console.Error.WriteLine(
                $"lap: a measurement was killed and has not put back {string.Join(", ", pending.Steps.Select(s => Path.GetFileName(s.Path)))}: the next lap deploy does, first of all");
        }
    }

    /// <summary>The components named on the command line; null when none were: all.</summary>
    public IReadOnlySet<string>? Select(string[]? names)
    {
        if (names is null or [])
        {
            return null;
        }

        var problems = names.Where(n => Workspace.Find(n) is null).Distinct()
            .Select(n => new Problem($"there is no component {n}", Workspace.File, NearestName.Suggest(n, [.. Workspace.Components.Select(c => c.Name)]))).ToList();
        return problems.Count > 0 ? throw new LapException(problems) : new HashSet<string>(names, StringComparer.Ordinal);
    }

    /// <summary>The current folder.</summary>
    /// <exception cref="LapException">It was removed since the shell went there.</exception>
    public static string Here()
    {
        try
        {
            return Directory.GetCurrentDirectory();
        }
        catch (IOException)
        {
            throw new LapException("the current folder does not exist any more", null, "go to one that does: cd ~");
        }
    }

    private Workspace LoadWorkspace()
    {
        var here = Here();
        var path = Arguments.GetValue(Global.File) is { } given ? Path.GetFullPath(given, here) : WorkspaceFile.Find(here);
        IReadOnlyList<string> compose = path is null ? ComposeFile.FindAll(here) : ComposeFile.FileNames.Contains(Path.GetFileName(path)) ? [path] : [];
        if (compose.Count > 0)
        {
            return FromCompose(compose);
        }

        return path is null
            ? throw new LapException("there is no laptime.yaml here or in a folder above, and no compose file here", here, "lap init writes one from what it finds here; lap demo shows one at work")
            : RunPorts.Over(WorkspaceFile.Load(path, System.Environment.GetEnvironmentVariable), System.Environment.GetEnvironmentVariable(RunPorts.Variable));
    }

    /// <summary>Without laptime.yaml the services of a compose file are the components. Which target that makes, and why, is told.</summary>
    private Workspace FromCompose(IReadOnlyList<string> files)
    {
        var load = ComposeWorkspace.Load(files, System.Environment.GetEnvironmentVariable, IsSwarmManager);
        notices = [$"no laptime.yaml, so {string.Join(" with ", files.Select(f => Path.GetFileName(f)))} is deployed, to {load.Target.ToString().ToLowerInvariant()}: {load.Why}", .. load.Project.Warnings];
        foreach (var notice in Quiet || Json ? [] : notices)
        {
            Console.Error.WriteLine("lap: " + notice);
        }

        return load.Workspace;
    }

    /// <summary>Whether the engine that would be used manages a swarm; one that does not answer manages none.</summary>
    internal bool IsSwarmManager()
    {
        try
        {
            engine ??= NewEngine();
            // Nothing can begin before it is known which target there is, and no other task runs yet.
            return engine.ManagesSwarmAsync(Shutdown.Token).GetAwaiter().GetResult();
        }
        catch (EngineException)
        {
            return false;
        }
    }

    /// <summary>The same environment and profile, of the workspace in another checkout.</summary>
    public DeployScope ScopeOf(Workspace written)
    {
        var environment = written.Environments.First(e => e.Name == Environment().Name);
        var workspace = InEnvironment.Of(written, environment);
        var profile = Scope.Profile is { } named ? workspace.Profiles.First(p => p.Name == named.Name) : null;
        return new DeployScope(workspace, environment, profile, new TemplateScope(workspace, environment, profile, System.Environment.GetEnvironmentVariable), new WorkspaceFolder(workspace.Root));
    }

    private DeployScope MakeScope()
    {
        var environment = Environment();
        var name = Given(DeployFlags.Profile) ?? (Given(DeployFlags.Full) && ParityGap.Counterpart(Workspace, environment) is { } safe ? safe.Profile : environment.Profile);
        var profile = name is null ? null : Workspace.Profiles.FirstOrDefault(p => p.Name == name)
            ?? throw new LapException($"there is no profile {name}", Workspace.File, NearestName.Suggest(name, [.. Workspace.Profiles.Select(p => p.Name)]));
        return new DeployScope(Workspace, environment, profile, new TemplateScope(Workspace, environment, profile, System.Environment.GetEnvironmentVariable), Folder);
    }

    /// <summary>What a flag was given; none where the command does not have it.</summary>
    private T? Given<T>(System.CommandLine.Option<T> option) => Arguments.CommandResult.Command.Options.Contains(option) ? Arguments.GetValue(option) : default;

    private ArtifactStore MakeShared()
    {
        var named = Workspace.Artifacts.Store;
        if (named.Contains("://", StringComparison.Ordinal))
        {
            return MakeRegistry();
        }

        var folder = Path.GetFullPath(Path.Combine(Workspace.Root, named));
        return folder == Folder.Artifacts ? Store : new OciLayoutStore(folder, Clock);
    }

    /// <summary>Apart, so that nothing of a network is loaded where there is none.</summary>
    private OciRegistryStore MakeRegistry()
    {
        var settings = Workspace.Artifacts;
        var options = new RegistryOptions { Insecure = settings.Insecure };
        return new OciRegistryStore(RegistryAddress.Parse(settings.Store, Workspace.File), Store, settings.Timeout is { } bound ? options with { Timeout = bound } : options, Runner, Clock);
    }

    /// <summary>Nothing is looked for where nobody can have published, and nobody asks who built: the everyday loop on one machine.</summary>
    private bool MayBePublished => Workspace.Trust.Count > 0 || !ReferenceEquals(Shared, Store) || Scope.Environment.Loop == Loop.Safe;

    /// <summary>A look-up in the shared store.</summary>
    public ArtifactLookup OpenLookup()
    {
        var readiness = RegistryReadiness.Of(Workspace, Folder, Runner, Clock);
        return new ArtifactLookup(Store, Shared, Trust, Runner, Workspace.Root, readiness is null ? null : (timeline, cancel) => ReadyAsync(readiness, timeline, cancel));
    }

    /// <summary>The wait for a registry is a segment.</summary>
    /// <returns>What was done to bring it up, where something was.</returns>
    private static async Task<string?> ReadyAsync(RegistryReadiness readiness, Timeline timeline, CancellationToken cancel)
    {
        using var wait = timeline.Begin("wait", kind: "registry");
        var state = await readiness.EnsureAsync(cancel);
        wait.End();
        return state.IsNews ? $"the registry at {readiness.Endpoint} was {state.Name}{(state.Detail.Length > 0 ? ": " + state.Detail : "")}" : null;
    }
}
