using System.Text.Json;
using Laptime.Foundations;
using Laptime.Transactions;

namespace Laptime.Measurement;

/// <summary>The baselines in the journal. A run is kept the moment it is over: what is killed later loses nothing of it.</summary>
public sealed class BaselineStore(Journal journal)
{
    private const string Kind = "baseline";

    /// <summary>Keeps everything but the samples.</summary>
    /// <exception cref="LapException">Another baseline has that name.</exception>
    public void Save(Baseline baseline)
    {
        if (All().FirstOrDefault(b => b.Name == baseline.Name && b.Id != baseline.Id) is { } other)
        {
            throw new LapException(
                $"there is a baseline {baseline.Name} already (of {other.At.UtcDateTime:yyyy-MM-dd HH:mm}Z)", "--name",
                $"give another name, or take that one away: lap baseline rm {baseline.Name}");
        }

        journal.Save(new JournalRecord(Kind, baseline.Id, baseline.At, JsonSerializer.Serialize(baseline with { Samples = [] }, BaselineJson.Default.Baseline)));
    }

    public void Add(Baseline baseline, BaselineSample sample) =>
        journal.AddSample(Kind, baseline.Id, JsonSerializer.Serialize(sample, BaselineJson.Default.BaselineSample));

    /// <summary>With their samples, the newest first.</summary>
    public IReadOnlyList<Baseline> All() => [.. journal.Records(Kind).Select(Read)];

    /// <summary>By name, by id, or by the beginning of an id; `last` is the newest.</summary>
    /// <exception cref="LapException">There is none, or more than one.</exception>
    public Baseline Find(string name)
    {
        var all = All();
        if (name == "last" && all.Count > 0)
        {
            return all[0];
        }

        if (all.FirstOrDefault(b => b.Name == name || b.Id == name) is { } exact)
        {
            return exact;
        }

        var begun = all.Where(b => name.Length >= 4 && b.Id.StartsWith(name, StringComparison.Ordinal)).ToList();
        return begun switch
        {
            [var one] => one,
            [] => throw new LapException(
                $"there is no baseline {name}", null,
                all.Count == 0 ? "record one: lap baseline record warm" : NearestName.Suggest(name, [.. all.Select(b => b.Name)])),
            _ => throw new LapException($"{name} is the beginning of several baselines", null, $"name one: {string.Join(", ", begun.Select(b => b.Name))}"),
        };
    }

    public void Remove(Baseline baseline) => journal.Remove(Kind, baseline.Id);

    private Baseline Read(JournalRecord record) =>
        (JsonSerializer.Deserialize(record.Json, BaselineJson.Default.Baseline) ?? throw new JsonException("a baseline is null")) with
        {
            Samples = [.. journal.Samples(Kind, record.Id).Select(s => JsonSerializer.Deserialize(s, BaselineJson.Default.BaselineSample)!)],
        };
}
