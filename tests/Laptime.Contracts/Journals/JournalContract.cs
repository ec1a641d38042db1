using System.Text.Json;
using Laptime.Processes;
using Laptime.Timing;
using Laptime.Transactions;

namespace Laptime.Contracts.Journals;

/// <summary>What holds for every journal.</summary>
public abstract class JournalContract
{
    protected abstract Journal Create();

    [Fact]
    public void An_ended_transaction_is_loaded_as_it_ended()
    {
        using var journal = Create();
        journal.Begin(Samples.Began(1));
        journal.Append(Samples.Id(1), new TransactionEvent.Warned("on the way"));
        var ended = Samples.Document(1) with { Outcome = "reflected", ExitCode = 0, Warnings = ["at the end"] };
        journal.End(ended);
        Assert.Equal(Json(ended), Json(journal.Load(Samples.Id(1))));
        Assert.Empty(journal.Open());
    }

    [Fact]
    public void A_killed_transaction_is_the_fold_of_what_was_appended()
    {
        using var journal = Create();
        journal.Begin(Samples.Began(1));
        journal.Append(Samples.Id(1), new TransactionEvent.SegmentChanged(new Segment { Id = 1, Name = "detect", Start = 0 }));
        journal.Append(Samples.Id(1), new TransactionEvent.SegmentChanged(new Segment { Id = 1, Name = "detect", Start = 0, Seconds = 0.5, Outcome = "ok" }));
        journal.Append(Samples.Id(1), new TransactionEvent.SegmentChanged(new Segment { Id = 2, Name = "build/compile", Start = 0.5, Component = "日本" }));
        journal.Append(Samples.Id(1), new TransactionEvent.ComponentChanged(new ComponentReport { Name = "日本", Action = "build", Cause = "forced" }));
        journal.Append(Samples.Id(1), new TransactionEvent.Warned("careful"));
        var document = journal.Load(Samples.Id(1))!;
        Assert.Null(document.Outcome);
        Assert.Equal([0.5, null], document.Segments.Select(s => s.Seconds));
        Assert.Equal("日本", Assert.Single(document.Components).Name);
        Assert.Equal(["careful"], document.Warnings);
        var open = Assert.Single(journal.Open());
        Assert.Equal(Samples.Began(1).Owner, open.Owner);
        Assert.Equal(Samples.Id(1), open.Document.Id);
    }

    [Fact]
    public void The_newest_comes_first_and_no_more_than_asked()
    {
        using var journal = Create();
        for (var i = 1; i <= 5; i++)
        {
            journal.Begin(Samples.Began(i));
            journal.End(Samples.Document(i));
        }

        journal.Begin(Samples.Began(6));
        Assert.Equal([Samples.Id(6), Samples.Id(5), Samples.Id(4)], journal.List(null, 3).Select(d => d.Id));
        Assert.Equal(6, journal.List(null, 100).Count);
        Assert.Empty(journal.List(null, 0));
    }

    [Fact]
    public void Of_the_same_second_the_one_that_began_last_is_the_newest()
    {
        using var journal = Create();
        foreach (var tail in new[] { "ffffff", "000000", "888888" })
        {
            journal.End(Samples.Document(1) with { Id = "tx-20261121-120000-" + tail });
        }

        Assert.Equal(["888888", "000000", "ffffff"], journal.List(null, 9).Select(d => d.Id[19..]));
    }

    [Fact]
    public void A_list_can_be_of_one_environment()
    {
        using var journal = Create();
        journal.End(Samples.Document(1));
        journal.End(Samples.Document(2) with { Environment = "stag'ing" });
        Assert.Equal([Samples.Id(2)], journal.List("stag'ing", 9).Select(d => d.Id));
        Assert.Empty(journal.List("production", 9));
    }

    [Fact]
    public void Ending_twice_keeps_the_later_document()
    {
        using var journal = Create();
        journal.Begin(Samples.Began(1));
        journal.End(Samples.Document(1) with { Outcome = "interrupted" });
        journal.End(Samples.Document(1) with { Outcome = "reflected" });
        Assert.Equal("reflected", journal.Load(Samples.Id(1))!.Outcome);
        Assert.Single(journal.List(null, 9));
    }

    [Fact]
    public void What_was_never_begun_is_unknown()
    {
        using var journal = Create();
        Assert.Null(journal.Load(Samples.Id(1)));
        Assert.Empty(journal.List(null, 9));
        Assert.Empty(journal.Open());
    }

    [Fact]
    public void Several_threads_append_without_losing_anything()
    {
        using var journal = Create();
        journal.Begin(Samples.Began(1));
        Parallel.For(0, 200, i => journal.Append(Samples.Id(1), new TransactionEvent.Warned($"{i}")));
        Assert.Equal(Enumerable.Range(0, 200), journal.Load(Samples.Id(1))!.Warnings.Select(int.Parse).Order());
    }

    [Fact]
    public void Records_are_kept_by_kind_and_id_with_their_samples_in_order()
    {
        using var journal = Create();
        journal.Save(Samples.Record("baseline", "b1", 1, "{\"n\":1}"));
        journal.Save(Samples.Record("baseline", "日'b", 2));
        journal.Save(Samples.Record("race", "b1", 3, "{\"race\":true}"));
        journal.AddSample("baseline", "b1", "{\"run\":1}");
        journal.AddSample("race", "b1", "{\"pair\":1}");
        journal.AddSample("baseline", "b1", "{\"run\":2}");
        Assert.Equal(Samples.Record("baseline", "b1", 1, "{\"n\":1}"), journal.FindRecord("baseline", "b1"));
        Assert.Equal(["日'b", "b1"], journal.Records("baseline").Select(r => r.Id));
        Assert.Equal(["{\"run\":1}", "{\"run\":2}"], journal.Samples("baseline", "b1"));
        Assert.Equal(["{\"pair\":1}"], journal.Samples("race", "b1"));
        Assert.Empty(journal.List(null, 9));
    }

    [Fact]
    public void A_record_saved_again_is_replaced_and_keeps_its_place_and_its_samples()
    {
        using var journal = Create();
        journal.Save(Samples.Record("baseline", "b1", 1, "{}"));
        journal.AddSample("baseline", "b1", "{\"run\":1}");
        journal.Save(Samples.Record("baseline", "b2", 2));
        journal.Save(Samples.Record("baseline", "b1", 9, "{\"ended\":true}"));
        Assert.Equal(["b2", "b1"], journal.Records("baseline").Select(r => r.Id));
        Assert.Equal(Samples.Record("baseline", "b1", 1, "{\"ended\":true}"), journal.FindRecord("baseline", "b1"));
        Assert.Equal(["{\"run\":1}"], journal.Samples("baseline", "b1"));
    }

    [Fact]
    public void A_record_that_was_removed_is_gone_with_its_samples()
    {
        using var journal = Create();
        journal.Save(Samples.Record("baseline", "b1", 1));
        journal.AddSample("baseline", "b1", "{}");
        Assert.False(journal.Remove("race", "b1"));
        Assert.True(journal.Remove("baseline", "b1"));
        Assert.False(journal.Remove("baseline", "b1"));
        journal.Save(Samples.Record("baseline", "b1", 1));
        Assert.Empty(journal.Samples("baseline", "b1"));
    }

    [Fact]
    public void What_was_never_saved_is_unknown_and_takes_no_samples()
    {
        using var journal = Create();
        Assert.Null(journal.FindRecord("baseline", "b1"));
        Assert.Empty(journal.Records("baseline"));
        Assert.Empty(journal.Samples("baseline", "b1"));
        Assert.Throws<InvalidOperationException>(() => journal.AddSample("baseline", "b1", "{}"));
    }

    protected static string Json(TransactionDocument? document) => JsonSerializer.Serialize(document!, TransactionJson.Default.TransactionDocument);
}

public sealed class MemoryJournalContract : JournalContract
{
    protected override Journal Create() => new MemoryJournal();
}

internal static class Samples
{
    public static string Id(int second) => $"tx-20261121-1200{second:00}-00000{second % 10}";

    public static TransactionDocument Document(int second) => new()
    {
        Id = Id(second), Workspace = "shop", Environment = "local", Target = "process", Loop = "fast", Profile = "fast",
        Trigger = new TriggerReport("save", new DateTimeOffset(2026, 11, 21, 12, 0, second, TimeSpan.Zero).AddTicks(1234567), null, true),
    };

    public static JournalRecord Record(string kind, string id, int second, string json = "{}") =>
        new(kind, id, new DateTimeOffset(2026, 11, 21, 12, 0, second, TimeSpan.Zero).AddTicks(7654321), json);

    public static TransactionEvent.Began Began(int second) => new(Document(second), new ProcessOwner("ada", "mill", 4711, 123456789012, "boot"));
}
