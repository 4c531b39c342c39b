"""What Shoal says to other servers, heard by one that is not Shoal."""

import json
import os
import subprocess

import pytest

from rig.sink import CLOSE, RESET, Sink
from rig.tls import Authority

MAY, MUST, VERIFY, NEVER, IMPLICIT = range(5)
MESSAGE = b"Subject: x\r\n\r\n.\r\n..\r\nbody\r\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def certificate(authority):
    return authority.issue("mx.example.net", "127.0.0.1")


@pytest.fixture
def probe(build, authority):
    """probe(sink, *recipients, message=..., KEY=VALUE): (opening, messages)"""
    def run(sink, *recipients, message=MESSAGE, **kw):
        kw.setdefault("address", sink.address)
        kw.setdefault("port", sink.port)
        kw.setdefault("from", "sender@example.org")
        argv = [os.path.join(build, "tests/proto/remote_probe")]
        argv += ["%s=%s" % item for item in kw.items()]
        argv += ["rcpt=" + r for r in recipients]
        done = subprocess.run(argv, input=message, stdout=subprocess.PIPE,
                              timeout=120, check=True,
                              env=dict(os.environ, SSL_CERT_FILE=authority.ca))
        opening, *sent = [json.loads(line)
                          for line in done.stdout.splitlines()]
        return opening, sent
    return run


def codes(sent):
    return [r["code"] for r in sent["rcpts"]]


def test_whole(probe):
    with Sink() as sink:
        sink.rule("RCPT", "550 5.1.1 nobody\nat all", match="bob@")
        opening, (sent,) = probe(sink, "alice@x.test", "bob@x.test", body8=1,
                                 utf8=1, dsn=1)
        m = sink.wait()
    assert opening["tls"] == "" and opening["error"] == ""
    assert codes(sent) == [250, 550] and sent["usable"]
    assert sent["rcpts"][1]["enhanced"] == "5.1.1"
    assert sent["rcpts"][1]["text"] == "nobody at all"
    assert m.data == MESSAGE and m.recipients == ["alice@x.test"]
    assert m.sender == "sender@example.org"
    assert m.mail_args == "SIZE=%d BODY=8BITMIME SMTPUTF8 RET=HDRS " \
        "ENVID=id+201" % len(MESSAGE)
    assert m.rcpt_args == ["NOTIFY=FAILURE ORCPT=rfc822;alice@x.test"]
    assert m.session.pipelined == 4
    assert m.session.hello == "probe.example.org"
    assert m.session.lines[-1] == "QUIT"


def test_nothing_offered(probe):
    with Sink(extensions=(), address="::1") as sink:
        _, (sent,) = probe(sink, "alice@x.test", dsn=1)
        m = sink.wait()
        assert codes(sent) == [250]
        assert m.data == MESSAGE and m.mail_args == "" and m.rcpt_args == [""]
        assert m.session.pipelined == 1
        _, (sent,) = probe(sink, "alice@x.test", body8=1)
        assert codes(sent) == [554]
        assert len(sink.tried) == 1


def test_helo(probe):
    with Sink() as sink:
        sink.rule("EHLO", "502 5.5.1 what?")
        _, (sent,) = probe(sink, "alice@x.test")
        assert codes(sent) == [250] and not sink.wait().session.extended


def test_tls(probe, certificate):
    with Sink(tls=certificate) as sink:
        opening, (sent,) = probe(sink, "alice@x.test")
        assert opening["tls"].startswith("TLSv1.3 ")
        assert opening["tls"].endswith(" verified")
        m = sink.wait()
        assert m.session.tls == "TLSv1.3" and codes(sent) == [250]
        assert sent["usable"]
        assert m.session.server_name == "mx.example.net"
        # another name: taken, noted, refused, as was asked for
        for tls in MAY, MUST, VERIFY:
            opening, sent = probe(sink, "alice@x.test", tls=tls,
                                  host="mx.example.com")
            if tls == VERIFY:
                assert opening["error"] == "unavail" and not sent
                assert "hostname mismatch" in opening["text"]
            else:
                assert "not verified (hostname" in opening["tls"]
                assert codes(sent[0]) == [250]
        # an address has no place in SNI
        opening, _ = probe(sink, "alice@x.test", tls=VERIFY,
                           host="[127.0.0.1]")
        assert opening["tls"].endswith(" verified")
        assert sink.sessions[-1].server_name == ""
        opening, _ = probe(sink, "alice@x.test", tls=NEVER)
        assert opening["tls"] == ""


def test_tls_broken(probe, certificate):
    """A handshake that fails does not keep mail that may go without."""
    with Sink(tls=certificate) as sink:
        sink.rule("STARTTLS", b"220 go on\r\n\x15\x03\x03\x00\x02\x02\x28")
        opening, (sent,) = probe(sink, "alice@x.test")
        assert opening["tls"] == "" and codes(sent) == [250]
        assert "TLS failed" in sent["transcript"]
        assert len(sink.sessions) == 2
        opening, sent = probe(sink, "alice@x.test", tls=MUST)
        assert opening["error"] == "unavail" and not sent


@pytest.mark.parametrize("mechanisms", [("PLAIN", "LOGIN"), ("LOGIN",)])
def test_auth(probe, certificate, mechanisms):
    with Sink(tls=certificate, users={"relay": "s3cret"},
              mechanisms=mechanisms) as sink:
        kw = dict(tls=VERIFY, user="relay")
        _, (sent,) = probe(sink, "alice@x.test", password="s3cret", **kw)
        assert codes(sent) == [250] and sink.wait().session.user == "relay"
        assert "***" in sent["transcript"]
        for secret in "s3cret", "czNjcmV0", "cmVsYXkAczNjcmV0":
            assert secret not in sent["transcript"]
        opening, sent = probe(sink, "alice@x.test", password="wrong", **kw)
        assert opening["error"] == "unavail" and opening["code"] == 535


def test_auth_needs_tls(probe):
    with Sink(users={"relay": "s3cret"}, auth_plain_text=True) as sink:
        opening, _ = probe(sink, "a@x.test", user="relay", password="s3cret")
        assert opening["error"] == "unavail"
        assert not any("AUTH" in line for line in sink.sessions[0].lines)


def test_implicit(probe, certificate):
    with Sink(tls=certificate, implicit=True) as sink:
        opening, (sent,) = probe(sink, "alice@x.test", tls=IMPLICIT)
        assert opening["tls"].endswith(" verified") and codes(sent) == [250]


@pytest.mark.parametrize("end", [CLOSE, RESET])
def test_unknown(probe, end):
    """The host has it all and does not say whether it took it."""
    with Sink() as sink:
        sink.rule("END", end)
        _, (sent,) = probe(sink, "alice@x.test")
        assert sent["unknown"] and codes(sent) == [0] and not sent["usable"]
        assert sink.wait_tried().data == MESSAGE


def test_several(probe):
    with Sink() as sink:
        sink.rule("MAIL", "451 4.7.1 later", times=1)
        _, sent = probe(sink, "alice@x.test", messages=5)
        assert [codes(s) for s in sent] == [[451]] + [[250]] * 4
        assert len(sink.sessions) == 1
        assert "RSET" in sink.sessions[0].lines


def test_large(probe, certificate):
    """Many bytes, and many recipients, through TLS."""
    line = b".." + bytes(range(128, 250)) + b"\r\n"
    message = b"Subject: large\r\n\r\n" + line * 80000
    to = ["u%d@x.test" % i for i in range(5000)]
    with Sink(tls=certificate) as sink:
        sink.rule("RCPT", "450 4.2.1 full", match="<u[0-9]*7@")
        _, (sent,) = probe(sink, *to, message=message, body8=1)
        m = sink.wait()
        assert m.data == message and len(m.recipients) == 4500
        assert codes(sent) == [450 if i % 10 == 7 else 250
                               for i in range(5000)]
        assert len(sent["transcript"]) <= 16384


def test_too_large(probe):
    """A host that says so in the middle and goes."""
    message = b"Subject: large\r\n\r\n" + b"x" * 70 + b"\r\n" * 8000000
    with Sink(extensions=()) as sink:
        def no(session, line):
            session.say("552 5.3.4 too much")
            return CLOSE
        sink.rule("BODY", no)
        _, (sent,) = probe(sink, "alice@x.test", message=message)
        assert codes(sent)[0] in (0, 552) and not sent["unknown"]
        assert not sink.messages
