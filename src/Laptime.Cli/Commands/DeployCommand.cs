using System.CommandLine;

namespace Laptime.Cli.Commands;

internal static class DeployCommand
{
    public const string Name = "deploy";

    public static Command Make() => Verb.Make(
        Name,
        "Bring what changed to the environment, prove that it is served, and say where the time went.",
        [
            DeployFlags.Components, DeployFlags.Profile, DeployFlags.Full, DeployFlags.Force, DeployFlags.NoSmoke, DeployFlags.ReuseOk, DeployFlags.Recreate, SafetyFlags.Override, SafetyFlags.Reason,
            DeployFlags.Since, DeployFlags.QueuedSince, DeployFlags.ApprovalSince, DeployFlags.ApprovedAt, DeployFlags.RolloutTimeout, DeployFlags.ReadyTimeout, DeployFlags.ReconcileTimeout, DeployFlags.Poll,
            DeployFlags.LockTimeout, DeployFlags.Parallel, DeployFlags.Traces,
        ],
        session =>
        {
            var options = DeployFlags.Read(session) with { Ask = session.Ask };
            return options is { ReuseOk: true, Recreate: true }
                ? throw new Foundations.LapException("--reuse-ok and --recreate contradict each other", null, "give one of them")
                : Transaction.RunAsync(session, "deploy", options, (parts, timeline, cancel) => parts.Deployer.DeployAsync(options, timeline, cancel));
        },
        "lap deploy                      everything that changed, to the first environment",
        "lap deploy gateway              this component only",
        "lap deploy --env production     another environment",
        "lap deploy -o json              the transaction document on stdout",
        "lap deploy --traces t.jsonl     and its trace in a file");
}
