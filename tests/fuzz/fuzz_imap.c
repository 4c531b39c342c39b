/* fuzz_imap.c - the elements of IMAP commands, and mailbox names */
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"
#include "server/imap/imap.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

/* What was read as a name is written so that it reads the same. */
static void
check_name(struct arena *a, struct str name)
{
	struct imap_in in;
	struct str again;
	struct buf b;

	buf_init(&b, a, name.n * 10 + 100);
	imap_put_mailbox(&b, name);
	invariant(buf_ok(&b) && utf8_is_valid(buf_str(&b)));
	imap_in_init(&in, a, buf_str(&b));
	/* quoted strings have no line breaks; no folder's name has any */
	if (str_chr(name, '\r') >= 0 || str_chr(name, '\n') >= 0 ||
	    str_chr(name, '\0') >= 0)
		return;
	invariant(imap_mailbox(&in, &again) && imap_end(&in));
	invariant(str_eq(again, name));
}

static void
check_string(struct arena *a, struct str s)
{
	struct imap_in in;
	struct str again;
	struct buf b;

	buf_init(&b, a, s.n * 2 + 100);
	imap_put_nstring(&b, s);
	invariant(buf_ok(&b));
	imap_in_init(&in, a, buf_str(&b));
	invariant(imap_nstring(&in, &again) && imap_end(&in));
	invariant(again.n == s.n && (again.p == NULL) == (s.p == NULL));
}

static void
check_utf7(struct arena *a, struct str in)
{
	struct str out;

	if (imap_utf7_decode(a, in, &out)) {
		invariant(utf8_is_valid(out));
		if (str_chr(in, '&') >= 0)
			check_name(a, out);
	}
	if (utf8_is_valid(in)) {
		invariant(imap_utf7_decode(a, imap_utf7_encode(a, in), &out));
		invariant(str_eq(in, out));
	}
	out = imap_utf7_encode(a, in);
	invariant(out.n <= in.n * 5 + 8);
}

/* One element after the other, as the first bytes say. */
static void
check_element(struct arena *a, struct imap_in *in, unsigned which)
{
	struct imap_flags flags;
	struct imap_set set;
	struct str s = STR("");
	uint32_t u32;
	uint64_t u64;
	int64_t i64;

	switch (which % 16) {
	case 0:
		imap_tag(in, &s);
		break;
	case 1:
		imap_atom(in, &s);
		break;
	case 2:
		if (imap_astring(in, &s))
			check_string(a, s);
		break;
	case 3:
		if (imap_nstring(in, &s))
			check_string(a, s);
		break;
	case 4:
		if (imap_mailbox(in, &s))
			check_name(a, s);
		break;
	case 5:
		if (imap_list_mailbox(in, &s))
			invariant(utf8_is_valid(s));
		break;
	case 6:
		imap_number(in, &u32);
		break;
	case 7:
		invariant(!imap_nz_number(in, &u32) || u32 > 0);
		break;
	case 8:
		invariant(!imap_number64(in, &u64) || u64 <= INT64_MAX);
		break;
	case 9:
		imap_date(in, &i64);
		break;
	case 10:
		imap_date_time(in, &i64);
		break;
	case 11:
		if (!imap_set(in, &set))
			break;
		invariant(set.n > 0);
		for (uint32_t i = 0; i < set.n; i++)
			invariant(set.r[i].lo <= set.r[i].hi &&
				  (set.r[i].lo > 0 || set.r[i].star));
		break;
	case 12:
		imap_flags(in, true, &flags);
		break;
	case 13:
		imap_flags(in, false, &flags);
		break;
	case 14:
		imap_word(in, "BODY");
		break;
	default:
		imap_sp(in);
	}
	invariant(in->at <= in->all.n);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct arena *a = arena_new(0);
	unsigned which = n > 0 ? data[0] : 0, then = n > 1 ? data[1] : 0;
	size_t skip = n < 2 ? n : 2;
	char *copy = xmemdup(data + skip, n - skip);
	struct str text = str_of(copy, n - skip);
	struct imap_in in;
	uint64_t literal;
	bool sync;

	imap_in_init(&in, a, text);
	for (unsigned i = 0; i < 3 && in.bad == NULL; i++) {
		check_element(a, &in, which);
		which = then;
		then = 15;
	}
	check_utf7(a, text);
	if (imap_literal_at_end(text, &literal, &sync) == 1)
		invariant(literal <= UINT32_MAX);
	free(copy);
	arena_free(&a);
	return 0;
}
