using System.Diagnostics;
using System.Formats.Tar;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Laptime.Tests.Engines;

/// <summary>
/// A tiny web service as an image made FROM scratch: busybox-static and one script, no registry and no <c>docker build</c> needed (about 1 MB,
/// loaded in 0.1 s). On port 8080 (or <c>PORT</c>) it answers <c>/version</c> with <c>LAPTIME_REVISION</c> (or <c>none</c>), <c>/content</c> with what the image was
/// made with, <c>/health</c> with 200. Its PID 1 ends at once on SIGTERM.
/// </summary>
/// <remarks>
/// Environment variables make it misbehave: <c>READY_AFTER=SECONDS</c> or <c>READY_AFTER=never</c> (also <c>HEALTH=bad</c>): <c>/health</c> answers 404 until then; <c>CRASH=CODE</c>:
/// prints two lines and ends with that code; <c>CRASH_AFTER=SECONDS</c>: serves, then ends with 3; <c>DEAF=1</c>: ignores SIGTERM.
/// </remarks>
internal static class ServiceImage
{
    private const string Script = """
        #!/bin/sh
        echo "starting ${LAPTIME_REVISION:-none}"
        if [ -n "$CRASH" ]; then echo "cannot go on: CRASH=$CRASH" >&2; exit "$CRASH"; fi
        mkdir -p /tmp/www
        cp /www/content /tmp/www/content
        echo "${LAPTIME_REVISION:-none}" > /tmp/www/version
        httpd -f -p "${PORT:-8080}" -h /tmp/www &
        server=$!
        echo "listening as ${LAPTIME_REVISION:-none}"
        if [ "$HEALTH" = bad ]; then READY_AFTER=never; fi
        if [ -n "$DEAF" ]; then trap '' TERM; else trap 'kill $server; exit 0' TERM; fi
        case ${READY_AFTER:-0} in
            0) echo ok > /tmp/www/health ;;
            never) ;;
            *) { sleep "$READY_AFTER"; echo ok > /tmp/www/health; } & ;;
        esac
        if [ -n "$CRASH_AFTER" ]; then { sleep "$CRASH_AFTER"; echo "crashing" >&2; kill $server; } & fi
        wait $server
        exit 3

        """;

    private static readonly string[] Commands = ["sh", "httpd", "cp", "mkdir", "sleep", "cat", "echo", "kill", "wget", "ls", "env"];

    /// <summary>Loads the image into the engine.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="name">For example <c>shop/web:1</c>.</param>
    /// <param name="content">Different content gives another image.</param>
    /// <returns>The image's id (<c>sha256:…</c>, the digest of its config).</returns>
    public static async Task<string> LoadAsync(DockerEngine engine, string name, string content)
    {
        var archive = Path.GetTempFileName();
        try
        {
            await using (var file = File.Create(archive))
            {
                WriteArchive(file, name, content);
            }

            await engine.DockerAsync("load", "--quiet", "--input", archive);
            return await engine.DockerAsync("image", "inspect", "--format", "{{.Id}}", name);
        }
        finally
        {
            File.Delete(archive);
        }
    }

    /// <summary>Writes what <c>docker load</c> reads.</summary>
    public static void WriteArchive(Stream to, string name, string content)
    {
        using var layer = new MemoryStream();
        using (var tar = new TarWriter(layer, TarEntryFormat.Ustar, leaveOpen: true))
        {
            foreach (var folder in (string[])["bin", "tmp", "www"])
            {
                tar.WriteEntry(new UstarTarEntry(TarEntryType.Directory, folder) { ModificationTime = DateTimeOffset.UnixEpoch, Mode = (UnixFileMode)0b111_111_111 });
            }

            Add(tar, "bin/busybox", File.ReadAllBytes(Busybox()), executable: true);
            foreach (var command in Commands)
            {
                tar.WriteEntry(new UstarTarEntry(TarEntryType.SymbolicLink, "bin/" + command) { ModificationTime = DateTimeOffset.UnixEpoch, LinkName = "busybox" });
            }

            Add(tar, "serve", Encoding.UTF8.GetBytes(Script), executable: true);
            Add(tar, "www/content", Encoding.UTF8.GetBytes(content), executable: false);
        }

        var bytes = layer.ToArray();
        var config = Encoding.UTF8.GetBytes($$"""
            {"architecture":"{{Architecture}}","os":"linux","created":"1970-01-01T00:00:00Z",
            "config":{"Env":["PATH=/bin"],"Entrypoint":["/serve"],"ExposedPorts":{"8080/tcp":{} } },
            "rootfs":{"type":"layers","diff_ids":["sha256:{{Hex(bytes)}}"]},"history":[{"created":"1970-01-01T00:00:00Z","created_by":"tests"}]}
            """);
        using var outer = new TarWriter(to, TarEntryFormat.Ustar, leaveOpen: true);
        Add(outer, Hex(config) + ".json", config, executable: false);
        Add(outer, "layer.tar", bytes, executable: false);
        Add(outer, "manifest.json", Encoding.UTF8.GetBytes(
            $$"""[{"Config":"{{Hex(config)}}.json","RepoTags":[{{JsonSerializer.Serialize(name)}}],"Layers":["layer.tar"]}]"""), executable: false);
    }

    /// <summary>Writes the same service as a folder with a Dockerfile, for tests of image builds.</summary>
    public static void WriteFolder(string folder, string content)
    {
        Directory.CreateDirectory(Path.Combine(folder, "www"));
        File.Copy(Busybox(), Path.Combine(folder, "busybox"), overwrite: true);
        File.WriteAllText(Path.Combine(folder, "serve"), Script);
        File.SetUnixFileMode(Path.Combine(folder, "serve"), (UnixFileMode)0b111_101_101);
        File.WriteAllText(Path.Combine(folder, "www", "content"), content);
        File.WriteAllText(Path.Combine(folder, "Dockerfile"), $"""
            FROM scratch
            COPY busybox /bin/busybox
            RUN ["/bin/busybox", "sh", "-c", "for c in {string.Join(' ', Commands)}; do /bin/busybox ln -s busybox /bin/$c; done; /bin/busybox mkdir -p /tmp"]
            COPY serve /serve
            COPY www /www
            ENV PATH=/bin
            EXPOSE 8080
            ENTRYPOINT ["/serve"]

            """);
    }

    private static string Architecture => System.Runtime.InteropServices.RuntimeInformation.OSArchitecture switch
    {
        System.Runtime.InteropServices.Architecture.Arm64 => "arm64",
        _ => "amd64",
    };

    /// <summary>Debian's busybox-static; the one of the package busybox is linked to a libc and would not start FROM scratch.</summary>
    private static string Busybox() => Requirement.Program("docker", "busybox");

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    private static void Add(TarWriter tar, string name, byte[] bytes, bool executable) =>
        tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name)
        {
            ModificationTime = DateTimeOffset.UnixEpoch,
            Mode = executable ? (UnixFileMode)0b111_101_101 : (UnixFileMode)0b110_100_100,
            DataStream = new MemoryStream(bytes),
        });
}
