using System.Globalization;
using System.Net.NetworkInformation;

namespace Laptime.Targets.Docker;

/// <summary>
/// Whom a bridge of this machine leads an address to. When dockerd is killed and a container of it dies while a connection of its is still open, the kernel keeps that container's network
/// alive until the connection has timed out (some two minutes), with its address; the engine gives the address to the next container, together with the same MAC, and the bridge goes on
/// leading it to the dead one, which refuses. No listing of the engine shows that; the kernel's own files do.
/// </summary>
/// <param name="interfaces">/sys/class/net.</param>
/// <param name="processes">/proc.</param>
internal sealed class BridgePorts(string interfaces = "/sys/class/net", string processes = "/proc")
{
    private const int EntrySize = 16;

    /// <param name="bridge">The bridge's own name on this machine.</param>
    /// <param name="mac">The address on the link, as the engine gave it to the container.</param>
    /// <param name="process">The container's first process.</param>
    /// <returns>The port that the address leads to, when that is none of the container's; null: it leads to the container, or nobody here can tell.</returns>
    public string? StrangerAt(string bridge, string mac, int process)
    {
        try
        {
            if (process <= 0 || !PhysicalAddress.TryParse(mac.Replace(':', '-').ToUpperInvariant(), out var wanted) || PortOf(bridge, wanted.GetAddressBytes()) is not { } number)
            {
                return null;
            }

            foreach (var port in Directory.EnumerateDirectories(Path.Combine(interfaces, bridge, "brif")).Select(Path.GetFileName))
            {
                if (Number(Path.Combine(interfaces, bridge, "brif", port!, "port_no")) == number)
                {
                    // The other end of the pair lies in the container, under the number that it was made with.
                    return IndexesIn(process) is { Count: > 0 } own && !own.Contains(Number(Path.Combine(interfaces, port!, "iflink"))) ? port : null;
                }
            }

            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            // Another machine's bridge, another kernel, or a port that goes this moment.
            return null;
        }
    }

    private int? PortOf(string bridge, byte[] mac)
    {
        var entries = File.ReadAllBytes(Path.Combine(interfaces, bridge, "brforward"));
        for (var at = 0; at + EntrySize <= entries.Length; at += EntrySize)
        {
            // struct __fdb_entry: the address, the port's low byte, whether it is the bridge's own, the age, the port's high byte.
            var entry = entries.AsSpan(at, EntrySize);
            if (entry[..6].SequenceEqual(mac) && entry[7] == 0)
            {
                return entry[6] | (entry[12] << 8);
            }
        }

        return null;
    }

    /// <summary>Numbers of the interfaces in a process's network: the lines of its multicast groups that begin with one.</summary>
    private HashSet<int> IndexesIn(int process)
    {
        var indexes = new HashSet<int>();
        foreach (var line in File.ReadLines(Path.Combine(processes, process.ToString(CultureInfo.InvariantCulture), "net", "igmp")))
        {
            if (line.Split('\t')[0] is { Length: > 0 } first && int.TryParse(first, NumberStyles.None, CultureInfo.InvariantCulture, out var index))
            {
                indexes.Add(index);
            }
        }

        return indexes;
    }

    private static int Number(string file)
    {
        var text = File.ReadAllText(file).AsSpan().Trim();
        return text.StartsWith("0x") ? int.Parse(text[2..], NumberStyles.HexNumber, CultureInfo.InvariantCulture) : int.Parse(text, CultureInfo.InvariantCulture);
    }
}
