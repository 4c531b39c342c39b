"""nfs-ganesha on an ext4 image.

What nfs-ganesha 4.3 needs (found by trying): rpcbind in its own namespace to
offer NFSv3, `mount_path_pseudo = true` so that MOUNT knows the pseudo path, a
Bind_addr that is not loopback, `-F`, a /run of its own that outlives it.
Nothing else may write to its directory locally while it runs.
"""

import os
import shutil
import signal
import subprocess

from .net import RigError, run, wait_until

CONF = """
NFS_CORE_PARAM {
	Protocols = 3;
	mount_path_pseudo = true;
	Bind_addr = %(addr)s;
	NFS_Port = 2049;
	MNT_Port = 20048;
	Enable_NLM = false;
	Enable_RQUOTA = false;
	Enable_UDP = None;
}
NFSV4 {
	Graceless = %(graceless)s;
	Grace_Period = %(grace)d;
	Lease_Lifetime = %(grace)d;
}
LOG { Default_Log_Level = EVENT; }
%(exports)s
"""

EXPORT = """
EXPORT {
	Export_Id = %(id)d;
	Path = "%(path)s";
	Pseudo = "%(pseudo)s";
	Access_Type = %(access)s;
	Squash = %(squash)s;
	SecType = sys;
	Protocols = 3;
	Transports = TCP;
	PrivilegedPort = %(privileged)s;
	%(extra)s
	FSAL { Name = VFS; }
}
"""

# linux/fs.h has no name for it; ext4 and XFS share it.
FS_IOC_SHUTDOWN = 0x8004587D


class Volume:
    """A loop-mounted ext4 of its own, seen in the node's mount namespace."""

    def __init__(self, node, path, megabytes=256, fstype="ext4", options=()):
        self.node = node
        self.image = path + ".img"
        self.path = path
        self.fstype = fstype
        with open(self.image, "wb") as f:
            f.truncate(megabytes << 20)
        mkfs = {"ext4": ["mkfs.ext4", "-q", "-F", "-E",
                         "lazy_itable_init=0,root_owner=0:0"],
                "xfs": ["mkfs.xfs", "-q", "-f"]}[fstype]
        run(mkfs + list(options) + [self.image])
        os.makedirs(path, exist_ok=True)
        self.mount()

    def mount(self):
        self.node.run(["mount", "-t", self.fstype, "-o", "loop", self.image,
                       self.path])

    def umount(self):
        self.node.run(["umount", self.path])

    def local(self, *names):
        """A path for node.run([...])."""
        return os.path.join(self.path, *names)

    def shutdown(self, flush_log=False):
        """Power cut: nothing more reaches the disk (FS_IOC_GOINGDOWN)."""
        how = 1 if flush_log else 2  # LOGFLUSH, NOLOGFLUSH
        code = ("import fcntl,os,struct;"
                "fcntl.ioctl(os.open(%r,os.O_RDONLY),%d,struct.pack('I',%d))"
                % (self.path, FS_IOC_SHUTDOWN, how))
        self.node.run(["python3", "-c", code])


class Ganesha:
    """The server: start, kill (-9), stop/cont (SIGSTOP), restart."""

    def __init__(self, node, dir, grace=2, graceless=True):
        if shutil.which("ganesha.nfsd") is None:
            raise RigError("nfs-ganesha is not installed")
        self.node = node
        self.dir = dir
        self.grace = grace
        self.graceless = graceless
        self.exports = []
        self.proc = None
        self.log = os.path.join(dir, "ganesha.log")
        self.rpcbind = node.popen(["rpcbind", "-f", "-w", "-h", node.addr],
                                  stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)

    def export(self, path, pseudo="/mail", access="RW",
               squash="No_Root_Squash", privileged=False, extra=""):
        self.exports.append(EXPORT % {
            "id": len(self.exports) + 1, "path": path, "pseudo": pseudo,
            "access": access, "squash": squash, "extra": extra,
            "privileged": "true" if privileged else "false"})
        return self

    def url(self, pseudo="/mail", uid=0, gid=0):
        return "nfs://%s%s?uid=%d&gid=%d" % (self.node.addr, pseudo, uid, gid)

    def _ports(self):
        """NFS and MOUNT answer a NULL call."""
        return all(self._null(port, prog) for port, prog in
                   ((2049, 100003), (20048, 100005)))

    def _null(self, port, prog):
        code = ("import socket,struct,sys\n"
                "s=socket.create_connection((%r,%d),1)\n"
                "s.settimeout(1)\n"
                "s.sendall(struct.pack('>11I',0x80000028,1,0,2,%d,3,0,0,0,0,0))\n"
                "sys.exit(len(s.recv(28))!=28)" %
                (self.node.addr, port, prog))
        return self.node.run(["python3", "-c", code],
                             check=False).returncode == 0

    def start(self, wait=True):
        conf = os.path.join(self.dir, "ganesha.conf")
        with open(conf, "w") as f:
            f.write(CONF % {"addr": self.node.addr, "grace": self.grace,
                            "graceless":
                                "true" if self.graceless else "false",
                            "exports": "".join(self.exports)})
        self.proc = self.node.popen(
            ["ganesha.nfsd", "-F", "-f", conf, "-L", self.log, "-p",
             "/run/ganesha.pid", "-N", "NIV_EVENT"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if wait:
            wait_until(self._up, 30, "nfs-ganesha (see %s)" % self.log)
        return self

    def _up(self):
        if self.proc.poll() is not None:
            raise RigError("nfs-ganesha ended: see " + self.log)
        return self._ports()

    def signal(self, sig):
        self.proc.send_signal(sig)

    def kill(self):
        """As a crash: SIGKILL, and it is gone when this returns."""
        self.proc.kill()
        self.proc.wait()

    def pause(self):
        """As a hang: connections stay open, nothing answers."""
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def restart(self):
        self.kill()
        return self.start()

    def close(self):
        if self.proc is not None and self.proc.poll() is None:
            self.resume()
            self.kill()
