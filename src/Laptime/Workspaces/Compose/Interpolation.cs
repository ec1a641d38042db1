using System.Text;
using Laptime.Foundations;
using Laptime.Workspaces.Yaml;

namespace Laptime.Workspaces.Compose;

/// <summary>
/// Variables in compose files: <c>$NAME</c>, <c>${NAME}</c>, <c>${NAME:-default}</c>, <c>${NAME-default}</c>, <c>${NAME:?message}</c>, <c>${NAME?message}</c>,
/// <c>${NAME:+instead}</c>, <c>${NAME+instead}</c>; defaults may hold variables; <c>$$</c> is one <c>$</c>.
/// </summary>
/// <param name="lookup">The value of a variable; null when it is not set.</param>
internal sealed class Interpolation(Func<string, string?> lookup)
{
    private const int MostDepth = 20;

    private readonly SortedDictionary<string, SourceLocation> unset = new(StringComparer.Ordinal);
    private readonly SortedSet<string> asked = new(StringComparer.Ordinal);

    /// <summary>Variables that stand in the files without a default and are not set, with the first place of each: compose takes them as empty.</summary>
    public IReadOnlyDictionary<string, SourceLocation> Unset => unset;

    /// <summary>Every variable that was looked up.</summary>
    public IReadOnlyCollection<string> Asked => asked;

    /// <summary>The text with its variables replaced; the same object when it has none. What is wrong is told at the node.</summary>
    public string Replace(string text, SourceLocation at, YamlNode node, ProblemList problems)
    {
        try
        {
            return Replace(text, at);
        }
        catch (FormatException e)
        {
            problems.Add(node, e.Message, "a `$` that is meant as it stands is written `$$`");
        }
        catch (RequiredException e)
        {
            problems.Add(node, e.Message, "set it, in the environment or in a file `.env` beside the compose file");
        }

        return text;
    }

    /// <exception cref="FormatException">It is not written as variables are.</exception>
    /// <exception cref="RequiredException">A variable is required and not set.</exception>
    internal string Replace(string text, SourceLocation at) => text.Contains('$') ? Replace(text, at, 0) : text;

    internal sealed class RequiredException(string message) : Exception(message);

    private string Replace(string text, SourceLocation at, int depth)
    {
        if (depth > MostDepth)
        {
            throw new FormatException($"variables are nested deeper than {MostDepth} levels");
        }

        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '$')
            {
                result.Append(text[i]);
                continue;
            }

            if (i + 1 == text.Length)
            {
                throw new FormatException("a `$` stands at the end");
            }

            if (text[i + 1] == '$')
            {
                result.Append('$');
                i++;
            }
            else if (text[i + 1] == '{')
            {
                var end = Close(text, i + 2);
                result.Append(Braced(text[(i + 2)..end], at, depth));
                i = end;
            }
            else if (NameLength(text.AsSpan(i + 1)) is > 0 and var length)
            {
                result.Append(Value(text.Substring(i + 1, length), at));
                i += length;
            }
            else
            {
                throw new FormatException($"`${text[i + 1]}` is not a variable");
            }
        }

        return result.ToString();
    }

    private string Braced(string inside, SourceLocation at, int depth)
    {
        var length = NameLength(inside);
        if (length == 0)
        {
            throw new FormatException(inside.Length == 0 ? "`${}` has no name" : $"`${{{ProblemList.Short(inside)}}}` is not a variable");
        }

        var name = inside[..length];
        if (length == inside.Length)
        {
            return Value(name, at);
        }

        var emptyCounts = inside[length] == ':';
        var mark = emptyCounts ? length + 1 : length;
        if (mark >= inside.Length || inside[mark] is not ('-' or '?' or '+'))
        {
            throw new FormatException($"`${{{ProblemList.Short(inside)}}}` is not a variable: after the name comes `:-`, `-`, `:?`, `?`, `:+` or `+`");
        }

        asked.Add(name);
        var value = lookup(name);
        var present = value is not null && !(emptyCounts && value.Length == 0);
        var rest = inside[(mark + 1)..];
        switch (inside[mark])
        {
            case '-':
                return present ? value! : Replace(rest, at, depth + 1);
            case '+':
                return present ? Replace(rest, at, depth + 1) : "";
            default:
                return present ? value! : throw new RequiredException(
                    Replace(rest, at, depth + 1) is { Length: > 0 } said ? $"the variable `{name}` is required: {ProblemList.Short(said)}" : $"the variable `{name}` is required and not set");
        }
    }

    private string Value(string name, SourceLocation at)
    {
        asked.Add(name);
        if (lookup(name) is { } value)
        {
            return value;
        }

        unset.TryAdd(name, at);
        return "";
    }

    private static int Close(string text, int from)
    {
        var depth = 1;
        for (var i = from; i < text.Length; i++)
        {
            if (text[i] == '$' && i + 1 < text.Length && text[i + 1] == '{')
            {
                depth++;
                i++;
            }
            else if (text[i] == '}' && --depth == 0)
            {
                return i;
            }
        }

        throw new FormatException("`${` is not closed");
    }

    private static int NameLength(ReadOnlySpan<char> text)
    {
        var length = 0;
        while (length < text.Length && (text[length] == '_' || char.IsAsciiLetter(text[length]) || (length > 0 && char.IsAsciiDigit(text[length]))))
        {
            length++;
        }

        return length;
    }
}
