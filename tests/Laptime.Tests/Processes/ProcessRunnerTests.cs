using System.Diagnostics;
using System.Globalization;
using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Tests.Processes;

public sealed class ProcessRunnerTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly ManualTime clock = new();
    private readonly ProcessRunner runner;
    private readonly List<OutputLine> lines = [];

    public ProcessRunnerTests() => runner = new ProcessRunner(clock);

    public void Dispose() => folder.Dispose();

    /// <summary>Lets the graces run out, without waiting for them.</summary>
    private async Task<T> Hurry<T>(Task<T> run)
    {
        while (await Task.WhenAny(run, Task.Delay(5, Cancel)) != run)
        {
            clock.Advance(ProcessRunner.Grace / 4);
        }

        return await run;
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private Task<ProcessResult> Run(params string[] acts) => runner.RunAsync(FakeTool.Command(folder, acts), lines.Add, Cancel);

    [Fact]
    public async Task Both_streams_are_read_and_the_exit_code_is_kept()
    {
        var result = await Run("say:out", "err:bad", "exit:3");
        Assert.Equal(3, result.ExitCode);
        Assert.Null(result.Signal);
        Assert.Contains(new OutputLine("out", false), lines);
        Assert.Contains(new OutputLine("bad", true), lines);
        Assert.Equal(["bad", "out"], result.Tail.Order());
        Assert.Equal("exit code 3", result.Ending);
        Assert.False(result.Succeeded);
    }

    [Fact]
    public async Task Death_by_a_signal_is_told_from_an_exit_code()
    {
        var result = await runner.RunAsync(Command.Shell("kill -SEGV $$", folder), null, Cancel);
        Assert.Equal(11, result.Signal);
        Assert.Equal(139, result.ExitCode);
        Assert.Equal("ended by SIGSEGV", result.Ending);
    }

    [Fact]
    public async Task Standard_input_is_empty()
    {
        await Run("stdin");
        Assert.Equal("stdin has 0 characters", lines[0].Text);
    }

    [Fact]
    public async Task The_environment_is_inherited_changed_and_removed()
    {
        Environment.SetEnvironmentVariable("LAP_TEST_INHERITED", "here");
        await runner.RunAsync(FakeTool.Command(folder, "env:LAP_TEST_INHERITED", "env:LAP_TEST_SET", "env:HOME") with
        {
            Environment = new Dictionary<string, string?> { ["LAP_TEST_SET"] = "ä=1", ["HOME"] = null },
        }, lines.Add, Cancel);
        Assert.Equal(["LAP_TEST_INHERITED=here", "LAP_TEST_SET=ä=1", "HOME=(unset)"], lines.Select(l => l.Text));
    }

    [Theory]
    [InlineData("flood:100")]
    [InlineData("long:100")]
    public async Task A_hundred_megabytes_are_read_in_bounded_memory_with_a_bounded_log(string act)
    {
        var log = folder.At("logs", "x.log");
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var kept = 0L;
        var result = await runner.RunAsync(FakeTool.Command(folder, act, "say:", "say:last") with { LogFile = log },
            line => kept = line.Text == "last" ? GC.GetTotalMemory(forceFullCollection: true) - before : 0, Cancel);
        Assert.True(result.Succeeded);
        Assert.True(result.Tail.Count <= OutputCapture.TailLines);
        Assert.All(result.Tail, line => Assert.True(line.Length <= OutputCapture.LineCharacters + 1));
        Assert.Equal("last", result.Tail[^1]);
        Assert.InRange(new FileInfo(log).Length, OutputCapture.LogBound, OutputCapture.LogBound + 100_000);
        using var written = File.OpenRead(log);
        written.Position = OutputCapture.LogBound;
        var end = new StreamReader(written).ReadToEnd();
        Assert.Contains("bounded at 64 MB", end, StringComparison.Ordinal);
        Assert.EndsWith("last\n", end, StringComparison.Ordinal);
        Assert.True(kept < 30 << 20, $"{kept >> 20} MB");
    }

    [Fact]
    public async Task Only_the_last_forty_lines_are_kept_for_messages()
    {
        var result = await Run("lines:1000");
        Assert.Equal(1000, lines.Count);
        Assert.Equal(Enumerable.Range(961, 40).Select(i => $"line {i}"), result.Tail);
    }

    [Fact]
    public async Task Secrets_appear_nowhere()
    {
        var log = folder.At("x.log");
        var result = await runner.RunAsync(FakeTool.Command(folder, "say:token=hunter2!", "err:hunter2", "say:\u001b[31mhun\u001b[0mter2") with
        {
            Secrets = ["hunter2"],
            LogFile = log,
        }, lines.Add, Cancel);
        Assert.Contains("token=[redacted]!", lines.Select(l => l.Text));
        foreach (var text in lines.Select(l => l.Text).Concat(result.Tail).Append(File.ReadAllText(log)))
        {
            Assert.DoesNotContain("hunter2", text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_deadline_ends_a_program_that_ignores_every_polite_signal_and_is_a_result()
    {
        var result = await Hurry(runner.RunAsync(FakeTool.Command(folder, "ignore", "say:up", "hang") with { Deadline = TimeSpan.FromSeconds(30) },
            _ => clock.Advance(TimeSpan.FromSeconds(30)), Cancel));
        Assert.True(result.TimedOut);
        Assert.False(result.Succeeded);
        Assert.Equal(9, result.Signal);
        Assert.StartsWith("no end within ", result.Ending, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_deadline_asks_politely_first()
    {
        var asked = folder.At("asked");
        var result = await runner.RunAsync(Command.Shell($"trap 'echo x > {asked}; exit 5' TERM; echo up; while :; do sleep 0.05; done", folder) with
        {
            Deadline = TimeSpan.FromSeconds(30),
        }, _ => clock.Advance(TimeSpan.FromSeconds(30)), Cancel);
        Assert.True(result.TimedOut);
        Assert.Equal(5, result.ExitCode);
        Assert.True(File.Exists(asked));
    }

    [Fact]
    public async Task A_full_disk_under_the_log_ends_the_program_with_a_clear_fault()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "/dev/full is Linux's");
        var fault = (await Assert.ThrowsAsync<FaultException>(() => runner.RunAsync(
            FakeTool.Command(folder, "say:up", "hang") with { LogFile = "/dev/full" }, null, Cancel))).Fault;
        Assert.Contains("No space left", fault.What, StringComparison.Ordinal);
        Assert.Contains("disk space", fault.Mend, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cancellation_interrupts_and_throws()
    {
        using var source = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var interrupted = folder.At("interrupted");
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => runner.RunAsync(
            Command.Shell($"trap 'echo x > {interrupted}; exit 1' INT; echo up; while :; do sleep 0.05; done", folder),
            _ => source.Cancel(), source.Token));
        Assert.True(File.Exists(interrupted));
    }

    [Fact]
    public async Task Cancellation_takes_the_grandchildren_along()
    {
        using var source = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var file = folder.At("pid");
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Hurry(runner.RunAsync(
            FakeTool.Command(folder, $"grandchild:{file}", "say:up", "hang"), _ => source.Cancel(), source.Token)));
        AssertGone(file);
    }

    [Fact]
    public async Task A_descendant_in_a_group_of_its_own_is_ended_too()
    {
        using var source = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var file = folder.At("pid");
        // Job control gives the child a process group of its own, as `timeout` does.
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Hurry(runner.RunAsync(
            Command.Shell($"set -m; trap '' INT TERM; sleep 1000 & echo $! > {file}; echo up; wait; sleep 1000", folder), _ => source.Cancel(), source.Token)));
        AssertGone(file);
    }

    [Fact]
    public async Task A_grandchild_that_holds_the_pipes_cannot_keep_us()
    {
        var file = folder.At("pid");
        var result = await Run($"grandchild:{file}", "say:done", "exit:0");
        Assert.True(result.Succeeded);
        Assert.Contains(new OutputLine("done", false), lines);
        // It is not ours to end: build servers live on by design.
        var pid = int.Parse(File.ReadAllText(file), CultureInfo.InvariantCulture);
        using var left = Process.GetProcessById(pid);
        left.Kill();
    }

    [Fact]
    public async Task The_second_interrupt_kills_at_once()
    {
        var result = await runner.RunAsync(FakeTool.Command(folder, "ignore", "say:up", "hang"), _ => runner.KillAll(), Cancel);
        Assert.Equal(9, result.Signal);
    }

    [Fact]
    public async Task An_exception_of_the_listener_ends_the_program()
    {
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => runner.RunAsync(
            FakeTool.Command(folder, "say:up", "hang"), _ => throw new InvalidOperationException("full"), Cancel));
        Assert.Equal("full", error.Message);
    }

    [Fact]
    public async Task Programs_get_a_process_group_of_their_own_and_default_signals()
    {
        await runner.RunAsync(Command.Shell("echo $$; cut -d' ' -f5 /proc/$$/stat; grep SigIgn /proc/self/status", folder), lines.Add, Cancel);
        Assert.Equal(lines[0].Text, lines[1].Text);
        Assert.Equal(0UL, ulong.Parse(lines[2].Text.Split('\t')[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture) & (1UL << 12 | 1UL << 1));
    }

    [Fact]
    public async Task What_cannot_be_started_names_program_folder_and_cause()
    {
        async Task<Fault> Fail(string program, string? directory = null) => (await Assert.ThrowsAsync<FaultException>(() => runner.RunAsync(
            new Command { Program = program, Directory = directory ?? folder }, null, Cancel))).Fault;

        var fault = await Fail("no-such-tool-here");
        Assert.Contains("`no-such-tool-here`", fault.What, StringComparison.Ordinal);
        Assert.Contains("not on PATH", fault.What, StringComparison.Ordinal);
        Assert.Contains(folder, fault.Where, StringComparison.Ordinal);
        Assert.Contains("no such file", (await Fail("./gone")).What, StringComparison.Ordinal);
        Assert.Contains("does not exist", (await Fail("ls", folder.At("gone"))).What, StringComparison.Ordinal);

        folder.File("plain", "#!/bin/sh\n");
        Assert.Contains("not executable", (await Fail("./plain")).What, StringComparison.Ordinal);
        void Executable(string name, string content) => TemporaryFolder.Executable(folder.File(name, content));
        Executable("interpreter", "#!/no/such/interpreter\n");
        Assert.Contains("interpreter", (await Fail("./interpreter")).What, StringComparison.Ordinal);
        Executable("binary", "\u0001\u0002");
        Assert.Contains("#! line", (await Fail("./binary")).What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_program_is_found_on_the_path_it_is_given()
    {
        var tool = folder.File("bin/mytool", "#!/bin/sh\necho mine\n");
        TemporaryFolder.Executable(tool);
        var command = new Command
        {
            Program = "mytool", Directory = folder,
            Environment = new Dictionary<string, string?> { ["PATH"] = $"{folder.At("bin")}:/usr/bin:/bin" },
        };
        Assert.True((await runner.RunAsync(command, lines.Add, Cancel)).Succeeded);
        Assert.Equal("mine", lines[0].Text);
    }

    [Fact]
    public async Task Many_programs_run_side_by_side()
    {
        var results = await Task.WhenAll(Enumerable.Range(0, 20).Select(i =>
            runner.RunAsync(Command.Shell($"echo {i}; exit {i}", folder), null, Cancel)));
        Assert.Equal(Enumerable.Range(0, 20), results.Select(r => r.ExitCode));
        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"{i}"), results.Select(r => r.Tail[0]));
    }

    private static void AssertGone(string pidFile)
    {
        var pid = int.Parse(File.ReadAllText(pidFile), CultureInfo.InvariantCulture);
        // Killed; whoever adopted it may not have collected it yet.
        Assert.Null(ProcessOwner.TicksOf(pid));
    }
}
