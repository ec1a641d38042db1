using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Laptime.Foundations;

namespace Laptime.Targets.Docker;

/// <summary>Where a Docker engine listens: a Unix socket, or a port of this machine.</summary>
/// <param name="Text">As people write it: <c>unix:///var/run/docker.sock</c>, <c>tcp://127.0.0.1:2375</c>.</param>
/// <param name="Socket">Path of the Unix socket; null for TCP.</param>
/// <param name="Host">Loopback address; null for a socket.</param>
/// <param name="Port">0 for a socket.</param>
/// <param name="Source">Who said so: <c>DOCKER_HOST</c>, <c>docker context NAME</c>, <c>the default</c>.</param>
public sealed record EngineEndpoint(string Text, string? Socket, string? Host, int Port, string Source)
{
    /// <summary>The environment variables that <see cref="Find"/> reads.</summary>
    public static IReadOnlyList<string> Variables { get; } = ["DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "HOME"];

    private const string DefaultSocket = "/var/run/docker.sock";

    /// <summary>As the docker command itself chooses: DOCKER_HOST, then DOCKER_CONTEXT, then the current context of its configuration, then the default socket.</summary>
    /// <param name="environment">Reads an environment variable.</param>
    /// <exception cref="LapException">What was chosen cannot be reached by lap (ssh, TLS), or is no endpoint.</exception>
    public static EngineEndpoint Find(Func<string, string?> environment)
    {
        if (environment("DOCKER_HOST") is { Length: > 0 } host)
        {
            return Parse(host, "DOCKER_HOST");
        }

        var folder = environment("DOCKER_CONFIG") is { Length: > 0 } config ? config : environment("HOME") is { Length: > 0 } home ? Path.Combine(home, ".docker") : null;
        var context = environment("DOCKER_CONTEXT") is { Length: > 0 } named ? named : folder is null ? null : CurrentContext(Path.Combine(folder, "config.json"));
        return context is null or "default" || folder is null
            ? Parse("unix://" + DefaultSocket, "the default")
            : Parse(HostOf(folder, context), $"docker context {context}");
    }

    /// <exception cref="LapException">Not an endpoint, or one that lap does not talk to.</exception>
    public static EngineEndpoint Parse(string text, string source)
    {
        if (text.StartsWith("unix://", StringComparison.Ordinal))
        {
            return new EngineEndpoint(text, text["unix://".Length..], null, 0, source);
        }

        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme is not ("tcp" or "http"))
        {
            throw new LapException(
                $"{text} is not a Docker engine that lap can talk to", source,
                "use unix:///path/to/docker.sock or tcp://127.0.0.1:PORT; another machine's engine is reached through a tunnel: ssh -NL /tmp/docker.sock:/var/run/docker.sock HOST");
        }

        var host = uri.Host == "localhost" ? "127.0.0.1" : uri.Host.Trim('[', ']');
        return System.Net.IPAddress.TryParse(host, out var address) && System.Net.IPAddress.IsLoopback(address)
            ? new EngineEndpoint(text, null, host, uri.Port > 0 ? uri.Port : 2375, source)
            : throw new LapException(
                $"{text}: whoever reaches an engine over plain TCP is root on its machine, so lap only talks to one of this machine", source,
                $"reach it through a tunnel: ssh -NL /tmp/docker.sock:/var/run/docker.sock {uri.Host}, then DOCKER_HOST=unix:///tmp/docker.sock");
    }

    public override string ToString() => Text;

    private static string? CurrentContext(string file)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(file));
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("currentContext", out var name) ? name.GetString() : null;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            throw new LapException($"docker's configuration cannot be read: {e.Message}", file, "correct it, or set DOCKER_HOST");
        }
    }

    private static string HostOf(string folder, string context)
    {
        // docker names the folder of a context by the digest of its name.
        var meta = Path.Combine(folder, "contexts", "meta", Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(context))), "meta.json");
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(meta));
            return document.RootElement.GetProperty("Endpoints").GetProperty("docker").GetProperty(nameof(Host)).GetString() ?? throw new KeyNotFoundException("it names no host");
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException or KeyNotFoundException or InvalidOperationException)
        {
            throw new LapException($"docker context {context} cannot be read: {e.Message}", meta, "see `docker context ls`, or set DOCKER_HOST");
        }
    }
}
