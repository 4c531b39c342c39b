"""A power cut of the server's file system: what was acknowledged is there."""

import random

import pytest

from rig.ctl import Ctl
from rig import Ganesha, LoopExport, Namespace, wait_for
from test_storm import ACCOUNTS, Writer, check_account, make_messages

CUTS = 3


def cut(server):
    """The lights go out, and come back."""
    server.export.power_cut()
    server.kill()
    server.export.unmount()
    server.export.mount()
    server.start()


@pytest.mark.parametrize("fs", ["ext4", "xfs"])
def test_power_cuts(fs, build, tmp_path):
    with Namespace("nfs") as ns, LoopExport(fs=fs) as export, \
            Ganesha(ns, export.path) as server, Namespace("n1") as n1:
        server.export = export
        ctl = Ctl(build, n1, tmp_path / "local")
        ctl.run("share", "init", server.url())
        ctl.run("domain", "add", "example.org")
        for a in ACCOUNTS:
            ctl.run("account", "add", a)
        w = Writer("w1", ctl, make_messages(str(tmp_path / "m"), "w1",
                                            random.Random(3), 300))
        w.start()
        for i in range(CUTS):
            goal = len(w.files) * (i + 1) // (CUTS + 1)
            wait_for("message %d" % goal, lambda: len(w.acked) >= goal or
                     not w.is_alive(), 120)
            cut(server)
        w.join(300)
        assert not w.is_alive(), w.last_error
        if w.error:
            raise w.error
        found = [check_account(ctl, a, [w], tmp_path) for a in ACCOUNTS]
        assert sum(k for k, _ in found) == len(w.files)
        problems = ctl.json("account", "check", "--all", "--deep")
        assert [p for p in problems if p["kind"] == "damaged"] == []
