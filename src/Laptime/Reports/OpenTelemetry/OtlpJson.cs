using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Laptime.Reports.OpenTelemetry;

/// <summary>
/// The same request as OTLP/JSON, on one line: ids in hexadecimal, enumerations and 32-bit numbers as numbers, 64-bit numbers as strings. A file of such lines is
/// what the OpenTelemetry file exporter writes and the Collector's otlpjsonfile receiver reads.
/// </summary>
public static class OtlpJson
{
    public static byte[] Encode(SpanBatch batch)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteStartArray("resourceSpans");
            json.WriteStartObject();
            json.WriteStartObject("resource");
            Attributes(json, batch.Resource);
            json.WriteEndObject();
            json.WriteStartArray("scopeSpans");
            json.WriteStartObject();
            json.WriteStartObject("scope");
            json.WriteString("name", SpanBatch.ScopeName);
            json.WriteString("version", batch.ScopeVersion);
            json.WriteEndObject();
            json.WriteStartArray("spans");
            foreach (var span in batch.Spans)
            {
                Write(json, span);
            }

            json.WriteEndArray();
            json.WriteString("schemaUrl", SpanBatch.SchemaUrl);
            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteString("schemaUrl", SpanBatch.SchemaUrl);
            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteEndObject();
        }

        return bytes.WrittenSpan.ToArray();
    }

    private static void Write(Utf8JsonWriter json, Span span)
    {
        json.WriteStartObject();
        json.WriteString("traceId", span.TraceId);
        json.WriteString("spanId", span.Id);
        if (span.TraceState is { } state)
        {
            json.WriteString("traceState", state);
        }

        if (span.ParentId is { } parent)
        {
            json.WriteString("parentSpanId", parent);
        }

        json.WriteNumber("flags", span.Flags);
        json.WriteString("name", span.Name);
        json.WriteNumber("kind", (int)span.Kind);
        json.WriteString("startTimeUnixNano", span.Start.ToString(CultureInfo.InvariantCulture));
        json.WriteString("endTimeUnixNano", span.End.ToString(CultureInfo.InvariantCulture));
        Attributes(json, span.Attributes);
        if (span.Links.Count > 0)
        {
            json.WriteStartArray("links");
            foreach (var link in span.Links)
            {
                json.WriteStartObject();
                json.WriteString("traceId", span.TraceId);
                json.WriteString("spanId", link);
                json.WriteNumber("flags", span.Flags & 0x1FF);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        json.WriteStartObject("status");
        if (span.Error is { } error)
        {
            json.WriteString("message", error);
            json.WriteNumber("code", 2);
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void Attributes(Utf8JsonWriter json, IReadOnlyList<SpanAttribute> attributes)
    {
        json.WriteStartArray("attributes");
        foreach (var attribute in attributes)
        {
            json.WriteStartObject();
            json.WriteString("key", attribute.Key);
            json.WriteStartObject("value");
            Value(json, attribute.Value);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void Value(Utf8JsonWriter json, object value)
    {
        switch (value)
        {
            case string text:
                json.WriteString("stringValue", text);
                break;
            case bool flag:
                json.WriteBoolean("boolValue", flag);
                break;
            case long number:
                json.WriteString("intValue", number.ToString(CultureInfo.InvariantCulture));
                break;
            case double number:
                json.WriteNumber("doubleValue", number);
                break;
            case IReadOnlyList<string> texts:
                json.WriteStartObject("arrayValue");
                json.WriteStartArray("values");
                foreach (var text in texts)
                {
                    json.WriteStartObject();
                    json.WriteString("stringValue", text);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
                json.WriteEndObject();
                break;
            default:
                throw new ArgumentException($"no attribute value: {value.GetType()}", nameof(value));
        }
    }
}
