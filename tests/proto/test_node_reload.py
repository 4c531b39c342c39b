"""SIGHUP and SIGUSR1: what changes, and that nobody is dropped (B86, B89)."""

import os
import re
import signal
import socket
import ssl
import subprocess
import threading

import pytest

from rig.imap import Imap
from rig.line import Smtp
from rig.ports import ports
from rig.wait import wait_for

SHOAL = {"accounts": 4, "workers": 2,
         "settings": {"auth.allow_plaintext": "yes"},
         "log_ok": ["reload refused"]}


@pytest.fixture(autouse=True)
def as_it_was(n1):
    yield
    n1.configure()
    reload(n1)


def reload(node, event="reloaded"):
    """Every worker has it when the master says so."""
    before = len(node.log(event=event))
    node.signal(signal.SIGHUP)
    wait_for(event, lambda: len(node.log(event=event)) > before)


def rewrite(node, change):
    with open(node.file, "w") as f:
        f.write(change(node.text()))


def greets(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 30) as s:
            return s.recv(100)
    except OSError:
        return b""


class Load(threading.Thread):
    """One long IMAP session and many short SMTP ones, until stopped."""

    def __init__(self, node, account):
        super().__init__()
        self.node, self.account = node, account
        self.enough, self.rounds, self.wrong = threading.Event(), 0, None

    def run(self):
        try:
            with Imap(self.node.of("imap")) as c:
                c.greeting()
                c.login(self.account.address, self.account.password)
                c.cmd("SELECT INBOX")
                while not self.enough.is_set():
                    c.cmd("NOOP")
                    with Smtp(self.node.of("smtp")) as s:
                        s.greeting()
                        s.hello()
                        s.cmd("QUIT", 221)
                    self.rounds += 1
        except Exception as e:          # shown by the test
            self.wrong = e

    def stop(self):
        self.enough.set()
        self.join(30)
        assert self.wrong is None, self.wrong
        return self.rounds


def test_b89_reload_under_load(n1, account):
    """Listeners come and go, limits change: no session and no connection is
    lost."""
    loads = [Load(n1, account) for _ in range(3)]
    for load in loads:
        load.start()
    extra = ports.take()
    for i in range(12):
        rewrite(n1, lambda text: text + (
            'listen extra%d { protocol = smtp address = "127.0.0.1:%d" }\n'
            'settings { smtp.errors_max = %d }\n' % (i, extra, 10 + i)
            if i % 2 == 0 else ""))
        reload(n1)
        seen = [load.rounds for load in loads]
        wait_for("load goes on", lambda: all(
            load.rounds > n or load.wrong
            for load, n in zip(loads, seen)), 20)
        if i % 2 == 0:
            assert greets(extra).startswith(b"220 "), i
        else:
            assert greets(extra) == b"", i
    assert sum(load.stop() for load in loads) > 30
    assert len(n1.workers_now()) == 2


def test_b86_bad_file_changes_nothing(n1, account, imap):
    session = imap(account, tls=False)
    for bad, line in (("nonsense = 1\n", 1), ("node = n1\nnode = n1\n", 2)):
        rewrite(n1, lambda text: bad + text)
        reload(n1, "reload refused")
        said = n1.log(event="reload refused")[-1]["error"]
        assert said.startswith("%s:%d: " % (n1.file, line)), said
    assert session.cmd("NOOP").status == "OK"
    assert n1.http("/health/ready")[0] == 200
    assert greets(n1.ports["smtp"]).startswith(b"220 ")


def test_address_that_is_taken_changes_nothing(n1):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        rewrite(n1, lambda text: text +
                'listen more { protocol = smtp address = "127.0.0.1:%d" }\n'
                % taken.getsockname()[1])
        reload(n1, "reload refused")
    assert greets(n1.ports["smtp"]).startswith(b"220 ")


def test_settings_and_hostname(n1, smtp):
    assert smtp().hello()["SIZE"] == "52428800"
    rewrite(n1, lambda text: text.replace(
        'hostname = "n1.example.org"', 'hostname = "other.example.org"') +
        "settings { message.max_size = 1M }\n")
    reload(n1)
    s = smtp(greeting=False)
    assert "other.example.org" in s.greeting()[0]
    assert s.hello()["SIZE"] == "1048576"


def test_what_needs_a_restart_is_named(n1):
    rewrite(n1, lambda text: text.replace("workers = 2", "workers = 3"))
    reload(n1)
    assert n1.log(event="reload does not change this")[-1]["key"] == "workers"
    assert len(n1.workers_now()) == 2
    # a worker that is started later is of the old size, too
    n1.kill_worker(1)
    n1.wait_ready()
    assert len(n1.workers_now()) == 2


def certificate(path, name):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
         "/CN=" + name, "-addext", "subjectAltName=DNS:" + name,
         "-keyout", path + ".key", "-out", path + ".pem"],
        check=True, capture_output=True)
    os.chmod(path + ".key", 0o600)
    with open(path + ".pem") as f:
        return ssl.PEM_cert_to_DER_cert(f.read())


def shown(node, name):
    """The certificate that a client gets that asks for that name."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(node.of("imaps"), 10) as s:
        with context.wrap_socket(s, server_hostname=name) as t:
            return t.getpeercert(binary_form=True)


def test_certificates(n1, account, imap):
    """Two by SNI; changed files are taken; a session that is there stays; a
    key that does not fit changes nothing."""
    session = imap(account)             # with the self-signed one
    a, b = (os.path.join(n1.dir, n) for n in "ab")
    first, second = certificate(a, "a.example"), certificate(b, "b.example")
    tls = ('tls { certificate = { "%s.pem", "%s.pem" } '
           'key = { "%s.key", "%s.key" } }\n' % (a, b, a, b))
    rewrite(n1, lambda text: text + tls)
    reload(n1)
    assert shown(n1, "a.example") == first
    assert shown(n1, "b.example") == second
    assert session.cmd("NOOP").status == "OK"
    third = certificate(a, "a.example")
    reload(n1)
    assert shown(n1, "a.example") == third
    os.rename(b + ".key", b + ".away")
    reload(n1, "reload refused")
    assert shown(n1, "b.example") == second
    os.rename(b + ".away", b + ".key")
    assert session.cmd("NOOP").status == "OK"


def test_certificates_of_the_cluster(n1, cluster):
    """shoalctl tls add: no reload, no restart."""
    path = os.path.join(cluster.share.place.path, "c")
    mine = certificate(path, "c.example")
    if os.getuid() == 0:                # shoalctl becomes the node's user
        os.chmod(path + ".key", 0o644)
    assert shown(n1, "c.example") != mine
    cluster.ctl.run("tls", "add", path + ".pem", path + ".key")
    # any worker may answer: several times in a row
    wait_for("the new certificate", lambda: all(
        shown(n1, "c.example") == mine for _ in range(8)), 20, 0.5)


def test_log_file(n1):
    """To a file at a reload; SIGUSR1 opens it again after it was moved."""
    path = os.path.join(n1.dir, "mail.log")
    rewrite(n1, lambda text: text.replace(
        'log { target = "stderr" format = json level = info }',
        'log { target = "%s" format = logfmt level = info }' % path))
    n1.signal(signal.SIGHUP)
    wait_for("reloaded", lambda: os.path.exists(path) and
             "event=reloaded" in open(path).read())
    os.rename(path, path + ".1")
    n1.signal(signal.SIGUSR1)
    wait_for("a new file", lambda: os.path.exists(path))
    greets(n1.ports["smtp"])
    n1.kill_worker(1)
    wait_for("lines in it", lambda: "event=\"worker ended\"" in
             open(path).read())
    assert "worker ended" not in open(path + ".1").read()
    n1.wait_ready()


def test_unix_socket_stays(n1, lmtp):
    session = lmtp()
    inode = os.stat(n1.lmtp_path).st_ino
    reload(n1)
    session.cmd("LHLO client.example.net")
    now = os.stat(n1.lmtp_path)
    assert now.st_ino == inode and now.st_mode & 0o777 == 0o660
    if os.getuid() == 0:
        assert now.st_gid == os.stat(n1.local).st_gid
        rewrite(n1, lambda text: text.replace(
            "protocol = lmtp", "protocol = lmtp mode = 0600"))
        reload(n1)
        now = os.stat(n1.lmtp_path)
        assert now.st_ino == inode and now.st_mode & 0o777 == 0o600
    rewrite(n1, lambda text: re.sub(r"listen lmtp .*\n", "", text))
    reload(n1)
    session.cmd("NOOP")
    with pytest.raises(OSError):
        socket.socket(socket.AF_UNIX).connect(n1.lmtp_path)
