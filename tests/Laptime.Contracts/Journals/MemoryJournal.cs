using Laptime.Transactions;

namespace Laptime.Contracts.Journals;

/// <summary>A journal for tests: the same contract, nothing on disk.</summary>
public sealed class MemoryJournal : Journal
{
    private readonly Lock gate = new();
    private readonly List<Entry> entries = [];
    private readonly List<(JournalRecord Record, List<string> Samples)> records = [];

    public override void Begin(TransactionEvent.Began began)
    {
        lock (gate)
        {
            if (entries.Exists(e => e.Document.Id == began.Document.Id))
            {
                throw new InvalidOperationException($"{began.Document.Id} began twice");
            }

            entries.Add(new Entry(began.Document, began));
        }
    }

    public override void Append(string transaction, TransactionEvent happened)
    {
        lock (gate)
        {
            if (entries.Find(e => e.Document.Id == transaction) is { Ended: false } entry)
            {
                entry.Document = happened.ApplyTo(entry.Document);
            }
        }
    }

    public override void End(TransactionDocument document)
    {
        lock (gate)
        {
            if (entries.Find(e => e.Document.Id == document.Id) is { } entry)
            {
                entry.Document = document;
                entry.Ended = true;
            }
            else
            {
                entries.Add(new Entry(document, null) { Ended = true });
            }
        }
    }

    public override IReadOnlyList<TransactionDocument> List(string? environment, int most)
    {
        lock (gate)
        {
            return [.. entries.Select(e => e.Document).Where(d => environment is null || d.Environment == environment).Reverse()
                .OrderByDescending(d => d.Id[..18], StringComparer.Ordinal).Take(most)];
        }
    }

    public override TransactionDocument? Load(string transaction)
    {
        lock (gate)
        {
            return entries.Find(e => e.Document.Id == transaction)?.Document;
        }
    }

    public override IReadOnlyList<TransactionEvent.Began> Open()
    {
        lock (gate)
        {
            return [.. entries.Where(e => !e.Ended).Select(e => e.Began!)];
        }
    }

    public override void Save(JournalRecord record)
    {
        lock (gate)
        {
            var at = IndexOf(record.Kind, record.Id);
            if (at < 0)
            {
                records.Add((record, []));
            }
            else
            {
                records[at] = (record with { At = records[at].Record.At }, records[at].Samples);
            }
        }
    }

    public override void AddSample(string kind, string id, string json)
    {
        lock (gate)
        {
            var at = IndexOf(kind, id);
            if (at < 0)
            {
                throw new InvalidOperationException($"there is no {kind} {id} to add a sample to");
            }

            records[at].Samples.Add(json);
        }
    }

    public override IReadOnlyList<JournalRecord> Records(string kind)
    {
        lock (gate)
        {
            return [.. records.Select(r => r.Record).Where(r => r.Kind == kind).Reverse().OrderByDescending(r => r.At)];
        }
    }

    public override JournalRecord? FindRecord(string kind, string id)
    {
        lock (gate)
        {
            return IndexOf(kind, id) is >= 0 and var at ? records[at].Record : null;
        }
    }

    public override IReadOnlyList<string> Samples(string kind, string id)
    {
        lock (gate)
        {
            return IndexOf(kind, id) is >= 0 and var at ? [.. records[at].Samples] : [];
        }
    }

    public override bool Remove(string kind, string id)
    {
        lock (gate)
        {
            return records.RemoveAll(r => r.Record.Kind == kind && r.Record.Id == id) > 0;
        }
    }

    public override void Dispose() { }

    private int IndexOf(string kind, string id) => records.FindIndex(r => r.Record.Kind == kind && r.Record.Id == id);

    private sealed class Entry(TransactionDocument document, TransactionEvent.Began? began)
    {
        public TransactionDocument Document { get; set; } = document;

        public TransactionEvent.Began? Began { get; } = began;

        public bool Ended { get; set; }
    }
}
