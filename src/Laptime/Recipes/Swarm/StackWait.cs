using System.Globalization;
using Laptime.Foundations;
using Laptime.Targets.Docker;
using Laptime.Targets.Swarm;
using Laptime.Timing;

namespace Laptime.Recipes.Swarm;

/// <summary>
/// Waits until a stack stands: every service has converged by <see cref="Convergence"/>, its containers are well by their own words (<see cref="OwnHealth"/>), no update is under way and nothing of
/// services that were dropped runs. Ends early on what cannot mend itself: a task that was refused, one that ends again and again (also well), an update that was paused or rolled back.
/// </summary>
/// <remarks>
/// Segments follow each other: <c>schedule</c> until every container has started, <c>boot</c> until all are well by their own words, <c>health-wait</c> until the swarm says so too,
/// <c>monitor-wait</c> until it has watched the update for as long as the file asks.
/// </remarks>
/// <param name="hurries">The fast lane: health tests are run here too, and what an update replaced does not live through the swarm's pause.</param>
internal sealed class StackWait(SwarmApi api, string stack, StackVersion version, bool hurries, TimeProvider clock)
{
    private const int TailLines = 20;
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(20);
    private static readonly string[] Phases = ["schedule", "boot", "health-wait", "monitor-wait"];

    /// <param name="since">Tasks that ended before are of no interest.</param>
    public async Task<Fault?> RunAsync(DateTimeOffset since, Timeline timeline, int? parent, CancellationToken cancel)
    {
        await using var watch = new SwarmWatch(api, [SwarmPlaces.Label(stack)], clock);
        await using var own = new OwnHealth(api, version, hurries, clock);
        await using var replaced = new ReplacedContainers(api.Engine);
        var bound = version.Facts.Services.Select(s => version.Ready.GetValueOrDefault(s.Name)?.Timeout ?? TimeSpan.Zero).Append(version.Facts.Timeout).Max();
        var (began, phase, snapshot) = (clock.GetTimestamp(), -1, await watch.FreshAsync(cancel));
        var gone = await GoneAsync(snapshot, cancel);
        SegmentScope? segment = null;
        try
        {
            while (true)
            {
                var look = Look(snapshot, watch, own, gone, since);
                if (hurries)
                {
                    replaced.End(snapshot);
                }

                if (look.Failed is { } failed)
                {
                    segment?.End("failed");
                    return await FaultAsync(look.Service, failed, cancel);
                }

                if (look.Phase == Phases.Length)
                {
                    // The engine lists a container for a moment after it said that it has ended: whoever looks next is not to see it.
                    if (await AreGoneAsync(snapshot, cancel))
                    {
                        segment?.End();
                        return null;
                    }

                    await Task.Delay(Moment, clock, cancel);
                }

                var now = Math.Max(phase, Math.Min(look.Phase, Phases.Length - 1));
                if (now != phase)
                {
                    segment?.End();
                    segment = timeline.Begin(Phases[phase = now], parent: parent);
                }

                if (clock.GetElapsedTime(began) > bound)
                {
                    segment?.End("timed-out");
                    return await LateAsync(look, bound, cancel);
                }

                var next = look.Phase == Phases.Length ? watch.FreshAsync(cancel) : watch.AfterAsync(snapshot.Turn, cancel);
                snapshot = await Task.WhenAny(next, own.Changed) == next ? await next : await watch.FreshAsync(cancel);
            }
        }
        finally
        {
            segment?.Dispose();
        }
    }

    private Seen Look(SwarmSnapshot snapshot, SwarmWatch watch, OwnHealth own, HashSet<string> gone, DateTimeOffset since)
    {
        var (started, well, agreed, watched) = (true, true, true, true);
        Seen? late = null;
        foreach (var name in version.Facts.Services.Select(static s => s.Name))
        {
            var service = snapshot.Find($"{stack}_{name}");
            var tasks = snapshot.TasksOf(service);
            var verdict = Convergence.Judge(service, tasks, since, new HashSet<string>(watch.DeadOf($"{stack}_{name}").Concat(gone), StringComparer.Ordinal));
            if (verdict is Converged.Failed failed)
            {
                return new Seen(name, 0, failed, null, null);
            }

            var template = SpecText.OfTemplate(service!.Template);
            var alive = tasks.Where(t => t is { Container: not null, State: "starting" or "running" } && t.IsWanted && SpecText.OfTemplate(t.Spec) == template).ToList();
            alive.ForEach(t => own.Ask(name, t.Container!));
            var notYet = verdict as Converged.NotYet;
            var hasStarted = notYet is null || alive.Count >= notYet.Of;
            var unwell = alive.Find(t => !own.HasPassed(t.Container!));
            var isWatched = service.UpdateStatus?.State != "updating";
            if (!hasStarted || unwell is not null || notYet is not null || !isWatched)
            {
                late ??= new Seen(name, 0, null, notYet?.Stuck ?? (unwell is null ? null : own.Said(unwell.Container!)) ?? notYet?.Why ?? (isWatched ? "a container has not said that it is well" : "the update is still watched"),
                    unwell?.Container ?? alive.FirstOrDefault()?.Container) { IsStuck = notYet?.Stuck is not null };
            }

            (started, well, agreed, watched) = (started && hasStarted, well && unwell is null, agreed && notYet is null, watched && isWatched);
        }

        var phase = !started ? 0 : !well ? 1 : !agreed ? 2 : !watched ? 3 : 4;
        return (late ?? new Seen("", 0, null, "services that were dropped still stop", null)) with { Phase = phase };
    }

    /// <summary>Containers of tasks on their way out that had ended before anybody watched: the swarm may learn of it some seconds later.</summary>
    private async Task<HashSet<string>> GoneAsync(SwarmSnapshot snapshot, CancellationToken cancel)
    {
        var leaving = snapshot.Services.SelectMany(snapshot.TasksOf).Where(static t => !t.IsWanted && !t.HasEnded).Select(static t => t.Container).OfType<string>().ToHashSet(StringComparer.Ordinal);
        if (leaving.Count > 0)
        {
            leaving.ExceptWith((await api.Engine.ListContainersAsync(all: false, [SwarmPlaces.Label(stack)], cancel)).Select(static c => c.Id));
        }

        return leaving;
    }

    /// <summary>No container runs but those of wanted tasks: neither an old one, nor one of a service that the recipe does not have any more.</summary>
    private async Task<bool> AreGoneAsync(SwarmSnapshot snapshot, CancellationToken cancel)
    {
        var wanted = snapshot.Services.SelectMany(snapshot.TasksOf).Where(static t => t.IsWanted).Select(static t => t.Container).ToHashSet(StringComparer.Ordinal);
        return (await api.Engine.ListContainersAsync(all: false, [SwarmPlaces.Label(stack)], cancel)).All(c => c.Label("com.docker.swarm.service.id") is null || wanted.Contains(c.Id));
    }

    private async Task<Fault> FaultAsync(string service, Converged.Failed failed, CancellationToken cancel)
    {
        var unhealthy = failed.Task?.Status.Err?.Contains("unhealthy", StringComparison.Ordinal) == true;
        var outcome = failed.Kind switch
        {
            ConvergenceFailure.Died when unhealthy => Outcome.ReadinessTimeout,
            ConvergenceFailure.Died => Outcome.NotLive,
            _ => Outcome.RolloutFailed,
        };
        var mend = failed.Kind switch
        {
            ConvergenceFailure.Rejected => "correct what the message names (an image, a mount, a network)",
            ConvergenceFailure.Died when unhealthy => "its health test never passed within its own bounds: see its log, or give it a longer start_period",
            ConvergenceFailure.Died => "see its log: it has to stay up",
            ConvergenceFailure.Removed => "find out who removes services of this stack",
            _ => "see its log; a paused update never goes on by itself",
        };
        return new Fault(outcome, $"{service}: {failed.What}", $"stack {stack}", mend, failed.Task?.Container is { } container ? await api.Engine.TailAsync(container, TailLines, cancel) : null);
    }

    private async Task<Fault> LateAsync(Seen look, TimeSpan bound, CancellationToken cancel)
    {
        var neverListened = look.Why?.Contains("nothing at port", StringComparison.Ordinal) == true || look.Why?.StartsWith("nothing listens", StringComparison.Ordinal) == true;
        return new Fault(
            look.IsStuck ? Outcome.RolloutFailed : neverListened ? Outcome.NeverListened : Outcome.ReadinessTimeout,
            string.Create(CultureInfo.InvariantCulture, $"{look.Service}: not there within {Duration.Text(bound)}: {look.Why}"), $"stack {stack}",
            "see its log; the bound is the recipe's `coop-cloud.….timeout` label, or `ready: { SERVICE: { timeout: … } }` of recipe.yaml",
            look.Container is { } container ? await api.Engine.TailAsync(container, TailLines, cancel) : null);
    }

    /// <param name="Phase">Index of what is waited for; the number of phases: nothing.</param>
    private sealed record Seen(string Service, int Phase, Converged.Failed? Failed, string? Why, string? Container)
    {
        public bool IsStuck { get; init; }
    }
}
