using Laptime.Foundations;

namespace Laptime.Workspaces;

/// <summary>A validated laptime.yaml: every name it refers to exists, every value has its type. Paths use '/' and are relative to <see cref="Root"/>.</summary>
public sealed record Workspace
{
    /// <summary>Absolute path of the folder with the file.</summary>
    public required string Root { get; init; }

    /// <summary>Absolute path of laptime.yaml (or the compose file it was read from).</summary>
    public required string File { get; init; }

    /// <summary>Every file that was read to make this record, absolute: a change of one of them means reading again.</summary>
    public required IReadOnlyList<string> Sources { get; init; }

    public required string Name { get; init; }

    /// <summary>In the file's order.</summary>
    public required IReadOnlyList<Component> Components { get; init; }

    public required IReadOnlyList<Profile> Profiles { get; init; }

    /// <summary>In the file's order; the first is the default. Never empty: without any, `local` (process, fast) is implied.</summary>
    public required IReadOnlyList<DeployEnvironment> Environments { get; init; }

    public ArtifactSettings Artifacts { get; init; } = new();

    public JournalSettings Journal { get; init; } = new();

    public IReadOnlyList<TrustRule> Trust { get; init; } = [];

    public IReadOnlyList<LedgerSettings> Ledgers { get; init; } = [];

    public Component? Find(string name) => Components.FirstOrDefault(c => c.Name == name);
}

/// <summary>A unit that is built and deployed.</summary>
public sealed record Component
{
    public required string Name { get; init; }

    /// <summary>Folder relative to the workspace root with '/', without a trailing one; "" is the root itself. May start with "..".</summary>
    public required string Path { get; init; }

    /// <summary>Glob patterns relative to <see cref="Path"/> ("**", "../../proto/**"; a leading '!' excludes). Default: ["**"].</summary>
    public IReadOnlyList<string> Inputs { get; init; } = ["**"];

    /// <summary>Components whose artifact is an input of this one.</summary>
    public IReadOnlyList<string> Uses { get; init; } = [];

    /// <summary>Components that must be ready before this one is rolled out.</summary>
    public IReadOnlyList<string> Needs { get; init; } = [];

    /// <summary>It is restarted when the artifact of anything it uses or needs is another than its instances loaded.</summary>
    public bool ReconcileAll { get; init; }

    /// <summary>The same for these of them only.</summary>
    public IReadOnlyList<string> ReconcileOnly { get; init; } = [];

    /// <summary>What its instances may have loaded when they were started: everything it uses or needs.</summary>
    public IEnumerable<string> Dependencies => Uses.Union(Needs, StringComparer.Ordinal);

    /// <summary>Of its dependencies those whose other artifact restarts it.</summary>
    public IReadOnlyList<string> Reconciles => ReconcileAll ? [.. Dependencies] : ReconcileOnly;

    /// <summary>Environment variables that count as inputs.</summary>
    public IReadOnlyList<string> Vars { get; init; } = [];

    public BuildSettings Build { get; init; } = new();

    /// <summary>Null: a component that is only built (a library).</summary>
    public RunSettings? Run { get; init; }

    public ProbeSettings Probes { get; init; } = new();

    /// <summary>How its migrations are applied before it is rolled out; null: lap applies none.</summary>
    public MigrateSettings? Migrate { get; init; }

    public required SourceLocation At { get; init; }
}

/// <param name="Run">Run in the component's path.</param>
/// <param name="Ledger">One of the workspace's ledgers; null: nothing is read before and after.</param>
/// <param name="Timeout">Bound on the command.</param>
public sealed record MigrateSettings(CommandLine Run, string? Ledger, TimeSpan Timeout, SourceLocation At);

public sealed record BuildSettings
{
    public IReadOnlyList<Step> Steps { get; init; } = [];

    /// <summary>Glob patterns relative to the component's path that make up the artifact. Empty with no steps: the inputs themselves are the artifact.</summary>
    public IReadOnlyList<string> Outputs { get; init; } = [];

    /// <summary>Set when the artifact is a container image.</summary>
    public ImageSettings? Image { get; init; }
}

/// <summary>Who makes an image.</summary>
public enum ImageBuilder
{
    /// <summary>With a base: lap. With a Dockerfile: docker where an engine answers, else buildah.</summary>
    Auto,
    Docker,
    Buildah,

    /// <summary>The .NET SDK's own container publish.</summary>
    Dotnet,
}

/// <summary>How a component's image is made: from a Dockerfile, by the .NET SDK, or by lap as one layer of outputs on a <see cref="Base"/>.</summary>
/// <param name="Dockerfile">Relative to the component's path.</param>
/// <param name="Context">Relative to the component's path; "" is the path itself.</param>
/// <param name="Target">The stage; null: the last.</param>
public sealed record ImageSettings(string Dockerfile, string Context, string? Target)
{
    /// <summary>The base that holds nothing.</summary>
    public const string Scratch = "scratch";

    private static readonly IReadOnlyDictionary<string, Template> NoArguments = new Dictionary<string, Template>();
    private static readonly IReadOnlyDictionary<string, string> NoTexts = new Dictionary<string, string>();

    public ImageBuilder Builder { get; init; }

    /// <summary>Build arguments of a Dockerfile; properties of a .NET publish.</summary>
    public IReadOnlyDictionary<string, Template> Arguments { get; init; } = NoArguments;

    /// <summary><c>os/architecture[/variant]</c>; null: Linux on this machine's architecture.</summary>
    public string? Platform { get; init; }

    /// <summary><see cref="Scratch"/>, an image pinned by digest, or a component's name (<see cref="BaseComponent"/>): lap makes the image itself (with <see cref="ImageBuilder.Dotnet"/>: the SDK puts the app on it). Null: a Dockerfile.</summary>
    public string? Base { get; init; }

    /// <summary>The component whose image is the base, which is among its component's <see cref="Component.Uses"/>; null: the base is none of this workspace.</summary>
    public string? BaseComponent => IsLayered && !ImageReference.TryParse(Base!, out _, out _) ? Base : null;

    /// <summary>Folder below the component's path that becomes <see cref="WorkDir"/>; "" is the path itself. Only with a base.</summary>
    public string Root { get; init; } = "";

    /// <summary>Where in the image the outputs lie, absolute, and the working directory; only with a base.</summary>
    public string WorkDir { get; init; } = "/app";

    /// <summary>Null: the base's.</summary>
    public string? User { get; init; }

    /// <summary>Added to the base's environment. Never secrets: everybody who has the image can read them.</summary>
    public IReadOnlyDictionary<string, string> Env { get; init; } = NoTexts;

    public IReadOnlyDictionary<string, string> Labels { get; init; } = NoTexts;

    /// <summary>The port that the image says it serves; null: the base's.</summary>
    public int? Port { get; init; }

    /// <summary>The image's own command, for whoever starts it without one; empty: the base's.</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    /// <summary>Whether lap makes the image itself: no engine, the same bytes on every machine.</summary>
    public bool IsLayered => Base is not null && Builder == ImageBuilder.Auto;
}

/// <summary>What a build step is for: the analysis tells validation from compiling by it.</summary>
public enum StepKind
{
    Install,
    Compile,
    Validate,
    Package,
    Other,
}

public sealed record Step
{
    public required string Name { get; init; }

    public StepKind Kind { get; init; } = StepKind.Other;

    public required CommandLine Run { get; init; }

    /// <summary>Glob patterns relative to the component's path; null: every input of the component, and the step always runs when the component is built.</summary>
    public IReadOnlyList<string>? Inputs { get; init; }

    /// <summary>Loops in which the step runs; empty means all.</summary>
    public IReadOnlyList<Loop> Loops { get; init; } = [];

    /// <summary>A command whose output is the version of the tool, part of the fingerprint; null: none.</summary>
    public CommandLine? Tool { get; init; }

    /// <summary>Bound on the step. Default 30 minutes.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(30);

    public IReadOnlyDictionary<string, Template> Env { get; init; } = new Dictionary<string, Template>();

    public required SourceLocation At { get; init; }
}

/// <summary>What to run: a text for the system's shell, or a program with its arguments.</summary>
public abstract record CommandLine
{
    private CommandLine() { }

    public sealed record Shell(Template Text) : CommandLine;

    public sealed record Exec(IReadOnlyList<Template> Arguments) : CommandLine;
}

public sealed record RunSettings
{
    /// <summary>An <see cref="CommandLine.Exec"/> without arguments: the image's own command (only with <see cref="BuildSettings.Image"/>).</summary>
    public required CommandLine Command { get; init; }

    /// <summary>The port users reach it at (the front port on the process target); null: it serves none.</summary>
    public int? Port { get; init; }

    /// <summary>The port that the program in a container listens on; null: the only one that its image exposes, else <see cref="Port"/>.</summary>
    public int? ContainerPort { get; init; }

    public IReadOnlyDictionary<string, Template> Env { get; init; } = new Dictionary<string, Template>();

    public int Replicas { get; init; } = 1;

    /// <summary>
    /// An image that is not built here, pinned by digest when it is deployed; null: the artifact is what runs. In laptime.yaml it is written pinned (<c>repo@sha256:…</c>, or the id of an
    /// image that the engine has), in a compose file as people do.
    /// </summary>
    public string? Image { get; init; }

    /// <summary>What the environment's compose files say of this component, by key, as canonical text: part of the deployment key. Empty without them.</summary>
    public IReadOnlyDictionary<string, string> Stack { get; init; } = new Dictionary<string, string>();

    /// <summary>From SIGTERM to SIGKILL. Default 10 s.</summary>
    public TimeSpan StopGrace { get; init; } = DefaultStopGrace;

    internal static readonly TimeSpan DefaultStopGrace = TimeSpan.FromSeconds(10);

    /// <summary>How long requests under way may take to finish on the old instance after the switch. Default 5 s.</summary>
    public TimeSpan Drain { get; init; } = TimeSpan.FromSeconds(5);
}

public sealed record ProbeSettings
{
    /// <summary>Null: the process exists and, when it has a port, accepts a connection.</summary>
    public Probe? Live { get; init; }

    public Probe? Ready { get; init; }

    public IReadOnlyList<Probe> Smoke { get; init; } = [];

    /// <summary>Null: the target's own evidence.</summary>
    public Probe? Reflect { get; init; }
}

/// <summary>One check of a running instance. Exactly one of the forms is set.</summary>
public sealed record Probe
{
    public required ProbeForm Form { get; init; }

    /// <summary>Bound on the whole wait. Default 30 s (10 s for reflect, 60 s for one smoke check).</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Longest pause between attempts; the first ones come faster. Default 100 ms.</summary>
    public TimeSpan Poll { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Successes in a row that are asked for. Default 1.</summary>
    public int Successes { get; init; } = 1;

    public required SourceLocation At { get; init; }
}

public abstract record ProbeForm
{
    private ProbeForm() { }

    /// <param name="Path">Path and query, starting with '/'.</param>
    /// <param name="Status">Wanted status; null: any 2xx. Redirects are never followed.</param>
    /// <param name="Contains">Text the body must contain; may use ${revision}.</param>
    public sealed record Http(Template Path, int? Status, Template? Contains, IReadOnlyDictionary<string, Template> Headers) : ProbeForm;

    /// <summary>A TCP connection is accepted; null: the instance's own port.</summary>
    public sealed record Tcp(int? Port) : ProbeForm;

    /// <summary>A command that ends with 0 (and prints <paramref name="Contains"/>, when set).</summary>
    public sealed record Run(CommandLine Command, Template? Contains) : ProbeForm;

    /// <summary>A file exists (and contains the text, when set), relative to the instance's directory.</summary>
    public sealed record File(Template Path, Template? Contains) : ProbeForm;
}

/// <summary>Named build settings; its variables are ${profile.NAME} in steps.</summary>
public sealed record Profile(string Name, IReadOnlyDictionary<string, string> Vars, SourceLocation? At);

public enum Loop
{
    Fast,
    Safe,
}

public enum TargetKind
{
    Process,
    Docker,
    Swarm,
    Kubernetes,
    Command,
}

/// <summary>Where components run.</summary>
public sealed record DeployEnvironment
{
    public required string Name { get; init; }

    public TargetKind Target { get; init; } = TargetKind.Process;

    public Loop Loop { get; init; } = Loop.Fast;

    /// <summary>Name of the profile; null: none.</summary>
    public string? Profile { get; init; }

    /// <summary>What the safe loop asks for here.</summary>
    public GuardrailSettings Guardrails { get; init; } = GuardrailSettings.Default;

    /// <summary>Ports that users reach components at here, by component: instead of <see cref="RunSettings.Port"/>.</summary>
    public IReadOnlyDictionary<string, int> Ports { get; init; } = new Dictionary<string, int>();

    /// <summary>Compose files of a stack, relative to the root.</summary>
    public IReadOnlyList<string> Stack { get; init; } = [];

    /// <summary>Set exactly when the target is <see cref="TargetKind.Command"/>.</summary>
    public TargetCommands? Commands { get; init; }

    /// <summary>Set exactly when the target is <see cref="TargetKind.Kubernetes"/>.</summary>
    public KubernetesSettings? Kubernetes { get; init; }

    public InfraSettings? Infra { get; init; }

    public WaitBounds Timeouts { get; init; } = WaitBounds.None;

    public SourceLocation? At { get; init; }
}

/// <summary>The user's own commands of the command target, run in the workspace's folder.</summary>
public sealed record TargetCommands
{
    public required CommandLine Observe { get; init; }

    public required CommandLine Rollout { get; init; }

    public CommandLine? Rollback { get; init; }

    public CommandLine? Stop { get; init; }

    public CommandLine? Logs { get; init; }

    public CommandLine? Exec { get; init; }

    /// <summary>Bound on each run of observe, rollout, rollback and stop. Default 5 minutes.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(5);
}

/// <summary>Where an environment's Kubernetes objects come from (exactly one of the three) and go to.</summary>
/// <param name="Manifests">Glob patterns of files, relative to the root.</param>
/// <param name="Kustomize">A folder, relative to the root.</param>
/// <param name="Chart">A folder, relative to the root.</param>
/// <param name="Values">With a chart: files, relative to the root.</param>
/// <param name="Context">Null: the kubeconfig's current one.</param>
/// <param name="Namespace">Null: the context's.</param>
public sealed record KubernetesSettings(
    IReadOnlyList<string> Manifests, string? Kustomize, string? Chart, IReadOnlyList<string> Values, string? Context, string? Namespace)
{
    /// <summary>What their content is made of: a change of one of these files is a change of the run settings.</summary>
    public IReadOnlyList<string> Inputs =>
    [
        .. Manifests,
        .. Kustomize is { } kustomize ? [Below(kustomize)] : (IReadOnlyList<string>)[],
        .. Chart is { } chart ? [Below(chart)] : (IReadOnlyList<string>)[],
        .. Values,
    ];

    private static string Below(string folder) => folder.Length == 0 ? "**" : folder + "/**";
}

public sealed record InfraSettings(IReadOnlyList<string> Inputs, IReadOnlyList<CommandLine> Bootstrap);

/// <param name="Store">A folder relative to the root, or oci://….</param>
public sealed record ArtifactSettings(string Store = ".laptime/artifacts")
{
    /// <summary>lap starts and recovers the store's registry itself; the store is then a registry on a loopback address with a port.</summary>
    public bool LocalRegistry { get; init; }

    /// <summary>True: plain HTTP; false: TLS; null: plain HTTP on loopback, TLS everywhere else.</summary>
    public bool? Insecure { get; init; }

    /// <summary>Bound on one question to a registry; null: the default.</summary>
    public TimeSpan? Timeout { get; init; }
}

/// <param name="Store">A file relative to the root, or postgres://….</param>
public sealed record JournalSettings(string Store = ".laptime/journal.db");

/// <summary>A combination whose artifacts are trusted.</summary>
/// <param name="Source">The event that the sources came from, such as merge-to-main.</param>
/// <param name="Builder">Who built, a URI; one that ends with <c>*</c> stands for all that begin so.</param>
/// <param name="Key">The public key, a file relative to the root.</param>
/// <param name="MaxAge">How old an artifact may be; null: any age.</param>
public sealed record TrustRule(string Source, string Builder, string Key, TimeSpan? MaxAge)
{
    /// <summary>What was built later is not trusted any more (the key was replaced); null: no end.</summary>
    public DateTimeOffset? Until { get; init; }

    public SourceLocation? At { get; init; }
}

/// <summary>What follows when a pending body is shown not to be idempotent, to lose data, or to be nothing that can be contained.</summary>
public enum BehaviourPolicy
{
    /// <summary>It is told, and nothing is refused for it.</summary>
    Warn,

    /// <summary>Exit code 19, and the safe loop refuses.</summary>
    Refuse,
}

/// <summary>A database whose migrations are watched.</summary>
/// <param name="Tool">As the keys of laptime.yaml name it; <c>auto</c>: from the files and the tables.</param>
/// <param name="Path">Folder of the migrations, or the one file that lists them, relative to the root.</param>
/// <param name="Database">Null: only the files are checked.</param>
public sealed record LedgerSettings(string Name, string Tool, string Path, Template? Database)
{
    /// <summary>The branch that the files are checked against as if it were merged; null: the remote's default branch, else main or master.</summary>
    public string? Main { get; init; }

    /// <summary>Who owns its migrations, by glob below <see cref="Path"/>; the last that fits wins. Empty: CODEOWNERS says.</summary>
    public IReadOnlyDictionary<string, string> Owners { get; init; } = new Dictionary<string, string>();

    /// <summary>Where bodies may be tried: an address, or <see cref="SameServer"/>; null: nowhere (PostgreSQL).</summary>
    public Template? Scratch { get; init; }

    /// <summary>A database of the scratch server to copy with its rows; null: the schema of <see cref="Database"/>.</summary>
    public string? TryOn { get; init; }

    /// <summary>Of the behaviour axis alone: what the governance axis finds is refused whatever this says.</summary>
    public BehaviourPolicy Behaviour { get; init; }

    /// <summary>For <see cref="Scratch"/>: the server of <see cref="Database"/> itself.</summary>
    public const string SameServer = "same-server";

    /// <summary>The ledger's table, when it is not called what the tool calls it.</summary>
    public string? Table { get; init; }

    public SourceLocation? At { get; init; }
}
