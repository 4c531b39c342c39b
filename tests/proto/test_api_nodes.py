"""The API: nodes, locks, the share, overview, settings, certificates, audit."""

import imaplib
import subprocess
import time

import pytest

from rig.api import Api
from rig.line import tls_context
from rig.wait import wait_for

SHOAL = {"accounts": 4, "workers": 2,
         "conf": 'settings { queue.lifetime = "3d" }\n'}


@pytest.fixture(scope="module")
def root(cluster):
    with Api(cluster["n1"]) as a:
        yield a.invite_and_sign_in("root")


def certificate(place, name, days=90):
    base = "%s/%s" % (place.path, name)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:P-256", "-nodes", "-keyout", base + ".key",
         "-out", base + ".crt", "-days", str(days), "-subj", "/CN=" + name,
         "-addext", "subjectAltName=DNS:%s" % name],
        check=True, capture_output=True)
    with open(base + ".crt") as crt, open(base + ".key") as key:
        return {"chain": crt.read(), "key": key.read()}


def nodes(api):
    return {n["name"]: n for n in api.all("/nodes", limit=1)}


def seen(api, name, what, seconds=20, **wanted):
    """The node, once it is like that."""
    return wait_for(what, lambda: next(
        (n for n in [nodes(api).get(name)] if n and all(
            n[k] == v for k, v in wanted.items())), None), seconds)


@pytest.fixture
def imap_at(cluster):
    """Whether that login works there, on a connection of its own."""
    def login(node, address, password):
        client = imaplib.IMAP4_SSL(*cluster[node].of("imaps"),
                                   ssl_context=tls_context())
        try:
            return client.login(address, password)[0] == "OK"
        except imaplib.IMAP4.error:
            return False
        finally:
            client.logout()

    return login


# --- nodes

def test_nodes(root, n1, n2):
    one = seen(root, "n1", "n1 is ready", life="alive", ready="ready")
    two = seen(root, "n2", "n2 is ready", life="alive", ready="ready")
    assert one["self"] and not two["self"]
    assert one["id"] != two["id"] and one["session"] != two["session"]
    assert one["version"] == two["version"]
    assert one["certificate"] == "self" and one["sends"]
    assert two["joined"] and two["note"] == "" and not two["drain"]
    for key in ("id", "name"):
        said = root.get("/nodes/" + two[key])
        assert said["id"] == two["id"] and said.etag
    root.get("/nodes/nobody", 404, "not_found")
    # rates are there once two leases could be compared
    assert seen(root, "n1", "rates", 30, life="alive")
    wait_for("rates", lambda: nodes(root)["n2"]["rates"], 30)


def test_a_reader_costs_the_share_nothing(root, n1):
    """Any worker answers from the board: no call waits for the share."""
    took = []
    for _ in range(20):
        began = time.monotonic()
        with root.another() as other:
            other.get("/nodes")
        took.append(time.monotonic() - began)
    assert sorted(took)[2] < 0.5, took


def test_locks(root, n1):
    """Before nodes are drained: the others ask for the lock once a minute."""
    def held():
        k = {k["resource"]: k for k in root.all("/locks", limit=7)}["jobs"]
        return k["state"] == "held" and k

    lock = wait_for("somebody has the jobs", held, 90)
    assert lock["node"] in ("n1", "n2") and lock["token"] >= 1
    assert lock["since"] and lock["age_s"] < 600


def test_history(root, n1, n2):
    def samples():
        said = root.get("/nodes/history")
        assert said["step_s"] == 30
        found = {n["name"]: n["samples"] for n in said["nodes"]}
        return found if found["n1"] and found["n2"] else None

    found = wait_for("a sample of each", samples, 90)
    assert found["n1"][0]["sessions"] >= 0


def test_drain_and_note(root, n1, n2):
    seen(root, "n2", "n2 is ready", life="alive", ready="ready")
    node = root.get("/nodes/n2")
    root.patch("/nodes/n2", {"note": "x"}, 428, "precondition_required")
    root.patch("/nodes/n2", {"note": "x"}, 412, "precondition_failed",
               match='"other"')
    changed = root.patch(node, {"note": "in the cellar", "drain": True})
    assert changed["note"] == "in the cellar" and changed["drain"]
    assert changed.etag != node.etag
    # whoever looks sees it within seconds
    seen(root, "n2", "it drains", 20, ready="draining")
    root.patch(node, {"drain": False}, 412, "precondition_failed")
    words = root.get("/share")["words"]
    assert ("node_draining", "n2") in [(w["code"], w["object"]) for w in words]
    assert root.patch(changed, {"drain": False})["note"] == "in the cellar"
    seen(root, "n2", "it serves", 20, ready="ready")


def test_drain_the_node_that_answers(root, n1):
    """What was asked is answered; who comes again is served."""
    with root.another() as other:
        node = other.get("/nodes/n1")
        node = other.patch(node, {"drain": True})
        assert node["drain"]
        wait_for("it drains", lambda: n1.http("/health/ready")[0] == 503, 20)
        other.patch(node, {"drain": False})
        n1.wait_ready()


def test_remove(root, cluster, n1):
    node = cluster.make("gone")
    node.start()
    seen(root, "gone", "it is known")
    said = root.get("/nodes/gone")
    answer = root.delete(said, status=409, code="conflict")
    assert "lives" in answer["detail"] or "known yet" in answer["detail"]
    node.stop()
    seen(root, "gone", "it has left", 20, life="left")
    root.delete(root.get("/nodes/gone"), status=204)
    assert "gone" not in nodes(root)
    root.get("/nodes/gone", 404, "not_found")


def test_invite(root, place, ctl):
    said = root.post("/nodes/invites", status=201)
    assert said["code"].startswith("shoal1.") and said["expires"]
    # n2 was invited by shoalctl
    rows = root.all("/audit", what="node.invite")
    assert {r["who"].split(":")[0] for r in rows} == {"admin", "ctl"}
    assert {r["detail"] for r in rows} == {"valid for 86400 s"}
    local = place.mkdir("joined")
    ctl.result("join", said["code"], "--local", local)
    assert "belongs to this cluster already" in ctl.result(
        "join", said["code"], "--local", local).stdout


# --- share and overview

def test_share(root, n1, ctl):
    def calm():
        """Nodes that were drained serve again, and none waits for the
        share."""
        said = root.get("/share")
        return said if {w["code"] for w in said["words"]} == {
            "cert_self"} else None

    said = wait_for("nothing else to be said", calm, 60)
    assert said["level"] == "warn" and not said["away"]
    assert said["uuid"] == ctl.json("status")["uuid"]
    assert said["total_bytes"] >= said["free_bytes"] > 0
    assert said["state"]["readonly"] is None
    assert said["state"]["schema"] == ctl.json("status")["state_schema"]


def test_overview(root, n1, n2):
    said = root.get("/overview")
    assert said["domains"] == 1 and said["accounts"] == 4
    assert said["answers"] == "n1"
    assert said["nodes"]["total"] >= 2 and said["nodes"]["alive"] >= 1
    assert said["queue"] == {"messages": 0, "held": 0, "oldest": None,
                             "failing_domains": []}
    assert said["rates"]["logins"] >= 0
    wait_for("nothing but certificates", lambda: all(
        p["code"] == "cert_self" for p in root.get("/overview")["problems"]),
        60)


# --- settings

def test_settings(root, n1, n2, ctl):
    items = {s["name"]: s for s in root.all("/settings", limit=10)}
    assert len(items) == len(ctl.json("settings", "list"))
    assert items["queue.lifetime"]["node_value"] == "3d"
    assert items["imap.errors_max"]["node_value"] is None
    assert items["auth.allow_plaintext"]["type"] == "bool"
    one = root.get("/settings/audit.keep")
    assert one["is_default"] and one["type"] == "duration"
    for bad in ("", "soon", "-1", "99999999d"):
        answer = root.put(one, {"value": bad}, 422, "bad_field")
        assert answer["pointer"] == "/value"
    root.put("/settings/no.such", {"value": "1"}, 404, "not_found", match="*")
    new = root.put(one, {"value": "30d"})
    assert new["value"] == "30d" and not new["is_default"]
    root.put(one, {"value": "31d"}, 412, "precondition_failed")
    with root.another(n2) as other:     # waits for what root has seen
        assert other.get("/settings/audit.keep")["value"] == "30d"
    root.delete(new, status=204)
    assert root.get("/settings/audit.keep")["is_default"]


def test_any_worker_changes(root, n1):
    """Each worker has a way to change the state; none sees an old one."""
    for i, worker in enumerate(n1.workers_now() * 8):
        with root.another() as other:
            with n1.only(worker):
                other.connect()
            said = other.get("/settings/imap.errors_max")
            root.entry = other.entry
            said = other.put(said, {"value": str(10 + i)})
            assert said["value"] == str(10 + i)
            root.entry = other.entry
    assert root.get("/settings/imap.errors_max")["value"] == "25"
    assert {line["worker"] for line in n1.log(event="http")} >= {0, 1}
    root.delete("/settings/imap.errors_max", match="*")


def test_what_one_worker_makes_all_know(root, n1, imap_at):
    """Accounts made over connections that any worker may have taken log in at
    once, wherever the kernel brings them."""
    for i, worker in enumerate(n1.workers_now() * 4):
        address = "made%d@example.org" % i
        with root.another() as other:
            with n1.only(worker):
                other.connect()
            other.post("/accounts", {"address": address,
                                     "password": "correct horse"}, 201)
            root.entry = other.entry
        for node in ("n1", "n2"):
            wait_for("%s logs in at %s" % (address, node),
                     lambda: imap_at(node, address, "correct horse"), 20)
    with root.another() as other:       # worker 0's, in the end
        assert len(other.all("/accounts", search="made")) == 8


# --- certificates

def test_certificates(root, n1, place):
    pair = certificate(place, "mail.example.org")
    other = certificate(place, "other.example.org")
    for bad in ({**pair, "key": other["key"]}, {**pair, "chain": "x"}):
        root.post("/certificates", bad, 422)
    made = root.post("/certificates", pair, 201)
    assert made["names"] == ["mail.example.org"] and made["expires"]
    assert "key" not in made.json
    assert [c["id"] for c in root.all("/certificates")] == [made["id"]]
    wait_for("the node uses it", lambda: n1.metrics()[
        "shoal_certificate_self_signed"] == 0, 20)
    seen(root, "n1", "it says so", 20, certificate="state")
    root.delete("/certificates/" + made["id"], status=204)
    root.delete("/certificates/" + made["id"], status=404)
    assert root.all("/certificates") == []


# --- audit and who may

def test_audit(root, n1, ctl):
    root.delete(root.put(root.get("/settings/trace.keep"), {"value": "5d"}))
    rows = root.all("/audit", limit=5)
    assert [r["id"] for r in rows] == sorted((r["id"] for r in rows),
                                             reverse=True)
    assert any(r["who"] == "admin:root" and r["what"] == "settings.set"
               for r in rows)
    only = root.all("/audit", who="ADMIN:", what="settings", object="trace")
    assert {r["what"] for r in only} == {"settings.set"} and len(only) == 2
    assert {r["object"] for r in root.all("/audit", object="u0@")} == {
        "u0@example.org"}
    ctl.run("domain", "add", "example.net")
    with Api(n1) as dom:
        dom.invite_and_sign_in("dora", role="domain", domain="example.org")
        seen_ = dom.all("/audit")
        assert {r["what"].split(".")[0] for r in seen_} <= {
            "domain", "account", "dkim"}
        assert not any("example.net" in r["object"] for r in seen_)
        assert len(dom.all("/audit", domain="example.org")) == len(seen_)
        dom.get("/audit", 404, domain="example.net")
        for path in ("/nodes", "/share", "/overview", "/locks", "/settings",
                     "/certificates", "/nodes/history"):
            dom.get(path, 403, "forbidden")


def test_readonly(root, n1):
    with Api(n1) as reader:
        reader.invite_and_sign_in("rita", role="readonly")
        for path in ("/nodes", "/share", "/overview", "/locks", "/settings",
                     "/certificates", "/nodes/history", "/audit"):
            reader.get(path)
        reader.patch("/nodes/n1", {"drain": True}, 403, "forbidden", match="*")
        reader.post("/nodes/invites", status=403, code="forbidden")
        reader.put("/settings/audit.keep", {"value": "9d"}, 403, "forbidden",
                   match="*")
        reader.delete("/nodes/n1", status=403, code="forbidden", match="*")
