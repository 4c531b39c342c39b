"""SCRAM-SHA-256 and -PLUS over IMAP, POP3 and submission."""

import base64

import pytest

from rig.line import Closed, tls_context
from rig.scram import MECHANISM, Scram, end_point
from rig.wait import wait_for

SHOAL = {"accounts": 20, "settings": {"auth.failure_delay": "0"}}
PLUS = MECHANISM + "-PLUS"


def b64(data):
    return base64.b64encode(data).decode()


class Imap:
    def __init__(self, imap):
        self.c = imap()
        text = self.c.cmd("CAPABILITY")
        self.words = set(b" ".join(text.lines).decode().split())

    def offered(self):
        return [w[5:] for w in self.words if w.startswith("AUTH=")]

    def begin(self, mechanism, first):
        self.c.send("a AUTHENTICATE %s %s\r\n" % (mechanism, b64(first)))
        return self.challenge()

    def challenge(self):
        line = self.c.line()
        return base64.b64decode(line[2:]) if line[0] == "+" else line

    def answer(self, data):
        self.c.send(b64(data) + "\r\n")
        return self.challenge()

    yes, no = "a OK", "a NO [AUTHENTICATIONFAILED]"


class Pop(Imap):
    def __init__(self, pop3):
        self.c = pop3()
        self.words = self.c.multi("CAPA").decode().split("\r\n")

    def offered(self):
        line, = [w for w in self.words if w.startswith("SASL ")]
        return line.split(" ")[1:]

    def begin(self, mechanism, first):
        self.c.send("AUTH %s %s\r\n" % (mechanism, b64(first)))
        return self.challenge()

    def challenge(self):
        line = self.c.line()
        return base64.b64decode(line[2:]) if line[:2] == "+ " else line

    yes, no = "+OK", "-ERR [AUTH]"


class Submission(Pop):
    def __init__(self, submit):
        self.c = submit()

    def offered(self):
        return self.c.words["AUTH"].split(" ")

    def challenge(self):
        line = self.c.line()
        return base64.b64decode(line[4:]) if line[:4] == "334 " else line

    yes, no = "235 2.7.0", "535 5.7.8"


@pytest.fixture(params=["imap", "pop3", "submission"])
def client(request, imap, pop3, submit):
    def make():
        if request.param == "imap":
            return Imap(imap)
        if request.param == "pop3":
            return Pop(pop3)
        return Submission(submit)
    return make


def channel(client):
    return "tls-server-end-point", end_point(
        client.c.socket.getpeercert(binary_form=True))


def login(client, scram, mechanism=MECHANISM):
    """What the server says in the end."""
    said = client.begin(mechanism, scram.first())
    if isinstance(said, str):
        return said
    said = client.answer(scram.final(said))
    if isinstance(said, str):
        return said
    assert scram.verified(said)
    return client.answer(b"")


def test_login(client, account, n1):
    c = client()
    assert {PLUS, MECHANISM} <= set(c.offered())
    said = login(c, Scram(account.address, account.password))
    assert said.startswith(c.yes), said
    line = n1.log(event="^login$", login=account.address)[-1]
    assert line["by"] == "scram" and line["address"] == account.address
    c = client()
    said = login(c, Scram(account.address, "wrong"))
    assert said.startswith(c.no), said


def test_plus(client, account):
    c = client()
    scram = Scram(account.address, account.password, bound=channel(c))
    assert login(c, scram, PLUS).startswith(c.yes)
    # bound to another's TLS
    c = client()
    scram = Scram(account.address, account.password,
                  bound=("tls-server-end-point", b"x" * 32))
    assert login(c, scram, PLUS).startswith(c.no)
    # -PLUS was taken out of what was offered
    c = client()
    scram = Scram(account.address, account.password, could=True)
    assert login(c, scram).startswith(c.no)


def test_unknown_looks_alike(client, cluster):
    """The same salt each time, and nothing else either."""
    said, salts = [], []
    for name in "nobody@example.org", "nobody@example.org", "x@else.example":
        c = client()
        scram = Scram(name, "x")
        said.append(login(c, scram))
        salts.append(scram.salt)
    assert len(set(said)) == 1 and said[0].startswith(c.no)
    assert salts[0] == salts[1] != salts[2]


def test_malformed(client, account):
    c = client()
    said = c.begin(MECHANISM, b"p=tls-unique,,n=a,r=b")
    assert isinstance(said, str) and not said.startswith(c.yes)
    scram = Scram(account.address, account.password)
    first = c.begin(MECHANISM, scram.first())
    said = c.answer(scram.final(first)[:-1] + b"x")
    assert isinstance(said, str) and not said.startswith(c.yes)
    try:
        c.c.send("QUIT\r\n")
        c.c.line()
    except Closed:
        pass


def test_without_tls(cluster, ctl, submit):
    """Where no password may be sent SCRAM may be all there is."""
    account = cluster.share.take()
    proxied = cluster.make("behind", listeners={
        "submission": 'proxy = { "127.0.0.1" }'})
    proxied.start()
    header = b"PROXY TCP4 192.0.2.7 192.0.2.1 1 587\r\n"
    c = submit(node="behind", tls=False, proxy=header)
    assert c.words["AUTH"] == MECHANISM and "STARTTLS" in c.words
    c.cmd("AUTH PLAIN AGEAYg==", 538, "5.7.11")         # B23
    c.cmd("AUTH LOGIN", 538, "5.7.11")
    c.cmd("AUTH %s" % PLUS, 504, "5.5.4")
    c.cmd("MAIL FROM:<%s>" % account, 530, "5.7.0")
    c.tls(tls_context())
    words = c.hello()
    assert words["AUTH"] == "%s %s PLAIN LOGIN" % (PLUS, MECHANISM)
    c.cmd("AUTH PLAIN " + b64(("\0%s\0%s" % (
        account, account.password)).encode()), 235)
    proxied.stop()


def test_offered_while_all_have_keys(cluster, ctl, submit, n1):
    imported = "imported@example.org"
    assert MECHANISM in submit().words["AUTH"]
    ctl.run("account", "add", imported, "--hash-stdin",
            stdin="{SHA512-CRYPT}$6$saltsaltsalt$9tnOeZgpWCos4Iuz00IwX7D5873"
            "tm5.0sfwgot6MtJJpyloHQ13014E85nRWIVHhS5M9xF4Ez9ows4jnGpEZD1\n")
    wait_for("SCRAM is gone", lambda: all(
        MECHANISM not in submit().words["AUTH"] for _ in range(8)), 20)
    line = n1.log(event="SCRAM is not offered")[0]
    assert line["account"] == imported
    ctl.run("account", "remove", imported)
    wait_for("SCRAM is back", lambda: all(
        MECHANISM in submit().words["AUTH"] for _ in range(8)), 20)
