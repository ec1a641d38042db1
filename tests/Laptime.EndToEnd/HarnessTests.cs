using Laptime.EndToEnd.Harness;

namespace Laptime.EndToEnd;

/// <summary>The harness itself: a workspace that is deployed, answers, and is gone afterwards.</summary>
public sealed class HarnessTests
{
    [Fact]
    public async Task A_little_workspace_is_deployed_answers_and_leaves_nothing_running()
    {
        var (workspace, port) = await LapWorkspace.OneAsync();
        await using (workspace)
        {
            var document = await workspace.DeployAsync();
            Assert.Equal("reflected", (string?)document["outcome"]);
            Assert.Equal((200, "first text of web"), await workspace.GetAsync(port));
            Assert.NotEmpty(workspace.Leftovers());
        }

        Assert.Empty(workspace.Leftovers());
        Assert.False(Directory.Exists(workspace.Root));
    }
}
