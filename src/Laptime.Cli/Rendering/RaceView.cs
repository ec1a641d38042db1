using System.Globalization;
using System.Text.Json;
using Laptime.Cli.Commands;
using Laptime.Foundations;
using Laptime.Measurement;

namespace Laptime.Cli.Rendering;

/// <summary>A race while it runs, on stderr: what it does, each pair, and the time left. No verdict before the end: whoever stops at a good moment fools himself.</summary>
internal sealed class RaceView(Terminal terminal, TimeProvider clock, TextWriter error) : IDisposable
{
    private readonly List<double> took = [];
    private long began;
    private double wallOfWarmUp;
    private bool open;

    public void Say(string line)
    {
        switch (terminal.Progress)
        {
            case ProgressMode.Json:
                Event(new RaceEvent("note", line, null, null, null, null, null));
                break;
            case ProgressMode.Plain:
                error.WriteLine(line);
                break;
            case ProgressMode.Live:
                Erase();
                foreach (var part in TextWidth.Wrap(TextWidth.Clean(line), terminal.Width))
                {
                    error.WriteLine(part);
                }

                break;
        }
    }

    /// <summary>Something that takes a while: on a terminal it gives way to what comes next.</summary>
    public void Doing(string what)
    {
        if (terminal.Progress == ProgressMode.Live)
        {
            Erase();
            error.Write(TextWidth.Cut(TextWidth.Clean(what) + " ...", terminal.Width - 1, terminal.Unicode));
            open = true;
        }
        else
        {
            Say(what);
        }
    }

    public void Begin(int number, int of)
    {
        began = clock.GetTimestamp();
        if (terminal.Progress == ProgressMode.Live && number > 0)
        {
            Doing($"pair {number} of {of}{Left(of - number + 1)}");
        }
    }

    public void WarmedUp(int pairs)
    {
        wallOfWarmUp = clock.GetElapsedTime(began).TotalSeconds;
        Say($"a pair takes about {Duration.Text(wallOfWarmUp)}, with bringing both sides up and down, which is not measured: {pairs} take about {Duration.Text(wallOfWarmUp * pairs)}");
    }

    public void End(RacePair pair, int of)
    {
        took.Add(clock.GetElapsedTime(began).TotalSeconds);
        if (terminal.Progress == ProgressMode.Json)
        {
            Event(new RaceEvent("pair", null, pair.Number, of, pair.A.Interval, pair.B.Interval, Average * (of - pair.Number)));
            return;
        }

        var sides = pair.AFirst ? $"A {Duration.Text(pair.A.Interval)}, then B {Duration.Text(pair.B.Interval)}" : $"B {Duration.Text(pair.B.Interval)}, then A {Duration.Text(pair.A.Interval)}";
        Say($"pair {pair.Number} of {of}: {sides}{Left(of - pair.Number)}");
    }

    public void Dispose() => Erase();

    /// <summary>Where it can be read again, and how its order is repeated.</summary>
    public static string Footer(Race race, Terminal terminal)
    {
        var page = new Page(terminal);
        page.Line(new Span($"{race.Scenario}, --seed {race.Seed}; again: lap baseline races {race.Id}", Tone.Dim));
        return page.ToString();
    }

    public static void List(IReadOnlyList<Race> races, Terminal terminal, TextWriter output)
    {
        if (terminal.Json)
        {
            output.WriteLine(JsonSerializer.Serialize(
                new RaceList("laptime/races/v1", [.. races.Select(r => new RaceItem(r.Id, r.At, r.Scenario, r.A.Text, r.B.Text, r.Requested, r.Pairs.Count, r.Ended, Word(r)))]), CliJson.Readable.RaceList));
            return;
        }

        var page = new Page(terminal);
        page.Table(
            [new Column("race"), new Column("A"), new Column("B", Yields: Yields.Shrinking), new Column("scenario", Yields: Yields.Shrinking), new Column("pairs", Right: true), new Column("verdict on the interval")],
            [.. races.Select(r => new Span[] { r.Id, r.A.Text, r.B.Text, r.Scenario, r.Pairs.Count == r.Requested ? $"{r.Pairs.Count}" : $"{r.Pairs.Count} of {r.Requested}", Word(r) })]);
        output.Write(races.Count == 0 ? "no race yet: lap baseline race main . warm\n" : page.ToString());
    }

    private static string Word(Race race) => race.Pairs.Count == 0 ? "inconclusive" : ComparisonSentence.Name(race.Compare().Interval.Verdict);

    private double Average => took.Count == 0 ? wallOfWarmUp : took.Average();

    private string Left(int pairs) => pairs == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"; about {Duration.Text(Average * pairs)} left");

    private void Erase()
    {
        if (open)
        {
            error.Write("\r\u001b[K");
            open = false;
        }
    }

    private void Event(RaceEvent happened) => error.WriteLine(JsonSerializer.Serialize(happened, CliJson.Default.RaceEvent));
}

/// <summary>One line of `--progress json`. Seconds.</summary>
internal sealed record RaceEvent(string Event, string? Text, int? Pair, int? Of, double? A, double? B, double? SecondsLeft);

/// <summary>`lap baseline races -o json`.</summary>
internal sealed record RaceList(string Schema, IReadOnlyList<RaceItem> Items);

internal sealed record RaceItem(string Id, DateTimeOffset At, string Scenario, string A, string B, int Requested, int Pairs, string? Ended, string Verdict);
