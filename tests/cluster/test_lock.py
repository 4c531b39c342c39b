"""Leases and locks over nfs-ganesha: zombies, restarts, clones, a dead server."""

import os
import shutil
import signal
import subprocess
import threading
import time

import pytest

from rig.wait import wait_for

TERM = 15           # locking/lease.h, in seconds
EXPIRE = 30
POLL = 6            # LOCK_POLL_MS with its jitter
SLACK = 15          # two busy cores
AT_ONCE_MS = 12000  # no lease that ends is waited for: POLL, and a busy machine


class LockProbe:
    """A process of a node; `local` is its local directory."""

    def __init__(self, build, ns, url, local):
        os.makedirs(local, exist_ok=True)
        program = os.path.join(build, "tests/cluster/lock_probe")
        self.p = ns.popen(program, url, local, text=True, bufsize=1,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lines = []
        self.events = []
        self.more = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.p.stdout:
            line = line.rstrip("\n")
            with self.more:
                event = line.startswith(("session ", "refused "))
                (self.events if event else self.lines).append(line)
                self.more.notify_all()
        with self.more:
            self.lines.append("END")
            self.more.notify_all()

    def send(self, command):
        self.p.stdin.write(command + "\n")

    def answer(self, seconds=20):
        with self.more:
            ok = self.more.wait_for(lambda: self.lines, seconds)
            assert ok, "no answer within %s s" % seconds
            return self.lines.pop(0)

    def ask(self, command, seconds=20):
        self.send(command)
        return self.answer(seconds)

    def event(self, begins, seconds):
        with self.more:
            assert self.more.wait_for(
                lambda: any(e.startswith(begins) for e in self.events),
                seconds), (begins, self.events)
            return [e for e in self.events if e.startswith(begins)][-1]

    def ready(self):
        line = self.answer()
        assert line.startswith("ready "), line
        return line.split()[1]

    def stop(self):
        self.p.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.p.send_signal(signal.SIGCONT)

    def kill(self):
        self.p.kill()
        self.p.wait()

    def bye(self):
        assert self.ask("bye") == "bye"
        assert self.p.wait(20) == 0


@pytest.fixture
def url(server, build, node):
    u = server.url()
    out = node.run(os.path.join(build, "tests/cluster/share_probe"), u, "init")
    assert out.startswith("uuid "), out
    return u


@pytest.fixture
def start(url, build, node, tmp_path):
    probes = []

    def one(local):
        probes.append(LockProbe(build, node, url, str(tmp_path / local)))
        return probes[-1]

    yield one
    for p in probes:
        if p.p.poll() is None:
            p.go_on()
            p.kill()


def leased(start, local):
    p = start(local)
    p.id = p.ready()
    line = p.ask("lease", EXPIRE + POLL + SLACK)
    assert line.startswith("lease "), line
    p.lease_ms = int(line.split()[1])
    return p


def held(p, seconds=POLL + SLACK):
    """The token, and how long it took."""
    line = p.ask("acquire bucket-1 %d" % seconds, seconds + SLACK)
    assert line.startswith("held "), line
    return [int(x) for x in line.split()[1:]]


def test_turns(start):
    a, b = leased(start, "a"), leased(start, "b")
    assert a.lease_ms < AT_ONCE_MS and a.id != b.id
    assert held(a)[0] == 1
    assert b.ask("acquire bucket-1 0").startswith("error timeout")
    assert sorted(b.ask("locks").split()) == ["bucket-1:held:1", "locks"]
    assert a.ask("release") == "released"
    assert held(b)[0] == 3
    nodes = b.ask("nodes")
    assert a.id + ":alive" in nodes and b.id + ":alive:self" in nodes
    # ended in order: free at once
    b.bye()
    token, ms = held(a)
    assert token >= 4 and ms < AT_ONCE_MS
    assert b.id + ":released" in a.ask("nodes")
    a.bye()


@pytest.mark.full
def test_zombie(start):
    """The holder is stopped beyond its term; what it does when it wakes comes
    too late, even if it does not ask."""
    a, b = leased(start, "a"), leased(start, "b")
    assert held(a)[0] == 1
    assert a.ask("claim") == "claimed"
    assert a.ask("outcome a1") == "recorded"
    assert a.ask("is-held") == "yes"
    a.stop()
    # it will find these when it wakes
    for command in ("is-held", "check", "outcome a2", "force a3", "outcomes"):
        a.send(command)
    token, ms = held(b, EXPIRE + 2 * POLL + SLACK)
    assert token == 2
    assert ms >= (EXPIRE - TERM) * 1000
    assert b.ask("claim") == "claimed"
    assert b.ask("outcomes") == "outcomes 2 a1"
    assert b.ask("outcome b1") == "recorded"
    a.go_on()
    assert a.answer() == "no"
    assert a.answer().startswith("error lost")
    assert a.answer().startswith("error lost")
    assert a.answer().startswith("error lost")
    assert a.answer() == "outcomes 2 a1 b1"
    a.event("session ended", 20)
    assert b.ask("outcome b2") == "recorded"
    assert b.ask("check") == "held"
    assert a.ask("outcomes") == "outcomes 2 a1 b1 b2"
    # a gets in line, with a new session
    wait_for("a's new session", lambda: a.events[-1] == "session begun")
    assert a.ask("release") == "released"
    b.bye()
    assert held(a)[0] > 2
    a.bye()


def test_killed_and_restarted(start):
    """flock and boot id prove the old process dead: no waiting."""
    a, b = leased(start, "a"), leased(start, "b")
    assert held(a)[0] == 1
    a.kill()
    again = leased(start, "a")
    assert again.id == a.id and again.lease_ms < AT_ONCE_MS
    token, ms = held(again)
    assert token == 2 and ms < AT_ONCE_MS
    # one directory, one process
    second = start("a")
    assert second.answer().startswith("error conflict another process runs")
    assert second.p.wait(20) == 1
    again.bye()
    assert held(b)[0] > 2
    b.bye()


@pytest.mark.full
def test_clone(start, tmp_path):
    """A copied local directory is refused; the first one does not notice."""
    a = leased(start, "a")
    assert held(a)[0] == 1
    shutil.copytree(tmp_path / "a", tmp_path / "copy")
    c = start("copy")
    assert c.ready() == a.id
    c.send("lease")
    words = c.event("refused ", EXPIRE + SLACK)
    assert "another process runs as node " + a.id in words
    assert c.p.wait(20) == 1
    assert a.ask("check") == "held"
    assert a.events == ["session begun"]
    a.bye()
    # now it may
    d = leased(start, "copy")
    assert d.lease_ms < AT_ONCE_MS
    d.bye()


def test_server_killed(start, server):
    """A short absence costs nothing, a long one the session; never two."""
    a, b = leased(start, "a"), leased(start, "b")
    assert held(a)[0] == 1
    server.restart()
    line = a.ask("check")
    assert line == "held" or line.startswith("error lost"), line
    server.kill()
    for p in (a, b):
        p.event("session ended", TERM + SLACK)
    assert a.ask("is-held") == "no"
    time.sleep(1)       # it may stay away for as long as it likes
    server.start()
    for p in (a, b):
        wait_for("a new session", lambda p=p: p.events[-1] == "session begun",
                 60)
    # a's old session is over: whoever asks first gets it
    token, _ = held(b, EXPIRE + SLACK)
    assert token > 1
    assert a.ask("check").startswith("error lost")
    a.bye()
    b.bye()
