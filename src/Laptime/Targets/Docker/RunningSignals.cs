using Laptime.Signals;
using Laptime.Workspaces;

namespace Laptime.Targets.Docker;

/// <summary>Asks what serves for its ready and reflected signals, once each and at most for a second: a reading, not a wait.</summary>
/// <param name="find">The component of a name; null: laptime.yaml does not have it any more.</param>
/// <param name="names">Values of template names for a component at a revision and transaction.</param>
public sealed class RunningSignals(Func<string, Component?> find, Func<Component, string, string, Func<string, string?>> names, IReadOnlyList<string> secrets, string root, TimeProvider clock)
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(1);

    private readonly ProbeClient probes = new(clock);

    /// <param name="state">What was observed, and serves.</param>
    /// <param name="ports">Where its instances are reached; the worst answer counts.</param>
    public async Task<Observed> ReadAsync(Observed state, IReadOnlyList<int?> ports, CancellationToken cancel)
    {
        if (find(state.Component) is not { Run: { } run } component)
        {
            return state;
        }

        var resolve = names(component, state.Revision ?? "", state.Transaction ?? "");
        var ready = component.Probes.Ready is { Form: not ProbeForm.Run } probe
            ? await Task.WhenAll(ports.Select(port => AskAsync(probe, component, port, resolve, slow: false, cancel)))
            : null;
        bool? reflected = component.Probes.Reflect is { Form: not ProbeForm.Run } reflect && Revisions.Asking(reflect) is { } question
            ? await AskAsync(question, component, run.Port, resolve, slow: null, cancel)
            : true;
        return state with
        {
            Ready = ready is null ? component.Probes.Ready is null ? SignalStatus.NotDefined : SignalStatus.NotRun : Worst(ready),
            // Without a probe: the engine runs exactly the image and settings of the labels, and the front leads there.
            Reflected = Worst([reflected]),
        };
    }

    private async Task<bool?> AskAsync(Probe probe, Component component, int? port, Func<string, string?> resolve, bool? slow, CancellationToken cancel)
    {
        var answer = await probes.AskOnceAsync(probe, new ProbeContext
        {
            Component = component.Name, Port = port, Directory = Path.Combine(root, component.Path), Names = name => name == "port" ? $"{port}" : resolve(name),
            Secrets = secrets, Life = static _ => ValueTask.FromResult<Life>(new Life.Running()),
        }, Bound, cancel);
        return answer.Reach == ProbeReach.Unaskable ? null : answer.TimedOut ? slow : answer.Passed;
    }

    private static SignalStatus Worst(bool?[] answers) =>
        answers.Contains(false) ? SignalStatus.Fail : answers.Contains(null) ? SignalStatus.Unknown : SignalStatus.Pass;
}
