"""shoalctl in a namespace."""

import json
import os
import subprocess


class Ctl:
    """One machine's shoalctl: `local` is its node directory."""

    def __init__(self, build, ns, local):
        self.build, self.ns, self.local = build, ns, str(local)
        os.makedirs(self.local, mode=0o700, exist_ok=True)

    def argv(self, *args, as_json=False):
        argv = [os.path.join(self.build, "shoalctl"), "--local", self.local]
        if as_json:
            argv.append("--json")
        argv += args
        return self.ns.argv(*argv) if self.ns is not None else argv

    def result(self, *args, stdin=None, timeout=300, **kw):
        return subprocess.run(self.argv(*args, **kw), input=stdin, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=timeout)

    def run(self, *args, **kw):
        r = self.result(*args, **kw)
        assert r.returncode == 0, "shoalctl %s: exit %d\n%s%s" % (
            " ".join(args[:4]), r.returncode, r.stdout, r.stderr)
        return r.stdout

    def refused(self, *args, code=1, **kw):
        """The sentence of a refusal."""
        r = self.result(*args, **kw)
        assert r.returncode == code, (args, r.returncode, r.stdout, r.stderr)
        assert r.stderr.count("\n") == 1, r.stderr
        return r.stderr

    def json(self, *args, **kw):
        return json.loads(self.run(*args, as_json=True, **kw))

    def lines(self, *args, **kw):
        return [json.loads(s)
                for s in self.run(*args, as_json=True, **kw).splitlines()]

    def popen(self, *args):
        return subprocess.Popen(self.argv(*args), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)
