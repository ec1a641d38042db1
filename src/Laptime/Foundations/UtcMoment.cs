namespace Laptime.Foundations;

/// <summary>
/// Date and time of day in UTC, by plain arithmetic: on the no-op path the base library's types would cost more to load than this to run.
/// (Howard Hinnant, "chrono-compatible low-level date algorithms": days in the years that begin in March.)
/// </summary>
public readonly struct UtcMoment
{
    private const long SecondsOfDay = 86_400;
    private const long DaysOfEra = 146_097;

    /// <param name="unixSeconds">Since 1970, in the years 1 to 9999.</param>
    public UtcMoment(long unixSeconds)
    {
        var seconds = unixSeconds + (719_468 * SecondsOfDay); // since 1 March of the year 0
        var ofDay = (int)(seconds % SecondsOfDay);
        Hour = ofDay / 3600;
        Minute = ofDay / 60 % 60;
        Second = ofDay % 60;
        var days = seconds / SecondsOfDay;
        var day = days % DaysOfEra;
        var year = (day - (day / 1460) + (day / 36_524) - (day / 146_096)) / 365;
        var ofYear = day - ((365 * year) + (year / 4) - (year / 100));
        var month = ((5 * ofYear) + 2) / 153;
        Day = (int)(ofYear - (((153 * month) + 2) / 5) + 1);
        Month = (int)(month < 10 ? month + 3 : month - 9);
        Year = (int)((days / DaysOfEra * 400) + year + (Month <= 2 ? 1 : 0));
    }

    public int Year { get; }

    public int Month { get; }

    public int Day { get; }

    public int Hour { get; }

    public int Minute { get; }

    public int Second { get; }
}
