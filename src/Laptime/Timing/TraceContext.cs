using System.Security.Cryptography;
using System.Text;

namespace Laptime.Timing;

/// <summary>
/// The ids of one transaction's spans. They follow from the transaction's id and the segment's alone, so a build step can be told its span while the
/// segment still runs, and a transaction exported again, or by the run after a killed one, has the same ids.
/// </summary>
public sealed class TraceContext
{
    private readonly string transaction;

    /// <param name="transaction">The transaction's id.</param>
    /// <param name="parent">The caller's span, which then is the parent of the whole transaction; null: a trace of its own.</param>
    /// <param name="state">The caller's TRACESTATE, passed on as it is; dropped without a parent, and when it is no header's value.</param>
    public TraceContext(string transaction, TraceParent? parent, string? state = null)
    {
        this.transaction = transaction;
        Parent = parent;
        TraceId = parent?.TraceId ?? Hex("trace", 16);
        State = parent is not null && state is { Length: > 0 and <= 8192 } && state.All(c => c is >= ' ' and <= '~') ? state : null;
        RootId = SpanId("root");
    }

    public string TraceId { get; }

    public TraceParent? Parent { get; }

    public string? State { get; }

    /// <summary>The span of the whole transaction.</summary>
    public string RootId { get; }

    public byte Flags => Parent?.Flags ?? 1;

    /// <summary>The span of a segment.</summary>
    public string SpanOf(int segment) => SpanId($"segment/{segment}");

    /// <summary>
    /// What a program gets that runs in a segment, so that its own spans hang below the segment's. What <paramref name="environment"/> sets itself stays.
    /// </summary>
    public IReadOnlyDictionary<string, string?> Into(IReadOnlyDictionary<string, string?> environment, int segment)
    {
        if (environment.ContainsKey(TraceParent.Variable))
        {
            return environment;
        }

        // Without a state of ours, that of a caller whose TRACEPARENT was refused must not go with our id.
        return new Dictionary<string, string?>(environment)
        {
            [TraceParent.Variable] = new TraceParent(TraceId, SpanOf(segment), Flags).ToString(),
            [TraceParent.StateVariable] = State,
        };
    }

    private string SpanId(string of) => Hex(of, 8);

    /// <summary>The chance of nothing but zeros, which would be no id, is 2^-64.</summary>
    private string Hex(string of, int bytes) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"laptime/{transaction}/{of}")).AsSpan(0, bytes));
}
