using Laptime.Signals;
using Laptime.Workspaces;

namespace Laptime.Tests.Signals;

public sealed class ProbeClientTests
{
    private static readonly CancellationToken Cancel = TestContext.Current.CancellationToken;
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", true, "200")]
    [InlineData("HTTP/1.0 200 OK\r\n\r\nsay hello, until close", true, "200")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n", true, "200")]
    [InlineData("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", true, "200")]
    [InlineData("HTTP/1.1 200\nContent-Length: 5\n\nhello", true, "200")]
    [InlineData("HTTP/1.1 204 No Content\r\n\r\n", false, "204 without \"hello\", empty body")]
    [InlineData("HTTP/1.1 302 Found\r\nLocation: http://elsewhere/hello\r\nContent-Length: 0\r\n\r\n", false, "302 → http://elsewhere/hello")]
    [InlineData("HTTP/1.1 500 Oh\r\nContent-Length: 5\r\n\r\nhello", false, "500 \"hello\"")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", false, "200, the body ended after 5 of 50 bytes")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", false, "200, the body broke off after 5 bytes")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n", false, "200, the body has a chunk of size \"zz\"")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nhello", false, "200, with content-length \"many\"")]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n", false, "not HTTP/1.1: \"SSH-2.0-OpenSSH_9.2\"")]
    [InlineData("", false, "closed without an answer")]
    [InlineData("reset", false, "connected, then connection reset")]
    public async Task Answers_are_read_as_HTTP_says(string answer, bool passed, string seen)
    {
        await using var server = new LittleServer((_, _) => answer);
        var given = await Ask(Given.Http(contains: Template.Literal("hello")), Given.Instance(server));
        Assert.Equal((passed, seen), (given.Passed, given.Seen));
        Assert.NotEqual(ProbeReach.Nothing, given.Reach);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nF4240\r\n")]
    public async Task At_most_64_KB_of_a_body_are_kept(string head)
    {
        await using var server = new LittleServer((_, _) => head + new string('x', 1_000_000));
        var answer = await Ask(Given.Http(), Given.Instance(server));
        Assert.Equal((true, 64 * 1024), (answer.Passed, answer.Text!.Length));
    }

    [Fact]
    public async Task A_head_without_end_is_refused()
    {
        await using var server = new LittleServer((_, _) => "HTTP/1.1 200 OK\r\n" + string.Concat(Enumerable.Repeat($"X: {new string('x', 1000)}\r\n", 100)));
        var line = new LittleServer((_, _) => new string('x', 20_000));
        await using var one = line;
        Assert.Equal("200, with headers of more than 32 KB", (await Ask(Given.Http(), Given.Instance(server))).Seen);
        Assert.StartsWith("not HTTP/1.1: a line of more than 8 KB", (await Ask(Given.Http(), Given.Instance(line))).Seen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_request_is_plain_and_closes_its_connection()
    {
        await using var server = new LittleServer((_, _) => LittleServer.Http(200));
        await Ask(Given.Http("/a?b=c", headers: ("X-Key", "1")), Given.Instance(server));
        await Ask(Given.Http("/", headers: ("Host", "shop.test")), Given.Instance(server));
        Assert.Equal(
            $"GET /a?b=c HTTP/1.1\r\nConnection: close\r\nX-Key: 1\r\nHost: 127.0.0.1:{server.Port}\r\nAccept: */*\r\nAccept-Encoding: identity\r\nUser-Agent: lap-probe\r\n\r\n",
            server.Seen[0]);
        Assert.Contains("\r\nHost: shop.test\r\n", server.Seen[1], StringComparison.Ordinal);
        Assert.DoesNotContain("127.0.0.1", server.Seen[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wanted_status_is_exact()
    {
        await using var server = new LittleServer((_, _) => LittleServer.Http(401));
        Assert.True((await Ask(Given.Http(status: 401), Given.Instance(server))).Passed);
        Assert.False((await Ask(Given.Http(status: 200), Given.Instance(server))).Passed);
    }

    [Fact]
    public async Task Connecting_and_answering_are_separate()
    {
        await using var silent = new LittleServer(null);
        await using var mute = new LittleServer((_, _) => null);
        var clock = new ManualTime();
        var client = new ProbeClient(clock);
        var refused = await client.AskOnceAsync(Given.Http(), Given.Instance(silent), Minute, Cancel);
        var asking = client.AskOnceAsync(Given.Http(), Given.Instance(mute), TimeSpan.FromSeconds(5), Cancel);
        await mute.Accepted;
        clock.Advance(TimeSpan.FromSeconds(5));
        var unanswered = await asking;
        Assert.Equal((ProbeReach.Nothing, "connection refused"), (refused.Reach, refused.Seen));
        Assert.Equal((ProbeReach.Connected, "connected, no whole answer in 5 s", true), (unanswered.Reach, unanswered.Seen, unanswered.TimedOut));
        Assert.True((await client.AskOnceAsync(Given.Tcp(), Given.Instance(mute), Minute, Cancel)).Passed);
        Assert.True((await client.AskOnceAsync(Given.Tcp(mute.Port), Given.Instance(silent), Minute, Cancel)).Passed);
    }

    [Fact]
    public async Task Secrets_are_redacted_even_where_an_excerpt_would_cut_them()
    {
        await using var server = new LittleServer((n, _) => n == 1
            ? LittleServer.Http(500, new string('x', 195) + "hunter2hunter2")
            : LittleServer.Http(302, headers: "Location: /?token=hunter2hunter2\r\n"));
        var instance = Given.Instance(server, null, null, "hunter2hunter2");
        var body = await Ask(Given.Http(), instance);
        var location = await Ask(Given.Http(), instance);
        var output = await Ask(Given.Run("echo hunter2hunter2; exit 1"), instance);
        Assert.All([body.Seen, body.Text!, location.Seen, output.Seen, output.Text!], text => Assert.DoesNotContain("hunter", text, StringComparison.Ordinal));
        Assert.Equal("302 → /?token=[redacted]", location.Seen);
    }

    [Fact]
    public async Task Templates_are_resolved_and_line_breaks_refused()
    {
        await using var server = new LittleServer((_, _) => LittleServer.Http(200));
        var probe = Given.Http() with { Form = new ProbeForm.Http(Template.Literal("/"), null, null, new Dictionary<string, Template> { ["Authorization"] = Given.Name("env.TOKEN") }) };
        Assert.True((await Ask(probe, Given.Instance(server))).Passed);
        Assert.Contains("\r\nAuthorization: hunter2hunter2\r\n", server.Seen[0], StringComparison.Ordinal);
        Assert.Equal(ProbeReach.Unaskable, (await Ask(Given.Http("/\r\nX: y"), Given.Instance(server))).Reach);
        Assert.Equal(ProbeReach.Unaskable, (await Ask(Given.Http(headers: ("X", "a\r\nb")), Given.Instance(server))).Reach);
    }

    [Fact]
    public async Task Commands_run_in_the_instances_directory_with_its_environment()
    {
        using var folder = new TemporaryFolder();
        folder.File("here", "yes");
        var instance = Given.Instance(null, null, folder) with { Environment = new Dictionary<string, string?> { ["PORT"] = "8080" } };
        Assert.Equal(new ProbeAnswer(true, "exit code 0", ProbeReach.Answered) { Text = "yes8080\n" }, await Ask(Given.Run("cat here; echo $PORT", "yes8080"), instance));
        Assert.Equal("exit code 0 without \"no\" \"yes\"", (await Ask(Given.Run("cat here", "no"), instance)).Seen);
        var missing = Given.Run("") with { Form = new ProbeForm.Run(new CommandLine.Exec([Template.Literal("no-such-program")]), null) };
        Assert.StartsWith("cannot start `no-such-program`", (await Ask(missing, instance)).Seen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_command_that_ignores_signals_is_killed_at_its_bound()
    {
        using var folder = new TemporaryFolder();
        // Real time: the bound is short, and the command would run for a thousand seconds.
        var answer = await new ProbeClient(TimeProvider.System).AskOnceAsync(
            Given.Run("trap '' TERM INT; echo $$ > pid; sleep 1000; sleep 1000"), Given.Instance(null, null, folder), TimeSpan.FromSeconds(1), Cancel);
        Assert.Equal((false, true, "no end in 1 s, no output"), (answer.Passed, answer.TimedOut, answer.Seen));
        var pid = (await File.ReadAllTextAsync(folder.At("pid"), Cancel)).Trim();
        Assert.Null(Laptime.Processes.ProcessOwner.TicksOf(int.Parse(pid, System.Globalization.CultureInfo.InvariantCulture)));
    }

    [Fact]
    public async Task Files_must_exist_and_contain_the_text()
    {
        using var folder = new TemporaryFolder();
        folder.File("state", "ready: yes");
        var instance = Given.Instance(null, null, folder);
        Assert.Equal((true, "the file exists"), Of(await Ask(Given.File("state"), instance)));
        Assert.Equal((true, "the file has the text"), Of(await Ask(Given.File("state", "yes"), instance)));
        Assert.Equal((false, "the file is without \"no\": \"ready: yes\""), Of(await Ask(Given.File("state", "no"), instance)));
        Assert.Equal((false, "no such file"), Of(await Ask(Given.File("absent"), instance)));
        Assert.Equal((false, "it is a folder"), Of(await Ask(Given.File("."), instance)));

        static (bool, string) Of(ProbeAnswer answer) => (answer.Passed, answer.Seen);
    }

    [Fact]
    public async Task A_file_that_blocks_does_not_hold_the_probe()
    {
        using var folder = new TemporaryFolder();
        var instance = Given.Instance(null, null, folder);
        Assert.True((await Ask(Given.Run("mkfifo pipe"), instance)).Passed);
        var clock = new ManualTime();
        var asking = new ProbeClient(clock).AskOnceAsync(Given.File("pipe", "text"), instance, TimeSpan.FromSeconds(5), Cancel);
        clock.Advance(TimeSpan.FromSeconds(5));
        var answer = await asking;
        Assert.Equal((false, true, "the file could not be read in 5 s"), (answer.Passed, answer.TimedOut, answer.Seen));
    }

    private static Task<ProbeAnswer> Ask(Probe probe, ProbeContext instance) =>
        new ProbeClient(TimeProvider.System).AskOnceAsync(probe, instance, Minute, Cancel);
}
