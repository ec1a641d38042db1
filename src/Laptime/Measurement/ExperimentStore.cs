using System.Text.Json;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Transactions;

namespace Laptime.Measurement;

/// <summary>The experiments in the journal.</summary>
public sealed class ExperimentStore(Journal journal)
{
    private const string Kind = "experiment";

    /// <summary>Begins one: durable when it returns.</summary>
    public void Start(Experiment experiment)
    {
        Save(experiment);
        foreach (var fingerprint in experiment.At.Components)
        {
            journal.AddSample(Kind, experiment.Id, JsonSerializer.Serialize(
                new KeptFingerprint(fingerprint.Component, Convert.ToBase64String(FingerprintRecord.ToBytes(fingerprint))), ExperimentJson.Default.KeptFingerprint));
        }
    }

    public void Save(Experiment experiment) =>
        journal.Save(new JournalRecord(Kind, experiment.Id, experiment.StartedAt, JsonSerializer.Serialize(experiment, ExperimentJson.Default.Experiment)));

    /// <summary>Without the parts of their fingerprints, the newest first.</summary>
    public IReadOnlyList<Experiment> All() => [.. journal.Records(Kind).Select(Read)];

    /// <exception cref="LapException">There is one of that name.</exception>
    public void CheckNew(string name)
    {
        if (All().FirstOrDefault(e => e.Name == name) is { } other)
        {
            throw new LapException($"there is an experiment {name} already (of {other.StartedAt.UtcDateTime:yyyy-MM-dd HH:mm}Z)", "NAME", "give another name");
        }
    }

    /// <summary>By name or id, with the parts of its fingerprints; null: the one that is open.</summary>
    /// <exception cref="LapException">There is none, or more than one.</exception>
    public Experiment Find(string? name, bool open = false)
    {
        var all = All();
        if (name is null)
        {
            var candidates = open ? [.. all.Where(e => e.State == "open")] : all;
            return candidates switch
            {
                [] => throw new LapException(open ? "no experiment is open" : "there is no experiment yet", null, "lap experiment start NAME --hypothesis TEXT"),
                [var one] => WithParts(one),
                _ when !open => WithParts(candidates[0]),
                _ => throw new LapException($"{candidates.Count} experiments are open", null, $"name one: {string.Join(", ", candidates.Select(e => e.Name))}"),
            };
        }

        return WithParts(all.FirstOrDefault(e => e.Name == name || e.Id == name)
            ?? throw new LapException(
                $"there is no experiment {name}", null,
                all.Count == 0 ? "lap experiment start NAME --hypothesis TEXT" : NearestName.Suggest(name, [.. all.Select(e => e.Name)])));
    }

    private Experiment WithParts(Experiment experiment) => experiment with
    {
        At = experiment.At with
        {
            Components =
            [
                .. journal.Samples(Kind, experiment.Id).Select(s => JsonSerializer.Deserialize(s, ExperimentJson.Default.KeptFingerprint)!)
                    .Select(k => FingerprintRecord.FromBytes(Convert.FromBase64String(k.Parts))).OfType<ComponentFingerprint>(),
            ],
        },
    };

    private static Experiment Read(JournalRecord record) =>
        JsonSerializer.Deserialize(record.Json, ExperimentJson.Default.Experiment) ?? throw new JsonException("an experiment is null");
}
