namespace Laptime.Fingerprints;

/// <summary>What kind of file system a folder is on, where it matters: the clock its stamps come from, and whether its changes are announced.</summary>
internal static unsafe class FileSystems
{
    /// <summary>True only for file systems known to stamp with this kernel's clock and to announce every change to inotify.</summary>
    public static bool IsLocal(string folder)
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }

        var result = stackalloc byte[256];
        fixed (byte* path = LinuxWalker.Terminated(folder))
        {
            if (Native.StatFs(path, result) != 0)
            {
                return false;
            }
        }

        // ext2/3/4, xfs, btrfs, tmpfs, ramfs, overlayfs, f2fs, zfs, bcachefs, jfs, reiserfs.
        return *(uint*)result is 0xEF53 or 0x58465342 or 0x9123683E or 0x01021994 or 0x858458F6 or 0x794C7630 or 0xF2F52010
            or 0x2FC12FC1 or 0xCA451A4E or 0x3153464A or 0x52654973;
    }
}
