using Laptime.Foundations;

namespace Laptime.Cli.FastPath;

/// <summary>What a run with nothing to do says: each component as the target just described it, then the sentence. Bytes by plain loops: it is on the no-op path.</summary>
internal static class UnchangedView
{
    private const int MostRows = 16;

    public static void Text(
        Utf8Json to, string id, string workspace, string environment, string[] names, string?[] revisions, string[] readiness, string?[] endpoints, int[] instances, int[] of,
        long elapsedNs, string[] parityGaps, bool colour)
    {
        var good = colour ? "\e[32m✓\e[0m" : "✓";
        var dim = colour ? "\e[2m" : "";
        var bold = colour ? "\e[1m" : "";
        var end = colour ? "\e[0m" : "";
        var rows = names.Length > MostRows ? MostRows - 1 : names.Length;
        int nameWidth = 0, revisionWidth = 0, stateWidth = 0;
        var states = new string[rows];
        for (var i = 0; i < rows; i++)
        {
            states[i] = revisions[i] is null ? "built, does not run"
                : string.Concat(PlainText.Number((ulong)instances[i]), "/", PlainText.Number((ulong)of[i]), readiness[i] == "pass" ? " serving, ready" : " serving");
            nameWidth = Math.Max(nameWidth, names[i].Length);
            revisionWidth = Math.Max(revisionWidth, (revisions[i] ?? "").Length);
            stateWidth = Math.Max(stateWidth, states[i].Length);
        }

        for (var i = 0; i < rows; i++)
        {
            to.RawText("  ");
            to.RawText(good);
            to.Raw(' ');
            Padded(to, names[i], nameWidth + 2);
            Padded(to, revisions[i] ?? "", revisionWidth + 2);
            Padded(to, states[i], stateWidth + 2);
            to.RawText(dim);
            to.RawText(endpoints[i] ?? "");
            to.RawText(end);
            to.Raw('\n');
        }

        if (rows < names.Length)
        {
            to.RawText("    … and ");
            to.RawNumber(names.Length - rows);
            to.RawText(" more, all unchanged\n");
        }

        for (var i = 0; i < parityGaps.Length; i++)
        {
            to.RawText("  ");
            to.RawText(dim);
            to.RawText("gap: ");
            to.RawText(parityGaps[i]);
            to.RawText(end);
            to.Raw('\n');
        }

        to.Raw('\n');
        to.RawText(bold);
        to.RawText("unchanged");
        to.RawText(end);
        to.RawText(": ");
        to.RawText(workspace);
        to.RawText(" · ");
        to.RawText(environment);
        to.RawText(" · ");
        to.RawNumber(names.Length);
        to.RawText(names.Length == 1 ? " component skipped" : " components skipped");
        to.RawText(", read from the target just now · ");
        Milliseconds(to, elapsedNs);
        to.RawText("  ");
        to.RawText(dim);
        to.RawText(id);
        to.RawText(end);
        to.Raw('\n');
    }

    /// <summary>The report of such a run.</summary>
    public static void Markdown(Utf8Json to, string id, string workspace, string environment, string[] names, string?[] revisions, string[] readiness, int[] instances, int[] of, long elapsedNs, string[] parityGaps)
    {
        to.RawText("# unchanged: ");
        to.RawText(workspace);
        to.RawText(" · ");
        to.RawText(environment);
        to.RawText("\n\n`");
        to.RawText(id);
        to.RawText("`: ");
        to.RawNumber(names.Length);
        to.RawText(" components skipped in ");
        Milliseconds(to, elapsedNs);
        to.RawText(", after reading the target.\n\n| component | revision | instances | ready |\n| --- | --- | --- | --- |\n");
        for (var i = 0; i < names.Length; i++)
        {
            to.RawText("| ");
            to.RawText(names[i]);
            to.RawText(" | ");
            to.RawText(revisions[i] ?? "(does not run)");
            to.RawText(" | ");
            to.RawNumber(instances[i]);
            to.Raw('/');
            to.RawNumber(of[i]);
            to.RawText(" | ");
            to.RawText(readiness[i]);
            to.RawText(" |\n");
        }

        if (parityGaps.Length > 0)
        {
            to.RawText("\nParity gaps:\n\n");
            for (var i = 0; i < parityGaps.Length; i++)
            {
                to.RawText("- ");
                to.RawText(parityGaps[i]);
                to.Raw('\n');
            }
        }
    }

    private static void Padded(Utf8Json to, string text, int width)
    {
        to.RawText(text);
        for (var i = text.Length; i < width; i++)
        {
            to.Raw(' ');
        }
    }

    private static void Milliseconds(Utf8Json to, long nanoseconds)
    {
        var tenths = nanoseconds / 100_000;
        to.RawNumber(tenths / 10);
        if (tenths < 1000)
        {
            to.Raw('.');
            to.RawNumber(tenths % 10);
        }

        to.RawText(" ms");
    }
}
