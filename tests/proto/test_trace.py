"""shoalctl trace: what all nodes wrote down, also those that are gone."""

import json
import re
import time

import pytest

from rig.wait import wait_for
from smtp_common import message

SHOAL = {"accounts": 30}


@pytest.fixture
def trace(ctl):
    def trace(query, *args):
        r = ctl.result("trace", query, *args, as_json=True)
        if r.returncode == 1 and "nothing is known" in r.stderr:
            return []
        assert r.returncode == 0, r
        return [json.loads(line) for line in r.stdout.splitlines()]
    return trace


@pytest.fixture
def events(trace):
    """events(query, n): as soon as there are n of them."""
    def events(query, n, seconds=20):
        return wait_for("%d events of %s" % (n, query), lambda: (
            lambda e: e if len(e) >= n else None)(trace(query)), seconds)
    return events


def kinds(found):
    return [e["e"] for e in found]


def test_delivered(smtp, account, events, trace, ctl):
    c = smtp("n1")
    c.hello()
    mark = "m%d@trace.example" % time.time_ns()
    said = c.deliver("Message-ID: <%s>\r\nSubject: s\r\n\r\nthe-body\r\n" %
                     mark, account.address, sender="bob@example.net")
    found = events(account.address, 2)
    assert kinds(found) == ["deliver", "smtp"]
    deliver, heard = found
    assert heard["id"] == deliver["id"] and heard["id"] in str(said)
    for e in found:
        assert e["node"] == "n1" and e["msgid"] == "<%s>" % mark
        assert e["from"] == "bob@example.net" and e["verdict"] == "accepted" \
            or e["verdict"] == "delivered"
        assert abs(e["t"] / 1000 - time.time()) < 120
    assert heard["rcpt"] == [account.address] and heard["codes"] == ["250"]
    assert heard["code"] == 250 and heard["ip"] == "127.0.0.1"
    assert heard["helo"] and heard["bytes"] == deliver["bytes"] > 50
    assert deliver["rcpt"] == account.address and deliver["account"]
    log = "\n".join(heard["log"])
    assert "> MAIL FROM:<bob@example.net>" in log and "< 250 2." in log
    assert "> DATA\n< 250 2.0.0 delivered" in log
    assert "the-body" not in json.dumps(found)
    # whatever of it is asked for
    for query in ("<%s>" % mark, mark.upper(), heard["id"]):
        assert trace(query) == found, query
    assert heard in trace("127.0.0.1") and heard in trace("bob@example.net")
    assert heard in trace("@example.net")
    # for people
    text = ctl.run("trace", mark)
    assert re.match(r"transaction %s\n  20\S+Z n1 deliver " % heard["id"],
                    text), text
    assert "> DATA" not in text
    assert "> DATA" in ctl.run("trace", mark, "--transcript")


def test_refused(smtp, account, events):
    c = smtp("n1")
    c.hello()
    c.cmd("MAIL FROM:<eve@refused.example>", 250)
    c.cmd("RCPT TO:<nobody-at-all@example.org>", 550)
    c.cmd("RCPT TO:<x@elsewhere.example>", 550)
    c.cmd("RSET", 250)
    e, = events("eve@refused.example", 1)
    assert (e["verdict"], e["codes"]) == ("refused", ["550", "550"])
    assert e["rcpt"] == ["nobody-at-all@example.org", "x@elsewhere.example"]
    assert events("x@elsewhere.example", 1) == [e]
    assert events(e["id"], 1) == [e]
    assert "> RSET" in e["log"][-2]
    # at MAIL
    c.cmd("MAIL FROM:<eve2@refused.example> SIZE=99999999999", 552)
    e, = events("eve2@refused.example", 1)
    assert (e["verdict"], e["code"]) == ("refused", 552)
    # what came before is not told again
    assert "eve@refused.example" not in json.dumps(e)


def test_dropped(smtp, account, events):
    c = smtp("n1")
    c.hello()
    c.cmd("MAIL FROM:<rset@dropped.example>", 250)
    c.cmd("RCPT TO:<%s>" % account, 250)
    c.cmd("RSET", 250)
    c.cmd("MAIL FROM:<lost@dropped.example>", 250)
    c.cmd("RCPT TO:<%s>" % account, 250)
    c.close()
    c = smtp("n1")
    c.hello()
    c.cmd("MAIL FROM:<half@dropped.example>", 250)
    c.cmd("RCPT TO:<%s>" % account, 250)
    c.cmd("DATA", 354)
    c.send(b"Subject: half\r\n")
    c.close()
    assert events("rset@dropped.example", 1)[0]["verdict"] == "dropped"
    assert events("lost@dropped.example", 1)[0]["verdict"] == "dropped"
    e, = events("half@dropped.example", 1)
    assert (e["verdict"], e["code"]) == ("deferred", 421)


def test_lmtp(lmtp, cluster, events):
    """A transaction of many recipients is one event, and one each for where it
    was put."""
    one, two = cluster.share.take(), cluster.share.take()
    c = lmtp("n1")
    c.hello(verb="LHLO")
    c.cmd("MAIL FROM:<lmtp@trace.example>", 250)
    for to in (one, two, "nobody@example.org"):
        c.cmd("RCPT TO:<%s>" % to, 550 if to == "nobody@example.org" else 250)
    c.cmd("DATA", 354)
    c.send(b"Subject: x\r\n\r\nx\r\n.\r\n")
    c.reply(250)
    c.reply(250)
    found = events("lmtp@trace.example", 3)
    assert sorted(kinds(found)) == ["deliver", "deliver", "smtp"]
    assert len({e["id"] for e in found}) == 1
    heard = next(e for e in found if e["e"] == "smtp")
    assert heard["codes"] == ["250", "250", "550"]
    assert heard["verdict"] == "accepted"
    # who asks for one recipient sees what else became of the message
    assert events(str(one), 3) == found


def test_secrets(smtp, events):
    c = smtp("n1")
    c.hello()
    c.cmd("PASS secret-word", 500)
    c.cmd("MAIL FROM:<secret@trace.example>", 250)
    c.cmd("QUIT", 221)
    e, = events("secret@trace.example", 1)
    assert "> (no command)" in e["log"]
    assert "secret-word" not in json.dumps(e)


def test_auth_is_secret(submit, events):
    """Nor what stands where a mechanism should."""
    c = submit()
    c.cmd("AUTH c2VjcmV0LXdvcmQ=", 504)
    c.cmd("AUTH PLAIN\tAHgAc2VjcmV0LXdvcmQ=", 504)
    c.cmd("auth login c2VjcmV0LXdvcmQ=", 334)
    c.cmd("c2VjcmV0LXdvcmQ=", 535)
    c.cmd("MAIL FROM:<auth@trace.example>", 530)
    e, = events("auth@trace.example", 1)
    assert [line for line in e["log"] if "AUTH" in line] == \
        ["> AUTH", "> AUTH", "> AUTH login"]
    assert "c2VjcmV0LXdvcmQ" not in json.dumps(e)


def test_stopped_and_killed(cluster, smtp, deliver, events, trace):
    """A node that stops writes what it has; one that is killed leaves what is
    older than a moment."""
    first, second = cluster.share.take(), cluster.share.take()
    third = cluster.share.take()
    n1, n2 = cluster["n1"], cluster["n2"]
    deliver(message(), first, node=n1)
    n1.stop()
    assert [e["node"] for e in trace(str(first))] == ["n1", "n1"]
    n1.start()
    deliver(message(), second, node=n1)
    deliver(message(), third, node=n2)
    before = events(str(second), 2)
    n1.kill()
    assert trace(str(second)) == before
    assert [e["node"] for e in events(str(third), 2)] == ["n2", "n2"]
    assert len(trace(str(first))) == 2
    n1.start(90)
    deliver(message(), second, node=n1)
    assert len(events(str(second), 4)) == 4


def test_times(account, deliver, events, ctl):
    day = time.strftime("%Y-%m-%d", time.gmtime())
    deliver(message(), account)
    events(str(account), 2)
    for args in (["--since", "1h"], ["--since", day], ["--until", "2099-01-01"],
                 ["--since", "2020-01-01T00:00", "--until",
                  "2099-01-01 10:00:00"]):
        ctl.run("trace", str(account), *args)
    for args in (["--until", "1h"], ["--since", "2099-01-01"]):
        assert ctl.result("trace", str(account), *args).returncode == 1
    r = ctl.result("trace", str(account), "--since", "yesterday")
    assert r.returncode == 1 and "--since is a time" in r.stderr


def test_off(account, smtp, deliver, trace, events, ctl, cluster):
    """trace.keep = 0: nothing is written down."""
    late, n1 = cluster.share.take(), cluster["n1"]
    ctl.run("settings", "set", "trace.keep", "0")
    # any worker may get the message
    sessions = n1.at_each(lambda: smtp(n1)).values()
    for c in sessions:
        c.hello()

    def is_off():
        marks = []
        for c in sessions:
            marks.append("off%d@trace.example" % time.time_ns())
            c.cmd("MAIL FROM:<%s>" % marks[-1], 250)
            c.cmd("RSET", 250)
        time.sleep(5)       # an event would be there by then
        return not any(trace(mark) for mark in marks)
    wait_for("nothing is written down", is_off, 60)
    deliver(message(), account)
    ctl.run("settings", "set", "trace.keep")
    wait_for("it is again", lambda: (deliver(message(), late), time.sleep(2.5),
                                     trace(str(late)))[-1], 60)
    assert not trace(str(account))
