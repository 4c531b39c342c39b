#!/bin/bash
# tests/rig/pytest.sh DIR [pytest arguments]: the tests in DIR, one line each on
# standard output (tests/lib.sh); SHOAL_BUILD names the build directory
set -u
cd "$1" || exit 1
shift
exec 3>&1
SHOAL_RESULTS=/dev/fd/3 /usr/bin/python3 -B -m pytest -q --tb=short \
	-p no:cacheprovider "$@" >&2
