using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Laptime.Foundations;

/// <summary>A second name for a file; .NET has no door to it.</summary>
internal static partial class HardLink
{
    /// <exception cref="IOException">The file systems differ, or have no such links; the message says which.</exception>
    public static void Create(string existing, string name)
    {
        var made = OperatingSystem.IsWindows() ? CreateHardLink(name, existing, 0) : Link(existing, name) == 0;
        if (!made)
        {
            throw new IOException(new Win32Exception(Marshal.GetLastPInvokeError()).Message);
        }
    }

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Link(string existing, string name);

    [LibraryImport("kernel32", EntryPoint = "CreateHardLinkW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool CreateHardLink(string name, string existing, nint none);
}
