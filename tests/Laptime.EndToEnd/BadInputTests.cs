using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Laptime.EndToEnd.Harness;

namespace Laptime.EndToEnd;

/// <summary>Bad input of every kind: a clear message with its exit code, no stack trace, nothing lost, nothing half-deployed, the old instance still there.</summary>
public sealed class BadInputTests
{
    /// <summary>What is said, on stderr and in the document alike; what served before serves on.</summary>
    private static async Task<string> RefusedAsync(LapWorkspace workspace, int port, int exitCode, params string[] arguments)
    {
        var run = (await workspace.LapAsync([.. arguments.Length == 0 ? ["deploy"] : arguments, "-o", "json"])).Exits(exitCode);
        Assert.Equal(exitCode, (int)run.Json["exitCode"]!);
        Assert.NotNull(run.Json["failure"]);
        Assert.DoesNotContain("   at ", run.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", run.ToString(), StringComparison.Ordinal);
        Assert.Equal((200, "first text of web"), await workspace.GetAsync(port));
        return run.Json["failure"]!.ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }) + run.Json["problems"]?.ToJsonString();
    }

    private static async Task<(LapWorkspace Workspace, int Port)> ServingAsync(string? step = null, string? more = null)
    {
        var (workspace, port) = await LapWorkspace.OneAsync(more, step);
        Assert.Equal("reflected", (await workspace.DeployAsync()).Outcome());
        return (workspace, port);
    }

    [Theory]
    [InlineData("name: little\n", "name: [little\n", "laptime.yaml:")]
    [InlineData("name: little\n", "name: little\nenviroments: {}\n", "environments")]
    [InlineData("    path: src/web\n", "    path: src/wbe\n", "src/wbe")]
    [InlineData("    path: src/web\n", "    path: src/web\n    uses: [web]\n", "web")]
    [InlineData("components:\n", "components:\n  web: { path: src/web }\n", "web")]
    [InlineData("exec python3", "exec python3 ${env.NOWHERE_SET}", "NOWHERE_SET")]
    [InlineData("${port}\"", "${prot}\"", "port")]
    [InlineData("version: 1\n", "version: 2\n", "version")]
    [InlineData("version: 1\n", "version: 1\n\tname: x\n", "laptime.yaml:2")]
    public async Task A_broken_file_is_a_usage_error_with_its_place_and_what_serves_serves_on(string old, string with, string named)
    {
        var (workspace, port) = await ServingAsync();
        await using var end = workspace;
        workspace.Edit("laptime.yaml", old, with);
        var said = await RefusedAsync(workspace, port, 2);
        Assert.Contains(named, said, StringComparison.Ordinal);
        Assert.Matches(@"laptime\.yaml:\d+:\d+", said);
        await RefusedAsync(workspace, port, 2, "plan");
    }

    [Fact]
    public async Task A_cycle_is_told_as_one()
    {
        await using var workspace = await LapWorkspace.OfAsync(
            LittleServer.Yaml("one", Ports.Free(), "needs: [two]") + LittleServer.Yaml("two", Ports.Free(), "needs: [three]") + LittleServer.Yaml("three", Ports.Free(), "needs: [one]"));
        var said = (await workspace.LapAsync("deploy")).Exits(2).Error;
        Assert.Matches("one.*two.*three|two.*three.*one|three.*one.*two", said);
        Assert.False(Directory.Exists(workspace.At(".laptime/journal.db")));
    }

    [Fact]
    public async Task Several_mistakes_are_told_at_once()
    {
        var (workspace, port) = await ServingAsync();
        await using var end = workspace;
        workspace.Edit("laptime.yaml", "    path: src/web\n", "    pathh: src/web\n    usses: [x]\n");
        var said = (await workspace.LapAsync("validate")).Exits(2).Error;
        Assert.Contains("pathh", said, StringComparison.Ordinal);
        Assert.Contains("usses", said, StringComparison.Ordinal);
        Assert.Equal((200, "first text of web"), await workspace.GetAsync(port));
    }

    [Fact]
    public async Task What_an_error_quotes_does_not_act_on_the_terminal()
    {
        await using var workspace = await LapWorkspace.OfAsync(LittleServer.Yaml("web", Ports.Free()));
        var refused = (await workspace.LapAsync("plan", "we\u001b[2J\u001b]0;title\u0007b2")).Exits(2).Error;
        Assert.Contains("web2", refused, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', refused);
    }

    [Fact]
    public async Task A_pipe_among_the_inputs_neither_hangs_nor_crashes()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "named pipes are of Unix");
        var (workspace, port) = await ServingAsync();
        await using var end = workspace;
        await workspace.RunAsync("mkfifo", "src/web/pipe");
        Assert.Contains("src/web/pipe", await RefusedAsync(workspace, port, 2), StringComparison.Ordinal);
        await RefusedAsync(workspace, port, 2, "plan");
        File.Delete(workspace.At("src/web/pipe"));
        (await workspace.DeployAsync()).IsUnchanged();
    }

    [Fact]
    public async Task A_loop_of_links_among_the_inputs_neither_hangs_nor_crashes()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights on Windows");
        var (workspace, port) = await ServingAsync();
        await using var end = workspace;
        File.CreateSymbolicLink(workspace.At("src/web/around"), ".");
        File.CreateSymbolicLink(workspace.At("src/web/self"), "self");
        workspace.Write("src/web/text.txt", "second");
        (await workspace.DeployAsync()).Valid();
        Assert.Equal((200, "second"), await workspace.GetAsync(port));
        (await workspace.DeployAsync()).IsUnchanged();
    }

    [Fact]
    public async Task An_unreadable_file_is_named()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "modes are of Unix");
        Assert.SkipWhen(Environment.IsPrivilegedProcess, "permissions do not bind root: the pipe and the loop stand in");
        var (workspace, port) = await ServingAsync();
        await using var end = workspace;
        workspace.Write("src/web/locked.txt", "secret");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(workspace.At("src/web/locked.txt"), UnixFileMode.None);
        }

        Assert.Contains("src/web/locked.txt", await RefusedAsync(workspace, port, 2), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_step_that_hangs_ends_at_its_timeout()
    {
        var (workspace, port) = await LapWorkspace.OneAsync(step: "sh wait.sh");
        await using var end = workspace;
        workspace.Write("src/web/wait.sh", "true\n");
        await workspace.DeployAsync();
        workspace.Write("src/web/wait.sh", "echo waiting for godot; sleep 600\n");
        workspace.Edit("laptime.yaml", "kind: compile,", "kind: compile, timeout: 300ms,");
        var said = await RefusedAsync(workspace, port, 10);
        Assert.Contains("300 ms", said, StringComparison.Ordinal);
        Assert.Contains("waiting for godot", said, StringComparison.Ordinal);
        Assert.DoesNotContain(workspace.Leftovers(), pid => File.ReadAllText($"/proc/{pid}/cmdline").Contains("sleep", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_step_that_prints_a_hundred_megabytes_is_bounded_in_memory_and_in_the_report()
    {
        var (workspace, port) = await LapWorkspace.OneAsync(step: "sh print.sh");
        await using var end = workspace;
        workspace.Write("src/web/print.sh", "head -c 100000000 /dev/zero | tr '\\\\0' 'x'; echo; yes 'a line of the build' | head -n 200000; echo the last line\n".Replace("\\\\", "\\", StringComparison.Ordinal));
        var run = (await workspace.LapAsync("deploy", "-o", "json")).Exits(0);
        run.Json.Valid();
        Assert.True(run.Out.Length < 100_000, $"{run.Out.Length} characters");
        Assert.Equal((200, "first text of web"), await workspace.GetAsync(port));
        workspace.Write("src/web/print.sh", workspace.Read("src/web/print.sh") + "exit 1\n");
        var failed = (await workspace.LapAsync("deploy", "-o", "json")).Exits(10);
        Assert.Contains("the last line", Document.Texts(failed.Json["failure"]!["tail"]));
        Assert.True(failed.Out.Length < 100_000, $"{failed.Out.Length} characters");
        Assert.True(new DirectoryInfo(workspace.At(".laptime/reports")).EnumerateFiles().All(f => f.Length < 100_000));
    }

    [Fact]
    public async Task A_port_of_a_foreign_process_is_refused_and_its_holder_named()
    {
        var (workspace, port) = await LapWorkspace.OneAsync();
        await using var end = workspace;
        using var foreign = new TcpListener(IPAddress.Loopback, port);
        foreign.Start();
        var document = (await workspace.JsonAsync(11, "deploy")).Valid();
        Assert.Equal("rollout-failed", document.Outcome());
        Assert.Contains($"{port}", document.FailureMessage(), StringComparison.Ordinal);
        Assert.Contains($"pid {Environment.ProcessId}", document.FailureMessage(), StringComparison.Ordinal);
        foreign.Stop();
        var next = (await workspace.DeployAsync()).Valid();
        Assert.Equal((0, 1), (next.Count("built"), next.Count("rollouts")));
    }

    [Fact]
    public async Task A_full_disk_is_told_and_loses_nothing()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess, "a small file system can only be mounted by root");
        var (workspace, port) = await LapWorkspace.OneAsync();
        await using var end = workspace;
        Directory.CreateDirectory(workspace.At(".laptime"));
        try
        {
            await workspace.RunAsync("mount", "-t", "tmpfs", "-o", "size=3m,mode=700", "tmpfs", workspace.At(".laptime"));
        }
        catch (Xunit.Sdk.XunitException e)
        {
            Assert.Skip($"nothing can be mounted here: {e.Message}");
        }

        try
        {
            Assert.Equal("reflected", (await workspace.DeployAsync()).Outcome());
            workspace.Write("src/web/big.txt", string.Concat(Enumerable.Range(0, 1_000_000).Select(i => $"{i * 7919L % 1_000_003}\n")));
            var run = await workspace.LapAsync("deploy", "-o", "json");
            Assert.NotEqual(0, run.ExitCode);
            Assert.DoesNotContain("   at ", run.ToString(), StringComparison.Ordinal);
            Assert.Contains("space", run.Out + run.Error, StringComparison.OrdinalIgnoreCase);
            Assert.Equal((200, "first text of web"), await workspace.GetAsync(port));
            // Full to the last byte.
            var filler = new FileInfo(workspace.At(".laptime/filler"));
            await RunShellAsync(workspace, $"head -c 10000000 /dev/zero > {filler.FullName} || true");
            var full = await workspace.LapAsync("deploy");
            Assert.NotEqual(0, full.ExitCode);
            Assert.DoesNotContain("   at ", full.ToString(), StringComparison.Ordinal);
            Assert.Equal((200, "first text of web"), await workspace.GetAsync(port));
            filler.Delete();
            File.Delete(workspace.At("src/web/big.txt"));
            (await workspace.DeployAsync()).IsUnchanged();
            Assert.NotEmpty((await workspace.JsonAsync(0, "history"))["items"]!.AsArray());
        }
        finally
        {
            await workspace.LapAsync("agent", "stop", "--instances");
            await workspace.RunAsync("umount", "-l", workspace.At(".laptime"));
        }
    }

    [Fact]
    public async Task A_journal_of_a_newer_version_is_named_and_left_untouched()
    {
        var (workspace, port) = await ServingAsync();
        await using var end = workspace;
        await workspace.RunAsync("python3", "-c", "import sqlite3; c = sqlite3.connect('.laptime/journal.db'); c.execute(\"update schema set version = 999, writer = '9.9.9'\"); c.commit(); c.close()");
        var before = await File.ReadAllBytesAsync(workspace.At(".laptime/journal.db"), workspace.Cancel);
        workspace.Write("src/web/text.txt", "second");
        var run = await workspace.LapAsync("deploy", "-o", "json");
        Assert.NotEqual(0, run.ExitCode);
        Assert.NotEqual(1, run.ExitCode);
        Assert.Contains("the journal was written by lap 9.9.9 (schema 999)", run.Out, StringComparison.Ordinal);
        Assert.Contains("journal.db", run.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", run.ToString(), StringComparison.Ordinal);
        Assert.NotNull(run.Json["failure"]!["mend"]);
        Assert.Equal((200, "first text of web"), await workspace.GetAsync(port));
        Assert.Equal(before, await File.ReadAllBytesAsync(workspace.At(".laptime/journal.db"), workspace.Cancel));
    }

    [Fact]
    public async Task A_damaged_state_file_or_proof_or_index_is_no_trouble()
    {
        var (workspace, port) = await ServingAsync();
        await using var end = workspace;
        foreach (var file in Directory.EnumerateFiles(workspace.At(".laptime"), "*", SearchOption.AllDirectories)
            .Where(f => f.Contains("/env/", StringComparison.Ordinal) || f.EndsWith("/index", StringComparison.Ordinal) || f.Contains("proof", StringComparison.Ordinal)))
        {
            await File.WriteAllTextAsync(file, "{ torn", workspace.Cancel);
        }

        var document = (await workspace.DeployAsync("--reuse-ok")).Valid();
        Assert.Equal(0, document.Count("built"));
        (await workspace.DeployAsync()).IsUnchanged();
        Assert.Equal((200, "first text of web"), await workspace.GetAsync(port));
    }

    [Fact]
    public async Task Outputs_that_do_not_appear_are_a_failed_build()
    {
        var (workspace, port) = await ServingAsync();
        await using var end = workspace;
        workspace.Edit("laptime.yaml", "outputs: [\"out/**\"]", "outputs: [\"dist/**\"]");
        Assert.Contains("dist", await RefusedAsync(workspace, port, 10), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_program_that_does_not_exist_is_named_with_its_place()
    {
        var (workspace, port) = await ServingAsync();
        await using var end = workspace;
        workspace.Edit("laptime.yaml", "exec python3 -S -E out/server.py ${port}", "exec pyhton9 out/server.py ${port}");
        Assert.Contains("pyhton9", await RefusedAsync(workspace, port, 13), StringComparison.Ordinal);
    }

    private static Task<string> RunShellAsync(LapWorkspace workspace, string text) => workspace.RunAsync("/bin/sh", "-c", text);
}
