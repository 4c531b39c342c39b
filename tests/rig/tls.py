"""Certificates of a CA of its own, made with openssl."""

import os

from rig.netns import run


class Authority:
    """`ca` is the file that clients verify by."""

    def __init__(self, directory, name="Test CA"):
        self.dir = str(directory)
        os.makedirs(self.dir, exist_ok=True)
        self.ca = os.path.join(self.dir, "ca.pem")
        self.key = os.path.join(self.dir, "ca.key")
        self.serial = 0
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
            "/CN=" + name, "-keyout", self.key, "-out", self.ca,
            "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        os.chmod(self.ca, 0o644)

    def issue(self, *names, days=30):
        """(certificate file, key file) for these names and addresses; the first
        is the common name."""
        self.serial += 1
        base = os.path.join(self.dir, "%d-%s" % (self.serial, names[0].replace(
            "*", "any")))
        kinds = ["%s:%s" % ("IP" if n[0].isdigit() or ":" in n else "DNS", n)
                 for n in names]
        with open(base + ".ext", "w") as f:
            f.write("subjectAltName=%s\nextendedKeyUsage=serverAuth\n" %
                    ",".join(kinds))
        run("openssl", "req", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + names[0],
            "-keyout", base + ".key", "-out", base + ".csr")
        run("openssl", "x509", "-req", "-in", base + ".csr", "-CA", self.ca,
            "-CAkey", self.key, "-set_serial", str(self.serial), "-days",
            str(days), "-extfile", base + ".ext", "-out", base + ".pem")
        os.chmod(base + ".key", 0o600)
        return base + ".pem", base + ".key"
