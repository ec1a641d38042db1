using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Laptime.Fingerprints;

/// <summary>
/// SHA-256 of a text that comes in pieces. On Linux OpenSSL's own function is called where it is there: the base library's way to the same code looks the
/// algorithm up anew for every digest, which for a small file is a third of the work, and two threads that do so wait for each other.
/// </summary>
internal sealed unsafe class Sha256 : IDisposable
{
    private const int StateSize = 256;
    private readonly IncrementalHash? portable;
    private readonly byte* state;

    public Sha256()
    {
        if (!IsDirect)
        {
            portable = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            return;
        }

        state = (byte*)NativeMemory.AllocZeroed(StateSize);
        _ = Begin(state);
    }

    /// <summary>False where only the base library's way is there. Both give the same digests.</summary>
    internal static bool IsDirect { get; } = Probe();

    public static Digest Of(ReadOnlySpan<byte> content)
    {
        var bytes = stackalloc byte[Digest.Size];
        if (!IsDirect)
        {
            SHA256.HashData(content, new Span<byte>(bytes, Digest.Size));
            return Digest.From(new ReadOnlySpan<byte>(bytes, Digest.Size));
        }

        var state = stackalloc byte[StateSize];
        _ = Begin(state);
        fixed (byte* data = content)
        {
            _ = Append(state, data, (nuint)content.Length);
        }

        _ = End(bytes, state);
        return Digest.From(new ReadOnlySpan<byte>(bytes, Digest.Size));
    }

    public void Append(ReadOnlySpan<byte> data)
    {
        if (portable is not null)
        {
            portable.AppendData(data);
            return;
        }

        fixed (byte* bytes = data)
        {
            _ = Append(state, bytes, (nuint)data.Length);
        }
    }

    /// <summary>The digest of what was appended; it begins anew.</summary>
    public Digest Finish()
    {
        var bytes = stackalloc byte[Digest.Size];
        if (portable is not null)
        {
            portable.GetHashAndReset(new Span<byte>(bytes, Digest.Size));
        }
        else
        {
            _ = End(bytes, state);
            _ = Begin(state);
        }

        return Digest.From(new ReadOnlySpan<byte>(bytes, Digest.Size));
    }

    public void Dispose()
    {
        portable?.Dispose();
        NativeMemory.Free(state);
    }

    // Asked with a text whose digest is known: a library that has the names and means something else by them is as good as none.
    private static bool Probe()
    {
        if (!OperatingSystem.IsLinux() || !Environment.Is64BitProcess)
        {
            return false;
        }

        try
        {
            var state = stackalloc byte[StateSize];
            var bytes = stackalloc byte[Digest.Size];
            var text = stackalloc byte[3] { (byte)'a', (byte)'b', (byte)'c' };
            return Begin(state) == 1 && Append(state, text, 3) == 1 && End(bytes, state) == 1
                && Digest.From(new ReadOnlySpan<byte>(bytes, Digest.Size)) == new Digest(0xba7816bf8f01cfea, 0x414140de5dae2223, 0xb00361a396177a9c, 0xb410ff61f20015ad);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return false;
        }
    }

    // struct SHA256_CTX is 112 bytes.
    [DllImport("libcrypto.so.3", EntryPoint = "SHA256_Init"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Begin(byte* state);

    [DllImport("libcrypto.so.3", EntryPoint = "SHA256_Update"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Append(byte* state, byte* data, nuint length);

    [DllImport("libcrypto.so.3", EntryPoint = "SHA256_Final"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int End(byte* digest, byte* state);
}
