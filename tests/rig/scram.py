"""SCRAM-SHA-256 and -PLUS, the client's side (RFC 5802, 7677), from hashlib."""

import base64
import hashlib
import hmac
import os
import subprocess

MECHANISM = "SCRAM-SHA-256"


def end_point(certificate):
    """tls-server-end-point (RFC 5929) of a certificate in DER."""
    text = subprocess.run(
        ["openssl", "x509", "-inform", "DER", "-noout", "-text"],
        input=certificate, stdout=subprocess.PIPE, check=True).stdout.decode()
    algorithm = next(line for line in text.splitlines()
                     if "Signature Algorithm" in line).lower()
    for name in "sha512", "sha384", "sha256":
        if name in algorithm:
            return hashlib.new(name, certificate).digest()
    raise AssertionError(algorithm)


class Scram:
    """first(), final(server_first), then server_final has to be verified().
    bound: (type, bytes of the channel).  could: the client might have bound
    the channel, but was not offered to ("y")."""

    def __init__(self, name, password, bound=None, could=False, authzid="",
                 nonce=None):
        self.password = password.encode()
        flag = "p=" + bound[0] if bound else "y" if could else "n"
        self.gs2 = "%s,%s," % (flag, authzid and "a=" + self.escaped(authzid))
        self.binding = self.gs2.encode() + (bound[1] if bound else b"")
        self.nonce = nonce or base64.b64encode(os.urandom(18)).decode()
        self.bare = "n=%s,r=%s" % (self.escaped(name), self.nonce)

    @staticmethod
    def escaped(name):
        return name.replace("=", "=3D").replace(",", "=2C")

    def first(self):
        return (self.gs2 + self.bare).encode()

    def final(self, server_first):
        server_first = server_first.decode()
        fields = dict(f.split("=", 1) for f in server_first.split(","))
        assert fields["r"].startswith(self.nonce) and \
            len(fields["r"]) >= len(self.nonce) + 18, fields
        self.salt, self.count = base64.b64decode(fields["s"]), int(fields["i"])
        assert self.count >= 4096 and len(self.salt) >= 16
        bare = "c=%s,r=%s" % (base64.b64encode(self.binding).decode(),
                              fields["r"])
        message = ",".join((self.bare, server_first, bare)).encode()
        salted = hashlib.pbkdf2_hmac("sha256", self.password, self.salt,
                                     self.count)
        client = self.mac(salted, b"Client Key")
        signature = self.mac(hashlib.sha256(client).digest(), message)
        proof = bytes(a ^ b for a, b in zip(client, signature))
        self.server = self.mac(self.mac(salted, b"Server Key"), message)
        return ("%s,p=%s" % (bare, base64.b64encode(proof).decode())).encode()

    @staticmethod
    def mac(key, text):
        return hmac.new(key, text, "sha256").digest()

    def verified(self, server_final):
        return server_final == b"v=" + base64.b64encode(self.server)
