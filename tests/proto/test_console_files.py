"""The console's files over HTTPS: what is there, and nothing else (B65)."""

import gzip
import re

import pytest

from rig.line import Line

SHOAL = {"accounts": 1, "settings": {"client.host": "mail.example.org"}}
HOST = "mail.example.org"
FIRST_PAGE = 150000                     # bytes, with what it needs
POLICY = {"default-src": "'none'", "script-src": "'self'",
          "style-src": "'self'", "img-src": "'self' data:",
          "connect-src": "'self'", "font-src": "'self'",
          "form-action": "'self'", "base-uri": "'none'",
          "frame-ancestors": "'none'"}


@pytest.fixture
def open_https(connect):
    return lambda: connect(Line, "n1", "https", tls=True)


@pytest.fixture
def https(open_https):
    with open_https() as c:
        yield c


def get(c, path, method="GET", **headers):
    """(status, {header: value}, bytes on the wire)"""
    lines = "".join("%s: %s\r\n" % (k.replace("_", "-"), v)
                    for k, v in headers.items())
    c.send("%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n" % (method, path, HOST, lines))
    status = int(c.expect(r"HTTP/1\.1 (\d{3}) ")[1])
    got = {}
    while True:
        line = c.line()
        if not line:
            break
        name, _, value = line.partition(": ")
        assert name.lower() not in got, line
        got[name.lower()] = value
    n = 0 if method == "HEAD" else int(got.get("content-length", 0))
    return status, got, c.read(n) if n else b""


@pytest.fixture
def index(https):
    status, headers, body = get(https, "/")
    assert status == 200
    if b"without the web console" in body:
        pytest.skip("configured --without-console")
    return headers, body.decode()


def links(page):
    return re.findall(r'(?:href|src)="(/console/[^"]+)"', page)


def test_index(https, index):
    headers, page = index
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["cache-control"] == "no-cache"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "max-age=" in headers["strict-transport-security"]
    assert "camera=()" in headers["permissions-policy"]
    assert dict(p.strip().split(" ", 1) for p in
                headers["content-security-policy"].split(";")) == POLICY
    # the console's router decides what these show
    for path in ("/domains", "/accounts/u0@example.org", "/invite",
                 "/domains/example.org/dns?x=y"):
        status, _, body = get(https, path)
        assert status == 200 and body.decode() == page, path
    assert get(https, "/", "POST")[0] == 405


def test_files(https, index):
    page = index[1]
    sent = 0
    for path in links(page):
        status, headers, packed = get(https, path, Accept_Encoding="gzip")
        assert status == 200, path
        assert headers["content-encoding"] == "gzip"
        assert headers["vary"] == "Accept-Encoding"
        assert "immutable" in headers["cache-control"]
        assert "content-security-policy" in headers
        sent += len(packed)
        status, plain, body = get(https, path)
        assert status == 200 and "content-encoding" not in plain
        assert gzip.decompress(packed) == body, path
        assert plain["etag"] == headers["etag"]
        status, _, body = get(https, path, If_None_Match=plain["etag"])
        assert status == 304 and body == b"", path
        status, head, _ = get(https, path, "HEAD")
        assert status == 200 and head["content-length"] == \
            plain["content-length"]
    assert len(links(page)) > 10
    assert sent + len(page) < FIRST_PAGE, sent


def test_nothing_else(https, index, open_https):
    """B65: a path leads to what bears it to the letter, or nowhere."""
    script = next(p for p in links(index[1]) if p.endswith("/app.js"))
    folder = script.rsplit("/", 1)[0]
    for path in ("/console/", "/console", folder, folder + "/",
                 folder + "/../" + script.split("/")[2] + "/app.js",
                 folder + "/%2e%2e/app.js", folder + "/lib/..%2fapp.js",
                 folder + "/lib/..%5capp.js", folder + "//app.js",
                 folder + "/.//app.js", folder + "/App.js", script + "/",
                 script + ".gz", script + "%20", script + ";x",
                 folder + "/server/main.c", "/console/0/app.js",
                 "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
                 "/domains/../../etc/passwd", "/domains/%2e%2e/x",
                 "/.git/config", "/shoal.conf", "/favicon.ico", "/Domains",
                 "/domainsx"):
        assert get(https, path)[0] == 404, path
    for path in (script + "%00", "/domains/%00", script + "%0a"):
        with open_https() as c:
            assert get(c, path)[0] in (400, 404), path


def test_not_for_other_hosts(https):
    https.send("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")
    assert https.expect(r"HTTP/1\.1 (\d{3}) ")[1] == "421"
