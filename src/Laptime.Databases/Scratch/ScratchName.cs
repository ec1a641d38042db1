using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Laptime.Processes;

namespace Laptime.Databases.Scratch;

/// <summary>
/// The name of a scratch database and of its role: it says which process made it and until when it may live, so that whoever comes next removes what a killed
/// one left. <c>lap_scratch_HOST_PID_START_UNTIL_RANDOM</c>, in hexadecimal digits.
/// </summary>
internal readonly record struct ScratchName(string Host, int Pid, long Start, long Until, string Random)
{
    public const string Prefix = "lap_scratch_";

    /// <summary>Of another host nobody knows whether it lives: beyond this nobody needs it.</summary>
    private static readonly TimeSpan Lease = TimeSpan.FromHours(2);

    public static ScratchName New(TimeProvider clock)
    {
        var me = ProcessOwner.Current();
        return new ScratchName(HostOf(me), me.Pid, me.StartTicks, (clock.GetUtcNow() + Lease).ToUnixTimeSeconds(), Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4)));
    }

    public static ScratchName? Parse(string name)
    {
        if (!name.StartsWith(Prefix, StringComparison.Ordinal) || name[Prefix.Length..].Split('_') is not [var host, var pid, var start, var until, var random])
        {
            return null;
        }

        return int.TryParse(pid, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var p) && long.TryParse(start, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var s)
            && long.TryParse(until, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var u)
            ? new ScratchName(host, p, s, u, random)
            : null;
    }

    /// <summary>Whether nobody needs it any more.</summary>
    public bool IsDead(TimeProvider clock)
    {
        var me = ProcessOwner.Current();
        return Host == HostOf(me) ? (me with { Pid = Pid, StartTicks = Start }).IsAlive() == false : clock.GetUtcNow().ToUnixTimeSeconds() > Until;
    }

    // A boot of a host: after another one, the process is gone whatever has its number now.
    private static string HostOf(ProcessOwner owner) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(owner.Host + "\n" + owner.BootId)))[..8];

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Host}_{Pid:x}_{Start:x}_{Until:x}_{Random}");
}
