using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Laptime.Fingerprints;

/// <summary>
/// The places of its context that a Dockerfile copies from by name. The engine sends them whether git ignores them or not (<c>COPY dist/ /srv</c> of what another tool built), so they count as
/// inputs. The whole context (<c>COPY . .</c>) names no place. Reference: docs.docker.com/reference/dockerfile, COPY and ADD.
/// </summary>
internal static class DockerfileCopies
{
    private const int MostBytes = 1024 * 1024;

    /// <summary>What a name has only when it is quoted, a variable, or a pattern of another kind than ours.</summary>
    private static readonly SearchValues<char> NoName = SearchValues.Create("$\"'\\{}[]!");

    /// <param name="root">Of the workspace.</param>
    /// <param name="portable">Which reader is asked.</param>
    /// <param name="path">The Dockerfile, relative to the root; none, or one that cannot be read, copies nothing: the build tells what is wrong with it.</param>
    /// <returns>Patterns relative to the context.</returns>
    public static IReadOnlyList<string> Read(string root, bool portable, string path)
    {
        try
        {
            using var walker = FileWalker.Create(root, portable);
            return walker.Stat(path, follow: true, out var stat) && stat is { Type: EntryType.File, Size: <= MostBytes } && walker.ReadFile(path) is { } content ? Of(Encoding.UTF8.GetString(content)) : [];
        }
        catch (UnreadableException)
        {
            return [];
        }
    }

    /// <summary>Of its text. Never throws: what cannot be understood is left out.</summary>
    public static IReadOnlyList<string> Of(string text)
    {
        List<string> places = [];
        var instruction = "";
        string? heredoc = null;
        foreach (var raw in text.Split('\n'))
        {
            var line = raw.Trim();
            if (heredoc is not null)
            {
                heredoc = line == heredoc ? null : heredoc;
                continue;
            }

            if (line.StartsWith('#') || (instruction.Length > 0 && line.Length == 0))
            {
                // Comments and empty lines do not end an instruction that goes on.
                continue;
            }

            if (line.EndsWith('\\'))
            {
                instruction += line[..^1] + " ";
                continue;
            }

            Add(instruction + line, places);
            heredoc = HeredocOf(instruction + line);
            instruction = "";
        }

        Add(instruction, places);
        return [.. places.Distinct(StringComparer.Ordinal)];
    }

    private static void Add(string instruction, List<string> places)
    {
        var words = instruction.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        if (words.Length < 3 || !(words[0].Equals("COPY", StringComparison.OrdinalIgnoreCase) || words[0].Equals("ADD", StringComparison.OrdinalIgnoreCase)))
        {
            return;
        }

        var flags = words.Skip(1).TakeWhile(static w => w.StartsWith("--", StringComparison.Ordinal)).ToList();
        if (flags.Exists(static f => f.StartsWith("--from=", StringComparison.OrdinalIgnoreCase)))
        {
            // Of another stage or image.
            return;
        }

        var rest = words[(1 + flags.Count)..];
        foreach (var source in rest is [['[', ..], ..] ? Listed(string.Join(' ', rest)) : rest.SkipLast(1))
        {
            if (PlaceOf(source) is { } place)
            {
                places.Add(place);
            }
        }
    }

    /// <summary>The JSON form, but for the destination.</summary>
    private static IEnumerable<string> Listed(string json)
    {
        try
        {
            using var list = JsonDocument.Parse(json);
            return [.. list.RootElement.EnumerateArray().Select(static e => e.ValueKind == JsonValueKind.String ? e.GetString()! : "").SkipLast(1)];
        }
        catch (JsonException)
        {
            return [];
        }
    }

    /// <summary>Null: the whole context, what lies elsewhere, or what only the build knows.</summary>
    private static string? PlaceOf(string source)
    {
        if (source.Contains("://", StringComparison.Ordinal) || source.StartsWith("git@", StringComparison.Ordinal) || source.StartsWith("<<", StringComparison.Ordinal)
            || source.AsSpan().ContainsAny(NoName))
        {
            return null;
        }

        var segments = source.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(static s => s != ".").ToArray();
        return segments.Length == 0 || segments.Contains("..") || !ScanGroup.IsPlace(segments[0]) ? null : string.Join('/', segments);
    }

    private static string? HeredocOf(string instruction)
    {
        var at = instruction.IndexOf("<<", StringComparison.Ordinal);
        if (at < 0)
        {
            return null;
        }

        var word = instruction[(at + 2)..].TrimStart('-').Split(' ', '\t')[0].Trim('"', '\'');
        return word.Length > 0 && word.All(static c => char.IsAsciiLetterOrDigit(c) || c == '_') ? word : null;
    }
}
