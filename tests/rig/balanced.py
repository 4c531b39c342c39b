"""Two nodes behind HAProxy on loopback, as lb-examples/quickstart makes them."""

import os
import random

from rig.haproxy import SERVICES, Haproxy
from rig.node import Node, Place, Share, free_ports
from rig.tls import Authority

NAMES = ("localhost", "mail.example.org", "127.0.0.1")


class Balanced:
    """`n1`, `n2`, `lb` (the balancer), `ca` (what clients verify by).  n1 has its
    certificate in the file, n2 from the state."""

    def __init__(self, build, accounts=20, settings=(), workers=2):
        self.place = Place()
        self.authority = Authority(self.place.mkdir("tls"))
        self.ca = self.authority.ca
        self.share = Share(build, self.place, accounts=accounts,
                           settings=settings)
        # addresses of loopback that nobody else is likely to use
        net = "127.%d.%d." % (random.randint(1, 250), random.randint(1, 250))
        source = net + "10"
        ports = free_ports()
        listeners = {s: 'proxy = { "%s" }' % source for s in SERVICES}
        self.n1, self.n2 = [Node(self.share, "n%d" % i, address=net + str(i),
                                 at=ports, listeners=listeners,
                                 workers=workers)
                            for i in (1, 2)]
        names = NAMES + (self.n1.address, self.n2.address)
        self.n1.certificate = self.authority.issue(*names)
        self.share.ctl.run("tls", "add", *self.authority.issue(*names))
        self.lb = Haproxy("127.0.0.1", (self.n1, self.n2), source=source,
                          h2=(self.bundle(), self.ca, "localhost"))

    def bundle(self):
        """The balancer's own certificate, as HAProxy wants it."""
        name = os.path.join(self.authority.dir, "balancer.pem")
        with open(name, "w", opener=lambda p, f: os.open(p, f, 0o600)) as to:
            for part in self.authority.issue(*NAMES):
                with open(part) as f:
                    to.write(f.read())
        return name

    def start(self):
        self.n1.start()
        self.n2.start()
        self.lb.start().wait_up(services=SERVICES + ("web",))
        return self

    def nodes(self):
        return (self.n1, self.n2)

    def stop(self):
        """Everything stops in peace and the share is sound."""
        self.lb.close()
        wrong = []
        for step in (self.n1.stop, self.n2.stop, self.share.check):
            try:
                step()
            except AssertionError as e:
                wrong.append(str(e))
        assert not wrong, "\n".join(wrong)

    def close(self):
        self.lb.close()
        self.n1.kill()
        self.n2.kill()
        self.place.close()

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, kind, *exc):
        try:
            if kind is None:
                self.stop()
        finally:
            self.close()
