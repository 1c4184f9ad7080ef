"""Answers where no service is yet: a page at /, a plain 404 with what was asked for elsewhere, and its health for probes."""

import html
import json
import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DOMAIN = os.environ.get("DOMAIN", "localhost")
ROUTES = json.loads(os.environ.get("ROUTES", "[]"))

ROWS = "".join(
    f"<tr><td>{html.escape(', '.join(row['prefixes']))}</td><td>{html.escape(row['limit'])}</td></tr>" for row in ROUTES
)
PAGE = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(DOMAIN)}</title>
<style>
  body {{ font: 16px/1.5 system-ui, sans-serif; margin: 10vh auto; max-width: 38rem; padding: 0 1rem; color: #1c2430; }}
  h1 {{ font-size: 1.5rem; font-weight: 600; }}
  table {{ border-collapse: collapse; width: 100%; margin: 1.5rem 0; }}
  th, td {{ text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #d8dee6; }}
  th {{ font-weight: 600; }}
  p {{ color: #4a5668; }}
  @media (prefers-color-scheme: dark) {{
    body {{ background: #12161c; color: #e6eaf0; }}
    th, td {{ border-color: #2b323c; }}
    p {{ color: #9aa5b4; }}
  }}
</style>
</head>
<body>
<h1>The edge of {html.escape(DOMAIN)} works.</h1>
<p>No service stands behind it yet. Requests are limited for each address and each user; how many are left is told in the
headers X-RateLimit-Limit, X-RateLimit-Remaining and X-RateLimit-Reset of every answer.</p>
<table>
<thead><tr><th>Paths</th><th>Allowed</th></tr></thead>
<tbody>{ROWS}</tbody>
</table>
</body>
</html>
""".encode()


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "front"
    sys_version = ""
    timeout = 60

    def give(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def answer(self):
        # What was sent must be read, or the next request of the connection begins in the middle of it.
        try:
            length = int(self.headers.get("Content-Length", "0"))
        except ValueError:
            length = -1
        if not 0 <= length <= 1 << 20 or "Transfer-Encoding" in self.headers:
            self.close_connection = True
        elif length:
            self.rfile.read(length)
        path = self.path.split("?", 1)[0]
        if path == "/healthz":
            self.give(200, "text/plain", b"ok\n")
        elif path == "/":
            self.give(200, "text/html; charset=utf-8", PAGE)
        else:
            problem = {"title": "No service answers here yet", "status": 404, "path": path}
            version = self.headers.get("X-Api-Version")
            body = {**problem, **({"apiVersion": version} if version else {})}
            self.give(404, "application/problem+json", json.dumps(body).encode() + b"\n")

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

    def log_message(self, *_):
        """The edge keeps the log of requests."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("", int(os.environ.get("PORT", "8080"))), Answer)
    server.daemon_threads = True
    # shutdown() waits for the loop to end, which it cannot do inside of a signal's handler in the loop's own thread.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()
