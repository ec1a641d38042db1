using System.Buffers.Binary;
using Laptime.Foundations;

namespace Laptime.Fingerprints;

/// <summary>
/// A stored fingerprint with all its parts, for the next run's <c>lap why</c>. Names are front-coded, digests are 32 bytes.
/// Nothing in the file is believed: the value is computed again from the parts, so a damaged or foreign file is no file.
/// </summary>
public static class FingerprintRecord
{
    private const int MaxBytes = 512 * 1024 * 1024;
    private const int MaxText = 1024 * 1024;

    /// <summary>By code; the three of files are those of <see cref="InputKind"/>.</summary>
    private static readonly string[] Prefixes = ["", "file:", "exec:", "link:", "sha256:"];

    private static ReadOnlySpan<byte> Magic => "LAPFPR01"u8;

    /// <summary>Written atomically; the folder must exist.</summary>
    public static void Save(string path, ComponentFingerprint fingerprint) => AtomicFile.Write(path, ToBytes(fingerprint));

    /// <summary>Null when there is no such file, or it is damaged, or of another version: the caller then knows nothing of the earlier fingerprint.</summary>
    public static ComponentFingerprint? Load(string path)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1);
            if (file.Length is < 8 or > MaxBytes)
            {
                return null;
            }

            var bytes = new byte[file.Length];
            file.ReadExactly(bytes);
            return FromBytes(bytes);
        }
        catch (IOException)
        {
            return null;
        }
        catch (UnauthorizedAccessException)
        {
            return null;
        }
    }

    public static byte[] ToBytes(ComponentFingerprint fingerprint)
    {
        using var stream = new MemoryStream();
        stream.Write(Magic);
        WriteText(stream, fingerprint.Component);
        Span<byte> digest = stackalloc byte[Digest.Size];
        fingerprint.Value.CopyTo(digest);
        stream.Write(digest);
        WriteNumber(stream, fingerprint.Parts.Count);
        var parts = PartList.Of(fingerprint.Parts);
        byte[] previous = [];
        foreach (var file in parts.Files)
        {
            previous = WriteName(stream, PartKind.File, file.Path, previous);
            stream.WriteByte((byte)file.Kind);
            file.Content.CopyTo(digest);
            stream.Write(digest);
        }

        foreach (var part in parts.Others)
        {
            previous = WriteName(stream, part.Kind, part.Name, previous);
            var (code, content) = SplitValue(part.Value);
            stream.WriteByte((byte)code);
            if (code == 0)
            {
                WriteText(stream, part.Value);
            }
            else
            {
                content.CopyTo(digest);
                stream.Write(digest);
            }
        }

        return stream.ToArray();
    }

    private static byte[] WriteName(MemoryStream stream, PartKind kind, string name, byte[] previous)
    {
        var bytes = PathText.ToBytes(name);
        var common = bytes.AsSpan().CommonPrefixLength(previous);
        stream.WriteByte((byte)kind);
        WriteNumber(stream, common);
        WriteNumber(stream, bytes.Length - common);
        stream.Write(bytes.AsSpan(common));
        return bytes;
    }

    /// <summary>Null when the bytes are not exactly what <see cref="ToBytes"/> writes.</summary>
    public static ComponentFingerprint? FromBytes(ReadOnlySpan<byte> bytes)
    {
        if (!bytes.StartsWith(Magic))
        {
            return null;
        }

        bytes = bytes[Magic.Length..];
        if (!ReadText(ref bytes, out var component) || bytes.Length < Digest.Size)
        {
            return null;
        }

        var value = Digest.From(bytes);
        bytes = bytes[Digest.Size..];

        // A part takes at least four bytes: a count beyond that cannot be true, and nothing is allocated for it.
        if (!ReadNumber(ref bytes, out var count) || count > bytes.Length / 4)
        {
            return null;
        }

        List<InputFile> files = new(count);
        List<FingerprintPart> others = [];
        string? lastName = null;
        var lastKind = PartKind.File;
        var previous = new byte[256];
        var previousLength = 0;
        for (var i = 0; i < count; i++)
        {
            if (bytes.IsEmpty || bytes[0] > (byte)PartKind.Setting)
            {
                return null;
            }

            var kind = (PartKind)bytes[0];
            bytes = bytes[1..];
            if (!ReadNumber(ref bytes, out var common) || !ReadNumber(ref bytes, out var rest) || common > previousLength || rest > bytes.Length || rest > MaxText || common + rest > MaxText)
            {
                return null;
            }

            // The name before it becomes this one: what they share stands already.
            previousLength = common + rest;
            if (previousLength > previous.Length)
            {
                Array.Resize(ref previous, Math.Max(previousLength, previous.Length * 2));
            }

            bytes[..rest].CopyTo(previous.AsSpan(common));
            var name = PathText.FromBytes(previous.AsSpan(0, previousLength));
            bytes = bytes[rest..];
            if (bytes.IsEmpty || bytes[0] >= Prefixes.Length)
            {
                return null;
            }

            var code = bytes[0];
            bytes = bytes[1..];
            if (code == 0)
            {
                if (!ReadText(ref bytes, out var text))
                {
                    return null;
                }

                others.Add(new FingerprintPart(kind, name, text));
            }
            else if (bytes.Length < Digest.Size)
            {
                return null;
            }
            else
            {
                var content = Digest.From(bytes);
                bytes = bytes[Digest.Size..];
                if (kind == PartKind.File && others.Count == 0 && code is (byte)InputKind.File or (byte)InputKind.Executable or (byte)InputKind.Link)
                {
                    files.Add(new InputFile(name, (InputKind)code, content, 0, 0));
                }
                else
                {
                    others.Add(new FingerprintPart(kind, name, Prefixes[code] + content.ToHex()));
                }
            }

            if (lastName is not null && (lastKind != kind ? lastKind.CompareTo(kind) : string.CompareOrdinal(lastName, name)) >= 0)
            {
                return null;
            }

            (lastKind, lastName) = (kind, name);
        }

        var parts = new PartList([.. files], [.. others]);
        return bytes.IsEmpty && ComponentFingerprint.HashOf(component, parts) == value ? new ComponentFingerprint(component, value, parts) : null;
    }

    private static (int Code, Digest Content) SplitValue(string value)
    {
        for (var code = 1; code < Prefixes.Length; code++)
        {
            var prefix = Prefixes[code];
            if (value.Length == prefix.Length + 64 && value.StartsWith(prefix, StringComparison.Ordinal)
                && Digest.TryParse("sha256:" + value[prefix.Length..], out var content))
            {
                return (code, content);
            }
        }

        return (0, Digest.None);
    }

    private static void WriteText(MemoryStream stream, string text)
    {
        var bytes = PathText.ToBytes(text);
        WriteNumber(stream, bytes.Length);
        stream.Write(bytes);
    }

    private static void WriteNumber(MemoryStream stream, int number)
    {
        Span<byte> bytes = stackalloc byte[4];
        if (number < 255)
        {
            stream.WriteByte((byte)number);
            return;
        }

        stream.WriteByte(255);
        BinaryPrimitives.WriteInt32LittleEndian(bytes, number);
        stream.Write(bytes);
    }

    private static bool ReadText(ref ReadOnlySpan<byte> bytes, out string text)
    {
        text = "";
        if (!ReadNumber(ref bytes, out var length) || length > bytes.Length || length > MaxText)
        {
            return false;
        }

        text = PathText.FromBytes(bytes[..length]);
        bytes = bytes[length..];
        return true;
    }

    private static bool ReadNumber(ref ReadOnlySpan<byte> bytes, out int number)
    {
        number = 0;
        if (bytes.IsEmpty)
        {
            return false;
        }

        number = bytes[0];
        bytes = bytes[1..];
        if (number < 255)
        {
            return true;
        }

        if (bytes.Length < 4)
        {
            return false;
        }

        number = BinaryPrimitives.ReadInt32LittleEndian(bytes);
        bytes = bytes[4..];
        return number >= 0;
    }
}
