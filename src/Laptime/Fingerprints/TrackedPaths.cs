using System.Buffers.Binary;

namespace Laptime.Fingerprints;

/// <summary>
/// The paths in a .git/index (versions 2, 3 and 4, also split): what git tracks, whatever the ignore rules say. Read once, then asked by
/// binary search. Entries that a split index deletes still count as tracked: that can only add an input.
/// </summary>
internal sealed class TrackedPaths
{
    public static readonly TrackedPaths None = new([], [], 0);

    private readonly byte[] bytes;
    private readonly int[] starts;

    private TrackedPaths(byte[] bytes, int[] starts, ulong names)
    {
        this.bytes = bytes;
        this.starts = starts;
        Names = names;
    }

    /// <summary>Checksum over all the paths: equal means the same set, whatever else of the index has changed.</summary>
    public ulong Names { get; }

    /// <summary>Null when the content is not an index we understand: then nothing can be said about what is tracked.</summary>
    /// <param name="content">The index file.</param>
    /// <param name="hashSize">Bytes of an object name: 20, or 32 in a SHA-256 repository.</param>
    /// <param name="shared">Gives the shared part of a split index by its hexadecimal name; null: there is none.</param>
    public static TrackedPaths? Parse(ReadOnlySpan<byte> content, int hashSize, Func<string, byte[]?> shared)
    {
        List<byte[]> paths = [];
        if (!Collect(content, hashSize, paths, out var link))
        {
            return null;
        }

        if (link is not null)
        {
            if (shared(link) is not { } rest || !Collect(rest, hashSize, paths, out _))
            {
                return null;
            }
        }

        paths.Sort((a, b) => a.AsSpan().SequenceCompareTo(b));
        var total = 0;
        foreach (var path in paths)
        {
            total += path.Length;
        }

        var all = new byte[total];
        var starts = new int[paths.Count + 1];
        var at = 0;
        for (var i = 0; i < paths.Count; i++)
        {
            starts[i] = at;
            paths[i].CopyTo(all, at);
            at += paths[i].Length;
        }

        starts[^1] = at;
        return new TrackedPaths(all, starts, NamesOf(content, hashSize) ?? 0);
    }

    /// <summary>Is the path itself tracked (a file, a link, a submodule)?</summary>
    public bool Contains(string path)
    {
        var bytesOf = PathText.ToBytes(path);
        var i = LowerBound(bytesOf);
        return i < starts.Length - 1 && At(i).SequenceEqual(bytesOf);
    }

    /// <summary>Is anything at or below the folder tracked?</summary>
    public bool HasBelow(string folder)
    {
        var bytesOf = PathText.ToBytes(folder);
        if (bytesOf.Length == 0)
        {
            return starts.Length > 1;
        }

        var i = LowerBound(bytesOf);
        if (i < starts.Length - 1 && At(i).SequenceEqual(bytesOf))
        {
            return true;
        }

        byte[] below = [.. bytesOf, (byte)'/'];
        i = LowerBound(below);
        return i < starts.Length - 1 && At(i).StartsWith(below);
    }

    /// <summary>
    /// Checksum over the paths of an index without keeping them; null when the content is not understood. Static and free of collections:
    /// the no-op check runs it before anything is loaded.
    /// </summary>
    public static unsafe ulong? NamesOf(ReadOnlySpan<byte> content, int hashSize)
    {
        fixed (byte* bytes = content)
        {
            return NamesOf(bytes, content.Length, hashSize, out var sum) ? sum : null;
        }
    }

    internal static unsafe bool NamesOf(byte* content, long length, int hashSize, out ulong sum)
    {
        sum = 0;
        if (hashSize is not (20 or 32) || length < 12 + hashSize || *(uint*)content != 0x43524944)
        {
            return false;
        }

        var version = BinaryPrimitives.ReverseEndianness(*(uint*)(content + 4));
        var count = BinaryPrimitives.ReverseEndianness(*(uint*)(content + 8));
        if (version is < 2 or > 4)
        {
            return false;
        }

        // FNV-1a over what each entry adds to the path before it (v4) or over the whole path: either way a pure function of the paths.
        var hash = 14695981039346656037UL;
        var end = content + length - hashSize;
        var at = content + 12;
        var name = stackalloc byte[4097];
        var nameLength = 0;
        for (uint i = 0; i < count; i++)
        {
            var entry = at;
            if (entry + 42 + hashSize >= end)
            {
                return false;
            }

            var flags = (uint)((entry[40 + hashSize] << 8) | entry[41 + hashSize]);
            var text = entry + ((version >= 3 && (flags & 0x4000) != 0) ? 44 : 42) + hashSize;
            if (text >= end)
            {
                return false;
            }

            if (version == 4)
            {
                long strip = 0;
                var b = *text++;
                strip = b & 127;
                while ((b & 128) != 0 && text < end)
                {
                    b = *text++;
                    strip = ((strip + 1) << 7) | (uint)(b & 127);
                }

                if (strip > nameLength)
                {
                    return false;
                }

                nameLength -= (int)strip;
            }
            else
            {
                nameLength = 0;
            }

            while (text < end && *text != 0)
            {
                if (nameLength >= 4096)
                {
                    return false;
                }

                name[nameLength++] = *text++;
            }

            if (text >= end)
            {
                return false;
            }

            for (var n = 0; n < nameLength; n++)
            {
                hash = (hash ^ name[n]) * 1099511628211UL;
            }

            hash = (hash ^ 0x100) * 1099511628211UL;
            at = version == 4 ? text + 1 : entry + (((text - entry) + 8) & ~7L);
        }

        // A split index keeps most of its paths in another file that never changes under the same name.
        if (at + 8 <= end && *(uint*)at == 0x6B6E696C)
        {
            for (var n = 0; n < 8 + hashSize && at + n < end; n++)
            {
                hash = (hash ^ at[n]) * 1099511628211UL;
            }

            // What it deletes is in the extension's bitmaps: all of it counts.
            var size = BinaryPrimitives.ReverseEndianness(*(uint*)(at + 4));
            for (var n = (uint)hashSize; n < size && at + 8 + n < end; n++)
            {
                hash = (hash ^ at[8 + n]) * 1099511628211UL;
            }
        }

        sum = hash == 0 ? 1 : hash;
        return true;
    }

    private static bool Collect(ReadOnlySpan<byte> content, int hashSize, List<byte[]> paths, out string? link)
    {
        link = null;
        if (content.Length < 12 + hashSize || !content.StartsWith("DIRC"u8))
        {
            return false;
        }

        var version = BinaryPrimitives.ReadUInt32BigEndian(content[4..]);
        var count = BinaryPrimitives.ReadUInt32BigEndian(content[8..]);
        if (version is < 2 or > 4)
        {
            return false;
        }

        content = content[..^hashSize];
        var at = 12;
        byte[] previous = [];
        for (uint i = 0; i < count; i++)
        {
            if (at + 42 + hashSize >= content.Length)
            {
                return false;
            }

            var flags = BinaryPrimitives.ReadUInt16BigEndian(content[(at + 40 + hashSize)..]);
            var text = at + (version >= 3 && (flags & 0x4000) != 0 ? 44 : 42) + hashSize;
            if (text >= content.Length)
            {
                return false;
            }

            var keep = 0;
            if (version == 4)
            {
                if (!ReadOffset(content, ref text, out var strip) || strip > previous.Length)
                {
                    return false;
                }

                keep = previous.Length - strip;
                if (text >= content.Length)
                {
                    return false;
                }
            }

            var length = content[text..].IndexOf((byte)0);
            if (length < 0)
            {
                return false;
            }

            byte[] path = [.. previous.AsSpan(0, keep), .. content.Slice(text, length)];
            at = version == 4 ? text + length + 1 : at + ((text + length - at + 8) & ~7);
            previous = path;
            if (path.Length > 0)
            {
                // A sparse index names whole folders with a slash at the end.
                paths.Add(path[^1] == '/' ? path[..^1] : path);
            }
        }

        while (at + 8 <= content.Length)
        {
            var size = BinaryPrimitives.ReadUInt32BigEndian(content[(at + 4)..]);
            if (size > content.Length - at - 8)
            {
                return false;
            }

            if (content.Slice(at, 4).SequenceEqual("link"u8) && size >= hashSize)
            {
                var name = content.Slice(at + 8, hashSize);
                link = name.IndexOfAnyExcept((byte)0) < 0 ? null : Convert.ToHexStringLower(name);
            }

            at += 8 + (int)size;
        }

        return true;
    }

    private static bool ReadOffset(ReadOnlySpan<byte> content, ref int at, out int value)
    {
        long number = 0;
        value = 0;
        for (var first = true; at < content.Length && number < int.MaxValue; first = false)
        {
            var b = content[at++];
            number = ((first ? 0 : number + 1) << 7) | (uint)(b & 127);
            if ((b & 128) == 0)
            {
                value = (int)number;
                return number <= int.MaxValue;
            }
        }

        return false;
    }

    private ReadOnlySpan<byte> At(int i) => bytes.AsSpan(starts[i], starts[i + 1] - starts[i]);

    private int LowerBound(ReadOnlySpan<byte> path)
    {
        var (low, high) = (0, Math.Max(0, starts.Length - 1));
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (At(middle).SequenceCompareTo(path) < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }
}
