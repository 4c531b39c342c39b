"""shoalctl queue, beside no node at all: straight from the share."""

import contextlib
import os
import sqlite3
import subprocess

import pytest

from rig.ctl import Ctl

MAIL = "From: a@example.org\r\nSubject: hello\r\n\r\nbody\r\n"


class Queue(Ctl):
    """A share in a local directory, and a probe that fills its queue."""

    def __init__(self, build, tmp_path):
        super().__init__(build, None, tmp_path / "local")
        share = tmp_path / "share"
        share.mkdir()
        self.url = str(share)
        self.run("share", "init", self.url)
        self.program = os.path.join(build, "tests/proto/queue_probe")

    def probe(self, *args, stdin=""):
        r = subprocess.run([self.program, self.url, *map(str, args)],
                           input=stdin, text=True, stdout=subprocess.PIPE,
                           check=False)
        assert r.returncode == 0, r.stdout
        return r.stdout.strip()

    def accept(self, bucket, sender, *rcpts):
        return self.probe("accept", bucket, sender, *rcpts, stdin=MAIL)

    def noted(self):
        """What the audit has of orders, oldest first."""
        with contextlib.closing(sqlite3.connect(
                os.path.join(self.local, "state.db"))) as db:
            return [(what, set(ids.split()), detail)
                    for what, ids, detail in db.execute(
                "SELECT what, object, detail FROM audit WHERE what LIKE"
                " 'queue.%' AND who LIKE 'ctl:%' ORDER BY rowid")]

    def rows(self, *args):
        return self.json("queue", "list", *args)

    def ids(self, *args):
        return {r["id"] for r in self.rows(*args)}


@pytest.fixture
def queue(build, tmp_path):
    return Queue(build, tmp_path)


def test_empty(queue):
    assert queue.rows() == []
    assert queue.run("queue", "list") == ""
    assert "no message 07-00" in queue.refused("queue", "show", "07-00")
    assert "no message x" in queue.refused("queue", "retry", "x")


def test_list_and_show(queue):
    a = queue.accept(3, "alice@example.org", "bob@example.net",
                     "carol@EXAMPLE.com")
    b = queue.accept(60, "", "alice@example.org")
    assert queue.ids() == {a, b}
    row = next(r for r in queue.rows() if r["id"] == a)
    assert row["to"] == ["bob@example.net", "carol@EXAMPLE.com"]
    assert row["state"] == "waiting" and row["size"] == len(MAIL)
    assert "bob@example.net and 1 more" in queue.run("queue", "list")

    assert queue.ids("--domain", "example.COM") == {a}
    assert queue.ids("--domain", "ample.com") == set()
    assert queue.ids("--from", "Alice@example.org") == {a}
    assert queue.ids("--from", "@example.org") == {a}
    assert queue.ids("--from", "<>") == {b}
    assert queue.ids("--held") == set()
    assert len(queue.rows("--limit", "1")) == 1
    assert len(queue.rows("--limit", "9" * 12)) == 2
    assert "and 1 more" in queue.run("queue", "list", "--limit", "1")

    queue.probe("outcome", 1, a, 0, "waiting", 2000000000, 451,
                "mx1.example.net: 451 4.7.1 later")
    queue.probe("outcome", 1, a, 1, "delivered", 0, 250, "fine")
    show = queue.json("queue", "show", a[:8])
    assert show["from"] == "alice@example.org"
    bob, carol = show["recipients"]
    assert bob["answer"] == "mx1.example.net: 451 4.7.1 later"
    assert (bob["tries"], bob["code"], bob["node"]) == (1, 451, "n1")
    assert bob["next_try"] == "2033-05-18T03:33:20Z"
    assert carol["state"] == "delivered" and carol["next_try"] is None
    text = queue.run("queue", "show", a)
    assert "mx1.example.net: 451 4.7.1 later" in text and "carol" in text
    assert queue.ids("--domain", "example.com") == set()
    r = queue.result("queue", "show", a, "--message")
    assert r.stdout.replace("\r\n", "\n") == MAIL.replace("\r\n", "\n")


def test_orders(queue):
    a = queue.accept(3, "alice@example.org", "bob@example.net")
    b = queue.accept(4, "dora@example.org", "bob@example.com")
    c = queue.accept(4, "dora@example.org", "bob@example.net")
    queue.run("queue", "hold", a, b)
    assert queue.ids("--held") == {a, b}
    queue.run("queue", "release", a)
    assert queue.ids("--held") == {b}
    queue.probe("outcome", 1, a, 0, "waiting", 2000000000, 451, "later")
    assert next(r for r in queue.rows() if r["id"] == a)["next_try"]
    queue.run("queue", "retry", "--domain", "example.net")
    assert next(r for r in queue.rows() if r["id"] == a)["next_try"] is None
    assert "2 messages" in queue.run("queue", "remove", "--from",
                                     "dora@example.org")
    assert queue.ids() == {a}
    assert "no message" in queue.refused("queue", "remove", b)
    # what can be done is done
    assert "no message" in queue.refused("queue", "remove", c, a)
    assert queue.ids() == set()
    assert os.listdir(queue.url + "/queue/03/msg") == []
    assert queue.noted() == [
        ("queue.hold", {a, b}, "2 messages"),
        ("queue.release", {a}, "1 message"),
        ("queue.retry", {a, c}, "2 messages, --domain example.net"),
        ("queue.remove", {b, c}, "2 messages, --from dora@example.org"),
        ("queue.remove", {a}, "1 message")]


def test_orders_are_noted(queue):
    """Where that cannot be, nothing is ordered."""
    a = queue.accept(3, "alice@example.org", "bob@example.net")
    queue.run("queue", "hold", "--domain", "nobody.example")
    queue.refused("queue", "remove", "03-nobody")
    assert queue.noted() == []
    os.rename(queue.url + "/state", queue.url + "/away")
    queue.refused("queue", "remove", a)
    queue.refused("queue", "remove", "--all")
    assert queue.ids() == {a}
    os.rename(queue.url + "/away", queue.url + "/state")
    queue.run("queue", "remove", a)
    assert queue.ids() == set()
    assert queue.noted() == [("queue.remove", {a}, "1 message")]


def test_orders_name_something(queue):
    a = queue.accept(3, "alice@example.org", "bob@example.net")
    for args in ([], [a, "--all"], ["--all", "--held"], [a, "--held"]):
        assert "give either" in queue.refused("queue", "hold", *args)
    queue.run("queue", "hold", "--all")
    assert queue.ids("--held") == {a}
    queue.run("queue", "hold", "--all")
