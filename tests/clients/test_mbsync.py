"""mbsync: two ways, 2,000 messages, both sides changed between runs."""

import os
import re

import pytest

from maildir import Maildir, of_imap
from witness import by_number, fill, imap, message, wanted

COUNT = 2000

RC = """
IMAPAccount shoal
Host localhost
Port %(port)d
User %(user)s
Pass %(password)s
SSLType %(tls)s
CertificateFile %(ca)s
Timeout 60

IMAPStore far
Account shoal

MaildirStore near
Path %(home)s/mail/
Inbox %(home)s/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Sync All
Create Both
Expunge Both
Remove Both
SyncState *
CopyArrivalDate yes
"""


class Mbsync:
    def __init__(self, client, mail, account, tls="IMAPS"):
        self.client = client
        os.mkdir(client.path("mail"))
        client.write(".mbsyncrc", RC % {
            "port": mail.lb.ports["imaps" if tls == "IMAPS" else "imap"],
            "user": account.address, "password": account.password,
            "ca": mail.ca, "home": client.home, "tls": tls})
        self.inbox = Maildir(client.path("mail", "INBOX"))

    def run(self):
        return self.client.run("mbsync", "-a")

    def box(self, name):
        return Maildir(self.client.path("mail", name))


def plain(data):
    """Without the field by which mbsync knows again what it copies."""
    return re.sub(rb"(?m)^X-TUID: .*\n", b"", data.replace(b"\r\n", b"\n"))


def same(mail, account, maildir, folder="INBOX"):
    """Both sides hold the same messages with the same flags."""
    far, near = by_number(mail, account, folder), maildir.files()
    assert sorted(far) == sorted(near)
    for n, (flags, data) in far.items():
        assert of_imap(flags) == near[n][0], n
        assert plain(data) == plain(near[n][1]), n
    return far


@pytest.fixture
def synced(mail, account, client):
    """2,000 messages on the server, and an mbsync that has them all."""
    source = mail.place.mkdir("source")
    files = [os.path.join(source, "%04d" % n) for n in range(COUNT)]
    for n, path in enumerate(files):
        with open(path, "wb") as f:
            f.write(message(n, lines=n % 40))
    mail.share.ctl.run("account", "import", account.address, *files)
    m = Mbsync(client, mail, account)
    m.run()
    return m


def test_2000_both_ways(mail, account, synced):
    far = same(mail, account, synced.inbox)
    assert len(far) == COUNT
    # here: flags, removals, arrivals; there: others, some of the same
    for n in range(0, 100):
        synced.inbox.flag(n, "F")
    for n in range(100, 150):
        synced.inbox.remove(n)
    for n in range(COUNT, COUNT + 50):
        synced.inbox.add(message(n), "S")
    with imap(mail, account) as m:
        wanted(m.store("51:120", "+FLAGS", "(\\Seen)"))     # 50 .. 119
        wanted(m.store("141:200", "+FLAGS", "(\\Deleted)"))  # 140 .. 199
        wanted(m.expunge())
    fill(mail, account, [message(n) for n in range(3000, 3020)])
    synced.run()
    synced.run()
    far = same(mail, account, synced.inbox)
    assert sorted(far) == (list(range(100)) + list(range(200, COUNT + 50)) +
                           list(range(3000, 3020)))
    for n in range(100):
        assert "\\Flagged" in far[n][0]
        assert ("\\Seen" in far[n][0]) == (n >= 50)
    # nothing is left to do
    before = {n: f[2] for n, f in synced.inbox.files().items()}
    synced.run()
    assert {n: f[2] for n, f in synced.inbox.files().items()} == before


def test_conflicts(mail, account, client):
    """The same message changed on both sides between two runs."""
    fill(mail, account, [message(n) for n in range(6)])
    m = Mbsync(client, mail, account)
    m.run()
    m.inbox.flag(0, "F")                    # both flag it, differently
    m.inbox.remove(1)                       # removed here, flagged there
    m.inbox.flag(2, "S")                    # flagged here, removed there
    m.inbox.remove(3)                       # removed on both sides
    with imap(mail, account) as i:
        wanted(i.store("1", "+FLAGS", "(\\Answered)"))
        wanted(i.store("2", "+FLAGS", "(\\Flagged)"))
        wanted(i.store("3,4", "+FLAGS", "(\\Deleted)"))
        wanted(i.expunge())
    m.run()
    m.run()
    far = same(mail, account, m.inbox)
    assert 0 in far and far[0][0] == {"\\Flagged", "\\Answered"}
    assert 3 not in far and {4, 5} <= set(far)


def test_folders(mail, account, client):
    """Made on either side, they appear on the other; STARTTLS."""
    with imap(mail, account, None) as i:
        wanted(i.create("Far/Deep"))
        wanted(i.append("Far/Deep", None, None, message(1)))
    m = Mbsync(client, mail, account, "STARTTLS")
    m.run()
    for part in ("cur", "new", "tmp"):
        os.makedirs(client.path("mail", "Near", part))
    m.box("Near").add(message(2))
    m.run()
    same(mail, account, m.box("Near"), "Near")
    same(mail, account, m.box("Far/Deep"), "Far/Deep")
