"""What a client may say for ever, and what came meanwhile: nothing piles up."""

import threading

import pytest

from smtp_common import message

SHOAL = {"workers": 1, "accounts": 10, "settings": {"net.exempt": "127.0.0.1"}}
GROWTH_KB = 6 << 10


def memory(node):
    """What the one worker has that is not shared with files."""
    pid, = node.workers_now()
    with open("/proc/%d/status" % pid) as f:
        for line in f:
            if line.startswith("RssAnon"):
                return int(line.split()[1])
    return 0


def flood(c, piece, times, last, answer):
    """Everything at once, as fast as it is taken: its end has to come."""
    def send():
        whole = piece * 1000
        for _ in range(times // 1000):
            c.socket.sendall(whole)
        c.socket.sendall(last)

    thread = threading.Thread(target=send)
    thread.start()
    tail = b""
    while not tail.endswith(answer):
        got = c.socket.recv(1 << 20)
        assert got, tail
        tail = (tail + got)[-200:]
    thread.join()


@pytest.mark.memory
def test_user_without_pass(pop3, n1):
    c = pop3(tls=False)
    c.cmd("USER x")
    before = memory(n1)
    flood(c, b"USER " + b"x" * 390 + b"\r\n", 60000, b"STAT\r\n",
          b"-ERR log in first\r\n")
    assert memory(n1) - before < GROWTH_KB


@pytest.mark.memory
def test_idle_and_done(imap, account, n1):
    c = imap(account, tls=False)
    c.idle().done()
    before = memory(n1)
    flood(c, b"x IDLE\r\nDONE\r\n", 60000, b"y NOOP\r\n",
          b"y OK NOOP completed\r\n")
    assert memory(n1) - before < GROWTH_KB


def test_bad_commands_in_a_row(imap, account):
    """A session may last for days, and now and then be wrong."""
    c = imap(account)
    for _ in range(30):
        c.cmd("NONSENSE", "BAD")
        c.cmd("NOOP")
    for _ in range(19):
        c.cmd("NONSENSE", "BAD")
    c.start("NONSENSE")
    assert "BYE" in c.closed()


def test_moved_away_meanwhile(imap, account, n1):
    """FETCH and SEARCH stand in the middle while another session moves what
    comes next: it is gone, not damaged, and nobody is alarmed."""
    c, d = imap(account), imap(account)
    for _ in range(12):
        c.append("INBOX", message("m", ("x" * 70 + "\r\n") * 14000))
    for s in (c, d):
        s.cmd("SELECT INBOX")
    tag = c.start("FETCH 1:* BODY.PEEK[]")
    c.buffer += c.socket.recv(100)      # it has begun, and gets no further
    d.cmd("MOVE 2:* Trash")
    answer = c.finish(tag, None)
    status, told = answer.status + " " + answer.text, len(answer.lines)
    assert status.startswith("NO [EXPUNGEISSUED]") and told < 12
    assert c.cmd("NOOP").find(r"^\* 12 EXPUNGE$")
    assert not n1.log(level="error")
