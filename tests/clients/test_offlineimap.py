"""offlineimap: two ways."""

import os

from maildir import Maildir, of_imap
from witness import by_number, fill, imap, message, wanted

RC = """
[general]
accounts = shoal
metadata = %(home)s/meta
ui = basic
socktimeout = 20

[Account shoal]
localrepository = here
remoterepository = there

[Repository here]
type = Maildir
localfolders = %(home)s/mail

[Repository there]
type = IMAP
remotehost = localhost
remoteport = %(port)d
remoteuser = %(user)s
remotepass = %(password)s
ssl = yes
starttls = no
sslcacertfile = %(ca)s
maxconnections = 2
"""


class Offlineimap:
    def __init__(self, client, mail, account):
        self.client = client
        client.write("rc", RC % {
            "home": client.home, "user": account.address,
            "password": account.password, "ca": mail.ca,
            "port": mail.lb.ports["imaps"]})
        self.inbox = Maildir(client.path("mail", "INBOX"))

    def run(self):
        r = self.once()
        assert r.returncode == 0 and "ERROR" not in r.stdout + r.stderr, \
            r.stdout[-3000:] + r.stderr[-3000:]

    def once(self):
        return self.client.result("offlineimap", "-o", "-c",
                                  self.client.path("rc"))

    def box(self, name):
        return Maildir(self.client.path("mail", name))


def same(mail, account, maildir, folder="INBOX"):
    far, near = by_number(mail, account, folder), maildir.files()
    assert sorted(far) == sorted(near)
    for n, (flags, data) in far.items():
        assert of_imap(flags) == near[n][0], n
        body = data.replace(b"\r\n", b"\n").split(b"\n\n", 1)[1]
        assert near[n][1].split(b"\n\n", 1)[1] == body, n
    return far


# Not with STARTTLS: there imaplib2 3.5 exchanges its reader thread, and now and
# then gets no answer to its first command behind it (two runs of fifty; 1,600
# STARTTLS of a client without threads went well on the same machine).  mutt,
# mbsync, curl and Python's libraries come that way.
def test_two_ways(mail, account, client):
    fill(mail, account, [message(n) for n in range(60)])
    with imap(mail, account, None) as i:
        wanted(i.create("Work"))
        wanted(i.append("Work", "(\\Seen)", None, message(1)))
    o = Offlineimap(client, mail, account)
    o.run()
    assert len(same(mail, account, o.inbox)) == 60
    same(mail, account, o.box("Work"), "Work")

    for n in range(5):
        o.inbox.flag(n, "S")
    o.inbox.remove(10)
    o.inbox.add(message(100), "S")
    with imap(mail, account) as i:
        wanted(i.store("4:8", "+FLAGS", "(\\Flagged)"))      # 3 .. 7
        wanted(i.store("21", "+FLAGS", "(\\Deleted)"))       # 20
        wanted(i.expunge())
    fill(mail, account, [message(101)])
    o.run()
    o.run()
    far = same(mail, account, o.inbox)
    assert sorted(far) == [n for n in range(60) if n not in (10, 20)] + \
        [100, 101]
    assert far[3][0] == {"\\Seen", "\\Flagged"}
    assert os.listdir(client.path("meta"))
