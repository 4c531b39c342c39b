"""The API's description of itself, and the API walked along it."""

import copy
import re

import pytest

from rig.api import Api
from rig.openapi import METHODS, PREFIX, Description, document_wrong

SHOAL = {"accounts": 2}
# What has to be asked for something.
QUERIES = {"/trace": {"q": "nothing"}}
OPEN = {"/openapi.json", "/session", "/invites/check", "/invites/accept"}


@pytest.fixture(scope="module")
def doc(cluster):
    with Api(cluster["n1"]) as api:
        return api.raw("GET", PREFIX + "/openapi.json").json


@pytest.fixture(scope="module")
def root(cluster):
    with Api(cluster["n1"]) as api:
        yield api.invite_and_sign_in()


def operations(doc):
    """(method, path below the prefix, operation)"""
    for path, item in doc["paths"].items():
        for method in METHODS:
            if method in item:
                yield method.upper(), path.removeprefix(PREFIX), item[method]


def filled(path):
    """With names that nothing has."""
    return re.sub(r"\{([^}]*)\}", lambda m: "nobody@example.net"
                  if m[1] in ("address", "identity") else "nothing", path)


def test_document(doc):
    assert document_wrong(doc) == []
    assert doc["openapi"].startswith("3.1.")


def test_what_is_wrong_is_found(doc):
    """What the other tests lean on."""
    def spoilt(change):
        other = copy.deepcopy(doc)
        change(other)
        return document_wrong(other)
    path = next(p for p in doc["paths"] if "{" in p)
    method = next(m for m in METHODS if m in doc["paths"][path])
    schemas = doc["components"]["schemas"]
    name = next(iter(schemas))

    def of(d):
        return d["paths"][path][method]
    assert spoilt(lambda d: of(d).pop("responses"))
    assert spoilt(lambda d: of(d).update(operationId=""))
    assert spoilt(lambda d: of(d).update(parameters=[]))
    assert spoilt(lambda d: of(d)["responses"].update(oops={}))
    assert spoilt(lambda d: d["components"]["schemas"][name].update(type=1))
    assert spoilt(lambda d: d["components"]["schemas"].pop(name))
    assert spoilt(lambda d: d.pop("info"))


def test_strangers_get_nothing(cluster, doc):
    """Every operation but those of signing in, and nobody is told what there
    is."""
    with Api(cluster["n1"]) as api:
        for method, path, op in operations(doc):
            if path in OPEN:
                continue
            body = {} if "requestBody" in op else None
            answer = api.call(method, filled(path), body, 401,
                              "unauthenticated")
            assert "nothing" not in answer["title"]


def test_paths_and_methods(root, doc):
    """404 for what is not described, 405 with Allow for methods that are
    not."""
    for path in ("/nothing", "/accounts/a/b/c/d", "/domains/", "/", ""):
        root.get(path, status=404, code="not_found")
    for path in doc["paths"]:
        path = path.removeprefix(PREFIX)
        # what is written out may be what another path's parameter is
        there = {method for method, other, _ in operations(doc) if re.match(
            re.sub(r"\{[^}]*\}", "[^/]+", other) + r"\Z", path)}
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            if method not in there:
                answer = root.call(method, filled(path), {}, 405, "method")
                allowed = set(re.split(r",\s*", answer.headers["allow"]))
                assert there <= allowed <= there | {"HEAD", "OPTIONS"}, path


def test_changes_need_if_match(root, doc):
    """Of every object that has an ETag: without If-Match 428 (or, if it is
    looked for first, 404), and nothing is done."""
    found = 0
    for method, path, op in operations(doc):
        if "If-Match" not in [p["name"] for p in op["parameters"]]:
            continue
        found += 1
        body = {} if "requestBody" in op else None
        root.call(method, filled(path), body, {404, 422, 428})
    assert found > 15


def test_queries_are_checked(root, doc):
    """A parameter that is not described, or not what it is described as."""
    for method, path, op in operations(doc):
        if method != "GET" or "{" in path or path in OPEN:
            continue
        names = {p["name"]: p["schema"] for p in op.get("parameters", ())
                 if p["in"] == "query"}
        for name in names:
            if names[name].get("type") == "integer":
                root.get(path, 422, "bad_field", **{name: "many"})
                root.get(path, 422, "bad_field", **{name: "-1"})


def test_lists_answer_as_described(root, doc):
    """Every list and every object of which there is one."""
    found = 0
    for method, path, op in operations(doc):
        if method == "GET" and "{" not in path and path != "/openapi.json":
            # an administrator has no mailbox, and is told so
            root.get(path, {200, 404} if path.startswith("/me/") else 200,
                     **QUERIES.get(path, {}))
            found += 1
    assert found > 15


def test_validator_notices(root):
    """A field too much, a wrong type, a status that is not described."""
    answer = root.get("/session")
    described = Description(root.raw(
        "GET", PREFIX + "/openapi.json").json)
    _, op = described.operation("GET", PREFIX + "/session")
    if op is None:
        _, op = described.operation("GET", "/session")
    assert described.answer_wrong(op, answer) is None
    answer.json["more"] = 1
    assert "more" in described.answer_wrong(op, answer)
    del answer.json["more"]
    answer.json["totp"] = "no"
    assert described.answer_wrong(op, answer)
    answer.status = 299
    assert described.answer_wrong(op, answer)
