using System.Globalization;
using Laptime.Fingerprints;
using Laptime.Processes;

namespace Laptime.Agent;

/// <summary>The one watch on the workspace's input folders. A mark names the agent and the watch that gave it: any other is answered with "unknown".</summary>
internal sealed class Watch : IDisposable
{
    private readonly Lock gate = new();
    private readonly CancellationTokenSource ending = new();
    private readonly string agent = ProcessOwner.Current() is var me ? $"{me.Pid:x}.{me.StartTicks:x}.{me.BootId}" : "";
    private InputWatch? watch;
    private int generation;

    internal string State => watch is null ? "off" : "on";

    /// <summary>Watches these folders instead of those before. The mark of now, or null when they cannot be watched reliably.</summary>
    internal string? Start(IReadOnlyList<string> directories)
    {
        lock (gate)
        {
            watch?.Dispose();
            generation++;
            watch = InputWatch.Start(directories, ending.Token);
            return watch is null ? null : MarkOf(watch);
        }
    }

    /// <summary>clean: nothing happened since the mark. dirty: something may have. unknown: nobody watched. With a mark of now, or "-".</summary>
    internal (string State, string Mark) Ask(string mark)
    {
        lock (gate)
        {
            if (watch is null)
            {
                return ("unknown", "-");
            }

            // The new mark is taken first: what happens in between then counts for the next question too.
            var next = MarkOf(watch);
            var prefix = $"{agent}.{generation}.";
            if (!mark.StartsWith(prefix, StringComparison.Ordinal)
                || !long.TryParse(mark.AsSpan(prefix.Length), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value))
            {
                return ("unknown", next);
            }

            return (watch.IsCleanSince(new WatchMark(value)) ? "clean" : "dirty", next);
        }
    }

    public void Dispose()
    {
        ending.Cancel();
        watch?.Dispose();
        ending.Dispose();
    }

    private string MarkOf(InputWatch of) => string.Create(CultureInfo.InvariantCulture, $"{agent}.{generation}.{of.Mark().Value}");
}
