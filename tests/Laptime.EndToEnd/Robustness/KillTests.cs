using System.Text.Json;
using Laptime.Storage.Sqlite;
using Laptime.Transactions;

namespace Laptime.EndToEnd.Robustness;

/// <summary>kill -9, of lap and of the agent.</summary>
public sealed class KillTests
{
    /// <summary>Where lap is killed: as soon as this stands in its progress.</summary>
    private static readonly (string Moment, int Times)[] Moments =
    [
        ("\"name\":\"build\"", 1), ("\"name\":\"build/copy\"", 1), ("\"name\":\"build/copy\"", 2), ("\"name\":\"publish\"", 1), ("\"name\":\"publish\"", 2),
        ("\"name\":\"rollout\"", 1), ("\"name\":\"rollout/start\"", 1), ("\"name\":\"ready\"", 1), ("\"name\":\"ready\"", 2), ("\"name\":\"rollout/switch\"", 2),
        ("\"name\":\"reflect\"", 1), ("\"name\":\"drain\"", 1),
    ];

    [Fact]
    public async Task Lap_killed_at_any_moment_leaves_a_truthful_record_and_a_working_next_deploy()
    {
        await using var scene = Scene.Web();
        await scene.DeployAsync();
        using var enough = new CancellationTokenSource();
        var unanswered = new List<string>();
        var users = UseAsync(scene, unanswered, enough.Token);
        var order = Enumerable.Range(0, Moments.Length).ToArray();
        new Random(20261121).Shuffle(order);
        var closed = 0;
        foreach (var (moment, times) in order.Select(i => Moments[i]))
        {
            scene.Write("web/page.txt", $"killed at {moment} {times}");
            var known = Reports(scene);
            using var lap = scene.Start("deploy", "--progress", "json");
            Assert.True(await lap.SaysAsync(moment, times), $"{moment} does not come {times} times\n");
            lap.Kill();
            Assert.Equal(137, (await lap.EndAsync()).ExitCode);
            AssertReadable(scene);

            var next = await scene.DeployAsync();
            Assert.Equal(await scene.GetAsync("/version"), next.GetProperty("components")[0].GetProperty("revision").GetString());
            AssertReadable(scene);
            foreach (var id in Reports(scene).Except(known).Where(i => i != next.GetProperty("id").GetString()))
            {
                AssertClosed(scene, id, moment);
                closed++;
            }

            await Scene.UntilAsync(async () => await OrphansAsync(scene) is [], $"no orphan after the kill at {moment}");
        }

        await enough.CancelAsync();
        await users;
        Assert.Empty(unanswered);
        Assert.True(closed >= Moments.Length - 2, $"only {closed} of {Moments.Length} killed transactions were closed");
    }

    [Fact]
    public async Task The_agent_killed_comes_back_with_the_same_instances()
    {
        await using var scene = Scene.Web();
        await scene.DeployAsync();
        var serving = await scene.ServingPidAsync();
        for (var i = 0; i < 2; i++)
        {
            var agent = scene.AgentPid;
            Living.Of(agent)!.Kill();
            await Scene.UntilAsync(() => Living.Of(agent) is null, "the agent is gone");
            Assert.NotNull(Living.Of(serving));

            var next = i == 0 ? await scene.DeployAsync() : await scene.JsonAsync("status");
            Assert.Equal(serving, await scene.ServingPidAsync());
            Assert.NotEqual(agent, scene.AgentPid);
            if (i == 0)
            {
                Assert.Equal("unchanged", next.GetProperty("outcome").GetString());
            }
            else
            {
                Assert.Equal(serving, next.GetProperty("components")[0].GetProperty("observed").GetProperty("pids")[0].GetInt32());
            }
        }
    }

    [Fact]
    public async Task After_agent_stop_the_instances_run_on_and_status_brings_the_front_back()
    {
        await using var scene = Scene.Web();
        await scene.DeployAsync();
        var serving = await scene.ServingPidAsync();
        Assert.Equal(0, (await scene.LapAsync("agent", "stop")).ExitCode);
        Assert.NotNull(Living.Of(serving));
        await Assert.ThrowsAsync<HttpRequestException>(() => scene.GetAsync("/pid"));

        var status = await scene.JsonAsync("status");
        Assert.Equal("pass", status.GetProperty("components")[0].GetProperty("signals").GetProperty("live").GetProperty("status").GetString());
        Assert.Equal(serving, await scene.ServingPidAsync());
    }

    [Fact]
    public async Task Agent_stop_with_instances_stops_them_also_when_the_agent_is_gone()
    {
        await using var scene = Scene.Web();
        await scene.DeployAsync();
        Living.Of(scene.AgentPid)!.Kill();
        Assert.Equal(0, (await scene.LapAsync("agent", "stop", "--instances")).ExitCode);
        Assert.Empty(scene.Processes());
    }

    [Fact]
    public async Task The_agent_killed_in_the_middle_of_a_rollout_fails_the_deploy_and_the_next_one_works()
    {
        await using var scene = Scene.Web(ready: "{ run: \"test ! -e ASIDE/closed\", poll: 10ms, timeout: 60s }");
        await scene.DeployAsync();
        var serving = await scene.ServingPidAsync();
        File.WriteAllText(scene.Aside("closed"), "");
        scene.Write("web/page.txt", "two");
        using var lap = scene.Start("deploy", "-o", "json", "--progress", "json");
        Assert.True(await lap.SaysAsync("\"name\":\"ready\""));
        Living.Of(scene.AgentPid)!.Kill();
        var ran = await lap.EndAsync();
        Assert.True(ran.ExitCode is 11 or 13, ran.ToString());
        File.Delete(scene.Aside("closed"));

        Assert.Equal(0, (await scene.LapAsync("status")).ExitCode);
        Assert.Equal(serving, await scene.ServingPidAsync());
        Assert.Equal("reflected", (await scene.DeployAsync()).GetProperty("outcome").GetString());
        await Scene.UntilAsync(async () => await OrphansAsync(scene) is [], "no orphan");
    }

    /// <summary>Instances of the scene that the target does not know of.</summary>
    internal static async Task<IReadOnlyList<Living>> OrphansAsync(Scene scene)
    {
        var status = await scene.JsonAsync("status");
        var known = status.GetProperty("components").EnumerateArray().Where(c => c.GetProperty("observed").ValueKind == JsonValueKind.Object)
            .SelectMany(c => c.GetProperty("observed").GetProperty("pids").EnumerateArray()).Select(p => p.GetInt32()).ToHashSet();
        return [.. scene.Processes().Where(p => p.Variable("LAPTIME_INSTANCE") is not null && !known.Contains(p.Pid))];
    }

    private static async Task UseAsync(Scene scene, List<string> unanswered, CancellationToken enough)
    {
        while (!enough.IsCancellationRequested)
        {
            try
            {
                using var answer = await scene.Http.GetAsync($"http://127.0.0.1:{scene.Front}/version", CancellationToken.None);
                if (!answer.IsSuccessStatusCode)
                {
                    unanswered.Add($"{answer.StatusCode}");
                }
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
            {
                unanswered.Add(e.ToString());
            }

            await Task.Delay(5, CancellationToken.None);
        }
    }

    private static HashSet<string> Reports(Scene scene) => [.. Directory.GetFiles(scene.At(".laptime/reports"), "*.json").Select(f => Path.GetFileNameWithoutExtension(f))];

    private static void AssertClosed(Scene scene, string id, string moment)
    {
        var report = JsonDocument.Parse(File.ReadAllText(scene.At($".laptime/reports/{id}.json"))).RootElement;
        Assert.Equal("interrupted", report.GetProperty("outcome").GetString());
        Assert.True(!report.TryGetProperty("exitCode", out var code) || code.ValueKind == JsonValueKind.Null, $"an exit code was invented for the kill at {moment}");
        if (report.TryGetProperty("interval", out var interval) && interval.ValueKind == JsonValueKind.Object)
        {
            Assert.True(!interval.TryGetProperty("end", out var end) || end.ValueKind == JsonValueKind.Null, $"an end was invented for the kill at {moment}");
        }

        Assert.Contains("interrupted", File.ReadAllText(scene.At($".laptime/reports/{id}.md")));
    }

    private static void AssertReadable(Scene scene)
    {
        using var state = JsonDocument.Parse(File.ReadAllText(scene.At(".laptime/env/local/state.json")));
        using var instances = JsonDocument.Parse(File.ReadAllText(scene.At(".laptime/run/instances.json")));
        using var layout = JsonDocument.Parse(File.ReadAllText(scene.At(".laptime/artifacts/index.json")));
        using var journal = SqliteJournal.OpenReadOnly(scene.At(".laptime/journal.db"), NoOpLog.Beside(scene.At(".laptime/journal.db")));
        Assert.All(journal.List(null, 1000), one => Assert.NotNull(journal.Load(one.Id)));
    }
}
