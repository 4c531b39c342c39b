"""HAProxy with lb-examples/haproxy/haproxy.cfg, as it is, in front of two
nodes."""

import csv
import io
import os
import shutil
import socket
import subprocess
import tempfile

from rig.ports import ports
from rig.wait import wait_for

CFG = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..",
                   "lb-examples", "haproxy", "haproxy.cfg")
SERVICES = ("smtp", "submission", "submissions", "imap", "imaps", "pop3",
            "pop3s", "https")


class Haproxy:
    """Listens on `bind` with the ports that both nodes have.  source: the
    address it connects from, which the nodes' proxy lists name.  h2: (file with
    chain and key, CA of the nodes, a name of theirs): HTTP/2 for browsers, too,
    the service "web"."""

    def __init__(self, bind, nodes, source="0.0.0.0", ns=None, h2=None):
        assert nodes[0].ports == nodes[1].ports
        self.address, self.nodes, self.ns = bind, nodes, ns
        self.ports = dict(nodes[0].ports)
        self.dir = tempfile.mkdtemp(prefix="shoal-lb-")
        self.socket = os.path.join(self.dir, "sock")
        self.log = os.path.join(self.dir, "log")
        stats = "%s:%d" % (bind, ports.take("127.0.0.1"))
        self.environment = {
            "SHOAL_BIND": bind, "SHOAL_SOURCE": source,
            "SHOAL_NODE1": nodes[0].address, "SHOAL_NODE2": nodes[1].address,
            "SHOAL_AGENT": str(self.ports["agent"]), "SHOAL_STATS": stats,
            "SHOAL_SOCKET": self.socket, "SHOAL_LOG": "stderr",
            "SHOAL_LOGFORMAT": "short", "SHOAL_MAXCONN": "2000"}
        for s in SERVICES:
            self.environment["SHOAL_" + s.upper()] = str(self.ports[s])
        self.environment["SHOAL_WEB"] = str(self.ports["https"])
        if h2:
            self.ports["web"] = ports.take("127.0.0.1")
            self.environment["SHOAL_H2"] = str(self.ports["web"])
            for name, value in zip(("CERT", "CA", "NAME"), h2):
                self.environment["SHOAL_H2_" + name] = value
        self.process = None

    def start(self):
        argv = ["haproxy", "-db", "-f", os.path.abspath(CFG)]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.ns.argv(*argv) if self.ns else argv,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def of(self, service):
        return self.address, self.ports[service]

    def servers(self):
        """{("imap", "n1"): {"status": "UP", "stot": "3", ...}}"""
        assert self.process.poll() is None, open(self.log).read()[-2000:]
        # the admin socket is a file: no namespace in the way
        text = self.ask("show stat")
        rows = csv.DictReader(io.StringIO(text.lstrip("# ")))
        return {(r["pxname"], r["svname"]): r for r in rows}

    def ask(self, command):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(30)
            try:
                s.connect(self.socket)
            except OSError:
                return ""
            s.sendall(command.encode() + b"\n")
            said = b""
            while True:
                got = s.recv(65536)
                if not got:
                    return said.decode()
                said += got

    def status(self, service, server):
        return self.servers().get((service, server), {}).get("status", "")

    def wait_status(self, pattern, *servers, services=SERVICES, seconds=30):
        """Until the status of these servers begins with pattern.  HAProxy takes
        a server for up until it has looked; that does not count."""
        def all_there():
            seen = self.servers()
            rows = [seen.get((s, n), {}) for s in services for n in servers]
            return all(r.get("status", "").startswith(pattern) and
                       (pattern != "UP" or r["check_status"] == "L7OK")
                       for r in rows)
        wait_for("HAProxy sees %s of %s" % (pattern, servers), all_there,
                 seconds)
        return self

    def wait_up(self, *servers, **kw):
        return self.wait_status("UP", *(servers or ("n1", "n2")), **kw)

    def sessions(self, service, server):
        return int(self.servers()[(service, server)]["stot"])

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.close()
