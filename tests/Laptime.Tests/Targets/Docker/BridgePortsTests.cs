using Laptime.Targets.Docker;

namespace Laptime.Tests.Targets.Docker;

/// <summary>Whom a bridge leads an address to, from files as the kernel writes them.</summary>
public sealed class BridgePortsTests : IDisposable
{
    private const string Mac = "02:42:0a:d6:01:04";

    private readonly TemporaryFolder folder = new();

    /// <summary>As a container's network shows it: lo is 1, its ends of the pairs 14250 and 14253.</summary>
    private const string Groups = """
        Idx	Device    : Count Querier	Group    Users Timer	Reporter
        1	lo        :     1      V3
        				010000E0     1 0:00000000		0
        14250	eth0      :     1      V3
        				010000E0     1 0:00000000		0
        14253	eth1      :     1      V3
        				010000E0     1 0:00000000		0

        """;

    public BridgePortsTests()
    {
        folder.File("proc/77/net/igmp", Groups);
        Port("veth-own", 2, 14253);
        Port("veth-left", 300, 14222);
    }

    [Fact]
    public void An_address_that_leads_to_another_pair_than_the_containers_is_a_strangers()
    {
        Forward((Mac, 300, false));
        Assert.Equal("veth-left", Stranger());
    }

    [Fact]
    public void One_that_leads_to_the_container_is_not()
    {
        Forward(("02:42:0a:d6:01:03", 300, false), (Mac, 2, false));
        Assert.Null(Stranger());
    }

    [Fact]
    public void Where_nobody_can_tell_there_is_none()
    {
        // Not learned yet; the bridge's own; no such bridge; a process that is gone or another machine's; no address.
        Forward(("02:42:0a:d6:01:03", 300, false));
        Assert.Null(Stranger());
        Forward((Mac, 300, true));
        Assert.Null(Stranger());
        Forward((Mac, 300, false));
        Assert.Null(Ports.StrangerAt("elsewhere", Mac, 77));
        Assert.Null(Ports.StrangerAt("lapg1", Mac, 78));
        Assert.Null(Ports.StrangerAt("lapg1", Mac, 0));
        Assert.Null(Ports.StrangerAt("lapg1", "", 77));
        // The port went between two reads.
        Forward((Mac, 9, false));
        Assert.Null(Stranger());
    }

    public void Dispose() => folder.Dispose();

    private BridgePorts Ports => new(folder.At("net"), folder.At("proc"));

    private string? Stranger() => Ports.StrangerAt("lapg1", Mac, 77);

    private void Port(string name, int number, int peer)
    {
        folder.File($"net/lapg1/brif/{name}/port_no", $"0x{number:x}\n");
        folder.File($"net/{name}/iflink", $"{peer}\n");
    }

    private void Forward(params (string Mac, int Port, bool Local)[] entries)
    {
        var bytes = entries.SelectMany(e =>
        {
            byte[] address = [.. e.Mac.Split(':').Select(b => Convert.ToByte(b, 16))];
            return (byte[])[.. address, (byte)e.Port, (byte)(e.Local ? 1 : 0), 9, 0, 0, 0, (byte)(e.Port >> 8), 0, 0, 0];
        });
        File.WriteAllBytes(folder.At("net/lapg1/brforward"), [.. bytes]);
    }
}
