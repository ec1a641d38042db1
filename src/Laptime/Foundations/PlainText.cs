using System.Runtime.CompilerServices;
using System.Text;

namespace Laptime.Foundations;

/// <summary>
/// Text to bytes and back, lines, fields and numbers for the no-op path, by plain loops. The base library does the same with vectors, whose generic types take the
/// runtime three milliseconds to load, and with cultures, which take it one more. What is not ASCII goes to the base library all the same.
/// </summary>
public static unsafe class PlainText
{
    /// <summary>UTF-8, as <see cref="Encoding.UTF8"/> writes it.</summary>
    public static byte[] Bytes(string text) => Bytes(text, end: 0);

    /// <summary>UTF-8 and a NUL: what the system's calls take.</summary>
    public static byte[] Terminated(string text) => Bytes(text, end: 1);

    private static byte[] Bytes(string text, int end)
    {
        var bytes = new byte[text.Length + end];
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] >= 0x80)
            {
                return Transcode(end == 0 ? text : text + "\0");
            }

            bytes[i] = (byte)text[i];
        }

        return bytes;
    }

    /// <summary>The text of some UTF-8, as <see cref="Encoding.UTF8"/> reads it.</summary>
    public static string Text(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length == 0)
        {
            return "";
        }

        // Nobody else has it yet.
        var text = new string('\0', bytes.Length);
        fixed (char* to = text)
        {
            for (var i = 0; i < bytes.Length; i++)
            {
                if (bytes[i] >= 0x80)
                {
                    return Transcode(bytes);
                }

                to[i] = (char)bytes[i];
            }
        }

        return text;
    }

    public static bool IsAscii(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] >= 0x80)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>What stands between the separators; one field when there is none.</summary>
    public static string[] Split(string text, char separator)
    {
        var count = 1;
        for (var i = 0; i < text.Length; i++)
        {
            count += text[i] == separator ? 1 : 0;
        }

        var fields = new string[count];
        var start = 0;
        for (var field = 0; field < count; field++)
        {
            var end = start;
            while (end < text.Length && text[end] != separator)
            {
                end++;
            }

            fields[field] = text.Substring(start, end - start);
            start = end + 1;
        }

        return fields;
    }

    /// <summary>Decimal digits and nothing else.</summary>
    public static bool TryNumber(string text, out ulong number)
    {
        number = 0;
        for (var i = 0; i < text.Length; i++)
        {
            var digit = (uint)text[i] - '0';
            if (digit > 9 || number > (ulong.MaxValue - digit) / 10)
            {
                return false;
            }

            number = (number * 10) + digit;
        }

        return text.Length > 0;
    }

    public static string Number(ulong number)
    {
        const int Longest = 20;
        var digits = stackalloc char[Longest];
        var start = Longest;
        do
        {
            digits[--start] = (char)('0' + (number % 10));
            number /= 10;
        }
        while (number != 0);

        return new string(digits, start, Longest - start);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static byte[] Transcode(string text) => Encoding.UTF8.GetBytes(text);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static string Transcode(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);
}
