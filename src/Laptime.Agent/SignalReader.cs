using Laptime.Processes;
using Laptime.Signals;
using Laptime.Targets.Local;

namespace Laptime.Agent;

/// <summary>Asks what serves for its ready and reflected signals, once each and at most for a second: a reading, not a wait.</summary>
internal sealed class SignalReader(TimeProvider clock)
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(1);

    private readonly ProbeClient probes = new(clock);

    /// <summary>The ready probe, asked of every instance: the worst answer counts.</summary>
    internal async Task<SignalStatus> ReadyAsync(Observer.Reading reading, CancellationToken cancel) =>
        reading.Revision.Plan.Ready is not { } plan ? SignalStatus.NotDefined
        : reading.Alive.Count == 0 ? SignalStatus.Fail
        : Worst(await Task.WhenAll(reading.Alive.Select(i => AskAsync(plan, reading.Revision, i.Port, cancel))));

    /// <summary>The reflect probe, asked at the front; without one, the agent's own evidence.</summary>
    internal async Task<SignalStatus> ReflectedAsync(Observer.Reading reading, CancellationToken cancel) =>
        Worst([
            reading.Revision.Plan.Reflect is { } reflect ? await AskAsync(reflect, reading.Revision, reading.Revision.FrontPort, cancel, slow: null)
                : !reading.FrontLeads || reading.HoldPorts == false || reading.Alive.Count < reading.Wanted ? false
                : reading.HoldPorts,
        ]);

    private static SignalStatus Worst(bool?[] answers) =>
        answers.Contains(false) ? SignalStatus.Fail : answers.Contains(null) ? SignalStatus.Unknown : SignalStatus.Pass;

    /// <summary>True, false, or null when it cannot be asked.</summary>
    /// <param name="slow">What no answer within the bound means: not ready, but not another revision either.</param>
    private async Task<bool?> AskAsync(ProbePlan plan, Revision revision, int? port, CancellationToken cancel, bool? slow = false)
    {
        var text = $"{port}";
        string With(string value) => value.Replace(AgentProtocol.PortToken, text, StringComparison.Ordinal);
        var context = new ProbeContext
        {
            Component = revision.Labels.Component, Port = port, Directory = revision.Plan.Directory, Secrets = revision.Plan.Secrets,
            Environment = revision.Plan.Environment.ToDictionary(v => v.Key, v => (string?)With(v.Value)),
            Names = static _ => null, Life = static _ => ValueTask.FromResult<Life>(new Life.Running()),
        };
        var answer = await probes.AskOnceAsync(plan.ToProbe(With), context, Bound, cancel);
        return answer.Reach == ProbeReach.Unaskable ? null : answer.TimedOut ? slow : answer.Passed;
    }
}
