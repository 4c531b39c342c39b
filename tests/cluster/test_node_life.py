"""Nodes come and go: join, names, drain, balancer."""

import itertools
import os
import re
import subprocess

import pytest

from rig.line import Line
from rig.netns import Namespace
from rig.nfscluster import NfsCluster
from rig.node import Node
from rig.wait import wait_for


numbers = itertools.count()


@pytest.fixture(scope="module")
def mail(build):
    with NfsCluster(build, accounts=30, conf='drain_timeout = "5s"') as c:
        yield c.start()


def shoald(mail, host, *args):
    return subprocess.run(
        host.argv(os.path.join(mail.share.build, "shoald"), *args),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, timeout=60)


@pytest.fixture
def third(mail):
    """A host and a node that has nothing yet."""
    with Namespace("n3") as host:
        node = Node(mail.share, "n3", ns=host, address=host.address,
                    at=mail.ports, local=mail.place.mkdir(
                        "local-%d" % next(numbers)))
        yield node
        node.kill()


def test_join(mail, third):
    """`shoald --join CODE` brings all that a node needs."""
    third.configure()
    code = mail.ctl.run("node", "invite").strip()
    r = shoald(mail, third.ns, "-c", third.file, "--join", code)
    assert r.returncode == 0, r.stderr
    third.launch().wait_ready()
    account = mail.share.take()
    with mail.smtp(third) as s:
        s.deliver("From: a@x\nX-Test: j-1\n\nx\n", account.address)
    with mail.imap(mail.lb, account) as i:
        assert i.uids() == [1]
    names = {r["node"] for r in mail.ctl.json("node", "list")}
    assert names == {"n1", "n2", "n3"}
    third.stop()


def test_join_code_works_once(mail, third):
    third.configure()
    code = mail.ctl.run("node", "invite").strip()
    assert shoald(mail, third.ns, "-c", third.file, "--join",
                  code).returncode == 0
    third.local = mail.place.mkdir("n3", "other")
    third.configure()
    r = shoald(mail, third.ns, "-c", third.file, "--join", code)
    assert r.returncode == 1 and r.stderr.count("\n") == 1, r.stderr


def test_join_completes_the_file(mail, third):
    """share and node are added where they are missing."""
    path = os.path.join(third.dir, "new.conf")
    local = mail.place.mkdir("n3", "completed")
    with open(path, "w") as f:
        f.write('# mine\nuser = "nobody"\nlocal = "%s"\n' % local)
    code = mail.ctl.run("node", "invite").strip()
    r = shoald(mail, third.ns, "-c", path, "--join", code)
    assert r.returncode == 0, r.stderr
    with open(path) as f:
        text = f.read()
    assert text.startswith("# mine\n")
    for key in ("share", "node"):
        assert len(re.findall(r"(?m)^%s\s*=" % key, text)) == 1, text
    assert os.path.exists(os.path.join(local, "cluster.key"))


def test_second_node_of_a_name(mail, third):
    """Another machine that calls itself n1 is refused with a sentence; the
    first does not notice."""
    third.name = "n1"
    third.join()
    third.configure()
    said = third.run_refused(seconds=90)
    assert "n1" in said
    assert mail.n1.http("/health/ready")[0] == 200


def test_same_local_twice(mail):
    """B98: two processes on one `local`."""
    twin = Node(mail.share, "twin", ns=mail.hosts[0],
                address=mail.hosts[0].address, local=mail.n1.local)
    twin.name = "n1"
    twin.configure()
    said = twin.run_refused(seconds=60)
    assert mail.n1.local in said or "running" in said, said
    assert mail.n1.http("/health/ready")[0] == 200


def test_drain_and_resume(mail):
    """HAProxy sees it, new connections go elsewhere, idle ones are released,
    and nothing is lost on the way."""
    accounts = [mail.share.take() for _ in range(4)]
    mail.lb.wait_up()           # so that it takes them by turns
    idlers = [mail.imap(mail.lb, a) for a in accounts]
    for i in idlers:
        i.idle()
    before = mail.n1.metrics()["shoal_connections_imap"]
    assert before >= 1
    mail.ctl.run("node", "drain", "n1")
    mail.lb.wait_status("DRAIN", "n1")
    assert mail.n1.http("/health/ready")[0] == 503
    for _ in range(4):
        with mail.smtp(mail.lb) as s:
            s.deliver("From: a@x\nX-Test: d-1\n\nx\n", accounts[0].address)
    assert mail.lb.status("smtp", "n2").startswith("UP")
    wait_for("the IDLE connections are released", lambda: (
        mail.n1.metrics()["shoal_connections_imap"] == 0), 60)
    mail.ctl.run("node", "resume", "n1")
    mail.lb.wait_up()
    assert mail.n1.http("/health/ready")[0] == 200
    with mail.imap(mail.lb, accounts[0]) as i:
        assert len(i.uids()) == 4
    for i in idlers:
        i.close()


def test_sigterm_drains(mail):
    """A node that is stopped lets a command end; the balancer has the other."""
    account = mail.share.take()
    mail.n1.stop()
    mail.lb.wait_status("DOWN", "n1", seconds=60)
    with mail.smtp(mail.lb) as s:
        s.deliver("From: a@x\nX-Test: t-1\n\nx\n", account.address)
    mail.n1.start()
    mail.lb.wait_up()


def test_balancer_is_not_in_the_logs(mail):
    """Checks every second or two: no line of theirs at level info or above."""
    for n in mail.nodes:
        lines = [x for x in n.log(False) if mail.lb_host.address in str(x)
                 # a check that was under way when the node was stopped
                 and "shutting down" not in str(x)]
        # nor one that the balancer gave up in the middle of a handshake, which
        # it does when the machine is busy: a few of hundreds
        cut = [x for x in lines if x["event"] == "TLS failed"]
        assert len(cut) < 10, cut[:5]
        assert [x for x in lines if x not in cut] == [], lines[:5]


def test_client_address(mail):
    """Received names the client, not the balancer."""
    account = mail.share.take()
    with mail.smtp(mail.lb) as s:
        s.deliver("From: a@x\nX-Test: r-1\n\nx\n", account.address)
    with mail.imap(mail.lb, account) as i:
        data = i.fetch(1)
    assert ("[%s]" % mail.client.address).encode() in data
    assert mail.lb_host.address.encode() not in data


def test_proxy_header_from_strangers(mail):
    """B81: the client's host may not send one to a node."""
    with mail.client.inside():
        c = Line(mail.n1.of("smtp"),
                 proxy=b"PROXY TCP4 192.0.2.7 192.0.2.8 1 2\r\n")
    said = c.closed()
    assert "250" not in said
    c.close()
