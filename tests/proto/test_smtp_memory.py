"""SMTP: a message is streamed, whatever its size."""

import threading

import pytest

from smtp_common import begin, message

pytestmark = pytest.mark.memory
SHOAL = {"workers": 1, "accounts": 3}
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


def test_50_mb_within_1_mb(smtp, account, ctl, n1):
    pid, = n1.workers_now()
    c = smtp()
    c.hello()
    c.deliver(message(), account)       # everything is loaded
    c.deliver(message("x", "y" * (1 << 20) + "\r\n"), account)
    line = b"0123456789" * 7 + b"\r\n"
    piece = line * 1000
    before = memory(pid)["RssAnon"]
    begin(c, account).cmd("DATA", 354)
    c.send(message("big"))
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
    assert peak - before < 1024
    line, = n1.log(event="^delivered$", bytes="^%d$" % (sent + len(message("big"))))
    assert line["uid"] == 3
