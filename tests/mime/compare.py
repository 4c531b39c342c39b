"""Our parser beside Python's email package, and both beside what is known.

usage: compare.py DUMP [MESSAGES [SEED]]

Prints `ok mime/NAME` or `not ok mime/NAME` for each test.  Where the two differ
and Python is wrong by the RFC, or right in another way, DIFFERENCES says so
with the reason; any other difference fails.
"""
import base64
import email
import email._header_value_parser
import email.header
import email.policy
import email.message
import email.utils
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from messages import Maker  # noqa: E402

# What Python's package does otherwise, why ours is right (or as good), and how
# often it was met: every one of them must be met by some test below, so that
# none stays here without need.
DIFFERENCES = {
    "message-other": (
        "Python parses the body of every message/* type as a message; only "
        "message/rfc822 and message/global are (RFC 2046, 5.2; RFC 6532, 3.7)"),
    "encoded-message": (
        "Python looks for a message in the base64 of a message/rfc822 with "
        "that encoding (not allowed, RFC 2046, 5.2.1); ours is an opaque leaf"),
    "no-part": (
        "a multipart without boundary or without any part is a text with "
        "type multipart to Python; BODYSTRUCTURE has no such thing (RFC 9051, "
        "9: body-type-mpart has 1*body), ours is an opaque leaf"),
    "unclosed-newline": (
        "Python takes the last line end off a part that no delimiter ends; it "
        "belongs to a delimiter only if there is one (RFC 2046, 5.1.1)"),
    "obs-colon": (
        "Python ends the header at `Subject : x`; RFC 5322, 4.5 allows blanks "
        "before the colon"),
    "bare-cr": (
        "Python takes a bare CR as a line end; lines end in CRLF (RFC 5322, "
        "2.1), a bare LF is accepted, a bare CR is content"),
    "same-boundary": (
        "a multipart inside one with the same boundary (not allowed): Python "
        "gives the delimiter to the outer one, ours to the inner one"),
    "double-delimiter": (
        "Python takes delimiters in a row for one; ours makes a part without "
        "header and body between them"),
    "mbox-inside": (
        "Python passes over a line `From ` in the middle of a header, ours "
        "only in front of it; it is no header field (RFC 5322, 2.2)"),
    "base64-tail": (
        "Python decodes nothing, or other bytes, where base64 is followed by "
        "text or broken; RFC 2045, 6.8 says to stop at the padding and to "
        "ignore other characters"),
    "encoding-comment": (
        "Python does not decode `base64 (comment)`, nor `base64 junk`; RFC 2045, "
        "6.1 and RFC 5322, 3.2.2 allow comments there"),
    "qp-blanks": (
        "Python keeps blanks at the end of a quoted-printable line; RFC 2045, "
        "6.7 rule 3 says they must be deleted"),
    "word-mark": (
        "Python joins utf-16 words before it decodes them; each has its own "
        "byte order mark (RFC 2047, 6.3: words are decoded one by one)"),
    "c1-latin1": (
        "bytes 0x80-0x9F in iso-8859-1 are control characters to Python and "
        "windows-1252 to us, as senders mean them (WHATWG Encoding)"),
    "type-junk": (
        "Python says text/plain for a type with junk behind (`text/html/x`); "
        "ours takes the type in front of it"),
    "param-junk": (
        "Python takes `\"b\" junk` as the value; ours takes the quoted string"),
    "param-hyphen": (
        "Python does not decode RFC 2231 for names with a hyphen"),
    "group-blank": (
        "Python reads `group:; ,` as an invalid address"),
}
BASE64 = ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
          "0123456789+/")
met = {}


def differ(name):
    met[name] = met.get(name, 0) + 1


class Failure(Exception):
    pass


def need(what, got, want):
    if got != want:
        raise Failure("%s: %.300r instead of %.300r" % (what, got, want))


def sha(data):
    return hashlib.sha256(data).hexdigest()


class Dump:
    """Runs the dump program on messages; each becomes a dict path -> part."""

    def __init__(self, program):
        self.program = program
        self.peak_kib = 0

    def __call__(self, messages, chunk=65536):
        with tempfile.TemporaryDirectory() as where:
            paths = []
            for i, raw in enumerate(messages):
                paths.append(os.path.join(where, "%06d" % i))
                with open(paths[-1], "wb") as f:
                    f.write(raw)
            done = subprocess.run([self.program, "-c", str(chunk)] + paths,
                                  stdout=subprocess.PIPE)
        if done.returncode != 0:
            raise Failure("dump ended with status %d" % done.returncode)
        lines = done.stdout.decode().splitlines()
        self.peak_kib = json.loads(lines.pop())["peak_kib"]
        return [{p["path"]: p for p in json.loads(line)["parts"]}
                for line in lines]


def blanks(text):
    return re.sub(r"[ \t\r\n]+", " ", text).strip()


def entries(addresses):
    """Our list as messages.Maker knows it: (group or None, members)."""
    out, group = [], None
    for a in addresses:
        if a["kind"] == "group":
            group = (a["mailbox"], [])
        elif a["kind"] == "end":
            out.append(group)
            group = None
        else:
            one = (a.get("shown", ""), a["mailbox"], a["host"])
            if group:
                group[1].append(one)
            else:
                out.append((None, [one]))
    return out


# Against what the maker knows

def check_known(raw, ours, node):
    paths = dict(node.walk())
    need("parts", sorted(ours), sorted(paths))
    for path, n in paths.items():
        o = ours[path]
        for what in ("kind", "type", "header_start", "body_start", "body_end",
                     "disposition"):
            need("%s %s" % (path, what), o[what], getattr(n, what))
        need(path + " params", o["params"]["decoded"], n.params)
        need(path + " disposition params", o["disposition_params"]["decoded"],
             n.disposition_params)
        need(path + " lines", o["lines"],
             raw.count(b"\n", n.body_start, n.body_end))
        if n.kind == "leaf":
            need(path + " content", o["sha256"], sha(n.content))
        if n.envelope:
            check_known_envelope(path, o["envelope"], n.envelope)


def check_known_envelope(path, o, e):
    need(path + " subject", blanks(o["shown"]), blanks(e["subject"]))
    need(path + " date", o["epoch"], e["epoch"])
    for name in ("from", "to", "cc", "bcc", "sender", "reply-to"):
        want = e.get(name, [])
        if name in ("sender", "reply-to") and not want:
            want = e["from"]
        need("%s %s" % (path, name), entries(o[name]), want)


# Against Python

def python_parts(message, path=""):
    yield path, message
    if not message.is_multipart():
        return
    inside = message.get_payload()
    nested = message.get_content_maintype() == "message"
    for i, child in enumerate(inside):
        step = "m" if nested else str(i + 1)
        yield from python_parts(child, path + "." + step if path else step)


def python_params(message, field):
    out = {}
    for name, value in (message.get_params(header=field) or [])[1:]:
        value = email.utils.collapse_rfc2231_value(value)
        out.setdefault(name.lower(), value)
    return out


def python_text(value):
    """RFC 2047 decoded, by Python."""
    out = ""
    for piece, charset in email.header.decode_header(value):
        if isinstance(piece, str):
            out += piece
        elif charset is None:
            out += piece.decode("raw-unicode-escape")
        else:
            out += piece.decode(charset, "replace")
    return out


def decoded_by_python(raw, said):
    message = email.message.Message()
    if said is not None:
        message["Content-Transfer-Encoding"] = said
    message.set_payload(raw.decode("ascii", "surrogateescape"))
    return message.get_payload(decode=True)


def decoded(body, encoding):
    """As the RFCs say."""
    if encoding == "base64":
        bits = octets = 0
        out = bytearray()
        for c in body.decode("latin-1"):
            if c == "=" and octets % 4 > 1:
                break
            v = BASE64.find(c)
            if v < 0:
                continue
            bits, octets = (bits << 6 | v) & 0xffffff, octets + 1
            if octets % 4 != 1:
                out.append(bits >> (6 - 2 * ((octets - 1) % 4)) & 0xff)
        return bytes(out)
    if encoding == "quoted-printable":
        body = re.sub(rb"[ \t]+(\r?\n|\Z)", rb"\1", body)
        return re.sub(rb"=(?:([0-9A-Fa-f]{2})|\r?\n|\Z)", lambda m:
                      bytes.fromhex((m[1] or b"").decode()), body)
    return body


def check_python(raw, ours, strict):
    """strict: the message is valid, Python must agree in everything."""
    message = email.message_from_bytes(raw)
    theirs = dict(python_parts(message))
    need("parts", sorted(ours), sorted(theirs))
    for path, t in theirs.items():
        o = ours[path]
        need(path + " type", o["type"], t.get_content_type())
        if strict:
            check_python_params(path, o, t)
        if o["kind"] == "leaf":
            check_python_body(raw, path, o, t)
        if "envelope" in o and strict:
            subject = python_text(python_values(t, "subject")[0])
            if "\ufeff" in subject:
                differ("word-mark")
            need(path + " subject", blanks(o["envelope"]["shown"]),
                 blanks(subject.replace("\ufeff", "")))
            check_python_addresses(path, o["envelope"], t)


def check_python_params(path, o, t):
    need(path + " disposition", o["disposition"], t.get_content_disposition())
    if t["content-type"] is not None:
        need(path + " params", o["params"]["decoded"],
             python_params(t, "content-type"))
    if t["content-disposition"] is not None:
        need(path + " disposition params", o["disposition_params"]["decoded"],
             python_params(t, "content-disposition"))


def check_python_body(raw, path, o, t):
    body = raw[o["body_start"]:o["body_end"]]
    encoding = o["encoding"]
    need(path + " content", o["sha256"], sha(decoded(body, encoding)))
    # Is Python's body the same bytes?  Then a difference is the decoder's.
    said = t.get("content-transfer-encoding")
    theirs = t.get_payload(decode=True)
    if theirs != decoded_by_python(body, said):
        shorter = re.sub(rb"\r?\n\Z", b"", body)
        if o["body_end"] == len(raw) and \
                theirs == decoded_by_python(shorter, said):
            return differ("unclosed-newline")
        raise Failure("%s body: %d bytes %.200r instead of %d %.200r" % (
            path, len(body), body, len(theirs), theirs))
    if theirs == decoded(body, encoding):
        return
    if str(said).strip().lower() != encoding:
        differ("encoding-comment")
    elif encoding == "base64":
        differ("base64-tail")
    elif encoding == "quoted-printable":
        differ("qp-blanks")
    else:
        raise Failure("%s: decoded otherwise" % path)


def python_values(message, name):
    """Unfolded, with UTF-8 as it stands."""
    return [re.sub(r"[\r\n]", "", value).encode("ascii", "surrogateescape")
            .decode("utf-8", "replace")
            for key, value in message.raw_items() if key.lower() == name]


def python_addresses(message, name):
    out = []
    for value in python_values(message, name):
        parsed, _ = email._header_value_parser.get_address_list(value)
        for a in parsed.addresses:
            members = [(m.display_name or "", m.local_part, m.domain)
                       for m in a.mailboxes]
            if a[0].token_type == "group":
                out.append((a[0].display_name, members))
            else:
                out += [(None, [m]) for m in members]
    return out


def check_python_addresses(path, e, t):
    for name in ("from", "sender", "reply-to", "to", "cc", "bcc"):
        want = python_addresses(t, name)
        if want:
            need("%s %s" % (path, name), entries(e[name]), want)


# The tests

TESTS = []


def test(fn):
    TESTS.append(fn)
    return fn


def made(seed, count, eol):
    nodes = [Maker("%s-%d" % (seed, i), eol).message() for i in range(count)]
    return nodes, [n.render(eol) for n in nodes]


def each(raws, dumped, check):
    for i, (raw, ours) in enumerate(zip(raws, dumped)):
        try:
            check(i, raw, ours)
        except Failure as e:
            keep = os.environ.get("SHOAL_KEEP")
            if keep:
                with open(os.path.join(keep, "failed.eml"), "wb") as f:
                    f.write(raw)
            raise Failure("message %d: %s" % (i, e))


@test
def known_crlf(dump, count, seed):
    nodes, raws = made(seed, count, b"\r\n")
    each(raws, dump(raws), lambda i, raw, o: check_known(raw, o, nodes[i]))


@test
def known_lf(dump, count, seed):
    nodes, raws = made(seed, count, b"\n")
    each(raws, dump(raws), lambda i, raw, o: check_known(raw, o, nodes[i]))


@test
def python_crlf(dump, count, seed):
    _, raws = made(seed, count, b"\r\n")
    each(raws, dump(raws), lambda i, raw, o: check_python(raw, o, True))


@test
def python_lf(dump, count, seed):
    _, raws = made(seed, count, b"\n")
    each(raws, dump(raws), lambda i, raw, o: check_python(raw, o, True))


@test
def chunks(dump, count, seed):
    """The size of the pieces makes no difference."""
    _, raws = made(seed, count // 10, b"\r\n")
    want = dump(raws)
    for chunk in (1, 7, 4096):
        need("chunk %d" % chunk, dump(raws, chunk), want)


def broken(rng, raw, eol):
    """One to three things that go wrong with mail on its way."""
    for _ in range(rng.randrange(1, 4)):
        lines = raw.split(eol)
        i = rng.randrange(len(lines))
        how = rng.randrange(8)
        if how == 0:
            del lines[i]
        elif how == 1:
            lines.insert(i, lines[rng.randrange(len(lines))])
        elif how == 2:
            lines.insert(i, rng.choice([b"", b"text", b"X: y", b"--", b"--b1--",
                                        b"From x", b"\xc3\xa4\xff", b": x"]))
        elif how == 3:
            j = rng.randrange(len(lines))
            lines[i], lines[j] = lines[j], lines[i]
        elif how == 4:              # delimiters only
            marks = [k for k, l in enumerate(lines) if l.startswith(b"--")]
            if marks:
                k = rng.choice(marks)
                lines[k] = rng.choice([
                    lines[k] + b"--", lines[k] + b" \t", lines[k] + b"x",
                    lines[k][:-1], b" " + lines[k], b"", lines[k].upper()])
        elif how == 5:              # the rest is lost
            del lines[i:]
        elif how == 6:              # cut in the middle of a line
            raw = raw[:rng.randrange(len(raw) + 1)]
            continue
        elif lines[i]:
            k = rng.randrange(len(lines[i]))
            lines[i] = lines[i][:k] + bytes([rng.choice(b"\t =;\"(:-\xff")]) + \
                lines[i][k + 1:]
        raw = eol.join(lines)
    return raw


def known_difference(raw, ours):
    """Why Python may see this broken message otherwise."""
    if re.search(rb"\r(?!\n)", raw):
        return "bare-cr"
    message = email.message_from_bytes(raw)
    theirs = dict(python_parts(message))
    for path, o in sorted(ours.items()):
        t = theirs.get(path)
        header = raw[o["header_start"]:o["body_start"]]
        if re.search(rb"(^|\n)[!-9;-~]+[ \t]+:", header):
            return "obs-colon"
        if path and o["header_start"] == o["body_end"]:
            return "double-delimiter"
        if raw.startswith(b"From ", o["body_start"]) and \
                not re.search(rb"(^|\n)\r?\n$", header):
            return "mbox-inside"
        if t is None:
            continue
        ctype = t.get_content_type()
        if o["kind"] == "leaf" and t.is_multipart():
            if o["opaque"] and o["encoding"] in ("base64", "quoted-printable"):
                return "encoded-message"
            if ctype.startswith("message/"):
                return "message-other"
        if o["opaque"] and ctype.startswith("multipart/"):
            return "no-part"
        if t.get_boundary() != o["params"]["decoded"].get("boundary"):
            return "param-junk"
        if o["type"] != ctype:
            value = str(t.get("content-type", "")).split(";")[0]
            if not re.fullmatch(r"[\w.+-]+/[\w.+-]+", value.strip()):
                return "type-junk"
    return None


@test
def broken_python(dump, count, seed):
    rng = random.Random("%s-broken" % seed)
    for eol in (b"\r\n", b"\n"):
        _, raws = made("%s-b" % seed, count * 3, eol)
        raws = [broken(rng, raw, eol) for raw in raws]

        def check(i, raw, ours):
            try:
                check_python(raw, ours, False)
            except Failure:
                why = known_difference(raw, ours)
                if why is None:
                    raise
                differ(why)
        each(raws, dump(raws), check)


def multipart(boundary, *parts, end=True):
    mark = b"--" + boundary
    return b"Content-Type: multipart/mixed; boundary=\"" + boundary + \
        b"\"\n\n" + b"".join(
            mark + b"\n" + p + b"\n" for p in parts) + \
        (mark + b"--\n" if end else b"")


def shape_ours(o):
    return [p["type"] for p in o.values()]


def shape_theirs(m):
    return [p.get_content_type() for _, p in python_parts(m)]


def subject_ours(o):
    return o[""]["envelope"].get("shown")


def subject_theirs(m):
    return python_text(m["subject"]) if m["subject"] else None


def content_theirs(m):
    return sha([p for _, p in python_parts(m)][-1].get_payload(decode=True))


def content_ours(o):
    return list(o.values())[-1]["sha256"]


def name_theirs(m):
    return m.get_param("name")


def name_ours(o):
    return o[""]["params"]["decoded"].get("name")


def to_ours(o):
    return entries(o[""]["envelope"]["to"])


def to_theirs(m):
    return python_addresses(m, "to")


# Every difference once, by itself: what ours says, and what Python says.
SHOWN = {
    "message-other": (
        b"Content-Type: message/x-other\n\nA: 1\n\nx", shape_ours,
        ["message/x-other"], shape_theirs, ["message/x-other", "text/plain"]),
    "encoded-message": (
        b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"
        b"QTogMQo=", shape_ours, ["application/octet-stream"], shape_theirs,
        ["message/rfc822", "text/plain"]),
    "no-part": (
        b"Content-Type: multipart/mixed; boundary=b\n\nx", shape_ours,
        ["application/octet-stream"], shape_theirs, ["multipart/mixed"]),
    "unclosed-newline": (
        multipart(b"b", b"\nx", end=False), content_ours, sha(b"x\n"),
        content_theirs, sha(b"x")),
    "obs-colon": (
        b"Subject : x\n\n", subject_ours, "x", subject_theirs, None),
    "bare-cr": (
        b"A: 1\rSubject: x\n\n", subject_ours, None, subject_theirs, "x"),
    "same-boundary": (
        multipart(b"b", multipart(b"b", b"\nx")), sorted, ["", "1", "1.1"],
        lambda m: sorted(dict(python_parts(m))), ["", "1", "2"]),
    "double-delimiter": (
        multipart(b"b", b"--b\n\nx"), shape_ours,
        ["multipart/mixed", "text/plain", "text/plain"], shape_theirs,
        ["multipart/mixed", "text/plain"]),
    "mbox-inside": (
        b"A: 1\nFrom x\nSubject: x\n\n", subject_ours, None,
        subject_theirs, "x"),
    "base64-tail": (
        b"Content-Transfer-Encoding: base64\n\nYQ==\n-- \nlist", content_ours,
        sha(b"a"), content_theirs, sha(b"a")),
    "encoding-comment": (
        b"Content-Transfer-Encoding: base64 (x)\n\nYQ==", content_ours,
        sha(b"a"), content_theirs, sha(b"YQ==")),
    "qp-blanks": (
        b"Content-Transfer-Encoding: quoted-printable\n\na \nb", content_ours,
        sha(b"a\nb"), content_theirs, sha(b"a \nb")),
    "word-mark": (
        b"Subject: =?utf-16?B?//5hAA==?= =?utf-16?B?//5iAA==?=\n\n",
        subject_ours, "ab", subject_theirs, "a\ufeffb"),
    "c1-latin1": (
        b"Subject: =?iso-8859-1?Q?=80?=\n\n", subject_ours, "\u20ac",
        subject_theirs, "\x80"),
    "type-junk": (
        b"Content-Type: text/html/x\n\n", shape_ours, ["text/html"],
        shape_theirs, ["text/plain"]),
    "param-junk": (
        b"Content-Type: text/html; name=\"a\" b\n\n", name_ours, "a",
        name_theirs, "\"a\" b"),
    "param-hyphen": (
        b"Content-Type: text/html; x-name*0=a; x-name*1=b; name=c\n\n",
        lambda o: o[""]["params"]["decoded"].get("x-name"), "ab",
        lambda m: m.get_param("x-name"), None),
    "group-blank": (
        b"To: g:; , a@b\n\n", to_ours,
        [("g", []), (None, [("", "a", "b")])], to_theirs,
        [(None, [("", "a", "b")])]),
}


@test
def differences(dump, count, seed):
    need("differences shown", sorted(SHOWN), sorted(DIFFERENCES))
    dumped = dump([SHOWN[name][0] for name in SHOWN])
    for name, ours in zip(SHOWN, dumped):
        raw, of_ours, want_ours, of_theirs, want_theirs = SHOWN[name]
        need(name + ", ours", of_ours(ours), want_ours)
        need(name + ", Python's", of_theirs(email.message_from_bytes(raw)),
             want_theirs)


@test
def attachment_30mb(dump, count, seed):
    """Its bytes, and that our memory does not grow with it."""
    rng = random.Random(seed)
    data = rng.randbytes(30 << 20)
    b64 = base64.b64encode(data)
    lines = b"\r\n".join(b64[i:i + 76] for i in range(0, len(b64), 76))
    raw = b"Subject: x\n" + multipart(
        b"b", b"\nhello", b"Content-Type: application/pdf\n"
        b"Content-Transfer-Encoding: base64\n\n@")
    raw = raw.replace(b"\n", b"\r\n").replace(b"@", lines)
    ours = dump([raw])[0]
    need("content", ours["2"]["sha256"], sha(data))
    need("octets", ours["2"]["decoded_octets"], len(data))
    need("end", ours["2"]["body_end"], len(raw) - len(b"\r\n--b--\r\n"))
    check_python(raw, ours, True)
    if dump.peak_kib > 24 << 10:
        raise Failure("%d KiB of memory" % dump.peak_kib)


def main(argv):
    dump = Dump(argv[1])
    count = int(argv[2]) if len(argv) > 2 else 300
    seed = argv[3] if len(argv) > 3 else "1"
    failed = 0
    for fn in TESTS:
        name = fn.__name__.replace("_", "-")
        try:
            fn(dump, count, seed)
            print("ok mime/" + name, flush=True)
        except Failure as e:
            failed += 1
            print("# %s\nnot ok mime/%s" % (e, name), flush=True)
    for name in sorted(met):
        print("# %s: %d times: %s" % (name, met[name], DIFFERENCES[name]))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
