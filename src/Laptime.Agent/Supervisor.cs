using System.ComponentModel;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Targets.Local;

namespace Laptime.Agent;

/// <summary>
/// Starts, watches, restarts and stops processes, and remembers them on disk before anything else happens to them. Whether users are led to an
/// instance is the rollouts' business (<see cref="Rollouts"/>).
/// </summary>
internal sealed class Supervisor(AgentFolder folder, TimeProvider clock) : IDisposable
{
    private const int LogsKept = 20;

    private static readonly TimeSpan EndOfSession = TimeSpan.FromSeconds(5);

    private readonly ExitWatch exits = new();
    private readonly CancellationTokenSource ending = new();
    private readonly string bootId = ProcessOwner.Current().BootId;
    private bool closed;
    private bool unwritten;

    /// <summary>Guards the revisions and their instances.</summary>
    internal Lock Gate { get; } = new();

    internal List<Revision> Revisions { get; } = [];

    /// <summary>Work that nobody waits for: restarts, retirements.</summary>
    internal Background Background { get; } = new();

    internal TimeProvider Clock => clock;

    internal AgentFolder Folder => folder;

    /// <summary>Writes down that something is about to be started or stopped. Call with the lock held. What cannot be written is not held against what runs.</summary>
    internal void Note(string what, string environment, string component, string revision, string? transaction)
    {
        var serving = Revisions.Any(r => r.Labels.Environment == environment && r.Standing is Standing.Current or Standing.Previous);
        try
        {
            AgentEvent.Append(folder.Events, new AgentEvent(clock.GetUtcNow(), what, environment, component, revision, transaction, serving));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A full disk; what is counted from this file is then too little, and says so.
        }
    }

    /// <summary>The revision of a component in this standing; null when there is none. Call with the lock held.</summary>
    internal Revision? Find(string environment, string component, Standing standing) =>
        Revisions.FirstOrDefault(r => r.Standing == standing && r.Is(environment, component));

    /// <summary>
    /// Writes down what there is. Call with the lock held, after every change. On a full disk it says false and is tried again every round: what runs
    /// must not end because it cannot be written down.
    /// </summary>
    internal bool Remember()
    {
        if (closed)
        {
            return true;
        }

        try
        {
            if (Revisions.Count == 0)
            {
                File.Delete(folder.Instances);
            }
            else
            {
                new AgentState { BootId = bootId, Folder = folder.Mark(), Revisions = [.. Revisions.Select(r => r.State)] }.Write(folder.Instances);
            }

            unwritten = false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            unwritten = true;
        }

        return !unwritten;
    }

    /// <summary>Writes down what could not be written before.</summary>
    internal void RememberAgain()
    {
        lock (Gate)
        {
            if (unwritten)
            {
                Remember();
            }
        }
    }

    /// <summary>Starts a new instance of a revision that is in the list.</summary>
    /// <exception cref="RefusedException">It cannot be started.</exception>
    internal Instance StartNew(Revision revision)
    {
        var name = new string([.. revision.Labels.Revision[(revision.Labels.Revision.LastIndexOf('@') + 1)..].Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-')]);
        var id = $"{name}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(2))}";
        var instance = new Instance(id, Path.Combine(folder.LogsOf(revision.Labels.Environment, revision.Labels.Component), id + ".log"));
        lock (Gate)
        {
            revision.Instances.Add(instance);
            instance.Port = FreePort();
            try
            {
                if (!Remember())
                {
                    throw new IOException($"{folder.Instances} cannot be written; is the disk full?");
                }

                PruneLogs(revision);
                Spawn(revision, instance);
            }
            catch (Exception e) when (e is Win32Exception or IOException or UnauthorizedAccessException)
            {
                revision.Instances.Remove(instance);
                Remember();
                throw new RefusedException(
                    Outcome.RolloutFailed, $"{revision.Labels.Component} cannot be started: {(e is Win32Exception ? $"{revision.Plan.Program}: " : "")}{e.Message}", revision.Plan.Directory,
                    "check run.command: it runs in the folder of the artifact, which holds the declared outputs only");
            }
        }

        return instance;
    }

    /// <summary>
    /// Ends the whole session of an instance: SIGTERM, after the grace SIGKILL. Returns when nothing of it lives any more.
    /// </summary>
    internal async Task StopAsync(Instance instance, TimeSpan grace)
    {
        Session? session;
        Task exited;
        lock (Gate)
        {
            instance.Stopping = true;
            instance.Upstream.Down = true;
            (session, exited) = (instance.Session, instance.Exited.Task);
        }

        if (session is null)
        {
            return;
        }

        var began = clock.GetTimestamp();
        session.Terminate();
        if (session.LeaderIsAlive)
        {
            try
            {
                await exited.WaitAsync(grace, clock);
            }
            catch (TimeoutException)
            {
                // It had its time.
            }
        }

        for (var pause = 5; session.Members().Count > 0 && clock.GetElapsedTime(began) < grace; pause = Math.Min(100, pause * 2))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(pause), clock);
        }

        while (session.Members().Count > 0 && clock.GetElapsedTime(began) < grace + EndOfSession)
        {
            session.Kill();
            await Task.Delay(TimeSpan.FromMilliseconds(5), clock);
        }
    }

    /// <summary>Takes over what an earlier agent left: the living are watched again, the dead of this boot are started again, the half-started are stopped.</summary>
    internal void Adopt()
    {
        if (AgentState.Read(folder.Instances) is not { } state)
        {
            return;
        }

        // What a copied workspace brought along runs under the original's agent.
        if (!folder.IsOurs(state.Folder) && state.Revisions.Any(r => Directory.Exists(r.Labels.Workspace)))
        {
            File.Delete(folder.Instances);
            return;
        }

        lock (Gate)
        {
            var sameBoot = state.BootId == bootId;
            foreach (var was in state.Revisions)
            {
                var revision = new Revision(was.Labels, was.Plan, was.FrontPort) { Standing = was.Standing, Confirmed = was.Confirmed, Since = was.Since };
                Revisions.Add(revision);
                foreach (var one in was.Instances)
                {
                    AdoptOne(revision, one, sameBoot);
                }
            }

            Remember();
        }
    }

    /// <summary>Ends the watching; what runs runs on, and nothing is written any more.</summary>
    public void Dispose()
    {
        lock (Gate)
        {
            closed = true;
        }

        ending.Cancel();
        exits.Dispose();
    }

    private void AdoptOne(Revision revision, InstanceState one, bool sameBoot)
    {
        var instance = new Instance(one.Id, Path.Combine(folder.LogsOf(revision.Labels.Environment, revision.Labels.Component), one.Id + ".log"))
        {
            Port = one.Port, GivenUpAfter = one.Restarts,
        };
        instance.Upstream.Port = one.Port;
        revision.Instances.Add(instance);
        var pid = one.Pid != 0 || !sameBoot ? one.Pid : Orphan(one.Id);
        var session = new Session(pid, one.Pid != 0 ? one.StartTicks : ProcessOwner.TicksOf(pid) ?? 0);

        // After the machine's restart the same number and ticks may be another process.
        instance.Session = pid == 0 || !sameBoot ? null : session;
        if (sameBoot && pid != 0 && session.LeaderIsAlive)
        {
            exits.Add(session, child: false, status => OnExit(revision, instance, session, status));
            return;
        }

        instance.Upstream.Down = true;
        instance.LastExit = new ExitStatus(null, null, sameBoot ? one.LastExit : "ended with the machine");
        instance.Exited.TrySetResult();
        if (sameBoot && one.Restarts == 0 && revision.Standing is Standing.Current or Standing.Previous && instance.PauseBeforeRestart(clock) is { } pause)
        {
            Background.Add(RestartAsync(revision, instance, pause));
        }
    }

    /// <summary>An agent died between starting a process and writing its pid down: the process has the instance's id in its environment.</summary>
    private static int Orphan(string id)
    {
        if (!OperatingSystem.IsLinux())
        {
            return 0;
        }

        foreach (var entry in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(entry.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out var pid))
            {
                continue;
            }

            try
            {
                if (File.ReadAllText($"/proc/{pid}/environ").Split('\0').Contains($"LAPTIME_INSTANCE={id}") && new Session(pid, 0).Members().Contains(pid))
                {
                    return pid;
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Not ours, or gone.
            }
        }

        return 0;
    }

    /// <summary>Where the instances run that serve a component.</summary>
    internal IReadOnlyList<InstancePlace> PlacesOf(string environment, string component)
    {
        lock (Gate)
        {
            return Find(environment, component, Standing.Current) is not { } revision ? []
                : [.. revision.Instances.Where(i => i.IsAlive).Select(i => new InstancePlace(i.Id, i.Session!.Pid, revision.Plan.Directory, EnvironmentOf(revision, i)))];
        }
    }

    private static Dictionary<string, string> EnvironmentOf(Revision revision, Instance instance)
    {
        var port = instance.Port.ToString(CultureInfo.InvariantCulture);
        var environment = revision.Plan.Environment.ToDictionary(v => v.Key, v => v.Value.Replace(AgentProtocol.PortToken, port, StringComparison.Ordinal));
        environment["LAPTIME_INSTANCE"] = instance.Id;
        return environment;
    }

    private void Spawn(Revision revision, Instance instance)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(instance.LogFile)!);
        var port = instance.Port.ToString(CultureInfo.InvariantCulture);
        string With(string text) => text.Replace(AgentProtocol.PortToken, port, StringComparison.Ordinal);
        var environment = EnvironmentOf(revision, instance);
        var command = new Command { Program = With(revision.Plan.Program), Arguments = [.. revision.Plan.Arguments.Select(With)], Directory = revision.Plan.Directory };
        var pid = DetachedProcess.Start(command, environment, instance.LogFile);

        // No ticks: it has ended already, and waits to be reaped.
        var session = new Session(pid, ProcessOwner.TicksOf(pid) ?? 0);
        instance.Session = session;
        instance.Exited = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        instance.Upstream.Port = instance.Port;
        instance.Upstream.Down = false;
        Remember();
        exits.Add(session, child: true, status => OnExit(revision, instance, session, status));
    }

    private void OnExit(Revision revision, Instance instance, Session session, ExitStatus status)
    {
        lock (Gate)
        {
            if (instance.Session != session)
            {
                return;
            }

            instance.LastExit = status;
            instance.ExitedAt = clock.GetUtcNow();
            instance.Upstream.Down = true;

            // Before the switch a death is an answer, not an accident.
            if (!instance.Stopping && !closed && revision.Standing is Standing.Current or Standing.Previous && instance.PauseBeforeRestart(clock) is { } pause)
            {
                Background.Add(RestartAsync(revision, instance, pause));
            }

            Remember();
            instance.Exited.TrySetResult();
        }
    }

    private async Task RestartAsync(Revision revision, Instance instance, TimeSpan pause)
    {
        // What the leader left behind may still hold the port.
        instance.Session?.Kill();
        try
        {
            await Task.Delay(pause, clock, ending.Token);
        }
        catch (OperationCanceledException)
        {
            return;
        }

        lock (Gate)
        {
            if (instance.Stopping || closed || instance.IsAlive || !Revisions.Contains(revision))
            {
                return;
            }

            if (!IsFree(instance.Port))
            {
                instance.Port = FreePort();
            }

            try
            {
                Spawn(revision, instance);
            }
            catch (Exception e) when (e is Win32Exception or IOException or UnauthorizedAccessException)
            {
                instance.LastExit = new ExitStatus(null, null, $"cannot be started: {e.Message}");
                instance.GivenUpAfter = 1;
                Remember();
            }
        }
    }

    private void PruneLogs(Revision revision)
    {
        var logs = new DirectoryInfo(folder.LogsOf(revision.Labels.Environment, revision.Labels.Component));
        if (logs.Exists)
        {
            var inUse = Revisions.SelectMany(r => r.Instances).Select(i => i.LogFile).ToHashSet();
            foreach (var old in logs.EnumerateFiles("*.log*").Where(f => !inUse.Contains(f.FullName)).OrderByDescending(f => f.LastWriteTimeUtc).Skip(LogsKept).ToList())
            {
                old.Delete();
            }
        }
    }

    private int FreePort()
    {
        while (true)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            var port = ((IPEndPoint)socket.LocalEndPoint!).Port;

            // One that was chosen a moment ago may not be listened to yet; a front's must stay free for it.
            if (!Revisions.Any(r => r.FrontPort == port || r.Instances.Any(i => i.Port == port)))
            {
                return port;
            }
        }
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
