"""SMTP: a message is streamed, whatever its size and the size of its header."""

import threading

import pytest

from smtp_common import begin, message

pytestmark = pytest.mark.memory
SHOAL = {"workers": 1, "accounts": 9}
SIZE = 50 << 20


def memory(pid):
    """What is not shared with files, and its peak since the last reset."""
    found = {}
    with open("/proc/%d/status" % pid) as f:
        for line in f:
            name, _, value = line.partition(":")
            if name in ("RssAnon", "VmHWM", "VmRSS"):
                found[name] = int(value.split()[0])
    return found


@pytest.mark.parametrize("first,line,most", [
    (message("big"), b"0123456789" * 7 + b"\r\n", 1024),
    # what is examined of a header is bounded, in bytes and in fields: by us and
    # by the parser of envelopes
    (b"Subject: big\r\n", b"X-" + b"0123456789" * 6 + b": long\r\n", 2048),
    (b"Subject: big\r\n", b"a:\r\n", 2048),
], ids=["body", "header", "fields"])
def test_50_mb_within_1_mb(smtp, account, ctl, n1, first, line, most):
    pid, = n1.workers_now()
    c = smtp()
    c.hello()
    c.deliver(message(), account)       # everything is loaded
    c.deliver(message("x", "y" * (1 << 20) + "\r\n"), account)
    piece = line * (72000 // len(line))
    before = memory(pid)["RssAnon"]
    begin(c, account).cmd("DATA", 354)
    c.send(first)
    peak, sent, done = before, 0, threading.Event()

    def watch():
        nonlocal peak
        while not done.is_set():
            peak = max(peak, memory(pid)["RssAnon"])
            done.wait(0.005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    while sent < SIZE - 2 * len(piece):
        c.send(piece)
        sent += len(piece)
    c.send(b".\r\n")
    c.expect_reply(250, seconds=60)
    done.set()
    watcher.join()
    print("peak above rest: %d KiB for %d MiB" % (peak - before, sent >> 20))
    assert peak - before < most
    line, = n1.log(event="^delivered$", bytes="^%d$" % (sent + len(first)))
    assert line["uid"] == 3
