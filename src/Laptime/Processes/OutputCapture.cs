using System.Text;

namespace Laptime.Processes;

/// <summary>
/// Everything a program prints, in bounded memory whatever it prints: lines for the listener and for the tail, bytes for the log.
/// Used by one thread.
/// </summary>
internal sealed class OutputCapture : IDisposable
{
    public const int TailLines = 40;
    public const int LineCharacters = 2000;
    public const long LogBound = 64L << 20;

    private readonly Action<OutputLine>? onLine;
    private readonly Queue<string> tail = new(TailLines);
    private readonly FileStream? log;
    private readonly MemoryStream? raw;
    private readonly int mostRaw;
    private readonly Channel output;
    private readonly Channel error;
    private readonly int longest;
    private long logged;
    private long leftOut;

    /// <param name="raw">Gets standard output as it comes, which is then neither lines nor log.</param>
    /// <param name="mostRaw">More of it ends the run.</param>
    /// <param name="lineCharacters">Longest line for the listener.</param>
    public OutputCapture(
        IReadOnlyList<string> secrets, string? logFile, Action<OutputLine>? onLine, MemoryStream? raw = null, int mostRaw = 0, int lineCharacters = LineCharacters)
    {
        (this.onLine, this.raw, this.mostRaw, longest) = (onLine, raw, mostRaw, lineCharacters);
        var needles = Redactor.Needles(secrets);
        byte[][] bytes = [.. needles.Select(Encoding.UTF8.GetBytes)];
        output = new Channel(this, new Redactor(bytes), needles, isError: false);
        error = new Channel(this, new Redactor(bytes), needles, isError: true);
        if (logFile is not null)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(logFile)!);
            log = new FileStream(logFile, FileMode.Create, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        }
    }

    public IReadOnlyList<string> Tail => [.. tail];

    /// <exception cref="InvalidDataException">There is more raw output than allowed.</exception>
    public void Push(bool isError, ReadOnlySpan<byte> chunk)
    {
        if (isError || raw is null)
        {
            (isError ? error : output).Push(chunk);
            return;
        }

        if (raw.Length + chunk.Length > mostRaw)
        {
            throw new InvalidDataException($"it printed more than {mostRaw} bytes");
        }

        raw.Write(chunk);
    }

    /// <summary>No more output: unfinished lines are lines, and a log that hit its bound gets the last lines.</summary>
    public void Finish()
    {
        output.Finish();
        error.Finish();
        if (leftOut > 0 && log is not null)
        {
            log.Write(Encoding.UTF8.GetBytes(
                $"\n[lap: this log is bounded at {LogBound >> 20} MB; {leftOut} more bytes were printed and left out. The last lines:]\n"
                + string.Join('\n', tail) + "\n"));
        }
    }

    public void Dispose() => log?.Dispose();

    private void Log(ReadOnlySpan<byte> bytes)
    {
        if (log is null)
        {
            return;
        }

        var room = (int)Math.Min(bytes.Length, LogBound - logged);
        log.Write(bytes[..room]);
        logged += room;
        leftOut += bytes.Length - room;
    }

    private void Line(string text, bool isError)
    {
        if (tail.Count == TailLines)
        {
            tail.Dequeue();
        }

        tail.Enqueue(Cut(text, LineCharacters));
        onLine?.Invoke(new OutputLine(Cut(text, longest), isError));
    }

    private static string Cut(string text, int most) => text.Length > most ? text[..most] + "…" : text;

    /// <summary>One of the two streams.</summary>
    private sealed class Channel(OutputCapture owner, Redactor redactor, IReadOnlyList<string> needles, bool isError)
    {
        private byte[] line = new byte[LineCharacters * 4];
        private int length;
        private bool any;

        public void Push(ReadOnlySpan<byte> chunk) => redactor.Push(chunk, Write);

        public void Finish()
        {
            redactor.Finish(Write);
            if (any)
            {
                EndLine();
            }
        }

        private void Write(ReadOnlySpan<byte> bytes)
        {
            owner.Log(bytes);
            while (!bytes.IsEmpty)
            {
                var end = bytes.IndexOf((byte)'\n');
                Keep(end < 0 ? bytes : bytes[..end]);
                if (end < 0)
                {
                    return;
                }

                EndLine();
                bytes = bytes[(end + 1)..];
            }
        }

        private void Keep(ReadOnlySpan<byte> part)
        {
            any = true;
            // Four bytes are the longest character.
            if (length + part.Length > line.Length && line.Length < owner.longest * 4)
            {
                Array.Resize(ref line, Math.Min(owner.longest * 4, Math.Max(line.Length * 2, length + part.Length)));
            }

            var room = Math.Min(part.Length, line.Length - length);
            part[..room].CopyTo(line.AsSpan(length));
            length += room;
        }

        private void EndLine()
        {
            var text = Encoding.UTF8.GetString(line, 0, length).TrimEnd('\r');
            (length, any) = (0, false);
            // A progress bar overwrites its own line: only what stays visible is the line.
            text = text[(text.LastIndexOf('\r') + 1)..];
            if (text.AsSpan().IndexOfAnyInRange('\0', '\u001f') >= 0)
            {
                // Removing sequences can join the two halves of a secret.
                text = Redactor.Text(TerminalText.Strip(text), needles);
            }

            owner.Line(text, isError);
        }
    }
}
