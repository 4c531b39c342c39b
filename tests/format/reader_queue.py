#!/usr/bin/python3
"""A reader of Shoal's outbound queue, made from docs/on-disk-format.md alone.

usage: reader_queue.py SHARE-DIRECTORY BUCKET     prints one line a recipient:
       name, time, flags, held | from | envid | trace | SHA-256 of the file |
       address | original | via, notify, state, told, tries, tried, next, code |
       answer | node
"""

import hashlib
import os
import struct
import sys
import urllib.parse

from reader import Journal, crc32c, uids

FLAGS, NOTIFY, STATES = "U8FHB", "NSFD", "WDFR"


def bits(letters, of):
    return sum(1 << of.index(c) for c in letters)


def text(field):
    return urllib.parse.unquote(field)


class Recipient:
    def __init__(self, notify, address, original, via):
        self.notify, self.address = notify, address
        self.original, self.via = original, via
        self.state, self.told, self.tries = 0, False, 0
        self.tried, self.next, self.code = 0, 0, 0
        self.answer, self.node = "", ""


class Message:
    def __init__(self, size, time, flags, texts):
        self.size, self.time, self.flags, self.held = size, time, flags, False
        self.sender, self.envid, self.account, self.trace = texts
        self.rcpts = []

    def is_done(self):
        return all(r.state != 0 for r in self.rcpts)


class Binary:
    def __init__(self, data):
        assert crc32c(data[:-4]) == struct.unpack("<I", data[-4:])[0]
        self.data, self.at = data[:-4], 0

    def take(self, form):
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values if len(values) > 1 else values[0]

    def text(self):
        return self.take("%ds" % self.take("H")).decode()


class Bucket:
    def __init__(self):
        self.rows, self.last = {}, None
        self.txid, self.decided = None, False

    def load(self, kinds):
        b = Binary(kinds["rows"][0])
        assert b.take("8s") == b"SHOALQB1"
        b.take("QQ")
        for _ in range(b.take("B")):
            b.take("QI")
        for _ in range(b.take("I")):
            txid, ordinal, size, time, _, flags, held = b.take("16sHQQQIB")
            m = Message(size, time, flags, [b.text() for _ in range(4)])
            m.held = held == 1
            for _ in range(b.take("I")):
                address, original, via, answer, node = \
                    [b.text() for _ in range(5)]
                r = Recipient(0, address, original, via)
                r.answer, r.node = answer, node
                r.notify, r.state, told = b.take("BBB")
                r.told = told == 1
                r.code, r.tries, r.tried, r.next = b.take("HIQQ")
                m.rcpts.append(r)
            self.rows["%s-%d" % (txid.hex(), ordinal)] = m
        assert b.at == len(b.data)

    def forget(self, seq):
        pass

    def outcome(self, f):
        m = self.rows.get(f[0])
        for place in uids(f[1]) if m else []:
            if place > len(m.rcpts) or m.rcpts[place - 1].state != 0:
                continue
            r = m.rcpts[place - 1]
            self.decided |= f[2] != "W" or (f[3] == "L" and not r.told)
            r.state, r.told = STATES.index(f[2]), r.told or f[3] == "L"
            r.next, r.code, r.answer = int(f[5]), int(f[6]), text(f[8])
            if r.tried != int(f[4]):
                r.tries += 1
                r.tried, r.node = int(f[4]), text(f[7])
        if m and m.is_done():
            del self.rows[f[0]]

    def apply(self, seq, txid, letter, f):
        if txid != self.txid:
            self.txid, self.decided = txid, False
        if letter != "r":
            self.last = None
        m = self.rows.get(f[0])
        if letter == "a":
            self.last = Message(int(f[1]), int(f[2]), bits(f[3], FLAGS),
                                [text(x) for x in f[4:8]])
            if f[0] == "0" or self.decided:
                self.rows[txid + "-" + f[0]] = self.last
        elif letter == "r":
            # self.last is the ADD before it
            self.last.rcpts.append(Recipient(bits(f[0], NOTIFY),
                                             *[text(x) for x in f[1:4]]))
        elif letter == "o":
            self.outcome(f)
        elif letter == "i" or m is None:
            pass
        elif letter in "hg":
            m.held = letter == "h"
        elif letter == "y":
            for r in m.rcpts:
                if r.state == 0:
                    r.next = 0 if r.tries else 1
        elif letter == "x":
            del self.rows[f[0]]
        else:
            raise AssertionError("unknown operation " + letter)


def read_bucket(share, bucket):
    path = os.path.join(share, "queue", bucket)
    queue = Bucket()
    Journal(path, queue).replay()
    for name, m in queue.rows.items():
        with open(os.path.join(path, "msg", name), "rb") as f:
            data = f.read()
        assert len(data) == m.size
        for r in m.rcpts:
            yield "%s %d %d %d|%s|%s|%s|%s|%s|%s|%s %d %s %d %d %d %d %d|%s|%s" \
                % (name, m.time, m.flags, m.held, m.sender, m.envid, m.trace,
                   hashlib.sha256(data).hexdigest(), r.address, r.original,
                   r.via, r.notify, STATES[r.state], r.told, r.tries, r.tried,
                   r.next, r.code, r.answer, r.node)


if __name__ == "__main__":
    for line in read_bucket(sys.argv[1], sys.argv[2]):
        print(line)
