"""shoalctl as an administrator uses it, on a local directory and over NFS."""

import glob
import json
import os
import re
import stat
import subprocess

import pytest

from rig.ctl import Ctl
from rig import Namespace


@pytest.fixture
def ctl(build, tmp_path):
    """A share in a local directory with one domain."""
    share = tmp_path / "share"
    share.mkdir()
    c = Ctl(build, None, tmp_path / "local")
    c.run("share", "init", str(share))
    c.run("domain", "add", "example.org", "--quota", "1G")
    c.share = str(share)
    return c


def message(path, subject="hello", eol="\n"):
    with open(path, "w", newline="") as f:
        f.write(eol.join(["From: a@example.net", "Subject: " + subject, "",
                          "body of " + subject, ""]))
    return str(path)


def imported(text):
    """What import acknowledges: [(folder, uidvalidity, uid, file)]."""
    return [line.split("\t") for line in text.splitlines()]


# --- usage and exit codes

@pytest.mark.parametrize("args, words", [
    ([], "usage: shoalctl"),
    (["no", "such"], "no command"),
    (["account", "add", "--nonsense"], "unknown option"),
    (["account", "quota", "a@example.org"], "usage:"),
    (["domain", "list", "extra"], "usage:"),
    (["account", "list", "--max", "many"], "bad value"),
])
def test_usage(ctl, args, words):
    r = ctl.result(*args)
    assert r.returncode == 2 and words in r.stderr, r


def test_help_and_manual(ctl):
    assert "account undelete" in ctl.run("--help")
    assert "--batch FILE" in ctl.run("account", "add", "--help")
    page = ctl.run("--man")
    assert page.startswith(".TH SHOALCTL 1") and "lock list" in page
    r = subprocess.run(["man", "-l", "-"], input=page, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE) \
        if os.path.exists("/usr/bin/man") else None
    assert r is None or r.stderr == ""


def test_which_share(build, tmp_path):
    c = Ctl(build, None, tmp_path / "local")
    assert "--share" in c.refused("domain", "list")


# --- the share

def test_init_refuses_what_is_not_empty(build, tmp_path):
    c = Ctl(build, None, tmp_path / "local")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("x")
    assert "not empty" in c.refused("share", "init", str(tmp_path / "full"))
    assert not os.path.exists(tmp_path / "local" / "cluster.key")


def test_init_twice(ctl, build, tmp_path):
    before = open(ctl.local + "/cluster.key").read()
    assert "share already" in ctl.refused("share", "init", ctl.share)
    other = Ctl(build, None, tmp_path / "other")
    assert "share already" in other.refused("share", "init", ctl.share)
    assert open(ctl.local + "/cluster.key").read() == before


def test_secrets_are_private(ctl):
    mode = os.stat(ctl.local + "/cluster.key").st_mode
    assert stat.S_IMODE(mode) == 0o600
    assert stat.S_IMODE(os.stat(ctl.local).st_mode) & 0o077 == 0


@pytest.mark.parametrize("make, words", [
    (lambda d: None, "is empty"),
    (lambda d: (d / "file").write_text("x"), "not a share"),
    (lambda d: (d / "SHOAL").write_text("shoal-share 99\n"), "newer"),
    (lambda d: (d / "SHOAL").write_text("nonsense"), "SHOAL"),
])
def test_wrong_directory(ctl, tmp_path, make, words):
    d = tmp_path / "wrong"
    d.mkdir()
    make(d)
    sentence = ctl.refused("--share", str(d), "share", "check")
    assert words in sentence, sentence


def test_another_share(ctl, build, tmp_path):
    """A machine of one cluster is not led to another one's share."""
    (tmp_path / "second").mkdir()
    Ctl(build, None, tmp_path / "local2").run("share", "init",
                                              str(tmp_path / "second"))
    sentence = ctl.refused("--share", str(tmp_path / "second"), "domain",
                           "list")
    assert "another" in sentence or "other" in sentence, sentence


def test_without_the_key(ctl, build, tmp_path):
    c = Ctl(build, None, tmp_path / "empty")
    sentence = c.refused("--share", ctl.share, "domain", "list")
    assert "not a node" in sentence, sentence


def test_share_check(ctl):
    rows = ctl.json("share", "check")
    assert all(r["ok"] for r in rows)
    assert {"exclusive symlink", "hard link", "rename"} <= \
        {r["check"] for r in rows}


# --- domains, accounts, aliases

def test_domain(ctl):
    assert "example.org" in ctl.refused("domain", "add", "EXAMPLE.org")
    ctl.run("domain", "add", "Müller.example")
    names = [d["domain"] for d in ctl.json("domain", "list")]
    assert names == ["example.org", "xn--mller-kva.example"]
    ctl.run("domain", "remove", "müller.example")
    assert len(ctl.json("domain", "list")) == 1
    ctl.refused("domain", "remove", "nothere.example")
    ctl.refused("domain", "add", "bad domain")


def test_account_life(ctl, tmp_path):
    ctl.run("account", "add", "Alice@Example.ORG", "--password-stdin",
            "--name", "Alice", stdin="correct horse\n")
    shown = ctl.json("account", "show", "alice@example.org")
    assert shown["address"] == "alice@example.org"
    assert shown["quota"] == 1 << 30 and shown["status"] == "active"
    folders = ctl.json("account", "show", "alice@example.org", "--folders")
    assert {f["folder"]: f["special_use"] for f in folders} == {
        "INBOX": "", "Drafts": "\\Drafts", "Sent": "\\Sent",
        "Junk": "\\Junk", "Trash": "\\Trash", "Archive": "\\Archive"}
    assert "exists" in ctl.refused("account", "add", "alice@example.org")
    assert "domain" in ctl.refused("account", "add", "x@nowhere.example")
    assert "short" in ctl.refused("account", "add", "b@example.org",
                                  "--password-stdin", stdin="x\n")
    ctl.run("account", "suspend", "alice@example.org")
    assert ctl.json("account", "show",
                    "alice@example.org")["status"] == "suspended"
    ctl.run("account", "restore", "alice@example.org")
    # removed: no mail in; restored: all there
    f = message(tmp_path / "m.eml")
    ctl.run("account", "import", "alice@example.org", f)
    ctl.run("account", "remove", "alice@example.org")
    ctl.refused("account", "import", "alice@example.org", f)
    assert ctl.json("account", "list") == []
    assert len(ctl.json("account", "list", "--removed")) == 1
    ctl.run("account", "restore", "alice@example.org")
    assert ctl.json("account", "show", "alice@example.org")["messages"] == 1
    ctl.run("account", "remove", "alice@example.org", "--purge")
    assert ctl.json("account", "list", "--removed") == []
    assert os.listdir(ctl.share + "/accounts/" + shown["id"][:2]) == []
    ctl.run("account", "add", "alice@example.org")
    assert ctl.json("account", "show", "alice@example.org")["messages"] == 0


def test_login_names(ctl):
    """NFC and case folding: one person, one account."""
    ctl.run("account", "add", "Jürgen@example.org")
    ctl.refused("account", "add", "ju\u0308RGEN@example.org")
    assert ctl.json("account", "show", "JU\u0308rgen@example.org")["address"] \
        == "jürgen@example.org"


def test_hashes(ctl):
    sha = "$6$saltsalt$" + "x" * 86
    ctl.run("account", "add", "s@example.org", "--hash-stdin",
            stdin="{SHA512-CRYPT}%s\n" % sha)
    ctl.run("account", "add", "b@example.org", "--hash-stdin",
            stdin="{BLF-CRYPT}$2y$05$" + "a" * 53 + "\n")
    sentence = ctl.refused("account", "add", "c@example.org", "--hash-stdin",
                           stdin="{MD4}abcdef\n")
    assert "abcdef" not in sentence
    ctl.run("account", "password", "s@example.org", "--password-stdin",
            stdin="another secret\n")
    ctl.refused("account", "password", "s@example.org")


def test_secrets_are_nowhere(ctl):
    ctl.run("account", "add", "a@example.org", "--password-stdin",
            stdin="swordfish-in-clear\n")
    for root in (ctl.share, ctl.local):
        for d, _, files in os.walk(root):
            for f in files:
                p = os.path.join(d, f)
                if f == "ballast":              # random bytes
                    continue
                data = os.readlink(p).encode() if os.path.islink(p) else \
                    open(p, "rb").read()
                assert b"swordfish-in-clear" not in data, p
                assert b"$y$j" not in data, p


def test_batch(ctl, tmp_path):
    rows = ["address,secret,quota,name"]
    rows += ["u%03d@example.org,{SHA512-CRYPT}$6$salt$%s,%dM,\"User, %d\"" %
             (i, "y" * 86, i + 1, i) for i in range(230)]
    f = tmp_path / "accounts.csv"
    f.write_text("\r\n".join(rows))
    before = ctl.json("status")["state_entry"]
    assert "230" in ctl.run("account", "add", "--batch", str(f))
    assert ctl.json("status")["state_entry"] == before + 3   # 100 an entry
    listed = ctl.json("account", "list", "--domain", "example.org")
    assert len(listed) == 230
    assert listed[7]["name"] == "User, 7" and listed[7]["quota"] == 8 << 20
    assert len(ctl.json("account", "list", "--search", "u01")) == 10
    assert len(ctl.json("account", "list", "--max", "5")) == 5
    # a hundred are added or none
    f.write_text("n1@example.org,\nu000@example.org,\n")
    assert "u000@example.org" in ctl.refused("account", "add", "--batch",
                                             str(f))
    assert ctl.json("account", "list", "--search", "n1@") == []


def test_alias(ctl):
    ctl.run("account", "add", "a@example.org")
    ctl.run("alias", "add", "sales@example.org", "a@example.org",
            "b@elsewhere.example")
    ctl.run("alias", "add", "@example.org", "a@example.org")
    rows = ctl.json("alias", "list")
    assert {(r["address"], r["target"]) for r in rows} == {
        ("sales@example.org", "a@example.org"),
        ("sales@example.org", "b@elsewhere.example"),
        ("@example.org", "a@example.org")}
    ctl.refused("alias", "add", "a@example.org", "b@example.org")
    ctl.run("alias", "remove", "sales@example.org", "a@example.org")
    ctl.run("alias", "remove", "@example.org")
    assert len(ctl.json("alias", "list")) == 1


def test_settings(ctl):
    assert "account.quota" in [s["setting"] for s in
                               ctl.json("settings", "list")]
    ctl.run("settings", "set", "account.remove_grace", "7d")
    ctl.refused("settings", "set", "account.remove_grace", "soon")
    ctl.refused("settings", "set", "no.such", "1")


# --- mail

def test_import_export(ctl, tmp_path):
    ctl.run("account", "add", "a@example.org")
    names = [message(tmp_path / ("m%d.eml" % i), "number %d" % i,
                     "\r\n" if i % 2 else "\n") for i in range(5)]
    acks = imported(ctl.run("account", "import", "a@example.org", "--folder",
                            "Alte Post/2019", *names))
    assert [a[2] for a in acks] == list("12345")
    assert {a[0] for a in acks} == {"Alte Post/2019"}
    out = tmp_path / "out"
    rows = ctl.lines("account", "export", "a@example.org", str(out))
    assert [r["uid"] for r in rows] == [1, 2, 3, 4, 5]
    for r, name in zip(rows, names):
        want = open(name, "rb").read().replace(b"\r\n", b"\n")
        assert open(r["file"], "rb").read() == want.replace(b"\n", b"\r\n")
    # nothing is overwritten
    ctl.refused("account", "export", "a@example.org", str(out))


def test_import_refusals(ctl, tmp_path):
    ctl.run("account", "add", "a@example.org")
    good = message(tmp_path / "good.eml")
    (tmp_path / "empty.eml").write_text("")
    r = ctl.result("account", "import", "a@example.org", good,
                   str(tmp_path / "empty.eml"), good)
    assert r.returncode == 1 and len(imported(r.stdout)) == 1
    assert "empty" in r.stderr
    ctl.refused("account", "import", "a@example.org",
                str(tmp_path / "missing.eml"))
    ctl.refused("account", "import", "nobody@example.org", good)
    ctl.refused("account", "import", "a@example.org", "--folder", "../x", good)


def test_quota(ctl, tmp_path):
    ctl.run("account", "add", "a@example.org", "--quota", "1K")
    small = message(tmp_path / "s.eml")
    big = message(tmp_path / "b.eml", "x" * 1000)
    ctl.run("account", "import", "a@example.org", small)
    assert "quota" in ctl.refused("account", "import", "a@example.org", big)
    ctl.run("account", "quota", "a@example.org", "1M")
    ctl.run("account", "import", "a@example.org", big)


def test_check_finds_damage_and_rebuild_mends(ctl, tmp_path):
    ctl.run("account", "add", "a@example.org")
    for i in range(4):
        ctl.run("account", "import", "a@example.org",
                message(tmp_path / "m.eml", "number %d" % i))
    shown = ctl.json("account", "show", "a@example.org")
    home = os.path.join(ctl.share, "accounts", shown["id"][:2], shown["id"])
    assert ctl.json("account", "check", "a@example.org") == []
    # a folder for each month: it may just have ended
    lost = sorted(glob.glob(home + "/msg/*/*"))[0]
    os.rename(lost, tmp_path / "lost")
    r = ctl.result("account", "check", "a@example.org", as_json=True)
    assert r.returncode == 1
    assert [p["kind"] for p in json.loads(r.stdout)] == ["damaged"]
    # put back by hand: fine again
    os.rename(tmp_path / "lost", lost)
    assert ctl.json("account", "check", "a@example.org") == []
    # all entries gone: made again from the plain files
    for name in os.listdir(home + "/log"):
        os.unlink(home + "/log/" + name)
    assert ctl.result("account", "check", "a@example.org").returncode == 1
    got = ctl.json("account", "rebuild", "a@example.org", "--young")
    assert got["recovered"] == 4, got
    assert ctl.json("account", "show", "a@example.org")["messages"] == 4
    assert ctl.result("account", "check", "a@example.org").returncode == 0


def test_no_terminal_tricks(ctl):
    """What is stored does not move an administrator's cursor."""
    ctl.run("account", "add", "a@example.org", "--name", "x\x1b[2Jy")
    assert "\x1b" not in ctl.run("account", "list")


# --- over NFS

def test_two_machines(build, server, tmp_path):
    with Namespace("n1") as n1, Namespace("n2") as n2:
        a = Ctl(build, n1, tmp_path / "l1")
        b = Ctl(build, n2, tmp_path / "l2")
        a.run("share", "init", server.url())
        a.run("domain", "add", "example.org")
        code = a.run("node", "invite").strip()
        assert re.fullmatch(r"[A-Za-z0-9._-]+", code)
        b.refused("join", code[:-1] + ("0" if code[-1] != "0" else "1"))
        b.run("join", code)
        c = Ctl(build, n2, tmp_path / "l3")
        assert "used" in c.refused("join", code)
        # what one does the other sees at once
        a.run("account", "add", "x@example.org")
        acks = imported(b.run("account", "import", "x@example.org",
                              message(tmp_path / "m.eml")))
        assert acks[0][0] == "INBOX"
        assert a.json("account", "show", "x@example.org")["messages"] == 1
        b.run("alias", "add", "y@example.org", "x@example.org")
        assert len(a.json("alias", "list")) == 1
        assert a.json("share", "check")[0]["ok"]
        st = b.json("status")
        assert (st["domains"], st["accounts"], st["nodes"]) == (1, 1, 0)
        assert b.json("lock", "list") == [] and b.json("node", "list") == []


def test_server_away(build, server, tmp_path):
    """Nothing waits for ever, and the sentence says what is wrong."""
    with Namespace("n1") as n1:
        a = Ctl(build, n1, tmp_path / "l1")
        a.run("share", "init", server.url())
        server.kill()
        sentence = a.refused("--timeout", "3", "domain", "list")
        assert server.ns.address in sentence, sentence
        server.start()
        a.run("domain", "list")
