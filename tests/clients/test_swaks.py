"""swaks: SMTP in its variants, and LMTP."""

from witness import by_number, contents, message


def swaks(client, mail, *args, ok=True):
    host, port = mail.lb.of("smtp")
    r = client.result("swaks", "--server", "localhost", "--port", str(port),
                      "--tls", "--tls-verify", "--tls-ca-path", mail.ca,
                      "--helo", "client.example.net", "--timeout", "60",
                      *args)
    assert (r.returncode == 0) == ok, r.stdout + r.stderr
    return r


def test_one(mail, account, client):
    client.write("message", message(1, eol="\n").decode())
    out = swaks(client, mail, "--to", account.address, "--from",
                "sender@example.net", "--data", "@message")
    assert " ~> QUIT" in out.stdout
    (_, data), = contents(mail, account).values()
    assert data.rstrip().endswith(
        message(1).split(b"\r\n\r\n", 1)[1].rstrip())


def test_pipelining(mail, account, client):
    others = [mail.share.take() for _ in range(3)]
    for n in range(4):
        swaks(client, mail, "--pipeline", "--to", ",".join(
            a.address for a in [account] + others), "--header",
            "Subject: test message %d" % n)
    for a in [account] + others:
        assert sorted(by_number(mail, a)) == [0, 1, 2, 3]


def test_attachment(mail, account, client):
    """A base64 body of a megabyte."""
    data = bytes(range(256)) * 4096
    with open(client.path("blob"), "wb") as f:
        f.write(data)
    swaks(client, mail, "--to", account.address, "--attach-type",
          "application/octet-stream", "--attach", "@blob")
    import email
    (_, got), = contents(mail, account).values()
    parts = [p for p in email.message_from_bytes(got).walk()
             if p.get_content_type() == "application/octet-stream"]
    assert parts[0].get_payload(decode=True) == data


def test_unknown_and_foreign(mail, client):
    for to, code in (("nobody@example.org", "550 5.1.1"),
                     ("someone@elsewhere.example", "550 5.7.1")):
        r = swaks(client, mail, "--to", to, ok=False)
        assert r.returncode == 24 and code in r.stdout, r.stdout


def test_null_sender_to_postmaster_of_nobody(mail, account, client):
    """A bounce: its Return-Path stays empty."""
    swaks(client, mail, "--from", "<>", "--to", account.address)
    (_, data), = contents(mail, account).values()
    assert data.startswith(b"Return-Path: <>\r\n")


def test_lmtp(mail, account, client):
    """Straight to a node's socket, as an MTA on it would."""
    other = mail.share.take()
    r = client.result("swaks", "--protocol", "LMTP", "--socket",
                      mail.n1.lmtp_path, "--to", account.address + "," +
                      other.address, "--timeout", "60")
    assert r.returncode == 0, r.stdout
    assert len(contents(mail, account)) == len(contents(mail, other)) == 1
