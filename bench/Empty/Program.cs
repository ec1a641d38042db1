using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

[assembly: DisableRuntimeMarshalling]

internal static unsafe class Program
{
    private static int Main()
    {
        fixed (byte* text = "nothing to do..\n\n"u8)
        {
            return Write(1, text, 17) == 17 ? 0 : 1;
        }
    }

    [DllImport("libc", EntryPoint = "write")]
    private static extern nint Write(int handle, byte* data, nint length);
}
