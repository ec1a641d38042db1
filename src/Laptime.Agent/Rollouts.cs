using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Targets.Local;

namespace Laptime.Agent;

/// <summary>
/// Blue/green: starts the new beside the old, swaps the front's route, retires the old; or goes back. Every step is remembered before it shows.
/// </summary>
internal sealed class Rollouts(Supervisor supervisor, Fronts fronts, Fences fences)
{
    private static readonly TimeSpan ListenBound = TimeSpan.FromSeconds(5);

    private readonly Dictionary<(string Environment, string Component), Rollout> underWay = [];

    /// <summary>Checks the fence and takes the front port; starts nothing.</summary>
    internal async Task<(Rollout Rollout, AgentAnswer.Begun Answer)> BeginAsync(AgentRequest.Begin request, CancellationToken cancel)
    {
        var labels = request.Labels;
        var key = (labels.Environment, labels.Component);
        if (!IsName(labels.Environment) || !IsName(labels.Component))
        {
            throw new RefusedException(Outcome.RolloutFailed, $"{labels.Environment}/{labels.Component} cannot be the name of a folder", Mend());
        }

        var rollout = new Rollout(labels, request.FrontPort);
        lock (supervisor.Gate)
        {
            fences.Check(labels.Environment, request.Fence);
            if (!underWay.TryAdd(key, rollout))
            {
                throw new RefusedException(Outcome.Locked, $"another rollout of {labels.Component} is under way", labels.Environment, "wait for it to end");
            }
        }

        try
        {
            if (request.FrontPort is { } port)
            {
                await fronts.OpenAsync(port, labels.Environment, labels.Component, cancel);
            }
        }
        catch
        {
            End(rollout);
            throw;
        }

        lock (supervisor.Gate)
        {
            // Left by an interrupted deploy that had switched: what it replaced is not needed any more, the next rollout starts from what serves.
            if (supervisor.Find(key.Environment, key.Component, Standing.Previous) is { } earlier)
            {
                Retire(earlier);
            }

            var current = supervisor.Find(key.Environment, key.Component, Standing.Current);
            string[] inUse = [.. supervisor.Revisions.Where(r => r.Is(key.Environment, key.Component)).Select(r => r.Plan.Directory).Distinct()];
            return (rollout, new AgentAnswer.Begun(current?.Labels.Revision, inUse));
        }

        static string Mend() => "names hold no slash, no line break and are not `.` or `..`";
    }

    /// <summary>Starts the instances. Those of an earlier attempt of the same rollout are stopped first.</summary>
    internal async Task<AgentAnswer.Started> StartAsync(Rollout rollout, RunPlan plan)
    {
        if (rollout.Switched || rollout.Over)
        {
            throw new RefusedException(Outcome.RolloutFailed, "the rollout has switched already", rollout.Labels.Component);
        }

        await StopNewAsync(rollout);
        var revision = new Revision(rollout.Labels, plan, rollout.FrontPort) { Since = supervisor.Clock.GetUtcNow() };
        lock (supervisor.Gate)
        {
            supervisor.Note("start", rollout.Labels.Environment, rollout.Labels.Component, rollout.Labels.Revision, rollout.Labels.Transaction);
            supervisor.Revisions.Add(revision);
            rollout.Revision = revision;
        }

        for (var i = 0; i < Math.Max(1, plan.Replicas); i++)
        {
            supervisor.StartNew(revision);
        }

        return new AgentAnswer.Started([.. revision.Instances.Select(i => new StartedInstance(i.Id, i.Session!.Pid, i.Port))]);
    }

    /// <summary>Leads users to the new instances: one reference.</summary>
    internal async Task SwitchAsync(Rollout rollout, CancellationToken cancel)
    {
        var revision = rollout.Revision is { Standing: Standing.Next } next
            ? next
            : throw new RefusedException(Outcome.RolloutFailed, "there is nothing to switch to", rollout.Labels.Component);
        foreach (var instance in revision.Instances)
        {
            await ProveAsync(revision, instance, cancel);
        }

        lock (supervisor.Gate)
        {
            if (supervisor.Find(rollout.Labels.Environment, rollout.Labels.Component, Standing.Current) is { } current)
            {
                current.Standing = Standing.Previous;
            }

            revision.Standing = Standing.Current;
            revision.Since = supervisor.Clock.GetUtcNow();
            rollout.Switched = true;
            supervisor.Remember();
            Lead(revision);
        }
    }

    /// <summary>The new revision was seen: it stays, the old one goes.</summary>
    internal void Confirm(Rollout rollout)
    {
        lock (supervisor.Gate)
        {
            if (!rollout.Switched || rollout.Over)
            {
                throw new RefusedException(Outcome.RolloutFailed, "nothing was switched that could be confirmed", rollout.Labels.Component);
            }

            rollout.Revision!.Confirmed = true;
            if (supervisor.Find(rollout.Labels.Environment, rollout.Labels.Component, Standing.Previous) is { } old)
            {
                rollout.Retirement = Retire(old);
            }

            supervisor.Remember();
        }

        End(rollout);
    }

    /// <summary>Back to what served before; the new instances are gone when it returns. Does nothing after the rollout's end.</summary>
    internal async Task AbortAsync(Rollout rollout)
    {
        if (rollout.Over)
        {
            return;
        }

        Revision? serves;
        lock (supervisor.Gate)
        {
            serves = supervisor.Find(rollout.Labels.Environment, rollout.Labels.Component, rollout.Switched ? Standing.Previous : Standing.Current);
            if (rollout.Switched)
            {
                rollout.Revision!.Standing = Standing.Retiring;
                if (serves is not null)
                {
                    serves.Standing = Standing.Current;
                    Lead(serves);
                }
                else if (fronts.Find(rollout.FrontPort) is { } front)
                {
                    front.Route = null;
                }

                supervisor.Remember();
            }
        }

        await StopNewAsync(rollout);
        if (rollout.FrontPort != serves?.FrontPort)
        {
            await fronts.CloseAsync(rollout.FrontPort);
        }

        End(rollout);
    }

    /// <summary>The connection of a rollout has ended without a word: what nobody was led to is undone, what was switched stays, unconfirmed.</summary>
    internal Task AbandonAsync(Rollout rollout)
    {
        if (rollout.Switched)
        {
            End(rollout);
            return Task.CompletedTask;
        }

        return AbortAsync(rollout);
    }

    /// <summary>Stops and forgets a component; false when there is none.</summary>
    internal async Task<bool> StopAsync(string environment, string component, long fence)
    {
        Revision[] all;
        lock (supervisor.Gate)
        {
            fences.Check(environment, fence);
            if (underWay.ContainsKey((environment, component)))
            {
                throw new RefusedException(Outcome.Locked, $"a rollout of {component} is under way", environment, "wait for it to end");
            }

            all = [.. supervisor.Revisions.Where(r => r.Is(environment, component))];
            foreach (var revision in all)
            {
                if (fronts.Find(revision.FrontPort) is { } front)
                {
                    front.Route = null;
                }
            }
        }

        if (all.Length > 0)
        {
            supervisor.Note("stop", environment, component, all[^1].Labels.Revision, null);
        }

        await Task.WhenAll(all.Select(RetireAsync));
        return all.Length > 0;
    }

    /// <summary>Stops everything in every environment.</summary>
    internal async Task StopAllAsync()
    {
        Revision[] all;
        lock (supervisor.Gate)
        {
            all = [.. supervisor.Revisions];
            foreach (var revision in all)
            {
                if (fronts.Find(revision.FrontPort) is { } front)
                {
                    front.Route = null;
                }

                supervisor.Note("stop", revision.Labels.Environment, revision.Labels.Component, revision.Labels.Revision, null);
            }
        }

        await Task.WhenAll(all.Select(RetireAsync));
    }

    /// <summary>Makes the fronts of what was taken over lead again, and ends what an interrupted agent was about to end.</summary>
    internal async Task ResumeAsync(CancellationToken cancel)
    {
        Revision[] all;
        lock (supervisor.Gate)
        {
            all = [.. supervisor.Revisions];
            foreach (var revision in all.Where(r => r.Standing is Standing.Next or Standing.Retiring))
            {
                Retire(revision);
            }
        }

        foreach (var revision in all.Where(r => r.Standing == Standing.Current))
        {
            await LeadAgainAsync(revision, cancel);
        }
    }

    /// <summary>Takes back the front ports that could not be had before.</summary>
    internal async Task ReclaimFrontsAsync(CancellationToken cancel)
    {
        Revision[] without;
        lock (supervisor.Gate)
        {
            without = [.. supervisor.Revisions.Where(r => r is { Standing: Standing.Current, FrontPort: not null } && fronts.Find(r.FrontPort) is null)];
        }

        foreach (var revision in without)
        {
            await LeadAgainAsync(revision, cancel);
        }
    }

    private async Task LeadAgainAsync(Revision revision, CancellationToken cancel)
    {
        if (revision.FrontPort is not { } port)
        {
            return;
        }

        try
        {
            await fronts.OpenAsync(port, revision.Labels.Environment, revision.Labels.Component, cancel);
            lock (supervisor.Gate)
            {
                if (revision.Standing == Standing.Current)
                {
                    Lead(revision);
                }
            }
        }
        catch (RefusedException)
        {
            // Shown by status as not serving, and tried again.
        }
    }

    private void Lead(Revision revision)
    {
        if (fronts.Find(revision.FrontPort) is { } front)
        {
            front.Route = revision.Route;
        }
    }

    /// <summary>Alive, and when it has a port: our process is who listens there, not somebody who was faster.</summary>
    private async Task ProveAsync(Revision revision, Instance instance, CancellationToken cancel)
    {
        var began = supervisor.Clock.GetTimestamp();
        while (true)
        {
            if (!instance.IsAlive)
            {
                throw new RefusedException(
                    Outcome.NotLive, $"{revision.Labels.Component}: instance {instance.Id} {instance.EndText} before the switch", instance.LogFile,
                    "its last lines say why", instance.Tail(revision.Plan, 20));
            }

            if (revision.FrontPort is null || PortListener.IsHeldBy(instance.Port, instance.Session!) != false)
            {
                return;
            }

            if (PortListener.HolderOf(instance.Port) is var (pid, program))
            {
                throw new RefusedException(
                    Outcome.NotLive, $"{revision.Labels.Component}: {program} (pid {pid}) listens on {instance.Port}, not the new instance (pid {instance.Session!.Pid})",
                    instance.LogFile, "run the command again; a program that leaves its session is not seen as its own", instance.Tail(revision.Plan, 20));
            }

            if (supervisor.Clock.GetElapsedTime(began) > ListenBound)
            {
                throw new RefusedException(
                    Outcome.NeverListened, $"{revision.Labels.Component}: nothing listens on {instance.Port} {Duration.Text(ListenBound)} after it was ready", instance.LogFile,
                    "let it listen on ${port} (also given as PORT)", instance.Tail(revision.Plan, 20));
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), supervisor.Clock, cancel);
        }
    }

    private async Task StopNewAsync(Rollout rollout)
    {
        if (rollout.Revision is { } revision)
        {
            lock (supervisor.Gate)
            {
                revision.Standing = Standing.Retiring;
                supervisor.Remember();
            }

            rollout.Revision = null;
            await RetireAsync(revision);
        }
    }

    private Task Retire(Revision revision)
    {
        revision.Standing = Standing.Retiring;
        supervisor.Remember();
        var task = RetireAsync(revision);
        supervisor.Background.Add(task);
        return task;
    }

    /// <summary>Lets requests under way finish, then stops the instances and forgets them. No route leads there any more.</summary>
    private async Task RetireAsync(Revision revision)
    {
        // Not on the caller's time: it may hold the lock.
        await Task.Yield();
        await Task.WhenAll(revision.Instances.Select(async instance =>
        {
            await instance.Upstream.DrainAsync(TimeSpan.FromSeconds(revision.Plan.DrainSeconds), supervisor.Clock);
            await supervisor.StopAsync(instance, TimeSpan.FromSeconds(revision.Plan.StopGraceSeconds));
            instance.Upstream.Dispose();
        }));
        bool closeFront;
        lock (supervisor.Gate)
        {
            supervisor.Revisions.Remove(revision);
            supervisor.Remember();
            closeFront = revision.FrontPort is not null
                && !supervisor.Revisions.Any(r => r.FrontPort == revision.FrontPort) && !underWay.Values.Any(r => r.FrontPort == revision.FrontPort);
        }

        if (closeFront)
        {
            await fronts.CloseAsync(revision.FrontPort);
        }
    }

    private void End(Rollout rollout)
    {
        lock (supervisor.Gate)
        {
            rollout.Over = true;
            var key = (rollout.Labels.Environment, rollout.Labels.Component);
            if (underWay.GetValueOrDefault(key) == rollout)
            {
                underWay.Remove(key);
            }
        }
    }

    private static bool IsName(string name) =>
        name.Length > 0 && name is not ("." or "..") && !name.Any(c => c is '/' or '\\' || char.IsControl(c));
}
