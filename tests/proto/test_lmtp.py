"""LMTP: one answer for each recipient (RFC 2033)."""

import pytest

from rig.line import stuffed
from smtp_common import KEYWORDS, begin, mailbox, message, split

SHOAL = {
    "settings": {"smtp.recipients_max": 200},
    "listeners": {"lmtp": 'allow = { "127.0.0.2", "unix" }'},
}


@pytest.fixture(scope="module", autouse=True)
def small(cluster):
    """An account with a quota, there before any node starts."""
    a = cluster.share.take()
    cluster.ctl.run("account", "quota", str(a), "1K")
    return a


@pytest.fixture
def client(lmtp):
    def make(**kw):
        c = lmtp(**kw)
        c.hello(verb="LHLO")
        return c
    return make


def test_greeting(lmtp):
    c = lmtp(greeting=False)
    assert " LMTP " in c.greeting()[0]
    c.cmd("EHLO x.example.net", 500, "5.5.1")
    c.cmd("HELO x.example.net", 500, "5.5.1")
    assert set(c.hello(verb="LHLO")) == KEYWORDS - {"DSN"}
    c.cmd("QUIT", 221)


def test_received(client, account, ctl):
    c = client()
    begin(c, account).data(message())
    fields, _ = split(mailbox(ctl, account)[0])
    assert fields[0][0] == "Return-Path" and fields[1][0] == "Delivered-To"
    assert "from client.example.net (local) by n1.example.org with LMTP id" \
        in dict(fields)["Received"]


def test_tcp_too(client, account, ctl):
    c = client(unix=False, source="127.0.0.2")
    c.tls()
    c.hello(verb="LHLO")
    begin(c, account).data(message())
    fields, _ = split(mailbox(ctl, account)[0])
    assert " with LMTPS (" in dict(fields)["Received"]


def test_no_recipients(client):
    c = client()
    c.cmd("MAIL FROM:<>")
    c.cmd("RCPT TO:<nobody@example.org>", 550, "5.1.1")
    c.cmd("DATA", 503, "5.5.1")


def test_unknown_recipients_are_no_crime(client, account):
    c = client()
    c.cmd("MAIL FROM:<>")
    c.send("".join("RCPT TO:<nobody%d@example.org>\r\n" % i
                   for i in range(100)))
    for _ in range(100):
        c.expect_reply(550, "5.1.1")
    c.cmd("RCPT TO:<%s>" % account)
    c.data(message())


def test_chunking(client, cluster, ctl):
    a, b = cluster.share.take(), cluster.share.take()
    c = begin(client(), a, b)
    text = message("chunks")
    c.send(b"BDAT 10\r\n" + text[:10])
    c.expect_reply(250)
    c.send(b"BDAT %d LAST\r\n" % len(text[10:]) + text[10:])
    c.expect_reply(250)
    c.expect_reply(250)
    c.cmd("NOOP")
    assert mailbox(ctl, a) == mailbox(ctl, b)


def test_refused_as_a_whole(client, cluster, ctl):
    a, b = cluster.share.take(), cluster.share.take()
    c = begin(client(), a, b)
    c.cmd("DATA", 354)
    c.send(b"a\0b\r\n.\r\n")
    c.expect_reply(550, "5.6.0")
    c.expect_reply(550, "5.6.0")
    c.cmd("NOOP")
    assert mailbox(ctl, a) == []


def test_b55_mixed_outcome(client, cluster, ctl):
    """One of two has had the message before."""
    a, b = cluster.share.take(), cluster.share.take()
    c = begin(client(), a, b, a)
    c.cmd("DATA", 354)
    c.send(stuffed(b"Delivered-To: %s\r\n" % str(a).encode() + message("b55")))
    c.expect_reply(554, "5.4.6")
    c.expect_reply(250)
    c.expect_reply(554, "5.4.6")
    assert mailbox(ctl, a) == [] and len(mailbox(ctl, b)) == 1


def test_b56_not_allowed(lmtp):
    c = lmtp(unix=False, greeting=False)
    c.expect_reply(554, "5.7.1")
    assert c.closed() == ""


def test_b57_one_over_quota(client, small, account, ctl):
    a, b = small, account
    begin(client(), a).data(message("b57", "x" * 2000))
    c = client()
    c.cmd("MAIL FROM:<x@example.net>")
    c.cmd("RCPT TO:<%s>" % a, 452, "4.2.2")
    c.cmd("RCPT TO:<%s>" % b)
    c.data(message("b57"))
    c.cmd("NOOP")
    assert len(mailbox(ctl, a)) == 1 and len(mailbox(ctl, b)) == 1


def test_b58_same_recipient_twice(client, account, ctl):
    c = begin(client(), account, str(account).upper(),
              str(account).replace("@", "+x@"))
    c.cmd("DATA", 354)
    c.send(stuffed(message("b58")))
    for _ in range(3):
        c.expect_reply(250)
    c.cmd("NOOP")
    assert len(mailbox(ctl, account)) == 1
