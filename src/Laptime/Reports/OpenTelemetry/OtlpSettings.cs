using System.Globalization;

namespace Laptime.Reports.OpenTelemetry;

/// <summary>The transports of OTLP.</summary>
public enum OtlpProtocol
{
    HttpProtobuf,
    HttpJson,
    Grpc,
}

/// <summary>Where and how traces go to a collector: OpenTelemetry's own environment variables, the traces' own before the general ones.</summary>
public sealed record OtlpSettings
{
    /// <summary>What an export may take after the results were shown. OpenTelemetry's 10 s are meant for programs that go on running.</summary>
    public static readonly TimeSpan StandardTimeout = TimeSpan.FromSeconds(3);

    /// <summary>Nobody waits longer than this for a collector, whatever is set.</summary>
    public static readonly TimeSpan LongestTimeout = TimeSpan.FromSeconds(30);

    /// <summary>The whole address.</summary>
    public required Uri Endpoint { get; init; }

    public OtlpProtocol Protocol { get; init; }

    /// <summary>Names and values; the values are secrets, and are shown nowhere.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    public bool Gzip { get; init; }

    public TimeSpan Timeout { get; init; } = StandardTimeout;

    /// <summary>The address without what may be secret in it (user, password, query).</summary>
    public string Shown => Endpoint.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped);

    /// <summary>Null: nothing is to be exported to a collector. What cannot be understood is left out with a warning, as OpenTelemetry wants it.</summary>
    public static OtlpSettings? Read(Func<string, string?> variable, Action<string> warn)
    {
        string? Raw(string name) => variable(name)?.Trim() is { Length: > 0 } text ? text : null;
        string? Of(string name) => Raw($"OTEL_EXPORTER_OTLP_TRACES_{name}") ?? Raw($"OTEL_EXPORTER_OTLP_{name}");

        var own = Raw("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        var general = Raw("OTEL_EXPORTER_OTLP_ENDPOINT");
        if ((own ?? general) is not { } given || string.Equals(Raw("OTEL_SDK_DISABLED"), "true", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        if (Raw("OTEL_TRACES_EXPORTER") is { } exporters && !exporters.Split(',').Any(e => e.Trim() == "otlp"))
        {
            if (exporters != "none")
            {
                warn($"OTEL_TRACES_EXPORTER={exporters}: lap exports otlp only, so no trace is sent");
            }

            return null;
        }

        if (!Uri.TryCreate(given, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https") || address.Host.Length == 0)
        {
            warn($"OTEL_EXPORTER_OTLP_{(own is null ? "" : "TRACES_")}ENDPOINT is no http or https address, so no trace is sent; give one such as http://127.0.0.1:4318");
            return null;
        }

        var protocol = Of("PROTOCOL") switch
        {
            null or "http/protobuf" => OtlpProtocol.HttpProtobuf,
            "http/json" => OtlpProtocol.HttpJson,
            "grpc" => OtlpProtocol.Grpc,
            var other => Unknown(other),
        };
        if (Of("CERTIFICATE") is not null || Of("CLIENT_KEY") is not null)
        {
            warn("OTEL_EXPORTER_OTLP_CERTIFICATE and the client key are not read: put the authority's certificate into the system's store");
        }

        return new OtlpSettings
        {
            Endpoint = protocol == OtlpProtocol.Grpc ? new Uri(address, "/opentelemetry.proto.collector.trace.v1.TraceService/Export") : own is null ? Below(address, "v1/traces") : address,
            Protocol = protocol,
            Headers = Pairs(Of("HEADERS"), "OTEL_EXPORTER_OTLP_HEADERS", warn),
            Gzip = Compression(),
            Timeout = TimeoutOf(),
        };

        OtlpProtocol Unknown(string other)
        {
            warn($"OTEL_EXPORTER_OTLP_PROTOCOL={other} is not one of http/protobuf, http/json, grpc; http/protobuf is used");
            return OtlpProtocol.HttpProtobuf;
        }

        bool Compression()
        {
            var asked = Of("COMPRESSION");
            if (asked is not (null or "none" or "gzip"))
            {
                warn($"OTEL_EXPORTER_OTLP_COMPRESSION={asked} is not one of gzip, none; nothing is compressed");
            }

            return asked == "gzip";
        }

        TimeSpan TimeoutOf()
        {
            if (Of("TIMEOUT") is not { } text)
            {
                return StandardTimeout;
            }

            if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds) || milliseconds == 0)
            {
                warn($"OTEL_EXPORTER_OTLP_TIMEOUT={text} is no number of milliseconds; {StandardTimeout.TotalSeconds:0} s are used");
                return StandardTimeout;
            }

            return TimeSpan.FromMilliseconds(Math.Min(milliseconds, LongestTimeout.TotalMilliseconds));
        }
    }

    /// <summary>Attributes of whoever measures: OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME over <paramref name="standard"/>.</summary>
    public static IReadOnlyList<SpanAttribute> Resource(Func<string, string?> variable, IEnumerable<SpanAttribute> standard, Action<string> warn)
    {
        var all = new SortedDictionary<string, SpanAttribute>(StringComparer.Ordinal);
        foreach (var attribute in standard)
        {
            all[attribute.Key] = attribute;
        }

        foreach (var (key, value) in Pairs(variable("OTEL_RESOURCE_ATTRIBUTES"), "OTEL_RESOURCE_ATTRIBUTES", warn))
        {
            all[key] = new SpanAttribute(key, value);
        }

        if (variable("OTEL_SERVICE_NAME")?.Trim() is { Length: > 0 } name)
        {
            all["service.name"] = new SpanAttribute("service.name", name);
        }

        return [.. all.Values];
    }

    /// <summary><c>name=value,name=value</c>, values percent-encoded. One broken pair spoils all, as the specification has it: half of them would be worse.</summary>
    private static List<KeyValuePair<string, string>> Pairs(string? text, string variable, Action<string> warn)
    {
        var pairs = new List<KeyValuePair<string, string>>();
        foreach (var item in (text ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = item.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
            {
                // The text may be a secret.
                warn($"{variable} is not of the form name=value,name=value, and is left out");
                return [];
            }

            pairs.Add(new(Uri.UnescapeDataString(item[..equals].Trim()), Uri.UnescapeDataString(item[(equals + 1)..].Trim())));
        }

        return pairs;
    }

    private static Uri Below(Uri address, string path) => new UriBuilder(address) { Path = address.AbsolutePath.TrimEnd('/') + "/" + path }.Uri;
}
