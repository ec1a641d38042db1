namespace Laptime.EndToEnd.Harness;

/// <summary>
/// A component that starts in a few milliseconds: python3, a bare socket, /health, /version (its revision), / (text.txt, part of the artifact). What a test
/// wants otherwise it puts in front of an answer or before the listening, as lines of Python.
/// </summary>
internal static class LittleServer
{
    /// <param name="answer">Lines run first for each request: they may `return status, body` for `path`.</param>
    /// <param name="start">Lines run before it listens.</param>
    public static string Script(string answer = "pass", string start = "pass") => $$"""
        import os, socket, sys, threading, time
        revision = os.environ.get("LAPTIME_REVISION", "")
        text = open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "text.txt")).read()
        requests = 0

        def answer(path):
            global requests
            requests += 1
        {{Indented(answer, 4)}}
            if path == "/health": return 200, "ok"
            if path == "/version": return 200, revision
            if path == "/": return 200, text
            return 404, "no such page"

        def serve(connection):
            data = b""
            try:
                while b"\r\n\r\n" not in data:
                    part = connection.recv(4096)
                    if not part: return
                    data += part
                status, body = answer(data.split(b" ")[1].decode())
                body = body.encode()
                connection.sendall(b"HTTP/1.1 %d Said\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body)) + body)
            except OSError:
                pass
            finally:
                connection.close()

        {{Indented(start, 0)}}
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", int(sys.argv[1])))
        listener.listen(128)
        print("listening as", revision, flush=True)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

        """;

    /// <summary>Such a component in laptime.yaml: one shell step copies server.py and *.txt into out/.</summary>
    /// <param name="more">Keys of the component beside path, build, run and probes, one a line, without indentation.</param>
    /// <param name="step">What the step does beside copying.</param>
    /// <param name="probes">In place of the ready and reflect probes.</param>
    public static string Yaml(string name, int port, string? more = null, string? step = null, string? probes = null, string? run = null, string? steps = null) =>
        $$"""
          {{name}}:
            path: src/{{name}}
        {{Indented(more ?? "x-none: 0", 4)}}
            build:
              steps:
                - { name: copy, kind: compile, run: "mkdir -p out && cp server.py *.txt out/{{(step is null ? "" : " && " + step)}}" }
        {{Indented(steps ?? "", 8)}}
              outputs: ["out/**"]
            run:
              command: "exec python3 -S -E out/server.py ${port}"
              port: {{port}}
              drain: 0s
              stop-grace: 2s
        {{Indented(run ?? "x-none: 0", 6)}}
            probes:
        {{Indented(probes ?? "ready: { http: /health, timeout: 20s, poll: 20ms }\nreflect: { http: /version, contains: \"${revision}\", timeout: 5s, poll: 20ms }", 6)}}

        """;

    private static string Indented(string lines, int by) => string.Join('\n', lines.Split('\n').Select(l => l.Length == 0 ? l : new string(' ', by) + l));
}
