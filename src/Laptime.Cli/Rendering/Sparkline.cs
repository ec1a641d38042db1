namespace Laptime.Cli.Rendering;

/// <summary>Values in the order of time as signs of different height: from 0 at the bottom to the longest of them, so that noise does not look like a trend.</summary>
internal static class Sparkline
{
    private const string Blocks = "▁▂▃▄▅▆▇█";
    private const string Ascii = "_.:-=+*#";

    /// <param name="values">Oldest first; a null leaves its place empty.</param>
    /// <param name="width">The newest that fit are shown.</param>
    public static string Of(IReadOnlyList<double?> values, int width, bool unicode)
    {
        var shown = values.Skip(Math.Max(0, values.Count - width)).ToList();
        var top = shown.Max() ?? 0;
        var heights = unicode ? Blocks : Ascii;
        return string.Concat(shown.Select(v => v is not { } value ? ' ' : heights[top <= 0 ? 0 : Math.Clamp((int)Math.Ceiling(value / top * heights.Length) - 1, 0, heights.Length - 1)]));
    }
}
