"""HTTPS: mail programs that set themselves up; hosts that are not ours (B66)."""

import xml.etree.ElementTree as xml

import pytest

from rig.line import Line
from test_http_health import ask

SHOAL = {"accounts": 2, "settings": {"client.host": "mail.example.org"}}
AUTOCONFIG = "/mail/config-v1.1.xml?emailaddress=%s"
AUTODISCOVER = "/autodiscover/autodiscover.xml"
REQUEST = """<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006">
<Request><EMailAddress>%s</EMailAddress><AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema></Request>
</Autodiscover>"""
OUTLOOK = "{http://schemas.microsoft.com/exchange/autodiscover/outlook/" \
    "responseschema/2006a}"


@pytest.fixture
def https(connect):
    def make(node="n1"):
        return connect(Line, node, "https", tls=True)
    return make


def get(c, path, host="autoconfig.example.org", method="GET"):
    return ask(c, "%s %s HTTP/1.1\nHost: %s" % (method, path, host))


def discover(c, text, host="autodiscover.example.org",
             path=AUTODISCOVER):
    body = text.encode()
    return ask(c, "POST %s HTTP/1.1\nHost: %s\nContent-Type: text/xml\n"
               "Content-Length: %d" % (path, host, len(body)), body)


def test_autoconfig(https):
    with https() as c:
        for path, host in (
                (AUTOCONFIG % "u0%40example.org", "autoconfig.example.org"),
                ("/.well-known/autoconfig" + AUTOCONFIG % "u0@example.org",
                 "EXAMPLE.ORG:8443"),
                (AUTOCONFIG % "nobody-there@example.org", "mail.example.org")):
            status, headers, body = get(c, path, host)
            assert status == 200 and headers["content-type"].startswith(
                "text/xml"), body
            root = xml.fromstring(body)
            servers = {(s.get("type"), s.findtext("port"),
                        s.findtext("socketType"), s.findtext("hostname"))
                       for s in root.iter() if s.tag.endswith("Server")}
            assert ("imap", "993", "SSL", "mail.example.org") in servers
            assert ("pop3", "110", "STARTTLS", "mail.example.org") in servers
        # without an address: that of the host
        status, _, body = get(c, "/mail/config-v1.1.xml")
        assert status == 200
        assert xml.fromstring(body).find("emailProvider").get("id") == \
            "example.org"
        assert "%EMAILADDRESS%" in body
        for address in ("u0%40example.net", "nonsense", "@"):
            assert get(c, AUTOCONFIG % address)[0] == 404


def test_autodiscover(https):
    with https() as c:
        status, _, body = discover(c, REQUEST % "u0@example.org",
                                   path="/Autodiscover/Autodiscover.xml")
        assert status == 200
        found = {(p.findtext(OUTLOOK + "Type"), p.findtext(OUTLOOK + "Port"),
                  p.findtext(OUTLOOK + "LoginName"))
                 for p in xml.fromstring(body).iter(OUTLOOK + "Protocol")}
        assert ("IMAP", "993", "u0@example.org") in found
        for text, code in ((REQUEST % "u0@example.net", "500"),
                           (REQUEST % "", "600"), ("", "600"),
                           (REQUEST % "&lt;x&gt;", "500")):
            status, _, body = discover(c, text)
            assert status == 200 and "<ErrorCode>%s<" % code in body
        assert get(c, AUTODISCOVER)[0] == 405


def test_nobody_is_told_apart(https):
    """Whether there is such an account is not seen."""
    with https() as c:
        answers = {discover(c, REQUEST % (who + "@example.org"))[2].replace(
            who, "WHO") for who in ("u0", "u1", "nobody-there")}
        assert len(answers) == 1


def test_b66_hosts(https, n1):
    with https() as c:
        for host in ("evil.example.net", "example.org.evil.example.net",
                     "autoconfig.", "www.example.org", "", "x" * 300):
            assert get(c, "/mail/config-v1.1.xml", host)[0] == 421, host
        for host in ("n1.example.org", "mail.example.org", "127.0.0.1",
                     "autodiscover.example.org"):
            status = get(c, "/nothing", host)[0]
            assert status == 404, host
        # the target's authority counts, not the header (RFC 9112, 3.2.2)
        assert ask(c, "GET https://evil.example.net/ HTTP/1.1\n"
                   "Host: example.org")[0] == 421


def test_plain_text_is_not_https(connect):
    with connect(Line, "n1", "https") as c:
        c.send("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n")
        c.closed()


def test_body_is_bounded(https):
    with https() as c:
        c.send("POST %s HTTP/1.1\r\nHost: example.org\r\n"
               "Content-Length: 999999\r\n\r\n" % AUTODISCOVER)
        c.expect(r"HTTP/1\.1 413 ")


def test_probes_are_not_logged(https, n1):
    with https() as c:
        assert get(c, "/nothing", "example.org")[0] == 404
        assert ask(c, "GET /health/live HTTP/1.0")[0] == 200
    n1.wait_log(event="http", path="/nothing")
    assert not n1.log(event="http", path="/health/live")
