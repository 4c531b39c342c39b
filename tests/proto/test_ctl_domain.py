"""shoalctl: domains, keys, groups, identities, routes; beside no node."""

import pytest

from rig.ctl import Ctl


@pytest.fixture
def ctl(build, tmp_path):
    c = Ctl(build, None, tmp_path / "local")
    (tmp_path / "share").mkdir()
    c.run("share", "init", str(tmp_path / "share"))
    return c


def records(ctl, kind):
    return {(r["name"], r["data"])
            for r in ctl.json("domain", "dns", "example.org")
            if r["type"] == kind}


def keys(ctl):
    return {(k["selector"][7:], k["state"])
            for k in ctl.json("dkim", "list", "example.org")}


def test_dns(ctl):
    ctl.run("domain", "add", "example.org")
    assert "domain.mx_hosts" in ctl.run("domain", "dns", "example.org")
    ctl.run("settings", "set", "domain.mx_hosts", "MX1.example.net mx2.x.org")
    assert records(ctl, "MX") == {("example.org", "10 mx1.example.net."),
                                  ("example.org", "10 mx2.x.org.")}
    assert ("_imaps._tcp.example.org", "0 1 993 mx1.example.net.") in \
        records(ctl, "SRV")
    txt = dict(records(ctl, "TXT"))
    assert txt["example.org"] == "v=spf1 mx ~all"
    assert txt["_dmarc.example.org"] == "v=DMARC1; p=none"
    dkim = [d for n, d in txt.items() if n.endswith("._domainkey.example.org")]
    assert len(dkim) == 2
    assert all(d.startswith("v=DKIM1") for d in dkim)
    assert any("k=ed25519" in d for d in dkim)
    # of each line strings of at most 255 bytes, the whole of them is the text
    for r in ctl.json("domain", "dns", "example.org"):
        if r["type"] == "TXT":
            strings = r["line"].split('"')[1::2]
            assert "".join(strings) == r["data"]
            assert all(len(s) <= 255 for s in strings)
    ctl.refused("domain", "dns", "example.com")


def test_dkim_rotation(ctl):
    ctl.run("domain", "add", "example.org", "--no-dkim")
    assert keys(ctl) == set()
    assert "no active keys" in ctl.refused("dkim", "rotate", "example.org")
    ctl.run("dkim", "add", "example.org", "--algorithm", "ed25519",
            "--active")
    assert keys(ctl) == {("e", "active")}
    ctl.run("dkim", "rotate", "example.org")
    assert keys(ctl) == {("e", "active"), ("e2", "new")}
    assert "wait already" in ctl.refused("dkim", "rotate", "example.org")
    both = [n for n, _ in records(ctl, "TXT") if "_domainkey" in n]
    assert len(both) == 2
    new = both[0].split(".")[0] if "e2." in both[0] else both[1].split(".")[0]
    ctl.run("dkim", "activate", "example.org", new)
    assert keys(ctl) == {("e", "retired"), ("e2", "active")}
    # what it signed is on its way: it stays published
    assert len([n for n, _ in records(ctl, "TXT")
                if "_domainkey" in n]) == 2
    ctl.run("dkim", "remove", "example.org", new[:-1])
    assert keys(ctl) == {("e2", "active")}
    ctl.run("dkim", "retire", "example.org", new)
    assert keys(ctl) == {("e2", "retired")}
    ctl.refused("dkim", "activate", "example.org", "nosuch")
    ctl.refused("dkim", "add", "example.org", "--algorithm", "dsa")
    ctl.refused("dkim", "add", "example.com")
    ctl.refused("dkim", "add", "example.org", "--selector", "x")
    ctl.run("domain", "remove", "example.org")
    assert ctl.json("dkim", "list") == []


def test_domain_rules(ctl):
    ctl.run("domain", "add", "example.org", "--no-dkim")
    ctl.run("domain", "set", "example.org", "--separators", "+-",
            "--recipients-per-day", "50", "--dmarc", "quarantine",
            "--outgoing", "no", "--message-max", "1M", "--quota", "1G",
            "--quota-messages", "9", "--max-accounts", "3", "--note", "n")
    d, = ctl.json("domain", "list")
    assert (d["separators"], d["recipients_per_day"], d["dmarc"],
            d["outgoing"], d["message_max"], d["quota"],
            d["quota_messages"], d["max_accounts"], d["note"]) == (
        "+-", 50, "quarantine", False, 1 << 20, 1 << 30, 9, 3, "n")
    ctl.run("domain", "set", "example.org", "--recipients-per-day",
            "unlimited", "--separators=")
    d, = ctl.json("domain", "list")
    assert d["recipients_per_day"] == "unlimited"
    assert d["separators"] == "none" and d["dmarc"] == "quarantine"
    for bad in (["--dmarc", "x"], ["--outgoing", "maybe"], [],
                ["--recipients-per-day", "0"], ["--separators", "ab"]):
        ctl.refused("domain", "set", "example.org", *bad)
    ctl.run("domain", "suspend", "example.org")
    assert ctl.json("domain", "list")[0]["suspended"]
    ctl.run("domain", "restore", "example.org")
    assert not ctl.json("domain", "list")[0]["suspended"]


def test_groups_and_identities(ctl):
    ctl.run("domain", "add", "example.org", "--no-dkim")
    ctl.run("account", "add", "a@example.org")
    ctl.run("group", "add", "g@example.org", "a@example.org", "--posters",
            "members", "--name", "G")
    ctl.run("group", "member", "add", "g@example.org", "x@far.net", "y@z.net")
    ctl.run("group", "member", "remove", "g@example.org", "y@z.net")
    g, = ctl.json("group", "list")
    assert g["members"] == ["a@example.org", "x@far.net"]
    assert (g["posters"], g["name"]) == ("members", "G")
    ctl.refused("group", "member", "remove", "g@example.org", "y@z.net")
    ctl.refused("group", "add", "h@example.org", "--posters", "nobody")
    ctl.run("group", "set", "g@example.org", "--posters", "domain")
    g, = ctl.json("group", "list")
    assert (g["posters"], g["name"]) == ("domain", "G")
    assert g["members"] == ["a@example.org", "x@far.net"]
    ctl.refused("group", "set", "g@example.org")
    ctl.run("identity", "add", "a@example.org", "g@example.org", "*@far.net")
    assert [i["identity"] for i in ctl.json("identity", "list")] == \
        ["*@far.net", "g@example.org"]
    ctl.run("identity", "remove", "a@example.org", "*@far.net")
    assert [i["identity"] for i in ctl.json("identity", "list",
                                            "a@example.org")] == \
        ["g@example.org"]
    ctl.run("group", "remove", "g@example.org")
    assert ctl.json("group", "list") == []


def test_routes(ctl):
    ctl.run("route", "set", "*", "smart.example.net:465", "--tls",
            "implicit", "--user", "us", "--password-stdin",
            stdin="secret\n")
    ctl.run("route", "set", ".far.net", "a.net", "[2001:db8::1]:25")
    assert ctl.json("route", "show", "x.far.net")["hosts"] == \
        "a.net [2001:db8::1]:25"
    assert ctl.json("route", "show", "far.net")["user"] == "us"
    assert len(ctl.json("route", "list")) == 2
    assert "secret" not in ctl.run("route", "list", as_json=True)
    ctl.refused("route", "set", "x.org", "a.net", "--user", "us",
                "--password-stdin", stdin="secret\n")
    ctl.refused("route", "set", "x.org", "a.net", "--tls", "perhaps")
    ctl.refused("route", "set", "x.org", "a.net:0")
    ctl.run("route", "remove", "*")
    ctl.refused("route", "show", "far.net")
    ctl.run("srs", "rotate")
