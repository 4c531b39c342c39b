"""The share layer over nfs-ganesha: calls, refusals, crashes, hangs."""

import os
import shutil
import subprocess
import uuid

import pytest

from rig import Ganesha, LoopExport, Namespace, run
from rig.wait import wait_for

RO = "Access_Type = RO; Squash = No_Root_Squash; PrivilegedPort = false;"
NOBODY = "Access_Type = NONE; Squash = No_Root_Squash;"
SQUASHED = "Access_Type = RW; Squash = Root_Squash; PrivilegedPort = false;"
PRIVILEGED = "Access_Type = RW; Squash = No_Root_Squash; PrivilegedPort = true;"
# A call ends within SHARE_TIMEOUT_MS; what comes on top is the machine's.
CALL_MS = 10000 + 5000
# Two busy cores; a loop that a call blocks would show SHARE_TIMEOUT_MS.
GAP_MS = 5000


class Probe:
    def __init__(self, build, node):
        self.program = os.path.join(build, "tests/cluster/share_probe")
        self.node = node

    def start(self, url, *args, wrap=()):
        """What goes on until its standard input ends does so until read()."""
        return self.node.popen(*wrap, self.program, url, *map(str, args),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True)

    def result(self, url, *args, wrap=()):
        p = self.start(url, *args, wrap=wrap)
        return self.read(p)

    @staticmethod
    def read(p, seconds=120):
        out, _ = p.communicate(timeout=seconds)
        return p.returncode, out

    def run(self, url, *args, **kw):
        rc, out = self.result(url, *args, **kw)
        assert rc == 0, out
        return values(out)

    def refused(self, url, *args, **kw):
        rc, out = self.result(url, *args, **kw)
        assert rc == 1 and out.startswith("error "), out
        return out.splitlines()[0]


def values(out):
    """`key value` lines as a dict; numbers as such."""
    d = {}
    for line in out.splitlines():
        key, _, value = line.partition(" ")
        d[key] = int(value) if value.isdigit() else value
    return d


@pytest.fixture
def probe(build, node):
    return Probe(build, node)


def started(p):
    """The program says so when its calls are under way."""
    line = p.stdout.readline()
    assert line == "started\n", line + p.stdout.read()


def test_calls(server, probe):
    url = server.url()
    probe.run(url, "files")
    probe.run(url, "names")
    assert probe.run(url, "window", 1000)["gap_ms"] < GAP_MS
    probe.run(url, "pin")


def test_bulk(server, probe):
    v = probe.run(server.url(), "put", 20_000_000)
    # CREATE, 77 UNSTABLE WRITEs of 256 KiB, COMMIT
    assert v["stream_calls"] == 79
    v = probe.run(server.url(), "put", 262_144)
    assert v["stream_calls"] == 2


@pytest.mark.parametrize("megabytes, want", [(2048, []), (512, ["space:"])])
def test_check(megabytes, want, probe):
    with Namespace("nfs") as ns, LoopExport(megabytes) as export, \
            Ganesha(ns, export.path) as server:
        rc, out = probe.result(server.url(), "check")
        bad = [s for s in out.splitlines() if s.startswith("bad ")]
        assert rc == 0 and [s.split()[1] for s in bad] == want, out


def test_open(server, probe):
    url = server.url(ports=False)           # asks rpcbind
    assert "is empty" in probe.refused(url, "open")
    shoal = probe.run(url, "init")["uuid"]
    assert probe.run(url, "open", shoal)["uuid"] == shoal
    assert shoal in probe.refused(url, "open", uuid.uuid4())
    assert "share already" in probe.refused(url, "init")


def test_subdirectory(server, probe):
    probe.run(server.url(), "names")        # leaves names/below/it
    url = server.url().replace("/mail?", "/mail/names/below/it?")
    assert "is empty" in probe.refused(url, "open")
    probe.run(url, "init")
    probe.run(url, "open")
    missing = server.url().replace("/mail?", "/mail/nowhere?")
    assert "nowhere" in probe.refused(missing, "open")


def test_path_of_nfs4_mount(server, probe):
    """The pseudo path of a v4 mount leads to the one export that fits."""
    probe.run(server.url(), "names")        # leaves names/below/it
    at = server.url()
    for path, has in (("/", "names"), ("/names/below", "it"),
                      ("/mail/names", "below")):
        assert probe.run(at.replace("/mail?", path + "?"), "v4")["has"] == has


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


@pytest.mark.parametrize("text,words", [
    (None, "holds letters.txt"),
    ("my notes\n", "not that of a share"),
    ("shoal-share 1\nuuid 0123\n", "damaged"),
    ("shoal-share 9\nuuid %s\n" % uuid.uuid4(), "newer version"),
])
def test_foreign(text, words, probe):
    with Namespace("nfs") as ns, LoopExport() as export:
        if text is None:
            write(os.path.join(export.path, "letters.txt"), "x")
        else:
            write(os.path.join(export.path, "SHOAL"), text)
        with Ganesha(ns, export.path) as g:
            assert words in probe.refused(g.url(), "open")


@pytest.mark.parametrize("options,wrap,words", [
    (RO, (), "read-only"),
    (NOBODY, (), "198.51.100."),
    (SQUASHED, (), "squash"),
    (PRIVILEGED, ("setpriv", "--reuid=990", "--regid=990", "--clear-groups",
                  "--bounding-set=-net_bind_service",
                  "--inh-caps=-net_bind_service"), "insecure"),
])
def test_export_refuses(options, wrap, words, server, probe):
    probe.run(server.url(), "init")
    server.kill()
    server.configure(options)
    server.start()
    assert words in probe.refused(server.url(), "open", wrap=wrap)


@pytest.mark.full
def test_unreachable(server, node, probe):
    url = server.url()
    probe.run(url, "init")
    assert "it offers: /mail" in probe.refused(
        url.replace("/mail", "/male"), "open")
    assert "resolved" in probe.refused("nfs://nowhere.invalid/mail", "open")
    server.kill()
    assert "Connection refused" in probe.refused(url, "open")
    server.start()
    server.stop()
    assert "cannot be reached" in probe.refused(url, "open")
    server.go_on()
    # nobody has this address
    gone = url.replace(server.ns.address, "198.51.100.254")
    assert "cannot be reached" in probe.refused(gone, "open")
    probe.run(url, "open")


def goes_on(server, p, name):
    """The loop is through to the server again."""
    path = os.path.join(server.export.path, name)
    before = len(os.listdir(path))
    wait_for("%s goes on" % name, lambda: (
        p.poll() is not None or len(os.listdir(path)) > before), 60)


def test_killed_and_restarted(server, probe):
    url = server.url()
    probe.run(url, "init")
    p = probe.start(url, "loop", "loop", 0, 101)
    started(p)
    for _ in range(2):
        server.kill()
        server.start()
        goes_on(server, p, "loop")
    rc, out = probe.read(p)
    assert rc == 0, out
    v = values(out)
    print(out)
    assert v["acked"] > 100
    assert v["conn_rose"] >= 2
    assert v["files_left"] <= 4     # connections of lanes, nothing else
    assert v["longest_ms"] <= CALL_MS and v["gap_ms"] < GAP_MS


def test_two_writers_while_killed(server, probe):
    """Exclusive means exclusive: both append to one directory."""
    url = server.url()
    ps = [probe.start(url, "loop", "own%d" % i, 0) for i in range(2)]
    for p in ps:
        started(p)
    server.kill()
    server.start()
    for i, p in enumerate(ps):
        goes_on(server, p, "own%d" % i)
    for p in ps:
        rc, out = probe.read(p)
        assert rc == 0, out


def hang(server, probe, begin, end):
    p = probe.start(server.url(), "hang", 40)
    started(p)
    begin()
    # as long as calls wait, and then some
    try:
        p.wait(timeout=13)
        assert False, "ended early"
    except subprocess.TimeoutExpired:
        end()
    rc, out = probe.read(p)
    assert rc == 0, out
    v = values(out)
    print(out)
    assert v["longest_ms"] <= CALL_MS and v["gap_ms"] < GAP_MS
    assert v.get("unknown", 0) + v.get("unavail", 0) > 0
    assert set(v) <= {"unknown", "unavail", "ok", "longest_ms", "gap_ms"}
    probe.run(server.url(), "files")


@pytest.mark.full
def test_hung_server(server, probe):
    hang(server, probe, server.stop, server.go_on)


@pytest.mark.full
def test_cable(server, node, probe):
    hang(server, probe, node.cut, node.mend)


def power_cut(server):
    """The names in forced/ that are left."""
    server.export.power_cut()
    server.kill()
    server.export.unmount()
    server.export.mount()
    try:
        return os.listdir(os.path.join(server.export.path, "forced"))
    except FileNotFoundError:
        return []


@pytest.mark.parametrize("barrier", ["yes", "no"])
@pytest.mark.parametrize("fs", ["ext4", "xfs"])
def test_power_cut(fs, barrier, probe):
    """What a barrier covers survives; without one the test sees the loss."""
    if shutil.which("mkfs." + fs) is None:
        pytest.skip("mkfs.%s is not installed" % fs)
    with Namespace("nfs") as ns, LoopExport(fs=fs) as export, \
            Ganesha(ns, export.path) as server:
        server.export = export
        if fs == "ext4":        # not by the clock, every 5 s
            run("mount", "-o", "remount,commit=600", export.path)
        probe.run(server.url(), "init")
        probe.run(server.url(), "forced", 50, barrier)
        assert len(power_cut(server)) == (50 if barrier == "yes" else 0)
        server.start()
        probe.run(server.url(), "open")


def test_another_share_under_us(server, node, probe):
    """The export comes back with another share: no call goes there."""
    url = server.url()
    shoal = probe.run(url, "init")["uuid"]
    path = os.path.join(server.export.path, "SHOAL")
    p = probe.start(url, "loop", "loop", 30)
    started(p)
    server.kill()
    text = open(path).read()
    write(path, text.replace(shoal, str(uuid.uuid4())))
    server.start()
    assert shoal in probe.refused(url, "open", shoal)
    p.kill()
    p.wait()
    wait_for("the end", lambda: p.poll() is not None)
