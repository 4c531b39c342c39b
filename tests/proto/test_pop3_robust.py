"""POP3: what hostile clients and a failing store get (B49 to B54)."""

import contextlib
import os

import pytest

from rig.line import crlf

SHOAL = {"accounts": 20, "settings": {"auth.failure_delay": "0s"},
         "log_ok": ["journal is read-only here", "journal entry"]}


@pytest.fixture
def full(account, deliver):
    for n in range(3):
        deliver(crlf("Subject: message %d\n\ntext\n" % n), account)
    return account


def test_b49_line_too_long(pop3, account):
    with pop3() as c:
        c.cmd("NOOP " + "x" * 506, ok=False)            # 511 bytes: too wrong
        c.cmd("USER " + "x" * 508, ok=False, words="long")
        c.cmd("USER " + "x" * 100000, ok=False, words="long")
        c.login(account.address, account.password)


@pytest.mark.parametrize("junk", [
    b"GET / HTTP/1.1", b"", b"\0\1\2\xff", b"QUITQUIT", b"STAT STAT STAT"])
def test_b49_junk_closes_at_20(pop3, junk):
    with pop3() as c:
        for _ in range(19):
            c.cmd(junk, ok=False)
        c.cmd("CAPA")
        c.body()
        c.cmd(junk, ok=False, words="too many errors")
        assert c.closed() == ""


def test_b49_junk_when_logged_in(pop3, full):
    with pop3(full) as c:
        c.cmd("DELE 1")
        for _ in range(20):
            c.cmd("XYZZY", ok=False)
        c.closed()
    with pop3(full) as c:
        assert c.cmd("STAT").split()[1] == "3"


@pytest.mark.parametrize("number", [
    "0", "-1", "4", "4294967295", "4294967296", "4294967297",
    "18446744073709551617", "1x", "0x1", "+1", "1.", " 1", ""])
def test_b50_numbers(pop3, cluster, number):
    account = cluster.share.take() if not hasattr(cluster, "b50") else \
        cluster.b50
    cluster.b50 = account
    with pop3(account) as c:
        for command in ("RETR", "DELE", "LIST", "UIDL"):
            if number == "" and command in ("LIST", "UIDL"):
                continue
            c.cmd("%s %s" % (command, number), ok=False)
        c.cmd("TOP %s 1" % number, ok=False)


def test_b50_deleted(pop3, full):
    with pop3(full) as c:
        c.cmd("DELE 2")
        for command in ("RETR 2", "DELE 2", "LIST 2", "UIDL 2", "TOP 2 1"):
            c.cmd(command, ok=False)


def test_b51_top_is_clamped(pop3, full):
    with pop3(full) as c:
        whole = c.multi("RETR 1")
        assert c.multi("TOP 1 99999999999") == whole
        assert c.multi("TOP 1 18446744073709551615") == whole
        assert c.multi("TOP 1 99999999999999999999999999") == whole
        c.cmd("TOP 1 -1", ok=False)


def test_b52_drop_deletes_nothing(n1, pop3, full):
    c = pop3(full)
    c.cmd("DELE 1")
    c.close()
    c = pop3(full, node="n2")
    c.cmd("DELE 2")
    c.send("QUI")
    c.close()
    with pop3(full) as c:
        assert c.cmd("STAT").split()[1] == "3"
    line = n1.wait_log(event="^pop3$", account=full.address, end="dropped")
    assert line["deleted"] == 0 and line["session"].startswith("n1-")


def account_dir(cluster, account):
    row = cluster.ctl.json("account", "show", account.address)
    row = row[0] if isinstance(row, list) else row
    return os.path.join(cluster.share.url, "accounts", row["id"][:2],
                        row["id"])


@contextlib.contextmanager
def blocked(path):
    """Nothing can be committed: where the next entry would be, there is
    something that cannot be read."""
    names = sorted(n for n in os.listdir(path) if n.isdigit())
    away = os.path.join(path, "%016d" % (int(names[-1]) + 1))
    os.mkdir(away)
    try:
        yield
    finally:
        os.rmdir(away)


def test_b53_quit_with_storage_error(cluster, pop3, full):
    with pop3(full, node="n2") as c:
        c.cmd("DELE 1")
        c.cmd("DELE 3")
        with blocked(os.path.join(account_dir(cluster, full), "log")):
            c.send("QUIT\r\n")
            line = c.line(seconds=30)
        assert line.startswith("-ERR [SYS/"), line
        assert c.closed() == ""
    with pop3(full) as c:
        assert c.cmd("STAT").split()[1] == "3"
        c.cmd("DELE 1")
        c.cmd("QUIT")
    with pop3(full) as c:
        assert c.cmd("STAT").split()[1] == "2"


def test_missing_file(cluster, pop3, full):
    """The message is damaged; the others can be read (B91)."""
    months = os.path.join(account_dir(cluster, full), "msg")
    files = sorted((os.path.join(d, f) for d, _, names in os.walk(months)
                    for f in names), key=os.path.getctime)
    with pop3(full) as c:
        os.rename(files[0], files[0] + ".away")
        try:
            bad = [n for n in (1, 2, 3) if "-ERR" in first(c, n)]
            assert len(bad) == 1
        finally:
            os.rename(files[0] + ".away", files[0])
        for n in (1, 2, 3):
            assert b"Subject: message" in c.multi("RETR %d" % n)


def first(c, n):
    c.send("RETR %d\r\n" % n)
    line = c.line()
    if line.startswith("+OK"):
        c.body()
    return line


def test_b54_uidl_is_stable(cluster, pop3, full, deliver):
    def uidl(node):
        with pop3(full, node=node) as c:
            got = c.multi("UIDL").decode().split()
            assert c.cmd("UIDL 1") == "+OK 1 " + got[1]
            return got[1::2]

    before = uidl("n1")
    assert len(set(before)) == 3
    assert all(0 < len(u) <= 70 and all(33 <= ord(x) <= 126 for x in u)
               for u in before)
    assert uidl("n2") == before
    with pop3(full) as c:
        c.cmd("DELE 2")
        c.cmd("QUIT")
    deliver(crlf("Subject: new\n\ntext\n"), full, node="n2")
    after = uidl("n2")
    assert after[:2] == [before[0], before[2]] and after[2] not in before
    cluster["n1"].restart()
    assert uidl("n1") == after
