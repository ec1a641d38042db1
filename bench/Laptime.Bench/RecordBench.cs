using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Laptime.Measurement;
using Laptime.Processes;

namespace Laptime.Bench;

/// <summary>
/// What recording costs the thing that is recorded: the demo's one-file change, deployed by hand and by <c>lap baseline record</c>, in turn. The intervals are
/// lap's own, so they say what recording does to the figures; what it takes between two runs is told apart.
/// </summary>
internal static class RecordBench
{
    private const string Edited = "src/gateway/CartText.cs";

    public static void Run(Page page, string lap, string checkout, int rounds)
    {
        var root = Directory.CreateTempSubdirectory("laptime-bench-").FullName;
        Command Lap(params string[] arguments) => new() { Program = lap, Arguments = arguments, Directory = root };
        var disposed = false;
        void Dispose()
        {
            if (!disposed)
            {
                disposed = true;
                _ = Child.Try(Lap("down"));
                _ = Child.Try(Lap("agent", "stop", "--instances"));
                Directory.Delete(root, recursive: true);
            }
        }

        // Also when the bench is interrupted.
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Dispose();
        try
        {
            CopyShop(Path.Combine(checkout, "examples", "shop"), root);
            foreach (var arguments in (string[][])[["init", "-q"], ["add", "-A"], ["-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "-q", "-m", "shop"]])
            {
                _ = Child.Run(new Command { Program = "git", Arguments = arguments, Directory = root });
            }

            _ = Child.Run(Lap("deploy"), Path.Combine(root, ".git", "bench.out"));
            var (plain, recorded, walls) = (new List<double>(), new List<double>(), new List<double>());
            for (var round = 0; round < rounds; round++)
            {
                if (round % 2 == 0)
                {
                    plain.Add(ByHand());
                    recorded.Add(ByRecording());
                }
                else
                {
                    recorded.Add(ByRecording());
                    plain.Add(ByHand());
                }
            }

            var ratios = recorded.Zip(plain, (r, p) => r / p).ToList();
            var compared = Comparison.Pairs(new Samples(plain.Select(ms => ms / 1000)), new Samples(recorded.Select(ms => ms / 1000)));
            page.Line($"## The demo's one-file change ({Edited}), {rounds} pairs in turn");
            page.Line();
            page.Head("interval, save to reflected", "median", "least", "most");
            page.Row("edit and `lap deploy` by hand", Page.Ms(Series.Middle(plain)), Page.Ms(plain.Min()), Page.Ms(plain.Max()));
            page.Row("`lap baseline record edit:...`", Page.Ms(Series.Middle(recorded)), Page.Ms(recorded.Min()), Page.Ms(recorded.Max()));
            page.Row("recorded through by hand, pair by pair", Percent(Series.Middle(ratios)), Percent(ratios.Min()), Percent(ratios.Max()));
            page.Line();
            page.Line(Verdict(compared));
            page.Line();
            page.Line("Beside the interval each run takes two samples of the fixed work, the edit and its undoing, and its place in the journal:");
            page.Line($"{Page.Ms(Series.Middle(walls))} ms a run in the middle, from the end of one deploy to the start of the next, none of it in the figures.");
            page.Save();

            // Twice, and the second counts, as in a recording: the first edit after something else starts with cold build tools.
            double ByHand()
            {
                _ = OneByHand();
                return OneByHand();
            }

            double OneByHand()
            {
                File.AppendAllText(Path.Combine(root, Edited), $"// by hand {Guid.NewGuid()}\n");
                using var document = JsonDocument.Parse(Child.Read(Lap("deploy", "-o", "json", "-q", "--since", "save")));
                return Interval(document.RootElement);
            }

            double ByRecording()
            {
                using var baseline = JsonDocument.Parse(Child.Read(Lap("baseline", "record", "edit:" + Edited, "-n", "2", "-o", "json", "-q")));
                var samples = baseline.RootElement.GetProperty("samples").EnumerateArray().ToList();
                double Seconds(int i, string name) => samples[i].GetProperty(name).GetDouble();
                walls.Add(1000 * ((samples[1].GetProperty("at").GetDateTimeOffset() - samples[0].GetProperty("at").GetDateTimeOffset()).TotalSeconds - Seconds(0, "commandSeconds")));
                return Seconds(0, "intervalSeconds") * 1000;
            }
        }
        finally
        {
            Dispose();
        }
    }

    private static double Interval(JsonElement document) => document.GetProperty("outcome").GetString() == "reflected"
        ? document.GetProperty("interval").GetProperty("seconds").GetDouble() * 1000
        : throw new InvalidOperationException($"the change was not reflected:\n{document}");

    /// <summary>The goal is met only when the whole interval of the overhead is below it: a middle that happens to lie there shows nothing.</summary>
    private static string Verdict(Comparison compared)
    {
        const double Goal = 1.02;
        if (compared.Ratio is not { Median: { } median, Low: { } low, High: { } high })
        {
            return "**Overhead of recording: not measured.**";
        }

        return $"**Overhead of recording: {Percent(median)} of the interval, 95 % interval {Percent(low)} to {Percent(high)}; goal below 2 %: "
            + (high < Goal ? "shown" : low > Goal ? "missed" : "neither shown nor refuted by so many pairs") + $".** (p {compared.P.ToString("0.###", CultureInfo.InvariantCulture)}, {compared.Test})";
    }

    private static string Percent(double ratio) => (100 * (ratio - 1)).ToString("+0.0;-0.0;0.0", CultureInfo.InvariantCulture) + " %";

    private static void CopyShop(string source, string root)
    {
        string[] left = ["bin", "obj", "out", "data", ".laptime"];
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            var relative = Path.GetRelativePath(source, file);
            if (relative.Split(Path.DirectorySeparatorChar).Intersect(left).Any())
            {
                continue;
            }

            var target = Path.Combine(root, relative);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }

        var yaml = Path.Combine(root, "laptime.yaml");
        var text = File.ReadAllText(yaml);
        var taken = new List<TcpListener>();
        foreach (var port in (string[])["18080", "18081", "18082"])
        {
            var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            taken.Add(listener);
            text = text.Replace(port, ((IPEndPoint)listener.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
        }

        taken.ForEach(t => t.Stop());
        File.WriteAllText(yaml, text);
    }
}
