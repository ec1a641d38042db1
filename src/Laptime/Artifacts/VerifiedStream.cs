using System.Security.Cryptography;
using Laptime.Fingerprints;
using Laptime.Foundations;

namespace Laptime.Artifacts;

/// <summary>
/// Reads a blob and verifies it: whoever sees its end has had what the descriptor says. It never gives more bytes than that, so that nobody can be made
/// to write an endless answer to the disk.
/// </summary>
/// <param name="inner">Owned.</param>
/// <param name="blob">What the bytes must be.</param>
/// <param name="damaged">Makes the exception, from what was found instead.</param>
internal sealed class VerifiedStream(Stream inner, Descriptor blob, Func<string, StoreException> damaged) : Stream
{
    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long count;
    private bool verified;

    private Digest Expected => blob.Digest;

    /// <summary>What comes from a store verifies itself, and need not be hashed twice; anything else is verified on its way.</summary>
    public static VerifiedStream Of(Stream source, Descriptor blob, string where) =>
        source is VerifiedStream its && its.Length == blob.Size && its.Expected == blob.Digest ? its
            : new VerifiedStream(source, blob, how => new StoreException(StoreFailure.Damaged, new Fault(
                Outcome.BuildFailed, $"the blob {blob.Digest.Short} is not stored: it {how}", where, "find out what changed it on its way")));

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => blob.Size;

    public override long Position { get => count; set => throw new NotSupportedException(); }

    public override int Read(Span<byte> buffer) => buffer.IsEmpty ? 0 : Seen(buffer, inner.Read(buffer));

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty)
        {
            return 0;
        }

        var read = await inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        return Seen(buffer.Span, read);
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush() { }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            hash.Dispose();
            inner.Dispose();
        }

        base.Dispose(disposing);
    }

    private int Seen(ReadOnlySpan<byte> buffer, int read)
    {
        if (read > 0)
        {
            count += read;
            if (count > blob.Size)
            {
                throw damaged($"has more than the {blob.Size} bytes it should have");
            }

            hash.AppendData(buffer[..read]);
            return read;
        }

        if (!verified)
        {
            if (count != blob.Size)
            {
                throw damaged($"ends after {count} of {blob.Size} bytes");
            }

            Span<byte> bytes = stackalloc byte[Digest.Size];
            hash.GetHashAndReset(bytes);
            if (Digest.From(bytes) is var found && found != blob.Digest)
            {
                throw damaged($"has other content than its digest says (it has {found})");
            }

            verified = true;
        }

        return 0;
    }
}
