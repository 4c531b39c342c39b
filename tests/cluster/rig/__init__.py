"""Parts of a cluster test: namespaces, a loop-mounted export, nfs-ganesha.

Everything a test makes it takes away again (context managers; and, when it was
killed, the next run does: names begin with "shoal-").  Nothing here sleeps and
hopes: what is waited for is asked for, with a deadline.
"""

from rig.netns import Namespace, run            # noqa: F401
from rig.export import LoopExport               # noqa: F401
from rig.ganesha import Ganesha                 # noqa: F401
from rig.wait import wait_for, Deadline         # noqa: F401
