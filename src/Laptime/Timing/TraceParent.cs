namespace Laptime.Timing;

/// <summary>
/// Where a caller's trace stands, as the W3C Trace Context has it: <c>00-TRACE-SPAN-FLAGS</c>, from the environment variable TRACEPARENT.
/// </summary>
/// <param name="TraceId">32 lower-case hexadecimal digits, not all zero.</param>
/// <param name="SpanId">16 of them: the caller's span.</param>
/// <param name="Flags">Bit 0: the caller records this trace.</param>
public sealed record TraceParent(string TraceId, string SpanId, byte Flags)
{
    /// <summary>The variable that carries it.</summary>
    public const string Variable = "TRACEPARENT";

    /// <summary>The variable that carries what vendors add; only passed on.</summary>
    public const string StateVariable = "TRACESTATE";

    private const int Length = 55;

    public bool IsSampled => (Flags & 1) != 0;

    /// <summary>Null for anything that the recommendation calls invalid. A later version may be longer: what version 00 has is read of it.</summary>
    public static TraceParent? Parse(string? text)
    {
        if (text is null || text.Length < Length || !IsHex(text, 0, 2) || text[..2] == "ff" || (text.Length > Length && (text[..2] == "00" || text[Length] != '-'))
            || text[2] != '-' || text[35] != '-' || text[52] != '-' || !IsHex(text, 3, 32) || !IsHex(text, 36, 16) || !IsHex(text, 53, 2)
            || text.AsSpan(3, 32).IndexOfAnyExcept('0') < 0 || text.AsSpan(36, 16).IndexOfAnyExcept('0') < 0)
        {
            return null;
        }

        return new TraceParent(text.Substring(3, 32), text.Substring(36, 16), Convert.ToByte(text.Substring(53, 2), 16));
    }

    public override string ToString() => $"00-{TraceId}-{SpanId}-{Flags:x2}";

    private static bool IsHex(string text, int start, int count)
    {
        for (var i = start; i < start + count; i++)
        {
            if (!char.IsAsciiHexDigitLower(text[i]))
            {
                return false;
            }
        }

        return true;
    }
}
