"""Fixtures of the protocol tests: real nodes on loopback.

A module that wants something else than the defaults says so:

	SHOAL = {
	    "accounts": 20,                        # u0@example.org, ...
	    "settings": {"imap.errors_max": "5"},  # of the cluster
	    "domain": ["--quota", "1M"],           # options of domain add
	    "conf": "",                            # more of every node's file
	    "listeners": {"smtp": "..."},          # more of that listener
	    "workers": 2,
	    "log_ok": ["refused"],                 # errors that may be logged
	}

DNS, SINK, PORT: a DNS server that the module made, and where mail for a host of
its zones, mx.sink.example, goes.

cluster	the share and its nodes, started when first asked for: one set a module
n1, n2	the nodes
account	an account of its own for every test
dns	DNS, which answers before any node starts
sink	mx.sink.example listens
smtp, lmtp, submit, imap, pop3	connect(node="n1") -> a client that has read the
	greeting; imap(account) is logged in, and so are pop3(account) and
	submit(account)

At the end of a module every node has to stop in peace and the share has to be
sound.
"""

import base64
import contextlib
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from rig.imap import Imap                   # noqa: E402
from rig.line import Pop, Smtp              # noqa: E402
from rig.node import Node, Place, Share     # noqa: E402
from rig.results import reporter            # noqa: E402
from rig.sink import Sink                   # noqa: E402

BUILD = os.environ.get("SHOAL_BUILD", "")
pytest_runtest_logreport = reporter("proto")


def pytest_configure(config):
    config.addinivalue_line("markers", "memory: measures it; sanitizers need "
                            "much more")


def pytest_collection_modifyitems(config, items):
    """SHOAL_SANITIZED: the nodes are built with ASan."""
    if os.environ.get("SHOAL_SANITIZED"):
        out = [i for i in items if i.get_closest_marker("memory")]
        config.hook.pytest_deselected(items=out)
        items[:] = [i for i in items if i not in out]


class Cluster:
    """Nodes by name: cluster["n1"]."""

    def __init__(self, build, place, wants):
        self.wants = dict(wants)
        self.share = Share(build, place,
                           accounts=self.wants.get("accounts", 20),
                           settings=self.wants.get("settings", {}),
                           domain=self.wants.get("domain", ()))
        self.nodes = {}

    @property
    def ctl(self):
        return self.share.ctl

    def make(self, name, **kw):
        """Another node, not started."""
        for key in ("conf", "listeners", "workers"):
            if key in self.wants:
                kw.setdefault(key, self.wants[key])
        self.nodes[name] = Node(self.share, name, **kw)
        self.nodes[name].allow(*self.wants.get("log_ok", ()))
        return self.nodes[name]

    def __getitem__(self, name):
        if name not in self.nodes:
            self.make(name)
        node = self.nodes[name]
        if node.process is None:
            node.start()
        return node

    def close(self):
        """Every node is stopped, whatever is wrong with the others."""
        wrong = []
        for node in self.nodes.values():
            try:
                node.stop()
            except AssertionError as e:
                wrong.append(str(e))
        try:
            self.share.check()
        except AssertionError as e:
            wrong.append(str(e))
        assert not wrong, "\n".join(wrong)


@pytest.fixture(scope="session")
def build():
    assert BUILD, "SHOAL_BUILD names the build directory"
    return BUILD


@pytest.fixture(scope="module")
def place():
    with Place() as p:
        yield p


@pytest.fixture(scope="module", autouse=True)
def dns(request):
    server = getattr(request.module, "DNS", None)
    with server or contextlib.nullcontext():
        yield server


@pytest.fixture(scope="module")
def cluster(build, place, request):
    c = Cluster(build, place, getattr(request.module, "SHOAL", {}))
    yield c
    c.close()


@pytest.fixture
def n1(cluster):
    return cluster["n1"]


@pytest.fixture
def n2(cluster):
    return cluster["n2"]


@pytest.fixture
def account(cluster):
    return cluster.share.take()


@pytest.fixture
def sink(cluster, request):
    with Sink(request.module.SINK, request.module.PORT,
              name="mx.sink.example") as s:
        yield s


@pytest.fixture
def ctl(cluster):
    return cluster.ctl


class Connects:
    """Makes clients and closes them after the test."""

    def __init__(self, cluster):
        self.cluster, self.made = cluster, []

    def __call__(self, kind, node, protocol, **kw):
        node = self.cluster[node] if isinstance(node, str) else node
        client = kind(node.of(protocol), **kw)
        self.made.append(client)
        return client

    def close(self):
        for c in self.made:
            c.close()


@pytest.fixture
def connect(cluster):
    """connect(kind, node, protocol, ...): nothing is read or sent yet."""
    c = Connects(cluster)
    yield c
    c.close()


@pytest.fixture
def smtp(connect):
    def make(node="n1", greeting=True, **kw):
        c = connect(Smtp, node, "smtp", **kw)
        if greeting:
            c.greeting()
        return c
    return make


@pytest.fixture
def lmtp(connect):
    """Over its Unix socket, or unix=False."""
    def make(node="n1", greeting=True, unix=True, **kw):
        c = connect(Smtp, node, "lmtp-unix" if unix else "lmtp", **kw)
        if greeting:
            c.greeting()
        return c
    return make


@pytest.fixture
def submit(connect):
    """submit(account): has said EHLO over TLS (tls=False: without) and has
    logged in."""
    def make(account=None, node="n1", tls=True, **kw):
        c = connect(Smtp, node, "submissions" if tls else "submission",
                    tls=tls, **kw)
        c.greeting()
        c.words = c.hello()
        if account is not None:
            c.cmd("AUTH PLAIN " + base64.b64encode(
                ("\0%s\0%s" % (account.address, account.password)).encode()
            ).decode(), 235, "2.7.0")
        return c
    return make


@pytest.fixture
def imap(connect):
    """imap(account): logged in, over TLS unless tls=False."""
    def make(account=None, node="n1", tls=True, greeting=True, **kw):
        c = connect(Imap, node, "imaps" if tls else "imap", tls=tls, **kw)
        if greeting:
            c.greeting()
        if account is not None:
            c.login(account.address, account.password)
        return c
    return make


@pytest.fixture
def pop3(connect):
    """pop3(account): logged in, over TLS unless tls=False."""
    def make(account=None, node="n1", tls=True, greeting=True, **kw):
        c = connect(Pop, node, "pop3s" if tls else "pop3", tls=tls, **kw)
        if greeting:
            c.greeting()
        if account is not None:
            c.login(account.address, account.password)
        return c
    return make


@pytest.fixture
def deliver(smtp):
    """deliver(message, account, ...): in by SMTP."""
    def make(message, *recipients, node="n1", **kw):
        c = smtp(node)
        c.hello()
        texts = c.deliver(message, *map(str, recipients), **kw)
        c.cmd("QUIT", 221)
        return texts
    return make
