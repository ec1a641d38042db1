namespace Laptime.Ledgers.Tools;

/// <summary>Truth as databases write it.</summary>
internal static class TableValue
{
    public static bool IsTrue(string? value) => value is not null && value.ToLowerInvariant() is "t" or "true" or "1" or "y" or "yes";

    public static bool IsFalse(string? value) => value is not null && value.ToLowerInvariant() is "f" or "false" or "0" or "n" or "no";
}
