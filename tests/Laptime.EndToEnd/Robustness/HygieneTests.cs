using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Laptime.EndToEnd.Robustness;

/// <summary>What lap leaves behind, and what it never writes.</summary>
public sealed class HygieneTests
{
    [Fact]
    public async Task After_down_and_agent_stop_no_process_and_no_listener_is_left()
    {
        await using var scene = Scene.Web();
        await scene.DeployAsync();
        var ports = scene.Processes().Select(p => p.Variable("PORT")).OfType<string>().Select(int.Parse).Append(scene.Front).ToList();
        Assert.Equal(2, ports.Count);
        var down = await scene.LapAsync("down");
        Assert.True(down.ExitCode == 0, down.ToString());
        Assert.DoesNotContain(scene.Processes(), p => p.Variable("LAPTIME_INSTANCE") is not null);
        Assert.Equal(0, (await scene.LapAsync("agent", "stop", "--instances")).ExitCode);
        await Scene.UntilAsync(() => scene.Processes().Count == 0, "every process has ended");
        foreach (var port in ports)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            Assert.Throws<SocketException>(() => socket.Connect(IPAddress.Loopback, port));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_value_of_the_environment_stands_nowhere(bool stepFails)
    {
        var secret = $"s3cr3t-{Guid.NewGuid():N}";
        await using var scene = Scene.Web();
        scene.Environment["TOKEN"] = secret;
        scene.Replace("laptime.yaml", "run: { command", "run: { env: { APP_TOKEN: \"${env.TOKEN}\" }, command");
        scene.Replace(
            "laptime.yaml", "{ name: copy, kind: compile, run: \"",
            "{ name: copy, kind: compile, env: { STEP_TOKEN: \"${env.TOKEN}\" }, run: \"echo the token is $STEP_TOKEN; echo \\\"$STEP_TOKEN\\\" >&2; while [ -e ASIDE/closed ]; do sleep 0.02; done; FAILS"
                .Replace("ASIDE", Path.GetDirectoryName(scene.Root)).Replace("FAILS", stepFails ? "exit 7; " : ""));
        File.WriteAllText(scene.Aside("closed"), "");

        using var lap = scene.Start("deploy", "-v", "--progress", "plain");
        await Scene.UntilAsync(() => scene.Processes().Any(p => p.Variable("STEP_TOKEN") == secret), "the step runs, with its secret");
        Assert.DoesNotContain(Living.All(), p => p.CommandLine.Contains(secret, StringComparison.Ordinal));
        File.Delete(scene.Aside("closed"));
        var ran = await lap.EndAsync();
        Assert.True(ran.ExitCode == (stepFails ? 10 : 0), ran.ToString());
        Assert.Contains("the token is ", ran.Error);
        Assert.DoesNotContain(Living.All(), p => p.CommandLine.Contains(secret, StringComparison.Ordinal));
        if (!stepFails)
        {
            Assert.Contains(scene.Processes(), p => p.Variable("APP_TOKEN") == secret);
        }

        List<Ran> runs = [ran, await scene.LapAsync("deploy", "-o", "json"), await scene.LapAsync("status", "-o", "json"), await scene.LapAsync("history"), await scene.LapAsync("why", "web"),
            await scene.LapAsync("report"), await scene.LapAsync("logs", "web"), await scene.LapAsync("plan", "-o", "json")];
        foreach (var one in runs)
        {
            Assert.DoesNotContain(secret, one.ToString());
        }

        var needle = Encoding.UTF8.GetBytes(secret);
        foreach (var file in Directory.EnumerateFiles(scene.At(".laptime"), "*", SearchOption.AllDirectories).Where(f => Path.GetFileName(f) is not ("agent.sock" or "agent.lock")))
        {
            if (Path.GetFileName(file) == "instances.json")
            {
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
                continue;
            }

            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var content = new MemoryStream();
            stream.CopyTo(content);
            Assert.True(content.ToArray().AsSpan().IndexOf(needle) < 0, $"{file} holds the secret");
        }
    }
}
