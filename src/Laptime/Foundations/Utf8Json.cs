namespace Laptime.Foundations;

/// <summary>
/// Writes JSON as UTF-8 into a growing buffer, with nothing of the base library but arrays: the no-op path has no time to load a serializer.
/// Everything else uses System.Text.Json.
/// </summary>
public sealed class Utf8Json(int capacity = 4096)
{
    private const long TicksOfSecond = 10_000_000;
    private byte[] bytes = new byte[capacity];
    private int length;
    private bool separate;

    /// <summary>Everything written so far; valid until the next write.</summary>
    public ReadOnlySpan<byte> Written => new(bytes, 0, length);

    public void Clear() => (length, separate) = (0, false);

    /// <param name="bracket">An opening bracket: { or [.</param>
    public void Open(char bracket)
    {
        Separate();
        Raw(bracket);
        separate = false;
    }

    public void Open(string name, char bracket)
    {
        Name(name);
        Raw(bracket);
        separate = false;
    }

    /// <param name="bracket">A closing bracket: } or ].</param>
    public void Close(char bracket)
    {
        Raw(bracket);
        separate = true;
    }

    public void Text(string name, string? value)
    {
        Name(name);
        if (value is null)
        {
            RawText("null");
        }
        else
        {
            Quoted(value);
        }
    }

    public void Texts(string name, string[] values)
    {
        Open(name, '[');
        for (var i = 0; i < values.Length; i++)
        {
            Separate();
            Quoted(values[i]);
        }

        Close(']');
    }

    public void Number(string name, long value)
    {
        Name(name);
        RawNumber(value);
    }

    public void Bool(string name, bool value)
    {
        Name(name);
        RawText(value ? "true" : "false");
    }

    /// <summary>Nanoseconds as seconds.</summary>
    public void Seconds(string name, long nanoseconds)
    {
        Name(name);
        RawSeconds(nanoseconds);
    }

    /// <summary>Nanoseconds since 1970 (UTC) as <c>2026-11-21T11:03:29.1234567Z</c>: ticks of 100 ns, as the serializer reads them.</summary>
    public void Time(string name, long unixNanoseconds)
    {
        Name(name);
        var ticks = unixNanoseconds / 100;
        var seconds = ticks / TicksOfSecond;
        ticks -= seconds * TicksOfSecond;
        if (ticks < 0)
        {
            seconds--;
            ticks += TicksOfSecond;
        }

        var at = new UtcMoment(seconds);
        Raw('"');
        Digits(at.Year, 4);
        Raw('-');
        Digits(at.Month, 2);
        Raw('-');
        Digits(at.Day, 2);
        Raw('T');
        Digits(at.Hour, 2);
        Raw(':');
        Digits(at.Minute, 2);
        Raw(':');
        Digits(at.Second, 2);
        if (ticks != 0)
        {
            Raw('.');
            Digits(ticks, 7);
            TrimZeros();
        }

        Raw('Z');
        Raw('"');
    }

    public void RawSeconds(long nanoseconds)
    {
        if (nanoseconds < 0)
        {
            Raw('-');
            nanoseconds = -nanoseconds;
        }

        RawNumber(nanoseconds / 1_000_000_000);
        if (nanoseconds % 1_000_000_000 != 0)
        {
            Raw('.');
            Digits(nanoseconds % 1_000_000_000, 9);
            TrimZeros();
        }
    }

    public void RawNumber(long value)
    {
        var magnitude = (ulong)value;
        if (value < 0)
        {
            Raw('-');
            magnitude = 0 - magnitude;
        }

        var digits = 1;
        for (var rest = magnitude / 10; rest != 0; rest /= 10)
        {
            digits++;
        }

        Ensure(digits);
        for (var i = digits - 1; i >= 0; i--)
        {
            bytes[length + i] = (byte)('0' + (magnitude % 10));
            magnitude /= 10;
        }

        length += digits;
    }

    /// <summary>Text as it stands, in UTF-8; unpaired surrogates become the replacement character.</summary>
    public void RawText(string text)
    {
        Ensure(text.Length * 3);
        for (var i = 0; i < text.Length; i++)
        {
            i += Scalar(text, i);
        }
    }

    /// <param name="ascii">One ASCII character.</param>
    public void Raw(char ascii)
    {
        Ensure(1);
        bytes[length++] = (byte)ascii;
    }

    private void Name(string name)
    {
        Separate();
        Quoted(name);
        Raw(':');
    }

    private void Separate()
    {
        if (separate)
        {
            Raw(',');
        }

        separate = true;
    }

    private void Quoted(string text)
    {
        // At most six bytes for one UTF-16 unit (\u00XX).
        Ensure((text.Length * 6) + 2);
        bytes[length++] = (byte)'"';
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c is '"' or '\\')
            {
                bytes[length++] = (byte)'\\';
                bytes[length++] = (byte)c;
            }
            else if (c is < ' ' or '\u007f')
            {
                bytes[length++] = (byte)'\\';
                bytes[length++] = (byte)'u';
                bytes[length++] = (byte)'0';
                bytes[length++] = (byte)'0';
                bytes[length++] = Hex(c >> 4);
                bytes[length++] = Hex(c & 15);
            }
            else
            {
                i += Scalar(text, i);
            }
        }

        bytes[length++] = (byte)'"';
    }

    /// <summary>Writes the character at <paramref name="i"/>; 1 when it took two units. The room is there already.</summary>
    private int Scalar(string text, int i)
    {
        int c = text[i];
        if (c < 0x80)
        {
            bytes[length++] = (byte)c;
            return 0;
        }

        if (c < 0x800)
        {
            bytes[length++] = (byte)(0xc0 | (c >> 6));
            bytes[length++] = (byte)(0x80 | (c & 0x3f));
            return 0;
        }

        if (c is >= 0xd800 and < 0xdc00 && i + 1 < text.Length && text[i + 1] is >= '\udc00' and < '\ue000')
        {
            c = 0x10000 + ((c - 0xd800) << 10) + (text[i + 1] - 0xdc00);
            bytes[length++] = (byte)(0xf0 | (c >> 18));
            bytes[length++] = (byte)(0x80 | ((c >> 12) & 0x3f));
            bytes[length++] = (byte)(0x80 | ((c >> 6) & 0x3f));
            bytes[length++] = (byte)(0x80 | (c & 0x3f));
            return 1;
        }

        if (c is >= 0xd800 and < 0xe000)
        {
            c = 0xfffd;
        }

        bytes[length++] = (byte)(0xe0 | (c >> 12));
        bytes[length++] = (byte)(0x80 | ((c >> 6) & 0x3f));
        bytes[length++] = (byte)(0x80 | (c & 0x3f));
        return 0;
    }

    private void Digits(long value, int count)
    {
        Ensure(count);
        for (var i = count - 1; i >= 0; i--)
        {
            bytes[length + i] = (byte)('0' + (value % 10));
            value /= 10;
        }

        length += count;
    }

    private void TrimZeros()
    {
        while (bytes[length - 1] == (byte)'0')
        {
            length--;
        }
    }

    private static byte Hex(int digit) => (byte)(digit < 10 ? '0' + digit : 'a' + digit - 10);

    private void Ensure(int more)
    {
        if (length + more > bytes.Length)
        {
            var larger = new byte[Math.Max(bytes.Length * 2, length + more)];
            Buffer.BlockCopy(bytes, 0, larger, 0, length);
            bytes = larger;
        }
    }
}
