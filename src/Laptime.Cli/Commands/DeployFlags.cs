using System.CommandLine;
using Laptime.Foundations;
using Laptime.Transactions;
using Laptime.Workspaces;

namespace Laptime.Cli.Commands;

/// <summary>Flags that decide what a deploy, and so a plan, does.</summary>
internal static class DeployFlags
{
    private static readonly TimeSpan LockPatience = TimeSpan.FromMinutes(1);

    public static readonly Argument<string[]> Components = new("COMPONENT")
    {
        Description = "Act on these only (default: all)",
        HelpName = "COMPONENT",
        Arity = ArgumentArity.ZeroOrMore,
        CompletionSources = { static _ => ComponentNames() },
    };

    public static readonly Option<string?> Profile = Flag.Text("--profile", "Build settings (default: the environment's)", "NAME");
    public static readonly Option<bool> Full = Flag.Switch("--full", "Close the parity gaps that a build can close: every step, the safe environment's profile; every input read again");
    public static readonly Option<bool> Force = Flag.Switch("--force", "Build and roll out, whatever the fingerprints say");
    public static readonly Option<bool> NoSmoke = Flag.Switch("--no-smoke", "Leave the smoke checks out (a parity gap in the report)");
    public static readonly Option<bool> ReuseOk = Flag.Switch("--reuse-ok", "Keep what runs in an environment that this checkout has no record of");
    public static readonly Option<bool> Recreate = Flag.Switch("--recreate", "Stop what runs in the environment first");
    public static readonly Option<string?> Since = Flag.Text("--since", "Where the interval starts (default: by what changed)", "commit|merge|save|start|TIME");
    public static readonly Option<string?> QueuedSince = Flag.Text("--queued-since", "When the trigger fired, where CI does not say it: the wait until now is a queue, not idle", "TIME");
    public static readonly Option<string?> ApprovalSince = Flag.Text("--approval-since", "When an approval was asked for (default: when the trigger fired)", "TIME");
    public static readonly Option<string?> ApprovedAt = Flag.Text("--approved-at", "When it was given: the wait for it is a segment of its own", "TIME");
    public static readonly Option<TimeSpan?> LockTimeout = Flag.Time("--lock-timeout", "How long to wait for another deploy", LockPatience);
    public static readonly Option<TimeSpan?> RolloutTimeout = Flag.Bound("--rollout-timeout", "Bound on the rollout of one component as a whole (default: the environment's, or those of its parts)");
    public static readonly Option<TimeSpan?> ReadyTimeout = Flag.Bound("--ready-timeout", "Bound on every ready probe (default: as the probes say)");
    public static readonly Option<TimeSpan?> ReconcileTimeout = Flag.Bound("--reconcile-timeout", "Bound on the restart of one component that loaded what changed (default: as a rollout)");
    public static readonly Option<TimeSpan?> Poll = Flag.Bound("--poll", "Longest pause between two attempts of every probe (default: as the probes say)");
    public static readonly Option<int> Parallel = Flag.Number("--parallel", "Builds at the same time (default: number of cores)", Environment.ProcessorCount, 1, "-j");
    public static readonly Option<string?> Traces = Flag.Text("--traces", "Append the trace to this file, a line of OTLP/JSON each (OTEL_EXPORTER_OTLP_ENDPOINT sends it to a collector)", "FILE");
    public static readonly Option<bool> DetailedExitCode = Flag.Switch("--detailed-exitcode", "Exit with 3 when the plan has changes");

    /// <summary>For completion: the components of the workspace around the current folder; none when its file does not load.</summary>
    public static IEnumerable<System.CommandLine.Completions.CompletionItem> ComponentNames()
    {
        try
        {
            return WorkspaceFile.Find(Session.Here()) is { } file
                ? [.. WorkspaceFile.Load(file, Environment.GetEnvironmentVariable).Components.Select(c => new System.CommandLine.Completions.CompletionItem(c.Name))]
                : [];
        }
        catch (LapException)
        {
            return [];
        }
    }

    public static TimeSpan LockTimeoutOf(Session session) =>
        session.Arguments.CommandResult.Command.Options.Contains(LockTimeout) ? Flag.TimeOf(session.Arguments, LockTimeout, LockPatience) : LockPatience;

    public static WaitBounds BoundsOf(Session session)
    {
        return session.Arguments.CommandResult.Command.Options.Contains(RolloutTimeout)
            ? new WaitBounds(Of(RolloutTimeout), Of(ReadyTimeout), Of(ReconcileTimeout), Of(Poll))
            : WaitBounds.None;

        TimeSpan? Of(Option<TimeSpan?> option) => Flag.BoundOf(session.Arguments, option);
    }

    /// <summary>What CI says of itself, and over it what the caller says.</summary>
    private static Waits WaitsOf(ParseResult arguments)
    {
        var ci = Waits.OfCi(Environment.GetEnvironmentVariable);
        return (ci with
        {
            QueuedSince = TimeOf(QueuedSince) ?? ci.QueuedSince, ApprovalSince = TimeOf(ApprovalSince), ApprovedAt = TimeOf(ApprovedAt),
        }).Checked();

        DateTimeOffset? TimeOf(Option<string?> option) => arguments.GetValue(option) is not { Length: > 0 } text ? null
            : Waits.Time(text) ?? throw new LapException($"{option.Name} {text} is no time", null, "use a time such as 2026-11-21T11:03:29Z, or seconds or milliseconds since 1970");
    }

    public static DeployOptions Read(Session session)
    {
        var arguments = session.Arguments;
        bool On(Option<bool> option) => arguments.CommandResult.Command.Options.Contains(option) && arguments.GetValue(option);
        var deploys = arguments.CommandResult.Command.Options.Contains(LockTimeout);
        return new DeployOptions
        {
            Selected = session.Select(arguments.GetValue(Components)),
            Full = On(Full),
            Force = On(Force),
            NoSmoke = On(NoSmoke),
            ReuseOk = On(ReuseOk),
            Recreate = On(Recreate),
            Since = deploys && arguments.CommandResult.Command.Options.Contains(Since) ? arguments.GetValue(Since) : null,
            Waits = deploys && arguments.CommandResult.Command.Options.Contains(Since) ? WaitsOf(arguments) : Waits.None,
            LockTimeout = LockTimeoutOf(session),
            Bounds = BoundsOf(session),
            Parallel = arguments.CommandResult.Command.Options.Contains(Parallel) ? arguments.GetValue(Parallel) : Environment.ProcessorCount,
        };
    }
}
