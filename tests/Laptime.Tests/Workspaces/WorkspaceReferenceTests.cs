using Laptime.Workspaces;

namespace Laptime.Tests.Workspaces;

/// <summary>docs/guide/laptime-yaml.md holds the tables of <see cref="WorkspaceKeys"/>. With LAPTIME_UPDATE_DOCS=1 the test writes them.</summary>
public sealed class WorkspaceReferenceTests
{
    private const string Page = "laptime-yaml.md";

    [Fact]
    public void The_reference_page_has_every_key_as_the_table_has_it() => KeysPage.IsAsTheTable(Page, WorkspaceKeys.All, Linked);

    [Fact]
    public void Every_yaml_block_of_the_reference_page_loads()
    {
        var blocks = KeysPage.Blocks(Page);
        Assert.NotEmpty(blocks);
        foreach (var block in blocks)
        {
            using var folder = new TemporaryWorkspace("src/web/");
            folder.Load(block);
        }
    }

    private static string Linked(string words) => WorkspaceKeys.All.Aggregate(words, (text, keys) => text.Replace($"(`{keys.Id}`)", $"([{keys.Id}](#{keys.Id}))"));
}
