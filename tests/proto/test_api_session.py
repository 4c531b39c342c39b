"""The API: who one is, sessions, cookies, CSRF, hosts (B62-B64, B66, B71, B72)."""

import re

import pytest

from rig.api import Api, PREFIX

SHOAL = {"accounts": 20}


@pytest.fixture
def api(n1):
    with Api(n1) as a:
        yield a


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
