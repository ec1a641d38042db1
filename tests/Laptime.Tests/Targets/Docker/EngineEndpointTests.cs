using System.Security.Cryptography;
using System.Text;
using Laptime.Foundations;
using Laptime.Targets.Docker;

namespace Laptime.Tests.Targets.Docker;

public sealed class EngineEndpointTests : IDisposable
{
    private readonly string home = Directory.CreateTempSubdirectory("lap-engine-").FullName;

    public void Dispose() => Directory.Delete(home, recursive: true);

    [Fact]
    public void Docker_host_wins_over_everything()
    {
        Context("other", "unix:///other.sock", current: true);
        var endpoint = Find(("DOCKER_HOST", "unix:///mine.sock"), ("DOCKER_CONTEXT", "other"));
        Assert.Equal(("/mine.sock", "DOCKER_HOST"), (endpoint.Socket, endpoint.Source));
    }

    [Fact]
    public void The_context_of_the_environment_wins_over_the_current_one()
    {
        Context("current", "unix:///current.sock", current: true);
        Context("named", "tcp://127.0.0.1:2375", current: false);
        Assert.Equal("/current.sock", Find().Socket);
        var named = Find(("DOCKER_CONTEXT", "named"));
        Assert.Equal(("127.0.0.1", 2375, "docker context named"), (named.Host, named.Port, named.Source));
        Assert.Equal("/var/run/docker.sock", Find(("DOCKER_CONTEXT", "default")).Socket);
    }

    [Fact]
    public void Without_any_word_it_is_the_default_socket() => Assert.Equal("/var/run/docker.sock", Find().Socket);

    [Fact]
    public void A_context_that_is_not_there_is_named() =>
        Assert.Contains("docker context gone cannot be read", Assert.Throws<LapException>(() => Find(("DOCKER_CONTEXT", "gone"))).Message);

    [Fact]
    public void A_broken_configuration_is_told()
    {
        File.WriteAllText(Path.Combine(home, "config.json"), "{");
        Assert.Contains("docker's configuration cannot be read", Assert.Throws<LapException>(() => Find()).Message);
    }

    [Theory]
    [InlineData("tcp://10.0.0.1:2375")]
    [InlineData("tcp://docker.example.org:2376")]
    [InlineData("ssh://me@host")]
    [InlineData("npipe:////./pipe/docker_engine")]
    [InlineData("/var/run/docker.sock")]
    [InlineData("")]
    public void What_is_not_an_engine_of_this_machine_is_refused_with_a_cure(string text)
    {
        var refused = Assert.Throws<LapException>(() => EngineEndpoint.Parse(text, "DOCKER_HOST"));
        Assert.NotNull(refused.Problems[0].Mend);
    }

    [Theory]
    [InlineData("tcp://localhost:4000", "127.0.0.1", 4000)]
    [InlineData("tcp://127.0.0.1", "127.0.0.1", 2375)]
    [InlineData("tcp://[::1]:2375", "::1", 2375)]
    [InlineData("http://127.0.0.1:99", "127.0.0.1", 99)]
    public void Ports_of_this_machine_are_engines(string text, string host, int port)
    {
        var endpoint = EngineEndpoint.Parse(text, "DOCKER_HOST");
        Assert.Equal((host, port, null), (endpoint.Host, endpoint.Port, endpoint.Socket));
    }

    private EngineEndpoint Find(params (string Name, string Value)[] variables) =>
        EngineEndpoint.Find(name => name == "DOCKER_CONFIG" ? home : variables.FirstOrDefault(v => v.Name == name).Value);

    private void Context(string name, string host, bool current)
    {
        var folder = Path.Combine(home, "contexts", "meta", Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name))));
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "meta.json"), $$"""{"Name":"{{name}}","Metadata":{},"Endpoints":{"docker":{"Host":"{{host}}","SkipTLSVerify":false} } }""");
        if (current)
        {
            File.WriteAllText(Path.Combine(home, "config.json"), $$"""{"auths":{},"currentContext":"{{name}}"}""");
        }
    }
}
