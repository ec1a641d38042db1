using System.Text;

namespace Laptime.Fingerprints;

/// <summary>
/// File names are bytes on Linux. As text, a byte that is not part of valid UTF-8 becomes the lone surrogate U+DC80..U+DCFF
/// (as Python does), so that two different names are always two different texts and the bytes can be had back.
/// </summary>
public static class PathText
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static string FromBytes(ReadOnlySpan<byte> bytes)
    {
        if (Ascii.IsValid(bytes) || System.Text.Unicode.Utf8.IsValid(bytes))
        {
            return Strict.GetString(bytes);
        }

        var text = new StringBuilder(bytes.Length);
        while (!bytes.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(bytes, out var rune, out var used) == System.Buffers.OperationStatus.Done)
            {
                text.Append(rune.ToString());
                bytes = bytes[used..];
            }
            else
            {
                text.Append((char)(0xDC00 + bytes[0]));
                bytes = bytes[1..];
            }
        }

        return text.ToString();
    }

    /// <summary>The bytes of a name; a surrogate that stands for no byte (only possible on Windows) is written as three bytes of its own.</summary>
    public static byte[] ToBytes(string text)
    {
        if (Ascii.IsValid(text))
        {
            return Encoding.ASCII.GetBytes(text);
        }

        var bytes = new byte[text.Length * 3];
        return bytes[..Write(text, bytes)];
    }

    /// <summary>Writes the bytes of a name; at most three per character.</summary>
    public static int Write(ReadOnlySpan<char> text, Span<byte> target)
    {
        // Nearly every name is ASCII all through.
        _ = Ascii.FromUtf16(text, target, out var at);
        text = text[at..];
        while (!text.IsEmpty)
        {
            if (Rune.DecodeFromUtf16(text, out var rune, out var used) == System.Buffers.OperationStatus.Done)
            {
                at += rune.EncodeToUtf8(target[at..]);
                text = text[used..];
                continue;
            }

            var c = text[0];
            text = text[1..];
            if (c is >= '\uDC80' and <= '\uDCFF')
            {
                target[at++] = (byte)(c - 0xDC00);
            }
            else
            {
                target[at++] = (byte)(0xE0 | (c >> 12));
                target[at++] = (byte)(0x80 | ((c >> 6) & 0x3F));
                target[at++] = (byte)(0x80 | (c & 0x3F));
            }
        }

        return at;
    }

    /// <summary>For people: what is not UTF-8 and control characters are shown as \xNN, so that a line stays a line.</summary>
    public static string Display(string text)
    {
        var plain = true;
        foreach (var c in text)
        {
            plain &= !char.IsControl(c) && !char.IsSurrogate(c);
        }

        if (plain)
        {
            return text;
        }

        var shown = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c is >= '\uDC80' and <= '\uDCFF' && (i == 0 || !char.IsHighSurrogate(text[i - 1])))
            {
                shown.Append("\\x").Append(((int)c - 0xDC00).ToString("x2"));
            }
            else if (char.IsControl(c))
            {
                shown.Append("\\x").Append(((int)c).ToString("x2"));
            }
            else
            {
                shown.Append(c);
            }
        }

        return shown.ToString();
    }
}
