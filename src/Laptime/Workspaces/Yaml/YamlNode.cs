using Laptime.Foundations;

namespace Laptime.Workspaces.Yaml;

internal enum YamlKind
{
    Scalar,
    List,
    Map,

    /// <summary>Refused by the reader (an alias, a tag); its problem is already told, so whoever binds it stays silent.</summary>
    Broken,
}

/// <summary>One node of a YAML file, with the place it was written at. Scalars keep their text verbatim: what it means is the binder's to say.</summary>
internal sealed class YamlNode(YamlKind kind, int line, int column, int start)
{
    private static readonly List<YamlNode> NoItems = [];
    private static readonly List<YamlEntry> NoEntries = [];

    public YamlKind Kind { get; } = kind;

    /// <summary>From 1.</summary>
    public int Line { get; } = line;

    /// <summary>From 1, in characters.</summary>
    public int Column { get; } = column;

    /// <summary>Where the node starts in the source text, quotes included.</summary>
    public int Start { get; } = start;

    /// <summary>Behind its last character in the source text.</summary>
    public int End { get; set; } = start;

    public string Text { get; init; } = "";

    /// <summary>Written without quotes and not as a block.</summary>
    public bool Plain { get; init; }

    /// <summary>The local tag (<c>!reset</c>) of a node in another tool's file; null: none.</summary>
    public string? Tag { get; set; }

    /// <summary>A mapping of which a key was refused: what seems to be missing may have been there.</summary>
    public bool Partial { get; set; }

    public List<YamlNode> Items { get; init; } = NoItems;

    public List<YamlEntry> Entries { get; init; } = NoEntries;

    /// <summary>Nothing was written, or one of YAML's words for nothing.</summary>
    public bool IsNull => Kind == YamlKind.Scalar && Plain && Text is ("" or "~" or "null" or "Null" or "NULL");

    public YamlNode? Find(string key)
    {
        foreach (var entry in Entries)
        {
            if (entry.Key.Text == key)
            {
                return entry.Value;
            }
        }

        return null;
    }

    /// <summary>What the node is, in the words of messages.</summary>
    public string Describe() => Kind switch
    {
        YamlKind.List => "a list",
        YamlKind.Map => "a mapping",
        _ when IsNull => "nothing",
        _ => $"`{ProblemList.Short(Text)}`",
    };
}

internal sealed class YamlEntry(YamlNode key, YamlNode value)
{
    public YamlNode Key { get; } = key;

    public YamlNode Value { get; } = value;

    public void Deconstruct(out YamlNode k, out YamlNode v) => (k, v) = (Key, Value);
}

/// <summary>The problems of one file, in the order of the file; all are told at once.</summary>
internal sealed class ProblemList(string file)
{
    /// <summary>A file of garbage should not print a book.</summary>
    private const int Most = 50;

    private readonly List<Told> problems = [];

    /// <summary>A class, not a tuple: lists of the framework's value types are compiled at run time, on every start.</summary>
    private sealed record Told(int Line, int Column, string What, string? Mend);

    /// <summary>How the file is called in messages.</summary>
    public string File { get; } = file;

    public int Count => problems.Count;

    public bool Any => problems.Count > 0;

    public bool Full => problems.Count >= Most;

    public void Add(YamlNode at, string what, string? mend = null) => Add(at.Line, at.Column, what, mend);

    public void Add(int line, int column, string what, string? mend = null)
    {
        if (!Full)
        {
            problems.Add(new Told(line, column, what, mend));
        }
    }

    public SourceLocation At(YamlNode node) => new(File, node.Line, node.Column);

    /// <exception cref="LapException">There are problems.</exception>
    public void ThrowIfAny()
    {
        if (!Any)
        {
            return;
        }

        var order = new int[problems.Count];
        for (var i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }

        Array.Sort(order, (a, b) =>
            problems[a].Line != problems[b].Line ? problems[a].Line - problems[b].Line : problems[a].Column != problems[b].Column ? problems[a].Column - problems[b].Column : a - b);
        var sorted = new List<Problem>(order.Length + 1);
        foreach (var i in order)
        {
            var (line, column, what, mend) = problems[i];
            sorted.Add(new Problem(what, new SourceLocation(File, line, column), mend));
        }

        if (Full)
        {
            sorted.Add(new Problem($"there may be more: only the first {Most} problems are shown", File + ":1:1"));
        }

        throw new LapException(sorted);
    }

    /// <summary>Text from the file, fit for one line of a message.</summary>
    public static string Short(string text)
    {
        var end = text.AsSpan().IndexOfAny('\r', '\n');
        var cut = end >= 0 || text.Length > 60;
        var line = end >= 0 ? text[..end] : text;
        return cut ? (line.Length > 60 ? line[..60] : line) + "…" : text;
    }

    /// <summary>The nearest valid name, or the valid names. Long nonsense is not compared: it is no typing mistake.</summary>
    public static string Suggest(string typed, IReadOnlyCollection<string> valid) =>
        NearestName.Suggest(typed.Length > 64 ? "" : typed, valid);
}
