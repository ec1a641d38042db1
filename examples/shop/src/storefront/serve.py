"""Serves the built storefront beside this file: health, version, and /api passed on to the gateway. Python's own library only."""
import http.server
import os
import pathlib
import signal
import sys
import threading
import urllib.error
import urllib.request

here = pathlib.Path(__file__).parent
gateway = os.environ.get("GATEWAY_URL", "http://127.0.0.1:18081")
revision = os.environ.get("LAPTIME_REVISION", "storefront@unknown")
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Storefront(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/health/live":
            self.answer(200, "text/plain", b"alive")
        elif self.path == "/health/ready":
            self.answer(200, "text/plain", b"ready")
        elif self.path == "/version":
            self.answer(200, "text/plain", revision.encode())
        elif self.path == "/":
            self.answer(200, "text/html; charset=utf-8", (here / "index.html").read_bytes())
        elif self.path.startswith("/api/"):
            self.forward()
        else:
            self.answer(404, "text/plain", b"not found")

    def forward(self):
        try:
            with direct.open(gateway + self.path, timeout=5) as reply:
                self.answer(reply.status, reply.headers.get("Content-Type", "text/plain"), reply.read())
        except urllib.error.HTTPError as error:
            self.answer(error.code, "text/plain", error.read())
        except OSError as error:
            self.answer(502, "text/plain", f"the gateway does not answer: {error}".encode())

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass


server = http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Storefront)
# shutdown() waits for the loop to end, which the handler of a signal interrupts: it needs a thread of its own.
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
print(f"{revision} listens on {sys.argv[1]}:{sys.argv[2]}", flush=True)
server.serve_forever()
