using Laptime.Foundations;

namespace Laptime.Reports.OpenTelemetry;

/// <summary>Traces in a file, one OTLP/JSON request a line, as OpenTelemetry's file exporter specification has it. Several processes may append to one.</summary>
public static class TraceFile
{
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be.</exception>
    public static void Append(string path, SpanBatch batch) => AppendedFile.Append(path, [.. OtlpJson.Encode(batch), (byte)'\n']);
}
