using System.Net;
using System.Net.Http.Headers;

namespace Laptime.Artifacts.Registries;

/// <summary>
/// The bytes of a blob from a registry. When the connection breaks or stands still it goes on where it was, a few times; whether the bytes are right is for the
/// stream around it to say.
/// </summary>
internal sealed class RegistryBlobStream : Stream
{
    private readonly RegistryClient client;
    private readonly Descriptor blob;
    private readonly string doing;
    private readonly TimeSpan bound;
    private readonly long start;
    private HttpResponseMessage? answer;
    private Stream? body;
    private long offset;
    private int broken;

    private RegistryBlobStream(RegistryClient client, Descriptor blob)
    {
        (this.client, this.blob) = (client, blob);
        doing = $"fetching the blob {blob.Digest.Short}";
        bound = client.Options.Timeout + client.Options.Stall + TimeSpan.FromSeconds((double)blob.Size / client.Options.Slowest);
        start = client.Clock.GetTimestamp();
    }

    /// <exception cref="StoreException">Absent; or the registry fails.</exception>
    public static async Task<RegistryBlobStream> OpenAsync(RegistryClient client, Descriptor blob, CancellationToken cancel)
    {
        var stream = new RegistryBlobStream(client, blob);
        await stream.ConnectAsync(cancel).ConfigureAwait(false);
        return stream;
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => blob.Size;

    public override long Position { get => offset; set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            using var progress = new ProgressBound(client.Options.Stall, client.Clock, cancellationToken);
            RegistryTrouble trouble;
            try
            {
                var count = await body!.ReadAsync(buffer, progress.Token).ConfigureAwait(false);
                offset += count;
                if (client.Clock.GetElapsedTime(start) > bound)
                {
                    throw new RegistryTrouble(StoreFailure.Unreachable, $"only {offset} of {blob.Size} bytes came in time", "see what slows the network or the registry")
                        .ToFault(doing, client.Address.ToString(), 1, client.Clock.GetElapsedTime(start));
                }

                return count;
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                trouble = new RegistryTrouble(StoreFailure.Unreachable, $"nothing came for {Foundations.Duration.Text(client.Options.Stall)}, after {offset} of {blob.Size} bytes", "see the registry's log, and the network");
            }
            catch (Exception e) when (RegistryClient.IsConnection(e))
            {
                trouble = new RegistryTrouble(StoreFailure.Unreachable, $"the connection broke after {offset} of {blob.Size} bytes", "see the registry's log, and the network", inner: e);
            }

            if (++broken >= client.Options.Attempts)
            {
                throw trouble.ToFault(doing, client.Address.ToString(), broken, client.Clock.GetElapsedTime(start));
            }

            await ConnectAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("a registry is read asynchronously");

    public override void Flush() { }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            answer?.Dispose();
        }

        base.Dispose(disposing);
    }

    private async Task ConnectAsync(CancellationToken cancel)
    {
        answer?.Dispose();
        (answer, body) = (null, null);
        answer = await client.RunAsync(doing, client.Options.Timeout, async token =>
        {
            var next = await client.AskAsync(HttpMethod.Get, client.At($"blobs/{blob.Digest}"), "pull",
                request => request.Headers.Range = offset > 0 ? new RangeHeaderValue(offset, null) : null, token).ConfigureAwait(false);
            if (next.StatusCode == HttpStatusCode.OK || (next.StatusCode == HttpStatusCode.PartialContent && offset > 0 && next.Content.Headers.ContentRange?.From == offset))
            {
                return next;
            }

            using (next)
            {
                if (next.StatusCode == HttpStatusCode.NotFound)
                {
                    var said = await RegistryErrors.ReadBodyAsync(next, token).ConfigureAwait(false);
                    throw said.Code is "BLOB_UNKNOWN" or "NAME_UNKNOWN" or "NOT_FOUND"
                        ? new RegistryTrouble(StoreFailure.Absent, "the registry does not have it", "build and publish the component again")
                        : RegistryErrors.OfAnswer(next, said, client.Address, writes: false, client.Clock);
                }

                throw await client.TroubleOfAsync(next, "pull", token).ConfigureAwait(false);
            }
        }, cancel).ConfigureAwait(false);

        var partial = answer.StatusCode == HttpStatusCode.PartialContent;
        if (answer.Content.Headers.ContentLength is { } length && length != blob.Size - (partial ? offset : 0))
        {
            throw new StoreException(StoreFailure.Damaged, new Foundations.Fault(
                Foundations.Outcome.BuildFailed, $"the blob {blob.Digest.Short} has {length + (partial ? offset : 0)} bytes in the registry instead of {blob.Size}", client.Address.ToString(),
                "the registry's storage is damaged: remove the blob there, and publish again"));
        }

        body = await answer.Content.ReadAsStreamAsync(cancel).ConfigureAwait(false);
        if (!partial && offset > 0)
        {
            // It cannot begin in the middle.
            var skip = new byte[64 << 10];
            for (var left = offset; left > 0;)
            {
                using var progress = new ProgressBound(client.Options.Stall, client.Clock, cancel);
                try
                {
                    var count = await body.ReadAsync(skip.AsMemory(0, (int)Math.Min(left, skip.Length)), progress.Token).ConfigureAwait(false);
                    left = count == 0 ? 0 : left - count;
                }
                catch (Exception e) when (RegistryClient.IsConnection(e) || (e is OperationCanceledException && !cancel.IsCancellationRequested))
                {
                    throw new RegistryTrouble(StoreFailure.Unreachable, "the connection broke again", "see the registry's log, and the network", inner: e)
                        .ToFault(doing, client.Address.ToString(), broken + 1, client.Clock.GetElapsedTime(start));
                }
            }
        }
    }
}
