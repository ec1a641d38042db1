"""Builds the storefront: the page, and an overview of the messages from proto/shop.proto. Python's own library only."""
import html
import pathlib
import re
import shutil

here = pathlib.Path(__file__).parent
out = here / "out"
shutil.rmtree(out, ignore_errors=True)
out.mkdir()

proto = (here / "../../proto/shop.proto").read_text(encoding="utf-8")
rows = []
for about, name, fields in re.findall(r"// *([^\n]*)\nmessage (\w+) \{([^}]*)\}", proto):
    shown = ", ".join(" ".join(f.split("=")[0].split()) for f in fields.split(";") if f.strip())
    rows.append(f"<tr><th>{html.escape(name)}</th><td>{html.escape(shown)}</td><td>{html.escape(about)}</td></tr>")
if not rows:
    raise SystemExit("no message found in proto/shop.proto")

page = (here / "page.html").read_text(encoding="utf-8")
(out / "index.html").write_text(page.replace("<!-- messages -->", "\n".join(rows)), encoding="utf-8")
shutil.copy(here / "serve.py", out / "serve.py")
