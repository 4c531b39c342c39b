"""The API at two nodes: what was written at one is read at the other, two who
collide are told apart, who is signed out is so everywhere (B72)."""

import threading

import pytest

from rig.api import PASSWORD, Api
from rig.wait import wait_for

SHOAL = {"accounts": 8}
# B72: on every node within
SECONDS = 5


@pytest.fixture(scope="module")
def root(cluster, request):
    with Api(cluster["n1"]) as api:
        yield api.invite_and_sign_in()


@pytest.fixture
def other(root, cluster):
    """The same person, at the other node."""
    with root.another(cluster["n2"]) as api:
        yield api


def over(api):
    """Whether the session is no more."""
    return api.get("/session", status={200, 401}).status == 401


def test_session_is_good_everywhere(root, other):
    one, two = root.get("/session"), other.get("/session")
    assert (one["node"], two["node"]) == ("n1", "n2")
    assert one["csrf"] == two["csrf"] and one["login"] == "root"


def test_read_your_writes(root, other):
    """By turns; the answer is never older than what was done before."""
    apis, name = (root, other), "rw.example.org"
    domain = root.post("/domains", {"name": name}, 201)
    for i in range(20):
        here, there = apis[i % 2], apis[1 - i % 2]
        there.catch_up(here)
        seen = there.get("/domains/" + name)
        assert seen["note"] == domain["note"], i
        assert seen.etag == domain.etag, i
        domain = there.patch(seen, {"note": "round %d" % i})
    here.catch_up(there)
    here.delete(domain)
    there.catch_up(here)
    there.get("/domains/" + name, status=404)


def test_two_collide(root, other, account):
    """Both have seen the same; one is made, the other told, whoever it is; the
    account is what the winner said."""
    path = "/accounts/" + account.address
    won = set()
    for i in range(12):
        seen = root.get(path)
        other.catch_up(root)
        answers, start = {}, threading.Barrier(2)

        def change(api, who):
            start.wait()
            answers[who] = api.patch(path, {"name": "%s %d" % (who, i)},
                                     {200, 412}, match=seen)

        threads = [threading.Thread(target=change, args=a)
                   for a in ((root, "n1"), (other, "n2"))]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
        statuses = sorted(a.status for a in answers.values())
        assert statuses == [200, 412], (i, statuses)
        winner = next(w for w in answers if answers[w].status == 200)
        won.add(winner)
        root.catch_up(other)
        assert root.get(path)["name"] == "%s %d" % (winner, i)
        loser = next(a for a in answers.values() if a.status == 412)
        assert loser.code == "precondition_failed"
    assert won, won


def test_signed_out_everywhere(cluster, root):
    """end-all at one node ends the session at the other."""
    with Api(cluster["n1"]) as a:
        a.invite_and_sign_in("eve")
        with Api(cluster["n2"], after=a) as b:
            b.sign_in("eve", PASSWORD)
            with b.another(cluster["n1"]) as c:
                a.post("/session/end-all", status=204)
                for api in (b, c):
                    wait_for("the session is over", lambda: over(api), SECONDS)


def test_signed_out_by_an_administrator(cluster, root, other):
    with Api(cluster["n2"]) as b:
        b.sign_in("eve", PASSWORD)
        root.post("/admins/eve/sign-out", status=204,
                  match=root.get("/admins/eve"))
        wait_for("the session is over", lambda: over(b), SECONDS)
    root.get("/session")


def test_b72_password_change(cluster, root):
    """One's own: other sessions end, this one goes on; then by somebody else:
    all end."""
    new = PASSWORD + " 2"
    with Api(cluster["n1"]) as a, Api(cluster["n2"]) as b:
        a.sign_in("eve", PASSWORD)
        b.sign_in("eve", PASSWORD)
        before = dict(a.cookies)
        a.put("/me/password", {"current": PASSWORD, "new": new}, 204)
        assert a.cookies != before
        wait_for("the other session is over", lambda: over(b), SECONDS)
        a.get("/session")
        b.catch_up(a).cookies.clear()
        b.sign_in("eve", PASSWORD, status=401, code="denied")
        b.sign_in("eve", new)


def test_b72_user(cluster, root, account):
    """An account's password, set by an administrator at one node."""
    with Api(cluster["n2"]) as user:
        user.sign_in(account.address, account.password)
        assert user.get("/me")["role"] == "user"
        root.put("/accounts/%s/password" % account.address,
                 {"password": PASSWORD}, 204,
                 match=root.get("/accounts/" + account.address))
        wait_for("the session is over", lambda: over(user), SECONDS)


def test_suspended_user_is_out(cluster, root, account):
    with Api(cluster["n2"]) as user:
        user.sign_in(account.address, account.password)
        root.patch(root.get("/accounts/" + account.address),
                   {"status": "suspended"})
        wait_for("the session is over", lambda: over(user), SECONDS)


def test_drained_node_answers(cluster, root, other):
    """Who is connected to a node that is drained goes on."""
    node = next(n for n in root.get("/nodes").items if n["name"] == "n2")
    path = "/nodes/" + node["id"]
    root.patch(root.get(path), {"drain": True})
    wait_for("it is draining", lambda: other.get(path)["ready"] == "draining",
             20)
    assert other.get("/session")["node"] == "n2"
    root.catch_up(other)
    root.patch(root.get(path), {"drain": False})
    wait_for("it is ready", lambda: other.get(path)["ready"] == "ready", 20)
