using Laptime.Foundations;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Laptime.Workspaces.Yaml;

/// <summary>
/// YAML text to nodes: one document, without anchors, aliases and tags, every key once. Those are refused because a reader of the file
/// should see what it says where it says it; the parser's own errors become problems with their place.
/// </summary>
internal sealed class YamlReader
{
    /// <summary>Deeper than any sensible file, shallow enough for any stack.</summary>
    private const int MostDepth = 64;

    private readonly string text;
    private readonly ProblemList problems;
    private readonly bool foreign;
    private readonly Dictionary<string, YamlNode>? anchors;
    private readonly Parser parser;

    /// <summary>Brackets that are open where the parser is, for the message about the one that is never closed.</summary>
    private readonly List<OpenBracket> open = [];

    private YamlReader(string text, ProblemList problems, bool foreign)
    {
        (this.text, this.problems, this.foreign) = (text, problems, foreign);
        anchors = foreign ? [] : null;
        parser = new Parser(new StringReader(text));
    }

    /// <summary>
    /// The root node; null when the text has none. What is refused but does not hinder reading on goes to <paramref name="problems"/>.
    /// </summary>
    /// <param name="text">The file's text, without a byte order mark.</param>
    /// <param name="problems">Collects.</param>
    /// <param name="foreign">The file is another tool's (compose): anchors, aliases and tags are taken as that tool takes them.</param>
    /// <exception cref="LapException">The text is not YAML.</exception>
    public static YamlNode? Read(string text, ProblemList problems, bool foreign = false) =>
        new YamlReader(text, problems, foreign).Document();

    private YamlNode? Document()
    {
        YamlNode? root = null;
        var documents = 0;
        while (Next() is { } current)
        {
            switch (current)
            {
                case DocumentStart start when documents++ == 1:
                    problems.Add(Line(start.Start), Column(start.Start), "a second document starts here: the file holds one", "remove the `---` and what follows, or move it to its own file");
                    return root;
                case StreamStart or StreamEnd or DocumentStart or DocumentEnd:
                    break;
                default:
                    root = Node(current, 0);
                    break;
            }
        }

        return root;
    }

    private YamlNode Node(ParsingEvent current, int depth)
    {
        if (depth > MostDepth)
        {
            throw Stop(current.Start, $"nested deeper than {MostDepth} levels", "look for brackets that are not closed");
        }

        var broken = Refused(current);
        YamlNode node;
        switch (current)
        {
            case Scalar scalar:
                node = new YamlNode(YamlKind.Scalar, Line(scalar.Start), Column(scalar.Start), Index(scalar.Start)) { Text = scalar.Value, Plain = scalar.Style == ScalarStyle.Plain };
                node.End = Index(scalar.End);
                break;
            case SequenceStart list:
                node = new YamlNode(YamlKind.List, Line(list.Start), Column(list.Start), Index(list.Start)) { Items = [] };
                Open(list.Style == SequenceStyle.Flow, list.Start, '[');
                while (Required() is not SequenceEnd and var item)
                {
                    node.Items.Add(Node(item, depth + 1));
                }

                Close(list.Style == SequenceStyle.Flow);
                break;
            case MappingStart map:
                node = new YamlNode(YamlKind.Map, Line(map.Start), Column(map.Start), Index(map.Start)) { Entries = [] };
                Open(map.Style == MappingStyle.Flow, map.Start, '{');
                Entries(node, depth);
                Close(map.Style == MappingStyle.Flow);
                break;
            case AnchorAlias alias:
                return anchors?.GetValueOrDefault(alias.Value.Value) ?? new YamlNode(YamlKind.Broken, Line(alias.Start), Column(alias.Start), Index(alias.Start));
            default:
                throw Stop(current.Start, "this is not expected here", null);
        }

        if (foreign && current is NodeEvent { Tag: { IsEmpty: false, IsNonSpecific: false } tag })
        {
            node.Tag = tag.Value;
        }

        if (anchors is not null && current is NodeEvent { Anchor.IsEmpty: false } named)
        {
            // Set when the node is complete, so that no alias can make a circle.
            anchors[named.Anchor.Value] = node;
        }

        return broken ? new YamlNode(YamlKind.Broken, node.Line, node.Column, node.Start) : node;
    }

    private void Open(bool flow, Mark start, char bracket)
    {
        if (flow)
        {
            open.Add(new OpenBracket(Line(start), Column(start), bracket));
        }
    }

    private void Close(bool flow)
    {
        if (flow)
        {
            open.RemoveAt(open.Count - 1);
        }
    }

    private void Entries(YamlNode map, int depth)
    {
        var entries = map.Entries;
        HashSet<string>? seen = null;
        while (Required() is not MappingEnd and var current)
        {
            var told = problems.Count;
            var key = Node(current, depth + 1);
            var value = Node(Required(), depth + 1);
            if (key.Kind is YamlKind.List or YamlKind.Map || key.IsNull)
            {
                map.Partial = true;
                if (problems.Count > told)
                {
                    // Told already of what is inside it.
                    continue;
                }

                problems.Add(key, "a key must be a name", key.Kind == YamlKind.Map ? "a value that starts with `{` or `${` needs quotes" : "write the key before the `:`");
                continue;
            }

            if (key.Kind == YamlKind.Broken)
            {
                map.Partial = true;
                continue;
            }

            if (entries.Count == 12)
            {
                seen = new HashSet<string>(entries.Count * 2);
                foreach (var entry in entries)
                {
                    seen.Add(entry.Key.Text);
                }
            }

            if (seen is null ? Contains(entries, key.Text) : !seen.Add(key.Text))
            {
                problems.Add(key, $"`{ProblemList.Short(key.Text)}` is written twice: the first is in line {First(entries, key.Text)}", "keep one of them");
                continue;
            }

            if (value.Kind == YamlKind.Scalar && value.Text.Length == 0 && value.Plain)
            {
                // What is not there has no place of its own: its key has.
                value = new YamlNode(YamlKind.Scalar, key.Line, key.Column, key.Start) { Plain = true };
            }

            entries.Add(new YamlEntry(key, value));
        }
    }

    private static bool Contains(List<YamlEntry> entries, string key)
    {
        foreach (var entry in entries)
        {
            if (entry.Key.Text == key)
            {
                return true;
            }
        }

        return false;
    }

    private static int First(List<YamlEntry> entries, string key) => entries.Find(e => e.Key.Text == key)!.Key.Line;

    private bool Refused(ParsingEvent current)
    {
        if (foreign)
        {
            return false;
        }

        if (current is AnchorAlias alias)
        {
            problems.Add(Line(alias.Start), Column(alias.Start), $"`*{ProblemList.Short(alias.Value.Value)}`: aliases are not supported", "write the value out; a text that starts with `*` needs quotes");
            return true;
        }

        if (current is not NodeEvent node)
        {
            return false;
        }

        if (!node.Anchor.IsEmpty)
        {
            problems.Add(Line(node.Start), Column(node.Start), $"`&{ProblemList.Short(node.Anchor.Value)}`: anchors are not supported", "write the value out; a text that starts with `&` needs quotes");
            return true;
        }

        if (!node.Tag.IsEmpty)
        {
            problems.Add(Line(node.Start), Column(node.Start), $"`{ProblemList.Short(node.Tag.IsNonSpecific ? "!" : node.Tag.Value)}`: tags are not supported", "remove it; a text that starts with `!` needs quotes");
            return true;
        }

        return false;
    }

    private ParsingEvent Required() => Next() ?? throw Stop(parser.Current?.End ?? Mark.Empty, "the file ends in the middle of a value", null);

    private ParsingEvent? Next()
    {
        try
        {
            return parser.MoveNext() ? parser.Current : null;
        }
        catch (YamlException e)
        {
            throw Stop(YamlMessage.Of(e.Message, text, Line(e.Start), Column(e.Start), open.Count > 0 ? open[^1] : null));
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The parser meets some unclosed brackets and broken escapes with exceptions of the framework; to the user it is the same kind of mistake.
            var at = parser.Current?.End ?? Mark.Empty;
            throw Stop(YamlMessage.Of(e.Message, text, Line(at), Column(at), open.Count > 0 ? open[^1] : null));
        }
    }

    private LapException Stop(Mark at, string what, string? mend) => Stop(new YamlMessage(Line(at), Column(at), what, mend));

    private LapException Stop(YamlMessage message)
    {
        problems.Add(message.Line, message.Column, message.What, message.Mend);
        try
        {
            problems.ThrowIfAny();
        }
        catch (LapException all)
        {
            return all;
        }

        throw new System.Diagnostics.UnreachableException();
    }

    private static int Line(Mark mark) => (int)Math.Max(1, mark.Line);

    private static int Column(Mark mark) => (int)Math.Max(1, mark.Column);

    private int Index(Mark mark) => (int)Math.Clamp(mark.Index, 0, text.Length);
}
