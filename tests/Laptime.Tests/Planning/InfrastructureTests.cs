using Laptime.Fingerprints;
using Laptime.Planning;
using Laptime.Workspaces;

namespace Laptime.Tests.Planning;

/// <summary>When an environment is bootstrapped, and what is said of it.</summary>
public sealed class InfrastructureTests
{
    private static readonly DeployEnvironment Staging = Given.Local with { Name = "staging", Infra = new InfraSettings(["infra/**"], [new CommandLine.Shell(Template.Literal("./up.sh"))]) };

    private static InfraFingerprint Infra(string content, string command = "./up.sh", params string[] more) =>
        InfraFingerprint.Of(Staging, [File("infra/net.tf", content), .. more.Select(m => File(m, "x"))], [[command]])!;

    private static InputFile File(string path, string content) => new(path, InputKind.File, Digest.Of(content), content.Length, 0);

    [Fact]
    public void Content_and_commands_decide_and_nothing_else()
    {
        Assert.Equal(Infra("a").Value, Infra("a").Value);
        Assert.NotEqual(Infra("a").Value, Infra("b").Value);
        Assert.NotEqual(Infra("a").Value, Infra("a", "./up.sh --more").Value);
        Assert.Null(InfraFingerprint.Of(Staging with { Infra = new InfraSettings(["infra/**"], []) }, [], []));
    }

    [Fact]
    public void Unknown_is_not_equal_and_equal_is_steady()
    {
        Assert.NotNull(new InfraFacts(Infra("a"), null).Plan);
        Assert.Null(new InfraFacts(Infra("a"), Infra("a")).Plan);
    }

    [Fact]
    public void What_changed_is_named()
    {
        Assert.Equal(["infra/net.tf"], new InfraFacts(Infra("b"), Infra("a")).Plan!.Detail);
        Assert.Equal(["bootstrap command 1", "infra/new (added)"], new InfraFacts(Infra("a", "up", "infra/new"), Infra("a")).Plan!.Detail);
        Assert.Equal(["infra/old (removed)"], new InfraFacts(Infra("a"), Infra("a", "./up.sh", "infra/old")).Plan!.Detail);
    }

    [Fact]
    public void A_bootstrap_is_a_change_of_its_own_and_beats_named_components_aloud()
    {
        var facts = new PlanningFacts
        {
            Fingerprints = new Dictionary<string, ComponentFingerprint>(), Artifacts = new Dictionary<string, Digest>(), RunSettings = new Dictionary<string, IReadOnlyDictionary<string, string>>(),
            Observed = new Dictionary<string, Running>(), Records = new Dictionary<string, DeployedRecord>(), RecordedFingerprints = new Dictionary<string, ComponentFingerprint>(),
            Infra = new InfraFacts(Infra("b"), Infra("a")), Widened = new HashSet<string> { "web" },
        };
        var plan = Planner.Make(Given.Workspace(), Staging, facts);
        Assert.True(plan.HasChanges);
        Assert.Equal("infra of staging changed (infra/net.tf): it is bootstrapped once everything is built; everything is planned, not only web", Assert.Single(plan.Warnings));
        Assert.False(Planner.Make(Given.Workspace(), Staging, facts with { Infra = new InfraFacts(Infra("a"), Infra("a")), Widened = null }).HasChanges);
        Assert.Null(Planner.Make(Given.Workspace(), Staging, facts with { OnlyBuild = true }).Bootstrap);
    }
}
