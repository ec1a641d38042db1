namespace Laptime.Artifacts.Images;

/// <summary>A part of a file, read from its start to its end. Owns the file.</summary>
internal sealed class SliceStream(FileStream file, long offset, long length) : Stream
{
    private long position;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => length;

    public override long Position { get => position; set => throw new NotSupportedException(); }

    public override int Read(Span<byte> buffer) => Took(RandomAccess.Read(file.SafeFileHandle, buffer[..Wanted(buffer.Length)], offset + position));

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        Took(await RandomAccess.ReadAsync(file.SafeFileHandle, buffer[..Wanted(buffer.Length)], offset + position, cancellationToken).ConfigureAwait(false));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            file.Dispose();
        }

        base.Dispose(disposing);
    }

    private int Wanted(int room) => (int)Math.Min(room, length - position);

    private int Took(int count)
    {
        position += count;
        return count;
    }
}
