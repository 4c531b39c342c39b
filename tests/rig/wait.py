"""Waiting for an event, with a deadline."""

import time


class Deadline(AssertionError):
    """What was waited for did not happen."""


def wait_for(what, condition, seconds=30, step=0.05):
    """Call condition() until it is true; its value is returned.  The last call
    begins after the deadline: how long a call takes, and a machine that was
    busy meanwhile, do not count."""
    end = time.monotonic() + seconds
    while True:
        began = time.monotonic()
        value = condition()
        if value:
            return value
        if began > end:
            raise Deadline("%s did not happen within %s s" % (what, seconds))
        time.sleep(step)


def most_of(rate, began, workers=2):
    """How many events there may have been since `began` (monotonic) where so
    many a minute are allowed: when the minute of a node's clock ends, those
    before count less and less, and each worker rounds its own down."""
    return int(rate + workers + rate * (time.monotonic() - began + 1) / 60)


def quickest(run, enough, tries=5):
    """Run it until one time takes less than `enough` seconds; whether one did.
    What is slow every time is not the machine's load."""
    for _ in range(tries):
        began = time.monotonic()
        run()
        if time.monotonic() - began < enough:
            return True
    return False
