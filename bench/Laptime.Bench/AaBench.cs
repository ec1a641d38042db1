using System.Globalization;
using Laptime.Measurement;
using Laptime.Processes;

namespace Laptime.Bench;

/// <summary>
/// The A/A test on real processes: A and B are the same command, so every "better" or "worse" is a false alarm. Each comparison is made both ways, one block
/// after the other as two recordings are, and in pairs as a race is; on the machine as it is, and beside a neighbour that comes and goes, as on a shared one.
/// </summary>
internal static class AaBench
{
    private const int Comparisons = 20;
    private const int Runs = 12;

    /// <summary>Long enough to be a process of its own, short enough to be run 2,000 times over.</summary>
    private const string Work = "total = 0\nfor i in range(50000): total += i * i\nopen('out', 'w').write(str(total))";

    public static void Run(Page page)
    {
        using var folder = new ScratchFolder();
        var command = new Command { Program = "python3", Arguments = ["-S", "-E", "-c", Work], Directory = folder.Path };
        page.Line("## Identical commands");
        page.Line();
        page.Line($"{Comparisons} comparisons of a command with itself, {Runs} runs on each side, judged as `lap baseline compare` and `lap baseline race` judge: every \"better\"");
        page.Line("or \"worse\" is a false alarm. *Blocks*: all of A, then all of B, like two baselines recorded apart. *Blocks, calibrated*: the same figures, with the fixed work");
        page.Line("before and after every run; when it moved far enough to explain the difference, the verdict is inconclusive. *Pairs*: in turn, in random order within");
        page.Line("pairs. *A neighbour*: a process that keeps all cores busy for one to eight seconds and then rests as long, by a seed: a shared build machine.");
        page.Line();
        page.Head("machine", "false alarms, blocks", "blocks, calibrated", "of these inconclusive", "pairs", "median run", "spread (quartiles)");
        for (var i = 0; i < 3; i++)
        {
            _ = Child.Run(command);
        }

        var moved = Row(page, "as it is", folder.Path, command, seed: 1);
        using (new Neighbour(seed: 20261121))
        {
            moved += "; " + Row(page, "with a neighbour", folder.Path, command, seed: 2);
        }

        page.Line();
        page.Line($"Fixed work that moved between or during blocks, of {Comparisons} comparisons: {moved}.");
        page.Line();
        page.Line($"The stated rate is one in twenty ({Judging.Standard.Alpha:0.##}): the rate for runs that do not depend on each other. Blocks break that as soon as the machine drifts;");
        page.Line("pairs do not. Twenty comparisons count to about ±2.");
        page.Save();
    }

    private static string Row(Page page, string machine, string folder, Command command, int seed)
    {
        var calibration = new Calibration(new ProcessRunner(TimeProvider.System), TimeProvider.System, folder);
        int blocks = 0, calibrated = 0, inconclusive = 0, pairs = 0;
        var all = new List<double>();
        var kinds = new List<string>();
        for (var comparison = 0; comparison < Comparisons; comparison++)
        {
            // Both ways in turn: neither gets the calmer half of the hour.
            var (a, b) = (Block(), Block());
            var apart = RecordingComparison.Apart(a.Recording, b.Recording).Interval.Verdict;
            var drift = MachineDrift.Judge(a.Calibration, b.Calibration);
            kinds.AddRange(drift.Kinds.Where(k => k.Moved).Select(k => k.Kind).Distinct());
            var knowing = RecordingComparison.Apart(a.Recording, b.Recording, MachineMove.Of(drift)).Interval.Verdict;
            blocks += IsAlarm(apart);
            calibrated += IsAlarm(knowing);
            inconclusive += knowing == Verdict.Inconclusive ? 1 : 0;

            var (first, second) = (new List<MeasuredRun>(), new List<MeasuredRun>());
            foreach (var aFirst in PairOrder.Of((seed * 1000) + comparison, Runs))
            {
                (aFirst ? first : second).Add(Measure());
                (aFirst ? second : first).Add(Measure());
            }

            pairs += IsAlarm(RecordingComparison.Pairs(new Recording("a", "A", first), new Recording("b", "B", second)).Interval.Verdict);
        }

        all.Sort();
        page.Row(
            machine, $"{blocks} of {Comparisons}", $"{calibrated} of {Comparisons}", $"{inconclusive}", $"{pairs} of {Comparisons}", $"{Page.Ms(Series.Middle(all))} ms",
            string.Create(CultureInfo.InvariantCulture, $"{(all[all.Count * 3 / 4] - all[all.Count / 4]) / Series.Middle(all) * 100:0} %"));
        return $"{machine} {(kinds.Count == 0 ? "none" : string.Join(", ", kinds.GroupBy(k => k).OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => $"{g.Key} {g.Count()}")))}";

        MeasuredRun Measure()
        {
            var wall = Child.Run(command).Wall;
            all.Add(wall);
            return new MeasuredRun("run", wall / 1000, []);
        }

        (Recording Recording, List<CalibrationSample> Calibration) Block()
        {
            var runs = new List<MeasuredRun>();
            var samples = new List<CalibrationSample>();
            for (var run = 0; run < Runs; run++)
            {
                samples.Add(Calibrate());
                runs.Add(Measure());
                samples.Add(Calibrate());
            }

            return (new Recording("block", "block", runs), samples);
        }

        CalibrationSample Calibrate() => calibration.MeasureAsync(CancellationToken.None).GetAwaiter().GetResult();
    }

    private static int IsAlarm(Verdict verdict) => verdict is Verdict.Better or Verdict.Worse ? 1 : 0;

    /// <summary>Threads of this process that work and rest by a seed; gone with it, whatever happens.</summary>
    private sealed class Neighbour : IDisposable
    {
        private readonly CancellationTokenSource end = new();
        private readonly List<Thread> threads = [];

        public Neighbour(int seed)
        {
            for (var core = 0; core < Environment.ProcessorCount; core++)
            {
                var thread = new Thread(() => Live(new Random(seed))) { IsBackground = true };
                thread.Start();
                threads.Add(thread);
            }
        }

        public void Dispose()
        {
            end.Cancel();
            threads.ForEach(t => t.Join());
            end.Dispose();
        }

        private void Live(Random random)
        {
            while (!end.IsCancellationRequested)
            {
                var until = TimeProvider.System.GetTimestamp();
                var busy = TimeSpan.FromSeconds(1 + (random.NextDouble() * 7));
                while (TimeProvider.System.GetElapsedTime(until) < busy && !end.IsCancellationRequested)
                {
                    Thread.SpinWait(1000);
                }

                end.Token.WaitHandle.WaitOne(TimeSpan.FromSeconds(1 + (random.NextDouble() * 7)));
            }
        }
    }

    private sealed class ScratchFolder : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("laptime-bench-aa-").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
