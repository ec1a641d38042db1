namespace Laptime.Bench;

/// <summary>The costs of one thing over all rounds.</summary>
internal sealed class Series(string name)
{
    private readonly List<Cost> costs = [];

    public string Name { get; } = name;

    public double Median => Middle(costs.Select(c => c.Wall));

    public double Least => costs.Min(c => c.Wall);

    public double Most => costs.Max(c => c.Wall);

    public double Cpu => Middle(costs.Select(c => c.Cpu));

    public void Add(Cost cost) => costs.Add(cost);

    public static double Middle(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return sorted.Count == 0 ? double.NaN : sorted.Count % 2 == 1 ? sorted[sorted.Count / 2] : (sorted[(sorted.Count / 2) - 1] + sorted[sorted.Count / 2]) / 2;
    }
}

/// <summary>Runs things in turn (A B C A B C ...), so that whatever else the machine does falls on all of them alike.</summary>
internal static class Rounds
{
    public static Series[] Run(int rounds, params (string Name, Func<Cost> Run)[] things)
    {
        var series = things.Select(t => new Series(t.Name)).ToArray();
        for (var round = -1; round < rounds; round++)
        {
            for (var i = 0; i < things.Length; i++)
            {
                var cost = things[i].Run();
                if (round >= 0) // the first round warms the caches
                {
                    series[i].Add(cost);
                }
            }
        }

        return series;
    }
}
