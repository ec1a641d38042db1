using Laptime.Foundations;
using Laptime.Transactions;

namespace Laptime.Tests.Transactions;

public sealed class WaitsTests : IDisposable
{
    private static readonly DateTimeOffset At = new(2026, 11, 21, 11, 3, 29, TimeSpan.Zero);
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    private static Waits OfCi(params (string Name, string Value)[] variables) =>
        Waits.OfCi(name => variables.Where(v => v.Name == name).Select(v => v.Value).FirstOrDefault());

    [Theory]
    [InlineData("2026-11-21T11:03:29Z", true)]
    [InlineData("2026-11-21T12:03:29+01:00", true)]
    [InlineData("2026-11-21 11:03:29", true)]
    [InlineData("1795259009", true)]
    [InlineData("1795259009000", true)]
    [InlineData("yesterday", false)]
    [InlineData("12", true, "1970-01-01T00:00:12Z")]
    [InlineData("99999999999999999", false)]
    [InlineData("", false)]
    public void Times_are_iso_8601_or_seconds_or_milliseconds(string text, bool valid, string? time = null) =>
        Assert.Equal(valid ? time is null ? At : DateTimeOffset.Parse(time, System.Globalization.CultureInfo.InvariantCulture) : null, Waits.Time(text));

    [Fact]
    public void Gitlab_says_when_the_pipeline_was_made_and_when_the_job_began()
    {
        var waits = OfCi(("GITLAB_CI", "true"), ("CI_PIPELINE_CREATED_AT", "2026-11-21T11:03:29Z"), ("CI_JOB_STARTED_AT", "2026-11-21T12:04:29+01:00"));
        Assert.Equal((At, At.AddMinutes(1), true), (waits.QueuedSince, waits.JobStarted, waits.Known));
    }

    [Theory]
    [InlineData("push", """{"repository":{"pushed_at":1795259009}}""")]
    [InlineData("workflow_run", """{"workflow_run":{"created_at":"2026-11-21T11:03:29Z"}}""")]
    [InlineData("deployment", """{"deployment":{"created_at":"2026-11-21T11:03:29Z"}}""")]
    [InlineData("release", """{"release":{"published_at":"2026-11-21T11:03:29Z"}}""")]
    [InlineData("pull_request", """{"pull_request":{"updated_at":"2026-11-21T11:03:29Z"}}""")]
    public void Github_says_when_the_event_was_and_not_when_the_job_began(string name, string payload)
    {
        var waits = OfCi(("GITHUB_ACTIONS", "true"), ("GITHUB_EVENT_NAME", name), ("GITHUB_EVENT_PATH", folder.File("event.json", payload)));
        Assert.Equal((At, null), (waits.QueuedSince, waits.JobStarted));
    }

    [Theory]
    [InlineData("schedule", "{}")]
    [InlineData("push", "{}")]
    [InlineData("push", """{"repository":7}""")]
    [InlineData("push", """{"repository":{"pushed_at":true}}""")]
    [InlineData("push", "{ torn")]
    public void A_payload_that_does_not_say_it_claims_nothing(string name, string payload) =>
        Assert.False(OfCi(("GITHUB_ACTIONS", "true"), ("GITHUB_EVENT_NAME", name), ("GITHUB_EVENT_PATH", folder.File("event.json", payload))).Known);

    [Fact]
    public void Without_ci_and_in_one_that_gives_no_times_nothing_is_known()
    {
        Assert.False(OfCi().Known);
        Assert.False(OfCi(("CI", "true"), ("JENKINS_URL", "http://ci")).Known);
        Assert.False(OfCi(("GITHUB_ACTIONS", "true"), ("GITHUB_EVENT_NAME", "push"), ("GITHUB_EVENT_PATH", "/nowhere/event.json")).Known);
    }

    [Fact]
    public void An_approval_needs_both_ends()
    {
        Assert.Throws<LapException>(() => new Waits { ApprovedAt = At }.Checked());
        Assert.Throws<LapException>(() => new Waits { ApprovalSince = At }.Checked());
        Assert.NotNull(new Waits { ApprovedAt = At, QueuedSince = At }.Checked());
        Assert.NotNull(Waits.None.Checked());
    }
}
