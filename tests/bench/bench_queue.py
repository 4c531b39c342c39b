#!/usr/bin/env python3
"""The queue: how fast it is filled and emptied, and what that costs.  usage:

    bench_queue.py BUILD [--share URL] [--messages N] [--clients N] [--bytes N]
                   [--recipients N]

Makes a cluster of two nodes on loopback.  First one that does not send takes
messages by submission, then another brings what has gathered to a sink by a
route; at last one node does both at the same time.  Calls to the share are from
/metrics, all of a node's: the journals it polls, too.  share: nfs://...; a
local directory without it.  Figures are for comparing one change with another
on one machine: clients, sink and nodes share its cores.
"""

import argparse
import multiprocessing
import os
import smtplib
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from rig.node import Node, Place, Share      # noqa: E402
from rig.sink import Sink                    # noqa: E402
from rig.wait import wait_for                # noqa: E402

CALLS = "shoal_share_calls_total"
SECONDS = 600
SETTINGS = {"auth.allow_plaintext": "yes",
            "submission.recipients_per_day": "0"}
HEAD = "From: %s\r\nTo: you@sink.example\r\nSubject: bench\r\n\r\n"

# Processes of their own, for Python runs one thread at a time.
processes = multiprocessing.get_context("fork")


def sink_main(port, count, stop):
    """count: recipients so far, each with a message."""
    with Sink() as sink:
        def taken(session, line):
            with count.get_lock():
                count.value += 1
            sink.tried.clear()
            session.messages.clear()
            return "250 2.0.0 taken"

        sink.rule("END", taken)
        port.value = sink.port
        stop.wait()


class Counter:
    """A sink in a process of its own."""

    def __init__(self):
        self.port = processes.Value("i", 0)
        self.count = processes.Value("i", 0)
        self.stop = processes.Event()
        self.process = processes.Process(
            target=sink_main, args=(self.port, self.count, self.stop))
        self.process.start()
        wait_for("the sink", lambda: self.port.value)

    def until(self, n):
        wait_for("%d messages" % n, lambda: self.count.value >= n, SECONDS,
                 step=0.005)

    def close(self):
        self.stop.set()
        self.process.join(20)


def client_main(args, port, account, n, ready, go):
    """n messages in one session."""
    body = HEAD % account + ("x" * 70 + "\r\n") * (args.bytes // 72)
    to = ["u%d@sink.example" % i for i in range(args.recipients)]
    with smtplib.SMTP("127.0.0.1", port, timeout=SECONDS) as c:
        c.login(account.address, account.password)
        ready.release()
        go.wait()
        for _ in range(n):
            c.sendmail(account.address, to, body)


def submit(args, node, accounts):
    """Returns when all were accepted; seconds."""
    ready, go = processes.Semaphore(0), processes.Event()
    each = args.messages // args.clients
    running = [processes.Process(target=client_main, args=(
        args, node.ports["submission"], a, each, ready, go))
        for a in accounts]
    for p in running:
        p.start()
    for _ in running:
        assert ready.acquire(timeout=60), "a client cannot log in"
    began = time.monotonic()
    go.set()
    for p in running:
        p.join(SECONDS)
    assert all(p.exitcode == 0 for p in running), "a client failed"
    return time.monotonic() - began


def say(what, n, seconds, calls):
    print("%-36s %7.0f /s   (%d in %.2f s), %.1f calls each" % (
        what, n / seconds, n, seconds, calls / n), flush=True)


def bench(args, share, counter):
    accounts = [share.take() for _ in range(args.clients)]
    n = args.messages // args.clients * args.clients

    with Node(share, "n1", conf="send = no") as n1:
        n1.start()
        before = n1.metrics()[CALLS]
        seconds = submit(args, n1, accounts)
        say("accepted", n, seconds, n1.metrics()[CALLS] - before)

    with Node(share, "n2") as n2:
        n2.start()
        began = time.monotonic()
        counter.until(1)
        print("%-36s %.2f s" % ("until the first has left",
                                time.monotonic() - began), flush=True)
        first, before = counter.count.value, n2.metrics()[CALLS]
        began = time.monotonic()
        counter.until(n)
        say("relayed", n - first, time.monotonic() - began,
            n2.metrics()[CALLS] - before)

        before = n2.metrics()[CALLS]
        began = time.monotonic()
        submit(args, n2, accounts)
        counter.until(2 * n)
        say("accepted and relayed", n, time.monotonic() - began,
            n2.metrics()[CALLS] - before)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("build")
    p.add_argument("--share")
    p.add_argument("--messages", type=int, default=2000)
    p.add_argument("--clients", type=int, default=8)
    p.add_argument("--bytes", type=int, default=3000)
    p.add_argument("--recipients", type=int, default=1)
    args = p.parse_args()
    counter = Counter()
    try:
        with Place() as place:
            share = Share(args.build, place, url=args.share,
                          accounts=args.clients, settings=SETTINGS)
            share.ctl.run("route", "set", "*",
                          "127.0.0.1:%d" % counter.port.value)
            bench(args, share, counter)
    finally:
        counter.close()


main()
