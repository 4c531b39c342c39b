"""IMAP: FETCH and SEARCH."""

import email
import re

import pytest

from rig.line import crlf
from rig.wait import wait_for

SHOAL = {"accounts": 30}

NESTED = crlf(b"""\
Date: Fri, 20 Nov 2020 23:30:00 -0500
From: =?utf-8?q?J=C3=B6rg?= <joerg@example.org>
To: alice@example.org, "Bob, B" <bob@example.net>
Subject: outer words
Message-ID: <outer@example.org>
X-Own: one
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b1

preamble
--b1
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Sch=F6ne gr=
=FC=DFe
--b1
Content-Type: message/rfc822

From: inner@example.org
Subject: inner words
Content-Type: multipart/alternative; boundary=b2

--b2
Content-Type: text/plain

alternative one
--b2
Content-Type: text/html
Content-Transfer-Encoding: base64

PHA+YWx0ZXJuYXRpdmUgdHdvPC9wPg==
--b2--

--b1
Content-Type: application/pdf; name="a b.pdf"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="a b.pdf"

AAAA
--b1--
""")


@pytest.fixture
def box(imap, account):
    """Logged in, with NESTED as message 1 and two plain ones behind it."""
    c = imap(account)
    c.append("INBOX", NESTED)
    c.append("INBOX", b"Subject: plain two\r\n\r\ntext of two\r\n", "\\Seen")
    c.append("INBOX", b"Subject: plain three\r\n\r\ntext of three\r\n",
             "\\Flagged $Work")
    c.cmd("SELECT INBOX")
    return c


def section(c, number, item):
    """What BODY.PEEK[item] of a message holds; None for NIL."""
    answer = c.cmd("FETCH %d BODY.PEEK[%s]" % (number, item))
    line = answer.lines[0]
    if line.endswith(b" NIL)"):
        return None
    if line.endswith(b' "")'):
        return b""
    m = re.search(rb"\{(\d+)\}\r\n", line)
    body = line[m.end():-1]
    assert len(body) == int(m[1])
    return body


def test_macros(box):
    a = box.cmd("FETCH 2 FAST")
    assert re.fullmatch(
        rb'\* 2 FETCH \(FLAGS \(\\Seen\) INTERNALDATE "[ \d]\d-\w{3}-\d{4} '
        rb'\d\d:\d\d:\d\d [+-]\d{4}" RFC822.SIZE 35\)', a.lines[0]), a
    a = box.cmd("FETCH 2 ALL")
    assert a.find(r'ENVELOPE \(NIL "plain two" NIL NIL NIL NIL NIL NIL NIL '
                  r'NIL\)\)$'), a
    a = box.cmd("FETCH 2 FULL")
    assert a.find(r'BODY \("text" "plain" \("charset" "us-ascii"\) NIL NIL '
                  r'"7bit" 13 1\)\)$'), a


def test_envelope_and_structure(box):
    a = box.cmd("UID FETCH 1 (ENVELOPE BODYSTRUCTURE)")
    assert a.find(
        r'^\* 1 FETCH \(UID 1 ENVELOPE \("Fri, 20 Nov 2020 23:30:00 -0500" '
        r'"outer words" \(\("=\?utf-8\?q\?J=C3=B6rg\?=" NIL "joerg" '
        r'"example.org"\)\) '), a
    assert a.find(r'\(\(NIL NIL "alice" "example.org"\)'
                  r'\("Bob, B" NIL "bob" "example.net"\)\) NIL NIL NIL '
                  r'"<outer@example.org>"\)'), a
    assert a.find(r'BODYSTRUCTURE \(\("text" "plain" \("charset" '
                  r'"iso-8859-1"\) NIL NIL "quoted-printable" 21 1 NIL NIL '
                  r'NIL NIL\)\("message" "rfc822" '), a
    assert a.find(r'\("attachment" \("filename" "a b.pdf"\)\) NIL NIL\) '
                  r'"mixed" \("boundary" "b1"\) NIL NIL NIL\)\)$'), a


def test_sections_as_python_sees_them(box):
    """Every part's content, header and MIME header, compared with email."""
    parsed = email.message_from_bytes(NESTED)

    def body(text):
        return text.replace("\r\n", "\n").replace("\n", "\r\n").encode()

    assert section(box, 1, "") == NESTED
    assert section(box, 1, "HEADER") + section(box, 1, "TEXT") == NESTED
    one, inner, pdf = parsed.get_payload()
    assert section(box, 1, "1") == body(one.get_payload())
    message = inner.get_payload()[0]
    assert section(box, 1, "2.1") == body(
        message.get_payload()[0].get_payload())
    assert section(box, 1, "2.2") == body(
        message.get_payload()[1].get_payload())
    assert section(box, 1, "3") == body(pdf.get_payload())
    assert section(box, 1, "2.HEADER").startswith(b"From: inner@")
    assert section(box, 1, "2.HEADER").endswith(b"boundary=b2\r\n\r\n")
    assert section(box, 1, "2.2.MIME") == \
        b"Content-Type: text/html\r\n" \
        b"Content-Transfer-Encoding: base64\r\n\r\n"
    assert section(box, 1, "2.HEADER.FIELDS (SUBJECT X)") == \
        b"Subject: inner words\r\n\r\n"
    for missing in ("4", "1.1", "1.HEADER", "3.TEXT", "2.3", "2.1.MIME.1"):
        status = "BAD" if missing.endswith("MIME.1") else "OK"
        a = box.cmd("FETCH 1 BODY.PEEK[%s]" % missing, status)
        assert status == "BAD" or a.lines[0].endswith(b" NIL)")


def test_header_fields(box):
    assert section(box, 1, "HEADER.FIELDS (subject X-OWN)") == \
        b"Subject: outer words\r\nX-Own: one\r\n\r\n"
    assert section(box, 1, "HEADER.FIELDS (From)") == \
        b"From: =?utf-8?q?J=C3=B6rg?= <joerg@example.org>\r\n\r\n"
    assert section(box, 1, "HEADER.FIELDS (Bcc)") == b"\r\n"
    rest = section(box, 1, "HEADER.FIELDS.NOT (From To Subject Date "
                   "Message-ID MIME-Version)")
    assert rest == (b"X-Own: one\r\n"
                    b"Content-Type: multipart/mixed; boundary=b1\r\n\r\n")


def test_partials(box):
    assert section(box, 1, "") == NESTED
    a = box.cmd("FETCH 1 BODY.PEEK[]<5.10>")
    assert a.lines[0] == b"* 1 FETCH (BODY[]<5> {10}\r\n" + NESTED[5:15] + b")"
    n = len(NESTED)
    a = box.cmd("FETCH 1 BODY.PEEK[]<%d.10>" % (n - 3))
    assert a.lines[0] == b"* 1 FETCH (BODY[]<%d> {3}\r\n%s)" % (
        n - 3, NESTED[-3:])
    a = box.cmd("FETCH 1 BODY.PEEK[]<%d.10>" % n)
    assert a.lines[0] == b'* 1 FETCH (BODY[]<%d> "")' % n
    box.cmd("FETCH 1 BODY.PEEK[]<0.0>", "BAD")


def test_old_names(box):
    a = box.cmd("FETCH 2 (RFC822.HEADER RFC822.SIZE)")
    assert a.lines == [b"* 2 FETCH (RFC822.SIZE 35 RFC822.HEADER {22}\r\n"
                       b"Subject: plain two\r\n\r\n)"]
    a = box.cmd("FETCH 2 (RFC822.TEXT RFC822)")
    assert a.lines == [b"* 2 FETCH (RFC822.TEXT {13}\r\ntext of two\r\n "
                       b"RFC822 {35}\r\nSubject: plain two\r\n\r\n"
                       b"text of two\r\n)"]


def test_seen_is_set_and_told_once(imap, account):
    c = imap(account)
    for i in range(5):
        c.append("INBOX", b"Subject: %d\r\n\r\nx\r\n" % i)
    highest = r"HIGHESTMODSEQ (\d+)"
    before = int(c.cmd("SELECT INBOX").find(highest)[1])
    c.cmd("FETCH 1:* (BODY.PEEK[] RFC822.HEADER FLAGS)")
    a = c.cmd("FETCH 1:4 BODY[TEXT]")
    assert len(a.lines) == 4, a
    assert all(b"FLAGS (\\Seen)" in line for line in a.lines), a
    a = c.cmd("FETCH 1:4 BODY[TEXT]")
    assert not any(b"FLAGS" in line for line in a.lines), a
    # one entry for all four
    after = int(c.cmd("SELECT INBOX").find(highest)[1])
    assert after == before + 1
    c.cmd("EXAMINE INBOX")
    assert b"FLAGS" not in c.cmd("FETCH 5 BODY[]").lines[0]
    assert c.cmd("FETCH 5 FLAGS").lines == [b"* 5 FETCH (FLAGS ())"]


def test_flags_of_other_session(box, imap, account):
    other = imap(account)
    other.cmd("SELECT INBOX")
    other.cmd("STORE 1 FLAGS (\\Answered $Later)")
    box.cmd("NOOP")
    assert box.cmd("FETCH 1 FLAGS").find(r"FLAGS \(\\Answered \$Later\)")


def test_expunged_by_other_session(box, imap, account):
    """What is gone is read from its tombstone while the client has not heard
    of it; what has moved away is missed with NO."""
    other = imap(account)
    other.cmd("SELECT INBOX")
    other.cmd("STORE 1 +FLAGS.SILENT (\\Deleted)")
    other.cmd("EXPUNGE")
    other.cmd("UID MOVE 2 Trash")
    # told of by UID FETCH's end only: numbers stay while FETCH runs
    a = box.cmd("FETCH 1 (UID RFC822.SIZE BODY.PEEK[])")
    assert a.lines == [b"* 1 FETCH (UID 1 RFC822.SIZE %d BODY[] {%d}\r\n%s)"
                       % (len(NESTED), len(NESTED), NESTED)]

    def missed():
        got = box.cmd("FETCH 1:3 (UID RFC822.SIZE)", None)
        return got if got.status == "NO" else None
    a = wait_for("the news of it", missed)
    assert "EXPUNGEISSUED" in a.text
    assert [re.findall(rb"UID (\d+)", x)[0] for x in a.lines] == [b"1", b"3"]
    a = box.cmd("NOOP")
    assert sorted(a.lines) == [b"* 1 EXPUNGE", b"* 2 EXPUNGE"], a
    assert box.uids() == [3]


def test_uid_sets(box):
    assert len(box.cmd("UID FETCH 1:* (FLAGS)").lines) == 3
    assert len(box.cmd("UID FETCH 3:4294967295 UID").lines) == 1
    # '*' is the last, whatever stands in front
    assert box.cmd("UID FETCH 999:* UID").lines == [b"* 3 FETCH (UID 3)"]
    assert box.cmd("UID FETCH 999 UID").lines == []
    assert [x for x in box.cmd("FETCH 3,1 UID").lines] == [
        b"* 1 FETCH (UID 1)", b"* 3 FETCH (UID 3)"]
    box.cmd("FETCH 4 UID", "BAD")
    box.cmd("FETCH 1:3", "BAD")
    box.cmd("FETCH 1 (UID", "BAD")
    box.cmd("FETCH 1 NOTHING", "BAD")


def test_large_message(imap, account):
    """Several windows of the file; the bytes are the same."""
    c = imap(account)
    body = b"".join(b"%07d %s\r\n" % (i, b"x" * 60) for i in range(20000))
    message = b"Subject: large\r\nFrom: a@example.org\r\n\r\n" + body
    c.append("INBOX", message)
    c.cmd("SELECT INBOX")
    assert c.fetch(1) == message
    assert c.fetch(1, "BODY.PEEK[TEXT]") == body
    assert c.fetch(1, "BODY.PEEK[]<1000000.77>") == message[1000000:1000077]
    assert c.cmd("FETCH 1 ENVELOPE").find('"large"')


def test_several_sections(imap, account):
    """Blanks between items, whatever the items before end with."""
    c = imap(account)
    small = b"Subject: (\r\n\r\nends with ("
    large = b"Subject: l\r\n\r\n" + b"0123456789abcde(" * 8192
    c.literal("APPEND INBOX ", small)
    c.literal("APPEND INBOX ", large)
    c.cmd("SELECT INBOX")
    for number, message in ((1, small), (2, large)):
        head, body = message.split(b"\r\n\r\n")
        head += b"\r\n\r\n"
        a = c.cmd("FETCH %d (BODY.PEEK[] BODY.PEEK[TEXT] UID "
                  "BODY.PEEK[HEADER.FIELDS (X)] BODY.PEEK[HEADER])" % number)
        assert a.lines == [
            b"* %d FETCH (UID %d BODY[] {%d}\r\n%s BODY[TEXT] {%d}\r\n%s "
            b"BODY[HEADER.FIELDS (X)] {2}\r\n\r\n BODY[HEADER] {%d}\r\n%s)"
            % (number, number, len(message), message, len(body), body,
               len(head), head)]


def test_envelopes_of_many(imap, account):
    c = imap(account)
    tags = [c.start(b"APPEND INBOX {%d+}\r\nSubject: n%d\r\n\r\nx\r\n" %
                    (len(b"Subject: n%d\r\n\r\nx\r\n" % i), i))
            for i in range(300)]
    for t in tags:
        c.finish(t)
    c.cmd("SELECT INBOX")
    a = c.cmd("FETCH 1:* (ENVELOPE)")
    assert [re.search(rb'"n(\d+)"', x)[1] for x in a.lines] == [
        b"%d" % i for i in range(300)]


# --- SEARCH

SEARCHES = [
    ("ALL", "1 2 3"),
    ("SEEN", "2"),
    ("UNSEEN", "1 3"),
    ("FLAGGED KEYWORD $work", "3"),
    ("UNKEYWORD $Work", "1 2"),
    ("NOT FLAGGED", "1 2"),
    ("OR SEEN FLAGGED", "2 3"),
    ("2:*", "2 3"),
    ("UID 3:9", "3"),
    ("(1,3 NOT 1)", "3"),
    ("RECENT", ""),
    ("OLD", "1 2 3"),
    ("LARGER 100", "1"),
    ("SMALLER 36", "2"),
    ("SINCE 1-Jan-2020", "1 2 3"),
    ("BEFORE 1-Jan-2020", ""),
    ("SENTON 20-Nov-2020", "1"),
    ("SENTSINCE 21-Nov-2020", ""),
    ("SENTBEFORE 21-Nov-2020", "1"),
    ("SUBJECT PLAIN", "2 3"),
    ("SUBJECT outer", "1"),
    ("SUBJECT inner", ""),
    ("TO bob@", "1"),
    ("HEADER X-Own ONE", "1"),
    ("HEADER X-Own \"\"", "1"),
    ("HEADER X-Not \"\"", ""),
    ("TEXT words", "1"),
    ("BODY \"text of\"", "2 3"),
    ("BODY \"alternative two\"", "1"),
    ("BODY outer", ""),
    ("BODY \"inner words\"", "1"),
    ("TEXT three", "3"),
    ("BODY nowhere", ""),
    ("OR BODY two SUBJECT three", "1 2 3"),
]


def test_search(box):
    for keys, want in SEARCHES:
        got = box.cmd("SEARCH " + keys).lines
        assert got == [(("* SEARCH " + want).strip()).encode()], keys


def test_search_charsets(box):
    for charset, text in (("UTF-8", "j\xd6rg".encode()),
                          ("iso-8859-1", "J\xf6RG".encode("latin-1"))):
        tag = box.next_tag()
        box.send(b"%s SEARCH CHARSET %s FROM {%d+}\r\n%s BODY \"gr\"\r\n" % (
            tag.encode(), charset.encode(), len(text), text))
        assert box.finish(tag).lines == [b"* SEARCH 1"]
    tag = box.next_tag()
    text = "SCHÖNE GRÜSSE".encode()
    box.send(b"%s SEARCH CHARSET utf-8 BODY {%d+}\r\n%s\r\n" % (
        tag.encode(), len(text), text))
    assert box.finish(tag).lines == [b"* SEARCH 1"]
    a = box.cmd("SEARCH CHARSET x-unheard-of SUBJECT a", "NO", "BADCHARSET")
    assert "UTF-8" in a.text and not a.lines
    box.cmd("SEARCH CHARSET us-ascii SUBJECT plain")


def test_search_by_uid(box):
    box.cmd("STORE 1 +FLAGS.SILENT \\Deleted")
    box.cmd("EXPUNGE")
    assert box.cmd("UID SEARCH ALL").lines == [b"* SEARCH 2 3"]
    assert box.cmd("SEARCH ALL").lines == [b"* SEARCH 1 2"]
    assert box.cmd("UID SEARCH UID 2").lines == [b"* SEARCH 2"]
    assert box.cmd("SEARCH 2").lines == [b"* SEARCH 2"]


def test_search_empty_mailbox(imap, account):
    c = imap(account)
    c.cmd("SELECT INBOX")
    for keys in ("ALL", "1:*", "UID 1:*", "*", "BODY x"):
        assert c.cmd("SEARCH " + keys).lines == [b"* SEARCH"], keys
    c.cmd("SEARCH", "BAD")
