using Laptime.Foundations;

namespace Laptime.Measurement;

/// <summary>One side of a race, as the command line names it: a git revision, the working tree, or one setting on the working tree.</summary>
public abstract record RaceSide
{
    private RaceSide() { }

    /// <summary>The grammar, for help and messages.</summary>
    public const string Grammar = "a git revision (branch, tag, sha), `.` (the working tree as it is), profile:NAME, env:NAME or var:NAME=VALUE";

    /// <summary>As it was written.</summary>
    public required string Text { get; init; }

    /// <summary>A branch, a tag, a sha: whatever git takes for a commit.</summary>
    public sealed record Revision(string Name) : RaceSide;

    /// <summary>The working tree as it is, uncommitted changes and new files included, what git ignores left out.</summary>
    public sealed record WorkingTree : RaceSide;

    /// <summary>The working tree, with this profile.</summary>
    public sealed record Profile(string Name) : RaceSide;

    /// <summary>The working tree, to this environment.</summary>
    public sealed record InEnvironment(string Name) : RaceSide;

    /// <summary>The working tree, with this environment variable for lap, the steps and the instances.</summary>
    public sealed record Variable(string Name, string Value) : RaceSide;

    /// <summary>Whether it is a state of the sources; otherwise it is a setting.</summary>
    public bool IsSource => this is Revision or WorkingTree;

    /// <exception cref="LapException">It is none of these.</exception>
    public static RaceSide Parse(string text)
    {
        if (text == ".")
        {
            return new WorkingTree { Text = text };
        }

        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0)
        {
            // No revision starts with a dash; git would take it for an option.
            return text.Length == 0 || text[0] == '-' ? throw Bad(text, Grammar) : new Revision(text) { Text = text };
        }

        var (kind, rest) = (text[..colon], text[(colon + 1)..]);
        switch (kind)
        {
            case "profile" when rest.Length > 0:
                return new Profile(rest) { Text = text };
            case "env" when rest.Length > 0:
                return new InEnvironment(rest) { Text = text };
            case "var" when rest.IndexOf('=', StringComparison.Ordinal) is > 0 and var equals:
                return new Variable(rest[..equals], rest[(equals + 1)..]) { Text = text };
            case "var":
                throw Bad(text, "write var:NAME=VALUE; `var:NAME=` is the empty value");
            case "profile" or "env":
                throw Bad(text, $"write {kind}:NAME");
            default:
                throw Bad(text, NearestName.Of(kind, ["profile", "env", "var"]) is { } near ? $"did you mean {near}:{rest}? A side is {Grammar}" : $"a side is {Grammar}");
        }
    }

    /// <summary>Two sides that can be raced: they differ in one thing.</summary>
    /// <exception cref="LapException">A revision against a setting would change two things at once.</exception>
    public static void Check(RaceSide a, RaceSide b)
    {
        if ((a is Revision && !b.IsSource) || (b is Revision && !a.IsSource))
        {
            throw new LapException(
                $"{a.Text} against {b.Text} would change two things at once, the sources and a setting", null,
                "race two revisions, or two settings of the working tree; `.` goes with both");
        }

        if (!a.IsSource && !b.IsSource && a.GetType() != b.GetType())
        {
            throw new LapException($"{a.Text} against {b.Text} would change two settings at once", null, "race two values of one setting, or one value against `.`");
        }

        if (a is Variable one && b is Variable other && one.Name != other.Name)
        {
            throw new LapException($"{a.Text} against {b.Text} would change two variables at once", null, $"race var:{one.Name}=... against var:{one.Name}=..., or against `.`");
        }
    }

    private static LapException Bad(string text, string mend) => new($"`{text}` is no side of a race", null, mend);
}
