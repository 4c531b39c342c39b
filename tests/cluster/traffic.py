"""Senders and readers that keep their own books."""

import hashlib
import random
import re
import threading
import time

from rig.imap import Imap
from rig.line import Closed, crlf

LINES = ["The quick brown fox jumps over the lazy dog, again and again.",
         ".a line that begins with a dot", "Grüße, déjà vu", "." * 70, ""]


def make(who, n, rnd, author):
    """A message of 0.3 to 60 KB whose X-Test field is unique."""
    text = ["From: %s" % author, "To: list@example.org",
            "Date: Mon, 30 Nov 2026 00:00:%02d +0000" % (n % 60),
            "Subject: %s %d" % (who, n), "X-Test: %s-%d" % (who, n),
            "Message-ID: <%s.%d@example.net>" % (who, n), ""]
    text += rnd.choices(LINES, k=rnd.choice((3, 10, 10, 100, 1000)))
    return crlf("\n".join(text) + "\n")


def own_part(data):
    """A stored message without what the nodes put before it."""
    return data[(b"\n" + data).index(b"\nFrom: "):]


def mark(data):
    return re.search(rb"(?m)^X-Test: (\S+)\r$", data)[1].decode()


def digest(data):
    return hashlib.sha256(own_part(data)).hexdigest()


class Sender(threading.Thread):
    """Sends `count` messages to the accounts in turn, over connections of
    `per_connection`; what is not answered with 250 is sent again.  Without a
    count: about ten a second until the event `enough` is set.

    acked: {mark: (address, digest)}.  doubtful: marks for which some attempt
    ended without a reply, or with 4xx after the last byte: they may be there
    more than once.  slowest: seconds of the slowest transaction."""

    PAUSE = 0.1
    ENDS_AFTER = 300

    def __init__(self, who, connect, accounts, count=None, per_connection=20,
                 author=None):
        super().__init__(name=who, daemon=True)
        self.author = author or who + "@example.net"
        self.who, self.connect, self.accounts = who, connect, accounts
        self.per_connection = per_connection
        self.enough, self.endless = threading.Event(), count is None
        self.todo = [0] if self.endless else list(range(count))
        self.acked, self.doubtful, self.replies = {}, set(), []
        self.slowest, self.error, self.connections = 0, None, 0

    def run(self):
        try:
            end = time.monotonic() + self.ENDS_AFTER
            while self.todo:
                assert time.monotonic() < end, "%s: %d left, %s" % (
                    self.who, len(self.todo), self.replies[-5:])
                if not self.some():
                    time.sleep(self.PAUSE)      # as an MTA would, only sooner
        except BaseException as e:
            self.error = e

    def some(self):
        """One connection; False: it went wrong."""
        began = time.monotonic()
        try:
            smtp = self.connect()
            self.connections += 1
        except (AssertionError, OSError) as e:
            self.note(e, began)
            return False
        with smtp:
            for _ in range(self.per_connection):
                if not self.todo:
                    return True
                if not self.one(smtp, self.todo[0]):
                    return False
                self.next()
            return True

    def next(self):
        n = self.todo.pop(0)
        if self.endless and not self.enough.wait(self.PAUSE):
            self.todo.append(n + 1)

    def note(self, e, began):
        took = time.monotonic() - began
        self.slowest = max(self.slowest, took)
        self.replies.append("%.1f s: %s" % (took, str(e).strip()[-300:]))

    def one(self, smtp, n):
        account = self.accounts[n % len(self.accounts)]
        data = make(self.who, n, random.Random("%s%d" % (self.who, n)),
                    self.author)
        began, sent = time.monotonic(), False
        try:
            smtp.cmd("MAIL FROM:<%s>" % self.author)
            smtp.cmd("RCPT TO:<%s>" % account.address)
            sent = True
            smtp.data(data)
        except (AssertionError, OSError) as e:
            if sent:
                self.doubtful.add(mark(data))
            self.note(e, began)
            said = str(e)
            assert not re.search(r"S: 5\d\d", said.split("wanted:")[-1][-200:]), \
                said
            return False
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.acked[mark(data)] = (account.address, digest(data))
        return True


def send_all(senders):
    for s in senders:
        s.start()
    for s in senders:
        s.join()
        if s.error:
            raise s.error


def read_all(imap):
    """{uid: message} of the selected folder, as a client that has nothing."""
    answer = imap.cmd("UID FETCH 1:* (UID BODY.PEEK[])", seconds=120)
    found = {}
    for line in answer.lines:
        m = re.match(rb"\* \d+ FETCH \((.*?)\{(\d+)\}\r\n", line, re.S)
        if not m:
            continue
        body = line[m.end():m.end() + int(m[2])]
        rest = m[1] + line[m.end() + int(m[2]):]
        found[int(re.search(rb"UID (\d+)", rest)[1])] = body
    return found


def books(senders):
    """What all of them know: {mark: (address, digest)}, doubtful marks."""
    acked, doubtful = {}, set()
    for s in senders:
        acked.update(s.acked)
        doubtful |= s.doubtful
    return acked, doubtful


def settle(senders, boxes):
    """boxes: {address: {uid: message}}.  I1: all that was acknowledged is there,
    byte for byte; I2: twice only what is doubtful; I5: nothing that nobody sent.
    Returns how many copies there are too many."""
    acked, doubtful = books(senders)
    seen, extra = {}, 0
    for address, box in boxes.items():
        assert list(box) == sorted(box)
        for data in box.values():
            m = mark(data)
            if m in acked:
                assert acked[m] == (address, digest(data)), m
            else:
                assert m in doubtful, "nobody sent " + m
            seen[m] = seen.get(m, 0) + 1
    missing = sorted(set(acked) - set(seen))
    assert not missing, "answered 250 and gone: %d: %s" % (len(missing),
                                                           missing[:10])
    for m, n in seen.items():
        assert n == 1 or m in doubtful, "%s is there %d times" % (m, n)
        extra += n - 1
    return extra


class Watcher(threading.Thread):
    """An IMAP client that keeps looking at one account until told to stop.  It
    goes on after NO [UNAVAILABLE]; when its connection is cut it makes a new one.
    What it saw may never go back: UIDs rise, UIDVALIDITY stays."""

    def __init__(self, connect, account):
        super().__init__(name="watcher", daemon=True)
        self.connect, self.account = connect, account
        self.stopping = threading.Event()
        self.error, self.unavailable, self.cut, self.answers = None, 0, 0, 0
        self.slowest, self.highest, self.validity = 0, 0, None

    def run(self):
        try:
            while not self.stopping.is_set():
                try:
                    self.session()
                except (Closed, OSError):
                    self.cut += 1
                    self.stopping.wait(0.2)
        except BaseException as e:
            self.error = e

    def ask(self, imap, text):
        began = time.monotonic()
        answer = imap.cmd(text, status=None, seconds=60)
        self.slowest = max(self.slowest, time.monotonic() - began)
        if answer.status == "NO":
            assert "[UNAVAILABLE]" in answer.text, answer
            self.unavailable += 1
            self.stopping.wait(0.2)
            return None
        assert answer.status == "OK", answer
        self.answers += 1
        return answer

    def session(self):
        with self.connect(Imap) as imap:
            imap.greeting()
            while not self.stopping.is_set() and not self.ask(
                    imap, 'LOGIN "%s" "%s"' % (self.account.address,
                                               self.account.password)):
                pass
            while not self.stopping.is_set():
                answer = self.ask(imap, "SELECT INBOX")
                if answer:
                    self.look(imap, answer)
                    return

    def look(self, imap, selected):
        validity = int(selected.find(r"UIDVALIDITY (\d+)")[1])
        assert self.validity in (None, validity)
        self.validity = validity
        while not self.stopping.is_set():
            answer = self.ask(imap, "UID SEARCH ALL")
            if answer is None:
                continue
            m = answer.find(r"\* SEARCH(.*)")
            uids = [int(u) for u in m[1].split()] if m else []
            assert uids == sorted(set(uids))
            if uids:
                assert uids[-1] >= self.highest, "a UID is gone"
                self.highest = uids[-1]
            # NOOP may be answered from what is known; SELECT looks, and when it
            # fails nothing is selected
            self.ask(imap, "NOOP")
            self.stopping.wait(0.1)
            while not self.stopping.is_set() and \
                    not self.ask(imap, "SELECT INBOX"):
                pass

    def finish(self):
        self.stopping.set()
        self.join(90)
        assert not self.is_alive(), "the watcher hangs"
        if self.error:
            raise self.error
