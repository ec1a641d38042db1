using System.Globalization;
using System.Security.Cryptography;

namespace Laptime.Recipes.Reading;

/// <summary>How a secret is made: what stands behind its version in .env.sample (<c>SECRET_DB_PASSWORD_VERSION=v1 # length=24 charset=default,special</c>).</summary>
/// <param name="Length">Characters.</param>
/// <param name="Charset">The characters that it may have.</param>
/// <param name="IsGenerated">False: there, people enter it by hand (<c>generate=false</c>); here a random one stands in.</param>
public sealed record SecretMaker(int Length, string Charset, bool IsGenerated)
{
    private const string Letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    private const int Most = 4096;

    public static SecretMaker Default { get; } = new(32, Letters, true);

    /// <summary>The value: random, from the system's own source.</summary>
    public string Make() => RandomNumberGenerator.GetString(Charset, Length);

    /// <param name="comment">Behind the <c>#</c>. What is not understood is told and left.</param>
    public static SecretMaker Parse(string comment, string place, List<string> warnings)
    {
        var maker = Default;
        foreach (var word in comment.Split([' ', '\t', ';'], StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = word.IndexOf('=');
            var (name, value) = equals < 0 ? (word, "") : (word[..equals], word[(equals + 1)..]);
            switch (name)
            {
                case "length":
                    if (int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var length) && length is > 0 and <= Most)
                    {
                        maker = maker with { Length = length };
                    }
                    else
                    {
                        warnings.Add($"{place}: `{word}` is no length from 1 to {Most}: {maker.Length} is taken");
                    }

                    break;
                case "charset":
                    maker = maker with { Charset = Characters(value, place, warnings) };
                    break;
                case "generate":
                    maker = maker with { IsGenerated = value is not "false" };
                    break;
                default:
                    if (equals >= 0)
                    {
                        warnings.Add($"{place}: `{name}` is no setting of a secret that lap knows (length, charset, generate): it is left aside");
                    }

                    break;
            }
        }

        return maker;
    }

    private static string Characters(string names, string place, List<string> warnings)
    {
        var set = "";
        foreach (var name in names.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            var characters = name switch
            {
                "default" => Letters,
                "special" => "!@#$%^&*_-+=",
                "safespecial" => "!@#%^&*_-+=",
                "hex" => "0123456789abcdef",
                "digits" => "0123456789",
                _ => null,
            };
            if (characters is null)
            {
                warnings.Add($"{place}: `{name}` is no charset that lap knows (default, special, safespecial, hex, digits): letters and digits are taken");
            }

            set += characters ?? Letters;
        }

        return set.Length == 0 ? Letters : new string([.. set.Distinct()]);
    }
}
