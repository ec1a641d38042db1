using System.Text;
using System.Text.Json;
using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Artifacts.Registries;

/// <summary>An account at a registry. Prints without its secret.</summary>
/// <param name="User">Empty with an identity token.</param>
/// <param name="Secret">Password, or the identity token.</param>
/// <param name="IsIdentityToken">The secret is exchanged for access tokens, and is no password.</param>
/// <param name="From">Who knew it, for messages.</param>
internal sealed record RegistryAccount(string User, string Secret, bool IsIdentityToken, string From)
{
    public override string ToString() => IsIdentityToken ? $"an identity token from {From}" : $"user {User} from {From}";
}

/// <summary>
/// What <c>docker login</c> left: Docker's config.json and its credential helpers. Only read; a secret goes from there into a request header and nowhere else.
/// </summary>
internal sealed class DockerCredentials(string? folder, ProcessRunner runner)
{
    private const string HubKey = "https://index.docker.io/v1/";
    private const int LargestAnswer = 256 << 10;
    private static readonly TimeSpan HelperBound = TimeSpan.FromSeconds(20);
    private static readonly string[] HubNames = ["docker.io", "index.docker.io", "registry-1.docker.io"];

    private string ConfigFile => Path.Combine(
        folder ?? (Environment.GetEnvironmentVariable("DOCKER_CONFIG") is { Length: > 0 } named
            ? named
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".docker")), "config.json");

    /// <summary>The account for a registry; null when nobody logged in there.</summary>
    /// <exception cref="RegistryTrouble">The file cannot be read, or its helper fails.</exception>
    public async Task<RegistryAccount?> FindAsync(RegistryAddress address, CancellationToken cancel)
    {
        var file = ConfigFile;
        byte[] bytes;
        try
        {
            if (!File.Exists(file))
            {
                return null;
            }

            bytes = await File.ReadAllBytesAsync(file, cancel).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RegistryTrouble(StoreFailure.Refused, $"{file} cannot be read: {e.Message}", "make it readable for this user", inner: e);
        }

        var names = HubNames.Contains(address.Host) ? HubNames : [address.Authority];
        var asked = HubNames.Contains(address.Host) ? HubKey : address.Authority;
        string? helper;
        try
        {
            using var config = JsonDocument.Parse(bytes, new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            if (Helper(config.RootElement, names) is { } named)
            {
                helper = named;
            }
            else if (InFile(config.RootElement, names, file) is { } account)
            {
                return account;
            }
            else
            {
                helper = Text(config.RootElement, "credsStore");
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            // Nothing of the content goes into the message.
            throw new RegistryTrouble(StoreFailure.Refused, $"{file} is not what Docker writes", $"mend it, or remove it and log in again: docker login {address.Authority}", inner: null);
        }

        return string.IsNullOrEmpty(helper) ? null : await AskAsync(helper, asked, cancel).ConfigureAwait(false);
    }

    private static string? Helper(JsonElement config, string[] names) =>
        config.TryGetProperty("credHelpers", out var helpers) && helpers.ValueKind == JsonValueKind.Object
            ? helpers.EnumerateObject().Where(h => names.Contains(Host(h.Name))).Select(h => h.Value.GetString()).FirstOrDefault()
            : null;

    private static RegistryAccount? InFile(JsonElement config, string[] names, string file)
    {
        if (!config.TryGetProperty("auths", out var all) || all.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        foreach (var entry in all.EnumerateObject().Where(e => names.Contains(Host(e.Name)) && e.Value.ValueKind == JsonValueKind.Object))
        {
            if (Text(entry.Value, "identitytoken") is { Length: > 0 } token)
            {
                return new RegistryAccount("", token, IsIdentityToken: true, file);
            }

            if (Text(entry.Value, "auth") is { Length: > 0 } auth)
            {
                var pair = Encoding.UTF8.GetString(Convert.FromBase64String(auth)).Split(':', 2);
                if (pair is [{ Length: > 0 } user, var password])
                {
                    return new RegistryAccount(user, password.TrimEnd('\0'), IsIdentityToken: false, file);
                }

                throw new FormatException();
            }

            if (Text(entry.Value, "username") is { Length: > 0 } name && Text(entry.Value, "password") is { } secret)
            {
                return new RegistryAccount(name, secret, IsIdentityToken: false, file);
            }
        }

        return null;
    }

    private async Task<RegistryAccount?> AskAsync(string helper, string server, CancellationToken cancel)
    {
        var program = "docker-credential-" + helper;
        if (!helper.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
        {
            throw new RegistryTrouble(StoreFailure.Refused, $"the credential helper `{StoredManifest.TerminalSafe(helper)}` has no valid name", $"mend {ConfigFile}");
        }

        ProcessResult result;
        byte[] output;
        var input = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(input, server + "\n", cancel).ConfigureAwait(false);
            (result, output) = await runner.RunForBytesAsync(
                new Command { Program = program, Arguments = ["get"], Directory = Path.GetTempPath(), InputFile = input, Deadline = HelperBound }, LargestAnswer, cancel).ConfigureAwait(false);
        }
        catch (FaultException e)
        {
            throw new RegistryTrouble(StoreFailure.Refused, $"Docker's config names the credential helper {program}, but {e.Fault.What}", $"{e.Fault.Mend}; or change {ConfigFile}", inner: e);
        }
        finally
        {
            File.Delete(input);
        }

        var printed = Encoding.UTF8.GetString(output);
        if (!result.Succeeded)
        {
            // The protocol of the helpers: this sentence on standard output, and exit code 1.
            return printed.Contains("credentials not found", StringComparison.OrdinalIgnoreCase)
                ? null
                : throw new RegistryTrouble(StoreFailure.Refused, $"{program} gives no credentials for {server}: {result.Ending}", $"try it: echo {server} | {program} get");
        }

        try
        {
            using var answer = JsonDocument.Parse(printed);
            var (user, secret) = (Text(answer.RootElement, "Username") ?? "", Text(answer.RootElement, "Secret") ?? "");
            return user.Length == 0 && secret.Length == 0 ? null : new RegistryAccount(user == "<token>" ? "" : user, secret, user == "<token>", program);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Its output may hold the secret: not even the parser's words about it are shown.
            throw new RegistryTrouble(StoreFailure.Refused, $"{program} answers with something that is no credentials document", $"try it: echo {server} | {program} get");
        }
    }

    /// <summary>Old keys are whole addresses.</summary>
    private static string Host(string key)
    {
        var start = key.IndexOf("://", StringComparison.Ordinal) is >= 0 and var scheme ? scheme + 3 : 0;
        var end = key.IndexOf('/', start);
        return (end < 0 ? key[start..] : key[start..end]).ToLowerInvariant();
    }

    private static string? Text(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
