"""The API while the share is away: what can be known is said at once, what
cannot be done is refused at once, and everything works again afterwards."""

import time

import pytest

from rig.api import PASSWORD, Api
from rig.nfscluster import NfsCluster
from rig.totp import code_of
from rig.wait import wait_for

OUTAGE = '"level": "error"'


def timed(call, *args, seconds=4, tries=4, **kw):
    """The answer, which came in time; what is late every time is not the
    machine's load."""
    for _ in range(tries):
        began = time.monotonic()
        answer = call(*args, **kw)
        if time.monotonic() - began < seconds:
            return answer
    raise AssertionError("%s took more than %s s" % (args, seconds))


@pytest.mark.full
def test_share_away(build):
    with NfsCluster(build, accounts=2, proxied=False) as c:
        for n in c.nodes:
            n.allow(OUTAGE)
        c.start(balancer=False)
        with Api(c.n1) as root:
            root.invite_and_sign_in("root")
            wait_for("both live", lambda: root.get("/overview")[
                "nodes"]["alive"] == 2, 60)
            queue = wait_for("the queue is known",
                             lambda: root.get("/overview")["queue"])
            assert queue["messages"] == 0
            assert not root.get("/share")["away"]
            c.server.stop()
            try:
                while_away(root)
            finally:
                c.server.go_on()
            for n in c.nodes:
                n.wait_ready(60)
            wait_for("it is back", lambda: not root.get("/share")["away"], 30)
            # known to the node; each worker finds its own way back
            wait_for("a change is taken", lambda: root.put(
                root.get("/settings/audit.keep"), {"value": "40d"},
                {200, 503}).status == 200)
            assert root.get("/settings/audit.keep")["value"] == "40d"
            wait_for("the locks are told", lambda: root.get(
                "/locks", {200, 503}).status == 200)


def while_away(root):
    wait_for("it is seen", lambda: timed(root.get, "/share")["away"], 60)
    for path in ("/nodes", "/nodes/history", "/settings", "/audit",
                 "/certificates", "/domains", "/accounts", "/aliases", "/me"):
        timed(root.get, path)
    # what is only told along is not waited for
    for a in timed(root.get, "/accounts", usage=True, limit=50).items:
        assert a["used_bytes"] is None
        one = timed(root.get, "/accounts/" + a["address"])
        assert one["used_bytes"] is None and one["last_login"] is None
    said = timed(root.get, "/overview")
    assert "share_away" in {p["code"] for p in said["problems"]}
    assert said["queue"] is None and said["domains"] == 1
    one = timed(root.get, "/settings/audit.keep")
    answer = timed(root.put, one, {"value": "50d"}, 503, "unavailable")
    assert int(answer.headers["retry-after"]) > 0
    timed(root.get, "/locks", 503, "unavailable")
    # who is known signs in, and out
    with root.another() as other:
        other.cookies.clear()
        other.csrf = None
        timed(other.sign_in, "root", PASSWORD, seconds=8)
        # the session goes on elsewhere, but this browser has forgotten it
        timed(other.call, "DELETE", "/session", status=503, seconds=35,
              tries=1)
        assert "Max-Age=0" in other.last_set_cookie


def later_code(secret, than):
    """Of 30 s later, which nodes take: of a step after that one."""
    return wait_for("the next code", lambda: next(
        (c for c in [code_of(secret, 30)] if c != than), None), 35)


def refused_everywhere(node, code):
    """On other connections, which other workers serve, too."""
    for _ in range(2):          # more is guessing: AUTH_TOTP_FAILURES
        with Api(node) as api:
            timed(api.sign_in, "night", PASSWORD, 401, "totp_wrong", totp=code,
                  seconds=8)


@pytest.mark.full
def test_second_factor(build):
    """It is asked for, and each code is taken once, as ever."""
    with NfsCluster(build, accounts=1, proxied=False,
                    settings={"auth.failure_delay": "0",
                              "auth.failures_max": "1000"}) as c:
        for n in c.nodes:
            n.allow(OUTAGE)
        c.start(balancer=False)
        with Api(c.n1) as night, Api(c.n1) as other:
            night.invite_and_sign_in("night")
            begun = night.post("/me/totp", status=200)
            secret = begun["secret"]
            code = code_of(secret)
            night.put("/me/totp", {"pending": begun["pending"], "code": code,
                                   "password": PASSWORD}, 204)
            other.catch_up(night)
            c.server.stop()
            try:
                # before anybody knows
                code = later_code(secret, code)
                timed(other.sign_in, "night", PASSWORD, totp=code, seconds=30)
                refused_everywhere(c.n1, code)
                wait_for("it is seen", lambda: timed(
                    night.get, "/share")["away"], 60)
                # and when it is known
                code = later_code(secret, code)
                timed(other.sign_in, "night", PASSWORD, 401, "totp_required",
                      seconds=8)
                timed(other.sign_in, "night", PASSWORD, totp=code, seconds=8)
                assert other.get("/session")["totp"]
                refused_everywhere(c.n1, code)
            finally:
                c.server.go_on()
            for n in c.nodes:
                n.wait_ready(60)
            refused_everywhere(c.n1, code)
            assert c.n1.log(level="warn", event="only this node knows")
            code = later_code(secret, code)
            other.sign_in("night", PASSWORD, totp=code)
            with Api(c.n2, after=other) as there:
                there.sign_in("night", PASSWORD, 401, "totp_wrong", totp=code)
