"""Fixtures of the cluster tests; see rig/ for the parts."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from rig import Ganesha, LoopExport, Namespace      # noqa: E402
from rig.netns import Switch                        # noqa: E402

BUILD = os.environ.get("SHOAL_BUILD", "")


@pytest.fixture(scope="session", autouse=True)
def switch():
    yield Switch.get()
    Switch.close()


@pytest.fixture
def build():
    assert BUILD, "SHOAL_BUILD names the build directory"
    return BUILD


@pytest.fixture
def server():
    """A host "nfs" that exports an empty ext4 of its own."""
    with Namespace("nfs") as ns, LoopExport() as export:
        with Ganesha(ns, export.path) as g:
            g.export = export
            yield g


@pytest.fixture
def node():
    """A host without anything."""
    with Namespace("n1") as ns:
        yield ns


def pytest_runtest_logreport(report):
    """One line a test for tests/run, on the descriptor tests/cluster/run
    gives; what pytest prints goes to standard error."""
    if "SHOAL_RESULTS" not in os.environ:
        return
    name = "cluster/" + report.nodeid.split("/")[-1].replace("::", "/")
    line = None
    if report.when == "call" and report.passed:
        line = "ok " + name
    elif report.failed:
        line = "not ok " + name + ("" if report.when == "call"
                                   else " (" + report.when + ")")
    elif report.skipped:
        reason = report.longrepr[2] if report.longrepr else ""
        line = "skip %s: %s" % (name, reason)
    if line:
        with open(os.environ["SHOAL_RESULTS"], "w") as f:
            f.write(line + "\n")
