using System.Net.Sockets;
using Laptime.Foundations;
using Laptime.Processes;
using Laptime.Workspaces;

namespace Laptime.Signals;

/// <summary>The words of probes: what is asked, what is expected, what was seen.</summary>
internal static class ProbeText
{
    /// <summary>One line without control characters, at most <paramref name="most"/> characters.</summary>
    public static string Excerpt(string text, int most)
    {
        // Four times as much is enough to strip from: a body may have 64 KB.
        var part = text.Length > most * 4 ? text[..(most * 4)] : text;
        var line = string.Join(' ', TerminalText.Strip(part.Replace('\n', ' ')).Split([' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries));
        return line.Length > most ? line[..most] + "…" : part.Length < text.Length ? line + "…" : line;
    }

    public static string Of(SocketException e) => e.SocketErrorCode switch
    {
        SocketError.ConnectionRefused => "connection refused",
        SocketError.ConnectionReset => "connection reset",
        SocketError.HostUnreachable or SocketError.NetworkUnreachable => "no route to the host",
        SocketError.TimedOut => "the connection timed out",
        _ => e.Message,
    };

    /// <summary>What the probe asks: <c>GET /health/ready</c>, <c>TCP port 8080</c>, the command, the file.</summary>
    public static string Question(Probe probe, ProbeContext instance) => probe.Form switch
    {
        ProbeForm.Http http => $"GET {Resolved(http.Path, instance)}",
        ProbeForm.Tcp tcp => $"TCP port {tcp.Port ?? instance.Port}",
        ProbeForm.Run { Command: CommandLine.Shell shell } => $"`{Excerpt(shell.Text.Source, 80)}`",
        ProbeForm.Run { Command: CommandLine.Exec exec } => $"`{Excerpt(string.Join(' ', exec.Arguments), 80)}`",
        ProbeForm.File file => $"file {Resolved(file.Path, instance)}",
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>What a passing answer is.</summary>
    public static string Expected(Probe probe, ProbeContext instance)
    {
        var (answer, contains) = probe.Form switch
        {
            ProbeForm.Http http => (http.Status is { } status ? $"{status}" : "2xx", http.Contains),
            ProbeForm.Tcp => ("an accepted connection", null),
            ProbeForm.Run run => ("exit code 0", run.Contains),
            ProbeForm.File file => ("the file", file.Contains),
            _ => throw new System.Diagnostics.UnreachableException(),
        };
        return contains is null ? answer : $"{answer} with \"{Resolved(contains, instance)}\"";
    }

    /// <summary>Component, probe and where it is written.</summary>
    public static string Where(string signal, Probe probe, ProbeContext instance) =>
        Redact($"{instance.Component}, {signal} probe {Question(probe, instance)} ({probe.At})", instance);

    public static string Redact(string text, ProbeContext instance) =>
        instance.Secrets.Count == 0 ? text : Redactor.Text(text, Redactor.Needles(instance.Secrets));

    /// <summary>Bounds are round numbers: <c>30 s</c>, not <c>30.0 s</c>.</summary>
    public static string Bound(TimeSpan bound) => bound.TotalSeconds is >= 1 and < 60 && bound.TotalSeconds == Math.Floor(bound.TotalSeconds)
        ? $"{(int)bound.TotalSeconds} s"
        : Duration.Text(bound);

    public static string Attempts(int count) => count == 1 ? "1 attempt" : $"{count} attempts";

    private static string Resolved(Template template, ProbeContext instance)
    {
        try
        {
            return template.Resolve(instance.Names);
        }
        catch (KeyNotFoundException)
        {
            return template.Source;
        }
    }
}
