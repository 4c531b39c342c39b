"""Hints between two nodes on loopback: what they save, and what is ignored."""

import hashlib
import hmac
import os
import re
import socket
import struct
import time

import pytest

from rig.wait import quickest, wait_for

SHOAL = {
    "accounts": 8, "workers": 2,
    # pop3 is for clients that a balancer tells of
    "listeners": {"pop3": 'proxy = { "127.0.0.1" }'},
    "settings": {"auth.allow_plaintext": "yes", "auth.failure_delay": "0",
                 "auth.failures_max": "20"},
}

MESSAGE = "From: a@example.net\nTo: b@example.org\nSubject: %s\n\nhello\n"


def derived(local, label):
    """clusterkey_derive: HKDF-SHA256 without salt, the label as info."""
    with open(os.path.join(local, "cluster.key")) as f:
        key = bytes.fromhex(re.search(r"^key (\w+)", f.read(), re.M)[1])
    prk = hmac.digest(bytes(32), key, "sha256")
    return hmac.digest(prk, label.encode() + b"\1", "sha256")


def datagram(key, items, node=b"\x11" * 8, session=b"\x22" * 8, counter=1):
    """server/cluster/hints_wire.h draws it."""
    d = b"SHH1" + node + session + struct.pack("<Q", counter)
    for kind, body in items:
        d += kind + bytes([len(body)]) + body
    return d + hmac.new(key, d, hashlib.sha256).digest()[:16]


def failures(number, points=255):
    return b"f", struct.pack("<QB", number, points)


@pytest.fixture
def throw():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        yield lambda node, d: s.sendto(d, ("127.0.0.1", node.ports["hints"]))


def heard(node):
    m = node.metrics()
    return int(m["shoal_hints_received_total"]), int(m["shoal_hints_bad_total"])


def both_work(n1, n2):
    """Each has heard the other."""
    wait_for("hints between the nodes",
             lambda: heard(n1)[0] > 0 and heard(n2)[0] > 0)


def test_idle_sees_other_node_at_once(n1, n2, account, imap, smtp):
    both_work(n1, n2)
    watching = imap(account, tls=False, node="n2")
    watching.cmd("SELECT INBOX")
    watching.idle()
    sender = smtp(node="n1")
    sender.hello()
    delays = []

    def at_once():
        """Of five most.  What is sent after a poll waits for the next, 2 s or
        more: at most the first may be lucky."""
        for _ in range(5):
            sender.deliver(MESSAGE % len(delays), account.address)
            began = time.monotonic()
            watching.until(r"\* %d EXISTS" % (len(delays) + 1))
            delays.append(time.monotonic() - began)
        return sorted(delays[-5:])[2] < 1.5

    wait_for("messages that are seen at once", at_once, 60)
    watching.done()


def test_flags_reach_the_other_node(n1, n2, account, imap):
    """What a session does at one node, one in IDLE at the other sees."""
    both_work(n1, n2)
    first, second = imap(account, tls=False, node="n1"), imap(account, tls=False, node="n2")
    first.append("INBOX", MESSAGE % "flags")
    for s in first, second:
        s.cmd("SELECT INBOX")
    second.idle()

    def seen():
        first.cmd("STORE 1 +FLAGS (\\Flagged)")
        second.until(r"\* 1 FETCH .*\\Flagged")
        first.cmd("STORE 1 -FLAGS (\\Flagged)")
        second.until(r"\* 1 FETCH \((?!.*\\Flagged)")

    # two polls take 2 s at least
    assert quickest(seen, 1.9, 10)
    second.done()


def test_forged_and_damaged_are_ignored(n1, n2, throw):
    both_work(n1, n2)
    received, bad = heard(n1)
    key = derived(n1.local, "shoal hints")
    good = datagram(key, [failures(1)])
    wrong = [
        b"", b"x", good[:-1], good + b"\0", b"SHH2" + good[4:],
        datagram(bytes(32), [failures(1)]),
        good[:30] + b"\xff" + good[31:],
        os.urandom(1200), os.urandom(1400),
    ]
    for d in wrong:
        throw(n1, d)
    wait_for("all refused", lambda: heard(n1)[1] >= bad + len(wrong))
    assert n1.http("/health/ready")[0] == 200


def account_key(ctl, address):
    """counts_key("auth.account", id), what failures of an account score by."""
    account = ctl.json("account", "show", address)["id"]
    d = hashlib.sha256(b"auth.account\0" + account.encode()).digest()
    return struct.unpack("<Q", d[:8])[0]


def lease_of(n):
    """Id of the node and the first bytes of its lease's session."""
    with open(os.path.join(n.local, "node")) as f:
        node = re.search(r"^id (\w+)", f.read(), re.M)[1]
    log = os.path.join(n.share.url, "nodes", node, "log")
    entry = os.readlink(os.path.join(log, max(os.listdir(log))))
    session = re.search("L,[anr],%s,(\\w+)," % node, entry)[1]
    return bytes.fromhex(node), bytes.fromhex(session)[:8]


@pytest.fixture
def login(pop3):
    """login(account, from): whether it may."""
    def of(account, source):
        c = pop3(tls=False, proxy=b"PROXY TCP4 %s 127.0.0.1 1000 110\r\n" %
                 source.encode())
        c.cmd("USER " + account.address)
        c.send("PASS %s\r\n" % account.password)
        return c.line().startswith("+OK")
    return of


HERE, THERE = "192.0.2.1", "198.51.100.1"


def test_failures_of_unknown_sessions_do_not_count(n1, n2, ctl, account, throw,
                                                   login):
    """Recorded, and played again when its sender has another session, or by
    a node that is none: nobody is locked out."""
    both_work(n1, n2)
    key, (node, _) = derived(n1.local, "shoal hints"), lease_of(n2)
    points = [failures(account_key(ctl, account.address))]
    received = heard(n1)[0]
    for counter in range(1, 6):
        throw(n1, datagram(key, points, node=node, counter=counter))
        throw(n1, datagram(key, points, counter=counter))
    wait_for("they have come", lambda: heard(n1)[0] >= received + 10)
    assert login(account, HERE)


def test_failures_of_nodes_count_once(n1, n2, ctl, account, throw, login):
    both_work(n1, n2)
    key, (node, session) = derived(n1.local, "shoal hints"), lease_of(n2)
    points = [failures(account_key(ctl, account.address), 13)]
    once = datagram(key, points, node, session, 2 ** 40)
    bad = heard(n1)[1]
    for _ in range(5):
        throw(n1, once)
    wait_for("replays refused", lambda: heard(n1)[1] >= bad + 4)
    assert login(account, HERE)
    # together they are too many: but not for whom it is used from
    received = heard(n1)[0]
    throw(n1, datagram(key, points, node, session, 2 ** 40 + 1))
    wait_for("it has come", lambda: heard(n1)[0] > received)
    assert not login(account, THERE)
    assert login(account, HERE)
    # n2's own counter is far behind now: only a new session is heard again
    n2.restart()


def test_account_of_unknown_sender_is_looked_at(n1, n2, account, imap, throw):
    """A hint costs a look at most; items of a newer version are skipped."""
    both_work(n1, n2)
    key = derived(n1.local, "shoal hints")
    session = imap(account, tls=False, node="n1")
    session.cmd("SELECT INBOX")
    session.idle()
    account_id = b"a" * 20
    throw(n1, datagram(key, [
        (b"?", b"of a newer version"),
        (b"a", struct.pack("<Q", 2 ** 63) + account_id),
        (b"a", struct.pack("<Q", 1) + b"../../etc"),
        (b"s", struct.pack("<Q", 2 ** 63)),
        (b"s", b"short"), (b"l", b""),
    ]))
    session.silent(0.3)
    session.done()
    session.cmd("NOOP")


@pytest.fixture
def quick_again(account, imap, smtp):
    """quick_again(): n1 hears of n2's deliveries by hints, sooner or later."""
    def of():
        watching = imap(account, tls=False, node="n1")
        watching.cmd("SELECT INBOX")
        watching.idle()
        sender = smtp(node="n2")
        sender.hello()
        seen = 0

        def quick():
            nonlocal seen
            sender.deliver(MESSAGE % seen, account.address)
            began, seen = time.monotonic(), seen + 1
            watching.until(r"\* %d EXISTS" % seen)
            return time.monotonic() - began < 1.5

        # a poll may be that quick once; the next is 2 s later
        wait_for("hints", lambda: all(quick() for _ in range(5)), 60)
        watching.done()
    return of


def test_node_that_comes_back_is_heard_soon(n1, n2, quick_again):
    """A new session of its lease: the others look, and trust it again."""
    both_work(n1, n2)
    n2.restart()
    quick_again()


def test_worker_that_is_killed(n1, n2, quick_again):
    """Worker 0 has the socket, the others tell it by socket pairs that
    outlive them."""
    both_work(n1, n2)
    for node in n1, n2:
        for index in 0, 1:
            node.kill_worker(index)
            node.wait_ready()
    quick_again()


def test_without_hints_polls_find_it(cluster, n1, account, imap, smtp):
    """A node without cluster.address: seen by a poll, 2 to 6 s later."""
    deaf = cluster.make("n3")
    deaf.hints = False
    deaf.start()
    watching = imap(account, tls=False, node="n3")
    watching.cmd("SELECT INBOX")
    watching.idle()
    sender = smtp(node="n1")
    sender.hello()
    sent = 0

    def seen():
        nonlocal sent
        sender.deliver(MESSAGE % sent, account.address)
        sent += 1
        watching.until(r"\* %d EXISTS" % sent)

    for _ in range(2):
        assert quickest(seen, 6.5, 3)
    watching.done()
