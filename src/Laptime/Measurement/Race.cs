using System.Text.Json;
using System.Text.Json.Serialization;
using Laptime.Foundations;
using Laptime.Transactions;

namespace Laptime.Measurement;

/// <summary>Two sides run in turn, pair by pair: <c>laptime/race/v1</c>. Raw, as it came; the verdict is made from it when asked for.</summary>
public sealed record Race
{
    public string Schema { get; init; } = "laptime/race/v1";

    /// <summary><c>ra-20261121-110329-7f3a9c</c>.</summary>
    public required string Id { get; init; }

    public required string Workspace { get; init; }

    public required DateTimeOffset At { get; init; }

    /// <summary>cold, warm, full or edit:PATH.</summary>
    public required string Scenario { get; init; }

    public required Racer A { get; init; }

    public required Racer B { get; init; }

    /// <summary>The components that were named on the command line; empty: all.</summary>
    public IReadOnlyList<string> Components { get; init; } = [];

    /// <summary>The pairs that were asked for.</summary>
    public required int Requested { get; init; }

    /// <summary>Decides the order within the pairs (<see cref="PairOrder"/>).</summary>
    public required int Seed { get; init; }

    public required MachineReport Machine { get; init; }

    /// <summary>The version of lap that ran both sides.</summary>
    public string? Lap { get; init; }

    /// <summary>complete, failed or interrupted; null while it runs, and for ever when it was killed.</summary>
    public string? Ended { get; init; }

    /// <summary>Why it is not complete, in a sentence.</summary>
    public string? Reason { get; init; }

    /// <summary>The whole pairs, in the order in which they were run. Half a pair is no pair.</summary>
    public IReadOnlyList<RacePair> Pairs { get; init; } = [];

    /// <summary>The verdict on the pairs that are there, without the command's outcome.</summary>
    /// <param name="judging">Null: the standard one.</param>
    public ComparisonDocument Compare(Judging? judging = null)
    {
        var document = RecordingComparison.Pairs(Recording(A, Pairs.Select(p => p.A)), Recording(B, Pairs.Select(p => p.B)), judging);
        return document with
        {
            Race = new RaceReport(Id, Scenario, A.Environment, A.Profile, A.Commit, B.Commit, Seed, Requested, Pairs.Count, string.Concat(Pairs.Select(p => p.AFirst ? "A" : "B")), Ended),
            Warnings = Ended == "complete" ? document.Warnings
                : [.. document.Warnings, $"{Pairs.Count} of {Requested} pairs: the race {(Ended is null ? "was killed" : Ended == "failed" ? "failed" : "was interrupted")}{(Reason is null ? "" : $" ({Reason})")}"],
        };
    }

    private static Recording Recording(Racer racer, IEnumerable<MeasuredRun> runs) => new(racer.Commit[..Math.Min(9, racer.Commit.Length)], racer.Text, [.. runs]);
}

/// <summary>One side, and what it came to.</summary>
/// <param name="Text">As on the command line; the value of a variable that laptime.yaml treats as a secret is left out.</param>
/// <param name="Commit">What was checked out; of the working tree a commit that only this race has, unless nothing differed from HEAD.</param>
public sealed record Racer(string Text, string Commit, string Environment, string? Profile);

/// <param name="Number">From 1.</param>
/// <param name="AFirst">Which side ran first.</param>
public sealed record RacePair(int Number, bool AFirst, MeasuredRun A, MeasuredRun B);

/// <summary>What a comparison says of the race that it was made from.</summary>
/// <param name="Order">The side that ran first, pair by pair: <c>ABBA</c>.</param>
/// <param name="Ended">complete, failed, interrupted; null: killed.</param>
public sealed record RaceReport(
    string Id, string Scenario, string Environment, string? Profile, string CommitA, string CommitB, int Seed, int Requested, int Pairs, string Order, string? Ended);

/// <summary>The races in the journal. A pair is kept the moment it is over.</summary>
public sealed class RaceStore(Journal journal)
{
    private const string Kind = "race";

    /// <summary>Keeps everything but the pairs.</summary>
    public void Save(Race race) => journal.Save(new JournalRecord(Kind, race.Id, race.At, JsonSerializer.Serialize(race with { Pairs = [] }, RaceJson.Default.Race)));

    public void Add(Race race, RacePair pair) => journal.AddSample(Kind, race.Id, JsonSerializer.Serialize(pair, RaceJson.Default.RacePair));

    /// <summary>With their pairs, the newest first.</summary>
    public IReadOnlyList<Race> All() => [.. journal.Records(Kind).Select(Read)];

    /// <summary>By id or by the beginning of one; `last` is the newest.</summary>
    /// <exception cref="LapException">There is none, or more than one.</exception>
    public Race Find(string id)
    {
        var all = journal.Records(Kind);
        var found = all.Where(r => r.Id == id || (id.Length >= 4 && r.Id.StartsWith(id, StringComparison.Ordinal))).ToList();
        return (id == "last" ? all.Take(1).ToList() : found) switch
        {
            [var one] => Read(one),
            [] => throw new LapException($"there is no race {id}", null, all.Count == 0 ? "run one: lap baseline race main . warm" : NearestName.Suggest(id, [.. all.Select(r => r.Id)])),
            _ => throw new LapException($"{id} is the beginning of several races", null, $"name one: {string.Join(", ", found.Select(r => r.Id))}"),
        };
    }

    private Race Read(JournalRecord record) => (JsonSerializer.Deserialize(record.Json, RaceJson.Default.Race) ?? throw new JsonException("a race is null")) with
    {
        Pairs = [.. journal.Samples(Kind, record.Id).Select(s => JsonSerializer.Deserialize(s, RaceJson.Default.RacePair)!)],
    };
}

/// <summary>Source-generated JSON of races: camelCase, nulls written.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(UtcTime)])]
[JsonSerializable(typeof(Race))]
[JsonSerializable(typeof(RacePair))]
public sealed partial class RaceJson : JsonSerializerContext;
