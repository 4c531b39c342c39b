"""shoalctl check outbound, with a real DNS server: all is right; then one
record after another is not."""

import getpass
import json
import os
import subprocess

import pytest

from rig.ctl import Ctl
from rig.dnsserver import DnsServer

HOST = "mx.example.org"
OUT4, OUT6 = "192.0.2.1", "2001:db8::1"
REVERSE4, REVERSE6 = "2.0.192.in-addr.arpa", "8.b.d.0.1.0.0.2.ip6.arpa"
TXT = "%s TXT %s\n"


class Outbound(Ctl):
    """A cluster without nodes, a configuration, and the world's DNS."""

    def __init__(self, build, tmp_path):
        super().__init__(build, None, tmp_path / "local")
        share = tmp_path / "share"
        share.mkdir()
        self.run("share", "init", str(share))
        self.run("settings", "set", "domain.mx_hosts", HOST)
        self.run("domain", "add", "example.org")
        self.share, self.file = str(share), str(tmp_path / "shoal.conf")
        self.dns = DnsServer({"example.org": "", REVERSE4: "",
                              REVERSE6: ""}).start()
        self.conf()

    def conf(self, more=""):
        with open(self.file, "w") as f:
            f.write('share = "%s"\nlocal = "%s"\nuser = "%s"\n'
                    'hostname = "%s"\n%s\n%s' %
                    (self.share, self.local, getpass.getuser(), HOST, more,
                     self.dns.conf()))

    def keys(self):
        """Selector and text of each key's record."""
        return {r["name"]: r["line"].split("\tTXT\t")[1]
                for r in self.json("domain", "dns", "example.org")
                if "_domainkey" in r["name"]}

    def records(self, **other):
        """All that is right, but for what is named."""
        r = {"mx": "@ MX 10 mx\n", "a": "mx A %s\n" % OUT4,
             "aaaa": "mx AAAA %s\n" % OUT6,
             "spf": TXT % ("@", '"v=spf1 mx ~all"'),
             "helo": TXT % ("mx", '"v=spf1 a -all"'),
             "dmarc": TXT % ("_dmarc", '"v=DMARC1; p=none"'),
             "dkim": "".join(TXT % (name + ".", text)
                             for name, text in self.keys().items()),
             "ptr4": "1 PTR %s.\n" % HOST,
             "ptr6": "1." + "0." * 23 + REVERSE6 + ". PTR %s.\n" % HOST}
        assert set(other) <= set(r)
        r.update(other)
        self.dns.change({REVERSE4: r.pop("ptr4"), REVERSE6: r.pop("ptr6"),
                         "example.org": "".join(r.values())})

    def check(self, *args, addresses=(OUT4, OUT6), code=None):
        """Rows that are not ok; the exit code says whether one is wrong."""
        argv = [self.argv()[0], "-c", self.file, "--json", "check", "outbound"]
        for a in addresses:
            argv += ["--address", a]
        r = subprocess.run(argv + list(args), text=True, timeout=300,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert r.stderr == "", r.stderr
        self.rows = json.loads(r.stdout)
        bad = [row for row in self.rows if row["state"] != "ok"]
        wrong = any(row["state"] == "wrong" for row in bad)
        assert r.returncode == (1 if wrong else 0), bad
        return bad

    def text(self, *args):
        r = subprocess.run([self.argv()[0], "-c", self.file, "check",
                            "outbound", *args], text=True, timeout=300,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return r.returncode, r.stdout, r.stderr


@pytest.fixture(scope="module")
def world(build, tmp_path_factory):
    w = Outbound(build, tmp_path_factory.mktemp("outbound"))
    try:
        yield w
    finally:
        w.dns.close()


def test_right(world):
    world.records()
    assert world.check() == []
    assert {r["check"] for r in world.rows} == {"ptr", "helo", "mx", "spf",
                                                "dkim", "dmarc"}
    assert len(world.rows) >= 13
    code, out, err = world.text("--address", OUT4)
    assert (code, err) == (0, "")
    assert "192.0.2.1 is mx.example.org, and back" in out
    assert "Records" not in out


# What is changed; check, state, a piece of the sentence and of the record.
BROKEN = [
    ({"ptr4": ""}, "ptr", "wrong", "192.0.2.1 has no PTR record",
     "1.2.0.192.in-addr.arpa.\tIN\tPTR\tmx.example.org."),
    ({"ptr4": "1 PTR www.example.org.\n"}, "ptr", "wrong",
     "does not lead back", "PTR\tmx.example.org."),
    ({"ptr6": ""}, "ptr", "wrong", "2001:db8::1 has no PTR record",
     ".ip6.arpa.\tIN\tPTR\tmx.example.org."),
    ({"mx": "@ MX 0 .\n", "spf": TXT % ("@", '"v=spf1 a:mx.example.org"')},
     "mx", "wrong", "takes no mail", "example.org.\tIN\tMX\t10 mx.example.org."),
    ({"mx": "@ MX 10 mx\n@ MX 20 gone\n"}, "mx", "wrong",
     "gone.example.org, which has no address", "\tMX\t10 mx.example.org."),
    ({"spf": ""}, "spf", "wrong", "example.org has no SPF record",
     'example.org.\tIN\tTXT\t"v=spf1 mx ~all"'),
    ({"spf": TXT % ("@", '"v=spf1 ip4:192.0.2.1 -all"')}, "spf", "wrong",
     "does not name 2001:db8::1 (fail)",
     '"v=spf1 ip6:2001:db8::1 ip4:192.0.2.1 -all"'),
    ({"spf": TXT % ("@", '"v=spf1 mx"') + TXT % ("@", '"v=spf1 a"')}, "spf",
     "wrong", "2 SPF records", '"v=spf1 mx ~all"'),
    ({"helo": ""}, "spf", "warning", "mx.example.org has no SPF record",
     'mx.example.org.\tIN\tTXT\t"v=spf1 a -all"'),
    ({"dmarc": ""}, "dmarc", "wrong", "has no DMARC record",
     '_dmarc.example.org.\tIN\tTXT\t"v=DMARC1; p=none"'),
    ({"dmarc": TXT % ("_dmarc", '"v=DMARC1; p=perhaps"')}, "dmarc", "wrong",
     "no usable policy", "_dmarc.example.org."),
]


@pytest.mark.parametrize("changed,check,state,found,wanted", BROKEN)
def test_broken(world, changed, check, state, found, wanted):
    world.records(**changed)
    rows = world.check()
    assert [(r["check"], r["state"]) for r in rows] == [(check, state)], rows
    assert found in rows[0]["found"]
    assert wanted in rows[0]["wanted"][0]
    code, out, err = world.text("--address", OUT4, "--address", OUT6)
    assert (code, err) == (1 if state == "wrong" else 0, "")
    assert found in out and "Records as they ought to be:" in out
    assert wanted in out


def test_helo(world):
    """A is missing: the name has one address less; SPF goes by it, too."""
    world.records(a="", spf=TXT % ("@", '"v=spf1 ip4:192.0.2.1 mx -all"'),
                  helo=TXT % ("mx", '"v=spf1 ip4:192.0.2.1 a -all"'))
    rows = world.check()
    assert [r["check"] for r in rows] == ["ptr", "helo"]
    assert rows[1]["wanted"] == ["mx.example.org.\tIN\tA\t192.0.2.1"]
    world.records()
    rows = world.check("--helo", "localhost")
    assert [r["check"] for r in rows] == ["helo"]
    assert "no full host name" in rows[0]["found"]


def test_dkim(world):
    name, text = next(iter(world.keys().items()))
    world.records(dkim="")
    rows = world.check()
    assert {(r["check"], r["state"]) for r in rows} == {("dkim", "wrong")}, rows
    row = next(r for r in rows if r["subject"] == name)
    assert row["wanted"] == ["%s.\tIN\tTXT\t%s" % (name, text)]
    # what was said is what makes it right
    world.records(dkim="".join(r["wanted"][0] + "\n" for r in rows))
    assert world.check() == []

    world.records(dkim="".join(
        TXT % (n + ".", '"v=DKIM1; k=%s; p=QUJD"' %
               ("ed25519" if "ed25519" in t else "rsa"))
        for n, t in world.keys().items()))
    rows = world.check()
    assert rows and all("another key" in r["found"] for r in rows)

    # a new key that waits to be published
    world.records()
    world.run("dkim", "add", "example.org", "--selector", "later",
              "--algorithm", "ed25519")
    rows = world.check()
    assert [(r["check"], r["state"]) for r in rows] == [("dkim", "warning")]
    assert rows[0]["subject"] == "later._domainkey.example.org"
    assert "not published yet" in rows[0]["found"]
    world.run("dkim", "remove", "example.org", "later")
    assert world.check() == []


def test_domains(world):
    world.records()
    world.run("domain", "add", "example.net")
    try:
        rows = world.check()
        assert {r["check"] for r in rows} == {"mx", "spf", "dkim", "dmarc"}
        assert all("example.net" in r["subject"] for r in rows)
        assert world.check("--domain", "example.org") == []
        assert world.check("--domain", "EXAMPLE.net") == rows
    finally:
        world.run("domain", "remove", "example.net")
    code, out, err = world.text("--domain", "example.com")
    assert code == 1 and "example.com" in err and out == ""


def test_addresses(world):
    """Where from: what is given, else send_from, else what the kernel says."""
    world.records()
    code, _, err = world.text("--address", "mx.example.org")
    assert code == 1 and "mx.example.org is no IP address" in err
    rows = world.check(addresses=["10.1.2.3"])
    assert rows[0]["check"] == "address" and "--address" in rows[0]["found"]
    world.conf('send_from = { "%s", "%s" }' % (OUT4, OUT6))
    try:
        assert world.check(addresses=[]) == []
        assert OUT6 in "".join(r["found"] for r in world.rows)
    finally:
        world.conf()


def test_silence(world):
    """No answer is no verdict."""
    world.records()
    world.dns.freeze()
    try:
        r = subprocess.run([world.argv()[0], "-c", world.file, "--json",
                            "--timeout", "4", "check", "outbound",
                            "--address", OUT4], text=True, timeout=120,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    finally:
        world.dns.thaw()
    assert (r.returncode, r.stderr) == (0, "")
    rows = json.loads(r.stdout)
    assert rows and {x["state"] for x in rows} == {"unknown"}
    assert all("does not answer" in x["found"] for x in rows)


@pytest.mark.skipif(os.getuid() != 0, reason="makes a network namespace")
def test_kernel(world):
    """Without a configuration: what the kernel would choose, and the system's
    resolvers, which do not answer here."""
    network = """ip link set lo up
ip addr add 10.9.9.9/32 dev lo && ip -6 addr add 2001:db8::9/128 dev lo nodad
ip route add default dev lo src 10.9.9.9
ip -6 route add default dev lo src 2001:db8::9
exec "$@"
"""
    r = subprocess.run(["unshare", "-n", "sh", "-ec", network, "sh",
                        *world.argv("--timeout", "4", "check", "outbound",
                                    "--helo", HOST, as_json=True)],
                       text=True, timeout=120, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE)
    assert (r.returncode, r.stderr) == (0, "")
    rows = json.loads(r.stdout)
    assert [(x["check"], x["subject"], x["state"]) for x in rows[:3]] == [
        ("address", "10.9.9.9", "warning"), ("ptr", "10.9.9.9", "unknown"),
        ("ptr", "2001:db8::9", "unknown")]
    assert {x["state"] for x in rows[1:]} == {"unknown"}
