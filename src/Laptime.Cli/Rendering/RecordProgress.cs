using System.Text.Json;
using System.Text.Json.Serialization;
using Laptime.Foundations;
using Laptime.Measurement;

namespace Laptime.Cli.Rendering;

/// <summary>Shows on stderr how far a recording is and how long it still takes. Dispose before the results are written.</summary>
internal abstract class RecordProgress : IDisposable
{
    public static RecordProgress Create(Terminal terminal, TextWriter error, TimeProvider clock) => terminal.Progress switch
    {
        ProgressMode.Plain => new Plain(error),
        ProgressMode.Json => new Lines(error),
        ProgressMode.Live => new Live(terminal, error, clock),
        _ => new None(),
    };

    public abstract void Happened(RecordEvent happened);

    public virtual void Dispose() => GC.SuppressFinalize(this);

    private static string Title(Baseline baseline) =>
        $"{baseline.Name}: {baseline.Key.Scenario}, {(baseline.Requested == 1 ? "1 run" : $"{baseline.Requested} runs")} on {baseline.Key.Environment}"
        + (baseline.Key.Profile is { } profile ? $" (profile {profile})" : "");

    private static string LeftText(double? seconds) => seconds is > 0 ? $"; about {Whole(seconds.Value)} left" : "";

    /// <summary>An estimate has no fractions of a second.</summary>
    private static string Whole(double seconds) => seconds < 59.5 ? $"{Math.Max(1, Math.Round(seconds)):0} s" : Duration.Text(seconds);

    private sealed class None : RecordProgress
    {
        public override void Happened(RecordEvent happened) { }
    }

    /// <summary>A line for each run.</summary>
    private sealed class Plain(TextWriter error) : RecordProgress
    {
        public override void Happened(RecordEvent happened)
        {
            var line = happened switch
            {
                RecordEvent.Started started => Title(started.Baseline),
                RecordEvent.Preparing preparing => $"prepare: {preparing.What}",
                RecordEvent.RunEnded run => $"run {run.Run} of {run.Of}: {Duration.Text(run.Sample.IntervalSeconds)} {run.Sample.Outcome}{LeftText(run.SecondsLeft)}",
                RecordEvent.Discarded discarded => $"not counted: {discarded.Transaction} ({discarded.Reason})",
                RecordEvent.Noted noted => $"note: {noted.Text}",
                _ => null,
            };
            if (line is not null)
            {
                error.WriteLine(TextWidth.Clean(line));
            }
        }
    }

    private sealed class Lines(TextWriter error) : RecordProgress
    {
        public override void Happened(RecordEvent happened)
        {
            var line = happened switch
            {
                RecordEvent.Started started => new RecordLine("started") { Baseline = started.Baseline.Id, Text = Title(started.Baseline), Of = started.Baseline.Requested },
                RecordEvent.Preparing preparing => new RecordLine("preparing") { Text = preparing.What },
                RecordEvent.RunStarted run => new RecordLine("run-started") { Run = run.Run, Of = run.Of, SecondsLeft = run.SecondsLeft },
                RecordEvent.RunEnded run => new RecordLine("run-ended")
                {
                    Run = run.Run, Of = run.Of, SecondsLeft = run.SecondsLeft, Transaction = run.Sample.Transaction, Seconds = run.Sample.IntervalSeconds,
                },
                RecordEvent.Discarded discarded => new RecordLine("not-counted") { Transaction = discarded.Transaction, Text = discarded.Reason },
                RecordEvent.Noted noted => new RecordLine("note") { Text = noted.Text },
                _ => throw new System.Diagnostics.UnreachableException(),
            };
            error.WriteLine(JsonSerializer.Serialize(line, RecordJson.Default.RecordLine));
        }
    }

    /// <summary>One line, drawn again in place; what is worth keeping stands above it.</summary>
    private sealed class Live : RecordProgress
    {
        private static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(250);

        private readonly Lock gate = new();
        private readonly Terminal terminal;
        private readonly TextWriter error;
        private readonly TimeProvider clock;
        private readonly ITimer timer;
        private readonly List<double> intervals = [];
        private string name = "";
        private string doing = "";
        private long since;
        private (double Seconds, long At)? left;
        private bool over;
        private int frame;

        public Live(Terminal terminal, TextWriter error, TimeProvider clock)
        {
            (this.terminal, this.error, this.clock) = (terminal, error, clock);
            since = clock.GetTimestamp();
            timer = clock.CreateTimer(static me => ((Live)me!).Draw(), this, Beat, Beat);
        }

        public override void Happened(RecordEvent happened)
        {
            lock (gate)
            {
                switch (happened)
                {
                    case RecordEvent.Started started:
                        name = started.Baseline.Name;
                        break;
                    case RecordEvent.Preparing preparing:
                        (doing, since) = (preparing.What, clock.GetTimestamp());
                        break;
                    case RecordEvent.RunStarted run:
                        (doing, since) = ($"run {run.Run} of {run.Of}", clock.GetTimestamp());
                        left = run.SecondsLeft is { } seconds ? (seconds, since) : null;
                        break;
                    case RecordEvent.RunEnded run:
                        intervals.Add(run.Sample.IntervalSeconds);
                        break;
                    case RecordEvent.Discarded { Reason: var reason } when reason.StartsWith("not warm", StringComparison.Ordinal):
                        Above($"not counted: {reason}");
                        break;
                    case RecordEvent.Noted noted:
                        Above("note: " + noted.Text);
                        break;
                }
            }

            Draw();
        }

        public override void Dispose()
        {
            timer.Dispose();
            lock (gate)
            {
                over = true;
                Write("\r\u001b[K");
            }

            base.Dispose();
        }

        private void Above(string text) => Write($"\r\u001b[K{TextWidth.Clean(text)}\n");

        private void Draw()
        {
            lock (gate)
            {
                if (over)
                {
                    return;
                }

                var spinner = terminal.Unicode ? "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏" : "|/-\\";
                var parts = new List<string> { $"{spinner[frame++ % spinner.Length]} {name}", doing, Duration.Text(clock.GetElapsedTime(since).TotalSeconds) };
                if (intervals.Count > 0)
                {
                    parts.Add($"median {Duration.Text(intervals.Order().ElementAt(intervals.Count / 2))}");
                }

                if (left is var (seconds, at))
                {
                    parts.Add($"about {Whole(seconds - clock.GetElapsedTime(at).TotalSeconds)} left");
                }

                Write("\r\u001b[K" + TextWidth.Cut(TextWidth.Clean(string.Join("  ", parts)), terminal.Width - 1, terminal.Unicode));
            }
        }

        private void Write(string text)
        {
            try
            {
                error.Write(text);
                error.Flush();
            }
            catch (IOException)
            {
                // The terminal is gone: the recording goes on.
                over = true;
            }
        }
    }
}

/// <summary>A line of progress for programs; what does not belong to its type is left out.</summary>
internal sealed record RecordLine(string Type)
{
    public string? Baseline { get; init; }

    public int? Run { get; init; }

    public int? Of { get; init; }

    public string? Transaction { get; init; }

    public double? Seconds { get; init; }

    public double? SecondsLeft { get; init; }

    public string? Text { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(RecordLine))]
internal sealed partial class RecordJson : JsonSerializerContext;
