"""HTTPS, what hostile clients get: B59 and B60 where the API is."""

import pytest

from rig.line import Line
from test_http_health import B59, ask, response

SHOAL = {"accounts": 1}
HOST = "Host: example.org"
# What is wrong is said of any host that is ours.
OURS = [text.replace("Host: x", HOST) for text in B59]
API = "/api/v1/session"


@pytest.fixture
def https(connect):
    def make(node="n1"):
        return connect(Line, node, "https", tls=True)
    return make


@pytest.mark.parametrize("i", range(len(OURS)))
def test_b59_smuggling(https, i):
    with https() as c:
        c.send(OURS[i].replace("/health/live", API) +
               "GET /health/live HTTP/1.1\r\n%s\r\n\r\n" % HOST)
        status, headers, _ = response(c)
        assert status == 400 and headers["connection"] == "close"
        assert "HTTP/" not in c.closed()


BODIES = [
    ("Transfer-Encoding: chunked", b"zz\r\n"),
    ("Transfer-Encoding: chunked", b"-1\r\n"),
    ("Transfer-Encoding: chunked", b"2\r\n{}0\r\n\r\n"),
    ("Transfer-Encoding: chunked", b"ffffffffffffffffffff\r\n"),
    ("Transfer-Encoding: gzip", b""),
    ("Transfer-Encoding: chunked, identity", b"0\r\n\r\n"),
    ("Transfer-Encoding: chunked\nTransfer-Encoding: chunked", b"0\r\n\r\n"),
]


@pytest.mark.parametrize("i", range(len(BODIES)))
def test_b59_bodies(https, i):
    """Nothing behind a body that is not understood is taken for a request."""
    framing, body = BODIES[i]
    with https() as c:
        status, headers, _ = ask(
            c, "POST %s HTTP/1.1\n%s\nContent-Type: application/json\n%s" % (
                API, HOST, framing), body)
        assert status in (400, 413, 501) and headers["connection"] == "close"
        c.closed()


def test_b60_limits(https):
    with https() as c:
        assert ask(c, "GET /%s HTTP/1.1\n%s" % ("a" * 8192, HOST))[0] == 414
        c.closed()
    with https() as c:
        assert ask(c, "GET /%s HTTP/1.1\n%s" % ("a" * 8191, HOST))[0] == 404
    with https() as c:
        assert ask(c, "GET %s HTTP/1.1\n%s\nA: %s" % (
            API, HOST, "a" * 16384))[0] == 431
        c.closed()
    with https() as c:
        assert ask(c, "GET %s HTTP/1.1\n%s%s" % (
            API, HOST, "\nA: b" * 100))[0] == 431
        c.closed()
    with https() as c:
        assert ask(c, "GET %s HTTP/1.1\n%s%s" % (
            API, HOST, "\nA: b" * 99))[0] in (401, 404)


def test_slow_request_is_ended(https):
    """10 s from its first byte to its last."""
    with https() as c:
        c.send("POST %s HTTP/1.1\r\n%s\r\nContent-Length: 10\r\n\r\n{" % (
            API, HOST))
        said = c.closed(seconds=25)
        assert said == "" or said.startswith("HTTP/1.1 408 "), said
