"""shoalctl domain dns --check, with a real DNS server."""

import getpass
import json
import subprocess
import time

import pytest

from rig.ctl import Ctl
from rig.dnsserver import DnsServer

NAME = "example.org"


class Zone(Ctl):
    """A cluster without nodes, whose domain has a zone of its own."""

    def __init__(self, build, tmp_path, dns):
        super().__init__(build, None, tmp_path / "local")
        (tmp_path / "share").mkdir()
        self.run("share", "init", str(tmp_path / "share"))
        self.run("settings", "set", "domain.mx_hosts", "mx.example.org")
        self.run("domain", "add", NAME)
        self.dns = dns
        self.file = str(tmp_path / "shoal.conf")
        with open(self.file, "w") as f:
            f.write('share = "%s"\nlocal = "%s"\nuser = "%s"\n%s'
                    'listen imaps { protocol = imaps address = '
                    '{ "127.0.0.1:993" } }\n' %
                    (tmp_path / "share", self.local, getpass.getuser(),
                     dns.conf()))

    def records(self):
        """As domain dns prints them: lines of a zone file by name and type."""
        return {(r["name"], r["type"]): r["line"]
                for r in self.checked("--json")[0]}

    def checked(self, *args):
        r = subprocess.run([self.argv()[0], "-c", self.file, *args, "domain",
                            "dns", NAME, "--check"], text=True, timeout=60,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert r.stderr == "", r.stderr
        return (json.loads(r.stdout) if "--json" in args else r.stdout,
                r.returncode)

    def marks(self):
        rows, code = self.checked("--json")
        bad = {r["status"] for r in rows} & {"missing", "different"}
        assert code == (1 if bad else 0)
        return {(r["name"], r["type"]): (r["status"], r["found"])
                for r in rows}


@pytest.fixture
def zone(build, tmp_path):
    dns = DnsServer({NAME: "", "other.org": ""}).start()
    yield Zone(build, tmp_path, dns)
    dns.close()


def test_marks(zone):
    assert {m for m, _ in zone.marks().values()} == {"missing"}
    lines = zone.records()
    assert len(lines) == 6, lines
    # what it prints, put into the zone as it is, is right
    zone.dns.change({NAME: "\n".join(lines.values()) + "\n"})
    marks = zone.marks()
    assert {m for m, _ in marks.values()} == {"ok"}
    assert marks[(NAME, "MX")] == ("ok", ["10 mx.example.org."])
    text, code = zone.checked()
    assert code == 0 and "missing" not in text
    # one after another is not
    changed = [((NAME, "MX"), "@ MX 20 mx\n", "different",
                ["20 mx.example.org."]),
               ((NAME, "TXT"), '@ TXT "v=spf1 -all"\n', "different",
                ["v=spf1 -all"]),
               ((NAME, "TXT"), '@ TXT "verify=1"\n', "missing", []),
               (("_dmarc." + NAME, "TXT"),
                '_dmarc TXT "v=DMARC1;" " p=none;"\n', "ok",
                ["v=DMARC1; p=none;"]),
               (("_imaps._tcp." + NAME, "SRV"),
                "_imaps._tcp SRV 0 1 143 mx\n", "different",
                ["0 1 143 mx.example.org."])]
    key = next(k for k in lines if "_domainkey" in k[0])
    changed += [(key, key[0] + '. TXT "v=DKIM1; p="\n', "different",
                 ["v=DKIM1; p="]),
                (key, "", "missing", [])]
    for what, record, mark, found in changed:
        rest = [line for k, line in lines.items() if k != what]
        zone.dns.change({NAME: "\n".join(rest + [record]) + "\n"})
        marks = zone.marks()
        assert marks.pop(what) == (mark, found)
        assert {m for m, _ in marks.values()} == {"ok"}
    text, code = zone.checked()
    assert code == 1 and "missing" in text and lines[key] in text


def test_dead(zone):
    """Nobody answers: it says so, soon, and that nothing is wrong with it."""
    zone.dns.freeze()
    begun = time.monotonic()
    marks = zone.marks()
    assert time.monotonic() - begun < 20
    assert {m for m, _ in marks.values()} == {"unknown"}
    zone.dns.thaw()
    assert {m for m, _ in zone.marks().values()} == {"missing"}
