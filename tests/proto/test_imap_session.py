"""IMAP sessions: greeting, capabilities, logins, the commands of any state."""

import base64

from rig.wait import wait_for

SHOAL = {"accounts": 40, "settings": {
    "auth.failure_delay": "0s", "auth.failures_max": "1000",
    "imap.sessions_per_account": "10"},
    # in clear only from somewhere else, as a balancer would say
    "listeners": {"imap": 'proxy = { "127.0.0.1" }'}}
FAR = {"tls": False,
       "proxy": b"PROXY TCP4 192.0.2.7 127.0.0.1 1000 143\r\n"}

BEFORE = {"IMAP4rev1", "LITERAL-", "SASL-IR", "ID", "ENABLE", "IDLE"}
AFTER = BEFORE - {"SASL-IR"} | {
    "NAMESPACE", "UIDPLUS", "MOVE", "CONDSTORE", "SPECIAL-USE",
    "CREATE-SPECIAL-USE", "CHILDREN", "UNSELECT", "QUOTA",
    "QUOTA=RES-STORAGE", "QUOTA=RES-MESSAGE", "STATUS=SIZE"}


def capabilities(text):
    return set(text.split("[CAPABILITY ")[1].split("]")[0].split())


def plain(account, password=None, authzid=""):
    return base64.b64encode("\0".join(
        (authzid, account.address, password or account.password))
        .encode()).decode()


def b64(s):
    return base64.b64encode(s.encode()).decode()


def test_greeting_and_capabilities(imap, account):
    c = imap(greeting=False, **FAR)
    clear = capabilities(c.greeting().string)
    assert clear == BEFORE | {"STARTTLS", "LOGINDISABLED",
                              "AUTH=SCRAM-SHA-256"}
    c.tls()
    m = c.cmd("CAPABILITY").find(r"\* CAPABILITY (.*)")
    assert set(m[1].decode().split()) == BEFORE | {
        "AUTH=PLAIN", "AUTH=LOGIN", "AUTH=SCRAM-SHA-256",
        "AUTH=SCRAM-SHA-256-PLUS"}
    a = c.login(account.address, account.password)
    assert capabilities(a.text) == AFTER
    m = c.cmd("CAPABILITY").find(r"\* CAPABILITY (.*)")
    assert set(m[1].decode().split()) == AFTER


def test_passwords_need_tls(imap, account):
    c = imap(**FAR)
    c.cmd("LOGIN a b", "NO", "[PRIVACYREQUIRED]")
    c.cmd("AUTHENTICATE PLAIN " + plain(account), "NO", "[PRIVACYREQUIRED]")


def test_b42_starttls_injection(imap):
    c = imap(**FAR)
    c.send(b"a1 STARTTLS\r\na2 NOOP\r\n")
    said = c.closed()
    assert "a1 OK" in said and "a2" not in said


def test_starttls_once(imap, account):
    c = imap()
    c.cmd("STARTTLS", "BAD")
    c = imap(account)
    c.cmd("STARTTLS", "BAD")


def test_login_forms(imap, account):
    """Quoted, literals that wait and such that do not."""
    user, password = account.address, account.password
    c = imap()
    c.cmd('login "%s" "%s"' % (user, password))
    c = imap()
    c.send("a1 LOGIN {%d}\r\n" % len(user))
    c.expect(r"\+")
    c.send("%s {%d}\r\n" % (user, len(password)))
    c.expect(r"\+")
    c.send("%s\r\n" % password)
    c.finish("a1")
    c = imap()
    c.send("a1 LOGIN {%d+}\r\n%s {%d+}\r\n%s\r\n" % (
        len(user), user, len(password), password))
    c.finish("a1")


def test_authenticate(imap, account):
    c = imap()
    c.cmd("AUTHENTICATE PLAIN " + plain(account))
    c = imap()
    c.send("a1 AUTHENTICATE PLAIN\r\n")
    c.expect(r"\+ ?$")
    c.send(plain(account, authzid=account.address) + "\r\n")
    assert capabilities(c.finish("a1").text) == AFTER
    c = imap()
    c.send("a1 AUTHENTICATE login\r\n")
    assert base64.b64decode(c.expect(r"\+ (.*)")[1]) == b"Username:"
    c.send(b64(account.address) + "\r\n")
    assert base64.b64decode(c.expect(r"\+ (.*)")[1]) == b"Password:"
    c.send(b64(account.password) + "\r\n")
    c.finish("a1")


def test_authenticate_refused(imap, account):
    c = imap()
    c.cmd("AUTHENTICATE CRAM-MD5", "NO")
    c.cmd("AUTHENTICATE PLAIN !!!", "BAD")
    tag = c.start("AUTHENTICATE PLAIN")
    c.expect(r"\+")
    c.send("*\r\n")
    c.finish(tag, "BAD")
    # a good one is still possible; what follows is read as commands again
    c.cmd("AUTHENTICATE PLAIN " + plain(account))
    c.cmd("NOOP")


def test_wrong_password(imap, account):
    """One text for a wrong password and for nobody."""
    c = imap()
    a = c.cmd("LOGIN %s wrong" % account.address, "NO",
              "[AUTHENTICATIONFAILED]")
    b = c.cmd("LOGIN nobody@example.org wrong", "NO",
              "[AUTHENTICATIONFAILED]")
    d = c.cmd("AUTHENTICATE PLAIN " + plain(account, "wrong"), "NO")
    e = c.cmd("AUTHENTICATE PLAIN " + plain(account, authzid="x@y"), "NO")
    assert a.text == b.text == d.text
    assert "[AUTHENTICATIONFAILED]" in e.text
    c.login(account.address, account.password)


def test_states(imap, account):
    """Commands of another state are BAD."""
    c = imap()
    c.cmd("SELECT INBOX", "BAD", "Log in first")
    c = imap(account)
    c.cmd("LOGIN a b", "BAD")
    c.cmd("FETCH 1 FLAGS", "BAD", "Select a mailbox first")
    c.cmd("UNSELECT", "BAD")
    c.cmd("CHECK", "BAD")


def test_ordinary(imap, account):
    c = imap(account)
    c.cmd("noop")
    assert c.cmd('ID ("name" "test" "version" NIL)').find(
        r'\* ID \("name" "Shoal"\)')
    c.cmd("ID NIL")
    c.cmd("ID ()")
    c.cmd("ID", "BAD")
    assert c.cmd("NAMESPACE").find(r'\* NAMESPACE \(\("" "/"\)\) NIL NIL$')
    assert c.cmd("ENABLE X-UNKNOWN CONDSTORE").find(r"\* ENABLED CONDSTORE$")
    assert c.cmd("ENABLE CONDSTORE").find(r"\* ENABLED$")
    c.cmd("ENABLE", "BAD")
    a = c.cmd("LOGOUT")
    assert a.find(r"\* BYE ")
    assert c.closed() == ""


def test_pipelined(imap, account):
    """Commands sent at once are answered in order."""
    c = imap()
    c.send("1 LOGIN %s %s\r\n2 SELECT INBOX\r\n3 NOOP\r\n"
           "4 BOGUS\r\n5 LOGOUT\r\n" % (account.address, account.password))
    for tag, status in (("1", "OK"), ("2", "OK"), ("3", "OK"), ("4", "BAD"),
                        ("5", "OK")):
        c.finish(tag, status)
    c.closed()


def test_one_byte_at_a_time(imap, account):
    c = imap(account)
    for byte in b"x1 STATUS {5}\r\n":
        c.send(bytes([byte]))
    c.expect(r"\+")
    for byte in b"INBOX (MESSAGES)\r\n":
        c.send(bytes([byte]))
    assert c.finish("x1").find(r"\* STATUS INBOX \(MESSAGES 0\)")


def test_bare_newlines(imap, account):
    """Typed by hand: LF ends a command too; an empty line is none."""
    c = imap(account)
    c.send("a NOOP\n")
    c.finish("a")
    c.send("\r\n")
    c.expect(r"\* BAD")


def test_errors_before_login(imap):
    c = imap()
    for _ in range(2):
        c.cmd("BOGUS", "BAD")
    c.send("a BOGUS\r\n")
    said = c.closed()
    assert "a BAD" in said and "* BYE" in said


def test_http_is_no_imap(imap):
    c = imap()
    c.send("GET / HTTP/1.1\r\nHost: x\r\nAccept: y\r\n\r\n")
    assert "* BYE" in c.closed()


def test_errors_after_login(imap, account):
    c = imap(account)
    for _ in range(19):
        c.cmd("BOGUS", "BAD")
    c.send("a BOGUS\r\n")
    assert "* BYE" in c.closed()


def test_b47_sessions_per_account(imap, account):
    """One more than imap.sessions_per_account, from one address."""
    def login():
        c = imap()      # one that says too much that is wrong is closed
        return c.cmd("LOGIN %s %s" % (account.address, account.password), None)

    made = [imap(account) for _ in range(10)]
    refused = login()
    assert refused.status == "NO" and "[LIMIT]" in refused.text
    made.pop().cmd("LOGOUT")
    wait_for("the session's end", lambda: login().status == "OK")


def test_state_changes_end_sessions(cluster, imap, ctl):
    """What the administrator does holds for sessions that are there."""
    one, two, three = (cluster.share.take() for _ in range(3))
    clients = {imap(one), imap(two)}
    for c in clients:
        c.cmd("SELECT INBOX")
    other = imap(three)
    ctl.run("account", "suspend", one.address)
    ctl.run("account", "password", two.address, "--password-stdin",
            stdin="another-secret\n")

    def ended(c):
        c.send("a NOOP\r\n")
        return c.unit().startswith(b"* BYE")
    for c in clients:
        wait_for("the session's end", lambda: ended(c))
        c.closed()
    other.cmd("NOOP")
    app = ctl.json("app-password", "add", three.address, "phone")

    def logged_in():
        c = imap()
        return c.cmd("LOGIN %s %s" % (three.address, app["password"]),
                     None).status == "OK" and c
    c = wait_for("the password", logged_in, 20)
    ctl.run("app-password", "remove", three.address, app["id"])
    wait_for("the session's end", lambda: ended(c))
    other.cmd("NOOP")
