"""The API: who sees and changes what (B71), and nobody becomes more than he
is; a new password ends sessions on every node (B72)."""

import time

import pytest

from rig.api import PASSWORD, Api
from rig.node import password_of
from test_api_session import dead_within

SHOAL = {"accounts": 20, "settings": {"auth.failure_delay": "0",
                                      "auth.failures_max": "1000"}}


@pytest.fixture(scope="module")
def root(cluster):
    """Of role system, with a second domain that has an account."""
    with Api(cluster["n1"]) as a:
        a.invite_and_sign_in("root")
        a.post("/domains", {"name": "example.net"})
        a.post("/accounts", {"address": "other@example.net",
                             "password": password_of("other")})
        yield a


@pytest.fixture
def signed_in(root, n1):
    """signed_in(address, role=None): an account, as an administrator of
    example.org if it has a role."""
    clients = []

    def make(address, role=None, domain="example.org", node=n1):
        if role:
            root.post("/admins", {"login": address, "role": role,
                                  "domain": domain})
        clients.append(Api(node))
        clients[-1].entry = root.entry
        clients[-1].sign_in(address, password_of(address))
        return clients[-1]
    yield make
    for c in clients:
        c.close()


def refused(api, method, path, body=None, status={403}):
    answer = api.call(method, path, body, status, match="*")
    assert answer.code in ("forbidden", "not_found"), str(answer)


def test_users_see_nothing_of_others(signed_in, cluster):
    mine, theirs = cluster.share.take(), cluster.share.take()
    api = signed_in(mine.address)
    assert api.get("/me")["login"] == mine.address
    for method, path, body in (
            ("GET", "/accounts", None),
            ("GET", "/accounts/" + theirs.address, None),
            ("GET", "/accounts/%s/folders" % theirs.address, None),
            ("PUT", "/accounts/%s/password" % theirs.address,
             {"password": PASSWORD}),
            ("DELETE", "/accounts/" + theirs.address, None),
            ("PATCH", "/accounts/" + mine.address, {"quota_bytes": 0}),
            ("GET", "/domains", None), ("GET", "/queue", None),
            ("GET", "/trace", None), ("GET", "/nodes", None),
            ("GET", "/settings", None), ("GET", "/audit", None),
            ("GET", "/overview", None), ("GET", "/share", None),
            ("POST", "/domains", {"name": "evil.example"}),
            ("PUT", "/settings/message.max_size", {"value": "1G"})):
        refused(api, method, path, body)
    # nothing of it happened
    with Api(cluster["n1"]) as other:
        other.sign_in(theirs.address, theirs.password)


def test_domains_are_apart(signed_in, cluster):
    account = cluster.share.take()
    api = signed_in(account.address, "domain")
    assert all(a["domain"] == "example.org" for a in api.all("/accounts"))
    assert [d["name"] for d in api.all("/domains")] == ["example.org"]
    for method, path, body in (
            ("GET", "/accounts/other@example.net", None),
            ("PATCH", "/accounts/other@example.net", {"name": "x"}),
            ("PUT", "/accounts/other@example.net/password",
             {"password": PASSWORD}),
            ("DELETE", "/accounts/other@example.net", None),
            ("POST", "/accounts", {"address": "new@example.net"}),
            ("POST", "/aliases", {"address": "new@example.net",
                                  "targets": ["u0@example.org"]}),
            ("GET", "/domains/example.net", None)):
        refused(api, method, path, body, {403, 404})
    # what is of another domain looks like what is not there
    there = api.get("/accounts/other@example.net", 404)
    absent = api.get("/accounts/nobody@example.net", 404)
    assert there.text == absent.text
    refused(api, "PATCH", "/domains/example.org", {"note": "x"})
    refused(api, "GET", "/nodes")
    api.post("/accounts", {"address": "made-by-domain@example.org"})


def test_nobody_makes_himself_more(signed_in, cluster, root):
    """Whose password one can set, one is."""
    boss, account, peer = (cluster.share.take() for _ in range(3))
    root.post("/admins", {"login": boss.address, "role": "system"})
    root.post("/admins", {"login": peer.address, "role": "domain",
                          "domain": "example.org"})
    api = signed_in(account.address, "domain")
    id_ = api.get("/accounts/" + boss.address)["id"]
    for name in (boss.address, boss.address.upper(), id_):
        for method, path, body in (
                ("PUT", "/password", {"password": PASSWORD}),
                ("DELETE", "/totp", None), ("POST", "/sign-out", None),
                ("POST", "/app-passwords", {"label": "x"}),
                ("PUT", "/forwarding", {"targets": ["a@example.org"],
                                        "keep": True}),
                ("DELETE", "", None), ("PATCH", "", {"status": "suspended"})):
            refused(api, method, "/accounts/%s%s" % (name, path), body)
    # his like he may
    api.call("PUT", "/accounts/%s/password" % peer.address,
             {"password": PASSWORD}, 204, match="*")
    # nor does a token, whose owner may
    token = root.post("/me/tokens", {"label": "x",
                                     "scopes": ["accounts:write"]})["token"]
    with Api(cluster["n1"], token=token) as program:
        program.entry = root.entry
        refused(program, "PUT", "/accounts/%s/password" % boss.address,
                {"password": PASSWORD})
        program.call("PUT", "/accounts/u19@example.org/password",
                     {"password": PASSWORD}, 204, match="*")
    with Api(cluster["n1"]) as other:
        assert other.sign_in(boss.address, boss.password)["role"] == "system"


def test_readers_change_nothing(signed_in, cluster):
    account = cluster.share.take()
    api = signed_in(account.address, "readonly", None)
    assert {d["name"] for d in api.all("/domains")} >= {"example.org",
                                                        "example.net"}
    api.get("/nodes")
    api.get("/settings")
    for method, path, body in (
            ("POST", "/domains", {"name": "evil.example"}),
            ("PATCH", "/domains/example.org", {"note": "x"}),
            ("POST", "/accounts", {"address": "new@example.org"}),
            ("PATCH", "/accounts/u0@example.org", {"name": "x"}),
            ("PUT", "/settings/message.max_size", {"value": "1G"}),
            ("POST", "/nodes/invites", None), ("GET", "/admins", None)):
        refused(api, method, path, body)


def test_b72_new_password(signed_in, cluster, n1, n2):
    """Other sessions are dead within five seconds on every node; the one that
    made it goes on, everywhere at once."""
    account = cluster.share.take()
    here = signed_in(account.address)
    with Api(n2) as there, Api(n1) as second:
        for other in (there, second):
            other.sign_in(account.address, account.password)
        here.call("PUT", "/me/password", {"current": "wrong",
                                          "new": PASSWORD}, {403})
        here.put("/me/password", {"current": account.password,
                                  "new": PASSWORD}, 204)
        began = time.monotonic()
        here.get("/session", 200)
        with here.another(n2) as moved:
            moved.get("/session", 200)
            # even where it is not said what was seen
            moved.entry = 0
            moved.get("/session", 200)
        for other in (there, second):
            dead_within(other, began + 5 - time.monotonic())
        second.sign_in(account.address, account.password, 401, "denied")
        second.sign_in(account.address, PASSWORD)
