using Laptime.Targets.Registry;
using Laptime.Workspaces;

namespace Laptime.Tests.Targets;

public sealed class RegistryProbeTests
{
    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json; charset=utf-8\r\nDocker-Distribution-Api-Version: registry/2.0\r\n", RegistryStanding.Up)]
    [InlineData("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n", RegistryStanding.Up)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n", RegistryStanding.Foreign)]
    [InlineData("HTTP/1.1 401 Unauthorized\r\nWww-Authenticate: Bearer realm=\"https://auth\"\r\n", RegistryStanding.Up)]
    [InlineData("HTTP/1.1 401 Unauthorized\r\n", RegistryStanding.Foreign)]
    [InlineData("HTTP/1.1 403 Forbidden\r\nDocker-Distribution-Api-Version: registry/2.0\r\n", RegistryStanding.Up)]
    [InlineData("HTTP/1.1 404 Not Found\r\nServer: nginx\r\n", RegistryStanding.Foreign)]
    [InlineData("HTTP/1.1 301 Moved Permanently\r\nLocation: /login\r\n", RegistryStanding.Foreign)]
    [InlineData("HTTP/1.1 429 Too Many Requests\r\n", RegistryStanding.Failing)]
    [InlineData("HTTP/1.1 503 Service Unavailable\r\n", RegistryStanding.Failing)]
    [InlineData("SSH-2.0-OpenSSH_9.2p1\r\n", RegistryStanding.Foreign)]
    [InlineData("HTTP/1.1 2x0", RegistryStanding.Foreign)]
    [InlineData("\0\u001b[2J", RegistryStanding.Foreign)]
    public void The_head_of_an_answer_tells_a_registry_from_everything_else(string head, RegistryStanding standing) => Assert.Equal(standing, RegistryProbe.Judge(head).Standing);

    [Fact]
    public void A_server_that_wants_TLS_is_said_to() =>
        Assert.Equal("it wants TLS", RegistryProbe.Judge("HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n").Words);

    [Theory]
    [InlineData("oci://127.0.0.1:5000/shop", "127.0.0.1:5000", true, true)]
    [InlineData("oci://localhost:5000/shop", "localhost:5000", true, true)]
    [InlineData("oci://[::1]:5000/shop", "[::1]:5000", true, true)]
    [InlineData("oci://localhost/shop", "localhost:80", true, false)]
    [InlineData("oci://ghcr.io/me/shop", "ghcr.io:443", false, false)]
    [InlineData("oci://10.0.0.7:5000/shop", "10.0.0.7:5000", false, true)]
    public void An_address_has_its_host_its_port_and_its_reach(string store, string authority, bool loopback, bool given)
    {
        var endpoint = RegistryEndpoint.Of(store)!;
        Assert.Equal((authority, loopback, given), (endpoint.Authority, endpoint.IsLoopback, endpoint.PortIsGiven));
    }

    [Theory]
    [InlineData(".laptime/artifacts")]
    [InlineData("oci://")]
    [InlineData("https://ghcr.io/me")]
    public void What_is_no_address_of_a_registry_is_none(string store) => Assert.Null(RegistryEndpoint.Of(store));
}
