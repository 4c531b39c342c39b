"""A directory to export: an ext4 file system of its own in a file."""

import ctypes
import fcntl
import os
import shutil
import tempfile

from rig.netns import run

# include/uapi/linux/xfs_fs.h, ext4 has the same: _IOR('X', 125, __u32)
FS_IOC_GOINGDOWN = 0x8004587D
GOING_DOWN_NOLOGFLUSH = 2


class LoopExport:
    """`path` is the mount point.  power_cut() drops what was not synced."""

    def __init__(self, megabytes=2048, fs="ext4"):
        self.dir = tempfile.mkdtemp(prefix="shoal-export-")
        self.image = os.path.join(self.dir, "image")
        self.path = os.path.join(self.dir, "mail")
        os.mkdir(self.path)
        with open(self.image, "wb") as f:
            f.truncate(megabytes << 20)
        run("mkfs." + fs, "-q", self.image)
        # Shared, so that a server in a mount namespace of its own loses the
        # file system on unmount() and sees it again on mount().
        run("mount", "--bind", self.dir, self.dir)
        run("mount", "--make-shared", self.dir)
        self.mount()

    def mount(self):
        run("mount", "-o", "loop", self.image, self.path)
        lost = os.path.join(self.path, "lost+found")
        if os.path.isdir(lost):
            os.rmdir(lost)

    def unmount(self):
        run("umount", self.path, check=False)

    def power_cut(self):
        """The file system stops as by a power cut; mount() it again after
        whoever uses it was killed and unmount() was called."""
        fd = os.open(self.path, os.O_RDONLY)
        try:
            how = ctypes.c_uint32(GOING_DOWN_NOLOGFLUSH)
            fcntl.ioctl(fd, FS_IOC_GOINGDOWN, how)
        finally:
            os.close(fd)

    def close(self):
        run("umount", "-l", self.path, check=False)
        run("umount", "-l", self.dir, check=False)
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
