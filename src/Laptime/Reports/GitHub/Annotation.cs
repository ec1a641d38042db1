using System.Text;
using System.Text.RegularExpressions;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Transactions;

namespace Laptime.Reports.GitHub;

/// <summary>
/// A warning or an error that GitHub Actions shows beside the run and, with a file, beside the changed lines: the workflow command
/// <c>::error file=...,line=...,col=...,title=...::message</c>.
/// </summary>
/// <param name="Level">error or warning.</param>
/// <param name="Title">Short; never empty.</param>
/// <param name="File">Relative to the repository, or as it was given; null: of no file.</param>
public sealed record Annotation(string Level, string Title, string Message, string? File = null, int? Line = null, int? Column = null)
{
    /// <summary>GitHub shows ten of each level for a step, and drops the rest without a word.</summary>
    private const int Most = 10;

    /// <summary>The command, without a line end. What others wrote cannot end it, nor add a property.</summary>
    public override string ToString()
    {
        var command = new StringBuilder("::").Append(Level);
        var separator = ' ';
        Property("file", File);
        Property("line", File is null ? null : Line?.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Property("col", File is null ? null : Column?.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Property("title", Title);
        return command.Append("::").Append(Data(Message)).ToString();

        void Property(string name, string? value)
        {
            if (!string.IsNullOrEmpty(value))
            {
                command.Append(separator).Append(name).Append('=').Append(Value(value));
                separator = ',';
            }
        }
    }

    /// <summary>Mistakes of the user: where one names a file and a line, the annotation stands there.</summary>
    public static IReadOnlyList<Annotation> Of(string title, IReadOnlyList<Problem> problems, Surroundings around) =>
        AtMost([.. problems.Select(p => Error(title, p.What, p.Where, p.Mend, around))]);

    /// <summary>The failure of a transaction, and its warnings.</summary>
    public static IReadOnlyList<Annotation> Of(TransactionDocument document, Surroundings around)
    {
        var all = new List<Annotation>();
        if (document.Failure is { } failure)
        {
            all.Add(Error($"lap {document.Verb}: {failure.Kind}", failure.Message, failure.Where, failure.Mend, around));
        }

        all.AddRange(document.Warnings.Select(w => new Annotation("warning", $"lap {document.Verb}", w)));
        return AtMost(all);
    }

    /// <summary>Text after the second <c>::</c>.</summary>
    internal static string Data(string text) =>
        string.Join('\n', text.ReplaceLineEndings("\n").Split('\n').Select(TerminalText.Strip)).Replace("%", "%25", StringComparison.Ordinal).Replace("\r", "%0D", StringComparison.Ordinal).Replace("\n", "%0A", StringComparison.Ordinal);

    /// <summary>The value of a property.</summary>
    internal static string Value(string text) => Data(text).Replace(":", "%3A", StringComparison.Ordinal).Replace(",", "%2C", StringComparison.Ordinal);

    private static Annotation Error(string title, string what, string? where, string? mend, Surroundings around)
    {
        var message = what + (mend is null ? "" : $"\nmend: {mend}");
        if (where is null)
        {
            return new Annotation("error", title, message);
        }

        // `laptime.yaml:12:9`, or somewhere in a text: `web, step lint (laptime.yaml:12:9)`.
        var place = Regex.Match(where, @"(?:^|[\s(])(?<file>[^\s():][^():\p{Cc}]*):(?<line>[0-9]{1,7})(?::(?<column>[0-9]{1,7}))?(?=$|[\s),;])", RegexOptions.CultureInvariant);
        if (!place.Success || place.Groups["line"].Value.All(c => c == '0'))
        {
            return new Annotation("error", title, $"{where}: {message}");
        }

        var path = place.Groups["file"].Value;
        var full = Path.GetFullPath(path, around.Folder);
        if (!around.Exists(full))
        {
            // A host and its port look just the same.
            return new Annotation("error", title, $"{where}: {message}");
        }

        var inside = around.Repository is null ? null : Path.GetRelativePath(around.Repository, full);
        return new Annotation(
            "error", title, place.Length == where.Length ? message : $"{where}: {message}",
            inside is null || inside.StartsWith("..", StringComparison.Ordinal) || Path.IsPathRooted(inside) ? path : inside.Replace('\\', '/'),
            int.Parse(place.Groups["line"].Value, System.Globalization.CultureInfo.InvariantCulture),
            place.Groups["column"].Success ? int.Parse(place.Groups["column"].Value, System.Globalization.CultureInfo.InvariantCulture) : null);
    }

    private static IReadOnlyList<Annotation> AtMost(List<Annotation> all) =>
    [
        .. all.GroupBy(a => a.Level).SelectMany(level => level.Count() <= Most
            ? level
            : level.Take(Most - 1).Append(new Annotation(level.Key, level.First().Title, $"and {level.Count() - Most + 1} more: see the log, or the job's summary"))),
    ];
}

/// <summary>What a path in a message is relative to.</summary>
/// <param name="Folder">The current one.</param>
/// <param name="Repository">GITHUB_WORKSPACE; null when it is not set.</param>
/// <param name="Exists">Whether there is such a file.</param>
public sealed record Surroundings(string Folder, string? Repository, Func<string, bool> Exists);
