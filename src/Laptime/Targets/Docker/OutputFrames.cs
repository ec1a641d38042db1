using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Text;

namespace Laptime.Targets.Docker;

/// <summary>
/// Decodes what the engine streams of a container's output: frames of <c>[stream, 0, 0, 0, length (4 bytes, big endian)] payload</c>, or, where the
/// container has a terminal, the bytes as they are. Which of the two is seen from the first bytes, which no text begins with.
/// </summary>
internal sealed class OutputFrames(Stream stream)
{
    private const int LongestLine = 256 * 1024;

    private readonly byte[] chunk = new byte[16 * 1024];
    private readonly Pending output = new(false);
    private readonly Pending errors = new(true);

    public async IAsyncEnumerable<LogLine> LinesAsync([EnumeratorCancellation] CancellationToken cancel)
    {
        var head = new byte[8];
        var got = await FillAsync(head, cancel);
        if (got < 8 || head[0] > 2 || head[1] != 0 || head[2] != 0 || head[3] != 0)
        {
            await foreach (var line in RawAsync(head.AsMemory(0, got), cancel))
            {
                yield return line;
            }

            yield break;
        }

        do
        {
            var pending = head[0] == 2 ? errors : output;
            var left = BinaryPrimitives.ReadUInt32BigEndian(head.AsSpan(4));
            while (left > 0)
            {
                var count = await ReadAsync(chunk.AsMemory(0, (int)Math.Min(left, (uint)chunk.Length)), cancel);
                if (count == 0)
                {
                    break;
                }

                left -= (uint)count;
                foreach (var line in pending.Take(chunk.AsSpan(0, count)))
                {
                    yield return line;
                }
            }
        }
        while (await FillAsync(head, cancel) == 8);

        foreach (var line in (LogLine?[])[output.Rest(), errors.Rest()])
        {
            if (line is not null)
            {
                yield return line;
            }
        }
    }

    private async IAsyncEnumerable<LogLine> RawAsync(ReadOnlyMemory<byte> first, [EnumeratorCancellation] CancellationToken cancel)
    {
        foreach (var line in output.Take(first.Span))
        {
            yield return line;
        }

        int count;
        while ((count = await ReadAsync(chunk, cancel)) > 0)
        {
            foreach (var line in output.Take(chunk.AsSpan(0, count)))
            {
                yield return line;
            }
        }

        if (output.Rest() is { } rest)
        {
            yield return rest;
        }
    }

    private async Task<int> FillAsync(byte[] into, CancellationToken cancel)
    {
        var got = 0;
        int count;
        while (got < into.Length && (count = await ReadAsync(into.AsMemory(got), cancel)) > 0)
        {
            got += count;
        }

        return got;
    }

    private async ValueTask<int> ReadAsync(Memory<byte> into, CancellationToken cancel)
    {
        try
        {
            return await stream.ReadAsync(into, cancel);
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            // An engine that is stopped breaks its streams off; what was said until then was said.
            return 0;
        }
    }

    /// <summary>What one stream has said of a line that is not ended yet. A line longer than the bound comes in pieces.</summary>
    private sealed class Pending(bool isError)
    {
        private readonly List<byte> line = [];

        public List<LogLine> Take(ReadOnlySpan<byte> bytes)
        {
            var lines = new List<LogLine>();
            while (bytes.IndexOf((byte)'\n') is >= 0 and var end)
            {
                line.AddRange(bytes[..end]);
                bytes = bytes[(end + 1)..];
                lines.Add(Cut());
            }

            line.AddRange(bytes);
            if (line.Count > LongestLine)
            {
                lines.Add(Cut());
            }

            return lines;
        }

        public LogLine? Rest() => line.Count > 0 ? Cut() : null;

        private LogLine Cut()
        {
            var text = Encoding.UTF8.GetString(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(line)).TrimEnd('\r');
            line.Clear();
            return new LogLine(text, isError);
        }
    }
}
