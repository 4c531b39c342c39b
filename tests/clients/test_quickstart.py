"""lb-examples/quickstart, as a person runs it, on ports of its own."""

import os
import re
import shutil
import subprocess

import pytest

from rig.node import Place
from rig.processes import children
from rig.quickstart import ROOT, Quickstart
from rig.wait import wait_for

BUILD = os.environ.get("SHOAL_BUILD", "")


@pytest.fixture
def quickstart():
    made = []
    with Place() as place:
        def make(*options, user=None):
            directory = place.mkdir("home%d" % len(made), mode=0o755)
            made.append(Quickstart(BUILD, directory, *options, user=user))
            return made[-1]
        yield make
        for q in made:
            q.close()


def lives(pid):
    """A zombie does not, whoever its parent now is."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def link_of(said):
    m = re.search(r"https://127\.0\.0\.1:\d+/invite#\S{47}$", said, re.M)
    return m and m[0]


def answers(q, link):
    """The console is where the link says."""
    r = subprocess.run(["curl", "-sSf", "--noproxy", "*", "--cacert",
                        q.dir + "/q/tls/ca.pem", link],
                       stdout=subprocess.PIPE, check=True)
    return b"<title>Shoal" in r.stdout


def whole_round(q):
    """Start, start again, lose a node, get it back, stop."""
    said = q.run("start")
    m = re.search(r"came in through HAProxy and (n\d), and was read through "
                  r"(n\d)", said)
    assert m and m[1] != m[2], said
    assert "Hello, Alice" in said and "alice@example.org password" in said
    assert "stop" in said
    assert "both nodes are up" in q.run("status")
    link = link_of(said)
    assert link and link == link_of(q.run("status")), "another link"
    assert answers(q, link)
    pids = {n: q.pid(n) for n in ("n1", "n2", "haproxy")}
    again = q.run("start")
    assert "Hello, Alice" in again and link_of(again) == link
    assert os.stat(q.dir + "/q/console-link").st_mode & 0o77 == 0
    # somebody has followed it, or was made one in another way
    q.ctl("admin", "add", "eve", "--password-stdin", stdin="a long password")
    said = q.run("status")
    assert link_of(said) is None and "web console: https://" in said
    assert not os.path.exists(q.dir + "/q/console-link")
    assert pids == {n: q.pid(n) for n in pids}, "it was started twice"
    n1 = [pids["n1"]] + children(pids["n1"])
    os.kill(pids["n1"], 9)
    # its workers go with it, and with them its ports
    wait_for("its end", lambda: not any(map(lives, n1)))
    again = q.run("start")
    assert "starting n1" in again and "starting n2" not in again
    q.run("stop")
    r = q.result("status")
    assert r.returncode == 1 and "n1: stopped" in r.stdout
    for name, pid in pids.items():
        assert not lives(pid), name


def test_directory(quickstart):
    whole_round(quickstart())


@pytest.mark.skipif(os.getuid() != 0, reason="is what the others do")
def test_ordinary_user(quickstart):
    q = quickstart(user="nobody")
    # the build, and the script, may lie where only root can look
    for name in ("shoald", "shoalctl"):
        shutil.copy(os.path.join(BUILD, name), q.dir)
    source = os.path.join(q.dir, "source")
    for name in ("lb-examples", "tests/install", "tests/packages"):
        to = os.path.join(source, name)
        os.makedirs(os.path.dirname(to), exist_ok=True)
        (shutil.copytree if os.path.isdir(os.path.join(ROOT, name))
         else shutil.copy)(os.path.join(ROOT, name), to)
    q.script, q.build = os.path.join(source, "lb-examples/quickstart"), q.dir
    whole_round(q)


@pytest.mark.skipif(os.getuid() != 0, reason="--nfs needs root")
def test_nfs(quickstart):
    whole_round(quickstart("--nfs"))


def test_usage(quickstart):
    q = quickstart()
    q.dir = q.dir + "/none"
    r = q.result("status")
    assert r.returncode == 1 and "there is nothing in" in r.stdout
    r = q.result("nonsense")
    assert r.returncode == 2 and "--nfs" in r.stdout
