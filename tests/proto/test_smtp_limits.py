"""SMTP: what is too much, too slow, too often."""

import signal
import time

import pytest

from rig.line import stuffed
from rig.node import STOP_SECONDS
from smtp_common import begin, mailbox, message

SHOAL = {
    "settings": {
        "smtp.errors_max": 4, "smtp.line_max": 512,
        "smtp.recipients_max": 100, "smtp.messages_per_session": 2,
        "smtp.command_timeout": "5s", "smtp.bare_newline": "normalise",
        # nobody is exempt
        "net.exempt": "192.0.2.1", "net.rate_per_client": 10000,
    },
}


@pytest.fixture(scope="module", autouse=True)
def small(cluster):
    """An account with a quota, there before any node starts."""
    a = cluster.share.take()
    cluster.ctl.run("account", "quota", str(a), "10K")
    return a


def client(smtp):
    c = smtp()
    c.hello()
    return c


def test_b06_long_lines(smtp):
    c = client(smtp)
    c.cmd("NOOP " + "x" * 505, 250)
    c.cmd("NOOP " + "x" * 600, 500, "5.5.2")
    c.cmd("NOOP " + "x" * 100000, 500)
    c.cmd("NOOP", 250)                  # found the beginning again
    c.cmd("NOOP " + "x" * 600, 500)     # the third
    assert c.closed() == ""


def test_b12_recipients(smtp, account, ctl):
    c = client(smtp)
    user, domain = str(account).split("@")
    c.cmd("MAIL FROM:<a@example.net>")
    c.send("".join("RCPT TO:<%s+%d@%s>\r\n" % (user, i, domain)
                   for i in range(101)))
    for _ in range(100):
        c.expect_reply(250)
    c.expect_reply(452, "4.5.3")
    c.data(message("b12"))              # to those it was promised
    assert len(mailbox(ctl, account)) == 1


def test_errors_slow_down_then_end(smtp):
    c = client(smtp)
    c.cmd("FOO", 500)
    c.cmd("FOO", 500)
    began = time.monotonic()
    c.cmd("FOO", 500)
    assert time.monotonic() - began > 0.9
    c.cmd("FOO", 421, "4.7.0")
    assert c.closed() == ""


def test_a_delivery_forgives(smtp, account):
    c = client(smtp)
    for _ in range(2):
        c.cmd("FOO", 500)
        c.cmd("FOO", 500)
        c.deliver(message(), account)


def test_messages_of_a_session(smtp, account, ctl):
    c = client(smtp)
    c.deliver(message(), account)
    c.deliver(message(), account)
    c.cmd("MAIL FROM:<>", 421, "4.7.0")
    assert c.closed() == ""
    assert len(mailbox(ctl, account)) == 2


def test_b26_slow_clients(smtp, account):
    """A line that trickles, a message that stops, nothing at all: each is cut
    off when the time for it is over, whatever came meanwhile."""
    silent, stopped, chunk = (client(smtp) for _ in range(3))
    begin(stopped, account).cmd("DATA", 354)
    stopped.send(message("slow"))
    begin(chunk, account).send(b"BDAT 10\r\n0123456789")
    chunk.expect_reply(250)
    began = time.monotonic()
    trickle = client(smtp)
    # well before 5 s are over: who sends then loses what he was told
    while time.monotonic() - began < 2.5:
        trickle.send("N")
        time.sleep(0.5)
    for c in (silent, trickle, stopped, chunk):
        c.expect_reply(421, "4.4.2")
        assert c.closed() == ""
    assert 4.5 < time.monotonic() - began < 15


def test_bare_lf_normalised(smtp, account, ctl):
    c = begin(client(smtp), account)
    c.cmd("DATA", 354)
    c.send(b"Subject: x\n\na\n..b\r\nc\n\r\n.\r\n")
    c.expect_reply(250)
    c.send("NOOP\n")
    c.expect_reply(250)
    # an end that is none is refused whatever the setting
    begin(c, account).cmd("DATA", 354)
    c.send(b"a\n.\nMAIL FROM:<>\r\n.\r\n")
    c.expect_reply(550, "5.5.2")
    assert c.closed() == ""
    raw, = mailbox(ctl, account)
    assert raw.endswith(b"Subject: x\r\n\r\na\r\n.b\r\nc\r\n\r\n")


def test_over_quota(smtp, small, ctl):
    account = small
    c = client(smtp)
    c.cmd("MAIL FROM:<a@example.net> SIZE=20000")
    c.cmd("RCPT TO:<%s>" % account, 452, "4.2.2")
    # what RCPT accepted is delivered
    c = begin(client(smtp), account)
    c.data(message("q", "x" * 20000))
    c = client(smtp)
    c.cmd("MAIL FROM:<a@example.net>")
    c.cmd("RCPT TO:<%s>" % account, 452, "4.2.2")
    assert len(mailbox(ctl, account)) == 1


def test_drain(smtp, account, ctl, n1):
    """An idle session is told at once, one in a transaction may end it."""
    idle, busy = client(smtp), begin(client(smtp), account)
    busy.cmd("DATA", 354)
    n1.signal(signal.SIGTERM)
    idle.expect_reply(421, "4.3.2")
    assert idle.closed() == ""
    busy.send(stuffed(message("drain")))
    busy.expect_reply(250)
    busy.expect_reply(421, "4.3.2")
    assert busy.closed() == ""
    idle.close()
    busy.close()
    assert n1.process.wait(STOP_SECONDS) == 0
    n1.process = None
    assert len(mailbox(ctl, account)) == 1
