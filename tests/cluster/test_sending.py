"""Two clusters of two nodes send each other mail, by name, through a real DNS
server: what any node accepted arrives once, is trusted, and is taken over when
a node or the filer dies."""

import base64
import email
import email.policy
import json
import os
import re
import subprocess
import threading
import time

import pytest

from rig.dnsserver import DnsServer
from rig.line import Smtp
from rig.netns import PREFIX, Namespace
from rig.nfscluster import NfsCluster, calls, idle_calls
from rig.node import TAKEOVER_SECONDS
from rig.wait import wait_for
from traffic import Sender, read_all, send_all, settle

FULL = os.environ.get("SHOAL_EFFORT", "full") == "full"
SOME = 60 if FULL else 30
A, B = "alpha.example", "beta.example"
REVERSE = ".".join(reversed(PREFIX.rstrip(".").split("."))) + ".in-addr.arpa"
PORTS = {"smtp": 25, "submission": 587, "submissions": 465}
OUTAGE = '"level": "error"'
ARRIVES_SECONDS = 60
# What relaying a small message may cost (docs/performance.md; exact counts are
# asserted by the unit tests): in a bucket that this worker has not used since it
# changed hands, and by the node that holds it; each commit with its barrier.
ACCEPT_CALLS, RELAY_CALLS = 14, 13
BARRIER, SLACK = 3, 4.0


def host_of(address):
    return address.rsplit(".", 1)[1]


class World:
    """alpha.example and beta.example, and the DNS that both ask."""

    def __init__(self, build):
        self.dns_host = Namespace("dns")
        self.dns = DnsServer(ns=self.dns_host)
        self.clusters = []
        try:
            for name in (A, B):
                self.clusters.append(NfsCluster(
                    build, accounts=12, name=name, at=PORTS,
                    conf=self.dns.conf(),
                    settings={"queue.retry_first": "5s",
                              "queue.retry_max": "10s"}))
            self.a, self.b = self.clusters
            self.dns.zones.update(self.zones())
            self.dns.start()
            for c in self.clusters:
                for n in c.nodes:
                    n.allow(OUTAGE)
                c.start()
        except BaseException:
            self.close()
            raise

    def zones(self):
        """What domain dns prints, and the hosts."""
        zones, reverse = {}, []
        for c in self.clusters:
            domain = c.share.name
            c.ctl.run("settings", "set", "domain.mx_hosts",
                      " ".join("%s.%s" % (n.name, domain) for n in c.nodes))
            text = c.ctl.run("domain", "dns", domain)
            for n in c.nodes:
                text += "%s.%s. A %s\n" % (n.name, domain, n.address)
                reverse.append("%s PTR %s.%s." % (host_of(n.address), n.name,
                                                  domain))
            zones[domain] = text
        zones[REVERSE] = "\n".join(reverse) + "\n"
        return zones

    def close(self):
        for c in self.clusters:
            c.close()
        self.dns.close()
        self.dns_host.close()


@pytest.fixture(scope="module")
def world(build):
    w = World(build)
    try:
        yield w
        for c in w.clusters:
            c.stop()
    finally:
        w.close()


def submit(cluster, account, at=None, seconds=30):
    """Logged in, from the client's host."""
    c = cluster.connect(Smtp, at or cluster.lb, "submissions", tls=True,
                        seconds=seconds)
    c.greeting()
    c.hello()
    c.cmd("AUTH PLAIN " + base64.b64encode(("\0%s\0%s" % (
        account.address, account.password)).encode()).decode(), 235)
    return c


def inbox(cluster, node, account):
    with cluster.imap(node, account) as i:
        return read_all(i)


def arrived(cluster, node, account, count=1, seconds=ARRIVES_SECONDS):
    wait_for("%d messages for %s" % (count, account), lambda: (
        len(inbox(cluster, node, account)) >= count), seconds, 0.3)
    return [email.message_from_bytes(d, policy=email.policy.default)
            for d in inbox(cluster, node, account).values()]


def letter(sender, to, subject):
    return ("From: %s\nTo: %s\nSubject: %s\nDate: Mon, 30 Nov 2026 00:00:00 "
            "+0000\nMessage-ID: <%s@%s>\n\nHello.\n.dot\n" % (
                sender, to, subject, subject, A))


def test_trusted(world):
    """In at one cluster, read at the other; SPF, DKIM and DMARC pass."""
    me, you = world.a.share.take(), world.b.share.take()
    with submit(world.a, me) as c:
        c.deliver(letter(me, you, "trusted"), str(you), sender=str(me))
    got, = arrived(world.b, world.b.n2, you)
    results = " ".join(got.get_all("Authentication-Results"))
    for want in (r"\bspf=pass\b", r"\bdkim=pass\b[^;]*header\.d=alpha\.example",
                 r"\bdmarc=pass\b"):
        assert re.search(want, results), results
    assert "ESMTPS" in " ".join(got.get_all("Received"))
    assert got["Return-Path"] == "<%s>" % me
    # and back
    with submit(world.b, you) as c:
        c.deliver(letter(you, me, "answer"), str(me), sender=str(you))
    got, = arrived(world.a, world.a.n1, me)
    assert "dmarc=pass" in got["Authentication-Results"]


def test_real_clients(world, tmp_path):
    """swaks and msmtp submit."""
    me, you = world.a.share.take(), world.b.share.take()
    host, port = world.a.lb.of("submission")
    r = subprocess.run(world.a.client.argv(
        "swaks", "--server", host, "--port", str(port), "--tls",
        "--auth", "PLAIN", "--auth-user", str(me),
        "--auth-password", me.password, "--from", str(me), "--to", str(you),
        "--header", "Subject: by swaks"), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=60)
    assert r.returncode == 0, r.stdout
    host, port = world.a.lb.of("submissions")
    conf = tmp_path / "msmtprc"
    conf.write_text("account default\nhost %s\nport %d\ntls on\ntls_starttls "
                    "off\ntls_certcheck off\nauth plain\nuser %s\npassword %s\n"
                    "from %s\n" % (host, port, me, me.password, me))
    conf.chmod(0o600)
    r = subprocess.run(world.a.client.argv(
        "msmtp", "-C", str(conf), "--", str(you)), input=letter(
            me, you, "by-msmtp"), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=60)
    assert r.returncode == 0, r.stdout
    subjects = {m["Subject"] for m in arrived(world.b, world.b.n1, you, 2)}
    assert subjects == {"by swaks", "by-msmtp"}


def test_no_open_relay(world):
    """A stranger gets nobody's mail through."""
    you = world.a.share.take()
    for who in ("you@elsewhere.example", "you%elsewhere.example@" + B,
                "@%s:you@elsewhere.example" % B, "elsewhere.example!you@" + B,
                '"you@elsewhere.example"@' + B, '"you@elsewhere.example"',
                "you@[198.51.100.1]", "<you@elsewhere.example", str(you),
                "you@elsewhere.example@" + B, "YOU@ELSEWHERE.EXAMPLE."):
        with world.a.connect(Smtp, world.b.n1, "smtp") as c:
            c.greeting()
            c.hello("%s.%s" % (world.a.n1.name, A))
            c.cmd("MAIL FROM:<stranger@%s>" % A)
            c.send("RCPT TO:<%s>\r\n" % who)
            assert str(c.reply()[0]).startswith("5"), who


def test_unknown_recipient_bounces(world):
    """One DSN, with what the other host said."""
    me = world.a.share.take()
    with submit(world.a, me) as c:
        c.deliver(letter(me, "nobody@" + B, "nobody"), "nobody@" + B,
                  sender=str(me))
    dsn, = arrived(world.a, world.a.n2, me)
    assert dsn["Return-Path"] == "<>"
    assert dsn.get_content_type() == "multipart/report"
    status = [p for p in dsn.walk()
              if p.get_content_type() == "message/delivery-status"][0]
    fields = {k: v for part in status.get_payload() for k, v in part.items()}
    assert fields["Final-Recipient"].endswith("nobody@" + B)
    assert fields["Action"] == "failed" and fields["Status"] == "5.1.1"
    assert "550 5.1.1" in fields["Diagnostic-Code"]


def queued(cluster):
    return cluster.ctl.json("queue", "list")


@pytest.mark.full
def test_storm(world, capsys):
    """A node is killed and the filer restarted while mail goes out: nothing is
    lost, nothing bounces, duplicates are counted."""
    a, b = world.a, world.b
    a.ctl.run("settings", "set", "net.exempt", PREFIX + "0/24")
    senders, to = [], [b.share.take() for _ in range(4)]
    for i in range(2):
        me = a.share.take()
        senders.append(Sender("s%d" % i, lambda me=me: submit(a, me), to,
                              per_connection=5, author=str(me)))
    sending = threading.Thread(target=lambda: send_all(senders), daemon=True)
    sending.start()

    def acked():
        for s in senders:
            if s.error:
                raise s.error
        return sum(len(s.acked) for s in senders)

    def more():
        goal = acked() + SOME
        wait_for("%d messages accepted" % goal, lambda: acked() >= goal, 120)

    more()
    a.n1.kill()
    more()
    a.server.restart()
    more()
    a.n1.start(seconds=TAKEOVER_SECONDS)
    more()
    for s in senders:
        s.enough.set()
    sending.join(90)
    assert not sending.is_alive()
    acked()
    wait_for("the queue is empty", lambda: not queued(a), 180, 1)
    boxes = {y.address: inbox(b, b.n2, y) for y in to}
    # what was sent twice because a node died in between is no mistake
    doubtful = set().union(*(s.doubtful for s in senders))
    for s in senders:
        s.doubtful |= set(s.acked)
    extra = settle(senders, boxes)
    for s in senders:
        me = s.author
        box = [x for x in a.share.used if x.address == me][0]
        assert not inbox(a, a.n2, box), "%s got a bounce" % me
    with capsys.disabled():
        print("\n%d messages sent, a node killed, the filer restarted: 0 lost, "
              "0 bounced, %d copies too many (%d answers in doubt)" % (
                  acked(), extra, len(doubtful)))


def test_trace_knows(world):
    """Over both nodes of the cluster, whoever did it."""
    me, you = world.a.share.take(), world.b.share.take()
    with submit(world.a, me) as c:
        c.deliver(letter(me, you, "traced"), str(you), sender=str(me))
    arrived(world.b, world.b.n1, you)

    def events(ctl):
        r = ctl.result("trace", str(you), as_json=True)
        return {json.loads(line)["e"] for line in r.stdout.splitlines()}
    wait_for("accepted and relayed are in the trace", lambda: (
        {"smtp", "relay"} <= events(world.a.ctl)), 60)
    wait_for("and delivered, over there", lambda: (
        "deliver" in events(world.b.ctl)), 60)


@pytest.mark.full
def test_calls(world, capsys):
    """Share calls of a message that is accepted and relayed."""
    me, you, count = world.a.share.take(), world.b.share.take(), 60

    def send(n):
        with submit(world.a, me) as c:
            for i in range(n):
                c.deliver(letter(me, you, "n%d" % i), str(you), sender=str(me))

    for _ in range(4):      # both nodes, their workers: buckets become known
        send(8)
    arrived(world.b, world.b.n1, you, 32)
    rates = [idle_calls(n, 10) for n in world.a.nodes]
    before = [calls(n) for n in world.a.nodes]
    began = time.monotonic()
    send(count)
    arrived(world.b, world.b.n1, you, count + 32)
    wait_for("the queue is empty", lambda: not queued(world.a), 60)
    seconds = time.monotonic() - began
    used = sum(calls(n) for n in world.a.nodes) - sum(before) - \
        sum(rates) * seconds
    with capsys.disabled():
        print("\naccepted and relayed: %.1f share calls a message" % (
            used / count))
    assert used / count <= ACCEPT_CALLS + RELAY_CALLS + 2 * BARRIER + SLACK
