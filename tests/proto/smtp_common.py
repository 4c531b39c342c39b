"""What tests of SMTP and LMTP share."""

import os
import re
import tempfile

MESSAGE = ("From: Bob <bob@example.net>\r\nTo: alice@example.org\r\n"
           "Subject: test\r\nMessage-ID: <%s@example.net>\r\n\r\n"
           "line one\r\n")
KEYWORDS = {"PIPELINING", "SIZE", "STARTTLS", "ENHANCEDSTATUSCODES",
            "8BITMIME", "SMTPUTF8", "CHUNKING", "LIMITS", "DSN"}


def message(name="m", body=""):
    return (MESSAGE % name + body).encode()


def mailbox(ctl, address, folder="INBOX"):
    """All messages of a folder, oldest first, as bytes."""
    with tempfile.TemporaryDirectory() as d:
        os.chmod(d, 0o777)      # run by root, shoalctl is somebody else
        rows = ctl.lines("account", "export", str(address), d,
                         "--folder", folder)
        found = []
        for row in rows:
            with open(os.path.join(d, row["file"]), "rb") as f:
                found.append(f.read())
        return found


def split(raw):
    """(header fields as [(name, unfolded value)], body)"""
    head, _, body = raw.partition(b"\r\n\r\n")
    text = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8", "surrogateescape"))
    return [tuple(line.split(": ", 1)) for line in text.split("\r\n")], body


def begin(c, *recipients, sender="bob@example.net", params=""):
    """MAIL and RCPT."""
    c.cmd("MAIL FROM:<%s>%s" % (sender, params))
    for r in recipients:
        c.cmd("RCPT TO:<%s>" % r)
    return c
