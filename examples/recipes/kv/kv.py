"""A key-value store: one file per key in $KV_DATA. GET, PUT and DELETE /items/NAME; /items lists; /version; /health."""
import http.server
import os
import pathlib
import sys
import urllib.parse

VERSION = "1.1.0"
DATA = pathlib.Path(os.environ["KV_DATA"])


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/health":
            return self.answer(200 if os.access(DATA, os.W_OK) else 503, "ready\n")
        if self.path == "/items":
            return self.answer(200, "".join(sorted(f.name + "\n" for f in (DATA / "items").iterdir())))
        if self.path == "/version":
            return self.answer(200, f"{VERSION} {os.environ.get('LAPTIME_REVISION', '')}\n")
        file = self.file()
        return self.answer(200, file.read_text()) if file and file.is_file() else self.answer(404, "no such item\n")

    def do_PUT(self):
        file = self.file()
        if file is None:
            return self.answer(400, "a name has letters, digits and dashes\n")
        temporary = file.with_suffix(".new")
        temporary.write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
        temporary.replace(file)
        return self.answer(204, "")

    def do_DELETE(self):
        file = self.file()
        if file is None or not file.is_file():
            return self.answer(404, "no such item\n")
        file.unlink()
        return self.answer(204, "")

    def file(self):
        name = urllib.parse.unquote(self.path.removeprefix("/items/"))
        return DATA / "items" / name if self.path.startswith("/items/") and name.replace("-", "").isalnum() else None

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, form, *arguments):
        if self.path not in ("/health", "/version"):
            print(form % arguments, flush=True)


(DATA / "items").mkdir(parents=True, exist_ok=True)
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print(f"kv {VERSION} on {server.server_address[1]}, data in {DATA}", flush=True)
server.serve_forever()
