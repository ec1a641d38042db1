using Laptime.Artifacts;
using Laptime.Artifacts.Registries;
using Laptime.Foundations;

namespace Laptime.Tests.Artifacts;

public sealed class RegistryAddressTests
{
    [Theory]
    [InlineData("oci://127.0.0.1:5000/shop", "127.0.0.1", 5000, "shop", true)]
    [InlineData("oci://localhost/a/b/c", "localhost", null, "a/b/c", true)]
    [InlineData("oci://[::1]:5000/shop", "[::1]", 5000, "shop", true)]
    [InlineData("oci://Registry.Example.ORG/team/shop-1_2__3.4", "registry.example.org", null, "team/shop-1_2__3.4", false)]
    [InlineData("oci://10.0.0.1:443/x", "10.0.0.1", 443, "x", false)]
    [InlineData("oci://localhost.example.org/x", "localhost.example.org", null, "x", false)]
    public void An_address_is_a_host_a_port_and_a_repository(string text, string host, int? port, string repository, bool loopback)
    {
        var address = RegistryAddress.Parse(text);
        Assert.Equal((host, port, repository, loopback), (address.Host, address.Port, address.Repository, address.IsLoopback));
        Assert.Equal(address, RegistryAddress.Parse(address.ToString()));
    }

    [Theory]
    [InlineData("http://127.0.0.1/x", "starts with oci://")]
    [InlineData("oci://", "no valid host")]
    [InlineData("oci:///x", "no valid host")]
    [InlineData("oci://host name/x", "no valid host")]
    [InlineData("oci://::1/x", "no valid host")]
    [InlineData("oci://[::1/x", "no valid host")]
    [InlineData("oci://host:/x", "port")]
    [InlineData("oci://host:0/x", "port")]
    [InlineData("oci://host:70000/x", "port")]
    [InlineData("oci://host:5000", "a repository")]
    [InlineData("oci://host/", "a repository")]
    [InlineData("oci://host/x:latest", "without a tag")]
    [InlineData("oci://host/x@sha256:00", "without a digest")]
    [InlineData("oci://host/Shop", "lower-case")]
    [InlineData("oci://host/../x", "lower-case")]
    [InlineData("oci://host/a//b", "lower-case")]
    [InlineData("oci://host/a.-b/", "lower-case")]
    [InlineData("oci://host/x?y=z", "lower-case")]
    [InlineData("oci://host/x%2fy", "lower-case")]
    public void What_is_no_address_is_told(string text, string says)
    {
        var error = Assert.Throws<LapException>(() => RegistryAddress.Parse(text, "laptime.yaml"));
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.Contains("oci://127.0.0.1:5000/shop", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_password_in_an_address_is_refused_and_not_repeated()
    {
        var error = Assert.Throws<LapException>(() => RegistryAddress.Parse("oci://fox:red-fox@host/x"));
        Assert.DoesNotContain("red-fox", error.Message, StringComparison.Ordinal);
        Assert.Contains("docker login", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_challenge_is_read_with_its_quotes_and_commas()
    {
        var challenge = AuthChallenge.Parse("""Bearer realm="https://auth.example.org/token?x=1",service="a \"b\", c",scope="repository:x:pull,push", error=invalid_token""")!;
        Assert.True(challenge.IsBearer);
        Assert.Equal(("https://auth.example.org/token?x=1", "a \"b\", c", "repository:x:pull,push", "invalid_token"),
            (challenge["realm"], challenge["service"], challenge["SCOPE"], challenge["error"]));
        Assert.True(AuthChallenge.Parse("basic realm=x")!.IsBasic);
        Assert.Null(AuthChallenge.Parse("Negotiate")!["realm"]);
        Assert.Null(AuthChallenge.Parse(" "));
        // Two in one line: the first counts.
        Assert.Equal("a", AuthChallenge.Parse("""Basic realm="a", Bearer realm="b" """)!["realm"]);
        Assert.NotNull(AuthChallenge.Parse("Bearer realm=\"unfinished"));
        Assert.NotNull(AuthChallenge.Parse("Bearer ===,,,\"\""));
    }
}
