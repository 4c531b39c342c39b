"""shoald: a share, nodes on it, what they logged.

A node of the tests listens with every protocol, on ports of its own on one
address (loopback, or its namespace's).  It is started, waited for until
/health/ready says so, stopped by SIGTERM, and then has to have ended with exit
status 0 and without a log line of level error or alarm, but for those that the
test has named (Node.allow).

Run by root, nodes drop to USER: what they may not do then is tested with
everything else.
"""

import contextlib
import http.client
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request

from rig import dnsserver
from rig.ctl import Ctl
from rig.ports import ports
from rig.processes import children, signal_all
from rig.wait import wait_for

USER = "nobody"
# Everything a node can listen with; lmtp is a Unix socket besides.
PROTOCOLS = ("smtp", "submission", "submissions", "lmtp", "imap", "imaps",
             "pop3", "pop3s", "https", "health", "agent")
READY_SECONDS = 60
# A node that was killed: others wait for its lease to end.
TAKEOVER_SECONDS = 60
# Sessions that do not end are cut off after 30 s: it has to end before.
STOP_SECONDS = 28
# Whatever http_proxy says.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_ports(address="127.0.0.1"):
    """For everything a node listens with, and its hints."""
    return {p: ports.take(address) for p in PROTOCOLS + ("hints",)}


def password_of(address):
    return "secret-" + address.split("@")[0]


def demoted():
    """uid and gid of the nodes; None: we are nobody special ourselves."""
    if os.getuid() != 0:
        return None
    entry = pwd.getpwnam(USER)
    return entry.pw_uid, entry.pw_gid


class Place:
    """A directory for everything, where USER can get in; removed at the end."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="shoal-test-")
        os.chmod(self.path, 0o755)

    def mkdir(self, *names, mode=0o700):
        """A directory that belongs to the nodes' user."""
        path = os.path.join(self.path, *names)
        os.makedirs(path, mode=mode, exist_ok=True)
        if demoted():
            os.chown(path, *demoted())
        return path

    def close(self):
        shutil.rmtree(self.path, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


class Share:
    """A share with one domain, `name` (`domain`: options of domain add), and
    `accounts` accounts u0, u1, ... in it whose password is
    password_of(address).  url: a directory is made unless it names one on an NFS
    server.  ns: where shoalctl runs."""

    def __init__(self, build, place, url=None, ns=None, accounts=20,
                 settings=(), domain=(), name="example.org"):
        self.build, self.place, self.name = build, place, name
        self.url = url or place.mkdir("share")
        self.ctl = Ctl(build, ns, place.mkdir("ctl"))
        self.ctl.run("share", "init", self.url)
        # hashes as cheap as they get: tests log in often
        cheap = {"password.yescrypt_cost": "1",
                 "password.scram_iterations": "4096"}
        for name, value in {**cheap, **dict(settings)}.items():
            self.ctl.run("settings", "set", name, str(value))
        self.ctl.run("domain", "add", self.name, *domain)
        self.free = ["u%d@%s" % (i, self.name) for i in range(accounts)]
        self.used = []
        self.add(*self.free)

    def add(self, *addresses):
        """One change of the state for each hundred."""
        self.ctl.run("account", "add", "--batch", "-", stdin="".join(
            "%s,%s\n" % (a, password_of(a)) for a in addresses))

    def take(self):
        """An account that nobody has used."""
        self.used.append(Account(self.free.pop(0)))
        return self.used[-1]

    def check(self):
        """Nothing is damaged; no lease of a node that has stopped is held."""
        problems = self.ctl.result("account", "check", "--all", as_json=True)
        found = [p for p in json.loads(problems.stdout or "[]")
                 if p["kind"] == "damaged"]
        assert problems.returncode == 0 and not found, problems


class Account:
    def __init__(self, address):
        self.address, self.password = address, password_of(address)

    def __str__(self):
        return self.address


class LogLine(dict):
    """A line of the log, parsed."""

    def __str__(self):
        return json.dumps(self)


class Node:
    """`conf` is text that is added to the file; listeners: {name: text} is
    added to the section of that listener (title = protocol), e.g.
    {"smtp": 'proxy = { "127.0.0.1" }'}.  Without a section dns in conf it asks
    a server that knows no name (rig.dnsserver).  at: {protocol: port}, as behind a
    balancer, where nodes differ by their address alone."""

    def __init__(self, share, name, ns=None, address="127.0.0.1", workers=2,
                 conf="", listeners=None, url=None, local=None, at=None):
        self.share, self.name, self.ns = share, name, ns
        self.address, self.workers = address, workers
        self.url = url or share.url
        self.dir = share.place.mkdir(name)
        self.local = local or share.place.mkdir(name, "local")
        self.file = os.path.join(self.dir, "shoal.conf")
        self.lmtp_path = os.path.join(self.dir, "lmtp")
        self.log_file = os.path.join(self.dir, "log")
        self.ports = dict(at or free_ports(address if ns is None
                                           else "127.0.0.1"))
        self.extra, self.listeners = conf, dict(listeners or {})
        self.process, self.allowed, self.log_from = None, [], 0
        self.certificate, self.hints = None, True
        self.configure()

    def of(self, protocol):
        """Where to connect to."""
        return self.lmtp_path if protocol == "lmtp-unix" else \
            (self.address, self.ports[protocol])

    # --- configuration

    def text(self):
        lines = [
            'node = "%s"' % self.name,
            'share = "%s"' % self.url,
            'local = "%s"' % self.local,
            'user = "%s"' % (USER if demoted() else
                             pwd.getpwuid(os.getuid()).pw_name),
            'workers = %d' % self.workers,
            'hostname = "%s.%s"' % (self.name, self.share.name),
            'log { target = "stderr" format = json level = info }',
        ]
        if self.hints:
            lines.append('cluster { address = "%s:%d" }' % (
                self.address, self.ports["hints"]))
        if self.certificate:
            lines.append('tls { certificate = "%s" key = "%s" }' %
                         self.certificate)
        for p in PROTOCOLS:
            at = ['"%s:%d"' % (self.address, self.ports[p])]
            if p == "lmtp":
                at.append('"unix:%s"' % self.lmtp_path)
            lines.append('listen %s { protocol = %s address = { %s } %s }' % (
                p, p, ", ".join(at), self.listeners.get(p, "")))
        if "dns {" not in self.extra:
            lines.append(dnsserver.nothing(self.ns).conf().rstrip())
        return "\n".join(lines + [self.extra]) + "\n"

    def configure(self):
        with open(self.file, "w") as f:
            f.write(self.text())

    # --- life

    def join(self):
        """The cluster key comes as an administrator brings it."""
        if not os.path.exists(os.path.join(self.local, "cluster.key")):
            code = self.share.ctl.run("node", "invite").strip()
            Ctl(self.share.build, self.ns, self.local).run("join", code)

    def argv(self, *args):
        argv = [os.path.join(self.share.build, "shoald"), "-c", self.file,
                *args]
        return self.ns.argv(*argv) if self.ns else argv

    def launch(self):
        """Start it, wait for nothing."""
        self.configure()
        return self.launch_as_it_is()

    def launch_as_it_is(self):
        """With a file that the test has changed."""
        with open(self.log_file, "ab") as log:
            self.log_from = log.tell()
            self.process = subprocess.Popen(
                self.argv("-f"), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True)
        return self

    def start(self, seconds=READY_SECONDS):
        self.join()
        return self.launch().wait_ready(seconds)

    def wait_ready(self, seconds=READY_SECONDS):
        try:
            wait_for("%s is ready" % self.name, self._ready, seconds)
        except AssertionError as e:
            raise AssertionError("%s\n%s" % (e, self.tail())) from None
        return self

    def _ready(self):
        assert self.process.poll() is None, \
            "it ended with status %d" % self.process.returncode
        return self.http("/health/ready")[0] == 200

    def run_refused(self, *args, seconds=30):
        """It ends by itself, refusing; returns what it said."""
        r = subprocess.run(self.argv("-f", *args), stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True, timeout=seconds)
        assert r.returncode != 0, r.stdout
        return r.stdout

    def pids(self):
        """The master first, then its workers."""
        master = self.process.pid
        return [master] + children(master)

    def workers_now(self):
        return self.pids()[1:]

    def kill_worker(self, index=0, how=signal.SIGKILL):
        """One worker dies; returns when there is another in its place.  The
        log says why, so it may."""
        self.allow("worker")
        before = self.workers_now()
        os.kill(before[index], how)

        def replaced():
            now = self.workers_now()
            return len(now) == len(before) and before[index] not in now
        wait_for("another worker", replaced, 30)

    @contextlib.contextmanager
    def only(self, worker):
        """Its other workers are stopped: whoever connects gets this one."""
        others = [pid for pid in self.workers_now() if pid != worker]
        signal_all(others, signal.SIGSTOP)
        try:
            yield
        finally:
            signal_all(others, signal.SIGCONT)

    def at_each(self, connect):
        """What connect() makes, of each worker, by its pid."""
        made = {}
        for pid in self.workers_now():
            with self.only(pid):
                made[pid] = connect()
        return made

    def signal(self, number):
        os.kill(self.process.pid, number)

    def freeze(self):
        signal_all(self.pids(), signal.SIGSTOP)

    def thaw(self):
        signal_all(self.pids(), signal.SIGCONT)

    def kill(self):
        """As a crash: master and workers at once."""
        if self.process is None:
            return
        if self.process.poll() is None:
            signal_all(self.pids(), signal.SIGKILL)
        self.process.wait()
        self.process = None

    def stop(self, seconds=STOP_SECONDS, status=0):
        """SIGTERM; it has to end in time, with that status, having logged
        nothing that somebody should look at."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            got = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("%s did not end within %s s of SIGTERM\n%s" %
                                 (self.name, seconds, self.tail())) from None
        self.process = None
        assert got == status, "%s ended with status %d\n%s" % (
            self.name, got, self.tail())
        self.demand_quiet()

    def restart(self, seconds=READY_SECONDS):
        self.stop()
        return self.start(seconds)

    # --- what it says

    def http(self, path, protocol="health", seconds=5):
        """(status, text); 0: nobody answers."""
        url = "http://%s:%d%s" % (self.address, self.ports[protocol], path)
        with self.ns.inside() if self.ns else contextlib.nullcontext():
            return get(url, seconds)

    def metrics(self):
        """{"shoal_logins_total": 3.0, ...}; labels stay in the name."""
        status, text = self.http("/metrics", seconds=30)
        assert status == 200, (status, text)
        return {k: float(v) for k, v in
                (line.rsplit(" ", 1) for line in text.splitlines()
                 if line and not line.startswith("#"))}

    def log(self, since_start=True, **want):
        """Lines of the log whose values match (re.search): log(level="warn")"""
        found = []
        with open(self.log_file, errors="replace") as f:
            if since_start:
                f.seek(self.log_from)
            for text in f:
                if self.process is not None and not text.endswith("\n"):
                    continue            # it is being written
                try:
                    line = LogLine(json.loads(text))
                except ValueError:      # a sanitizer, or a panic, speaks
                    line = LogLine(level="alarm", event=text.rstrip())
                if all(re.search(v, str(line.get(k, "")))
                       for k, v in want.items()):
                    found.append(line)
        return found

    def wait_log(self, seconds=30, **want):
        return wait_for("%s logs %r" % (self.name, want),
                        lambda: self.log(**want), seconds)[0]

    def allow(self, *patterns):
        """Lines of level error or alarm that match one are expected."""
        self.allowed += patterns

    def demand_quiet(self):
        bad = [str(line) for line in self.log(False, level="^(error|alarm)$")
               if not any(re.search(p, str(line)) for p in self.allowed)]
        assert not bad, "%s logged:\n%s" % (self.name, "\n".join(bad[:20]))

    def tail(self, lines=40):
        if not os.path.exists(self.log_file):
            return ""
        with open(self.log_file, errors="replace") as f:
            return "".join(f.readlines()[-lines:])

    def __enter__(self):
        return self

    def __exit__(self, kind, *exc):
        if kind is None:
            self.stop()
        else:
            self.kill()


def get(url, seconds=5):
    try:
        with DIRECT.open(url, timeout=seconds) as r:
            return r.status, r.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()
    except (OSError, http.client.HTTPException):
        return 0, ""
