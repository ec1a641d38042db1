using Laptime.Cli.FastPath;

namespace Laptime.Tests.FastPath;

public sealed class KeyedHashTests
{
    private const ulong Key0 = 0x0706050403020100;
    private const ulong Key1 = 0x0f0e0d0c0b0a0908;

    /// <summary>The vectors of the reference implementation: key 00..0f, message 00, 01, .. of each length.</summary>
    private static readonly string[] Vectors =
    [
        "310e0edd47db6f72", "fd67dc93c539f874", "5a4fa9d909806c0d", "2d7efbd796666785", "b7877127e09427cf", "8da699cd64557618", "cee3fe586e46c9cb", "37d1018bf50002ab",
        "6224939a79f5f593", "b0e4a90bdf82009e", "f3b9dd94c5bb5d7a", "a7ad6b22462fb3f4", "fbe50e86bc8f1e75", "903d84c02756ea14", "eef27a8e90ca23f7", "e545be4961ca29a1",
    ];

    [Fact]
    public void It_is_siphash_2_4_as_published()
    {
        for (var length = 0; length < Vectors.Length; length++)
        {
            byte[] message = [.. Enumerable.Range(0, length).Select(i => (byte)i)];
            Assert.Equal(Vectors[length], Convert.ToHexStringLower(BitConverter.GetBytes(KeyedHash.Of(Key0, Key1, message))));
        }
    }

    [Fact]
    public void A_text_is_hashed_as_utf8_and_another_key_gives_another_hash()
    {
        Assert.Equal(KeyedHash.Of(Key0, Key1, "żółw"u8), KeyedHash.Of(Key0, Key1, "żółw"));
        Assert.NotEqual(KeyedHash.Of(Key0, Key1, "secret"), KeyedHash.Of(Key0, Key1 + 1, "secret"));
        Assert.NotEqual(KeyedHash.Of(Key0, Key1, "secret"), KeyedHash.Of(Key0 + 1, Key1, "secret"));
    }
}
