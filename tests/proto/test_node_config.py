"""The configuration as the program takes it: what is refused, and how (B86 to
B88, B98).  Every single refusal is in tests/unit/test_conf.c."""

import os
import re
import shutil
import subprocess

from rig.ctl import Ctl
from rig.node import Node
from rig.ports import ports
from rig.wait import wait_for

SHOAL = {"accounts": 4}


def shoald(node, *args):
    return subprocess.run(node.argv(*args), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=60)


def made(cluster, name, **kw):
    """A node that is not started, ready to be."""
    node = Node(cluster.share, name, **kw)
    node.join()
    node.configure()
    return node


def change(node, old, new):
    text = node.text()
    assert old in text
    with open(node.file, "w") as f:
        f.write(text.replace(old, new, 1))


def test_b86_start_refused_with_file_and_line(cluster):
    node = made(cluster, "bad")
    assert shoald(node, "--check").returncode == 0
    for old, new, line, says in (
            ("workers = 2", "worker = 2", 5, "unknown key 'worker'"),
            ("workers = 2", "workers = 1000", 5, "workers is a number"),
            ("workers = 2", "node = n9", 5, "node is given twice"),
            ("protocol = smtp", "protocol = stmp", None, "protocol is smtp"),
            ("log {", "tls { certificate = /nix key = /nix }\nlog {", 7,
             "cannot read /nix")):
        change(node, old, new)
        # how much stands above the listeners is the rig's business
        line = line or 1 + node.text().split(old)[0].count("\n")
        for args in ("--check",), ("-f",):
            r = shoald(node, *args)
            assert r.returncode == 1, r
            assert r.stderr.startswith("shoald: %s:%d: " % (node.file, line))
            assert says in r.stderr and r.stderr.count("\n") == 1, r.stderr
        node.configure()


def test_b86_certificate_that_does_not_fit(cluster):
    node = made(cluster, "badcert")
    for name in "a", "b":
        certificate(os.path.join(node.dir, name), name + ".example.org")
    a, b = (os.path.join(node.dir, n) for n in "ab")
    change(node, "log {", 'tls { certificate = "%s.pem" key = "%s.key" }\n'
                          "log {" % (a, b))
    r = shoald(node, "--check")
    assert r.returncode == 1
    assert re.match(r"shoald: \S+:7: \S+a\.pem with \S+b\.key: ", r.stderr)


def test_b87_key_that_others_may_read(cluster):
    node = made(cluster, "badkey")
    path = os.path.join(node.dir, "a")
    certificate(path, "a.example.org")
    change(node, "log {", 'tls { certificate = "%s.pem" key = "%s.key" }\n'
                          "log {" % (path, path))
    assert shoald(node, "--check").returncode == 0
    os.chmod(path + ".key", 0o644)
    r = shoald(node, "-f")
    assert r.returncode == 1 and "everybody may use" in r.stderr, r


def certificate(path, name):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
         "/CN=" + name, "-addext", "subjectAltName=DNS:" + name,
         "-keyout", path + ".key", "-out", path + ".pem"],
        check=True, capture_output=True)
    os.chmod(path + ".key", 0o600)


def test_b88_another_share(cluster):
    """This node's key is of one share, what lies there is another."""
    node = made(cluster, "b88")
    place = cluster.share.place
    other = place.mkdir("othershare")
    Ctl(cluster.share.build, None, place.mkdir("otherctl")).run(
        "share", "init", other)
    change(node, 'share = "%s"' % node.url, 'share = "%s"' % other)
    said = node_refused(node)
    assert "UUID" in said or "share" in said, said


def test_b88_newer_format(cluster):
    node = made(cluster, "b88new")
    copy = os.path.join(cluster.share.place.path, "newer")
    shutil.copytree(cluster.share.url, copy, symlinks=True)
    with open(os.path.join(copy, "SHOAL")) as f:
        text = f.read()
    with open(os.path.join(copy, "SHOAL"), "w") as f:
        f.write(text.replace("shoal-share 1", "shoal-share 2"))
    subprocess.run(["chown", "-R", "--reference", cluster.share.url, copy],
                   check=True)
    change(node, 'share = "%s"' % node.url, 'share = "%s"' % copy)
    said = node_refused(node)
    assert "newer" in said, said


def node_refused(node):
    """Node.run_refused with the file as it is."""
    r = shoald(node, "-f")
    assert r.returncode == 1, r
    return r.stdout + r.stderr


def test_not_a_node_yet(cluster):
    node = Node(cluster.share, "nokey")
    said = node_refused(node)
    assert "not a node" in said, said


def test_b98_two_processes_on_one_directory(cluster, n1):
    twin = Node(cluster.share, "same", local=n1.local)
    assert "another process" in twin.run_refused()
    assert n1.http("/health/ready")[0] == 200


def test_b98_two_nodes_of_one_name_and_a_copy(cluster, n1):
    """Another machine with n1's name; and one that was cloned: the same id,
    another lock file.  Both take a while to see that n1 lives."""
    namesake = made(cluster, "twin")
    change(namesake, 'node = "twin"', 'node = "n1"')
    local = os.path.join(cluster.share.place.path, "clone")
    shutil.copytree(n1.local, local, symlinks=True)
    subprocess.run(["chown", "-R", "--reference", n1.local, local],
                   check=True)
    clone = Node(cluster.share, "clone", local=local)
    clone.configure()
    for twin in namesake, clone:
        twin.launch_as_it_is()
    for twin in namesake, clone:
        assert twin.process.wait(60) == 1
    why = [twin.log(event="this node does not run")[0]["why"]
           for twin in (namesake, clone)]
    assert 'another node is called "n1" and lives' in why[0], why
    assert "another process" in why[1], why
    assert not namesake.log(event="health", **{"is": "ready"})
    assert n1.http("/health/ready")[0] == 200
    n1.demand_quiet()


def test_name_of_a_node_that_left(cluster, n1):
    """A machine that was set up again gets its old name."""
    first = made(cluster, "again")
    first.start()
    first.stop()
    shutil.rmtree(first.local)
    first.share.place.mkdir("again", "local")
    first.start()
    assert len(first.log(event="name taken over")) == 1
    first.stop()


def test_join(cluster, n1):
    """shoald --join: with a file, and without share and node in it."""
    node = Node(cluster.share, "joined")
    with open(node.file, "w") as f:
        f.write("".join(line for line in node.text().splitlines(True)
                        if not line.startswith(("share =", "node ="))))
    code = cluster.ctl.run("node", "invite").strip()
    r = shoald(node, "--join", code[:-1] + ("0" if code[-1] != "0" else "1"))
    assert r.returncode == 1 and "not copied whole" in r.stderr, r
    r = shoald(node, "--join", code)
    assert r.returncode == 0, r
    assert shoald(node, "--check").returncode == 0
    with open(node.file) as f:
        text = f.read()
    assert 'share = "%s"' % cluster.share.url in text
    # once more changes nothing; another machine cannot use it
    assert shoald(node, "--join", code).returncode == 0
    other = Node(cluster.share, "other")
    r = shoald(other, "--join", code)
    assert r.returncode == 1 and "used" in r.stderr, r
    node.launch_as_it_is().wait_ready()
    node.stop()


def test_join_makes_the_file(cluster):
    place = cluster.share.place
    file = os.path.join(place.path, "etc", "shoal.conf")
    node = Node(cluster.share, "fresh")
    code = cluster.ctl.run("node", "invite").strip()
    # without a file the directory is /var/lib/shoal, which is not for tests
    os.makedirs(os.path.dirname(file))
    with open(file, "w") as f:
        f.write('local = "%s"\nuser = "%s"\n' % (node.local, user_of(node)))
    node.file = file
    assert shoald(node, "--join", code).returncode == 0
    with open(file) as f:
        text = f.read()
    assert re.search(r'^share = "', text, re.M) and \
        re.search(r'^node = "', text, re.M)
    r = shoald(node, "--example")
    assert "listen imaps" in r.stdout and r.returncode == 0


def user_of(node):
    return re.search(r'user = "(\w+)"', node.text())[1]


def test_share_away_at_start(cluster):
    """It waits, says so once, and tells balancers that it is not ready; it
    ends at once when told to."""
    node = made(cluster, "away")
    url = "nfs://127.0.0.1/nix?nfsport=%d&mountport=%d" % (
        ports.take("127.0.0.1"), ports.take("127.0.0.1"))
    change(node, 'share = "%s"' % node.url, 'share = "%s"' % url)
    node.launch_as_it_is()
    node.wait_log(event="waiting for the share")
    assert node.http("/health/live")[0] == 200
    assert node.http("/health/ready")[0] == 503
    assert len(node.log(event="waiting for the share")) == 1
    node.stop(seconds=10)


def test_workers_run_as_somebody_else(n1):
    for pid in n1.workers_now():
        with open("/proc/%d/status" % pid) as f:
            status = dict(line.split(":", 1) for line in f)
        if os.getuid() == 0:
            assert "0" not in status["Uid"].split()
            assert int(status["CapEff"], 16) == 1 << 10  # NET_BIND_SERVICE
        assert status["NoNewPrivs"].strip() == "1"
        assert status["Seccomp"].strip() == "2"


def test_shoalctl_takes_the_configuration(cluster, n1):
    ctl = [os.path.join(cluster.share.build, "shoalctl"), "-c", n1.file]
    r = subprocess.run(ctl + ["domain", "list"], capture_output=True,
                       text=True, timeout=60)
    assert r.returncode == 0 and "example.org" in r.stdout, r
    r = subprocess.run(ctl[:-1] + ["/nix", "domain", "list"],
                       capture_output=True, text=True, timeout=60)
    assert r.returncode == 1 and "cannot read /nix" in r.stderr, r
    assert wait_for("still ready", lambda:
                    n1.http("/health/ready")[0] == 200)
