"""A message at which worker 0, which delivers, dies again and again."""

import os
import signal

import pytest

from rig.dnsserver import DnsServer
from rig.ports import ports
from rig.sink import STALL
from rig.wait import wait_for

SINK = "127.0.78.25"
DNS = DnsServer({"sink.example": "@ MX 10 mx\nmx A %s\n" % SINK})
PORT = ports.take(SINK)
SHOAL = {
    "workers": 2, "conf": DNS.conf(), "settings": {"queue.port": PORT},
    "log_ok": ["worker ended", "message held"],
}
MESSAGE = "From: %s@example.net\nSubject: %s\n\nhello\n"
TO = "away@example.org"


@pytest.fixture(scope="module", autouse=True)
def alias(cluster):
    """Leads elsewhere; known before the node starts."""
    cluster.ctl.run("alias", "add", TO, "b@sink.example")


def worker_0(node):
    for pid in node.workers_now():
        try:
            with open("/proc/%d/comm" % pid) as f:
                if f.read().strip() == "shoald-0":
                    return pid
        except OSError:
            pass
    return None


def kill_worker_0(node):
    """There is another when it returns."""
    old = worker_0(node)
    os.kill(old, signal.SIGKILL)
    wait_for("another worker 0", lambda: worker_0(node) not in (None, old), 30)


def subjects(sink):
    return sorted(m.header("Subject")[0] for m in sink.messages)


def test_three_deaths(n1, sink, deliver, ctl):
    """The one message is held; the one that was beside it twice is not, nor
    does any other wait for them."""
    def send(name):
        deliver(MESSAGE % (name, name), TO, sender=name + "@example.net")

    poison = sink.rule("MAIL", STALL, match="=poison@")
    bystander = sink.rule("MAIL", STALL, match="=bystander@", times=2)
    send("poison")
    send("bystander")
    wait_for("both under way", lambda: poison.used and bystander.used, 30)
    kill_worker_0(n1)
    wait_for("both again", lambda: poison.used == 2 and bystander.used == 2,
             60)
    assert n1.log(event="the delivery worker ended in the middle")[-1][
        "deliveries"] == 2
    kill_worker_0(n1)
    wait_for("the same message again", lambda: poison.used == 3, 60)
    assert len(n1.log(
        event="the delivery worker ended twice at a message")) == 2
    send("beside")
    wait_for("another, meanwhile", lambda: "beside" in subjects(sink), 30)
    assert poison.used == 3 and ctl.json("queue", "list", "--held") == []

    kill_worker_0(n1)
    line = n1.wait_log(60, event="message held")
    assert line["level"] == "error" and line["from"] == "poison@example.net"
    wait_for("the bystander", lambda: subjects(sink) == ["beside",
                                                         "bystander"], 30)
    wait_for("one message left", lambda: len(ctl.json("queue", "list")) == 1,
             10)
    row, = ctl.json("queue", "list", "--held")
    assert row["id"] == line["queue"]
    show = ctl.json("queue", "show", row["id"])
    assert show["state"] == "held"
    for answer in (row["answer"], show["recipients"][0]["answer"]):
        assert "crashed three times while it was at this message" in answer
        assert "release or remove" in answer
    assert poison.used == 3

    sink.clear()
    ctl.run("queue", "release", row["id"])
    wait_for("its delivery", lambda: subjects(sink) == [
        "beside", "bystander", "poison"], 30)
    wait_for("an empty queue", lambda: not ctl.json("queue", "list"), 10)
    assert len(n1.log(event="message held")) == 1
