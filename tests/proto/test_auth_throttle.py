"""Failed logins are slowed down and then refused, on all nodes; who belongs
there is not locked out; passwords are not taken in clear."""

import base64
import time

import pytest

from rig.wait import quickest, wait_for

SHOAL = {
    "accounts": 20, "workers": 2,
    # pop3 is for clients that a balancer tells of
    "listeners": {"pop3": 'proxy = { "127.0.0.1" }'},
    "settings": {"auth.allow_plaintext": "yes", "auth.failure_delay": "0",
                 "auth.failures_max": "6"},
}

HOME, ATTACKER, NEIGHBOUR, THIRD = \
    "192.0.2.1", "198.51.100.1", "198.51.100.2", "203.0.113.1"


@pytest.fixture
def pop(pop3):
    """pop(source): from the address that the balancer says."""
    def of(source, node="n1"):
        return pop3(node=node, tls=False,
                    proxy=b"PROXY TCP4 %s 127.0.0.1 1000 110\r\n" %
                    source.encode())
    return of


@pytest.fixture
def attempt(pop):
    """attempt(source, login, password): the reply's words."""
    def of(source, login, password, node="n1"):
        c = pop(source, node)
        c.cmd("USER " + login)
        c.send("PASS %s\r\n" % password)
        said = c.line()
        c.close()
        return said
    return of


def reasons(node, login):
    return [line["reason"] for line in
            node.log(event="login refused", login="^%s$" % login)]


def both_work(n1, n2):
    wait_for("hints between the nodes", lambda: all(
        n.metrics()["shoal_hints_received_total"] > 0 for n in (n1, n2)))


def hear_of_it(attempt, source, login, *nodes):
    """Until they know of too many failures, which this source has not made.
    Asked with a wrong password, always the same, which counts but once: the
    right one, taken, would make its network known."""
    def refused(node):
        attempt(source, login, "always the same", node.name)
        return reasons(node, login)[-1] == "too many failures"
    for node in nodes:
        wait_for("%s has heard" % node.name, lambda: refused(node))


def test_refused_on_all_nodes(n1, n2, account, attempt):
    both_work(n1, n2)
    login, right = account.address, account.password
    # at home before, at the first node only
    assert attempt(HOME, login, right).startswith("+OK")
    wrong = [attempt(ATTACKER, login, "guess-%d" % i) for i in range(8)]
    # one answer: nobody learns that the last were not looked at
    assert len(set(wrong)) == 1 and wrong[0].startswith("-ERR")
    assert reasons(n1, login) == ["wrong password"] * 6 + \
        ["too many failures"] * 2
    # the right one, from there: refused by both nodes; elsewhere, too
    hear_of_it(attempt, "203.0.113.77", login, n2)
    for name in "n1", "n2":
        for source in ATTACKER, THIRD:
            assert attempt(source, login, right, name) == wrong[0], name
        # but not where it is used from, whichever node
        assert attempt(HOME, login, right, name).startswith("+OK")


def test_spread_over_nodes_adds_up(n1, n2, account, attempt):
    """Three failures at each: too many at both."""
    both_work(n1, n2)
    login = account.address
    for i in range(3):
        for node in "n1", "n2":
            attempt("203.0.113.%d" % (10 + i), login, "%s-%d" % (node, i),
                    node)
    hear_of_it(attempt, "203.0.113.88", login, n1, n2)
    for node in "n1", "n2":
        assert not attempt(THIRD, login, account.password,
                           node).startswith("+OK")


def test_network_is_refused_for_all(n1, cluster, attempt):
    """Many accounts, one of them of nobody, from one address."""
    source, take = "192.0.2.66", cluster.share.take
    victims = [take().address for _ in range(5)] + ["nobody@example.org"]
    for v in victims:
        attempt(source, v, "Winter2026")
    other = take()
    no = attempt(source, other.address, other.password)
    assert no.startswith("-ERR")
    assert attempt(source, "nobody2@example.org", "x") == no
    assert reasons(n1, other.address) == ["too many failures"]
    # its neighbours still may
    assert attempt("192.0.2.67", other.address,
                   other.password).startswith("+OK")


def test_old_password_in_a_client_locks_nobody_out(n1, account, attempt):
    """The same wrong one, again and again, is one failure."""
    for _ in range(30):
        assert attempt("192.0.2.99", account.address,
                       "the old one").startswith("-ERR")
    assert attempt("192.0.2.99", account.address,
                   account.password).startswith("+OK")


def test_exempt_network_is_not_counted(n1, cluster, imap):
    """Loopback is, by default: webmail would lock everybody out."""
    for i in range(10):
        c = imap(tls=False)
        c.cmd("LOGIN nobody%d@example.org x" % i, "NO")
    account = cluster.share.take()
    imap(account, tls=False)


def test_flood_is_turned_away(n1, account, pop, attempt):
    """Forty at once from one address: few wait, the node goes on, and whoever
    comes from elsewhere is served meanwhile."""
    flood = []
    for i in range(40):
        c = pop("198.51.100.200")
        c.cmd("USER nobody%d@example.org" % i)
        flood.append(c)
    for i, c in enumerate(flood):
        c.send("PASS x%d\r\n" % i)
    assert attempt(HOME, account.address, account.password).startswith("+OK")
    for c in flood:
        c.expect("-ERR")
    assert n1.http("/health/ready")[0] == 200


def test_delay(cluster, connect):
    """A node whose file says three seconds: two failures take three and six."""
    from rig.line import Pop
    node = cluster.make("n3", listeners={}, conf='settings {\n'
                        '\tauth.failure_delay = "3s"\n}')
    node.start()

    def took(account, password, ok=False):
        c = connect(Pop, "n3", "pop3")
        c.greeting()
        c.cmd("USER " + account.address)
        began = time.monotonic()
        c.cmd("PASS " + password, ok=ok)
        return time.monotonic() - began

    late = []       # than that: a busy machine may be once, not always
    for _ in range(3):
        account = cluster.share.take()
        more = [took(account, wrong) - seconds
                for wrong, seconds in (("x", 3), ("y", 6))]
        assert min(more) >= -0.1
        late.append(max(more))
        if late[-1] < 2.9:
            break
    assert late[-1] < 2.9, late
    # right: at once
    assert quickest(lambda: took(account, account.password, ok=True), 2.9)


def test_no_passwords_in_clear(cluster, account, connect):
    """The default, for a client that a balancer tells of, whatever address
    it tells; clients on this machine itself may."""
    from rig.imap import Imap
    from rig.line import Pop
    node = cluster.make("n4", conf='settings {\n'
                        '\tauth.allow_plaintext = "no"\n}',
                        listeners={p: 'proxy = { "127.0.0.1" }'
                                   for p in ("imap", "pop3")})
    node.start()
    token = base64.b64encode(("\0%s\0%s" % (
        account.address, account.password)).encode()).decode()
    for source in HOME, "127.0.0.1":
        proxy = b"PROXY TCP4 %s 127.0.0.1 1000 143\r\n" % source.encode()
        c = connect(Imap, "n4", "imap", proxy=proxy)
        c.greeting()
        assert c.cmd("CAPABILITY").find("LOGINDISABLED")
        assert not c.cmd("CAPABILITY").find("AUTH=PLAIN")
        c.cmd("LOGIN %s %s" % (account.address, account.password), "NO",
              "PRIVACYREQUIRED")
        c.cmd("AUTHENTICATE PLAIN " + token, "NO")
        c = connect(Pop, "n4", "pop3", proxy=proxy)
        c.greeting()
        c.cmd("USER " + account.address, ok=False)
        c.cmd("AUTH PLAIN " + token, ok=False)
    assert node.metrics()["shoal_logins_total"] == 0
