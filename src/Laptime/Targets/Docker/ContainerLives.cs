using Laptime.Foundations;
using Laptime.Signals;

namespace Laptime.Targets.Docker;

/// <summary>
/// Whether the containers of a rollout are alive, from the engine's events: a death is known within milliseconds, and asking costs nothing. Where the stream breaks off
/// the engine is asked itself.
/// </summary>
internal sealed class ContainerLives : IAsyncDisposable
{
    private const int TailLines = 20;

    private readonly EngineClient engine;
    private readonly CancellationTokenSource ending = new();
    private readonly Lock gate = new();
    private readonly Dictionary<string, (int? Code, bool OutOfMemory)> deaths = new(StringComparer.Ordinal);
    private readonly HashSet<string> outOfMemory = new(StringComparer.Ordinal);
    private readonly Task watching;
    private bool blind;

    /// <param name="labels">What the containers carry.</param>
    /// <param name="since">Before the first of them was started.</param>
    public ContainerLives(EngineClient engine, IEnumerable<string> labels, DateTimeOffset since)
    {
        this.engine = engine;
        watching = WatchAsync([("type", "container"), ("event", "die"), ("event", "oom"), .. labels.Select(l => ("label", l))], since);
    }

    public async ValueTask<Life> OfAsync(string container, CancellationToken cancel)
    {
        (int? Code, bool OutOfMemory) death;
        bool asked;
        lock (gate)
        {
            asked = !deaths.TryGetValue(container, out death);
            if (asked && !blind)
            {
                return new Life.Running();
            }
        }

        if (asked)
        {
            if (await engine.InspectContainerAsync(container, cancel) is not { } seen)
            {
                return new Life.Exited(null, "removal: somebody removed the container", []);
            }

            if (seen.State.Running)
            {
                return new Life.Running();
            }

            death = (seen.State.ExitCode, seen.State.OOMKilled);
        }

        return Ended(death.Code, death.OutOfMemory, await engine.TailAsync(container, TailLines, cancel));
    }

    /// <summary>An exit code in words: above 128 it was a signal.</summary>
    public static Life.Exited Ended(int? code, bool outOfMemory, IReadOnlyList<string> tail) => outOfMemory
        ? new Life.Exited(code, "SIGKILL: it needed more memory than it may have", tail)
        : code switch
        {
            134 => new Life.Exited(code, "SIGABRT", tail),
            137 => new Life.Exited(code, "SIGKILL", tail),
            139 => new Life.Exited(code, "SIGSEGV", tail),
            143 => new Life.Exited(code, "SIGTERM", tail),
            _ => new Life.Exited(code, null, tail),
        };

    public async ValueTask DisposeAsync()
    {
        await ending.CancelAsync();
        await watching;
        ending.Dispose();
    }

    private async Task WatchAsync((string, string)[] filters, DateTimeOffset since)
    {
        try
        {
            await foreach (var happened in engine.EventsAsync(filters, since, ending.Token))
            {
                lock (gate)
                {
                    if (happened.Action == "oom")
                    {
                        // The death itself follows.
                        outOfMemory.Add(happened.Id);
                    }
                    else
                    {
                        deaths[happened.Id] = (int.TryParse(happened.Attribute("exitCode"), out var code) ? code : null, outOfMemory.Contains(happened.Id));
                    }
                }
            }
        }
        catch (OperationCanceledException)
        {
            return;
        }
        catch (EngineException)
        {
            // Asked directly from now on; what the engine says then is what is told.
        }

        lock (gate)
        {
            blind = true;
        }
    }
}
