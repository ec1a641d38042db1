using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Laptime.Fingerprints;

namespace Laptime.Audit;

/// <summary>One line of the audit log: what was done, by whom, chained to the line before it.</summary>
/// <param name="Seq">1, 2, 3, …</param>
/// <param name="Previous">SHA-256 of the exact bytes of the line before, without its line end; none for the first.</param>
/// <param name="Time">When it was written, UTC.</param>
/// <param name="Actor">Who, as they call themselves: nothing proves it.</param>
/// <param name="Event">What was done: <c>deploy</c>, <c>promote</c>, <c>rollback</c>, <c>override</c>, <c>gate-claim</c>, …</param>
/// <param name="Data">The facts of it. Never a secret.</param>
public sealed record AuditEntry(long Seq, Digest Previous, DateTimeOffset Time, string Actor, string Event, JsonObject Data)
{
    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The line, without its end. The same entry always gives the same bytes.</summary>
    public byte[] ToLine()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, Plain))
        {
            json.WriteStartObject();
            json.WriteNumber("seq", Seq);
            json.WriteString("prev", Previous.ToString());
            json.WriteString("time", Time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
            json.WriteString("actor", Actor);
            json.WriteString("event", Event);
            json.WritePropertyName("data");
            Data.WriteTo(json);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Null: it is no line of an audit log.</summary>
    public static AuditEntry? Parse(ReadOnlySpan<byte> line)
    {
        try
        {
            var reader = new Utf8JsonReader(line);
            return JsonNode.Parse(ref reader) is JsonObject json && !reader.Read()
                && json["seq"]?.GetValue<long>() is { } seq and > 0
                && json["prev"]?.GetValue<string>() is { } prev && (prev == "none" || Digest.TryParse(prev, out _))
                && DateTimeOffset.TryParse(json["time"]?.GetValue<string>(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
                && json["actor"]?.GetValue<string>() is { } actor && json["event"]?.GetValue<string>() is { } happened && json["data"] is JsonObject data
                ? new AuditEntry(seq, prev == "none" ? Digest.None : Digest.Parse(prev), time, actor, happened, data.DeepClone().AsObject())
                : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or ArgumentException)
        {
            return null;
        }
    }
}
