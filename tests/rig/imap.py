"""An IMAP client that sends what it is told and keeps every answer."""

import re

from rig.line import Line, crlf


class Answer:
    """What came between a command and its end.  lines: untagged ones, each a
    bytes with its literals in place; status: OK, NO, BAD; text: the rest."""

    def __init__(self, status, text, lines):
        self.status, self.text, self.lines = status, text, lines

    def find(self, pattern):
        """The first untagged line that matches (re.search); or None."""
        for line in self.lines:
            m = re.search(pattern.encode() if isinstance(pattern, str)
                          else pattern, line, re.S)
            if m:
                return m
        return None

    def all(self, pattern):
        found = [re.search(pattern.encode(), line, re.S)
                 for line in self.lines]
        return [m for m in found if m]

    def __repr__(self):
        return "%s %s %r" % (self.status, self.text, self.lines)


class Imap(Line):
    """cmd("SELECT INBOX") sends it with a tag and reads to its end."""

    tag = 0

    def greeting(self, status="OK"):
        return self.expect(r"\* %s " % status)

    def unit(self, seconds=None):
        """One line with its literals in place, as bytes without CRLF."""
        whole = b""
        while True:
            line = self.line(seconds).encode("utf-8", "surrogateescape")
            whole += line
            m = re.search(rb"~?\{(\d+)\}$", line)
            if not m:
                return whole
            whole += b"\r\n" + self.read(int(m[1]), seconds)

    def next_tag(self):
        self.tag += 1
        return "a%d" % self.tag

    def start(self, text):
        """Send; the answer comes with finish(tag)."""
        tag = self.next_tag()
        self.send(tag.encode() + b" " +
                  (text if isinstance(text, bytes) else text.encode()) +
                  b"\r\n")
        return tag

    def finish(self, tag, status="OK", words="", seconds=None):
        lines = []
        while True:
            unit = self.unit(seconds)
            if unit.startswith(tag.encode() + b" "):
                got, _, text = unit.decode(
                    "utf-8", "replace")[len(tag) + 1:].partition(" ")
                answer = Answer(got, text, lines)
                if status is not None:
                    assert got == status and words in text, \
                        "%s %s wanted, %r:\n%s" % (status, words, answer,
                                                   self.told())
                return answer
            lines.append(unit)

    def cmd(self, text, status="OK", words="", seconds=None):
        """status None: any."""
        return self.finish(self.start(text), status, words, seconds)

    def ok(self, text):
        return self.cmd(text)

    def login(self, user, password):
        return self.cmd("LOGIN %s %s" % (quoted(user), quoted(password)))

    def tls(self, context=None):
        self.cmd("STARTTLS")
        self.start_tls(context)

    def literal(self, before, data, after="", status="OK", words=""):
        """before{n} wait for + data after."""
        tag = self.next_tag()
        self.send("%s %s{%d}\r\n" % (tag, before, len(data)))
        self.expect(r"\+")
        self.send(data + after.encode() + b"\r\n")
        return self.finish(tag, status, words)

    def append(self, folder, message, flags="", status="OK", words=""):
        flags = "(%s) " % flags if flags else ""
        return self.literal("APPEND %s %s" % (quoted(folder), flags),
                            crlf(message), status=status, words=words)

    def fetch(self, which, item="BODY.PEEK[]"):
        """One message's literal, by UID: bytes, or None."""
        answer = self.cmd("UID FETCH %s (%s)" % (which, item))
        m = answer.find(rb"\{\d+\}\r\n(.*)\)$")
        return m and m[1][:int(re.search(rb"\{(\d+)\}", m.string)[1])]

    def uids(self):
        m = self.cmd("UID SEARCH ALL").find(r"\* SEARCH(.*)")
        return [int(u) for u in m[1].split()] if m else []

    def idle(self):
        """Returns when the server waits; done() ends it."""
        self.idle_tag = self.start("IDLE")
        while True:
            if self.unit().startswith(b"+"):
                return self

    def done(self):
        self.send(b"DONE\r\n")
        return self.finish(self.idle_tag)

    def until(self, pattern, seconds=None):
        """Untagged lines up to one that matches."""
        while True:
            m = re.search(pattern.encode(), self.unit(seconds), re.S)
            if m:
                return m


def quoted(s):
    return '"%s"' % s.replace("\\", "\\\\").replace('"', '\\"')
