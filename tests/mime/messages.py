"""Messages made from a seed, together with what a reader must find in them.

A node knows its header fields and its content; render() lays it out and notes
the offsets.  Nothing here uses Python's email package, so that a mistake of
that package cannot hide one of ours.
"""
import base64
import random

WORDS = ("alpha beta gamma delta report invoice Re: meeting notes draft final "
         "lunch ticket #42 (urgent) status=ok x@y a,b \"quoted\" 50% C:\\dir"
         ).split()
UNICODE = {
    "utf-8": ["Grüße", "Ελλάδα", "日本語", "naïve", "😀", "Привет", "مرحبا"],
    "iso-8859-1": ["Grüße", "naïve", "Ñandú", "façade"],
    "windows-1252": ["€uro", "“quotes”", "naïve"],
    "iso-8859-15": ["€uro", "Œuvre"],
    "koi8-r": ["Привет", "мир"],
    "windows-1251": ["Привет", "мир"],
    "iso-2022-jp": ["日本語", "東京"],
    "shift_jis": ["日本語", "東京"],
    "euc-kr": ["안녕"],
    "gb2312": ["中文", "北京"],
    "big5": ["中文", "台北"],
    "utf-16": ["Grüße", "日本語"],
}


class Node:
    def __init__(self, kind, ctype):
        self.kind = kind            # leaf, multipart, message
        self.type = ctype
        self.fields = []            # (name, value with LF folds), bytes
        self.params = {}            # decoded
        self.disposition = None
        self.disposition_params = {}
        self.children = []
        self.content = b""          # of a leaf, decoded
        self.body = b""             # of a leaf, encoded
        self.boundary = b""
        self.preamble = self.epilogue = None
        self.envelope = None        # of the root and of embedded messages
        self.header_start = self.body_start = self.body_end = 0

    def render(self, eol, at=0):
        """The bytes; offsets count from the start of the message."""
        out = b"".join(n + b":" + v.replace(b"\n", eol) + eol
                       for n, v in self.fields) + eol
        self.header_start, self.body_start = at, at + len(out)
        if self.kind == "message":
            out += self.children[0].render(eol, at + len(out))
        elif self.kind == "multipart":
            out = self.render_parts(eol, at, out)
        else:
            out += self.body
        self.body_end = at + len(out)
        return out

    def render_parts(self, eol, at, out):
        if self.preamble is not None:
            out += self.preamble + eol
        for child in self.children:
            out += b"--" + self.boundary + eol
            out += child.render(eol, at + len(out)) + eol
        out += b"--" + self.boundary + b"--"
        if self.epilogue is not None:
            out += eol + self.epilogue
        return out

    def walk(self, path=""):
        yield path, self
        for i, child in enumerate(self.children):
            step = "m" if self.kind == "message" else str(i + 1)
            yield from child.walk(path + "." + step if path else step)


class Maker:
    def __init__(self, seed, eol):
        self.rng = random.Random(seed)
        self.eol = eol
        self.count = 0

    def message(self, depth=0):
        """A whole message: a part with the fields of a letter."""
        node = self.part(depth)
        rng = self.rng
        node.envelope = e = {}
        e["subject"], raw = self.unstructured(rng.randrange(1, 8))
        fields = [(b"Subject", raw)]
        for name in ("From", "To", "Cc", "Bcc", "Sender", "Reply-To"):
            n = rng.choice([0, 1, 1, 3]) if name != "From" else 1
            groups = name in ("To", "Cc", "Bcc")
            if n:
                e[name.lower()], raw = self.addresses(n, groups)
                fields.append((name.encode(), raw))
        e["epoch"], raw = self.date()
        fields.append((b"Date", b" " + raw))
        fields.append((b"Message-ID", b" <%d@example.org>" % rng.getrandbits(64)))
        fields.append((b"X-Filler", b" " + b"\n ".join(
            [b"x" * rng.randrange(1, 70)] * rng.randrange(1, 4))))
        rng.shuffle(fields)
        node.fields = fields + node.fields
        return node

    def part(self, depth):
        rng = self.rng
        choice = rng.random()
        if depth < 4 and choice < 0.35 - depth * 0.05:
            return self.multipart(depth)
        if depth < 4 and choice < 0.45 - depth * 0.05:
            node = Node("message", "message/rfc822")
            node.children = [self.message(depth + 1)]
            self.content_type(node)
            return node
        return self.leaf()

    def multipart(self, depth):
        rng = self.rng
        digest = rng.random() < 0.15
        node = Node("multipart", "multipart/" + (
            "digest" if digest else rng.choice(
                ["mixed", "alternative", "related", "signed", "x-other"])))
        self.count += 1
        # boundaries that are the beginning of each other, and hard characters
        node.boundary = rng.choice([
            b"b%d", b"----=_Part_%d", b"=_%d'()+_,-./:?", b"a b%d",
            b"x" * 60 + b"%d", b"b%d--"]) % self.count
        node.params["boundary"] = node.boundary.decode()
        if rng.random() < 0.5:
            node.preamble = rng.choice([
                b"", b"This is MIME.", b"--" + node.boundary + b"x",
                b"--", b"-- " + self.eol + b"--x--"])
        if rng.random() < 0.6:
            node.epilogue = rng.choice([
                b"", self.eol, b"tail", b"--" + node.boundary + self.eol])
        for _ in range(rng.randrange(1, 4)):
            if digest and rng.random() < 0.7:
                child = Node("message", "message/rfc822")
                child.children = [self.message(depth + 1)]
            else:
                child = self.part(depth + 1)
                if digest and not child.fields:
                    self.content_type(child)
            node.children.append(child)
        self.content_type(node)
        return node

    def leaf(self):
        rng = self.rng
        kind = rng.randrange(5)
        if kind == 0:               # nothing said
            node = Node("leaf", "text/plain")
            node.body = node.content = self.text("us-ascii")
            node.params["charset"] = "us-ascii"
            return node
        if kind == 1:               # nothing at all
            node = Node("leaf", rng.choice(["text/plain", "image/png"]))
        elif kind == 2:
            node = Node("leaf", rng.choice(["text/plain", "text/html"]))
            node.params["charset"] = rng.choice(list(UNICODE)[:9])
            node.content = self.text(node.params["charset"])
        else:
            node = Node("leaf", rng.choice(
                ["application/pdf", "image/jpeg", "application/x-y.z+w"]))
            node.content = rng.randbytes(rng.choice([0, 1, 57, 58, 2000]))
        if rng.random() < 0.5:
            self.extra_param(node.params, rng.choice(["name", "note"]))
        if rng.random() < 0.5:
            node.disposition = rng.choice(["attachment", "inline"])
            if rng.random() < 0.8:
                self.extra_param(node.disposition_params, "filename")
        self.content_type(node)
        self.encode(node)
        return node

    def text(self, charset):
        rng, eol = self.rng, self.eol
        words = WORDS + UNICODE.get(charset, []) * 4 + ["--", "", " ", "From x"]
        lines = [" ".join(rng.choice(words) for _ in range(rng.randrange(9)))
                 for _ in range(rng.randrange(8))]
        text = eol.decode().join(lines).encode(
            charset if charset != "us-ascii" else "ascii", "replace")
        return text + (eol if rng.random() < 0.5 else b"")

    def encode(self, node):
        rng, eol = self.rng, self.eol
        data = node.content
        odd = any(c > 126 or c in b"\0\r\n" for c in data)
        ways = ["base64", "quoted-printable"]
        if node.type.startswith("text/") or not odd:
            ways += ["8bit", None, None]
        way = rng.choice(ways)
        if way == "base64":
            b64 = base64.b64encode(data)
            node.body = eol.join(b64[i:i + 76] for i in range(0, len(b64), 76))
            node.body += eol if rng.random() < 0.5 else b""
        elif way == "quoted-printable":
            node.body = self.quoted_printable(
                data, node.type.startswith("text/"))
        else:
            node.body = data
        if way is not None:
            way = rng.choice([way, way.upper(), way + " (comment)"])
            node.fields.append((b"Content-Transfer-Encoding",
                                b" " + way.encode()))

    def quoted_printable(self, data, text):
        out, column, i, eol = b"", 0, 0, self.eol
        while i < len(data):
            if text and data.startswith(eol, i):
                # a blank in front of a line end must be encoded
                if out[-1:] in (b" ", b"\t"):
                    out = out[:-1] + b"=%02X" % out[-1]
                out, column, i = out + eol, 0, i + len(eol)
                continue
            c = data[i:i + 1]
            if not (b" " <= c <= b"~") or c == b"=" or (
                    c == b" " and i + 1 == len(data)):
                c = b"=%02X" % c[0]
            if column + len(c) > 72:
                out, column = out + b"=" + eol, 0
            out, column, i = out + c, column + len(c), i + 1
        return out

    def extra_param(self, params, name):
        rng = self.rng
        params[name] = " ".join(rng.choice(
            ["file", "übung", "日本", "a\"b", "x;y", "50%", "it's", "(1).pdf"])
            for _ in range(rng.randrange(1, 6)))

    def content_type(self, node):
        rng = self.rng
        ctype = rng.choice([node.type, node.type.title(), node.type.upper()])
        value = " " + ctype
        for name, v in node.params.items():
            value += ";" + rng.choice([" ", "\n ", "\n\t", ""]) + \
                self.param(name, v)
        node.fields.append((b"Content-Type", value.encode()))
        if node.disposition:
            value = " " + node.disposition
            for name, v in node.disposition_params.items():
                value += "; " + self.param(name, v)
            node.fields.append((b"Content-Disposition", value.encode()))
        rng.shuffle(node.fields)

    def param(self, name, value):
        rng = self.rng
        name = rng.choice([name, name.upper()])
        ascii_only = all(" " <= c <= "~" for c in value)
        if ascii_only and value and \
                not any(c in "()<>@,;:\\\"/[]?= '%*" for c in value) and \
                rng.random() < 0.5:
            return "%s=%s" % (name, value)
        if ascii_only and (name.lower() == "boundary" or rng.random() < 0.6):
            return '%s="%s"' % (name, value.replace("\\", "\\\\")
                                .replace('"', '\\"'))
        octets = value.encode()
        if rng.random() < 0.5:
            return "%s*=utf-8'%s'%s" % (name, rng.choice(["", "de"]),
                                        percent(octets))
        # pieces; a character may be cut between two
        pieces, i = [], 0
        while i < len(octets) or not pieces:
            n = rng.randrange(1, 9)
            piece = octets[i:i + n]
            number = len(pieces)
            if number and all(0x20 < c < 0x7f and c not in b'"\\' for c in piece) \
                    and rng.random() < 0.5:
                pieces.append('%s*%d="%s"' % (name, number, piece.decode()))
            else:
                pieces.append("%s*%d*=%s%s" % (
                    name, number, "" if number else "utf-8''", percent(piece)))
            i += n
        if rng.random() < 0.3:
            rng.shuffle(pieces)
        return ";\n ".join(pieces)

    def unstructured(self, n):
        """Words, some of them encoded; the text, and how it is written."""
        rng = self.rng
        words, raw, before = [], [], None
        for _ in range(n):
            if rng.random() < 0.5:
                word = rng.choice(WORDS)
                words.append(word)
                raw.append(word.encode())
                before = None
                continue
            charset = rng.choice(list(UNICODE))
            if charset == "utf-8" and rng.random() < 0.3:   # 8-bit
                words.append(rng.choice(UNICODE[charset]))
                raw.append(words[-1].encode())
                before = None
                continue
            word = " ".join(rng.choice(UNICODE[charset])
                            for _ in range(rng.randrange(1, 3)))
            # the blank between two encoded words does not count
            if before:
                words[-1] += word
            else:
                words.append(word)
            raw += self.encoded_words(word, charset)
            before = charset
        seps = [rng.choice([b" ", b" ", b"\n ", b"\n\t"]) for _ in raw]
        seps[0] = b" "
        return " ".join(words), b"".join(s + r for s, r in zip(seps, raw))

    def encoded_words(self, word, charset):
        rng = self.rng
        octets = word.encode(charset)
        cut = rng.randrange(len(octets)) \
            if charset == "utf-8" and rng.random() < 0.3 else 0
        pieces = [octets[:cut], octets[cut:]] if cut else [octets]
        return [self.encoded_word(p, charset) for p in pieces]

    def encoded_word(self, octets, charset):
        rng = self.rng
        name = rng.choice([charset, charset.upper()])
        if rng.random() < 0.5:
            data, how = base64.b64encode(octets).decode(), "B"
        else:
            data = "".join(
                chr(c) if chr(c).isalnum() and c < 128
                else "_" if c == 32 and rng.random() < 0.7 else "=%02X" % c
                for c in octets)
            how = "Q"
        return ("=?%s?%s?%s?=" % (name, rng.choice([how, how.lower()]), data)
                ).encode()

    def addresses(self, n, groups):
        rng = self.rng
        want, raw = [], []
        for _ in range(n):
            if groups and rng.random() < 0.2:
                members = [self.address() for _ in range(rng.randrange(3))]
                name = rng.choice(["team", "undisclosed recipients"])
                want.append((name, [m for m, _ in members]))
                raw.append(name.encode() + b":" +
                           b", ".join(r for _, r in members) + b";")
            else:
                m, r = self.address()
                want.append((None, [m]))
                raw.append(r)
        sep = rng.choice([b", ", b",\n ", b",", b" ,\n\t"])
        if any(group for group, _ in want):     # see compare.py: group-blank
            sep = sep.lstrip()
        return want, b" " + sep.join(raw)

    def address(self):
        rng = self.rng
        local, raw_local = rng.choice([
            ("joe", "joe"), ("j.doe+tag", "j.doe+tag"), ("a b", '"a b"'),
            ("o'hara", "o'hara"), ("x@y", '"x@y"'), ("jörg", "jörg"),
            ('q"q', '"q\\"q"')])
        host = rng.choice(["example.org", "mail.example.com", "[192.0.2.1]",
                           "[IPv6:2001:db8::1]", "bücher.example"])
        spec = raw_local + "@" + host
        kind = rng.randrange(5)
        if kind == 0:
            return ("", local, host), spec.encode()
        if kind == 1:
            return ("", local, host), ("<%s>" % spec).encode()
        if kind == 2:
            name = rng.choice(["Joe Doe", "Dr. Joe Q. Doe", "Jörg Müller"])
            return (name, local, host), ("%s <%s>" % (name, spec)).encode()
        if kind == 3:
            name = rng.choice(["Doe, Joe", "a \"b\" c", "Joe (the boss)",
                               "back\\slash", "x <y@z>"])
            quoted = name.replace("\\", "\\\\").replace('"', '\\"')
            return (name, local, host), ('"%s" <%s>' % (quoted, spec)).encode()
        charset = rng.choice(["utf-8", "iso-8859-1", "koi8-r"])
        name = rng.choice(UNICODE[charset])
        return (name, local, host), \
            self.encoded_word(name.encode(charset), charset) + \
            (" <%s>" % spec).encode()

    def date(self):
        rng = self.rng
        epoch = rng.randrange(-2 ** 31, 2 ** 33)
        zone = rng.choice([0, 0, 60, -300, 330, -210, 840])
        y, m, d, hh, mm, ss, wd = civil(epoch + zone * 60)
        months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
        days = "Thu Fri Sat Sun Mon Tue Wed".split()
        text = rng.choice(["%s, " % days[wd], ""])
        text += rng.choice(["%d", "%02d"]) % d
        text += " %s %04d %02d:%02d:%02d " % (months[m - 1], y, hh, mm, ss)
        sign = "-" if zone < 0 else "+"
        text += "%s%02d%02d" % (sign, abs(zone) // 60, abs(zone) % 60)
        text += rng.choice(["", " (CET)"])
        return epoch, text.encode()


def percent(octets):
    return "".join(chr(c) if chr(c).isalnum() and c < 128 else "%%%02X" % c
                   for c in octets)


def civil(epoch):
    """year month day hour minute second weekday (0: Thursday)"""
    days, rest = divmod(epoch, 86400)
    y = 1970
    leap = lambda: y % 4 == 0 and (y % 100 != 0 or y % 400 == 0)
    left = days
    while left < 0:
        y -= 1
        left += 366 if leap() else 365
    while left >= (366 if leap() else 365):
        left -= 366 if leap() else 365
        y += 1
    m = 1
    for n in (31, 29 if leap() else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31):
        if left < n:
            break
        left -= n
        m += 1
    return y, m, left + 1, rest // 3600, rest // 60 % 60, rest % 60, days % 7
