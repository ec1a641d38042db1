using System.Xml;
using Laptime.Fingerprints;
using Laptime.Foundations;
using Laptime.Workspaces.Yaml;

namespace Laptime.Ledgers.Tools.Liquibase;

/// <summary>An element of a changelog, whatever it is written in: in YAML and JSON a mapping of one key is an element, a scalar in it an attribute.</summary>
internal sealed class ChangeNode(string name)
{
    public string Name { get; } = name;

    public Dictionary<string, string> Attributes { get; } = new(StringComparer.Ordinal);

    public List<ChangeNode> Children { get; } = [];

    public string Text { get; private set; } = "";

    public string? this[string attribute] => Attributes.GetValueOrDefault(attribute);

    /// <summary>Everything of it, in one spelling: two that are equal are the same change.</summary>
    public string Canonical =>
        $"{Name}({string.Join(',', Attributes.OrderBy(static a => a.Key, StringComparer.Ordinal).Select(static a => a.Key + "=" + a.Value))}){Text.Trim()}[{string.Concat(Children.Select(static c => c.Canonical))}]";

    /// <exception cref="FormatException">It is not well-formed.</exception>
    public static ChangeNode OfXml(string text)
    {
        try
        {
            // A changelog names its schema; nothing is fetched for it, and no entity is expanded.
            using var reader = XmlReader.Create(new StringReader(text), new XmlReaderSettings { DtdProcessing = DtdProcessing.Ignore, XmlResolver = null, IgnoreComments = true, IgnoreWhitespace = true });
            reader.MoveToContent();
            return Element(reader, 0);
        }
        catch (XmlException e)
        {
            throw new FormatException(e.Message, e);
        }
    }

    /// <exception cref="FormatException">It is neither YAML nor JSON of a changelog.</exception>
    public static ChangeNode OfYaml(string text)
    {
        var problems = new ProblemList("changelog");
        YamlNode? top;
        try
        {
            top = YamlReader.Read(text, problems, foreign: true);
        }
        catch (LapException e)
        {
            // One file that cannot be read is told as that; it ends no check.
            throw new FormatException(e.Message, e);
        }

        if (top is null || problems.Any || top.Find("databaseChangeLog") is not { } list)
        {
            throw new FormatException("it has no databaseChangeLog that can be read");
        }

        var root = new ChangeNode("databaseChangeLog");
        root.Fill(list);
        return root;
    }

    private static ChangeNode Element(XmlReader reader, int depth)
    {
        var node = new ChangeNode(reader.LocalName);
        for (var more = reader.MoveToFirstAttribute(); more; more = reader.MoveToNextAttribute())
        {
            node.Attributes[reader.LocalName] = reader.Value;
        }

        reader.MoveToElement();
        if (reader.IsEmptyElement)
        {
            reader.Read();
            return node;
        }

        reader.Read();
        while (reader.NodeType != XmlNodeType.EndElement && !reader.EOF)
        {
            switch (reader.NodeType)
            {
                case XmlNodeType.Element when depth < 64:
                    node.Children.Add(Element(reader, depth + 1));
                    break;
                case XmlNodeType.Text or XmlNodeType.CDATA:
                    node.Text += reader.Value;
                    reader.Read();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        reader.Read();
        return node;
    }

    private void Fill(YamlNode node)
    {
        foreach (var item in node.Kind == YamlKind.List ? node.Items : [])
        {
            Fill(item);
        }

        foreach (var (key, value) in node.Kind == YamlKind.Map ? node.Entries : [])
        {
            if (value.Kind == YamlKind.Scalar)
            {
                Attributes[key.Text] = value.Text;
                continue;
            }

            var child = new ChangeNode(key.Text);
            child.Fill(value);
            // `changes: [ { createTable: … } ]` and `columns: [ { column: … } ]` are no elements in XML.
            if (key.Text is "changes" or "columns")
            {
                Children.AddRange(child.Children);
            }
            else
            {
                Children.Add(child);
            }
        }
    }

    public Digest Digest => MigrationFile.ContentOf(Canonical);
}
