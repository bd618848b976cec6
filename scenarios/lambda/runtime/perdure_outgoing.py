# Leads what a function asks of others over HTTP to perdure, as to a proxy: by
# http.client, and by what is built on it, as urllib, requests and botocore. A
# request of https comes there without TLS. PERDURE_OUTGOING names the origins,
# * for any characters; without it everything goes its way.
import http.client
import os
import re
import socket
import types

ADDRESS = os.environ["AWS_LAMBDA_RUNTIME_API"]
PATTERNS = [
    re.compile(".*".join(map(re.escape, glob.split("*"))))
    for glob in os.environ.get("PERDURE_OUTGOING", "").split()]
HTTPS = http.client.HTTPSConnection.default_port

real = types.SimpleNamespace(
    connect=http.client.HTTPConnection.connect,
    connect_tls=http.client.HTTPSConnection.connect,
    putrequest=http.client.HTTPConnection.putrequest,
)


def origin_of(connection):
    host, port = connection.host, connection.port
    if getattr(connection, "_tunnel_host", None):
        host, port = connection._tunnel_host, connection._tunnel_port
    if ":" in host and host[0] != "[":
        host = f"[{host}]"
    scheme = "https" if connection.default_port == HTTPS else "http"
    tail = "" if port in (None, connection.default_port) else f":{port}"
    return f"{scheme}://{host.lower()}{tail}"


def is_ours(connection):
    """Whether its requests go to perdure, or are led there."""
    origin = origin_of(connection)
    return origin == f"http://{ADDRESS}" or is_led(origin)


def is_led(origin):
    return origin != f"http://{ADDRESS}" and any(
        pattern.fullmatch(origin) for pattern in PATTERNS)


def leading(connect):
    def lead(self):
        if not is_led(origin_of(self)):
            return connect(self)
        host, port = ADDRESS.split(":")
        self.sock = socket.create_connection((host, int(port)))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.is_verified = True  # urllib3 would warn otherwise
        return None
    return lead


def putrequest(self, method, url, *given, **named):
    origin = origin_of(self)
    if is_led(origin) and url.startswith("/"):
        url = origin + url
    return real.putrequest(self, method, url, *given, **named)


def lead_subclass(cls, **named):
    super(http.client.HTTPConnection, cls).__init_subclass__(**named)
    if "connect" in vars(cls):
        cls.connect = leading(cls.connect)


def lead_all():
    if not PATTERNS:
        return
    plain, tls = http.client.HTTPConnection, http.client.HTTPSConnection
    plain.connect = leading(real.connect)
    tls.connect = leading(real.connect_tls)
    plain.putrequest = putrequest
    plain.__init_subclass__ = classmethod(lead_subclass)
