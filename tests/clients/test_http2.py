"""HTTP/2 at the balancer, HTTP/1.1 to the nodes; whose address they believe."""

import json

from rig.wait import wait_for

PATH = "/mail/config-v1.1.xml?emailaddress=u0@example.org"


def ask(client, mail, service, *more, source="127.0.0.1"):
    """{"http_version": ..., "http_code": ...} of curl."""
    r = client.run("curl", "-sS", "-m", "30", "--cacert", mail.ca, "--http2",
                   "--interface", source, "-H", "Host: autoconfig.example.org",
                   "-o", "body", "-w", "%{json}", *more, "https://localhost:%d%s"
                   % (mail.lb.ports[service], PATH))
    return json.loads(r)


def seen(mail, address, wanted):
    """How many requests the nodes had from there; they log them when they have
    answered."""
    def found():
        return [line for n in mail.nodes() for line in n.log(event="^http$")
                if line["peer"] == address]
    wait_for("%d requests from %s" % (wanted, address),
             lambda: len(found()) >= wanted)
    return len(found())


def test_http2(mail, client):
    mail.lb.wait_up(services=("web",))      # so that it takes them by turns
    for n in range(4):
        got = ask(client, mail, "web")
        assert (got["http_version"], got["http_code"]) == ("2", 200)
        assert "u0@example.org" in open(client.path("body")).read()
    assert all(mail.lb.sessions("web", n) for n in ("n1", "n2"))


def test_nodes_speak_http1(mail, client):
    """TLS passed through ends at a node."""
    assert ask(client, mail, "https")["http_version"] == "1.1"


def test_clients_address(mail, client):
    """That of the PROXY header, not what somebody writes into his request."""
    told = "203.0.113.9"
    for i, service in enumerate(("web", "https", "web", "https")):
        source = "127.83.7.%d" % (10 + i)
        ask(client, mail, service, "-H", "X-Forwarded-For: " + told, "-H",
            "Forwarded: for=" + told, "-H", "X-Real-IP: " + told,
            source=source)
        assert seen(mail, source, 1) == 1, source
    assert not [line for n in mail.nodes() for line in n.log()
                if told in str(line)]


def test_connection_is_nobody_elses(mail, client):
    """Requests of two clients by turns, each over a connection it keeps: none
    is taken for the other's."""
    first, second = "127.83.8.1", "127.83.8.2"
    for source in (first, second, first):
        url = "https://localhost:%d%s" % (mail.lb.ports["web"], PATH)
        client.run("curl", "-sS", "-m", "30", "--cacert", mail.ca, "--http2",
                   "--interface", source, "-H",
                   "Host: autoconfig.example.org", "-o", "body", url, url, url)
    assert (seen(mail, first, 6), seen(mail, second, 3)) == (6, 3)
