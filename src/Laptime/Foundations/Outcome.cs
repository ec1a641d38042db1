namespace Laptime.Foundations;

/// <summary>How a command ended: its name in reports and JSON, and its exit code. The only table of exit codes.</summary>
public sealed record Outcome
{
    public static readonly Outcome Ok = new("ok", 0, "done");
    public static readonly Outcome Reflected = new("reflected", 0, "the target was seen serving the new revision");
    public static readonly Outcome Unchanged = new("unchanged", 0, "nothing to do, after reading what the target runs");
    public static readonly Outcome Built = new("built", 0, "built; nothing here has to be rolled out");
    public static readonly Outcome Published = new("published", 0, "built, signed and in the store; nothing was rolled out");
    public static readonly Outcome Planned = new("planned", 0, "a plan only; nothing was run or written");
    public static readonly Outcome Bootstrapped = new("bootstrapped", 0, "the environment was bootstrapped; what runs in it stood, and was not rolled out");
    public static readonly Outcome RolledBack = new("rolled-back", 0, "the earlier revision was seen serving again");
    public static readonly Outcome Stopped = new("stopped", 0, "what was deployed was stopped");
    public static readonly Outcome InternalError = new("internal-error", 1, "a bug in lap: please report it");
    public static readonly Outcome UsageError = new("usage-error", 2, "command line or laptime.yaml is wrong");
    public static readonly Outcome HasChanges = new("has-changes", 3, "the plan has changes (only with --detailed-exitcode)");
    public static readonly Outcome BuildFailed = new("build-failed", 10, "a build step failed; nothing was rolled out");
    public static readonly Outcome RolloutFailed = new("rollout-failed", 11, "the target refused or could not start the new instance");
    public static readonly Outcome ReadinessTimeout = new("readiness-timeout", 12, "alive, but not ready before the bound");
    public static readonly Outcome NotLive = new("not-live", 13, "the instance died or crash-loops");
    public static readonly Outcome SmokeFailed = new("smoke-failed", 14, "ready, but a smoke check failed");
    public static readonly Outcome NotReflected = new("not-reflected", 15, "the target answers, but not with the new revision");
    public static readonly Outcome Regression = new("regression", 16, "worse than the baseline, with evidence");
    public static readonly Outcome Inconclusive = new("inconclusive", 17, "too little evidence for a verdict");
    public static readonly Outcome BudgetExceeded = new("budget-exceeded", 18, "deploys over or under the budget");
    public static readonly Outcome LedgerConflict = new("ledger-conflict", 19, "the migration ledger has findings");
    public static readonly Outcome Locked = new("locked", 20, "another transaction holds the environment");
    public static readonly Outcome GuardrailRefused = new("guardrail-refused", 21, "a guardrail of the safe loop refused");
    public static readonly Outcome RollbackFailed = new("rollback-failed", 22, "the rollback itself failed");
    public static readonly Outcome TierFailed = new("tier-failed", 23, "a recipe tier failed");
    public static readonly Outcome GateFailed = new("gate-failed", 24, "a gate's check failed, or its claim was refused");
    public static readonly Outcome NeverListened = new("never-listened", 25, "alive, but nothing accepted a connection before the bound");
    public static readonly Outcome Flapping = new("flapping", 26, "ready and not ready in turn");
    public static readonly Outcome Interrupted = new("interrupted", 130, "interrupted by Ctrl-C");
    public static readonly Outcome Terminated = new("interrupted", 143, "ended by SIGTERM");

    private Outcome(string name, int exitCode, string meaning) => (Name, ExitCode, Meaning) = (name, exitCode, meaning);

    /// <summary>The name that reports and JSON carry.</summary>
    public string Name { get; }

    /// <summary>The exit code of the process.</summary>
    public int ExitCode { get; }

    /// <summary>One line for <c>lap help exit-codes</c>.</summary>
    public string Meaning { get; }

    public static IReadOnlyList<Outcome> All { get; } =
    [
        Ok, Reflected, Unchanged, Built, Published, Planned, Bootstrapped, RolledBack, Stopped, InternalError, UsageError, HasChanges, BuildFailed, RolloutFailed,
        ReadinessTimeout, NotLive, SmokeFailed, NotReflected, Regression, Inconclusive, BudgetExceeded, LedgerConflict, Locked,
        GuardrailRefused, RollbackFailed, TierFailed, GateFailed, NeverListened, Flapping, Interrupted, Terminated,
    ];

    public override string ToString() => Name;
}
