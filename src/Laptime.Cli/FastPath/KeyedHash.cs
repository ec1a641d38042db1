using System.Numerics;
using Laptime.Foundations;

namespace Laptime.Cli.FastPath;

/// <summary>
/// SipHash-2-4 (Aumasson and Bernstein, 2012) of a text under a workspace's own key: tells whether a variable has the value it had, without the value
/// standing anywhere, and without loading a cryptographic library on the no-op path.
/// </summary>
internal static class KeyedHash
{
    public static ulong Of(ulong key0, ulong key1, string text) => Of(key0, key1, PlainText.Bytes(text));

    public static ulong Of(ulong key0, ulong key1, ReadOnlySpan<byte> data)
    {
        var v0 = key0 ^ 0x736f6d6570736575UL;
        var v1 = key1 ^ 0x646f72616e646f6dUL;
        var v2 = key0 ^ 0x6c7967656e657261UL;
        var v3 = key1 ^ 0x7465646279746573UL;
        var blocks = data.Length / 8;
        for (var i = 0; i < blocks; i++)
        {
            var m = BitConverter.ToUInt64(data[(i * 8)..]);
            v3 ^= m;
            Round(ref v0, ref v1, ref v2, ref v3);
            Round(ref v0, ref v1, ref v2, ref v3);
            v0 ^= m;
        }

        var last = (ulong)data.Length << 56;
        for (var i = blocks * 8; i < data.Length; i++)
        {
            last |= (ulong)data[i] << (8 * (i % 8));
        }

        v3 ^= last;
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        v0 ^= last;
        v2 ^= 0xff;
        for (var i = 0; i < 4; i++)
        {
            Round(ref v0, ref v1, ref v2, ref v3);
        }

        return v0 ^ v1 ^ v2 ^ v3;
    }

    private static void Round(ref ulong v0, ref ulong v1, ref ulong v2, ref ulong v3)
    {
        v0 += v1;
        v1 = BitOperations.RotateLeft(v1, 13);
        v1 ^= v0;
        v0 = BitOperations.RotateLeft(v0, 32);
        v2 += v3;
        v3 = BitOperations.RotateLeft(v3, 16);
        v3 ^= v2;
        v0 += v3;
        v3 = BitOperations.RotateLeft(v3, 21);
        v3 ^= v0;
        v2 += v1;
        v1 = BitOperations.RotateLeft(v1, 17);
        v1 ^= v2;
        v2 = BitOperations.RotateLeft(v2, 32);
    }
}
