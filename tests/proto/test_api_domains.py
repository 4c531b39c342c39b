"""The API: domains, their records (with a real DNS server), keys, routes."""

import pytest

from rig.api import Api
from rig.dnsserver import DnsServer
from rig.wait import wait_for

ZONE = "zone.example"
dns = DnsServer({ZONE: ""})
SHOAL = {"accounts": 2, "conf": dns.conf()}


@pytest.fixture(scope="module", autouse=True)
def server():
    dns.start()
    yield
    dns.close()


@pytest.fixture(scope="module")
def root(cluster):
    with Api(cluster["n1"]) as a:
        yield a.invite_and_sign_in()


@pytest.fixture
def api(root):
    yield root
    for d in root.all("/domains"):
        if d["name"] != "example.org":
            root.delete(root.get("/domains/" + d["name"]))
    for r in root.all("/routes"):
        root.delete("/routes/" + r["pattern"], match="*")


def of_domain(root, node, domain, login, role="domain"):
    return Api(node, ctl=root.ctl).invite_and_sign_in(login, role=role,
                                                      domain=domain)


def test_domain(api):
    d = api.post("/domains", {"name": "B\u00fccher.Example", "note": "n",
                              "accounts_max": 7, "separators": "+-",
                              "junk_keep": 86400, "dmarc": "quarantine",
                              "recipients_per_day": 0, "outgoing": False},
                 201)
    assert d["name"] == "xn--bcher-kva.example"
    assert d["display"] == "b\u00fccher.example"
    assert (d["note"], d["accounts_max"], d["separators"], d["junk_keep"],
            d["trash_keep"], d["dmarc"], d["recipients_per_day"],
            d["outgoing"], d["suspended"], d["accounts"]) == (
        "n", 7, "+-", 86400, None, "quarantine", 0, False, False, 0)
    again = api.get(d.headers["location"][len("/api/v1"):])
    assert again.json == d.json and again.etag == d.etag
    api.post("/domains", {"name": "b\u00fccher.example"}, 409, "duplicate")
    # only what is given changes
    new = api.patch(again, {"note": "m", "suspended": True,
                            "junk_keep": None, "trash_keep": 0,
                            "recipients_per_day": None})
    assert new.etag != again.etag
    assert (new["note"], new["suspended"], new["junk_keep"],
            new["trash_keep"], new["recipients_per_day"],
            new["accounts_max"]) == ("m", True, None, 0, None, 7)
    # two who collide
    api.patch(again, {"note": "x"}, 412, "precondition_failed")
    api.patch("/domains/" + d["name"], {"note": "x"}, 428)
    api.patch(new, {"separators": "ab"}, 422)
    api.patch(new, {"dmarc": "perhaps"}, 422, "bad_field")
    api.patch(new, {"name": "x.org"}, 422, "bad_field")
    assert api.get("/domains/" + d["name"]).json == new.json
    api.delete("/domains/example.org", None, 409, "conflict", match="*")
    api.delete(new)
    api.get("/domains/" + d["name"], 404, "not_found")


def test_new_domain_is_whole_or_not_there(api):
    for bad in ({"name": "not a name"}, {}, {"name": 7},
                {"name": "half.example", "separators": "ab"},
                {"name": "half.example", "junk_keep": -1},
                {"name": "half.example", "more": 1}):
        api.post("/domains", bad, 422)
    api.get("/domains/half.example", 404)


def test_list(api):
    names = ["d%02d.example" % i for i in range(7)]
    for n in reversed(names):
        api.post("/domains", {"name": n, "note": "Note of " + n[1:3]})
    assert [d["name"] for d in api.all("/domains", limit=2)] == \
        names + ["example.org"]
    for limit in (1, 2, 3, 100):
        assert [d["name"] for d in api.all("/domains", limit=limit,
                                           search="D0")] == names
    assert [d["name"] for d in api.all("/domains", search="note of 03")] == \
        ["d03.example"]
    api.post("/domains", {"name": "b\u00fccher.example", "note": "\u00c4pfel"})
    for part in ("B\u00dcCH", "xn--b", "\u00e4PF", "bu\u0308cher"):
        assert [d["name"] for d in api.all("/domains", search=part)] == \
            ["xn--bcher-kva.example"], part
    assert api.get("/domains", search="nowhere").json == {"items": [],
                                                          "next": None}


def test_signing_by_default(api):
    api.post("/domains", {"name": ZONE})
    keys = api.get("/domains/%s/dkim" % ZONE)
    assert {(k["algorithm"], k["stage"]) for k in keys.items} == {
        ("rsa", "active"), ("ed25519", "active")}
    assert all(k["record"].startswith("v=DKIM1") for k in keys.items)


def test_keys(api):
    path = "/domains/%s/dkim" % ZONE
    api.get(path, 404)
    api.post(path, {}, 404)
    api.post("/domains", {"name": ZONE})
    old = next(k for k in api.get(path).items if k["algorithm"] == "ed25519")
    new = api.post(path, {"algorithm": "ed25519", "selector": "k2"}, 201)
    assert (new["selector"], new["stage"], new["node"],
            new["activated"]) == ("k2", "new", None, None)
    api.post(path, {"algorithm": "ed25519", "selector": "k2"}, 409)
    api.post(path, {"algorithm": "dsa"}, 422, "bad_field")
    api.post(path, {"selector": "a b"}, 422)
    api.post(path, {"node": "nobody"}, 422, "bad_field")
    listed = api.get(path)
    assert len(api.all(path, limit=1)) == len(listed.items) == 3
    assert api.post(path + "/k2/activate", status=428)
    assert api.post(path + "/k2/activate", match='"x"', status=412)
    active = api.post(path + "/k2/activate", match=listed)
    assert active["stage"] == "active" and active.etag != listed.etag
    # the other one signs no more; its tag is that of all
    api.post(path + "/k2/retire", match=listed, status=412)
    stages = {k["selector"]: k["stage"] for k in api.get(path).items}
    assert stages[old["selector"]] == "retired"
    api.delete(path + "/" + old["selector"], match=active)
    api.post(path + "/k2/retire", match=api.get(path))
    api.post(path + "/nothing/retire", match="*", status=404)
    only = api.post(path, {"active": True, "node": "n1", "selector": "n"})
    assert (only["algorithm"], only["stage"], only["node"]) == (
        "rsa", "active", "n1")


def test_records(api):
    api.post("/domains", {"name": ZONE})
    api.ctl.run("settings", "set", "domain.mx_hosts", "mx." + ZONE)
    path = "/domains/%s/dns" % ZONE
    said = wait_for("the setting is known", lambda: next(
        (a for a in [api.get(path)] if ["10 mx.%s." % ZONE] == [
            r["data"] for r in a["items"] if r["type"] == "MX"]), None))
    assert said["keys"] is True
    assert {r["status"] for r in said["items"]} == {"unchecked"}
    assert {r["status"] for r in api.get(path, check=True)["items"]} == \
        {"missing"}
    lines = [r["line"] for r in said["items"]]
    dns.change({ZONE: "\n".join(lines) + "\n"})
    # what a resolver remembers is not asked again
    checked = api.get(path, check=True)["items"]
    assert {r["status"] for r in checked} == {"ok"}, checked
    assert {(r["name"], r["type"]) for r in checked} == {
        (r["name"], r["type"]) for r in said["items"]}
    dns.change({ZONE: "@ TXT \"v=spf1 -all\"\n"})
    checked = api.get(path, check=True)["items"]
    spf = next(r for r in checked if r["data"].startswith("v=spf1"))
    assert (spf["status"], spf["found"]) == ("different", ["v=spf1 -all"])
    api.delete("/domains/%s/dkim/%s" % (
        ZONE, api.get("/domains/%s/dkim" % ZONE).items[0]["selector"]),
        match="*")
    dns.freeze()
    checked = api.get(path, check=True)["items"]
    dns.thaw()
    assert {r["status"] for r in checked} == {"unknown"}


def test_routes(api):
    r = api.post("/routes", {"pattern": "*", "hosts": "relay.example:587",
                             "tls": "must", "user": "u", "password": "pw1"},
                 201)
    assert r.json.pop("created")
    assert r.json == {"pattern": "*", "hosts": "relay.example:587",
                      "tls": "must", "user": "u", "note": "",
                      "password_set": True}
    api.post("/routes", {"pattern": "*", "hosts": "x"}, 409, "duplicate")
    api.post("/routes", {"pattern": ".Sub.example", "hosts": "a:0"}, 422)
    sub = api.post("/routes", {"pattern": ".Sub.example", "hosts": "a b"})
    assert sub["pattern"] == ".sub.example" and not sub["password_set"]
    assert sub["tls"] == "may"
    assert [x["pattern"] for x in api.all("/routes", limit=1)] == \
        ["*", ".sub.example"]
    # the password stays, and is told to nobody
    one = api.get("/routes/*")
    assert one.etag == r.etag
    new = api.put(one, {"hosts": "other.example", "tls": "implicit",
                        "user": "u", "note": "n"})
    assert new["password_set"] is True and new["note"] == "n"
    assert "pw1" not in new.text
    api.put(one, {"hosts": "third.example"}, 412)
    api.put(new, {"hosts": "other.example", "tls": "implicit", "user": "u",
                  "password": None}, 422)
    api.put(new, {"hosts": "other.example", "tls": "may", "user": "u",
                  "password": "pw2"}, 422)
    api.put(api.get("/routes/*"), {"hosts": "plain.example"})
    plain = api.get("/routes/*")
    assert plain["user"] == "" and plain["password_set"] is False
    api.delete(api.get("/routes/*"))
    api.get("/routes/*", 404)


def test_other_domains(api, n1):
    api.post("/domains", {"name": "his.example"})
    api.post("/domains", {"name": "other.example"})
    his = of_domain(api, n1, "his.example", "dom")
    assert [d["name"] for d in his.all("/domains")] == ["his.example"]
    assert his.get("/domains", search="other").items == []
    his.get("/domains/his.example")
    his.get("/domains/his.example/dns")
    his.get("/domains/his.example/dkim")
    for path in ("", "/dns", "/dkim"):
        his.get("/domains/other.example" + path, 404, "not_found")
    # to him domains are for reading
    his.patch(his.get("/domains/his.example"), {"note": "x"}, 403)
    his.post("/domains", {"name": "new.example"}, 403)
    his.get("/routes", 403)
    his.close()
    api.delete("/admins/dom", match="*")


def test_where_a_key_is(api):
    """Whatever the path said, a header has ASCII only."""
    api.post("/domains", {"name": "m\u00fcll.example"}, 201)
    made = api.post("/domains/m%C3%BCll.example/dkim",
                    {"algorithm": "ed25519", "selector": "s9"}, 201)
    assert made.headers["location"].endswith(
        "/domains/xn--mll-hoa.example/dkim/s9")
    api.delete("/domains/m%C3%BCll.example", match="*", status=204)
