"""POP3: what the administrator does holds for sessions that are there."""

import pytest

from rig.line import crlf
from rig.wait import wait_for

# what one session knows, all do
SHOAL = {"accounts": 20, "workers": 1,
         "settings": {"auth.failure_delay": "0s"}}

MESSAGE = crlf("From: a@example.net\nSubject: one\n\ntext\n")


@pytest.fixture
def full(cluster, deliver):
    """Accounts with a message."""
    accounts = [cluster.share.take() for _ in range(4)]
    deliver(MESSAGE, *accounts)
    return accounts


@pytest.fixture
def left(pop3):
    """left(account, password): how many messages there are."""
    def make(account, password=None):
        def logged_in():
            c = pop3()
            c.cmd("USER " + account.address)
            c.send("PASS %s\r\n" % (password or account.password))
            return c.line().startswith("+OK") and c
        c = wait_for("the login", logged_in, 20, step=0.5)
        return int(c.cmd("STAT").split()[1])
    return make


def over(c, words):
    c.send("NOOP\r\n")
    line = c.line()
    assert line.startswith(("+OK", "-ERR " + words)), line
    return line.startswith("-ERR")


def marked(pop3, account):
    c = pop3(account)
    c.cmd("DELE 1")
    return c


def test_sessions_end(full, pop3, ctl, left):
    one, two, three, four = full
    clients = [marked(pop3, account) for account in full]
    ctl.run("account", "suspend", one.address)
    ctl.run("account", "password", two.address, "--password-stdin",
            stdin="another-secret\n")
    ctl.run("account", "remove", three.address)
    for c, words in zip(clients, ("[SYS/PERM]", "[SYS/TEMP]", "[SYS/PERM]")):
        wait_for("the session's end", lambda: over(c, words), 20)
        assert c.closed() == ""
    clients[3].cmd("QUIT")
    # what only was marked is there
    ctl.run("account", "restore", one.address)
    assert left(one) == left(two, "another-secret") == 1
    assert left(four) == 0


@pytest.mark.parametrize("order", ("suspend", "password"))
def test_quit_deletes_nothing_then(full, pop3, ctl, left, order):
    account = full[0]
    c, other = marked(pop3, account), pop3(account)
    if order == "suspend":
        ctl.run("account", "suspend", account.address)
    else:
        ctl.run("account", "password", account.address, "--password-stdin",
                stdin="another-secret\n")
    wait_for("the node knows", lambda: over(other, "[SYS/"), 20)
    c.cmd("QUIT", ok=False, words="[SYS/")
    assert c.closed() == ""
    if order == "suspend":
        ctl.run("account", "restore", account.address)
        assert left(account) == 1
    else:
        assert left(account, "another-secret") == 1


def test_application_password_is_taken_back(full, pop3, ctl, left):
    account = full[0]
    app = ctl.json("app-password", "add", account.address, "phone")
    assert left(account, app["password"]) == 1
    c = pop3()
    c.login(account.address, app["password"])
    other = pop3(account)
    ctl.run("app-password", "remove", account.address, app["id"])
    wait_for("the session's end", lambda: over(c, "[SYS/TEMP]"), 20)
    assert c.closed() == ""
    other.cmd("QUIT")
