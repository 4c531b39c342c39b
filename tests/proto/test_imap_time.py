"""IMAP: clients that wait too long."""

import time

SHOAL = {"accounts": 5, "settings": {"imap.login_timeout": "8s"}}


def test_login_timeout(imap, account):
    """Whatever is said meanwhile, nobody has logged in; in the middle of a
    command there is nothing to be said any more.  Who has, may be silent."""
    began = time.monotonic()
    quiet, busy, slow, user = imap(), imap(), imap(), imap(account)
    slow.send("a NOO")
    for _ in range(4):
        time.sleep(1)
        busy.cmd("NOOP")
    assert "* BYE" in quiet.closed()
    assert "* BYE" in busy.closed()
    slow.closed()
    assert 7.5 < time.monotonic() - began < 20
    user.silent(1)
    user.cmd("NOOP")
