"""Network namespaces joined by a bridge that lives in a namespace of its own."""

import contextlib
import ctypes
import itertools
import os
import subprocess

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
# TEST-NET-2 (RFC 5737): never routed, and only inside our namespaces anyway.
PREFIX = "198.51.100."
_numbers = itertools.count(10)


def run(*argv, check=True, **kw):
    """A command of the host; its output is shown when it fails."""
    r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       text=True, **kw)
    if check and r.returncode != 0:
        raise AssertionError("%s: exit %d\n%s" %
                             (" ".join(argv), r.returncode, r.stdout))
    return r.stdout


def enter(fd):
    if libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Switch:
    """The bridge between the namespaces of one process."""

    made = None

    def __init__(self):
        self.name = "shoal-sw%d" % os.getpid()
        run("ip", "netns", "add", self.name)
        self.ip("link", "add", "br0", "type", "bridge")
        self.ip("link", "set", "br0", "up")

    def ip(self, *argv):
        return run("ip", "-n", self.name, *argv)

    @classmethod
    def get(cls):
        if cls.made is None:
            cls.made = cls()
        return cls.made

    @classmethod
    def close(cls):
        if cls.made is not None:
            run("ip", "netns", "del", cls.made.name, check=False)
            cls.made = None


class Namespace:
    """A host of the test: `with Namespace("n1") as n1: n1.popen(...)`."""

    def __init__(self, name):
        number = next(_numbers)
        self.name = "shoal-%s-%d" % (name, os.getpid())
        self.address = PREFIX + str(number)
        self.port = "p%d" % number
        self.processes = []
        switch = Switch.get()
        run("ip", "netns", "add", self.name)
        switch.ip("link", "add", self.port, "type", "veth",
                  "peer", "name", "eth0", "netns", self.name)
        switch.ip("link", "set", self.port, "master", "br0", "up")
        self.ip("addr", "add", self.address + "/24", "dev", "eth0")
        self.ip("link", "set", "eth0", "up")
        self.ip("link", "set", "lo", "up")

    def ip(self, *argv):
        return run("ip", "-n", self.name, *argv)

    def argv(self, *argv):
        return ["ip", "netns", "exec", self.name, *argv]

    def run(self, *argv, **kw):
        return run(*self.argv(*argv), **kw)

    def popen(self, *argv, **kw):
        p = subprocess.Popen(self.argv(*argv), **kw)
        self.processes.append(p)
        return p

    @contextlib.contextmanager
    def inside(self):
        """Sockets that this thread makes meanwhile are the namespace's, and
        stay so."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            there = os.open("/run/netns/" + self.name, os.O_RDONLY)
            try:
                enter(there)
            finally:
                os.close(there)
            try:
                yield self
            finally:
                enter(home)
        finally:
            os.close(home)

    def cut(self):
        """Unplug the cable."""
        Switch.get().ip("link", "set", self.port, "down")

    def mend(self):
        Switch.get().ip("link", "set", self.port, "up")

    def close(self):
        for p in self.processes:
            if p.poll() is None:
                p.kill()
                p.wait()
        pids = run("ip", "netns", "pids", self.name, check=False).split()
        for pid in pids:
            run("kill", "-9", pid, check=False)
        run("ip", "netns", "del", self.name, check=False)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
