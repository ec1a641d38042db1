using System.Globalization;
using System.Text.Json;
using Laptime.Foundations;

namespace Laptime.Transactions;

/// <summary>
/// What was waited for between the trigger and the command, as the caller or the CI service says: lap itself was not there. Every time may be unknown, and
/// then nothing is claimed for it.
/// </summary>
public sealed record Waits
{
    public static readonly Waits None = new();

    /// <summary>When the trigger fired: from here on somebody had asked.</summary>
    public DateTimeOffset? QueuedSince { get; init; }

    /// <summary>When the CI job began to run: the queue ended, and the job's own steps (check-out, set-up) began.</summary>
    public DateTimeOffset? JobStarted { get; init; }

    /// <summary>When the approval was asked for; null: when the trigger fired.</summary>
    public DateTimeOffset? ApprovalSince { get; init; }

    /// <summary>When it was given.</summary>
    public DateTimeOffset? ApprovedAt { get; init; }

    public bool Known => QueuedSince is not null || JobStarted is not null || ApprovedAt is not null;

    /// <summary>
    /// From the environment of a CI job. GitLab gives both times; GitHub Actions only the event's own in its payload, so that the queue there ends with the
    /// command. Jenkins has no such variable: its pipeline hands in <c>LAP_QUEUED_SINCE</c>.
    /// </summary>
    public static Waits OfCi(Func<string, string?> variable)
    {
        if (variable("GITLAB_CI") is { Length: > 0 })
        {
            return new Waits { QueuedSince = Time(variable("CI_PIPELINE_CREATED_AT")), JobStarted = Time(variable("CI_JOB_STARTED_AT")) };
        }

        return variable("GITHUB_ACTIONS") == "true" && variable("GITHUB_EVENT_PATH") is { Length: > 0 } path
            ? new Waits { QueuedSince = GitHubEvent(variable("GITHUB_EVENT_NAME"), path) }
            : None;
    }

    /// <summary>ISO 8601, with UTC where it names no zone, or seconds or milliseconds since 1970. Null: it is none of these.</summary>
    public static DateTimeOffset? Time(string? text)
    {
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            // Seconds stay below this until the year 5138; milliseconds are above it since 1973.
            return number < 100_000_000_000 ? DateTimeOffset.FromUnixTimeSeconds(number)
                : number < 100_000_000_000_000 ? DateTimeOffset.FromUnixTimeMilliseconds(number) : null;
        }

        return text is { Length: >= 10 } && text[4] == '-'
            && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time) ? time : null;
    }

    /// <summary>When the event happened, where its payload says so. Events that carry no time of their own give none.</summary>
    private static DateTimeOffset? GitHubEvent(string? name, string path)
    {
        (string Holder, string Field)? place = name switch
        {
            "push" => ("repository", "pushed_at"),
            "workflow_run" => ("workflow_run", "created_at"),
            "deployment" => ("deployment", "created_at"),
            "release" => ("release", "published_at"),
            "pull_request" => ("pull_request", "updated_at"),
            _ => null,
        };
        try
        {
            if (place is not var (holder, field))
            {
                return null;
            }

            using var payload = JsonDocument.Parse(File.ReadAllBytes(path));
            return payload.RootElement.TryGetProperty(holder, out var at) && at.ValueKind == JsonValueKind.Object && at.TryGetProperty(field, out var time)
                ? Time(time.ValueKind switch { JsonValueKind.Number => time.GetRawText(), JsonValueKind.String => time.GetString(), _ => null })
                : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            // A payload that cannot be read says nothing; the wait is then idle, as it is without CI.
            return null;
        }
    }

    /// <exception cref="LapException">An approval without a moment in which it was asked for.</exception>
    public Waits Checked() => ApprovedAt is not null && ApprovalSince is null && QueuedSince is null
        ? throw new LapException("--approved-at says when, but not since when it was waited for", null, "add --approval-since TIME (or --queued-since TIME)")
        : ApprovalSince is not null && ApprovedAt is null
            ? throw new LapException("--approval-since without --approved-at: an approval that is not given is no wait yet", null, "add --approved-at TIME")
            : this;
}
