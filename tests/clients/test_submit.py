"""Submission: swaks, msmtp, Python's smtplib and curl log in and send."""

import smtplib

import pytest

from rig.wait import wait_for
from witness import by_number, context, contents, message

WAYS = [("submission", True), ("submissions", False)]
WAY_IDS = ["starttls", "tls"]


def mine(account, n):
    """A message in the account's own name."""
    head, body = message(n).split(b"\r\n\r\n", 1)
    lines = [line for line in head.split(b"\r\n")
             if not line.lower().startswith(b"from:")]
    return b"From: Me <%s>\r\n" % account.address.encode() + \
        b"\r\n".join(lines) + b"\r\n\r\n" + body


@pytest.fixture
def write(account, client):
    """write(n): a file with a message of the account's."""
    def make(n, eol="\n"):
        return client.write("message", mine(account, n).decode().replace(
            "\r\n", eol))
    return make


def arrived(mail, account, *numbers):
    got = by_number(mail, account)
    assert sorted(got) == list(numbers)
    for _, data in got.values():
        assert b"ESMTPSA (TLSv1.3 cipher" in data, data[:500]


# --- swaks

def swaks(client, mail, account, way, *args):
    service, after = way
    return client.result(
        "swaks", "--server", "localhost", "--port",
        str(mail.lb.ports[service]), "--tls" if after else "--tlsc",
        "--tls-verify", "--tls-ca-path", mail.ca, "--helo",
        "client.example.net", "--timeout", "60", "--auth-user",
        account.address, "--from", account.address, "--to", account.address,
        *args)


@pytest.mark.parametrize("way", WAYS, ids=WAY_IDS)
def test_swaks(mail, account, client, write, way):
    for n, mechanism in ((1, "PLAIN"), (2, "LOGIN")):
        write(n)
        r = swaks(client, mail, account, way, "--auth", mechanism,
                  "--auth-password", account.password, "--data", "@message")
        assert r.returncode == 0, r.stdout + r.stderr
    arrived(mail, account, 1, 2)


def test_swaks_refused(mail, account, client):
    way = WAYS[0]
    r = swaks(client, mail, account, way, "--auth", "PLAIN",
              "--auth-password", "wrong")
    assert r.returncode == 28 and "535 5.7.8" in r.stdout, r.stdout
    r = swaks(client, mail, account, way, "--auth", "PLAIN",
              "--auth-password", account.password, "--from",
              "someone@elsewhere.example")
    assert r.returncode == 23 and "553 5.7.1" in r.stdout, r.stdout
    r = swaks(client, mail, account, way, "--auth", "PLAIN",
              "--auth-password", account.password, "--header",
              "From: someone@elsewhere.example")
    assert r.returncode == 26 and "550 5.7.1" in r.stdout, r.stdout
    assert not contents(mail, account)


# --- msmtp: libgsasl

@pytest.mark.parametrize("way", WAYS, ids=WAY_IDS)
@pytest.mark.parametrize("method", ["plain", "login", "scram-sha-256"])
def test_msmtp(mail, account, client, write, way, method):
    def send(password):
        service, after = way
        client.write("rc", "\n".join((
            "account default", "host localhost",
            "port %d" % mail.lb.ports[service], "tls on",
            "tls_starttls %s" % ("on" if after else "off"),
            "tls_trust_file " + mail.ca, "auth " + method, "timeout 60",
            "user " + account.address, "password " + password,
            "from " + account.address)) + "\n")
        with open(write(7)) as f:
            return client.result("msmtp", "-C", client.path("rc"),
                                 account.address, stdin=f.read())
    r = send(account.password)
    assert r.returncode == 0, r.stderr
    arrived(mail, account, 7)
    r = send("wrong")
    assert r.returncode == 77 and "535 5.7.8" in r.stderr, r.stderr

    def logins():
        return [line for n in mail.nodes()
                for line in n.log(event="^login$", login=account.address,
                                  protocol="submission")]
    wait_for("the login is in the log", logins)
    assert [line["by"] for line in logins()] == [
        "scram" if method == "scram-sha-256" else "password"]


# --- smtplib

@pytest.mark.parametrize("way", WAYS, ids=WAY_IDS)
def test_smtplib(mail, account, way):
    service, after = way
    if after:
        s = smtplib.SMTP("localhost", mail.lb.ports[service], timeout=30)
        s.starttls(context=context(mail))
    else:
        s = smtplib.SMTP_SSL("localhost", mail.lb.ports[service], timeout=30,
                             context=context(mail))
    with s:
        with pytest.raises(smtplib.SMTPSenderRefused) as e:
            s.sendmail(account.address, [account.address], b"x")
        assert e.value.smtp_code == 530
        with pytest.raises(smtplib.SMTPAuthenticationError) as e:
            s.login(account.address, "wrong")
        assert e.value.smtp_code == 535
        s.login(account.address, account.password)
        for n in (1, 2, 3):
            assert s.sendmail(account.address, [account.address],
                              mine(account, n)) == {}
    arrived(mail, account, 1, 2, 3)


# --- curl

@pytest.mark.parametrize("way", WAYS, ids=WAY_IDS)
def test_curl(mail, account, client, write, way):
    service, after = way
    write(4, "\r\n")
    client.run(
        "curl", "-sS", "-m", "60", "--cacert", mail.ca, "--ssl-reqd",
        "--mail-from", account.address, "--mail-rcpt", account.address,
        "--upload-file", "message", "-K", "-", "%s://localhost:%d/me" % (
            "smtp" if after else "smtps", mail.lb.ports[service]),
        stdin='user = "%s:%s"\n' % (account.address, account.password))
    arrived(mail, account, 4)
