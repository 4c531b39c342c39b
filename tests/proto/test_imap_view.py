"""IMAP: what one session is told of what others do, on two nodes."""

import re
import time

import pytest

from rig.wait import wait_for

SHOAL = {"accounts": 30}

MESSAGE = "From: a@example.org\nSubject: hi\n\ntext\n"


@pytest.fixture
def pair(imap, account):
    """Two sessions on two nodes with n messages in INBOX, selected."""
    def make(n=3):
        c, d = imap(account), imap(account, node="n2")
        for _ in range(n):
            c.append("INBOX", MESSAGE)
        for s in (c, d):
            assert s.cmd("SELECT INBOX").find(r"\* %d EXISTS" % n)
        return c, d
    return make


def test_new_messages(pair):
    c, d = pair(0)
    c.append("INBOX", MESSAGE)
    c.append("INBOX", MESSAGE)
    assert d.cmd("NOOP").find(r"^\* 2 EXISTS$")
    assert d.cmd("NOOP").lines == []
    assert d.uids() == [1, 2]


def test_expunges(pair):
    """Numbers are those of the moment in which each line is read."""
    c, d = pair(6)
    c.cmd(r"STORE 2,3,5 +FLAGS (\Deleted)")
    a = c.cmd("EXPUNGE")
    seen = list(range(1, 7))
    for m in a.all(r"^\* (\d+) EXPUNGE$"):
        del seen[int(m[1]) - 1]
    assert seen == [1, 4, 6]
    a = d.cmd("NOOP")
    seen = list(range(1, 7))
    for m in a.all(r"^\* (\d+) EXPUNGE$"):
        del seen[int(m[1]) - 1]
    assert seen == [1, 4, 6] and len(a.lines) == 3
    assert d.uids() == c.uids() == [1, 4, 6]


def test_flags(pair):
    c, d = pair()
    c.cmd(r"STORE 2 +FLAGS (\Flagged $Work)")
    a = d.cmd("NOOP")
    assert [s[:7] for s in a.lines] == [b"* FLAGS", b"* OK [P", b"* 2 FET"]
    assert a.find(r"^\* 2 FETCH \(UID 2 FLAGS \(\\Flagged \$Work\)\)$")
    d.cmd("ENABLE CONDSTORE")
    c.cmd(r"STORE 2 -FLAGS (\Flagged)")
    assert d.cmd("NOOP").find(
        r"^\* 2 FETCH \(UID 2 FLAGS \(\$Work\) MODSEQ \(\d+\)\)$")


def test_no_expunge_in_sequence_commands(pair):
    """FETCH, STORE and SEARCH by number never move numbers; what is gone can
    still be read."""
    c, d = pair()
    d.cmd(r"STORE 1 +FLAGS.SILENT (\Deleted)")
    d.cmd("EXPUNGE")
    # to commit it, c's node has to know of all that was before
    a = c.cmd(r"STORE 3 +FLAGS (\Seen)")
    assert not a.find("EXPUNGE") and a.find(r"\* 3 FETCH")
    a = c.cmd("FETCH 1:3 (UID)", None)
    assert not a.find("EXPUNGE") and a.find(r"\* 3 FETCH \(UID 3\)")
    a = c.cmd("FETCH 1 BODY[]")
    assert not a.find("EXPUNGE") and a.find("Subject: hi")
    assert not c.cmd("SEARCH ALL").find("EXPUNGE")
    a = c.cmd("NOOP")
    assert a.find(r"^\* 1 EXPUNGE$")
    assert c.cmd("FETCH 2 UID").find(r"\* 2 FETCH \(UID 3\)")


def test_expunge_told_late_with_new_mail(pair):
    """New mail is told while expunges wait; then all numbers fit."""
    c, d = pair(3)
    d.cmd(r"STORE 2 +FLAGS.SILENT (\Deleted)")
    d.cmd("EXPUNGE")
    d.append("INBOX", MESSAGE)
    told = [1, 2, 3]

    def follow(answer):
        for line in answer.lines:
            m = re.match(rb"\* (\d+) (EXISTS|EXPUNGE)$", line)
            if m and m[2] == b"EXISTS":
                assert int(m[1]) >= len(told)
                told.extend([0] * (int(m[1]) - len(told)))
            elif m:
                del told[int(m[1]) - 1]
    a = c.cmd(r"STORE 3 +FLAGS (\Seen)")
    assert a.find("EXISTS") and not a.find("EXPUNGE")
    follow(a)
    follow(c.cmd("FETCH 1 FLAGS"))
    follow(c.cmd("NOOP"))
    assert len(told) == 3
    assert c.uids() == [1, 3, 4]


def test_new_and_gone_unseen(pair):
    """A message that came and went between two looks was never there."""
    c, d = pair(1)
    d.append("INBOX", MESSAGE)
    d.cmd("NOOP")
    d.cmd(r"STORE 2 +FLAGS.SILENT (\Deleted)")
    d.cmd("EXPUNGE")
    assert not c.cmd("NOOP").find("EXPUNGE|EXISTS")
    d.append("INBOX", MESSAGE)
    assert c.cmd("NOOP").find(r"^\* 2 EXISTS$")
    assert c.uids() == [1, 3]


def test_selected_mailbox_deleted(imap, account):
    c, d = imap(account), imap(account, node="n2")
    c.cmd("CREATE x")
    d.cmd("SELECT x")
    c.cmd("SELECT x")
    # one's own
    assert c.cmd("DELETE x").find(r"\* OK \[CLOSED\]")
    c.cmd("CHECK", "BAD")
    # another's
    d.send("a NOOP\r\n")
    assert "* BYE" in d.closed()


def test_selected_mailbox_renamed(imap, account):
    """It is the same mailbox under another name."""
    c, d = imap(account), imap(account, node="n2")
    c.cmd("CREATE x")
    d.cmd("SELECT x")
    c.cmd("RENAME x y")
    c.append("y", MESSAGE)
    assert d.cmd("NOOP").find(r"^\* 1 EXISTS$")


def test_same_uids_everywhere(imap, account):
    """Deliveries through both nodes at once: one order, for both."""
    c, d = imap(account), imap(account, node="n2")
    for s in (c, d):
        s.cmd("SELECT INBOX")
    body = MESSAGE.replace("\n", "\r\n")
    for s in (c, d):
        s.send("".join("m%d APPEND INBOX {%d+}\r\n%s\r\n" % (
            i, len(body), body) for i in range(20)))
    for s in (c, d):
        for i in range(20):
            s.finish("m%d" % i)
    for s in (c, d):
        s.cmd("NOOP")
        assert s.uids() == list(range(1, 41))


def watch(c, d):
    """d idles; everything c does comes there."""
    took = []

    def until(pattern):
        began = time.monotonic()
        m = d.until(pattern)
        took.append(time.monotonic() - began)
        return m
    d.idle()
    uid = c.append("INBOX", MESSAGE).text.split("]")[0].split()[-1]
    n = until(r"^\* (\d+) EXISTS$")[1].decode()
    c.cmd(r"UID STORE %s +FLAGS (\Seen)" % uid)
    until(r"^\* %s FETCH \(.*FLAGS \(\\Seen\)" % n)
    c.cmd(r"UID STORE %s +FLAGS.SILENT (\Deleted)" % uid)
    until(r"^\* %s FETCH \(.*FLAGS \(\\Deleted \\Seen\)" % n)
    c.cmd("EXPUNGE")
    until(r"^\* %s EXPUNGE$" % n)
    d.done()
    d.cmd("NOOP")
    return took


def test_idle_with_hints(pair):
    c, d = pair(2)
    watch(c, d)    # nodes know each other since their last lease
    # a poll that finds one thing is 2 s before the next
    wait_for("hints", lambda: max(watch(c, d)) < 1.8, 60)


def test_idle_without_hints(cluster, imap, account):
    """Polls find what nobody told."""
    deaf = cluster.make("deaf")
    deaf.hints = False
    deaf.configure()
    deaf.start()
    c, d = imap(account), imap(account, node=deaf)
    for s in (c, d):
        s.cmd("SELECT INBOX")
    watch(c, d)


def calls(node):
    return int(node.metrics()["shoal_share_calls_total"])


def test_calls_of_a_look(pair, n1):
    """SELECT and NOOP of a known account: one call (DESIGN, 12); the node has
    a few of its own, and now and then, as when it takes buckets of the queue,
    many."""
    c, _ = pair(3)

    def made(command):
        before = calls(n1)
        for _ in range(500):
            c.cmd(command)
        # counted once a second
        wait_for("the count", lambda: calls(n1) >= before + 500)
        return calls(n1) - before

    for command in ("SELECT INBOX", "NOOP", "STATUS Sent (MESSAGES)"):
        c.cmd(command)
        least = made(command)
        for _ in range(4):
            if least < 600:
                break
            least = min(least, made(command))
        assert least < 600, (command, least)


def test_idle_same_node(imap, account):
    c, d = imap(account), imap(account)
    c.cmd("SELECT INBOX")
    d.cmd("SELECT INBOX")
    c.idle()
    d.append("INBOX", MESSAGE)
    c.until(r"^\* 1 EXISTS$")
    c.done()


def test_idle_tells_at_once_what_was_missed(pair):
    c, d = pair(1)
    c.append("INBOX", MESSAGE)
    tag = d.start("IDLE")
    d.expect(r"\+")
    d.until(r"^\* 2 EXISTS$")
    d.send("done\r\n")
    d.finish(tag)


def test_idle_unselected(imap, account):
    c = imap(account)
    c.idle()
    c.send("DONE\r\na NOOP\r\n")
    c.finish(c.idle_tag)
    c.finish("a")


def test_b46_junk_in_idle(imap, account):
    c = imap(account)
    c.cmd("SELECT INBOX")
    c.idle()
    c.send("a7 NOOP\r\n")
    c.finish(c.idle_tag, "BAD")
    c.cmd("NOOP")
    c.idle()
    c.send("x" * 100000 + "\r\n")
    c.finish(c.idle_tag, "BAD")
    c.cmd("NOOP")
    c.cmd("IDLE x", "BAD")


def test_idle_in_one_packet(imap, account):
    c = imap(account)
    c.send("a IDLE\r\nDONE\r\nb IDLE\r\nDO")
    c.expect(r"\+")
    c.finish("a")
    c.expect(r"\+")
    c.send("NE\r\n")
    c.finish("b")


def test_drain_ends_sessions(cluster, imap, account):
    """The node goes: everybody is told, between two commands."""
    node = cluster.make("n3")
    node.start()
    c, d = imap(account, node=node), imap(account, node=node)
    d.cmd("SELECT INBOX")
    d.idle()
    node.signal(15)
    for s in (c, d):
        assert "* BYE" in s.closed()
        s.close()
    wait_for("its end", lambda: node.process.poll() is not None)
    node.stop()


def test_new_keywords(pair):
    """FLAGS names a keyword before a message has it (RFC 3501, 7.2.6)."""
    c, d = pair(2)
    lines = c.cmd("STORE 1 +FLAGS (Sesame)").lines
    assert lines[0].startswith(b"* FLAGS (") and b"Sesame" in lines[0]
    assert lines[1].startswith(b"* OK [PERMANENTFLAGS (")
    assert re.match(rb"\* 1 FETCH .*Sesame", lines[2])
    assert len(lines) == 3
    lines = d.cmd("NOOP").lines
    assert lines[0].startswith(b"* FLAGS (") and b"Sesame" in lines[0]
    assert re.match(rb"\* 1 FETCH .*Sesame", lines[-1])
    assert not c.cmd("STORE 2 +FLAGS (Sesame)").find("^.. FLAGS")
    assert not d.cmd("NOOP").find("^.. FLAGS")
