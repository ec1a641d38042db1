namespace Laptime.Workspaces;

/// <summary>Bounds on the waits of a deploy, as an environment or a command line sets them. Null: as it is without.</summary>
/// <param name="Rollout">On the rollout of one component as a whole; its parts have bounds of their own.</param>
/// <param name="Ready">Instead of the timeout of ready probes.</param>
/// <param name="Reconcile">On the restart of one component as a whole; null: <paramref name="Rollout"/>.</param>
/// <param name="Poll">Instead of the poll of every probe.</param>
public sealed record WaitBounds(TimeSpan? Rollout, TimeSpan? Ready, TimeSpan? Reconcile, TimeSpan? Poll)
{
    public static readonly WaitBounds None = new(null, null, null, null);

    /// <summary>What is set here, else there.</summary>
    public WaitBounds Over(WaitBounds there) => new(Rollout ?? there.Rollout, Ready ?? there.Ready, Reconcile ?? there.Reconcile, Poll ?? there.Poll);

    /// <summary>The component, asked within these bounds.</summary>
    public Component Bind(Component component)
    {
        if (Ready is null && Poll is null)
        {
            return component;
        }

        var probes = component.Probes;
        return component with
        {
            Probes = probes with
            {
                Live = Polled(probes.Live), Smoke = [.. probes.Smoke.Select(s => Polled(s)!)], Reflect = Polled(probes.Reflect),
                Ready = Polled(probes.Ready) is { } ready ? ready with { Timeout = Ready ?? ready.Timeout } : null,
            },
        };
    }

    private Probe? Polled(Probe? probe) => probe is null || Poll is not { } poll ? probe : probe with { Poll = poll };
}
