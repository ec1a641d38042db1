using System.Runtime.CompilerServices;

namespace Laptime.Targets.Docker;

/// <summary>What services of a swarm say.</summary>
public sealed partial class EngineClient
{
    /// <summary>The newest <paramref name="lines"/> lines of all tasks of a service, or of one task; then, with <paramref name="follow"/>, what comes.</summary>
    /// <param name="kind">services or tasks.</param>
    public async IAsyncEnumerable<LogLine> SwarmLogsAsync(string kind, string id, int lines, bool follow, [EnumeratorCancellation] CancellationToken cancel)
    {
        using var answer = await OpenAsync(HttpMethod.Get, $"/{kind}/{Escape(id)}/logs?stdout=1&stderr=1&tail={lines}&follow={(follow ? 1 : 0)}", null, null, cancel);
        await foreach (var line in OutputAsync(answer, cancel))
        {
            yield return line;
        }
    }
}
