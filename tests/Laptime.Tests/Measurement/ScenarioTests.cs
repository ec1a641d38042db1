using Laptime.Foundations;
using Laptime.Measurement;

namespace Laptime.Tests.Measurement;

public sealed class ScenarioTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public ScenarioTests()
    {
        Directory.CreateDirectory(Path.Combine(folder.Path, "src", "web"));
        File.WriteAllText(Path.Combine(folder.Path, "src", "web", "a.cs"), "");
        File.WriteAllText(Path.Combine(folder.Path, "laptime.yaml"), "");
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_path_is_looked_up_where_the_user_is_and_then_in_the_workspace()
    {
        Assert.Equal("edit:src/web/a.cs", Parse("edit:a.cs", "src/web").Text);
        Assert.Equal("edit:src/web/a.cs", Parse("edit:src/web/a.cs", "src/web").Text);
        Assert.Equal("edit:src/web/a.cs", Parse("edit:./src/../src/web/a.cs").Text);
        Assert.Equal("cold", Parse("cold").Text);
    }

    [Theory]
    [InlineData("wram", "did you mean `warm`?")]
    [InlineData("fast", "use cold, warm, full or edit:PATH")]
    [InlineData("edit:", "such as edit:")]
    [InlineData("edit:src/web", "is a folder")]
    [InlineData("edit:no.cs", "there is no file")]
    [InlineData("edit:/etc/hostname", "outside of the workspace")]
    [InlineData("edit:laptime.yaml", "decides what is measured")]
    public void A_word_that_is_no_scenario_is_refused_with_what_would_be_one(string text, string told) => Assert.Contains(told, Assert.Throws<LapException>(() => Parse(text)).Message);

    [Fact]
    public void A_warm_run_is_the_plainest_command_there_is() => Assert.Empty(Parse("warm").Flags);

    private Scenario Parse(string text, string below = "") => Scenario.Parse(text, folder.Path, Path.Combine(folder.Path, below));
}
