using Laptime.Foundations;
using Laptime.Workspaces.Yaml;

namespace Laptime.Workspaces;

/// <summary>Commands, templates and maps of texts of one place: the scope, the component and the loops go into every ${name} it notes.</summary>
internal sealed class CommandBinder(ValueBinder values, TemplateScope scope, string? component, IReadOnlyList<Loop> loops)
{
    private static readonly Dictionary<string, Template> None = [];

    private ProblemList Problems => values.Problems;

    public CommandLine? Command(Field? field) => field is null ? null : Command(field.Value, field.KeyNode, field.Name, field.Key.Example);

    public CommandLine? Command(YamlNode value, YamlNode at, string name, string example)
    {
        if (value.Kind != YamlKind.List)
        {
            return values.Scalar(value, name, new KeyType.Command(), example) is { } text && NotBlank(text, name) ? new CommandLine.Shell(Parse(text)) : null;
        }

        if (value.Items.Count == 0)
        {
            Problems.Add(value, $"`{name}` is an empty list: the first item is the program", $"for example `{name}: [program, argument]`");
            return null;
        }

        var arguments = new List<Template>(value.Items.Count);
        foreach (var item in value.Items)
        {
            if (values.Scalar(item, name, new KeyType.TemplateText()) is not { } argument)
            {
                continue;
            }

            if (arguments.Count > 0 || NotBlank(argument, name))
            {
                arguments.Add(Parse(argument));
            }
        }

        return arguments.Count == value.Items.Count ? new CommandLine.Exec(arguments) : null;
    }

    public Template? Template(Field? field) =>
        field is not null && values.Scalar(field.Value, field.Name, field.Key.Type, field.Key.Example) is { } node ? Parse(node) : null;

    public Template Parse(YamlNode node)
    {
        if (node.Text.Contains('\0'))
        {
            Problems.Add(node, "the text has a NUL character", "remove it");
        }

        return values.Templates.Parse(node, scope, component, loops);
    }

    /// <summary>A mapping from names to templates.</summary>
    /// <param name="check">Tells what is wrong with a name.</param>
    public IReadOnlyDictionary<string, Template> Templates(Field? field, Action<YamlNode> check)
    {
        if (field is null)
        {
            return None;
        }

        var texts = new Dictionary<string, Template>();
        foreach (var entry in Texts(values, field))
        {
            check(entry.Key);
            texts[entry.Key.Text] = Parse(entry.Value);
        }

        return texts;
    }

    /// <summary>The entries of a mapping from names to texts.</summary>
    public static List<YamlEntry> Texts(ValueBinder values, Field field)
    {
        var texts = new List<YamlEntry>();
        if (field.Value.Kind != YamlKind.Map)
        {
            if (field.Value.Kind != YamlKind.Broken)
            {
                values.Problems.Add(field.Value, $"`{field.Name}` must be {field.Key.Type.Words}, not {field.Value.Describe()}", $"for example `{field.Name}: {field.Key.Example}`");
            }

            return texts;
        }

        foreach (var entry in field.Value.Entries)
        {
            if (values.Scalar(entry.Value, entry.Key.Text, new KeyType.Text()) is not null)
            {
                texts.Add(entry);
            }
        }

        return texts;
    }

    /// <summary>For <see cref="Templates"/>: names of environment variables.</summary>
    public void Variable(YamlNode key)
    {
        if (!ValueBinder.IsVariable(key.Text))
        {
            Problems.Add(key, $"`{ProblemList.Short(key.Text)}` is not a name of an environment variable", "letters, digits and `_`, not starting with a digit");
        }
        else if (key.Text.StartsWith("LAPTIME_", StringComparison.Ordinal))
        {
            Problems.Add(key, $"`{ProblemList.Short(key.Text)}`: names that start with `LAPTIME_` are set by lap", "choose another name");
        }
    }

    private bool NotBlank(YamlNode node, string name)
    {
        if (node.Text.Trim().Length > 0)
        {
            return true;
        }

        Problems.Add(node, $"`{name}` is empty: it must be a command", "write a command, or remove the key");
        return false;
    }
}
