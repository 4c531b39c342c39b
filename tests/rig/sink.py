"""An SMTP server that takes mail for tests, and misbehaves as it is told.

	with Sink() as sink:
	    sink.rule("RCPT", "550 5.1.1 nobody", match="bob@")
	    sink.rule("END", CLOSE, times=1)     # the reply to the final dot
	    ...
	    m = sink.wait()                      # the first message
	    m.sender, m.recipients, m.data

One thread a connection; every wait has a deadline (`seconds`).  Rules are asked
in order, the newest first, at these moments: CONNECT, EHLO, HELO, STARTTLS,
AUTH, MAIL, RCPT, DATA, BODY (before the first byte of the message is read), END
(all of it was read), RSET, NOOP, QUIT, and ANY for each command.
"""

import base64
import contextlib
import re
import socket
import ssl
import threading
import time

from rig.wait import wait_for

SECONDS = 60
CLOSE = "close"         # at once, without a word
RESET = "reset"         # the same with a TCP reset
STALL = "stall"         # say nothing until sink.go() or the end
EXTENSIONS = ("PIPELINING", "SIZE 52428800", "8BITMIME", "SMTPUTF8", "DSN",
              "ENHANCEDSTATUSCODES")


class Message:
    """sender, mail_args, recipients, rcpt_args (in order), data (as it was
    before dots were doubled); session: the Session it came in."""

    def __init__(self, session, sender, mail_args):
        self.session, self.sender, self.mail_args = session, sender, mail_args
        self.recipients, self.rcpt_args = [], []
        self.data, self.code = b"", 0
        self.at = time.monotonic()

    @property
    def text(self):
        return self.data.decode("utf-8", "replace")

    def header(self, name):
        """All values of this field, unfolded."""
        head = re.sub(r"\r\n([ \t])", r"\1",
                      self.data.partition(b"\r\n\r\n")[0].decode(
                          "utf-8", "replace"))
        return [line.partition(":")[2].strip() for line in head.split("\r\n")
                if line.lower().startswith(name.lower() + ":")]


class Rule:
    def __init__(self, when, what, match, times):
        self.when, self.what, self.times = when, what, times
        self.match = re.compile(match, re.I) if match else None
        self.used = 0

    def fits(self, when, line):
        return self.when in (when, "ANY") and self.times != 0 and \
            (self.match is None or self.match.search(line))


class End(Exception):
    """Of a connection."""


class Session:
    """One connection: peer, hello, tls ("TLSv1.3" or ""), user, lines (what the
    client said, in order), pipelined (most commands that came at once)."""

    def __init__(self, sink, sock, peer):
        self.sink, self.socket, self.peer = sink, sock, peer
        self.hello = self.tls = self.user = self.server_name = ""
        self.extended = False
        self.lines, self.messages = [], []
        self.buffer = b""
        self.pipelined = 0
        self.message = None
        self.over = False

    # --- bytes ---

    def more(self):
        self.socket.settimeout(self.sink.seconds)
        got = self.socket.recv(65536)
        if not got:
            raise End
        self.buffer += got

    def line(self):
        while b"\n" not in self.buffer:
            self.more()
        self.pipelined = max(self.pipelined, self.buffer.count(b"\r\n"))
        line, self.buffer = self.buffer.split(b"\n", 1)
        if not line.endswith(b"\r"):
            self.sink.complain("a line without CR: %r" % line)
        line = line.rstrip(b"\r").decode("utf-8", "surrogateescape")
        self.lines.append(line)
        return line

    def say(self, text):
        """One reply; several lines with \\n between them get their codes; bytes
        go out as they are."""
        if isinstance(text, str):
            code, lines = text[:3], text[4:].split("\n")
            text = "".join("%s%s%s\r\n" % (code, " " if i == len(lines) - 1
                                           else "-", t)
                           for i, t in enumerate(lines)).encode()
        self.socket.sendall(text)

    # --- rules ---

    def act(self, when, line, otherwise):
        """Answer; returns the reply's code (0: none)."""
        what = self.sink.ask(when, line)
        if callable(what):
            what = what(self, line)
        if what is None:
            what = otherwise
        if what == STALL:
            self.sink.gate.wait(self.sink.seconds)
            what = otherwise
        if what == RESET:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                   b"\1\0\0\0\0\0\0\0")
        if what in (CLOSE, RESET):
            raise End
        if what is None:
            return 0
        self.say(what)
        code = what[:3] if isinstance(what, str) else what[:3].decode()
        if code == "421":
            raise End
        return int(code) if code.isdigit() else 0

    # --- commands ---

    def run(self):
        if self.sink.implicit:
            self.start_tls()
        if self.act("CONNECT", "", "220 %s ESMTP" % self.sink.name) != 220:
            self.message = None
        while True:
            line = self.line()
            verb, _, rest = line.partition(" ")
            command = getattr(self, "do_" + verb.lower(), None)
            if command is None:
                self.act(verb.upper(), line, "500 5.5.1 what?")
            else:
                command(line, rest)

    def do_ehlo(self, line, rest):
        words = [self.sink.name] + list(self.sink.extensions)
        if self.sink.tls is not None and not self.tls:
            words.append("STARTTLS")
        if self.sink.users and (self.tls or self.sink.auth_plain_text):
            words.append("AUTH " + " ".join(self.sink.mechanisms))
        if self.act("EHLO", line, "250 " + "\n".join(words)) == 250:
            self.hello, self.extended, self.message = rest, True, None

    def do_helo(self, line, rest):
        if self.act("HELO", line, "250 " + self.sink.name) == 250:
            self.hello, self.extended, self.message = rest, False, None

    def do_starttls(self, line, rest):
        if self.sink.tls is None or self.tls:
            self.act("STARTTLS", line, "502 5.5.1 no")
        elif self.act("STARTTLS", line, "220 2.0.0 go on") == 220:
            if self.buffer:
                self.sink.complain("input behind STARTTLS: %r" % self.buffer)
            self.start_tls()

    def start_tls(self):
        self.socket.settimeout(self.sink.seconds)
        self.socket = self.sink.tls.wrap_socket(self.socket, server_side=True)
        self.tls, self.hello = self.socket.version(), ""
        self.server_name = getattr(self.socket, "sink_name", "")

    def do_auth(self, line, rest):
        mechanism, _, first = rest.partition(" ")
        mechanism = mechanism.upper()
        if mechanism not in self.sink.mechanisms:
            self.act("AUTH", line, "504 5.5.4 no such mechanism")
            return
        if mechanism == "PLAIN":
            got = self.secret("", first)
            user, password = got.split("\0")[1:3]
        else:
            user = self.secret("Username:", first)
            password = self.secret("Password:", "")
        good = self.sink.users.get(user) == password
        code = self.act("AUTH", line, "235 2.7.0 welcome" if good
                        else "535 5.7.8 no")
        self.user = user if code == 235 else ""

    def secret(self, prompt, given):
        if not given:
            self.say("334 " + base64.b64encode(prompt.encode()).decode())
            given = self.line()
        return base64.b64decode(given).decode()

    def do_mail(self, line, rest):
        m = re.match(r"FROM:<([^>]*)>(.*)$", rest, re.I)
        default = "250 2.1.0 ok"
        if m is None or not self.hello:
            default = "501 5.5.4 what?"
        elif self.message is not None:
            default = "503 5.5.1 nested MAIL"
        elif self.sink.users and self.sink.auth_needed and not self.user:
            default = "530 5.7.0 who are you?"
        if self.act("MAIL", line, default) == 250:
            self.message = Message(self, m[1], m[2].strip())

    def do_rcpt(self, line, rest):
        m = re.match(r"TO:<([^>]*)>(.*)$", rest, re.I)
        default = "250 2.1.5 ok" if m else "501 5.5.4 what?"
        if self.message is None:
            default = "503 5.5.1 MAIL first"
        if self.act("RCPT", line, default) in (250, 251):
            self.message.recipients.append(m[1])
            self.message.rcpt_args.append(m[2].strip())

    def do_data(self, line, rest):
        default = "354 go on"
        if self.message is None or not self.message.recipients:
            default = "554 5.5.1 no valid recipients"
        if self.act("DATA", line, default) != 354:
            return
        message = self.message or Message(self, "", "")
        self.act("BODY", line, None)
        message.data = self.body()
        self.message = None
        self.messages.append(message)
        self.sink.tried.append(message)
        message.code = self.act("END", line, "250 2.0.0 taken" if
                                message.recipients else "554 5.5.1 nobody")
        if message.code == 250 and message.recipients:
            self.sink.messages.append(message)

    def body(self):
        """Up to the end, which may be the first line."""
        data = b"\r\n"
        while True:
            data += self.buffer
            self.buffer = b""
            at = data.find(b"\r\n.\r\n")
            if at >= 0:
                break
            self.more()
        self.buffer, data = data[at + 5:], data[2:at + 2]
        if re.search(rb"(?<!\r)\n|\r(?!\n)", data):
            self.sink.complain("a bare CR or LF in a message")
        return re.sub(rb"(?m)^\.", b"", data)

    def do_rset(self, line, rest):
        if self.act("RSET", line, "250 2.0.0 ok") == 250:
            self.message = None

    def do_noop(self, line, rest):
        self.act("NOOP", line, "250 2.0.0 ok")

    def do_quit(self, line, rest):
        self.act("QUIT", line, "221 2.0.0 bye")
        raise End


class Sink:
    """address, port: where to listen (port 0: any free one; then `port` says
    which).  namespace: a rig.netns.Namespace to listen in.  tls: (certificate
    file, key file), offers STARTTLS; implicit: TLS from the first byte.  users:
    {user: password}, offers AUTH (over TLS, unless auth_plain_text);
    auth_needed: MAIL is refused without.

    messages: accepted, in order; tried: all whose last byte arrived; sessions:
    all connections; complaints: what no client may do."""

    def __init__(self, address="127.0.0.1", port=0, namespace=None, tls=None,
                 implicit=False, extensions=EXTENSIONS, users=None,
                 auth_needed=True, auth_plain_text=False,
                 mechanisms=("PLAIN", "LOGIN"), name="sink.example",
                 seconds=SECONDS):
        self.name, self.extensions, self.seconds = name, extensions, seconds
        self.users, self.auth_needed = users or {}, auth_needed
        self.auth_plain_text, self.mechanisms = auth_plain_text, mechanisms
        self.implicit, self.tls = implicit, None
        if tls is not None:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*tls)
            self.tls.sni_callback = self.note_name
        self.messages, self.tried, self.sessions = [], [], []
        self.complaints, self.rules = [], []
        self.lock, self.gate = threading.Lock(), threading.Event()
        self.stopping = False
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with namespace.inside() if namespace else contextlib.nullcontext():
            self.socket = socket.socket(family)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.socket.bind((address, port))
        self.socket.listen(128)
        self.address, self.port = address, self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    @staticmethod
    def note_name(sock, name, context):
        sock.sink_name = name or ""

    # --- for tests ---

    def rule(self, when, what, match=None, times=-1):
        """what: a reply, CLOSE, RESET, STALL, None (as usual), or a function
        (session, line) -> one of these.  match: a regular expression for the
        command's line.  times: how often; -1: always."""
        rule = Rule(when, what, match, times)
        with self.lock:
            self.rules.insert(0, rule)
        return rule

    def clear(self):
        with self.lock:
            self.rules = []

    def go(self):
        """All that stall go on, also in future."""
        self.gate.set()

    def wait(self, n=1, seconds=30):
        """The n-th accepted message (from 1), when it is there."""
        wait_for("message %d at the sink (%d so far)" % (n, len(self.messages)),
                 lambda: len(self.messages) >= n, seconds)
        return self.messages[n - 1]

    def wait_tried(self, n=1, seconds=30):
        wait_for("attempt %d at the sink" % n, lambda: len(self.tried) >= n,
                 seconds)
        return self.tried[n - 1]

    def close(self):
        self.stopping = True
        self.gate.set()
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for s in list(self.sessions):
            with contextlib.suppress(OSError):
                s.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(10)
        wait_for("the end of the sink's connections",
                 lambda: all(s.over for s in self.sessions), 10)

    def __enter__(self):
        return self

    def __exit__(self, kind, *exc):
        self.close()
        if kind is None:
            assert not self.complaints, self.complaints

    # --- for sessions ---

    def ask(self, when, line):
        with self.lock:
            for rule in self.rules:
                if rule.fits(when, line):
                    rule.times -= rule.times > 0
                    rule.used += 1
                    return rule.what
        return None

    def complain(self, what):
        self.complaints.append(what)

    def accept(self):
        while not self.stopping:
            try:
                sock, peer = self.socket.accept()
            except OSError:
                return
            # several replies in a row must not wait for each other's ACK
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session = Session(self, sock, peer)
            self.sessions.append(session)
            threading.Thread(target=self.serve, args=(session,),
                             daemon=True).start()

    def serve(self, session):
        try:
            session.run()
        except (End, OSError):       # TLS, time-outs and resets are OSError
            pass
        except Exception as e:
            self.complain("%s: %r" % (type(e).__name__, e))
        finally:
            with contextlib.suppress(OSError):
                session.socket.close()
            session.over = True
