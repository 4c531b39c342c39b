"""Parts of the tests that run programs.

netns, export, ganesha: machines as namespaces and a real NFS server; ctl:
shoalctl; node: shoald; line: clients that send exactly the bytes they are told
to; haproxy: the balancer; tls: certificates; api, openapi: a client of the API
that compares what is said with the API's description.

Everything a test makes it takes away again (context managers; names begin with
"shoal-").  Nothing here sleeps and hopes: what is waited for is asked for, with
a deadline.
"""

from rig.netns import Namespace, run            # noqa: F401
from rig.export import LoopExport               # noqa: F401
from rig.ganesha import Ganesha                 # noqa: F401
from rig.wait import wait_for, Deadline         # noqa: F401
