"""SCRAM over IMAP by Cyrus SASL, which mbsync uses."""

import pytest

from test_mbsync import Mbsync, same
from witness import fill, message


@pytest.mark.parametrize("tls", ["IMAPS", "STARTTLS"])
def test_mbsync(mail, account, client, tls):
    fill(mail, account, [message(n) for n in (1, 2)])
    m = Mbsync(client, mail, account, tls)
    with open(client.path(".mbsyncrc")) as f:
        text = f.read()
    client.write(".mbsyncrc", text.replace(
        "SSLType", "AuthMechs SCRAM-SHA-256\nSSLType"))
    m.run()
    lines = [line for n in mail.nodes()
             for line in n.log(event="^login$", login=account.address,
                               by="^scram$")]
    assert lines, "it was not SCRAM"
    same(mail, account, m.inbox)
