"""Workers that die, draining, and how a node ends."""

import os
import signal
import socket
import time

import pytest

from rig.imap import Imap
from rig.line import Closed, Smtp
from rig.node import Node
from rig.wait import wait_for

SHOAL = {"accounts": 12, "workers": 2,
         "settings": {"auth.allow_plaintext": "yes"}}

MESSAGE = "From: a@example.net\nTo: b@example.org\nSubject: life\n\nhello\n"


@pytest.fixture
def node(cluster):
    """A node of its own for a test that ends it."""
    number = len(cluster.nodes)
    made = cluster.make("life%d" % number)
    made.start()
    yield made
    made.kill()


def session(node, account):
    c = Imap(node.of("imap"))
    c.greeting()
    c.login(account.address, account.password)
    return c


def alive(pid):
    try:
        os.kill(pid, 0)
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def both_workers(node, account):
    """A session of each worker, by pid."""
    found = node.at_each(lambda: session(node, account))
    assert {pid: owner(node, s.socket) for pid, s in found.items()} == {
        pid: pid for pid in found}
    return found


def owner(node, sock):
    """The worker that has the other end of this connection."""
    host, port = sock.getsockname()
    wanted = "%08X:%04X" % (int.from_bytes(socket.inet_aton(host), "little"),
                            port)
    with open("/proc/net/tcp") as f:
        inodes = [line.split()[9] for line in f
                  if line.split()[2] == wanted]
    for pid in node.workers_now():
        for fd in os.listdir("/proc/%d/fd" % pid):
            try:
                if os.readlink("/proc/%d/fd/%s" % (pid, fd)) == \
                        "socket:[%s]" % inodes[0]:
                    return pid
            except OSError:
                pass
    raise AssertionError("nobody has it")


@pytest.mark.skipif(os.getuid() != 0, reason="looks into other processes")
def test_worker_dies_others_serve(n1, account):
    n1.allow("worker ended")
    sessions = both_workers(n1, account)
    victim, other = sorted(sessions)[0], sorted(sessions)[1]
    os.kill(victim, signal.SIGKILL)
    assert sessions[other].cmd("NOOP").status == "OK"
    with pytest.raises(Closed):
        sessions[victim].cmd("NOOP")
    wait_for("a new worker", lambda: len(n1.workers_now()) == 2, 10)
    assert other in n1.workers_now()
    n1.wait_ready()
    sessions[other].cmd("SELECT INBOX")
    sessions[other].close()


@pytest.mark.skipif(os.getuid() != 0, reason="looks into other processes")
def test_workers_share_what_comes(n1):
    """Connections that come one by one and stay; and one worker takes all
    while the other does not answer."""
    def connect():
        c = Imap(n1.of("imap"))
        c.greeting()
        return c

    held = [connect() for _ in range(64)]
    of = [owner(n1, c.socket) for c in held]
    assert min(of.count(pid) for pid in n1.workers_now()) >= 8, of
    for pid in n1.workers_now():
        with n1.only(pid):
            more = [connect() for _ in range(20)]
        assert {owner(n1, c.socket) for c in more} == {pid}
        held += more
    for c in held:
        c.close()


def test_crash_loop_is_slow(node):
    """A worker that always dies is started ever more seldom."""
    node.allow("worker ended")
    for _ in range(5):
        count = len(node.log(event="worker ended"))
        pids = node.workers_now()
        os.kill(pids[-1], signal.SIGKILL)
        wait_for("its end", lambda: len(
            node.log(event="worker ended")) > count, 10)
        wait_for("another", lambda: len(node.workers_now()) == 2, 20)
    pauses = [line["restart_ms"] for line in node.log(event="worker ended")]
    assert pauses == [100, 200, 400, 800, 1600], pauses
    node.wait_ready()


def test_master_dies_workers_too(node):
    pids = node.pids()
    os.kill(pids[0], signal.SIGKILL)
    node.process.wait()
    wait_for("no worker", lambda: not any(map(alive, pids)), 10)
    node.process = None
    node.start(seconds=15)      # its session is taken over at once
    node.stop()


def test_sigterm_lets_sessions_finish(node, account):
    """Idle sessions are told; a message under way is taken; new connections
    are refused; the lease is given back."""
    idle = session(node, account)
    idle.cmd("SELECT INBOX")
    idle.idle()
    busy = Smtp(node.of("smtp"))
    busy.greeting()
    busy.hello()
    busy.cmd("MAIL FROM:<a@example.net>")
    busy.cmd("RCPT TO:<%s>" % account.address)
    busy.cmd("DATA", 354)
    busy.send("Subject: half\r\n")
    node.signal(signal.SIGTERM)
    assert "BYE" in idle.closed()
    idle.close()
    # each worker closes its own listeners when it hears of it
    wait_for("refused", lambda: refuses(node.of("smtp")) and
             refuses(node.of("imap")), 15)
    # balancers still hear that it drains
    assert node.http("/health/ready")[0] == 503
    busy.send("\r\nhello\r\n.\r\n")
    busy.expect_reply(250)
    busy.closed()
    busy.close()
    assert node.process.wait(15) == 0
    node.process = None
    assert " L,r," in last_lease(node), last_lease(node)
    node.demand_quiet()


def last_lease(node):
    """The newest entry of its lease (locking/lease.h)."""
    with open(os.path.join(node.local, "node")) as f:
        log = os.path.join(node.share.url, "nodes",
                           f.read().split()[-1], "log")
    return os.readlink(os.path.join(log, max(os.listdir(log))))


def refuses(address):
    try:
        socket.create_connection(address, 5).close()
        return False
    except ConnectionRefusedError:
        return True


def test_sigterm_cuts_off_in_the_end(cluster, account):
    """A client that does not want to end: drain_timeout."""
    node = cluster.make("stubborn", conf="drain_timeout = 1s")
    node.start()
    busy = Smtp(node.of("smtp"))
    busy.greeting()
    busy.hello()
    busy.cmd("MAIL FROM:<a@example.net>")
    busy.cmd("RCPT TO:<%s>" % account.address)
    busy.cmd("DATA", 354)
    began = time.monotonic()
    node.stop()
    assert time.monotonic() - began < 15        # instead of 30
    assert len(node.log(event="sessions cut off")) == 1


def test_second_sigterm_is_at_once(node, account):
    busy = Smtp(node.of("smtp"))
    busy.greeting()
    busy.hello()
    busy.cmd("MAIL FROM:<a@example.net>")
    busy.cmd("RCPT TO:<%s>" % account.address)
    busy.cmd("DATA", 354)
    pids = node.pids()
    node.signal(signal.SIGTERM)
    node.wait_log(event="stopping")
    node.signal(signal.SIGTERM)
    assert node.process.wait(15) == 0
    node.process = None
    assert not any(map(alive, pids))


def test_many_sessions_are_told_one_after_another(node, cluster):
    """Half of drain_timeout, so that not all come back at once; here
    10 s."""
    accounts = [cluster.share.take() for _ in range(2)]
    with open(node.file, "w") as f:
        f.write(node.text() + "drain_timeout = 10s\n")
    node.signal(signal.SIGHUP)
    node.wait_log(event="reloaded")
    sessions = [session(node, accounts[i % 2]) for i in range(20)]
    began = time.monotonic()
    node.signal(signal.SIGTERM)
    ends = []
    for s in sessions:
        assert "BYE" in s.closed()
        s.close()
        ends.append(time.monotonic() - began)
    assert max(ends) < 10, ends
    assert node.process.wait(30) == 0
    node.process = None


def test_drain_order_and_resume(n1, cluster, account):
    """shoalctl node drain: not ready, idle sessions told, whoever comes is
    served; a restarted node remembers; resume ends it."""
    idle = session(n1, account)
    idle.cmd("SELECT INBOX")
    idle.idle()
    cluster.ctl.run("node", "drain", "n1")
    assert "BYE" in idle.closed(20)
    idle.close()
    assert n1.http("/health/ready")[0] == 503
    assert "draining" in n1.http("/health/ready")[1]
    with session(n1, account) as c:
        c.cmd("NOOP")
    n1.stop()
    n1.join()
    n1.launch()
    wait_for("draining", lambda: "draining" in
             n1.http("/health/ready")[1], 20)
    cluster.ctl.run("node", "resume", "n1")
    n1.wait_ready()


def test_notify(cluster):
    """What systemd is told (sd_notify)."""
    node = Node(cluster.share, "notify")
    node.join()
    node.configure()
    path = os.path.join(node.dir, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        s.settimeout(30)
        said = []

        def until(what):
            while not any(what in text for text in said):
                said.append(s.recv(4096).decode())
        os.environ["NOTIFY_SOCKET"] = path
        os.environ["WATCHDOG_USEC"] = "400000"
        try:
            node.launch()
        finally:
            del os.environ["NOTIFY_SOCKET"], os.environ["WATCHDOG_USEC"]
        until("READY=1")
        until("WATCHDOG=1")
        said.clear()
        node.signal(signal.SIGHUP)
        until("RELOADING=1\nMONOTONIC_USEC=")
        until("READY=1")
        node.signal(signal.SIGTERM)
        until("STOPPING=1")
    assert node.process.wait(30) == 0


def test_idle_node_makes_few_calls(cluster):
    """At most one a second (DESIGN 12), counted by the node itself."""
    node = cluster.make("quiet")
    node.start()
    name = "shoal_share_calls_total"
    # starting is over when the counter moves slowly
    wait_for("quiet", lambda: calls_in(node, name, 1) <= 2, 20)
    seconds = 6
    others = len(cluster.nodes) - 1
    made = calls_in(node, name, seconds)
    assert made <= seconds * (1 + 0.2 * others) + 2, (made, others)
    node.stop()


def calls_in(node, name, seconds):
    before = node.metrics()[name]
    time.sleep(seconds)
    return node.metrics()[name] - before
