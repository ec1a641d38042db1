using System.Runtime.InteropServices;

namespace Laptime.Fingerprints;

/// <summary>Reads a stat index into memory of its own: another process replacing or cutting the file must not matter to us.</summary>
internal static unsafe class IndexFile
{
    /// <summary>Null: there is none that can be used; missing, damaged or of another version is all the same. The caller frees it (<see cref="NativeMemory.Free"/>).</summary>
    public static byte* Read(string path, out long length)
    {
        length = 0;
        byte* memory = null;
        try
        {
            using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            length = RandomAccess.GetLength(handle);
            if (length is < IndexFormat.HeaderSize or > int.MaxValue)
            {
                return null;
            }

            memory = (byte*)NativeMemory.Alloc((nuint)length);
            for (long at = 0; at < length;)
            {
                var got = RandomAccess.Read(handle, new Span<byte>(memory + at, (int)(length - at)), at);
                if (got == 0)
                {
                    return null;
                }

                at += got;
            }

            if (!IsSound(memory, length))
            {
                return null;
            }

            var read = memory;
            memory = null;
            return read;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
        finally
        {
            NativeMemory.Free(memory);
        }
    }

    private static bool IsSound(byte* file, long length)
    {
        if (!IndexFormat.IsSound(file, length))
        {
            return false;
        }

        var header = (IndexHeader*)file;
        var sums = IndexFormat.Align(IndexFormat.HeaderSize + (header->Folders * sizeof(FolderRecord)) + ((header->Entries + header->Facts) * sizeof(EntryRecord)) + header->NamesLength);
        for (long block = 0; block < IndexFormat.Blocks(sums); block++)
        {
            if (!IndexFormat.IsBlockSound(file, sums, block))
            {
                return false;
            }
        }

        return true;
    }
}
