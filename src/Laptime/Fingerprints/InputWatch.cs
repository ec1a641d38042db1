namespace Laptime.Fingerprints;

/// <summary>A moment of a watch; only the watch that gave it understands it.</summary>
public readonly record struct WatchMark(long Value);

/// <summary>Knows whether anything happened below the input folders since a moment. It never says "clean" on doubt.</summary>
public sealed class InputWatch : IDisposable
{
    private InputWatch() { }

    /// <summary>Null where watching cannot be relied on (not Linux, a network file system, too few watches): ask the index instead.</summary>
    /// <param name="directories">Absolute: <see cref="WorkspaceScan.Directories"/>.</param>
    /// <param name="cancel">Ends the watch.</param>
    public static InputWatch? Start(IReadOnlyList<string> directories, CancellationToken cancel) => null;

    /// <summary>Now. Order: start the watch, take a mark, check the index in full; while <see cref="IsCleanSince"/> says so, that check still stands.</summary>
    public WatchMark Mark() => default;

    /// <summary>True: nothing was created, written, moved or deleted since the mark. False: something was, or it is not known.</summary>
    public bool IsCleanSince(WatchMark mark) => false;

    public void Dispose() { }
}
