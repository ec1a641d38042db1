using System.Net;
using System.Net.Sockets;
using System.Text;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Workspaces;

namespace Laptime.Signals;

/// <summary>Asks a probe once. Every question has a bound that holds even when what is asked blocks, and a connection of its own.</summary>
public sealed class ProbeClient(TimeProvider clock)
{
    /// <summary>One attempt, over after <paramref name="timeout"/> at the latest. A failing answer is a value, never an exception.</summary>
    /// <exception cref="OperationCanceledException"><paramref name="cancel"/> was cancelled.</exception>
    public async Task<ProbeAnswer> AskOnceAsync(Probe probe, ProbeContext instance, TimeSpan timeout, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        ProbeAnswer answer;
        try
        {
            answer = probe.Form switch
            {
                ProbeForm.Http http => await HttpAsync(http, instance, timeout, cancel),
                ProbeForm.Tcp tcp => await TcpAsync(tcp.Port, instance, timeout, cancel),
                ProbeForm.Run run => await RunAsync(run, instance, timeout, cancel),
                ProbeForm.File file => await FileAsync(file, instance, timeout, cancel),
                _ => throw new System.Diagnostics.UnreachableException(),
            };
        }
        catch (KeyNotFoundException e)
        {
            answer = ProbeAnswer.Unaskable(e.Message);
        }

        return answer with
        {
            Seen = ProbeText.Redact(answer.Seen, instance),
            Text = answer.Text is null ? null : ProbeText.Redact(answer.Text, instance),
        };
    }

    /// <summary>Does something accept a TCP connection at the instance's port (or the given one)?</summary>
    public async Task<ProbeAnswer> TcpAsync(int? port, ProbeContext instance, TimeSpan timeout, CancellationToken cancel)
    {
        if ((port ?? instance.Port) is not { } number)
        {
            return ProbeAnswer.Unaskable("the component has no port to ask");
        }

        using var bounded = new CancellationTokenSource(timeout, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(bounded.Token, cancel);
        try
        {
            var (socket, error) = await HttpExchange.TryConnectAsync(new IPEndPoint(IPAddress.Parse(instance.Host), number), both.Token);
            socket?.Dispose();
            return socket is null
                ? new ProbeAnswer(false, ProbeText.Of(new SocketException((int)error)), ProbeReach.Nothing)
                : new ProbeAnswer(true, "connection accepted", ProbeReach.Connected);
        }
        catch (SocketException e)
        {
            return new ProbeAnswer(false, ProbeText.Of(e), ProbeReach.Nothing);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return new ProbeAnswer(false, $"no connection in {ProbeText.Bound(timeout)}", ProbeReach.Nothing) { TimedOut = true };
        }
    }

    private async Task<ProbeAnswer> HttpAsync(ProbeForm.Http probe, ProbeContext instance, TimeSpan timeout, CancellationToken cancel)
    {
        if (instance.Port is not { } port)
        {
            return ProbeAnswer.Unaskable("the component has no port to ask");
        }

        var path = probe.Path.Resolve(instance.Names);
        var contains = probe.Contains?.Resolve(instance.Names);
        KeyValuePair<string, string>[] headers = [.. probe.Headers.Select(h => KeyValuePair.Create(h.Key, h.Value.Resolve(instance.Names)))];
        if (path.AsSpan().IndexOfAny(" \r\n") >= 0 || headers.Any(h => (h.Key + h.Value).AsSpan().IndexOfAny("\r\n") >= 0 || h.Key.AsSpan().IndexOfAny(" :") >= 0))
        {
            return ProbeAnswer.Unaskable("the path has a space, or the path or a header a line break, in it");
        }

        using var bounded = new CancellationTokenSource(timeout, clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(bounded.Token, cancel);
        var exchange = new HttpExchange();
        try
        {
            var answer = await exchange.GetAsync(new IPEndPoint(IPAddress.Parse(instance.Host), port), path, headers, both.Token);
            return Judge(answer, probe.Status, contains, instance);
        }
        catch (SocketException e)
        {
            return exchange.Connected
                ? new ProbeAnswer(false, $"connected, then {ProbeText.Of(e)}", ProbeReach.Connected)
                : new ProbeAnswer(false, ProbeText.Of(e), ProbeReach.Nothing);
        }
        catch (FormatException e)
        {
            return new ProbeAnswer(false, e.Message, ProbeReach.Connected);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return exchange.Connected
                ? new ProbeAnswer(false, $"connected, no whole answer in {ProbeText.Bound(timeout)}", ProbeReach.Connected) { TimedOut = true }
                : new ProbeAnswer(false, $"no connection in {ProbeText.Bound(timeout)}", ProbeReach.Nothing) { TimedOut = true };
        }
    }

    private static ProbeAnswer Judge(HttpAnswer answer, int? wanted, string? contains, ProbeContext instance)
    {
        var status = wanted is { } exact ? answer.Status == exact : answer.Status is >= 200 and < 300;
        var text = contains is null || answer.Body.Contains(contains, StringComparison.Ordinal);
        var passed = status && text && answer.Flaw is null;
        var seen = $"{answer.Status}";
        if (answer.Location is { } location && answer.Status is >= 300 and < 400)
        {
            seen += $" → {ProbeText.Excerpt(ProbeText.Redact(location, instance), 200)}";
        }
        else if (answer.Flaw is { } flaw)
        {
            seen += $", {flaw}";
        }
        else if (!passed)
        {
            seen += (status ? $" without \"{ProbeText.Excerpt(contains!, 80)}\"" : "")
                + (answer.Body.Length == 0 ? ", empty body" : $" \"{ProbeText.Excerpt(ProbeText.Redact(answer.Body, instance), 200)}\"");
        }

        return new ProbeAnswer(passed, seen, ProbeReach.Answered) { Text = answer.Body };
    }

    private async Task<ProbeAnswer> RunAsync(ProbeForm.Run probe, ProbeContext instance, TimeSpan timeout, CancellationToken cancel)
    {
        var contains = probe.Contains?.Resolve(instance.Names);
        var command = probe.Command switch
        {
            CommandLine.Shell shell => Command.Shell(shell.Text.Resolve(instance.Names), instance.Directory),
            CommandLine.Exec exec => new Command
            {
                Program = exec.Arguments[0].Resolve(instance.Names),
                Arguments = [.. exec.Arguments.Skip(1).Select(a => a.Resolve(instance.Names))],
                Directory = instance.Directory,
            },
            _ => throw new System.Diagnostics.UnreachableException(),
        };
        // A runner of its own: when the bound is over the probe's whole tree is killed at once, without the grace that a build step gets.
        var runner = new ProcessRunner(clock);
        var output = new StringBuilder();
        ProcessResult result;
        var late = false;
        try
        {
            var run = runner.RunAsync(
                command with { Environment = instance.Environment, Secrets = instance.Secrets },
                line => Keep(output, line.Text),
                cancel);
            try
            {
                result = await run.WaitAsync(timeout, clock, CancellationToken.None);
            }
            catch (TimeoutException)
            {
                late = true;
                runner.KillAll();
                result = await run;
            }
        }
        catch (FaultException e)
        {
            return new ProbeAnswer(false, e.Fault.What, ProbeReach.Nothing);
        }

        var text = output.ToString();
        if (late)
        {
            return new ProbeAnswer(false, $"no end in {ProbeText.Bound(timeout)}{Printed(text)}", ProbeReach.Answered) { Text = text, TimedOut = true };
        }

        if (!result.Succeeded)
        {
            return new ProbeAnswer(false, result.Ending + Printed(text), ProbeReach.Answered) { Text = text };
        }

        var found = contains is null || text.Contains(contains, StringComparison.Ordinal);
        var seen = found ? "exit code 0" : $"exit code 0 without \"{ProbeText.Excerpt(contains!, 80)}\"{Printed(text)}";
        return new ProbeAnswer(found, seen, ProbeReach.Answered) { Text = text };

        static string Printed(string text) => text.Length == 0 ? ", no output" : $" \"{ProbeText.Excerpt(text, 200)}\"";
    }

    private static void Keep(StringBuilder output, string line)
    {
        if (output.Length < HttpExchange.BodyBound)
        {
            output.Append(line).Append('\n');
        }
    }

    private async Task<ProbeAnswer> FileAsync(ProbeForm.File probe, ProbeContext instance, TimeSpan timeout, CancellationToken cancel)
    {
        var path = Path.GetFullPath(probe.Path.Resolve(instance.Names), instance.Directory);
        var contains = probe.Contains?.Resolve(instance.Names);
        // Opening a pipe or a file of a dead network mount blocks in the kernel, where no token reaches: a thread of its own can be left behind.
        var answer = new TaskCompletionSource<ProbeAnswer>(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() => answer.SetResult(ReadFile(path, contains, instance)), 128 * 1024) { IsBackground = true, Name = "file probe" }.Start();
        try
        {
            return await answer.Task.WaitAsync(timeout, clock, cancel);
        }
        catch (TimeoutException)
        {
            return new ProbeAnswer(false, $"the file could not be read in {ProbeText.Bound(timeout)}", ProbeReach.Connected) { TimedOut = true };
        }
    }

    private static ProbeAnswer ReadFile(string path, string? contains, ProbeContext instance)
    {
        try
        {
            if (!File.Exists(path))
            {
                return new ProbeAnswer(false, Directory.Exists(path) ? "it is a folder" : "no such file", ProbeReach.Nothing);
            }

            if (contains is null)
            {
                return new ProbeAnswer(true, "the file exists", ProbeReach.Answered);
            }

            var bytes = new byte[HttpExchange.BodyBound];
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            var text = Encoding.UTF8.GetString(bytes, 0, file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false));
            return text.Contains(contains, StringComparison.Ordinal)
                ? new ProbeAnswer(true, "the file has the text", ProbeReach.Answered) { Text = text }
                : new ProbeAnswer(false, $"the file is without \"{ProbeText.Excerpt(contains, 80)}\": \"{ProbeText.Excerpt(ProbeText.Redact(text, instance), 200)}\"", ProbeReach.Answered) { Text = text };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new ProbeAnswer(false, e.Message, ProbeReach.Nothing);
        }
    }
}
