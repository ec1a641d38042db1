using System.Diagnostics;
using System.Text.Json;

namespace Laptime.EndToEnd.Robustness;

/// <summary>A deploy with nothing to do: next to nothing is loaded for it, and it gives way to the full run whenever anything is not as it was.</summary>
public sealed class FastPathTests
{
    private static readonly CancellationToken Cancel = TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_no_op_compiles_fewer_than_fifteen_methods()
    {
        await using var scene = await SettledAsync();
        var log = scene.Aside("jit.txt");
        scene.Environment["DOTNET_JitStdOutFile"] = log;
        scene.Environment["DOTNET_JitDisasmSummary"] = "1";
        await AssertFastAsync(scene);
        scene.Environment.Remove("DOTNET_JitStdOutFile");
        scene.Environment.Remove("DOTNET_JitDisasmSummary");

        // The compiler is not even loaded, and so writes no list, when there is nothing for it.
        var compiled = (File.Exists(log) ? File.ReadAllLines(log) : []).Where(l => l.Contains("Tier", StringComparison.Ordinal) || l.Contains("Instrumented", StringComparison.Ordinal) || l.Contains("IL_STUB", StringComparison.Ordinal)).ToList();
        TestContext.Current.TestOutputHelper?.WriteLine(string.Join('\n', compiled));
        Assert.InRange(compiled.Count, 0, 14);
    }

    [Fact]
    public async Task The_no_op_ends_at_once_and_leaves_none_of_the_runtimes_files_behind()
    {
        await using var scene = await SettledAsync();
        var start = new ProcessStartInfo(LapProcess.Binary, ["deploy"]) { WorkingDirectory = scene.Root, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("LAP_", StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(name);
        }

        start.Environment["SCENE_NAME"] = scene.Name;
        start.Environment["TMPDIR"] = scene.Aside("");
        using var process = Process.Start(start)!;
        var said = await process.StandardOutput.ReadToEndAsync(Cancel);
        await process.WaitForExitAsync(Cancel);
        Assert.Equal(0, process.ExitCode);
        Assert.Contains("unchanged", said);
        Assert.DoesNotContain(Directory.EnumerateFileSystemEntries(scene.Aside("")), f => f.Contains($"-{process.Id}-", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_no_op_loads_none_of_the_libraries()
    {
        Assert.SkipUnless(await TracesAsync(), "strace is not installed, or may not trace here");
        await using var scene = await SettledAsync();
        var trace = scene.Aside("trace.txt");
        var start = new ProcessStartInfo("strace", ["-f", "-qq", "-e", "trace=openat,open", "-o", trace, LapProcess.Binary, "deploy"])
        {
            WorkingDirectory = scene.Root, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        // What a test run is told by (LAP_TEST_REQUIRE) would be a flag's twin to lap, which only the full run knows.
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("LAP_", StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(name);
        }

        start.Environment["SCENE_NAME"] = scene.Name;
        using var process = Process.Start(start)!;
        var said = await process.StandardOutput.ReadToEndAsync(Cancel);
        await process.WaitForExitAsync(Cancel);
        Assert.Equal(0, process.ExitCode);
        Assert.Contains("unchanged", said);

        var opened = File.ReadAllText(trace);
        Assert.Contains("Laptime.dll", opened);
        foreach (var library in (string[])["System.CommandLine", "Spectre", "Sqlite", "sqlite3", "YamlDotNet", "System.Net.Http", "System.Text.Json", "System.Net.Sockets"])
        {
            Assert.DoesNotContain(library, opened);
        }
    }

    [Fact]
    public async Task A_deploy_that_builds_loads_no_HTTP_unless_its_store_is_a_registry()
    {
        Assert.SkipUnless(await TracesAsync(), "strace is not installed, or may not trace here");
        await using var scene = Scene.Web();
        // Only built: an agent would go on under the trace.
        scene.Write("laptime.yaml", """
            version: 1
            name: built
            components:
              a:
                path: web
                inputs: [page.txt]
                build: { steps: [ { name: copy, run: mkdir -p out && cp page.txt out/ } ], outputs: ["out/**"] }
            """);
        var trace = scene.Aside("trace.txt");
        var start = new ProcessStartInfo("strace", ["-f", "-qq", "-e", "trace=openat,open", "-o", trace, LapProcess.Binary, "deploy"])
        {
            WorkingDirectory = scene.Root, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        start.Environment["SCENE_NAME"] = scene.Name;
        using var process = Process.Start(start)!;
        _ = process.StandardError.ReadToEndAsync(Cancel);
        var said = await process.StandardOutput.ReadToEndAsync(Cancel);
        await process.WaitForExitAsync(Cancel);
        Assert.True(process.ExitCode == 0, said);

        var opened = File.ReadAllText(trace);
        Assert.Contains("Laptime.dll", opened);
        foreach (var library in (string[])["System.Net.Http", "System.Net.Security", "Polly"])
        {
            Assert.DoesNotContain(library, opened);
        }
    }

    [Fact]
    public async Task It_gives_way_to_the_full_run_whenever_something_differs()
    {
        await using var scene = Scene.Web();
        scene.Replace("laptime.yaml", "    path: web\n", "    path: web\n    vars: [FLAVOUR]\n");
        scene.Environment["FLAVOUR"] = "vanilla";
        await SettleAsync(scene);

        // Each is done, told by a full run that builds (or not), and then the fast path stands again.
        await AfterAsync("an edit of laptime.yaml that means nothing", () => File.AppendAllText(scene.At("laptime.yaml"), "\n# a comment\n"), builds: false);
        await AfterAsync("a variable", () => scene.Environment["FLAVOUR"] = "lemon", builds: true);
        await AfterAsync("a variable unset", () => scene.Environment.Remove("FLAVOUR"), builds: true);
        await AfterAsync("a variable set to nothing", () => scene.Environment["FLAVOUR"] = "", builds: true);
        await AfterAsync("a file in a new folder", () => scene.Write("web/new/folder/file.txt", "x"), builds: true);
        await AfterAsync("a .gitignore that takes it away: as it was built before", () => scene.Write(".gitignore", "new/\nout/\n"), builds: false);
        await AfterAsync("same size and time, other content", () =>
        {
            var page = scene.At("web/page.txt");
            var time = File.GetLastWriteTimeUtc(page);
            var text = File.ReadAllText(page);
            File.WriteAllText(page, new string([.. text.Reverse()]) == text ? new string('x', text.Length) : new string([.. text.Reverse()]));
            File.SetLastWriteTimeUtc(page, time);
        }, builds: true);
        await AfterAsync("chmod +x", () => File.SetUnixFileMode(scene.At("web/page.txt"), (UnixFileMode)0b111_101_101), builds: true);
        await AfterAsync("touch", () => File.SetLastWriteTimeUtc(scene.At("web/page.txt"), DateTime.UtcNow), builds: false);
        await AfterAsync("the proof is gone", () => File.Delete(scene.At(".laptime/proof")), builds: false);
        await AfterAsync("the proof is of another build of lap", () =>
        {
            var fields = File.ReadAllText(scene.At(".laptime/proof")).Split('\t');
            fields[1] = Guid.NewGuid().ToString();
            File.WriteAllText(scene.At(".laptime/proof"), string.Join('\t', fields));
        }, builds: false);
        await AfterAsync("the agent is gone", () => Living.Of(scene.AgentPid)!.Kill(), builds: false);

        async Task AfterAsync(string what, Action change, bool builds)
        {
            change();
            var (fast, document) = await NoOps.DeployAsync(scene);
            Assert.False(fast, $"{what}: the fast path said unchanged");
            Assert.True(document.GetProperty("counters").GetProperty("built").GetInt32() == (builds ? 1 : 0), $"{what}: {document}");
            await SettleAsync(scene);
        }
    }

    [Theory]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", false)]
    [InlineData("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", false)]
    [InlineData("GITHUB_STEP_SUMMARY", false)]
    [InlineData("LAP_TRACES", false)]
    // Nothing is to be told to anybody for these.
    [InlineData("TRACEPARENT", true)]
    [InlineData("GITHUB_ACTIONS", true)]
    [InlineData("OTEL_SERVICE_NAME", true)]
    public async Task It_gives_way_when_the_transaction_is_to_be_told_elsewhere(string variable, bool stands)
    {
        await using var scene = await SettledAsync();
        scene.Environment[variable] = variable switch
        {
            "TRACEPARENT" => "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "GITHUB_ACTIONS" => "true",
            _ when variable.EndsWith("ENDPOINT", StringComparison.Ordinal) => $"http://127.0.0.1:{Scene.FreePort()}",
            _ => scene.Aside("told"),
        };
        var (fast, document) = await NoOps.DeployAsync(scene);
        Assert.Equal((stands, "unchanged"), (fast, document.GetProperty("outcome").GetString()));
        Assert.Equal(variable is "GITHUB_STEP_SUMMARY" or "LAP_TRACES", File.Exists(scene.Aside("told")));
    }

    [Fact]
    public async Task It_gives_way_when_nothing_runs_any_more()
    {
        await using var scene = Scene.Web();
        await SettleAsync(scene);
        Assert.Equal(0, (await scene.LapAsync("down")).ExitCode);
        var (fast, document) = await NoOps.DeployAsync(scene);
        Assert.False(fast);
        Assert.Equal("reflected", document.GetProperty("outcome").GetString());
    }

    [Fact]
    public async Task It_gives_way_when_the_instance_is_not_ready_any_more()
    {
        await using var scene = Scene.Web(ready: "{ run: \"test ! -e ASIDE/closed\", poll: 10ms, timeout: 1s }");
        await SettleAsync(scene);
        File.WriteAllText(scene.Aside("closed"), "");
        var refused = await scene.DeployAsync(12);
        Assert.Equal("readiness-timeout", refused.GetProperty("outcome").GetString());
        File.Delete(scene.Aside("closed"));
        await SettleAsync(scene);
    }

    [Fact]
    public async Task A_damaged_proof_never_hides_a_change()
    {
        await using var scene = Scene.Web();
        scene.Replace("laptime.yaml", "    path: web\n", "    path: web\n    vars: [FLAVOUR, OTHER]\n");
        await SettleAsync(scene);
        var proof = File.ReadAllBytes(scene.At(".laptime/proof"));
        var random = new Random(7);
        for (var i = 0; i < 40; i++)
        {
            var damaged = (byte[])proof.Clone();
            for (var bytes = random.Next(1, 4); bytes > 0; bytes--)
            {
                damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
            }

            File.WriteAllBytes(scene.At(".laptime/proof"), damaged);
            var (fast, document) = await NoOps.DeployAsync(scene);
            Assert.False(fast, $"damage {i} went unnoticed");
            Assert.Equal("unchanged", document.GetProperty("outcome").GetString());
            File.WriteAllBytes(scene.At(".laptime/proof"), proof);
        }
    }

    private static async Task<Scene> SettledAsync()
    {
        var scene = Scene.Web();
        await SettleAsync(scene);
        return scene;
    }

    /// <summary>Deploys until the fast path stands: files written a moment ago are racy, and are read again until the clock has moved on.</summary>
    private static Task SettleAsync(Scene scene) => Scene.UntilAsync(async () => (await NoOps.DeployAsync(scene)).Fast, "the fast path stands");

    private static async Task AssertFastAsync(Scene scene) => Assert.True((await NoOps.DeployAsync(scene)).Fast, "the fast path did not stand");

    private static async Task<bool> TracesAsync()
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo("strace", ["-qq", "-e", "trace=none", "/bin/true"]) { RedirectStandardError = true })!;
            await process.WaitForExitAsync(Cancel);
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}

/// <summary>Whether a deploy went the fast path: it alone writes the no-op log, and the full run folds it away.</summary>
internal static class NoOps
{
    public static async Task<(bool Fast, JsonElement Document)> DeployAsync(Scene scene)
    {
        var document = await scene.DeployAsync();
        var log = scene.At(".laptime/journal.noop");
        return (File.Exists(log) && File.ReadAllText(log).Contains(document.GetProperty("id").GetString()!, StringComparison.Ordinal), document);
    }
}
