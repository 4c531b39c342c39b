"""Machines as network namespaces on one bridge.

A Node is a network namespace and a mount namespace with a /run and a /tmp of
its own, both held by one sleeping process (the keeper).  nfs-ganesha locks a
file in /run, so every server needs a /run of its own, and the mount namespace
must outlive a killed server or it will not start again.  All nodes hang on a
bridge in a hub namespace; nothing reaches the machine's own network.
"""

import itertools
import os
import shutil
import signal
import subprocess
import time


class RigError(Exception):
    pass


def have_root():
    return os.geteuid() == 0 and shutil.which("ip") is not None


def run(argv, **kw):
    kw.setdefault("check", True)
    kw.setdefault("stdout", subprocess.PIPE)
    kw.setdefault("stderr", subprocess.STDOUT)
    kw.setdefault("text", True)
    check = kw.pop("check")
    p = subprocess.run(argv, **kw)
    if check and p.returncode != 0:
        raise RigError("%s: exit %d: %s" % (" ".join(argv), p.returncode,
                                            p.stdout))
    return p


def wait_until(test, seconds, what):
    """Poll an observable event, with a deadline."""
    end = time.monotonic() + seconds
    while not test():
        if time.monotonic() > end:
            raise RigError("%s: not within %d s" % (what, seconds))
        time.sleep(0.02)


class Node:
    """A machine: node.popen(argv), node.run(argv), node.addr."""

    def __init__(self, net, name, addr):
        self.net = net
        self.name = name
        self.addr = addr
        self.ns = "%s-%s" % (net.prefix, name)
        self.children = []
        self.keeper = None
        run(["ip", "netns", "add", self.ns])
        try:
            self._wire()
            self._keep()
        except Exception:
            self.close()
            raise

    def _wire(self):
        host = "%s%d" % (self.net.prefix, self.net.next_link())
        inner = host + "i"
        run(["ip", "link", "add", host, "netns", self.net.hub, "type", "veth",
             "peer", "name", inner, "netns", self.ns])
        run(["ip", "-n", self.net.hub, "link", "set", host, "master", "br0",
             "up"])
        run(["ip", "-n", self.ns, "link", "set", inner, "name", "eth0"])
        run(["ip", "-n", self.ns, "addr", "add", self.addr + "/24", "dev",
             "eth0"])
        run(["ip", "-n", self.ns, "link", "set", "lo", "up"])
        run(["ip", "-n", self.ns, "link", "set", "eth0", "up"])
        self.link = host

    def _keep(self):
        self.keeper = subprocess.Popen(
            ["ip", "netns", "exec", self.ns, "unshare", "--mount",
             "--propagation", "private", "sh", "-c",
             "mount -t tmpfs tmpfs /run && mkdir -p /run/ganesha /run/rpcbind "
             "&& echo ready && exec sleep infinity"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        if self.keeper.stdout.readline() != "ready\n":
            raise RigError("%s: no namespace" % self.ns)

    def argv(self, argv):
        return ["nsenter", "-t", str(self.keeper.pid), "-m", "-n", "--"] + argv

    def popen(self, argv, **kw):
        """nsenter execs: the process's pid is argv's own."""
        kw.setdefault("stdin", subprocess.DEVNULL)
        p = subprocess.Popen(self.argv(argv), **kw)
        self.children.append(p)
        return p

    def run(self, argv, **kw):
        return run(self.argv(argv), **kw)

    def link_down(self):
        run(["ip", "-n", self.net.hub, "link", "set", self.link, "down"])

    def link_up(self):
        run(["ip", "-n", self.net.hub, "link", "set", self.link, "up"])

    def close(self):
        for p in self.children + ([self.keeper] if self.keeper else []):
            if p.poll() is None:
                p.send_signal(signal.SIGCONT)
                p.kill()
                p.wait()
        run(["ip", "netns", "del", self.ns], check=False)


class Net:
    """with Net() as net: server = net.node("server"); a = net.node("a")"""

    count = itertools.count(1)

    def __init__(self, prefix=None):
        # Interface names have 15 characters.
        self.prefix = prefix or "sh%d%s" % (os.getpid() % 100000,
                                            chr(96 + next(Net.count) % 26))
        self.hub = self.prefix + "-hub"
        self.nodes = []
        self.links = itertools.count(1)
        run(["ip", "netns", "add", self.hub])
        run(["ip", "-n", self.hub, "link", "add", "br0", "type", "bridge"])
        run(["ip", "-n", self.hub, "link", "set", "br0", "up"])

    def next_link(self):
        return next(self.links)

    def node(self, name):
        n = Node(self, name, "10.213.7.%d" % (10 + len(self.nodes)))
        self.nodes.append(n)
        return n

    def close(self):
        for n in reversed(self.nodes):
            n.close()
        self.nodes = []
        run(["ip", "netns", "del", self.hub], check=False)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
