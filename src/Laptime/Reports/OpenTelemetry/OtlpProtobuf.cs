using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Laptime.Reports.OpenTelemetry;

/// <summary>
/// OTLP's ExportTraceServiceRequest (and TracesData, which is the same on the wire) as protobuf. The field numbers are those of opentelemetry-proto 1.x:
/// trace/v1/trace.proto, common/v1/common.proto, resource/v1/resource.proto. Fields with their default value are left out, as proto3 has it.
/// </summary>
public static class OtlpProtobuf
{
    private enum Wire
    {
        Varint = 0,
        Fixed64 = 1,
        Bytes = 2,
        Fixed32 = 5,
    }

    public static byte[] Encode(SpanBatch batch)
    {
        var resource = new Message();
        foreach (var attribute in batch.Resource)
        {
            resource.Bytes(1, Attribute(attribute));
        }

        var scope = new Message();
        scope.Text(1, SpanBatch.ScopeName);
        scope.Text(2, batch.ScopeVersion);
        var scopeSpans = new Message();
        scopeSpans.Bytes(1, scope);
        foreach (var span in batch.Spans)
        {
            scopeSpans.Bytes(2, Encode(span));
        }

        scopeSpans.Text(3, SpanBatch.SchemaUrl);
        var resourceSpans = new Message();
        resourceSpans.Bytes(1, resource);
        resourceSpans.Bytes(2, scopeSpans);
        resourceSpans.Text(3, SpanBatch.SchemaUrl);
        var request = new Message();
        request.Bytes(1, resourceSpans);
        return request.ToArray();
    }

    private static Message Encode(Span span)
    {
        var message = new Message();
        message.Hex(1, span.TraceId);
        message.Hex(2, span.Id);
        message.Text(3, span.TraceState);
        message.Hex(4, span.ParentId);
        message.Text(5, span.Name);
        message.Number(6, (ulong)span.Kind);
        message.Fixed(7, span.Start);
        message.Fixed(8, span.End);
        foreach (var attribute in span.Attributes)
        {
            message.Bytes(9, Attribute(attribute));
        }

        foreach (var linked in span.Links)
        {
            var link = new Message();
            link.Hex(1, span.TraceId);
            link.Hex(2, linked);
            link.Fixed(6, span.Flags & 0x1FF);
            message.Bytes(13, link);
        }

        if (span.Error is { } error)
        {
            var status = new Message();
            status.Text(2, error);
            status.Number(3, 2);
            message.Bytes(15, status);
        }

        message.Fixed(16, span.Flags);
        return message;
    }

    private static Message Attribute(SpanAttribute attribute)
    {
        var pair = new Message();
        pair.Text(1, attribute.Key);
        pair.Bytes(2, Value(attribute.Value));
        return pair;
    }

    /// <summary>An AnyValue is a oneof: its field is there even with the default value.</summary>
    private static Message Value(object value)
    {
        var any = new Message();
        switch (value)
        {
            case string text:
                any.Bytes(1, Encoding.UTF8.GetBytes(text));
                break;
            case bool flag:
                any.Tag(2, Wire.Varint);
                any.Varint(flag ? 1u : 0);
                break;
            case long number:
                any.Tag(3, Wire.Varint);
                any.Varint(unchecked((ulong)number));
                break;
            case double number:
                any.Tag(4, Wire.Fixed64);
                any.Raw64(BitConverter.DoubleToUInt64Bits(number));
                break;
            case IReadOnlyList<string> texts:
                var array = new Message();
                foreach (var text in texts)
                {
                    array.Bytes(1, Value(text));
                }

                any.Bytes(5, array);
                break;
            default:
                throw new ArgumentException($"no attribute value: {value.GetType()}", nameof(value));
        }

        return any;
    }

    /// <summary>The bytes of one message, field after field.</summary>
    private sealed class Message
    {
        private readonly ArrayBufferWriter<byte> bytes = new();

        public byte[] ToArray() => bytes.WrittenSpan.ToArray();

        public void Tag(int field, Wire wire) => Varint(((ulong)field << 3) | (ulong)wire);

        public void Varint(ulong value)
        {
            for (; value >= 0x80; value >>= 7)
            {
                bytes.Write([(byte)(value | 0x80)]);
            }

            bytes.Write([(byte)value]);
        }

        public void Raw64(ulong value)
        {
            System.Span<byte> raw = stackalloc byte[8];
            BinaryPrimitives.WriteUInt64LittleEndian(raw, value);
            bytes.Write(raw);
        }

        public void Number(int field, ulong value)
        {
            if (value != 0)
            {
                Tag(field, Wire.Varint);
                Varint(value);
            }
        }

        public void Fixed(int field, ulong value)
        {
            if (value != 0)
            {
                Tag(field, Wire.Fixed64);
                Raw64(value);
            }
        }

        public void Fixed(int field, uint value)
        {
            if (value != 0)
            {
                Tag(field, Wire.Fixed32);
                System.Span<byte> raw = stackalloc byte[4];
                BinaryPrimitives.WriteUInt32LittleEndian(raw, value);
                bytes.Write(raw);
            }
        }

        public void Text(int field, string? text)
        {
            if (!string.IsNullOrEmpty(text))
            {
                Bytes(field, Encoding.UTF8.GetBytes(text));
            }
        }

        public void Hex(int field, string? digits)
        {
            if (digits is not null)
            {
                Bytes(field, Convert.FromHexString(digits));
            }
        }

        public void Bytes(int field, Message message) => Bytes(field, message.ToArray());

        public void Bytes(int field, byte[] content)
        {
            Tag(field, Wire.Bytes);
            Varint((ulong)content.Length);
            bytes.Write(content);
        }
    }
}
