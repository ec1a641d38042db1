using System.Globalization;
using System.Text;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Targets.Docker;
using Laptime.Targets.Swarm;

namespace Laptime.Recipes.Swarm;

/// <summary>Hands a version to <c>docker stack deploy</c>: the recipe's own files, as they are, with the version's environment; what they call external is made before.</summary>
/// <param name="folder">The deployment's own.</param>
internal sealed class StackApply(SwarmApi api, string stack, string folder, ProcessRunner runner, TimeProvider clock)
{
    /// <summary>Networks that recipes share (`proxy`), where a run had to make one: whoever is the last to use it removes it.</summary>
    private const string Shared = "laptime.recipes.shared";
    private const int Retries = 40;
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(250);

    private Task<int>? major;

    /// <summary>Makes what is missing of what the files call external.</summary>
    public async Task PrepareAsync(StackVersion version, CancellationToken cancel)
    {
        foreach (var name in version.Networks)
        {
            await EnsureNetworkAsync(name, cancel);
        }

        var there = (await api.ContentsAsync("secrets", [], cancel)).Select(static s => s.Spec?.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var (name, value) in version.Secrets.Where(s => !there.Contains(s.Key)))
        {
            await api.CreateSecretAsync(name, Encoding.UTF8.GetBytes(value()), new Dictionary<string, string> { [SwarmPlaces.Namespace] = stack }, cancel);
        }
    }

    /// <summary>Back when the swarm has the specs.</summary>
    /// <returns>Null, or what docker said.</returns>
    public async Task<Fault?> DeployAsync(StackVersion version, CancellationToken cancel)
    {
        for (var attempt = 0; ; attempt++)
        {
            // Newer docker commands would wait for the tasks themselves; older ones do not know the word.
            List<string> arguments =
            [
                "stack", "deploy", .. version.Files.SelectMany(static f => (string[])["--compose-file", f]), "--prune", "--resolve-image", "never", "--with-registry-auth",
                .. await (major ??= MajorAsync()) >= 26 ? ["--detach=true"] : Array.Empty<string>(), stack,
            ];
            var result = await RunAsync(arguments, version, cancel);
            if (result.Succeeded)
            {
                return null;
            }

            if (attempt < Retries && IsNetworkGoing(result.Tail))
            {
                await Task.Delay(RetryPause, clock, cancel);
                foreach (var name in version.Networks)
                {
                    await EnsureNetworkAsync(name, cancel);
                }

                continue;
            }

            var what = result.Tail.LastOrDefault(static l => l.Trim().Length > 0 && !l.StartsWith("Creating ", StringComparison.Ordinal) && !l.StartsWith("Updating ", StringComparison.Ordinal)) ?? result.Ending;
            return new Fault(
                Outcome.RolloutFailed, $"docker stack deploy: {what}{(result.TimedOut ? $" ({result.Ending})" : "")}", $"stack {stack}", "correct the compose file; the same words come from `docker stack deploy` by hand", result.Tail);
        }
    }

    /// <summary>Networks that were made for recipes and that none uses any more.</summary>
    public async Task RemoveSharedAsync(CancellationToken cancel)
    {
        foreach (var network in await api.Engine.ListNetworksAsync([Shared], cancel))
        {
            try
            {
                await api.Engine.RemoveNetworkAsync(network.Id, cancel);
            }
            catch (EngineException e) when (e.Error is not (EngineError.Unreachable or EngineError.TimedOut or EngineError.NoSwarm))
            {
                // Another run's deployment is in it.
            }
        }
    }

    private async Task EnsureNetworkAsync(string name, CancellationToken cancel)
    {
        if (await api.Engine.FindNetworkAsync(name, cancel) is not null)
        {
            return;
        }

        try
        {
            await api.Engine.CreateNetworkAsync(
                new NetworkCreate { Name = name, Driver = "overlay", Attachable = true, CheckDuplicate = true, Labels = new Dictionary<string, string> { [Shared] = "true" } }, cancel);
        }
        catch (EngineException e) when (e.Error == EngineError.Conflict || e.Message.Contains("already exists", StringComparison.Ordinal)
            // The swarm's own words for it, when two ask at the same moment: no status tells them apart from other trouble.
            || e.Message.Contains("conflicts with an existing object", StringComparison.Ordinal))
        {
            // Another run was faster.
        }
    }

    private Task<ProcessResult> RunAsync(IReadOnlyList<string> arguments, StackVersion? version, CancellationToken cancel)
    {
        var variables = new Dictionary<string, string?>(StringComparer.Ordinal);
        foreach (var (name, value) in version?.Environment ?? new Dictionary<string, string>())
        {
            variables[name] = value;
        }

        (variables["DOCKER_HOST"], variables["DOCKER_CONTEXT"], variables["DOCKER_CLI_HINTS"]) = (api.Engine.Endpoint.Text, null, "false");
        return runner.RunAsync(
            new Command { Program = "docker", Arguments = arguments, Directory = version?.Folder ?? folder, Deadline = Bound, FailsAs = Outcome.RolloutFailed, Environment = variables }, null, cancel);
    }

    private async Task<int> MajorAsync()
    {
        var said = (await RunAsync(["--version"], null, CancellationToken.None)).Tail is [var first, ..] ? first : "";
        var digits = said.SkipWhile(static c => !char.IsAsciiDigit(c)).TakeWhile(char.IsAsciiDigit).ToArray();
        return int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
    }

    /// <summary>A network that was removed a moment ago, by us or by a run beside this one.</summary>
    private static bool IsNetworkGoing(IReadOnlyList<string> said) =>
        said.Any(static l => l.Contains("network", StringComparison.OrdinalIgnoreCase)
            && (l.Contains("not found", StringComparison.Ordinal) || l.Contains("could not find", StringComparison.Ordinal) || l.Contains("could not be found", StringComparison.Ordinal) || l.Contains("in use", StringComparison.Ordinal)));
}
