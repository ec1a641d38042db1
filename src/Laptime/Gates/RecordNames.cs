using System.Globalization;
using System.Text.RegularExpressions;
using Laptime.Fingerprints;

namespace Laptime.Gates;

/// <summary>
/// How the files in the folder of the records are called. They, and only they, are no inputs and do not make a tree unclean: anything else that lies there is a file
/// like any other.
/// </summary>
/// <param name="folder">Of the records; relative to whatever the paths are.</param>
internal sealed partial class RecordNames(string folder)
{
    /// <summary>So many hexadecimal digits of its digest are in a record's name: nobody finds another content for them.</summary>
    public const int Digits = 24;

    public const string Evidence = "evidence";

    /// <summary>Where `lap gate status --markdown` may write a page without making the tree unclean.</summary>
    public const string Page = "README.md";

    public static string Of(GateRecord record, Digest digest) =>
        $"{record.Item}/{record.At.UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture)}-{record.Kind}-{digest.ToHex()[..Digits]}.json";

    /// <summary>Kept evidence is named by its content; the ending lets people open it.</summary>
    public static string OfEvidence(Digest digest, string path) =>
        $"{Evidence}/{digest.ToHex()}{(Path.GetExtension(path) is { Length: > 1 and < 12 } ending && ending.Skip(1).All(char.IsAsciiLetterOrDigit) ? ending : "")}";

    /// <summary>Kind and digits in the name of a record; null: it is none.</summary>
    public static (string Kind, string Digits)? Read(string fileName) =>
        RecordFile().Match(fileName) is { Success: true } match && match.Groups["sig"].Length == 0 ? (match.Groups["kind"].Value, match.Groups["digits"].Value) : null;

    public bool IsOne(string path)
    {
        if (!path.StartsWith(folder + "/", StringComparison.Ordinal))
        {
            return false;
        }

        var parts = path[(folder.Length + 1)..].Split('/');
        return parts switch
        {
            [Page] => true,
            [Evidence, var kept] => EvidenceFile().IsMatch(kept),
            [_, var record] => RecordFile().IsMatch(record),
            _ => false,
        };
    }

    [GeneratedRegex(@"^\d{8}T\d{6}Z-(?<kind>claim|pass|fail|veto|lift)-(?<digits>[0-9a-f]{24})\.json(?<sig>\.sig)?$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex RecordFile();

    [GeneratedRegex(@"^[0-9a-f]{64}(\.[A-Za-z0-9]+)?$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex EvidenceFile();
}
