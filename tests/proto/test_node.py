"""A node's life: start, readiness, signals, workers that die."""

import signal

from rig.node import STOP_SECONDS
from rig.wait import wait_for

SHOAL = {"accounts": 4}


def test_ready_and_live(n1):
    assert n1.http("/health/live")[0] == 200
    assert n1.http("/health/ready")[0] == 200
    assert "shoal_" in n1.http("/metrics")[1]


def test_two_nodes_see_each_other(cluster, n1, n2):
    names = wait_for("both nodes in node list", lambda: (
        lambda rows: rows if len(rows) == 2 else None)(
            cluster.ctl.json("node", "list")))
    assert {r["node"] for r in names} == {"n1", "n2"}


def test_worker_killed(n1):
    for index in (0, 1):
        n1.kill_worker(index)
        n1.wait_ready()


def test_stop_and_start(n1):
    n1.restart()


def test_int_stops_too(n1):
    n1.signal(signal.SIGINT)
    assert n1.process.wait(STOP_SECONDS) == 0
    n1.process = None
    n1.demand_quiet()


def test_killed_node_comes_back(n1):
    """Its own session is taken over at once: no other machine holds its
    `local`."""
    n1.kill()
    n1.start(seconds=25)       # others wait for 30 s
