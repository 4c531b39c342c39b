"""IMAP: literals and lines that are too many, too long or none."""

import re

import pytest

from rig.wait import wait_for

SHOAL = {"accounts": 20}


def memory(node):
    """kB of all processes of a node, without what they share with files."""
    total = 0
    for pid in node.pids():
        with open("/proc/%d/status" % pid) as f:
            total += int(re.search(r"RssAnon:\s+(\d+)", f.read())[1])
    return total


@pytest.mark.parametrize("size", ["4294967296", "-1", "01x", "", "+", "5++",
                                  "18446744073709551617", "0x5"])
def test_b28_literal_sizes(imap, account, size):
    c = imap(account)
    c.send("a SELECT {%s}\r\n" % size)
    c.finish("a", "BAD")
    if not size.endswith("+"):
        c.cmd("NOOP")


def test_b28_before_login(imap):
    c = imap()
    c.cmd("LOGIN {4294967296}", "BAD")
    c.cmd("CAPABILITY")


def test_b29_literal_minus(imap, account):
    c = imap(account)
    name = b"x" * 4096
    c.send(b"a SELECT {4096+}\r\n" + name + b"\r\n")
    c.finish("a", "NO")
    c.send(b"b SELECT {4097+}\r\n" + name + b"x\r\n")
    c.finish("b", "BAD", "[TOOBIG]")
    # read away with everything that followed it
    c.send(b"c SELECT {5000+}\r\n" + b"y NOOP\r\n" * 625 +
           b" {3+}\r\nabc\r\nd NOOP\r\n")
    c.finish("c", "BAD", "[TOOBIG]")
    c.finish("d")


def test_b29_much_more(imap, account):
    """More than it is worth to read away."""
    c = imap(account)
    c.send(b"a SELECT {2000000+}\r\n")
    said = c.closed()
    assert "a BAD [TOOBIG]" in said and "* BYE" in said


@pytest.mark.memory
def test_b30_many_literals(imap, account, n1):
    c = imap(account)
    c.cmd("SELECT INBOX")
    before = memory(n1)
    c.send(b"a SEARCH" + b" SUBJECT {1+}\r\nx" * 100000 + b"\r\nb NOOP\r\n")
    c.finish("a", "BAD", "[TOOBIG]")
    c.finish("b")
    assert memory(n1) - before < 8192
    # those that wait are refused one by one
    c.send(b"c SEARCH" + b" SUBJECT {1+}\r\nx" * 1000 + b" SUBJECT {1}\r\n")
    c.finish("c", "BAD", "[TOOBIG]")
    c.cmd("NOOP")


def test_literals_together(imap, account):
    """Each is allowed, all are too much."""
    c = imap(account)
    c.cmd("SELECT INBOX")
    tag = c.start("SEARCH SUBJECT {100000}")
    for n in range(10):
        c.expect(r"\+")
        c.send(b"x" * 100000 + b" SUBJECT {100000}\r\n")
    c.finish(tag, "BAD", "[TOOBIG]")
    tag = c.start("SEARCH SUBJECT {102401}")
    c.finish(tag, "BAD", "[TOOBIG]")
    c.cmd("NOOP")


@pytest.mark.parametrize("text", ["a LOGIN {8193}\r\n",
                                  "a LOGIN {9000+}\r\n",
                                  "a LOGIN {4000+}\r\n" + "x" * 4000 +
                                  " {4200}\r\n"])
def test_b31_literal_of_a_stranger(imap, text):
    c = imap()
    c.send(text)
    assert "* BYE" in c.closed()


@pytest.mark.memory
def test_b32_parentheses_of_a_stranger(imap, n1):
    c = imap()
    before = memory(n1)
    c.send("a " + "(" * 10000 + "\r\n")
    c.finish("a", "BAD", "[TOOBIG]")
    c.send("b " + "(" * 4000 + "\r\n")
    c.finish("b", "BAD")
    assert memory(n1) - before < 2048


@pytest.mark.memory
def test_long_lines(imap, account, n1):
    c = imap(account)
    before = memory(n1)
    c.send("a LIST \"\" " + "x" * (1 << 20) + "\r\nb NOOP\r\n")
    c.finish("a", "BAD", "[TOOBIG]")
    c.finish("b")
    # a literal at the end of what is dropped is still one
    c.send("c LIST \"\" " + "x" * 70000 + " {6+}\r\nd NOOP\r\ne NOOP\r\n")
    c.finish("c", "BAD", "[TOOBIG]")
    c.finish("e")
    c.send("f LIST \"\" " + "x" * 70000 + " {6}\r\n")
    c.finish("f", "BAD", "[TOOBIG]")
    c.cmd('LIST "" ' + "x" * 60000)
    assert memory(n1) - before < 4096


def test_b33_long_sets(imap, account):
    c = imap(account)
    c.cmd("SELECT INBOX")
    for i in range(3):
        c.append("INBOX", "Subject: %d\n\nx\n" % i)
    c.cmd("NOOP")
    a = c.cmd("UID FETCH %s FLAGS" % ",".join(
        ["1:*", "*:1", "4294967295"] * 3000))
    assert len(a.all(r"\* \d+ FETCH")) == 3
    c.cmd("FETCH 1:*,4294967295 FLAGS", "BAD")


@pytest.mark.parametrize("which", ["0", "4294967296", "1:0", "1,", "x"])
def test_b34_uids(imap, account, which):
    c = imap(account)
    c.cmd("SELECT INBOX")
    c.cmd("UID FETCH %s FLAGS" % which, "BAD")


def test_gone_with_commands_unanswered(imap, account, n1):
    """Clients that send much, read nothing and go leave nothing behind."""
    made = [imap(account) for _ in range(10)]
    for c in made:
        c.send("a LIST \"\" *\r\n" * 30000)
    for c in made:
        c.close()
    wait_for("no connection to be left", lambda: n1.metrics()[
        "shoal_connections_imap"] == 0)
