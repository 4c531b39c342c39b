"""Logins: names, what an outsider can tell (nothing), caches, upgrades."""

import base64

import pytest

from rig.wait import wait_for

SHOAL = {
    "accounts": 12, "workers": 2,
    "settings": {"auth.failure_delay": "0", "auth.failures_max": "1000",
                 "imap.sessions_per_account": "6"},
}

CLEAR = "sözleşme"
# crypt(5), method 6
HASH = "$6$saltsaltsalt$9tnOeZgpWCos4Iuz00IwX7D5873" \
    "tm5.0sfwgot6MtJJpyloHQ13014E85nRWIVHhS5M9xF4Ez9ows4jnGpEZD1"
APPS = {}       # of u1: {label: {"id":, "password":}}
IMPORTED, SLEEPY = "imported@example.org", "sleepy@example.org"


@pytest.fixture(scope="module", autouse=True)
def prepared(cluster):
    """Before the nodes start, so that nobody waits for them to hear of it."""
    ctl = cluster.ctl
    for _ in range(2):
        cluster.share.take()    # u0 and u1 are used by name
    ctl.run("account", "add", IMPORTED, "--hash-stdin",
            stdin="{SHA512-CRYPT}" + HASH + "\n")
    cluster.share.add(SLEEPY)
    ctl.run("account", "suspend", SLEEPY)
    for label in "phone", "old tablet":
        APPS[label] = ctl.json("app-password", "add", "u1@example.org", label,
                               "--days", "7")
    ctl.run("alias", "add", "nick@example.org", "u0@example.org")
    for target in "u0@example.org", "u1@example.org":
        ctl.run("alias", "add", "two@example.org", target)
    ctl.run("alias", "add", "@example.org", "u0@example.org")


def plain(login, password, authzid=""):
    return base64.b64encode(
        ("%s\0%s\0%s" % (authzid, login, password)).encode()).decode()


@pytest.fixture
def answer(imap, pop3):
    """answer(login, password): what IMAP and POP3 say, by every way in."""
    def by_imap(node, command):
        c = imap(node=node, tls=False)
        a = c.cmd(command, status=None)
        c.close()
        return a.status, a.text.split("CAPABILITY")[0]

    def by_pop3(node, *commands):
        c = pop3(node=node, tls=False)
        for command in commands:
            c.send(command.encode() + b"\r\n")
            said = c.line()
        c.close()
        return said

    def of(login, password, node="n1"):
        return [
            by_imap(node, 'LOGIN "%s" "%s"' % (login, password)),
            by_imap(node, "AUTHENTICATE PLAIN " + plain(login, password)),
            by_pop3(node, "USER " + login, "PASS " + password),
            by_pop3(node, "AUTH PLAIN " + plain(login, password)),
        ]
    return of


def is_in(said):
    return said[0][0] == said[1][0] == "OK" and \
        all(s.startswith("+OK") for s in said[2:])


def counted(node, name):
    return int(node.metrics()["shoal_%s_total" % name])


def test_names(n1, answer):
    address, password = "u0@example.org", "secret-u0"
    assert is_in(answer(address, password))
    assert is_in(answer(address.upper(), password))
    assert is_in(answer("Nick@example.org", password))
    no = answer(address, "wrong")
    # two accounts, the catch-all, what is no address, a detail
    for name in ("two@example.org", "anything@example.org", "u0",
                 "u0+x@example.org", "@example.org"):
        assert answer(name, password) == no, name


def test_nothing_tells_who_exists(n1, ctl, answer):
    """Same words, whatever the reason; the log says which it was."""
    no = answer("u1@example.org", "wrong")
    assert no[0][0] == "NO" and no[2].startswith("-ERR")
    for name in ("nobody@elsewhere.example", "nobody", SLEEPY):
        assert answer(name, "x") == no, name
    assert answer(SLEEPY, "secret-sleepy") == no
    reasons = {line["reason"] for line in n1.log(event="login refused")}
    assert {"wrong password", "no such user", "suspended"} <= reasons
    line = n1.log(event="login refused", reason="no such user")[0]
    assert line["protocol"] in ("imap", "pop3") and line["peer"] == "127.0.0.1"
    with open(n1.log_file) as f:
        assert "secret-sleepy" not in f.read()


def test_log_is_not_forged(n1, imap):
    c = imap(tls=False)
    c.literal("LOGIN ", b"x\ny level=alarm event=forged", ' "z"', status=None)
    assert not n1.log(event="^forged")


def test_cache(n1, pop3):
    """Two workers: each hashes once."""
    account = n1.share.take()
    logins, cached = counted(n1, "logins"), counted(n1, "logins_cached")
    for _ in range(20):
        pop3(account, tls=False).cmd("QUIT")
    wait_for("counted", lambda: counted(n1, "logins") == logins + 20)
    assert counted(n1, "logins_cached") >= cached + 18


def test_changed_password_ends_the_cache(n1, n2, ctl, answer):
    account = n1.share.take()
    for node in "n1", "n2":
        for _ in range(3):
            assert is_in(answer(account.address, account.password, node))
    ctl.run("account", "password", account.address, "--password-stdin",
            stdin="another one\n")
    for node in "n1", "n2":
        wait_for("the new one at " + node, lambda: is_in(
            answer(account.address, "another one", node)), 20)
        for _ in range(3):
            assert not is_in(answer(account.address, account.password, node))


def test_imported_hash_is_upgraded(n1, n2, answer):
    """Whichever worker sees the login, the first writes."""
    assert not is_in(answer(IMPORTED, "wrong"))
    assert is_in(answer(IMPORTED, CLEAR))
    n1.wait_log(event="password hash upgraded", address=IMPORTED)
    for node in "n1", "n2":
        assert is_in(answer(IMPORTED, CLEAR, node))
        assert not is_in(answer(IMPORTED, HASH, node))
    assert not n1.log(event="password hash not upgraded")


def test_application_passwords(n1, ctl, answer):
    """Each works, beside the account's own, and is taken back alone."""
    login = "u1@example.org"
    assert is_in(answer(login, "secret-u1"))
    for app in APPS.values():
        assert is_in(answer(login, app["password"]))
        assert not is_in(answer(login, app["password"][:-1]))
        assert n1.log(event="^login$", address=login, app=app["id"])
    rows = ctl.json("app-password", "list", login)
    assert {r["label"] for r in rows} == set(APPS)
    lost, kept = APPS["phone"], APPS["old tablet"]
    ctl.run("app-password", "remove", login, lost["id"])
    wait_for("it is taken back",
             lambda: not is_in(answer(login, lost["password"])), 20)
    assert is_in(answer(login, kept["password"]))
    assert is_in(answer(login, "secret-u1"))
    assert "no such application" in ctl.refused(
        "app-password", "remove", login, lost["id"])


def test_sasl(n1, account, imap, pop3):
    c = imap(tls=False)
    tag = c.start("AUTHENTICATE LOGIN")
    for word in account.address, account.password:
        c.expect(r"\+ [A-Za-z0-9+/=]+$")
        c.send(base64.b64encode(word.encode()) + b"\r\n")
    c.finish(tag)
    c = imap(tls=False)
    tag = c.start("AUTHENTICATE PLAIN")
    c.expect(r"\+ ")
    c.send("*\r\n")
    c.finish(tag, "BAD")
    c.cmd("AUTHENTICATE CRAM-MD5", "NO")
    c.cmd("AUTHENTICATE PLAIN !!!", "BAD")
    # nobody acts for another
    other = n1.share.take()
    c.cmd("AUTHENTICATE PLAIN " + plain(account.address, account.password,
                                        other.address), "NO")
    c.cmd("AUTHENTICATE PLAIN " + plain(account.address, account.password,
                                        account.address), "OK")


def test_sessions_of_one_client(n1, imap):
    """B47: the limit is per account and client; ended ones are given back."""
    account = n1.share.take()

    def login():
        c = imap(tls=False)
        return c, c.cmd("LOGIN %s %s" % (account.address, account.password),
                        None)

    held = [login() for _ in range(6)]
    assert [a.status for _, a in held] == ["OK"] * 6
    c, a = login()
    assert a.status == "NO" and "[LIMIT]" in a.text
    held[0][0].close()
    wait_for("it was given back", lambda: login()[1].status == "OK")
    held[1][0].cmd("NOOP")
