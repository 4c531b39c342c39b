"""One line a test for tests/run: `ok NAME`, `not ok NAME`, `skip NAME: why`.

SHOAL_GROUP takes the place of the group's own name.  What pytest prints goes to standard error; the lines go to the file that
SHOAL_RESULTS names (the group's program gives a descriptor there).
"""

import os


def line(group, report):
    group = os.environ.get("SHOAL_GROUP", group)
    name = group + "/" + report.nodeid.split("/")[-1].replace("::", "/")
    if report.when == "call" and report.passed:
        return "ok " + name
    if report.failed:
        return "not ok " + name + ("" if report.when == "call"
                                   else " (" + report.when + ")")
    if report.skipped:
        return "skip %s: %s" % (name, report.longrepr[2]
                                if report.longrepr else "")
    return None


def reporter(group):
    """pytest_runtest_logreport of a conftest.py."""
    def pytest_runtest_logreport(report):
        said = line(group, report)
        if said and "SHOAL_RESULTS" in os.environ:
            with open(os.environ["SHOAL_RESULTS"], "a") as f:
                f.write(said + "\n")
    return pytest_runtest_logreport
