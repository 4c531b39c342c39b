"""Mail through two nodes on a real NFS server."""

import re
import statistics
import time

import pytest

from rig.nfscluster import NfsCluster, calls, idle_calls
from traffic import Sender, digest, mark, read_all, send_all, settle

MESSAGES = 1000
# What the barrier profile adds to a commit: create, write and remove a file.
BARRIER = 3
STORES = 6
# Barrier files are made and removed many at a time.
BATCH = 32
# Of a command: polls and checkpoints that fall into the same time.
SLACK = 0.5


@pytest.fixture(scope="module")
def mail(build):
    with NfsCluster(build, accounts=30, proxied=False) as c:
        yield c.start(balancer=False)


def test_thousand_messages(mail, capsys):
    """In through both nodes at once, read through the other one."""
    accounts = [mail.share.take() for _ in range(20)]
    began = time.monotonic()
    senders = [Sender("s%d%d" % (i, k), lambda n=node: mail.smtp(n), accounts,
                      MESSAGES // 4)
               for i, node in enumerate(mail.nodes) for k in range(2)]
    send_all(senders)
    took = time.monotonic() - began
    boxes = {}
    for a in accounts:
        views = []
        for node in mail.nodes:
            with mail.imap(node, a) as i:
                views.append(read_all(i))
        assert views[0] == views[1], "the nodes disagree about %s" % a
        boxes[a.address] = views[1]
    assert sum(map(len, boxes.values())) == MESSAGES
    assert settle(senders, boxes) == 0
    # each sender's messages were read through the node they did not come by
    via = {s.who: set() for s in senders}
    for box in boxes.values():
        for data in box.values():
            by = re.search(rb"\bby (n\d)\.example\.org", data)[1].decode()
            via[mark(data).split("-")[0]].add(by)
    assert {w: v for w, v in via.items()} == {
        "s00": {"n1"}, "s01": {"n1"}, "s10": {"n2"}, "s11": {"n2"}}
    with capsys.disabled():
        print("\n1,000 messages through two nodes: %.1f s, %.0f a second" % (
            took, MESSAGES / took))


def idle_latency(mail, account, count=20):
    """Milliseconds from 250 at n2 to EXISTS in IDLE at n1."""
    with mail.imap(mail.n1, account) as idler, mail.smtp(mail.n2) as smtp:
        idler.idle()
        found = []
        for n in range(count):
            smtp.deliver("Subject: %d\n\nx\n" % n, account.address)
            at = time.monotonic()
            idler.until(r"\* %d EXISTS" % (n + 1), seconds=30)
            found.append(1000 * (time.monotonic() - at))
        idler.done()
    return found


def test_idle_sees_the_other_node(mail, capsys):
    """With hints at once, without them by polling."""
    ms = idle_latency(mail, mail.share.take())
    with capsys.disabled():
        print("\nIDLE across nodes with hints: median %.0f ms, worst %.0f ms"
              % (statistics.median(ms), max(ms)))
    # what is found by polling takes FOLLOW_FAST_MS and more
    assert statistics.median(ms) < 1500


def test_flags_and_expunge_across_nodes(mail):
    account = mail.share.take()
    with mail.smtp(mail.n1) as s:
        for n in range(3):
            s.deliver("Subject: %d\n\nx\n" % n, account.address)
    with mail.imap(mail.n1, account) as a, mail.imap(mail.n2, account) as b:
        a.idle()
        b.cmd("STORE 2 +FLAGS (\\Deleted $Mine)")
        m = a.until(r"\* 2 FETCH \((.*)\)")
        assert b"\\Deleted" in m[1] and b"$Mine" in m[1]
        b.cmd("EXPUNGE")
        a.until(r"\* 2 EXPUNGE")
        a.done()
        assert a.uids() == b.uids() == [1, 3]


class Counted:
    """Share calls of a node meanwhile, less what it does when idle."""

    def __init__(self, node, rate):
        self.node, self.rate = node, rate

    def __enter__(self):
        self.before, self.began = calls(self.node), time.monotonic()
        return self

    def __exit__(self, *exc):
        seconds = time.monotonic() - self.began
        self.calls = calls(self.node) - self.before - self.rate * seconds


@pytest.fixture(scope="module")
def rate(mail):
    """Calls a second of n1 that nobody uses."""
    return idle_calls(mail.n1, 20)


def test_idle_node(mail, rate, capsys):
    """Section 12: one a second, and 0.2 for each other node."""
    with capsys.disabled():
        print("\nan idle node of two: %.2f share calls a second" % rate)
    assert rate <= 1.2


def test_calls_of_deliveries(mail, rate, capsys):
    """5 for one recipient (create, write, symlink, verify x2) and the barrier;
    a checkpoint now and then."""
    account, count = mail.share.take(), 90
    with mail.smtp(mail.n1) as s:
        s.deliver("Subject: first\n\nx\n", account.address)
        with Counted(mail.n1, rate) as c:
            for n in range(count):
                s.deliver("Subject: %d\n\nx\n" % n, account.address)
    with capsys.disabled():
        print("\na delivery: %.2f share calls" % (c.calls / count))
    assert c.calls <= (5 + BARRIER + SLACK) * count + BATCH


def test_calls_of_reading(mail, rate, capsys):
    account = mail.share.take()
    with mail.smtp(mail.n1) as s:
        for n in range(20):
            s.deliver("Subject: %d\n\nx\n" % n, account.address)
    count = 50
    with mail.imap(mail.n1, account) as i:
        with Counted(mail.n1, rate) as select:
            for _ in range(count):
                i.cmd("SELECT INBOX")
        # over several times that barrier files are made
        with Counted(mail.n1, rate) as store:
            for n in range(count * STORES):
                i.cmd("STORE 1:* %sFLAGS (\\Flagged)" % "+-"[n % 2])
        store.calls /= STORES
        i.cmd("FETCH 1:* (ENVELOPE)")
        with Counted(mail.n1, rate) as envelope:
            for _ in range(count):
                i.cmd("FETCH 1:* (ENVELOPE)")
        with Counted(mail.n1, rate) as body:
            for n in range(count):
                i.cmd("FETCH %d (BODY.PEEK[])" % (n % 20 + 1))
    found = {"SELECT cached": select, "STORE": store,
             "FETCH envelopes": envelope, "FETCH body": body}
    with capsys.disabled():
        print("\n" + ", ".join("%s %.2f" % (k, v.calls / count)
                               for k, v in found.items()) + " share calls")
    for name, limit in (("SELECT cached", 1), ("STORE", 3 + BARRIER),
                        ("FETCH envelopes", 2), ("FETCH body", 2)):
        assert found[name].calls / count <= limit + SLACK, name


@pytest.mark.full
def test_idle_without_hints(mail, capsys):
    """Two nodes that have no address for hints find it by polling."""
    for n in mail.nodes:
        n.stop()
        n.hints = False
        n.start()
    ms = idle_latency(mail, mail.share.take(), count=4)
    with capsys.disabled():
        print("\nIDLE across nodes without hints: median %.0f ms, worst "
              "%.0f ms" % (statistics.median(ms), max(ms)))
    # FOLLOW_BLIND_MS and a fifth, the look itself, and a busy machine; who
    # waits for a hint looks every FOLLOW_SLOW_MS
    assert max(ms) < 15000


@pytest.mark.full
def test_large_message(mail):
    """30 MB: in through one node, out through the other."""
    account = mail.share.take()
    data = b"From: a@example.net\r\nX-Test: large-1\r\n\r\n" + \
        (b"0123456789abcdef" * 4 + b"\r\n") * 480000
    with mail.smtp(mail.n1, seconds=120) as s:
        s.deliver(data, account.address)
    with mail.imap(mail.n2, account, seconds=120) as i:
        (got,) = read_all(i).values()
    assert digest(got) == digest(data)
