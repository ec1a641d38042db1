namespace Laptime.Measurement;

/// <summary>What calibration says about the machine between two recordings.</summary>
/// <param name="Known">False when there was no calibration, or too little of it; then <paramref name="Moved"/> is false.</param>
/// <param name="Moved">The fixed work took another time for B than for A.</param>
/// <param name="Factor">By how much at the most: time for B through time for A; 1 when it did not move.</param>
/// <param name="Sentence">What a comparison says about it.</param>
public sealed record MachineMove(bool Known, bool Moved, double Factor, string Sentence)
{
    /// <summary>The kind of work that moved the furthest stands for the machine.</summary>
    public static MachineMove Of(DriftReport drift) => new(
        drift.Known, drift.Moved, drift.Kinds.Where(k => k.Moved).Select(k => k.Ratio).OrderByDescending(r => Math.Abs(Math.Log(r))).FirstOrDefault(1), drift.Sentence);

    /// <summary>Fixed work is no deploy: one that waits for the disk may suffer several times as much as the mix does.</summary>
    private const double Margin = 4;

    /// <summary>
    /// A machine that moved by 5 % cannot be the reason for half the time, and that verdict stands; for anything that it could be the reason for (or could hide),
    /// there is none. Where only large changes count, small moves do not matter either.
    /// </summary>
    internal bool CouldExplain(double ratio, double leastEffect)
    {
        var reach = Margin * Math.Abs(Math.Log(Factor));
        return reach >= Math.Log(1 + leastEffect) && !(Math.Abs(Math.Log(ratio)) > reach);
    }
}
