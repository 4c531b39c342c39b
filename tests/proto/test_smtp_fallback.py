"""SMTP: a listener marked fallback; a node with two addresses is both."""

import time

import pytest

from rig.dnsserver import DnsServer
from rig.line import Smtp
from rig.ports import ports
from rig.wait import quickest
from smtp_common import begin, mailbox, message
from smtp_stranger import MX, NAMELESS, PROXY, ZONES, proxied

PORT = ports.take("127.0.0.1")
SHOAL = {"listeners": {"smtp": PROXY}}
LISTEN = """
listen fallback {
	protocol = smtp
	address = { "127.0.0.1:%d" }
	fallback = yes
	%s
}
""" % (PORT, PROXY)


@pytest.fixture(scope="module", autouse=True)
def dns():
    with DnsServer(ZONES) as server:
        SHOAL["conf"] = server.conf() + LISTEN
        yield server


@pytest.fixture
def fallback(n1):
    made = []

    def make(peer, hello="mx.example.net"):
        c = Smtp(("127.0.0.1", PORT), **proxied(peer))
        made.append(c)
        c.greeting()
        c.hello(hello)
        return c
    yield make
    for c in made:
        c.close()


def test_good_mail_is_taken(fallback, account, ctl):
    began = time.monotonic()
    c = fallback(MX)
    assert time.monotonic() - began > 1.5       # who spams does not wait
    begin(c, account).data(message())
    begin(c, account, sender="").data(message())
    assert len(mailbox(ctl, account)) == 2


def test_early_talker(n1):
    for _ in range(5):
        with Smtp(("127.0.0.1", PORT), **proxied(MX)) as c:
            c.send(b"EHLO mx.example.net\r\n")
            code, _ = c.reply()
        if code == 554:     # else this process stood still for so long
            break
    assert code == 554


def test_reverse_dns(fallback, smtp, account):
    fallback(NAMELESS).cmd("MAIL FROM:<bob@example.net>", 550, "5.7.25")
    # the same node's other address
    c = smtp(**proxied(NAMELESS))
    c.hello("mx.example.net")
    c.cmd("MAIL FROM:<bob@nowhere.example>")


@pytest.mark.parametrize("sender,code,enhanced", [
    ("x@nowhere.example", 550, "5.1.8"),
    ("x@nothing.none.example", 550, "5.1.8"),
    ("x@nomail.example", 550, "5.7.27"),
    ("x@none.example", 250, "2.1.0"),       # an address is enough
    ("x@example.net", 250, "2.1.0"),
    ("", 250, "2.1.0"),
])
def test_sender_domain(fallback, sender, code, enhanced):
    fallback(MX).cmd("MAIL FROM:<%s>" % sender, code, enhanced)


def test_our_own_wait_for_nothing(fallback, account):
    assert quickest(lambda: fallback("127.0.0.1", "x"), 1.5)
    c = fallback("127.0.0.1", "x")
    begin(c, account, sender="x@nowhere.example")
