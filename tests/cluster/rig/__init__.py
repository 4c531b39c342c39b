"""The cluster rig: network namespaces, an ext4 image, nfs-ganesha."""

from .net import Net, Node, RigError, have_root, run
from .nfs import Ganesha, Volume

__all__ = ["Net", "Node", "RigError", "Ganesha", "Volume", "have_root", "run"]
