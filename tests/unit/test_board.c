/* test_board.c - the mapping of nodes: whole, whatever its writer does */
#include "server/cluster/board.h"

#include <stdio.h>

#include "base/clock.h"
#include "tests/unit/test.h"

/* How long a writer may take to get its turn, all of them together. */
#define WRITER_MS 60000

static struct board_view
view(unsigned i, uint64_t number)
{
	static char ids[BOARD_NODES + 50][NODE_ID_HEX + 1];
	struct board_view v = { .node = { .id = ids[i],
				    .life = NODE_ALIVE,
				    .read = true,
				    .moved = true,
				    .seq = number } };

	snprintf(ids[i], sizeof(ids[i]), "%016x", i + 1);
	for (unsigned k = 0; k < LEASE_COUNTERS; k++)
		v.node.info.counters[k] = number;
	return v;
}

static void
test_list(void **state)
{
	struct board *b = board_new();
	struct arena *a = arena_new(0);
	struct board_view in[2], *list, one;
	struct err bad = { ERR_CORRUPT, "cannot be read", NULL };
	unsigned left_out = 7;
	char longer[200];

	(void)state;
	assert_int_equal(board_list(NULL, a, 0, &list, &left_out), 0);
	assert_int_equal(left_out, 0);
	assert_int_equal(board_list(b, a, 0, &list, &left_out), 0);
	memset(longer, 'x', sizeof(longer));
	in[0] = view(0, 4);
	in[0].node.self = true;
	in[0].node.age_ms = 500;
	in[0].node.wall_s = 1800000000;
	memset(&in[0].node.session, 0xab, sizeof(in[0].node.session));
	in[0].node.info.name = STR("n1");
	in[0].node.info.version = STR("0.2");
	in[0].node.info.hint = str_of(longer, sizeof(longer));
	in[0].node.info.ready = LEASE_DRAINING;
	in[0].node.info.certificate = LEASE_CERT_SELF;
	in[0].node.info.cert_expires = 1900000000;
	in[0].node.info.sends = in[0].node.info.counted = true;
	in[0].node.info.sessions = 5;
	in[0].rated = true;
	in[0].rates[LEASE_LOGINS] = 2.5;
	in[1] = view(1, 5);
	in[1].node.read = in[1].node.moved = false;
	in[1].node.bad = &bad;
	board_put(b, 10000, in, 2, 3);
	assert_int_equal(board_list(b, a, 11000, &list, &left_out), 2);
	assert_int_equal(left_out, 3);
	assert_string_equal(list[0].node.id, "0000000000000001");
	assert_true(list[0].node.self && list[0].node.moved);
	assert_int_equal(list[0].node.life, NODE_ALIVE);
	assert_int_equal(list[0].node.age_ms, 1500);
	assert_int_equal(list[0].node.wall_s, 1800000000);
	assert_int_equal(list[0].node.seq, 4);
	assert_true(txid_eq(&list[0].node.session, &in[0].node.session));
	assert_true(str_eq_c(list[0].node.info.name, "n1"));
	assert_true(str_eq_c(list[0].node.info.version, "0.2"));
	assert_int_equal(list[0].node.info.hint.n, 64);
	assert_int_equal(list[0].node.info.ready, LEASE_DRAINING);
	assert_int_equal(list[0].node.info.certificate, LEASE_CERT_SELF);
	assert_int_equal(list[0].node.info.cert_expires, 1900000000);
	assert_true(list[0].node.info.sends && list[0].node.info.counted);
	assert_int_equal(list[0].node.info.sessions, 5);
	assert_int_equal(list[0].node.info.counters[LEASE_RELAYED], 4);
	assert_true(list[0].rated && list[0].rates[LEASE_LOGINS] == 2.5);
	assert_null(list[0].node.bad);
	assert_string_equal(list[1].node.bad->text, "cannot be read");
	assert_false(list[1].node.read);
	assert_true(board_find(b, a, 11000, STR("0000000000000002"), &one));
	assert_int_equal(one.node.seq, 5);
	assert_false(board_find(b, a, 11000, STR("0000000000000003"), &one));
	/* old signs of life are none: whoever wrote this may be dead */
	board_list(b, a, 10000 + BOARD_SILENT_MS, &list, &left_out);
	assert_false(list[0].node.moved || list[0].rated);
	arena_free(&a);
	board_free(&b);
}

static void
test_wanted(void **state)
{
	struct board *b = board_new();

	(void)state;
	assert_false(board_is_wanted(b, 1000));
	board_want(b, 1000);
	assert_true(board_is_wanted(b, 1000 + BOARD_WANTED_MS - 1));
	assert_false(board_is_wanted(b, 1000 + BOARD_WANTED_MS));
	board_want(NULL, 1000);
	board_free(&b);
}

static void
note(struct board *b, unsigned node, int64_t at_s)
{
	char id[NODE_ID_HEX + 1];
	struct board_sample s = { .at_s = at_s,
		.sessions = (uint32_t)at_s,
		.rated = 1,
		.rates = { [LEASE_LOGINS] = (float)at_s } };

	snprintf(id, sizeof(id), "%016x", node + 1);
	board_note(b, str_c(id), &s);
}

static unsigned
history(struct board *b, struct arena *a, unsigned node, int64_t now_s,
    struct board_sample **list_r)
{
	char id[NODE_ID_HEX + 1];

	snprintf(id, sizeof(id), "%016x", node + 1);
	return board_history(b, a, now_s, str_c(id), list_r);
}

static void
test_history(void **state)
{
	struct board *b = board_new();
	struct arena *a = arena_new(0);
	struct board_sample *s;
	int64_t at = 100000;

	(void)state;
	assert_int_equal(board_history(NULL, a, 0, STR("x"), &s), 0);
	assert_int_equal(board_history(b, a, 0, STR("x"), &s), 0);
	assert_int_equal(history(b, a, 0, at, &s), 0);
	for (unsigned i = 0; i < 3; i++)
		note(b, 0, at + i);
	assert_int_equal(history(b, a, 0, at, &s), 3);
	assert_int_equal(s[0].at_s, at);
	assert_int_equal(s[2].sessions, at + 2);
	assert_true(s[2].rates[LEASE_LOGINS] == (float)(at + 2));
	/* the hour before, no more */
	assert_int_equal(history(b, a, 0, at + 1 + BOARD_KEEP_S, &s), 2);
	assert_int_equal(s[0].at_s, at + 1);
	for (unsigned i = 3; i < 500; i++)
		note(b, 0, at + i);
	assert_int_equal(history(b, a, 0, at + 500, &s), BOARD_SAMPLES);
	assert_int_equal(s[0].at_s, at + 500 - BOARD_SAMPLES);
	assert_int_equal(s[BOARD_SAMPLES - 1].at_s, at + 499);
	/* more nodes than there is room for: the one noted longest ago goes */
	for (unsigned n = 1; n < BOARD_NODES; n++)
		note(b, n, at + 500 + n);
	assert_int_equal(history(b, a, 0, at + 500, &s), BOARD_SAMPLES);
	note(b, BOARD_NODES, at + 1000);
	assert_int_equal(history(b, a, 0, at + 500, &s), 0);
	assert_int_equal(history(b, a, BOARD_NODES, at + 1000, &s), 1);
	assert_int_equal(s[0].at_s, at + 1000);
	assert_int_equal(history(b, a, 1, at + 1000, &s), 1);
	arena_free(&a);
	board_free(&b);
}

noreturn_fn static void
writer(struct board *b)
{
	for (uint64_t number = 1;; number++) {
		struct board_view list[BOARD_NODES];
		unsigned n = 1 + (unsigned)(number % BOARD_NODES);

		for (unsigned i = 0; i < n; i++)
			list[i] = view(i, number);
		board_put(b, number, list, n, n);
		note(b, 0, (int64_t)number);
	}
}

static uint64_t
real_ms(void)
{
	return clock_system.boot_ms(clock_system.arg);
}

/* Killed wherever they are, one after the other: what is read is whole. */
static void
test_writers_die(void **state)
{
	struct board *b = board_new();
	struct arena *a = arena_new(0);
	uint64_t seen = 0, whole = 0, end = real_ms() + WRITER_MS;

	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		uint64_t before = whole;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			writer(b);
		/* not before it has had its turn */
		for (unsigned i = 0;
		     i < 300 || (whole == before && real_ms() < end); i++) {
			struct arena_mark mark = arena_mark(a);
			struct board_view *v;
			struct board_sample *s;
			unsigned n, left_out;

			n = board_list(b, a, 0, &v, &left_out);
			assert_int_equal(n, left_out);
			for (unsigned k = 0; k < n; k++) {
				assert_int_equal(v[k].node.seq, v[0].node.seq);
				for (unsigned c = 0; c < LEASE_COUNTERS; c++)
					assert_int_equal(v[k].node.info
							     .counters[c],
					    v[0].node.seq);
			}
			if (n > 0 && v[0].node.seq != seen)
				whole++;
			seen = n > 0 ? v[0].node.seq : seen;
			n = history(b, a, 0, 0, &s);
			for (unsigned k = 0; k < n; k++)
				assert_int_equal(s[k].sessions, s[k].at_s);
			arena_rewind(a, mark);
		}
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
	assert_true(whole >= 20);
	arena_free(&a);
	board_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_wanted),
		cmocka_unit_test(test_history),
		cmocka_unit_test(test_writers_die),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
