"""SMTP: STARTTLS."""

import re

from smtp_common import begin, mailbox, message, split


def test_starttls(smtp, account, ctl):
    c = smtp()
    assert "STARTTLS" in c.hello()
    c.tls()
    c.cmd("MAIL FROM:<>", 503)          # all is forgotten
    assert "STARTTLS" not in c.hello()
    c.deliver(message(), account)
    fields, _ = split(mailbox(ctl, account)[0])
    assert re.search(r" with ESMTPS \(TLSv1\.[23] cipher \S+\) id ",
                     dict(fields)["Received"])
    c.cmd("QUIT", 221)


def test_b04_commands_behind_starttls(smtp):
    c = smtp()
    c.hello()
    c.send("STARTTLS\r\nMAIL FROM:<evil@example.net>\r\n")
    c.expect_reply(220)
    assert c.closed() == ""


def test_b05_starttls_out_of_place(smtp, account):
    c = smtp()
    c.hello()
    begin(c, account)
    c.cmd("STARTTLS", 503, "5.5.1")
    c.cmd("RSET")
    c.cmd("STARTTLS x", 501)
    c.tls()
    c.hello()
    c.cmd("STARTTLS", 503, "5.5.1")
