"""POP3: too many at once; time that runs out; a node that goes."""

import signal

from rig.node import STOP_SECONDS
from rig.wait import wait_for

SHOAL = {"accounts": 6, "settings": {
    "net.exempt": "192.0.2.1", "net.connections_per_client": "5",
    "imap.sessions_per_account": "2",
    "auth.failure_delay": "0s"}}


def test_too_many_connections(pop3, n1):
    def there(n):
        wait_for("%d connections" % n, lambda: n1.metrics()[
            "shoal_connections_pop3"] == n)
    held = [pop3(tls=False) for _ in range(5)]
    there(5)
    assert pop3(tls=False, greeting=False).closed() == \
        "-ERR [SYS/TEMP] too many connections\r\n"
    # the next test's count, too
    for c in held:
        c.close()
    there(0)


def test_sessions_of_an_account(pop3, account):
    one, two = pop3(account), pop3(account)
    with pop3() as c:
        c.cmd("USER " + account.address)
        c.cmd("PASS " + account.password, ok=False, words="[IN-USE]")
        two.cmd("QUIT")
        two.closed()
        c.login(account.address, account.password)
    one.cmd("NOOP")


def test_drain(cluster, pop3, account):
    """SIGTERM: who has not logged in goes at once, a session may end."""
    node = cluster.make("n3")
    node.start()
    idle, busy = pop3(node=node), pop3(account, node=node)
    node.signal(signal.SIGTERM)
    assert idle.closed() == ""
    busy.cmd("STAT")
    busy.cmd("QUIT")
    assert busy.closed() == ""
    idle.close()
    busy.close()
    assert node.process.wait(STOP_SECONDS) == 0
