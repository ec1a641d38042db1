namespace Laptime.Measurement;

/// <summary>
/// Which side of each pair runs first. Half of the pairs start with A and half with B (one more when their number is odd), shuffled by a seed: what comes
/// with being first or second falls on both sides alike, and nobody can know the order beforehand.
/// </summary>
public static class PairOrder
{
    /// <param name="seed">The same seed gives the same order, on every machine and in every version.</param>
    /// <returns>One entry a pair; true: A runs first.</returns>
    public static IReadOnlyList<bool> Of(int seed, int pairs)
    {
        var state = unchecked((ulong)seed);
        var aFirst = new bool[pairs];
        var half = pairs / 2 + (pairs % 2 == 1 && Next(ref state, 2) == 1 ? 1 : 0);
        Array.Fill(aFirst, true, 0, half);
        for (var i = pairs - 1; i > 0; i--)
        {
            var j = Next(ref state, i + 1);
            (aFirst[i], aFirst[j]) = (aFirst[j], aFirst[i]);
        }

        return aFirst;
    }

    /// <summary>SplitMix64: the sequence of the library's own generator may change from one release to the next.</summary>
    private static int Next(ref ulong state, int below)
    {
        state += 0x9E3779B97F4A7C15UL;
        var z = state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        z ^= z >> 31;
        return (int)(z % (ulong)below);
    }
}
