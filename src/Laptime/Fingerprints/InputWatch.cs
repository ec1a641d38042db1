using System.Runtime.InteropServices;

namespace Laptime.Fingerprints;

/// <summary>A moment of a watch; only the watch that gave it understands it.</summary>
public readonly record struct WatchMark(long Value);

/// <summary>
/// Knows whether anything happened in the input folders since a moment. Events only ever make it say "something happened"; it never says
/// "clean" on doubt (an overflow of the kernel's queue, a folder that went away, a failed read).
/// Limits: writes through a shared memory mapping announce nothing until the file is closed or touched otherwise, and file systems that others
/// can change (network, FUSE) announce only our own changes: those are refused at the start. A file with a second hard link can be
/// written under the other name unannounced: a scan that meets one gives nothing to watch.
/// </summary>
/// <remarks>
/// Nothing is read until somebody asks: the kernel keeps the events, in order, so that an answer covers everything that happened before the question.
/// New folders need no watch of their own: their creation already ends "clean", and the next watch starts from the next scan's folders.
/// </remarks>
public sealed unsafe class InputWatch : IDisposable
{
    /// <summary>Between a folder and the only name in it that counts.</summary>
    internal const string NameSeparator = "//";
    private const int BufferSize = 64 * 1024;

    // modify, attributes, close after writing, moved from, moved to, create, delete, self deleted, self moved; only folders, links not followed.
    private const uint Events = 0x2 | 0x4 | 0x8 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800 | 0x0100_0000 | 0x0200_0000;
    private const uint Overflow = 0x4000;
    private const uint Unmounted = 0x2000;
    private const uint Removed = 0x8000;

    private readonly Lock gate = new();
    private readonly byte* buffer = (byte*)NativeMemory.Alloc(BufferSize);
    private readonly int descriptor;
    private readonly Dictionary<int, HashSet<string>?> watches;
    private readonly CancellationTokenRegistration ended;
    private long changes = 1;
    private bool broken;
    private bool closed;

    private InputWatch(int descriptor, Dictionary<int, HashSet<string>?> watches, CancellationToken cancel)
    {
        this.watches = watches;
        this.descriptor = descriptor;
        ended = cancel.UnsafeRegister(static watch => ((InputWatch)watch!).Close(), this);
    }

    /// <summary>Null where watching cannot be relied on (not Linux, a network file system, too few watches): ask the index instead.</summary>
    /// <param name="directories">What a scan depended on: <see cref="WorkspaceScan.Directories"/>; an empty list (it cannot be watched) gives null.</param>
    /// <param name="cancel">Ends the watch; it then never says clean again.</param>
    public static InputWatch? Start(IReadOnlyList<string> directories, CancellationToken cancel)
    {
        if (directories.Count == 0 || !LinuxWalker.IsSupported)
        {
            return null;
        }

        // IN_NONBLOCK | IN_CLOEXEC
        var descriptor = Native.WatchStart(Native.NonBlocking | Native.CloseOnExec);
        if (descriptor < 0)
        {
            return null;
        }

        Dictionary<int, HashSet<string>?> watches = [];
        foreach (var directory in directories)
        {
            var separator = directory.LastIndexOf(NameSeparator, StringComparison.Ordinal);
            var folder = separator < 0 ? directory : directory[..separator];
            int added;
            fixed (byte* path = LinuxWalker.Terminated(folder))
            {
                added = FileSystems.IsLocal(folder) ? Native.WatchAdd(descriptor, path, Events) : -1;
            }

            if (added < 0)
            {
                _ = Native.Close(descriptor);
                return null;
            }

            // The kernel gives one folder one number, by whatever path it is named: then every wish for it holds.
            var known = watches.TryGetValue(added, out var names);
            if (separator < 0 || (known && names is null))
            {
                names = null;
            }
            else
            {
                names ??= new HashSet<string>(StringComparer.Ordinal);
                names.Add(directory[(separator + NameSeparator.Length)..]);
            }

            watches[added] = names;
        }

        return new InputWatch(descriptor, watches, cancel);
    }

    /// <summary>Now. Order: start the watch, take a mark, check the index in full; while <see cref="IsCleanSince"/> says so, that check still stands.</summary>
    public WatchMark Mark()
    {
        lock (gate)
        {
            Drain();
            return new WatchMark(changes);
        }
    }

    /// <summary>True: nothing was created, written, moved or deleted since the mark. False: something was, or it is not known.</summary>
    public bool IsCleanSince(WatchMark mark)
    {
        lock (gate)
        {
            Drain();
            return !broken && !closed && mark.Value == changes;
        }
    }

    public void Dispose()
    {
        ended.Dispose();
        Close();
    }

    private void Close()
    {
        lock (gate)
        {
            if (!closed)
            {
                closed = true;
                _ = Native.Close(descriptor);
                NativeMemory.Free(buffer);
            }
        }
    }

    private void Drain()
    {
        if (closed)
        {
            return;
        }

        while (true)
        {
            var got = Native.Read(descriptor, buffer, BufferSize);
            if (got <= 0)
            {
                // EAGAIN: there is nothing more. Anything else: the watch knows nothing any more.
                broken |= got == 0 || Native.Errno != 11;
                return;
            }

            // struct inotify_event: watch 4, mask 4, cookie 4, length 4, name.
            for (var at = buffer; at < buffer + got; at += 16 + *(uint*)(at + 12))
            {
                broken |= (*(uint*)(at + 4) & (Overflow | Unmounted | Removed)) != 0;
                if (!watches.TryGetValue(*(int*)at, out var names) || names is null || *(uint*)(at + 12) == 0
                    || names.Contains(PathText.FromBytes(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(at + 16))))
                {
                    changes++;
                }
            }
        }
    }
}
