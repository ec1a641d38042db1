using Laptime.Fingerprints;
using Laptime.Targets.Docker;
using Laptime.Targets.Local;

namespace Laptime.Tests.Targets.Docker;

/// <summary>What is read from names, labels, one listing and the agent's word.</summary>
public sealed class DockerStateTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1_800_000_000);
    private static readonly ContainerNames Names = new("shop", "local", "web");

    [Fact]
    public void Names_say_where_a_container_stands()
    {
        Assert.Equal("shop-local-web-1", Names.Current(1));
        Assert.Equal((Standing.Current, 1, null), Names.Read(Names.Current(1)));
        Assert.Equal((Standing.New, 2, null), Names.Read(Names.New(2, "tx-20261121-110329-7f3a9c", 1)));
        Assert.Equal((Standing.New, 2, null), Names.Read(Names.New(2, "tx-20261121-110329-7f3a9c", 3)));
        Assert.Equal((Standing.Old, 3, Now), Names.Read(Names.Old(Names.Current(3), Now)));
        foreach (var foreign in (string[])["web", "shop-local-web", "shop-local-web-x", "shop-local-web-1x", "shop-local-web-1.bak", "shop-local-web-1.old-x-1", "shop-local-webby-1"])
        {
            Assert.Equal(Standing.Foreign, Names.Read(foreign).Standing);
        }
    }

    [Theory]
    [InlineData("web", "web")]
    [InlineData("My_App-2", "My_App-2")]
    [InlineData("té st", "xt--st-")]
    [InlineData("-x", "x-x-")]
    public void Names_are_what_an_engine_takes(string text, string starts) => Assert.StartsWith(starts, DockerLabels.NamePart(text), StringComparison.Ordinal);

    [Fact]
    public void A_container_as_it_was_left_serves()
    {
        var seen = State([Container()]);
        Assert.True(seen.Serving, seen.Detail);
        Assert.Equal(("web@111111111111", 1, 1, "http://127.0.0.1:8080", "tx-1"), (seen.Revision, seen.Instances, seen.Of, seen.Endpoint, seen.Transaction));
    }

    [Fact]
    public void Whatever_differs_from_how_it_was_left_is_told()
    {
        Told("Exited (137) 2 seconds ago", [Container() with { State = "exited", Status = "Exited (137) 2 seconds ago", Ports = null }]);
        Told("runs the image sha256:ffff", [Container() with { ImageID = "sha256:ffff" }]);
        Told("carries its labels", [Container(), Container("shop-local-web-1-copy")]);
        Told("was left by an interrupted deploy", [Container(), Container(Names.New(1, "tx-2", 1))]);
        Told("was left by an interrupted deploy", [Container(), Container(Names.Old(Names.Current(1), Now.AddSeconds(-1)))]);
        Told("ended before it was confirmed", [Container(Names.New(1, "tx-2", 1))]);
        Told("2 containers are there", [With(Container(), DockerLabels.Replicas, "2")], "1 of ");
        Told("two revisions stand side by side", [Container(), With(Container(Names.Current(2)), DockerLabels.DeploymentKey, Digest.Of("other").ToString())]);
        Told("does not run; `lap agent start`", [Container()], lead: null, agentRuns: false);
        Told("port 8080 does not lead to it", [Container()], lead: null);
        Told("port 8080 is in use by nginx (pid 7)", [Container()], lead: Lead() with { Leads = false, Holder = "nginx (pid 7)" });
        Told("port 8080 leads to web@222222222222", [Container()], lead: Lead() with { Revision = "web@222222222222", Backends = [new Backend("x", 40002)] });
    }

    [Fact]
    public void What_is_still_being_drained_is_no_drift() =>
        Assert.True(State([Container(), Container(Names.Old(Names.Current(1), Now.AddSeconds(1)))]).Serving);

    private static void Told(string detail, ContainerSummary[] containers, string also = "", LeadState? lead = null, bool agentRuns = true)
    {
        var seen = lead is null && (detail.Contains("lead to it", StringComparison.Ordinal) || !agentRuns)
            ? DockerObserver.StateOf("web", [.. containers.Select(DockerObserver.Read)], null, agentRuns, Now)
            : State(containers, lead);
        Assert.False(seen.Serving);
        Assert.Contains(detail, seen.Detail);
        Assert.Contains(also, seen.Detail);
    }

    private static Laptime.Targets.Observed State(ContainerSummary[] containers, LeadState? lead = null) =>
        DockerObserver.StateOf("web", [.. containers.Select(DockerObserver.Read)], lead ?? Lead(), agentRuns: true, Now);

    private static LeadState Lead() => new()
    {
        Environment = "local", Component = "web", FrontPort = 8080, Revision = "web@111111111111", Backends = [new Backend("shop-local-web-1", 40001)], DrainSeconds = 1, Leads = true,
    };

    private static ContainerSummary With(ContainerSummary container, string label, string value) =>
        container with { Labels = new Dictionary<string, string>(container.Labels!) { [label] = value } };

    private static ContainerSummary Container(string name = "shop-local-web-1") => new()
    {
        Id = Digest.Of(name).ToHex(), Names = ["/" + name], State = "running", Status = "Up 2 minutes", ImageID = "sha256:aaaa", Created = 1_799_999_000,
        Ports = [new PortSummary("127.0.0.1", 8080, 40001, "tcp")],
        Labels = new Dictionary<string, string>
        {
            [DockerLabels.Workspace] = "shop", [DockerLabels.Environment] = "local", [DockerLabels.Component] = "web", [DockerLabels.Revision] = "web@111111111111",
            [DockerLabels.Artifact] = Digest.Of("a").ToString(), [DockerLabels.DeploymentKey] = Digest.Of("k").ToString(), [DockerLabels.Transaction] = "tx-1", [DockerLabels.Replicas] = "1",
            [DockerLabels.Front] = "8080", [DockerLabels.Port] = "8080", [DockerLabels.Image] = "sha256:aaaa",
        },
    };
}
