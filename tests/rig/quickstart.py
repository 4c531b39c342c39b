"""lb-examples/quickstart, as a person runs it, on ports of its own."""

import os
import random
import subprocess

from rig.ctl import Ctl
from rig.ports import ports

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
QUICKSTART = os.path.join(ROOT, "lb-examples", "quickstart")


class Quickstart:
    """In `directory`/q.  conf: more of every node's file."""

    def __init__(self, build, directory, *options, user=None, conf=""):
        self.dir, self.options, self.user = directory, options, user
        self.script, self.build = QUICKSTART, build
        net = "127.%d.%d." % (random.randint(1, 250), random.randint(1, 250))
        self.env = {
            "PATH": os.environ["PATH"], "HOME": directory, "LC_ALL": "C",
            # what the tests use has been built
            "SHOAL_REBUILD": "0", "SHOAL_SOURCE": net + "10",
            "SHOAL_NODE1": net + "1", "SHOAL_NODE2": net + "2",
            "SHOAL_STATS": "127.0.0.1:%d" % ports.take(),
            "SHOAL_CONF": conf}
        for p in ("SMTP", "SUBMISSION", "SUBMISSIONS", "LMTP", "IMAP", "IMAPS",
                  "POP3", "POP3S", "HTTPS", "AGENT", "HEALTH", "HINTS"):
            self.env["SHOAL_" + p] = str(ports.take())

    def result(self, command):
        argv = [self.script, command, "--dir", self.dir + "/q"]
        if command == "start":
            argv += ["--build", self.build, *self.options]
        if self.user:
            argv = ["setpriv", "--reuid", self.user, "--regid", "nogroup",
                    "--clear-groups"] + argv
        return subprocess.run(argv, stdin=subprocess.DEVNULL, text=True,
                              env=self.env, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=180)

    def run(self, command):
        r = self.result(command)
        assert r.returncode == 0, r.stdout
        return r.stdout

    def ctl(self, *args, **kw):
        return Ctl(self.build, None, self.dir + "/q/n1/local").run(*args, **kw)

    def pid(self, name):
        with open("%s/q/run/%s.pid" % (self.dir, name)) as f:
            return int(f.read())

    def close(self):
        if os.path.exists(self.dir + "/q/run"):
            self.result("stop")
