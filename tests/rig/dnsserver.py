"""A real DNS server (NSD) with zones given as text.

    with DnsServer({"example.org": "@ MX 10 mx\\nmx A 192.0.2.1\\n"}) as dns:
        Node(share, "n1", conf=dns.conf())
        dns.change({"example.org": "@ MX 0 .\\n"})

Zones get what every zone needs (SOA, NS, a TTL of TTL seconds); the root is
there, too, so that a name of no zone does not exist.  It listens on loopback on
a port of its own, or, with ns, on a namespace's address and port 53.  start()
and change() return when it answers with these zones.

signed: names of zones to be signed (Ed25519, with ldns); anchor() is the file
with their keys.
"""

import atexit
import glob
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import tempfile

from rig.ports import ports
from rig.processes import children, signal_all
from rig.wait import wait_for

TTL = 1
SOA = 6
HEAD = """$ORIGIN %(origin)s
$TTL %(ttl)d
@ SOA ns.invalid. hostmaster.invalid. %(serial)d 3600 600 86400 %(ttl)d
@ NS ns.invalid.
"""


def origin_of(zone):
    return zone.rstrip(".") + "."


class DnsServer:
    def __init__(self, zones=(), address=None, ns=None, port=None,
                 signed=()):
        self.ns = ns
        self.address = address or (ns.address if ns else "127.0.0.1")
        self.port = port or (53 if ns else ports.take(self.address))
        self.dir = tempfile.mkdtemp(prefix="shoal-dns-")
        self.log = os.path.join(self.dir, "log")
        self.serial, self.process = 0, None
        self.signed = set(signed)
        self.zones = {".": "", **dict(zones)}

    # --- what is said about it elsewhere

    def spec(self):
        """As in dns { servers }."""
        return "%s@%d" % (self.address, self.port)

    def conf(self, insecure=(".",)):
        """For a node's file.  Zones that are not signed cannot be validated."""
        text = 'dns { servers = { "%s" } ' % self.spec()
        if self.signed:
            text += 'trust_anchor = "%s" ' % self.anchor()
        if insecure:
            text += "insecure = { %s } " % ", ".join(
                '"%s"' % name for name in insecure)
        return text + "}\n"

    def anchor(self):
        return os.path.join(self.dir, "anchor")

    # --- zones

    def path(self, zone):
        return os.path.join(self.dir, "zone." + (zone.rstrip(".") or "root"))

    def write(self):
        self.serial += 1
        for zone, text in self.zones.items():
            with open(self.path(zone), "w") as f:
                f.write(HEAD % {"origin": origin_of(zone), "ttl": TTL,
                                "serial": self.serial} + text)
            if zone in self.signed:
                self.sign(zone)
            # NSD looks at the time of a file
            os.utime(self.path(zone), (self.serial * 1000,) * 2)
        with open(os.path.join(self.dir, "nsd.conf"), "w") as f:
            f.write(self.text())

    def sign(self, zone):
        def run(*argv):
            return subprocess.run(argv, cwd=self.dir, check=True, text=True,
                                  stdout=subprocess.PIPE).stdout.strip()
        keys = glob.glob(os.path.join(self.dir, "K%s+*.private" %
                                      origin_of(zone)))
        if keys:
            key = os.path.splitext(keys[0])[0]
        else:
            key = os.path.join(self.dir, run("ldns-keygen", "-a", "ED25519",
                                             "-k", origin_of(zone)))
            with open(key + ".key") as f, open(self.anchor(), "a") as into:
                into.write(f.read())
        run("ldns-signzone", "-f", self.path(zone), self.path(zone), key)

    def text(self):
        lines = ["server:", "server-count: 1", 'username: ""', 'chroot: ""',
                 "ip-address: %s" % self.spec(), "hide-version: yes",
                 'database: ""', "zonefiles-check: yes"]
        for key in ("pidfile", "zonelistfile", "xfrdfile", "logfile"):
            lines.append('%s: "%s"' % (key, os.path.join(self.dir, key)))
        lines += ['zonesdir: "%s"' % self.dir, 'xfrdir: "%s"' % self.dir,
                  "rrl-ratelimit: 0", "remote-control:", "control-enable: no"]
        for zone in self.zones:
            lines += ["zone:", 'name: "%s"' % origin_of(zone),
                      'zonefile: "%s"' % self.path(zone)]
        return "\n".join(lines) + "\n"

    # --- life

    def start(self):
        self.write()
        return self.launch()

    def launch(self):
        argv = [shutil.which("nsd", path=os.environ["PATH"] +
                             ":/usr/sbin:/sbin") or "nsd",
                "-d", "-c", os.path.join(self.dir, "nsd.conf")]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.ns.argv(*argv) if self.ns else argv,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self.wait()

    def wait(self):
        for zone in self.zones:
            wait_for("%s served as of %d" % (zone, self.serial),
                     lambda: self.serves(zone), seconds=30)
        return self

    def serves(self, zone):
        assert self.process.poll() is None, self.said()
        return self.ask_serial(zone) == self.serial

    def said(self):
        text = ""
        for name in ("log", "logfile"):
            if os.path.exists(os.path.join(self.dir, name)):
                with open(os.path.join(self.dir, name)) as f:
                    text += f.read()[-2000:]
        return text

    def change(self, zones):
        """Other text for these zones, which it had before."""
        assert set(zones) <= set(self.zones), "a zone that is new: restart()"
        self.zones.update(zones)
        old = self.pids()[-1]
        self.write()
        self.process.send_signal(signal.SIGHUP)
        self.wait()
        # both answer for a moment
        wait_for("the end of who serves the old zones",
                 lambda: old not in self.pids())
        return self

    def falsify(self, zone, old, new):
        """Change what a zone's file says behind its signatures."""
        with open(self.path(zone)) as f:
            text = f.read()
        assert old in text, text
        with open(self.path(zone), "w") as f:
            f.write(text.replace(old, new))
        self.stop()
        self.launch()

    def restart(self, zones=()):
        self.stop()
        self.zones.update(zones)
        return self.start()

    def freeze(self):
        """It takes questions and does not answer.  After a change() there are
        processes that begin and such that end: until none is new."""
        frozen = set()
        while frozen != (now := set(self.pids())):
            signal_all(now - frozen, signal.SIGSTOP)
            frozen = now

    def thaw(self):
        signal_all(self.pids(), signal.SIGCONT)

    def pids(self):
        """The process and its children."""
        found, new = [], [self.process.pid]
        while new:
            pid = new.pop()
            found.append(pid)
            new += children(pid)
        return found

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.thaw()
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                signal_all(self.pids(), signal.SIGKILL)
                self.process.wait()
                raise
        self.process = None

    def close(self):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.close()

    # --- asking it

    def socket(self):
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        if self.ns is None:
            return socket.socket(family, socket.SOCK_DGRAM)
        with self.ns.inside():
            return socket.socket(family, socket.SOCK_DGRAM)

    def ask_serial(self, zone):
        """The serial number it has, or None: it does not answer."""
        number = random.randrange(65536)
        name = b"".join(bytes([len(label)]) + label.encode()
                        for label in zone.rstrip(".").split(".") if label)
        question = name + b"\0" + struct.pack(">HH", SOA, 1)
        with self.socket() as s:
            s.settimeout(0.5)
            try:
                s.connect((self.address, self.port))
                s.send(struct.pack(">HHHHHH", number, 0, 1, 0, 0, 0) +
                       question)
                answer = s.recv(4096)
            except OSError:
                return None
        rest = answer[12 + len(question):]
        if answer[:2] != struct.pack(">H", number) or len(rest) < 12:
            return None
        # the owner is a pointer to the question, or the root itself
        rest = rest[2 if rest[0] & 0xc0 else 1:]
        kind, _, _, size = struct.unpack(">HHIH", rest[:10])
        if kind != SOA or len(rest) < 10 + size:
            return None
        return struct.unpack(">IIIII", rest[10 + size - 20:10 + size])[0]


_nothing = {}


def nothing(ns=None):
    """A server for which no name exists, on the loopback of ns: what a node
    asks whose test has no names.  One for each, until the end of the tests; a
    namespace takes it along, and another may get its name."""
    key = ns and ns.name
    if key in _nothing and _nothing[key].process.poll() is not None:
        _nothing.pop(key).close()
    if key not in _nothing:
        if not _nothing:
            atexit.register(lambda: [s.close() for s in _nothing.values()])
        _nothing[key] = DnsServer(address="127.0.0.1", ns=ns).start()
    return _nothing[key]
