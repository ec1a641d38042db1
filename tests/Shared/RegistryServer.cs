using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;

namespace Laptime.Tests.Engines;

/// <summary>
/// Debian's docker-registry on a free loopback port, with a configuration and a data folder of its own; ended with the test program, also when that is
/// killed. Where it is not installed, the test that asks for it is skipped aloud (see <see cref="Requirement"/>).
/// </summary>
internal sealed partial class RegistryServer : IAsyncDisposable
{
    public const string User = "fox";
    public const string Password = "red-fox";

    // bcrypt of the password, at its least cost.
    private const string PasswordLine = User + ":$2b$04$abcdefghijklmnopqrstuudsw5hB84o80LR4JKlQELoFvs34DyDe6";

    // The shell ends the registry when its own input ends: with us, whatever ends us.
    private const string Script = "\"$0\" serve \"$1\" & pid=$!; exec >&- 2>&-; cat > /dev/null; kill -9 $pid";
    private static readonly TimeSpan StartBound = TimeSpan.FromSeconds(20);
    private static readonly Lock SharedGate = new();
    private static Task<RegistryServer>? shared;
    private readonly string program;
    private readonly bool protectedByPassword;
    private readonly bool deletes;
    private readonly Queue<string> log = new();
    private Process? process;

    private RegistryServer(string program, bool password, bool tls, bool deletes)
    {
        (this.program, protectedByPassword, this.deletes) = (program, password, deletes);
        Folder = Directory.CreateTempSubdirectory("lap-registry-").FullName;
        Certificate = tls ? Path.Combine(Folder, "certificate.pem") : null;
    }

    /// <summary>Configuration and data.</summary>
    public string Folder { get; }

    /// <summary>Its port on 127.0.0.1; the same one after it was started again.</summary>
    public int Port { get; private set; }

    /// <summary><c>127.0.0.1:PORT</c>.</summary>
    public string Authority => $"127.0.0.1:{Port}";

    /// <summary>With TLS: its self-signed certificate, for <c>SSL_CERT_FILE</c>.</summary>
    public string? Certificate { get; }

    /// <summary>The last lines it logged.</summary>
    public string Log
    {
        get
        {
            lock (log)
            {
                return string.Join('\n', log);
            }
        }
    }

    /// <summary>The registry that all tests of the program share: each uses a repository of its own.</summary>
    public static Task<RegistryServer> SharedAsync()
    {
        lock (SharedGate)
        {
            // A skipped or failed start is not kept: each test says so itself.
            return shared is { IsCompleted: true, IsCompletedSuccessfully: false } or null ? shared = StartSharedAsync() : shared;
        }
    }

    /// <summary>A registry for one test.</summary>
    /// <param name="password">It lets <see cref="User"/> in and nobody else.</param>
    /// <param name="tls">With a certificate for 127.0.0.1 that nobody signed but itself.</param>
    /// <param name="deletes">Whether it allows deleting.</param>
    public static async Task<RegistryServer> StartAsync(bool password = false, bool tls = false, bool deletes = true)
    {
        var server = new RegistryServer(Requirement.Program("registry", "docker-registry"), password, tls, deletes);
        try
        {
            await server.StartAgainAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>The file that holds a blob's bytes, or a manifest's.</summary>
    public string FileOf(string hex) => Path.Combine(Folder, "data", "docker", "registry", "v2", "blobs", "sha256", hex[..2], hex, "data");

    public async Task StartAgainAsync()
    {
        WriteConfiguration();
        var start = new ProcessStartInfo("/bin/sh", ["-c", Script, program, Path.Combine(Folder, "config.yml")])
        {
            RedirectStandardInput = true, RedirectStandardError = true, RedirectStandardOutput = true,
        };
        process = Process.Start(start)!;
        var listening = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        process.ErrorDataReceived += (_, e) =>
        {
            if (e.Data is null)
            {
                listening.TrySetException(new InvalidOperationException($"docker-registry ended:\n{Log}"));
                return;
            }

            lock (log)
            {
                log.Enqueue(e.Data);
                if (log.Count > 40)
                {
                    log.Dequeue();
                }
            }

            if (Listening().Match(e.Data) is { Success: true } match)
            {
                listening.TrySetResult(int.Parse(match.Groups[1].ValueSpan, System.Globalization.CultureInfo.InvariantCulture));
            }
        };
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        Port = await listening.Task.WaitAsync(StartBound);
    }

    /// <summary>As a crash ends it: at once, connections break.</summary>
    public async Task KillAsync()
    {
        if (process is { } running)
        {
            process = null;
            running.StandardInput.Close();
            await running.WaitForExitAsync();
            running.Dispose();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        Directory.Delete(Folder, recursive: true);
    }

    private static async Task<RegistryServer> StartSharedAsync() => SharedServers.Add(await StartAsync());

    private void WriteConfiguration()
    {
        if (Certificate is { } certificate && !File.Exists(certificate))
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest("CN=registry of a test", key, HashAlgorithmName.SHA256);
            var names = new SubjectAlternativeNameBuilder();
            names.AddIpAddress(IPAddress.Loopback);
            request.CertificateExtensions.Add(names.Build());
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
            using var made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
            File.WriteAllText(certificate, made.ExportCertificatePem());
            File.WriteAllText(Path.Combine(Folder, "key.pem"), key.ExportPkcs8PrivateKeyPem());
        }

        File.WriteAllText(Path.Combine(Folder, "htpasswd"), PasswordLine + "\n");
        var tls = Certificate is null ? "" : $"\n  tls: {{ certificate: {Certificate}, key: {Folder}/key.pem }}";
        var auth = protectedByPassword ? $"\nauth:\n  htpasswd: {{ realm: test, path: {Folder}/htpasswd }}" : "";
        File.WriteAllText(Path.Combine(Folder, "config.yml"), $"""
            version: 0.1
            log: {"{"} level: info {"}"}
            storage:
              filesystem: {"{"} rootdirectory: {Folder}/data {"}"}
              delete: {"{"} enabled: {(deletes ? "true" : "false")} {"}"}
            http:
              addr: 127.0.0.1:{Port}
              secret: of-a-test{tls}{auth}

            """);
    }

    [GeneratedRegex(@"listening on 127\.0\.0\.1:(\d+)")]
    private static partial Regex Listening();
}
