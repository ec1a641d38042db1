using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Laptime.Processes;

namespace Laptime.Bench;

/// <summary>
/// A git repository of many small files (about twenty in a folder, 4 KB on average) that are the inputs of one component: a copying build step and a small
/// HTTP server in Python. Deployed for real; stopped and removed when disposed.
/// </summary>
internal sealed class BenchTree : IDisposable
{
    private const int FilesInFolder = 20;
    private readonly string lap;
    private bool disposed;

    public BenchTree(string lap, int files)
    {
        this.lap = lap;
        Files = files;
        Root = Directory.CreateTempSubdirectory("laptime-bench-").FullName;
        Port = FreePort();
        // Also when the bench is interrupted.
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Dispose();
        Write();
        _ = Git("init", "-q");
        // Every file as a big one: straight into one pack, which spares half a million loose objects.
        _ = Git("-c", "core.bigFileThreshold=1", "-c", "core.compression=0", "add", "-A");
        _ = Git("-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "gc.auto=0", "commit", "-q", "-m", "tree");
        _ = Git("status");
    }

    public string Root { get; }

    public int Files { get; }

    public int Port { get; }

    public string Proof => Path.Combine(Root, ".laptime", "proof");

    public string Index => Path.Combine(Root, ".laptime", "index");

    /// <summary>One of the files, which the build copies into the artifact and the server answers with.</summary>
    public string Edited => Path.Combine(Root, "app", "page.txt");

    public Command Lap(params string[] arguments) => new() { Program = lap, Arguments = arguments, Directory = Root };

    public Command InTree(string program, params string[] arguments) => new() { Program = program, Arguments = arguments, Directory = Root };

    public Cost Git(params string[] arguments) => Child.Run(InTree("git", arguments), Path.Combine(Path.GetTempPath(), Path.GetFileName(Root) + ".out"));

    /// <summary>Sets the watch's mark in the proof; "-" makes lap look at every file itself.</summary>
    /// <returns>The mark that stood there.</returns>
    public string Mark(string mark)
    {
        var proof = Laptime.Cli.FastPath.Proof.Load(Proof) ?? throw new InvalidOperationException("the deploy left no proof");
        var before = proof.Mark;
        proof.Mark = mark;
        proof.Save(Proof);
        return before;
    }

    public void Dispose()
    {
        if (disposed)
        {
            return;
        }

        disposed = true;
        _ = Child.Try(Lap("down"));
        _ = Child.Try(Lap("agent", "stop", "--instances"));
        Directory.Delete(Root, recursive: true);
        File.Delete(Path.Combine(Path.GetTempPath(), Path.GetFileName(Root) + ".out"));
        File.Delete(Path.Combine(Path.GetTempPath(), Path.GetFileName(Root) + ".out.err"));
    }

    private void Write()
    {
        // Half a million files take one processor half a minute.
        Parallel.For(0, (Files + FilesInFolder - 1) / FilesInFolder, folder =>
        {
            var path = Path.Combine(Root, "app", "src", $"area{folder / 50:d4}", $"part{folder % 50:d2}");
            Directory.CreateDirectory(path);
            for (var i = 0; i < FilesInFolder && (folder * FilesInFolder) + i < Files; i++)
            {
                var number = (folder * FilesInFolder) + i;
                var line = string.Create(CultureInfo.InvariantCulture, $"line of file {number} of a tree that is as large as others are\n");
                File.WriteAllText(Path.Combine(path, $"file{i:d2}.txt"), new StringBuilder().Insert(0, line, 8 + (int)(number * 7919L % 120)).ToString());
            }
        });

        File.WriteAllText(Edited, "page 0\n");
        File.WriteAllText(Path.Combine(Root, "app", "serve.py"), """
            import http.server, os, sys

            here = os.path.dirname(os.path.abspath(__file__))
            page = open(os.path.join(here, "page.txt"), "rb").read()
            revision = os.environ["LAPTIME_REVISION"].encode()

            class Handler(http.server.BaseHTTPRequestHandler):
                protocol_version = "HTTP/1.1"
                disable_nagle_algorithm = True

                def do_GET(self):
                    body = revision if self.path == "/version" else page
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

                def log_message(self, *arguments):
                    pass

            class Server(http.server.ThreadingHTTPServer):
                request_queue_size = 128

            Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
            """);
        File.WriteAllText(Path.Combine(Root, ".gitignore"), "out/\nnode_modules/\n.turbo/\n");
        File.WriteAllText(Path.Combine(Root, "laptime.yaml"), $$"""
            version: 1
            name: bench
            components:
              site:
                path: app
                build:
                  steps:
                    - { name: copy, kind: package, run: mkdir -p out && cp serve.py page.txt out/ }
                  outputs: ["out/**"]
                run: { command: "exec python3 -S out/serve.py ${port}", port: {{Port}} }
                probes:
                  ready:   { http: /, timeout: 30s, poll: 5ms }
                  reflect: { http: /version, contains: "${revision}" }
            environments:
              local: { target: process, loop: fast }

            """);
        // The peer's idea of the same tree: one package with one task, whose inputs are all of its files.
        File.WriteAllText(Path.Combine(Root, "package.json"), """{ "name": "bench", "private": true, "packageManager": "npm@10.0.0", "workspaces": ["app"] }""");
        File.WriteAllText(Path.Combine(Root, "turbo.json"), """{ "tasks": { "build": { "outputs": ["out/**"] } } }""");
        File.WriteAllText(Path.Combine(Root, "app", "package.json"), """{ "name": "app", "version": "1.0.0", "scripts": { "build": "mkdir -p out && cp serve.py page.txt out/" } }""");
        File.WriteAllText(Path.Combine(Root, "package-lock.json"), """
            { "name": "bench", "lockfileVersion": 3, "requires": true,
              "packages": { "": { "name": "bench", "workspaces": ["app"] }, "app": { "version": "1.0.0" }, "node_modules/app": { "resolved": "app", "link": true } } }
            """);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
