"""What becomes of the header of what is submitted, and how much may be."""

import email.utils
import re
import time

import pytest

from rig.wait import wait_for
from smtp_common import begin, mailbox, split

SHOAL = {"accounts": 40, "settings": {"auth.failure_delay": "0"}}


def send(c, account, text, code=250, words="", sender=None, to=None):
    """text without its From, unless it has one."""
    begin(c, to or account,
          sender=str(account) if sender is None else sender)
    return c.data(text, code, words)


def stored(ctl, account):
    return split(mailbox(ctl, account)[-1])


def theirs(fields):
    """Without what we put on top."""
    names = [name for name, _ in fields]
    return fields[names.index("Received") + 1:]


def test_whole_header_stays(submit, account, ctl):
    text = ("From: Me  <%s>\r\nDate: Sat, 1 Jan 2022 00:00:00 +0100\r\n"
            "message-id: <mine@example.org>\r\nX-A:b\r\n  c\r\n\r\nhello\r\n"
            % account)
    send(submit(account), account, text)
    raw = mailbox(ctl, account)[0]
    assert raw.endswith(text.encode())


def test_what_is_missing(submit, account, ctl):
    c = submit(account)
    send(c, account, "Subject: x\r\n\r\nhello\r\n")
    fields, body = stored(ctl, account)
    fields = theirs(fields)
    assert [n for n, _ in fields] == ["Subject", "From", "Date", "Message-ID"]
    fields = dict(fields)
    assert fields["From"] == str(account) and body == b"hello\r\n"
    at = email.utils.parsedate_to_datetime(fields["Date"]).timestamp()
    assert abs(at - time.time()) < 100
    assert re.match(r"<[0-9a-f]{24}@example\.org>$", fields["Message-ID"])
    # a body and nothing else
    send(c, account, "no header here\r\n")
    fields, body = stored(ctl, account)
    assert [n for n, _ in theirs(fields)] == ["From", "Date", "Message-ID"]
    assert body == b"no header here\r\n"


def test_bcc_goes(submit, account, ctl):
    text = ("Bcc: secret@example.net,\r\n other@example.net\r\nFrom: %s\r\n"
            "BCC: more@example.net\r\nReturn-Path: <x@example.net>\r\n"
            "Resent-Bcc: y@example.net\r\nDate: Sat, 1 Jan 2022 00:00:00 "
            "+0000\r\nMessage-ID: <b@example.org>\r\n\r\nBcc: body\r\n"
            % account)
    send(submit(account), account, text)
    fields, body = stored(ctl, account)
    assert [n for n, _ in theirs(fields)] == ["From", "Date", "Message-ID"]
    assert body == b"Bcc: body\r\n"
    assert b"secret" not in mailbox(ctl, account)[0]
    assert [v for n, v in fields if n == "Return-Path"] == ["<%s>" % account]


def test_others_are_left_alone(smtp, account, ctl):
    """Only what is submitted is completed."""
    c = smtp()
    c.hello()
    begin(c, account).data("Bcc: x@example.net\r\nSubject: y\r\n\r\nz\r\n")
    fields, _ = stored(ctl, account)
    assert theirs(fields) == [("Bcc", "x@example.net"), ("Subject", "y")]


@pytest.mark.parametrize("field", [
    "From: other@example.org",
    "From: a@example.net",
    "From: %(me)s, a@example.net",
    "From: \"%(me)s\" <a@example.net>",
    "From: %(me)s\r\nFrom: a@example.net",
    "from:\r\n\ta@example.net",
    "X: y\r\nFrom : a@example.net",
    "From: nobody",
    "From:",
    "From: group: %(me)s, a@example.net;",
    "From: group:;",
    "From: " + ", ".join(["%(me)s"] * 200),
    "From: %(me)s" + " " * 20000 + ", a@example.net",
    "X: y\r\n" * 5000 + "From: a@example.net",
], ids=str.split("local remote second display twice folded blank word empty "
                 "group nobody many long cut"))
def test_b24_from_of_others(submit, account, field):
    c = submit(account)
    send(c, account, field % {"me": account} + "\r\n\r\nx\r\n", 550, "5.7.1")
    c.cmd("NOOP")


@pytest.mark.parametrize("field", [
    "From: %(me)s",
    "From: a@example.net <%(me)s>",
    "From: \"a, b@example.net\" <%(upper)s>",
    "From: %(me)s (a@example.net)",
    "From: %(plus)s, Me <%(me)s>",
    "From: group: %(me)s;",
], ids=str.split("plain display quoted comment two group"))
def test_from_of_ones_own(submit, account, field):
    me = str(account)
    send(submit(account), account, field % {
        "me": me, "upper": me.upper(), "plus": me.replace("@", "+x@")}
        + "\r\n\r\nx\r\n")


def test_aliases_and_identities(submit, cluster, account, ctl):
    """By name in MAIL and in From."""
    ctl.run("alias", "add", "sales@example.org", str(account))
    ctl.run("identity", "add", str(account), "me@elsewhere.example")
    ctl.run("identity", "add", str(account), "*@all.example")
    c = submit(account)

    def works(sender):
        c.send("MAIL FROM:<%s>\r\nRSET\r\n" % sender)
        code, _ = c.reply()
        c.expect_reply(250)
        return code == 250
    wait_for("all are known", lambda: works("x@all.example"), 20)
    for sender in ("sales@example.org", "me@elsewhere.example",
                   "x@all.example"):
        send(c, account, "From: Me <%s>\r\n\r\nx\r\n" % sender,
             sender=sender)
    for sender in "you@elsewhere.example", "x@sub.all.example":
        assert not works(sender)
        send(c, account, "From: <%s>\r\n\r\nx\r\n" % sender, 550)
    # reports that mail was read have no sender
    send(c, account, "From: %s\r\n\r\nx\r\n" % account, sender="")
    send(c, account, "From: a@example.net\r\n\r\nx\r\n", 550, sender="")


def set_to(ctl, name, value, check):
    ctl.run("settings", "set", name, *value)
    wait_for("%s is known" % name, check, 20)


def test_from_may_be_free(submit, account, ctl):
    c = submit(account)

    def passes():
        begin(c, account, sender=str(account)).cmd("DATA", 354)
        c.send("From: a@example.net\r\n\r\nx\r\n.\r\n")
        return c.reply()[0] == 250
    try:
        set_to(ctl, "submission.check_from", ["no"], passes)
        c.cmd("MAIL FROM:<a@example.net>", 553)
    finally:
        set_to(ctl, "submission.check_from", [], lambda: not passes())


def test_client_is_hidden(submit, smtp, account, ctl):
    c = submit(account)

    def hidden():
        send(c, account, "Subject: x\r\n\r\ny\r\n")
        return "from" not in dict(stored(ctl, account)[0])[
            "Received"].split(" by ")[0]
    assert not hidden()
    try:
        set_to(ctl, "submission.hide_client", ["yes"], hidden)
        fields, _ = stored(ctl, account)
        assert re.match(
            r"by n1\.example\.org with ESMTPSA \(TLS\S+ cipher \S+\) id \S+ "
            r"for <%s>; " % account, dict(fields)["Received"])
        assert b"127.0.0.1" not in mailbox(ctl, account)[-1]
        c = smtp()
        c.hello()
        begin(c, account).data("Subject: x\r\n\r\ny\r\n")
        assert dict(stored(ctl, account)[0])["Received"].startswith("from ")
    finally:
        ctl.run("settings", "set", "submission.hide_client")


@pytest.fixture
def limits(cluster, ctl, n1, n2, submit):
    """limits(recipients="5"): known to both nodes."""
    names = []

    def make(**kw):
        for name, value in kw.items():
            names.append("submission." + name)
            ctl.run("settings", "set", names[-1], value)
    yield make
    for name in names:
        ctl.run("settings", "set", name)


def rcpts(c, account, n):
    """How many of n recipients are accepted; the transaction stays."""
    c.cmd("MAIL FROM:<%s>" % account)
    good = 0
    for i in range(n):
        c.send("RCPT TO:<%s>\r\n" % str(account).replace("@", "+%d@" % i))
        code, texts = c.reply()
        assert code == 250 or (code == 450 and
                               texts[0].startswith("4.7.1")), texts
        good += code == 250
    return good


def accepted(c, account, n):
    got = rcpts(c, account, n)
    c.cmd("RSET")
    return got


def test_messages_of_an_hour(submit, account, limits):
    limits(messages_per_hour="2")
    c = submit(account)
    while time.time() % 3600 > 3570:        # not over the hour's end
        time.sleep(1)

    def one():
        c.send("MAIL FROM:<%s>\r\n" % account)
        code, texts = c.reply()
        if code == 450:
            assert texts[0].startswith("4.7.1")
            return False
        c.cmd("RCPT TO:<%s>" % account)
        c.data("Subject: x\r\n\r\ny\r\n")
        return True
    assert one() and one()
    wait_for("the limit is known", lambda: not one(), 20)
    assert not one()


def test_recipients_of_a_day(submit, account, cluster, limits, n1, n2):
    """On all nodes together; what is on its way counts; RSET gives it back."""
    limits(recipients_per_day="5")
    # each worker has to know
    for x in [s for node in (n1, n2) for s in node.at_each(
            lambda n=node: submit(account, node=n)).values()]:
        wait_for("the limit is known", lambda: accepted(x, account, 9) == 5,
                 20)
        x.close()
    while time.time() % 86400 > 86400 - 60:     # not over the day's end
        time.sleep(1)
    c, d = submit(account), submit(account, node="n2")
    assert rcpts(c, account, 3) == 3
    e = submit(account)
    assert accepted(e, account, 9) == 2
    c.data("Subject: x\r\n\r\ny\r\n")
    assert accepted(e, account, 9) == 2
    wait_for("the other node has heard", lambda:
             accepted(d, account, 9) == 2, 20)
    assert rcpts(d, account, 2) == 2
    d.data("Subject: x\r\n\r\ny\r\n")
    assert accepted(d, account, 1) == 0
    wait_for("and told", lambda: accepted(c, account, 1) == 0, 20)
    # others are not meant
    other = cluster.share.take()
    assert accepted(submit(other), other, 2) == 2
