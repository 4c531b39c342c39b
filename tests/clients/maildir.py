"""A Maildir as synchronisers leave it."""

import os
import socket

from witness import number_of


class Maildir:
    def __init__(self, path):
        self.path, self.made = path, 0

    def files(self):
        """{N of the subject: (flags, bytes, path)}; nothing twice."""
        found = {}
        for part in ("cur", "new"):
            directory = os.path.join(self.path, part)
            for name in os.listdir(directory):
                path = os.path.join(directory, name)
                with open(path, "rb") as f:
                    data = f.read()
                flags = name.partition(":2,")[2]
                n = number_of(data)
                assert n not in found, "message %d is there twice" % n
                found[n] = (frozenset(flags), data, path)
        return found

    def flag(self, n, add):
        """Maildir flags: S seen, F flagged, R answered, T deleted."""
        flags, _, path = self.files()[n]
        base = os.path.basename(path).partition(":2,")[0]
        os.rename(path, os.path.join(self.path, "cur", "%s:2,%s" % (
            base, "".join(sorted(flags | set(add))))))

    def remove(self, n):
        os.unlink(self.files()[n][2])

    def add(self, data, flags=""):
        self.made += 1
        name = "1790000000.M%dP%d.%s" % (self.made, os.getpid(),
                                         socket.gethostname())
        part = "cur" if flags else "new"
        with open(os.path.join(self.path, part, name +
                               (":2," + flags if flags else "")), "wb") as f:
            f.write(data.replace(b"\r\n", b"\n"))


IMAP_FLAGS = {"\\Seen": "S", "\\Flagged": "F", "\\Answered": "R",
              "\\Deleted": "T", "\\Draft": "D"}


def of_imap(flags):
    return frozenset(IMAP_FLAGS[f] for f in flags if f in IMAP_FLAGS)
