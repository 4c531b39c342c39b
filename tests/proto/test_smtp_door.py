"""SMTP: what a stranger at port 25 has to be like."""

import time

import pytest

from rig.dnsserver import DnsServer
from rig.wait import most_of
from smtp_common import begin, mailbox, message
from smtp_stranger import MX, NAMELESS, PROXY, ZONES, proxied

RATE = 6
SHOAL = {"listeners": {"smtp": PROXY},
         "settings": {"smtp.rate_per_client": RATE,
                      "smtp.require_reverse_dns": "yes"}}
OTHER = "192.0.2.2"         # its name leads to another address


@pytest.fixture(scope="module", autouse=True)
def dns():
    with DnsServer(ZONES) as server:
        SHOAL["conf"] = server.conf()
        yield server


def test_our_own_name(smtp):
    """HELO with our name or address: from outside, a lie."""
    for name in ("n1.example.org", "N1.EXAMPLE.ORG", "n1.example.org.",
                 "[203.0.113.25]"):
        for verb in ("HELO", "EHLO"):
            c = smtp(**proxied(MX))
            c.cmd("%s %s" % (verb, name), 550, "5.7.1")
            c.hello("mx.example.net")
            c.cmd("QUIT", 221)
    c = smtp(**proxied("127.0.0.1"))
    c.hello("n1.example.org")


def test_no_dsn_for_strangers(smtp, account):
    """Their senders may be forged: nobody is told of what he never sent."""
    c = smtp(**proxied(MX))
    assert "DSN" not in c.hello("mx.example.net")
    c.cmd("MAIL FROM:<bob@example.net> RET=HDRS", 555, "5.5.4")
    c.cmd("MAIL FROM:<bob@example.net>")
    c.cmd("RCPT TO:<%s> NOTIFY=SUCCESS" % account, 555, "5.5.4")
    c = smtp(**proxied("127.0.0.1"))
    assert "DSN" in c.hello("mx.example.net")


def test_reverse_dns(smtp, account, ctl):
    for peer in (NAMELESS, OTHER):
        c = smtp(**proxied(peer))
        c.hello("mx.example.net")
        c.cmd("MAIL FROM:<bob@example.net>", 550, "5.7.25")
    c = smtp(**proxied("127.0.0.1"))
    c.hello("x")
    begin(c, account).data(message())
    assert len(mailbox(ctl, account)) == 1


def test_reverse_dns_unknown(smtp, account, ctl, dns):
    """What DNS cannot tell now is no reason."""
    dns.freeze()
    try:
        c = smtp(**proxied("198.51.100.77"))
        c.hello("mx.example.net")
        c.send(b"MAIL FROM:<>\r\n")
        c.expect_reply(250, seconds=30)
    finally:
        dns.thaw()


def test_messages_a_minute(smtp, account):
    """Counted by client, over its sessions."""
    began, taken, code = time.monotonic(), 0, 0
    while taken <= most_of(RATE, began):
        c = smtp(**proxied("127.0.0.1"))
        c.hello("x")
        begin(c, account).cmd("RSET")       # one of us: never counted
        c = smtp(**proxied("203.0.113.200"))
        c.hello("mx.example.net")
        c.send(b"MAIL FROM:<>\r\n")
        code, texts = c.reply()
        if code == 421:
            break
        taken += 1
    assert code == 421 and "4.7.0" in texts[0] and taken >= RATE, texts
    assert c.closed() == ""
    # others are not hindered
    c = smtp(**proxied(MX))
    c.hello("mx.example.net")
    begin(c, account)
