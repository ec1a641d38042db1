using System.Text;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Signals;
using Laptime.Targets.Local;
using Laptime.Workspaces;

namespace Laptime.Agent;

/// <summary>
/// Answers the one plain text request, which lap's fast path speaks by hand:
/// <code>
/// noop ENVIRONMENT MARK
/// </code>
/// One line per component, fields separated by tabs: component, artifact, deployment key, fingerprint, revision, serving (0 or 1), instances, of,
/// ready (pass, fail, unknown, not-defined), reflected (pass, fail, unknown), endpoint (or -), transaction. Then <c>watch clean|dirty|unknown MARK</c>
/// with a new mark (or -), then a line with a dot.
/// </summary>
internal sealed class NoOpAnswer(Observer observer, Watch watch, TimeProvider clock)
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(1);

    private readonly ProbeClient probes = new(clock);

    internal async Task<string> AnswerAsync(string environment, string mark, CancellationToken cancel)
    {
        var lines = await Task.WhenAll(observer.Read(environment).Select(r => LineAsync(r, cancel)));
        var (state, next) = watch.Ask(mark);
        return string.Concat(lines) + $"watch {state} {next}\n.\n";
    }

    private async Task<string> LineAsync(Observer.Reading reading, CancellationToken cancel)
    {
        var revision = reading.Revision;
        var ready = reading.Revision.Plan.Ready is { } plan
            ? Task.WhenAll(reading.Alive.Select(i => AskAsync(plan, revision, i.Port, cancel)))
            : null;
        var reflected = revision.Plan.Reflect is { } reflect
            ? AskAsync(reflect, revision, revision.FrontPort, cancel)
            : Task.FromResult<bool?>(!reading.FrontLeads || reading.HoldPorts == false || reading.Alive.Count < reading.Wanted ? false : reading.HoldPorts);
        var readyText = ready is null ? "not-defined" : reading.Alive.Count == 0 ? "fail" : Worst(await ready);
        var labels = revision.Labels;
        string[] fields =
        [
            labels.Component, labels.Artifact, labels.DeploymentKey, labels.Fingerprint, labels.Revision, reading.Serving ? "1" : "0",
            $"{reading.Alive.Count}", $"{reading.Wanted}", readyText, Worst([await reflected]), Observer.EndpointOf(revision) ?? "-", labels.Transaction,
        ];
        return new StringBuilder().AppendJoin('\t', fields).Append('\n').ToString();
    }

    private static string Worst(bool?[] answers) => answers.Contains(false) ? "fail" : answers.Contains(null) ? "unknown" : "pass";

    /// <summary>True, false, or null when it cannot be asked.</summary>
    private async Task<bool?> AskAsync(ProbePlan plan, Revision revision, int? port, CancellationToken cancel)
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
        return answer.Reach == ProbeReach.Unaskable ? null : answer.Passed;
    }
}
