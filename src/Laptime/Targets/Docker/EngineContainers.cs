using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text;
using Laptime.Foundations;

namespace Laptime.Targets.Docker;

/// <summary>Containers: made, started, ended, read.</summary>
public sealed partial class EngineClient
{
    private const int LongestOutput = 4 * 1024 * 1024;

    /// <summary>All containers (ended ones too, unless <paramref name="all"/> is false) that carry every one of the labels (<c>name</c> or <c>name=value</c>).</summary>
    public Task<ContainerSummary[]> ListContainersAsync(bool all, IEnumerable<string> labels, CancellationToken cancel) =>
        GetAsync($"/containers/json?all={(all ? 1 : 0)}&{Filters(labels.Select(l => ("label", l)))}", EngineJson.Default.ContainerSummaryArray, cancel);

    /// <summary>All containers, ended ones too, that have the volume.</summary>
    public Task<ContainerSummary[]> ContainersOfVolumeAsync(string volume, CancellationToken cancel) =>
        GetAsync($"/containers/json?all=1&{Filters([("volume", volume)])}", EngineJson.Default.ContainerSummaryArray, cancel);

    /// <summary>Null when there is none of this id or name.</summary>
    public Task<ContainerInspect?> InspectContainerAsync(string id, CancellationToken cancel) =>
        FindAsync($"/containers/{Escape(id)}/json", EngineJson.Default.ContainerInspect, cancel);

    /// <summary>Its id.</summary>
    /// <exception cref="EngineException">NotFound: no such image. Conflict: the name is taken.</exception>
    public async Task<string> CreateContainerAsync(string name, ContainerCreate container, CancellationToken cancel) =>
        (await PostAsync($"/containers/create?name={Escape(name)}", container, EngineJson.Default.ContainerCreate, EngineJson.Default.CreatedObject, cancel)).Id!;

    /// <summary>False when it ran already.</summary>
    public Task<bool> StartContainerAsync(string id, CancellationToken cancel) => PostAsync($"/containers/{Escape(id)}/start", DefaultBound, cancel);

    /// <summary>SIGTERM (or its own stop signal), after <paramref name="grace"/> SIGKILL; back when it has ended. False when it had ended already.</summary>
    public Task<bool> StopContainerAsync(string id, TimeSpan grace, CancellationToken cancel) =>
        PostAsync($"/containers/{Escape(id)}/stop?t={(int)Math.Ceiling(grace.TotalSeconds)}", grace + DefaultBound, cancel);

    public Task KillContainerAsync(string id, string signal, CancellationToken cancel) => PostAsync($"/containers/{Escape(id)}/kill?signal={Escape(signal)}", DefaultBound, cancel);

    public Task RenameContainerAsync(string id, string name, CancellationToken cancel) => PostAsync($"/containers/{Escape(id)}/rename?name={Escape(name)}", DefaultBound, cancel);

    /// <summary>Changes what the engine does when it ends: no, always, unless-stopped, on-failure.</summary>
    public Task KeepContainerAsync(string id, string restart, CancellationToken cancel) =>
        PostAsync($"/containers/{Escape(id)}/update", new HostConfig { RestartPolicy = new RestartPolicy(restart) }, EngineJson.Default.HostConfig, cancel);

    /// <summary>Removes it with its anonymous volumes; with <paramref name="force"/> also while it runs. False when there was none.</summary>
    public async Task<bool> RemoveContainerAsync(string id, bool force, CancellationToken cancel)
    {
        try
        {
            return await DeleteAsync($"/containers/{Escape(id)}?v=1&force={(force ? 1 : 0)}", cancel);
        }
        catch (EngineException e) when (e.Error == EngineError.Conflict && e.Message.Contains("already in progress", StringComparison.Ordinal))
        {
            // Somebody else's removal of the same container: what was asked for.
            return false;
        }
    }

    /// <summary>Its newest <paramref name="lines"/> log lines, oldest first; then, with <paramref name="follow"/>, what comes until it ends.</summary>
    /// <param name="since">Only what was said after it; null: all.</param>
    public async IAsyncEnumerable<LogLine> ContainerLogsAsync(string id, int lines, bool follow, DateTimeOffset? since, [EnumeratorCancellation] CancellationToken cancel)
    {
        var after = since is { } time ? $"&since={UnixTime(time)}" : "";
        using var answer = await OpenAsync(HttpMethod.Get, $"/containers/{Escape(id)}/logs?stdout=1&stderr=1&tail={lines}&follow={(follow ? 1 : 0)}{after}", null, null, cancel);
        await foreach (var line in OutputAsync(answer, cancel))
        {
            yield return line;
        }
    }

    /// <summary>The last lines that it said, for a message. Never fails: what cannot be read is not there.</summary>
    public async Task<IReadOnlyList<string>> TailAsync(string id, int lines, CancellationToken cancel)
    {
        var tail = new List<string>();
        try
        {
            await foreach (var line in ContainerLogsAsync(id, lines, follow: false, null, cancel))
            {
                tail.Add(line.Text);
            }
        }
        catch (EngineException)
        {
            // A log driver that cannot be read, or the container has gone.
        }

        return tail;
    }

    /// <summary>Runs a program in a running container and waits for its end.</summary>
    /// <param name="command">Program and arguments; no shell.</param>
    /// <param name="options">Null: as the container itself runs.</param>
    /// <param name="said">Each line as it comes; null: none.</param>
    /// <exception cref="EngineException">NotFound: no such container; Conflict: it does not run.</exception>
    public async Task<ExecResult> ExecAsync(string id, IReadOnlyList<string> command, ExecOptions? options, Action<LogLine>? said, CancellationToken cancel)
    {
        options ??= new ExecOptions();
        var created = await PostAsync(
            $"/containers/{Escape(id)}/exec",
            new ExecCreate([.. command], true, true, [.. options.Environment.Select(v => $"{v.Key}={v.Value}")], options.User, options.Directory),
            EngineJson.Default.ExecCreate, EngineJson.Default.CreatedObject, cancel);
        var exec = created.Id!;
        using var bound = Bounded(options.Bound, cancel);
        var lines = new List<LogLine>();
        var kept = 0;
        try
        {
            using var answer = await OpenAsync(HttpMethod.Post, $"/exec/{exec}/start", JsonBody(new ExecStart(false, false), EngineJson.Default.ExecStart), null, bound.Token);
            await foreach (var line in OutputAsync(answer, bound.Token))
            {
                said?.Invoke(line);
                if ((kept += line.Text.Length + 1) <= LongestOutput)
                {
                    lines.Add(line);
                }
            }

            // The output ends a moment before the exit code is known.
            while (true)
            {
                var state = await GetAsync($"/exec/{exec}/json", EngineJson.Default.ExecInspect, bound.Token);
                if (!state.Running)
                {
                    return new ExecResult(state.ExitCode ?? -1, lines);
                }

                await Task.Delay(TimeSpan.FromMilliseconds(5), clock, bound.Token);
            }
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            // The engine has no call that ends an exec: the program runs on in there.
            throw new EngineException(
                EngineError.TimedOut, null, $"`{string.Join(' ', command)}` did not end within {Duration.Text(options.Bound)}", id, "give it longer, or find out what it waits for");
        }
    }

    /// <summary>The same for a target: until it ends, and nothing of its output is kept.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> RunAsync(string id, ExecRequest request, Action<ExecLine> said, CancellationToken cancel)
    {
        var options = new ExecOptions { Bound = Timeout.InfiniteTimeSpan };
        try
        {
            return (await ExecAsync(id, request.Command, options, line => said(new ExecLine(line.Text, line.IsError)), cancel)).ExitCode;
        }
        catch (EngineException e) when (e.Message.Contains("executable file not found", StringComparison.Ordinal) || e.Message.Contains("no such file or directory", StringComparison.Ordinal))
        {
            // Older engines refuse the start; newer ones end it with this code.
            said(new ExecLine(e.Message, true));
            return 127;
        }
    }

    /// <summary>A tar of a path in the container (running or not).</summary>
    public async Task ReadArchiveAsync(string id, string path, Stream into, CancellationToken cancel)
    {
        using var answer = await OpenAsync(HttpMethod.Get, $"/containers/{Escape(id)}/archive?path={Escape(path)}", null, null, cancel);
        await answer.Content.CopyToAsync(into, cancel);
    }

    /// <summary>Unpacks a tar into a folder of the container (running or not).</summary>
    public async Task WriteArchiveAsync(string id, string folder, Stream tar, CancellationToken cancel)
    {
        using var body = new StreamContent(tar);
        body.Headers.ContentType = new MediaTypeHeaderValue("application/x-tar");
        using var answer = await OpenUnboundedAsync(HttpMethod.Put, $"/containers/{Escape(id)}/archive?path={Escape(folder)}", body, null, cancel);
    }

    internal static string Escape(string text) => Uri.EscapeDataString(text);

    /// <summary>As the engine reads a time: seconds with nanoseconds.</summary>
    internal static string UnixTime(DateTimeOffset time)
    {
        var ticks = (time - DateTimeOffset.UnixEpoch).Ticks;
        return $"{ticks / TimeSpan.TicksPerSecond}.{ticks % TimeSpan.TicksPerSecond:0000000}00";
    }

    /// <summary>The lines of a multiplexed stream (frames with a head of eight bytes), or of a raw one where the container has a terminal.</summary>
    private static async IAsyncEnumerable<LogLine> OutputAsync(HttpResponseMessage answer, [EnumeratorCancellation] CancellationToken cancel)
    {
        await using var stream = await answer.Content.ReadAsStreamAsync(cancel);
        await foreach (var line in new OutputFrames(stream).LinesAsync(cancel))
        {
            yield return line;
        }
    }
}

/// <summary>One line that a program in a container said.</summary>
/// <param name="IsError">It came on standard error.</param>
public sealed record LogLine(string Text, bool IsError);

public sealed record ExecOptions
{
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    public string? User { get; init; }

    public string? Directory { get; init; }

    public TimeSpan Bound { get; init; } = TimeSpan.FromMinutes(10);
}

/// <param name="ExitCode">126 and 127: the program could not be started.</param>
/// <param name="Output">Both streams in the order in which they came, at most 4 MB.</param>
public sealed record ExecResult(int ExitCode, IReadOnlyList<LogLine> Output)
{
    public string Text => string.Join('\n', Output.Where(l => !l.IsError).Select(l => l.Text));
}
