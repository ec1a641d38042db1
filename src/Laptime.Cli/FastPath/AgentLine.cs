using System.Runtime.InteropServices;
using Laptime.Foundations;

namespace Laptime.Cli.FastPath;

/// <summary>One plain-text question to the agent over its socket, by system calls alone: the managed socket would cost more than everything else on this path.</summary>
internal sealed unsafe class AgentLine : IDisposable
{
    private const int UnixDomain = 1;
    private const int Stream = 1;
    private const int CloseOnExec = 0x80000;
    private const int SocketLevel = 1;
    private const int ReceiveTimeout = 20;
    private const int SendTimeout = 21;
    private const int PathLength = 108;
    private const int NoSignal = 0x4000;
    private const int MostBytes = 4 * 1024 * 1024;
    private readonly int handle;

    private AgentLine(int handle) => this.handle = handle;

    /// <summary>Null when nobody answers there.</summary>
    public static AgentLine? Ask(string socketPath, string question)
    {
        var path = PlainText.Bytes(socketPath);
        if (path.Length >= PathLength)
        {
            return null;
        }

        var handle = Socket(UnixDomain, Stream | CloseOnExec, 0);
        if (handle < 0)
        {
            return null;
        }

        var address = stackalloc byte[2 + PathLength];
        new Span<byte>(address, 2 + PathLength).Clear();
        address[0] = UnixDomain;
        for (var i = 0; i < path.Length; i++)
        {
            address[2 + i] = path[i];
        }

        // The agent bounds itself to one second; a stuck one must not hang the command.
        var bound = stackalloc long[2];
        bound[0] = 3;
        bound[1] = 0;
        _ = SetOption(handle, SocketLevel, ReceiveTimeout, bound, 16);
        _ = SetOption(handle, SocketLevel, SendTimeout, bound, 16);
        var line = PlainText.Bytes(question);
        fixed (byte* text = line)
        {
            if (Connect(handle, address, 2 + path.Length + 1) != 0 || Send(handle, text, line.Length, NoSignal) != line.Length)
            {
                _ = Close(handle);
                return null;
            }
        }

        return new AgentLine(handle);
    }

    /// <summary>The lines of the answer up to the one with a lone dot; null when it does not come whole.</summary>
    public string[]? Read()
    {
        var buffer = new byte[8192];
        var length = 0;
        while (true)
        {
            nint got;
            fixed (byte* space = buffer)
            {
                got = Receive(handle, space + length, buffer.Length - length, 0);
            }

            if (got <= 0)
            {
                return null;
            }

            length += (int)got;
            if (length >= 2 && buffer[length - 1] == '\n' && buffer[length - 2] == '.' && (length == 2 || buffer[length - 3] == '\n'))
            {
                return PlainText.Split(PlainText.Text(new ReadOnlySpan<byte>(buffer, 0, length == 2 ? 0 : length - 3)), '\n');
            }

            if (length == buffer.Length)
            {
                if (length >= MostBytes)
                {
                    return null;
                }

                var larger = new byte[buffer.Length * 2];
                Buffer.BlockCopy(buffer, 0, larger, 0, length);
                buffer = larger;
            }
        }
    }

    public void Dispose() => _ = Close(handle);

    [DllImport(SystemLibrary.Name, EntryPoint = "socket")]
    private static extern int Socket(int domain, int type, int protocol);

    [DllImport(SystemLibrary.Name, EntryPoint = "connect")]
    private static extern int Connect(int handle, byte* address, int length);

    [DllImport(SystemLibrary.Name, EntryPoint = "setsockopt")]
    private static extern int SetOption(int handle, int level, int name, void* value, int length);

    [DllImport(SystemLibrary.Name, EntryPoint = "send")]
    private static extern nint Send(int handle, byte* data, nint length, int flags);

    [DllImport(SystemLibrary.Name, EntryPoint = "recv")]
    private static extern nint Receive(int handle, byte* data, nint length, int flags);

    [DllImport(SystemLibrary.Name, EntryPoint = "close")]
    private static extern int Close(int handle);
}
