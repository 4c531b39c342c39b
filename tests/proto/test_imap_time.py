"""IMAP: clients that wait too long."""

import time

SHOAL = {"accounts": 5, "settings": {"imap.login_timeout": "8s"}}


def test_login_timeout(imap, account):
    """Whatever is said meanwhile, nobody has logged in; in the middle of a
    command there is nothing to be said any more.  Who has, may be silent."""
    began = time.monotonic()
    quiet, busy, slow, user = imap(), imap(), imap(), imap(account)
    slow.send("a NOO")
    while True:
        busy.send("a NOOP\r\n")
        said = busy.line()
        if said.startswith("* BYE"):
            break
        assert said.startswith("a OK"), said
        assert time.monotonic() - began < 20
        time.sleep(1)
    busy.closed()
    assert "* BYE" in quiet.closed()
    slow.closed()
    assert 7.5 < time.monotonic() - began < 20
    user.silent(1)
    user.cmd("NOOP")
