using System.Text;
using Laptime.Fingerprints;
using Laptime.Foundations;

namespace Laptime.Gates;

/// <summary>The first fact of a verification that is not as the claim has it, in a sentence. Pure.</summary>
internal static class GateDifference
{
    private const int Shown = 80;

    public static string? OfRun(GateRun here) => here.Succeeded ? null : $"`{Cut(here.Check)}` ({here.Item}): {here.Ending}; in the claim it ended with exit code 0";

    /// <param name="content">What a file is here; null: it cannot be read.</param>
    /// <param name="kept">What the claim kept of a file; null: nothing.</param>
    public static string? OfEvidence(IReadOnlyList<GateEvidence> claimed, IReadOnlyList<GateEvidence> here, Func<GateEvidence, byte[]?> content, Func<GateEvidence, byte[]?> kept)
    {
        foreach (var then in claimed)
        {
            if (here.FirstOrDefault(e => e.Path == then.Path) is not { } now)
            {
                return $"{then.Path} is not there: the check did not leave it";
            }

            if (now.Digest != then.Digest)
            {
                var line = content(now) is { } one && kept(then) is { } other ? Lines(Text(one), Text(other)) : null;
                return $"{then.Path} is {Short(now)}, and was {Short(then)} in the claim" + (line is null ? "" : $": {line}");
            }
        }

        return here.FirstOrDefault(e => claimed.All(c => c.Path != e.Path)) is { } more ? $"{more.Path} is there, and was not in the claim" : null;
    }

    public static string? OfOutput(GateRun? then, GateRun here) =>
        then is null || then.Output == here.Output ? null
            : $"`{Cut(here.Check)}` ({here.Item}) prints something else" + (Lines(here.Tail, then.Tail) is { } line ? $": {line}" : "");

    /// <summary>The first line that differs.</summary>
    private static string? Lines(IReadOnlyList<string> here, IReadOnlyList<string> then)
    {
        for (var i = 0; i < Math.Max(here.Count, then.Count); i++)
        {
            if (i >= here.Count || i >= then.Count || here[i] != then[i])
            {
                return $"`{(i < here.Count ? Cut(here[i]) : "nothing more")}` here, `{(i < then.Count ? Cut(then[i]) : "nothing more")}` in the claim";
            }
        }

        return null;
    }

    private static string[] Text(byte[] bytes) => bytes.Contains((byte)0) ? [] : Encoding.UTF8.GetString(bytes).Split('\n');

    private static string Short(GateEvidence evidence) => $"{(Digest.TryParse(evidence.Digest, out var digest) ? digest.Short : evidence.Digest)} ({evidence.Size} bytes)";

    private static string Cut(string text) => text.Trim() is var line && line.Length > Shown ? line[..Shown] + "…" : line;
}
