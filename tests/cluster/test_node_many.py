"""Thousands of idle IMAP connections on one node, and what one costs."""

import concurrent.futures
import os
import resource
import time

import pytest

from rig.nfscluster import NfsCluster
from rig.wait import wait_for

FULL = os.environ.get("SHOAL_EFFORT", "full") == "full"
CONNECTIONS = 5000 if FULL else 1000
ACCOUNTS = 250
THREADS = 8
# Of a worker's memory, for one logged-in IDLE connection over TLS.
LIMIT_KB = 128


def memory_kb(node):
    """Proportional: what forked processes share counts once."""
    total = 0
    for pid in node.pids():
        with open("/proc/%d/smaps_rollup" % pid) as f:
            total += sum(int(line.split()[1]) for line in f
                         if line.startswith("Pss:"))
    return total


@pytest.fixture(scope="module")
def mail(build):
    """Descriptors enough, here and there."""
    old = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert old[1] > CONNECTIONS + 1000, "too few descriptors"
    resource.setrlimit(resource.RLIMIT_NOFILE, (old[1], old[1]))
    settings = {"imap.sessions_per_account": "1000",
                "net.connections_per_client_imap": "100000",
                "net.rate_per_client": "1000000"}
    with NfsCluster(build, accounts=ACCOUNTS, settings=settings,
                    proxied=False) as c:
        yield c.start(balancer=False)
    resource.setrlimit(resource.RLIMIT_NOFILE, old)


def idler(mail, account):
    """Logged in, INBOX selected, in IDLE."""
    c = mail.imap(mail.n1, account, seconds=120)
    c.idle()
    return c


@pytest.mark.full
def test_idle_connections(mail, capsys):
    accounts = [mail.share.take() for _ in range(ACCOUNTS)]
    # what the first connections of all make once
    warm = [idler(mail, a) for a in accounts[:10]]
    before, began = memory_kb(mail.n1), time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        clients = list(pool.map(
            lambda n: idler(mail, accounts[n % ACCOUNTS]),
            range(CONNECTIONS)))
    took = time.monotonic() - began
    assert mail.n1.metrics()["shoal_connections_imap"] >= CONNECTIONS
    each = (memory_kb(mail.n1) - before) / CONNECTIONS
    # they are not only there: each account's mail is seen by all of its own
    with mail.smtp(mail.n2) as s:
        s.deliver("Subject: hello\n\nx\n", accounts[0].address)
    mine = clients[0::ACCOUNTS]
    began = time.monotonic()
    for c in mine:
        c.until(r"\* 1 EXISTS", seconds=30)
    seen = time.monotonic() - began
    with capsys.disabled():
        print("\n%d IDLE connections over TLS: %.1f KB each, made at %.0f a "
              "second; %d of one account told within %.0f ms" % (
                  CONNECTIONS, each, CONNECTIONS / took, len(mine),
                  1000 * seen))
    assert each <= LIMIT_KB
    for c in warm + clients:
        c.close()
    wait_for("the node has let go of them", lambda: (
        mail.n1.metrics()["shoal_connections_imap"] == 0), 90)
