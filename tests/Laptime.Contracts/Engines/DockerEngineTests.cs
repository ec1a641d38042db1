using Laptime.Tests.Engines;

namespace Laptime.Contracts.Engines;

/// <summary>The engine that tests of targets and images stand on.</summary>
public sealed class DockerEngineTests
{
    [Fact]
    public async Task A_service_from_scratch_answers_on_loopback_with_its_revision()
    {
        var engine = await DockerEngine.SharedAsync();
        var id = await ServiceImage.LoadAsync(engine, "engine-test/web:1", "one");
        var container = await engine.DockerAsync("run", "-d", "--env", "LAPTIME_REVISION=web@1", "--publish", "127.0.0.1::8080", "engine-test/web:1");
        try
        {
            var at = await engine.DockerAsync("port", container, "8080");
            using var client = new HttpClient { BaseAddress = new Uri($"http://{at.Split('\n')[0]}") };
            Assert.Equal("web@1", await AnswerAsync(client, "/version"));
            Assert.Equal("one", await AnswerAsync(client, "/content"));
            Assert.Equal("ok", await AnswerAsync(client, "/health"));
        }
        finally
        {
            await engine.DockerAsync("rm", "--force", container);
        }

        Assert.StartsWith("sha256:", id, StringComparison.Ordinal);
        Assert.Equal(id, await ServiceImage.LoadAsync(engine, "engine-test/web:2", "one"));
        Assert.NotEqual(id, await ServiceImage.LoadAsync(engine, "engine-test/web:3", "two"));
    }

    [Fact]
    public async Task A_crashed_engine_starts_again_as_the_same_swarm()
    {
        await using var engine = await DockerEngine.OwnAsync();
        await engine.SwarmAsync();
        await ServiceImage.LoadAsync(engine, "web:1", "one");
        await engine.DockerAsync("service", "create", "--detach", "--name", "web", "--no-resolve-image", "web:1");
        await engine.KillAsync();
        Assert.NotEqual(0, (await engine.RunAsync("info")).Code);
        await engine.StartAgainAsync();
        Assert.Equal("web", await engine.DockerAsync("service", "ls", "--format", "{{.Name}}"));
    }

    private static async Task<string> AnswerAsync(HttpClient client, string path)
    {
        for (var deadline = DateTime.UtcNow.AddSeconds(20); ; await Task.Delay(10, TestContext.Current.CancellationToken))
        {
            try
            {
                var answer = await client.GetAsync(path, TestContext.Current.CancellationToken);
                if (answer.IsSuccessStatusCode)
                {
                    return (await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).Trim();
                }
            }
            catch (HttpRequestException) when (DateTime.UtcNow < deadline)
            {
                // The engine publishes the port before the service listens.
            }

            Assert.True(DateTime.UtcNow < deadline, $"{path} is not served");
        }
    }
}
