"""Processes that come and go while one looks at them."""

import os


def children(pid):
    """Of every thread of that process, in the order they were started."""
    found = []
    try:
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/children" % (pid, task)) as f:
                found += [int(p) for p in f.read().split()]
    except OSError:
        pass
    return sorted(found)


def signal_all(pids, number):
    """One that has ended meanwhile needs none."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
