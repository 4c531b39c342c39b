"""HTTP: health, metrics, agent-check; what hostile clients get (B59, B60)."""

import re
import time
from contextlib import ExitStack

import pytest

from rig.line import Line
from rig.wait import wait_for

SHOAL = {"accounts": 2}


@pytest.fixture(scope="module", autouse=True)
def slow(cluster):
    """Half a request, while the other tests run."""
    with Line(cluster["n1"].of("health")) as c:
        c.send("GET / HTTP/1.1\r\nHost")
        yield c


@pytest.fixture
def http(connect):
    def make(node="n1"):
        return connect(Line, node, "health")
    return make


def response(c):
    """(status, {header: value}, body) of the next one."""
    status = int(c.expect(r"HTTP/1\.1 (\d{3}) ")[1])
    headers = {}
    while True:
        line = c.line()
        if not line:
            break
        name, _, value = line.partition(": ")
        headers[name.lower()] = value
    n = int(headers.get("content-length", 0))
    return status, headers, c.read(n).decode()


LIVE = "GET /health/live HTTP/1.1\nHost: x"


def ask(c, head, body=b""):
    c.send(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
    return response(c)


def test_health(http):
    with http() as c:
        for path, said in (("/health/live", "live\n"),
                           ("/health/ready", "ready\n")):
            status, headers, body = ask(c, "GET %s HTTP/1.1\nHost: x" % path)
            assert (status, body) == (200, said)
            assert headers["cache-control"] == "no-store"
            assert "connection" not in headers
        assert ask(c, "GET /nothing HTTP/1.1\nHost: x")[0] == 404
        status, headers, _ = ask(c, "DELETE /metrics HTTP/1.1\nHost: x")
        assert status == 405 and headers["allow"] == "GET, HEAD"
        # HAProxy's httpchk
        status, headers, _ = ask(c, "GET /health/ready HTTP/1.0")
        assert status == 200 and headers["connection"] == "close"
        assert c.closed() == ""


def test_head(http):
    with http() as c:
        c.send("HEAD /health/ready HTTP/1.1\r\nHost: x\r\n\r\n"
               "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n")
        c.expect(r"HTTP/1\.1 200 ")
        assert re.search("Content-Length: 6\r\n",
                         c.read(c.buffer.index(b"\r\n\r\n") + 4).decode())
        assert response(c)[0] == 404


def test_metrics(n1):
    status, text = n1.http("/metrics")
    assert status == 200
    helped, typed, seen = set(), {}, set()
    for line in text.splitlines():
        m = re.match(r"# (HELP|TYPE) ([a-z0-9_]+) (.+)$", line)
        if m and m[1] == "HELP":
            helped.add(m[2])
        elif m:
            typed[m[2]] = m[3]
        else:
            m = re.match(r"([a-z0-9_]+)(\{.*\})? (-?[0-9.e+]+)$", line)
            assert m, line
            assert typed[m[1]] in ("gauge", "counter") and m[1] in helped
            assert m[1] not in seen
            seen.add(m[1])
            if typed[m[1]] == "counter":
                assert m[1].endswith("_total"), m[1]
    values = n1.metrics()
    assert values["shoal_ready"] == 1 and values["shoal_draining"] == 0
    assert 0 <= values["shoal_lease_age_seconds"] < 15
    assert values["shoal_state_entry"] > 0
    assert values["shoal_certificate_self_signed"] == 1
    assert values["shoal_certificate_expiry_timestamp_seconds"] > 1e9
    assert 'shoal_info{node="n1",version=' in text
    assert n1.metrics()["shoal_connections_accepted_total"] > \
        values["shoal_connections_accepted_total"]


def test_agent(connect, n1):
    m = re.match(r"up ready (\d+)%\n$", agent_says(connect, n1))
    assert 10 <= int(m[1]) <= 100


def agent_says(connect, node):
    """All of it; it closes by itself."""
    with connect(Line, node, "agent") as c:
        return c.closed()


def test_drain_and_resume(cluster, connect, http):
    """An order of the state: not ready, but who comes is served."""
    node = cluster["n2"]
    cluster.ctl.run("node", "drain", "n2")
    wait_for("the drain", lambda: agent_says(connect, node) == "up drain\n")
    with http("n2") as c:
        status, _, body = ask(c, "GET /health/ready HTTP/1.1\nHost: x")
        assert (status, body) == (503, "draining\n")
    with http("n2") as c:
        assert ask(c, "GET /health/live HTTP/1.1\nHost: x")[0] == 200
    rows = wait_for("node list says so", lambda: [
        r for r in cluster.ctl.json("node", "list")
        if r["node"] == "n2" and r["ready"] == "draining"])
    assert len(rows) == 1 and rows[0]["order"] == "drain"
    assert rows[0]["version"] and rows[0]["nfs_us"] >= 0
    assert rows[0]["certificate"] == "self-signed" and rows[0]["expires"]
    cluster.ctl.run("node", "resume", "n2")
    wait_for("it is ready", lambda: node.http("/health/ready")[0] == 200)
    assert agent_says(connect, node).startswith("up ready ")


def test_drain_breaks_no_request(cluster, http):
    """Who was connected is answered once more and told that it is the last;
    who says nothing is closed, soon."""
    node = cluster["n2"]
    with ExitStack() as stack:
        silent, *speak = [stack.enter_context(http("n2")) for _ in range(9)]
        assert ask(silent, LIVE)[0] == 200
        order = cluster.ctl.popen("node", "drain", "n2")
        until = time.monotonic() + 60
        # without a pause: who is idle for 3 s then is closed
        while speak:
            assert time.monotonic() < until, "it does not drain"
            for c in list(speak):
                status, headers, _ = ask(c, LIVE)
                assert status == 200
                if headers.get("connection") == "close":
                    assert c.closed() == ""
                    speak.remove(c)
        assert silent.closed() == ""
        order.communicate(timeout=60)
        assert order.returncode == 0
    cluster.ctl.run("node", "resume", "n2")
    wait_for("it is ready", lambda: node.http("/health/ready")[0] == 200)


def test_probes_are_not_logged(connect, n1):
    before = len(n1.log())
    for _ in range(3):
        n1.http("/health/ready")
        agent_says(connect, n1)
        connect(Line, "n1", "health").close()
        connect(Line, "n1", "smtp").close()
    n1.http("/metrics")
    said = n1.log()
    assert not [line for line in said
                if "health" in str(line.get("protocol", "")) or
                line.get("event") == "http"]
    assert not [line for line in said[before:]
                if line["level"] in ("warn", "error")]


G = "GET /health/live HTTP/1.1\r\n"
B59 = [
    G + "Host: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    G + "Host: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    G + "Host: x\r\nContent-Length: 3, 3\r\n\r\nabc",
    G + "Host: x\r\nContent-Length: -1\r\n\r\n",
    G + "Host: x\r\nA: b\r\n c\r\n\r\n",
    G + "Host: x\r\nA : b\r\n\r\n",
    G + "Host: x\r\nA: b\nC: d\r\n\r\n",
    G + "Host: x\r\nA: b\rC: d\r\n\r\n",
    G + "Host: x\r\nHost: y\r\n\r\n",
    G + "\r\n",
    "GET /health/live HTTP/1.1\nHost: x\n\n",
    G + "Host: x\r\nA: b\0\r\n\r\n",
    "GET  /health/live HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET ../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
]


@pytest.mark.parametrize("i", range(len(B59)))
def test_b59_smuggling(http, i):
    with http() as c:
        c.send(B59[i] + "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        status, headers, _ = response(c)
        assert status == 400 and headers["connection"] == "close"
        assert "HTTP/" not in c.closed()


def test_b59_bodies(http):
    """Nothing here takes one."""
    with http() as c:
        assert ask(c, "POST /metrics HTTP/1.1\nHost: x\nContent-Length: 5",
                   b"12345")[0] == 413
        c.closed()
    with http() as c:
        assert ask(c, "POST /metrics HTTP/1.1\nHost: x\n"
                   "Transfer-Encoding: chunked", b"zz\r\n")[0] == 400
        c.closed()
    with http() as c:
        assert ask(c, "POST /metrics HTTP/1.1\nHost: x\n"
                   "Transfer-Encoding: chunked", b"0\r\n\r\n")[0] == 405
        assert ask(c, "GET /health/live HTTP/1.1\nHost: x")[0] == 200


def test_b60_limits(http):
    with http() as c:
        assert ask(c, "GET /%s HTTP/1.1\nHost: x" % ("a" * 8192))[0] == 414
        c.closed()
    with http() as c:
        assert ask(c, "GET /%s HTTP/1.1\nHost: x" % ("a" * 8191))[0] == 404
    with http() as c:
        assert ask(c, "GET / HTTP/1.1\nHost: x\nA: " + "a" * 16384)[0] == 431
        c.closed()
    with http() as c:
        assert ask(c, "GET / HTTP/1.1\nHost: x" + "\nA: b" * 100)[0] == 431
        c.closed()
    with http() as c:
        assert ask(c, "GET / HTTP/1.1\nHost: x" + "\nA: b" * 99)[0] == 404
    with http() as c:
        c.send("x" * 9000)
        assert response(c)[0] == 414
        c.closed()


def test_other_versions(http):
    with http() as c:
        assert ask(c, "GET / HTTP/2.0\nHost: x")[0] == 505
        c.closed()
    with http() as c:
        c.send(b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"\n")
        assert response(c)[0] == 400
        c.closed()


def test_slow_request_is_ended(slow):
    """10 s from its first byte to its last."""
    assert slow.closed(seconds=25) == ""
