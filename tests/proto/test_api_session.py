"""The API: who one is, sessions, cookies, CSRF, hosts (B61-B66, B71, B72)."""

import base64
import json
import time

import pytest

from rig.api import PASSWORD, Api, invite
from rig.totp import code_of
from rig.wait import most_of, quickest, wait_for

SHOAL = {
    "accounts": 30,
    # these tests are strangers often, and fail on purpose
    "settings": {"auth.failure_delay": "0", "auth.failures_max": "1000"},
}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def api(n1):
    with Api(n1) as a:
        yield a


@pytest.fixture
def root(api, request):
    """Signed in as an administrator of the whole."""
    name = "root-" + request.node.name.replace("[", "-").rstrip("]")[-40:]
    return api.invite_and_sign_in(name.replace("_", "-"))


def dead_within(api, seconds=5):
    """B72: the session ends, on whatever node, so soon."""
    wait_for("the session's end", lambda: api.call(
        "GET", "/session", status={200, 401}).status == 401, seconds, 0.1)


# --- signing in and out

def test_account_signs_in_and_out(api, account):
    api.get("/session", 401, "unauthenticated")
    said = api.sign_in(account.address.upper(), account.password)
    assert said["login"] == said["address"] == account.address
    assert said["role"] == "user" and said["domain"] is None
    assert said["areas"] == ["me:read", "me:write"]
    again = api.get("/session")
    assert again["csrf"] == said["csrf"] and again["node"] == "n1"
    old = dict(api.cookies)
    api.sign_out()
    api.cookies = old
    api.get("/session", 401, "unauthenticated")


def test_wrong_ones_look_alike(api, account):
    answers = set()
    for login, password in ((account.address, "wrong"),
                            ("nobody@example.org", "wrong"),
                            ("nobody@example.net", "wrong"),
                            ("nobody", "wrong"), ("", "wrong"),
                            ("@", "wrong"), ("x" * 500, "wrong")):
        a = api.sign_in(login, password, 401, "denied")
        answers.add(a.text)
        assert "set-cookie" not in a.headers
    assert len(answers) == 1


def test_suspended(api, account, cluster):
    """Neither does a session that is there go on."""
    api.sign_in(account.address, account.password)
    cluster.ctl.run("account", "suspend", account.address)
    dead_within(api)
    api.sign_in(account.address, account.password, 401, "denied")


def test_application_passwords_are_for_programs(api, account, cluster):
    said = cluster.ctl.run("app-password", "add", account.address, "phone")
    password = said.split()[-1]
    api.sign_in(account.address, password, 401, "denied")
    api.sign_in(account.address, account.password)


def test_one_line_of_the_log(api, account, n1):
    api.sign_in(account.address, account.password)
    line = n1.wait_log(event="login", login=account.address)
    assert line["protocol"] == "console"
    with open(n1.log_file) as f:
        text = f.read()
    assert account.password not in text
    assert api.cookies["__Host-shoal"] not in text


# --- cookies

def test_b64_cookie(api, account):
    api.sign_in(account.address, account.password)
    parts = [p.strip() for p in api.last_set_cookie.split(";")]
    assert parts[0].startswith("__Host-shoal=")
    assert set(parts[1:]) == {"Path=/", "Secure", "HttpOnly",
                              "SameSite=Strict"}


def test_b63_always_a_new_id(api, account):
    """Also for who comes with a cookie."""
    seen = set()
    for _ in range(3):
        api.sign_in(account.address, account.password)
        seen.add((api.cookies["__Host-shoal"], api.csrf))
    assert len(seen) == 3
    # one that an attacker has set is not kept
    api.cookies["__Host-shoal"] = "fixed"
    api.sign_in(account.address, account.password)
    assert api.cookies["__Host-shoal"] != "fixed"


def test_a_page_left_alone_is_no_use(api, account, cluster):
    """Who asks by himself, with nobody before him, keeps no session alive."""
    cluster.ctl.run("settings", "set", "console.session_idle", "1m")
    try:
        until = time.monotonic() + 30
        while True:
            first = api.sign_in(account.address, account.password)
            if api.idle_ends(first) < 300:
                break
            assert time.monotonic() < until, "the setting does not come"
            time.sleep(0.1)
    finally:
        cluster.ctl.run("settings", "set", "console.session_idle", "")
    until = time.monotonic() + 30
    cookie = api.cookies["__Host-shoal"]
    # what would be a use by now is told from what is not by the header alone
    while True:
        alone = api.call("GET", "/session",
                         headers={"Shoal-Unattended": "1"})
        assert "set-cookie" not in alone.headers
        assert api.cookies["__Host-shoal"] == cookie
        if "set-cookie" in api.get("/session").headers:
            break
        assert time.monotonic() < until, "the cookie is not made anew"
        time.sleep(0.1)
    assert api.cookies["__Host-shoal"] != cookie


def test_tampered_cookies(api, account):
    api.sign_in(account.address, account.password)
    good = api.cookies["__Host-shoal"]
    raw = bytearray(base64.urlsafe_b64decode(good + "=" * (-len(good) % 4)))
    tried = ["", "x", good[:-1], good + "A", good + "=", good[1:],
             good.upper(), good * 4]
    for i in range(0, len(raw), 3):
        other = bytearray(raw)
        other[i] ^= 1
        tried.append(base64.urlsafe_b64encode(bytes(other))
                     .decode().rstrip("="))
    for text in tried:
        api.cookies["__Host-shoal"] = text
        api.get("/session", 401, "unauthenticated")
    api.cookies["__Host-shoal"] = good
    api.get("/session")


def test_answers_show_nothing_elsewhere(api, account):
    api.sign_in(account.address, account.password)
    for answer in (api.get("/session"), api.get("/nothing", 404)):
        h = answer.headers
        assert h["cache-control"] == "no-store"
        assert "default-src 'none'" in h["content-security-policy"]
        assert "frame-ancestors 'none'" in h["content-security-policy"]
        assert h["x-content-type-options"] == "nosniff"
        assert h["x-frame-options"] == "DENY"
        assert h["referrer-policy"] == "no-referrer"
        assert h["cross-origin-resource-policy"] == "same-origin"
        assert not [k for k in h if k.startswith("access-control-")]
    preflight = api.raw("OPTIONS", "/api/v1/session", headers={
        "Origin": "https://evil.example.net",
        "Access-Control-Request-Method": "POST"})
    assert preflight.status == 204
    assert not [k for k in preflight.headers
                if k.startswith("access-control-")]


# --- B62: forged requests

def ask(api, method="POST", path="/api/v1/session/end-all", body=b"",
        **headers):
    said = {"Cookie": "__Host-shoal=" + api.cookies["__Host-shoal"],
            "X-CSRF-Token": api.csrf, "Origin": "https://" + api.host}
    said.update({k.replace("_", "-"): v for k, v in headers.items()})
    return api.raw(method, path, body,
                   {k: v for k, v in said.items() if v is not None})


def test_b62_forged(api, account, n1):
    api.sign_in(account.address, account.password)
    with Api(n1) as other:
        other.sign_in(account.address, account.password)
        for headers in ({"X_CSRF_Token": None}, {"X_CSRF_Token": ""},
                        {"X_CSRF_Token": other.csrf},
                        {"X_CSRF_Token": api.csrf[:-1]},
                        {"Origin": "https://evil.example.net"},
                        {"Origin": "http://" + api.host},
                        {"Origin": "https://" + api.host + ".evil.net"},
                        {"Origin": "null"},
                        {"Sec_Fetch_Site": "cross-site"},
                        {"Sec_Fetch_Site": "same-site"}):
            answer = ask(api, **headers)
            assert answer.status == 403 and answer.code == "csrf", headers
            # nothing happened
            api.get("/session")
    # a form of another site signs nobody in either
    answer = ask(api, path="/api/v1/session", Cookie=None,
                 Origin="https://evil.example.net", body=json.dumps({
                     "login": account.address,
                     "password": account.password}).encode(), **JSON)
    assert answer.status == 403 and answer.code == "csrf"
    answer = ask(api, path="/api/v1/session", Cookie=None,
                 Content_Type="application/x-www-form-urlencoded",
                 body=b"login=a&password=b")
    assert answer.status == 415
    assert ask(api, Origin=None).status == 204
    api.get("/session", 401)


# --- B61, B66, what is malformed

def test_b61_bodies(api):
    def post(text):
        return api.raw("POST", "/api/v1/session", text, JSON)
    for text in (b"[" * 1000 + b"]" * 1000, b'{"login":"a","login":"b"}',
                 b'{"login":"\\ud800"}', b'{"login":1e999}', b"{", b"\xff",
                 b'{"login":"\\u0000","password":""}'):
        answer = post(text)
        assert (answer.status, answer.code) == (400, "bad_json"), text
    for text, pointer in ((b"{}", "/login"), (b'{"login":1}', "/login"),
                          (b'{"login":"a","password":"b","x":1}', "/x"),
                          (b'{"login":"a\\r\\nb","password":""}', "/login")):
        answer = post(text)
        assert (answer.status, answer.code) == (422, "bad_field"), text
        assert answer["pointer"] == pointer
    # more than is taken is not even read
    answer = api.raw("POST", "/api/v1/session", None, {
        **JSON, "Content-Length": str(10 << 20)})
    assert (answer.status, answer.code) == (413, "too_large")


def test_b66_hosts(api, account):
    for host in ("evil.example.net", "", "localhost.evil.example.net",
                 "127.0.0.1.example.net"):
        assert api.raw("GET", "/api/v1/session",
                       headers={"Host": host}).status == 421, host
    for host in ("n1.example.org", "example.org:8443", "localhost:8443",
                 "127.0.0.1", "[::1]:8443"):
        assert api.raw("GET", "/api/v1/session",
                       headers={"Host": host}).status == 401, host


def test_console_hosts(api, cluster):
    cluster.ctl.run("settings", "set", "console.hosts",
                    "console.example.net 192.0.2.7")
    wait_for("the setting", lambda: api.raw("GET", "/api/v1/session", headers={
        "Host": "Console.example.net"}).status == 401)
    assert api.raw("GET", "/api/v1/session",
                   headers={"Host": "192.0.2.7:443"}).status == 401
    assert api.raw("GET", "/api/v1/session",
                   headers={"Host": "192.0.2.8"}).status == 421


def test_paths(api, root):
    for path in ("/api/v1", "/api/v1/", "/api/v1/nothing",
                 "/api/v1/../v1/session", "/api/v1/%2e%2e/session",
                 "/api/v1/session%00", "/api/v1//session"):
        assert api.raw("GET", path).status in (400, 404), path
    answer = api.raw("PUT", "/api/v1/session")
    assert answer.status == 405 and answer.code == "method"
    assert set(answer.headers["allow"].split(", ")) == {
        "GET", "POST", "DELETE"}
    head = ask(root, "HEAD", "/api/v1/session", body=None)
    assert head.status == 200 and not head.body


CRLF = "a\r\nBcc: everybody@example.org"


LINE_ENDS = (
    ("POST", "/domains", {"name": CRLF}, "/name"),
    ("POST", "/domains", {"name": "b73.example", "note": CRLF}, "/note"),
    ("POST", "/accounts", {"address": CRLF + "@example.org"}, "/address"),
    ("POST", "/accounts", {"address": "b73@example.org", "name": CRLF},
     "/name"),
    ("POST", "/aliases", {"address": "b73@example.org", "targets": [CRLF]},
     "/targets/0"),
    ("POST", "/groups", {"address": "b73@example.org", "name": CRLF,
                         "members": ["x@example.org"]}, "/name"),
    ("POST", "/routes", {"pattern": "b73.example", "hosts": CRLF}, "/hosts"),
    ("PUT", "/settings/domain.spf", {"value": CRLF}, "/value"),
    ("PUT", "/settings/client.host", {"value": CRLF}, "/value"),
    ("POST", "/invites", {"role": "system", "login": CRLF}, "/login"),
    ("POST", "/me/tokens", {"label": CRLF, "scopes": ["queue:read"]},
     "/label"),
    ("POST", "/queue/orders", {"order": "hold", "ids": [CRLF]}, "/ids/0"),
)


def test_b73_line_ends(root):
    """What becomes a header field, a record or a line of a log has none."""
    for method, path, body, pointer in LINE_ENDS:
        answer = root.call(method, path, body, status=422, code="bad_field",
                           match="*" if method == "PUT" else None)
        assert answer["pointer"] == pointer, path
    for made in ("/accounts/b73@example.org", "/domains/b73.example",
                 "/aliases/b73@example.org", "/groups/b73@example.org"):
        root.get(made, 404)


# --- administrators

def test_invitation(api, cluster, n1):
    code = invite(cluster.ctl, role="domain", domain="example.org")
    said = api.post("/invites/check", {"code": code}, 200)
    assert said["role"] == "domain" and said["domain"] == "example.org"
    wrong = code[:-1] + ("a" if code[-1] != "a" else "b")
    for text in (wrong, "x", ""):
        api.post("/invites/check", {"code": text}, 404, "not_found")
    take = {"code": code, "login": "eve", "name": "Eve", "password": PASSWORD}
    for change, pointer in (({"password": "short"}, "/password"),
                            ({"login": "eve@example.org"}, "/login"),
                            ({"login": "e v e"}, "/login")):
        answer = api.post("/invites/accept", {**take, **change}, 422)
        assert answer["pointer"] == pointer
    session = api.post("/invites/accept", take, 201)
    assert session["role"] == "domain" and session["address"] is None
    assert "accounts:write" in session["areas"]
    assert "domains:write" not in session["areas"]
    # once
    with Api(n1) as other:
        other.post("/invites/accept", {**take, "login": "mallory"}, 404)
        other.sign_in("eve", "wrong", 401, "denied")
        assert other.sign_in("EVE", PASSWORD)["login"] == "eve"
    # who came by which way
    n1.wait_log(event="login", login="eve", by="invitation")
    assert code not in open(n1.log_file).read()


def test_administrators(root, n1, account):
    made = root.post("/invites", {"role": "readonly", "expires_in": 3600})
    assert made["url"].startswith("https://%s/invite#" % root.host)
    assert made["url"].endswith("#" + made["code"])
    assert made["by"] == root.session["login"]
    assert made["id"] in [i["id"] for i in root.all("/invites")]
    assert "code" not in root.all("/invites")[0]
    with Api(n1) as other:
        other.post("/invites/accept", {
            "code": made["code"], "login": "looker", "password": PASSWORD})
        # B71: who looks changes nothing, and sees no administrators
        other.post("/invites", {"role": "system"}, 403, "forbidden")
        other.get("/admins", 403, "forbidden")
        looker = root.get("/admins/looker")
        root.call("PATCH", "/admins/looker", {"name": "x"}, 428,
                  "precondition_required")
        root.call("PATCH", "/admins/looker", {"name": "x"}, 412,
                  "precondition_failed", match='"0123456789abcdef"')
        looker = root.patch(looker, {"name": "Looker"})
        assert looker["name"] == "Looker" and looker.etag
        other.get("/session")
        root.patch(looker, {"role": "system"})
        dead_within(other)
        other.sign_in("looker", PASSWORD)
        assert other.get("/admins").items
        # an invitation does not outlive who made it
        theirs = other.post("/invites", {"role": "system"})
        assert theirs["by"] == "looker"
        root.entry = other.entry
        root.post("/invites/check", {"code": theirs["code"]}, 200)
        root.delete(root.get("/admins/looker"))
        root.post("/invites/check", {"code": theirs["code"]}, 404)
        dead_within(other)
        other.sign_in("looker", PASSWORD, 401, "denied")
    root.get("/admins/looker", 404, "not_found")
    root.delete("/invites/" + made["id"], status=404)
    withdrawn = root.post("/invites", {"role": "system"})
    root.delete("/invites/" + withdrawn["id"])
    root.post("/invites/check", {"code": withdrawn["code"]}, 404)
    # pages
    first = root.get("/admins", limit=1)
    assert len(first.items) == 1 and len(root.all("/admins", limit=1)) == \
        len(root.get("/admins").items)


def test_account_as_administrator(root, n1, account):
    answer = root.post("/admins", {"login": account.address,
                                   "role": "domain",
                                   "domain": "example.org"})
    assert answer.headers["location"].endswith("/admins/" + account.address)
    root.post("/admins", {"login": account.address, "role": "system"}, 409)
    root.post("/admins", {"login": "somebody", "role": "system"}, 422)
    root.post("/admins", {"login": "nobody@example.org", "role": "system"},
              404)
    with Api(n1) as other:
        said = other.sign_in(account.address, account.password)
        assert said["role"] == "domain" and said["domain"] == "example.org"
        assert said["address"] == account.address
        root.delete(answer)
        dead_within(other)
        assert other.sign_in(account.address,
                             account.password)["role"] == "user"


def test_the_last_one_stays(cluster, n1, root):
    """Who would be left?"""
    for admin in root.all("/admins"):
        if admin["login"] != root.session["login"]:
            root.delete(root.get("/admins/" + admin["login"]))
    me = root.get("/admins/" + root.session["login"])
    root.call("DELETE", me, status=409, code="conflict")
    root.call("PATCH", me, {"role": "readonly"}, 409, "conflict")


def test_b71_users(api, account):
    api.sign_in(account.address, account.password)
    for method, path, body in (
            ("GET", "/admins", None), ("GET", "/invites", None),
            ("POST", "/invites", {"role": "system"}),
            ("POST", "/admins", {"login": account.address,
                                 "role": "system"}),
            ("DELETE", "/admins/root", None),
            ("GET", "/me/tokens", None),
            ("POST", "/me/tokens", {"label": "x", "scopes": ["*:write"]})):
        api.call(method, path, body, 403, "forbidden", match="*")


# --- B72: on every node

def test_b72_sessions_end_everywhere(api, account, n2, cluster):
    """The other node hears of it by hints, or within its poll."""
    api.sign_in(account.address, account.password)
    there = api.another(n2)
    with there:
        there.get("/session")
        cluster.ctl.run("account", "password", account.address,
                        "--password-stdin", stdin="another secret\n")
        dead_within(there)
    dead_within(api)
    api.sign_in(account.address, "another secret")


def test_sign_out_is_heard_elsewhere(api, account, n2):
    api.sign_in(account.address, account.password)
    with api.another(n2) as there, Api(n2) as more:
        more.sign_in(account.address, account.password)
        there.get("/session")
        old = dict(api.cookies)
        api.sign_out()
        # the replica there is waited for
        there.entry = api.entry
        there.get("/session", 401)
        assert old == there.cookies
        # the other one goes on, until all end
        more.get("/session")
        more.post("/session/end-all")
        more.cookies = {}
        more.get("/session", 401)


def test_shoal_entry(root, n2):
    """What was changed here is seen there at once."""
    with root.another(n2) as there:
        for i in range(5):
            made = root.post("/invites", {"role": "readonly"})
            there.entry = root.entry
            assert made["id"] in [x["id"] for x in there.all("/invites")]
        # nobody waits for ever for what never comes
        there.entry = 1 << 60
        began = time.monotonic()
        there.get("/session")
        assert 2 < time.monotonic() - began < 20


# --- tokens

def test_tokens(root, n1, n2):
    made = root.post("/me/tokens", {"label": "backup",
                                    "scopes": ["admins:read",
                                               "me:read"]})
    assert made["token"].startswith("shoal_")
    assert "token" not in root.get("/me/tokens").items[0]
    with Api(n1, token=made["token"]) as program:
        said = program.get("/session")
        assert said["csrf"] is None
        assert said["areas"] == ["me:read", "admins:read"]
        assert program.get("/admins").items
        # neither more than its scopes, nor itself another
        program.post("/invites", {"role": "system"}, 403, "forbidden")
        program.post("/session/end-all", status=403, code="forbidden")
        program.post("/me/tokens", {"label": "x", "scopes": ["*:write"]}, 403)
        program.delete("/session", status=403)
    for scopes in ([], ["everything"], ["admins"], ["admins:own"],
                   ["admins:read queue:read"], ["open:read"]):
        root.post("/me/tokens", {"label": "x", "scopes": scopes}, 422,
                  "bad_field")
    all_of_it = root.post("/me/tokens", {"label": "x",
                                         "scopes": ["*:write"]})
    with Api(n1, token=all_of_it["token"]) as program:
        theirs = program.post("/invites", {"role": "readonly"})
        assert theirs["by"] == root.session["login"]
        program.post("/me/tokens", {"label": "x", "scopes": ["*:write"]}, 403)
        program.call("DELETE", "/me/totp", {"password": "x"}, 403)
    with root.another(n2) as there:
        there.entry = root.entry
        there.delete("/me/tokens/" + made["id"])
        root.entry = there.entry
    with Api(n1, token=made["token"]) as program:
        program.entry = root.entry
        program.get("/session", 401, "unauthenticated")
    # with its owner's
    mine = root.get("/admins/%s/tokens" % root.session["login"]).items
    assert [t["id"] for t in mine] == [all_of_it["id"]]
    root.delete("/admins/%s/tokens/%s" % (root.session["login"],
                                          all_of_it["id"]))
    # nor the token by which it was made
    root.post("/invites/check", {"code": theirs["code"]}, 404)
    with Api(n1, token=all_of_it["token"]) as program:
        program.get("/admins", 401)
        for text in ("shoal_x", "x", "shoal_" + "a" * 300):
            program.token = text
            program.get("/admins", 401, "unauthenticated")
    basic = root.raw("GET", "/api/v1/session",
                     headers={"Authorization": "Basic eDp5"})
    assert basic.status == 401


def test_tokens_expire(root, n1):
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ",
                         time.gmtime(time.time() + 10))
    made = root.post("/me/tokens", {"label": "x", "scopes": ["*:read"],
                                    "expires": soon})
    assert made["expires"] == soon
    with Api(n1, token=made["token"]) as program:
        program.get("/session")
        wait_for("its end", lambda: program.call(
            "GET", "/session", status={200, 401}).status == 401)
    root.post("/me/tokens", {"label": "x", "scopes": ["*:read"],
                             "expires": "2020-01-01T00:00:00Z"}, 422)


# --- the second factor

def test_totp(root, n1, n2):
    login = root.session["login"]
    begun = root.post("/me/totp", status=200)
    assert begun["secret"] in begun["uri"]
    wrong = "000000" if code_of(begun["secret"]) != "000000" else "111111"
    with Api(n1) as other, Api(n2) as there:
        # nothing has changed until a code was shown, and the password
        for elsewhere in (other, there):
            elsewhere.entry = root.entry
            elsewhere.sign_in(login, PASSWORD)
        body = {"pending": begun["pending"], "password": PASSWORD,
                "code": code_of(begun["secret"])}
        root.put("/me/totp", {**body, "code": wrong}, 422, "bad_field")
        root.put("/me/totp", {**body, "pending": "x" + begun["pending"]}, 422)
        answer = root.put("/me/totp", {**body, "password": "wrong"}, 403,
                          "denied")
        assert answer["pointer"] == "/password"
        root.put("/me/totp", {**body, "password": None}, 422, "bad_field")
        for elsewhere in (root, other, there):
            assert not elsewhere.get("/session")["totp"]
        body["code"] = code_of(begun["secret"])
        before = dict(root.cookies)
        root.put("/me/totp", body, 204)
        # other sessions end, this one goes on, with another cookie
        assert root.cookies != before
        assert root.get("/session")["totp"]
        for elsewhere in (other, there):
            dead_within(elsewhere)
    root.post("/me/totp", status=409, code="conflict")
    with Api(n1) as other:
        # only who knows the password hears of it
        other.sign_in(login, "wrong", 401, "denied")
        other.sign_in(login, PASSWORD, 401, "totp_required")
        other.sign_in(login, PASSWORD, 401, "totp_wrong", totp=wrong)
        other.sign_in(login, PASSWORD, 401, "totp_wrong", totp="nonsense")
        # the one that was shown when it was set up is used
        next_one = code_of(begun["secret"], 30)
        other.sign_in(login, PASSWORD, totp=next_one)
        other.sign_in(login, PASSWORD, 401, "totp_wrong", totp=next_one)
        with Api(n2) as there:
            there.entry = other.entry
            there.sign_in(login, PASSWORD, 401, "totp_wrong", totp=next_one)
        root.call("DELETE", "/me/totp", {"password": "wrong"}, 403, "denied")
        other.get("/session")
        root.call("DELETE", "/me/totp", {"password": PASSWORD}, 204)
        assert not root.get("/session")["totp"]
        dead_within(other)
        other.sign_in(login, PASSWORD)


def test_totp_of_another_is_removed(root, n1, account):
    with Api(n1) as user:
        user.sign_in(account.address, account.password)
        begun = user.post("/me/totp", status=200)
        user.put("/me/totp", {"pending": begun["pending"],
                              "code": code_of(begun["secret"]),
                              "password": account.password}, 204)
        user.get("/session")
        # a user's is his own: he is no administrator
        root.delete("/admins/%s/totp" % account.address, match="*",
                    status=404)
        root.post("/admins", {"login": account.address, "role": "readonly"})
        admin = root.get("/admins/" + account.address)
        assert admin["totp"]
        root.call("DELETE", "/admins/%s/totp" % account.address, status=204,
                  match=admin)
        dead_within(user)
        user.sign_in(account.address, account.password)


# --- what strangers and users can cost others

def test_strangers_make_nobody_wait(api):
    """An entry that nobody has seen is no reason to look for it at the
    share."""
    def ask():
        for headers in ({}, {"Cookie": "__Host-shoal=x"}):
            answer = api.raw("GET", "/api/v1/session", headers={
                "Shoal-Entry": str(1 << 60), **headers})
            assert answer.status == 401

    assert quickest(ask, 2)


def test_strangers_say_little(api):
    body = {"login": "a", "password": "b", "totp": "1" * 70000}
    api.call("POST", "/session", body, 413, "too_large")
    api.call("POST", "/invites/check", {"code": "c" * 70000}, 413, "too_large")


def test_a_user_changes_only_so_much(api, account):
    """Each change is an entry of the state, for all nodes."""
    api.sign_in(account.address, account.password)
    began, n = time.monotonic(), 0
    while True:
        answer = api.post("/me/totp", status={200, 429})
        if answer.status == 429:
            break
        n += 1
        assert n <= most_of(60, began)
    assert n >= 60 and answer.code == "throttled"
    assert int(answer.headers["retry-after"]) > 0
    api.get("/session")


def test_a_token_for_nodes_gets_no_cluster_key(root, n1):
    for scopes, status in ((["nodes:write"], 403),
                           (["nodes:write", "admins:write"], 201)):
        made = root.post("/me/tokens", {"label": "x", "scopes": scopes})
        with Api(n1, token=made["token"]) as program:
            program.entry = root.entry
            program.post("/nodes/invites", status=status)
