using System.Globalization;

namespace Laptime.Ledgers.Behaviour;

/// <summary>From what was observed to an answer, with every meter told. Nothing that was not seen counts for "changes nothing".</summary>
public static class TrialJudge
{
    public static Trial Judge(TrialFacts facts)
    {
        var meters = new List<MeterReading>();
        if (facts.FirstError is { } first)
        {
            meters.Add(new MeterReading("error", $"the first application failed: {first}", false));
            return new Trial(Answer.Unknown, $"it could not be applied once: {first}", meters) { Ran = true };
        }

        if (facts.SecondError is { } second)
        {
            meters.Add(new MeterReading("error", $"the second application failed: {second}", true));
            return new Trial(Answer.No, $"applied a second time it fails: {second}", meters) { Ran = true };
        }

        meters.Add(new MeterReading("error", "both applications went through", false));
        meters.Add(Of("schema", facts.Catalog, "differ", $"{Number(facts.ObjectsRead)} objects of the catalog are the same"));
        meters.Add(facts.ContentUnread is { } unread
            ? new MeterReading("content", $"the rows were not read: {unread}", false)
            : Of("content", facts.Content, "differ", $"the rows of {Number(facts.TablesRead)} tables are the same"));
        meters.Add(Of("tables", facts.Remade, "dropped and made anew, rows lost", "none was made anew"));
        if (facts.InvalidIndexes.Count > 0)
        {
            meters.Add(new MeterReading("indexes", $"passed over, and not valid: {List(facts.InvalidIndexes)}", true));
        }

        meters.Add(new MeterReading("sequences", facts.Sequences.Count > 0 ? $"moved on: {List(facts.Sequences)}" : "none moved", false));
        if (facts.RowsWritten is { } rows)
        {
            meters.Add(new MeterReading("rows", $"{Number(rows)} rows were written the second time", false));
        }

        if (facts.Wal is { } wal)
        {
            meters.Add(new MeterReading("wal", wal == 0 ? "0 bytes the second time: nothing was written" : $"{Number(wal)} bytes the second time (other sessions' are in it)", false));
        }

        if (facts.FileChanges is { } changes)
        {
            meters.Add(new MeterReading("changes", changes == 0 ? "the file was not written the second time" : $"{Number(changes)} transactions wrote to the file the second time", false));
        }

        if (facts.Notices.Count > 0)
        {
            meters.Add(new MeterReading("notices", List(facts.Notices), false));
        }

        if (facts.Rowless.Count > 0)
        {
            meters.Add(new MeterReading("rows", $"nothing to act on: {List(facts.Rowless)}", false));
        }

        var (answer, why) = facts switch
        {
            { InvalidIndexes.Count: > 0 } => (Answer.No, $"IF NOT EXISTS passes over {List(facts.InvalidIndexes)}, which is there and not valid"),
            { Remade.Count: > 0 } => (Answer.No, $"each application drops and makes anew {List(facts.Remade)}: the rows are lost"),
            { Content.Count: > 0 } => (Answer.No, $"both applications succeed, and the second changes rows: {List(facts.Content)}"),
            { Catalog.Count: > 0 } => (Answer.No, $"both applications succeed, and the second changes the schema: {List(facts.Catalog)}"),
            { ContentUnread: { } cause } => (Answer.Unknown, $"the schema stays the same; the rows were not read: {cause}"),
            { Rowless.Count: > 0 } => (Answer.Unknown, $"there were no rows for {facts.Rowless[0]}: it shows only with rows"),
            { Sequences.Count: > 0 } => (Answer.Yes, "the second application changes nothing but sequences"),
            { Wal: 0 } or { FileChanges: 0, RowsWritten: 0 } => (Answer.Yes, "the second application writes nothing at all"),
            _ => (Answer.Yes, "the second application changes nothing"),
        };
        return new Trial(answer, why, meters) { Ran = true };
    }

    private static MeterReading Of(string meter, IReadOnlyList<string> differing, string verb, string same) =>
        differing.Count > 0 ? new MeterReading(meter, $"{verb}: {List(differing)}", true) : new MeterReading(meter, same, false);

    private static string List(IReadOnlyList<string> things) => things.Count <= 5 ? string.Join(", ", things) : string.Join(", ", things.Take(5)) + $" and {things.Count - 5} more";

    private static string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
