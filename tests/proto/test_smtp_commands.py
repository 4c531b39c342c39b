"""SMTP commands, their order and their answers."""

import re

import pytest

from rig.line import stuffed
from smtp_common import KEYWORDS, begin, mailbox, message, split

SHOAL = {"accounts": 30}


@pytest.fixture(scope="module", autouse=True)
def family(cluster):
    """Two accounts and their aliases, there before any node starts."""
    a, b = cluster.share.take(), cluster.share.take()
    cluster.ctl.run("domain", "add", "alias.example")
    for address, target in (("info@alias.example", a),
                            ("team@alias.example", a),
                            ("team@alias.example", b),
                            ("away@alias.example", "x@example.net"),
                            ("circle@alias.example", "round@alias.example"),
                            ("round@alias.example", "circle@alias.example"),
                            ("@alias.example", b)):
        cluster.ctl.run("alias", "add", address, str(target))
    return a, b


def client(smtp):
    c = smtp()
    c.hello()
    return c


def test_greeting_and_ehlo(smtp):
    c = smtp(greeting=False)
    assert re.match(r"n1\.example\.org ESMTP ", c.greeting()[0])
    words = c.hello()
    assert set(words) == KEYWORDS, words
    assert words["SIZE"] == str(50 << 20)
    c.cmd("QUIT", 221, "2.0.0")
    assert c.closed() == ""


def test_a_message(smtp, account, ctl, n1):
    c = client(smtp)
    texts = c.deliver(message(), account)
    assert re.match(r"2\.0\.0 .* id n1-\d+-\d+-1$", texts[0]), texts
    raw, = mailbox(ctl, account)
    fields, body = split(raw)
    assert fields[0] == ("Return-Path", "<sender@example.net>")
    assert fields[1] == ("Delivered-To", str(account))
    assert re.match(
        r"from client\.example\.net \(\[127\.0\.0\.1\]\) by n1\.example\.org "
        r"with ESMTP id n1-\d+-\d+-1 for <%s>; "
        r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d+ \w{3} \d{4} \d\d:\d\d:\d\d \+0000$"
        % account, dict(fields)["Received"])
    assert raw.endswith(message())
    line, = n1.log(event="^delivered$", rcpt=str(account))
    assert line["from"] == "sender@example.net" and line["uid"] == 1
    assert line["message_id"] == "<m@example.net>" and line["session"]
    assert line["bytes"] == len(message())


def test_statistics(smtp, account, n1):
    before = n1.metrics()
    c = client(smtp)
    begin(c, account, "team@alias.example").data(message())
    c.cmd("MAIL FROM:<>")
    c.cmd("RCPT TO:<nobody@example.org>", 550)
    c.cmd("RCPT TO:<circle@alias.example>", 451)
    c.cmd("FOO", 500)
    after = n1.metrics()
    grown = {k: after[k] - before[k] for k in before}
    assert grown["shoal_messages_received_total"] == 1
    assert grown["shoal_deliveries_total"] == 3
    assert grown["shoal_rejected_total"] == 1
    assert grown["shoal_deferred_total"] == 1


def test_helo(smtp, account, ctl):
    c = smtp()
    assert c.cmd("HELO old.example.net") == ["n1.example.org"]
    c.deliver(message(), account)
    fields, _ = split(mailbox(ctl, account)[0])
    assert " with SMTP id " in dict(fields)["Received"]


def test_order(smtp, account):
    c = smtp()
    c.cmd("MAIL FROM:<a@example.net>", 503, "5.5.1")
    c.cmd("NOOP", 250)
    c.hello()
    c.cmd("RCPT TO:<%s>" % account, 503, "5.5.1")
    c.cmd("DATA", 503, "5.5.1")
    c.cmd("MAIL FROM:<a@example.net>", 250, "2.1.0")
    c.cmd("MAIL FROM:<a@example.net>", 503, "5.5.1")
    c.cmd("DATA", 554, "5.5.1")
    c.cmd("RCPT TO:<%s>" % account, 250, "2.1.5")
    c.cmd("DATA now", 501, "5.5.4")
    c.cmd("RSET", 250, "2.0.0")
    c.cmd("RCPT TO:<%s>" % account, 503)
    begin(c, account)
    c.hello()                   # as RSET
    c.cmd("DATA", 503)
    c = client(smtp)
    c.cmd("FOO", 500, "5.5.1")
    c.cmd("LHLO x", 500, "5.5.1")
    c.cmd("", 500)


def test_pipelining(smtp, account, ctl):
    c = client(smtp)
    c.send("MAIL FROM:<a@example.net>\r\nRCPT TO:<%s>\r\n"
           "RCPT TO:<nobody@example.org>\r\nDATA\r\n" % account)
    for code in (250, 250, 550, 354):
        c.expect_reply(code)
    c.send(stuffed(message("p")) + b"MAIL FROM:<>\r\nRSET\r\nQUIT\r\n")
    for code in (250, 250, 250, 221):
        c.expect_reply(code)
    assert len(mailbox(ctl, account)) == 1


def test_half_closed_client_is_served(smtp, account, ctl):
    """As by `nc -N`: what was sent before the end still counts."""
    c = client(smtp)
    begin(c, account).cmd("DATA", 354)
    c.send(stuffed(message("h")) + b"QUIT\r\n")
    c.stop_sending()
    c.expect_reply(250)
    c.expect_reply(221)
    assert len(mailbox(ctl, account)) == 1


def test_null_sender(smtp, account, ctl):
    c = client(smtp)
    begin(c, account, sender="").data(message("n"))
    assert split(mailbox(ctl, account)[0])[0][0] == ("Return-Path", "<>")


def test_several_recipients_share_a_file(smtp, cluster, ctl):
    a, b = cluster.share.take(), cluster.share.take()
    c = client(smtp)
    begin(c, a, b).data(message("two"))
    (one,), (two,) = mailbox(ctl, a), mailbox(ctl, b)
    assert one == two
    assert str(a).encode() not in one and str(b).encode() not in one


def test_aliases_catch_all_plus(smtp, family, ctl):
    a, b = family
    c = client(smtp)

    def delivered(*recipients):
        before = len(mailbox(ctl, a)), len(mailbox(ctl, b))
        begin(c, *recipients).data(message())
        after = len(mailbox(ctl, a)), len(mailbox(ctl, b))
        return after[0] - before[0], after[1] - before[1]

    assert delivered("INFO@alias.example") == (1, 0)
    assert delivered("team@alias.example") == (1, 1)
    assert delivered("team@alias.example", a, b) == (1, 1)
    assert delivered("info+x@alias.example") == (1, 0)
    assert delivered("whoever@alias.example") == (0, 1)
    assert delivered(str(a).replace("@", "+shop@")) == (1, 0)
    c.cmd("MAIL FROM:<a@example.net>")
    c.cmd("RCPT TO:<away@alias.example>")
    c.cmd("RCPT TO:<circle@alias.example>", 451, "4.3.5")
    # a catch-all is no way around B14
    c.cmd("RCPT TO:<a%b@alias.example>", 550, "5.7.1")


def test_postmaster_and_abuse(smtp, ctl, n1):
    c = client(smtp)
    begin(c, "postmaster@example.org", "ABUSE@example.org", "Postmaster")
    c.data(message("pm"))
    assert n1.log(event="postmaster has no reader", level="warn")
    c.cmd("MAIL FROM:<a@example.net>")
    c.cmd("RCPT TO:<postmaster@example.net>", 550, "5.7.1")


def test_help_and_noop(smtp):
    c = smtp()
    assert "2.0.0 EHLO host" in c.cmd("HELP", 214)
    c.cmd("NOOP whatever you say", 250)


def test_b07_bdat_numbers(smtp, account):
    for n in ("x", "-1", "18446744073709551616", "", "1 FIRST"):
        c = begin(client(smtp), account)
        c.cmd("BDAT " + n, 501, "5.5.4")
        assert c.closed() == ""


def test_b09_bdat_and_data(smtp, account, ctl):
    c = client(smtp)
    c.send("BDAT 10\r\n0123456789")         # its bytes are no commands
    c.expect_reply(503)
    begin(c, account)
    c.send(b"BDAT 5\r\nabcd\n")
    c.expect_reply(250)
    c.cmd("DATA", 503, "5.5.1")
    c.cmd("RCPT TO:<%s>" % account, 503, "5.5.1")
    c.cmd("MAIL FROM:<>", 503, "5.5.1")
    c.cmd("RSET")
    begin(c, account).data(message("b9"))
    c.send(b"BDAT 3 LAST\r\nabc")
    c.expect_reply(503, "5.5.1")
    assert len(mailbox(ctl, account)) == 1


def test_b13_unknown_recipient(smtp, account):
    c = client(smtp)
    c.cmd("MAIL FROM:<a@example.net>")
    c.cmd("RCPT TO:<nobody-here@example.org>", 550, "5.1.1")
    c.cmd("RCPT TO:<%s>" % account, 250)


def test_b14_no_relay(smtp, account):
    c = client(smtp)
    c.cmd("MAIL FROM:<%s>" % account)
    local = str(account).split("@")[0]
    for to in ("x@example.net", "%s%%example.net@example.org" % local,
               "@example.org:x@example.net", "example.net!x",
               "example.net!x@example.org", '"x@example.net"@example.org',
               "x%example.net", "x@[127.0.0.1]"):
        c.cmd("RCPT TO:<%s>" % to, 550, "5.7.1")
    c = client(smtp)
    c.cmd("MAIL FROM:<>")
    for to in ("X@EXAMPLE.NET", "x@[IPv6:::1]", "postmaster@example.net",
               "x@example.org.example.net", "x@sub.example.org",
               "x@n1.example.org", "x@localhost", '"x"@example.net',
               "@n1.example.org,@example.org:x@example.net"):
        c.cmd("RCPT TO:<%s>" % to, 550, "5.7.1")
    c = client(smtp)
    c.cmd("MAIL FROM:<%s> SMTPUTF8" % account)
    for to in ("ü@example.net", "x@müller.example", "x@ｅxample.net"):
        c.cmd("RCPT TO:<%s>" % to, 550, "5.7.1")
    for to in ("x@example.net.", "x@.example.net", "x@example.net@example.org",
               "x @example.net", "x@example..net"):
        c.cmd("RCPT TO:<%s>" % to, 501, "5.1.3")
    # a route through us to ourselves is only a long way to write it
    c = client(smtp)
    c.cmd("MAIL FROM:<>")
    c.cmd("RCPT TO:<@example.net,@example.org:%s>" % account, 250)


def test_b15_declared_size(smtp):
    c = client(smtp)
    c.cmd("MAIL FROM:<a@example.net> SIZE=999999999999", 552, "5.3.4")
    c.cmd("MAIL FROM:<a@example.net> SIZE=99999999999999999999", 552, "5.3.4")
    c.cmd("MAIL FROM:<a@example.net> SIZE=%d" % (50 << 20), 250)


def test_b16_utf8_without_the_keyword(smtp):
    c = client(smtp)
    c.cmd("MAIL FROM:<bücher@example.net>", 553, "5.6.7")
    c.cmd(b"MAIL FROM:<b\xfccher@example.net>", 553, "5.6.7")
    c.cmd(b"MAIL FROM:<b\xfccher@example.net> SMTPUTF8", 553, "5.6.7")
    c.cmd("MAIL FROM:<a@example.net>")
    c.cmd("RCPT TO:<bücher@example.org>", 553, "5.6.7")


def test_b17_shell_words_are_data(smtp, account, ctl):
    c = client(smtp)
    c.cmd("MAIL FROM:<`;id;`@x>", 501, "5.1.7")
    begin(c, account, sender="-oX@x").data(message("b17"))
    begin(c, account, sender='"`;id;`"@x').data(message("b17"))
    one, two = mailbox(ctl, account)
    assert one.startswith(b"Return-Path: <-oX@x>\r\n")
    assert two.startswith(b'Return-Path: <"`;id;`"@x>\r\n')


def test_b18_too_long(smtp):
    c = client(smtp)
    c.cmd("MAIL FROM:<%s@example.net>" % ("x" * 65), 501, "5.1.7")
    c.cmd("MAIL FROM:<a@%s>" % ".".join(["x" * 60] * 5), 501, "5.1.7")
    c.cmd("MAIL FROM:<%sa@example.net>" % ("(" * 64 + ")" * 64), 501, "5.1.7")
    c.cmd("MAIL FROM:<%s@example.net>" % ("x" * 64), 250)
    c.cmd("RCPT TO:<%s@example.org>" % ("x" * 65), 501, "5.1.3")


def test_b20_null_sender_many_recipients(smtp, cluster, ctl):
    """Nothing is ever sent back: there is nobody to send it to."""
    many = [cluster.share.take() for _ in range(4)]
    c = client(smtp)
    begin(c, *many, sender="").data(
        b"Auto-Submitted: auto-replied\r\n" + message("b20"))
    for a in many:
        assert len(mailbox(ctl, a)) == 1


def test_b21_talk_before_greeting(smtp):
    for _ in range(5):
        c = smtp(greeting=False)
        c.send("EHLO early.example.net\r\n")
        code, _ = c.reply()
        if code == 554:     # else this process stood still for so long
            break
        c.close()
    assert code == 554
    assert c.closed() == ""


def test_b21_pipelining_before_ehlo(smtp):
    c = smtp()
    c.send("EHLO rushed.example.net\r\nMAIL FROM:<a@example.net>\r\n")
    c.expect_reply(554, "5.5.0")
    assert c.closed() == ""


def test_b22_http(smtp):
    for line in ("GET / HTTP/1.1", "POST /x HTTP/1.0", "CONNECT a:25 HTTP/1.1"):
        c = smtp()
        c.send(line + "\r\nHost: localhost\r\n\r\nEHLO x\r\n")
        c.expect_reply(554)
        assert c.closed() == ""


def test_b25_ehlo_junk(smtp, n1):
    c = smtp()
    for name in ("[IPv6:junk]", "[1.2.3.4.5]", "[]", "a b", "a;b", "",
                 '"\x1b[31mred"', "b\u00fccher.example"):
        c.cmd("EHLO " + name, 501, "5.5.4")
    c = smtp()
    c.send("EHLO two\nlines.example.net\r\n")
    c.expect_reply(501)
    c.expect_reply(500)
    # what is logged is one line, with nothing a terminal would obey
    c.cmd('MAIL FROM:<"\x1b[31m\x07"@x>', 503)
    with open(n1.log_file, "rb") as f:
        assert b"\x1b" not in f.read()


def test_b27_vrfy_expn(smtp, account):
    c = client(smtp)
    said = {c.cmd("VRFY " + who, 252)[0] for who in
            (str(account), "nobody@example.org", "<x@example.net>")}
    assert len(said) == 1
    c.cmd("EXPN staff", 502)
