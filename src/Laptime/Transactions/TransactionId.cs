using System.Globalization;
using System.Security.Cryptography;

namespace Laptime.Transactions;

/// <summary>Readable, and sortable by time: <c>tx-20261121-110329-7f3a9c</c> (UTC).</summary>
public readonly record struct TransactionId(string Text)
{
    public static TransactionId New(DateTimeOffset now) => new(string.Create(
        CultureInfo.InvariantCulture,
        $"tx-{now.UtcDateTime:yyyyMMdd-HHmmss}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(3))}"));

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
}
