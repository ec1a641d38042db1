using System.Text;
using Laptime.Signals;

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
internal sealed class NoOpAnswer(Observer observer, SignalReader signals, Engines engines, Watch watch)
{
    internal async Task<string> AnswerAsync(string environment, string mark, CancellationToken cancel)
    {
        var contained = await engines.ReadAsync(environment, cancel);
        string[] lines = [.. await Task.WhenAll(observer.Read(environment).Select(r => LineAsync(r, cancel))), .. contained?.Select(Line) ?? []];
        var (state, next) = watch.Ask(environment, mark);
        return string.Concat(lines) + $"watch {state} {next}\n.\n";
    }

    private static string Line(Targets.Observed seen) => string.Join('\t', (string[])
    [
        seen.Component, seen.Artifact.ToString(), seen.DeploymentKey.ToString(), seen.Fingerprint.ToString(), seen.Revision ?? "-", seen.Serving ? "1" : "0",
        $"{seen.Instances}", $"{seen.Of}", seen.Ready.Text(), seen.Reflected.Text(), seen.Endpoint ?? "-", seen.Transaction ?? "-",
    ]) + "\n";

    private async Task<string> LineAsync(Observer.Reading reading, CancellationToken cancel)
    {
        var ready = signals.ReadyAsync(reading, cancel);
        var reflected = signals.ReflectedAsync(reading, cancel);
        var labels = reading.Revision.Labels;
        string[] fields =
        [
            labels.Component, labels.Artifact, labels.DeploymentKey, labels.Fingerprint, labels.Revision, reading.Serving ? "1" : "0",
            $"{reading.Alive.Count}", $"{reading.Wanted}", (await ready).Text(), (await reflected).Text(), Observer.EndpointOf(reading.Revision) ?? "-", labels.Transaction,
        ];
        return new StringBuilder().AppendJoin('\t', fields).Append('\n').ToString();
    }
}
