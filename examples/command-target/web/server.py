"""Answers with its text, its health and its revision."""
import http.server
import os
import pathlib
import socketserver

TEXT = pathlib.Path("text.txt").read_text(encoding="utf-8")
ANSWERS = {"/": f"{os.environ['GREETING']}, {TEXT}", "/health": "ok", "/version": os.environ["LAPTIME_REVISION"]}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = ANSWERS.get(self.path, "not here").encode()
        self.send_response(200 if self.path in ANSWERS else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        print(format % args, flush=True)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


print("serving as", os.environ["LAPTIME_REVISION"], flush=True)
Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
