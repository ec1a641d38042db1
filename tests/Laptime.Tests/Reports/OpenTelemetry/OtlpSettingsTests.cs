using Laptime.Reports.GitHub;
using Laptime.Reports.OpenTelemetry;

namespace Laptime.Tests.Reports.OpenTelemetry;

/// <summary>OpenTelemetry's own variables, as its specification has them; what cannot be understood is a warning and never stops a deploy.</summary>
public sealed class OtlpSettingsTests
{
    private readonly List<string> warnings = [];

    [Theory]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318", "http://c:4318/v1/traces")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=https://c/otlp/", "https://c/otlp/v1/traces")]
    [InlineData("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://c:4318/x", "http://c:4318/x")]
    [InlineData("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://c:4318", "http://c:4318/")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://a;OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://b/", "http://b/")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4317;OTEL_EXPORTER_OTLP_PROTOCOL=grpc", "http://c:4317/opentelemetry.proto.collector.trace.v1.TraceService/Export")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318;OTEL_TRACES_EXPORTER=otlp,console", "http://c:4318/v1/traces")]
    public void The_address_is_as_the_specification_makes_it(string variables, string address)
    {
        Assert.Equal(address, Read(variables)!.Endpoint.AbsoluteUri);
        Assert.Empty(warnings);
    }

    [Theory]
    [InlineData("")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://c;OTEL_SDK_DISABLED=TRUE")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://c;OTEL_TRACES_EXPORTER=none")]
    public void Nothing_is_exported_when_nobody_wants_it(string variables)
    {
        Assert.Null(Read(variables));
        Assert.Empty(warnings);
    }

    [Theory]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=collector:4318", false, "is no http or https address")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=unix:/run/x", false, "is no http or https address")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://c;OTEL_TRACES_EXPORTER=zipkin", false, "exports otlp only")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://c;OTEL_EXPORTER_OTLP_PROTOCOL=thrift", true, "not one of http/protobuf, http/json, grpc")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://c;OTEL_EXPORTER_OTLP_COMPRESSION=zstd", true, "not one of gzip, none")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://c;OTEL_EXPORTER_OTLP_TIMEOUT=soon", true, "no number of milliseconds")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://c;OTEL_EXPORTER_OTLP_HEADERS=Bearer t0ken", true, "not of the form name=value")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://c;OTEL_EXPORTER_OTLP_CERTIFICATE=/ca.pem", true, "not read")]
    public void What_cannot_be_understood_is_a_warning_without_secrets(string variables, bool exports, string says)
    {
        Assert.Equal(exports, Read(variables) is not null);
        Assert.Contains(says, Assert.Single(warnings), StringComparison.Ordinal);
        Assert.DoesNotContain("t0ken", warnings[0], StringComparison.Ordinal);
    }

    [Fact]
    public void The_traces_own_settings_win_and_headers_are_decoded()
    {
        var settings = Read(
            "OTEL_EXPORTER_OTLP_ENDPOINT=http://c;OTEL_EXPORTER_OTLP_TIMEOUT=1;OTEL_EXPORTER_OTLP_TRACES_TIMEOUT=1500;OTEL_EXPORTER_OTLP_PROTOCOL=grpc;"
            + "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/json;OTEL_EXPORTER_OTLP_HEADERS=a=1;OTEL_EXPORTER_OTLP_TRACES_HEADERS=x-key=a%20b%2Cc, y = z=w ;OTEL_EXPORTER_OTLP_COMPRESSION=gzip")!;
        Assert.Equal((TimeSpan.FromSeconds(1.5), OtlpProtocol.HttpJson, true), (settings.Timeout, settings.Protocol, settings.Gzip));
        Assert.Equal([new("x-key", "a b,c"), new("y", "z=w")], settings.Headers);
    }

    [Fact]
    public void The_bound_is_small_unless_asked_and_never_long()
    {
        Assert.Equal(OtlpSettings.StandardTimeout, Read("OTEL_EXPORTER_OTLP_ENDPOINT=http://c")!.Timeout);
        Assert.Equal(OtlpSettings.LongestTimeout, Read("OTEL_EXPORTER_OTLP_ENDPOINT=http://c;OTEL_EXPORTER_OTLP_TIMEOUT=99999999")!.Timeout);
    }

    [Fact]
    public void The_users_attributes_win_over_ours_and_the_service_name_over_both()
    {
        var resource = Resource("OTEL_RESOURCE_ATTRIBUTES=service.name=x,team=a%2Cb,service.version=9;OTEL_SERVICE_NAME=deploys");
        Assert.Equal("deploys", resource["service.name"]);
        Assert.Equal(("a,b", "9"), (resource["team"], resource["service.version"]));
        Assert.Equal("lap", Resource("")["service.name"]);
    }

    [Fact]
    public void GitHub_says_which_repository_branch_and_run()
    {
        var facts = GitHubRun.Attributes(Of(
            "GITHUB_ACTIONS=true;GITHUB_REPOSITORY=acme/shop;GITHUB_SERVER_URL=https://github.com;GITHUB_RUN_ID=42;GITHUB_REF_NAME=7/merge;GITHUB_HEAD_REF=feature;GITHUB_REF=refs/pull/7/merge;GITHUB_REF_TYPE=branch"))
            .ToDictionary(a => a.Key, a => (string)a.Value);
        Assert.Equal(
            ("github", "acme", "shop", "https://github.com/acme/shop", "https://github.com/acme/shop/actions/runs/42", "feature", "7"),
            (facts["vcs.provider.name"], facts["vcs.owner.name"], facts["vcs.repository.name"], facts["vcs.repository.url.full"], facts["cicd.pipeline.run.url.full"], facts["vcs.ref.head.name"], facts["vcs.change.id"]));
        Assert.Empty(GitHubRun.Attributes(Of("GITHUB_REPOSITORY=acme/shop")));
    }

    private OtlpSettings? Read(string variables) => OtlpSettings.Read(Of(variables), warnings.Add);

    private Dictionary<string, string> Resource(string variables) =>
        OtlpSettings.Resource(Of(variables), [new SpanAttribute("service.name", "lap"), new SpanAttribute("service.version", "1")], warnings.Add).ToDictionary(a => a.Key, a => (string)a.Value);

    private static Func<string, string?> Of(string variables)
    {
        var all = variables.Split(';', StringSplitOptions.RemoveEmptyEntries).ToDictionary(v => v[..v.IndexOf('=')], v => v[(v.IndexOf('=') + 1)..]);
        return name => all.GetValueOrDefault(name);
    }
}
