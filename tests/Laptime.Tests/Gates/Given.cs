using Laptime.Fingerprints;
using Laptime.Gates;

namespace Laptime.Tests.Gates;

/// <summary>Records as people make them, without files.</summary>
internal sealed class Given
{
    private readonly List<StoredRecord> records = [];
    private int clock;

    public static GateItem Item { get; } = new() { Id = "tests", Text = "The tests pass.", Check = ["./test"], Shell = true };

    public IReadOnlyList<StoredRecord> Records => records;

    public static GatePerson Person(string name) => new(name, $"{name.ToLowerInvariant()}@example.org");

    public StoredRecord Claim(string by, string inputs = "now", string? key = null) => Add(new GateRecord { Kind = "claim", Item = "tests", At = default, By = Person(by), After = [], Revision = "r-" + inputs, Definition = "d", Inputs = inputs }, key);

    public StoredRecord Verdict(string by, StoredRecord claim, bool pass, string? key = null) => Add(
        new GateRecord
        {
            Kind = pass ? "pass" : "fail", Item = "tests", At = default, By = Person(by), After = [], Revision = claim.Record.Revision, Definition = "d", Claim = claim.Digest.ToString(),
            Difference = pass ? null : "exit code 1",
        }, key);

    public StoredRecord Veto(string by, string reason = "no") => Add(new GateRecord { Kind = "veto", Item = "tests", At = default, By = Person(by), After = [], Reason = reason }, null);

    public StoredRecord Lift(string by, StoredRecord veto) => Add(new GateRecord { Kind = "lift", Item = "tests", At = default, By = Person(by), After = [], Reason = "yes", Veto = veto.Digest.ToString() }, null);

    public void Forget(StoredRecord record) => records.Remove(record);

    /// <summary>Claims of inputs other than `now` are stale.</summary>
    public GateStanding Judge(bool signed = false, params GateTrouble[] troubles) =>
        GateJudge.Of(Item, records, troubles, signed, c => c.Record.Inputs == "now" ? null : new GateStale("src/a.c", "0123456789abcdef", "change"));

    private StoredRecord Add(GateRecord record, string? key)
    {
        record = record with { After = GateJudge.Heads(records), At = DateTimeOffset.UnixEpoch.AddMinutes(++clock), Key = key };
        var stored = new StoredRecord(Digest.Of(record.ToBytes()), record, $"gates/tests/{clock}.json", key is null || key.StartsWith("unknown", StringComparison.Ordinal) ? null : key);
        records.Add(stored);
        return stored;
    }
}
