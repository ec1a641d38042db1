using System.Security.Cryptography;
using Laptime.EndToEnd.Harness;

namespace Laptime.EndToEnd;

/// <summary>`lap plan`, `why` and the other questions: they run and write nothing, and name cause and detail.</summary>
public sealed class QuestionTests
{
    [Fact]
    public async Task Plan_and_why_leave_the_tree_exactly_as_it_was_before_and_after_a_deploy()
    {
        await using var workspace = await LapWorkspace.OfAsync(
            LittleServer.Yaml("api", Ports.Free(), "vars: [FLAVOUR]", "touch ../../../beside/built") + LittleServer.Yaml("web", Ports.Free(), "uses: [api]"));
        await UntouchedAsync(workspace, async () =>
        {
            Assert.Equal("build+rollout never-built", (await workspace.JsonAsync(0, "plan")).Valid().What("web"));
            Assert.Contains("never-built", (await workspace.LapAsync("why", "web")).Exits(0).Out, StringComparison.Ordinal);
            (await workspace.LapAsync("plan", "--detailed-exitcode")).Exits(3);
            (await workspace.LapAsync("validate")).Exits(0);
            (await workspace.LapAsync("history")).Exits(0);
            (await workspace.LapAsync("logs", "web")).Exits(0);
            (await workspace.LapAsync("agent", "status")).Exits(0);
            (await workspace.LapAsync("lock", "status")).Exits(0);
        });
        Assert.False(Directory.Exists(workspace.At(".laptime")));

        await workspace.DeployAsync();
        workspace.Write("src/api/text.txt", "second");
        workspace.Environment["FLAVOUR"] = "sweet";
        var built = File.GetLastWriteTimeUtc(Path.Combine(workspace.Beside, "built"));
        await UntouchedAsync(workspace, async () =>
        {
            var plan = (await workspace.JsonAsync(0, "plan")).Valid();
            Assert.Equal(("planned", "build+rollout inputs-changed"), (plan.Outcome(), plan.What("api")));
            Assert.Equal(["src/api/text.txt", "variable FLAVOUR"], plan.Detail("api"));
            Assert.Equal("uses-changed", (string?)plan.Component("web")["cause"]);
            Assert.Contains("api is built first", string.Join('\n', plan.Detail("web")), StringComparison.Ordinal);
            Assert.Empty(plan["segments"]!.AsArray());
            var why = (await workspace.LapAsync("why", "api")).Exits(0);
            Assert.Contains("inputs-changed", why.Out, StringComparison.Ordinal);
            Assert.Contains("src/api/text.txt", why.Out, StringComparison.Ordinal);
            Assert.Contains("FLAVOUR", why.Out, StringComparison.Ordinal);
            Assert.DoesNotContain("sweet", why.Out, StringComparison.Ordinal);
            Assert.Equal("api", (string?)Assert.Single((await workspace.JsonAsync(0, "why", "api"))["components"]!.AsArray())!["name"]);
            (await workspace.LapAsync("plan", "--force")).Exits(0);
            (await workspace.LapAsync("plan", "--full")).Exits(0);
        });
        Assert.Equal(built, File.GetLastWriteTimeUtc(Path.Combine(workspace.Beside, "built")));
    }

    [Fact]
    public async Task A_plan_of_nothing_to_do_says_so_and_exits_with_0()
    {
        var (workspace, _) = await LapWorkspace.OneAsync();
        await using var end = workspace;
        await workspace.DeployAsync();
        var plan = (await workspace.LapAsync("plan", "--detailed-exitcode", "-o", "json")).Exits(0).Json.Valid();
        Assert.Equal("skip unchanged", plan.What("web"));
    }

    [Fact]
    public async Task An_explicit_component_is_planned_alone()
    {
        await using var workspace = await LapWorkspace.OfAsync(LittleServer.Yaml("api", Ports.Free()) + LittleServer.Yaml("web", Ports.Free()));
        Assert.Equal("web", (string?)Assert.Single((await workspace.JsonAsync(0, "plan", "web"))["components"]!.AsArray())!["name"]);
        var unknown = (await workspace.LapAsync("plan", "wbe")).Exits(2);
        Assert.Contains("web", unknown.Error, StringComparison.Ordinal);
    }

    /// <summary>A picture of everything below the workspace: paths, modes, sizes, times to the tick, contents.</summary>
    internal static SortedDictionary<string, string> Picture(string root)
    {
        var picture = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in new DirectoryInfo(root).EnumerateFileSystemInfos("*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0, IgnoreInaccessible = false }))
        {
            // What runs goes on writing its own log; that is not the question's doing.
            var path = Path.GetRelativePath(root, entry.FullName);
            if (path.StartsWith(".laptime/logs/local", StringComparison.Ordinal) || path == ".laptime/run/agent.log")
            {
                continue;
            }

            var mode = OperatingSystem.IsWindows() ? 0 : (int)entry.UnixFileMode;
            var content = entry is FileInfo { LinkTarget: null } file && (mode & 0xF000) == 0 && !IsSocketOrLocked(path)
                ? $"{file.Length} {Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file.FullName)))}"
                : entry.LinkTarget ?? "";
            picture[path] = $"{mode} {entry.LastWriteTimeUtc.Ticks} {content}";
        }

        picture["."] = $"{Directory.GetLastWriteTimeUtc(root).Ticks}";
        return picture;
    }

    private static bool IsSocketOrLocked(string path) => path is ".laptime/run/agent.sock" or ".laptime/run/agent.lock";

    private static async Task UntouchedAsync(LapWorkspace workspace, Func<Task> questions)
    {
        var before = Picture(workspace.Root);
        await questions();
        var after = Picture(workspace.Root);
        Assert.Empty(after.Except(before).Concat(before.Except(after)));
    }
}
