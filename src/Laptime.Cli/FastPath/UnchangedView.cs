using System.Globalization;
using System.Text;

namespace Laptime.Cli.FastPath;

/// <summary>What a run with nothing to do says: each component as the target just described it, then the sentence. Plain strings: it is on the no-op path.</summary>
internal static class UnchangedView
{
    private const int MostRows = 16;

    public static string Text(
        string id, string workspace, string environment, string[] names, string?[] revisions, string[] readiness, string?[] endpoints, int[] instances, int[] of,
        long elapsedNs, string[] parityGaps, bool colour)
    {
        var good = colour ? "\e[32m✓\e[0m" : "✓";
        var dim = colour ? "\e[2m" : "";
        var bold = colour ? "\e[1m" : "";
        var end = colour ? "\e[0m" : "";
        var text = new StringBuilder();
        var rows = Math.Min(names.Length, names.Length > MostRows ? MostRows - 1 : MostRows);
        var (nameWidth, revisionWidth, stateWidth) = (0, 0, 0);
        var states = new string[rows];
        for (var i = 0; i < rows; i++)
        {
            states[i] = revisions[i] is null ? "built, does not run" : Count(instances[i]) + "/" + Count(of[i]) + " serving" + (readiness[i] == "pass" ? ", ready" : "");
            nameWidth = Math.Max(nameWidth, names[i].Length);
            revisionWidth = Math.Max(revisionWidth, (revisions[i] ?? "").Length);
            stateWidth = Math.Max(stateWidth, states[i].Length);
        }

        for (var i = 0; i < rows; i++)
        {
            text.Append("  ").Append(good).Append(' ').Append(names[i].PadRight(nameWidth)).Append("  ").Append((revisions[i] ?? "").PadRight(revisionWidth)).Append("  ")
                .Append(states[i].PadRight(stateWidth)).Append("  ").Append(dim).Append(endpoints[i] ?? "").Append(end).Append('\n');
        }

        if (rows < names.Length)
        {
            text.Append("    … and ").Append(names.Length - rows).Append(" more, all unchanged\n");
        }

        foreach (var gap in parityGaps)
        {
            text.Append("  ").Append(dim).Append("gap: ").Append(gap).Append(end).Append('\n');
        }

        return text.Append('\n').Append(bold).Append("unchanged").Append(end).Append(": ").Append(workspace).Append(" · ").Append(environment).Append(" · ")
            .Append(names.Length).Append(names.Length == 1 ? " component skipped" : " components skipped").Append(", read from the target just now · ")
            .Append(Milliseconds(elapsedNs)).Append("  ").Append(dim).Append(id).Append(end).Append('\n').ToString();
    }

    /// <summary>The report of such a run.</summary>
    public static string Markdown(string id, string workspace, string environment, string[] names, string?[] revisions, string[] readiness, int[] instances, int[] of, long elapsedNs, string[] parityGaps)
    {
        var text = new StringBuilder();
        text.Append("# unchanged: ").Append(workspace).Append(" · ").Append(environment).Append("\n\n`").Append(id).Append("`: ").Append(names.Length)
            .Append(" components skipped in ").Append(Milliseconds(elapsedNs)).Append(", after reading the target.\n\n| component | revision | instances | ready |\n| --- | --- | --- | --- |\n");
        for (var i = 0; i < names.Length; i++)
        {
            text.Append("| ").Append(names[i]).Append(" | ").Append(revisions[i] ?? "(does not run)").Append(" | ").Append(instances[i]).Append('/').Append(of[i]).Append(" | ").Append(readiness[i]).Append(" |\n");
        }

        if (parityGaps.Length > 0)
        {
            text.Append("\nParity gaps:\n\n");
            foreach (var gap in parityGaps)
            {
                text.Append("- ").Append(gap).Append('\n');
            }
        }

        return text.ToString();
    }

    private static string Count(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Milliseconds(long nanoseconds)
    {
        var tenths = nanoseconds / 100_000;
        return tenths >= 1000
            ? (tenths / 10).ToString(CultureInfo.InvariantCulture) + " ms"
            : (tenths / 10).ToString(CultureInfo.InvariantCulture) + "." + (tenths % 10).ToString(CultureInfo.InvariantCulture) + " ms";
    }
}
