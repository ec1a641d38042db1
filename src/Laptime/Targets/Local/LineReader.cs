namespace Laptime.Targets.Local;

/// <summary>Reads lines of bounded length from a stream.</summary>
public sealed class LineReader(Stream stream, int longest)
{
    private byte[] buffer = new byte[4096];
    private int start;
    private int end;

    /// <summary>The next line without its end; null at the end of the stream. Valid until the next call.</summary>
    /// <exception cref="InvalidDataException">A line is longer than the bound.</exception>
    public async ValueTask<ReadOnlyMemory<byte>?> ReadAsync(CancellationToken cancel)
    {
        var searched = start;
        while (true)
        {
            var newline = buffer.AsSpan(searched, end - searched).IndexOf((byte)'\n');
            if (newline >= 0)
            {
                var line = buffer.AsMemory(start, searched + newline - start);
                start = searched + newline + 1;
                return line;
            }

            if (end - start >= longest)
            {
                throw new InvalidDataException($"a line is longer than {longest} bytes");
            }

            if (end == buffer.Length)
            {
                var rest = buffer.AsSpan(start, end - start);
                var larger = rest.Length > buffer.Length / 2 ? new byte[buffer.Length * 2] : buffer;
                rest.CopyTo(larger);
                (buffer, end, start) = (larger, rest.Length, 0);
            }

            searched = end;
            var count = await stream.ReadAsync(buffer.AsMemory(end), cancel);
            if (count == 0)
            {
                return null;
            }

            end += count;
        }
    }
}
