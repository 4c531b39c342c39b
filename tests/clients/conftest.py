"""Fixtures of the client tests: programs that people use, through HAProxy, to
both nodes, over TLS that they verify."""

import os
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from rig.balanced import Balanced           # noqa: E402
from rig.haproxy import SERVICES            # noqa: E402
from rig.results import reporter            # noqa: E402

BUILD = os.environ.get("SHOAL_BUILD", "")
# A client that waits for ever has failed.
CLIENT_SECONDS = 120
pytest_runtest_logreport = reporter("clients")


@pytest.fixture(scope="session")
def mail():
    """The cluster; every client has to have been sent to both nodes."""
    assert BUILD, "SHOAL_BUILD names the build directory"
    with Balanced(BUILD, accounts=60) as b:
        yield b
        for service in SERVICES:
            counts = [b.lb.sessions(service, n) for n in ("n1", "n2")]
            assert all(counts) or sum(counts) < 2, "%s: sessions %s" % (service, counts)


@pytest.fixture
def account(mail):
    return mail.share.take()


class Client:
    """A user's home and the programs run in it."""

    def __init__(self, home):
        self.home = str(home)

    def path(self, *names):
        return os.path.join(self.home, *names)

    def write(self, name, text, mode=0o600):
        """A file that only the user may read."""
        with open(self.path(name), "w") as f:
            f.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def environment(self):
        return {"HOME": self.home, "PATH": os.environ["PATH"],
                "LC_ALL": "C.UTF-8", "TERM": "vt100", "TZ": "UTC",
                "USER": "user", "LOGNAME": "user"}

    def result(self, *argv, stdin=None, **kw):
        return subprocess.run(argv, input=stdin, text=True, cwd=self.home,
                              env=self.environment(), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=CLIENT_SECONDS,
                              **kw)

    def run(self, *argv, **kw):
        r = self.result(*argv, **kw)
        assert r.returncode == 0, "%s: exit %d\n%s%s" % (
            " ".join(argv[:3]), r.returncode, r.stdout[-3000:],
            r.stderr[-3000:])
        return r.stdout


@pytest.fixture
def client(tmp_path):
    return Client(tmp_path)
