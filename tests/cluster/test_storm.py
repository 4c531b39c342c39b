"""Two writers, five accounts, a server that dies, a writer that dies.

Two processes add messages to the same five accounts, from two hosts, while the
NFS server is killed and restarted twice and one writer is killed every second
and started again.  The line that `account import` prints is its
acknowledgement: what it names must be there at the end, byte for byte, at that
UID.  SHOAL_STORM is the number of messages of each writer.
"""

import hashlib
import os
import random
import re
import threading
import time

import pytest

from rig.ctl import Ctl
from rig import Namespace

QUICK = os.environ.get("SHOAL_EFFORT") == "quick"
MESSAGES = int(os.environ.get("SHOAL_STORM", "500" if QUICK else "2000"))
ACCOUNTS = ["u%d@example.org" % i for i in range(5)]
# Files one import process gets at most: several die in the middle.
CHUNK = 40
ENDS_AFTER = 1500


class Writer(threading.Thread):
    """Imports its files, a chunk a process, until each is acknowledged."""

    def __init__(self, name, ctl, files):
        super().__init__(name=name, daemon=True)
        self.ctl, self.files = ctl, files       # [(account, path)]
        self.acked = {}       # path -> (account, folder, uidvalidity, uid)
        self.process, self.lock = None, threading.Lock()
        self.runs = self.kills = self.failures = 0
        self.stopped, self.error, self.last_error = False, None, ""

    def chunks(self):
        todo = {}
        for account, path in self.files:
            if path not in self.acked:
                todo.setdefault(account, []).append(path)
        return [(account, paths[i:i + CHUNK])
                for account, paths in sorted(todo.items())
                for i in range(0, len(paths), CHUNK)]

    def one(self, account, paths):
        with self.lock:
            self.process = self.ctl.popen("account", "import", account, *paths)
        for line in self.process.stdout:
            m = re.fullmatch(r"([^\t]+)\t(\d+)\t(\d+)\t(.+)\n", line)
            if m is None:       # cut off by SIGKILL: no acknowledgement
                assert not line.endswith("\n"), line
                continue
            self.acked[m[4]] = (account, m[1], int(m[2]), int(m[3]))
        self.last_error = self.process.stderr.read() or self.last_error
        rc = self.process.wait()
        self.runs += 1
        self.kills += rc == -9
        self.failures += rc not in (0, -9)

    def run(self):
        try:
            while len(self.acked) < len(self.files):
                for account, paths in self.chunks():
                    if self.stopped:
                        return
                    self.one(account, paths)
        except Exception as e:                  # shown by the main thread
            self.error = e

    def kill(self):
        with self.lock:
            if self.process is not None and self.process.poll() is None:
                self.process.kill()


def make_messages(directory, who, rnd, count=MESSAGES):
    """count files, spread over the accounts; some large, some with LF."""
    os.makedirs(directory)
    files = []
    for i in range(count):
        eol = "\n" if i % 3 == 0 else "\r\n"
        size = rnd.choice([200, 2000, 2000, 20000])
        if i % 97 == 0:
            size = 400000                       # more than one WRITE
        line = "".join(rnd.choice("abcdefghij ") for _ in range(70))
        text = ["From: %s@example.net" % who, "To: list@example.org",
                "Subject: %s %d" % (who, i),
                "Message-ID: <%s.%d@example.net>" % (who, i), ""]
        text += [line] * (size // 72 + 1)
        path = os.path.join(directory, "%s-%05d.eml" % (who, i))
        with open(path, "w", newline="") as f:
            f.write(eol.join(text) + eol)
        files.append((ACCOUNTS[i % len(ACCOUNTS)], path))
    return files


def crlf(path):
    with open(path, "rb") as f:
        return re.sub(rb"(?<!\r)\n", b"\r\n", f.read())


def check_account(ctl, account, writers, tmp):
    """All that was acknowledged is there at its UID; and nothing that nobody
    sent.  A message whose writer was killed before it could print may be there
    twice."""
    rows = ctl.lines("account", "export", account,
                     str(tmp / ("export-" + account)))
    there = {(r["folder"], r["uidvalidity"], r["uid"]): r["file"] for r in rows}
    assert len(there) == len(rows)
    acked = 0
    for w in writers:
        for path, (acc, *key) in w.acked.items():
            if acc != account:
                continue
            assert tuple(key) in there, "acknowledged and gone: " + path
            with open(there[tuple(key)], "rb") as f:
                assert f.read() == crlf(path), path
            acked += 1
    sent = {hashlib.sha256(crlf(p)).digest() for w in writers
            for _, p in w.files}
    for file in there.values():
        with open(file, "rb") as f:
            assert hashlib.sha256(f.read()).digest() in sent, file
    return acked, len(there)


def storm(writers, server):
    """Kill one writer a second and the server twice until both are done."""
    began, outages = time.monotonic(), 0
    total = sum(len(w.files) for w in writers)
    while any(w.is_alive() for w in writers):
        writers[1].join(1.0)
        writers[1].kill()
        acked = sum(len(w.acked) for w in writers)
        if outages < 2 and acked > total * (outages + 1) // 4:
            server.restart()
            outages += 1
        if time.monotonic() - began > ENDS_AFTER:
            for w in writers:
                w.stopped = True
                w.kill()
            pytest.fail("the storm did not end: %d of %d acknowledged; %s" % (
                acked, total, [w.last_error for w in writers]))
    return time.monotonic() - began, outages


def test_storm(build, server, tmp_path):
    rnd = random.Random(7)
    with Namespace("n1") as n1, Namespace("n2") as n2:
        first = Ctl(build, n1, tmp_path / "local1")
        first.run("share", "init", server.url())
        first.run("domain", "add", "example.org")
        for a in ACCOUNTS:
            first.run("account", "add", a)
        second = Ctl(build, n2, tmp_path / "local2")
        second.run("join", first.run("node", "invite").strip())
        writers = [
            Writer("w1", first, make_messages(str(tmp_path / "m1"), "w1", rnd)),
            Writer("w2", second, make_messages(str(tmp_path / "m2"), "w2", rnd))]
        for w in writers:
            w.start()
        seconds, outages = storm(writers, server)
        for w in writers:
            if w.error:
                raise w.error
        assert outages == 2 and writers[1].kills > 0
        acked = stored = 0
        for a in ACCOUNTS:
            k, n = check_account(second, a, writers, tmp_path)
            acked, stored = acked + k, stored + n
        assert acked == 2 * MESSAGES
        problems = first.json("account", "check", "--all", "--deep")
        assert [p for p in problems if p["kind"] == "damaged"] == []
        print("storm: %d acknowledged, %d stored, %d kills, %d outages, "
              "%.0f s, %d untidy" % (acked, stored, writers[1].kills, outages,
                                     seconds, len(problems)))
