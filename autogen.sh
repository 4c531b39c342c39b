#!/bin/sh
# autogen.sh - makes configure and the Makefile templates from a checkout
cd "$(dirname "$0")" || exit 1
for tool in autoreconf automake pkg-config; do
	command -v "$tool" >/dev/null && continue
	echo "$tool is missing: apt install autoconf automake pkg-config" >&2
	exit 1
done
exec autoreconf --install --force --warnings=all,no-portability
