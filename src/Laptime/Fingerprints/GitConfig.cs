using System.Text;

namespace Laptime.Fingerprints;

/// <summary>Reads the few keys we need from git's configuration files: sections, quotes, comments, continued lines, `include.path`. No conditional includes.</summary>
internal sealed class GitConfig
{
    private const int MaxIncludes = 10;
    private readonly Dictionary<string, string> values = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The last value of <c>section.key</c>; null: never set.</summary>
    public string? this[string key] => values.GetValueOrDefault(key);

    /// <param name="read">Content of a file; null: there is none.</param>
    public void Load(string path, string? home, Func<string, byte[]?> read, int depth = 0)
    {
        if (read(path) is not { } bytes)
        {
            return;
        }

        foreach (var (key, value) in Parse(Encoding.UTF8.GetString(bytes)))
        {
            if (key.Equals("include.path", StringComparison.OrdinalIgnoreCase) && depth < MaxIncludes)
            {
                Load(Path.Combine(Path.GetDirectoryName(path) ?? "/", Expand(value, home)), home, read, depth + 1);
            }
            else
            {
                values[key] = value;
            }
        }
    }

    public static string Expand(string path, string? home) =>
        path.StartsWith("~/", StringComparison.Ordinal) && home is not null ? Path.Combine(home, path[2..]) : path;

    internal static List<(string Key, string Value)> Parse(string text)
    {
        List<(string, string)> found = [];
        var section = "";
        text = text.TrimStart('\uFEFF').Replace("\r\n", "\n").Replace("\\\n", "");
        foreach (var raw in text.Split('\n'))
        {
            var line = raw.Trim();
            if (line.StartsWith('['))
            {
                var end = line.IndexOf(']');
                if (end < 0)
                {
                    continue;
                }

                // Sections with a subsection ("[include "x"]") are none of ours; they must not pass for the plain section.
                section = line[1..end].Trim();
                line = line[(end + 1)..].Trim();
            }

            if (line.Length == 0 || line[0] is '#' or ';')
            {
                continue;
            }

            var equals = line.IndexOf('=');
            var key = (equals < 0 ? line : line[..equals]).Trim();
            found.Add(($"{section}.{key}", equals < 0 ? "true" : Value(line[(equals + 1)..].Trim())));
        }

        return found;
    }

    private static string Value(string text)
    {
        var value = new StringBuilder();
        var quoted = false;
        var solid = 0;
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c == '"')
            {
                quoted = !quoted;
                solid = value.Length;
                continue;
            }

            if (!quoted && c is '#' or ';' && !quoted)
            {
                break;
            }

            if (c == '\\' && i + 1 < text.Length)
            {
                c = text[++i] switch { 'n' => '\n', 't' => '\t', 'b' => '\b', var other => other };
            }

            value.Append(c);
            if (quoted || !char.IsWhiteSpace(c))
            {
                solid = value.Length;
            }
        }

        return value.ToString(0, solid);
    }
}
