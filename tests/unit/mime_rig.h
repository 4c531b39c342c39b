/* mime_rig.h - what the unit tests of mime/ share */
#ifndef TESTS_UNIT_MIME_RIG_H
#define TESTS_UNIT_MIME_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "base/str.h"
#include "mime/address.h"

static struct arena *arena;

static int
rig_setup(void **state)
{
	(void)state;
	arena = arena_new(0);
	return 0;
}

static int
rig_teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

#define RIG_RUN(tests) cmocka_run_group_tests(tests, rig_setup, rig_teardown)

/* Fails with the row's number and both texts. */
static inline void
rig_same(size_t row, struct str got, struct str want)
{
	if (!str_eq(got, want))
		fail_msg("%zu: \"" STR_FMT "\" instead of \"" STR_FMT "\"", row,
		    STR_ARG(got), STR_ARG(want));
}

/* On the heap and not a byte longer: ASan and valgrind see an over-read.  Freed
 * with rig_free(). */
static inline struct str
rig_exact(struct str s)
{
	return str_of(s.n > 0 ? xmemdup(s.p, s.n) : xcalloc(1, 1), s.n);
}

static inline void
rig_free(struct str s)
{
	free((void *)(uintptr_t)s.p);
}

static inline void
rig_field(struct buf *out, struct str s)
{
	if (s.p == NULL)
		buf_char(out, '-');
	else
		buf_str_add(out, s);
}

/* name|adl|mailbox|host for each, "-" for NIL, blanks between them */
static inline struct str
rig_addresses(const struct mime_addr *addr)
{
	struct buf out;

	buf_init(&out, arena, 1 << 20);
	for (; addr != NULL; addr = addr->next) {
		rig_field(&out, addr->name);
		buf_char(&out, '|');
		rig_field(&out, addr->adl);
		buf_char(&out, '|');
		rig_field(&out, addr->mailbox);
		buf_char(&out, '|');
		rig_field(&out, addr->host);
		if (addr->kind == MIME_ADDR_GROUP)
			buf_c(&out, " {");
		else if (addr->kind == MIME_ADDR_GROUP_END)
			buf_c(&out, " }");
		if (addr->next != NULL)
			buf_char(&out, ' ');
	}
	return buf_str(&out);
}

#endif
