using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Laptime.Foundations;

namespace Laptime.Fingerprints;

/// <summary>
/// The stat index as it lies in the file: header, folder records in walk order, entry records (those of a folder together, by name),
/// fact records, names (each ending in NUL), then one checksum per block. Little endian; plain structs, so that it can be used where it is mapped.
/// </summary>
internal static unsafe class IndexFormat
{
    /// <summary>The last two digits are the version: another one is no index.</summary>
    public const ulong Magic = 0x3230_5844_4950_414C;
    public const int HeaderSize = 256;
    public const int BlockSize = 256 * 1024;

    public const ulong EmptySum = 14695981039346656037UL;

    public const ushort Input = 1;

    /// <summary>A rule file that is no input: its stat and content count all the same.</summary>
    public const ushort Rule = 2;

    /// <summary>A folder that was walked; it has a record of its own.</summary>
    public const ushort Walked = 3;

    /// <summary>A name that is there and was left out (ignored, matched by no pattern). Only its type counts.</summary>
    public const ushort LeftOut = 4;
    public const ushort FactBase = 8;
    public const ushort KindMask = 0xFF;
    public const ushort Racy = 0x100;

    /// <summary>Groups that an entry's <see cref="EntryRecord.Groups"/> can tell apart.</summary>
    public const int MostGroups = 32;

    private static readonly string[] GitVariables = ["HOME", "USERPROFILE", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"];

    /// <summary>Fast 64-bit checksum (four multiply-rotate lanes): finds damage, not malice; every offset is checked beside it.</summary>
    public static ulong Sum(byte* data, long length)
    {
        const ulong p1 = 0x9E3779B185EBCA87, p2 = 0xC2B2AE3D27D4EB4F, p3 = 0x165667B19E3779F9;
        ulong a = unchecked(p1 + p2), b = p2, c = 0x51ED270B, d = unchecked(0 - p1);
        var at = data;
        var end = data + length;
        for (; end - at >= 32; at += 32)
        {
            a = Rotate(a + (*(ulong*)at * p2), 31) * p1;
            b = Rotate(b + (*(ulong*)(at + 8) * p2), 31) * p1;
            c = Rotate(c + (*(ulong*)(at + 16) * p2), 31) * p1;
            d = Rotate(d + (*(ulong*)(at + 24) * p2), 31) * p1;
        }

        var sum = Rotate(a, 1) + Rotate(b, 7) + Rotate(c, 12) + Rotate(d, 18) + (ulong)length;
        for (; at < end; at++)
        {
            sum = Rotate(sum ^ (*at * p3), 11) * p1;
        }

        sum ^= sum >> 33;
        sum *= p2;
        sum ^= sum >> 29;
        sum *= p3;
        return sum ^ (sum >> 32);
    }

    /// <summary>The parts of the environment that git's settings are found by: another value, another set of rules.</summary>
    /// <param name="variables">Given: read there.</param>
    public static ulong EnvironmentSum(StartVariables? variables = null)
    {
        var sum = EmptySum;
        for (var i = 0; i < GitVariables.Length; i++)
        {
            sum = Add(sum, variables is null ? Environment.GetEnvironmentVariable(GitVariables[i]) : variables.Value(GitVariables[i]));
        }

        return sum;
    }

    /// <summary>Are the header and the places it gives within the file, and is its own checksum right?</summary>
    public static bool IsSound(byte* file, long length)
    {
        if (length < HeaderSize)
        {
            return false;
        }

        var header = (IndexHeader*)file;
        if (header->Magic != Magic || header->Length != length
            || header->Folders < 0 || header->Entries < 0 || header->Facts < 0 || header->NamesLength < 1
            || header->Folders > length || header->Entries > length || header->Facts > length || header->NamesLength > length)
        {
            return false;
        }

        var names = HeaderSize + (header->Folders * sizeof(FolderRecord)) + ((header->Entries + header->Facts) * sizeof(EntryRecord));
        var sums = Align(names + header->NamesLength);
        return sums + (Blocks(sums) * 8) == length
            && header->Checksum == HeaderSum(file, length, sums)
            && file[names + header->NamesLength - 1] == 0;
    }

    public static long Align(long n) => (n + 7) & ~7L;

    /// <summary>Number of blocks of the body, which ends at <paramref name="sums"/>.</summary>
    public static long Blocks(long sums) => (sums - HeaderSize + BlockSize - 1) / BlockSize;

    public static ulong HeaderSum(byte* file, long length, long sums) =>
        Sum(file, HeaderSize - 8) ^ Rotate(Sum(file + sums, length - sums), 17);

    public static bool IsBlockSound(byte* file, long sums, long block)
    {
        var start = HeaderSize + (block * BlockSize);
        var size = sums - start < BlockSize ? sums - start : BlockSize;
        return Sum(file + start, size) == ((ulong*)(file + sums))[block];
    }

    /// <summary>Writes the checksums of a finished index.</summary>
    public static void Seal(byte* file, long length, long sums)
    {
        SealBody(file, sums);
        SealHeader(file, length);
    }

    /// <summary>Writes the checksums of everything but the header.</summary>
    public static void SealBody(byte* file, long sums)
    {
        for (long block = 0; block < Blocks(sums); block++)
        {
            var start = HeaderSize + (block * BlockSize);
            ((ulong*)(file + sums))[block] = Sum(file + start, Math.Min(BlockSize, sums - start));
        }
    }

    /// <summary>Writes the header's checksum, which covers the others.</summary>
    public static void SealHeader(byte* file, long length)
    {
        var header = (IndexHeader*)file;
        var sums = Align(HeaderSize + (header->Folders * sizeof(FolderRecord)) + ((header->Entries + header->Facts) * sizeof(EntryRecord)) + header->NamesLength);
        header->Checksum = HeaderSum(file, length, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Rotate(ulong value, int bits) => (value << bits) | (value >> (64 - bits));

    /// <summary>One more text to a sum that begins with <see cref="EmptySum"/>; null is a value of its own.</summary>
    public static ulong Add(ulong sum, string? text)
    {
        if (text is null)
        {
            return (sum ^ 0x1FFFF) * 1099511628211UL;
        }

        for (var i = 0; i < text.Length; i++)
        {
            sum = (sum ^ text[i]) * 1099511628211UL;
        }

        return (sum ^ 0x10000) * 1099511628211UL;
    }
}

[StructLayout(LayoutKind.Explicit, Size = IndexFormat.HeaderSize)]
internal struct IndexHeader
{
    [FieldOffset(0)]
    public ulong Magic;

    [FieldOffset(8)]
    public long Length;

    [FieldOffset(16)]
    public long Folders;

    [FieldOffset(24)]
    public long Entries;

    [FieldOffset(32)]
    public long Facts;

    [FieldOffset(40)]
    public long NamesLength;

    [FieldOffset(48)]
    public ulong Environment;

    [FieldOffset(56)]
    public Digest Tree;

    [FieldOffset(88)]
    public long Inputs;

    /// <summary>Sum over the groups, their patterns and where git's settings are: what entries' groups and uses follow from beside the files themselves.</summary>
    [FieldOffset(96)]
    public ulong Shape;

    /// <summary>1: the scan had nothing to say beside its lists (no warning, all can be watched, groups fit in a mask), so that these records alone can give it again.</summary>
    [FieldOffset(104)]
    public ulong Plain;

    [FieldOffset(IndexFormat.HeaderSize - 8)]
    public ulong Checksum;
}

[StructLayout(LayoutKind.Sequential, Size = 56)]
internal struct FolderRecord
{
    public uint Path;
    public uint PathLength;
    public uint First;
    public uint Count;
    public uint Flags;
    public uint Mode;
    public long Modified;
    public long Changed;
    public ulong Inode;
    private readonly ulong reserved;
}

[StructLayout(LayoutKind.Sequential, Size = 80)]
internal struct EntryRecord
{
    public uint Name;
    public ushort NameLength;
    public ushort Flags;
    public uint Mode;

    /// <summary>Of an input: the numbers of its groups as bits. Of a git index: bytes of an object name.</summary>
    public uint Groups;
    public long Size;
    public long Modified;
    public long Changed;
    public ulong Inode;
    public Digest Content;
}
