"""What is in a mailbox, seen with Python's own imaplib: the other witness."""

import contextlib
import imaplib
import re
import ssl
import time


def context(mail):
    return ssl.create_default_context(cafile=mail.ca)


@contextlib.contextmanager
def imap(mail, account, folder="INBOX", node=None):
    """Logged in through the balancer, or at one node."""
    if node is None:
        host, port = mail.lb.of("imaps")
    else:
        host, port = node.of("imaps")
    with imaplib.IMAP4_SSL("localhost" if node is None else host, port,
                           ssl_context=context(mail), timeout=60) as m:
        m.login(account.address, account.password)
        if folder is not None:
            assert m.select(folder)[0] == "OK", folder
        yield m


def wanted(answer):
    status, data = answer
    assert status == "OK", answer
    return data


def fill(mail, account, messages, folder="INBOX", flags=None):
    """By APPEND."""
    with imap(mail, account, None) as m:
        for message in messages:
            wanted(m.append(folder, flags, None, message))


def contents(mail, account, folder="INBOX"):
    """{uid: (flags, bytes)}; flags as a frozenset without \\Recent."""
    with imap(mail, account, folder) as m:
        data = wanted(m.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[])")) \
            if int(m.response("EXISTS")[1][0] or 0) else []
    found = {}
    for item in data:
        if not isinstance(item, tuple):
            continue
        head = item[0].decode()
        uid = int(re.search(r"UID (\d+)", head)[1])
        flags = re.search(r"FLAGS \(([^)]*)\)", head)[1].split()
        found[uid] = (frozenset(f for f in flags if f != "\\Recent"), item[1])
    return found


def number_of(data):
    """The N of the Subject: test message N."""
    return int(re.search(rb"(?mi)^Subject: \D*(\d+)\r?$", data)[1])


def by_number(mail, account, folder="INBOX"):
    """{N: (flags, bytes)}; nothing is there twice."""
    found = {}
    for flags, data in contents(mail, account, folder).values():
        n = number_of(data)
        assert n not in found, "message %d is there twice" % n
        found[n] = (flags, data)
    return found


def message(n, lines=3, eol="\r\n"):
    text = ["From: Sender <sender@example.net>",
            "To: user@example.org",
            "Subject: test message %d" % n,
            "Date: Mon, 05 Oct 2026 %02d:%02d:%02d +0000" % (
                n // 3600 % 24, n // 60 % 60, n % 60),
            "Message-ID: <%d.%d@example.net>" % (n, time.time()),
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8", ""]
    text += ["Line %d of message %d: déjà vu, .dot" % (i, n)
             for i in range(lines)]
    text += [".a line that begins with a dot", ".", "the end"]
    return (eol.join(text) + eol).encode()
