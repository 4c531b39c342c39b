"""The console's listener as a browser meets it: cookies (B64), static files
(B65), hosts (B66), headers of every answer, what strangers wrote (B69)."""

import re

import pytest

from rig.api import COOKIE, PASSWORD, Api
from rig.line import Line
from test_http_health import ask

SHOAL = {"accounts": 4}
SCRIPT = '<script>window.pwned=1</script>"><img src=x onerror=pwned=1>'


@pytest.fixture(scope="module")
def root(cluster):
    with Api(cluster["n1"]) as api:
        yield api.invite_and_sign_in("root")


@pytest.fixture
def https(connect):
    def make(node="n1"):
        return connect(Line, node, "https", tls=True)
    return make


def get(c, path, host="n1.example.org", method="GET"):
    return ask(c, "%s %s HTTP/1.1\nHost: %s" % (method, path, host))


def files_of(c):
    """Every file that the first page names, and those that they name."""
    seen, todo = {}, ["/"]
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        status, headers, body = get(c, path)
        assert status == 200, (path, status)
        seen[path] = headers
        base = path.rpartition("/")[0] + "/"
        for name in re.findall(
                r"""(?:src|href)="([^"#]+)"|(?:from|import)\s*\(?\s*"([./][^"]+)\"""",
                body):
            name = name[0] or name[1]
            assert not re.match(r"(?i)[a-z]+:|//", name) or \
                name.startswith("data:"), "of another host: " + name
            if name.startswith("/api/") or name.startswith("data:"):
                continue
            todo.append(join(base, name))
    return seen


def join(base, name):
    """As a browser resolves a relative reference."""
    if name.startswith("/"):
        return name
    parts = (base + name).split("/")
    out = []
    for part in parts:
        if part == "..":
            out.pop()
        elif part != ".":
            out.append(part)
    return "/".join(out)


def test_b64_cookie(cluster, root):
    """Every Set-Cookie, also that which takes it away."""
    with Api(cluster["n1"]) as api:
        code = api.invited("other")
        api.post("/invites/accept", {"code": code, "login": "other",
                                     "name": "", "password": PASSWORD}, 201)
        said = [api.last_set_cookie]
        api.delete("/session")
        said.append(api.last_set_cookie)
        api.sign_in("other", PASSWORD)
        said.append(api.last_set_cookie)
        api.post("/session/end-all", status=204)
        said.append(api.last_set_cookie)
    for text in said:
        pair, *attributes = [p.strip() for p in text.split(";")]
        names = [a.split("=")[0].lower() for a in attributes]
        assert pair.startswith(COOKIE + "="), text
        assert {"secure", "httponly", "samesite", "path"} <= set(names), text
        assert "domain" not in names, text
        assert "SameSite=Strict" in attributes and "Path=/" in attributes


def test_b64_secrets_stay_out(cluster, root):
    """Neither cookie nor CSRF token nor password gets into a log."""
    value = root.cookies[COOKIE]
    for node in (cluster["n1"], cluster["n2"]):
        text = open(node.log_file).read()
        for secret in (value, root.csrf, PASSWORD):
            assert secret not in text


PATHS = ["/../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2fetc/passwd",
         "/%2e%2e%5cetc", "/%00", "/index.html%00.js", "/./../index.html",
         "/app/../../etc/passwd", "/%252e%252e/etc/passwd", "//etc/passwd",
         "/\\..\\etc", "/.git/config", "/api/v1/../../etc/passwd",
         "/api/v1/%2e%2e/%2e%2e/etc/passwd", "/api/v1/accounts/..%2f..%2fx"]


@pytest.mark.parametrize("i", range(len(PATHS)))
def test_b65_static_paths(https, i):
    with https() as c:
        status, _, body = get(c, PATHS[i])
        wanted = (400, 401, 404) if "/api/" in PATHS[i] else (400, 404)
        assert status in wanted, (status, body[:200])
        assert "root:" not in body


def test_b66_hosts(https, root):
    with https() as c:
        for path in ("/", "/api/v1/session", "/api/v1/openapi.json"):
            for host in ("evil.example.net", "n1.example.org.evil.example"):
                assert get(c, path, host)[0] == 421, (path, host)
        assert get(c, "/", "n1.example.org")[0] == 200
    answer = root.raw("POST", "/api/v1/session/end-all", headers={
        "Host": "evil.example.net", "Cookie": "%s=%s" % (
            COOKIE, root.cookies[COOKIE]), "X-CSRF-Token": root.csrf})
    assert answer.status == 421
    root.get("/session")


def test_headers_of_every_file(https, root):
    """And of the API's answers, right and wrong ones."""
    with https() as c:
        files = files_of(c)
        assert len(files) > 3, files
        answers = list(files.items()) + [
            (p, get(c, p)[1]) for p in ("/api/v1/session", "/api/v1/nothing",
                                        "/api/v1/openapi.json")]
    answers.append(("/domains", root.get("/domains").headers))
    for path, headers in answers:
        policy = headers.get("content-security-policy", "")
        assert headers.get("x-content-type-options") == "nosniff", path
        assert "frame-ancestors 'none'" in policy, (path, policy)
        assert "default-src 'none'" in policy or \
            "default-src 'self'" in policy, (path, policy)
        assert "unsafe-" not in policy and "*" not in policy, (path, policy)
        if path.startswith("/api") or path == "/domains":
            assert headers.get("cache-control") == "no-store", path
    page = files["/"]
    assert "text/html" in page["content-type"]
    assert "strict-transport-security" in page


def test_no_inline_script(https):
    with https() as c:
        _, _, body = get(c, "/")
    assert re.search(r"<script[^>]*\ssrc=", body), body
    for attributes, inside in re.findall(r"<script([^>]*)>(.*?)</script>",
                                         body, re.S):
        assert "src=" in attributes and not inside.strip(), inside
    assert not re.search(r"<[^>]+\son[a-z]+=", body)
    assert "javascript:" not in body


def test_methods_of_files(https):
    with https() as c:
        for method in ("POST", "PUT", "DELETE", "TRACE"):
            assert get(c, "/", method=method)[0] in (404, 405), method


def test_b69_what_strangers_wrote(root, cluster):
    """It is data in JSON: no answer of the API is a page."""
    account = cluster.share.take()
    answer = root.get("/accounts/" + account.address)
    changed = root.patch(answer, {"name": SCRIPT})
    assert changed["name"] == SCRIPT
    found = root.get("/accounts", search=account.address)
    assert [a["name"] for a in found.items] == [SCRIPT]
    for answer in (changed, found, root.get("/domains/" + SCRIPT.replace(
            "/", "%2F").replace('"', "%22").replace("<", "%3C").replace(
                ">", "%3E").replace(" ", "%20"), status=404)):
        kind = answer.headers["content-type"]
        assert re.match(r"application/(problem\+)?json\b", kind), kind
        assert answer.headers["x-content-type-options"] == "nosniff"
