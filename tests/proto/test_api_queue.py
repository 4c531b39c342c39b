"""The API: the queue with real messages, and the trace of what became of mail.

A host for sink.example listens on an address of loopback of its own; one for
down.example only where a test says so.
"""

import os
import threading
import time

import pytest

from rig.api import Api
from rig.dnsserver import DnsServer
from rig.ports import ports
from rig.sink import Sink
from rig.wait import wait_for

SINK = "127.0.79.25"
DOWN = "127.0.79.26"
DNS = DnsServer({"sink.example": "@ MX 10 mx\nmx A %s\n" % SINK,
                 "down.example": "@ MX 10 mx\nmx A %s\n" % DOWN})
PORT = ports.take(SINK)
SHOAL = {
    "accounts": 20, "workers": 2, "conf": DNS.conf(),
    "settings": {"queue.retry_first": "1h", "queue.port": PORT},
}
MESSAGE = "Subject: %s\nMessage-ID: <%s@sent.example>\n\nhello, %s\n"


@pytest.fixture(scope="module")
def root(cluster):
    with Api(cluster["n1"]) as a:
        yield a.invite_and_sign_in()


@pytest.fixture
def api(root, ctl):
    yield root
    # which looks at the share itself; a worker's list may be 3 s old
    ctl.run("queue", "remove", "--all")
    wait_for("an empty queue", lambda: not root.all("/queue"), 20)


@pytest.fixture
def send(submit, account):
    """send(subject, *to): what our account writes to the world."""
    def make(subject, *to, body=None):
        c = submit(account)
        c.deliver(body or MESSAGE % (subject, subject, subject), *to,
                  sender=account.address)
        c.cmd("QUIT", 221)
    return make


@pytest.fixture(scope="module")
def others(root, cluster):
    """Administrators: of example.org, and of a domain that has nothing to do
    with it."""
    root.post("/domains", {"name": "else.example"})
    made = [Api(cluster["n1"]).invite_and_sign_in(
        "of-" + d.split(".")[0], role="domain", domain=d)
        for d in ("example.org", "else.example")]
    yield made
    for a in made:
        a.close()


def listed(api, n, seconds=20, tried=False, **query):
    """The messages, when there are n of them.  tried: and each was, so that
    nobody finds out that the sink has gone when the test is over: that would
    hold up the next one's mail."""
    def ready():
        found = api.all("/queue", **query)
        return found if len(found) == n and not (
            tried and any(m["tries"] == 0 for m in found)) else None
    return wait_for("%d messages with %s" % (n, query), ready, seconds)


def noted(api):
    """What the audit has of orders, in their order."""
    return [(r["what"], r["object"], r["detail"], r["who"])
            for r in reversed(api.all("/audit", what="queue."))]


def test_deferred(api, sink, send, account):
    sink.rule("RCPT", "451 4.7.1 greylisted, wait")
    send("deferred", "b@sink.example", "c@sink.example")
    m, = listed(api, 1, tried=True)
    assert m["from"] == account.address and m["state"] == "waiting"
    assert sorted(m["to"]) == ["b@sink.example", "c@sink.example"]
    assert m["waiting"] == 2
    assert (m["tries"], m["code"], m["node"]) == (1, 451, "n1")
    assert "greylisted" in m["answer"] and m["next"] > m["arrived"]
    one = api.get("/queue/" + m["id"])
    assert {k: one[k] for k in m} == m
    assert {(r["address"], r["state"], r["tries"], r["code"])
            for r in one["recipients"]} == {
        ("b@sink.example", "waiting", 1, 451),
        ("c@sink.example", "waiting", 1, 451)}
    assert one["account"] and one["trace"]
    text = api.get("/queue/" + m["id"] + "/message").text
    assert "Subject: deferred" in text and "hello, deferred" in text

    # which messages
    for query, found in (({"domain": "SINK.example"}, True),
                         ({"domain": "example"}, False),
                         ({"from": "@example.org"}, True),
                         ({"from": "x" + account.address}, False),
                         ({"state": "waiting"}, True),
                         ({"state": "held"}, False),
                         ({"search": "GREYL"}, True),
                         ({"search": m["id"][:9]}, True),
                         ({"search": "deferred"}, False)):
        assert [x["id"] for x in api.get("/queue", **query).items] == (
            [m["id"]] if found else []), query

    # two who collide; each order is one that was meant
    path = "/queue/" + m["id"]
    api.post(path + "/hold", status=428, code="precondition_required")
    held = api.post(path + "/hold", match=one)
    assert held["state"] == "held" and held.etag != one.etag
    assert api.get("/queue", state="held").items[0]["id"] == m["id"]
    api.post(path + "/retry", match=one, status=412)
    api.delete(path, match=one, status=412)
    sink.clear()
    free = api.post(path + "/release", match=held)
    assert free["state"] == "waiting"
    retried = api.post(path + "/retry", match=free)
    assert retried["next"] is None or retried["tries"] > 1
    assert sink.wait(seconds=20).header("Subject") == ["deferred"]
    wait_for("it has gone", lambda: api.get(path, {200, 404}).status == 404)

    # what was ordered stands beside what else became of it
    def ordered():
        return [e for g in api.get("/trace", q=m["id"])["groups"]
                for e in g["events"] if e["e"] == "order"]
    wait_for("its orders", lambda: len(ordered()) == 3)
    assert [(e["verdict"], e["user"]) for e in ordered()] == [
        (o, "admin:root") for o in ("hold", "release", "retry")]
    api.post(path + "/retry", match="*", status=404)
    # what was refused was not ordered
    assert [r for r in noted(api) if r[1] == m["id"]] == [
        ("queue." + o, m["id"], "1 message", "admin:root")
        for o in ("hold", "release", "retry")]
    api.get("/queue/07-000000000000-0", 404, "not_found")
    api.get("/queue/" + m["id"][:6], 404)


def test_retry_of_the_untried(api, send):
    """Nobody answers there, so the second message is not even tried: now it
    is."""
    send("first", "a@down.example")
    first, = listed(api, 1, tried=True)
    assert first["code"] is None and "4.4.1" in first["answer"]
    send("second", "b@down.example")
    second = next(m for m in listed(api, 2) if m["id"] != first["id"])
    assert (second["tries"], second["answer"], second["next"]) == (0, None,
                                                                   None)
    with Sink(DOWN, PORT, name="mx.down.example") as there:
        api.post("/queue/" + second["id"] + "/retry", match="*")
        assert there.wait(seconds=20).header("Subject") == ["second"]
        left, = listed(api, 1)
        assert left["id"] == first["id"]


def test_any_node(api, sink, send, n2):
    """Whichever node answers, whichever holds the bucket."""
    sink.rule("RCPT", "451 4.7.1 wait")
    with api.another(n2) as other:
        for i in range(4):
            send("any%d" % i, "r%d@sink.example" % i)
        found = listed(other, 4, tried=True)
        one = other.get("/queue/" + found[0]["id"])
        held = other.post("/queue/" + one["id"] + "/hold", match=one)
        assert held.etag != one.etag
        # the first node knows it at once, and in its list soon
        assert api.get("/queue/" + one["id"]).etag == held.etag
        listed(api, 1, state="held")
        sink.clear()
        for m in found:
            other.post("/queue/" + m["id"] + "/retry", match="*")
        wait_for("the others have gone", lambda: len(sink.messages) == 3, 20)
        left, = listed(api, 1)
        assert left["id"] == one["id"] and left["state"] == "held"
        assert sorted(m.header("Subject")[0] for m in sink.messages) == \
            sorted("any%d" % i for i in range(4)
                   if "r%d@sink.example" % i not in left["to"])
        api.post("/queue/" + one["id"] + "/release", match="*")
        wait_for("an empty queue", lambda: not other.all("/queue"), 20)


def test_many(api, sink, send):
    sink.rule("RCPT", "451 4.7.1 wait")
    for i in range(5):
        send("m%d" % i, "r%d@sink.example" % i)
    found = listed(api, 5, tried=True)
    assert [m["to"] for m in found] == \
        [["r%d@sink.example" % i] for i in range(5)] or \
        [m["arrived"] for m in found] == sorted(m["arrived"] for m in found)
    for limit in (1, 2, 5):
        assert [m["id"] for m in api.all("/queue", limit=limit)] == \
            [m["id"] for m in found]
    ids = [m["id"] for m in found]
    done = api.post("/queue/orders", {"order": "hold", "ids": ids[:3] +
                                      ["11-0123456789ab-0"]})
    assert done["done"] == 3
    assert [f["id"] for f in done["failed"]] == ["11-0123456789ab-0"]
    assert "no message" in done["failed"][0]["detail"]
    assert [m["id"] for m in api.all("/queue", state="held")] == ids[:3]
    # one row, of all that was asked
    before = noted(api)
    assert ("queue.hold", " ".join(ids[:3] + ["11-0123456789ab-0"]),
            "4 messages", "admin:root") in before
    done = api.post("/queue/orders", {"order": "hold", "ids": ["x", "99-y"]})
    assert (done["done"], len(done["failed"])) == (0, 2)
    assert noted(api) == before
    api.post("/queue/orders", {"order": "burn", "ids": ids}, 422)
    api.post("/queue/orders", {"order": "hold", "ids": ids * 201}, 422)
    api.delete(api.get("/queue/" + ids[0]))
    done = api.post("/queue/orders", {"order": "remove", "ids": ids})
    assert done["done"] == 4
    assert [f["id"] for f in done["failed"]] == ids[:1]
    assert len(noted(api)) == len(before) + 2
    assert {("queue.remove", " ".join(ids), "5 messages", "admin:root"),
            ("queue.remove", ids[0], "1 message", "admin:root")} <= set(
        noted(api))


def test_long_message(api, sink, send):
    sink.rule("RCPT", "451 4.7.1 wait")
    send("", "a@sink.example", body="Subject: long\n\n" +
         ("x" * 70 + "\n") * 3000 + "the end\n")
    m, = listed(api, 1, tried=True)
    text = api.get("/queue/" + m["id"] + "/message").text
    assert "Subject: long\r\n" in text and "the end" not in text
    assert 64 << 10 <= len(text) < 80 << 10
    assert text.endswith("[there is more]\r\n")


def test_whose(api, sink, send, others):
    his, stranger = others
    sink.rule("RCPT", "451 4.7.1 wait")
    send("whose", "a@sink.example")
    m, = listed(api, 1, tried=True)
    path = "/queue/" + m["id"]
    assert [x["id"] for x in his.all("/queue")] == [m["id"]]
    assert his.get(path).json == api.get(path).json
    assert "Subject: whose" in his.get(path + "/message").text
    # to him the queue is for looking
    his.post(path + "/hold", match="*", status=403)
    his.post("/queue/orders", {"order": "remove", "ids": [m["id"]]}, 403)
    # nor does he see who does, though it is his domain's mail
    api.post(path + "/hold", match="*")
    assert m["id"] in [r[1] for r in noted(api)]
    assert noted(his) == noted(stranger) == []
    assert m["id"] not in str(his.all("/audit"))
    assert stranger.all("/queue") == []
    assert stranger.all("/queue", search=m["id"]) == []
    for p in (path, path + "/message"):
        stranger.get(p, 404, "not_found")


# --- trace

def traced(api, q, want, seconds=20, **query):
    """Groups, when the kinds of the first one's events are these."""
    def ready():
        groups = api.get("/trace", q=q, **query)["groups"]
        kinds = [e["e"] for g in groups[:1] for e in g["events"]]
        return groups if sorted(kinds) == sorted(want) else None
    return wait_for("%s of %s" % (want, q), ready, seconds)


def test_trace(api, sink, send, account, others, n2):
    his, stranger = others
    send("traced", "a@sink.example", account.address)
    sink.wait()
    groups = traced(api, "<traced@sent.example>", ["smtp", "relay", "relay"])
    assert len(groups) == 1
    heard = next(e for e in groups[0]["events"] if e["e"] == "smtp")
    relay = next(e for e in groups[0]["events"] if "host" in e)
    assert relay["rcpt"] == ["a@sink.example"]
    assert [e["t"] for e in groups[0]["events"]] == \
        sorted(e["t"] for e in groups[0]["events"])
    assert heard["at"].endswith("Z") and len(heard["at"]) == 24
    assert "> MAIL FROM:<%s>" % account.address in "\n".join(heard["log"])
    assert any(x.startswith("> RCPT TO:<a@sink.example>")
               for x in relay["log"])
    # whatever of it is asked for, whoever of the cluster answers
    for q in (heard["id"], relay["queue"], "a@sink.example",
              account.address.upper()):
        assert groups[0] in api.get("/trace", q=q)["groups"], q
    with api.another(n2) as other:
        assert groups[0] in other.get("/trace", q=relay["queue"])["groups"]
    # when
    assert api.get("/trace", q=heard["id"],
                   until="2020-01-01T00:00:00Z").json == {"groups": [],
                                                          "more": False}
    assert groups[0] in api.get("/trace", q=heard["id"],
                                since=heard["at"])["groups"]
    api.get("/trace", 422)
    api.get("/trace", 422, q="")
    api.get("/trace", 422, q="x", since="yesterday")
    # whose
    assert groups[0] in his.get("/trace", q="@example.org")["groups"]
    assert groups[0] in his.get("/trace", q=relay["queue"])["groups"]
    for q in (heard["id"], relay["queue"], "a@sink.example", "@example.org",
              account.address, "<traced@sent.example>", "127.0.0.1"):
        assert stranger.get("/trace", q=q).json["groups"] == [], q


def test_trace_delivered(api, deliver, account, others):
    """From outside to one here."""
    his, stranger = others
    deliver("Message-ID: <in@far.example>\n\nhello\n", account.address,
            sender="bob@far.example")
    group, = traced(api, "in@far.example", ["smtp", "deliver"])
    assert his.get("/trace", q="bob@far.example")["groups"] == [group]
    for q in ("bob@far.example", "@far.example", "in@far.example",
              account.address):
        assert stranger.get("/trace", q=q)["groups"] == []


def test_trace_of_two_domains(api, deliver, account, others):
    """One transaction, for people of two domains: each domain's administrator
    sees what concerns his."""
    api.post("/accounts", {"address": "secret@else.example"}, 201)
    deliver("Message-ID: <both@far.example>\n\nhello\n", account.address,
            "secret@else.example", sender="bob@far.example")
    whole, = traced(api, "both@far.example", ["smtp", "deliver", "deliver"])
    for who, own, foreign in zip(
            others, (account.address, "secret@else.example"),
            ("secret@else.example", account.address)):
        for q in ("both@far.example", own):
            group, = who.get("/trace", q=q)["groups"]
            assert sorted(e["e"] for e in group["events"]) == ["deliver",
                                                               "smtp"]
            smtp = next(e for e in group["events"] if e["e"] == "smtp")
            assert smtp["rcpt"] == [own] and smtp["log"] == []
            assert len(smtp["codes"]) == 1
            assert foreign not in str(group)
    smtp = next(e for e in whole["events"] if e["e"] == "smtp")
    assert len(smtp["rcpt"]) == len(smtp["codes"]) == 2 and smtp["log"]


def test_searches_at_once(api, cluster):
    """A search is long where there is much to read: of six that come together
    the two workers turn some away, and the rest is answered."""
    day = os.path.join(cluster.share.url, "trace",
                       time.strftime("%Y%m%d", time.gmtime()))
    os.makedirs(day, exist_ok=True)
    hole = os.path.join(day, "n9-0-1")
    said = []

    def ask(client):
        said.append(client.get("/trace", {200, 503}, q="nobody@far.example"))

    # more than can be read in the time of a search
    with open(hole, "wb") as f:
        f.truncate(1 << 38)
    try:
        clients = [api.another() for _ in range(6)]
        for c in clients:
            c.get("/session")           # connected
        threads = [threading.Thread(target=ask, args=(c,)) for c in clients]
        for t in threads:
            t.start()
        # of three of a worker one is refused at once
        wait_for("two are turned away", lambda: len(said) >= 2, 15)
        os.truncate(hole, 0)
        for t in threads:
            t.join()
    finally:
        os.unlink(hole)
    refused = [a for a in said if a.status == 503]
    assert len(said) == 6 and 2 <= len(refused) <= 4, said
    assert all(int(a.headers["retry-after"]) > 0 for a in refused)
    assert all(a["groups"] == [] for a in said if a.status == 200)
    # and it is over
    assert api.get("/trace", q="nobody@far.example").status == 200
    for c in clients:
        c.close()
