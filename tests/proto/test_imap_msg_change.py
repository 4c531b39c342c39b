"""IMAP: STORE, COPY, MOVE, EXPUNGE, and CONDSTORE between two nodes."""

import re

import pytest

from rig.wait import wait_for

SHOAL = {"accounts": 40}


def fill(c, n, folder="INBOX"):
    for i in range(1, n + 1):
        c.append(folder, b"Subject: m%d\r\n\r\nbody %d\r\n" % (i, i))


@pytest.fixture
def box(imap, account):
    """Logged in, four messages in INBOX, selected."""
    c = imap(account)
    fill(c, 4)
    c.cmd("SELECT INBOX")
    return c


def flags(c, number):
    line = c.cmd("FETCH %d FLAGS" % number).lines[0]
    return set(re.search(rb"FLAGS \((.*?)\)", line)[1].decode().split())


def highest(c, folder="INBOX"):
    a = c.cmd("STATUS %s (HIGHESTMODSEQ)" % folder)
    return int(a.find(r"HIGHESTMODSEQ (\d+)")[1])


def subjects(c, folder):
    c.cmd("EXAMINE %s" % folder)
    if not c.uids():
        return []
    lines = c.cmd("FETCH 1:* ENVELOPE").lines
    return [re.search(rb'"(m\d+)"', x)[1].decode() for x in lines]


# --- STORE

def test_store(box):
    a = box.cmd("STORE 1:2 FLAGS (\\Seen $A)")
    assert a.lines[0].startswith(b"* FLAGS (")
    assert a.lines[2:] == [b"* 1 FETCH (FLAGS (\\Seen $A))",
                           b"* 2 FETCH (FLAGS (\\Seen $A))"]
    a = box.cmd("STORE 1 +FLAGS \\Flagged $B")
    assert a.lines[2:] == [b"* 1 FETCH (FLAGS (\\Flagged \\Seen $A $B))"]
    a = box.cmd("STORE 1 -FLAGS (\\Seen $A $Nobody)")
    assert a.lines == [b"* 1 FETCH (FLAGS (\\Flagged $B))"]
    assert box.cmd("STORE 1,3 FLAGS.SILENT ()").lines == []
    assert flags(box, 1) == set() and flags(box, 2) == {"\\Seen", "$A"}
    a = box.cmd("UID STORE 2 -FLAGS (\\Seen)")
    assert a.lines == [b"* 2 FETCH (UID 2 FLAGS ($A))"]
    assert box.cmd("UID STORE 99 +FLAGS (\\Seen)").lines == []
    # what is so already is told and changes nothing
    before = highest(box)
    assert len(box.cmd("STORE 1:4 -FLAGS (\\Draft)").lines) == 4
    assert highest(box) == before


def test_store_is_one_entry(box):
    before = highest(box)
    box.cmd("STORE 1:4 +FLAGS (\\Seen \\Flagged $X)")
    assert highest(box) == before + 1


def test_store_bad(box):
    for bad in ("STORE 1", "STORE 1 FLAGS", "STORE 1 FLAG (\\Seen)",
                "STORE 1 FLAGS (\\Recent)", "STORE 1 FLAGS (\\Unheard)",
                "STORE 9 FLAGS (\\Seen)", "STORE 0 FLAGS ()",
                "STORE 1 (UNCHANGEDSINCE) FLAGS ()",
                "STORE 1 (CHANGEDSINCE 3) FLAGS ()",
                "STORE 1 FLAGS (\\Seen"):
        box.cmd(bad, "BAD")
        box.cmd("NOOP")
    box.cmd("STORE 1 +FLAGS (%s)" % ("x" * 65), "NO", "CANNOT")


def test_examine_changes_nothing(box):
    box.cmd("EXAMINE INBOX")
    box.cmd("STORE 1 +FLAGS (\\Seen)", "NO", "READ-ONLY")
    box.cmd("EXPUNGE", "NO", "READ-ONLY")
    box.cmd("UID EXPUNGE 1", "NO", "READ-ONLY")
    box.cmd("MOVE 1 Trash", "NO", "READ-ONLY")
    box.cmd("COPY 1 Trash")
    assert flags(box, 1) == set()


def test_store_on_what_is_gone(box, imap, account):
    other = imap(account)
    other.cmd("SELECT INBOX")
    other.cmd("STORE 2 +FLAGS.SILENT (\\Deleted)")
    other.cmd("EXPUNGE")
    assert box.cmd("STORE 2 +FLAGS.SILENT (\\Seen)").status == "OK"
    a = box.cmd("STORE 1:4 +FLAGS (\\Answered)", "NO", "EXPUNGEISSUED")
    told = [x for x in a.lines if b"\\Answered" in x]
    assert [x.split()[1] for x in told] == [b"1", b"3", b"4"]


# --- EXPUNGE

def test_expunge(box):
    box.cmd("STORE 1,3,4 +FLAGS.SILENT (\\Deleted)")
    a = box.cmd("UID EXPUNGE 2:3")
    assert a.lines == [b"* 3 EXPUNGE"]
    a = box.cmd("EXPUNGE")
    assert a.lines == [b"* 3 EXPUNGE", b"* 1 EXPUNGE"]
    assert box.uids() == [2]
    assert box.cmd("EXPUNGE").lines == []
    box.cmd("EXPUNGE 1", "BAD")
    box.cmd("UID EXPUNGE", "BAD")


# --- COPY and MOVE

def test_copy(box):
    box.cmd("STORE 2 +FLAGS.SILENT (\\Flagged $A)")
    a = box.cmd("COPY 2,4 Archive")
    m = re.match(r"\[COPYUID (\d+) 2,4 1:2\]", a.text)
    assert m and not a.lines, a
    a = box.cmd("STATUS Archive (UIDVALIDITY MESSAGES)")
    assert a.find(r"UIDVALIDITY %s\b" % m[1]) and a.find("MESSAGES 2")
    assert subjects(box, "Archive") == ["m2", "m4"]
    assert flags(box, 1) == {"\\Flagged", "$A"}
    assert box.fetch(1) == b"Subject: m2\r\n\r\nbody 2\r\n"


def test_copy_refused(box):
    box.cmd("COPY 1 Nowhere", "NO", "TRYCREATE")
    box.cmd("MOVE 1 Nowhere", "NO", "TRYCREATE")
    box.cmd("COPY 9 Trash", "BAD")
    box.cmd("COPY 1", "BAD")
    a = box.cmd("UID COPY 99 Trash")
    assert "COPYUID" not in a.text
    assert subjects(box, "Trash") == []


def test_copy_is_all_or_none(box, imap, account):
    """Whether its worker has heard of the expunge already or not."""
    other = imap(account)
    other.cmd("SELECT INBOX")
    other.cmd("STORE 2 +FLAGS.SILENT (\\Deleted)")
    other.cmd("EXPUNGE")
    a = box.cmd("COPY 1:4 Archive", None)
    if a.status == "OK":
        assert "1:4 1:4" in a.text
        assert subjects(box, "Archive") == ["m1", "m2", "m3", "m4"]
    else:
        assert "EXPUNGEISSUED" in a.text
        assert subjects(box, "Archive") == []


def test_copy_into_a_mailbox_made_elsewhere(box, imap, account):
    other = imap(account, node="n2")
    other.cmd("CREATE Fresh")
    assert "COPYUID" in box.cmd("COPY 1 Fresh").text


def test_move(box):
    a = box.cmd("MOVE 2:3 Archive")
    assert re.match(rb"\* OK \[COPYUID \d+ 2:3 1:2\]", a.lines[0]), a
    assert a.lines[1:] == [b"* 3 EXPUNGE", b"* 2 EXPUNGE"]
    assert box.uids() == [1, 4]
    a = box.cmd("UID MOVE 4 Archive")
    assert a.lines[1:] == [b"* 2 EXPUNGE"]
    assert subjects(box, "Archive") == ["m2", "m3", "m4"]
    assert subjects(box, "INBOX") == ["m1"]


def test_move_into_the_same(box):
    """RFC 6851, 3.3: allowed, the messages get new UIDs."""
    a = box.cmd("UID MOVE 2 INBOX")
    assert re.match(rb"\* OK \[COPYUID \d+ 2 5\]", a.lines[0]), a
    assert b"* 2 EXPUNGE" in a.lines and b"* 4 EXISTS" in a.lines
    assert box.uids() == [1, 3, 4, 5]


def test_move_leaves_a_flag_of_the_other_node(imap, account):
    """Moved on one node while the other sets a flag: both hold."""
    a, b = imap(account), imap(account, node="n2")
    fill(a, 1)
    a.cmd("SELECT INBOX")
    b.cmd("SELECT INBOX")
    b.cmd("STORE 1 +FLAGS (\\Flagged)")
    a.cmd("MOVE 1 Archive")
    a.cmd("SELECT Archive")
    assert flags(a, 1) == {"\\Flagged"}


# --- CONDSTORE (RFC 7162)

def modseq(line):
    return int(re.search(rb"MODSEQ \((\d+)\)", line)[1])


def modseqs(c):
    return [modseq(x) for x in c.cmd("FETCH 1:* (MODSEQ)").lines
            if b"FETCH" in x]


def test_modseq(box):
    a = box.cmd("FETCH 1:4 (MODSEQ)")
    # the first command of that kind says where we are
    assert a.lines[0].startswith(b"* OK [HIGHESTMODSEQ ")
    seqs = [modseq(x) for x in a.lines[1:]]
    assert seqs == sorted(set(seqs))
    since = max(seqs)
    a = box.cmd("STORE 2,3 +FLAGS.SILENT (\\Seen)")
    # even silent: the client has to know
    assert [x.split()[1] for x in a.lines] == [b"2", b"3"]
    assert {modseq(x) for x in a.lines} == {since + 1}
    assert not any(b"FLAGS" in x for x in a.lines)
    a = box.cmd("FETCH 1:* (FLAGS) (CHANGEDSINCE %d)" % since)
    assert a.lines == [
        b"* %d FETCH (FLAGS (\\Seen) MODSEQ (%d))" % (i, since + 1)
        for i in (2, 3)]
    assert box.cmd("UID FETCH 1:* (FLAGS) (CHANGEDSINCE %d)" %
                   (since + 1)).lines == []
    assert box.cmd("SEARCH MODSEQ %d" % (since + 1)).lines == [
        b"* SEARCH 2 3 (MODSEQ %d)" % (since + 1)]
    assert box.cmd("SEARCH MODSEQ %d" % (since + 2)).lines == [b"* SEARCH"]
    assert box.cmd("SEARCH MODSEQ \"/flags/\\\\seen\" all 1 SEEN").lines == [
        b"* SEARCH 2 3 (MODSEQ %d)" % (since + 1)]
    # an implicit \Seen tells its MODSEQ, too
    assert b"MODSEQ (%d)" % (since + 2) in \
        box.cmd("FETCH 4 BODY[TEXT]").lines[0]


def test_unchangedsince(box, imap, account):
    """Two nodes, one message: who comes second is told."""
    other = imap(account, node="n2")
    other.cmd("SELECT INBOX (CONDSTORE)")
    since = max(modseqs(box))
    other.cmd("STORE 2 +FLAGS (\\Flagged)")
    a = box.cmd("STORE 1:3 (UNCHANGEDSINCE %d) +FLAGS.SILENT (\\Seen)" %
                since, words="[MODIFIED 2]")
    assert {x.split()[1] for x in a.lines if b"MODSEQ" in x} >= \
        {b"1", b"3"}
    # the other's change is told with this command or the next
    lines = a.lines + box.cmd("NOOP").lines
    assert [x for x in lines if b"* 2 FETCH" in x and b"\\Flagged" in x]
    assert flags(box, 1) == {"\\Seen"} and flags(box, 2) == {"\\Flagged"}
    a = box.cmd("UID STORE 1:4 (UNCHANGEDSINCE 0) +FLAGS (\\Draft)",
                words="[MODIFIED 1:4]")
    assert flags(box, 1) == {"\\Seen"}
    now = max(modseqs(box))
    a = box.cmd("STORE 2 (UNCHANGEDSINCE %d) FLAGS (\\Answered)" % now)
    assert "MODIFIED" not in a.text
    assert [x for x in a.lines if b"\\Answered" in x and b"MODSEQ" in x]


def test_flags_reach_the_other_node(box, imap, account):
    other = imap(account, node="n2")
    other.cmd("SELECT INBOX (CONDSTORE)")
    box.cmd("STORE 3 +FLAGS (\\Seen $Mine)")

    def told():
        for line in other.cmd("NOOP").lines:
            if b"* 3 FETCH" in line:
                return line
        return None
    line = wait_for("the flags on n2", told)
    assert b"$Mine" in line and b"MODSEQ (" in line
    other.cmd("STORE 3 +FLAGS.SILENT (\\Deleted)")
    other.cmd("EXPUNGE")
    wait_for("the expunge on n1",
             lambda: b"* 3 EXPUNGE" in box.cmd("NOOP").lines)
