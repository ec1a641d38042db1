using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Targets.Local;

namespace Laptime.Agent;

/// <summary>Reads what runs: from the processes, their sockets and the routes, not from memory of having started them.</summary>
internal sealed class Observer(Supervisor supervisor, Fronts fronts)
{
    private const int LinesOfEnded = 5;

    /// <summary>One component's serving revision with what was seen of it.</summary>
    internal sealed record Reading(Revision Revision, IReadOnlyList<Instance> Alive, int Wanted, bool? HoldPorts, bool FrontLeads, string? Detail, Instance? Ended)
    {
        internal bool Serving => Alive.Count == Wanted && HoldPorts != false && FrontLeads && Revision.Confirmed;
    }

    internal IReadOnlyList<Reading> Read(string environment)
    {
        Revision[] current;
        lock (supervisor.Gate)
        {
            current = [.. supervisor.Revisions.Where(r => r.Standing == Standing.Current && r.Labels.Environment == environment)];
        }

        return [.. current.Select(Read)];
    }

    internal Reading Read(Revision revision)
    {
        Instance[] all;
        lock (supervisor.Gate)
        {
            all = [.. revision.Instances];
        }

        Instance[] alive = [.. all.Where(i => i.IsAlive)];
        bool? hold = true;
        if (revision.FrontPort is not null)
        {
            foreach (var instance in alive)
            {
                var holds = PortListener.IsHeldBy(instance.Port, instance.Session!);
                hold = hold == false || holds == false ? false : holds is null ? null : hold;
            }
        }

        var leads = revision.FrontPort is null || (fronts.Find(revision.FrontPort) is { } front && ReferenceEquals(front.Route, revision.Route));
        return new Reading(revision, alive, all.Length, hold, leads, Detail(revision, all, alive, hold, leads),
            all.FirstOrDefault(i => i.GivenUpAfter > 0) ?? all.Except(alive).FirstOrDefault());
    }

    internal static ComponentState StateOf(Reading reading) => new()
    {
        Labels = reading.Revision.Labels, Since = reading.Revision.Since, Alive = reading.Alive.Count, Of = reading.Wanted, Serving = reading.Serving,
        Detail = reading.Detail, Tail = reading.Ended?.Tail(reading.Revision.Plan, LinesOfEnded) ?? [], Endpoint = EndpointOf(reading.Revision), Pids = [.. reading.Alive.Select(i => i.Session!.Pid)],
    };

    internal static string? EndpointOf(Revision revision) => revision.FrontPort is { } port ? $"http://127.0.0.1:{port}" : null;

    private string? Detail(Revision revision, Instance[] all, Instance[] alive, bool? hold, bool leads)
    {
        if (all.FirstOrDefault(i => i.GivenUpAfter > 0) is { } looping)
        {
            return $"crash loop: given up after {looping.GivenUpAfter} restarts, {looping.EndText}";
        }

        if (all.FirstOrDefault(i => !alive.Contains(i)) is { } dead)
        {
            var ago = dead.ExitedAt is { } at ? $" {Duration.Text(supervisor.Clock.GetUtcNow() - at)} ago" : "";
            return $"{dead.EndText}{ago}";
        }

        if (!leads)
        {
            return PortListener.HolderOf(revision.FrontPort!.Value) is var (pid, program) && pid != Environment.ProcessId
                ? $"port {revision.FrontPort} is in use by {program} (pid {pid})"
                : $"port {revision.FrontPort} does not lead to it";
        }

        if (hold == false)
        {
            return "alive, but does not listen on its port";
        }

        return revision.Confirmed ? null : "not confirmed: the deploy that switched to it ended before it was seen reflected";
    }
}
