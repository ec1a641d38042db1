namespace Laptime.Tests.Measurement;

/// <summary>Durations drawn from distributions as deploys have them, around 1 s; seeded.</summary>
internal sealed class Draws(int seed)
{
    private readonly Random random = new(seed);

    /// <summary>The names of the distributions.</summary>
    public static TheoryData<string> Names => ["normal", "log-normal", "bimodal", "outliers", "coarse"];

    public double[] Of(string distribution, int n) => [.. Enumerable.Range(0, n).Select(_ => One(distribution))];

    /// <summary>About 10 % of noise each; bimodal jumps by a third (a cache that is there or not), outliers take up to five times as long, coarse is told in steps of 50 ms.</summary>
    public double One(string distribution) => distribution switch
    {
        "normal" => Math.Max(0.05, 1 + (0.1 * Gauss())),
        "log-normal" => Math.Exp(0.1 * Gauss()),
        "bimodal" => (random.NextDouble() < 0.3 ? 1.33 : 1) * Math.Exp(0.05 * Gauss()),
        "outliers" => Math.Exp(0.08 * Gauss()) * (random.NextDouble() < 0.1 ? 1 + (4 * random.NextDouble()) : 1),
        "coarse" => Math.Round((1 + (0.1 * Gauss())) * 20) / 20,
        _ => throw new ArgumentOutOfRangeException(nameof(distribution)),
    };

    public double Gauss() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
