/* fuzz_mime_addr.c - addresses, dates, and the envelope of a header */
#include <stdlib.h>

#include "base/err.h"
#include "mime/address.h"
#include "mime/date.h"
#include "mime/envelope.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

static void
check_text(struct str s)
{
	invariant(str_chr(s, '\r') < 0 && str_chr(s, '\n') < 0 &&
		  str_chr(s, '\0') < 0);
}

/* Groups begin and end in turn. */
static unsigned
check_list(const struct mime_addr *addr)
{
	bool in_group = false;
	unsigned n = 0;

	for (; addr != NULL; addr = addr->next, n++) {
		check_text(addr->name);
		check_text(addr->adl);
		check_text(addr->mailbox);
		check_text(addr->host);
		if (addr->kind == MIME_ADDR_MAILBOX) {
			invariant(addr->mailbox.p != NULL);
			invariant(addr->host.p != NULL);
			continue;
		}
		invariant(in_group == (addr->kind == MIME_ADDR_GROUP_END));
		in_group = !in_group;
	}
	invariant(!in_group);
	return n;
}

/* An address that is written is read the same, if it is one at all. */
static void
check_spec(struct arena *a, const struct mime_addr *addr)
{
	unsigned left = 10;
	struct mime_addr *again;
	struct buf out;

	if (addr->kind != MIME_ADDR_MAILBOX || addr->host.n == 0)
		return;
	buf_init(&out, a, 4 << 20);
	mime_addr_spec(&out, addr);
	again = mime_addr_parse(a, buf_str(&out), &left);
	invariant(again != NULL && str_eq(again->mailbox, addr->mailbox));
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct arena *a = arena_new(0);
	struct str in = str_of(xmemdup(data, n), n);
	struct mime_addr *list, *addr;
	struct mime_envelope *e;
	struct mime_date date;
	unsigned left = 1000;

	list = mime_addr_parse(a, in, &left);
	invariant(check_list(list) <= 1001);
	for (addr = list; addr != NULL; addr = addr->next)
		check_spec(a, addr);
	left = 3;
	invariant(check_list(mime_addr_parse(a, in, &left)) <= 4);
	e = mime_envelope_parse(a, in, &left);
	check_text(e->subject);
	check_list(e->to);
	if (mime_date_parse(in, &date))
		invariant(
		    date.epoch_s > -70000000000 && date.epoch_s < 260000000000);
	free((void *)(uintptr_t)in.p);
	arena_free(&a);
	return 0;
}
