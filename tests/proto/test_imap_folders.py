"""IMAP: names of mailboxes, and the commands about them."""

import pytest

SHOAL = {"accounts": 60, "domain": ["--quota", "1M"]}

STANDARD = ["INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"]
USES = {"Archive": r"\Archive", "Drafts": r"\Drafts", "Junk": r"\Junk",
        "Sent": r"\Sent", "Trash": r"\Trash"}
MESSAGE = "From: a@example.org\nSubject: hi\n\ntext\n"


def names(answer):
    return [m[1].decode().strip('"') for m in
            answer.all(r'^\* (?:LIST|LSUB) \([^)]*\) "/" (.*)$')]


def attributes(answer, name):
    m = answer.find(r'^\* (?:LIST|LSUB) \(([^)]*)\) "/" "?%s"?$' % name)
    return m and set(m[1].decode().split())


def test_list_of_a_new_account(imap, account):
    c = imap(account)
    a = c.cmd('LIST "" *')
    assert names(a) == STANDARD
    for name in STANDARD:
        want = {r"\HasNoChildren"}
        if name in USES:
            want.add(USES[name])
        assert attributes(a, name) == want
    assert names(c.cmd('LSUB "" "*"')) == STANDARD
    assert c.cmd('LIST "" ""').find(r'\* LIST \(\\Noselect\) "/" ""$')


def test_create_delete(imap, account):
    c = imap(account)
    c.cmd("CREATE a/b/c")
    c.cmd("CREATE a/b", "NO", "[ALREADYEXISTS]")
    c.cmd("CREATE d/")
    a = c.cmd('LIST "" *')
    assert names(a) == STANDARD + ["a", "a/b", "a/b/c", "d"]
    assert attributes(a, "a") == {r"\HasChildren"}
    assert attributes(a, "a/b/c") == {r"\HasNoChildren"}
    assert names(c.cmd('LIST "" %')) == STANDARD + ["a", "d"]
    assert names(c.cmd('LIST a/ %')) == ["a/b"]
    assert names(c.cmd('LIST "" a/%/c')) == ["a/b/c"]
    # what is below stays, and can be found
    c.cmd("DELETE a/b")
    a = c.cmd('LIST "" a*')
    assert names(a) == ["a", "a/b", "a/b/c"]
    assert attributes(a, "a/b") == {r"\Noselect", r"\HasChildren"}
    c.cmd("SELECT a/b", "NO", "[NONEXISTENT]")
    c.cmd("DELETE a/b", "NO", "[NONEXISTENT]")
    c.cmd("DELETE INBOX", "NO", "[CANNOT]")


def test_special_use(imap, account):
    c = imap(account)
    c.cmd(r"CREATE Notes (USE (\Archive))", "NO", "[USEATTR]")
    c.cmd(r"CREATE Notes (USE (\All))", "NO", "[USEATTR]")
    c.cmd(r"CREATE Notes (USE (\Junk \Trash))", "NO", "[USEATTR]")
    c.cmd(r"CREATE Notes (FOO)", "BAD")
    c.cmd("DELETE Archive")
    c.cmd(r"CREATE Notes (USE (\archive))")
    assert attributes(c.cmd('LIST "" Notes'), "Notes") == {
        r"\HasNoChildren", r"\Archive"}


def test_b35_bad_names(imap, account):
    c = imap(account)
    for name in ["../../x", "/etc", "a//b", ".", "..", "a/./b", "x/..", "//",
                 "x" * 255, "a/" + "x" * 256, "a%b", "a*b", ""]:
        c.cmd('CREATE "%s"' % name, "NO", "[CANNOT]")
    for name in [b"a\0b", b"a\rb", b"a\nb", b"a\tb", b"a\x1bb"]:
        c.literal("CREATE ", name, status="NO", words="[CANNOT]")
    assert names(c.cmd('LIST "" *')) == STANDARD
    c.cmd("CREATE " + "x" * 254)


def test_b36_utf7(imap, account):
    c = imap(account)
    for name in ["&", "&AOQ", "&AO-", "&AGE-", "&ACY-", "&AOQ-&APY-",
                 "&2D0-", "&3gA-", "&AOQ/-"]:
        c.cmd('CREATE "%s"' % name, "BAD")
    c.send('x CREATE "\u00e4"\r\n'.encode())
    c.finish("x", "BAD")
    c.send('y SELECT "\u00e4"\r\n'.encode("latin-1"))
    c.finish("y", "BAD")
    for name in ["&AOQ-", "a&-b", "&2D3eAA-/&U,BTFw-"]:
        c.cmd('CREATE "%s"' % name)
        assert name in names(c.cmd('LIST "" *'))
        c.cmd('SELECT "%s"' % name)


def test_b36_one_inbox(imap, account):
    c = imap(account)
    c.cmd("CREATE inbox", "NO", "[ALREADYEXISTS]")
    c.cmd("SELECT inBOX")
    c.cmd("CREATE iNbOx/sub")
    a = c.cmd('LIST "" *')
    assert names(a)[:2] == ["INBOX", "Archive"] and "INBOX/sub" in names(a)
    assert names(c.cmd('LIST "" inbox')) == ["INBOX"]
    assert names(c.cmd('LIST inbox/ %')) == ["INBOX/sub"]
    # it is only the first level that is special
    c.cmd("CREATE x/inbox")
    c.cmd("CREATE x/INBOX")


def test_b37_depth(imap, account):
    c = imap(account)
    c.cmd("CREATE " + "/".join("a" * 99))
    c.cmd("CREATE " + "/".join("b" * 100), "NO", "[LIMIT]")
    c.cmd("CREATE " + "/".join(["x" * 100] * 11), "NO", "[LIMIT]")


def test_rename(imap, account):
    c = imap(account)
    c.cmd("CREATE a/b/c")
    c.append("a/b", MESSAGE)
    c.cmd("RENAME a x/y")
    assert names(c.cmd('LIST "" %')) == STANDARD + ["x"]
    assert names(c.cmd('LIST x *')) == ["x", "x/y", "x/y/b", "x/y/b/c"]
    assert c.cmd("STATUS x/y/b (MESSAGES)").find(r"MESSAGES 1\)")
    c.cmd("RENAME x Sent", "NO", "[ALREADYEXISTS]")
    c.cmd("RENAME nothing z", "NO", "[NONEXISTENT]")
    c.cmd("RENAME x a//b", "NO", "[CANNOT]")


def test_b38_rename_into_itself(imap, account):
    c = imap(account)
    c.cmd("CREATE a/b")
    c.cmd("RENAME a a/b/c", "NO", "[CANNOT]")
    c.cmd("RENAME a a", "NO")
    assert names(c.cmd('LIST a *')) == ["a", "a/b"]


def test_b38_rename_and_delete_at_once(imap, account):
    """Whoever loses is told so; the message has one place or none."""
    for i in range(5):
        c, d = imap(account), imap(account, node="n2")
        c.cmd("CREATE r%d" % i)
        c.append("r%d" % i, MESSAGE)
        c.send("a RENAME r%d s%d\r\n" % (i, i))
        d.send("b DELETE r%d\r\n" % i)
        one, two = c.finish("a", None), d.finish("b", None)
        assert {one.status, two.status} == {"OK", "NO"}, (one, two)
        left = names(c.cmd('LIST "" %'))
        assert ("s%d" % i in left) == (one.status == "OK")
        assert "r%d" % i not in left
        if one.status == "OK":
            assert d.cmd("STATUS s%d (MESSAGES)" % i).find("MESSAGES 1")
        c.cmd("LOGOUT")
        d.cmd("LOGOUT")


def test_rename_inbox(imap, account):
    """Its messages go to the new name; INBOX is there, and empty."""
    c = imap(account)
    c.cmd("CREATE INBOX/sub")
    c.append("INBOX", MESSAGE)
    c.append("INBOX", MESSAGE)
    c.cmd("RENAME INBOX old")
    assert c.cmd("STATUS INBOX (MESSAGES)").find("MESSAGES 0")
    assert c.cmd("STATUS old (MESSAGES)").find("MESSAGES 2")
    assert "INBOX/sub" in names(c.cmd('LIST "" *'))


def test_subscriptions(imap, account):
    c = imap(account)
    c.cmd("CREATE a/b")
    c.cmd("SUBSCRIBE a/b")
    c.cmd("SUBSCRIBE not/there")
    c.cmd("UNSUBSCRIBE Junk")
    c.cmd("UNSUBSCRIBE Junk")
    a = c.cmd('LSUB "" *')
    assert names(a) == ["INBOX", "Archive", "Drafts", "Sent", "Trash", "a/b",
                        "not/there"]
    assert attributes(a, "not/there") == {r"\Noselect", r"\HasNoChildren"}
    # RFC 3501, 6.3.9: what is not subscribed stands for what is below it
    a = c.cmd('LSUB "" %')
    assert names(a) == ["INBOX", "Archive", "Drafts", "Sent", "Trash", "a",
                        "not"]
    assert attributes(a, "a") == {r"\Noselect", r"\HasChildren"}
    c.cmd("SUBSCRIBE a//b", "NO", "[CANNOT]")


def test_list_patterns(imap, account):
    c = imap(account)
    for name in ["p", "p/q", "p/q/r", "pq", '"p x"', '"p(1)"']:
        c.cmd("CREATE " + name)
    assert names(c.cmd('LIST "" p%')) == ["p", "p x", "p(1)", "pq"]
    assert names(c.cmd('LIST "" "*q*"')) == ["p/q", "p/q/r", "pq"]
    assert names(c.cmd('LIST "" %/%')) == ["p/q"]
    assert names(c.cmd('LIST "p/" *')) == ["p/q", "p/q/r"]
    assert names(c.cmd('LIST "" %**%%/r')) == ["p/q/r"]
    assert names(c.cmd('LIST "" nothing')) == []
    c.cmd('LIST "" ' + "*a" * 20000)
    for _ in range(3):
        c.cmd("SUBSCRIBE " + "/".join("a" * 90))
    c.cmd('LIST "" *' + "%a" * 990)
    assert len(names(c.cmd('LSUB "" "*a%"'))) == 90 + 2
    c.cmd('LIST ""', "BAD")


def test_select(imap, account):
    c = imap(account)
    for i in range(3):
        c.append("Archive", MESSAGE, r"\Seen $Label" if i < 1 else "")
    a = c.cmd("SELECT Archive")
    assert a.text.startswith("[READ-WRITE]")
    assert a.find(r"^\* 3 EXISTS$") and a.find(r"^\* 0 RECENT$")
    assert a.find(r"^\* FLAGS \(\\Answered .*\$Label\)$")
    assert a.find(r"^\* OK \[PERMANENTFLAGS \(\\Answered .*\$Label \\\*\)\]")
    assert a.find(r"^\* OK \[UNSEEN 2\]")
    assert a.find(r"^\* OK \[UIDVALIDITY [1-9]\d*\]")
    assert a.find(r"^\* OK \[UIDNEXT 4\]")
    assert a.find(r"^\* OK \[HIGHESTMODSEQ [1-9]\d*\]")
    assert not a.find("CLOSED")
    a = c.cmd("EXAMINE Archive")
    assert a.text.startswith("[READ-ONLY]") and a.find(r"\* OK \[CLOSED\]")
    assert a.find(r"^\* OK \[PERMANENTFLAGS \(\)\]")
    # a failure leaves nothing selected
    a = c.cmd("SELECT nothing", "NO", "[NONEXISTENT]")
    assert a.find(r"\* OK \[CLOSED\]")
    c.cmd("CHECK", "BAD")
    c.cmd("SELECT Archive (CONDSTORE)")
    c.cmd("SELECT Archive (QRESYNC (1 1))", "BAD")
    c.cmd("SELECT", "BAD")


def test_close_and_unselect(imap, account):
    c = imap(account)
    for _ in range(3):
        c.append("INBOX", MESSAGE)
    c.cmd("SELECT INBOX")
    c.cmd(r"STORE 1:2 +FLAGS (\Deleted)")
    c.cmd("UNSELECT")
    assert c.cmd("STATUS INBOX (MESSAGES)").find("MESSAGES 3")
    c.cmd("EXAMINE INBOX")
    c.cmd("CLOSE")
    assert c.cmd("STATUS INBOX (MESSAGES)").find("MESSAGES 3")
    c.cmd("SELECT INBOX")
    a = c.cmd("CLOSE")
    assert not a.find("EXPUNGE")
    assert c.cmd("STATUS INBOX (MESSAGES)").find("MESSAGES 1")


def test_status(imap, account):
    c = imap(account)
    c.append("INBOX", MESSAGE, r"\Seen")
    c.append("INBOX", MESSAGE, r"\Deleted")
    size = len(MESSAGE.replace("\n", "\r\n"))
    m = c.cmd("STATUS inbox (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN "
              "HIGHESTMODSEQ SIZE DELETED DELETED-STORAGE)").find(
        r"^\* STATUS INBOX \(MESSAGES 2 RECENT 0 UIDNEXT 3 UIDVALIDITY (\d+) "
        r"UNSEEN 1 HIGHESTMODSEQ (\d+) SIZE (\d+) DELETED 1 "
        r"DELETED-STORAGE (\d+)\)$")
    assert int(m[3]) == 2 * size and int(m[4]) == size
    c.cmd("STATUS nothing (MESSAGES)", "NO", "[NONEXISTENT]")
    c.cmd("STATUS INBOX ()", "BAD")
    c.cmd("STATUS INBOX (FOO)", "BAD")


def test_quota(imap, account):
    c = imap(account)
    a = c.cmd("GETQUOTAROOT INBOX")
    assert a.find(r'^\* QUOTAROOT INBOX ""$')
    assert a.find(r'^\* QUOTA "" \(STORAGE 0 1024\)$')
    c.append("INBOX", "Subject: x\n\n" + "y" * 3000 + "\n")
    assert c.cmd('GETQUOTA ""').find(r'^\* QUOTA "" \(STORAGE 3 1024\)$')
    c.cmd("GETQUOTA other", "NO", "[NONEXISTENT]")
    c.cmd("GETQUOTAROOT nothing", "NO", "[NONEXISTENT]")
    c.cmd('SETQUOTA "" (STORAGE 9999)', "NO", "[NOPERM]")


@pytest.mark.parametrize("command", [
    "GETACL u0", "SETACL INBOX anyone lrs", "MYRIGHTS INBOX",
    "GENURLAUTH x INTERNAL", "ESEARCH INBOX", "GETMETADATA INBOX /x",
    'SCAN "" * x', "XLIST"])
def test_b48_no_other_users(imap, account, command):
    """What is not there cannot leak; and names of others are only names."""
    c = imap(account)
    c.cmd(command, "BAD")


def test_b48_same_text(imap, account, cluster):
    other = cluster.share.take()
    c = imap(other)
    c.cmd("CREATE secret")
    c = imap(account)
    texts = {c.cmd("SELECT %s" % name, "NO").text for name in (
        "secret", "nothing", '"%s/INBOX"' % other.address, "user/u0/INBOX",
        '"../%s"' % other.address, '"#shared/x"', '"~u0/x"')}
    assert len(texts) == 1, texts
