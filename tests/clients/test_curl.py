"""curl: SMTP, IMAP and POP3, implicit TLS and STARTTLS."""

import pytest

from witness import by_number, contents, fill, message


def curl(client, mail, account, service, path="", *args, tls_after=False,
         **kw):
    """service: a URL's scheme.  The password comes on stdin."""
    url = "%s://localhost:%d/%s" % (service, mail.lb.ports[service], path)
    user = 'user = "%s:%s"\n' % (account.address, account.password) \
        if account else ""
    more = ("--ssl-reqd",) if tls_after else ()
    return client.run("curl", "-sS", "-m", "60", "--cacert", mail.ca, *more,
                      *args, "-K", "-", url, stdin=user, **kw)


def send(client, mail, account, data, *more):
    client.write("message", data.decode())
    return curl(client, mail, None, "smtp", "client.example.net",
                "--mail-from", "sender@example.net", "--mail-rcpt",
                account.address, *more, "--upload-file", "message",
                tls_after=True)


def test_smtp(mail, account, client):
    for n in (1, 2):
        send(client, mail, account, message(n))
    for n, (_, data) in by_number(mail, account).items():
        assert b"with ESMTPS" in data
        assert "Line 0 of message %d".encode() % n in data


def test_smtp_two_recipients(mail, account, client):
    other = mail.share.take()
    send(client, mail, account, message(1), "--mail-rcpt", other.address)
    for a in (account, other):
        (_, data), = contents(mail, a).values()
        assert data.endswith(open(client.path("message"), "rb").read())


def test_smtp_unknown_recipient(mail, account, client):
    client.write("message", "Subject: x\n\nx\n")
    r = client.result("curl", "-sS", "--ssl-reqd", "--cacert", mail.ca,
                      "--mail-from", "a@example.net", "--mail-rcpt",
                      "nobody@example.org", "--upload-file", "message",
                      "smtp://localhost:%d" % mail.lb.ports["smtp"])
    assert r.returncode == 55 and "550" in r.stderr, r


@pytest.mark.parametrize("service, tls_after", [("imaps", False),
                                                ("imap", True)])
def test_imap(mail, account, client, service, tls_after):
    def do(*args):
        return curl(client, mail, account, service, *args,
                    tls_after=tls_after)
    sent = [message(n) for n in (1, 2, 3)]
    fill(mail, account, sent)
    assert "INBOX" in do("")
    assert do("INBOX?SUBJECT%20%22message%202%22").strip() == "* SEARCH 2"
    assert do("INBOX;MAILINDEX=2").encode() == sent[1].replace(b"\r\n", b"\n")
    assert "test message 3" in do(
        "INBOX;MAILINDEX=3;SECTION=HEADER.FIELDS%20(SUBJECT)")
    do("INBOX", "-X", "STORE 1 +FLAGS \\Deleted")
    do("INBOX", "-X", "EXPUNGE")
    client.write("new", message(9).decode())
    do("INBOX", "-T", "new")
    do("", "-X", "CREATE Projects")
    assert "Projects" in do("")
    assert sorted(by_number(mail, account)) == [2, 3, 9]


@pytest.mark.parametrize("service, tls_after", [("pop3s", False),
                                                ("pop3", True)])
def test_pop3(mail, account, client, service, tls_after):
    fill(mail, account, [message(n) for n in (1, 2, 3)])

    def do(*args):
        return curl(client, mail, account, service, *args,
                    tls_after=tls_after)
    assert len(do("").splitlines()) == 3
    assert "Line 2 of message 2" in do("2")
    uidl = do("", "-X", "UIDL").splitlines()
    do("1", "-X", "DELE", "--head")
    assert [u.split()[1] for u in do("", "-X", "UIDL").splitlines()] == \
        [u.split()[1] for u in uidl[1:]]
    assert sorted(by_number(mail, account)) == [2, 3]


def test_wrong_password(mail, account, client):
    for service in ("imaps", "pop3s"):
        r = client.result(
            "curl", "-sS", "--cacert", mail.ca, "-u",
            account.address + ":wrong password", "%s://localhost:%d/" % (
                service, mail.lb.ports[service]))
        assert r.returncode == 67, r        # CURLE_LOGIN_DENIED


def test_certificate_is_verified(mail, account, client):
    """What the other tests lean on: with another CA nothing works."""
    from rig.tls import Authority
    other = Authority(client.path("ca"), "Another")
    r = client.result("curl", "-sS", "--cacert", other.ca,
                      "imaps://localhost:%d/" % mail.lb.ports["imaps"])
    assert r.returncode == 60, r            # CURLE_PEER_FAILED_VERIFICATION


def test_client_setup(mail, client):
    """As Thunderbird asks, through the balancer."""
    for _ in range(2):
        got = client.run(
            "curl", "-sS", "-m", "60", "--cacert", mail.ca, "-f",
            "https://localhost:%d/mail/config-v1.1.xml"
            "?emailaddress=u0@example.org" % mail.lb.ports["https"],
            "-H", "Host: autoconfig.example.org")
        assert "<port>993</port>" in got and "u0@example.org" in got
