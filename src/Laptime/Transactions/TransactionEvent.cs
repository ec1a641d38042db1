using System.Text.Json.Serialization;
using Laptime.Processes;
using Laptime.Timing;

namespace Laptime.Transactions;

/// <summary>What happens in a transaction, in order. Persisted first, then published; every renderer sees the same events.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(Began), "began")]
[JsonDerivedType(typeof(SegmentChanged), "segment")]
[JsonDerivedType(typeof(ComponentChanged), "component")]
[JsonDerivedType(typeof(Warned), "warned")]
[JsonDerivedType(typeof(Ended), "ended")]
public abstract record TransactionEvent
{
    private TransactionEvent() { }

    /// <summary>The document as it stood at the start (id, workspace, environment, trigger as far as known).</summary>
    public sealed record Began(TransactionDocument Document, ProcessOwner Owner) : TransactionEvent;

    /// <summary>A segment started (no duration) or ended.</summary>
    public sealed record SegmentChanged(Segment Segment) : TransactionEvent;

    /// <summary>A component's report as it now stands (after planning, after its build, after its rollout).</summary>
    public sealed record ComponentChanged(ComponentReport Component) : TransactionEvent;

    public sealed record Warned(string Text) : TransactionEvent;

    /// <summary>The whole document as it ended.</summary>
    public sealed record Ended(TransactionDocument Document) : TransactionEvent;

    /// <summary>The document after this event: a killed transaction's report is the fold of what was persisted.</summary>
    public TransactionDocument ApplyTo(TransactionDocument? before) => this switch
    {
        Began began => began.Document,
        Ended ended => ended.Document,
        SegmentChanged changed => before! with { Segments = Replace(before.Segments, changed.Segment, static (a, b) => a.Id == b.Id) },
        ComponentChanged changed => before! with { Components = Replace(before.Components, changed.Component, static (a, b) => a.Name == b.Name) },
        Warned warned => before! with { Warnings = [.. before.Warnings, warned.Text] },
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static List<T> Replace<T>(IReadOnlyList<T> items, T item, Func<T, T, bool> same)
    {
        var list = new List<T>(items);
        var at = list.FindIndex(i => same(i, item));
        if (at < 0)
        {
            list.Add(item);
        }
        else
        {
            list[at] = item;
        }

        return list;
    }
}
