"""Machines as namespaces: an NFS server, nodes, a balancer and a client."""

import contextlib
import time

from rig.export import LoopExport
from rig.ganesha import Ganesha
from rig.haproxy import SERVICES, Haproxy
from rig.imap import Imap
from rig.line import Pop, Smtp
from rig.netns import Namespace, run
from rig.node import Node, Place, Share, demoted, free_ports
from rig.tls import Authority
from rig.wait import wait_for

NAMES = ("localhost", "mail.example.org")


class NfsCluster:
    """`nodes` nodes n1, n2, ... on one export; `lb` in front of the first two;
    clients live on a host of their own.  Everything is made at once, and started
    with start().  name: its domain, and the end of its hosts' names; two
    clusters of one test need two."""

    def __init__(self, build, nodes=2, accounts=20, settings=(), workers=2,
                 conf="", proxied=True, make=Node, name="example.org", at=()):
        self.stack = contextlib.ExitStack()
        try:
            self._make(build, nodes, accounts, settings, workers, conf,
                       proxied, make, name, at)
        except BaseException:
            self.stack.close()
            raise

    def _make(self, build, nodes, accounts, settings, workers, conf, proxied,
              make, name, at):
        enter = self.stack.enter_context
        part = name.split(".")[0]
        self.place = enter(Place())
        self.export = enter(LoopExport())
        self.server = enter(Ganesha(enter(Namespace(part + "-nfs")),
                                    self.export.path))
        uid, gid = demoted()
        run("chown", "%d:%d" % (uid, gid), self.export.path)
        self.url = self.server.url(uid, gid)
        self.hosts = [enter(Namespace("%s-n%d" % (part, i)))
                      for i in range(1, nodes + 1)]
        self.lb_host = enter(Namespace(part + "-lb"))
        self.client = enter(Namespace(part + "-client"))
        self.share = Share(build, self.place, url=self.url, ns=self.hosts[0],
                           accounts=accounts, name=name,
                           # one client brings everything
                           settings={"smtp.rate_per_client": "1000000",
                                     **dict(settings)})
        authority = Authority(self.place.mkdir("tls"))
        self.ca = authority.ca
        certificate = authority.issue(*NAMES)
        self.ports = {**free_ports(), **dict(at)}
        proxy = 'proxy = { "%s" }' % self.lb_host.address
        self.nodes = []
        for i, host in enumerate(self.hosts, 1):
            node = make(self.share, "n%d" % i, ns=host, address=host.address,
                        at=self.ports, workers=workers, conf=conf,
                        listeners={s: proxy for s in SERVICES}
                        if proxied else {})
            node.certificate = certificate
            self.nodes.append(node)
        self.n1, self.n2 = self.nodes[:2]
        self.lb = Haproxy(self.lb_host.address, self.nodes, ns=self.lb_host)

    @property
    def ctl(self):
        return self.share.ctl

    def start(self, balancer=True):
        for n in self.nodes:
            n.start()
        if balancer:
            self.lb.start().wait_up()
        return self

    # --- clients: `at` is a node or the balancer

    def connect(self, kind, at, service, **kw):
        """kind: Smtp, Imap, Pop; connected from the client's host."""
        with self.client.inside():
            return kind(at.of(service), **kw)

    def smtp(self, at, **kw):
        c = self.connect(Smtp, at, "smtp", **kw)
        c.greeting()
        c.hello()
        return c

    def imap(self, at, account, folder="INBOX", **kw):
        c = self.connect(Imap, at, "imaps", tls=True, **kw)
        c.greeting()
        c.login(account.address, account.password)
        if folder:
            c.cmd("SELECT %s" % folder)
        return c

    def pop3(self, at, account, **kw):
        c = self.connect(Pop, at, "pop3s", tls=True, **kw)
        c.greeting()
        c.login(account.address, account.password)
        return c

    # --- the end

    def stop(self):
        """Everything stops in peace and the share is sound."""
        self.lb.close()
        wrong = []
        for step in [n.stop for n in self.nodes] + [self.share.check]:
            try:
                step()
            except AssertionError as e:
                wrong.append(str(e))
        assert not wrong, "\n".join(wrong)

    def close(self):
        self.lb.close()
        for n in self.nodes:
            n.kill()
        self.stack.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, *exc):
        try:
            if kind is None:
                self.stop()
        finally:
            self.close()


# How often a worker publishes its counts, and then some.
PUBLISHED_SECONDS = 1.2


def pause(seconds):
    """For what happens by the clock alone."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(min(0.1, seconds))


def calls(node):
    """Calls on the share so far; all that were made before this is called."""
    pause(PUBLISHED_SECONDS)
    return node.metrics()["shoal_share_calls_total"]


def idle_calls(node, seconds):
    """Share calls a second of a node that does nothing and whose beginnings are
    over."""
    def calm():
        before = calls(node)
        pause(2)
        return calls(node) - before <= 6
    wait_for("%s is idle" % node.name, calm, 60)
    began, before = time.monotonic(), calls(node)
    pause(seconds)
    return (calls(node) - before) / (time.monotonic() - began)
