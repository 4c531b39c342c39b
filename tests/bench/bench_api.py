#!/usr/bin/env python3
"""Lists and searches of many accounts through the API.  usage:

    bench_api.py BUILD [ACCOUNTS]

Makes a share in a directory, ACCOUNTS (100000, at least 2000) accounts in ten
domains, and one node.  For each question it prints what the node says that it
took (the line of its log, whole milliseconds) and what a client beside it waited
for, over a connection it keeps: the median and the greatest of ROUNDS.  Every
answer is compared with what must come.
"""

import os
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE)]

from rig.api import Api                     # noqa: E402
from rig.node import Node, Place, Share     # noqa: E402

DOMAINS = 10
ROUNDS = 20
# A login is asked of none of them: a hash that no password has.
HASH = "{SHA512-CRYPT}$6$saltsaltsaltsalt$" + "x" * 86
FIRST = ("alice", "bob", "carol", "dave", "eve", "frank", "grace", "heidi",
         "ivan", "judy")


def address(i):
    return "%s.%06d@d%d.example" % (FIRST[i % 10], i, i // 10 % DOMAINS)


def name(i):
    return "%s Number %d" % (FIRST[i % 10].title(), i)


def make_accounts(share, n):
    began = time.monotonic()
    for d in range(DOMAINS):
        share.ctl.run("domain", "add", "d%d.example" % d)
    share.ctl.run("account", "add", "--batch", "-", stdin="".join(
        "%s,%s,1G,%s\n" % (address(i), HASH, name(i)) for i in range(n)),
        timeout=7200)
    print("%-52s %8.0f /s" % ("accounts added",
                              n / (time.monotonic() - began)), flush=True)


class Bench:
    def __init__(self, node, api):
        self.node, self.api = node, api

    def ask(self, what, right, **query):
        """right(items): whether it is the answer."""
        waited = []
        self.api.check = False          # it takes longer than the question
        since = os.path.getsize(self.node.log_file)
        for _ in range(ROUNDS):
            began = time.monotonic()
            answer = self.api.call("GET", "/accounts", query=query)
            waited.append((time.monotonic() - began) * 1e3)
        self.api.check = True
        answer = self.api.call("GET", "/accounts", query=query)
        assert right(answer.items), "%s: %.500s" % (what, answer)
        self.node.log_from = since
        took = [line["ms"] for line in self.node.log(
            event="^http$", path="^/api/v1/accounts$")]
        assert len(took) >= ROUNDS - 1, took
        print("%-52s %5.0f ms (at most %d)   %7.1f ms (at most %.1f)" % (
            what, statistics.median(took), max(took),
            statistics.median(waited), max(waited)), flush=True)
        return answer


def pages(b, n):
    """Every account once, in order."""
    b.api.check = False
    began, seen, cursor, page = time.monotonic(), [], {}, 0
    while True:
        answer = b.api.get("/accounts", limit=1000, **cursor)
        seen += [a["address"] for a in answer.items]
        page += 1
        if answer["next"] is None:
            break
        cursor = {"cursor": answer["next"]}
    known = sorted(a for a in seen if a.endswith(".example"))
    assert known == sorted(address(i) for i in range(n)), len(seen)
    assert len(set(seen)) == len(seen)
    print("%-52s %5.0f ms each (%d pages)" % (
        "all, 1000 a page", (time.monotonic() - began) * 1e3 / page, page))


def questions(b, n):
    m = n // 2 // 100 * 100 + 7         # of heidi
    one = address(m)
    first = b.ask("the first page of 100", lambda x: len(x) == 100)
    b.ask("the page behind it", lambda x: len(x) == 100 and
          x[0]["address"] != first.items[0]["address"], cursor=first["next"])
    b.ask("a domain's first page", lambda x: len(x) == 100 and all(
        a["domain"] == "d3.example" for a in x), domain="d3.example")
    b.ask("search: the address", lambda x: [a["address"] for a in x] == [one],
          search=one)
    b.ask("search: its beginning", lambda x: len(x) == 100 and all(
        a["address"].startswith("heidi") for a in x), search="heidi")
    b.ask("search: in the middle of few", lambda x: one in [
        a["address"] for a in x], search="%06d" % m)
    b.ask("search: of a name", lambda x: [a["name"] for a in x] == [name(m)],
          search="Number %d" % m)
    b.ask("search: what nobody has", lambda x: x == [],
          search="nothing-has-this")
    b.ask("search: what nobody of a domain has", lambda x: x == [],
          search="nothing-has-this", domain="d3.example")
    b.ask("search: a letter that all have", lambda x: len(x) == 100,
          search="e")
    b.ask("status: suspended ones, none", lambda x: x == [],
          status="suspended")


def main():
    build, n = os.path.abspath(sys.argv[1]), int((sys.argv + [100000])[2])
    assert n >= 2000, "a first page would be the only one"
    with Place() as place:
        share = Share(build, place, accounts=1)
        make_accounts(share, n)
        with Node(share, "n1", workers=1) as node, Api(node) as api:
            node.start(120)
            b = Bench(node, api.invite_and_sign_in())
            print("%-52s %-23s   %s" % ("%d accounts" % n, "the node",
                                        "a client"))
            questions(b, n)
            pages(b, n)


main()
