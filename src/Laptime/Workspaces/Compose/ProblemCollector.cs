using Laptime.Foundations;

namespace Laptime.Workspaces.Compose;

/// <summary>Problems of several files that are read as one, in the order of files and lines; all are told at once.</summary>
internal sealed class ProblemCollector
{
    private readonly List<(SourceLocation At, string What, string? Mend)> problems = [];

    public bool Any => problems.Count > 0;

    public void Add(SourceLocation at, string what, string? mend = null)
    {
        if (!problems.Exists(p => p.At == at && p.What == what))
        {
            problems.Add((at, what, mend));
        }
    }

    /// <exception cref="LapException">There are problems.</exception>
    public void ThrowIfAny()
    {
        if (Any)
        {
            throw new LapException([.. problems.OrderBy(p => p.At.File, StringComparer.Ordinal).ThenBy(p => p.At.Line).ThenBy(p => p.At.Column).Select(p => new Problem(p.What, p.At, p.Mend))]);
        }
    }
}
