"""The API: who guesses, and who asks without saying who he is."""

import pytest

from rig.api import PASSWORD, Api
from rig.totp import code_of
from rig.wait import wait_for
from test_auth_throttle import both_work

FAILURES = 6
SHOAL = {
    "accounts": 10,
    "settings": {"auth.failure_delay": "0",
                 "auth.failures_max": str(FAILURES)},
}


@pytest.fixture
def api(n1):
    with Api(n1) as a:
        yield a


def test_totp_is_not_guessed(api, n1):
    """By nobody who has the password, and not even from a known network."""
    with Api(n1) as owner:
        owner.invite_and_sign_in("owner")
        owner.sign_in("owner", PASSWORD)
        begun = owner.post("/me/totp", status=200)
        owner.put("/me/totp", {"pending": begun["pending"],
                               "code": code_of(begun["secret"]),
                               "password": PASSWORD}, 204)
        api.entry = owner.entry
        seen = []
        for n in range(30):
            answer = api.sign_in("owner", PASSWORD, {401, 429},
                                 totp="%06d" % n)
            seen.append(answer.code)
            if answer.status == 429:
                break
        assert set(seen) == {"totp_wrong", "throttled"}
        assert 9 <= seen.index("throttled") <= 11
        api.sign_in("owner", PASSWORD, 429, "throttled",
                    totp=code_of(begun["secret"], 30))


def test_guesses(api, n1, n2, account):
    """On all nodes together."""
    both_work(n1, n2)
    with Api(n2) as there:
        for n in range(3 * FAILURES):
            answer = api.sign_in(account.address, "wrong-%d" % n, {401, 429})
            if answer.status == 429:
                break
        assert answer.code == "throttled" and n >= FAILURES - 1
        api.sign_in(account.address, account.password, 429, "throttled")
        # where nobody has tried yet
        wait_for("the failures over there", lambda: there.sign_in(
            account.address, "wrong", {401, 429}).status == 429)
        there.sign_in(account.address, account.password, 429, "throttled")


def test_strangers(api, cluster):
    """A client that nobody answers for gets an answer, at first."""
    cluster.ctl.run("settings", "set", "net.exempt", "192.0.2.0/24")
    with_cookie = api.another()
    with_cookie.invite_and_sign_in()
    for n in range(1, 20000):
        answer = api.raw("GET", "/api/v1/session")
        if answer.status != 401:
            break
    # some of them were for the invitation
    assert n > 200 and answer.status == 429
    assert answer.code == "throttled" and int(answer.headers["retry-after"])
    # who is signed in is no stranger
    with with_cookie:
        with_cookie.get("/session")
