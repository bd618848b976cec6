#!/usr/bin/env python3
"""A runtime of its own: it speaks the Runtime API and the durable API without
an SDK, and behaves as the name of the handler says."""
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from urllib.parse import quote

ADDRESS = os.environ["AWS_LAMBDA_RUNTIME_API"]
RUNTIME = "/2018-06-01/runtime/"
WAY = os.environ["_HANDLER"].rpartition(".")[2]


def ask(method, path, body=None, headers=None):
    connection = http.client.HTTPConnection(ADDRESS)
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    return response.status, response.headers, response.read()


def effect(name):
    ask("POST", f"/perdure/effects/{name}", b"")


def answer(request, body, what="response"):
    return ask("POST", f"{RUNTIME}invocation/{request}/{what}", body)


class Execution:
    """One invocation of a durable function."""

    def __init__(self, event):
        self.arn = event["DurableExecutionArn"]
        self.token = event["CheckpointToken"]
        self.operations = {}
        self.take(event["InitialExecutionState"])

    def take(self, state):
        for one in state["Operations"]:
            self.operations[one["Id"]] = one

    def checkpoint(self, *updates):
        status, _, body = ask(
            "POST", f"/2025-12-01/durable-executions/{quote(self.arn, '')}/"
            "checkpoint", json.dumps(
                {"CheckpointToken": self.token, "Updates": updates}))
        if status != 200:
            raise RuntimeError(f"{status}: {body}")
        reply = json.loads(body)
        self.token = reply["CheckpointToken"]
        self.take(reply["NewExecutionState"])

    def status(self, number):
        return self.operations.get(number, {}).get("Status")

    def step(self, number, name, work):
        if self.status(number) == "SUCCEEDED":
            return
        if not self.status(number):
            self.checkpoint({"Id": number, "Type": "STEP", "Name": name,
                             "Action": "START"})
        work()
        self.checkpoint({"Id": number, "Type": "STEP", "Name": name,
                         "Action": "SUCCEED", "Payload": '"done"'})

    def wait(self, number, seconds):
        """Whether it is over."""
        if not self.status(number):
            self.checkpoint({"Id": number, "Type": "WAIT", "Name": "pause",
                             "Action": "START",
                             "WaitOptions": {"WaitSeconds": seconds}})
        return self.status(number) == "SUCCEEDED"


def durable(event):
    execution = Execution(event)
    execution.step("1", "first", lambda: effect("first"))
    if not execution.wait("2", 86400):
        return {"Status": "PENDING"}
    execution.step("3", "second", lambda: effect("second"))
    return {"Status": "SUCCEEDED", "Result": '"both"'}


def daemon():
    """Out of the group, the session, and the family."""
    subprocess.Popen(["sh", "-c", "(setsid sleep 86399 &)"]).wait()
    subprocess.Popen(["sleep", "86398"])


def connect():
    host, port = ADDRESS.split(":")
    open_ones = []
    try:
        for _ in range(5000):
            one = socket.create_connection((host, int(port)))
            one.send(b"GET /2018-06-01/runtime/invocation/ne")
            open_ones.append(one)
    except OSError as error:
        print("connections:", len(open_ones), error)
    return open_ones


def garbage():
    host, port = ADDRESS.split(":")
    for text in (b"\0\xff\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n",
                 b"POST /2018-06-01/runtime/invocation/x/response HTTP/1.1\r\n"
                 b"Content-Length: -5\r\n\r\n", b"A" * 200000):
        with socket.create_connection((host, int(port))) as one:
            try:
                one.sendall(text)
                one.settimeout(0.2)
                one.recv(100)
            except OSError:
                pass
    for method, path in (("GET", "invocation/"), ("DELETE", "invocation/next"),
                         ("POST", "invocation/next"), ("POST", "nothing"),
                         ("POST", "invocation//response"),
                         ("POST", "invocation/%00/error")):
        ask(method, RUNTIME + path, b"{" if method == "POST" else None)


def flood(megabytes):
    line = b"x" * 1023 + b"\n"
    for _ in range(megabytes * 1024):
        os.write(1, line)


def work(request, event):
    """What is odd about it."""
    if WAY == "exit":
        os._exit(3)
    elif WAY == "kill":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif WAY == "garble":
        answer(request, b"this is no JSON")
    elif WAY == "other":
        status, _, _ = answer("11111111-1111-4111-8111-111111111111", b"{}")
        print("other:", status)
    elif WAY == "garbage":
        garbage()
    elif WAY == "sleep":
        time.sleep(86400)
    elif WAY == "spin":
        while True:
            pass
    elif WAY == "daemons":
        daemon()
    elif WAY == "connections":
        connect()
    elif WAY == "flood":
        flood(20)
    elif WAY == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        subprocess.Popen(["sh", "-c", "trap '' TERM INT HUP; sleep 86397"])
    elif WAY == "grow":
        kept = []
        while True:
            kept.append(bytearray(b"x" * (8 << 20)))
            time.sleep(0.01)
    elif WAY == "files":
        try:
            kept = [open("/dev/null") for _ in range(100000)]
        except OSError as error:
            print("files:", error)
        kept = None
    elif WAY == "background":
        subprocess.Popen(["sh", "-c", "while sleep 0.01; do echo beat; done"])
    if WAY != "garble":
        result = json.dumps(durable(event)).encode()
        print(f"answers {answer(request, result)[0]}", flush=True)
        if WAY == "twice":
            print("twice:", answer(request, result)[0], flush=True)


def main():
    if WAY == "early":
        sys.exit(5)
    if WAY == "broken":
        sys.stderr.write("SyntaxError: unexpected end of handler.py line 3\n")
        ask("POST", RUNTIME + "init/error", json.dumps(
            {"errorType": "SyntaxError", "errorMessage": "unexpected end",
             "stackTrace": ["handler.py:3"]}))
        sys.exit(1)
    if WAY == "never":
        time.sleep(86400)
    while True:
        _, headers, body = ask("GET", RUNTIME + "invocation/next")
        print("begins", headers["Lambda-Runtime-Aws-Request-Id"], flush=True)
        work(headers["Lambda-Runtime-Aws-Request-Id"], json.loads(body))


main()
