using System.Text.Json;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Timing;
using Laptime.Transactions;

namespace Laptime.Cli.Rendering;

/// <summary>
/// Shows a transaction while it runs, on stderr. Events come from several threads, under the transaction's lock: <see cref="Happened"/> and
/// <see cref="Output"/> return at once whatever the terminal does. Dispose before the results are written.
/// </summary>
internal abstract class Progress : IDisposable
{
    /// <summary>The one that fits this terminal. Spectre.Console is loaded by the live one only.</summary>
    public static Progress Create(Terminal terminal, TextWriter error, TimeProvider clock) => terminal.Progress switch
    {
        ProgressMode.Plain => new PlainProgress(error),
        ProgressMode.Json => new JsonProgress(error),
        ProgressMode.Live => new LiveProgress(terminal, error, clock),
        _ => new NoProgress(),
    };

    public abstract void Happened(TransactionEvent happened);

    /// <summary>A line that a build step or an instance printed.</summary>
    public virtual void Output(string component, string line) { }

    public virtual void Dispose() => GC.SuppressFinalize(this);

    private sealed class NoProgress : Progress
    {
        public override void Happened(TransactionEvent happened) { }
    }
}

/// <summary>Writes lines from a thread of its own, so that a full pipe or a stopped terminal never holds up a deploy.</summary>
internal abstract class LineProgress : Progress
{
    /// <summary>How long the last lines may take to be written, once the deploy is over.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly Queue<string> lines = new();
    private readonly Thread writer;
    private bool ended;

    protected LineProgress(TextWriter error)
    {
        writer = new Thread(() => Write(error)) { IsBackground = true, Name = "progress" };
        writer.Start();
    }

    public override void Dispose()
    {
        lock (lines)
        {
            ended = true;
            Monitor.Pulse(lines);
        }

        writer.Join(Patience);
        base.Dispose();
    }

    protected void Line(string line)
    {
        lock (lines)
        {
            lines.Enqueue(line);
            Monitor.Pulse(lines);
        }
    }

    private void Write(TextWriter error)
    {
        while (true)
        {
            string[] batch;
            lock (lines)
            {
                while (lines.Count == 0 && !ended)
                {
                    Monitor.Wait(lines);
                }

                if (lines.Count == 0)
                {
                    return;
                }

                batch = lines.ToArray();
                lines.Clear();
            }

            try
            {
                error.Write(string.Concat(batch));
                error.Flush();
            }
            catch (IOException)
            {
                // Nobody reads progress any more (a closed pipe); the deploy goes on, its report is elsewhere.
                return;
            }
        }
    }
}

/// <summary>One line for each finished segment: <c>[gateway] build/compile 1.20 s ok</c>; with -v also what the steps print: <c>[gateway] | text</c>.</summary>
internal sealed class PlainProgress(TextWriter error) : LineProgress(error)
{
    public override void Happened(TransactionEvent happened)
    {
        switch (happened)
        {
            case TransactionEvent.SegmentChanged { Segment: { Seconds: not null } segment }:
                Line(Text(segment) + "\n");
                break;
            case TransactionEvent.Warned warned:
                Line($"warning: {TextWidth.Clean(warned.Text)}\n");
                break;
        }
    }

    public override void Output(string component, string line) => Line($"[{component}] | {TextWidth.Clean(line)}\n");

    internal static string Text(Segment segment) => TextWidth.Clean(
        $"{(segment.Component is { } component ? $"[{component}] " : "")}{segment.Name} {Duration.Text(segment.Seconds!.Value)} {segment.Outcome}"
        + (segment.Cache == "hit" ? " (cache hit)" : ""));
}

/// <summary>Every event as a line of JSON.</summary>
internal sealed class JsonProgress(TextWriter error) : LineProgress(error)
{
    public override void Happened(TransactionEvent happened) => Line(JsonSerializer.Serialize(happened, TransactionJson.Default.TransactionEvent) + "\n");
}
