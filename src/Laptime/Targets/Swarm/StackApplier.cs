using System.Globalization;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Workspaces.Compose;

namespace Laptime.Targets.Swarm;

/// <summary>
/// Hands services to <c>docker stack deploy</c>, which turns compose into specs. One call at a time (two would make the same network twice), and whoever comes while one runs goes
/// together with the next: any number of services that are rolled out at once take two calls.
/// </summary>
/// <param name="isApplied">Whether the swarm has a service as it is wanted.</param>
internal sealed class StackApplier(ComposeProject project, string stack, IReadOnlyDictionary<string, string> labels, string folder, string dockerHost, bool ingressWorks, ProcessRunner runner, TimeProvider clock,
    Func<StackService, Task<bool>> isApplied) : IDisposable
{
    private const int Retries = 20;
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(250);

    private readonly Lock gate = new();
    private readonly SemaphoreSlim turn = new(1);
    private List<(StackService Service, TaskCompletionSource Done)> waiting = [];
    private Task<int>? major;

    public void Dispose() => turn.Dispose();

    /// <summary>Back when the swarm has the service's new spec.</summary>
    /// <exception cref="FaultException">docker refused (rollout-failed), with its own words and, where it names one, the place in the compose file.</exception>
    public async Task ApplyAsync(StackService service, CancellationToken cancel)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (gate)
        {
            waiting.Add((service, done));
        }

        await turn.WaitAsync(cancel);
        try
        {
            List<(StackService Service, TaskCompletionSource Done)> batch;
            lock (gate)
            {
                (batch, waiting) = (waiting, []);
            }

            // Empty when an earlier call took ours along. A call that has begun is not cut off: half a stack helps nobody.
            if (batch.Count > 0)
            {
                await TogetherAsync(batch);
            }
        }
        finally
        {
            turn.Release();
        }

        await done.Task;
    }

    private async Task TogetherAsync(List<(StackService Service, TaskCompletionSource Done)> batch)
    {
        try
        {
            // What goes back to settings of earlier has a file of its own.
            if (batch.GroupBy(static b => b.Service.Project, ReferenceEqualityComparer.Instance).ToList() is { Count: > 1 } groups)
            {
                foreach (var group in groups)
                {
                    await TogetherAsync([.. group]);
                }

                return;
            }

            await CallAsync(batch[0].Service.Project, [.. batch.Select(static b => b.Service)]);
            batch.ForEach(static b => b.Done.TrySetResult());
        }
        catch (FaultException) when (batch.Count > 1)
        {
            // docker does not say which of them it means, nor how far it came: each by itself then, but for those that the swarm has already. An update that changes nothing
            // would take its way back from the engine.
            foreach (var one in batch)
            {
                if (await IsAppliedAsync(one.Service))
                {
                    one.Done.TrySetResult();
                }
                else
                {
                    await TogetherAsync([one]);
                }
            }
        }
        catch (Exception e)
        {
            batch.ForEach(b => b.Done.TrySetException(e));
        }
    }

    /// <summary>Whoever cannot be asked has not got it: then docker says what is wrong.</summary>
    private async Task<bool> IsAppliedAsync(StackService service)
    {
        try
        {
            return await isApplied(service);
        }
        catch (FaultException)
        {
            return false;
        }
    }

    private async Task CallAsync(ComposeProject from, IReadOnlyList<StackService> services)
    {
        var written = new List<string>();
        Directory.CreateDirectory(folder);
        try
        {
            var version = await (major ??= MajorAsync()) >= 25 ? null : "3.8";
            var file = Write("stack.json", StackFile.Write(
                from, stack, services, labels, content => Write($"content-{content.Hash}", content.Content!), version, ingressWorks));
            for (var attempt = 0; ; attempt++)
            {
                // Newer docker commands will wait for the tasks unless told not to; older ones do not know the word.
                List<string> arguments = ["stack", "deploy", "--compose-file", file, "--resolve-image", "never", "--with-registry-auth", .. major.Result >= 26 ? ["--detach=true"] : Array.Empty<string>(), stack];
                var result = await RunAsync(arguments);
                if (result.Succeeded)
                {
                    return;
                }

                if (attempt < Retries && IsNetworkGoing(result.Tail))
                {
                    await Task.Delay(RetryPause, clock);
                    continue;
                }

                throw Refused(result, services);
            }
        }
        finally
        {
            written.ForEach(File.Delete);
        }

        string Write(string name, byte[] content)
        {
            var path = Path.Combine(folder, name);
            written.Add(path);
            var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
            {
                // Environments and secrets are nobody else's to read.
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            using var stream = new FileStream(path, options);
            stream.Write(content);
            return path;
        }
    }

    private Task<ProcessResult> RunAsync(IReadOnlyList<string> arguments) => runner.RunAsync(
        new Command
        {
            Program = "docker", Arguments = arguments, Directory = project.Directory, Deadline = Bound, FailsAs = Outcome.RolloutFailed,
            Environment = new Dictionary<string, string?> { ["DOCKER_HOST"] = dockerHost, ["DOCKER_CONTEXT"] = null, ["DOCKER_CLI_HINTS"] = "false" },
        }, null, CancellationToken.None);

    private async Task<int> MajorAsync()
    {
        var said = (await RunAsync(["--version"])).Tail is [var first, ..] ? first : "";
        var digits = said.SkipWhile(static c => !char.IsAsciiDigit(c)).TakeWhile(char.IsAsciiDigit).ToArray();
        return int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
    }

    /// <summary>A stack that was removed a moment ago still holds its networks; they go within seconds.</summary>
    private static bool IsNetworkGoing(IReadOnlyList<string> said) =>
        said.Any(static l => l.Contains("network", StringComparison.OrdinalIgnoreCase) && (l.Contains("not found", StringComparison.Ordinal) || l.Contains("could not find", StringComparison.Ordinal) || l.Contains("in use", StringComparison.Ordinal)));

    private FaultException Refused(ProcessResult result, IReadOnlyList<StackService> services)
    {
        var said = result.Tail.Where(static l => !l.StartsWith("Creating ", StringComparison.Ordinal) && !l.StartsWith("Updating ", StringComparison.Ordinal)
            && !l.StartsWith("Ignoring ", StringComparison.Ordinal) && !l.StartsWith("Since --detach", StringComparison.Ordinal) && !l.StartsWith("In a future", StringComparison.Ordinal)).ToList();
        var what = said.LastOrDefault(static l => l.Trim().Length > 0) ?? result.Ending;
        var where = PlaceOf(what) ?? (services is [var one] ? one.Project.Find(one.Name)!.At : null);
        return new FaultException(new Fault(
            Outcome.RolloutFailed, $"docker stack deploy: {what}{(result.TimedOut ? $" ({result.Ending})" : "")}", where?.ToString() ?? string.Join(", ", services.Select(static s => s.Name)),
            "correct the compose file, then deploy again", result.Tail));
    }

    /// <summary>docker names keys by their path (<c>services.web.ports.0</c>): the place of the longest part of it that the files have.</summary>
    private SourceLocation? PlaceOf(string said)
    {
        foreach (var word in said.Split(' ', '"', '\'', ',', ':'))
        {
            if (!word.StartsWith("services.", StringComparison.Ordinal) && !word.StartsWith("networks.", StringComparison.Ordinal) && !word.StartsWith("volumes.", StringComparison.Ordinal)
                && !word.StartsWith("configs.", StringComparison.Ordinal) && !word.StartsWith("secrets.", StringComparison.Ordinal))
            {
                continue;
            }

            var (node, at) = (project.Root, (SourceLocation?)null);
            foreach (var key in word.Split('.'))
            {
                if (node.Entries.FirstOrDefault(e => e.Key == key) is { } entry)
                {
                    (node, at) = (entry.Value, entry.KeyAt);
                }
                else if (int.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < node.Items.Count)
                {
                    (node, at) = (node.Items[index], node.Items[index].At);
                }
                else
                {
                    break;
                }
            }

            return at;
        }

        return null;
    }
}
