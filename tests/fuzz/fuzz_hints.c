/* fuzz_hints.c - datagrams between nodes: forged ones, and what is in ours */
#include "base/arena.h"
#include "base/err.h"
#include "server/cluster/hints_wire.h"
#include "storage/account.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static const unsigned char key[32] = "fuzz";

static void
items_check(struct str items)
{
	struct str rest = items;
	size_t before;
	struct hint i;
	struct buf b;

	for (before = rest.n; hint_next(&rest, &i); before = rest.n) {
		invariant(rest.n < before);
		if (i.type == HINT_NONE)
			continue;
		/* written again it is the same */
		buf_init(&b, NULL, HINTS_BYTES);
		hint_put(&b, &i);
		invariant(buf_ok(&b) && b.n == before - rest.n);
		invariant(memcmp(b.p, rest.p - b.n, b.n) == 0);
		if (i.type == HINT_ACCOUNT)
			invariant(account_id_is_valid(i.id));
		buf_free(&b);
	}
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct hints_head h, again = { .counter = 7 };
	struct str items, in = str_of(data, n);
	struct buf b;

	/* a MAC is not guessed: this has to be refused */
	invariant(!hints_wire_open(in, key, &h, &items) || n >= 44);
	items_check(in);
	buf_init(&b, NULL, HINTS_BYTES);
	hints_wire_begin(&b, &again);
	buf_add(&b, data, n < 1100 ? n : 1100);
	hints_wire_end(&b, key);
	invariant(hints_wire_open(buf_str(&b), key, &h, &items));
	invariant(h.counter == 7);
	items_check(items);
	buf_free(&b);
	return 0;
}
