"""The share layer against a server that misbehaves, through rpcproxy.py."""

import json
import signal
import subprocess

import pytest

from rig import rpcproxy
from test_share import CALL_MS, GAP_MS, Probe, power_cut

PORT = 3049
JUKEBOX, EIO, NOSPC, STALE = 10008, 5, 28, 70
PROXY = rpcproxy.__file__


class Spoilt:
    """The server behind a proxy with these rules."""

    def __init__(self, server, *rules):
        self.server = server
        self.url = server.url().replace("nfsport=2049", "nfsport=%d" % PORT)
        self.process = server.ns.popen(
            "python3", "-B", PROXY, server.ns.address, str(PORT),
            server.ns.address, "2049", *rules,
            stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=20)
        return json.loads(out)


@pytest.fixture
def probe(build, node):
    return Probe(build, node)


def test_window(server, probe):
    s = Spoilt(server, "getattr:0:delay:20", "read:0:delay:20")
    probe.run(s.url, "window", 500)
    seen = s.end()
    assert 32 < seen["max_calls"] <= 64
    assert 2 << 20 < seen["max_bytes"] <= 4 << 20


@pytest.mark.full
# Each hits a SYMLINK of `loop`, which then finds out what happened.
@pytest.mark.parametrize("rule,unknown", [
    ("close", 1), ("half", 1), ("garbage", 1), ("drop", 1),
    ("error:%d" % EIO, 1), ("refuse:%d" % EIO, 1), ("denied", 1),
    ("refuse:%d" % JUKEBOX, 0), ("delay:900", 0),
])
def test_one_bad_reply(rule, unknown, server, probe):
    s = Spoilt(server, "symlink:5:" + rule)
    # libnfs passes over a reply to nobody's call
    seconds = 12 if rule in ("drop", "garbage") else 2
    v = probe.run(s.url, "loop", "loop", seconds, 21)
    seen = s.end()
    assert seen["fired"] == 1
    assert v["unknown"] == unknown and v["unavail"] == 0
    assert v["acked"] > 20
    # executed, and the repeat said so; refused ones were not
    executed = unknown and not rule.startswith(("refuse", "denied"))
    assert v["duplicates"] == int(executed)
    assert v["longest_ms"] <= CALL_MS and v["gap_ms"] < GAP_MS


def test_half_of_a_file(server, probe):
    """Half a reply must never become the beginning of another one."""
    s = Spoilt(server, "read:3:half", "read:9:close", "read:14:half",
               "write:20:half", "commit:1:close")
    probe.run(s.url, "put", 20_000_000)
    assert s.end()["fired"] == 5


def test_all_lose(server, probe):
    """Every tenth call of any kind goes wrong: nothing acknowledged is lost."""
    kinds = ["close", "half", "error:%d" % EIO, "delay:50"]
    s = Spoilt(server, *["symlink:%d:%s" % (i, kinds[i // 10 % 4])
                         for i in range(10, 400, 10)])
    v = probe.run(s.url, "loop", "loop", 8, 201)
    assert s.end()["fired"] >= 20
    assert v["acked"] > 200 and v["gap_ms"] < GAP_MS


def test_other_verifier(server, probe):
    """A restart that keeps the connection shows in the write verifier only."""
    s = Spoilt(server, "write:10:verf")
    probe.run(s.url, "put", 20_000_000)
    seen = s.end()
    # 77 WRITEs for put and the stream each, and again what was lost
    assert seen["calls"]["write"] > 2 * 77
    # all lanes' connections were made anew
    assert seen["connections"] >= 2


def test_stale_looks_at_the_share(server, probe):
    probe.run(server.url(), "init")
    s = Spoilt(server, "getattr:1:refuse:%d" % STALE)
    probe.run(s.url, "stale")
    seen = s.end()
    assert seen["fired"] == 1
    # SHOAL was read when it was opened, and again after ESTALE
    assert seen["calls"]["read"] == 2


def test_barrier_on_a_full_disk(server, probe):
    """No block for the barrier's WRITE: CREATE and COMMIT force the log, too."""
    probe.run(server.url(), "init")
    s = Spoilt(server, "write:1:refuse:%d" % NOSPC)
    probe.run(s.url, "forced", 50, "yes")
    seen = s.end()
    assert seen["fired"] == 1 and seen["calls"]["commit"] == 1
    assert len(power_cut(server)) == 50


def test_busy_for_ever(server, probe):
    s = Spoilt(server, "symlink:0:refuse:%d" % JUKEBOX)
    v = probe.run(s.url, "loop", "loop", 4)
    assert v["acked"] == 0 and v["unknown"] == 1
    # it asked again, with growing pauses
    assert 4 < s.end()["calls"]["symlink"] < 40
    assert 5000 < v["longest_ms"] <= CALL_MS


def test_rejected(server, probe):
    s = Spoilt(server, "any:0:denied")
    sentence = probe.refused(s.url, "open")
    assert "refuses us" in sentence and "insecure" in sentence
    assert s.end()["fired"] > 0
