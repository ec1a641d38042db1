using System.Buffers.Binary;

namespace Laptime.Fingerprints;

/// <summary>
/// A digest over a list of fields, each preceded by its length: moving a character from one field to the next
/// always changes the digest.
/// </summary>
internal sealed class LengthPrefixed : IDisposable
{
    private readonly Sha256 hash = new();
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

    /// <summary>As the text of a prefix (ASCII) and the digest's hexadecimal digits, without making it.</summary>
    public LengthPrefixed AddText(string prefix, Digest digest)
    {
        const int Digits = 2 * Digest.Size;
        Reserve(4 + prefix.Length + Digits);
        BinaryPrimitives.WriteInt32LittleEndian(buffer.AsSpan(used), prefix.Length + Digits);
        used += 4;
        foreach (var c in prefix)
        {
            buffer[used++] = (byte)c;
        }

        digest.WriteHex(buffer.AsSpan(used, Digits));
        used += Digits;
        return this;
    }

    public Digest Finish()
    {
        Flush();
        return hash.Finish();
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
        hash.Append(buffer.AsSpan(0, used));
        used = 0;
    }
}
