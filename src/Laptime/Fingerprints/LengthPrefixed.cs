using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Laptime.Fingerprints;

/// <summary>
/// A digest over a list of fields, each preceded by its length: moving a character from one field to the next
/// always changes the digest.
/// </summary>
internal sealed class LengthPrefixed : IDisposable
{
    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private byte[] buffer = new byte[16 * 1024];
    private int used;

    public LengthPrefixed(string purpose) => Add(purpose);

    public LengthPrefixed Add(string text)
    {
        var most = 4 + (text.Length * 3);
        Reserve(most);
        var length = PathText.Write(text, buffer.AsSpan(used + 4));
        BinaryPrimitives.WriteInt32LittleEndian(buffer.AsSpan(used), length);
        used += 4 + length;
        return this;
    }

    public LengthPrefixed Add(int number)
    {
        Reserve(4);
        BinaryPrimitives.WriteInt32LittleEndian(buffer.AsSpan(used), number);
        used += 4;
        return this;
    }

    public LengthPrefixed Add(Digest digest)
    {
        Reserve(Digest.Size);
        digest.CopyTo(buffer.AsSpan(used));
        used += Digest.Size;
        return this;
    }

    public Digest Finish()
    {
        Flush();
        Span<byte> result = stackalloc byte[Digest.Size];
        hash.GetHashAndReset(result);
        return Digest.From(result);
    }

    public void Dispose() => hash.Dispose();

    private void Reserve(int bytes)
    {
        if (used + bytes <= buffer.Length)
        {
            return;
        }

        Flush();
        if (bytes > buffer.Length)
        {
            buffer = new byte[bytes];
        }
    }

    private void Flush()
    {
        hash.AppendData(buffer, 0, used);
        used = 0;
    }
}
