using System.Globalization;
using System.Text;
using Laptime.Foundations;

namespace Laptime.Recipes.Reading;

/// <summary>What the fast lane lays over a recipe.</summary>
/// <param name="Overlay">A compose file; null: there is nothing to change.</param>
/// <param name="Notes">What is otherwise than the recipe asks for, each in a sentence.</param>
public sealed record FastOverlay(string? Overlay, IReadOnlyList<string> Notes);

/// <summary>
/// The fast lane's overlay: health checks every second, a short watch after updates. Whoever is asked more often also fails sooner: so that nothing is killed before the recipe
/// would kill it (a database in the middle of its first start, say), the grace grows by what the published check would have waited: <c>start_period += interval × retries</c>.
/// </summary>
public static class FastLane
{
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    public static readonly TimeSpan StartInterval = TimeSpan.FromMilliseconds(250);
    public static readonly TimeSpan Monitor = TimeSpan.FromMilliseconds(500);

    /// <summary>What the lane does otherwise than an overlay can say: in <c>StackWait</c> and <c>StackRemains</c>.</summary>
    public static IReadOnlyList<string> Hurries { get; } =
    [
        "when an update was watched to its end, what it replaced is asked to end at once, without the swarm's own pause of some seconds before that",
        "at the teardown containers are removed without being asked to end",
    ];

    /// <summary>The engine's own, where nothing is written.</summary>
    private static readonly TimeSpan DefaultInterval = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan DefaultMonitor = TimeSpan.FromSeconds(5);
    private const int DefaultRetries = 3;

    /// <param name="startInterval">The engine knows <c>start_interval</c> (25 and later).</param>
    public static FastOverlay Overlay(ComposeRecipe recipe, bool startInterval = false)
    {
        var (text, notes) = (new StringBuilder("services:\n"), new List<string>());
        var any = false;
        foreach (var service in recipe.Services)
        {
            var (health, watched) = (Health(service, startInterval, notes), Watched(service, notes));
            if (health is null && watched is null)
            {
                continue;
            }

            any = true;
            text.Append(CultureInfo.InvariantCulture, $"  {Quoted(service.Name)}:\n{health}{watched}");
        }

        return new FastOverlay(any ? text.ToString() : null, notes);
    }

    private static string? Health(ComposeRecipeService service, bool startInterval, List<string> notes)
    {
        if (service.Compose.Health is not { Asks: true } health)
        {
            return null;
        }

        var interval = health.Interval is { } own && own > TimeSpan.Zero ? own : DefaultInterval;
        if (interval <= Interval)
        {
            return null;
        }

        var retries = health.Retries is > 0 and var some ? some : DefaultRetries;
        var grace = health.StartPeriod ?? TimeSpan.Zero;
        var raised = grace + (interval * retries);
        notes.Add($"{service.Name}: its health is asked every {Duration.Text(Interval)} instead of {Duration.Text(interval)}, with a grace of {Duration.Text(raised)} instead of {Duration.Text(grace)} so that nothing is killed sooner");
        var text = $"    healthcheck:\n      interval: {Written(Interval)}\n      start_period: {Written(raised)}\n";
        return startInterval ? text + $"      start_interval: {Written(StartInterval)}\n" : text;
    }

    private static string? Watched(ComposeRecipeService service, List<string> notes)
    {
        if (service.Compose.Mode is not ("replicated" or "global"))
        {
            return null;
        }

        var written = service.Compose.Node.Given("deploy")?.Given("update_config")?.TextOf("monitor");
        var monitor = written is null ? DefaultMonitor : Duration.TryParse(written, out var own) ? own : DefaultMonitor;
        if (monitor <= Monitor)
        {
            return null;
        }

        notes.Add($"{service.Name}: after an update it is watched for {Duration.Text(Monitor)} instead of {Duration.Text(monitor)}");
        return $"    deploy:\n      update_config:\n        monitor: {Written(Monitor)}\n";
    }

    /// <summary>As compose writes it, exact to the millisecond.</summary>
    private static string Written(TimeSpan span) => span.TotalMilliseconds % 1000 == 0
        ? string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:0}s")
        : string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(span.TotalMilliseconds):0}ms");

    private static string Quoted(string name) => "\"" + name.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal) + "\"";
}
