"""Fixtures of the cluster tests; see tests/rig for the parts."""

import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from rig import Ganesha, LoopExport, Namespace      # noqa: E402
from rig.netns import Switch                        # noqa: E402
from rig.results import reporter                    # noqa: E402

BUILD = os.environ.get("SHOAL_BUILD", "")
pytest_runtest_logreport = reporter("cluster")


def pytest_configure(config):
    config.addinivalue_line("markers", "full: not in the quick set: it waits")


def pytest_collection_modifyitems(config, items):
    """SHOAL_EFFORT=quick (tests/run without a group) leaves out what waits."""
    if os.environ.get("SHOAL_EFFORT") == "quick":
        out = [i for i in items if i.get_closest_marker("full")]
        config.hook.pytest_deselected(items=out)
        items[:] = [i for i in items if i not in out]


@pytest.fixture(scope="session", autouse=True)
def switch():
    yield Switch.get()
    Switch.close()


@pytest.fixture(scope="session")
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
