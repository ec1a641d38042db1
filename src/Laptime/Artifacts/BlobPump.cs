using System.Buffers;

namespace Laptime.Artifacts;

/// <summary>Copies a stream while reading (and hashing, and receiving) of one block overlaps with writing the one before: two blocks of memory, whatever the length.</summary>
internal static class BlobPump
{
    private const int Block = 1 << 20;

    /// <param name="to">Opened for asynchronous use: only then its writes run beside the reads.</param>
    public static async Task CopyAsync(Stream from, Stream to, CancellationToken cancel)
    {
        var (reading, writing) = (ArrayPool<byte>.Shared.Rent(Block), ArrayPool<byte>.Shared.Rent(Block));
        var write = Task.CompletedTask;
        try
        {
            while (await FillAsync(from, reading.AsMemory(0, Block), cancel).ConfigureAwait(false) is > 0 and var count)
            {
                await write.ConfigureAwait(false);
                (reading, writing) = (writing, reading);
                write = to.WriteAsync(writing.AsMemory(0, count), cancel).AsTask();
            }

            await write.ConfigureAwait(false);
        }
        finally
        {
            // A failed read does not leave a write behind that still uses the block.
            await write.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            ArrayPool<byte>.Shared.Return(reading);
            ArrayPool<byte>.Shared.Return(writing);
        }
    }

    private static async ValueTask<int> FillAsync(Stream from, Memory<byte> block, CancellationToken cancel)
    {
        var filled = 0;
        while (filled < block.Length && await from.ReadAsync(block[filled..], cancel).ConfigureAwait(false) is > 0 and var count)
        {
            filled += count;
        }

        return filled;
    }
}
