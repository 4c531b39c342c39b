/* fuzz_lease.c - entries of leases, from a bad disk */
#include "locking/lease.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct arena *a = arena_new(0);
	struct lease_entry le, again;
	struct err *e = lease_entry_parse(a, str_of(data, n), &le);

	if (e == NULL) {
		/* what was read can be written, and reads the same */
		struct buf b;
		buf_init(&b, a, 64 << 10);
		lease_entry_format(&b, &le);
		if (buf_ok(&b)) {
			e = lease_entry_parse(a, buf_str(&b), &again);
			invariant(e == NULL && again.kind == le.kind);
			invariant(txid_eq(&again.session, &le.session));
			invariant(again.info.counted == le.info.counted);
			invariant(memcmp(again.info.counters, le.info.counters,
				      sizeof(le.info.counters)) == 0);
		}
	}
	arena_free(&a);
	return 0;
}
