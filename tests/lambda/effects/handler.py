"""Asks others for what its event says, in one step, and returns the answers:
"POST URL [KEY]", "CHILD URL" (a program that it starts does), "LINE TEXT" (it
only says so). $SHOP is a service of its own, which answers 201."""
import http.server
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(
    os.path.dirname(__file__), "../../../scenarios/lambda/examples/python_order"))
from durable import durable

CHILD = """import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], b"x").read().decode(), end="")"""


class Shop(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = f"{self.path} {body.decode()}".encode()
        self.send_response(201)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *given):
        pass


shop = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shop)
threading.Thread(target=shop.serve_forever, daemon=True).start()


def request(method, url, key=None):
    made = urllib.request.Request(url, b"x" if method == "POST" else None,
                                  {"Idempotency-Key": key} if key else {},
                                  method=method)
    try:
        with urllib.request.urlopen(made) as reply:
            return f"{reply.status} {reply.read().decode()}"
    except urllib.error.HTTPError as error:
        return str(error.code)


def ask(words):
    what, *rest = words.replace(
        "$SHOP", f"127.0.0.1:{shop.server_port}").split(" ")
    if what == "LINE":
        print(*rest)
        return "said"
    if what == "CHILD":
        return subprocess.run([sys.executable, "-c", CHILD, *rest], check=True,
                              stdout=subprocess.PIPE, text=True).stdout
    return request(what, *rest)


@durable
def handler(event, run):
    return run.step("ask", lambda: [ask(words) for words in event])
