using System.Buffers.Text;

namespace Laptime.Artifacts.Provenance;

/// <summary>
/// Base64 as DSSE has it: the standard or the URL-safe alphabet, with padding or without, nothing between or around. The base library skips white space and
/// drops left-over bits, which other verifiers refuse: what two readers take for different bytes must not pass here.
/// </summary>
internal static class StrictBase64
{
    public static string Encode(ReadOnlySpan<byte> bytes) => Convert.ToBase64String(bytes);

    /// <exception cref="FormatException">It is not exactly the encoding of some bytes.</exception>
    public static byte[] Decode(string text, string what)
    {
        var body = text.TrimEnd('=');
        var padding = text.Length - body.Length;
        var urlSafe = body.AsSpan().IndexOfAny('-', '_') >= 0;
        if ((urlSafe && body.AsSpan().IndexOfAny('+', '/') >= 0) || body.Length % 4 == 1 || (padding > 0 && (padding > 2 || text.Length % 4 != 0)))
        {
            throw Bad(what);
        }

        foreach (var c in body)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('+' or '/' or '-' or '_'))
            {
                throw Bad(what);
            }
        }

        var bytes = Base64Url.DecodeFromChars(urlSafe ? body : body.Replace('+', '-').Replace('/', '_'));
        return Base64Url.EncodeToString(bytes) is var again && again.AsSpan().SequenceEqual(urlSafe ? body : body.Replace('+', '-').Replace('/', '_'))
            ? bytes
            : throw Bad(what);
    }

    private static FormatException Bad(string what) => new($"{what} is not base64");
}
