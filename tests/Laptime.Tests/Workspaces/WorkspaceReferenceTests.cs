using System.Runtime.CompilerServices;
using Laptime.Workspaces;

namespace Laptime.Tests.Workspaces;

/// <summary>docs/guide/laptime-yaml.md holds the tables of <see cref="WorkspaceKeys"/>. With LAPTIME_UPDATE_DOCS=1 the test writes them.</summary>
public sealed class WorkspaceReferenceTests
{
    [Fact]
    public void The_reference_page_has_every_key_as_the_table_has_it()
    {
        var page = Page();
        var text = File.ReadAllText(page);
        foreach (var keys in WorkspaceKeys.All)
        {
            var start = $"<!-- keys: {keys.Id} -->\n";
            var at = text.IndexOf(start, StringComparison.Ordinal);
            Assert.True(at >= 0, $"docs/guide/laptime-yaml.md has no block for {keys.Id}");
            at += start.Length;
            text = text[..at] + Table(keys) + text[text.IndexOf("<!-- /keys -->", at, StringComparison.Ordinal)..];
        }

        if (Environment.GetEnvironmentVariable("LAPTIME_UPDATE_DOCS") == "1")
        {
            File.WriteAllText(page, text);
        }

        Assert.True(text == File.ReadAllText(page), "docs/guide/laptime-yaml.md differs from the table of keys: run this test once with LAPTIME_UPDATE_DOCS=1");
    }

    [Fact]
    public void Every_yaml_block_of_the_reference_page_loads()
    {
        var blocks = File.ReadAllText(Page()).Split("```yaml\n").Skip(1).Select(b => b[..b.IndexOf("```", StringComparison.Ordinal)]).ToList();
        Assert.NotEmpty(blocks);
        foreach (var block in blocks)
        {
            using var folder = new TemporaryWorkspace("src/web/");
            folder.Load(block);
        }
    }

    private static string Table(KeySet keys)
    {
        var lines = new List<string> { "| key | value | default | example | meaning |", "| --- | --- | --- | --- | --- |" };
        foreach (var key in keys.Keys)
        {
            lines.Add($"| `{key.Name}` | {Cell(Linked(key.Type.Words))} | {Cell(key.Required ? "required" : key.Default ?? "none")} | `{Cell(key.Example)}` | {Cell(key.Description)} |");
        }

        return "\n" + string.Join('\n', lines) + "\n\n";
    }

    private static string Linked(string words) => WorkspaceKeys.All.Aggregate(words, (text, keys) => text.Replace($"(`{keys.Id}`)", $"([{keys.Id}](#{keys.Id}))"));

    private static string Cell(string text) => text.Replace("|", "\\|");

    private static string Page([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../../docs/guide/laptime-yaml.md"));
}
