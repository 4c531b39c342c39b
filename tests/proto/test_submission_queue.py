"""What our own users write to the world: accepted, completed, sent."""

import os
import re

import pytest

from rig.dnsserver import DnsServer
from rig.wait import wait_for
from smtp_common import begin, mailbox

SINK, PORT = "127.0.78.25", 25
DNS = DnsServer({"sink.example": "@ MX 10 mx\nmx A %s\n" % SINK})
SHOAL = {
    "accounts": 12, "conf": DNS.conf(),
    "settings": {"queue.retry_first": "2", "queue.retry_max": "3"},
}

pytestmark = pytest.mark.skipif(
    os.getuid() != 0 and int(open(
        "/proc/sys/net/ipv4/ip_unprivileged_port_start").read()) > 25,
    reason="needs port 25 of loopback")


def test_out(sink, submit, account, ctl):
    """To one here and one elsewhere, and nobody learns of a third."""
    c = submit(account)
    assert "DSN" in c.words
    text = ("Bcc: secret@sink.example\r\nSubject: out\r\n\r\n"
            ".a dot\r\nhello\r\n")
    c.cmd("MAIL FROM:<%s> RET=HDRS ENVID=abc" % account)
    c.cmd("RCPT TO:<b@sink.example> NOTIFY=FAILURE")
    c.cmd("RCPT TO:<secret@sink.example>")
    c.cmd("RCPT TO:<%s>" % account)
    assert "queued as" in c.data(text)[0]
    wait_for("both", lambda: sum(
        len(m.recipients) for m in sink.messages) >= 2, 30)
    got = {r: m for m in sink.messages for r in m.recipients}
    assert set(got) == {"b@sink.example", "secret@sink.example"}
    m = got["b@sink.example"]
    assert m.sender == str(account)
    assert m.header("From") == [str(account)]
    assert m.header("Bcc") == m.header("Return-Path") == []
    assert len(m.header("Date")) == len(m.header("Message-ID")) == 1
    assert " with ESMTPSA " in m.header("Received")[-1]
    assert m.text.count("secret") == 0
    assert re.search(r"(?m)^\.a dot\r?$", m.text)
    wait_for("the copy here", lambda: mailbox(ctl, account), 30)
    here = mailbox(ctl, account)[0]
    assert b"Subject: out" in here and b"secret" not in here


def test_strangers_do_not_relay(smtp, submit, account):
    c = smtp()
    c.hello()
    c.cmd("MAIL FROM:<%s>" % account)
    c.cmd("RCPT TO:<b@sink.example>", 550, "5.7.1")
    c = submit()
    c.cmd("MAIL FROM:<%s>" % account, 530)
    c.cmd("RCPT TO:<b@sink.example>", 503)


def test_failure_comes_back(sink, submit, account, ctl):
    sink.rule("RCPT", "550 5.1.1 nobody")
    begin(submit(account), "b@sink.example", sender=str(account)).data(
        "Subject: failed\r\n\r\nx\r\n")
    wait_for("the report", lambda: mailbox(ctl, account), 30)
    report = mailbox(ctl, account)[0].decode()
    assert "Final-Recipient: rfc822; b@sink.example" in report
    assert "Status: 5.1.1" in report and "Return-Path: <>" in report
