"""IMAP with Python's own client: what ordinary programs do all day."""

import email
import imaplib
import re
import time

import pytest

from rig.line import tls_context

SHOAL = {"accounts": 12}

MESSAGE = (b"From: Alice <alice@example.org>\r\nTo: bob@example.org\r\n"
           b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= %d\r\n"
           b"Message-ID: <%d@example.org>\r\nMIME-Version: 1.0\r\n"
           b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
           b"Hello %d\r\n.\r\nend\r\n")


@pytest.fixture
def client(cluster):
    made = []

    def make(account, node="n1"):
        c = imaplib.IMAP4_SSL(*cluster[node].of("imaps"),
                              ssl_context=tls_context())
        made.append(c)
        assert c.login(account.address, account.password)[0] == "OK"
        return c
    yield make
    for c in made:
        if c.state != "LOGOUT":
            c.shutdown()


def good(answer):
    assert answer[0] == "OK", answer
    return answer[1]


def test_a_day(client, account):
    c = client(account)
    assert b"MOVE" in good(c.capability())[0].split()
    assert c.namespace() == ("OK", [b'(("" "/")) NIL NIL'])
    good(c.create("Work"))
    for i in range(5):
        good(c.append("Work", r"(\Seen)" if i == 0 else None,
                      imaplib.Time2Internaldate(time.time()),
                      MESSAGE % (i, i, i)))
    assert good(c.select("Work")) == [b"5"]
    assert c.response("UIDVALIDITY")[1][0].isdigit()
    assert good(c.search(None, "UNSEEN")) == [b"2 3 4 5"]
    assert good(c.search("UTF-8", "SUBJECT", "3")) == [b"4"]
    data = good(c.fetch("2", "(UID RFC822.SIZE FLAGS BODY.PEEK[])"))
    assert data[0][1] == MESSAGE % (1, 1, 1)
    m = email.message_from_bytes(data[0][1])
    assert m["From"] == "Alice <alice@example.org>"
    assert int(re.search(rb"RFC822.SIZE (\d+)", data[0][0])[1]) == \
        len(data[0][1])
    good(c.store("1:2", "+FLAGS", r"(\Flagged)"))
    good(c.copy("1:2", "Archive"))
    good(c.uid("MOVE", "3", "Trash"))
    good(c.store("1", "+FLAGS", r"(\Deleted)"))
    # the first is the MOVE's
    assert good(c.expunge()) == [b"3", b"1"]
    assert good(c.status("Work", "(MESSAGES UNSEEN)")) == [
        b"Work (MESSAGES 3 UNSEEN 3)"]
    assert good(c.status("Archive", "(MESSAGES)")) == [b"Archive (MESSAGES 2)"]
    good(c.close())
    good(c.rename("Work", "Done/2026"))
    assert sum(b"Done" in line for line in good(c.list())) == 2
    good(c.subscribe("Done/2026"))
    assert any(b"Done/2026" in line for line in good(c.lsub()))
    good(c.unsubscribe("Done/2026"))
    good(c.delete("Done/2026"))
    good(c.getquotaroot("INBOX"))
    assert c.select("Done/2026")[0] == "NO"
    assert c.logout()[0] == "BYE"


def test_two_clients(client, account):
    """What one does the other sees on the other node."""
    c, d = client(account), client(account, "n2")
    good(c.select())
    good(d.select())
    for i in range(10):
        good(c.append("INBOX", None, None, MESSAGE % (i, i, i)))
    good(d.noop())
    assert d.response("EXISTS")[1][-1] == b"10"
    good(d.store("1:5", "+FLAGS.SILENT", r"(\Deleted)"))
    good(d.expunge())
    good(c.noop())
    assert good(c.search(None, "ALL")) == [b"1 2 3 4 5"]
    assert good(c.uid("SEARCH", "ALL")) == [b"6 7 8 9 10"]
    for which in ("1", "5"):
        assert good(c.fetch(which, "(BODY.PEEK[])"))[0][1] == \
            good(d.fetch(which, "(BODY.PEEK[])"))[0][1]


def test_authenticate(cluster, account):
    c = imaplib.IMAP4_SSL(*cluster["n1"].of("imaps"),
                          ssl_context=tls_context())
    good(c.authenticate("PLAIN", lambda _: "\0%s\0%s" % (
        account.address, account.password)))
    with pytest.raises(imaplib.IMAP4.error):
        c.login("x", "y")
    c.logout()


def test_starttls(cluster, account):
    c = imaplib.IMAP4(*cluster["n1"].of("imap"))
    good(c.starttls(tls_context()))
    good(c.login(account.address, account.password))
    good(c.select("INBOX", readonly=True))
    c.logout()
