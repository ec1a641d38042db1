namespace Laptime.Workspaces;

/// <summary>The guardrails of the safe loop, in the order in which they are shown.</summary>
public enum GuardrailName
{
    /// <summary>Every artifact was built at a trusted event.</summary>
    Provenance,

    /// <summary>By a builder that this environment takes artifacts from.</summary>
    Builder,

    /// <summary>Somebody reviewed the commit.</summary>
    Review,

    /// <summary>What the fast loop left out was made up for.</summary>
    Parity,

    /// <summary>Smoke checks are defined, and passed where it comes from.</summary>
    Smoke,

    /// <summary>There is something proven to go back to.</summary>
    Rollback,

    /// <summary>The migration ledgers are clean on the governance axis.</summary>
    Ledger,

    /// <summary>No freeze window is open.</summary>
    Freeze,

    /// <summary>Not more rollouts at once than allowed.</summary>
    Rollouts,
}

/// <summary>What a safe environment asks of a rollout beyond provenance and smoke, which every safe environment asks.</summary>
public sealed record GuardrailSettings
{
    public static GuardrailSettings Default { get; } = new();

    /// <summary>The environment that promotions come from; null: the first of the fast loop.</summary>
    public string? From { get; init; }

    /// <summary>Builders that are trusted here, URIs; one that ends with <c>*</c> stands for all that begin so. Empty: those of the trust rules.</summary>
    public IReadOnlyList<string> Builders { get; init; } = [];

    /// <summary>Null: no review is asked for.</summary>
    public ReviewSettings? Review { get; init; }

    public IReadOnlyList<FreezeWindow> Freeze { get; init; } = [];

    /// <summary>Rollouts of this workspace that may go on at once, this one included; null: any number.</summary>
    public int? Rollouts { get; init; }

    /// <summary>How old the evidence of a rollback target may be; null: any age.</summary>
    public TimeSpan? RollbackAge { get; init; }

    /// <summary>Guardrails that only report.</summary>
    public IReadOnlySet<GuardrailName> ReportOnly { get; init; } = new HashSet<GuardrailName>();

    /// <summary>Guardrails that <c>--override</c> may open.</summary>
    public IReadOnlySet<GuardrailName> Overridable { get; init; } = new HashSet<GuardrailName>();
}

/// <summary>Where the evidence of a review is.</summary>
public enum ReviewEvidence
{
    /// <summary>Trailers of the commits (Reviewed-by, Acked-by, Merged-by) and who merged.</summary>
    Git,

    /// <summary>As git, and the reviewer owns what changed by CODEOWNERS.</summary>
    Codeowners,

    /// <summary>A file that says who reviewed which commit.</summary>
    Attestation,

    /// <summary>A command that ends with 0 and prints who.</summary>
    Command,
}

/// <param name="By">Where the evidence is.</param>
/// <param name="Self">An author's own approval is enough; it is named as that.</param>
/// <param name="Command">With <see cref="ReviewEvidence.Command"/>.</param>
/// <param name="File">With <see cref="ReviewEvidence.Attestation"/>: relative to the root; <c>${commit}</c> is the commit.</param>
public sealed record ReviewSettings(ReviewEvidence By, bool Self, CommandLine? Command, string? File);

/// <summary>A time in which nothing is rolled out: once, between two moments, or every week.</summary>
/// <param name="Name">In messages.</param>
/// <param name="Zone">Whose clock it goes by.</param>
public abstract record FreezeWindow(string Name, TimeZoneInfo Zone)
{
    /// <summary>Whether it is open, and until when it is (local to the zone).</summary>
    public abstract DateTime? OpenUntil(DateTimeOffset now);

    /// <param name="From">The first moment, local to the zone.</param>
    /// <param name="Until">The first moment after it.</param>
    public sealed record Once(string Name, TimeZoneInfo Zone, DateTime From, DateTime Until) : FreezeWindow(Name, Zone)
    {
        public override DateTime? OpenUntil(DateTimeOffset now) =>
            TimeZoneInfo.ConvertTime(now, Zone).DateTime is var local && local >= From && local < Until ? Until : null;
    }

    /// <param name="Start">From this minute of the week (Monday 00:00 is 0), local to the zone.</param>
    /// <param name="End">Until this one; before <paramref name="Start"/>: over the turn of the week.</param>
    public sealed record Weekly(string Name, TimeZoneInfo Zone, int Start, int End) : FreezeWindow(Name, Zone)
    {
        public const int Week = 7 * 24 * 60;

        public override DateTime? OpenUntil(DateTimeOffset now)
        {
            var local = TimeZoneInfo.ConvertTime(now, Zone).DateTime;
            var minute = (((int)local.DayOfWeek + 6) % 7 * 24 * 60) + (local.Hour * 60) + local.Minute;
            var (since, length) = ((minute - Start + Week) % Week, (End - Start + Week) % Week);
            return since < length ? local.Date.AddMinutes((local.Hour * 60) + local.Minute + length - since) : null;
        }
    }
}
