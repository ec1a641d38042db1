using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Signals;
using Laptime.Targets.Local;
using Laptime.Timing;
using Laptime.Workspaces;

namespace Laptime.Targets.Commands;

/// <summary>
/// The command target: the user's own commands bring a revision up, take it down and say what runs. Their exit code is not believed: a rollout is only done
/// when the observe command reads the new revision back, and the component's probes pass where it says that the component is.
/// </summary>
/// <param name="root">Absolute path of the workspace.</param>
/// <param name="names">Values of template names in the commands.</param>
public sealed class CommandTarget(
    string root, string environment, TargetCommands commands, Func<string, string?> names, IReadOnlyList<string> secrets, ProcessRunner runner, TimeProvider clock) : Target
{
    private const int Spare = 2;

    private static readonly TimeSpan ReflectBound = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan ReadyBound = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    /// <summary>Asking for life runs a program: a reading this old is still good.</summary>
    private static readonly TimeSpan ReadingAge = TimeSpan.FromMilliseconds(500);

    private readonly CommandCalls calls = new(root, commands, names, secrets, runner);
    private readonly IReadOnlyList<string> needles = Redactor.Needles(secrets);

    public override async Task<IReadOnlyList<Observed>> ObserveAsync(CancellationToken cancel) => [.. (await ReadAllAsync(cancel)).Select(ToObserved)];

    public override async Task<RolloutResult> RolloutAsync(RolloutRequest request, Gate gate, Timeline timeline, int? parentSegment, CancellationToken cancel)
    {
        var before = await ReadAsync(request.Component.Name, cancel);
        Refuse(before, request.Fence);
        var releases = new AgentFolder(root).ReleasesOf(environment, request.Component.Name);
        var (folder, facts) = await PrepareAsync(request, releases, before, timeline, parentSegment, cancel);
        SignalSet signals;
        string? endpoint;
        try
        {
            (signals, endpoint) = await BringAsync(request, facts, folder, gate, timeline, parentSegment, cancel);
        }
        catch (FaultException e)
        {
            var (still, failure) = await UndoAsync(request, facts, timeline, parentSegment);
            return new RolloutResult(SignalSet.NotRun, With(e.Fault, failure), still);
        }
        catch
        {
            await UndoAsync(request, facts, timeline, parentSegment);
            throw;
        }

        if (signals.Fault is { } fault)
        {
            var (still, failure) = await UndoAsync(request, facts, timeline, parentSegment);
            return new RolloutResult(signals, With(fault, failure), still);
        }

        if (folder is not null)
        {
            Releases.Prune(releases, [folder], Spare);
        }

        return new RolloutResult(signals, null, null)
        {
            Endpoint = endpoint,
            Notes = request.ReconciledFor.Count > 0 && (await ReadAsync(request.Component.Name, cancel))?.Transaction is null
                ? ["the observe command prints no `transaction`: that the instances are new ones is the rollout command's word alone"] : [],
        };
    }

    public override async Task<bool> StopAsync(string component, long fence, CancellationToken cancel)
    {
        if (await ReadAsync(component, cancel) is not { } running)
        {
            return false;
        }

        Refuse(running, fence);
        var stop = Declared(commands.Stop, "stop");
        var facts = CommandFacts.Of(component, environment, fence);
        facts["LAPTIME_REVISION"] = running.Revision;
        await calls.RunAsync("stop", stop, facts, cancel);
        return await ReadAsync(component, cancel) is null ? true : throw new FaultException(new Fault(
            Outcome.RolloutFailed, $"the stop command ended well, but the observe command still says {component}", component, "let observe leave out what was stopped"));
    }

    public override IAsyncEnumerable<string> LogsAsync(string component, int lines, bool follow, CancellationToken cancel)
    {
        var facts = CommandFacts.Of(component, environment, null);
        facts["LAPTIME_LINES"] = lines.ToString(CultureInfo.InvariantCulture);
        facts["LAPTIME_FOLLOW"] = follow ? "1" : "0";
        return calls.LinesAsync("logs", Declared(commands.Logs, "logs"), facts, cancel);
    }

    public override async Task<ExecEnd> ExecAsync(ExecRequest request, Action<ExecLine> said, CancellationToken cancel)
    {
        var running = await ReadAsync(request.Component, cancel);
        request.Choose(running is { Alive: > 0 } alive ? Enumerable.Range(1, alive.Alive).ToList() : [], environment);
        var facts = CommandFacts.Of(request.Component, environment, null);
        facts["LAPTIME_REVISION"] = running!.Revision;
        facts["LAPTIME_INSTANCE"] = (request.Instance ?? 1).ToString(CultureInfo.InvariantCulture);
        facts["LAPTIME_EXEC"] = CommandFacts.Words(request.Command);
        return new ExecEnd(await calls.ExecAsync(Declared(commands.Exec, "exec"), request, facts, said, cancel), $"{request.Component} {facts["LAPTIME_INSTANCE"]}");
    }

    private static CommandLine Declared(CommandLine? command, string name) => command
        ?? throw new FaultException(new Fault(Outcome.RolloutFailed, $"this environment has no {name} command", null, $"give it `commands: {{ {name}: ./ops/{name}.sh }}`"));

    private async Task<IReadOnlyList<CommandReading>> ReadAllAsync(CancellationToken cancel) =>
        await calls.ObserveAsync(new Dictionary<string, string?> { ["LAPTIME_ENVIRONMENT"] = environment }, cancel);

    private async Task<CommandReading?> ReadAsync(string component, CancellationToken cancel) =>
        (await ReadAllAsync(cancel)).FirstOrDefault(r => r.Component == component);

    private static void Refuse(CommandReading? running, long fence)
    {
        if (running is not null && running.Fence > fence)
        {
            throw new FaultException(new Fault(
                Outcome.Locked, $"{running.Component} was changed by a later transaction (fence {running.Fence}; this one has {fence})", running.Component, "see `lap lock status`, then deploy again"));
        }
    }

    /// <summary>What the command gets: the unpacked artifact, and the environment of the instance in a file that only this user can read.</summary>
    private static async Task<(string? Folder, Dictionary<string, string?> Facts)> PrepareAsync(
        RolloutRequest request, string releases, CommandReading? before, Timeline timeline, int? parent, CancellationToken cancel)
    {
        using var segment = timeline.Begin("rollout/unpack", request.Component.Name, parent: parent);
        var folder = request.Component.Build.Image is null ? await Releases.UnpackAsync(releases, request.Artifact, request.Unpack, cancel) : null;
        Directory.CreateDirectory(releases);
        var envFile = Path.Combine(releases, $"{request.DeploymentKey.Short}.env");
        try
        {
            AtomicFile.Write(envFile, CommandFacts.EnvFile(request), durable: false, mode: UnixFileMode.UserRead | UnixFileMode.UserWrite);
            foreach (var old in new DirectoryInfo(releases).EnumerateFiles("*.env").OrderByDescending(f => f.LastWriteTimeUtc).Skip(Spare + 1).ToList())
            {
                old.Delete();
            }

            var facts = CommandFacts.Of(request, folder, envFile, before);
            segment.End();
            return (folder, facts);
        }
        catch (KeyNotFoundException e)
        {
            throw new FaultException(new Fault(Outcome.RolloutFailed, e.Message, request.Component.At.ToString(), "define it, or leave it out of run"), e);
        }
    }

    private async Task<(SignalSet Signals, string? Endpoint)> BringAsync(
        RolloutRequest request, Dictionary<string, string?> facts, string? folder, Gate gate, Timeline timeline, int? parent, CancellationToken cancel)
    {
        await CallAsync(request, facts, timeline, parent, cancel);
        var (reading, signals) = await ConvergeAsync(request, timeline, parent, cancel);
        if (signals.Fault is not null)
        {
            return (signals, null);
        }

        var context = await ContextAsync(request, facts, folder ?? root, reading!, cancel);
        signals = await gate.BeforeSwitchAsync(context, timeline, parent, cancel);
        if (signals.Fault is not null)
        {
            return (signals, null);
        }

        var reflected = await gate.AfterSwitchAsync(context, request.Revision, token => EvidenceAsync(request, token), timeline, parent, cancel);
        if (reflected.Status == SignalStatus.Pass && request.Component.Probes.Reflect is not null)
        {
            // The probe saw an answer; the next plan will read what observe says, so that has to hold too.
            var evidence = await EvidenceAsync(request, cancel);
            reflected = evidence.Fault is not null ? evidence : reflected with { Instances = evidence.Instances, Of = evidence.Of };
        }

        return (signals with { Reflected = reflected }, reading!.Endpoint is { } at ? Redactor.Text(at, needles) : null);
    }

    /// <summary>Runs the rollout command; each step that it names is a segment.</summary>
    private async Task CallAsync(RolloutRequest request, Dictionary<string, string?> facts, Timeline timeline, int? parent, CancellationToken cancel)
    {
        using var call = timeline.Begin("rollout/command", request.Component.Name, parent: parent);
        SegmentScope? step = null;
        var traced = timeline.Trace is { } trace ? trace.Into(facts, call.Id) : facts;
        try
        {
            await calls.BringUpAsync(traced, name =>
            {
                step?.End();
                step = timeline.Begin("rollout/" + StepName(name), request.Component.Name, parent: call.Id);
            }, cancel);
            step?.End();
            call.End();
        }
        catch (FaultException)
        {
            step?.End("failed");
            call.End("failed");
            throw;
        }
        finally
        {
            step?.Dispose();
        }
    }

    /// <summary>Reads until the new revision, and nothing else, is what runs. Commands may return before a fleet has converged.</summary>
    private async Task<(CommandReading? Reading, SignalSet Signals)> ConvergeAsync(RolloutRequest request, Timeline timeline, int? parent, CancellationToken cancel)
    {
        using var segment = timeline.Begin("rollout/converge", request.Component.Name, parent: parent);
        var began = clock.GetTimestamp();
        var probes = request.Component.Probes;
        var pause = FirstPause;
        for (var attempts = 1; ; attempts++)
        {
            var reading = await ReadAsync(request.Component.Name, cancel);
            var isNew = reading is not null && IsNew(request, reading);
            if (isNew && (reading!.HasEnded || reading.Alive >= reading.Of))
            {
                // One that has ended is the live signal's to tell.
                segment.End(reading.HasEnded ? "failed" : "ok");
                return (reading, SignalSet.NotRun);
            }

            var bound = isNew ? probes.Ready?.Timeout ?? ReadyBound : probes.Reflect?.Timeout ?? ReflectBound;
            var elapsed = clock.GetElapsedTime(began);
            if (elapsed >= bound)
            {
                segment.End("timeout");
                var seen = reading is null ? "nothing of it" : isNew ? $"{reading.Alive} of {reading.Of} instances" : reading.Revision ?? "no revision";
                return (reading, isNew ? NotReady(request, reading!, seen, attempts, bound) : NotReflected(request, reading, seen, attempts, bound));
            }

            await Task.Delay(pause < bound - elapsed ? pause : bound - elapsed, clock, cancel);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    /// <summary>A restart brings the revision that was there: it is told from that by its transaction, where observe says it.</summary>
    private static bool IsNew(RolloutRequest request, CommandReading reading) =>
        reading.Revision == request.Revision && (request.ReconciledFor.Count == 0 || reading.Transaction is null || reading.Transaction == request.Transaction);

    private SignalSet NotReady(RolloutRequest request, CommandReading reading, string seen, int attempts, TimeSpan bound) => SignalSet.NotRun with
    {
        Ready = new ReadySignal(SignalStatus.Timeout, bound.TotalSeconds, attempts, seen, new Fault(
            Outcome.ReadinessTimeout, $"{request.Component.Name}: {seen} serve, {ProbeText.Attempts(attempts)}, bound {ProbeText.Bound(bound)}", request.Component.Name,
            "the observe command counts them; a slow start needs a longer timeout on the ready probe", Shown(reading.Tail))),
    };

    private SignalSet NotReflected(RolloutRequest request, CommandReading? reading, string seen, int attempts, TimeSpan bound) => SignalSet.NotRun with
    {
        Reflected = new ReflectedSignal(SignalStatus.Fail, reading?.Revision, 0, reading?.Of ?? 1, bound.TotalSeconds, attempts, seen, new Fault(
            Outcome.NotReflected,
            Redactor.Text($"{request.Component.Name}: the rollout command ended well, but observe says {seen} instead of {request.Revision}, {ProbeText.Attempts(attempts)}, bound {ProbeText.Bound(bound)}", needles),
            request.Component.Name, "see whether rollout really replaced what runs, and whether observe reads it from there", Shown(reading?.Tail))),
    };

    private async Task<ReflectedSignal> EvidenceAsync(RolloutRequest request, CancellationToken cancel)
    {
        var reading = await ReadAsync(request.Component.Name, cancel);
        var holds = reading is not null && IsNew(request, reading) && reading.IsServing && reading.DeploymentKey == request.DeploymentKey.ToString();
        var seen = reading is null ? "observe says nothing of it"
            : reading.Revision == request.Revision && reading.DeploymentKey != request.DeploymentKey.ToString() ? $"observe says the deployment key {reading.DeploymentKey ?? "none"}, not the one it was given"
            : $"observe says {reading.Revision ?? "no revision"}, {reading.Alive} of {reading.Of} instances";
        return new ReflectedSignal(
            holds ? SignalStatus.Pass : SignalStatus.Fail, reading?.Revision, reading?.Alive ?? 0, reading?.Of ?? 1, Attempts: 1, LastSeen: seen,
            Fault: holds ? null : new Fault(
                Outcome.NotReflected, Redactor.Text($"{request.Revision} was rolled out, but {seen}", needles), request.Component.Name,
                "let observe print what rollout was given: revision, artifact, deploymentKey, fingerprint", Shown(reading?.Tail)));
    }

    private async Task<ProbeContext> ContextAsync(
        RolloutRequest request, Dictionary<string, string?> facts, string folder, CommandReading reading, CancellationToken cancel)
    {
        var (host, port) = await AddressAsync(request, reading, cancel);
        var (last, readAt) = (reading, clock.GetTimestamp());
        return new ProbeContext
        {
            Component = request.Component.Name, Host = host, Port = port, Directory = folder, Secrets = [.. secrets.Union(request.Secrets)],
            Environment = new Dictionary<string, string?>(facts) { ["PORT"] = port?.ToString(CultureInfo.InvariantCulture) },
            Names = name => name == "port" ? port?.ToString(CultureInfo.InvariantCulture) : request.Names(name),
            Life = async token =>
            {
                if (clock.GetElapsedTime(readAt) > ReadingAge)
                {
                    if (await ReadAsync(request.Component.Name, token) is not { } now)
                    {
                        return new Life.Exited(null, null, []);
                    }

                    (last, readAt) = (now, clock.GetTimestamp());
                }

                return last.Revision == request.Revision ? last.ToLife() : new Life.Unknown($"observe says {last.Revision}");
            },
        };
    }

    /// <summary>Probes go to a literal address; a host's name is resolved once, here.</summary>
    private static async Task<(string Host, int? Port)> AddressAsync(RolloutRequest request, CommandReading reading, CancellationToken cancel)
    {
        if (reading.Endpoint is null)
        {
            return ("127.0.0.1", request.Component.Run?.Port);
        }

        if (!Uri.TryCreate(reading.Endpoint, UriKind.Absolute, out var uri) || uri.Host.Length == 0 || uri.Port <= 0)
        {
            throw new FaultException(new Fault(
                Outcome.RolloutFailed, $"{request.Component.Name}: observe says the endpoint {ProbeText.Excerpt(reading.Endpoint, 120)}, which is no address", request.Component.Name, "print one such as http://10.0.0.7:8080"));
        }

        if (IPAddress.TryParse(uri.Host.Trim('[', ']'), out var literal))
        {
            return (literal.ToString(), uri.Port);
        }

        try
        {
            var found = await Dns.GetHostAddressesAsync(uri.Host, cancel);
            return ((found.FirstOrDefault(a => a.AddressFamily == AddressFamily.InterNetwork) ?? found[0]).ToString(), uri.Port);
        }
        catch (SocketException e)
        {
            throw new FaultException(new Fault(Outcome.NeverListened, $"{request.Component.Name}: the host of its endpoint cannot be found: {uri.Host}: {e.Message}", request.Component.Name, "print an address that this machine reaches"), e);
        }
    }

    /// <summary>Brings back what ran before, where there is a command for it, and says what serves now. Done also when the deploy was interrupted.</summary>
    private async Task<(string? StillServing, Fault? Failure)> UndoAsync(RolloutRequest request, Dictionary<string, string?> facts, Timeline timeline, int? parent)
    {
        Fault? failure = null;
        using var segment = timeline.Begin("rollout/rollback", request.Component.Name, parent: parent);
        try
        {
            if (commands.Rollback is { } rollback)
            {
                await calls.RunAsync("rollback", rollback, facts, CancellationToken.None);
            }

            segment.End();
        }
        catch (FaultException e)
        {
            failure = e.Fault;
            segment.End("failed");
        }

        try
        {
            var now = await ReadAsync(request.Component.Name, CancellationToken.None);
            return (now is not null && now.IsServing && now.Revision != request.Revision && await AcceptsAsync(request, now) ? now.Revision : null, failure);
        }
        catch (FaultException e)
        {
            return (null, failure ?? e.Fault);
        }
    }

    /// <summary>What was brought back has started, which is not yet serving: it is when it accepts a connection. Without a port there is nothing to ask.</summary>
    private async Task<bool> AcceptsAsync(RolloutRequest request, CommandReading reading)
    {
        var (host, port) = await AddressAsync(request, reading, CancellationToken.None);
        if (port is null)
        {
            return true;
        }

        var context = new ProbeContext { Component = request.Component.Name, Host = host, Port = port, Directory = root, Names = _ => null, Life = _ => ValueTask.FromResult(reading.ToLife()) };
        var end = await new BoundedWait(clock, context).UntilAsync((limit, stop) => new ProbeClient(clock).TcpAsync(null, context, limit, stop), ReadyBound, FirstPause, 1, CancellationToken.None);
        return end.Ending == WaitEnding.Passed;
    }

    private static Fault With(Fault fault, Fault? undo) => undo is null ? fault : fault with { What = $"{fault.What}; and then {undo.What}" };

    private Observed ToObserved(CommandReading reading)
    {
        var observed = reading.ToObserved();
        return observed with { Detail = observed.Detail is { } detail ? Redactor.Text(detail, needles) : null, Tail = Shown(observed.Tail), Endpoint = observed.Endpoint is { } at ? Redactor.Text(at, needles) : null };
    }

    private IReadOnlyList<string> Shown(IReadOnlyList<string>? lines) => [.. (lines ?? []).Select(l => Redactor.Text(TerminalText.Strip(l), needles))];

    /// <summary>Steps become names of segments: short, and of letters that are safe everywhere.</summary>
    private static string StepName(string text)
    {
        var name = new string([.. text.Take(40).Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' ? c : '-')]).Trim('-');
        return name.Length == 0 ? "step" : name;
    }
}
