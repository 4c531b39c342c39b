"""Python's imaplib, poplib and smtplib."""

import imaplib
import poplib
import smtplib

import pytest

from witness import context, contents, imap, message, wanted


def smtp(mail, host="localhost"):
    s = smtplib.SMTP(host, mail.lb.of("smtp")[1], timeout=30)
    s.starttls(context=context(mail))
    s.ehlo()
    return s


def test_smtplib_to_imaplib(mail, account):
    """In by one connection each; every byte comes back, in order."""
    sent = [message(n) for n in range(10)]
    for one in sent:
        with smtp(mail) as s:
            assert s.sendmail("sender@example.net", [account.address],
                              one) == {}
    got = contents(mail, account)
    assert list(got) == sorted(got) and len(got) == 10
    for one, (_, data) in zip(sent, got.values()):
        assert data.endswith(one) and data.startswith(b"Return-Path:")


def test_smtplib_refused_recipients(mail, account):
    with smtp(mail) as s:
        refused = s.sendmail("sender@example.net",
                             [account.address, "nobody@example.org",
                              "someone@elsewhere.example"], message(1))
    assert refused["nobody@example.org"][0] == 550
    assert refused["someone@elsewhere.example"][0] == 550
    assert len(refused) == 2 and len(contents(mail, account)) == 1


def test_smtplib_announces(mail):
    with smtp(mail) as s:
        for word in ("pipelining", "size", "8bitmime", "smtputf8", "chunking",
                     "enhancedstatuscodes"):
            assert s.has_extn(word), s.esmtp_features
        assert not s.has_extn("starttls")


def test_smtplib_utf8(mail, account):
    with smtp(mail) as s:
        s.sendmail("jörg@bücher.example", [account.address],
                   "Subject: Grüße 1\r\n\r\nhallo\r\n".encode(),
                   mail_options=["SMTPUTF8"])
    (_, data), = contents(mail, account).values()
    assert "Subject: Grüße 1".encode() in data


def test_imaplib_flags_folders_search(mail, account):
    with imap(mail, account, None) as m:
        wanted(m.create("Work"))
        wanted(m.create("Work/&ANw-mlaut"))
        for n in range(5):
            wanted(m.append("Work", "(\\Seen $Label)", None, message(n)))
        wanted(m.select("Work"))
        assert wanted(m.search(None, "SUBJECT", '"message 3"')) == [b"4"]
        wanted(m.store("2,3", "+FLAGS", "(\\Flagged \\Deleted)"))
        wanted(m.copy("1:2", "INBOX"))
        assert len(wanted(m.expunge())) == 2
        names = [line.decode() for line in wanted(m.list())]
        for name in ("Work", "Work/&ANw-mlaut"):
            assert any(n.rstrip('"').endswith(name) for n in names), names
    # and through the other node
    for node in mail.nodes():
        with imap(mail, account, "Work", node) as m:
            assert wanted(m.search(None, "ALL")) == [b"1 2 3"]
            assert wanted(m.search(None, "FLAGGED")) == [b""]
        with imap(mail, account, "INBOX", node) as m:
            assert wanted(m.search(None, "KEYWORD", "$Label")) == [b"1 2"]


def test_imaplib_starttls_and_bad_login(mail, account):
    m = imaplib.IMAP4("localhost", mail.lb.of("imap")[1], timeout=30)
    assert "STARTTLS" in m.capabilities
    assert "LOGINDISABLED" in m.capabilities
    m.starttls(ssl_context=context(mail))
    with pytest.raises(imaplib.IMAP4.error):
        m.login(account.address, "wrong password")
    m.login(account.address, account.password)
    m.logout()


def pop(mail, account, stls=False):
    if stls:
        p = poplib.POP3("localhost", mail.lb.of("pop3")[1], timeout=30)
        p.stls(context=context(mail))
    else:
        p = poplib.POP3_SSL("localhost", mail.lb.of("pop3s")[1],
                            context=context(mail), timeout=30)
    p.user(account.address)
    p.pass_(account.password)
    return p


@pytest.mark.parametrize("stls", [False, True])
def test_poplib(mail, account, stls):
    sent = [message(n) for n in range(4)]
    with imap(mail, account, None) as m:
        for one in sent:
            wanted(m.append("INBOX", None, None, one))
    p = pop(mail, account, stls)
    count, size = p.stat()
    assert count == 4 and size == sum(map(len, sent))
    uidl = p.uidl()[1]
    for i, one in enumerate(sent, 1):
        assert b"\r\n".join(p.retr(i)[1]) + b"\r\n" == one
    head = b"\r\n".join(p.top(2, 1)[1])
    assert head.startswith(sent[1].split(b"\r\n\r\n")[0])
    assert b"Line 0" in head and b"Line 1" not in head
    p.dele(1)
    p.quit()
    # the next session, at whichever node: the same names
    p = pop(mail, account, stls)
    assert [u.split()[1] for u in p.uidl()[1]] == \
        [u.split()[1] for u in uidl[1:]]
    p.quit()
    assert len(contents(mail, account)) == 3
