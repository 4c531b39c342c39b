"""Waiting for an event, with a deadline."""

import time


class Deadline(AssertionError):
    """What was waited for did not happen."""


def wait_for(what, condition, seconds=30, step=0.05):
    """Call condition() until it is true; its value is returned."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Deadline("%s did not happen within %s s" % (what, seconds))
        time.sleep(step)
