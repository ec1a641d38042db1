using System.Text.Json.Serialization;
using Laptime.Foundations;
using Laptime.Workspaces;

namespace Laptime.Targets.Local;

/// <summary>
/// The control channel between lap and the agent: one JSON request per line, one JSON answer per line, in order. Beside it there is one plain text
/// request for the proof that nothing has to be done (see <c>NoOpAnswer</c> in the agent).
/// </summary>
public static class AgentProtocol
{
    /// <summary>Raised when a message changes its meaning. An agent of another version is replaced; it leaves its instances running.</summary>
    public const int Version = 4;

    /// <summary>Longest line either side accepts, in bytes.</summary>
    public const int LongestLine = 32 * 1024 * 1024;

    /// <summary>Stands for the port in commands and environments until the agent has chosen one.</summary>
    public const string PortToken = "\uE000port\uE001";
}

[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(Hello), "hello")]
[JsonDerivedType(typeof(Observe), "observe")]
[JsonDerivedType(typeof(Begin), "begin")]
[JsonDerivedType(typeof(Start), "start")]
[JsonDerivedType(typeof(AskLife), "life")]
[JsonDerivedType(typeof(Switch), "switch")]
[JsonDerivedType(typeof(AskEvidence), "evidence")]
[JsonDerivedType(typeof(Confirm), "confirm")]
[JsonDerivedType(typeof(Abort), "abort")]
[JsonDerivedType(typeof(Settle), "settle")]
[JsonDerivedType(typeof(Stop), "stop")]
[JsonDerivedType(typeof(AskPlaces), "places")]
[JsonDerivedType(typeof(Lead), "lead")]
[JsonDerivedType(typeof(Drain), "drain")]
[JsonDerivedType(typeof(EndLead), "end-lead")]
[JsonDerivedType(typeof(AskLeads), "leads")]
[JsonDerivedType(typeof(LookAt), "look-at")]
[JsonDerivedType(typeof(Watch), "watch")]
[JsonDerivedType(typeof(AskStatus), "status")]
[JsonDerivedType(typeof(Shutdown), "shutdown")]
public abstract record AgentRequest
{
    private AgentRequest() { }

    /// <summary>First on every connection. Its shape, and that of shutdown, never change.</summary>
    public sealed record Hello(int Protocol, string Version) : AgentRequest;

    /// <summary>Answered with <see cref="AgentAnswer.Observations"/>.</summary>
    public sealed record Observe(string Environment) : AgentRequest;

    /// <summary>
    /// Opens a rollout on this connection: checks the fence, takes the front port, starts nothing. When the connection ends before <see cref="Confirm"/>,
    /// the agent undoes what was not switched by itself. Answered with <see cref="AgentAnswer.Begun"/>.
    /// </summary>
    public sealed record Begin(RevisionLabels Labels, long Fence, int? FrontPort) : AgentRequest;

    /// <summary>Starts the instances of the rollout's revision (again: those that were started before are stopped). Answered with <see cref="AgentAnswer.Started"/>.</summary>
    public sealed record Start(RunPlan Plan) : AgentRequest;

    /// <summary>Answered with <see cref="AgentAnswer.LifeOf"/>.</summary>
    public sealed record AskLife(string Instance) : AgentRequest;

    /// <summary>Leads the front to the new instances. Answered with <see cref="AgentAnswer.Done"/>.</summary>
    public sealed record Switch : AgentRequest;

    /// <summary>What the agent knows about who serves the rollout's component. Answered with <see cref="AgentAnswer.Evidence"/>.</summary>
    public sealed record AskEvidence : AgentRequest;

    /// <summary>The new revision was seen: it stays, and the old one is drained and stopped. Answered at once with <see cref="AgentAnswer.Done"/>.</summary>
    public sealed record Confirm : AgentRequest;

    /// <summary>Back to the old revision; the new instances are stopped. Answered with <see cref="AgentAnswer.Done"/> when they are gone.</summary>
    public sealed record Abort : AgentRequest;

    /// <summary>Answered with <see cref="AgentAnswer.Done"/> when the old instances have been drained and stopped.</summary>
    public sealed record Settle : AgentRequest;

    /// <summary>Stops and removes a component. Answered with <see cref="AgentAnswer.Done"/>, <c>Changed</c> telling whether there was one.</summary>
    public sealed record Stop(string Environment, string Component, long Fence) : AgentRequest;

    /// <summary>Where and how the instances run that serve a component. Answered with <see cref="AgentAnswer.Places"/>.</summary>
    public sealed record AskPlaces(string Environment, string Component) : AgentRequest;

    /// <summary>
    /// Leads a component's front to what the agent does not run itself (containers with a port on loopback): at once, and until the next one. Who is led there is whoever
    /// asks' decision, and so is the way back. Answered with <see cref="AgentAnswer.Done"/>.
    /// </summary>
    public sealed record Lead(string Environment, string Component, int FrontPort, string Revision, IReadOnlyList<Backend> Backends, double DrainSeconds) : AgentRequest;

    /// <summary>Answered with <see cref="AgentAnswer.Done"/> when nothing is under way any more on what the component's front led to before, or draining took its bound.</summary>
    public sealed record Drain(string Environment, string Component) : AgentRequest;

    /// <summary>Closes a front that was opened by <see cref="Lead"/>. Answered with <see cref="AgentAnswer.Done"/>, <c>Changed</c> telling whether there was one.</summary>
    public sealed record EndLead(string Environment, string Component) : AgentRequest;

    /// <summary>Answered with <see cref="AgentAnswer.Leads"/>.</summary>
    public sealed record AskLeads(string Environment) : AgentRequest;

    /// <summary>
    /// From now on answers for an environment whose components run in containers, when it is asked whether there is nothing to do: by asking the engine each time. Forgotten when the agent
    /// ends. Answered with <see cref="AgentAnswer.Done"/>, <c>Changed</c> telling whether it can.
    /// </summary>
    /// <param name="Workspace">Name of the workspace, which the containers carry.</param>
    /// <param name="Variables">What decides which engine it is: DOCKER_HOST and its like, as the command has them.</param>
    /// <param name="Endpoint">The engine that they lead to now; when they lead to another there is no answer.</param>
    public sealed record LookAt(string Environment, string Workspace, IReadOnlyDictionary<string, string> Variables, string Endpoint, IReadOnlyList<SignalPlan> Signals) : AgentRequest
    {
        /// <summary>Files of the stack with their contents' digests, <c>-</c> for one that is not there; when one of them is another there is no answer.</summary>
        public IReadOnlyDictionary<string, string> Files { get; init; } = new Dictionary<string, string>();

        /// <summary>There is no answer once the engine manages a swarm: then the components belong there.</summary>
        public bool NoSwarm { get; init; }

        /// <summary>Set where components run as services of a swarm: the workspace's folder, which they carry.</summary>
        public string? SwarmRoot { get; init; }

        /// <summary>Where the records of services are that were seen serving, absolute.</summary>
        public string? SwarmRecords { get; init; }
    }

    /// <summary>
    /// Watches these input directories (absolute) for the environment from now on, instead of those before. Answered with <see cref="AgentAnswer.Watching"/>; check the index in
    /// full after it, and while the no-op answer says clean for that mark, the check still stands.
    /// </summary>
    public sealed record Watch(string Environment, IReadOnlyList<string> Directories) : AgentRequest;

    /// <summary>Answered with <see cref="AgentAnswer.Status"/>.</summary>
    public sealed record AskStatus : AgentRequest;

    /// <summary>Ends the agent, and with <c>"stop"</c> its instances; with <c>"keep"</c> they run on and the next agent takes them over. Answered with <see cref="AgentAnswer.Done"/>.</summary>
    public sealed record Shutdown(string Instances) : AgentRequest;
}

[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(Welcome), "welcome")]
[JsonDerivedType(typeof(Refused), "refused")]
[JsonDerivedType(typeof(Done), "done")]
[JsonDerivedType(typeof(Observations), "observations")]
[JsonDerivedType(typeof(Begun), "begun")]
[JsonDerivedType(typeof(Started), "started")]
[JsonDerivedType(typeof(LifeOf), "life")]
[JsonDerivedType(typeof(Evidence), "evidence")]
[JsonDerivedType(typeof(Places), "places")]
[JsonDerivedType(typeof(Leads), "leads")]
[JsonDerivedType(typeof(Watching), "watching")]
[JsonDerivedType(typeof(Status), "status")]
public abstract record AgentAnswer
{
    private AgentAnswer() { }

    public sealed record Welcome(int Protocol, string Version, int Pid) : AgentAnswer;

    /// <param name="Outcome">Name of the outcome that the transaction ends with.</param>
    public sealed record Refused(string Outcome, string What, string? Where, string? Mend, IReadOnlyList<string>? Tail) : AgentAnswer;

    public sealed record Done(bool Changed = true) : AgentAnswer;

    public sealed record Observations(IReadOnlyList<ComponentState> Components) : AgentAnswer;

    /// <param name="Serving">Revision that serves now; null when none does.</param>
    /// <param name="InUse">Release folders that running instances use.</param>
    public sealed record Begun(string? Serving, IReadOnlyList<string> InUse) : AgentAnswer;

    public sealed record Started(IReadOnlyList<StartedInstance> Instances) : AgentAnswer;

    /// <param name="State">running, exited, crash-loop.</param>
    public sealed record LifeOf(string State, int? Code, string? Signal, int Restarts, IReadOnlyList<string> Tail) : AgentAnswer;

    /// <param name="Verdict">pass, fail, unknown.</param>
    /// <param name="Revision">The label of what the front leads to.</param>
    public sealed record Evidence(string Verdict, string? Revision, int Instances, int Of, string? Why) : AgentAnswer;

    public sealed record Places(IReadOnlyList<InstancePlace> Instances) : AgentAnswer;

    public sealed record Leads(IReadOnlyList<LeadState> Components) : AgentAnswer;

    /// <param name="Mark">One word, understood by this agent alone; null: these directories cannot be watched reliably.</param>
    public sealed record Watching(string? Mark) : AgentAnswer;

    public sealed record Status(int Pid, string Version, DateTimeOffset Since, int Components, int Instances, string Watch) : AgentAnswer;
}

/// <summary>What everything that runs carries; the target's truth.</summary>
public sealed record RevisionLabels
{
    public required string Workspace { get; init; }

    public required string Environment { get; init; }

    public required string Component { get; init; }

    public required string Revision { get; init; }

    public required string Artifact { get; init; }

    public required string Fingerprint { get; init; }

    public required string DeploymentKey { get; init; }

    public required string Transaction { get; init; }

    /// <summary>As <see cref="LoadedText"/> writes it; null: started by a lap that did not say.</summary>
    public string? Loaded { get; init; }
}

/// <summary>How to run the instances of one revision. Texts may hold <see cref="AgentProtocol.PortToken"/>.</summary>
public sealed record RunPlan
{
    public required string Program { get; init; }

    public required IReadOnlyList<string> Arguments { get; init; }

    /// <summary>The release folder.</summary>
    public required string Directory { get; init; }

    /// <summary>The whole environment.</summary>
    public required IReadOnlyDictionary<string, string> Environment { get; init; }

    public required int Replicas { get; init; }

    public required double StopGraceSeconds { get; init; }

    public required double DrainSeconds { get; init; }

    /// <summary>Values that are shown nowhere.</summary>
    public IReadOnlyList<string> Secrets { get; init; } = [];

    public ProbePlan? Ready { get; init; }

    public ProbePlan? Reflect { get; init; }
}

/// <summary>A probe with its templates resolved, for the agent to ask later.</summary>
public sealed record ProbePlan
{
    /// <summary>http, tcp, run or file.</summary>
    public required string Kind { get; init; }

    /// <summary>Path of an HTTP or a file probe; the text of a shell command.</summary>
    public string? Text { get; init; }

    /// <summary>Program and arguments of a command without shell.</summary>
    public IReadOnlyList<string>? Arguments { get; init; }

    public int? Status { get; init; }

    public string? Contains { get; init; }

    public int? Port { get; init; }

    public IReadOnlyDictionary<string, string>? Headers { get; init; }

    /// <summary>The probe again, with <paramref name="with"/> applied to each text.</summary>
    public Probe ToProbe(Func<string, string> with)
    {
        Template T(string text) => Template.Literal(with(text));
        var contains = Contains is { } text ? T(text) : null;
        ProbeForm form = Kind switch
        {
            "http" => new ProbeForm.Http(T(Text!), Status, contains, Headers?.ToDictionary(h => h.Key, h => T(h.Value)) ?? []),
            "tcp" => new ProbeForm.Tcp(Port),
            "file" => new ProbeForm.File(T(Text!), contains),
            "run" => new ProbeForm.Run(Arguments is { } all ? new CommandLine.Exec([.. all.Select(T)]) : new CommandLine.Shell(T(Text!)), contains),
            _ => throw new FormatException($"no such kind of probe: {Kind}"),
        };
        return new Probe { Form = form, At = new SourceLocation("laptime.yaml", 0, 0) };
    }
}

/// <summary>How to ask what serves a component for its signals.</summary>
/// <param name="Front">The port that users reach it at; null without one.</param>
/// <param name="ReadyDeclared">There is a ready probe, though maybe none that can be asked from here.</param>
public sealed record SignalPlan(string Component, int? Front, ProbePlan? Ready, ProbePlan? Reflect, bool ReadyDeclared, IReadOnlyList<string> Secrets);

/// <param name="Name">In messages: the container's name.</param>
/// <param name="Port">On loopback.</param>
public sealed record Backend(string Name, int Port);

/// <summary>A front that leads to what the agent does not run itself.</summary>
public sealed record LeadState
{
    public required string Environment { get; init; }

    public required string Component { get; init; }

    public required int FrontPort { get; init; }

    public required string Revision { get; init; }

    public required IReadOnlyList<Backend> Backends { get; init; }

    public required double DrainSeconds { get; init; }

    /// <summary>The front is open and leads there.</summary>
    public bool Leads { get; init; }

    /// <summary>Who has the port instead, in words; null when nobody has or it leads.</summary>
    public string? Holder { get; init; }
}

/// <summary>Where one instance runs.</summary>
/// <param name="Environment">The whole of it, as the instance got it.</param>
public sealed record InstancePlace(string Id, int Pid, string Directory, IReadOnlyDictionary<string, string> Environment);

public sealed record StartedInstance(string Id, int Pid, int Port);

/// <summary>One component as the agent sees it.</summary>
public sealed record ComponentState
{
    public required RevisionLabels Labels { get; init; }

    public required DateTimeOffset Since { get; init; }

    /// <summary>Instances that are alive and hold their port.</summary>
    public required int Alive { get; init; }

    public required int Of { get; init; }

    public required bool Serving { get; init; }

    /// <summary>Text of the signal's status, as just asked; null from an agent that does not ask.</summary>
    public string? Ready { get; init; }

    public string? Reflected { get; init; }

    public string? Detail { get; init; }

    /// <summary>The last lines of an instance that has ended.</summary>
    public IReadOnlyList<string> Tail { get; init; } = [];

    public string? Endpoint { get; init; }

    public required IReadOnlyList<int> Pids { get; init; }
}

/// <summary>Names the running agent: <c>.laptime/run/agent.json</c>.</summary>
public sealed record AgentIdentity(string Socket, int Pid, long StartTicks, string BootId, int Protocol, string Version, string? Folder = null);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(AgentRequest))]
[JsonSerializable(typeof(AgentAnswer))]
[JsonSerializable(typeof(AgentIdentity))]
public sealed partial class AgentJson : JsonSerializerContext;
