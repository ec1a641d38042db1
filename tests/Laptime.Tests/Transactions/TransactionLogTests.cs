using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Timing;
using Laptime.Transactions;

namespace Laptime.Tests.Transactions;

/// <summary>The events of a transaction, what is persisted of them and what a killed run leaves. With the real journal where it matters.</summary>
public sealed class TransactionLogTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly List<string> told = [];
    private readonly Recording journal;

    public TransactionLogTests() => journal = new Recording(told);

    public void Dispose()
    {
        journal.Dispose();
        folder.Dispose();
    }

    private static TransactionDocument Document(string id = "tx-20261121-110329-000001") => new()
    {
        Id = id, Workspace = "shop", Environment = "local", Target = "process", Loop = "fast",
    };

    private static Segment Segment(int id, double? seconds = null, string name = "detect", string? component = null) =>
        new() { Id = id, Name = name, Component = component, Start = id, Seconds = seconds, Outcome = seconds is null ? null : "ok" };

    private static ComponentReport Component(string name, string action) => new() { Name = name, Action = action, Cause = "forced" };

    private TransactionLog Log(Func<Journal>? open = null)
    {
        var log = new TransactionLog(open ?? (() => journal), e => told.Add("publish " + e.GetType().Name));
        log.Open(Document());
        return log;
    }

    [Fact]
    public void Every_event_is_persisted_and_then_published()
    {
        var log = Log();
        log.Begin(ProcessOwner.Current());
        log.Segment(Segment(1));
        log.Warn("careful");
        log.End(log.Document with { Outcome = "ok" });
        Assert.Equal(
            ["begin 0 0", "append SegmentChanged", "publish SegmentChanged", "append Warned", "publish Warned", "end ok", "publish Ended"], told);
    }

    [Fact]
    public void Before_the_beginning_nothing_is_persisted_and_the_beginning_holds_what_came_before()
    {
        var log = Log();
        log.Segment(Segment(1, 0.5));
        log.Component(Component("app", "build"));
        Assert.Equal(["publish SegmentChanged", "publish ComponentChanged"], told);
        log.Begin(ProcessOwner.Current());
        Assert.Equal("begin 1 1", told[^1]);
    }

    [Fact]
    public void A_run_without_a_beginning_opens_no_journal_until_it_ends()
    {
        var opened = 0;
        var log = Log(() =>
        {
            opened++;
            return journal;
        });
        log.Segment(Segment(1, 0.5));
        log.Change(d => d with { ParityGaps = ["gap"] });
        Assert.Equal(0, opened);
        log.End(log.Document with { Outcome = "unchanged" });
        Assert.Equal(["publish SegmentChanged", "begin 1 0", "end unchanged", "publish Ended"], told);
    }

    [Fact]
    public void What_cannot_be_persisted_is_not_published()
    {
        var log = Log(() => throw new IOException("no space"));
        Assert.Throws<IOException>(() => log.Begin(ProcessOwner.Current()));
        Assert.Throws<IOException>(() => log.End(Document()));
        Assert.Empty(told);
    }

    [Fact]
    public async Task From_many_threads_the_journal_and_the_listeners_see_one_order()
    {
        var log = Log();
        log.Begin(ProcessOwner.Current());
        await Task.WhenAll(Enumerable.Range(0, 8).Select(t => Task.Run(() =>
        {
            for (var i = 0; i < 50; i++)
            {
                log.Warn($"{t}.{i}");
            }
        }, TestContext.Current.CancellationToken)));
        Assert.Equal(400, log.Document.Warnings.Count);
        Assert.Equal(400, journal.Load(log.Document.Id)!.Warnings.Count);
        Assert.All(told.Skip(1).Chunk(2), pair => Assert.Equal(["append Warned", "publish Warned"], pair));
    }

    [Fact]
    public void The_document_is_the_fold_of_the_events()
    {
        TransactionEvent[] events =
        [
            new TransactionEvent.Began(Document(), ProcessOwner.Current()),
            new TransactionEvent.SegmentChanged(Segment(1)),
            new TransactionEvent.ComponentChanged(Component("a", "build")),
            new TransactionEvent.SegmentChanged(Segment(2)),
            new TransactionEvent.ComponentChanged(Component("b", "skip")),
            new TransactionEvent.SegmentChanged(Segment(1, 0.25)),
            new TransactionEvent.ComponentChanged(Component("a", "build+rollout")),
            new TransactionEvent.Warned("one"),
            new TransactionEvent.Warned("two"),
        ];
        var folded = events.Aggregate((TransactionDocument?)null, (d, e) => e.ApplyTo(d))!;
        Assert.Equal([(1, 0.25), (2, null)], folded.Segments.Select(s => (s.Id, s.Seconds)));
        Assert.Equal([("a", "build+rollout"), ("b", "skip")], folded.Components.Select(c => (c.Name, c.Action)));
        Assert.Equal(["one", "two"], folded.Warnings);
        var end = Document() with { Outcome = "ok" };
        Assert.Same(end, new TransactionEvent.Ended(end).ApplyTo(folded));
    }

    [Fact]
    public void A_killed_run_is_closed_as_interrupted_with_what_was_persisted_and_no_invented_end()
    {
        using var real = Storage.Sqlite.SqliteJournal.Open(folder.At("journal.db"));
        var log = Log(() => real);
        log.Begin(ProcessOwner.Current() with { Pid = 4711, StartTicks = 1 });
        log.Segment(Segment(1, 0.5));
        log.Segment(Segment(2, name: "build/compile", component: "app"));
        var closed = Assert.Single(Recovery.CloseAbandoned(real));
        Assert.Equal(("interrupted", null), (closed.Outcome, closed.ExitCode));
        Assert.Null(closed.Interval);
        Assert.Equal([0.5, null], closed.Segments.Select(s => s.Seconds));
        Assert.Contains("pid 4711", closed.Failure!.Message, StringComparison.Ordinal);
        Assert.Contains("in app: build/compile", closed.Failure.Message, StringComparison.Ordinal);
        Assert.Equal("interrupted", real.Load(closed.Id)!.Outcome);
        Assert.Empty(real.Open());
        Assert.Empty(Recovery.CloseAbandoned(real));
    }

    [Fact]
    public void A_live_owner_and_one_that_nobody_here_can_ask_are_left_alone()
    {
        journal.Begin(new TransactionEvent.Began(Document("tx-20261121-110329-000001"), ProcessOwner.Current()));
        journal.Begin(new TransactionEvent.Began(Document("tx-20261121-110329-000002"), ProcessOwner.Current() with { Host = "another-host", StartTicks = 1 }));
        Assert.Empty(Recovery.CloseAbandoned(journal));
        Assert.Equal(2, journal.Open().Count);
    }

    /// <summary>A journal that also says what it was told, in order.</summary>
    private sealed class Recording(List<string> told) : Journal
    {
        private readonly Dictionary<string, (TransactionDocument Document, TransactionEvent.Began Began, bool Ended)> entries = [];

        public override void Begin(TransactionEvent.Began began)
        {
            told.Add($"begin {began.Document.Segments.Count} {began.Document.Components.Count}");
            entries.Add(began.Document.Id, (began.Document, began, false));
        }

        public override void Append(string transaction, TransactionEvent happened)
        {
            told.Add("append " + happened.GetType().Name);
            entries[transaction] = entries[transaction] with { Document = happened.ApplyTo(entries[transaction].Document) };
        }

        public override void End(TransactionDocument document)
        {
            told.Add("end " + document.Outcome);
            entries[document.Id] = entries[document.Id] with { Document = document, Ended = true };
        }

        public override IReadOnlyList<TransactionDocument> List(string? environment, int most) => [.. entries.Values.Select(e => e.Document)];

        public override TransactionDocument? Load(string transaction) => entries.TryGetValue(transaction, out var entry) ? entry.Document : null;

        public override IReadOnlyList<TransactionEvent.Began> Open() => [.. entries.Values.Where(e => !e.Ended).Select(e => e.Began)];

        public override void Save(JournalRecord record) => told.Add($"save {record.Kind}");

        public override void AddSample(string kind, string id, string json) => told.Add($"sample {kind}");

        public override IReadOnlyList<JournalRecord> Records(string kind) => [];

        public override JournalRecord? FindRecord(string kind, string id) => null;

        public override IReadOnlyList<string> Samples(string kind, string id) => [];

        public override bool Remove(string kind, string id) => false;

        public override void Dispose() { }
    }
}
