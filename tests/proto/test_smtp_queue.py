"""SMTP: mail for elsewhere is in the queue when it is answered 250.

The node does not send, so that it stays there."""

import re

import pytest

from smtp_common import begin, mailbox, message

SHOAL = {"conf": 'send = "no"\n', "settings": {"smtp.errors_max": 30}}
AWAY = "x@elsewhere.example"


@pytest.fixture(scope="module", autouse=True)
def aliases(cluster):
    """Before any node starts."""
    ctl = cluster.ctl
    ctl.run("domain", "add", "all.example")
    ctl.run("alias", "add", "away@example.org", AWAY)
    ctl.run("alias", "add", "mixed@example.org", AWAY)
    ctl.run("alias", "add", "mixed@example.org", "u19@example.org")
    ctl.run("alias", "add", "@all.example", "all@elsewhere.example")


def client(smtp):
    c = smtp()
    c.hello()
    return c


def queued(c, ctl, text=message()):
    """The row of the message that is sent now."""
    texts = c.data(text)
    m = re.search(r"queued as (\S+), id n1-", texts[0])
    assert m, texts
    row, = [r for r in ctl.json("queue", "list") if r["id"] == m[1]]
    return row


def test_forward(smtp, ctl, account):
    c = client(smtp)
    row = queued(begin(c, "away@example.org"), ctl)
    assert row["from"] == "bob@example.net" and row["to"] == [AWAY]
    # whoever is here gets it from there, too: 250 is for all of them
    row = queued(begin(c, account, "mixed@example.org"), ctl)
    assert sorted(row["to"]) == sorted([str(account), "u19@example.org", AWAY])
    assert mailbox(ctl, account) == []
    # mail for people here alone is in their mailbox
    assert "delivered" in begin(c, account).data(message())[0]
    assert len(mailbox(ctl, account)) == 1


def test_dsn(smtp, lmtp, ctl, account):
    c = smtp()
    assert "DSN" in c.hello()
    c.cmd("MAIL FROM:<bob@example.net> RET=HDRS ENVID=a+2Bb")
    c.cmd("RCPT TO:<%s> NOTIFY=SUCCESS ORCPT=rfc822;bob@example.org" % account)
    assert queued(c, ctl)["to"] == [str(account)]
    for bad in ("RET=ALL", "ENVID=a+0D+0Ab", "ENVID=" + "x" * 101,
                "RET=FULL RET=FULL"):
        c.cmd("MAIL FROM:<bob@example.net> " + bad, 501, "5.5.4")
    c.cmd("MAIL FROM:<bob@example.net> NOTIFY=NEVER", 555, "5.5.4")
    c.cmd("MAIL FROM:<bob@example.net>")
    for bad in ("NOTIFY=NEVER,DELAY", "NOTIFY=", "ORCPT=a@b",
                "ORCPT=rfc822;a+0D+0Ab", "NOTIFY=DELAY NOTIFY=DELAY"):
        c.cmd("RCPT TO:<%s> %s" % (account, bad), 501, "5.5.4")
    c.cmd("RCPT TO:<%s> NOTIFY=DELAY,FAILURE" % account)
    assert "delivered" in c.data(message())[0]
    c = lmtp()
    assert "DSN" not in c.hello(verb="LHLO")
    c.cmd("MAIL FROM:<> RET=FULL", 555)


def test_b14_a_catch_all_elsewhere_relays_nothing(smtp, ctl):
    """Who gets all of a domain gets what is for the domain."""
    c = client(smtp)
    c.cmd("MAIL FROM:<bob@example.net>")
    for to in ("x%example.net@all.example", "example.net!x@all.example",
               '"x@example.net"@all.example', "@all.example:x@example.net",
               "x%example.net"):
        c.cmd("RCPT TO:<%s>" % to, 550, "5.7.1")
    c.cmd("RCPT TO:<anybody@all.example>")
    assert queued(c, ctl)["to"] == ["all@elsewhere.example"]


def test_bounces_to_nobody(smtp, ctl):
    """Only what we signed is a rewritten sender of ours."""
    c = client(smtp)
    c.cmd("MAIL FROM:<>")
    for to in ("SRS0=AAAA=BB=example.net=x@example.org",
               "SRS1=AAAA=example.com==BBBB=CC=example.net=x@example.org",
               "srs0+AAAA=BB=example.net=x@example.org"):
        c.cmd("RCPT TO:<%s>" % to, 550, "5.1.1")


def test_submission_to_elsewhere(submit, ctl, account):
    c = submit(account)
    c.cmd("MAIL FROM:<%s>" % account)
    c.cmd("RCPT TO:<%s>" % AWAY)
    c.cmd("RCPT TO:<x%%example.net@example.org>", 550, "5.7.1")
    text = ("From: <%s>\r\nSubject: s\r\n\r\nx\r\n" % account).encode()
    row = queued(c, ctl, text)
    assert row["from"] == str(account) and row["to"] == [AWAY]
