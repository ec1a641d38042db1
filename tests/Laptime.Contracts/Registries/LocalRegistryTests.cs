using System.Net;
using System.Net.Sockets;
using System.Text;
using Laptime.Artifacts;
using Laptime.Building;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Targets.Registry;
using Laptime.Transactions.Stored;
using Laptime.Workspaces;
using Laptime.Tests.Engines;

namespace Laptime.Contracts.Registries;

/// <summary>Alone: one test names another program in this process's environment.</summary>
[CollectionDefinition(nameof(LocalRegistryTests), DisableParallelization = true)]
[Collection(nameof(LocalRegistryTests))]
public sealed class LocalRegistryTests : IAsyncLifetime
{
    private readonly string root = Directory.CreateTempSubdirectory("lap-registry-").FullName;
    private readonly List<LocalRegistry> opened = [];
    private RegistryEndpoint endpoint = new("127.0.0.1", FreePort(), true);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static TimeProvider Clock => TimeProvider.System;

    public ValueTask InitializeAsync()
    {
        SkipWithoutProgram();
        return default;
    }

    internal static void SkipWithoutProgram() => Requirement.Program("registry", "docker-registry");

    public async ValueTask DisposeAsync()
    {
        foreach (var registry in opened)
        {
            await registry.StopAsync(CancellationToken.None);
        }

        Directory.Delete(root, recursive: true);
    }

    [Fact]
    public async Task Nothing_at_the_address_is_started_and_then_it_is_there()
    {
        var readiness = Readiness();
        Assert.Equal(RegistryStanding.Refused, (await readiness.AskAsync(Cancel)).Standing);
        var started = await readiness.EnsureAsync(Cancel);
        Assert.Equal((RegistryAction.Started, "started", true), (started.Action, started.Name, started.IsNews));
        Assert.True(started.Took > TimeSpan.Zero);
        var pid = await PidAsync();
        Assert.Equal(RegistryAction.WasUp, (await Readiness().EnsureAsync(Cancel)).Action);
        Assert.Equal(pid, await PidAsync());
        // Nobody but this machine reaches it, and nobody but this user its secret.
        Assert.Equal(pid, PortListener.HolderOf(endpoint.Port)?.Pid);
        Assert.Contains($"addr: '127.0.0.1:{endpoint.Port}'", await File.ReadAllTextAsync(Path.Combine(root, ".laptime", "registry", "config.yml"), Cancel), StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(root, ".laptime", "registry", "secret")));
    }

    [Fact]
    public async Task One_that_was_killed_is_recovered_with_its_data()
    {
        await Readiness().EnsureAsync(Cancel);
        var blob = await PushAsync("what a build made");
        var pid = await PidAsync();
        await SignalAsync(pid, "KILL");

        var recovered = await Readiness().EnsureAsync(Cancel);
        Assert.Equal((RegistryAction.Recovered, $"its process {pid} had ended"), (recovered.Action, recovered.Detail));
        Assert.NotEqual(pid, await PidAsync());
        Assert.Equal("what a build made", await PullAsync(blob));
    }

    [Fact]
    public async Task One_that_hangs_is_ended_and_started_again()
    {
        await Readiness().EnsureAsync(Cancel);
        var pid = await PidAsync();
        var ticks = ProcessOwner.TicksOf(pid);
        await SignalAsync(pid, "STOP");

        var recovered = await Readiness().EnsureAsync(Cancel);
        Assert.Equal((RegistryAction.Recovered, $"its process {pid} hung: no answer within 2 s"), (recovered.Action, recovered.Detail));
        Assert.NotEqual(ticks, ProcessOwner.TicksOf(pid));
    }

    [Fact]
    public async Task Another_program_at_the_port_is_named_and_left_alone()
    {
        using var other = new OtherServer(endpoint.Port, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n<p/>");
        var fault = await Assert.ThrowsAsync<FaultException>(() => Readiness().EnsureAsync(Cancel));
        Assert.Contains($"something else is at 127.0.0.1:{endpoint.Port}: 200 to GET /v2/, which no registry answers; the port is held by", fault.Message, StringComparison.Ordinal);
        Assert.Contains($"(pid {Environment.ProcessId})", fault.Message, StringComparison.Ordinal);
        Assert.Null(await opened[^1].RunningAsync(Cancel));

        // The same without a local registry: nothing would be started, the address is wrong.
        fault = await Assert.ThrowsAsync<FaultException>(() => new RegistryReadiness(endpoint, plain: true, null, Clock).EnsureAsync(Cancel));
        Assert.Contains("is no registry", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_program_that_says_nothing_is_not_taken_for_a_registry_that_hangs()
    {
        using var other = new OtherServer(endpoint.Port, null);
        var fault = await Assert.ThrowsAsync<FaultException>(() => Readiness().EnsureAsync(Cancel));
        Assert.Contains("no answer within 2 s; the port is held by", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Several_at_once_start_one()
    {
        var states = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Readiness().EnsureAsync(Cancel)));
        Assert.Single(states, s => s.Action == RegistryAction.Started);
        Assert.Equal(3, states.Count(s => s.Action == RegistryAction.WasUp));
    }

    [Fact]
    public async Task A_program_that_ends_at_once_is_told_with_the_end_of_its_log()
    {
        var program = Path.Combine(root, "broken");
        await File.WriteAllTextAsync(program, "#!/bin/sh\necho \"cannot serve $2\"\nexit 3\n", Cancel);
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Environment.SetEnvironmentVariable(RegistryProgram.Variable, program);
        try
        {
            var fault = await Assert.ThrowsAsync<FaultException>(() => Readiness().EnsureAsync(Cancel));
            Assert.Contains("does not come up", fault.Message, StringComparison.Ordinal);
            Assert.Contains("connection refused, tried 2 times", fault.Message, StringComparison.Ordinal);
            Assert.Contains(fault.Fault.Tail!, l => l.StartsWith("cannot serve /", StringComparison.Ordinal));

            Environment.SetEnvironmentVariable(RegistryProgram.Variable, Path.Combine(root, "missing"));
            fault = await Assert.ThrowsAsync<FaultException>(() => Readiness().EnsureAsync(Cancel));
            Assert.Contains("cannot be started", fault.Message, StringComparison.Ordinal);
        }
        finally
        {
            Environment.SetEnvironmentVariable(RegistryProgram.Variable, null);
        }
    }

    [Fact]
    public async Task A_registry_that_does_not_delete_says_how_to_let_it_and_who_frees_the_space()
    {
        var program = Path.Combine(root, "keeps-all");
        await File.WriteAllTextAsync(program, "#!/bin/sh\nsed -i 's/enabled: true/enabled: false/' \"$2\"\nexec docker-registry \"$@\"\n", Cancel);
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Environment.SetEnvironmentVariable(RegistryProgram.Variable, program);
        try
        {
            await Readiness().EnsureAsync(Cancel);
        }
        finally
        {
            Environment.SetEnvironmentVariable(RegistryProgram.Variable, null);
        }

        var cache = new OciLayoutStore(Path.Combine(root, "layout"), Clock);
        using var store = new OciRegistryStore(RegistryAddress.Parse($"oci://{endpoint}/shop"), cache, new RegistryOptions(), new ProcessRunner(Clock), Clock);
        var file = Path.Combine(root, "index.html");
        await File.WriteAllTextAsync(file, "x", Cancel);
        var artifact = await store.StoreAsync([new OutputFile("index.html", file, false, null)], Fingerprints.Digest.Of("f"), Cancel);
        var plan = new PrunePlan([new PruneDecision(new ArtifactEntry { Artifact = artifact, Kind = "files" }, true, "a test")], [], [], []) { Bytes = 1 };
        var refused = await Assert.ThrowsAsync<StoreException>(() => new Pruner(store).RunAsync(plan, Cancel));
        Assert.Equal(StoreFailure.Refused, refused.Failure);
        Assert.Contains("storage.delete.enabled", refused.Fault.Mend, StringComparison.Ordinal);
        Assert.Contains("garbage-collect", refused.Fault.Mend, StringComparison.Ordinal);
        Assert.True(await store.HasAsync(artifact, Cancel));
    }

    /// <summary>The image that users have of registry:2 cannot be pulled here: one is made of the same program.</summary>
    [Fact]
    public async Task Without_the_program_it_is_a_container_which_is_recovered_with_its_data_too()
    {
        await using var engine = await DockerEngine.OwnAsync();
        Environment.SetEnvironmentVariable("DOCKER_HOST", engine.Host);
        try
        {
            var registry = new LocalRegistry(new WorkspaceFolder(root), endpoint, new ProcessRunner(Clock), Clock) { IsContainer = true };
            var none = await Assert.ThrowsAsync<FaultException>(() => registry.EnsureAsync(Cancel));
            Assert.Contains("docker-registry", none.Fault.Mend, StringComparison.Ordinal);
            Assert.Contains("registry:2", none.Fault.Mend, StringComparison.Ordinal);

            await ImportAsync(engine);
            opened.Add(registry);
            Assert.Equal(RegistryAction.Started, (await registry.EnsureAsync(Cancel)).Action);
            var container = (await registry.RunningAsync(Cancel))!.Container!;
            var blob = await PushAsync("in a container");
            await engine.DockerAsync("kill", container);
            var (action, detail) = await registry.EnsureAsync(Cancel);
            Assert.Equal((RegistryAction.Recovered, $"its container {container[..12]} had ended"), (action, detail));
            Assert.Equal("in a container", await PullAsync(blob));

            await engine.DockerAsync("pause", (await registry.RunningAsync(Cancel))!.Container!);
            Assert.Contains("hung: no answer", (await registry.EnsureAsync(Cancel)).Detail, StringComparison.Ordinal);
            Assert.NotNull(await registry.StopAsync(Cancel));
            Assert.Equal("", await engine.DockerAsync("ps", "--all", "--quiet"));
            Assert.True(Directory.Exists(registry.Data));
        }
        finally
        {
            Environment.SetEnvironmentVariable("DOCKER_HOST", null);
        }
    }

    private async Task ImportAsync(DockerEngine engine)
    {
        var script = """
            cp --parents -L $(ldd /usr/bin/docker-registry | grep -o '/[^ ]*') /usr/bin/docker-registry .
            mkdir -p etc tmp
            printf 'version: 0.1\nstorage: { filesystem: { rootdirectory: /var/lib/registry } }\nhttp: { addr: ":5000" }\n' > etc/config.yml
            tar -c . -f ../image.tar
            """;
        var folder = Path.Combine(root, "image");
        Directory.CreateDirectory(folder);
        await new ProcessRunner(Clock).RunAsync(Command.Shell(script, folder), null, Cancel);
        await engine.DockerAsync("import", "--change", "ENTRYPOINT [\"/usr/bin/docker-registry\", \"serve\", \"/etc/config.yml\"]", Path.Combine(root, "image.tar"), "registry:2");
    }

    [Fact]
    public async Task With_another_port_in_the_file_it_moves_there_with_its_data()
    {
        await Readiness().EnsureAsync(Cancel);
        var blob = await PushAsync("moved");
        var before = endpoint;
        endpoint = endpoint with { Port = FreePort() };
        var moved = await Readiness().EnsureAsync(Cancel);
        Assert.Equal(RegistryAction.Recovered, moved.Action);
        Assert.EndsWith($"listened on {before}", moved.Detail, StringComparison.Ordinal);
        Assert.Equal("moved", await PullAsync(blob));
        Assert.Equal(RegistryStanding.Refused, (await new RegistryReadiness(before, plain: true, null, Clock).AskAsync(Cancel)).Standing);
    }

    [Fact]
    public async Task Stopping_ends_only_what_this_workspace_started_and_keeps_the_data()
    {
        await Readiness().EnsureAsync(Cancel);
        var pid = await PidAsync();
        var record = Path.Combine(root, ".laptime", "registry", "registry.json");

        // A copy of the folder has the same record, and another process may have got the number meanwhile.
        var copy = Path.Combine(root, "copy");
        Directory.CreateDirectory(Path.Combine(copy, ".laptime", "registry"));
        File.Copy(record, Path.Combine(copy, ".laptime", "registry", "registry.json"));
        Assert.Null(await new LocalRegistry(new WorkspaceFolder(copy), endpoint, new ProcessRunner(Clock), Clock).StopAsync(Cancel));
        var text = await File.ReadAllTextAsync(record, Cancel);
        await File.WriteAllTextAsync(record, text.Replace("\"startTicks\": ", "\"startTicks\": 1", StringComparison.Ordinal), Cancel);
        Assert.Null(await opened[^1].StopAsync(Cancel));
        Assert.NotNull(ProcessOwner.TicksOf(pid));

        await File.WriteAllTextAsync(record, text, Cancel);
        Assert.Equal(pid, (await opened[^1].StopAsync(Cancel))?.Owner?.Pid);
        Assert.Null(ProcessOwner.TicksOf(pid));
        Assert.True(Directory.Exists(opened[^1].Data));
        Assert.Null(await opened[^1].StopAsync(Cancel));
        Assert.Equal(RegistryAction.Started, (await Readiness().EnsureAsync(Cancel)).Action);
    }

    private RegistryReadiness Readiness()
    {
        var registry = new LocalRegistry(new WorkspaceFolder(root), endpoint, new ProcessRunner(Clock), Clock);
        opened.Add(registry);
        return new RegistryReadiness(endpoint, plain: true, registry, Clock);
    }

    private async Task<int> PidAsync() => (await opened[^1].RunningAsync(Cancel))!.Owner!.Pid;

    private static async Task SignalAsync(int pid, string name) =>
        await new ProcessRunner(Clock).RunAsync(new Command { Program = "kill", Arguments = [$"-{name}", pid.ToString()], Directory = "/" }, null, Cancel);

    /// <summary>Puts a blob into the registry by its own protocol.</summary>
    private async Task<string> PushAsync(string content)
    {
        using var http = new HttpClient { BaseAddress = new Uri($"http://{endpoint}") };
        using var begun = await http.PostAsync(new Uri("/v2/shop/blobs/uploads/", UriKind.Relative), null, Cancel);
        var digest = Fingerprints.Digest.Of(content).ToString();
        using var put = await http.PutAsync(new Uri($"{begun.Headers.Location}&digest={digest}"), new ByteArrayContent(Encoding.UTF8.GetBytes(content)), Cancel);
        Assert.Equal(HttpStatusCode.Created, put.StatusCode);
        return digest;
    }

    private async Task<string> PullAsync(string digest)
    {
        using var http = new HttpClient { BaseAddress = new Uri($"http://{endpoint}") };
        return await http.GetStringAsync(new Uri($"/v2/shop/blobs/{digest}", UriKind.Relative), Cancel);
    }

    internal static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Accepts, and answers the same to everybody; or nothing.</summary>
    private sealed class OtherServer : IDisposable
    {
        private readonly TcpListener listener;
        private readonly List<Socket> kept = [];

        public OtherServer(int port, string? answer)
        {
            listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            new Thread(() => Serve(answer)) { IsBackground = true }.Start();
        }

        public void Dispose()
        {
            listener.Dispose();
            kept.ForEach(s => s.Dispose());
        }

        private void Serve(string? answer)
        {
            try
            {
                while (true)
                {
                    var socket = listener.AcceptSocket();
                    kept.Add(socket);
                    if (answer is not null)
                    {
                        socket.Receive(new byte[4096]);
                        socket.Send(Encoding.ASCII.GetBytes(answer));
                        socket.Shutdown(SocketShutdown.Both);
                    }
                }
            }
            catch (SocketException)
            {
                // The test is over.
            }
        }
    }
}
