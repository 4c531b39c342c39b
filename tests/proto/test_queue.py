"""The queue: mail of an alias that leads elsewhere, on two nodes.

A host for sink.example listens on an address of loopback of its own, and
nobody does for down.example.
"""

import glob
import json
import os
import re
import time

import pytest

from rig.dnsserver import DnsServer
from rig.ports import ports
from rig.sink import CLOSE
from rig.wait import wait_for
from smtp_common import mailbox

SINK = "127.0.77.25"
DOWN = "127.0.77.26"        # nobody listens there
ZONES = {
    "sink.example": "@ MX 10 mx\nmx A %s\n" % SINK,
    "down.example": "@ MX 10 mx\nmx A %s\n" % DOWN,
    "none.example": "@ MX 0 .\n",
}
DNS = DnsServer(ZONES)
PORT = ports.take(SINK)
SHOAL = {
    "accounts": 12, "workers": 2, "conf": DNS.conf(),
    "settings": {"queue.retry_first": "2", "queue.retry_max": "3",
                 "queue.port": PORT},
}
MESSAGE = "From: a@example.net\nTo: b@example.org\nSubject: %s\n\nhello\n"


@pytest.fixture
def nodes(n1, n2):
    """Both send, and know each other."""
    for node, other in ((n1, n2), (n2, n1)):
        wait_for("%s hears %s" % (node.name, other.name), lambda n=node:
                 n.metrics()["shoal_hints_received_total"] > 0, 30)
    return n1, n2


def known(node, address, smtp):
    """The node's state has the alias: it is taken."""
    def taken():
        # a session ends after some errors
        c = smtp(node)
        c.hello()
        c.cmd("MAIL FROM:<x@example.net>")
        c.send(("RCPT TO:<%s>\r\n" % address).encode())
        try:
            return c.reply()[0] == 250
        finally:
            c.close()
    wait_for("%s knows %s" % (node.name, address), taken, 30)


@pytest.fixture
def forward(ctl, request, nodes, smtp):
    """An address of ours that leads to b@DOMAIN, as both nodes know."""
    def make(domain="sink.example"):
        address = request.node.name[5:].replace("_", "-") + "@example.org"
        ctl.run("alias", "add", address, "b@" + domain)
        for node in nodes:
            known(node, address, smtp)
        return address
    return make


def inbox(ctl, account, n):
    """The n-th message, when it is there."""
    wait_for("message %d of %s" % (n, account),
             lambda: len(mailbox(ctl, account)) >= n, 30)
    return mailbox(ctl, account)[n - 1].decode()


def stays(ctl, account, n, seconds):
    """There are n messages, and there will be no more."""
    time.sleep(seconds)
    assert len(mailbox(ctl, account)) == n


def test_relay(nodes, sink, forward, deliver):
    to = forward()
    deliver(MESSAGE % "relayed", to, node=nodes[0])
    m = sink.wait()
    assert m.recipients == ["b@sink.example"]
    assert m.header("Subject") == ["relayed"]
    assert m.sender.startswith("SRS0=") and m.sender.endswith("@example.org")
    assert m.header("Return-Path") == [] and m.header("Delivered-To") == []


def events(cluster, what):
    found = []
    for name in glob.glob(os.path.join(cluster.share.url, "trace", "*", "*")):
        with open(name) as f:
            # the last line may be being written
            found += [json.loads(line) for line in f if line.endswith("\n")]
    return [e for e in found if e["e"] == what]


def test_trace(cluster, nodes, sink, forward, deliver, account):
    """An event for what was answered the same, with the dialogue."""
    sink.rule("RCPT", "550 5.1.1 nobody")
    deliver(MESSAGE % "traced", forward(), sender=account.address,
            node=nodes[0])
    wait_for("the bounce's event", lambda: any(
        e["rcpt"] == [account.address] for e in events(cluster, "bounce")), 30)
    e = wait_for("the attempt's event", lambda: next(
        (e for e in events(cluster, "relay")
         if e["from"] == account.address), None))
    assert e["rcpt"] == ["b@sink.example"] and e["verdict"] == "failed"
    assert e["code"] == 550 and e["host"] == "mx.sink.example"
    assert "< 550 5.1.1 nobody" in e["log"]
    assert any(x.startswith("> MAIL FROM:<%s>" % account.address)
               for x in e["log"])


def test_trace_of_an_opening(cluster, nodes, sink, forward, deliver, account):
    """What was said, too, where it did not come to MAIL."""
    sink.rule("EHLO", "421 4.3.2 not now", times=1)
    deliver(MESSAGE % "opening", forward(), sender=account.address,
            node=nodes[0])
    e = wait_for("the attempt's event", lambda: next(
        (e for e in events(cluster, "relay") if e["verdict"] == "deferred" and
         e.get("from") == account.address), None), 30)
    assert e["host"] == "mx.sink.example"
    assert any(x.startswith("> EHLO ") for x in e["log"])
    assert e["log"][-1] == "< 421 4.3.2 not now"
    sink.wait()     # nothing is left for the next test


def test_hold_release_and_remove(nodes, sink, forward, deliver, ctl):
    def ids():
        return [m["id"] for m in ctl.json("queue", "list", "--domain",
                                          "sink.example")]
    rule = sink.rule("RCPT", "451 4.7.1 wait")
    to = forward()
    deliver(MESSAGE % "held", to, node=nodes[0])
    wait_for("an attempt", lambda: sink.sessions, 30)
    first = ids()[0]
    ctl.run("queue", "hold", first)
    deliver(MESSAGE % "removed", to, node=nodes[0])
    other = next(i for i in ids() if i != first)
    ctl.run("queue", "remove", other)
    # seen at the next look at a bucket that has messages; until then they
    # are tried every 2 or 3 s
    seen = [rule.used, time.monotonic()]

    def quiet():
        if rule.used != seen[0]:
            seen[:] = rule.used, time.monotonic()
        return time.monotonic() - seen[1] > 9
    wait_for("the end of attempts", quiet, 60)
    sink.clear()
    time.sleep(5)
    assert not sink.messages and ids() == [first]
    ctl.run("queue", "release", first)
    assert sink.wait().header("Subject") == ["held"]
    wait_for("an empty queue", lambda: not ids(), 30)


def test_deferred_then_taken(nodes, sink, forward, deliver):
    sink.rule("RCPT", "451 4.7.1 come back", times=2)
    began = time.monotonic()
    deliver(MESSAGE % "deferred", forward(), node=nodes[0])
    sink.wait(seconds=60)
    assert time.monotonic() - began > 3
    assert len(sink.messages) == 1


def test_failed_is_told_once(nodes, sink, forward, deliver, account, ctl):
    sink.rule("RCPT", "550 5.1.1 nobody")
    to = forward()
    deliver(MESSAGE % "failed", to, sender=account.address, node=nodes[1])
    dsn = inbox(ctl, account, 1)
    assert "Final-Recipient: rfc822; " + to in dsn
    assert "Action: failed" in dsn and "Status: 5.1.1" in dsn
    assert "Diagnostic-Code: smtp; 550 5.1.1 nobody" in dsn
    assert "Subject: failed" in dsn
    assert "Return-Path: <>" in dsn
    stays(ctl, account, 1, 5)


def test_null_sender_is_dropped(nodes, sink, forward, deliver):
    sink.rule("RCPT", "550 5.1.1 nobody")
    deliver(MESSAGE % "bounce", forward(), sender="", node=nodes[0])

    def dropped():
        return [x for n in nodes for x in n.log(event="bounce dropped")]
    wait_for("a dropped bounce", dropped, 30)
    assert len(dropped()) == 1


def test_null_mx(nodes, forward, deliver, account, ctl):
    deliver(MESSAGE % "nowhere", forward("none.example"), sender=account.address,
            node=nodes[0])
    assert "Status: 5.1.10" in inbox(ctl, account, 1)


def test_delay_is_told(nodes, forward, deliver, account, ctl):
    ctl.run("settings", "set", "queue.delay_notice", "4")
    try:
        deliver(MESSAGE % "late", forward("down.example"),
                sender=account.address, node=nodes[0])
        dsn = inbox(ctl, account, 1)
        assert "Action: delayed" in dsn and "Will-Retry-Until: " in dsn
        stays(ctl, account, 1, 8)
    finally:
        ctl.run("settings", "set", "queue.delay_notice")


def test_break_in_the_middle_comes_again(nodes, sink, forward, deliver):
    sink.rule("END", CLOSE, times=1)
    deliver(MESSAGE % "twice", forward(), node=nodes[0])
    sink.wait(seconds=60)
    assert len(sink.tried) == 2


def holders(nodes):
    """Which node took each bucket last."""
    lines = sorted((x for n in nodes
                    for x in n.log(event="queue bucket (taken|handed back)")),
                   key=lambda x: x["token"])
    held = {}
    for x in lines:
        if x["event"] == "queue bucket taken":
            held[x["bucket"]] = x["node"]
        elif held.get(x["bucket"]) == x["node"]:
            held.pop(x["bucket"])
    return held


def test_drain_hands_over(nodes, sink, forward, deliver, ctl):
    n1, n2 = nodes
    sink.rule("RCPT", "451 4.7.1 wait")
    to = forward()
    for i in range(4):
        deliver(MESSAGE % i, to, node=n1)
    wait_for("attempts", lambda: n1.log(event="deferred", rcpt="b@sink.example"),
             30)
    ctl.run("node", "drain", "n1")
    try:
        n1.wait_log(30, event="queue bucket handed back")
        began = time.monotonic()
        wait_for("n2 has all buckets", lambda: set(
            holders(nodes).values()) == {"n2"}, 30)
        # a node that does not answer any more is waited for for 30 s
        assert time.monotonic() - began < 20
        sink.clear()
        sink.wait(4, 30)
    finally:
        ctl.run("node", "resume", "n1")
    time.sleep(1)
    assert len(sink.messages) == 4


def test_stop_waits_for_the_answer(nodes, sink, forward, deliver):
    """A host takes its time: what it has taken is not sent again."""
    to, taken = forward(), []

    def late(session, line):
        taken.append(time.monotonic())
        time.sleep(16)
        return None
    sink.rule("END", late)
    deliver(MESSAGE % "late", to, node=nodes[0])
    wait_for("the dot", lambda: taken, 30)
    for node in nodes:      # one of them sends it
        node.stop(40)
    assert time.monotonic() - taken[0] > 15
    for node in nodes:
        node.start()
    time.sleep(8)
    assert len(taken) == len(sink.messages) == 1


def test_killed_holder(nodes, sink, forward, deliver):
    """Who was at one of them dies; the other node takes its buckets over."""
    def tries(node):
        return len(node.log(event="deferred", rcpt="b@sink.example"))
    sink.rule("RCPT", "451 4.7.1 wait")
    to, before = forward(), {n: tries(n) for n in nodes}
    for i in range(4):
        deliver(MESSAGE % ("k%d" % i), to, node=nodes[0])
    holder = wait_for("an attempt", lambda: next(
        (n for n in nodes if tries(n) > before[n]), None), 60)
    holder.kill()
    sink.clear()
    wait_for("all messages", lambda: {"k%d" % i for i in range(4)} <= {
        m.header("Subject")[0] for m in sink.messages}, 90)
    holder.start()
