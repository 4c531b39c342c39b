"""shoalctl beside nodes that run: status, tls, retention, check mail."""

import json
import os
import socket
import subprocess
import threading

import pytest

from rig.wait import wait_for

SHOAL = {"accounts": 4}


def certificate(place, name, days):
    """Self-made; (file, key file)."""
    base = "%s/%s" % (place.path, name)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-keyout", base + ".key",
         "-out", base + ".crt", "-days", str(days), "-subj", "/CN=" + name,
         "-addext", "subjectAltName=DNS:%s" % name],
        check=True, capture_output=True)
    return base + ".crt", base + ".key"


def problems(ctl):
    return ctl.json("status")["problems"]


def test_status_and_certificates(cluster, place, n1, ctl):
    """Self-signed ones in use, and those that expire, are problems.  (Each
    look watches until every lease has moved.)"""
    # nor does it wait for the share, as on a busy machine it may
    wait_for("the node says what it uses", lambda: problems(ctl) == [
        "node n1 uses a self-signed certificate: add a real one with tls add"],
        60)
    ctl.run("tls", "add", *certificate(place, "mail.example.org", 5))
    ctl.run("tls", "add", *certificate(place, "imap.example.org", 100))
    rows = {r["names"][0]: r for r in ctl.json("tls", "list")}
    assert rows["mail.example.org"]["state"] == "expires soon"
    assert rows["imap.example.org"]["state"] == "valid"
    said = problems(ctl)
    assert any("for mail.example.org expires in 4 days" in p for p in said)
    assert not any("imap.example.org" in p for p in said)
    # renewed: the name moves
    ctl.run("tls", "add", *certificate(place, "mail.example.org", 90))
    assert len(ctl.json("tls", "list")) == 2
    assert {r["state"] for r in ctl.json("tls", "list")} == {"valid"}
    wait_for("the node uses them", lambda: n1.metrics()[
        "shoal_certificate_self_signed"] == 0, 20)


def test_drain_is_an_order_that_stays(cluster, n1, ctl):
    n1.wait_log(event="jobs taken")
    ctl.run("node", "drain", "n1")
    wait_for("it drains", lambda: n1.http("/health/ready")[0] == 503)
    n1.wait_log(event="jobs handed back")
    # of a node whose lease is late it says that
    wait_for("status says so", lambda: any(
        "n1 is being drained" in p for p in problems(ctl)))
    assert "already" in ctl.run("node", "drain", "n1")
    ctl.run("node", "resume", "n1")
    n1.wait_ready()
    ctl.refused("node", "drain", "nobody")


def test_node_remove(cluster, n1, ctl):
    """Gone for good: neither listed nor a problem, and back when it starts."""
    def names():
        return {r["node"] for r in ctl.json("node", "list")}

    node = cluster.make("gone")
    node.start()
    assert "lives: stop it first" in ctl.refused("node", "remove", "gone")
    node.stop()
    assert "gone" in names()
    ctl.run("node", "remove", "gone")
    assert "gone" not in names()
    assert not any("gone" in p for p in problems(ctl))
    ctl.refused("node", "remove", "gone")
    node.start()
    assert "gone" in names()


def test_files_are_read_as_who_calls(place, ctl):
    """Passwords in a file of root's, though shoalctl becomes the node's user."""
    path = place.path + "/batch.csv"
    with open(path, "w") as f:
        f.write("batch@example.org,good enough,1G,Batch\n")
    os.chmod(path, 0o600)
    assert ctl.run("account", "add", "--batch", path) == "added 1 accounts\n"
    with open(path, "w") as f:
        f.write("Subject: x\n\nx\n")
    out = ctl.result("account", "import", "batch@example.org", path, "/none")
    assert out.stdout.count("\n") == 1
    assert "cannot open /none (No such file" in out.stderr, out.stderr
    ctl.run("account", "remove", "--purge", "batch@example.org")


def test_share_check_of_any_place(place, ctl):
    """Before there is a share, too."""
    for args in ((), (place.path + "/share",)):
        assert all(r["ok"] for r in ctl.json("share", "check", *args))
    assert "none" in ctl.refused("share", "check", place.path + "/none")


def test_tls_add_refuses(place, ctl):
    one, two = (certificate(place, n, 30) for n in ("a.example", "b.example"))
    for args in ((one[0], two[1]), (one[1], one[0]), (one[0], one[0]),
                 (place.path + "/none", one[1])):
        ctl.refused("tls", "add", *args)
    for row in ctl.json("tls", "list"):
        ctl.run("tls", "remove", row["names"][0])
    assert ctl.json("tls", "list") == []


def test_retention(ctl):
    row = ctl.json("domain", "list")[0]
    assert row["junk_keep"] == row["trash_keep"] == "default"
    ctl.run("domain", "set", "example.org", "--junk-keep", "30d",
            "--trash-keep", "forever")
    row = ctl.json("domain", "list")[0]
    assert (row["junk_keep"], row["trash_keep"]) == ("30d", "forever")
    ctl.run("domain", "set", "example.org", "--junk-keep", "default")
    row = ctl.json("domain", "list")[0]
    assert (row["junk_keep"], row["trash_keep"]) == ("default", "forever")
    for args in (("example.org", "--junk-keep", "soon"),
                 ("example.org", "--junk-keep", "-1"),
                 ("elsewhere.org", "--junk-keep", "1d"), ("example.org",)):
        ctl.refused("domain", "set", *args)


def test_settings_list_shows_all(ctl):
    names = {r["setting"] for r in ctl.json("settings", "list")}
    assert {"retention.junk", "retention.trash", "pop3.idle_timeout",
            "message.max_size"} <= names
    assert "pop3.exclusive" not in names


def smtp_of(node):
    return "%s:%d" % node.of("smtp")


def test_check_mail(n1, n2, ctl, account, pop3):
    for node in (n1, n2):
        rows = ctl.json("check", "mail", account.address, "--smtp",
                        smtp_of(node))
        assert [r["stage"] for r in rows] == [
            "account", "connect", "greeting", "EHLO", "MAIL", "RCPT", "DATA",
            "message", "delivery", "removal"]
        assert {r["result"] for r in rows} == {"ok"}
    with pop3(account) as c:
        assert c.cmd("STAT") == "+OK 0 0"


def test_check_mail_as_configured(n1, ctl, account):
    """Without --smtp: the listener of this machine's node."""
    r = subprocess.run(
        [ctl.build + "/shoalctl", "-c", n1.file, "--json", "check", "mail",
         account.address], capture_output=True, text=True, timeout=60)
    assert r.returncode == 0, r
    assert json.loads(r.stdout)[-1] == {
        "stage": "removal", "result": "ok",
        "ms": json.loads(r.stdout)[-1]["ms"]}


def test_check_mail_over_imap(n1, ctl, account, pop3):
    out = ctl.run("check", "mail", account.address, "--smtp", smtp_of(n1),
                  "--imap", "%s:%d" % n1.of("imap"), "--password-stdin",
                  "--json", stdin=account.password + "\n")
    stages = [r["stage"] for r in json.loads(out)]
    assert stages[-10:] == [
        "connect", "imap greeting", "imap capability", "imap starttls",
        "imap tls", "imap login", "imap select", "imap search", "imap fetch",
        "removal"], stages
    r = ctl.result("check", "mail", account.address, "--smtp", smtp_of(n1),
                   "--imap", "%s:%d" % n1.of("imap"), "--password-stdin",
                   stdin="wrong\n")
    assert r.returncode == 1 and "imap login failed: " in r.stderr
    with pop3(account) as c:
        assert c.cmd("STAT") == "+OK 0 0"


@pytest.fixture
def dumb():
    """A server that says one thing to everybody."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                s, _ = listener.accept()
            except OSError:
                return
            s.sendall(b"421 go away\r\n")
            s.close()

    threading.Thread(target=serve, daemon=True).start()
    yield "127.0.0.1:%d" % listener.getsockname()[1]
    listener.close()


def test_check_mail_names_the_stage(cluster, n1, ctl, account, dumb):
    def stage(address, smtp):
        r = ctl.result("check", "mail", address, "--smtp", smtp)
        assert r.returncode == 1, r
        return r.stderr

    assert "greeting failed: 421 go away" in stage(account.address, dumb)
    assert "connect failed: " in stage(account.address, "127.0.0.1:1")
    assert "nobody" in stage("nobody@example.org", smtp_of(n1))
    ctl.run("account", "suspend", account.address)
    ctl.run("settings", "set", "message.max_size", "65536")
    ctl.refused("check", "mail", account.address, "--smtp", "no-port")
    ctl.refused("check", "mail", account.address)    # no listener is known
