"""POP3: the ordinary day of a maildrop, and what several sessions see."""

import base64

import pytest

from rig.line import Closed, crlf

SHOAL = {"accounts": 30, "settings": {"auth.failure_delay": "0s"}}

MESSAGE = b"""From: a@example.net\r
To: b@example.org\r
Subject: one\r
\r
.\r
..two\r
.three\r
last\r
"""


def numbered(n, size=10):
    return crlf("From: a@example.net\nTo: b@example.org\nSubject: message %d\n"
                "\n%s\n" % (n, "x" * size))


@pytest.fixture
def full(account, deliver):
    """An account with three messages."""
    for n in (1, 2, 3):
        deliver(numbered(n, n * 100), account)
    return account


def plain(account, password=None):
    return base64.b64encode(b"\0%s\0%s" % (
        account.address.encode(),
        (password or account.password).encode())).decode()


def test_capabilities(pop3, account):
    with pop3(tls=False) as c:
        before = c.multi("CAPA").decode().split("\r\n")
        for word in ("TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE",
                     "PIPELINING", "STLS", "USER", "EXPIRE NEVER",
                     "IMPLEMENTATION Shoal"):
            assert word in before, before
        assert any(w.startswith("SASL ") and "PLAIN" in w for w in before)
        c.tls()
        after = c.multi("CAPA").decode().split("\r\n")
        assert "STLS" not in after
        c.cmd("STLS", ok=False)
        c.login(account.address, account.password)
        assert "STLS" not in c.multi("CAPA").decode().split("\r\n")
        c.cmd("QUIT")


def test_read_and_delete(pop3, full):
    with pop3(full) as c:
        n, total = map(int, c.cmd("STAT").split()[1:3])
        rows = [line.split() for line in c.multi("LIST").decode().splitlines()]
        assert n == 3 and [r[0] for r in rows] == ["1", "2", "3"]
        assert sum(int(r[1]) for r in rows) == total
        assert c.cmd("LIST 2") == "+OK 2 " + rows[1][1]
        for i in (1, 2, 3):
            body = c.multi("RETR %d" % i)
            assert len(body) == int(rows[i - 1][1])
            assert b"Subject: message %d\r\n" % i in body
            assert body.startswith(b"Return-Path: ")
        c.cmd("DELE 2")
        c.cmd("DELE 2", ok=False)
        c.cmd("RETR 2", ok=False)
        c.cmd("UIDL 2", ok=False)
        assert [r.split()[0] for r in c.multi("LIST").decode().splitlines()] \
            == ["1", "3"]
        assert c.cmd("STAT").split()[1] == "2"
        c.cmd("RSET")
        assert c.cmd("STAT").split()[1] == "3"
        c.cmd("DELE 1")
        c.cmd("NOOP")
        c.cmd("QUIT")
        c.closed()
    with pop3(full, node="n2") as c:
        assert c.cmd("STAT").split()[1] == "2"
        assert b"Subject: message 2\r\n" in c.multi("RETR 1")


def test_dots_and_top(pop3, account, deliver):
    deliver(MESSAGE, account)
    with pop3(account) as c:
        whole = c.multi("RETR 1")
        assert whole.endswith(MESSAGE[MESSAGE.index(b"\r\n\r\n"):])
        head = whole[:whole.index(b"\r\n\r\n") + 4]
        assert c.multi("TOP 1 0") == head
        assert c.multi("TOP 1 2") == head + b".\r\n..two\r\n"
        assert c.multi("TOP 1 4") == whole


def test_large_message(pop3, account, deliver):
    message = crlf("Subject: large\n\n" + ("." + "x" * 900 + "\n") * 4000)
    deliver(message, account)
    with pop3(account) as c:
        got = c.multi("RETR 1")
        assert got.endswith(message)
        # the client goes away in the middle of it
        c.send("RETR 1\r\n")
        c.read(1000)
    with pop3(account) as c:
        assert c.cmd("STAT").split()[1] == "1"


def test_snapshot(pop3, full, deliver):
    """What comes after the login is not there; what goes away stays."""
    with pop3(full) as a, pop3(full, node="n2") as b:
        deliver(numbered(4), full)
        assert a.cmd("STAT").split()[1] == "3"
        a.cmd("RETR 4", ok=False)
        b.cmd("DELE 1")
        b.cmd("DELE 2")
        b.cmd("QUIT")
        b.closed()
        assert a.cmd("STAT").split()[1] == "3"
        assert b"Subject: message 1\r\n" in a.multi("RETR 1")
        # both want it gone: it is gone, and nobody is told otherwise
        a.cmd("DELE 1")
        a.cmd("DELE 3")
        a.cmd("QUIT")
        a.closed()
    with pop3(full) as c:
        assert c.cmd("STAT").split()[1] == "1"
        assert b"Subject: message 4\r\n" in c.multi("RETR 1")


def test_pipelining(pop3, full):
    with pop3() as c:
        c.send("USER %s\r\nPASS %s\r\nSTAT\r\nDELE 1\r\nUIDL 2\r\nNOOP\r\n"
               "LIST 9\r\nQUIT\r\n" % (full.address, full.password))
        said = c.closed().split("\r\n")
        assert [line[:3] for line in said] == \
            ["+OK"] * 6 + ["-ER", "+OK", ""], said
    with pop3(full) as c:
        assert c.cmd("STAT").split()[1] == "2"


def test_wrong_order(pop3, account):
    with pop3() as c:
        for command in ("STAT", "RETR 1", "PASS x", "NOOP", "APOP a b"):
            c.cmd(command, ok=False)
        c.login(account.address, account.password)
        for command in ("USER x", "PASS x", "AUTH PLAIN", "STLS"):
            c.cmd(command, ok=False)


def test_auth_plain(pop3, account):
    with pop3() as c:
        c.cmd("AUTH PLAIN " + plain(account))
        assert c.cmd("STAT") == "+OK 0 0"
    with pop3() as c:
        c.send("AUTH PLAIN\r\n")
        c.expect(r"\+ $")
        c.cmd(plain(account))
    with pop3() as c:
        assert b"PLAIN" in c.multi("AUTH")
        c.send("AUTH PLAIN\r\n")
        c.expect(r"\+ $")
        c.cmd("*", ok=False)
        c.cmd("AUTH NONESUCH", ok=False)
        c.cmd("AUTH PLAIN !!!!", ok=False)
        c.cmd("AUTH PLAIN =", ok=False)
        c.cmd("AUTH PLAIN " + plain(account, "wrong"), ok=False,
              words="[AUTH]")
        c.cmd("AUTH PLAIN " + plain(account))


def test_wrong_password(pop3, account):
    """Unknown users get the same words; three times, and it is over."""
    with pop3() as c:
        c.cmd("USER " + account.address)
        known = c.cmd("PASS wrong", ok=False, words="[AUTH]")
        c.cmd("PASS " + account.password, ok=False)     # USER comes first
        c.cmd("USER nobody@example.org")
        assert c.cmd("PASS wrong", ok=False) == known
        c.cmd("USER " + account.address)
        c.cmd("PASS  " + account.password, ok=False)    # a blank belongs to it
        c.closed()


def test_starttls_injection(pop3):
    """What came with STLS in the clear is not looked at (CVE-2011-0411)."""
    with pop3(tls=False) as c:
        c.send("STLS\r\nCAPA\r\n")
        assert "IMPLEMENTATION" not in c.closed()


def test_user_is_forgotten_by_stls(pop3, account):
    with pop3(tls=False) as c:
        c.cmd("USER " + account.address)
        c.tls()
        c.cmd("PASS " + account.password, ok=False)


def test_quit_before_login(pop3):
    with pop3() as c:
        c.cmd("QUIT")
        assert c.closed() == ""


def test_bare_lf_and_case(pop3, account):
    with pop3() as c:
        c.send("user %s\npAsS %s\nsTaT\nquit\n" % (
            account.address, account.password))
        assert c.closed().count("+OK") == 4


def test_client_vanishes(pop3, account):
    c = pop3(tls=False)
    c.send("USER " + account.address)
    c.close()
    with pytest.raises((Closed, AssertionError, OSError)):
        c.cmd("NOOP")
