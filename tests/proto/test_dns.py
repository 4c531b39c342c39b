"""A worker's resolver against a real DNS server."""

import json
import os
import pwd
import queue
import resource
import subprocess
import threading
import time

import pytest

from rig.dnsserver import DnsServer
from rig.node import USER, demoted
from rig.wait import wait_for

QUERY_SECONDS = 15          # DNS_QUERY_MS
LONG = "".join(chr(ord("a") + i % 26) for i in range(600))
ZONES = {
    "example.org": """
@       MX 20 mx2
@       MX 10 mx1
@       TXT "v=spf1 mx" " -all"
@       TXT "other"
mx1     A 192.0.2.1
mx1     AAAA 2001:db8::1
mx2     A 192.0.2.2
www     CNAME mx1
away    CNAME host.elsewhere.example.
gone    CNAME nowhere.elsewhere.example.
long    TXT %s
nomail  MX 0 .
""" % " ".join('"%s"' % LONG[i:i + 200] for i in range(0, len(LONG), 200)) +
    "many A 192.0.2.9\n" +
    "".join("many A 10.1.%d.%d\n" % (i // 200, i % 200) for i in range(400)) +
    "_imaps._tcp SRV 0 1 993 mx1\n",
    "elsewhere.example": "host A 198.51.100.7\n",
    "2.0.192.in-addr.arpa": """
1 PTR mx1.example.org.
2 PTR mx1.example.org.
2 PTR nowhere.example.org.
3 PTR mx1.example.org.
""",
    "0.0.10.in-addr.arpa": "1 PTR mx1.example.org.\n",
    "8.b.d.0.1.0.0.2.ip6.arpa":
        "1." + "0." * 23 + "8.b.d.0.1.0.0.2.ip6.arpa. PTR mx1.example.org.\n",
}


class Probe:
    """dns_probe with a configuration of its own."""

    def __init__(self, build, place, conf, user=None):
        self.place, self.files, self.answers = place, 0, {}
        self.queue = queue.Queue()
        argv = [os.path.join(build, "tests/proto/dns_probe"), self.file(conf)]
        if user:
            argv.append(user)
        self.p = subprocess.Popen(argv, stdin=subprocess.PIPE, text=True,
                                  stdout=subprocess.PIPE, bufsize=1)
        self.number = 0
        threading.Thread(target=self.read, daemon=True).start()

    def file(self, conf):
        self.files += 1
        path = os.path.join(self.place.path, "dns-%d-%d.conf" %
                            (id(self), self.files))
        with open(path, "w") as f:
            f.write('share = "/nonexistent"\nuser = "%s"\n%s\n' % (
                pwd.getpwuid(os.getuid()).pw_name, conf))
        return path

    def read(self):
        for line in self.p.stdout:
            self.queue.put(json.loads(line))
        self.queue.put({"id": "end"})

    def send(self, *words):
        self.number += 1
        self.p.stdin.write(" ".join(map(str, (self.number, *words))) + "\n")
        return str(self.number)

    def answer(self, number, seconds=60):
        """Whatever else is answered meanwhile is kept."""
        end = time.monotonic() + seconds
        while number not in self.answers:
            a = self.queue.get(timeout=max(0, end - time.monotonic()))
            assert a["id"] != "end", "it ended"
            self.answers[a["id"]] = a
        return self.answers.pop(number)

    def ask(self, *words):
        return self.answer(self.send(*words))

    def reload(self, conf):
        self.ask("reload", self.file(conf))

    def threads(self):
        return len(os.listdir("/proc/%d/task" % self.p.pid))

    def close(self):
        """It ends by itself, having freed everything."""
        self.p.stdin.close()
        assert self.p.wait(30) == 0


@pytest.fixture(scope="module")
def server():
    with DnsServer(ZONES) as s:
        yield s


@pytest.fixture
def make(build, place):
    made = []

    def make(conf, **kw):
        made.append(Probe(build, place, conf, **kw))
        return made[-1]
    yield make
    for p in made:
        p.close()


@pytest.fixture
def probe(make, server):
    return make(server.conf())


WANT = [
    ("A", "mx1.example.org", "found", ["192.0.2.1"]),
    ("A", "MX1.Example.ORG.", "found", ["192.0.2.1"]),
    ("AAAA", "mx1.example.org", "found", ["2001:db8::1"]),
    ("AAAA", "mx2.example.org", "no data", []),
    ("A", "www.example.org", "found", ["192.0.2.1"]),
    ("A", "away.example.org", "found", ["198.51.100.7"]),
    ("A", "gone.example.org", "no domain", []),
    ("A", "none.example.org", "no domain", []),
    ("A", "none.nowhere", "no domain", []),
    ("MX", "example.org", "found",
     ["10 mx1.example.org", "20 mx2.example.org"]),
    ("MX", "mx1.example.org", "no data", []),
    ("TXT", "example.org", "found", ["other", "v=spf1 mx -all"]),
    ("TXT", "long.example.org", "found", [LONG]),
    ("PTR", "1.2.0.192.in-addr.arpa", "found", ["mx1.example.org"]),
    # of a network that libunbound keeps to itself unless told otherwise
    ("PTR", "1.0.0.10.in-addr.arpa", "found", ["mx1.example.org"]),
    ("SRV", "_imaps._tcp.example.org", "found",
     ["0 1 993 mx1.example.org"]),
    ("A", "a..b", "no domain", []),
    ("A", "x" * 64 + ".example.org", "no domain", []),
    ("A", "a\\032b.example.org", "no domain", []),
]


def test_answers(probe):
    for kind, name, status, records in WANT:
        a = probe.ask(kind, name)
        assert (a["status"], sorted(a["list"])) == (status, records), a
        assert not a["secure"]


def test_many_records(probe):
    """Over TCP, and no more than DNS_RECORDS_MAX of them."""
    a = probe.ask("A", "many.example.org")
    assert a["status"] == "found" and len(set(a["list"])) == 256


def test_questions_of_mail(probe):
    assert probe.ask("mx", "example.org")["list"] == [
        "mx1.example.org", "mx2.example.org"]
    assert probe.ask("mx", "nomail.example.org")["null"]
    assert probe.ask("addresses", "www.example.org")["list"] == [
        "2001:db8::1", "192.0.2.1"]
    assert probe.ask("addresses", "none.example.org")["status"] == "no domain"
    for ip, status, name in (("192.0.2.1", "found", "mx1.example.org"),
                             ("2001:db8::1", "found", "mx1.example.org"),
                             ("192.0.2.2", "no data", ""),
                             ("192.0.2.3", "no data", ""),
                             ("192.0.2.4", "no domain", "")):
        a = probe.ask("iprev", ip)
        assert (a["status"], a["verified"]) == (status, name), ip


def test_many_at_once(probe):
    """Each gets its own answer, in whatever order they come."""
    asked = {probe.send(kind, name): (status, records)
             for _ in range(40) for kind, name, status, records in WANT}
    for number, (status, records) in asked.items():
        a = probe.answer(number)
        assert (a["status"], sorted(a["list"])) == (status, records)


def test_no_thread_before_a_question(probe):
    probe.reload('dns { servers = { "127.0.0.1@9" } }')
    assert probe.threads() == 1
    probe.ask("A", "localhost")     # is answered without asking
    assert probe.threads() == 2


@pytest.mark.skipif(not demoted(), reason="only root has rights to give up")
def test_without_rights(make, server):
    """As a worker: another user, no new privileges, and the seccomp list."""
    probe = make(server.conf(), user=USER)
    a = probe.ask("addresses", "mx1.example.org")
    assert a["list"] == ["2001:db8::1", "192.0.2.1"]
    with open("/proc/%d/status" % probe.p.pid) as f:
        status = dict(line.split(":", 1) for line in f)
    assert status["Uid"].split()[0] == str(demoted()[0])
    assert status["Seccomp"].strip() in "02"


def test_server_goes_and_comes(make):
    """Not known while it does not answer; the deadline of who asks is kept; and
    soon after it is back it is asked."""
    with DnsServer(ZONES) as server:
        probe = make(server.conf())
        assert probe.ask("A", "mx2.example.org")["status"] == "found"
        server.freeze()
        slow = probe.send("A", "mx1.example.org")
        a = probe.ask("A", "www.example.org", 700)
        assert a["status"] == "temp" and 700 <= a["ms"] < 5000, a
        a = probe.answer(slow)
        assert a["status"] == "temp", a
        assert a["ms"] < QUERY_SECONDS * 1000 + 5000 and a["why"]
        server.thaw()
        wait_for("it is asked again", lambda: probe.ask(
            "addresses", "mx1.example.org")["status"] == "found", 30)
        server.stop()
        a = probe.ask("mx", "nomail.example.org", 700)
        assert a["status"] == "temp" and a["ms"] < 5000
        server.start()
        wait_for("it is asked again", lambda: probe.ask(
            "mx", "nomail.example.org")["status"] == "found", 30)


def test_one_of_two_resolvers(make, server):
    """One that does not answer costs time, not the answer."""
    with DnsServer(ZONES) as dead:
        dead.freeze()
        probe = make('dns { servers = { "%s", "%s" } insecure = { "." } }' %
                     (dead.spec(), server.spec()))
        for kind, name, status, records in WANT:
            a = probe.ask(kind, name)
            assert (a["status"], sorted(a["list"])) == (status, records), a
        dead.thaw()


def test_refused(make):
    """A server that has no such zone and does not look for others."""
    with DnsServer({"example.org": ""}) as server:
        server.zones.pop(".")
        server.restart()
        probe = make(server.conf())
        assert probe.ask("A", "www.example.net")["status"] == "temp"
        assert probe.ask("A", "www.example.org")["status"] == "no domain"


def test_dnssec(make):
    """Secure, insecure and bogus; and what is not to be validated."""
    zones = {"sec.example": "@ TXT fine\nhost A 192.0.2.1\n",
             "bad.example": "@ TXT true\ncorp TXT true\nhost A 192.0.2.2\n",
             "plain.example": "@ TXT plain\n"}
    with DnsServer(zones, signed=("sec.example", "bad.example")) as server:
        server.falsify("bad.example", '"true"', '"fake"')
        probe = make(server.conf(insecure=()))
        a = probe.ask("TXT", "sec.example")
        assert (a["status"], a["secure"], a["list"]) == (
            "found", True, ["fine"])
        a = probe.ask("A", "nothing.sec.example")
        assert (a["status"], a["secure"]) == ("no domain", True)
        a = probe.ask("AAAA", "host.sec.example")
        assert (a["status"], a["secure"]) == ("no data", True)
        a = probe.ask("TXT", "bad.example")
        assert (a["status"], a["list"]) == ("bogus", []) and a["why"], a
        assert probe.ask("A", "host.bad.example")["status"] == "found"
        a = probe.ask("TXT", "plain.example")
        assert (a["status"], a["secure"]) == ("found", False)
        probe.reload(server.conf(insecure=("corp.bad.example",)))
        assert probe.ask("TXT", "bad.example")["status"] == "bogus"
        a = probe.ask("TXT", "corp.bad.example")
        assert (a["status"], a["list"], a["secure"]) == (
            "found", ["fake"], False)
        assert probe.ask("TXT", "sec.example")["secure"]
        # the root's own anchor, as at home, with resolvers that cannot have it
        probe.reload('dns { servers = { "%s" } }' % server.spec())
        assert probe.ask("TXT", "plain.example")["status"] == "bogus"
        probe.reload(
            'dns { servers = { "%s" } insecure = { "." } }' % server.spec())
        assert probe.ask("TXT", "plain.example")["status"] == "found"


def test_reload(make, server):
    """Questions that are on their way are answered by whom they were asked; the
    next go to the new resolvers, and the old thread ends."""
    with DnsServer({"example.org": "mx1 A 203.0.113.1\n"}) as other:
        probe = make(server.conf())
        assert probe.ask("A", "mx1.example.org")["list"] == ["192.0.2.1"]
        probe.reload(other.conf())
        assert probe.ask("A", "mx1.example.org")["list"] == ["203.0.113.1"]
        other.freeze()
        late = probe.send("A", "late.example.org")
        a = probe.ask("A", "none.example.org", 300)
        assert a["status"] == "temp"
        probe.reload(server.conf())
        assert probe.ask("A", "mx1.example.org")["list"] == ["192.0.2.1"]
        assert probe.threads() == 3
        other.thaw()
        assert probe.answer(late)["status"] == "no domain"
        wait_for("the old one is gone", lambda: probe.threads() == 2, 10)


def test_no_descriptors(make, server):
    """Nobody dies of it; names can be resolved when there are some again."""
    probe = make(server.conf())
    probe.reload(server.conf())     # it runs
    pid, what = probe.p.pid, resource.RLIMIT_NOFILE
    before = resource.prlimit(pid, what)
    taken = max(int(n) for n in os.listdir("/proc/%d/fd" % pid)) + 1
    resource.prlimit(pid, what, (taken, before[1]))
    a = probe.ask("A", "mx1.example.org")
    assert a["status"] == "temp" and "context" in a["why"]
    resource.prlimit(pid, what, before)
    probe.reload(server.conf())
    assert probe.ask("A", "mx1.example.org")["list"] == ["192.0.2.1"]


def test_no_trust_anchor(make, server):
    """Told, not validated away."""
    probe = make('dns { servers = { "%s" } trust_anchor = "%s" }' % (
        server.spec(), "/nonexistent/root.key"))
    a = probe.ask("A", "mx1.example.org")
    assert a["status"] == "temp" and "trust anchor" in a["why"]


def test_change(make):
    """The server's own answers follow its zones."""
    with DnsServer({"example.org": "a A 192.0.2.1\n"}) as server:
        probe = make(server.conf())
        assert probe.ask("A", "a.example.org")["list"] == ["192.0.2.1"]
        server.change({"example.org": "a A 192.0.2.2\n"})
        wait_for("the old answer is forgotten", lambda: probe.ask(
            "A", "a.example.org")["list"] == ["192.0.2.2"], 10)
