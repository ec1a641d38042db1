using System.Globalization;
using System.Net.WebSockets;
using System.Text;

namespace Laptime.EndToEnd.Robustness;

/// <summary>What users notice of a deploy: nothing.</summary>
public sealed class SwapTests
{
    private static readonly CancellationToken Cancel = TestContext.Current.CancellationToken;

    [Fact]
    public async Task Ten_deploys_under_load_fail_no_request()
    {
        await using var scene = Scene.Web();
        await scene.DeployAsync();
        using var enough = new CancellationTokenSource();
        var failures = new List<string>();
        var requests = 0;
        Task[] load = [.. Enumerable.Range(0, 4).Select(i => LoadAsync(post: i % 2 == 1))];
        var figures = new List<double>();
        for (var i = 1; i <= 10; i++)
        {
            scene.Write("web/page.txt", $"page {i}");
            var document = await scene.DeployAsync();
            Assert.Equal("reflected", document.GetProperty("outcome").GetString());
            var segments = document.GetProperty("segments").EnumerateArray().ToList();
            double End(string name)
            {
                var segment = segments.Last(s => s.GetProperty("name").GetString() == name);
                return segment.GetProperty("start").GetDouble() + segment.GetProperty("seconds").GetDouble();
            }

            figures.Add((End("reflect") - End("ready")) * 1000);
        }

        await enough.CancelAsync();
        await Task.WhenAll(load);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{requests} requests during ten swaps; from ready to reflected, ms: {string.Join(", ", figures.Select(f => f.ToString("0.0", CultureInfo.InvariantCulture)))}");
        Assert.Empty(failures);
        Assert.True(requests > 100, $"only {requests} requests were made");

        async Task LoadAsync(bool post)
        {
            while (!enough.IsCancellationRequested)
            {
                try
                {
                    using var answer = post
                        ? await scene.Http.PostAsync($"http://127.0.0.1:{scene.Front}/echo", new StringContent("hello"), Cancel)
                        : await scene.Http.GetAsync($"http://127.0.0.1:{scene.Front}/version", Cancel);
                    var text = await answer.Content.ReadAsStringAsync(Cancel);
                    Interlocked.Increment(ref requests);
                    if (!answer.IsSuccessStatusCode || (post ? text != "hello" : !text.StartsWith("web@", StringComparison.Ordinal)))
                    {
                        lock (failures)
                        {
                            failures.Add($"{answer.StatusCode} {text}");
                        }
                    }
                }
                catch (HttpRequestException e)
                {
                    lock (failures)
                    {
                        failures.Add(e.ToString());
                    }
                }

                // Bounded: the machine is for the deploys.
                await Task.Delay(1, CancellationToken.None);
            }
        }
    }

    [Fact]
    public async Task A_websocket_lives_through_the_switch_and_ends_with_the_draining()
    {
        await using var scene = Scene.Web();
        await scene.DeployAsync();
        using var socket = await ConnectAsync();
        Assert.Equal("before", await EchoAsync("before"));

        scene.Write("web/page.txt", "two");
        using var lap = scene.Start("deploy", "--progress", "json");
        Assert.True(await lap.SaysAsync("\"name\":\"drain\""));
        Assert.Equal("while draining", await EchoAsync("while draining"));
        var ran = await lap.EndAsync();
        Assert.True(ran.ExitCode == 0, ran.ToString());

        // The old instance is gone when the deploy has ended, and the socket knows it.
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        bound.CancelAfter(TimeSpan.FromSeconds(30));
        var ended = await Record.ExceptionAsync(async () =>
        {
            var last = await socket.ReceiveAsync(new byte[100].AsMemory(), bound.Token);
            Assert.Equal(WebSocketMessageType.Close, last.MessageType);
        });
        Assert.True(ended is null or WebSocketException, $"{ended}");
        TestContext.Current.TestOutputHelper?.WriteLine($"the socket ended with {ended?.Message ?? "a close frame"}");

        using var next = await ConnectAsync();
        Assert.Equal(WebSocketState.Open, next.State);

        async Task<ClientWebSocket> ConnectAsync()
        {
            var client = new ClientWebSocket();
            client.Options.Proxy = null;
            await client.ConnectAsync(new Uri($"ws://127.0.0.1:{scene.Front}/ws"), Cancel);
            return client;
        }

        async Task<string> EchoAsync(string text)
        {
            await socket.SendAsync(Encoding.UTF8.GetBytes(text).AsMemory(), WebSocketMessageType.Text, endOfMessage: true, Cancel);
            var buffer = new byte[100];
            var got = await socket.ReceiveAsync(buffer.AsMemory(), Cancel);
            return Encoding.UTF8.GetString(buffer, 0, got.Count);
        }
    }
}
