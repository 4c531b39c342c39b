"""What a domain's own rules say about sending."""

import pytest

from rig.wait import wait_for

SHOAL = {"accounts": 10}


@pytest.fixture
def rule(ctl):
    """rule(option, value): of example.org, until the test ends."""
    before = {"--outgoing": "yes", "--message-max": "0",
              "--recipients-per-day": "default"}
    given = []

    def make(option, value):
        given.append(option)
        ctl.run("domain", "set", "example.org", option, value)
    yield make
    for option in given:
        ctl.run("domain", "set", "example.org", option, before[option])


def mail(c, account, words="", to=None):
    """The answer to MAIL, or, if that is accepted, to RCPT."""
    c.send("MAIL FROM:<%s>%s\r\n" % (account, words))
    code, texts = c.reply()
    if code == 250 and to is not None:
        c.send("RCPT TO:<%s>\r\n" % to)
        code, texts = c.reply()
    c.cmd("RSET")
    return code, texts[0][:5]


def accepted(c, account, n):
    """How many of n recipients."""
    c.cmd("MAIL FROM:<%s>" % account)
    good = 0
    for i in range(n):
        c.send("RCPT TO:<%s>\r\n" % str(account).replace("@", "+%d@" % i))
        good += c.reply()[0] == 250
    c.cmd("RSET")
    return good


def test_outgoing(submit, smtp, account, rule):
    c = submit(account)
    assert mail(c, account)[0] == 250
    rule("--outgoing", "no")
    wait_for("it is known", lambda: mail(c, account) == (550, "5.7.1"), 20)
    # mail to it is another matter
    other = smtp()
    other.hello()
    other.cmd("MAIL FROM:<x@example.net>")
    other.cmd("RCPT TO:<%s>" % account)
    other.data("Subject: x\r\n\r\ny\r\n")
    rule("--outgoing", "yes")
    wait_for("it may again", lambda: mail(c, account)[0] == 250, 20)


def test_message_max(submit, smtp, account, rule):
    rule("--message-max", "100K")
    c = submit(account)
    wait_for("it is known", lambda:
             mail(c, account, " SIZE=102401", account) == (552, "5.3.4"), 20)
    assert mail(c, account, " SIZE=102400", account)[0] == 250
    # whatever was said
    c.cmd("MAIL FROM:<%s>" % account)
    c.cmd("RCPT TO:<%s>" % account)
    c.data("Subject: x\r\n\r\n" + ("y" * 70 + "\r\n") * 1500, 552, "5.3.4")
    other = smtp()
    other.hello()
    assert mail(other, "x@example.net", " SIZE=102401", account) == \
        (552, "5.3.4")
    assert mail(other, "x@example.net", " SIZE=102400", account)[0] == 250


def test_recipients_of_a_day(submit, account, rule):
    c = submit(account)
    assert accepted(c, account, 5) == 5
    rule("--recipients-per-day", "3")
    wait_for("it is known", lambda: accepted(c, account, 5) == 3, 20)
    rule("--recipients-per-day", "unlimited")
    wait_for("it is known", lambda: accepted(c, account, 5) == 5, 20)
