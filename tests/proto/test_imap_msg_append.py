"""IMAP: APPEND, and what hostile clients get from the message commands."""

import array
import fcntl
import os
import re
import socket
import termios
import time

import pytest

from rig.line import Closed
from rig.wait import quickest, wait_for

SHOAL = {
    "accounts": 30,
    "settings": {"message.max_size": "3M", "imap.errors_max": "1000"},
    "domain": ["--quota", "8M"],
    # test_b91_body_missing
    "log_ok": ["messages cannot be read", "message cannot be read",
               "imap command failed"],
}

MESSAGE = b"Subject: x\r\nFrom: a@example.org\r\n\r\nbody\r\n"


@pytest.fixture
def box(imap, account):
    c = imap(account)
    c.cmd("SELECT INBOX")
    return c


def count(c, folder="INBOX"):
    a = c.cmd("STATUS %s (MESSAGES)" % folder)
    return int(a.find(r"MESSAGES (\d+)")[1])


def announce(c, before, n, status, words):
    """A synchronising literal that is refused: no continuation comes."""
    tag = c.start("%s{%d}" % (before, n))
    return c.finish(tag, status, words)


# --- APPEND

def test_append(box):
    a = box.append("INBOX", MESSAGE)
    m = re.match(r"\[APPENDUID (\d+) 1\]", a.text)
    assert m and a.lines == [b"* 1 EXISTS"], a
    assert box.cmd("STATUS INBOX (UIDVALIDITY)").find("UIDVALIDITY " + m[1])
    assert box.fetch(1) == MESSAGE
    a = box.literal('APPEND Drafts (\\Draft \\Seen $K) '
                    '" 5-Feb-2003 04:05:06 -0700" ', MESSAGE)
    assert "APPENDUID" in a.text
    box.cmd("SELECT Drafts")
    a = box.cmd("FETCH 1 (FLAGS INTERNALDATE)")
    assert a.lines == [b'* 1 FETCH (FLAGS (\\Seen \\Draft $K) INTERNALDATE '
                       b'" 5-Feb-2003 11:05:06 +0000")']


def test_append_without_waiting(box):
    box.send(b"t1 APPEND INBOX {%d+}\r\n%s\r\n" % (len(MESSAGE), MESSAGE))
    assert "APPENDUID" in box.finish("t1").text
    box.send(b"t2 APPEND {5+}\r\nINBOX {%d+}\r\n%s\r\n" % (
        len(MESSAGE), MESSAGE))
    assert "APPENDUID" in box.finish("t2").text
    assert box.fetch(2) == MESSAGE


def test_append_line_ends(box):
    """Bare LF becomes CRLF wherever the network cuts; CRLF stays."""
    raw = b"Subject: x\n\nline\r\nbare\n\r\n\nlast"
    want = b"Subject: x\r\n\r\nline\r\nbare\r\n\r\n\r\nlast"
    box.literal("APPEND INBOX ", raw)
    assert box.fetch(1) == want
    tag = box.start("APPEND INBOX {%d}" % len(raw))
    box.expect(r"\+")
    for i in range(len(raw)):
        box.send(raw[i:i + 1])
        time.sleep(0.001)
    box.send(b"\r\n")
    box.finish(tag)
    assert box.fetch(2) == want


def test_append_8bit(box):
    message = "Subject: größe\r\n\r\n\xe4\xf6\r\n".encode() + b"\xff\xfe\r\n"
    box.literal("APPEND INBOX ", message)
    assert box.fetch(1) == message


def test_append_refused(box):
    announce(box, "APPEND Nowhere ", 10, "NO", "TRYCREATE")
    announce(box, "APPEND INBOX ", 0, "NO", "")
    for bad in ("APPEND INBOX", "APPEND INBOX (\\Seen)",
                "APPEND INBOX hello", "APPEND INBOX \"1-Feb-2003\" {3}",
                "APPEND INBOX (\\Recent) {3}", "APPEND INBOX (\\Seen {3}"):
        box.cmd(bad, "BAD")
    box.literal("APPEND INBOX ", b"Subject: a\0b\r\n\r\n", status="NO",
                words="NUL")
    # one message a command
    box.literal("APPEND INBOX ", MESSAGE, after=" (\\Seen) {3+}\r\nabc",
                status="BAD")
    box.send(b"t1 APPEND Nowhere {5+}\r\nhello\r\n")
    box.finish("t1", "NO", "TRYCREATE")
    box.cmd("NOOP")
    assert count(box) == 0


def test_append_large(box):
    message = b"Subject: l\r\n\r\n" + b"0123456789abcde\r\n" * 150000
    box.append("INBOX", message)
    assert box.fetch(1) == message


def test_append_to_other_mailbox_says_nothing(box):
    assert box.append("Sent", MESSAGE).lines == []


def test_quota(imap, account):
    c = imap(account)
    big = b"Subject: q\r\n\r\n" + b"0123456789abcde\r\n" * 150000
    for _ in range(3):
        c.append("INBOX", big)
    announce(c, "APPEND INBOX ", len(big), "NO", "OVERQUOTA")
    c.cmd("SELECT INBOX")
    c.cmd("COPY 1:2 Archive", "NO", "OVERQUOTA")
    c.cmd("MOVE 1 Archive")
    assert count(c, "Archive") == 1


# --- ROBUSTNESS.md

def test_b30_many_literals(box):
    """100,000 literals in one SEARCH."""
    tag = box.next_tag()
    box.send(tag + " SEARCH")
    try:
        for _ in range(100):
            box.send(b" TEXT {1+}\r\na" * 1000)
        box.send(b"\r\n")
    except OSError:
        pass
    try:
        box.finish(tag, "BAD", "TOOBIG")
        box.cmd("NOOP")
    except (Closed, OSError):
        pass                    # said and closed, or closed while we sent


def test_b33_sets(box):
    for i in range(3):
        box.append("INBOX", MESSAGE)
    text = ",".join(["1:*,*:1"] * 5000 + ["3"])

    def ask():
        assert len(box.cmd("UID FETCH %s UID" % text).lines) == 3
        assert len(box.cmd("FETCH %s UID" % text).lines) == 3
        for what in "SEARCH %s", "UID SEARCH UID %s":
            assert box.cmd(what % text).lines == [b"* SEARCH 1 2 3"]

    assert quickest(ask, 5)
    box.cmd("UID STORE 1:4294967295,4294967295 +FLAGS.SILENT (\\Seen)")
    assert box.cmd("SEARCH SEEN").lines == [b"* SEARCH 1 2 3"]


def test_b34_uids(box):
    box.append("INBOX", MESSAGE)
    for what in ("FETCH %s UID", "STORE %s +FLAGS (\\Seen)", "COPY %s Trash",
                 "MOVE %s Trash", "EXPUNGE %s", "SEARCH UID %s"):
        for uid in ("0", "4294967296", "1:0", "0:*", "99999999999999999999",
                    "-1", "1:", ":1", ",", "1,,2", "**", "1:2:3"):
            box.cmd("UID " + what % uid, "BAD")


def test_b39_search(box):
    box.append("INBOX", MESSAGE)
    box.cmd("SEARCH " + "NOT " * 10000 + "ALL", "BAD")
    box.cmd("SEARCH " + "OR SEEN " * 7000 + "ALL", "BAD")
    box.cmd("SEARCH " + "(" * 10000 + "ALL" + ")" * 10000, "BAD")
    assert box.cmd("SEARCH " + "NOT " * 30 + "ALL").lines == [b"* SEARCH 1"]
    tag = box.next_tag()
    box.send(tag + " SEARCH TEXT {1048576}\r\n")
    box.finish(tag, "BAD", "TOOBIG")
    box.cmd("SEARCH TEXT " + "x" * 5000, "BAD")
    box.cmd("SEARCH" + " TEXT a" * 1000, "BAD")
    box.cmd("NOOP")


def test_b40_sections(box):
    box.append("INBOX", MESSAGE)
    path = ".".join(["1"] * 1000)
    a = box.cmd("FETCH 1 BODY.PEEK[%s]" % path)
    assert a.lines[0].endswith(b" NIL)")
    box.cmd("FETCH 1 BODY.PEEK[%s.1]" % path, "BAD")
    box.cmd("FETCH 1 BODY.PEEK[%s]" % ("1." * 1000), "BAD")
    box.cmd("FETCH 1 (%s)" % " ".join(["BODY.PEEK[]"] * 501), "BAD")
    a = box.cmd("FETCH 1 BODY.PEEK[4294967295.4294967295]")
    assert a.lines[0].endswith(b" NIL)")


def test_b43_too_big(box):
    for n in (3 * 1024 * 1024 + 1, 2147483648, 4294967295):
        announce(box, "APPEND INBOX ", n, "NO", "TOOBIG")
    announce(box, "APPEND INBOX ", 4294967296, "BAD", "")
    # not even a small part of it is read
    box.send(b"t1 APPEND INBOX {2147483648+}\r\n")
    try:
        box.finish("t1", "BAD", "TOOBIG")
    except Closed:
        pass
    assert box.closed()


def test_b44_aborted(cluster, imap, account):
    watch = imap(account)
    watch.cmd("SELECT INBOX")
    for how in ("close", "reset"):
        c = imap(account)
        c.start("APPEND INBOX {100000}")
        c.expect(r"\+")
        c.send(b"Subject: half\r\n\r\n" + b"x" * 50000)
        if how == "reset":
            c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                b"\1\0\0\0\0\0\0\0")
        c.close()
    # what was begun is removed, when the server has noticed
    before = watch.cmd("NOOP").lines
    wait_for("the half files to go", lambda: not half(cluster))
    assert before == [] and watch.cmd("NOOP").lines == []
    assert count(watch) == 0


def messages(cluster):
    """(path, its bytes) of every file with a message; some go meanwhile."""
    for at, _, names in os.walk(os.path.join(cluster.share.url, "accounts")):
        for path in (os.path.join(at, name) for name in names):
            if "/msg/" in path:
                try:
                    with open(path, "rb") as f:
                        text = f.read()
                except FileNotFoundError:
                    continue
                yield path, text


def half(cluster):
    """Files below accounts/ that hold what test_b44_aborted sent."""
    return [path for path, text in messages(cluster)
            if text.startswith(b"Subject: half")]


def memory(pid):
    """What is not shared with files."""
    with open("/proc/%d/statm" % pid) as f:
        _, resident, shared, *_ = map(int, f.read().split())
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE")


def sanitized(node):
    with open("/proc/%d/exe" % node.process.pid, "rb") as f:
        return b"__asan_init" in f.read()


def stalled(c):
    """Whether nothing more arrives for this client, who does not read."""
    seen = [0, 0.0]

    def check():
        waiting = array.array("i", [0])
        fcntl.ioctl(c.socket, termios.FIONREAD, waiting)
        if waiting[0] != seen[0]:
            seen[:] = waiting[0], time.monotonic()
        return waiting[0] > 0 and time.monotonic() - seen[1] > 0.5
    return check


def test_b45_stops_reading(imap, account, n1):
    """A client asks for far more than it reads: memory stays, others work."""
    c = imap(account)
    big = b"Subject: l\r\n\r\n" + b"0123456789abcde\r\n" * 150000
    c.append("INBOX", big)
    c.cmd("SELECT INBOX")
    c.fetch(1)                      # whatever a first time costs
    workers = n1.workers_now()
    before = sum(map(memory, workers))
    c.send("t1 FETCH 1 (%s)\r\n" % " ".join(["BODY.PEEK[]"] * 400))  # 1 GB
    wait_for("everything in between to be full", stalled(c))
    after = sum(map(memory, workers))
    # sanitizers keep what was freed for a while
    room = 64 << 20 if sanitized(n1) else 1 << 20
    assert after - before < room
    other = imap(account)
    assert count(other) == 1
    c.close()


def message_file(cluster, marker):
    for path, text in messages(cluster):
        if marker in text:
            return path
    raise AssertionError("no file with %r" % marker)


def test_b91_body_missing(cluster, imap, account):
    """That message errors, the rest works; put back, all is well."""
    c = imap(account)
    for i in range(4):
        c.append("INBOX", b"Subject: n%d\r\n\r\nb91 number %d\r\n" % (i, i))
    c.cmd("SELECT INBOX")
    for damage in ("missing", "short", "long"):
        path = message_file(cluster, b"b91 number 1")
        with open(path, "rb") as f:
            whole = f.read()
        if damage == "missing":
            os.rename(path, path + ".away")
        else:
            with open(path, "wb") as f:
                f.write(whole[:-3] if damage == "short" else whole + b"more")
        a = c.cmd("FETCH 1:* (UID BODY.PEEK[])", "NO", "CORRUPTION")
        assert [re.search(rb"UID (\d+)", x)[1] for x in a.lines] == [
            b"1", b"3", b"4"], damage
        assert all(b"b91 number" in x for x in a.lines)
        # what needs no file works for all
        assert len(c.cmd("FETCH 1:* (FLAGS UID RFC822.SIZE)").lines) == 4
        assert c.cmd("SEARCH BODY \"b91 number\"").lines == [
            b"* SEARCH 1 3 4"]
        c.cmd("FETCH 2 BODY.PEEK[TEXT]", "NO", "CORRUPTION")
        if damage == "missing":
            c.cmd("COPY 1:4 Archive", "NO", "CORRUPTION")
            os.rename(path + ".away", path)
        else:
            with open(path, "wb") as f:
                f.write(whole)
        assert len(c.cmd("FETCH 1:* BODY.PEEK[]").lines) == 4
