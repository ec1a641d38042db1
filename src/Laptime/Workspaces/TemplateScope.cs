using Laptime.Foundations;
using Laptime.Workspaces.Yaml;

namespace Laptime.Workspaces;

/// <summary>Where a template stands, which decides the names it may use.</summary>
internal enum TemplateScope
{
    /// <summary>A build step: before there is an instance.</summary>
    Build,

    /// <summary>The component's run settings and probes: the instance's port, revision and transaction are known.</summary>
    Run,

    /// <summary>An environment's bootstrap, a ledger: no component.</summary>
    Environment,
}

/// <summary>One ${name} in the file, to be checked when everything it may refer to has been read.</summary>
/// <param name="Loops">Loops in which the text is used; empty means all.</param>
internal sealed record TemplateUse(string Name, int Line, int Column, TemplateScope Scope, string? Component, IReadOnlyList<Loop> Loops);

/// <summary>Splits texts into parts and notes each name with its exact place.</summary>
internal sealed class TemplateParser(string source, ProblemList problems)
{
    public List<TemplateUse> Uses { get; } = [];

    public Template Parse(YamlNode node, TemplateScope scope, string? component, IReadOnlyList<Loop> loops)
    {
        var text = node.Text;
        if (!text.Contains("${", StringComparison.Ordinal))
        {
            return Template.Literal(text);
        }

        var parts = new List<TemplatePart>();
        var literal = new System.Text.StringBuilder();
        var position = 0;
        var places = new Places(source, node);
        while (position < text.Length)
        {
            var open = text.IndexOf("${", position, StringComparison.Ordinal);
            if (open < 0)
            {
                literal.Append(text, position, text.Length - position);
                break;
            }

            if (open > position && text[open - 1] == '$')
            {
                literal.Append(text, position, open - 1 - position).Append("${");
                position = open + 2;
                places.Next();
                continue;
            }

            literal.Append(text, position, open - position);
            var (line, column) = places.Next();
            var close = text.AsSpan(open).IndexOfAny('}', '\n');
            if (close < 0 || text[open + close] != '}')
            {
                problems.Add(line, column, "`${` without its `}`", "close it, or write `$${` for a literal `${`");
                return Template.Literal(text);
            }

            if (literal.Length > 0)
            {
                parts.Add(new TemplatePart.Text(literal.ToString()));
                literal.Clear();
            }

            var name = text.Substring(open + 2, close - 2);
            parts.Add(new TemplatePart.Name(name));
            Uses.Add(new TemplateUse(name, line, column, scope, component, loops));
            position = open + close + 1;
        }

        if (literal.Length > 0 || parts.Count == 0)
        {
            parts.Add(new TemplatePart.Text(literal.ToString()));
        }

        return new Template(text, parts);
    }

    /// <summary>The place of the first "${" of a scalar.</summary>
    public (int Line, int Column) Place(YamlNode node) => new Places(source, node).Next();

    /// <summary>The places of the "${"s of a scalar as it stands in the file, one after the other, whatever its quotes, folds and indentation.</summary>
    private sealed class Places(string source, YamlNode node)
    {
        private readonly int end = Math.Min(node.End, source.Length);
        private int at = node.Start;
        private int line = node.Line;
        private int column = node.Column;

        public (int Line, int Column) Next()
        {
            var next = at < end ? source.AsSpan(at, end - at).IndexOf("${") : -1;
            if (next < 0)
            {
                // Written with escapes: the start of the text is near enough.
                at = end;
                return (node.Line, node.Column);
            }

            foreach (var character in source.AsSpan(at, next))
            {
                (line, column) = character == '\n' ? (line + 1, 1) : (line, column + 1);
            }

            var place = (line, column);
            at += next + 2;
            column += 2;
            return place;
        }
    }
}
