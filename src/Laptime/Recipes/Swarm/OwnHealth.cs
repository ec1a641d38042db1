using System.Net;
using System.Net.Sockets;
using Laptime.Foundations;
using Laptime.Signals;
using Laptime.Targets.Docker;
using Laptime.Targets.Swarm;

namespace Laptime.Recipes.Swarm;

/// <summary>
/// Asks containers whether they are well, at once and again every moment rather than once per interval: by the ready probe of recipe.yaml, then by the health test that they carry. A container
/// that has neither is well when something listens at the port that it is known by, or when it runs.
/// </summary>
/// <remarks>
/// A health test is a program's start in the container, which costs the engine more than a request costs us, on the processors that the container boots on: so the request comes first, and there is
/// a pause after each round as long as the round took, at the least <see cref="Between"/>.
/// </remarks>
/// <param name="runsTests">Whether health tests are run here; otherwise they are the swarm's alone.</param>
internal sealed class OwnHealth(SwarmApi api, StackVersion version, bool runsTests, TimeProvider clock) : IAsyncDisposable
{
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(150);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan HttpTimeout = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource ending = new();
    private readonly Dictionary<string, Task> asked = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> said = new(StringComparer.Ordinal);
    private readonly HashSet<string> passed = new(StringComparer.Ordinal);
    private readonly Lock gate = new();
    private TaskCompletionSource changed = New();

    /// <summary>Completes when the next container has passed.</summary>
    public Task Changed
    {
        get
        {
            lock (gate)
            {
                return changed.Task;
            }
        }
    }

    /// <summary>Begins to ask a container; once.</summary>
    public void Ask(string service, string container)
    {
        if (!asked.ContainsKey(container))
        {
            asked.Add(container, AskAsync(service, container));
        }
    }

    public bool HasPassed(string container)
    {
        lock (gate)
        {
            return passed.Contains(container);
        }
    }

    /// <summary>What it answered last, in words; null: nothing yet, or it has passed.</summary>
    public string? Said(string container)
    {
        lock (gate)
        {
            return passed.Contains(container) ? null : said.GetValueOrDefault(container);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await ending.CancelAsync();
        await Task.WhenAll(asked.Values);
        ending.Dispose();
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task AskAsync(string service, string container)
    {
        try
        {
            for (var began = clock.GetTimestamp(); !await WellAsync(service, container); began = clock.GetTimestamp())
            {
                var took = clock.GetElapsedTime(began);
                await Task.Delay(took < Between ? Between : took > Longest ? Longest : took, clock, ending.Token);
            }

            lock (gate)
            {
                passed.Add(container);
                changed.TrySetResult();
                changed = New();
            }
        }
        catch (OperationCanceledException)
        {
        }
        catch (FaultException e)
        {
            // The container has gone: its successor is asked anew, and the swarm tells why.
            Say(container, e.Fault.What);
        }
    }

    private async Task<bool> WellAsync(string service, string container)
    {
        if (await api.Engine.InspectContainerAsync(container, ending.Token) is not { State.Running: true } inspect)
        {
            return false;
        }

        var tests = inspect.Config?.Healthcheck is { Test: [not "NONE", ..] };
        if (version.Ready.GetValueOrDefault(service) is { } ready && (ready.Http is not null || ready.Port is not null))
        {
            if (!await ProbeAsync(container, ready.Http, ready.Port ?? PortOf(service, inspect)))
            {
                return false;
            }
        }
        else if (!tests && service == version.Facts.Main && version.Port is { } port)
        {
            return await ProbeAsync(container, null, port);
        }

        return !runsTests || !tests || await TestAsync(container, inspect.Config!.Healthcheck!);
    }

    private int? PortOf(string service, ContainerInspect inspect) =>
        (service == version.Facts.Main ? version.Port : null)
        ?? (inspect.Config?.ExposedPorts is { Count: 1 } exposed && int.TryParse(exposed.Keys.First().Split('/')[0], out var port) ? port : null);

    private async Task<bool> TestAsync(string container, HealthConfig health)
    {
        IReadOnlyList<string> command = health.Test is ["CMD-SHELL", var text, ..] ? ["/bin/sh", "-c", text] : [.. health.Test![1..]];
        var bound = health.Timeout is > 0 and { } nanoseconds ? TimeSpan.FromTicks(nanoseconds / 100) : DefaultTimeout;
        try
        {
            var ended = await api.Engine.ExecAsync(container, command, new ExecOptions { Bound = bound }, null, ending.Token);
            Say(container, $"its health test ended with {ended.ExitCode}{(ended.Output is [.., var last] ? $": {last.Text}" : "")}");
            return ended.ExitCode == 0;
        }
        catch (EngineException e) when (e.Error == EngineError.TimedOut)
        {
            Say(container, $"its health test did not end within {Duration.Text(bound)}");
            return false;
        }
        catch (EngineException e) when (e.Error is EngineError.Failed or EngineError.Conflict or EngineError.BadRequest)
        {
            Say(container, $"its health test cannot be run: {e.Fault.What}");
            return false;
        }
    }

    private async Task<bool> ProbeAsync(string container, string? path, int? port)
    {
        if (port is not { } number)
        {
            Say(container, "nobody says which port it answers at: `ready: { SERVICE: { port: … } }` of recipe.yaml does");
            return false;
        }

        if (TaskAddresses.Of(await api.NetworkAsync(TaskAddresses.Network, ending.Token), container) is not { } address)
        {
            return await InsideAsync(container, path, number);
        }

        using var bound = new CancellationTokenSource(HttpTimeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(bound.Token, ending.Token);
        var at = new IPEndPoint(IPAddress.Parse(address.Ip), number);
        try
        {
            if (path is null)
            {
                var (socket, error) = await HttpExchange.TryConnectAsync(at, either.Token);
                socket?.Dispose();
                Say(container, $"nothing listens at port {number} ({error})");
                return socket is not null;
            }

            var answer = await new HttpExchange().GetAsync(at, path, [], either.Token);
            Say(container, $"GET {path} at port {number}: {answer.Status}");
            return answer.Status is >= 200 and < 400;
        }
        catch (SocketException e)
        {
            Say(container, $"{(path is null ? "" : $"GET {path}: ")}nothing at port {number}: {ProbeText.Of(e)}");
            return false;
        }
        catch (FormatException e)
        {
            Say(container, $"GET {path} at port {number}: {e.Message}");
            return false;
        }
        catch (OperationCanceledException) when (!ending.IsCancellationRequested)
        {
            Say(container, $"GET {path} at port {number}: no answer within {Duration.Text(HttpTimeout)}");
            return false;
        }
    }

    /// <summary>Where this machine does not reach it, a program of its own has to ask.</summary>
    private async Task<bool> InsideAsync(string container, string? path, int port)
    {
        var url = $"http://127.0.0.1:{port}{path ?? "/"}";
        var text = $"if command -v curl >/dev/null 2>&1; then exec curl -sf -m 5 -o /dev/null '{url}'; else exec wget -q -T 5 -O /dev/null '{url}'; fi";
        return await TestAsync(container, new HealthConfig { Test = ["CMD-SHELL", text] });
    }

    private void Say(string container, string text)
    {
        lock (gate)
        {
            said[container] = text;
        }
    }
}

/// <summary>Names that the swarm gives.</summary>
internal static class SwarmPlaces
{
    /// <summary>The label of everything that belongs to a stack.</summary>
    public const string Namespace = "com.docker.stack.namespace";

    public static string Label(string stack) => $"{Namespace}={stack}";
}
