using Laptime.Workspaces.Yaml;

namespace Laptime.Workspaces;

/// <summary>One key as written: its row in the table, where it stands, and its value.</summary>
internal sealed class Field(Key key, YamlNode keyNode, YamlNode value)
{
    public Key Key { get; } = key;

    public YamlNode KeyNode { get; } = keyNode;

    public YamlNode Value { get; } = value;

    public string Name => Key.Name;
}

/// <summary>The keys of one mapping, checked against the table: unknown ones and missing required ones are told when it is made.</summary>
internal sealed class Fields
{
    private readonly KeySet keys;
    private readonly Field?[] fields;

    private Fields(KeySet keys, YamlNode node)
    {
        (this.keys, Node) = (keys, node);
        fields = new Field?[keys.Keys.Count];
    }

    public YamlNode Node { get; }

    /// <summary>The field, or null when it is not written.</summary>
    /// <exception cref="InvalidOperationException">The table has no such key: a bug.</exception>
    public Field? this[string name]
    {
        get
        {
            for (var i = 0; i < fields.Length; i++)
            {
                if (keys.Keys[i].Name == name)
                {
                    return fields[i];
                }
            }

            throw new InvalidOperationException($"the table of keys has no `{name}` in {keys.Id}");
        }
    }

    /// <summary>Null when the node is no mapping (told).</summary>
    /// <param name="at">Where to tell what is missing: the key or list item that the mapping belongs to.</param>
    /// <param name="refused">For a key that is not known: why there is none like it; null: the nearest names are told.</param>
    public static Fields? Of(YamlNode node, YamlNode at, string what, KeySet keys, ProblemList problems, Func<string, string?>? refused = null)
    {
        if (node.Kind == YamlKind.Broken)
        {
            return null;
        }

        if (node.Kind != YamlKind.Map)
        {
            problems.Add(node.IsNull ? at : node, $"{what} must be a mapping, not {node.Describe()}", $"its keys: {string.Join(", ", keys.Names)}");
            return null;
        }

        var result = new Fields(keys, node);
        foreach (var entry in node.Entries)
        {
            result.Add(entry, what, problems, refused);
        }

        for (var i = 0; i < result.fields.Length; i++)
        {
            if (!node.Partial && result.fields[i] is null && keys.Keys[i].Required)
            {
                problems.Add(at, $"{what} has no `{keys.Keys[i].Name}`", $"add `{keys.Keys[i].Name}: {keys.Keys[i].Example}`");
            }
        }

        return result;
    }

    private void Add(YamlEntry entry, string what, ProblemList problems, Func<string, string?>? refused)
    {
        for (var i = 0; i < fields.Length; i++)
        {
            if (keys.Keys[i].Name == entry.Key.Text)
            {
                fields[i] = new Field(keys.Keys[i], entry.Key, entry.Value);
                return;
            }
        }

        if (entry.Key.Text.StartsWith(KeySet.OwnPrefix, StringComparison.Ordinal) || problems.Full)
        {
            return;
        }

        var typed = entry.Key.Text;
        problems.Add(entry.Key, $"unknown key `{ProblemList.Short(typed)}` in {what}",
            typed == "<<" ? "merge keys are not supported: write the keys out" : refused?.Invoke(typed) is { } why ? why : ProblemList.Suggest(typed.Replace('_', '-'), keys.Names));
    }
}
