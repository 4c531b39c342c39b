"""The API: accounts, what belongs to them, aliases and groups (B65, B67)."""

import itertools
import re
import time
from urllib.parse import quote

import pytest

from rig.api import Api, PASSWORD
from rig.imap import Imap
from rig.node import password_of
from rig.wait import most_of, wait_for
from smtp_common import mailbox

SHOAL = {"accounts": 20, "log_ok": ["refused"]}
NEW = "another long one"
NUMBER = itertools.count(1)


@pytest.fixture(scope="module")
def domains(cluster):
    cluster.ctl.run("domain", "add", "other.example")
    cluster.ctl.run("account", "add", "eve@other.example", "--password-stdin",
                    stdin=PASSWORD + "\n")


def login_of(request, before):
    return before + re.sub("[^a-z0-9_].*", "", request.node.name[5:30])


@pytest.fixture
def api(n1, domains, request):
    with Api(n1) as a:
        yield a.invite_and_sign_in(
            login=login_of(request, "root%d-" % next(NUMBER)))


@pytest.fixture
def other(n1, domains, request):
    """Who looks after example.org, and nothing else."""
    with Api(n1) as a:
        yield a.invite_and_sign_in(
            login=login_of(request, "org%d-" % next(NUMBER)),
            role="domain", domain="example.org")


@pytest.fixture
def me(n1, account, domains):
    with Api(n1) as a:
        a.sign_in(account.address, account.password)
        yield a


def logs_in(node, address, password):
    c = Imap(node.of("imap"))
    try:
        return c.cmd('LOGIN "%s" "%s"' % (address, password),
                     status=None).status == "OK"
    finally:
        c.close()


# --- accounts

def test_life_of_an_account(api, ctl):
    made = api.post("/accounts", {
        "address": "New.One@Example.ORG", "name": "Née One",
        "password": NEW, "quota_bytes": 1 << 20, "quota_messages": 7}, 201)
    assert made["address"] == "new.one@example.org" and made["id"]
    assert made["quota_messages"] == 7 and made["status"] == "active"
    assert made.headers["location"].endswith("/accounts/new.one@example.org")
    api.post("/accounts", {"address": "new.one@example.org"}, 409, "duplicate")
    shown = api.get("/accounts/NEW.one@example.org")
    assert shown.etag == made.etag
    assert shown["used_bytes"] == 0 and shown["folders"] == 6
    assert shown["last_login"] is None and shown["admin_role"] is None
    assert shown["forwarding"] == {"targets": [], "keep": True}
    assert api.get("/accounts/" + made["id"])["address"] == made["address"]

    api.patch("/accounts/new.one@example.org", {"name": "x"}, 428)
    changed = api.patch(shown, {"name": "New", "status": "suspended",
                                "quota_bytes": 0})
    assert changed["name"] == "New" and changed["status"] == "suspended"
    assert changed["quota_bytes"] == 0 and changed["quota_messages"] == 7
    assert changed.etag != shown.etag
    api.patch(shown, {"name": "Old"}, 412, "precondition_failed")
    assert api.post(changed.path[7:] + "/restore",
                    match=changed)["status"] == "active"

    now = api.get("/accounts/new.one@example.org")
    api.delete(now, status=204)
    api.get("/accounts/new.one@example.org", 404, "not_found")
    gone = api.get("/accounts/" + made["id"])
    assert gone["status"] == "removed" and gone["purge_after"]
    assert gone["used_bytes"] is None
    api.patch(gone, {"name": "x"}, 409, "conflict")
    assert made["id"] in [a["id"] for a in
                          api.all("/accounts?status=removed")]
    back = api.post("/accounts/%s/restore" % made["id"], match=gone)
    assert back["status"] == "active" and back["name"] == "New"
    api.delete("/accounts/new.one@example.org", match=back,
               query={"purge": True}, status=204)
    api.get("/accounts/" + made["id"], 404)
    assert "new.one@example.org" not in str(ctl.json("account", "list"))


def test_purge_of_a_removed_one(api):
    made = api.post("/accounts", {"address": "twice@example.org"}, 201)
    api.delete(made, status=204)
    gone = api.get("/accounts/" + made["id"])
    api.delete(gone, status=409)
    api.delete(gone, query={"purge": True}, status=204)
    api.get("/accounts/" + made["id"], 404)


@pytest.mark.parametrize("body,field", [
    ({"address": "no address"}, "/address"),
    ({"address": "@example.org"}, "/address"),
    ({"address": "short@example.org", "password": "short"}, "/password"),
    ({"address": "x@example.org", "quota_bytes": -1}, "/quota_bytes"),
    ({"address": "x@example.org", "nonsense": 1}, "/nonsense"),
    ({"name": "nobody"}, "/address"),
])
def test_refused_fields(api, body, field):
    assert api.post("/accounts", body, 422, "bad_field")["pointer"] == field


def test_lists(api):
    for n in range(5):
        api.post("/accounts", {"address": "list%d@example.org" % n,
                               "name": "Liszt" if n == 3 else ""}, 201)
    found = api.all("/accounts", search="LIST", limit=2)
    assert [a["address"] for a in found] == \
        ["list%d@example.org" % n for n in range(5)]
    assert [a["address"] for a in api.all("/accounts", search="liszt")] == \
        ["list3@example.org"]
    one = api.get("/accounts/list1@example.org")
    api.patch(one, {"status": "suspended"})
    for status, n in (("suspended", 1), ("active", 4), ("removed", 0)):
        assert len(api.all("/accounts?status=" + status,
                           search="list")) == n, status
    page = api.get("/accounts", usage=True, limit=50, domain="example.org")
    assert all(a["used_bytes"] is not None for a in page.items)
    api.get("/accounts", 422, usage=True, limit=51)
    # pages are smaller where nothing else was said
    for i in range(51):
        api.post("/accounts", {"address": "page%02d@other.example" % i}, 201)
    query = {"domain": "other.example", "search": "page"}
    page = api.get("/accounts", usage=True, **query)
    assert len(page.items) == 50 and page["next"]
    assert all("used_bytes" in a for a in page.items)
    rest = api.get("/accounts", usage=True, cursor=page["next"], **query)
    assert len(rest.items) == 1 and rest["next"] is None
    assert len(api.get("/accounts", **query).items) == 51
    assert api.all("/accounts", domain="other.example")[0]["address"] == \
        "eve@other.example"


# --- who looks after one domain (B65)

def test_another_domains_things_are_not_there(api, other):
    eve = api.get("/accounts/eve@other.example")
    api.post("/aliases", {"address": "al@other.example",
                          "targets": ["eve@other.example"]}, 201)
    api.post("/groups", {"address": "g@other.example"}, 201)
    assert {a["domain"] for a in other.all("/accounts")} == {"example.org"}
    assert other.all("/accounts", search="eve") == []
    other.get("/accounts", 404, domain="other.example")
    for name in ("eve@other.example", eve["id"]):
        path = "/accounts/" + name
        other.get(path, 404)
        other.patch(path, {"name": "mine"}, 404, match="*")
        other.delete(path, status=404, match="*")
        other.put(path + "/password", {"password": NEW}, 404, match="*")
        other.post(path + "/app-passwords", {"label": "mine"}, 404)
        other.get(path + "/app-passwords", 404)
        other.get(path + "/folders", 404)
        other.put(path + "/forwarding", {"targets": ["a@example.org"]}, 404,
                  match="*")
        other.post(path + "/test-message", status=404)
        other.post(path + "/sign-out", status=404, match="*")
    for path in ("/aliases/al@other.example", "/groups/g@other.example"):
        other.get(path, 404)
        other.delete(path, status=404, match="*")
    assert other.all("/aliases", search="al@other") == []
    other.post("/accounts", {"address": "new@other.example"}, 404)
    other.post("/aliases", {"address": "new@other.example",
                            "targets": ["u1@example.org"]}, 404)
    other.post("/groups", {"address": "new@other.example"}, 404)
    assert api.get("/accounts/eve@other.example").etag == eve.etag
    # spelled otherwise it is the same
    for name in ("EVE@Other.Example", "eve@other.example.",
                 "eve@OTHER.example", "eve@\uff4fther.example",
                 "eve@xn--other.example", "@other.example",
                 '"eve"@other.example', "eve@other.example@example.org"):
        answer = other.call("GET", "/accounts/" + quote(name, safe=""),
                            status={404})
        assert answer.code == "not_found", name
        other.call("DELETE", "/aliases/" + quote(name, safe=""),
                   status={404}, match="*")


def test_who_names_an_account_from_elsewhere(api, other):
    """How another domain's aliases and groups are called is its business."""
    for address in ("in@other.example", "in@example.org"):
        api.post("/aliases", {"address": address,
                              "targets": ["u7@example.org"]}, 201)
    api.post("/groups", {"address": "all@other.example",
                         "members": ["u7@example.org"]}, 201)
    shown = other.get("/accounts/u7@example.org")
    assert shown["aliases"] == ["in@example.org"] and shown["groups"] == []
    shown = api.get("/accounts/u7@example.org")
    assert shown["aliases"] == ["in@example.org", "in@other.example"]
    assert shown["groups"] == ["all@other.example"]


def test_administrators_accounts(api, other, n1):
    """By his own account nobody gets more than he has: neither as his
    domain's administrator, nor with a token of it."""
    for name, role, domain in (("boss", "system", None),
                               ("peer", "domain", "example.org"),
                               ("elsewhere", "domain", "other.example")):
        address = name + "@example.org"
        api.post("/accounts", {"address": address, "password": PASSWORD}, 201)
        api.post("/admins", {"login": address, "role": role,
                             "domain": domain}, 201)

    def change(who, address, status):
        path = "/accounts/" + address
        who.entry = max(who.entry, api.entry)
        for method, more, body in (
                ("PUT", "/password", {"password": NEW}),
                ("DELETE", "/totp", None)):
            who.call(method, path + more, body, status, match="*")
        return path

    for name in ("boss", "elsewhere"):
        path = change(other, name + "@example.org", 403)
        other.post(path + "/app-passwords", {"label": "x"}, 403)
        other.put(path + "/forwarding", {"targets": ["u1@example.org"]}, 403,
                  match="*")
        other.patch(path, {"status": "suspended"}, 403, match="*")
        other.delete(path, status=403, match="*")
    change(other, "peer@example.org", 204)

    with Api(n1) as peer:
        peer.sign_in("peer@example.org", NEW)
        # his own: with his password only
        change(peer, "peer@example.org", 403)
        made = peer.post("/me/tokens", {"label": "x",
                                        "scopes": ["accounts:write"]})
        with Api(n1, token=made["token"]) as program:
            program.entry = peer.entry
            change(program, "peer@example.org", 403)
            program.post("/accounts/peer@example.org/app-passwords",
                         {"label": "x"}, 403)
            change(program, "u9@example.org", 204)
    # a token of the whole, too, needs to be for administrators
    made = api.post("/me/tokens", {"label": "x",
                                   "scopes": ["accounts:write"]})
    with Api(n1, token=made["token"]) as program:
        change(program, "boss@example.org", 403)


def test_pages_of_many_targets_are_short(api):
    """And all of them come."""
    members = ["m%03d@elsewhere.example" % i for i in range(1000)]
    for i in range(23):
        api.post("/groups", {"address": "big%02d@example.org" % i,
                             "members": members}, 201)
    page = api.get("/groups", search="big", limit=1000)
    assert 19 <= len(page.items) < 23 and page["next"]
    assert [g["address"] for g in api.all("/groups", search="big")] == \
        ["big%02d@example.org" % i for i in range(23)]


def test_a_domains_own_things(other):
    made = other.post("/accounts", {"address": "own@example.org"}, 201)
    other.patch(made, {"name": "Own"})
    other.post("/accounts/own@example.org/identities",
               {"address": "eve@other.example"}, 422, "bad_field")
    other.post("/accounts/own@example.org/identities",
               {"address": "desk@example.org"}, 201)
    shown = other.get("/accounts/own@example.org")
    assert shown["identities"] == ["desk@example.org"]
    path = "/accounts/own@example.org/identities/desk@example.org"
    other.delete(path, match=made, status=412)
    other.delete(path, match=shown, status=204)
    other.delete(other.get("/accounts/own@example.org"), status=204)


def test_users_look_after_themselves_only(me):
    me.get("/accounts", 403, "forbidden")
    me.get("/accounts/u0@example.org", 403, "forbidden")
    me.post("/aliases", {"address": "a@example.org",
                         "targets": ["b@example.org"]}, 403, "forbidden")


# --- passwords

def test_passwords(api, n1, account):
    path = "/accounts/" + account.address
    api.put(path + "/password", {"password": NEW}, 428)
    assert api.put(path + "/password", {"password": "short"}, 422,
                   match="*")["pointer"] == "/password"
    api.put(path + "/password", {"password": NEW}, 204, match="*")
    wait_for("the new password", lambda:
             logs_in(n1, account.address, NEW), 30)
    wait_for("the old one's end", lambda: not logs_in(
        n1, account.address, password_of(account.address)), 30)

    made = api.post(path + "/app-passwords", {"label": "phone"}, 201)
    assert len(made["password"]) == 19 and made["expires"] is None
    wait_for("the application password", lambda:
             logs_in(n1, account.address, made["password"]), 30)
    listed = api.all(path + "/app-passwords")
    assert [p["label"] for p in listed] == ["phone"]
    assert "password" not in listed[0]
    assert api.post(path + "/app-passwords",
                    {"label": "x", "expires": "2001-01-01T00:00:00Z"}, 422)[
                        "pointer"] == "/expires"
    api.delete(path + "/app-passwords/" + made["id"], status=428)
    # a page behind one that is gone is no end of the list
    api.post(path + "/app-passwords", {"label": "tablet"}, 201)
    page = api.get(path + "/app-passwords", limit=1)
    assert page["next"] is not None
    api.delete(path + "/app-passwords/" + page.items[0]["id"], match="*",
               status=204)
    api.get(path + "/app-passwords", 400, "bad_query", limit=1,
            cursor=page["next"])
    for p in api.all(path + "/app-passwords"):
        api.delete(path + "/app-passwords/" + p["id"], match="*", status=204)
    wait_for("its end", lambda:
             not logs_in(n1, account.address, made["password"]), 30)
    api.put(path + "/password", {"password": None}, 204, match="*")
    assert api.get(path)["password_changed"] is None
    wait_for("its end", lambda: not logs_in(n1, account.address, NEW), 30)


def test_sign_out_by_an_administrator(api, me, account):
    me.get("/me")
    api.post("/accounts/%s/sign-out" % account.address, match="*", status=204)
    me.entry = api.entry
    me.get("/me", 401, "unauthenticated")


# --- oneself

def test_me(me, n1, account):
    assert logs_in(n1, account.address, account.password)

    def noted():
        return me.get("/me")["account"]["last_login"]
    wait_for("the login is noted", noted, 30)
    said = me.get("/me")
    assert said["account"]["address"] == account.address
    assert said["account"]["messages"] == 0 and said["role"] == "user"
    assert noted()["protocol"] in ("imap", "console")
    assert noted()["ip"] == "127.0.0.1"
    names = [f["name"] for f in me.all("/me/folders", limit=2)]
    assert names == sorted(names) and "INBOX" in names and len(names) == 6
    assert {f["use"] for f in me.all("/me/folders")} == \
        {None, "drafts", "sent", "junk", "trash", "archive"}


def test_my_password(me, n1, account):
    with Api(n1) as elsewhere:
        elsewhere.sign_in(account.address, account.password)
        me.put("/me/password", {"current": "wrong wrong", "new": NEW}, 403,
               "denied")
        me.put("/me/password", {"current": account.password, "new": "short"},
               422, "bad_field")
        me.put("/me/password", {"current": account.password, "new": NEW}, 204)
        elsewhere.entry = me.entry
        elsewhere.get("/me", 401)
        me.get("/session")      # this one goes on, as a new session
        me.put("/me/forwarding", {"targets": []}, match="*")
    with Api(n1) as again:
        again.entry = me.entry
        again.sign_in(account.address, account.password, 401)
        again.sign_in(account.address, NEW)


def test_my_app_passwords(me, n1, account):
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    made = me.post("/me/app-passwords", {"label": "laptop", "expires": soon},
                   201)
    assert made["expires"] == soon
    wait_for("it works", lambda:
             logs_in(n1, account.address, made["password"]), 30)
    me.post("/me/app-passwords", {"label": ""}, 422)
    assert [p["id"] for p in me.all("/me/app-passwords")] == [made["id"]]
    me.delete("/me/app-passwords/" + made["id"], status=204)
    me.delete("/me/app-passwords/" + made["id"], status=404)
    # it is for programs: the console does not take it
    with Api(n1) as a:
        a.sign_in(account.address, made["password"], 401, "denied")


def test_my_forwarding(me, ctl, n1, account, deliver, cluster):
    to = cluster.share.take()
    seen = me.get("/me/forwarding")
    me.put("/me/forwarding", {"targets": [str(to)]}, 428)
    done = me.put("/me/forwarding", {"targets": [str(to)], "keep": False},
                  match=seen)
    assert done.json == {"targets": [to.address], "keep": False}
    me.put("/me/forwarding", {"targets": []}, 412, match=seen)
    assert me.put("/me/forwarding", {"targets": [account.address]}, 422,
                  match=done)["pointer"] == "/targets"

    def arrives():
        deliver("Subject: on\n\nx\n", account.address)
        return mailbox(ctl, to)
    wait_for("what is forwarded", arrives, 30)
    done = me.put("/me/forwarding", {"targets": []}, match=done)
    assert done.json == {"targets": [], "keep": True}


def test_an_administrator_without_an_account(api):
    said = api.get("/me")
    assert said["account"] is None and said["role"] == "system"
    for path in ("/me/forwarding", "/me/folders", "/me/app-passwords"):
        api.get(path, 404, "not_found")
    api.put("/me/password", {"current": PASSWORD, "new": "short"}, 422)
    api.put("/me/password", {"current": PASSWORD, "new": NEW}, 204)
    api.get("/session")
    api.sign_out()
    api.sign_in(said["login"], PASSWORD, 401)
    api.sign_in(said["login"], NEW)


# --- aliases, groups

def test_aliases(api, ctl):
    made = api.post("/aliases", {"address": "Info@example.org",
                                 "targets": ["U1@example.org"]}, 201)
    assert made.json["targets"] == ["u1@example.org"]
    assert made["domain"] == "example.org"
    for targets, status in (([], 422), (["nonsense"], 422),
                            (["info@example.org"], 422)):
        assert api.patch(made, {"targets": targets}, status)["pointer"] == \
            "/targets"
    changed = api.patch(made, {"targets": ["u2@example.org", "x@y.example"]})
    assert changed["targets"] == ["u2@example.org", "x@y.example"]
    api.patch(made, {"targets": ["u3@example.org"]}, 412)
    assert api.get("/accounts/u2@example.org")["aliases"] == \
        ["info@example.org"]
    assert [a["address"] for a in api.all("/aliases", search="nfo")] == \
        ["info@example.org"]
    api.post("/aliases", {"address": "info@example.org",
                          "targets": ["u1@example.org"]}, 409, "duplicate")
    api.post("/accounts", {"address": "info@example.org"}, 409, "duplicate")
    catch = api.post("/aliases", {"address": "@example.org",
                                  "targets": ["u1@example.org"]}, 201)
    assert api.get("/aliases/@example.org").etag == catch.etag
    api.delete(catch, status=204)
    api.get("/groups/info@example.org", 404)
    api.delete(changed, status=204)
    api.get("/aliases/info@example.org", 404)


def test_groups(api):
    made = api.post("/groups", {"address": "team@example.org",
                                "name": "The team",
                                "members": ["u1@example.org"]}, 201)
    assert made["posters"] == "anyone"
    changed = api.patch(made, {"posters": "members",
                               "members": ["u2@example.org",
                                           "u3@example.org"]})
    assert changed["name"] == "The team" and len(changed["members"]) == 2
    assert api.get("/accounts/u3@example.org")["groups"] == \
        ["team@example.org"]
    api.patch(changed, {"posters": "everybody"}, 422)
    emptied = api.patch(changed, {"members": []})
    assert emptied["members"] == [] and emptied["posters"] == "members"
    api.get("/aliases/team@example.org", 404)
    api.delete(changed, status=412)
    api.delete(emptied, status=204)


# --- mail

def test_test_message(api, ctl, account):
    said = api.post("/accounts/%s/test-message" % account.address, status=202)
    message = mailbox(ctl, account)[0].decode()
    assert "From: <postmaster@example.org>\r\n" in message
    assert "To: <%s>\r\n" % account.address in message
    assert said["id"] in message

    def traced():
        return '"deliver"' in ctl.result("trace", said["id"],
                                         as_json=True).stdout
    wait_for("its trace", traced, 30)


def test_test_messages_are_not_many(api, other, account):
    """Of one administrator; whatever he is."""
    path = "/accounts/%s/test-message" % account.address
    other.post("/accounts/nobody@example.org/test-message", status=404)
    began, n = time.monotonic(), 0
    while True:
        answer = other.post(path, status={202, 429})
        if answer.status == 429:
            break
        n += 1
        assert n <= most_of(20, began)
    assert n >= 20 and answer.code == "throttled"
    assert 0 < int(answer.headers["retry-after"]) <= 60
    api.post(path, status=202)
    # whoever may not gets to know no more than that
    other.post("/accounts/eve@other.example/test-message", status=404)
