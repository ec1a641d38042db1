using System.Globalization;
using Laptime.Foundations;
using Laptime.Workspaces.Yaml;

namespace Laptime.Workspaces;

/// <summary>Single values: each method tells what is wrong and gives null (or the default) then, so that binding goes on and tells the rest.</summary>
internal sealed class ValueBinder(ProblemList problems, TemplateParser templates)
{
    public ProblemList Problems { get; } = problems;

    public TemplateParser Templates { get; } = templates;

    /// <summary>A scalar that says something.</summary>
    public YamlNode? Scalar(YamlNode node, string name, KeyType type, string? example = null)
    {
        if (node.Kind == YamlKind.Broken)
        {
            return null;
        }

        if (node.IsNull)
        {
            Problems.Add(node, $"`{name}` has no value: it must be {type.Words}", example is null ? "write a value, or \"\" for an empty text" : $"for example `{name}: {example}`");
            return null;
        }

        if (node.Kind != YamlKind.Scalar)
        {
            Problems.Add(node, $"`{name}` must be {type.Words}, not {node.Describe()}", example is null ? null : $"for example `{name}: {example}`");
            return null;
        }

        return node;
    }

    /// <summary>A text that is not a template and not empty.</summary>
    public string? Text(Field? field) => field is null ? null : Text(field.Value, field.Name, field.Key.Type, field.Key.Example);

    public string? Text(YamlNode value, string name, KeyType type, string? example = null)
    {
        if (Scalar(value, name, type, example) is not { } node)
        {
            return null;
        }

        if (node.Text.Trim().Length == 0)
        {
            Problems.Add(node, $"`{name}` is empty: it must be {type.Words}", example is null ? null : $"for example `{name}: {example}`");
            return null;
        }

        if (node.Text.Contains("${", StringComparison.Ordinal))
        {
            var (line, column) = Templates.Place(node);
            Problems.Add(line, column, $"`${{…}}` is not replaced in `{name}`", "write the text out");
            return null;
        }

        return node.Text;
    }

    public string? Name(Field? field) => Text(field) is { } text && IsName(field!.Value, text, field.Name) ? text : null;

    /// <summary>Letters, digits, '-', '_' and '.', starting with a letter or digit, at most 63: safe in labels, file names and host names of every target.</summary>
    public bool IsName(YamlNode at, string text, string what)
    {
        if (text.Length > 63)
        {
            Problems.Add(at, $"`{what}` is too long: {text.Length} characters, at most 63", "shorten it");
            return false;
        }

        var valid = text.Length > 0 && char.IsAsciiLetterOrDigit(text[0]);
        foreach (var c in text)
        {
            valid &= char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.';
        }

        if (!valid)
        {
            Problems.Add(at, $"`{ProblemList.Short(text)}` is not a valid {what}", $"letters, digits, `-`, `_` and `.`, starting with a letter or digit{(NameLike(text) is { } like ? $": `{like}`" : "")}");
        }

        return valid;
    }

    /// <summary>The nearest text that is a valid name; null when nothing is left of it.</summary>
    public static string? NameLike(string text)
    {
        var name = new System.Text.StringBuilder();
        foreach (var c in text)
        {
            if (char.IsAsciiLetterOrDigit(c) || (name.Length > 0 && c is '-' or '_' or '.'))
            {
                name.Append(c);
            }
            else if (name.Length > 0 && name[^1] != '-')
            {
                name.Append('-');
            }
        }

        var valid = name.ToString().TrimEnd('-');
        return valid.Length == 0 ? null : valid.Length > 63 ? valid[..63] : valid;
    }

    public int? Integer(Field? field)
    {
        if (field is null || Scalar(field.Value, field.Name, field.Key.Type, field.Key.Example) is not { } node)
        {
            return null;
        }

        var type = (KeyType.Integer)field.Key.Type;
        return Integer(node, field.Name, type);
    }

    public int? Integer(YamlNode node, string name, KeyType.Integer type)
    {
        var text = node.Text;
        var digits = text.Length > 0 && text[0] is '-' or '+' ? text.AsSpan(1) : text.AsSpan();
        if (digits.IsEmpty || digits.IndexOfAnyExceptInRange('0', '9') >= 0)
        {
            Problems.Add(node, $"`{name}` must be {type.Words}, not `{ProblemList.Short(text)}`", Decimal(text) is { } value ? $"write it in decimal: `{name}: {value}`" : null);
            return null;
        }

        if (digits.Length > 1 && digits[0] == '0')
        {
            var plain = digits.TrimStart('0').Length == 0 ? "0" : digits.TrimStart('0').ToString();
            var octal = digits.IndexOfAnyExceptInRange('0', '7') < 0 && digits.Length < 10 ? Convert.ToInt32(digits.ToString(), 8) : -1;
            Problems.Add(node, $"`{name}: {ProblemList.Short(text)}` starts with 0, which some readers of YAML take for octal",
                octal >= 0 && octal.ToString() != plain ? $"write `{plain}`, or `{octal}` if octal was meant" : $"write `{plain}`");
            return null;
        }

        if (!int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) || number < type.Least || number > type.Most)
        {
            Problems.Add(node, $"`{name}` must be {type.Words}, not `{ProblemList.Short(text)}`", null);
            return null;
        }

        if (!node.Plain)
        {
            Problems.Add(node, $"`{name}` must be a number, not a text", $"write it without quotes: `{name}: {number}`");
            return null;
        }

        return number;
    }

    /// <summary>Numbers as other readers of YAML may write them, in decimal.</summary>
    private static string? Decimal(string text)
    {
        var clean = text.Replace("_", "");
        if (clean.StartsWith("0x", StringComparison.OrdinalIgnoreCase) && clean.Length is > 2 and < 10)
        {
            return int.TryParse(clean.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var hex) ? hex.ToString() : null;
        }

        if (clean.StartsWith("0o", StringComparison.OrdinalIgnoreCase) && clean.Length is > 2 and < 12 && clean.AsSpan(2).IndexOfAnyExceptInRange('0', '7') < 0)
        {
            return Convert.ToInt64(clean[2..], 8).ToString();
        }

        return double.TryParse(clean, NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out var number) && number == Math.Floor(number) && Math.Abs(number) < 1e9
            ? ((long)number).ToString()
            : null;
    }

    public TimeSpan? Span(Field? field)
    {
        if (field is null || Scalar(field.Value, field.Name, field.Key.Type, field.Key.Example) is not { } node)
        {
            return null;
        }

        var type = (KeyType.Span)field.Key.Type;
        if (!Duration.TryParse(node.Text, out var value))
        {
            var bare = double.TryParse(node.Text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out _);
            Problems.Add(node, bare ? $"`{field.Name}: {ProblemList.Short(node.Text)}` has no unit" : $"`{field.Name}` must be {type.Words}, not `{ProblemList.Short(node.Text)}`",
                bare ? $"did you mean `{node.Text.Trim()}s`? units: ms, s, m, h, d" : $"a number and its unit (ms, s, m, h, d), for example `{field.Key.Example}`");
            return null;
        }

        if (value < Parsed(type.Least) || value > Parsed(type.Most))
        {
            Problems.Add(node, $"`{field.Name}` must be {type.Words}, not `{ProblemList.Short(node.Text)}`", null);
            return null;
        }

        return value;
    }

    /// <summary>The end of a day, UTC.</summary>
    public DateTimeOffset? Moment(Field? field)
    {
        if (field is null || Scalar(field.Value, field.Name, field.Key.Type, field.Key.Example) is not { } node)
        {
            return null;
        }

        if (DateOnly.TryParseExact(node.Text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day) && day < DateOnly.MaxValue)
        {
            return new DateTimeOffset(day.AddDays(1).ToDateTime(TimeOnly.MinValue), TimeSpan.Zero) - TimeSpan.FromTicks(1);
        }

        Problems.Add(node, $"`{field.Name}` must be {field.Key.Type.Words}, not `{ProblemList.Short(node.Text)}`", $"for example `{field.Key.Example}`");
        return null;
    }

    private static TimeSpan Parsed(string text) => Duration.TryParse(text, out var value) ? value : throw new InvalidOperationException($"the table of keys has the duration {text}");

    /// <summary>A plain <c>true</c> or <c>false</c>: YAML 1.1's other words for them mean something else to other readers.</summary>
    public bool? Switch(Field? field)
    {
        if (field is null || Scalar(field.Value, field.Name, field.Key.Type, field.Key.Example) is not { } node)
        {
            return null;
        }

        if (!node.Plain || node.Text is not ("true" or "false"))
        {
            Problems.Add(node, $"`{field.Name}` must be {field.Key.Type.Words}, not `{ProblemList.Short(node.Text)}`", $"for example `{field.Name}: {field.Key.Example}`");
            return null;
        }

        return node.Text == "true";
    }

    /// <summary>The index of the word among the choices.</summary>
    public int? Choice(Field? field) => field is null ? null : Choice(field.Value, field.Name, (KeyType.Choice)field.Key.Type);

    public int? Choice(YamlNode value, string name, KeyType.Choice type)
    {
        if (Scalar(value, name, type, type.Of[0]) is not { } node)
        {
            return null;
        }

        var index = Array.IndexOf(type.Of, node.Text);
        if (index < 0)
        {
            Problems.Add(node, $"`{name}` cannot be `{ProblemList.Short(node.Text)}`", ProblemList.Suggest(node.Text, type.Of));
            return null;
        }

        return index;
    }

    /// <summary>The values of a list; one value stands for a list of one.</summary>
    public IReadOnlyList<YamlNode> Items(Field? field)
    {
        if (field is null || field.Value.Kind == YamlKind.Broken)
        {
            return [];
        }

        if (field.Value.IsNull)
        {
            Problems.Add(field.KeyNode, $"`{field.Name}` has no value: it must be {field.Key.Type.Words}", $"for example `{field.Name}: {field.Key.Example}`, or `[]`");
            return [];
        }

        return field.Value.Kind == YamlKind.List ? field.Value.Items : [field.Value];
    }

    /// <summary>Texts that must differ from each other.</summary>
    public IReadOnlyList<string> Texts(Field? field, Func<YamlNode, string, string?> read)
    {
        var items = Items(field);
        if (items.Count == 0)
        {
            return [];
        }

        var texts = new List<string>(items.Count);
        var seen = items.Count > 16 ? new HashSet<string>(items.Count) : null;
        foreach (var item in items)
        {
            if (Text(item, field!.Name, ((KeyType.Many)field.Key.Type).Of) is null || read(item, field.Name) is not { } text)
            {
                continue;
            }

            if (seen is null ? texts.Contains(text) : !seen.Add(text))
            {
                Problems.Add(item, $"`{ProblemList.Short(text)}` is twice in `{field.Name}`", "remove one");
                continue;
            }

            texts.Add(text);
        }

        return texts;
    }

    public static bool IsVariable(string text)
    {
        var valid = text.Length > 0 && !char.IsAsciiDigit(text[0]);
        foreach (var c in text)
        {
            valid &= char.IsAsciiLetterOrDigit(c) || c == '_';
        }

        return valid;
    }
}
