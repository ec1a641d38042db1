using Laptime.Measurement;

namespace Laptime.Tests.Measurement;

/// <summary>Recordings as a fake clock makes them: nine segments one after the other, each with 10 % of noise of its own.</summary>
internal static class Recorded
{
    private static readonly (string Name, string? Component, string? Kind, double Seconds)[] Steps =
    [
        ("detect", null, null, 0.08), ("plan", null, null, 0.01), ("build/install", "web", "install", 0.5), ("build/compile", "web", "compile", 2.4),
        ("build/lint", "web", "validate", 0.4), ("publish", "web", null, 0.2), ("rollout", "web", null, 0.3), ("ready", "web", null, 0.25), ("reflect", "web", null, 0.05),
    ];

    public static Recording Of(string name, Draws draws, int n) => new(name, name, [.. Enumerable.Range(0, n).Select(i => Run($"{name}-{i}", draws))]);

    /// <param name="changed">Segments that take this many times as long.</param>
    public static MeasuredRun Run(string id, Draws draws, params (string Name, double Factor)[] changed)
    {
        var segments = Steps.Select(s => new MeasuredSegment(
            s.Name, s.Component, s.Kind, s.Kind is null ? null : "miss", s.Seconds * draws.One("log-normal") * changed.Where(c => c.Name == s.Name).Select(c => c.Factor).FirstOrDefault(1), true)).ToList();
        return new MeasuredRun(id, segments.Sum(s => s.Seconds) + 0.002, segments, 0.002, Rollout: segments.Where(s => s.Name is "rollout" or "ready" or "reflect").Sum(s => s.Seconds));
    }
}
