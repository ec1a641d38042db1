namespace Laptime.Foundations;

/// <summary>One thing the user has to mend: what happened, where, and how to mend it.</summary>
public sealed record Problem(string What, string? Where = null, string? Mend = null)
{
    public Problem(string what, SourceLocation at, string? mend = null) : this(what, at.ToString(), mend) { }

    public override string ToString() =>
        (Where is null ? What : $"{Where}: {What}") + (Mend is null ? "" : $"\n  mend: {Mend}");
}

/// <summary>
/// The user's own mistake (command line or laptime.yaml): shown without a stack, exit code 2.
/// Problems of one kind are reported together.
/// </summary>
public sealed class LapException : Exception
{
    public LapException(IReadOnlyList<Problem> problems) : base(string.Join('\n', problems)) => Problems = problems;

    public LapException(string what, string? where = null, string? mend = null) : this([new Problem(what, where, mend)]) { }

    public IReadOnlyList<Problem> Problems { get; }
}
