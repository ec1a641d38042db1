using System.Text;
using Laptime.Foundations;

namespace Laptime.Reports.GitHub;

/// <summary>The summary of a step in GitHub Actions: Markdown, appended to the file that GITHUB_STEP_SUMMARY names.</summary>
public static class StepSummary
{
    public const string Variable = "GITHUB_STEP_SUMMARY";

    /// <summary>GitHub takes 1 MiB for a step, and drops the whole summary when it is more.</summary>
    public const int Most = 1024 * 1024;

    /// <summary>Appends a report, cut where it would be too much for GitHub together with what is there.</summary>
    /// <returns>Null, or what to warn of.</returns>
    public static string? Append(string path, string markdown, string wholeReport)
    {
        try
        {
            var there = File.Exists(path) ? new FileInfo(path).Length : 0;
            var before = there > 0 ? "\n" : "";
            if (Cut(before + markdown, Most - there, wholeReport) is not { } fits)
            {
                return $"the job's summary has no room left (GitHub takes 1 MiB for a step); the report is in {wholeReport}";
            }

            AppendedFile.Append(path, Encoding.UTF8.GetBytes(fits));
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"the job's summary ({Variable}) cannot be written: {e.Message}";
        }
    }

    /// <summary>As many whole lines as there is room for, and a last one that says so; null when there is not even room for a few.</summary>
    internal static string? Cut(string markdown, long room, string wholeReport)
    {
        if (Encoding.UTF8.GetByteCount(markdown) <= room)
        {
            return markdown;
        }

        var last = $"\n*Cut: GitHub takes 1 MiB for a step. The whole report is in {MarkdownText.Prose(wholeReport)}.*\n";
        var left = room - Encoding.UTF8.GetByteCount(last);
        var kept = new StringBuilder();
        var fence = "";
        var lines = markdown.Split('\n');
        foreach (var line in lines[..^1])
        {
            // A code block that is cut must still be closed, or the rest of the page is code.
            var opens = line.Length - line.TrimStart('`').Length;
            var after = opens < 3 ? fence : fence.Length == 0 ? line[..opens] : line.TrimEnd() == fence ? "" : fence;
            left -= Encoding.UTF8.GetByteCount(line) + 1;
            if (left - (after.Length == 0 ? 0 : after.Length + 1) < 0)
            {
                break;
            }

            kept.Append(line).Append('\n');
            fence = after;
        }

        return kept.Length == 0 ? null : (fence.Length == 0 ? kept : kept.Append(fence).Append('\n')).Append(last).ToString();
    }
}
