using System.Buffers;
using System.Net;
using System.Net.Http.Headers;

namespace Laptime.Artifacts.Registries;

/// <summary>
/// A blob as the body of an upload. One block is held back until the next was read: content that turns out wrong at its end is cut off before it is complete, so
/// that no registry can take it for the blob.
/// </summary>
internal sealed class BlobContent : HttpContent
{
    private const int Block = 512 << 10;
    private readonly Stream source;
    private readonly long size;
    private readonly ProgressBound progress;

    public BlobContent(Stream source, long size, ProgressBound progress)
    {
        (this.source, this.size, this.progress) = (source, size, progress);
        Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        Headers.ContentLength = size;
    }

    /// <summary>What went wrong on our side of the upload: HTTP would hide it behind a failure of the request.</summary>
    public Exception? SourceFailure { get; private set; }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        var (next, held) = (ArrayPool<byte>.Shared.Rent(Block), ArrayPool<byte>.Shared.Rent(Block));
        try
        {
            var count = await ReadAsync(next, cancellationToken).ConfigureAwait(false);
            while (count > 0)
            {
                (next, held) = (held, next);
                var ready = count;
                count = await ReadAsync(next, cancellationToken).ConfigureAwait(false);
                progress.Moved();
                await stream.WriteAsync(held.AsMemory(0, ready), cancellationToken).ConfigureAwait(false);
            }

            progress.Moved();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(next);
            ArrayPool<byte>.Shared.Return(held);
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = size;
        return true;
    }

    private async ValueTask<int> ReadAsync(byte[] block, CancellationToken cancel)
    {
        try
        {
            return await source.ReadAtLeastAsync(block.AsMemory(0, Block), Block, throwOnEndOfStream: false, cancel).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            SourceFailure = e;
            throw;
        }
    }
}
