using Laptime.Foundations;
using Laptime.Planning;
using Laptime.Workspaces;

namespace Laptime.Tests.Planning;

public sealed class ImagePlanningTests
{
    private static readonly SourceLocation Here = new("laptime.yaml", 3, 3);
    private static readonly RunSettings Running = new() { Command = new CommandLine.Exec([]) };

    [Theory]
    [InlineData(TargetKind.Process, true)]
    [InlineData(TargetKind.Docker, false)]
    [InlineData(TargetKind.Swarm, false)]
    [InlineData(TargetKind.Kubernetes, false)]
    [InlineData(TargetKind.Command, false)]
    public void A_target_that_starts_processes_refuses_images_before_anything_is_built(TargetKind target, bool refused)
    {
        var workspace = Workspace(Image("a"), Image("b"), Files("c"));
        var environment = new DeployEnvironment { Name = "local", Target = target };
        if (!refused)
        {
            TargetFit.Require(Workspace(Image("a"), Image("b")), environment, null);
            return;
        }

        var problems = Assert.Throws<LapException>(() => TargetFit.Require(workspace, environment, null)).Problems;
        Assert.Equal(2, problems.Count);
        Assert.Contains("a is a container image, and the environment local", problems[0].What, StringComparison.Ordinal);
        Assert.Equal("deploy it to one that runs images: `--env swarm`", problems[0].Mend);
        // What is not deployed now, or only built, is no problem.
        TargetFit.Require(workspace, environment, new HashSet<string> { "c" });
        TargetFit.Require(Workspace(Image("a") with { Run = null }), environment, null);
    }

    [Fact]
    public void Every_setting_of_an_image_is_an_input_and_no_value_of_an_argument_is_shown()
    {
        var basic = Of(new ImageSettings("Dockerfile", "", null));
        Assert.NotEqual(basic, Of(new ImageSettings("Other", "", null)));
        Assert.NotEqual(basic, Of(new ImageSettings("Dockerfile", "ctx", null)));
        Assert.NotEqual(basic, Of(new ImageSettings("Dockerfile", "", "final")));
        Assert.NotEqual(basic, Of(new ImageSettings("Dockerfile", "", null) { Builder = ImageBuilder.Buildah }));
        Assert.NotEqual(basic, Of(new ImageSettings("Dockerfile", "", null) { Platform = "linux/arm64" }));
        var argued = Of(new ImageSettings("Dockerfile", "", null) { Arguments = new Dictionary<string, Template> { ["TOKEN"] = Template.Literal("s3cret") } });
        Assert.NotEqual(basic, argued);
        Assert.DoesNotContain("s3cret", argued, StringComparison.Ordinal);

        var layered = new ImageSettings("Dockerfile", "", null) { Base = "scratch" };
        Assert.NotEqual(Of(layered), Of(layered with { WorkDir = "/srv" }));
        Assert.NotEqual(Of(layered), Of(layered with { User = "1" }));
        Assert.NotEqual(Of(layered), Of(layered with { Port = 80 }));
        Assert.NotEqual(Of(layered with { Command = ["a", "b"] }), Of(layered with { Command = ["b", "a"] }));
        Assert.NotEqual(Of(layered with { Env = new Dictionary<string, string> { ["A"] = "1" } }), Of(layered with { Labels = new Dictionary<string, string> { ["A"] = "1" } }));
        Assert.Empty(ImageInputs.Of(Files("c"), _ => null));
    }

    private static string Of(ImageSettings image) =>
        string.Join('\n', ImageInputs.Of(Image("a") with { Build = new BuildSettings { Image = image } }, _ => null).OrderBy(s => s.Key, StringComparer.Ordinal).Select(s => $"{s.Key}={s.Value}"));

    private static Component Image(string name) => new()
    {
        Name = name, Path = name, At = Here, Run = Running, Build = new BuildSettings { Image = new ImageSettings("Dockerfile", "", null) },
    };

    private static Component Files(string name) => new() { Name = name, Path = name, At = Here, Run = Running };

    private static Workspace Workspace(params Component[] components) => new()
    {
        Root = "/w", File = "/w/laptime.yaml", Sources = [], Name = "w", Components = components, Profiles = [],
        Environments = [new DeployEnvironment { Name = "local" }, new DeployEnvironment { Name = "swarm", Target = TargetKind.Swarm }],
    };
}
