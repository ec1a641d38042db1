using System.Net.Sockets;
using System.Runtime.InteropServices;
using Laptime.Processes;

namespace Laptime.Targets.Local;

/// <summary>Who is at the other end of a Unix socket.</summary>
public static class PeerUser
{
    /// <summary>The same user. Where the system cannot tell, the private folder of the socket is the guard, and the answer is true.</summary>
    public static bool IsOurs(Socket socket)
    {
        if (!OperatingSystem.IsLinux())
        {
            return true;
        }

        const int socketLevel = 1, peerCredentials = 17;
        Span<byte> credentials = stackalloc byte[12];
        return socket.GetRawSocketOption(socketLevel, peerCredentials, credentials) == 12 && MemoryMarshal.Read<uint>(credentials[4..]) == Libc.EffectiveUser();
    }
}
