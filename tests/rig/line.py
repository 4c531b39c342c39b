"""Clients for line protocols that send exactly the bytes they are told to.

Each wait has a deadline and each failure shows what was said so far.  What a
real client would do wrong on purpose is easy here: half a line, bytes after
STARTTLS, a literal that never comes.
"""

import re
import socket
import ssl
import time

SECONDS = 30


class Closed(AssertionError):
    """The server closed; `said` is what it had not been asked for yet."""

    def __init__(self, what, said):
        super().__init__("%s, but the server closed after %r" % (what, said))
        self.said = said


def tls_context(ca=None):
    """Verifies by `ca` (a file), or, without it, takes any certificate.  (The
    library's default context reads all of the system's CAs: 25 ms.)"""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(ca)
    return context


class Line:
    """address: (host, port) or the path of a Unix socket.  tls: True, or an
    ssl.SSLContext.  name: for SNI.  proxy: bytes to send before anything else.
    source: the local address."""

    def __init__(self, address, tls=False, name="mail.example.org", proxy=b"",
                 source=None, seconds=SECONDS):
        self.seconds, self.name = seconds, name
        self.buffer, self.history = b"", b""
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(seconds)
            self.socket.connect(address)
        else:
            self.socket = socket.create_connection(
                address, seconds, source_address=source and (source, 0))
        if proxy:
            self.socket.sendall(proxy)
        if tls:
            self.start_tls(None if tls is True else tls)

    def start_tls(self, context=None):
        """The handshake; the caller has said STARTTLS."""
        assert not self.buffer, self.buffer
        context = context or tls_context()
        self.socket.settimeout(self.seconds)
        self.socket = context.wrap_socket(self.socket,
                                          server_hostname=self.name)

    def send(self, data):
        if isinstance(data, str):
            data = data.encode()
        self.history += b"C: " + data[:200] + b"\n"
        self.socket.settimeout(self.seconds)
        self.socket.sendall(data)

    def _more(self, what, end):
        left = end - time.monotonic()
        said = self.buffer
        if left <= -5:
            raise AssertionError("%s: nothing within %s s; so far:\n%s" % (
                what, self.seconds, self.told()))
        # what has come by then is taken, however late we are ourselves
        self.socket.settimeout(max(left, 0.01))
        try:
            got = self.socket.recv(65536)
        except TimeoutError:
            raise AssertionError("%s: nothing within %s s; so far:\n%s" % (
                what, self.seconds, self.told())) from None
        except (ConnectionError, ssl.SSLError) as e:
            raise Closed("%s (%s)" % (what, e), said) from None
        if not got:
            raise Closed(what, said)
        self.buffer += got

    def told(self):
        return (self.history[-4000:] + self.buffer).decode("utf-8", "replace")

    def line(self, seconds=None):
        """The next line, without its CRLF."""
        end = time.monotonic() + (seconds or self.seconds)
        while b"\n" not in self.buffer:
            self._more("waiting for a line", end)
        line, self.buffer = self.buffer.split(b"\n", 1)
        assert line.endswith(b"\r"), "a line without CR: %r" % line
        self.history += b"S: " + line[:200] + b"\n"
        return line[:-1].decode("utf-8", "surrogateescape")

    def read(self, n, seconds=None):
        """Exactly n bytes."""
        end = time.monotonic() + (seconds or self.seconds)
        while len(self.buffer) < n:
            self._more("waiting for %d bytes" % n, end)
        got, self.buffer = self.buffer[:n], self.buffer[n:]
        return got

    def expect(self, pattern, seconds=None):
        """The next line has to match (re.match); returns the match."""
        line = self.line(seconds)
        m = re.match(pattern, line)
        assert m, "%r does not match %r:\n%s" % (line, pattern, self.told())
        return m

    def silent(self, seconds):
        """Nothing comes, and the connection stays."""
        assert not self.buffer, "it was not silent: %r" % self.buffer
        self.socket.settimeout(seconds)
        try:
            got = self.socket.recv(65536)
        except TimeoutError:
            return
        raise AssertionError("it was not silent: %r" % got)

    def closed(self, seconds=None):
        """The server closes; returns what it said before."""
        end = time.monotonic() + (seconds or self.seconds)
        try:
            while True:
                self._more("waiting for the end", end)
        except Closed:
            said, self.buffer = self.buffer, b""
            return said.decode("utf-8", "replace")

    def stop_sending(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


class Smtp(Line):
    """SMTP and LMTP: reply() reads a whole reply, (code, [text...])."""

    def greeting(self, code=220):
        return self.expect_reply(code)

    def reply(self, seconds=None):
        texts = []
        while True:
            m = self.expect(r"(\d{3})([ -])(.*)$", seconds)
            texts.append(m[3])
            if m[2] == " ":
                return int(m[1]), texts

    def expect_reply(self, code, words="", seconds=None):
        """code: 250, or the start of one: "4"."""
        got, texts = self.reply(seconds)
        assert str(got).startswith(str(code)) and \
            words in "\n".join(texts), \
            "%s %s wanted:\n%s" % (code, words, self.told())
        return texts

    def cmd(self, text, code=250, words=""):
        """text without CRLF; the reply has to have this code."""
        self.send((text if isinstance(text, bytes) else text.encode())
                  + b"\r\n")
        return self.expect_reply(code, words)

    def hello(self, name="client.example.net", verb="EHLO"):
        """Keywords of EHLO: {"SIZE": "52428800", ...}."""
        texts = self.cmd("%s %s" % (verb, name))
        return {t.split(" ")[0].upper(): t.partition(" ")[2]
                for t in texts[1:]}

    def tls(self, context=None):
        self.cmd("STARTTLS", 220)
        self.start_tls(context)

    def data(self, message, code=250, words=""):
        """DATA with dot-stuffing; message with any line ends."""
        self.cmd("DATA", 354)
        self.send(stuffed(message))
        return self.expect_reply(code, words)

    def deliver(self, message, *recipients, sender="sender@example.net"):
        """One whole transaction that has to succeed."""
        self.cmd("MAIL FROM:<%s>" % sender)
        for r in recipients:
            self.cmd("RCPT TO:<%s>" % r)
        return self.data(message)


def crlf(message):
    if isinstance(message, str):
        message = message.encode()
    return re.sub(rb"(?<!\r)\n", b"\r\n", message)


def stuffed(message):
    """What follows DATA: CRLF, dots doubled, the end."""
    message = crlf(message)
    if not message.endswith(b"\r\n"):
        message += b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", message) + b".\r\n"


class Pop(Line):
    """POP3: cmd() for one line, multi() for what ends in a dot."""

    def greeting(self):
        return self.expect(r"\+OK")

    def cmd(self, text, ok=True, words=""):
        self.send((text if isinstance(text, bytes) else text.encode())
                  + b"\r\n")
        line = self.line()
        assert line.startswith("+OK" if ok else "-ERR") and words in line, \
            self.told()
        return line

    def body(self):
        """The lines up to the dot, unstuffed, as bytes with CRLF."""
        lines = []
        while True:
            line = self.line()
            if line == ".":
                return "".join(s + "\r\n" for s in lines).encode(
                    "utf-8", "surrogateescape")
            lines.append(line[1:] if line.startswith(".") else line)

    def multi(self, text):
        self.cmd(text)
        return self.body()

    def login(self, user, password):
        self.cmd("USER " + user)
        return self.cmd("PASS " + password)

    def tls(self, context=None):
        self.cmd("STLS")
        self.start_tls(context)
