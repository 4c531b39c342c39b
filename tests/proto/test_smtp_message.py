"""SMTP: what a message may be, and what it becomes."""

import re
import socket

import pytest

from rig.line import stuffed
from smtp_common import begin, mailbox, message, split

SHOAL = {"settings": {"smtp.hops_max": 5, "message.max_size": "64K",
                      "smtp.errors_max": 4}}
MAX = 64 << 10
BOOKS = "bücher@example.org"


@pytest.fixture(scope="module", autouse=True)
def books(cluster):
    cluster.share.add(BOOKS)    # before any node starts


def client(smtp):
    c = smtp()
    c.hello()
    return c


def test_bytes_are_kept(smtp, account, ctl):
    body = bytes(range(1, 10)) + bytes(range(14, 256)) + b"\r\n"
    body += b".dot\r\n..dots\r\n.\r\n...\r\n" + b"x" * 50000 + b"\r\n \r\n"
    c = client(smtp)
    begin(c, account, params=" BODY=8BITMIME").data(message("b") + body)
    assert mailbox(ctl, account)[0].endswith(message("b") + body)


def test_empty_message_and_no_header(smtp, account, ctl):
    c = client(smtp)
    begin(c, account).data(b"")
    begin(c, account).data(b"no header at all\r\n")
    begin(c, account).cmd("DATA", 354)
    c.send(b".\r\n")
    c.expect_reply(250)
    assert len(mailbox(ctl, account)) == 3


FIRST_LINES = [
    # first line of the message, what stands there behind our fields
    (b"no header at all\r\n", b"\r\nno header at all\r\n"),
    (b" and a date of mine\r\n", b"\r\n and a date of mine\r\n"),
    (b"\tx\r\nSubject: s\r\n", b"\r\n\tx\r\nSubject: s\r\n"),
    (b": x\r\n", b"\r\n: x\r\n"),
    (b"y" * 500 + b": x\r\n", b"\r\n" + b"y" * 500 + b": x\r\n"),
    (b"\r\nbody\r\n", b"\r\nbody\r\n"),
    (b"Subject : s\r\n", b"Subject : s\r\n"),
    (b"From a@b Mon Nov  2 10:00:00 2026\r\nSubject: s\r\n",
     b"X-Mailbox-Line: From a@b Mon Nov  2 10:00:00 2026\r\nSubject: s\r\n"),
    (b"From: a@b\r\n", b"From: a@b\r\n"),
]


def test_nothing_runs_into_our_fields(smtp, account, ctl):
    """However the bytes are cut."""
    c = client(smtp)
    for text, _ in FIRST_LINES:
        begin(c, account).data(text)
        begin(c, account)
        for byte in text[:12]:
            c.send(b"BDAT 1\r\n" + bytes([byte]))
            c.expect_reply(250)
        c.send(b"BDAT %d LAST\r\n" % len(text[12:]) + text[12:])
        c.expect_reply(250)
    found = mailbox(ctl, account)
    for i, (_, wanted) in enumerate(FIRST_LINES):
        for raw in found[2 * i:2 * i + 2]:
            assert re.search(rb"; *\r\n\t[^\r]* \+0000\r\n" +
                             re.escape(wanted) + b"$", raw, re.S), (i, raw)


def test_header_without_end(smtp, account, ctl):
    """A megabyte of header would be too big here: it is kept whole."""
    c = client(smtp)
    head = b"X-Long: " + b"y" * 60000 + b"\r\n"
    begin(c, account).data(head)
    assert mailbox(ctl, account)[0].endswith(head)


def test_chunking(smtp, account, ctl):
    text = message("c") + b".\r\n..\r\n" + bytes(range(128, 256)) + b"\r\n"
    c = client(smtp)
    begin(c, account)
    for i in range(0, len(text), 7):
        c.send(b"BDAT %d\r\n" % len(text[i:i + 7]) + text[i:i + 7])
        c.expect_reply(250, "2.0.0")
    c.cmd("BDAT 0 LAST", 250)
    # at once, with everything behind it
    c.send(b"MAIL FROM:<>\r\nRCPT TO:<%s>\r\nBDAT %d LAST\r\n%sNOOP\r\n" %
           (str(account).encode(), len(text), text))
    for _ in range(4):
        c.expect_reply(250)
    one, two = mailbox(ctl, account)
    assert one.endswith(text) and two.endswith(text)


def test_chunks_without_recipient(smtp):
    c = client(smtp)
    c.send(b"MAIL FROM:<>\r\nRCPT TO:<nobody@example.org>\r\n"
           b"BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n")
    for code in (250, 550, 554, 250):
        c.expect_reply(code)


def test_chunks_interrupted(smtp, account, ctl, n1):
    c = begin(client(smtp), account)
    c.send(b"BDAT 1000\r\n" + b"x" * 100)
    c.close()
    n1.wait_log(event="message interrupted")
    c = begin(client(smtp), account)
    c.send(b"BDAT 10\r\n" + b"x" * 10)
    c.expect_reply(250)
    c.close()
    c = begin(client(smtp), account)
    c.send(b"BDAT 10\r\n" + b"x" * 10)
    c.expect_reply(250)
    c.cmd("RSET")
    c.cmd("QUIT", 221)
    assert mailbox(ctl, account) == []


def test_data_interrupted(smtp, account, ctl, n1):
    c = begin(client(smtp), account)
    c.cmd("DATA", 354)
    c.send(stuffed(message())[:-3])
    c.close()
    n1.wait_log(event="message interrupted", code="unavail")
    assert mailbox(ctl, account) == []


def test_smtputf8(smtp, ctl):
    c = client(smtp)
    begin(c, "BÜCHER@example.org", sender="jürgen@müller.example",
          params=" SMTPUTF8")
    c.data("Subject: grüße\r\n\r\ntext\r\n")
    fields, body = split(mailbox(ctl, BOOKS)[0])
    assert fields[0] == ("Return-Path", "<jürgen@müller.example>")
    assert " with UTF8SMTP id " in dict(fields)["Received"]
    assert "for <BÜCHER@example.org>;" in dict(fields)["Received"]
    assert dict(fields)["Subject"] == "grüße"


def test_real_size(smtp, account, ctl):
    c = client(smtp)
    begin(c, account).data(b"x" * (MAX - 2) + b"\r\n")
    begin(c, account).data(b"x" * (MAX - 1) + b"\r\n", 552, "5.3.4")
    begin(c, account).data(message())
    assert len(mailbox(ctl, account)) == 2


def test_b01_false_ends(smtp, account, ctl):
    """SMTP smuggling: only CRLF.CRLF is an end; what looks like one to others
    costs the connection."""
    for end in (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r"):
        c = begin(client(smtp), account)
        c.cmd("DATA", 354)
        c.send(message("b1") + b"x" + end + b"MAIL FROM:<>\r\n.\r\n"
               b"MAIL FROM:<evil@example.net>\r\n")
        c.expect_reply(550, "5.5.2")
        assert c.closed() == ""
    assert mailbox(ctl, account) == []


def test_b02_bare_cr_lf_nul(smtp, account, ctl):
    for bad in (b"a\rb", b"a\0b", b"a\nb", b"a\r\r\nb"):
        c = begin(client(smtp), account)
        c.cmd("DATA", 354)
        c.send(message("b2") + bad + b"\r\n.\r\n")
        c.expect_reply(550, "5.6.0")
        begin(c, account)
        c.send(b"BDAT %d LAST\r\n" % len(bad) + bad)
        c.expect_reply(550, "5.6.0")
        c.cmd("QUIT", 221)
    assert mailbox(ctl, account) == []


def test_b03_leading_dots(smtp, account, ctl):
    c = begin(client(smtp), account)
    c.cmd("DATA", 354)
    c.send(message("b3") + b"..\r\n...\r\n.x\r\n..x\r\n.\r\n")
    c.expect_reply(250)
    assert mailbox(ctl, account)[0].endswith(
        message("b3") + b".\r\n..\r\nx\r\n.x\r\n")


def test_b08_bdat_over_size(smtp, account, ctl):
    c = begin(client(smtp), account)
    c.send(b"BDAT 60000\r\n" + b"x" * 60000)
    c.expect_reply(250)
    c.send(b"BDAT 60000 LAST\r\n" + b"x" * 60000)
    c.expect_reply(552, "5.3.4")
    c.cmd("NOOP")               # drained exactly
    begin(c, account)
    c.send(b"BDAT %d LAST\r\nxxx" % (MAX + 1))
    c.expect_reply(552, "5.3.4")
    assert c.closed() == ""
    assert mailbox(ctl, account) == []


def test_b10_close_notify_within_bdat(smtp, account, ctl):
    """What comes behind the end of TLS is not part of what came within."""
    c = smtp()
    c.hello()
    c.tls()
    c.hello()
    begin(c, account)
    c.send(b"BDAT 100 LAST\r\nhalf of it")
    # only close_notify, not the end of TCP
    raw = socket.socket(fileno=c.socket.fileno())
    try:
        c.socket.settimeout(0.1)
        try:
            c.socket.unwrap()
        except OSError:
            pass
        try:
            raw.sendall(b"x" * 90 + b"MAIL FROM:<>\r\n")
        except OSError:
            pass
        raw.settimeout(10)
        try:
            while True:
                got = raw.recv(1000)
                assert b"250 " not in got
                if not got:
                    break
        except ConnectionError:
            pass
    finally:
        raw.detach()
    assert mailbox(ctl, account) == []


def test_b11_bdat_of_nothing(smtp, account):
    c = begin(client(smtp), account)
    replies = []
    for _ in range(50):
        c.send(b"BDAT 0\r\n")
        replies.append(c.reply()[0])
        if replies[-1] == 421:
            break
    assert replies == [250] * 3 + [421]
    assert c.closed() == ""


def test_b19_loops(smtp, account, ctl):
    c = client(smtp)
    hops = b"Received: from a by b; date\r\n"
    begin(c, account).data(hops * 6 + message("b19"), 554, "5.4.6")
    begin(c, account).data(b"delivered-to:\r\n %s\r\n" %
                           str(account).upper().encode() + message("b19"),
                           554, "5.4.6")
    begin(c, account).data(hops * 5 + message("b19"))
    begin(c, account).data(message("b19", "\r\n" + "Received: x\r\n" * 9))
    assert len(mailbox(ctl, account)) == 2
