"""A client of the API that looks at every answer.

	with Api(node) as api:
	    api.invite_and_sign_in()
	    api.post("/domains", {"name": "example.net"})
	    domain = api.get("/domains/example.net")
	    api.patch(domain, {"note": "hello"})
	    api.get("/domains/nothing", status=404, code="not_found")

An Answer in the place of a path means the object it shows, with its ETag as
If-Match.  Without status any of 2xx is right.  What is asked and answered is
compared with the description that the node itself gives (rig.openapi); check =
False for what is wrong on purpose below HTTP.

Cookies, the CSRF token of the session, and Shoal-Entry are kept and sent as a
browser with the console does; token: a bearer token instead.
"""

import http.client
import json
import re
import ssl
import time
from datetime import datetime, timezone
from urllib.parse import parse_qsl, quote, urlencode

from rig.line import tls_context
from rig.openapi import PREFIX, Description
from rig.wait import wait_for

COOKIE = "__Host-shoal"
SECONDS = 35                            # a request has 30 s in the server
IDLE = 2        # a connection may idle for 10 s, 3 s when the node drains
INVITE_CODE = re.compile(r"#([A-Za-z0-9]+-[A-Za-z0-9]+)")
PASSWORD = "correct horse battery"


def segment(text):
    """One segment of a path."""
    return quote(str(text), safe="@")


class Answer:
    def __init__(self, method, path, status, headers, body):
        self.method, self.path, self.status = method, path, status
        self.headers, self.body = headers, body
        kind = headers.get("content-type", "").split(";")[0]
        self.json = json.loads(body) if body and (
            kind == "application/json" or kind.endswith("+json")) else None

    @property
    def etag(self):
        return self.headers.get("etag")

    @property
    def text(self):
        return self.body.decode()

    @property
    def items(self):
        return self.json["items"]

    @property
    def code(self):
        return self.json["code"]

    def __getitem__(self, key):
        return self.json[key]

    def __str__(self):
        return "%s %s: %d %s" % (self.method, self.path, self.status,
                                 self.body[:2000].decode("utf-8", "replace"))


class Api:
    """node: of rig.node, or (host, port).  after: another client, whose
    changes this one shall see whatever node it asks (entry: the greatest
    Shoal-Entry seen)."""

    descriptions = {}                   # text -> Description
    told = {}                           # share -> greatest Shoal-Entry seen

    def __init__(self, node, token=None, host=None, ca=None, check=True,
                 ctl=None, after=None):
        self.node = node
        self.address = node.of("https") if hasattr(node, "of") else node
        self.share = getattr(node, "share", None)
        self.ctl = ctl or (self.share and self.share.ctl)
        self.host = host or "%s:%d" % self.address
        self.token, self.ca, self.check = token, ca, check
        self.cookies, self.csrf = {}, None
        self.entry = after.entry if after else 0
        self.connection, self.description, self.used = None, None, 0
        self.session, self.last_set_cookie = None, None

    # --- HTTP

    def connect(self):
        context = tls_context(self.ca)
        ns = getattr(self.node, "ns", None)
        self.connection = http.client.HTTPSConnection(
            *self.address, timeout=SECONDS, context=context)
        if ns is None:
            self.connection.connect()
        else:
            with ns.inside():
                self.connection.connect()
        self.used = time.monotonic()

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def raw(self, method, path, body=None, headers=()):
        """Bytes out and in, from the root; nothing is added or compared.  A
        connection that the server has closed meanwhile (idle), or might close
        while we send, is made again before."""
        if self.connection is not None and (
                time.monotonic() - self.used > IDLE or
                gone(self.connection.sock)):
            self.close()
        if self.connection is None:
            self.connect()
        c = self.connection
        c.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        sent = {"Host": self.host, **dict(headers)}
        if body is not None or method in ("POST", "PUT", "PATCH"):
            sent.setdefault("Content-Length", str(len(body or b"")))
        for name, value in sent.items():
            if value is not None:
                c.putheader(name, value)
        c.endheaders(body)
        try:
            r = c.getresponse()
            answer = Answer(method, path, r.status, Headers(
                (k.lower(), v) for k, v in r.getheaders()), r.read())
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        self.used = time.monotonic()
        if answer.headers.get("connection", "").lower() == "close":
            self.close()
        return answer

    # --- a request of the API

    def call(self, method, path, body=None, status=None, code=None,
             match=None, query=None, headers=()):
        """body: anything for JSON; match: If-Match, or an Answer that has the
        ETag.  code: of the problem."""
        if isinstance(path, Answer):
            match = match or path.etag
            path = object_path(path)
        if isinstance(match, Answer):
            match = match.etag
        path, _, more = path.partition("?")
        query = {**dict(parse_qsl(more, keep_blank_values=True)),
                 **{k: text_of(v) for k, v in (query or {}).items()}}
        answer = self.raw(
            method, PREFIX + path + ("?" + urlencode(query) if query else ""),
            None if body is None else json.dumps(body).encode(),
            {**self.headers(method, body, match), **dict(headers)})
        self.remember(answer)
        if status is None:
            assert 200 <= answer.status < 300, str(answer)
        else:
            assert answer.status in (status if isinstance(status, set)
                                     else {status}), \
                "%s wanted: %s" % (status, answer)
        if code is not None:
            assert answer.code == code, "%s wanted: %s" % (code, answer)
        if self.check:
            self.compare(method, path, query, body, answer)
        return answer

    def headers(self, method, body, match):
        said = {"Accept": "application/json"}
        if body is not None:
            said["Content-Type"] = "application/json"
        if self.token:
            said["Authorization"] = "Bearer " + self.token
        elif self.cookies:
            said["Cookie"] = "; ".join("%s=%s" % c
                                       for c in self.cookies.items())
            if method not in ("GET", "HEAD") and self.csrf:
                said["X-CSRF-Token"] = self.csrf
        if method not in ("GET", "HEAD"):
            said["Origin"] = "https://" + self.host
        if self.entry:
            said["Shoal-Entry"] = str(self.entry)
        if match is not None:
            said["If-Match"] = match
        return said

    def remember(self, answer):
        entry = entry_of(answer)
        self.entry = max(self.entry, entry)
        Api.told[self.share] = max(Api.told.get(self.share, 0), entry)
        for text in answer.headers.all("set-cookie"):
            self.last_set_cookie = text
            name, _, value = text.split(";")[0].partition("=")
            if value and not re.search(r"(?i)max-age=0\b", text):
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        if isinstance(answer.json, dict) and "csrf" in answer.json:
            self.csrf = answer.json["csrf"]

    def compare(self, method, path, query, body, answer):
        described = self.describe()
        template, operation = described.operation(method, PREFIX + path)
        if template is None:
            template, operation = described.operation(method, path)
        if template is None:
            # nobody is told what is there who has not signed in
            assert answer.status in (401, 404), "not described: %s" % answer
            return
        if operation is None:
            assert answer.status in (401, 405), "not described: %s" % answer
            return
        wrong = described.answer_wrong(operation, answer)
        assert not wrong, "%s %s: %s\n%s" % (method, template, wrong, answer)
        wrong = described.request_wrong(operation, query, body)
        assert not wrong or answer.status >= 400, \
            "%s %s took what is not described: %s\n%s" % (
                method, template, wrong, answer)

    def describe(self):
        if self.description is None:
            answer = self.raw("GET", PREFIX + "/openapi.json",
                              headers={"Accept": "application/json"})
            assert answer.status == 200, str(answer)
            if answer.body not in Api.descriptions:
                Api.descriptions[answer.body] = Description(answer.json)
            self.description = Api.descriptions[answer.body]
        return self.description

    def get(self, path, status=None, code=None, **query):
        return self.call("GET", path, status=status, code=code, query=query)

    def post(self, path, body=None, status=None, code=None, **kw):
        return self.call("POST", path, body, status, code, **kw)

    def put(self, path, body=None, status=None, code=None, **kw):
        return self.call("PUT", path, body, status, code, **kw)

    def patch(self, path, body=None, status=None, code=None, **kw):
        return self.call("PATCH", path, body, status, code, **kw)

    def delete(self, path, body=None, status=None, code=None, **kw):
        return self.call("DELETE", path, body, status, code, **kw)

    def all(self, path, **query):
        """Items of every page."""
        found, cursor = [], {}
        while True:
            page = self.get(path, **query, **cursor)
            found += page.items
            if page["next"] is None:
                return found
            cursor = {"cursor": page["next"]}

    # --- who asks

    def sign_in(self, login, password, status=201, code=None, **more):
        """more: totp."""
        self.catch_up_as_stranger()
        answer = self.post("/session", {"login": login, "password": password,
                                        **more}, status, code)
        if answer.status == 201:
            self.session = answer.json
        return answer

    @staticmethod
    def idle_ends(session):
        """Seconds until that answer of /session ends without use."""
        return (datetime.fromisoformat(session["expires"].replace(
            "Z", "+00:00")) - datetime.now(timezone.utc)).total_seconds()

    def catch_up(self, *others):
        """See what they have done."""
        self.entry = max([self.entry] + [o.entry for o in others])
        return self

    def catch_up_as_stranger(self):
        """Until the worker that we are connected to knows what any of us has
        done on this share: it makes no stranger wait for that."""
        told = self.share is not None and Api.told.get(self.share)
        if told:
            wait_for("the worker knows the state", lambda: entry_of(
                self.raw("GET", PREFIX + "/session")) >= told)

    def sign_out(self):
        self.delete("/session")
        self.cookies.clear()
        self.csrf = self.session = None

    def invite_and_sign_in(self, login="root", password=PASSWORD, name="",
                           role="system", domain=None):
        """As somebody new who followed the link of `shoalctl admin invite`."""
        code = self.invited(login, role, domain)
        self.session = self.post("/invites/accept", {
            "code": code, "login": login, "name": name,
            "password": password}, 201).json
        return self

    def invited(self, login=None, role="system", domain=None):
        """The code of an invitation that this node has heard of: shoalctl has
        made it beside the nodes."""
        code = invite(self.ctl, login, role, domain)
        wait_for("the invitation is known", lambda: self.post(
            "/invites/check", {"code": code}, {200, 404}).status == 200)
        return code

    def another(self, node=None, **kw):
        """The same on another connection, or at another node: cookies, CSRF
        token and Shoal-Entry as a browser's next tab has them."""
        kw.setdefault("host", None if node else self.host)
        other = Api(node or self.node, token=self.token, ca=self.ca,
                    check=self.check, ctl=self.ctl, **kw)
        other.cookies, other.csrf = dict(self.cookies), self.csrf
        other.entry, other.session = self.entry, self.session
        return other

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


class Headers(dict):
    """The last value of each; all() of them."""

    def __init__(self, pairs):
        self.pairs = list(pairs)
        super().__init__(self.pairs)

    def all(self, name):
        return [v for k, v in self.pairs if k == name]


def entry_of(answer):
    return int(answer.headers.get("shoal-entry") or 0)


def text_of(value):
    return {True: "true", False: "false"}.get(value, str(value)) \
        if isinstance(value, bool) else str(value)


def object_path(answer):
    """Of what an answer shows: it may have just been made."""
    path = answer.headers.get("location") or answer.path.partition("?")[0]
    assert path.startswith(PREFIX), path
    return path[len(PREFIX):]


def gone(sock):
    """Whether the other side has closed; nothing waits to be read between
    requests."""
    if sock is None:
        return True
    sock.settimeout(0)
    try:
        return sock.recv(1) == b""
    except (ssl.SSLWantReadError, BlockingIOError):
        return False
    except OSError:
        return True
    finally:
        sock.settimeout(SECONDS)


def invite(ctl, login=None, role="system", domain=None):
    """The code of an invitation."""
    args = ["admin", "invite"]
    if login:
        args += ["--login", login]
    if role != "system":
        args += ["--role", role]
    if domain:
        args += ["--domain", domain]
    said = ctl.run(*args)
    m = INVITE_CODE.search(said)
    assert m, said
    return m[1]
