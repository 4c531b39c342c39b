"""nfs-ganesha 4.3 in a network namespace.

It needs rpcbind in its namespace to offer NFSv3, a non-loopback Bind_addr, -F,
and its lock in /run to itself: a private mount namespace with a tmpfs on /run is
held open by a process that outlives ganesha, so that ganesha can be killed and
started again.  It sees what is mounted and unmounted for the export later.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile

from rig.netns import run
from rig.wait import wait_for

CONF = """
NFS_CORE_PARAM {
	Protocols = 3;
	Bind_addr = %(address)s;
	NFS_Port = 2049;
	MNT_Port = 20048;
	NLM_Port = 0;
	Enable_NLM = false;
	Enable_RQUOTA = false;
	mount_path_pseudo = true;
	%(core)s
}
NFSV4 { Grace_Period = 2; Lease_Lifetime = 2; Graceless = true; }
NFS_KRB5 { Active_krb5 = false; }
EXPORT {
	Export_Id = 1;
	Path = %(path)s;
	Pseudo = /mail;
	Protocols = 3;
	Transports = TCP;
	SecType = sys;
	%(options)s
	FSAL { Name = VFS; }
}
LOG { Default_Log_Level = EVENT;
	Facility { name = FILE; destination = "%(log)s"; enable = active; }
}
"""
OPTIONS = "Access_Type = RW; Squash = No_Root_Squash; PrivilegedPort = false;"


class Ganesha:
    """Exports `path` as /mail from namespace `ns`."""

    def __init__(self, ns, path, options=OPTIONS, core=""):
        self.ns = ns
        self.dir = tempfile.mkdtemp(prefix="shoal-ganesha-")
        self.log = os.path.join(self.dir, "log")
        self.conf = os.path.join(self.dir, "conf")
        self.path = path
        self.process = None
        self.configure(options, core)
        self.holder = self.ns.popen(
            "unshare", "-m", "--propagation", "slave", "sh", "-c",
            "mount -t tmpfs tmpfs /run && "
            "mkdir -p /run/ganesha /run/rpcbind && rpcbind -w -f & wait",
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for("rpcbind", self._has_rpcbind)
        self.start()

    def configure(self, options=OPTIONS, core=""):
        with open(self.conf, "w") as f:
            f.write(CONF % {"address": self.ns.address, "path": self.path,
                            "log": self.log, "options": options,
                            "core": core})

    def _answers(self, port):
        r = self.ns.run("python3", "-c",
                        "import socket; socket.create_connection(('%s', %d), 2)"
                        % (self.ns.address, port), check=False)
        return "Error" not in r

    def _has_rpcbind(self):
        return self._answers(111)

    def start(self):
        self.process = subprocess.Popen(
            ["nsenter", "-t", str(self._inner()), "-m", "-n", "ganesha.nfsd",
             "-F", "-L", self.log, "-f", self.conf,
             "-p", os.path.join(self.dir, "pid")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for("nfs-ganesha", self._is_up, 60)
        return self

    def _inner(self):
        """A process inside the private mount namespace."""
        def find():
            pids = run("ip", "netns", "pids", self.ns.name).split()
            for pid in pids:
                try:
                    with open("/proc/%s/comm" % pid) as f:
                        if f.read().strip() == "rpcbind":
                            return int(pid)
                except FileNotFoundError:
                    pass
            return None
        return wait_for("rpcbind's process", find)

    def _is_up(self):
        if self.process.poll() is not None:
            with open(self.log) as f:
                raise AssertionError("nfs-ganesha ended:\n" + f.read()[-4000:])
        return self._answers(2049) and self._answers(20048)

    def kill(self):
        """As a crash: no goodbye."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def restart(self):
        self.kill()
        self.start()

    def stop(self):
        """It hangs: connections stay, nothing answers."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def url(self, uid=0, gid=0, ports=True):
        query = "?uid=%d&gid=%d" % (uid, gid)
        if ports:
            query += "&nfsport=2049&mountport=20048"
        return "nfs://%s/mail%s" % (self.ns.address, query)

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.go_on()
        self.kill()
        self.holder.kill()
        self.holder.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
