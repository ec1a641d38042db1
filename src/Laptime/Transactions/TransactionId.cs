using Laptime.Foundations;

namespace Laptime.Transactions;

/// <summary>Readable, and sortable by time: <c>tx-20261121-110329-7f3a9c</c> (UTC).</summary>
public readonly record struct TransactionId(string Text)
{
    private const string HexDigits = "0123456789abcdef";

    /// <summary>The hash of a random GUID is random in every bit.</summary>
    public static TransactionId New(DateTimeOffset now) => New(now.ToUnixTimeSeconds(), Guid.NewGuid().GetHashCode());

    /// <summary>Written by hand: it is on the no-op path, where formatting a date and loading a cryptographic library would cost more than the deploy.</summary>
    /// <param name="unixSeconds">Since 1970, UTC.</param>
    /// <param name="random">24 random bits tell the transactions of one second apart.</param>
    public static TransactionId New(long unixSeconds, int random)
    {
        var at = new UtcMoment(unixSeconds);
        var text = new char[25];
        text[0] = 't';
        text[1] = 'x';
        text[2] = text[11] = text[18] = '-';
        Digits(text, 3, 4, at.Year);
        Digits(text, 7, 2, at.Month);
        Digits(text, 9, 2, at.Day);
        Digits(text, 12, 2, at.Hour);
        Digits(text, 14, 2, at.Minute);
        Digits(text, 16, 2, at.Second);

        for (var i = 19; i < text.Length; i++, random >>= 4)
        {
            text[i] = HexDigits[random & 15];
        }

        return new TransactionId(new string(text));
    }

    /// <summary>Accepts exactly that form: ids become file names.</summary>
    public static bool TryParse(string? text, out TransactionId id)
    {
        id = default;
        if (text is not { Length: 25 } || !text.StartsWith("tx-", StringComparison.Ordinal) || text[11] != '-' || text[18] != '-')
        {
            return false;
        }

        for (var i = 3; i < 25; i++)
        {
            var valid = i is 11 or 18 || (i < 18 ? char.IsAsciiDigit(text[i]) : char.IsAsciiHexDigitLower(text[i]));
            if (!valid)
            {
                return false;
            }
        }

        id = new TransactionId(text);
        return true;
    }

    public override string ToString() => Text;

    private static void Digits(char[] text, int start, int count, int value)
    {
        for (var i = start + count - 1; i >= start; i--, value /= 10)
        {
            text[i] = (char)('0' + (value % 10));
        }
    }
}
