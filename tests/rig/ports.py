"""Ports that are free on loopback and that no outgoing connection takes."""

import fcntl
import os
import random
import socket
import tempfile

# below Linux's ip_local_port_range, above what services use
FIRST, SLOTS, EACH = 15000, 17, 1000


class Ports:
    """The same port is never given twice, neither here nor to another process of
    the tests: a node that is down for a while finds its own again.  Each process
    takes one of SLOTS ranges; there are never so many of them at once."""

    def __init__(self):
        self.given, self.first, self.lock = set(), None, None

    def slot(self):
        for n in range(SLOTS):
            name = os.path.join(tempfile.gettempdir(), "shoal-ports-%d-%d" % (
                os.getuid(), n))
            self.lock = open(name, "a")
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return FIRST + n * EACH
            except BlockingIOError:
                self.lock.close()
        raise AssertionError("more test processes than ranges of ports")

    def take(self, address="127.0.0.1"):
        if self.first is None:
            self.first = self.slot()
        while True:
            assert len(self.given) < EACH, "no ports are left"
            port = self.first + random.randrange(EACH)
            if port in self.given:
                continue
            self.given.add(port)
            if free(address, port):
                return port


def free(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(family, kind) as s:
            try:
                s.bind((address, port))
            except OSError:
                return False
    return True


ports = Ports()
