/* test_account_state.c - UID sets, operations, replay, checkpoint segments */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/crypto.h"
#include "base/rnd.h"
#include "storage/account_ckpt.h"
#include "storage/envseg.h"

static struct arena *arena;

static int
setup(void **state)
{
	(void)state;
	arena = arena_new(0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

/* --- UID sets --- */

static void
test_uidset_text(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		uint64_t count;
	} v[] = {
		{ "1", true, 1 },
		{ "1:3.7", true, 4 },
		{ "1:4294967295", true, 4294967295ULL },
		{ "4294967295", true, 1 },
		{ "", false, 0 },
		{ "0", false, 0 },
		{ "0:3", false, 0 },
		{ "3:1", false, 0 },
		{ "3.2", false, 0 },
		{ "3.3", false, 0 },
		{ "1:3.3", false, 0 },
		{ "1.", false, 0 },
		{ ".1", false, 0 },
		{ "1:", false, 0 },
		{ ":1", false, 0 },
		{ "4294967296", false, 0 },
		{ "1,2", false, 0 },
		{ "-1", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < countof(v); i++) {
		struct uidset s;
		struct buf b;

		uidset_init(&s, arena);
		if (uidset_parse(&s, str_c(v[i].text)) != v[i].ok)
			fail_msg("%zu: %s", i, v[i].text);
		if (!v[i].ok)
			continue;
		assert_int_equal(uidset_count(&s), v[i].count);
		buf_init(&b, arena, 100);
		uidset_format(&b, &s);
		assert_true(str_eq_c(buf_str(&b), v[i].text));
	}
}

static void
test_uidset_sort(void **state)
{
	struct rnd_seeded seed;
	struct rnd r = rnd_of_seeded(&seed);

	(void)state;
	rnd_seed(&seed, 7);
	for (int round = 0; round < 300; round++) {
		bool want[64] = { false };
		struct uidset s;
		uint64_t n = 0;

		uidset_init(&s, arena);
		for (int i = 0; i < 12; i++) {
			uint32_t lo = 1 + (uint32_t)rnd_below(&r, 60);
			uint32_t hi = lo + (uint32_t)rnd_below(&r, 4);

			if (hi > 63)
				hi = 63;
			uidset_add_range(&s, hi, lo);
			for (uint32_t u = lo; u <= hi; u++)
				want[u] = true;
		}
		uidset_sort(&s);
		for (uint32_t u = 1; u < 64; u++) {
			assert_int_equal(uidset_has(&s, u), want[u]);
			n += want[u];
		}
		assert_int_equal(uidset_count(&s), n);
		for (uint32_t i = 1; i < s.n; i++)
			assert_true(s.r[i].lo > s.r[i - 1].hi + 1);
	}
}

/* --- operations --- */

#define HEX "0123456789abcdef0123456789abcdef"

static void
test_ops(void **state)
{
	static const struct {
		const char *text;
		enum err_code code;
	} v[] = {
		{ "a,1,0,202611,1234,1763757888,S,", ERR_NONE },
		{ "a,1,65535,202611,1234,1763757888,SRFTD,%24Label1%20x,"
		  "202610/" HEX "-7",
		    ERR_NONE },
		{ "a,1,0,202611,5,5,,,abcdef:202610/" HEX "-7", ERR_NONE },
		{ "a,1,65536,202611,1234,1763757888,S,", ERR_CORRUPT },
		{ "a,0,0,202611,1234,1763757888,S,", ERR_CORRUPT },
		{ "a,1,0,202613,1234,1763757888,S,", ERR_CORRUPT },
		{ "a,1,0,197001,1234,1763757888,S,", ERR_CORRUPT },
		{ "a,1,0,202611,4294967296,1,S,", ERR_CORRUPT },
		{ "a,1,0,202611,1,4294967296,S,", ERR_CORRUPT },
		{ "a,1,0,202611,1,1,X,", ERR_CORRUPT },
		{ "a,1,0,202611,1,1,S", ERR_CORRUPT },
		{ "a,1,0,202611,1,1,S,,", ERR_CORRUPT },
		{ "a,1,0,202611,1,1,S,,202611/" HEX "-7,", ERR_CORRUPT },
		{ "a,1,0,202611,1,1,S,,:202611/" HEX "-7", ERR_CORRUPT },
		{ "a,1,0,202611,1,1,S,%0a", ERR_CORRUPT },
		{ "h,1," HEX "-3,202611,1,1,,", ERR_NONE },
		{ "h,1," HEX "-03,202611,1,1,,", ERR_CORRUPT },
		{ "h,1," HEX ",202611,1,1,,", ERR_CORRUPT },
		{ "f,1,1:3.9,S,T,a%20b,c", ERR_NONE },
		{ "f,1,,S,T,,", ERR_CORRUPT },
		{ "s,77,5,SF,", ERR_NONE },
		{ "x,1,1:4294967295", ERR_NONE },
		{ "x,1", ERR_CORRUPT },
		{ "m,1,2:3,16", ERR_NONE },
		{ "m,1,2:3,1", ERR_CORRUPT },
		{ "c,16,1763757888,-,1,Gr%C3%BC%C3%9Fe/a", ERR_NONE },
		{ "c,16,1763757888,-,1,%C3", ERR_CORRUPT },
		{ "c,16,1763757888,-,1,", ERR_CORRUPT },
		{ "c,16,0,-,1,a", ERR_CORRUPT },
		{ "c,16,1,I,1,a", ERR_CORRUPT },
		{ "c,16,1,-,2,a", ERR_CORRUPT },
		{ "c,16,1,-,1,a%0Ab", ERR_CORRUPT },
		{ "d,16", ERR_NONE },
		{ "d,1", ERR_CORRUPT },
		{ "r,16,x/y", ERR_NONE },
		{ "r,1,x", ERR_CORRUPT },
		{ "u,x", ERR_NONE },
		{ "v,x", ERR_NONE },
		{ "w,1,5", ERR_NONE },
		{ "w,1,0", ERR_CORRUPT },
		{ "i,1763757888", ERR_NONE },
		{ "K", ERR_NONE },
		{ "K,", ERR_CORRUPT },
		{ "O", ERR_NONE },
		{ "P", ERR_NONE },
		{ "F,12", ERR_NONE },
		{ "F,x", ERR_CORRUPT },
		{ "z,1", ERR_FORMAT },
		{ "Q", ERR_FORMAT },
		{ "A", ERR_FORMAT },
		{ "xx", ERR_CORRUPT },
		{ "K;", ERR_CORRUPT },
		{ "i,5;K;x,1,1", ERR_NONE },
	};
	static const struct txid txid = { .b = { 1, 2, 3 } };

	(void)state;
	for (size_t i = 0; i < countof(v); i++) {
		struct account_op *ops;
		unsigned n;
		struct buf b;
		struct err *e;

		e = account_ops_parse(arena, str_c(v[i].text), &txid, &ops, &n);
		if (err_code(e) != v[i].code)
			fail_msg("%zu: %s: %s", i, v[i].text,
			    err_name(err_code(e)));
		if (e != NULL)
			continue;
		/* what was read is written as it was */
		buf_init(&b, arena, 1000);
		for (unsigned j = 0; j < n; j++)
			account_op_write(&b, &ops[j]);
		if (!str_eq_c(buf_str(&b), v[i].text))
			fail_msg("%zu: %s became " STR_FMT, i, v[i].text,
			    STR_ARG(buf_str(&b)));
	}
}

/* The journal's own operations say nothing to an account. */
static void
test_ops_journals(void **state)
{
	static const struct txid txid = { .b = { 1 } };
	struct account_op *ops;
	unsigned n;

	(void)state;
	assert_null(account_ops_parse(arena, STR("T,5;N;C,7;D," HEX ";K"),
	    &txid, &ops, &n));
	assert_int_equal(n, 1);
	assert_int_equal(ops[0].letter, 'K');
}

static void
test_months(void **state)
{
	static const struct {
		int64_t time;
		const char *month;
	} v[] = {
		{ 1763757888, "202511" },
		{ 1764547199, "202511" },
		{ 1764547200, "202512" },
		{ 951782400, "200002" },
		{ 951868800, "200003" },
		{ 4294967295, "210602" },
		{ 0, "197002" },
		{ -5, "197002" },
	};
	char text[7];
	uint16_t m;

	(void)state;
	for (size_t i = 0; i < countof(v); i++) {
		message_month_format(message_month_of(v[i].time), text);
		assert_string_equal(text, v[i].month);
		assert_true(message_month_parse(str_c(text), &m));
		assert_int_equal(m, message_month_of(v[i].time));
	}
}

static void
test_totals_text(void **state)
{
	static const char *const good[] = {
		"0,0,o,1,1",
		"12,3,k,99,4,16:5,17:6",
		"12,3,p,99,4,16:5,17:6,18:7,19:8",
	};
	static const char *const bad[] = { "", "-", "1,2", "1,2,o,3",
		"1,2,x,3,4", "1,2,o,3,4,5", "1,2,o,3,4,5:", "1,2,oo,3,4",
		"1,2,o,3,4,1:1,2:2,3:3,4:4,5:5" };
	struct account_totals tt;
	struct buf b;

	(void)state;
	for (size_t i = 0; i < countof(good); i++) {
		assert_true(account_totals_parse(str_c(good[i]), &tt));
		buf_init(&b, arena, 200);
		account_totals_format(&b, &tt);
		assert_true(str_eq_c(buf_str(&b), good[i]));
	}
	for (size_t i = 0; i < countof(bad); i++)
		assert_false(account_totals_parse(str_c(bad[i]), &tt));
}

/* --- replay --- */

static struct txid
txid_of(unsigned n)
{
	struct txid x = { .b = { 0 } };

	x.b[0] = (unsigned char)n;
	x.b[1] = (unsigned char)(n >> 8);
	x.b[15] = 1;
	return x;
}

/* One entry: its txid follows from its number. */
static void
apply(struct account_state *s, uint64_t seq, const char *text)
{
	struct txid x = txid_of((unsigned)seq);
	struct account_totals tt;
	struct account_op *ops;
	unsigned n;
	struct err *e;

	e = account_ops_parse(arena, str_c(text), &x, &ops, &n);
	if (e != NULL)
		fail_msg("%s: %s", text, e->text);
	account_state_totals(s, ops, n, &tt);
	account_state_apply(s, ops, n, seq);
	/* the dry run foretells */
	assert_int_equal(tt.bytes, s->bytes);
	assert_int_equal(tt.messages, s->messages);
	assert_int_equal(tt.state, s->state);
	for (unsigned i = 0; i < tt.folder_count; i++) {
		struct folder_state *f =
		    account_state_folder(s, tt.folders[i].folder);

		assert_non_null(f);
		assert_int_equal(f->pub.uidnext, tt.folders[i].uidnext);
	}
	if (account_state_folder(s, 1) != NULL)
		assert_int_equal(account_state_folder(s, 1)->pub.uidnext,
		    tt.inbox_uidnext);
}

static void
begin(struct account_state *s)
{
	account_state_init(s);
	apply(s, 1, "c,1,100,-,1,INBOX;c,2,101,D,1,Drafts;c,16,102,-,0,a/b");
}

static void
test_state_basics(void **state)
{
	struct account_state s;
	struct folder_state *f;

	(void)state;
	begin(&s);
	assert_int_equal(s.uidvalidity_top, 102);
	apply(&s, 2, "a,1,0,202611,10,5,,");
	apply(&s, 3, "a,1,0,202611,20,5,S,k1%20k2;a,1,1,202611,30,5,T,");
	f = account_state_folder(&s, 1);
	assert_int_equal(f->pub.messages, 3);
	assert_int_equal(f->pub.unseen, 2);
	assert_int_equal(f->pub.deleted, 1);
	assert_int_equal(f->pub.bytes, 60);
	assert_int_equal(f->pub.uidnext, 4);
	assert_int_equal(f->pub.highestmodseq, 3);
	assert_int_equal(f->rows.r[1].keywords, 3);
	apply(&s, 4, "f,1,1:2,SF,,K1,k2");
	assert_int_equal(f->rows.r[0].flags, MESSAGE_SEEN | MESSAGE_FLAGGED);
	assert_int_equal(f->rows.r[0].keywords, 1);
	assert_int_equal(f->rows.r[1].keywords, 1);
	assert_int_equal(f->rows.r[2].modseq, 3);
	apply(&s, 5, "s,1,1:4294967295,R,k3");
	assert_int_equal(f->rows.r[2].flags, MESSAGE_ANSWERED);
	assert_int_equal(f->pub.deleted, 0);
	assert_int_equal(f->pub.unseen, 3);
	apply(&s, 6, "x,1,2");
	assert_int_equal(f->pub.messages, 2);
	assert_int_equal(s.tomb_count, 1);
	assert_int_equal(s.tombs[0].uid, 2);
	assert_int_equal(s.bytes, 40);
	apply(&s, 7, "m,1,1:3,16");
	assert_int_equal(f->pub.messages, 0);
	assert_int_equal(account_state_folder(&s, 16)->pub.messages, 2);
	assert_int_equal(account_state_folder(&s, 16)->rows.r[1].uid, 2);
	assert_int_equal(s.tomb_count, 3);
	assert_int_equal(s.tombs[2].name.month, 0);
	assert_int_equal(s.bytes, 40);
	apply(&s, 8, "d,16");
	assert_int_equal(s.messages, 0);
	assert_int_equal(s.tomb_count, 5);
	assert_null(account_state_named(&s, STR("a/b")));
	apply(&s, 9, "F,7");
	assert_int_equal(s.tomb_count, 2);
	/* nothing that does not fit does any harm */
	apply(&s, 10, "a,99,0,202611,1,1,,;x,99,1;f,1,9,S,,,;m,1,1,99;d,99");
	apply(&s, 11, "c,1,5,-,0,x;c,55,5,-,0,INBOX;r,99,q;r,2,INBOX;w,99,7");
	assert_int_equal(s.folder_count, 2);
	assert_int_equal(s.uidvalidity_top, 102);
	account_state_free(&s);
}

/* An ADD whose name is a row or a tombstone is nothing. */
static void
test_state_idempotent(void **state)
{
	struct account_state s;
	struct folder_state *f;
	struct txid x = txid_of(2);
	struct account_op *ops;
	unsigned n;

	(void)state;
	begin(&s);
	apply(&s, 2, "a,1,0,202611,10,5,,");
	f = account_state_folder(&s, 1);
	assert_null(
	    account_ops_parse(arena, STR("a,1,0,202611,10,5,,"), &x, &ops, &n));
	account_state_apply(&s, ops, n, 3);
	assert_int_equal(f->pub.messages, 1);
	apply(&s, 4, "x,1,1");
	account_state_apply(&s, ops, n, 5);
	assert_int_equal(f->pub.messages, 0);
	assert_int_equal(f->pub.uidnext, 2);
	/* moved: the row keeps its name */
	apply(&s, 6, "a,1,0,202611,10,5,,");
	apply(&s, 7, "m,1,1:9,2");
	x = txid_of(6);
	assert_null(
	    account_ops_parse(arena, STR("a,1,0,202611,10,5,,"), &x, &ops, &n));
	account_state_apply(&s, ops, n, 8);
	assert_int_equal(s.messages, 1);
	account_state_free(&s);
}

static void
test_state_closed(void **state)
{
	struct account_state s;

	(void)state;
	begin(&s);
	apply(&s, 2, "K");
	apply(&s, 3, "a,1,0,202611,10,5,,;c,20,200,-,0,x;u,y");
	assert_int_equal(s.messages, 0);
	assert_int_equal(s.folder_count, 3);
	apply(&s, 4, "O");
	apply(&s, 5, "a,1,0,202611,10,5,,");
	assert_int_equal(s.messages, 1);
	apply(&s, 6, "K;P");
	apply(&s, 7, "O");
	assert_int_equal(s.state, 'p');
	account_state_free(&s);
}

static void
test_state_keywords(void **state)
{
	struct account_state s;
	struct folder_state *f;
	char text[80];

	(void)state;
	begin(&s);
	apply(&s, 2, "a,1,0,202611,10,5,,");
	f = account_state_folder(&s, 1);
	for (unsigned i = 0; i < MESSAGE_KEYWORDS; i++) {
		snprintf(text, sizeof(text), "f,1,1,,,k%u,", i);
		apply(&s, 3 + i, text);
	}
	assert_int_equal(f->rows.r[0].keywords, UINT64_MAX);
	assert_false(account_state_words_fit(&s, STR("new")));
	apply(&s, 100, "f,1,1,,,new,");
	assert_int_equal(account_state_keyword_bit(&s, STR("new")), -1);
	/* one that no row uses gives its bit up */
	apply(&s, 101, "f,1,1,,,,k7");
	assert_true(account_state_words_fit(&s, STR("new")));
	assert_false(account_state_words_fit(&s, STR("new newer")));
	apply(&s, 102, "f,1,1,,,new,");
	assert_int_equal(account_state_keyword_bit(&s, STR("NEW")), 7);
	assert_int_equal(account_state_keyword_bit(&s, STR("k7")), -1);
	account_state_free(&s);
}

static void
test_state_uid_end(void **state)
{
	struct account_state s;
	struct folder_state *f;

	(void)state;
	begin(&s);
	f = account_state_folder(&s, 1);
	f->pub.uidnext = UINT32_MAX - 1;
	apply(&s, 2, "a,1,0,202611,10,5,,");
	apply(&s, 3, "a,1,0,202611,10,5,,");
	assert_int_equal(f->pub.messages, 1);
	assert_int_equal(f->pub.uidnext, UINT32_MAX);
	account_state_free(&s);
}

/* --- checkpoint segments --- */

static void
same(const struct account_state *a, const struct account_state *b)
{
	assert_int_equal(a->folder_count, b->folder_count);
	assert_int_equal(a->bytes, b->bytes);
	assert_int_equal(a->messages, b->messages);
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->forgotten, b->forgotten);
	assert_int_equal(a->uidvalidity_top, b->uidvalidity_top);
	assert_int_equal(a->sub_count, b->sub_count);
	assert_int_equal(a->tomb_count, b->tomb_count);
	assert_int_equal(a->mark_count, b->mark_count);
	for (unsigned i = 0; i < a->tomb_count; i++) {
		const struct tombstone *x = &a->tombs[i], *y = &b->tombs[i];

		assert_int_equal(x->uid, y->uid);
		assert_int_equal(x->folder, y->folder);
		assert_int_equal(x->modseq, y->modseq);
		assert_int_equal(x->name.month, y->name.month);
		assert_int_equal(x->flags, y->flags);
		assert_true(message_name_eq(&x->name, &y->name));
	}
	for (unsigned i = 0; i < a->folder_count; i++) {
		const struct folder_state *f = a->by_name[i],
					  *g = b->by_name[i];

		assert_true(str_eq(f->pub.name, g->pub.name));
		assert_int_equal(f->pub.id, g->pub.id);
		assert_int_equal(f->pub.uidnext, g->pub.uidnext);
		assert_int_equal(f->pub.uidvalidity, g->pub.uidvalidity);
		assert_int_equal(f->pub.highestmodseq, g->pub.highestmodseq);
		assert_int_equal(f->pub.unseen, g->pub.unseen);
		assert_int_equal(f->pub.deleted, g->pub.deleted);
		assert_int_equal(f->pub.subscribed, g->pub.subscribed);
		assert_int_equal(f->rows.n, g->rows.n);
		for (uint32_t j = 0; j < f->rows.n; j++) {
			const struct message *m = &f->rows.r[j],
					     *n = &g->rows.r[j];

			assert_int_equal(m->uid, n->uid);
			assert_int_equal(m->flags, n->flags);
			assert_int_equal(m->modseq, n->modseq);
			assert_int_equal(m->bytes, n->bytes);
			assert_int_equal(m->date, n->date);
			assert_true(message_name_eq(&m->name, &n->name));
			assert_true(str_eq(account_state_words_of(a, arena,
					       m->keywords),
			    account_state_words_of(b, arena, n->keywords)));
		}
	}
}

static void
random_entry(struct account_state *s, struct rnd *r, uint64_t seq)
{
	static const char *const flags[] = { "", "S", "T", "SF", "RD" };
	char text[200];
	unsigned folder = s->by_id[rnd_below(r, s->folder_count)]->pub.id;
	unsigned other = s->by_id[rnd_below(r, s->folder_count)]->pub.id;
	unsigned top = account_state_folder(s, folder)->pub.uidnext;
	unsigned lo = 1 + (unsigned)rnd_below(r, top),
		 hi = lo + (unsigned)rnd_below(r, 4);
	const char *fl = flags[rnd_below(r, countof(flags))];

	switch (rnd_below(r, 12)) {
	default:
		snprintf(text, sizeof(text), "a,%u,0,202611,%u,9,%s,", folder,
		    (unsigned)rnd_below(r, 1000), fl);
		break;
	case 1:
		snprintf(text, sizeof(text), "f,%u,%u:%u,%s,S,w%u,w3", folder,
		    lo, hi, fl, (unsigned)rnd_below(r, 6));
		break;
	case 2:
		snprintf(text, sizeof(text), "s,%u,%u:%u,%s,w%u", folder, lo,
		    hi, fl, (unsigned)rnd_below(r, 6));
		break;
	case 3:
		snprintf(text, sizeof(text), "x,%u,%u:%u", folder, lo, hi);
		break;
	case 4:
		if (folder == other)
			other = folder == 1 ? 2 : 1;
		snprintf(text, sizeof(text), "m,%u,%u:%u,%u", folder, lo, hi,
		    other);
		break;
	case 5:
		snprintf(text, sizeof(text), "c,%u,%u,-,1,f%u/x%u",
		    (unsigned)rnd_below(r, 9) + 16, (unsigned)seq + 1000,
		    (unsigned)rnd_below(r, 3), (unsigned)rnd_below(r, 3));
		break;
	case 6:
		snprintf(text, sizeof(text), "r,%u,g%u",
		    folder == 1 ? 2 : folder, (unsigned)rnd_below(r, 5));
		break;
	case 7:
		if (rnd_below(r, 8) != 0 || folder <= 2)
			snprintf(text, sizeof(text), "u,s%u;v,s%u",
			    (unsigned)rnd_below(r, 9),
			    (unsigned)rnd_below(r, 9));
		else
			snprintf(text, sizeof(text), "d,%u", folder);
		break;
	case 8:
		snprintf(text, sizeof(text), "i,%u;F,%u", (unsigned)seq * 10,
		    (unsigned)(seq > 100 ? seq - 100 : 0));
		break;
	}
	apply(s, seq, text);
}

/* Checkpoints with and without bases, again and again, give the same state. */
static void
test_ckpt_random(void **state)
{
	struct rnd_seeded seed;
	struct rnd r = rnd_of_seeded(&seed);
	struct account_ckpt_bases bases = { 0 }, got;
	struct account_state s, fresh;
	struct buf head, rows = { 0 }, tomb = { 0 };
	uint64_t seq_r;

	(void)state;
	rnd_seed(&seed, 42);
	begin(&s);
	for (uint64_t seq = 2; seq < 1500; seq++) {
		struct arena_mark mark = arena_mark(arena);

		random_entry(&s, &r, seq);
		if (seq % 10 != 0) {
			arena_rewind(arena, mark);
			continue;
		}
		if (rnd_below(&r, 6) == 0) {
			buf_free(&rows);
			buf_init(&rows, NULL, 1 << 24);
			bases.rows = seq;
			account_ckpt_rows(&rows, &s, seq);
			s.base_seq = seq;
			s.gone_count = 0;
		}
		if (rnd_below(&r, 6) == 0) {
			buf_free(&tomb);
			buf_init(&tomb, NULL, 1 << 24);
			bases.tomb = seq;
			account_ckpt_tomb(&tomb, &s, seq);
		}
		buf_init(&head, arena, 1 << 24);
		account_ckpt_head(&head, &s, seq, &bases);
		account_state_init(&fresh);
		assert_null(account_ckpt_load(arena, &fresh, buf_str(&head),
		    buf_str(&rows), buf_str(&tomb), &seq_r, &got));
		assert_int_equal(seq_r, seq);
		assert_int_equal(got.rows, bases.rows);
		same(&s, &fresh);
		/* go on with either */
		if (rnd_below(&r, 2) == 0) {
			struct account_state x = s;

			s = fresh;
			fresh = x;
		}
		account_state_free(&fresh);
		arena_rewind(arena, mark);
	}
	buf_free(&rows);
	buf_free(&tomb);
	account_state_free(&s);
}

/* Every bit, and every length: found, never a crash.  Past the checksum, too:
 * it is made to fit. */
static void
test_ckpt_damage(void **state)
{
	struct account_ckpt_bases bases = { 0 }, got;
	struct account_state s, fresh;
	struct rnd_seeded seed;
	struct rnd r = rnd_of_seeded(&seed);
	struct buf head;
	uint64_t seq;
	char *copy;
	struct err *e;

	(void)state;
	rnd_seed(&seed, 1);
	begin(&s);
	for (uint64_t i = 2; i < 60; i++)
		random_entry(&s, &r, i);
	buf_init(&head, arena, 1 << 24);
	account_ckpt_head(&head, &s, 59, &bases);
	copy = arena_memdup(arena, head.p, head.n);
	for (size_t n = 0; n < head.n; n++) {
		struct arena_mark mark = arena_mark(arena);

		account_state_init(&fresh);
		e = account_ckpt_load(arena, &fresh, str_of(copy, n), STR_NONE,
		    STR_NONE, &seq, &got);
		assert_non_null(e);
		account_state_free(&fresh);
		arena_rewind(arena, mark);
	}
	for (size_t bit = 0; bit < head.n * 8; bit++) {
		struct arena_mark mark = arena_mark(arena);
		uint32_t crc;

		copy[bit / 8] ^= (char)(1 << bit % 8);
		account_state_init(&fresh);
		e = account_ckpt_load(arena, &fresh, str_of(copy, head.n),
		    STR_NONE, STR_NONE, &seq, &got);
		assert_non_null(e);
		account_state_free(&fresh);
		if (bit / 8 < head.n - 4) {
			crc = crc32c(0, copy, head.n - 4);
			memcpy(copy + head.n - 4, &crc, 4);
			account_state_init(&fresh);
			err_ignore(account_ckpt_load(arena, &fresh,
			    str_of(copy, head.n), STR_NONE, STR_NONE, &seq,
			    &got)); /* must only not crash */
			account_state_free(&fresh);
			memcpy(copy + head.n - 4, head.p + head.n - 4, 4);
		}
		copy[bit / 8] ^= (char)(1 << bit % 8);
		arena_rewind(arena, mark);
	}
	account_state_free(&s);
}

/* --- env --- */

static void
test_env(void **state)
{
	struct envs es = { .n = 0 };
	struct message_name name = { .txid = txid_of(5), .month = 3 };
	struct message_name other = { .txid = txid_of(6), .month = 3 };
	struct journal_seg seg = { .kind = STR("env"), .name = STR("n") };
	struct str pack;
	struct buf b;
	uint32_t units;

	(void)state;
	buf_init(&b, arena, 4096);
	units = env_record_write(&b, &name, STR("hello, this is a pack"));
	assert_int_equal(units, 4);
	assert_true(env_record_read(buf_str(&b), &name, &pack));
	assert_true(str_eq_c(pack, "hello, this is a pack"));
	assert_false(env_record_read(buf_str(&b), &other, &pack));
	for (size_t i = 0; i < 53; i++) {
		b.p[i] ^= 4;
		assert_false(env_record_read(buf_str(&b), &name, &pack));
		b.p[i] ^= 4;
	}
	assert_int_equal(envs_end(&es), 1);
	seg.arg = STR("1");
	seg.bytes = 16 + 160;
	assert_null(envs_add(arena, &es, &seg));
	assert_int_equal(envs_end(&es), 11);
	assert_non_null(envs_add(arena, &es, &seg));
	seg.arg = STR("20");
	assert_null(envs_add(arena, &es, &seg));
	assert_null(envs_find(&es, 11, 1));
	assert_ptr_equal(envs_find(&es, 1, 10), &es.segs[0]);
	assert_null(envs_find(&es, 1, 11));
	assert_ptr_equal(envs_find(&es, 29, 1), &es.segs[1]);
	assert_int_equal(envs_merge_count(&es, 4), 2);
	assert_int_equal(envs_merge_count(&es, 40000), 0);
	seg.arg = STR("30");
	assert_null(envs_add(arena, &es, &seg));
	assert_int_equal(envs_merge_count(&es, 32767 - 20), 2);
	assert_int_equal(envs_merge_count(&es, 40000), 3);
	for (unsigned i = 0; i < 2000; i++) {
		name.txid = txid_of(i * 7919 % 2000);
		envs_pend(&es, &name, STR("p"));
	}
	assert_int_equal(es.pending_count, ENV_PENDING_MAX);
	for (unsigned i = 0; i < 2000; i++) {
		name.txid = txid_of(i);
		envs_unpend(&es, &name);
	}
	assert_int_equal(es.pending_count, 0);
	assert_int_equal(es.pending_bytes, 0);
	envs_free(&es);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_uidset_text, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_uidset_sort, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_ops, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ops_journals, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_months, setup, teardown),
		cmocka_unit_test_setup_teardown(test_totals_text, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_state_basics, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_state_idempotent, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_state_closed, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_state_keywords, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_state_uid_end, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_ckpt_random, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_ckpt_damage, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_env, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
