using Laptime.Signals;
using Laptime.Targets.Local;
using Laptime.Workspaces;

namespace Laptime.Targets.Docker;

/// <summary>Asks what serves for its ready and reflected signals, once each and at most for a second: a reading, not a wait. Commands are not run for it.</summary>
public sealed class RunningSignals(TimeProvider clock)
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(1);

    private readonly ProbeClient probes = new(clock);

    /// <summary>The probes of a component at a revision, but for the port.</summary>
    /// <param name="names">Values of template names at that revision.</param>
    public static SignalPlan PlanOf(Component component, Func<string, string?> names, IReadOnlyList<string> secrets)
    {
        string? Name(string name) => name == "port" ? AgentProtocol.PortToken : names(name);
        ProbePlan? Plan(Probe? probe) => probe is null or { Form: ProbeForm.Run or ProbeForm.File } ? null : RunPlanner.ProbePlanOf(probe, Name, "");
        var reflect = component.Probes.Reflect is { } declared ? Revisions.Asking(declared) : null;
        return new SignalPlan(component.Name, component.Run?.Port, Plan(component.Probes.Ready), Plan(reflect), component.Probes.Ready is not null, secrets);
    }

    /// <param name="state">What was observed, and serves.</param>
    /// <param name="places">Where its instances are reached, none: this machine does not reach them; the worst answer counts.</param>
    public async Task<Observed> ReadAsync(Observed state, IReadOnlyList<AskedAt> places, SignalPlan plan, CancellationToken cancel)
    {
        if (places.Count == 0)
        {
            // Nobody here can ask it. The engine runs exactly the image and settings of the labels.
            return state with { Ready = plan.ReadyDeclared ? SignalStatus.NotRun : SignalStatus.NotDefined, Reflected = SignalStatus.Pass };
        }

        var ready = plan.Ready is { } probe ? await Task.WhenAll(places.Select(place => AskAsync(probe, plan, place, slow: false, cancel))) : null;
        var reflected = plan.Reflect is { } reflect ? await AskAsync(reflect, plan, new AskedAt(plan.Front), slow: null, cancel) : true;
        return state with
        {
            NotReadyAt = ready is not null && Array.IndexOf(ready, false) is >= 0 and var first ? places[first] : null,
            Ready = ready is not null ? Worst(ready) : plan.ReadyDeclared ? SignalStatus.NotRun : SignalStatus.NotDefined,
            // Without a probe: the engine runs exactly the image and settings of the labels, and the front leads there.
            Reflected = Worst([reflected]),
        };
    }

    private async Task<bool?> AskAsync(ProbePlan probe, SignalPlan plan, AskedAt place, bool? slow, CancellationToken cancel)
    {
        var text = $"{place.Port}";
        var answer = await probes.AskOnceAsync(probe.ToProbe(value => value.Replace(AgentProtocol.PortToken, text, StringComparison.Ordinal)), new ProbeContext
        {
            Component = plan.Component, Host = place.Host, Port = place.Port, Directory = "", Names = static _ => null, Secrets = plan.Secrets, Life = static _ => ValueTask.FromResult<Life>(new Life.Running()),
        }, Bound, cancel);
        return answer.Reach == ProbeReach.Unaskable ? null : answer.TimedOut ? slow : answer.Passed;
    }

    private static SignalStatus Worst(bool?[] answers) =>
        answers.Contains(false) ? SignalStatus.Fail : answers.Contains(null) ? SignalStatus.Unknown : SignalStatus.Pass;
}
