"""SMTP: SPF, DKIM and DMARC at the door, Authentication-Results, policy."""

import base64
import json
import re
import subprocess

import pytest

import dkim
from rig.dnsserver import DnsServer
from rig.wait import wait_for
from smtp_common import begin, mailbox, message, split
from smtp_stranger import MX, NAMELESS, PROXY, ZONES, proxied

SHOAL = {"listeners": {"smtp": PROXY}, "accounts": 40}
SELECTOR = b"test"


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    path = tmp_path_factory.mktemp("dkim") / "key.pem"
    subprocess.run(["openssl", "genrsa", "-out", path, "2048"], check=True,
                   stderr=subprocess.DEVNULL)
    return path


@pytest.fixture(scope="module", autouse=True)
def dns(key):
    """Before any node starts."""
    public = subprocess.run(["openssl", "rsa", "-in", key, "-pubout",
                             "-outform", "DER"], check=True,
                            capture_output=True).stdout
    text = "v=DKIM1; k=rsa; p=" + base64.b64encode(public).decode()
    record = " ".join('"%s"' % text[i:i + 200]
                      for i in range(0, len(text), 200))
    zones = dict(ZONES)
    zones["example.net"] += "test._domainkey TXT %s\n" % record
    with DnsServer(zones) as server:
        SHOAL["conf"] = server.conf()
        yield server


@pytest.fixture(scope="module", autouse=True)
def rules(dns, cluster):
    """Domains of ours that let less be done."""
    for rule in ("quarantine", "ignore"):
        name = rule + ".example.org"
        cluster.ctl.run("domain", "add", name)
        cluster.ctl.run("domain", "set", name, "--dmarc", rule)
        cluster.share.add("x@" + name)
    cluster.ctl.run("alias", "add", "away@example.org", "x@nowhere.example")


def connect(smtp, peer):
    c = smtp(**proxied(peer))
    c.hello("mx.example.net")
    return c


def results(raw):
    """Our Authentication-Results: {method: result}, and the whole field."""
    found = [v for n, v in split(raw)[0] if n == "Authentication-Results"]
    ours = [v for v in found if v.startswith("n1.example.org;")]
    assert len(ours) == 1, found
    return dict(re.findall(r"; (\w+)=(\w+)", ours[0])), ours[0]


def from_(domain, body="text\r\n"):
    return ("From: Bob <bob@%s>\r\nTo: alice@example.org\r\nSubject: s\r\n"
            "Message-ID: <1@%s>\r\nDate: Sun, 29 Nov 2026 10:00:00 +0000\r\n"
            "\r\n%s" % (domain, domain, body)).encode()


def signed(key, raw):
    return dkim.sign(raw, SELECTOR, b"example.net", key.read_bytes()) + raw


def test_spf_and_dmarc_pass(smtp, account, ctl):
    c = connect(smtp, MX)
    begin(c, account).data(message())
    raw, = mailbox(ctl, account)
    got, field = results(raw)
    assert got == {"iprev": "pass", "spf": "pass", "dkim": "none",
                   "dmarc": "pass"}
    assert "smtp.mailfrom=bob@example.net" in field
    names = [n for n, _ in split(raw)[0]]
    assert names[:5] == ["Return-Path", "Delivered-To", "Received",
                         "Authentication-Results", "From"]
    assert raw.endswith(message().split(b"\r\n", 1)[1])


def test_forged_results_are_removed(smtp, account, ctl):
    forged = (b"Authentication-Results: n1.example.org; dmarc=pass\r\n"
              b"Authentication-Results: mx.elsewhere.example; spf=pass\r\n"
              b"authentication-results:\r\n\tN1.EXAMPLE.ORG; dkim=pass\r\n"
              b"Authentication-Results : (of) mx7.example.org/1; spf=pass\r\n"
              b"Authentication-Results: \"example.org\"; spf=pass\r\n"
              b"Authentication-Results: ;\r\n")
    c = connect(smtp, MX)
    begin(c, account).data(forged + message())
    raw, = mailbox(ctl, account)
    results(raw)
    assert re.findall(rb"(?i)^authentication-results\s*:\s*(\S+)", raw,
                      re.M) == [b"n1.example.org;", b"mx.elsewhere.example;"]


@pytest.mark.parametrize("size", [100, 700000], ids=["small", "large"])
def test_dkim_pass(smtp, account, ctl, key, size):
    """From an address SPF does not know; the last word is written in place."""
    raw = signed(key, from_("example.net", ("x" * 70 + "\r\n") * (size // 72)))
    c = connect(smtp, NAMELESS)
    begin(c, account).data(raw)
    kept, = mailbox(ctl, account)
    got, _ = results(kept)
    assert got == {"iprev": "fail", "spf": "fail", "dkim": "pass",
                   "dmarc": "pass"}
    assert kept.endswith(raw)


def test_the_trace_has_them(smtp, account, ctl, key):
    c = connect(smtp, NAMELESS)
    begin(c, account).data(signed(key, from_("example.net")))
    found = wait_for("the trace has it", lambda: [
        e for e in ctl_lines(ctl, "trace", str(account)) if e["e"] == "smtp"],
        20)
    assert [(e["spf"], e["dkim"], e["dmarc"]) for e in found] == [
        ("fail example.net", "pass example.net", "pass example.net")]


def ctl_lines(ctl, *args):
    r = ctl.result(*args, as_json=True)
    return [json.loads(line) for line in r.stdout.splitlines()]


@pytest.mark.parametrize("size", [100, 700000], ids=["small", "large"])
def test_dkim_of_another_body(smtp, account, ctl, key, size):
    """What is known at the end only: refused, and nothing is left."""
    raw = signed(key, from_("example.net", ("x" * 70 + "\r\n") * (size // 72)))
    c = connect(smtp, NAMELESS)
    begin(c, account).data(raw + b"more\r\n", 550, "5.7.1")
    # with SPF it passes all the same, and says what is wrong
    c = connect(smtp, MX)
    begin(c, account).data(raw + b"more\r\n")
    kept, = mailbox(ctl, account)
    got, _ = results(kept)
    assert got["dkim"] == "fail" and got["dmarc"] == "pass"


def test_dmarc_reject(smtp, account, ctl, n1):
    c = connect(smtp, NAMELESS)
    begin(c, account).data(from_("example.net"), 550, "5.7.1")
    begin(c, account, sender="").data(from_("example.net"), 550, "5.7.1")
    # the envelope is somebody else's, who may
    c = connect(smtp, MX)
    begin(c, account, sender="x@none.example").data(from_("example.net"), 550)
    assert mailbox(ctl, account) == []
    assert n1.wait_log(event="DMARC failed", applied="reject")


def test_dmarc_quarantine(smtp, account, ctl):
    c = connect(smtp, NAMELESS)
    begin(c, account, sender="x@quarantine.example")
    c.data(from_("quarantine.example"))
    assert mailbox(ctl, account) == []
    raw, = mailbox(ctl, account, "Junk")
    assert results(raw)[0]["dmarc"] == "fail"


def test_junk_by_way_of_the_queue(smtp, account, ctl):
    """One recipient is elsewhere: the one here gets it from the queue."""
    c = connect(smtp, NAMELESS)
    begin(c, account, "away@example.org", sender="")
    assert "queued" in c.data(from_("quarantine.example"))[0]
    raw, = wait_for("delivery", lambda: mailbox(ctl, account, "Junk"))
    assert results(raw)[0]["dmarc"] == "fail"
    assert mailbox(ctl, account) == []


def test_dmarc_none(smtp, account, ctl):
    c = connect(smtp, NAMELESS)
    begin(c, account, sender="x@none.example").data(from_("none.example"))
    assert results(mailbox(ctl, account)[0])[0]["dmarc"] == "fail"


def test_rules_of_domains(smtp, account, ctl):
    """The mildest of the recipients' domains holds."""
    c = connect(smtp, NAMELESS)
    begin(c, "x@quarantine.example.org").data(from_("example.net"))
    begin(c, "x@quarantine.example.org", account).data(from_("example.net"))
    assert len(mailbox(ctl, "x@quarantine.example.org", "Junk")) == 2
    assert len(mailbox(ctl, account, "Junk")) == 1
    begin(c, "x@ignore.example.org").data(from_("example.net"))
    assert len(mailbox(ctl, "x@ignore.example.org")) == 1
    begin(c, "x@ignore.example.org", sender="x@quarantine.example")
    c.data(from_("quarantine.example"))
    assert len(mailbox(ctl, "x@ignore.example.org")) == 2


def test_setting(smtp, account, ctl, n1):
    def taken(c):
        begin(c, account).cmd("DATA", 354)
        c.send(from_("example.net") + b".\r\n")
        code, _ = c.reply()
        return code == 250

    # the next test may get any worker
    sessions = n1.at_each(lambda: connect(smtp, NAMELESS)).values()
    assert not any(map(taken, sessions))
    ctl.run("settings", "set", "dmarc.enforce", "no")
    try:
        for c in sessions:
            wait_for("dmarc.enforce = no", lambda: taken(c), step=0.3)
    finally:
        ctl.run("settings", "set", "dmarc.enforce", "yes")
    assert results(mailbox(ctl, account)[0])[0]["dmarc"] == "fail"
    for c in sessions:
        wait_for("dmarc.enforce = yes", lambda: not taken(c), step=0.3)


def test_header_too_long_to_be_judged(smtp, account, ctl):
    """From might come once more, behind what is examined."""
    raw = from_("example.net").replace(
        b"Subject:", b"X: " + (b"y" * 70 + b"\r\n ") * 4000 + b"\r\nSubject:")
    c = connect(smtp, MX)
    begin(c, account).data(raw)
    assert mailbox(ctl, account) == []
    assert len(mailbox(ctl, account, "Junk")) == 1


@pytest.mark.parametrize("more", [
    b"From: <b@example.com>\r\n", b"From: <a@example.net>\r\n"])
def test_several_authors(smtp, account, ctl, more):
    """No policy protects them: who is shown nobody knows."""
    begin(connect(smtp, MX), account).data(more + from_("example.net"))
    assert mailbox(ctl, account) == []
    raw, = mailbox(ctl, account, "Junk")
    assert results(raw)[0]["dmarc"] == "permerror"


def test_very_many_results(smtp, account, ctl):
    """Whose they are is asked of the state for each label: of some of them."""
    names = b".".join([b"a"] * 100)
    raw = b"".join(b"Authentication-Results: %d.%s.example; none\r\n" %
                   (i, names) for i in range(900))
    begin(connect(smtp, MX), account).data(raw + from_("example.net"))
    raw, = mailbox(ctl, account)
    results(raw)
    assert raw.count(b"Authentication-Results:") == 3


def test_our_own_are_not_asked_about(smtp, lmtp, account, ctl):
    c = smtp(**{"proxy": b"PROXY TCP4 127.0.0.1 127.0.0.1 4 25\r\n",
                "source": "127.0.0.9"})
    c.hello("x")
    begin(c, account).data(from_("example.net"))
    c = lmtp()
    c.hello("x", "LHLO")
    begin(c, account).data(from_("example.net"))
    for raw in mailbox(ctl, account):
        assert b"Authentication-Results" not in raw


def test_dns_is_dead(smtp, account, ctl, dns):
    """Not known is no reason: within the time a client waits."""
    dns.freeze()
    try:
        c = connect(smtp, NAMELESS)
        begin(c, account, sender="bob@unseen.example").cmd("DATA", 354)
        c.send(from_("unseen.example") + b".\r\n")
        c.expect_reply(250, seconds=60)
    finally:
        dns.thaw()
    got, _ = results(mailbox(ctl, account)[0])
    assert got["spf"] == "temperror"
