#!/usr/bin/python3
"""A reader of Shoal's mailboxes, made from docs/on-disk-format.md alone.

usage: reader.py SHARE-DIRECTORY ACCOUNT-ID     prints one line a message:
       folder, UIDVALIDITY, UID, flags, SHA-256 of the file
"""

import hashlib
import os
import re
import struct
import sys
import urllib.parse


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def checked(text):
    """A record or manifest without its CRC."""
    body, crc = text.rsplit(" ", 1)
    assert "%08x" % crc32c(body.encode()) == crc, "checksum of " + text[:60]
    return body.split(" ")


class Journal:
    """Calls client.load(arg, {kind: [(arg, bytes)]}), client.apply(entry)."""

    def __init__(self, path, client):
        self.path, self.client = path, client
        self.seen, self.voided, self.token, self.head = {}, set(), 0, 0

    def segment(self, name, size, sha256):
        with open(os.path.join(self.path, "seg", name), "rb") as f:
            data = f.read()
        assert len(data) == int(size)
        assert hashlib.sha256(data).hexdigest() == sha256, name
        return data

    def checkpoint(self):
        names = sorted(os.listdir(os.path.join(self.path, "ckpt")))
        if not names:
            return
        text = os.readlink(os.path.join(self.path, "ckpt", names[-1]))
        if text.startswith("@"):
            size, sha256, name = text[1:].split(":")
            text = self.segment(name, size, sha256).decode()
        form, seq, txid, token, forget, arg, count, *segs = checked(text)
        assert form == "1" and seq == names[-1] and len(segs) == int(count)
        self.head, self.token = int(seq), int(token)
        kinds = {}
        for s in segs:
            kind, name, size, sha256, seg_arg = s.split(",")
            if kind == "env":
                continue
            kinds.setdefault(kind, []).append(self.segment(name, size, sha256))
        for data in kinds.pop("txid", []):
            for number, x in struct.iter_unpack("<Q16s", data):
                if number >> 63:
                    self.voided.add(x.hex())
                else:
                    self.seen[x.hex()] = number
        self.client.load(kinds)

    def replay(self):
        self.checkpoint()
        prev = None
        for name in sorted(os.listdir(os.path.join(self.path, "log"))):
            if int(name) <= self.head:
                continue
            text = os.readlink(os.path.join(self.path, "log", name))
            txid, seq, before, form, ops, totals = checked(text)
            assert form == "1" and seq == name
            assert int(seq) == self.head + 1, "a hole before " + seq
            assert prev in (None, before), "a fork at " + seq
            if ops.startswith("@"):
                size, sha256 = ops[1:].split(":")
                ops = self.segment(txid + ".rec", size, sha256).decode()
            self.head, prev = int(seq), txid
            self.entry(int(seq), txid, ops)

    def entry(self, seq, txid, ops):
        if txid in self.seen or txid in self.voided:
            return
        self.seen[txid] = seq
        ops = [(o[0], o[2:].split(",") if len(o) > 1 else [])
               for o in ops.split(";")]
        if ops[0][0] == "T" and int(ops[0][1][0]) < self.token:
            return
        for letter, f in ops:
            if letter == "C":
                self.token = max(self.token, int(f[0]))
            elif letter == "D":
                if f[0] not in self.seen:
                    self.voided.add(f[0])
            elif letter == "F":
                self.seen = {x: n for x, n in self.seen.items()
                             if n > int(f[0])}
                self.client.forget(int(f[0]))
            elif letter not in "NT":
                self.client.apply(seq, txid, letter, f)


FLAGS = {"S": 1, "R": 2, "F": 4, "T": 8, "D": 16}


def flag_bits(letters):
    return sum(FLAGS[c] for c in letters)


def words(field):
    return set(urllib.parse.unquote(field).split())


def uids(field):
    for part in field.split("."):
        lo, _, hi = part.partition(":")
        yield from range(int(lo), int(hi or lo) + 1)


class Folder:
    def __init__(self, uidvalidity, name, uidnext=1, made=0):
        self.uidvalidity, self.name, self.made = uidvalidity, name, made
        self.uidnext, self.rows = uidnext, {}


class Account:
    """folders: id -> Folder; row: [file, flags, keywords]."""

    def __init__(self):
        self.folders, self.tombs, self.state = {}, [], "o"
        self.keyword_bits = {}

    # --- checkpoints

    def load(self, kinds):
        head, = kinds["head"]
        self.at, self.data = 0, head
        assert crc32c(head[:-4]) == struct.unpack("<I", head[-4:])[0]
        assert self.take(8) == b"SHOALHD1"
        _, rows_base, tomb_base, _, _, _, _, state = self.get("<6QIB")
        self.state = chr(state)
        for _ in range(*self.get("<B")):
            self.get("<QI")
        for _ in range(*self.get("<B")):
            bit, n = self.get("<BB")
            self.keyword_bits[bit] = self.take(n).decode()
        for _ in range(*self.get("<I")):
            self.take(*self.get("<H"))
        for _ in range(*self.get("<I")):
            i, validity, uidnext, _, made, _, n = self.get("<IIIQQBH")
            self.folders[i] = Folder(validity, self.take(n).decode(), uidnext,
                                     made)
        self.tombstones(*self.get("<I"))
        gone = {self.get("<II") for _ in range(*self.get("<I"))}
        changed = self.groups()
        if rows_base:
            self.at, self.data = 0, kinds["rows"][0]
            assert self.take(8) == b"SHOALRW1"
            assert self.get("<Q") == (rows_base,)
            for (f, uid), row in self.groups().items():
                if f in self.folders and (f, uid) not in gone and \
                        self.folders[f].made <= rows_base:
                    self.folders[f].rows[uid] = row
        if tomb_base:
            self.at, self.data = 0, kinds["tomb"][0]
            assert self.take(8) == b"SHOALTB1"
            self.get("<Q")
            self.tombstones(*self.get("<I"))
        for (f, uid), row in changed.items():
            self.folders[f].rows[uid] = row

    def take(self, n):
        self.at += n
        assert self.at <= len(self.data)
        return self.data[self.at - n:self.at]

    def get(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))

    def tombstones(self, n):
        for _ in range(n):
            txid, _, _, modseq, _, _, ordinal, month, _ = \
                self.get("<16sIIQIIHHI")
            if month:
                self.tombs.append((modseq, "%s-%d" % (txid.hex(), ordinal)))

    def groups(self):
        heads = [self.get("<II") for _ in range(*self.get("<I"))]
        out = {}
        for folder, n in heads:
            for _ in range(n):
                txid, uid, bits, _, _, _, _, _, flags, ordinal, month, _ = \
                    self.get("<16sIQIIIIBBHHH")
                keys = {w for b, w in self.keyword_bits.items()
                        if bits >> b & 1}
                file = "%04d%02d/%s-%d" % (1970 + month // 12, month % 12 + 1,
                                           txid.hex(), ordinal)
                out[folder, uid] = [file, flags, keys]
        return out

    # --- entries

    def known(self, name):
        return any(r[0].endswith("/" + name) for f in self.folders.values()
                   for r in f.rows.values()) or \
            any(n == name for _, n in self.tombs)

    def add(self, folder, month, name, flags, keys):
        f = self.folders.get(int(folder))
        if f is None or self.known(name):
            return
        f.rows[f.uidnext] = [month + "/" + name, flag_bits(flags), words(keys)]
        f.uidnext += 1

    def bury(self, seq, folder, uid):
        row = folder.rows.pop(uid)
        self.tombs.append((seq, row[0].split("/")[1]))

    def forget(self, upto):
        self.tombs = [t for t in self.tombs if t[0] > upto]

    def apply(self, seq, txid, letter, f):
        if letter in "KOP":
            if self.state != "p":
                self.state = {"K": "k", "O": "o", "P": "p"}[letter]
            return
        if self.state != "o":
            return
        folder = self.folders.get(int(f[0])) if letter in "fsxmdrw" else None
        if letter == "a":
            self.add(f[0], f[2], txid + "-" + f[1], f[5], f[6])
        elif letter == "h":
            self.add(f[0], f[2], f[1], f[5], f[6])
        elif letter == "c":
            name = urllib.parse.unquote(f[4])
            if int(f[0]) not in self.folders and \
                    name not in [x.name for x in self.folders.values()]:
                self.folders[int(f[0])] = Folder(int(f[1]), name, made=seq)
        elif letter in "uvi" or folder is None:
            pass
        elif letter == "f":
            for uid in set(uids(f[1])) & set(folder.rows):
                row = folder.rows[uid]
                row[1] = (row[1] | flag_bits(f[2])) & ~flag_bits(f[3])
                row[2] = (row[2] | words(f[4])) - words(f[5])
        elif letter == "s":
            for uid in set(uids(f[1])) & set(folder.rows):
                folder.rows[uid][1:] = flag_bits(f[2]), words(f[3])
        elif letter == "x":
            for uid in set(uids(f[1])) & set(folder.rows):
                self.bury(seq, folder, uid)
        elif letter == "m":
            to = self.folders.get(int(f[2]))
            for uid in sorted(set(uids(f[1])) & set(folder.rows)) if to else []:
                to.rows[to.uidnext] = folder.rows.pop(uid)
                to.uidnext += 1
        elif letter == "d":
            for uid in list(folder.rows):
                self.bury(seq, folder, uid)
            del self.folders[int(f[0])]
        elif letter == "r":
            folder.name = urllib.parse.unquote(f[1])
        elif letter == "w":
            folder.uidvalidity = int(f[1])
        else:
            raise AssertionError("unknown operation " + letter)


def read_account(share, account_id):
    """Sorted lines: (folder, UIDVALIDITY, UID, flags, keywords, sha256)."""
    assert re.fullmatch(r"[0-9a-z-]+", account_id)
    path = os.path.join(share, "accounts", account_id[:2], account_id)
    account = Account()
    Journal(path, account).replay()
    out = []
    for f in account.folders.values():
        for uid, (file, flags, keys) in f.rows.items():
            with open(os.path.join(path, "msg", file), "rb") as m:
                sha = hashlib.sha256(m.read()).hexdigest()
            out.append((f.name, f.uidvalidity, uid, flags, sorted(keys), sha))
    return sorted(out)


if __name__ == "__main__":
    for line in read_account(sys.argv[1], sys.argv[2]):
        print(*line)
