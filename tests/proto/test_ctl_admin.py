"""shoalctl: administrators, invitations, tokens; beside no node."""

import pytest

from rig.ctl import Ctl


@pytest.fixture
def ctl(build, tmp_path):
    c = Ctl(build, None, tmp_path / "local")
    (tmp_path / "share").mkdir()
    c.run("share", "init", str(tmp_path / "share"))
    c.run("domain", "add", "example.org", "--no-dkim")
    c.run("account", "add", "alice@example.org")
    return c


def admins(ctl):
    return {a["login"]: (a["role"], a["domain"], a["name"])
            for a in ctl.json("admin", "list")}


def test_admins(ctl):
    assert ctl.json("admin", "list") == []
    secret = {"stdin": "correct horse\n"}
    assert "--password-stdin" in ctl.refused("admin", "add", "root")
    ctl.refused("admin", "add", "root", "--password-stdin", stdin="short\n")
    ctl.run("admin", "add", "Root", "--name", "The Root", "--password-stdin",
            **secret)
    ctl.run("admin", "add", "eve", "--domain", "example.org",
            "--password-stdin", **secret)
    ctl.run("admin", "add", "Alice@example.org", "--role", "readonly")
    assert admins(ctl) == {
        "root": ("system", None, "The Root"),
        "eve": ("domain", "example.org", None),
        "alice@example.org": ("readonly", None, None)}
    assert "already" in ctl.refused("admin", "add", "root",
                                    "--password-stdin", **secret)
    for bad in (["bob@example.org"], ["x", "--role", "king"],
                ["x", "--role", "domain"], ["x", "--domain", "z.org"],
                ["x", "--role", "system", "--domain", "example.org"]):
        more = [] if "@" in bad[0] else ["--password-stdin"]
        ctl.refused("admin", "add", *bad, *more, **secret)
    assert "own password" in ctl.refused(
        "admin", "add", "alice@example.org", "--password-stdin", **secret)
    table = ctl.run("admin", "list")
    assert "correct" not in table and "The Root" in table


def test_changing(ctl):
    secret = {"stdin": "correct horse\n"}
    ctl.run("admin", "add", "root", "--password-stdin", **secret)
    ctl.run("admin", "add", "eve", "--role", "readonly", "--password-stdin",
            **secret)
    assert "last" in ctl.refused("admin", "remove", "root")
    assert "last" in ctl.refused("admin", "set", "root", "--role", "readonly")
    assert "--role" in ctl.refused("admin", "set", "eve")
    ctl.run("admin", "set", "eve", "--role", "domain", "--domain",
            "EXAMPLE.org", "--name", "Eve")
    assert admins(ctl)["eve"] == ("domain", "example.org", "Eve")
    ctl.run("admin", "set", "eve", "--name=", "--role", "system")
    assert admins(ctl)["eve"] == ("system", None, None)
    ctl.run("admin", "password", "eve", "--password-stdin",
            stdin="battery staple\n")
    ctl.refused("admin", "password", "eve")
    ctl.refused("admin", "password", "nobody", "--password-stdin", **secret)
    assert "account password" in ctl.refused(
        "admin", "password", "alice@example.org", "--password-stdin",
        **secret)
    ctl.run("admin", "sign-out", "eve")
    ctl.refused("admin", "sign-out", "nobody")
    assert "no second factor" in ctl.refused("admin", "totp-remove", "eve")
    ctl.refused("admin", "totp-remove", "nobody")
    ctl.run("admin", "remove", "eve")
    ctl.refused("admin", "remove", "eve")
    # who administrates as an account does so no longer than it is there
    ctl.run("admin", "add", "alice@example.org")
    ctl.run("account", "remove", "alice@example.org")
    assert list(admins(ctl)) == ["root"]
    ctl.run("account", "restore", "alice@example.org")
    assert list(admins(ctl)) == ["root"]


def test_invites(ctl):
    assert ctl.json("admin", "invite", "list") == []
    ctl.run("settings", "set", "client.host", "mail.example.org")
    url = ctl.run("admin", "invite").strip()
    base, code = url.split("#")
    assert base == "https://mail.example.org/invite"
    assert len(code) == 47 and code[20] == "-"
    inv = ctl.json("admin", "invite", "--domain", "example.org", "--login",
                   "Eve", "--expires", "12h", "--url",
                   "https://127.0.0.1:8443/")
    assert inv["url"] == "https://127.0.0.1:8443/invite#" + inv["code"]
    assert (inv["role"], inv["domain"], inv["login"]) == (
        "domain", "example.org", "eve")
    both = {i["id"]: i for i in ctl.json("admin", "invite", "list")}
    assert both.pop(inv["id"])["login"] == "eve"
    (first, ) = both.values()
    assert first["id"] == code[:20]
    assert first["role"] == "system" and first["domain"] is None
    assert first["by"] is None
    # the secret half is known to who has the link, and to nobody else
    assert code[21:] not in ctl.run("admin", "invite", "list")
    for bad in (["--expires", "0s"], ["--expires", "100d"],
                ["--expires", "soon"], ["--url", "http://x.org"],
                ["--url", "https://"], ["--login", "alice@example.org"],
                ["--domain", "z.org"], ["--role", "king"]):
        ctl.refused("admin", "invite", *bad)
    ctl.run("admin", "invite", "remove", first["id"])
    ctl.refused("admin", "invite", "remove", first["id"])
    assert [i["id"] for i in ctl.json("admin", "invite", "list")] == [
        inv["id"]]
    ctl.run("settings", "set", "client.host", "")
    assert ctl.run("admin", "invite").startswith("https://")


def test_tokens(ctl):
    secret = {"stdin": "correct horse\n"}
    args = ["--label", "nightly", "--scopes", "accounts:read queue:write"]
    ctl.refused("token", "add", "eve", *args)
    ctl.run("admin", "add", "root", "--password-stdin", **secret)
    ctl.run("admin", "add", "eve", "--domain", "example.org",
            "--password-stdin", **secret)
    text = ctl.run("token", "add", "eve", *args).strip()
    prefix, ident, code = text.split("_")
    assert prefix == "shoal" and len(ident) == 20 and len(code) == 26
    tok = ctl.json("token", "add", "Root", *args, "--expires", "90d")
    assert tok["token"].startswith("shoal_%s_" % tok["id"])
    assert tok["owner"] == "root" and tok["expires"]
    assert {(k["owner"], k["label"], k["scopes"], bool(k["expires"]))
            for k in ctl.json("token", "list")} == {
        ("eve", "nightly", "accounts:read queue:write", False),
        ("root", "nightly", "accounts:read queue:write", True)}
    assert [k["id"] for k in ctl.json("token", "list", "EVE")] == [ident]
    assert code not in ctl.run("token", "list")
    for bad in ([], ["--label", "x"], ["--scopes", "queue:read"],
                ["--label", "x", "--scopes", "queue:eat"],
                ["--label", "x", "--scopes", "mail:read"],
                args + ["--expires", "0s"], args + ["--expires", "long"]):
        ctl.refused("token", "add", "eve", *bad)
    ctl.run("token", "remove", tok["id"])
    ctl.refused("token", "remove", tok["id"])
    # with its owner
    ctl.run("admin", "remove", "eve")
    assert ctl.json("token", "list") == []


def test_audit(ctl):
    """Newest first, also what happened in one second."""
    ctl.run("account", "quota", "alice@example.org", "5M")
    ctl.run("admin", "add", "alice@example.org", "--role", "readonly")
    whole = ctl.json("audit", "list")
    rows = [r for r in whole if r["what"] != "srs.rotate"]
    assert len(whole) == len(rows) + 1
    assert [(r["what"], r["object"]) for r in rows] == [
        ("admin.add", "alice@example.org"),
        ("account.quota", "alice@example.org"),
        ("account.add", "alice@example.org"),
        ("domain.add", "example.org")]
    assert all(r["who"].startswith("ctl:") and r["at"] for r in rows)
    assert ctl.json("audit", "list", "--limit", "1") == rows[:1]
    assert ctl.json("audit", "list", "--limit", "9" * 12) == whole
    assert ctl.json("audit", "list", "--what", "account.") == rows[1:3]
    assert ctl.json("audit", "list", "--who", "admin:") == []
    assert ctl.json("audit", "list", "--object", "ALICE") == rows[:3]
    assert ctl.json("audit", "list", "--domain", "Example.ORG") == rows[1:]
    assert "account.quota" in ctl.run("audit", "list")
    ctl.refused("audit", "list", "--limit", "0")
    ctl.refused("audit", "list", "--domain", "x..y")
