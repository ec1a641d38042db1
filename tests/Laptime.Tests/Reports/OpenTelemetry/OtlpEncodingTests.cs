using System.Text;
using System.Text.Json.Nodes;
using Laptime.Reports.OpenTelemetry;
using Laptime.Transactions;

namespace Laptime.Tests.Reports.OpenTelemetry;

/// <summary>The bytes: against vectors worked out by hand from the wire format, and against protoc with the published definition.</summary>
public sealed class OtlpEncodingTests
{
    private static readonly SpanBatch Small = new(
        [new SpanAttribute("a", "b")], "1",
        [
            new Span
            {
                TraceId = "000102030405060708090a0b0c0d0e0f", Id = "1011121314151617", Flags = 0x101, Name = "n", Kind = SpanKind.Server, Start = 1, End = 258,
                Attributes = [new SpanAttribute("t", true), new SpanAttribute("i", -1L)], Error = "e",
            },
        ]);

    [Fact]
    public void A_small_batch_is_byte_for_byte_as_the_wire_format_has_it()
    {
        const string span =
            "0a10000102030405060708090a0b0c0d0e0f" + // trace_id
            "12081011121314151617" + // span_id
            "2a016e" + // name
            "3002" + // kind
            "390100000000000000" + // start
            "410201000000000000" + // end
            "4a070a0174" + "12021001" + // attribute t: true
            "4a100a0169" + "120b18ffffffffffffffffff01" + // attribute i: -1
            "7a05" + "120165" + "1802" + // status
            "850101010000"; // flags
        const string schema = "1a2768747470733a2f2f6f70656e74656c656d657472792e696f2f736368656d61732f312e33372e30";
        var scope = "0a0c" + "0a076c617074696d65" + "120131";
        var scopeSpans = scope + Bytes("12", span) + schema;
        var resource = "0a0a" + "0a08" + "0a0161" + "1203" + "0a0162";
        var wanted = Bytes("0a", resource + Bytes("12", scopeSpans) + schema);
        Assert.Equal(wanted, Convert.ToHexStringLower(OtlpProtobuf.Encode(Small)));

        static string Bytes(string tag, string content)
        {
            var length = content.Length / 2;
            return tag + (length < 128 ? $"{length:x2}" : $"{(length & 127) | 128:x2}{length >> 7:x2}") + content;
        }
    }

    [Fact]
    public void The_same_batch_as_JSON_has_hexadecimal_ids_and_long_numbers_as_text() => Assert.Equal(
        """
        {"resourceSpans":[{"resource":{"attributes":[{"key":"a","value":{"stringValue":"b"}}]},"scopeSpans":[{"scope":{"name":"laptime","version":"1"},
        "spans":[{"traceId":"000102030405060708090a0b0c0d0e0f","spanId":"1011121314151617","flags":257,"name":"n","kind":2,"startTimeUnixNano":"1","endTimeUnixNano":"258",
        "attributes":[{"key":"t","value":{"boolValue":true}},{"key":"i","value":{"intValue":"-1"}}],"status":{"message":"e","code":2}}],
        "schemaUrl":"https://opentelemetry.io/schemas/1.37.0"}],"schemaUrl":"https://opentelemetry.io/schemas/1.37.0"}]}
        """.Replace("\n", ""), Encoding.UTF8.GetString(OtlpJson.Encode(Small)));

    public static TheoryData<string> Cases => ["Reflected", "Unchanged", "AfterANight", "NotReady", "Killed", "Hostile"];

    [Theory, MemberData(nameof(Cases))]
    public void Protoc_reads_every_field_and_writes_the_same_bytes_again(string name)
    {
        Protoc.Needed();
        var batch = Batch(name);
        var bytes = OtlpProtobuf.Encode(batch);
        var text = Protoc.Decode("ExportTraceServiceRequest", bytes);
        // A field that the definition does not know has no name.
        Assert.DoesNotMatch(@"(?m)^\s*[0-9]+[:\s{]", text);
        Assert.Equal(batch.Spans.Count, text.Split('\n').Count(l => l.TrimEnd() == "    spans {"));
        Assert.Contains($"start_time_unix_nano: {batch.Spans[0].Start}\n", text, StringComparison.Ordinal);
        Assert.Contains($"end_time_unix_nano: {batch.Spans[0].End}\n", text, StringComparison.Ordinal);
        Assert.Contains("kind: SPAN_KIND_SERVER", text, StringComparison.Ordinal);
        Assert.Equal(batch.Spans.Any(s => s.Error is not null), text.Contains("code: STATUS_CODE_ERROR", StringComparison.Ordinal));
        Assert.Equal(bytes, Protoc.Encode("ExportTraceServiceRequest", text));
    }

    /// <summary>Both encodings say the same: the JSON, written down again as protobuf's text by its own rules, is encoded by protoc to our bytes.</summary>
    [Theory, MemberData(nameof(Cases))]
    public void The_JSON_says_exactly_what_the_protobuf_says(string name)
    {
        Protoc.Needed();
        var batch = Batch(name);
        var text = new StringBuilder();
        foreach (var (key, value) in JsonNode.Parse(OtlpJson.Encode(batch))!.AsObject())
        {
            Text(text, key, value!);
        }

        Assert.Equal(OtlpProtobuf.Encode(batch), Protoc.Encode("ExportTraceServiceRequest", text.ToString()));
    }

    private static SpanBatch Batch(string name)
    {
        var document = (TransactionDocument)typeof(Documents).GetMethod(name)!.Invoke(null, null)!;
        return TransactionTrace.Render(document with { Trace = document.Trace ?? new TraceReport("", "", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "v=1", Documents.Noon) },
            [new SpanAttribute("service.name", "läp\n\"")], "0.1.0");
    }

    private static void Text(StringBuilder text, string key, JsonNode value)
    {
        var name = string.Concat(key.Select(c => char.IsUpper(c) ? "_" + char.ToLowerInvariant(c) : c.ToString()));
        switch (value)
        {
            case JsonArray array:
                foreach (var item in array)
                {
                    Text(text, key, item!);
                }

                break;
            // A status that is not set is none in our protobuf; both mean the same.
            case JsonObject { Count: 0 } when key == "status":
                break;
            case JsonObject fields:
                text.Append(name).Append(" {\n");
                foreach (var (inner, content) in fields)
                {
                    Text(text, inner, content!);
                }

                text.Append("}\n");
                break;
            default:
                var written = key switch
                {
                    "traceId" or "spanId" or "parentSpanId" => string.Concat(Convert.FromHexString(value.GetValue<string>()).Select(b => $"\\{Convert.ToString(b, 8).PadLeft(3, '0')}")),
                    _ when value.GetValueKind() == System.Text.Json.JsonValueKind.String => string.Concat(Encoding.UTF8.GetBytes(value.GetValue<string>()).Select(b => $"\\{Convert.ToString(b, 8).PadLeft(3, '0')}")),
                    _ => null,
                };
                var isNumber = key is "startTimeUnixNano" or "endTimeUnixNano" or "intValue";
                text.Append(name).Append(": ").Append(isNumber ? value.GetValue<string>() : written is null ? value.ToJsonString() : $"\"{written}\"").Append('\n');
                break;
        }
    }
}
