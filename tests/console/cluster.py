"""cluster.py WORK [NAME ...]: the cluster of the console's tests, and the tests.

The cluster is the quickstart's, beside a DNS server; main.mjs is the browser's
side.  What a browser cannot do it asks for over HTTP on loopback: methods of
Door, POST /NAME with an array of arguments.
WORK is where npm has put what main.mjs needs, and where screenshots go.
"""

import base64
import csv
import http.server
import io
import json
import os
import re
import subprocess
import sys
import threading
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE)]

from rig.dnsserver import DnsServer         # noqa: E402
from rig.imap import Imap                   # noqa: E402
from rig.line import Smtp                   # noqa: E402
from rig.node import Place                  # noqa: E402
from rig.ports import ports                 # noqa: E402
from rig.quickstart import Quickstart       # noqa: E402
from rig.sink import Sink                   # noqa: E402
from rig.wait import wait_for               # noqa: E402

BUILD = os.environ["SHOAL_BUILD"]
SECONDS = int(os.environ.get("SHOAL_CONSOLE_SECONDS", 1200))
# The host of far.example: nobody listens there until the test says so.
FAR = "127.0.78.25"
ZONES = {
    "first.example": "",
    "far.example": "@ MX 10 mx\nmx A %s\n" % FAR,
}
SETTINGS = {
    # hashes as cheap as they get: tests log in often
    "password.yescrypt_cost": "1", "password.scram_iterations": "4096",
    # a message that cannot leave waits for somebody to look at it
    "queue.retry_first": "3600", "queue.retry_max": "3600",
}


class Door:
    """What a test may ask for."""

    def __init__(self, q, dns, far_port):
        self._q, self._dns, self._far_port = q, dns, far_port
        self._sink = None

    def ctl(self, *args, stdin=None):
        return self._q.ctl(*args, stdin=stdin)

    def account(self, address, password):
        return self._q.ctl("account", "add", address, "--password-stdin",
                             stdin=password)

    def quickstart(self, command):
        return self._q.run(command)

    def zone(self, name, text):
        self._dns.change({name: text})

    def deliver(self, sender, rcpt, message, helo="client.example.net"):
        """In by SMTP, through the balancer; (code, text) of the last reply."""
        at = ("127.0.0.1", int(self._q.env["SHOAL_SMTP"]))
        with Smtp(at) as c:
            c.greeting()
            c.hello(helo)
            return c.deliver(message, rcpt, sender=sender)

    def submit(self, address, password, rcpt, message):
        """As a mail program sends, over TLS, through the balancer."""
        at = ("127.0.0.1", int(self._q.env["SHOAL_SUBMISSIONS"]))
        with Smtp(at, tls=True) as c:
            c.greeting()
            c.hello()
            c.cmd("AUTH PLAIN " + base64.b64encode(
                ("\0%s\0%s" % (address, password)).encode()).decode(), 235)
            return c.deliver(message, rcpt, sender=address)

    def imap(self, node, address, password, commands):
        """[[status, text, untagged lines], ...] of the commands, over TLS at
        that node."""
        at = (self._q.env["SHOAL_NODE%s" % node[1]],
              int(self._q.env["SHOAL_IMAPS"]))
        with Imap(at, tls=True) as c:
            c.greeting()
            c.login(address, password)
            said = []
            for text in commands:
                tag = c.start(text)
                a = c.finish(tag)
                said.append([a.status, a.text, [
                    line.decode("utf-8", "replace") for line in a.lines]])
            return said

    def far(self, there):
        """The host of far.example comes, or goes."""
        if self._sink is not None:
            self._sink.close()
            self._sink = None
        if there:
            self._sink = Sink(FAR, self._far_port, name="mx.far.example")
            self._sink.__enter__()

    def arrived(self, seconds=60):
        """The next message that came to far.example, as text."""
        return wait_for("a message at far.example", lambda: (
            self._sink.messages and self._sink.messages[-1].text), seconds)

    def bytes(self, service):
        """What HAProxy has sent to clients of a service, when none is left: it
        counts a connection at its end."""
        def row():
            named = next(r for r in self._balancer() if (
                r["# pxname"], r["svname"]) == (service, "FRONTEND"))
            return named if named["scur"] == "0" else None
        return int(wait_for("no connection of %s" % service, row, 90)["bout"])

    def up(self, seconds):
        """Until HAProxy sees every service of both nodes."""
        wait_for("every service is up", lambda: all(
            r["status"].startswith("UP") for r in self._balancer()
            if r["svname"] in ("n1", "n2")), seconds)

    def _balancer(self):
        text = subprocess.run(
            ["curl", "-sS", "--noproxy", "*", "http://%s/;csv" %
             self._q.env["SHOAL_STATS"]], stdout=subprocess.PIPE,
            check=True, text=True).stdout
        return list(csv.DictReader(io.StringIO(text)))


def door_server(door):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            args = json.loads(self.rfile.read(
                int(self.headers["Content-Length"])))
            try:
                name = self.path.strip("/")
                assert not name.startswith("_") and name in Door.__dict__
                status, said = 200, getattr(door, name)(*args)
            except Exception:       # of any kind: the test shall see it
                status, said = 500, traceback.format_exc()
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def link_of(said):
    """The one-time link that quickstart prints at its first start."""
    m = re.search(r"https://\S+/invite#\S+", said)
    assert m, said
    return m[0]


def described(q, door, work, said):
    """What main.mjs is told."""
    port = q.env["SHOAL_HTTPS"]
    return {
        "link": link_of(said),
        "url": "https://127.0.0.1:" + port,
        "nodes": {n: "https://%s:%s" % (q.env["SHOAL_NODE%s" % n[1]], port)
                  for n in ("n1", "n2")},
        "door": "http://127.0.0.1:%d/" % door.server_port,
        "work": work,
        "chromium": "/usr/bin/chromium",
        "images": os.environ.get("SHOAL_IMAGES"),
    }


def quiet(q):
    """What the nodes logged that somebody should look at."""
    bad = []
    for name in ("n1", "n2"):
        with open("%s/q/log/%s" % (q.dir, name), errors="replace") as f:
            bad += [line for line in f
                    if re.search(r"\blevel=(error|alarm)\b|Sanitizer", line)]
    return bad


def main(work, *names):
    far_port = ports.take(FAR)
    status = 1
    with Place() as place, DnsServer(ZONES) as dns:
        q = Quickstart(BUILD, place.mkdir("home", mode=0o755),
                       conf=dns.conf())
        try:
            said = q.run("start")
            door = Door(q, dns, far_port)
            for name, value in {**SETTINGS, "queue.port": far_port}.items():
                door.ctl("settings", "set", name, str(value))
            server = door_server(door)
            node = subprocess.run(
                ["node", os.path.join(HERE, "main.mjs"), *names],
                env={**os.environ, "SHOAL_CONSOLE": json.dumps(
                    described(q, server, work, said))},
                stdin=subprocess.DEVNULL, timeout=SECONDS)
            status = node.returncode
            door.far(False)
            q.run("stop")
            bad = quiet(q)
            print("\n".join(["# " + b.rstrip() for b in bad[:20]] + [
                ("not ok" if bad else "ok") + " console/logs"]), flush=True)
            status = status or bool(bad)
        finally:
            for name in ("n1", "n2", "haproxy"):
                path = "%s/q/log/%s" % (q.dir, name)
                if os.path.exists(path):
                    with open(path) as f, open(os.path.join(
                            work, name + ".log"), "w") as to:
                        to.write(f.read())
            q.close()
    return status


sys.exit(main(*sys.argv[1:]))
