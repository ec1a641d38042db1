using Laptime.Foundations;

namespace Laptime.Measurement;

/// <summary>Whether caching is still worth anything: when install and compile are cheap and checking and packing take the time, a better cache saves nothing.</summary>
public static class CacheFinding
{
    /// <summary>Up to this share of the interval install and compile are cheap.</summary>
    private const double Cheap = 0.2;

    /// <summary>Null when the cache may well be the bottleneck, or when nothing of the kind was measured.</summary>
    public static string? Of(Recording recording)
    {
        var runs = recording.Runs;
        if (runs.Count == 0)
        {
            return null;
        }

        var interval = new Samples(runs.Select(r => r.Interval)).Median;
        var cached = Median("install", "compile");
        var rest = Median("validate", "package");
        if (rest <= 0 || cached > Cheap * interval || rest < 2 * cached || RecordingComparison.DominantOf(recording)?.Kind is not ("validate" or "package"))
        {
            return null;
        }

        var hits = runs.SelectMany(r => r.Segments).Any(s => s.Kind is "install" or "compile" && s.Cache == "hit");
        return $"The cache is not the bottleneck: install and compile take {Duration.Text(cached)} ({ComparisonSentence.Percent(cached / interval)}{(hits ? ", with cache hits" : "")}), "
            + $"validate and package {Duration.Text(rest)} ({ComparisonSentence.Percent(rest / interval)}) of {Duration.Text(interval)}";

        double Median(params string[] kinds) => new Samples(runs.Select(r => r.Segments.Where(s => s.OnPath && s.Kind is { } kind && kinds.Contains(kind)).Sum(s => s.Seconds))).Median;
    }
}
