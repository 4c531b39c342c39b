# tests/lib.sh - shared by the groups' scripts
#
# Every group is a program tests/GROUP/run.  It gets SHOAL_SRC (the source),
# SHOAL_BUILD (a build of it), SHOAL_EFFORT (quick or full), SHOAL_SEEDS and
# SHOAL_FROM, and prints one line for each test:
#	ok NAME
#	not ok NAME
#	skip NAME: reason
# Other lines are for people.

# test_cmocka PREFIX PROGRAM [WRAPPER ...]: run a cmocka program, report its
# cases.  The plan (1..N) tells how many there should be: a crash leaves some
# out, and fails.
test_cmocka() {
	local prefix=$1 program=$2 name out status
	shift 2
	name=$prefix/$(basename "$program")
	name=${name/test_/}
	out=$(mktemp) || return 1
	CMOCKA_MESSAGE_OUTPUT=TAP timeout -k 10 "${SHOAL_TEST_SECONDS:-300}" \
		"$@" "$program" >"$out" 2>&1 </dev/null
	status=$?
	awk -v name="$name" -v status="$status" '
		/^1\.\.[0-9]+$/ && !plan { plan = substr($0, 4); next }
		/^ok [0-9]+ / {
			n++; sub(/^ok [0-9]+ - /, "")
			print "ok " name "/" $0; next
		}
		/^not ok [0-9]+ # SKIP/ {
			n++; sub(/^not ok [0-9]+ # SKIP */, "")
			print "skip " name "/" $0 ": skipped by itself"; next
		}
		/^not ok [0-9]+ / {
			n++; bad++; sub(/^not ok [0-9]+ - /, "")
			print "not ok " name "/" $0; next
		}
		{ said = said "# " $0 "\n" }
		END {
			if (n != plan || plan == 0)
				print "not ok " name ": ended after " n + 0 \
				    " of " plan + 0 " cases, status " status
			else if (status != 0 && !bad)
				print "not ok " name ": status " status
			else if (!bad)
				exit
			printf "%s", said
		}' "$out"
	rm -f "$out"
}
