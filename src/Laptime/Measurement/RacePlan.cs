using System.Globalization;

namespace Laptime.Measurement;

/// <summary>What can be known of a race before it starts.</summary>
public static class RacePlan
{
    /// <summary>What so many pairs can find, in a sentence. Measured on shared machines with two cores; on a quiet one they find less.</summary>
    /// <param name="judging">Null: the standard one.</param>
    public static string Finds(int pairs, Judging? judging = null)
    {
        var least = 1;
        while (RankTests.LeastSignedRank(least) > (judging ?? Judging.Standard).Alpha)
        {
            least++;
        }

        return pairs < least
            ? string.Create(CultureInfo.InvariantCulture, $"too few for any verdict: {least} pairs are the least, 20 find a change of about 30 %, 50 to 80 one of 10 %")
            : pairs < 20 ? "so few pairs find only a change that is much larger than 30 %; 20 find about 30 %, 50 to 80 about 10 %"
            : pairs < 50 ? $"{pairs} pairs find a change of about 30 %; for 10 % take 50 to 80"
            : pairs < 80 ? $"{pairs} pairs find a change of 10 to 20 %" : $"{pairs} pairs find a change of about 10 %";
    }
}
