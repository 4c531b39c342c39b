/* test_queue_state.c - the queue's operations, replay, checkpoint segment */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/crypto.h"
#include "base/rnd.h"
#include "storage/queue_ckpt.h"

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

#define HEX "00000000000000000000000000000007"
static const struct txid seven = { { [15] = 7 } };

/* --- the language --- */

static void
test_ops(void **state)
{
	static const struct {
		const char *text;
		enum err_code code;
		unsigned n;
	} v[] = {
		{ "a,0,10,5,8,a@b,,,;r,F,c@d,,", ERR_NONE, 1 },
		{ "a,65535,10,5,U8FHB,a@b,e,f,g;r,NSFD,c@d,rfc822:x,y@z",
		    ERR_NONE, 1 },
		{ "a,0,1,5,,,,,;r,,c@d,,;r,,e@f,,", ERR_NONE, 1 },
		{ "o," HEX "-0,1:3.5,W,L,5,9,451,n1,mx:%20451%20later",
		    ERR_NONE, 1 },
		{ "o," HEX "-0,1,D,,5,0,250,,", ERR_NONE, 1 },
		{ "h," HEX "-0;g," HEX "-1;y," HEX "-2;x," HEX "-65535",
		    ERR_NONE, 4 },
		{ "i,1763757888", ERR_NONE, 1 },
		{ "T,5;N;C,7;D," HEX ";F,5", ERR_NONE, 1 },
		{ "N", ERR_NONE, 0 },
		{ "", ERR_NONE, 0 },
		/* a message without recipients, recipients without one */
		{ "a,0,10,5,8,a@b,,,", ERR_CORRUPT, 0 },
		{ "r,F,c@d,,", ERR_CORRUPT, 0 },
		{ "i,5;r,F,c@d,,", ERR_CORRUPT, 0 },
		{ "a,0,1,5,,,,,;i,5;r,,c@d,,", ERR_CORRUPT, 0 },
		{ "a,0,1,5,,,,,;r,,,,", ERR_CORRUPT, 0 },
		/* fields */
		{ "a,65536,10,5,8,a@b,,,;r,F,c@d,,", ERR_CORRUPT, 0 },
		{ "a,0,x,5,8,a@b,,,;r,F,c@d,,", ERR_CORRUPT, 0 },
		{ "a,0,10,5,88,a@b,,,;r,F,c@d,,", ERR_CORRUPT, 0 },
		{ "a,0,10,5,8U,a@b,,,;r,F,c@d,,", ERR_CORRUPT, 0 },
		{ "a,0,10,5,Z,a@b,,,;r,F,c@d,,", ERR_CORRUPT, 0 },
		{ "a,0,10,5,8,a%0Ab,,,;r,F,c@d,,", ERR_CORRUPT, 0 },
		{ "a,0,10,5,8,a b,,,;r,F,c@d,,", ERR_CORRUPT, 0 },
		{ "a,0,10,5,8,a@b,,,,;r,F,c@d,,", ERR_CORRUPT, 0 },
		{ "a,0,10,5,8,a@b,,;r,F,c@d,,", ERR_CORRUPT, 0 },
		{ "a,0,10,18446744073709551615,8,a@b,,,;r,F,c@d,,", ERR_CORRUPT,
		    0 },
		{ "o," HEX ",1,D,,5,0,250,,", ERR_CORRUPT, 0 },
		{ "o," HEX "-00,1,D,,5,0,250,,", ERR_CORRUPT, 0 },
		{ "o," HEX "-0,0,D,,5,0,250,,", ERR_CORRUPT, 0 },
		{ "o," HEX "-0,,D,,5,0,250,,", ERR_CORRUPT, 0 },
		{ "o," HEX "-0,1,Q,,5,0,250,,", ERR_CORRUPT, 0 },
		{ "o," HEX "-0,1,,,5,0,250,,", ERR_CORRUPT, 0 },
		{ "o," HEX "-0,1,DD,,5,0,250,,", ERR_CORRUPT, 0 },
		{ "o," HEX "-0,1,D,,5,0,1000,,", ERR_CORRUPT, 0 },
		{ "h," HEX "-0,1", ERR_CORRUPT, 0 },
		{ "h", ERR_CORRUPT, 0 },
		{ "i,4294967296", ERR_CORRUPT, 0 },
		{ ";", ERR_CORRUPT, 0 },
		{ "aa", ERR_CORRUPT, 0 },
		{ "z,1", ERR_FORMAT, 0 },
	};

	(void)state;
	for (unsigned i = 0; i < countof(v); i++) {
		struct queue_op *ops;
		unsigned n = 0;
		struct err *e =
		    queue_ops_parse(arena, str_c(v[i].text), &seven, &ops, &n);
		struct buf b;

		if (err_code(e) != v[i].code || n != v[i].n)
			fail_msg("case %u: %s, %u operations", i,
			    err_name(err_code(e)), n);
		if (e != NULL || n == 0 || v[i].text[0] == 'T')
			continue;
		/* what is written is what was read */
		buf_init(&b, arena, 10000);
		for (unsigned k = 0; k < n; k++)
			queue_op_write(&b, &ops[k]);
		assert_true(str_eq_c(buf_str(&b), v[i].text));
	}
}

static void
test_texts(void **state)
{
	struct queue_op op = { .letter = 'a', .name = { seven, 0 } }, *ops;
	struct queue_rcpt rcpt = { 0 };
	unsigned n;
	struct buf b;

	(void)state;
	op.m.rcpts = &rcpt;
	op.m.rcpt_n = 1;
	for (size_t max = QUEUE_ADDRESS_MAX; max <= QUEUE_ADDRESS_MAX + 1;
	     max++) {
		char *p = arena_alloc(arena, max);

		memset(p, ';', max);
		rcpt.address = str_of(p, max);
		buf_init(&b, arena, 10000);
		queue_op_write(&b, &op);
		assert_int_equal(err_code(queue_ops_parse(arena, buf_str(&b),
				     &seven, &ops, &n)),
		    max > QUEUE_ADDRESS_MAX ? ERR_CORRUPT : ERR_NONE);
	}
	assert_true(queue_text_is_valid(STR("gr\xc3\xbc\xc3\x9f"), 10));
	assert_false(queue_text_is_valid(STR("a\rb"), 10));
	assert_false(queue_text_is_valid(STR("a\x7f"), 10));
	assert_false(queue_text_is_valid(STR("abc"), 2));
}

static void
test_ids(void **state)
{
	static const struct {
		const char *id;
		bool good;
		unsigned bucket;
		const char *rest;
	} v[] = {
		{ "07-000000000000-0", true, 7, "000000000000-0" },
		{ "63-0", true, 63, "0" },
		{ "64-0", false, 0, NULL },
		{ "7-0", false, 0, NULL },
		{ "07", false, 0, NULL },
		{ "07-", false, 0, NULL },
		{ "", false, 0, NULL },
		{ "0x-1", false, 0, NULL },
	};
	struct queue_message m = { .txid = seven,
		.ordinal = 65535,
		.bucket = 63 };
	char id[QUEUE_ID_MAX];

	(void)state;
	for (unsigned i = 0; i < countof(v); i++) {
		unsigned bucket;
		struct str rest;

		if (queue_id_parse(str_c(v[i].id), &bucket, &rest) != v[i].good)
			fail_msg("case %u", i);
		if (!v[i].good)
			continue;
		assert_int_equal(bucket, v[i].bucket);
		assert_true(str_eq_c(rest, v[i].rest));
	}
	queue_id_format(&m, id);
	assert_string_equal(id, "63-000000000000-65535");
}

/* --- replay --- */

static void
apply(struct queue_bucket_state *s, uint64_t seq, const char *text)
{
	struct queue_totals before;
	struct queue_op *ops;
	struct txid x = { { 0 } };
	unsigned n;

	x.b[15] = (unsigned char)seq;
	assert_null(queue_ops_parse(arena, str_c(text), &x, &ops, &n));
	queue_state_totals(s, ops, n, &before);
	queue_state_apply(s, ops, n, seq);
	/* totals were those of the state that came */
	assert_int_equal(before.messages, s->n);
	assert_int_equal(before.bytes, s->bytes);
}

#define ADD "a,0,10,5,,a@b,,,;r,,c@d,,;r,,e@f,,"
#define M7 HEX "-0"

/* hold, release, retry, remove and outcomes in every order: whatever comes
 * first, all replay to the same, and what is removed stays removed. */
static void
test_orders(void **state)
{
	static const char *const ops[] = { "h," M7, "g," M7, "y," M7, "x," M7,
		"o," M7 ",1,W,,5,9,451,n,x", "o," M7 ",1:2,D,,6,0,250,n,x" };
	unsigned n = countof(ops), total = n * n * n * n;

	(void)state;
	for (unsigned k = 0; k < total; k++) {
		struct queue_bucket_state s;
		const struct queue_name name = { seven, 0 };
		bool held = false, gone = false, tried = false;
		int64_t next_s = 0;
		unsigned at = k;

		queue_state_init(&s, 3);
		apply(&s, 7, ADD);
		for (unsigned i = 0; i < 4; i++, at /= n) {
			unsigned o = at % n;
			const struct queue_message *m;

			apply(&s, 10 + i, ops[o]);
			gone |= o == 3 || o == 5;
			held = o == 0 || (held && o != 1);
			tried |= o == 4;
			if (o == 4)
				next_s = 9;
			else if (o == 2)
				next_s = tried ? 0 : QUEUE_NOW;
			m = queue_state_find(&s, &name);
			assert_int_equal(m == NULL, gone);
			assert_int_equal(s.n, gone ? 0 : 1);
			if (m == NULL)
				continue;
			assert_int_equal(m->held, held);
			assert_int_equal(m->seq, 10 + i);
			assert_int_equal(m->rcpts[0].next_s, next_s);
		}
		queue_state_free(&s);
	}
}

/* A DSN comes with what decides something, and with nothing else. */
static void
test_dsns(void **state)
{
	static const struct {
		const char *first, *second;
		unsigned rows;
	} v[] = {
		{ "o," M7 ",1,F,,5,0,550,n,x;a,1,5,5,B,,,,;r,,a@b,,", "N", 2 },
		{ "o," M7 ",1,W,L,5,9,451,n,x;a,1,5,5,B,,,,;r,,a@b,,",
		    "o," M7 ",1,W,L,5,9,451,n,x;a,1,5,5,B,,,,;r,,a@b,,", 2 },
		{ "o," M7 ",1,W,,5,9,451,n,x;a,1,5,5,B,,,,;r,,a@b,,", "N", 1 },
		{ "a,1,5,5,B,,,,;r,,a@b,,", "N", 1 },
		{ "a,1,5,5,B,,,,;r,,a@b,,;o," M7 ",1,F,,5,0,550,n,x", "N", 1 },
		{ "o," M7 ",1,F,,5,0,550,n,x",
		    "o," M7 ",1,F,,5,0,550,n,x;a,1,5,5,B,,,,;r,,a@b,,", 1 },
		{ "o," M7 ",1,F,,5,0,550,n,x;a,1,5,5,B,,,,;r,,a@b,,",
		    "o," M7 ",1:2,F,,5,0,550,n,x;a,1,5,5,B,,,,;r,,a@b,,", 2 },
		{ "x," M7, "o," M7 ",1,F,,5,0,550,n,x;a,1,5,5,B,,,,;r,,a@b,,",
		    0 },
	};

	(void)state;
	for (unsigned i = 0; i < countof(v); i++) {
		struct queue_bucket_state s;
		struct queue_op *ops;
		unsigned n;

		queue_state_init(&s, 3);
		apply(&s, 7, ADD);
		assert_null(queue_ops_parse(arena, str_c(v[i].first), &seven,
		    &ops, &n));
		queue_state_apply(&s, ops, n, 8);
		assert_null(queue_ops_parse(arena, str_c(v[i].second),
		    &(struct txid){ { 1 } }, &ops, &n));
		queue_state_apply(&s, ops, n, 9);
		if (s.n != v[i].rows)
			fail_msg("case %u: %u rows", i, s.n);
		queue_state_free(&s);
	}
}

/* Telling of a delay between two tries is no try. */
static void
test_tries(void **state)
{
	static const struct {
		const char *op;
		unsigned tries;
		int64_t next_s;
		const char *node;
	} v[] = {
		{ "o," M7 ",1,W,L,0,0,0,n9,", 0, 0, "" },
		{ "o," M7 ",1,W,,5,9,451,n1,x", 1, 9, "n1" },
		{ "o," M7 ",1,W,L,5,9,451,n2,x", 1, 9, "n1" },
		{ "o," M7 ",1,W,,5,7,451,n2,x", 1, 7, "n1" },
		{ "o," M7 ",1,W,,9,19,451,n2,x", 2, 19, "n2" },
	};
	const struct queue_name name = { seven, 0 };
	struct queue_bucket_state s;

	(void)state;
	queue_state_init(&s, 3);
	apply(&s, 7, ADD);
	for (unsigned i = 0; i < countof(v); i++) {
		const struct queue_rcpt *r;

		apply(&s, 10 + i, v[i].op);
		r = &queue_state_find(&s, &name)->rcpts[0];
		if (r->tries != v[i].tries || r->next_s != v[i].next_s ||
		    !str_eq_c(r->node, v[i].node))
			fail_msg("case %u", i);
	}
	queue_state_free(&s);
}

static void
test_marks(void **state)
{
	struct queue_bucket_state s;
	uint64_t last = 0;

	(void)state;
	queue_state_init(&s, 0);
	for (unsigned i = 1; i <= 500; i++) {
		queue_state_mark_add(&s, i, 1000 + i);
		queue_state_mark_add(&s, i, 1000); /* a clock that went back */
		assert_true(s.mark_n <= QUEUE_MARKS);
		assert_int_equal(s.marks[s.mark_n - 1].seq, i);
		last = 0;
		for (unsigned k = 0; k < s.mark_n; k++) {
			assert_true(s.marks[k].seq > last);
			last = s.marks[k].seq;
		}
	}
	assert_int_equal(s.marks[0].seq, 1);
	queue_state_free(&s);
}

/* --- many messages, at random, against a plain list --- */

#define MANY 3000

static void
random_entry(const struct rnd *r, struct queue_bucket_state *s, uint64_t seq)
{
	struct queue_op op = { .letter = "aaaaooxhgy"[rnd_below(r, 10)] };
	struct queue_rcpt rcpts[3] = { 0 };
	unsigned n = 1 + (unsigned)rnd_below(r, 3);

	if (s->n == 0)
		op.letter = 'a';
	if (op.letter == 'a') {
		r->fill(r->arg, &op.name.txid, sizeof(op.name.txid));
		op.m = (struct queue_message){ .txid = op.name.txid,
			.bytes = rnd_below(r, 1000),
			.arrived_s = 5,
			.from = STR("a@b"),
			.flags = (unsigned)rnd_below(r, 32),
			.rcpts = rcpts,
			.rcpt_n = n };
		for (unsigned i = 0; i < n; i++)
			rcpts[i].address = STR("c@d");
	} else {
		const struct queue_message *m =
		    queue_state_nth(s, (unsigned)rnd_below(r, s->n));

		op.name = (struct queue_name){ m->txid, m->ordinal };
		uidset_init(&op.places, arena);
		uidset_add(&op.places, n);
		op.state = (enum queue_state)rnd_below(r, 4);
		op.answer = STR("mx1: 250 fine");
		op.node = STR("n1");
	}
	queue_state_apply(s, &op, 1, seq);
}

static struct str
dump(const struct queue_bucket_state *s, uint64_t seq)
{
	struct buf b;

	buf_init(&b, arena, 64 << 20);
	queue_ckpt_write(&b, s, seq);
	assert_true(buf_ok(&b));
	return buf_str(&b);
}

static void
test_random(void **state)
{
	struct queue_bucket_state s, t;
	struct rnd_seeded seed;
	struct rnd r;
	uint64_t seq, got, bytes;

	(void)state;
	rnd_seed(&seed, 4);
	r = rnd_of_seeded(&seed);
	queue_state_init(&s, 5);
	for (seq = 1; seq <= MANY; seq++) {
		struct arena_mark mark = arena_mark(arena);
		struct str text;

		random_entry(&r, &s, seq);
		if (seq % 100 != 0)
			continue;
		bytes = 0;
		for (unsigned i = 0; i < s.n; i++) {
			struct queue_message *m = queue_state_nth(&s, i);
			struct queue_name name = { m->txid, m->ordinal };

			assert_ptr_equal(queue_state_find(&s, &name), m);
			bytes += m->bytes;
		}
		assert_int_equal(bytes, s.bytes);
		text = dump(&s, seq);
		queue_state_init(&t, 5);
		assert_null(queue_ckpt_load(arena, &t, text, &got));
		assert_int_equal(got, seq);
		assert_true(str_eq(dump(&t, seq), text));
		queue_state_free(&t);
		arena_rewind(arena, mark);
	}
	assert_true(s.n > 100);
	queue_state_free(&s);
}

/* --- damage --- */

static struct str
sealed(struct str in)
{
	struct buf b;

	buf_init(&b, arena, in.n + 8);
	buf_str_add(&b, str_sub(in, 0, in.n - 4));
	buf_le32(&b, crc32c(0, b.p, b.n));
	return buf_str(&b);
}

static void
test_damage(void **state)
{
	struct queue_bucket_state s, t;
	struct str text;
	uint64_t seq;
	unsigned bad = 0;

	(void)state;
	queue_state_init(&s, 5);
	apply(&s, 7, ADD);
	apply(&s, 8, "i,1000;h," M7 ";o," M7 ",1,W,,5,9,451,n,x");
	text = dump(&s, 9);
	for (size_t i = 0; i <= text.n; i++) {
		struct str cut = str_sub(text, 0, i);

		queue_state_init(&t, 5);
		assert_int_equal(err_code(
				     queue_ckpt_load(arena, &t, cut, &seq)),
		    i == text.n ? ERR_NONE : ERR_CORRUPT);
		queue_state_free(&t);
		if (i < 12 || i == text.n)
			continue;
		/* with a checksum that fits, but not enough behind it */
		queue_state_init(&t, 5);
		assert_int_equal(err_code(queue_ckpt_load(arena, &t,
				     sealed(cut), &seq)),
		    ERR_CORRUPT);
		assert_int_equal(t.n, 0);
		queue_state_free(&t);
	}
	for (size_t i = 0; i < text.n; i++) {
		char *p = arena_memdup(arena, text.p, text.n);
		struct err *e;

		p[i] ^= 0x80;
		queue_state_init(&t, 5);
		e = queue_ckpt_load(arena, &t, str_of(p, text.n), &seq);
		assert_non_null(e);
		assert_int_equal(err_code(e),
		    i == 7 ? ERR_FORMAT : ERR_CORRUPT);
		queue_state_free(&t);
		/* whoever passes the checksum is still looked at */
		queue_state_init(&t, 5);
		e = queue_ckpt_load(arena, &t, sealed(str_of(p, text.n)), &seq);
		bad += e != NULL;
		queue_state_free(&t);
	}
	assert_true(bad > 50);
	queue_state_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ops),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_dsns),
		cmocka_unit_test(test_tries),
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
