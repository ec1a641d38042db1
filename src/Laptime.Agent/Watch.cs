using System.Globalization;
using Laptime.Fingerprints;
using Laptime.Processes;

namespace Laptime.Agent;

/// <summary>
/// The watches on the workspace's input folders, one for each environment: their stacks may be made of different files. Environments with the same folders share one. A mark names the
/// agent and the watch that gave it: any other is answered with "unknown".
/// </summary>
internal sealed class Watch : IDisposable
{
    private readonly Lock gate = new();
    private readonly CancellationTokenSource ending = new();
    private readonly string agent = ProcessOwner.Current() is var me ? $"{me.Pid:x}.{me.StartTicks:x}.{me.BootId}" : "";
    private readonly Dictionary<string, One> watches = new(StringComparer.Ordinal);
    private int generation;

    internal string State => watches.Count == 0 ? "off" : "on";

    /// <summary>Watches these folders for the environment instead of those before. The mark of now, or null when they cannot be watched reliably.</summary>
    internal string? Start(string environment, IReadOnlyList<string> directories)
    {
        lock (gate)
        {
            generation++;
            var folders = directories.ToHashSet(StringComparer.Ordinal);
            var started = InputWatch.Start(directories, ending.Token) is { } watch ? new One(watch, generation, folders) : null;

            // The system gives out few of them: whoever has the same folders looks once in full, and then shares the new one.
            var before = watches.Where(w => w.Key == environment || w.Value.Folders.SetEquals(folders)).ToList();
            foreach (var (name, old) in before)
            {
                watches.Remove(name);
                if (started is not null)
                {
                    watches[name] = started;
                }

                if (!watches.ContainsValue(old))
                {
                    old.Watch.Dispose();
                }
            }

            if (started is null)
            {
                return null;
            }

            watches[environment] = started;
            return MarkOf(started);
        }
    }

    /// <summary>clean: nothing happened since the mark. dirty: something may have. unknown: nobody watched. With a mark of now, or "-".</summary>
    internal (string State, string Mark) Ask(string environment, string mark)
    {
        lock (gate)
        {
            if (!watches.TryGetValue(environment, out var one))
            {
                return ("unknown", "-");
            }

            // The new mark is taken first: what happens in between then counts for the next question too.
            var next = MarkOf(one);
            var prefix = $"{agent}.{one.Generation}.";
            if (!mark.StartsWith(prefix, StringComparison.Ordinal)
                || !long.TryParse(mark.AsSpan(prefix.Length), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value))
            {
                return ("unknown", next);
            }

            return (one.Watch.IsCleanSince(new WatchMark(value)) ? "clean" : "dirty", next);
        }
    }

    public void Dispose()
    {
        ending.Cancel();
        foreach (var one in watches.Values.Distinct())
        {
            one.Watch.Dispose();
        }

        ending.Dispose();
    }

    private string MarkOf(One of) => string.Create(CultureInfo.InvariantCulture, $"{agent}.{of.Generation}.{of.Watch.Mark().Value}");

    private sealed record One(InputWatch Watch, int Generation, HashSet<string> Folders);
}
