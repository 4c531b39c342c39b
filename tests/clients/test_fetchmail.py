"""fetchmail: POP3 and IMAP."""

import os
import re

import pytest

from witness import contents, fill, message, number_of

RC = """
set no bouncemail
poll localhost protocol %(protocol)s service %(port)d timeout 60 %(more)s
	user "%(user)s" password "%(password)s" is user here
	%(keep)s %(tls)s sslcertck sslcertfile "%(ca)s"
	mda "%(mda)s"
"""
# One file a message: what fetchmail hands over, nothing else.
MDA = """#!/bin/sh
f=$(mktemp "%s/XXXXXX") && cat >"$f"
"""


class Fetchmail:
    def __init__(self, client, mail, account, protocol, tls, keep):
        self.client, self.got = client, client.path("got")
        os.mkdir(self.got)
        mda = client.write("mda", MDA % self.got, 0o700)
        service = {"POP3": "pop3", "IMAP": "imap"}[protocol]
        client.write("rc", RC % {
            "protocol": protocol, "ca": mail.ca, "mda": mda,
            "port": mail.lb.ports[service + ("s" if tls else "")],
            "user": account.address, "password": account.password,
            "keep": "keep" if keep else "nokeep",
            "tls": "ssl" if tls else "sslproto 'TLS1.2+'",
            "more": "uidl" if keep and protocol == "POP3" else ""})

    def poll(self, status=0):
        """Exit status 1: there was nothing."""
        r = self.client.result(
            "fetchmail", "-f", self.client.path("rc"), "-i",
            self.client.path("ids"), "--pidfile", self.client.path("pid"),
            "--nosyslog", "-v")
        assert r.returncode == status, (r.returncode, r.stdout[-3000:],
                                        r.stderr[-3000:])
        found = {}
        for name in os.listdir(self.got):
            with open(os.path.join(self.got, name), "rb") as f:
                data = f.read()
            os.unlink(os.path.join(self.got, name))
            found[number_of(data)] = data
        return found


def body(data):
    return re.split(rb"\r?\n\r?\n", data, 1)[1].replace(b"\r\n", b"\n")


@pytest.mark.parametrize("protocol", ["POP3", "IMAP"])
@pytest.mark.parametrize("tls", [True, False])
def test_fetch_and_delete(mail, account, client, protocol, tls):
    sent = {n: message(n) for n in range(20)}
    fill(mail, account, sent.values())
    got = Fetchmail(client, mail, account, protocol, tls, False).poll()
    assert sorted(got) == sorted(sent)
    for n in sent:
        assert body(got[n]) == body(sent[n])
    assert contents(mail, account) == {}


@pytest.mark.parametrize("protocol", ["POP3", "IMAP"])
def test_keep_sees_each_once(mail, account, client, protocol):
    """What was fetched is known again, whichever node answers."""
    f = Fetchmail(client, mail, account, protocol, True, True)
    fill(mail, account, [message(n) for n in range(5)])
    assert sorted(f.poll()) == [0, 1, 2, 3, 4]
    for _ in range(3):
        assert f.poll(status=1) == {}
    fill(mail, account, [message(7)])
    assert sorted(f.poll()) == [7]
    assert len(contents(mail, account)) == 6
