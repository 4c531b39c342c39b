"""Accounts that forward: here, elsewhere, with and without a copy."""

import pytest

from rig.dnsserver import DnsServer
from rig.ports import ports
from rig.wait import wait_for
from smtp_common import mailbox

SINK = "127.0.78.25"
DNS = DnsServer({"sink.example": "@ MX 10 mx\nmx A %s\n" % SINK})
PORT = ports.take(SINK)
SHOAL = {
    "accounts": 12, "workers": 1, "conf": DNS.conf(),
    "settings": {"queue.retry_first": "2", "queue.retry_max": "3",
                 "queue.port": PORT},
}
MESSAGE = "From: a@example.net\nTo: b@example.org\nSubject: %s\n\nhello\n"


@pytest.fixture
def forward(ctl, n1):
    """As the node knows it: the state's entry is one of its metrics."""
    def run(*args):
        before = n1.metrics()["shoal_state_entry"]
        ctl.run("account", "forward", *args)
        wait_for("the node knows", lambda:
                 n1.metrics()["shoal_state_entry"] > before, 30)
    return run


def subjects(ctl, address):
    return [line.split(": ")[1] for m in mailbox(ctl, address)
            for line in m.decode().splitlines()
            if line.startswith("Subject: ")]


def test_to_one_of_ours(ctl, forward, deliver):
    forward("u1@example.org", "u2@example.org", "--no-keep")
    deliver(MESSAGE % "moved", "u1@example.org")
    assert subjects(ctl, "u1@example.org") == []
    assert subjects(ctl, "u2@example.org") == ["moved"]
    forward("u1@example.org", "--keep")
    deliver(MESSAGE % "copied", "u1@example.org")
    assert subjects(ctl, "u1@example.org") == ["copied"]
    assert subjects(ctl, "u2@example.org") == ["moved", "copied"]
    forward("u1@example.org", "--none")
    deliver(MESSAGE % "stays", "u1@example.org")
    assert subjects(ctl, "u1@example.org") == ["copied", "stays"]
    assert subjects(ctl, "u2@example.org") == ["moved", "copied"]


def test_elsewhere(ctl, forward, deliver, sink):
    forward("u3@example.org", "r@sink.example", "--no-keep")
    deliver(MESSAGE % "away", "u3@example.org")
    m = sink.wait()
    assert m.recipients == ["r@sink.example"]
    assert m.sender.startswith("SRS0=") and m.sender.endswith("@example.org")
    assert m.header("Delivered-To") == ["u3@example.org"]
    assert subjects(ctl, "u3@example.org") == []


def test_elsewhere_and_kept(ctl, forward, deliver, sink):
    """Once here, once there: what is in the queue for the mailbox is not
    forwarded again when it is delivered."""
    forward("u4@example.org", "r@sink.example")
    deliver(MESSAGE % "both", "u4@example.org")
    assert sink.wait().header("Subject") == ["both"]
    wait_for("the copy", lambda: subjects(ctl, "u4@example.org"), 30)
    wait_for("an empty queue", lambda: ctl.json("queue", "list") == [], 30)
    deliver(MESSAGE % "next", "u4@example.org")
    assert sink.wait(2).header("Subject") == ["next"]
    wait_for("the copy", lambda: subjects(ctl, "u4@example.org")[1:], 30)
    wait_for("an empty queue", lambda: ctl.json("queue", "list") == [], 30)
    assert subjects(ctl, "u4@example.org") == ["both", "next"]
    assert len(sink.messages) == 2


def test_round(forward, deliver, sink):
    """What comes back from where it was forwarded to is refused."""
    forward("u5@example.org", "r@sink.example", "--no-keep")
    deliver(MESSAGE % "round", "u5@example.org")
    back = sink.wait().text
    with pytest.raises(AssertionError, match="554|loop"):
        deliver(back.replace("\r\n", "\n"), "u5@example.org")
    assert len(sink.messages) == 1


def test_commands(ctl, forward):
    shown = ctl.json("account", "forward", "u6@example.org")
    assert shown == {"address": "u6@example.org", "keep": True, "targets": []}
    forward("u6@example.org", "U7@example.org", "r@sink.example")
    shown = ctl.json("account", "forward", "u6@example.org")
    assert shown["targets"] == ["r@sink.example", "u7@example.org"]
    assert shown["keep"]
    forward("u6@example.org", "--no-keep")
    assert not ctl.json("account", "forward", "u6@example.org")["keep"]
    for args in (["u6@example.org", "u6@example.org"],
                 ["u8@example.org", "--keep"],
                 ["u8@example.org", "nobody@example.org", "--no-keep"],
                 ["u8@example.org", "u7@example.org", "--none"],
                 ["u8@example.org", "--keep", "--no-keep"],
                 ["nobody@example.org", "u7@example.org"]):
        ctl.refused("account", "forward", *args)
    assert ctl.json("account", "forward", "u8@example.org")["targets"] == []


def test_suspended(ctl, forward, deliver, n1):
    forward("u9@example.org", "u10@example.org", "--no-keep")
    before = n1.metrics()["shoal_state_entry"]
    ctl.run("account", "suspend", "u9@example.org")
    wait_for("the node knows", lambda:
             n1.metrics()["shoal_state_entry"] > before, 30)
    deliver(MESSAGE % "held", "u9@example.org")
    assert subjects(ctl, "u9@example.org") == ["held"]
    assert subjects(ctl, "u10@example.org") == []
