using System.Runtime.CompilerServices;
using Laptime.Workspaces;

namespace Laptime.Tests.Workspaces;

/// <summary>A page of the guide that has the keys of a file, in blocks made from the one table of them.</summary>
internal static class KeysPage
{
    /// <summary>Fails unless every block is as the table has it; with LAPTIME_UPDATE_DOCS=1 makes it so.</summary>
    /// <param name="words">What is made of the words for a value; null: they stand as they are.</param>
    public static void IsAsTheTable(string name, IReadOnlyList<KeySet> all, Func<string, string>? words = null)
    {
        var page = PathOf(name);
        var text = File.ReadAllText(page);
        foreach (var keys in all)
        {
            var start = $"<!-- keys: {keys.Id} -->\n";
            var at = text.IndexOf(start, StringComparison.Ordinal);
            Assert.True(at >= 0, $"docs/guide/{name} has no block for {keys.Id}");
            at += start.Length;
            text = text[..at] + Table(keys, words ?? (static text => text)) + text[text.IndexOf("<!-- /keys -->", at, StringComparison.Ordinal)..];
        }

        if (Environment.GetEnvironmentVariable("LAPTIME_UPDATE_DOCS") == "1")
        {
            File.WriteAllText(page, text);
        }

        Assert.True(text == File.ReadAllText(page), $"docs/guide/{name} differs from the table of keys: run this test once with LAPTIME_UPDATE_DOCS=1");
    }

    /// <summary>Every YAML block of the page.</summary>
    public static IReadOnlyList<string> Blocks(string name) => [.. File.ReadAllText(PathOf(name)).Split("```yaml\n").Skip(1).Select(b => b[..b.IndexOf("```", StringComparison.Ordinal)])];

    private static string Table(KeySet keys, Func<string, string> words) =>
        "\n| key | value | default | example | meaning |\n| --- | --- | --- | --- | --- |\n"
        + string.Concat(keys.Keys.Select(k => $"| `{k.Name}` | {Cell(words(k.Type.Words))} | {Cell(k.Required ? "required" : k.Default ?? "none")} | `{Cell(k.Example)}` | {Cell(k.Description)} |\n")) + "\n";

    private static string Cell(string text) => text.Replace("|", "\\|");

    private static string PathOf(string name, [CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../../docs/guide", name));
}
