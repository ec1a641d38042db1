using System.Buffers.Binary;
using Laptime.Foundations;

namespace Laptime.Fingerprints;

/// <summary>
/// A SHA-256 digest: 32 bytes, text only in <see cref="Parse"/> and <see cref="ToString"/> (<c>sha256:…</c>, as OCI writes it).
/// All zero means none.
/// </summary>
public readonly record struct Digest(ulong A, ulong B, ulong C, ulong D)
{
    public const int Size = 32;
    private const string Prefix = "sha256:";

    public static readonly Digest None;

    /// <summary>By hand: what the compiler writes goes by way of a comparer, which on the no-op path would be compiled at run time.</summary>
    public bool Equals(Digest other) => A == other.A && B == other.B && C == other.C && D == other.D;

    /// <summary>Every part of a digest is as random as the whole.</summary>
    public override int GetHashCode() => (int)A ^ (int)(A >> 32);

    public bool IsNone => this == None;

    /// <summary>The first twelve hexadecimal digits: what a revision shows.</summary>
    public string Short => ToHex()[..12];

    public static Digest From(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadUInt64BigEndian(bytes),
        BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]),
        BinaryPrimitives.ReadUInt64BigEndian(bytes[16..]),
        BinaryPrimitives.ReadUInt64BigEndian(bytes[24..]));

    public static Digest Of(ReadOnlySpan<byte> content) => Sha256.Of(content);

    public static Digest Of(string text) => Of(System.Text.Encoding.UTF8.GetBytes(text));

    public static Digest Parse(string text) =>
        TryParse(text, out var digest) ? digest : throw new FormatException($"not a sha256 digest: {text}");

    /// <summary>Accepts <c>sha256:</c> and 64 lower-case hexadecimal digits, nothing else.</summary>
    public static bool TryParse(string? text, out Digest digest)
    {
        digest = None;
        if (text is null || text.Length != Prefix.Length + 64 || !text.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return false;
        }

        Span<byte> bytes = stackalloc byte[Size];
        for (var i = 0; i < Size; i++)
        {
            var high = Nibble(text[Prefix.Length + (2 * i)]);
            var low = Nibble(text[Prefix.Length + (2 * i) + 1]);
            if ((high | low) < 0)
            {
                return false;
            }

            bytes[i] = (byte)((high << 4) | low);
        }

        digest = From(bytes);
        return true;
    }

    public void CopyTo(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt64BigEndian(bytes, A);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[8..], B);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[16..], C);
        BinaryPrimitives.WriteUInt64BigEndian(bytes[24..], D);
    }

    /// <summary>By hand: the base library's vectors would be compiled at run time, on the no-op path.</summary>
    public string ToHex()
    {
        Span<byte> digits = stackalloc byte[2 * Size];
        WriteHex(digits);
        return PlainText.Text(digits);
    }

    /// <summary>The hexadecimal digits as ASCII.</summary>
    internal void WriteHex(Span<byte> text)
    {
        Hex(text, 0, A);
        Hex(text, 16, B);
        Hex(text, 32, C);
        Hex(text, 48, D);
    }

    public override string ToString() => IsNone ? "none" : Prefix + ToHex();

    private static void Hex(Span<byte> text, int start, ulong value)
    {
        for (var i = start + 15; i >= start; i--, value >>= 4)
        {
            text[i] = "0123456789abcdef"u8[(int)(value & 15)];
        }
    }

    private static int Nibble(char c) => c switch
    {
        >= '0' and <= '9' => c - '0',
        >= 'a' and <= 'f' => c - 'a' + 10,
        _ => -1,
    };
}
