using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Laptime.EndToEnd.Harness;
using Laptime.Tests.Engines;

namespace Laptime.EndToEnd;

/// <summary>`artifacts.local-registry`: the registry that lap starts, recovers, and never takes for another's.</summary>
public sealed class LocalRegistryTests
{
    internal static void SkipWithoutProgram() => Requirement.Program("registry", "docker-registry");

    private static async Task<(LapWorkspace Workspace, int Port)> OfAsync()
    {
        SkipWithoutProgram();
        var port = Ports.Free();
        return ((await LapWorkspace.OneAsync(rest: $"artifacts: {{ store: oci://127.0.0.1:{port}/little, local-registry: true }}")).Workspace, port);
    }

    private static Task<JsonObject> RegistryAsync(LapWorkspace workspace, string verb) => ArtifactTests.DocumentAsync(workspace, 0, "registry.v1.json", "artifacts", "registry", verb);

    [Fact]
    public async Task A_deploy_starts_it_and_after_kill_9_the_next_command_recovers_it_and_says_so()
    {
        var (workspace, _) = await OfAsync();
        await using var end = workspace;
        Assert.Equal("refused", (await RegistryAsync(workspace, "status")).Text("standing"));

        var deployed = (await workspace.DeployAsync()).Valid();
        Assert.Contains(deployed["segments"]!.AsArray(), s => (string?)s!["name"] == "wait" && (string?)s["kind"] == "registry");
        var status = await RegistryAsync(workspace, "status");
        Assert.Equal(("up", true), (status.Text("standing"), (bool)status["own"]!));
        var pid = (int)status["pid"]!;

        UnixSignal.Send(pid, UnixSignal.Kill);
        var list = await workspace.LapAsync("artifacts", "list");
        Assert.Contains("the local registry 127.0.0.1:", list.Exits(0).Error, StringComparison.Ordinal);
        Assert.Contains($"was recovered: its process {pid} had ended", list.Error, StringComparison.Ordinal);
        Assert.Equal("was-up", (string?)(await ArtifactTests.DocumentAsync(workspace, 0, "artifacts.v1.json", "artifacts", "list"))["registry"]!["action"]);

        UnixSignal.Send((int)(await RegistryAsync(workspace, "status"))["pid"]!, UnixSignal.Kill);
        workspace.Write("src/web/text.txt", "second");
        Assert.Contains(Document.Texts((await workspace.DeployAsync())["warnings"]), w => w.Contains("was recovered", StringComparison.Ordinal));

        Assert.Contains("has ended", (await workspace.LapAsync("artifacts", "registry", "stop")).Exits(0).Out, StringComparison.Ordinal);
        Assert.Contains("does not run", (await workspace.LapAsync("artifacts", "registry", "stop")).Exits(0).Out, StringComparison.Ordinal);
        Assert.Equal("started", (string?)(await RegistryAsync(workspace, "start"))["done"]!["action"]);
        Assert.Contains("the local registry has ended", (await workspace.LapAsync("agent", "stop", "--instances")).Exits(0).Out, StringComparison.Ordinal);
        Assert.True(Directory.Exists(workspace.At(".laptime/registry/data")));
    }

    [Fact]
    public async Task Two_laps_at_once_start_one()
    {
        var (workspace, _) = await OfAsync();
        await using var end = workspace;
        var one = workspace.Start("artifacts", "list", "-o", "json");
        var two = workspace.Start("artifacts", "list", "-o", "json");
        var results = new[] { await one.ResultAsync(TimeSpan.FromMinutes(1), workspace.Cancel), await two.ResultAsync(TimeSpan.FromMinutes(1), workspace.Cancel) };
        Assert.Equal(["started", "was-up"], results.Select(r => (string)r.Exits(0).Json["registry"]!["action"]!).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Another_program_at_its_port_is_named_and_a_deploy_builds_by_itself()
    {
        var (workspace, port) = await OfAsync();
        await using var end = workspace;
        using var other = new TcpListener(IPAddress.Loopback, port);
        other.Start();
        var listing = workspace.Start("artifacts", "list");
        var serving = ServeAsync(other, workspace.Cancel);
        var refused = (await listing.ResultAsync(TimeSpan.FromMinutes(1), workspace.Cancel)).Exits(10);
        Assert.Contains($"something else is at 127.0.0.1:{port}: it does not speak HTTP", refused.Error, StringComparison.Ordinal);
        Assert.Contains($"(pid {Environment.ProcessId})", refused.Error, StringComparison.Ordinal);

        var deployed = (await workspace.DeployAsync()).Valid();
        Assert.Equal(("reflected", "lookup-failed"), (deployed.Outcome(), deployed.Component("web").Text("fallback")));
        other.Stop();
        await serving;
    }

    /// <summary>Greets as a mail server does.</summary>
    private static async Task ServeAsync(TcpListener listener, CancellationToken cancel)
    {
        try
        {
            while (true)
            {
                using var client = await listener.AcceptTcpClientAsync(cancel);
                await client.GetStream().WriteAsync("220 mail.example.org ready\r\n"u8.ToArray(), cancel);
                await client.GetStream().ReadAtLeastAsync(new byte[4096], 1, throwOnEndOfStream: false, cancel);
            }
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException)
        {
            // The test is over.
        }
    }
}
