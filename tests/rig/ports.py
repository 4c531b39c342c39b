"""Ports that are free on loopback and that no outgoing connection takes."""

import random
import socket

# below Linux's ip_local_port_range, above what services use
FIRST, LAST = 15000, 32000


class Ports:
    """The same port is never given twice."""

    def __init__(self):
        self.given = set()

    def take(self, address="127.0.0.1"):
        while True:
            port = random.randint(FIRST, LAST)
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
