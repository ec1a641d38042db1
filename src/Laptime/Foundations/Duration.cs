using System.Globalization;

namespace Laptime.Foundations;

/// <summary>Durations as people write them: a number with a unit (<c>100ms</c>, <c>30s</c>, <c>2m</c>, <c>1h</c>, <c>30d</c>, <c>1m30s</c>). A bare number is refused.</summary>
public static class Duration
{
    public static bool TryParse(string text, out TimeSpan value)
    {
        value = TimeSpan.Zero;
        var rest = text.AsSpan().Trim();
        if (rest.IsEmpty)
        {
            return false;
        }

        while (!rest.IsEmpty)
        {
            var digits = 0;
            while (digits < rest.Length && (char.IsAsciiDigit(rest[digits]) || rest[digits] == '.'))
            {
                digits++;
            }

            if (digits == 0 || !double.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
            {
                return false;
            }

            rest = rest[digits..];
            var letters = 0;
            while (letters < rest.Length && char.IsAsciiLetter(rest[letters]))
            {
                letters++;
            }

            double? unit = rest[..letters] switch { "ms" => 0.001, "s" => 1, "m" => 60, "h" => 3600, "d" => 86400, _ => null };
            if (unit is null || number * unit.Value > 1e9 || value > TimeSpan.FromSeconds(1e9))
            {
                return false;
            }

            value += TimeSpan.FromSeconds(number * unit.Value);
            rest = rest[letters..];
        }

        return true;
    }

    /// <summary>Short and with its unit: <c>3 ms</c>, <c>1.84 s</c>, <c>2 m 05 s</c>, <c>3 h 10 m</c>, <c>2 d 4 h</c>.</summary>
    public static string Text(double seconds)
    {
        var culture = CultureInfo.InvariantCulture;
        return seconds switch
        {
            < 0 => "-" + Text(-seconds),
            < 0.0995 => string.Create(culture, $"{seconds * 1000:0.#} ms"),
            < 0.9995 => string.Create(culture, $"{seconds * 1000:0} ms"),
            < 9.995 => string.Create(culture, $"{seconds:0.00} s"),
            < 59.95 => string.Create(culture, $"{seconds:0.0} s"),
            < 3600 => string.Create(culture, $"{(int)(seconds / 60)} m {(int)(seconds % 60):00} s"),
            < 86400 => string.Create(culture, $"{(int)(seconds / 3600)} h {(int)(seconds % 3600 / 60):00} m"),
            _ => string.Create(culture, $"{(int)(seconds / 86400)} d {(int)(seconds % 86400 / 3600)} h"),
        };
    }

    public static string Text(TimeSpan value) => Text(value.TotalSeconds);
}
