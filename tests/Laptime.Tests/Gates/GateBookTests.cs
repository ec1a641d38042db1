using System.Text.Json.Nodes;
using Laptime.Foundations;
using Laptime.Gates;
using Laptime.Processes;

namespace Laptime.Tests.Gates;

/// <summary>The verbs on a real repository: what the audit log gets, and what a record never holds.</summary>
public sealed class GateBookTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly ProcessRunner runner = new(TimeProvider.System);
    private readonly List<(string Actor, string Happened, JsonObject Data)> audit = [];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    private async Task GitAsync(params string[] arguments) =>
        Assert.True((await runner.RunAsync(new Command { Program = "git", Arguments = ["-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false", .. arguments], Directory = folder }, null, Cancel)).Succeeded, string.Join(' ', arguments));

    private async Task<GateBook> BookAsync(string check, GateAudit? writer = null)
    {
        folder.File("gates.yaml", $"vars: [LAP_GATE_TEST_TOKEN, LAP_GATE_TEST_NONE]\nitems:\n  - id: tests\n    text: They pass.\n    check: {check}\n");
        await GitAsync("init", "-q");
        await GitAsync("config", "user.name", "Ann");
        await GitAsync("config", "user.email", "ann@example.org");
        folder.File("code.txt", "code");
        await GitAsync("add", "-A");
        await GitAsync("commit", "-q", "-m", "first");
        return await GateBook.OpenAsync(
            GateFile.Load(folder.At("gates.yaml")),
            new GateParts(runner, TimeProvider.System, "1.0")
            {
                Audit = writer ?? ((actor, happened, data, _) =>
                {
                    Assert.False(data["record"] is { } record && File.Exists(folder.At((string)record!)), "what is not in the audit log yet is not recorded");
                    audit.Add((actor, happened, data));
                    return Task.CompletedTask;
                }),
            }, Cancel);
    }

    [Fact]
    public async Task Every_record_is_in_the_audit_log_first()
    {
        var book = await BookAsync("\"true\"");
        var item = book.Item("tests");
        var claimed = await book.ClaimAsync(item, Cancel);
        await book.VetoAsync(item, "no", Cancel);
        await book.LiftAsync(item, "yes", Cancel);
        Assert.Equal(["gate-claim", "gate-veto", "gate-lift"], audit.Select(a => a.Happened));
        Assert.All(audit, a => Assert.Equal("Ann <ann@example.org>", a.Actor));
        Assert.Equal((claimed.Record.Digest.ToString(), claimed.Record.Record.Revision), ((string?)audit[0].Data["digest"], (string?)audit[0].Data["revision"]));
        Assert.Equal("no", (string?)audit[1].Data["reason"]);
    }

    [Fact]
    public async Task A_refused_attempt_is_in_the_audit_log_with_its_reason_and_makes_no_record()
    {
        var book = await BookAsync("\"true\"");
        var item = book.Item("tests");
        await Assert.ThrowsAsync<FaultException>(() => book.VerifyAsync(item, [], Cancel));
        await book.ClaimAsync(item, Cancel);
        await Assert.ThrowsAsync<FaultException>(() => book.VerifyAsync(item, [], Cancel));
        await Assert.ThrowsAsync<FaultException>(() => book.LiftAsync(item, "yes", Cancel));
        folder.File("code.txt", "other");
        await Assert.ThrowsAsync<FaultException>(() => book.ClaimAsync(item, Cancel));
        Assert.Equal(["gate-refused verify", "gate-claim ", "gate-refused verify", "gate-refused lift", "gate-refused claim"], audit.Select(a => $"{a.Happened} {(string?)a.Data["attempt"]}"));
        Assert.All(audit, a => Assert.Equal(("Ann <ann@example.org>", "tests"), (a.Actor, (string?)a.Data["item"])));
        Assert.Contains("you claimed it yourself", (string?)audit[2].Data["why"], StringComparison.Ordinal);
        Assert.Contains("code.txt", (string?)audit[4].Data["why"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refusal_that_cannot_be_recorded_says_that_too()
    {
        var book = await BookAsync("\"true\"", (_, _, _, _) => throw new FaultException(new Fault(Outcome.GuardrailRefused, "the disk is full")));
        var refused = await Assert.ThrowsAsync<FaultException>(() => book.VerifyAsync(book.Item("tests"), [], Cancel));
        Assert.Equal((Outcome.GateFailed, "tests: nobody has claimed it; and it could not be recorded: the disk is full"), (refused.Fault.Outcome, refused.Fault.What));
    }

    [Fact]
    public async Task What_cannot_be_audited_is_not_recorded()
    {
        var book = await BookAsync("\"true\"", (_, _, _, _) => throw new FaultException(new Fault(Outcome.GuardrailRefused, "full")));
        await Assert.ThrowsAsync<FaultException>(() => book.ClaimAsync(book.Item("tests"), Cancel));
        Assert.Equal(GateStatus.Unclaimed, (await book.ReadAsync(Cancel)).Items[0].Status);
    }

    [Fact]
    public async Task Values_of_variables_that_look_secret_are_not_in_a_record()
    {
        Environment.SetEnvironmentVariable("LAP_GATE_TEST_TOKEN", "hunter2hunter2");
        try
        {
            var book = await BookAsync("echo \"the token is $LAP_GATE_TEST_TOKEN\"");
            var claimed = await book.ClaimAsync(book.Item("tests"), Cancel);
            var record = File.ReadAllText(folder.At(claimed.Record.File));
            Assert.DoesNotContain("hunter2", record, StringComparison.Ordinal);
            Assert.Contains("the token is [redacted]", record, StringComparison.Ordinal);
            Assert.Equal(["LAP_GATE_TEST_TOKEN"], claimed.Record.Record.Environment!.Vars);
        }
        finally
        {
            Environment.SetEnvironmentVariable("LAP_GATE_TEST_TOKEN", null);
        }
    }
}
