"""Submission: who may, in whose name, and what AUTH answers."""

import base64
import re

import pytest

from rig.line import tls_context
from rig.wait import wait_for
from smtp_common import begin, mailbox, message, split

SHOAL = {"accounts": 30, "settings": {"auth.failure_delay": "0"}}


def b64(text):
    return base64.b64encode(text.encode()).decode()


def plain(account, password=None):
    return b64("\0%s\0%s" % (account, password or account.password))


def mail(account, name="m"):
    return message(name).replace(b"Bob <bob@example.net>",
                                 str(account).encode())


def test_ehlo(submit, account):
    c = submit()
    assert c.words["AUTH"].endswith("PLAIN LOGIN")
    assert c.words["LIMITS"] == "RCPTMAX=1000" and "STARTTLS" not in c.words
    assert {"SIZE", "8BITMIME", "SMTPUTF8", "CHUNKING", "PIPELINING",
            "ENHANCEDSTATUSCODES"} <= set(c.words)
    c = submit(account)
    assert "AUTH" not in c.hello()
    c = submit(tls=False)
    assert "STARTTLS" in c.words
    c.tls(tls_context())
    assert "STARTTLS" not in c.hello()


def test_not_on_port_25(smtp):
    c = smtp()
    words = c.hello()
    assert "AUTH" not in words
    assert words["LIMITS"] == "RCPTMAX=1000 MAILMAX=100"
    c.cmd("AUTH PLAIN AGEAYg==", 500)
    c.cmd("MAIL FROM:<a@example.net> AUTH=<>", 555)


def test_login_comes_first(submit, account):
    c = submit()
    c.cmd("MAIL FROM:<%s>" % account, 530, "5.7.0")
    c.cmd("RCPT TO:<%s>" % account, 503)
    c.cmd("AUTH PLAIN " + plain(account), 235, "2.7.0")
    c.cmd("MAIL FROM:<%s>" % account)


def test_a_message(submit, account, ctl):
    for tls, word in ((True, r"ESMTPSA \(TLSv1\.[23] cipher \S+\)"),
                      (False, "ESMTPA")):
        c = submit(account, tls=tls)
        c.deliver(mail(account), account, sender=str(account))
        fields, _ = split(mailbox(ctl, account)[-1])
        assert re.search(r" with %s id " % word, dict(fields)["Received"])


def test_auth_words(submit, account, n1):
    """RFC 4954, 4 and 6."""
    c = submit()
    c.cmd("AUTH", 501, "5.5.4")
    c.cmd("AUTH CRAM-MD5", 504, "5.5.4")                # B23
    c.cmd(b64(account.password), 500, "5.5.1")          # it goes on
    c.cmd("AUTH PLAIN =", 501, "5.5.2")
    c.cmd("AUTH PLAIN ?", 501, "5.5.2")
    c = submit()
    c.cmd("AUTH PLAIN", 334)
    c.cmd("*", 501)                                     # B23
    c.cmd("AUTH LOGIN", 334, b64("Username:"))
    c.cmd(b64(str(account)), 334, b64("Password:"))
    c.cmd("*", 501)
    c.cmd("auth login " + b64(str(account)), 334, b64("Password:"))
    c.cmd(b64(account.password), 235, "2.7.0")
    c.cmd("AUTH PLAIN " + plain(account), 503, "5.5.1")
    c = submit()
    c.cmd("AUTH PLAIN", 334)
    c.cmd(plain(account), 235)
    c.cmd("MAIL FROM:<%s>" % account)
    c.cmd("AUTH PLAIN " + plain(account), 503, "5.5.1")
    with open(n1.log_file) as f:
        assert b64(account.password) not in f.read()


def test_auth_before_ehlo(connect, account):
    from rig.line import Smtp
    c = connect(Smtp, "n1", "submissions", tls=True)
    c.greeting()
    c.cmd("AUTH PLAIN " + plain(account), 503, "5.5.1")


def test_wrong_passwords(submit, account, n1):
    c = submit()
    c.cmd("AUTH PLAIN " + plain(account, "wrong"), 535, "5.7.8")
    c.cmd("AUTH LOGIN", 334)
    c.cmd(b64(str(account)), 334)
    c.cmd(b64("wrong again"), 535, "5.7.8")
    c.cmd("AUTH PLAIN " + plain("nobody@example.org", "x"), 421, "4.7.0")
    assert c.closed() == ""
    lines = n1.log(event="login refused", login=str(account))
    assert [line["protocol"] for line in lines] == ["submission"] * 2
    with open(n1.log_file) as f:
        text = f.read()
    assert plain(account, "wrong") not in text and "wrong again" not in text


def test_b06_long_lines(submit, account):
    c = submit()
    c.cmd("AUTH PLAIN " + "A" * 12000, 501)             # read, and nonsense
    c.cmd("NOOP " + "A" * 2100, 500, "5.5.2")
    c.cmd("AUTH PLAIN " + "A" * 12300, 500, "5.5.2")
    c.cmd("AUTH PLAIN", 334)
    c.cmd("A" * 12300, 500, "5.5.6")
    c.cmd("AUTH PLAIN " + plain(account), 235)
    c.cmd("NOOP " + "A" * 2100, 500)
    assert c.closed() == ""                             # the third


def test_b05_starttls_after_auth(submit, account):
    c = submit(account, tls=False)
    c.cmd("STARTTLS", 503, "5.5.1")
    c.cmd("MAIL FROM:<%s>" % account)


def test_starttls_forgets(submit, account):
    c = submit(tls=False)
    c.tls(tls_context())
    c.cmd("AUTH PLAIN " + plain(account), 503)          # EHLO first
    c.hello()
    c.cmd("MAIL FROM:<%s>" % account, 530)


def test_b24_sender(submit, account, cluster, ctl):
    other = cluster.share.take()
    mine = "name-of-%s" % account
    ctl.run("alias", "add", mine, str(account))
    c = submit(account)

    def known():
        c.send("MAIL FROM:<%s>\r\nRSET\r\n" % mine)
        code, _ = c.reply()
        c.expect_reply(250)
        return code == 250
    wait_for("the node knows the alias", known, 20)
    for sender in (str(account), str(account).upper(), mine, "",
                   str(account).replace("@", "+shop@")):
        c.cmd("MAIL FROM:<%s>" % sender, 250, "2.1.0")
        c.cmd("RSET")
    for sender in (str(other), "nobody@example.org", "a@example.net",
                   "postmaster@example.org", '"x y"@example.org'):
        c.cmd("MAIL FROM:<%s>" % sender, 553, "5.7.1")


def test_state_changes_end_sessions(submit, cluster, ctl):
    """What the administrator does holds for who has logged in already."""
    one, two, three = (cluster.share.take() for _ in range(3))
    clients = [(submit(who), who) for who in (one, two)]
    other = submit(three)
    ctl.run("account", "suspend", one.address)
    ctl.run("account", "password", two.address, "--password-stdin",
            stdin="another-secret\n")

    def ended(c, who):
        c.send("MAIL FROM:<%s>\r\n" % who)
        code, _ = c.reply()
        if code == 421:
            return True
        assert code == 250
        c.cmd("RSET")
        return False
    for c, who in clients:
        wait_for("the session's end", lambda: ended(c, who), 20)
        assert c.closed() == ""
    other.cmd("MAIL FROM:<%s>" % three)


def test_auth_parameter(submit, account):
    c = submit(account)
    for value in ("<>", "bob@example.net", "e+3Dmc2@example.com"):
        c.cmd("MAIL FROM:<%s> AUTH=%s" % (account, value))
        c.cmd("RSET")
    for value in ("", "a+2", "a+3d", "a+"):
        c.cmd("MAIL FROM:<%s> AUTH=%s" % (account, value), 501, "5.5.4")


def test_b02_bare_newlines(submit, account, ctl):
    """Of our own users they are put right; CR alone is not."""
    c = submit(account)
    c.send("NOOP\n")
    c.expect_reply(250)
    begin(c, account, sender=str(account)).cmd("DATA", 354)
    c.send(mail(account, "lf") + b"one\ntwo\n..three\r\n.\r\n")
    c.expect_reply(250)
    assert mailbox(ctl, account)[0].endswith(
        b"one\r\ntwo\r\n.three\r\n")
    begin(c, account, sender=str(account)).cmd("DATA", 354)
    c.send(mail(account, "cr") + b"one\rtwo\r\n.\r\n")
    c.expect_reply(550, "5.6.0")
    begin(c, account, sender=str(account)).cmd("DATA", 354)
    c.send(mail(account, "end") + b"one\n.\ntwo\r\n.\r\n")
    c.expect_reply(550, "5.5.2")
    assert c.closed() == ""


def test_stranger_pipelines(submit):
    c = submit(tls=False)
    c.send("AUTH PLAIN AGEAYg==\r\nMAIL FROM:<>\r\n")
    c.expect_reply(535)
    c.expect_reply(530)
    c.cmd("NOOP")


@pytest.mark.parametrize("junk", ["\x00", "\\", "A" * 4000],
                         ids=["nul", "backslash", "long"])
def test_odd_names(submit, junk):
    c = submit()
    c.cmd("AUTH PLAIN " + b64("\0%s@example.org\0x" % junk), "5")
