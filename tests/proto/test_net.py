"""Connections: PROXY header (B81 to B84), limits, TLS of several nodes."""

import socket
import ssl
import struct
import time

import pytest
from rig.line import Line, Smtp, tls_context
from rig.wait import wait_for
from smtp_common import mailbox, message, split

BALANCER, STRANGER = "127.0.0.9", "127.0.0.8"
WAIT = 5            # seconds
AT_ONCE = WAIT - 1
SHOAL = {
    "settings": {
        "net.proxy_header": "%ds" % WAIT,
        "net.tls_handshake": "%ds" % WAIT,
        "net.exempt": "127.0.0.1",
        "net.connections_per_client": "3",
    },
    "listeners": {p: 'proxy = { "%s" }' % BALANCER
                  for p in ("smtp", "imap", "imaps")},
}
V1 = b"PROXY TCP4 192.0.2.7 192.0.2.1 40000 25\r\n"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v2(command=1, family=0x11, body=None):
    if body is None:
        body = (socket.inet_aton("192.0.2.7") + socket.inet_aton("192.0.2.1") +
                struct.pack(">HH", 40000, 25))
    return SIGNATURE + struct.pack(">BBH", 0x20 | command, family,
                                   len(body)) + body


LOCAL = v2(0, 0, b"")


@pytest.mark.parametrize("header,peer", [
    (V1, "192.0.2.7"),
    (b"PROXY TCP6 2001:db8::7 2001:db8::1 1 2\r\n", "IPv6:2001:db8::7"),
    (v2(), "192.0.2.7"),
    # B83: the connection's own address
    (b"PROXY UNKNOWN\r\n", BALANCER),
    (LOCAL, BALANCER),
    (v2(1, 0, b""), BALANCER),
    (v2(0, 0x11), BALANCER),
])
def test_proxied(smtp, account, ctl, header, peer):
    c = smtp(proxy=header, source=BALANCER)
    c.hello()
    c.deliver(message(), account)
    fields, _ = split(mailbox(ctl, account)[0])
    assert "[%s]" % peer in dict(fields)["Received"]


def test_proxied_tls(imap, account):
    """The header comes before TLS begins, in the same packet or not."""
    for proxy in (V1, v2()):
        imap(account, proxy=proxy, source=BALANCER)


def test_b81_header_from_a_stranger(smtp, cluster):
    for header in (V1, v2(), LOCAL):
        c = smtp(source=STRANGER)
        c.send(header + b"EHLO x\r\n")
        # nothing is answered, as whomsoever
        assert "250" not in c.closed()
    cluster["n1"].wait_log(why="PROXY header where none is taken")


def test_b82_no_header(smtp, cluster):
    began = time.monotonic()
    late = []
    for part in (b"", V1[:20], SIGNATURE, v2()[:-1]):
        late.append(smtp(greeting=False, source=BALANCER))
        late[-1].send(part)
    for c in late:
        assert c.closed() == ""         # no banner
        assert WAIT - 0.1 < time.monotonic() - began < WAIT + 10
    for junk in (b"EHLO x\r\n", b"\x16\x03\x01\x02\x00", b"\r\n\r\nQUIT\n"):
        c = smtp(greeting=False, source=BALANCER)
        c.send(junk)
        assert c.closed(AT_ONCE) == ""


def test_b83_long_headers(smtp):
    for header in (b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n",
                   SIGNATURE + b"\x21\x11\xff\xff" + b"x" * 1000,
                   SIGNATURE + b"\x20\x00\xff\xff"):
        c = smtp(greeting=False, source=BALANCER)
        c.send(header)
        assert c.closed(AT_ONCE) == ""
    # as long as it may be
    smtp(proxy=b"PROXY UNKNOWN " + b"x" * 91 + b"\r\n", source=BALANCER)
    smtp(proxy=v2(0, 0, b"\0" * 4000), source=BALANCER)


def test_b84_second_header(smtp):
    for header in (V1, v2()):
        c = smtp(proxy=LOCAL, source=BALANCER)
        c.send(header + b"EHLO x\r\n")
        assert "250" not in c.closed()


def test_probes_are_not_logged(cluster):
    """Connected and gone: with a header and without, with a banner read."""
    n1 = cluster["n1"]
    accepted = n1.metrics()["shoal_connections_accepted_total"]
    before = len(n1.log())
    for i in range(8):
        for proxy in (b"", LOCAL):
            Smtp(n1.of("smtp"), proxy=proxy, source=BALANCER).close()
            Line(n1.of("imaps"), proxy=proxy, source=BALANCER).close()
        c = Smtp(n1.of("smtp"), proxy=LOCAL, source=BALANCER)
        c.greeting()
        c.close()
    wait_for("all are gone", lambda: (
        n1.metrics()["shoal_connections_accepted_total"] >= accepted + 40 and
        n1.metrics()["shoal_connections_smtp"] == 0), 10)
    # the node has its own to say: that it takes buckets of the queue
    assert [line for line in n1.log()[before:] if {
        "conn", "session", "peer", "listener", "protocol"} & set(line)] == []


def test_limit_of_one_client(smtp, cluster):
    """Over all workers; balancers themselves are nobody's client."""
    n1 = cluster["n1"]
    wait_for("no connections", lambda:
             n1.metrics()["shoal_connections_smtp"] == 0, 10)
    held = [smtp(source=STRANGER) for _ in range(3)]
    for _ in range(4):
        c = smtp(greeting=False, source=STRANGER)
        c.expect_reply(421)
        assert c.closed() == ""
    for _ in range(4):
        held.append(smtp(proxy=LOCAL, source=BALANCER))
    for _ in range(3):
        held.append(smtp(proxy=V1, source=BALANCER))
    c = smtp(greeting=False, proxy=V1, source=BALANCER)
    c.expect_reply(421)
    held[0].close()
    wait_for("room", lambda: answers(n1, STRANGER), 10)


def answers(node, source):
    c = Smtp(node.of("smtp"), source=source)
    code, _ = c.reply()
    c.close()
    return code == 220


def test_handshake_that_does_not_come(connect):
    c = connect(Line, "n1", "imaps")
    began = time.monotonic()
    assert c.closed() == ""
    assert WAIT - 0.1 < time.monotonic() - began < WAIT + 10


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2,
                                     ssl.TLSVersion.TLSv1_3])
def test_tickets_of_all_nodes(cluster, version):
    """What one node has sealed the other opens, and the worker beside it."""
    context = tls_context()
    context.minimum_version = context.maximum_version = version
    session = None
    for i, node in enumerate(("n1", "n2", "n2", "n1", "n1", "n2")):
        with socket.create_connection(cluster[node].of("imaps"), 10) as s, \
                context.wrap_socket(s, session=session,
                                    server_hostname="mail") as tls:
            assert tls.recv(4096).startswith(b"* OK")
            assert tls.session_reused == (i > 0)
            session = tls.session
            # a session that is broken off is not resumed
            tls.unwrap()
