"""mutt at a terminal, its keys pressed from the command line."""

import os
import pty
import select
import time

import pytest

from witness import by_number, contents, fill, message

MUTT_SECONDS = 90

RC = """
set folder="%(url)s"
set spoolfile="%(url)s"
set imap_user="%(user)s"
set imap_pass="%(password)s"
set ssl_ca_certificates_file="%(ca)s"
set certificate_file="%(home)s/certificates"
set ssl_force_tls=yes ssl_starttls=yes
set smtp_url="smtp://localhost:%(smtp)d"
set from="sender@example.net" realname="Sender" use_from=yes
set envelope_from_address="sender@example.net" use_envelope_from=yes
set header_cache="" message_cachedir=""
set confirmappend=no confirmcreate=no delete=yes quit=yes move=no
set mark_old=no wait_key=no pipe_decode=no copy=no imap_check_subscribed=no
set abort_nosubject=no abort_unmodified=no postpone=no
unset help
"""


class Mutt:
    def __init__(self, client, mail, account, scheme):
        self.client = client
        self.url = "%s://localhost:%d/" % (scheme, mail.lb.ports[scheme])
        client.write("rc", RC % {
            "url": self.url, "user": account.address,
            "password": account.password, "ca": mail.ca,
            "home": client.home, "smtp": mail.lb.ports["smtp"]})

    def keys(self, keys, folder="INBOX"):
        """At a terminal, until it ends; what was on the screen."""
        argv = ["mutt", "-F", self.client.path("rc"), "-f", self.url + folder,
                "-e", 'push "%s"' % keys]
        pid, fd = pty.fork()
        if pid == 0:
            os.chdir(self.client.home)
            os.execvpe("mutt", argv, self.client.environment())
        return until_end(pid, fd)

    def send(self, subject, to, body):
        return self.client.run("mutt", "-F", self.client.path("rc"), "-s",
                               subject, "--", to, stdin=body)


def until_end(pid, fd):
    """Exit status 0 within MUTT_SECONDS."""
    end, screen = time.monotonic() + MUTT_SECONDS, b""
    while time.monotonic() < end:
        if select.select([fd], [], [], 1)[0]:
            try:
                got = os.read(fd, 65536)
            except OSError:             # EIO: the other end is closed
                got = b""
            if not got:
                break
            screen += got
    else:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(fd)
        raise AssertionError("mutt did not end: %r" % screen[-2000:])
    status = os.waitpid(pid, 0)[1]
    os.close(fd)
    assert status == 0, screen[-2000:]
    return screen.decode("utf-8", "replace")


@pytest.mark.parametrize("scheme", ["imaps", "imap"])
def test_read(mail, account, client, scheme):
    """A message as its user saves it from the pager: every byte."""
    fill(mail, account, [message(n) for n in range(5)])
    Mutt(client, mail, account, scheme).keys(
        "<limit>~s \\\"message 3\\\"<enter><first-entry><display-message>"
        "<pipe-message>cat > saved<enter><exit><quit>")
    with open(client.path("saved"), "rb") as f:
        got = f.read()
    assert got.split(b"\n\n", 1)[1] == message(3, eol="\n").split(
        b"\n\n", 1)[1]
    assert "\\Seen" in by_number(mail, account)[3][0]


def test_save_moves(mail, account, client):
    """<save-message> makes the folder, copies and removes."""
    sent = [message(n) for n in range(4)]
    fill(mail, account, sent)
    Mutt(client, mail, account, "imaps").keys(
        "<first-entry><save-message>=Saved<enter>"
        "<next-entry><flag-message><sync-mailbox><quit>")
    left, saved = by_number(mail, account), by_number(mail, account, "Saved")
    assert len(saved) == 1 and len(left) == 3
    (n, (_, data)), = saved.items()
    assert data == sent[n] and n not in left
    assert sum("\\Flagged" in flags for flags, _ in left.values()) == 1


def test_delete(mail, account, client):
    fill(mail, account, [message(n) for n in range(4)])
    Mutt(client, mail, account, "imaps").keys(
        "<delete-pattern>~s \\\"message [12]\\\"<enter><sync-mailbox><quit>")
    assert sorted(by_number(mail, account)) == [0, 3]


def test_send(mail, account, client):
    """By its own SMTP, STARTTLS."""
    Mutt(client, mail, account, "imaps").send(
        "from mutt 1", account.address, "Grüße\n.\nend\n")
    (_, data), = contents(mail, account).values()
    assert b"Subject: from mutt 1\r\n" in data
    assert data.endswith(b"\r\n.\r\nend\r\n")
