using Laptime.Foundations;
using Laptime.Workspaces.Yaml;

namespace Laptime.Workspaces.Compose;

/// <summary>
/// One node of a compose file as compose means it: aliases and merge keys followed, with the place it was written at. Several files are joined in this
/// form, so every node knows its file. Nodes are shared and never changed; joining makes new ones.
/// </summary>
internal sealed record ComposeNode(YamlKind Kind, SourceLocation At)
{
    public static readonly ComposeNode Nothing = new(YamlKind.Map, new SourceLocation("", 1, 1));

    public string Text { get; init; } = "";

    /// <summary>Written without quotes: <c>2</c> is a number then, and a text otherwise.</summary>
    public bool Plain { get; init; }

    /// <summary>A variable was put in: what comes out has the type that its key wants, with or without quotes.</summary>
    public bool Substituted { get; init; }

    /// <summary><c>!reset</c> (the key is taken away from the file before) or <c>!override</c> (it is replaced, not joined).</summary>
    public string? Tag { get; init; }

    public IReadOnlyList<ComposeNode> Items { get; init; } = [];

    public IReadOnlyList<ComposeEntry> Entries { get; init; } = [];

    public bool IsNull => Kind == YamlKind.Scalar && Plain && !Substituted && Text is ("" or "~" or "null" or "Null" or "NULL");

    public ComposeNode? this[string key]
    {
        get
        {
            foreach (var entry in Entries)
            {
                if (entry.Key == key)
                {
                    return entry.Value;
                }
            }

            return null;
        }
    }

    /// <summary>As <see cref="this"/>, without what is written as nothing.</summary>
    public ComposeNode? Given(string key) => this[key] is { IsNull: false } value ? value : null;

    /// <summary>The text of a scalar below the key; null when there is none.</summary>
    public string? TextOf(string key) => this[key] is { Kind: YamlKind.Scalar, IsNull: false } value ? value.Text : null;

    /// <summary>The map with the key's value replaced, added at the end, or (null) taken away.</summary>
    public ComposeNode With(string key, ComposeNode? value)
    {
        var entries = new List<ComposeEntry>(Entries.Count + 1);
        var found = false;
        foreach (var entry in Entries)
        {
            if (entry.Key != key)
            {
                entries.Add(entry);
            }
            else if (value is not null)
            {
                entries.Add(entry with { Value = value });
                found = true;
            }
        }

        if (!found && value is not null)
        {
            entries.Add(new ComposeEntry(key, value.At, value));
        }

        return this with { Entries = entries };
    }

    public static ComposeNode Scalar(string text, SourceLocation at, bool plain = false) => new(YamlKind.Scalar, at) { Text = text, Plain = plain };

    public static ComposeNode List(IReadOnlyList<ComposeNode> items, SourceLocation at) => new(YamlKind.List, at) { Items = items };

    public static ComposeNode Map(IReadOnlyList<ComposeEntry> entries, SourceLocation at) => new(YamlKind.Map, at) { Entries = entries };

    public string Describe() => Kind switch
    {
        YamlKind.List => "a list",
        YamlKind.Map => "a mapping",
        _ when IsNull => "nothing",
        _ => $"`{ProblemList.Short(Text)}`",
    };
}

internal sealed record ComposeEntry(string Key, SourceLocation KeyAt, ComposeNode Value);

/// <summary>YAML nodes to compose nodes: merge keys (<c>&lt;&lt;</c>) followed, variables replaced in every value.</summary>
internal sealed class ComposeNodes(ProblemList problems, Interpolation interpolation)
{
    /// <summary>Aliases upon aliases can stand for billions of nodes; no file that people write comes near this.</summary>
    private const int MostNodes = 200_000;

    private int made;

    public ComposeNode Of(YamlNode node)
    {
        if (++made > MostNodes)
        {
            throw new LapException($"the file's aliases stand for more than {MostNodes} values", problems.At(node).ToString(), "write out what is meant");
        }

        switch (node.Kind)
        {
            case YamlKind.List:
                var items = new List<ComposeNode>(node.Items.Count);
                foreach (var item in node.Items)
                {
                    items.Add(Of(item));
                }

                return ComposeNode.List(items, problems.At(node)) with { Tag = node.Tag };
            case YamlKind.Map:
                return ComposeNode.Map(Entries(node, 0), problems.At(node)) with { Tag = node.Tag };
            case YamlKind.Scalar:
                var at = problems.At(node);
                var text = node.IsNull ? node.Text : interpolation.Replace(node.Text, at, node, problems);
                return new ComposeNode(YamlKind.Scalar, at)
                {
                    Text = text, Plain = node.Plain, Substituted = !ReferenceEquals(text, node.Text) && text != node.Text, Tag = node.Tag,
                };
            default:
                problems.Add(node, "this alias stands for nothing", "write the `&name` before the `*name`");
                return ComposeNode.Scalar("", problems.At(node), plain: true);
        }
    }

    /// <summary>The map's own entries, then those merged in that it does not have itself; of several, the first wins.</summary>
    private List<ComposeEntry> Entries(YamlNode map, int depth)
    {
        var entries = new List<ComposeEntry>(map.Entries.Count);
        foreach (var (key, value) in map.Entries)
        {
            if (key.Text != "<<" || !key.Plain)
            {
                entries.Add(new ComposeEntry(key.Text, problems.At(key), Of(value)));
            }
        }

        if (map.Find("<<") is not { } merged || depth > 32)
        {
            return entries;
        }

        foreach (var from in merged.Kind == YamlKind.List ? merged.Items : [merged])
        {
            if (from.Kind != YamlKind.Map)
            {
                problems.Add(merged, $"`<<` merges mappings, not {from.Describe()}", "name a mapping with an anchor: `<<: *name`");
                continue;
            }

            foreach (var entry in Entries(from, depth + 1))
            {
                if (!entries.Exists(e => e.Key == entry.Key))
                {
                    entries.Add(entry);
                }
            }
        }

        return entries;
    }
}
