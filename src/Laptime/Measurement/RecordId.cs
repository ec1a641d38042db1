using System.Globalization;

namespace Laptime.Measurement;

/// <summary>Ids of what measurements leave in the journal: readable, and sortable by time: <c>bl-20261121-110329-7f3a9c</c> (UTC).</summary>
public static class RecordId
{
    /// <param name="prefix">Two letters for the kind: bl (baseline), ex (experiment), ra (race).</param>
    public static string New(string prefix, DateTimeOffset now) => string.Create(
        CultureInfo.InvariantCulture, $"{prefix}-{now.UtcDateTime:yyyyMMdd-HHmmss}-{Guid.NewGuid().ToString("N")[..6]}");
}
