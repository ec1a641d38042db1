using Laptime.EndToEnd.Harness;

namespace Laptime.EndToEnd;

/// <summary>Image components through the published binary, without any engine.</summary>
public sealed class ImageTests
{
    [Theory]
    [InlineData("deploy")]
    [InlineData("plan")]
    [InlineData("why", "web")]
    public async Task An_image_on_the_process_target_is_refused_before_anything_is_built(params string[] command)
    {
        await using var workspace = await LapWorkspace.EmptyAsync();
        workspace.Write("src/page", "one");
        workspace.Write("laptime.yaml", """
            name: little
            components:
              web:
                path: src
                build:
                  steps: [ { name: note, run: "touch ../built" } ]
                  outputs: page
                  image: { base: scratch }
                run: { port: 8080 }
            """);
        var said = (await workspace.LapAsync(command)).Exits(2).Error;
        Assert.Contains("web is a container image, and the environment local (`target: process`) starts processes", said, StringComparison.Ordinal);
        Assert.Contains("target: docker", said, StringComparison.Ordinal);
        Assert.Contains("laptime.yaml:3:3", said, StringComparison.Ordinal);
        Assert.False(File.Exists(workspace.At("built")));
    }

    [Fact]
    public async Task An_image_that_is_only_built_is_built_once_for_each_content()
    {
        await using var workspace = await LapWorkspace.EmptyAsync();
        workspace.Write("src/page", "one");
        workspace.Write("laptime.yaml", "name: little\ncomponents:\n  web: { path: src, build: { image: { base: scratch, labels: { a: b } } } }\n");
        var first = await workspace.DeployAsync();
        Assert.Equal("built", first.Outcome());
        Assert.Equal("unchanged", (await workspace.DeployAsync()).Outcome());

        workspace.Write("src/page", "two");
        var second = await workspace.DeployAsync();
        Assert.Equal("built", second.Outcome());
        Assert.NotEqual((string?)first["components"]![0]!["artifact"], (string?)second["components"]![0]!["artifact"]);

        // The first content again: its image is here.
        workspace.Write("src/page", "one");
        var third = await workspace.DeployAsync();
        Assert.Equal(0, (int)third["counters"]!["built"]!);
        Assert.Equal((string?)first["components"]![0]!["artifact"], (string?)third["components"]![0]!["artifact"]);
    }
}
