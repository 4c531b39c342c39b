"""compare.py PROBE DIRECTORY - what ours makes of it, beside dkimpy and the
test suite of RFC 7208; prints "ok NAME" or "not ok NAME: why"."""

import base64
import os
import re
import subprocess
import sys
import tempfile

import authres
import dkim
import nacl.signing
import yaml

PROBE = sys.argv[1]
HERE = sys.argv[2]
FAILED = []


def report(name, why=None):
    if why is None:
        print("ok %s" % name)
    else:
        print("not ok %s: %s" % (name, why))
        FAILED.append(name)
    sys.stdout.flush()


def probe(args, data=b""):
    done = subprocess.run([PROBE] + args, input=data, capture_output=True,
                          timeout=120)
    if done.returncode != 0:
        raise RuntimeError("probe %s: status %d: %s" % (
            args[0], done.returncode, done.stderr.decode()[-500:]))
    return done.stdout


def escape(text):
    if not text:
        return "-"
    return "".join(chr(c) if 33 <= c <= 126 and chr(c) not in "%-" else
                   "%%%02X" % c for c in text.encode("utf-8"))


# --- the suite: openspf.org's, for RFC 7208

# Cases where ours differs on purpose: what it says, and why.
DIFFERENCES = {
    "mx-colon-domain": (
        "neutral", "an MX that is no host name is passed over by the resolver"),
    "mx-colon-domain-ip4mapped": (
        "neutral", "an MX that is no host name is passed over by the resolver"),
}

TYPES = ("A", "AAAA", "MX", "PTR", "TXT", "CNAME")


def zone_values(kind, value):
    """The table's texts for a record of the suite."""
    if kind in ("TXT", "SPF"):
        if value == "NONE":
            return []
        # The table's texts end at NUL and are cut at line ends: another
        # control character stands for both.
        return ["\n".join(re.sub("[\0\n]", "\1", v) for v in (
            [value] if isinstance(value, str) else value))]
    if kind == "MX":
        return ["%d %s" % (value[0], value[1].rstrip(".") or ".")]
    return [value.rstrip(".").lower() if kind == "CNAME"
            else value.rstrip(".")]


def name_is_good(name):
    return all(0 < len(label) < 64 for label in name.split("."))


def zone_of(data):
    """Its records as rows.  What the suite calls SPF is a TXT, unless the name
    has TXT of its own; TIMEOUT stands for all types that are not there."""
    rows = []
    for name, records in data.items():
        own = [(kind, value) for r in records if isinstance(r, dict)
               for kind, value in r.items()]
        has_txt = any(kind == "TXT" for kind, _ in own)
        seen = set()
        for kind, value in own:
            if kind == "SPF" and has_txt:
                continue
            kind = "TXT" if kind == "SPF" else kind
            if value == "TIMEOUT":
                rows.append((name, kind, "TIMEOUT"))
                seen.add(kind)
                continue
            if kind in ("MX", "PTR", "CNAME"):
                target = value[1] if kind == "MX" else value
                if target.rstrip(".") and not name_is_good(
                        target.rstrip(".")):
                    continue
            for text in zone_values(kind, value):
                rows.append((name, kind, escape(text)))
                seen.add(kind)
        if "TIMEOUT" in records:
            for kind in TYPES[:-1]:
                if kind not in seen:
                    rows.append((name, kind, "TIMEOUT"))
    return "".join("%s %s %s\n" % (escape(name.lower().rstrip(".")), kind,
                                   text) for name, kind, text in rows)


def suite_case(name, case, line):
    result, explanation = line.split(" ")
    wanted = case["result"]
    wanted = [wanted] if isinstance(wanted, str) else wanted
    if name in DIFFERENCES:
        wanted = [DIFFERENCES[name][0]]
    name = "spf %s" % name
    if result not in wanted:
        report(name, "%s, not %s" % (result, " or ".join(wanted)))
        return
    wanted = case.get("explanation")
    if wanted is not None:
        got = re.sub("%(..)", lambda m: chr(int(m.group(1), 16)), explanation)
        got = "" if got == "-" else got
        # ours has no explanation of its own where there is none
        wanted = "" if wanted == "DEFAULT" else wanted
        if got.lower() != wanted.lower():
            report(name, "explains %r, not %r" % (got, wanted))
            return
    report(name)


def suite():
    path = os.path.join(HERE, "rfc7208-tests.yml")
    with open(path, encoding="utf-8") as f, \
            tempfile.NamedTemporaryFile("w") as zone:
        for scenario in yaml.safe_load_all(f):
            zone.seek(0)
            zone.truncate()
            zone.write(zone_of(scenario["zonedata"]))
            zone.flush()
            cases = list(scenario["tests"].items())
            lines = "".join("%s %s %s %s\n" % (
                c["host"], escape(c["helo"]), escape(c["mailfrom"]), "-")
                for _, c in cases)
            out = probe(["spf", zone.name], lines.encode()).decode()
            out = out.splitlines()
            if len(out) != len(cases):
                report("spf %s" % scenario["description"],
                       "%d answers to %d cases" % (len(out), len(cases)))
                continue
            for (name, case), line in zip(cases, out):
                suite_case(name, case, line)


# --- DKIM

PLAIN = b"From: Joe <joe@example.org>\r\nTo: b@example.net\r\n" \
        b"Subject: test\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\n" \
        b"Message-ID: <1@example.org>\r\n"

MESSAGES = {
    "plain": PLAIN + b"\r\nHello\r\n",
    "folded": b"From: Joe\r\n\t<joe@example.org>\r\nSubject: a\r\n  b\t\tc\r\n"
              b" \td  \r\nTo:b@example.net\r\nDate:  now\t \r\n\r\nx\r\n",
    "duplicates": b"Subject: 1\r\nFrom: a@example.org\r\nTo: 1@x.example\r\n"
                  b"Subject: 2\r\nTo: 2@x.example\r\nSubject: 3\r\n"
                  b"Received: from a\r\nReceived: from b\r\n\r\nx\r\n",
    "trailing blank lines": PLAIN + b"\r\nHello\r\n\r\n \t\r\n\r\n\r\n",
    "tabs and blanks": PLAIN + b"\r\n\tone  two\t\tthree \t \r\n  \r\n x\r\n",
    "8 bit": b"From: J\xc3\xb6 <j@example.org>\r\nSubject: \xe4\xf6\xff\r\n"
             b"\r\nGr\xfc\xdfe \x80\xfe  \r\n",
    "empty body": PLAIN + b"\r\n",
    "blank body": PLAIN + b"\r\n\r\n\r\n \r\n",
    "no line end": PLAIN + b"\r\nHello\r\nno end",
    "dots": PLAIN + b"\r\n.\r\n..\r\n. x\r\n",
    "long lines": PLAIN + b"\r\n" + b"x y" * 5000 + b" \r\n" +
                  b" " * 9000 + b"\r\n" + b"z" * 20000 + b"\r\n",
    "many lines": PLAIN + b"\r\n" + b"\r\n" * 5000 + b"x\r\n" +
                  b"\r\n" * 5000,
    "large": PLAIN + b"\r\n" + b"".join(
        b"line %d of\ta large  body \r\n" % i for i in range(60000)),
    "list": PLAIN + b"List-Id: <l.example.org>\r\nMIME-Version: 1.0\r\n"
            b"Content-Type: text/plain;\r\n charset=utf-8\r\n"
            b"Content-Transfer-Encoding: 8bit\r\nIn-Reply-To: <0@x>\r\n"
            b"References: <0@x>\r\n <1@x>\r\nReply-To: l@example.org\r\n"
            b"List-Unsubscribe: <https://example.org/?a=b&c>\r\n"
            b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
            b"\r\nx\r\n",
    "odd fields": PLAIN + b"X:\r\nY: \r\nEmpty-Folded:\r\n \r\nZ: a;b=c;\r\n"
                  b"Subject:no blank\r\n\r\nx\r\n",
}
CANONS = [(b"simple", b"simple"), (b"simple", b"relaxed"),
          (b"relaxed", b"simple"), (b"relaxed", b"relaxed")]


def keys(directory):
    """algorithm: (file of the private key, record, the key for dkimpy)"""
    found = {}
    for algorithm in "rsa", "ed25519":
        text = probe(["key", algorithm]).decode()
        pem, record = text.rsplit("-----\n", 1)
        path = os.path.join(directory, algorithm)
        with open(path, "w") as f:
            f.write(pem + "-----\n")
        theirs = pem.encode() + b"-----\n"
        if algorithm == "ed25519":
            der = base64.b64decode("".join(theirs.decode().split("\n")[1:-2]))
            theirs = base64.b64encode(der[-32:])
            assert base64.b64encode(bytes(nacl.signing.SigningKey(
                der[-32:]).verify_key)).decode() in record
        found[algorithm] = (path, record.strip(), theirs)
    return found


def changed(message):
    """The same with another body."""
    return message + b"not signed\r\n"


def ours_by_theirs(message, key):
    path, record, _ = key
    field = probe(["sign", path, "example.org", "s1"], message)

    def dns(asked, timeout=5):
        assert asked.rstrip(b".") == b"s1._domainkey.example.org", asked
        return record.encode()

    def verify(m):
        return dkim.verify(m, dnsfunc=dns)

    if not field.endswith(b"\r\n") or max(
            len(x) for x in field.split(b"\r\n")) > 78:
        return "the field is badly folded"
    if not verify(field + message):
        return "dkimpy does not verify it"
    if not verify(b"Received: from x\r\n" + field + message):
        return "dkimpy does not verify it with a trace field"
    if verify(field + changed(message)):
        return "dkimpy verifies a changed body"
    if verify(b"From: another@example.com\r\n" + field + message):
        return "dkimpy verifies a second From"
    return None


def theirs_by_ours(message, key, algorithm, canon, zone, length):
    field = dkim.sign(message, b"s1", b"example.org", key[2],
                      canonicalize=canon, length=length,
                      signature_algorithm=("%s-sha256" % algorithm).encode())

    def verify(m):
        out = probe(["verify", zone], m).decode().splitlines()
        return out[0].split(" ")[0] if len(out) == 1 else repr(out)

    got = verify(field + message)
    if got != "pass":
        return "ours says %s (%r)" % (got, field)
    got = verify(field + changed(message))
    wanted = "pass" if dkim.verify(field + changed(message), dnsfunc=lambda
                                   asked, timeout=5: key[1].encode()) \
        else "fail"
    if got != wanted or (wanted == "pass" and not length):
        return "a changed body is %s, with dkimpy %s" % (got, wanted)
    got = verify(field + message.replace(b"example.org", b"example.com", 1))
    if got != "fail":
        return "a changed header is %s" % got
    return None


def dkim_all():
    with tempfile.TemporaryDirectory() as directory:
        pairs = keys(directory)
        for algorithm, key in pairs.items():
            zone = os.path.join(directory, "zone." + algorithm)
            with open(zone, "w") as f:
                f.write("s1._domainkey.example.org TXT %s\n" % escape(key[1]))
            for name, message in MESSAGES.items():
                report("dkim %s: ours by dkimpy, %s" % (name, algorithm),
                       ours_by_theirs(message, key))
                for canon in CANONS:
                    for length in (False, True):
                        report("dkim %s: dkimpy's by ours, %s, %s/%s%s" % (
                            name, algorithm, canon[0].decode(),
                            canon[1].decode(), ", l=" if length else ""),
                            theirs_by_ours(message, key, algorithm,
                                           canon, zone, length))


# --- the whole: what is written of a message, as python3-authres reads it

# address, sender, header in front, body behind: spf, dkim of both, dmarc
WHOLES = [
    ("all right", "192.0.2.1", "joe@example.org", b"", b"",
     "pass", ["pass", "pass"], "pass"),
    ("another host", "192.0.2.2", "joe@example.org", b"", b"",
     "fail", ["pass", "pass"], "pass"),
    ("another body", "192.0.2.1", "joe@example.org", b"", b"x",
     "pass", ["fail", "fail"], "pass"),
    ("another host and body", "192.0.2.2", "joe@example.org", b"", b"x",
     "fail", ["fail", "fail"], "fail"),
    ("another author", "192.0.2.1", "joe@example.org",
     b"From: evil@example.com\r\n", b"",
     "pass", ["fail", "fail"], "permerror"),
    ("another sender", "192.0.2.1", "joe@example.com", b"", b"x",
     "none", ["fail", "fail"], "fail"),
    ("null sender", "192.0.2.1", "", b"", b"",
     "none", ["pass", "pass"], "pass"),
    ("odd sender", "192.0.2.1", '"a b\\"; c=(d"@example.org', b"", b"",
     "pass", ["pass", "pass"], "pass"),
    ("long sender", "192.0.2.1", "x" * 64 + "@" + "y." * 120 + "example.org",
     b"", b"", "none", ["pass", "pass"], "pass"),
]


def whole(text, wanted_spf, wanted_dkim, wanted_dmarc, sender):
    name, value = text.decode().split(":", 1)
    got = authres.AuthenticationResultsHeader.parse_value(
        re.sub(r"\r\n(?=[ \t])", "", value).strip())
    if (name, got.authserv_id) != ("Authentication-Results",
                                   "mx.example.net"):
        return "it is %s of %s" % (name, got.authserv_id)
    results = {}
    for r in got.results:
        results.setdefault(r.method, []).append(r)
    seen = [[r.result for r in results.get(m, [])]
            for m in ("spf", "dkim", "dmarc")]
    wanted = [[wanted_spf], wanted_dkim, [wanted_dmarc]]
    if seen != wanted:
        return "%r, not %r" % (seen, wanted)
    # it takes the quotes off, but leaves what is quoted in them
    properties = {(p.type, p.name): re.sub(r"\\(.)", r"\1", p.value)
                  for p in results["spf"][0].properties}
    if sender and properties[("smtp", "mailfrom")] != sender:
        return "smtp.mailfrom is %r" % properties[("smtp", "mailfrom")]
    if [{p.name: p.value for p in r.properties}["a"]
            for r in results["dkim"]] != ["rsa-sha256", "ed25519-sha256"]:
        return "the algorithms are wrong"
    return None


def whole_all():
    with tempfile.TemporaryDirectory() as directory:
        zone = os.path.join(directory, "zone")
        fields = b""
        with open(zone, "w") as f:
            for algorithm, key in keys(directory).items():
                f.write("%s._domainkey.example.org TXT %s\n" % (
                    algorithm, escape(key[1])))
                fields += probe(["sign", key[0], "example.org", algorithm],
                                MESSAGES["plain"])
            f.write("example.org TXT %s\n" % escape(
                "v=spf1 ip4:192.0.2.1 -all"))
            f.write("_dmarc.example.org TXT %s\n" % escape(
                "v=DMARC1; p=reject"))
        for name, ip, sender, front, behind, spf, signed, dmarc in WHOLES:
            text = probe(["header", zone, ip, "h.example", escape(sender)],
                         front + fields + MESSAGES["plain"] + behind)
            report("authres %s" % name,
                   whole(text, spf, signed, dmarc, sender))


suite()
dkim_all()
whole_all()
sys.exit(1 if FAILED else 0)
