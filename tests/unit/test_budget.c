/* test_budget.c - how many calls an action may take (DESIGN 12) */
#include "account_rig.h"

#include "storage/account_private.h"

/*
 * Counted by the wrapper between journal and share, directory handles warm,
 * profile `reply`.  A number may fall (then it is written into DESIGN), never
 * rise.
 */
static void
count(struct arig *r, unsigned node)
{
	/* as over a wire: what is sent together ends together */
	static const struct share_fault_rule wire = { .proc =
							  SHARE_FAULT_ANY_PROC,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = SHARE_FAULT_ALWAYS,
		.kind = SHARE_FAULT_DELAY,
		.delay_ms = 1 };

	share_fault_set(r->node[node].fault, &wire, 1);
	share_count_reset(r->node[node].share);
}

#define counted(r, node, name, trips, calls)                                   \
	counted_at((r), (node), (name), (trips), (calls), __FILE__, __LINE__)
static void
counted_at(struct arig *r, unsigned node, const char *name, unsigned trips,
    unsigned calls, const char *file, int line)
{
	struct share_counts c;
	char by[400];
	size_t n = 0;

	share_count_get(r->node[node].share, &c);
	by[0] = '\0';
	for (unsigned i = 0; i < SHARE_PROCS; i++)
		if (c.calls[i] > 0)
			n += (size_t)snprintf(by + n, sizeof(by) - n,
			    " %s %llu", share_proc_name(i),
			    (unsigned long long)c.calls[i]);
	print_message("%-28s %2u of %2u trips, %3llu of %3u calls:%s\n", name,
	    c.serial, trips, (unsigned long long)c.total, calls, by);
	share_fault_set(r->node[node].fault, NULL, 0);
	if (c.serial > trips || c.total > calls) {
		print_error("%s:%d: over budget: %s\n", file, line, name);
		_fail(file, line);
	}
}

static may_yield_unchecked struct account *
create(struct task *t, struct arig *r, unsigned node, const char *id)
{
	struct account *acc;
	bool made;

	assert_ok(account_create(t, r->node[node].ms, str_c(id), &made, &acc));
	return acc;
}

static may_yield_unchecked void
warm(struct task *t, struct arig *r, unsigned node)
{
	struct account *acc;
	struct err *e;

	/* accounts/ab and nothing of the account itself */
	e = account_open(t, r->node[node].ms, STR("abnone"), &acc);
	assert_err(e, ERR_NOTFOUND);
}

ARIG_CASE(test_deliver)
{
	struct account *a = create(t, r, 0, "abcdef"), *b, *many[12];
	struct message_target tg[12] = { 0 };

	arig_deliver(t, a, "INBOX", 1);
	count(r, 0);
	arig_deliver(t, a, "INBOX", 2);
	counted(r, 0, "deliver, one recipient", 4, 5);

	warm(t, r, 1);
	count(r, 1);
	assert_ok(account_open_blind(t, r->node[1].ms, STR("abcdef"), &b));
	arig_deliver(t, b, "INBOX", 3);
	counted(r, 1, "deliver, cold account", 9, 14);
	assert_false(account_is_loaded(b));
	account_close(&b);

	for (unsigned i = 0; i < 12; i++) {
		many[i] =
		    create(t, r, 0, arena_printf(task_arena(t), "ab%u", i));
		arig_deliver(t, many[i], "INBOX", 1);
		tg[i].acc = many[i];
	}
	count(r, 0);
	assert_ok(message_deliver(t, arig_message(t, 1, 100), tg, 12));
	counted(r, 0, "deliver, 12 recipients", 5, 2 + 4 * 12);
	for (unsigned i = 0; i < 12; i++) {
		assert_ok(tg[i].err_r);
		account_close(&many[i]);
	}
	account_close(&a);
}

ARIG_CASE(test_store)
{
	struct account *a = create(t, r, 0, "abcdef");
	struct message_store s = { .mode = MESSAGE_STORE_ADD,
		.flags = MESSAGE_SEEN,
		.unchanged_since = UINT64_MAX };
	struct message_moved m;
	struct uidset set;
	char byte;
	struct message_file f;
	uint32_t n;

	for (unsigned i = 1; i <= 200; i++)
		arig_deliver(t, a, "INBOX", i);
	uidset_init(&set, task_arena(t));
	uidset_add_range(&set, 1, 200);
	count(r, 0);
	assert_ok(message_store_flags(t, a, 1, &set, &s));
	counted(r, 0, "STORE, 200 messages", 2, 3);
	count(r, 0);
	assert_ok(message_move(t, a, 1, &set, 4, &m));
	counted(r, 0, "MOVE, 200 messages", 2, 3);
	/* the first look after a commit may ask for checkpoints too, where
	 * SYMLINK does not tell the directory's attributes */
	assert_ok(account_refresh(t, a));
	count(r, 0);
	assert_ok(account_refresh(t, a));
	counted(r, 0, "SELECT, cached", 1, 1);
	count(r, 0);
	assert_ok(message_file_open(t, a, 4, 7, &f));
	assert_ok(message_file_read(t, a, &f, 0, &byte, 1, &n));
	counted(r, 0, "FETCH one body", 2, 2);
	count(r, 0);
	assert_ok(message_expunge(t, a, 4, &set, false, NULL));
	counted(r, 0, "EXPUNGE, 200 messages", 2, 3);
	account_close(&a);
}

ARIG_CASE(test_fetch)
{
	struct account *a = create(t, r, 0, "abcdef"), *b;
	struct account_maintain m = { .force = true };
	struct str *packs = arena_array(task_arena(t), 1000, sizeof(*packs));
	uint32_t uids[1000];

	for (unsigned i = 1; i <= 1000; i++) {
		struct arena_mark mark = arena_mark(task_arena(t));

		uids[i - 1] = i;
		arig_deliver(t, a, "INBOX", i);
		if (i % 250 == 0)
			assert_ok(account_maintain(t, a, &m));
		arena_rewind(task_arena(t), mark);
	}
	assert_ok(account_open(t, r->node[1].ms, STR("abcdef"), &b));
	count(r, 1);
	assert_ok(message_envelopes(t, b, 1, uids, 1000, task_arena(t), packs));
	counted(r, 1, "FETCH 1000 envelopes", 2, 2);
	for (unsigned i = 0; i < 1000; i++)
		assert_true(packs[i].n > 0);
	account_close(&a);
	account_close(&b);
}

/* 100,000 rows, put in as an administrator's import would not: by a few long
 * entries, whose files do not exist. */
struct huge {
	unsigned from;
};

static struct err *
huge_compose(struct task *t, struct account_tx *x, struct buf *ops)
{
	struct huge *h = x->arg;

	(void)t;
	for (unsigned i = 0; i < 10000; i++) {
		struct account_op op = {
			.letter = 'a',
			.folder = ACCOUNT_INBOX,
			.bytes = 10000 + i,
			.time = 1763757888 + i,
			.flags = i % 3 == 0 ? MESSAGE_SEEN : 0,
			.name = { .ordinal = (uint16_t)i, .month = 670 },
		};

		account_op_write(ops, &op);
	}
	h->from += 10000;
	return NULL;
}

/* The checkpoint would read the messages that have no envelope data yet: there
 * are none to read, which takes calls but not here. */
ARIG_CASE(test_select)
{
	struct account *a = create(t, r, 0, "abcdef"), *b;
	struct account_maintain m = { .force = true };
	struct huge h = { 0 };

	for (unsigned i = 0; i < 10; i++) {
		struct account_tx x;

		account_tx_init(t, a, &x);
		x.compose = huge_compose;
		x.arg = &h;
		assert_ok(account_commit(t, &x));
	}
	assert_ok(folder_subscribe(t, a, STR("x"), true));
	assert_ok(account_maintain(t, a, &m));
	assert_int_equal(folder_by_id(a, 1)->messages, 100000);
	assert_ok(account_open_blind(t, r->node[1].ms, STR("abcdef"), &b));
	account_settle(t, b);
	count(r, 1);
	assert_ok(account_refresh(t, b));
	/*
	 * 12: READDIR(ckpt), the checkpoint's READLINK, LOOKUPs of the segments
	 * head, rows and txid, seven READs (five for 5.2 MB of rows).  The
	 * tail, 4 here: READDIR(log), LOOKUP and READLINK of the newest entry,
	 * and READDIR(ckpt) again for the reader's rule.
	 */
	counted(r, 1, "SELECT, cold, 100000", 6, 12 + 4);
	assert_int_equal(folder_by_id(b, 1)->messages, 100000);
	account_close(&b);
	account_close(&a);
}

/* A field whose last word is known at the end: "room" bytes of it are kept. */
static may_yield_unchecked void
deliver_filled(struct task *t, struct account *acc, struct str body, bool fill)
{
	static const char room[] = "Result: none yet\r\n",
			  last[] = "Result: it passed"
				   "\r\n";
	const struct str top = STR("X-Top: a\r\n"),
			 rest = STR("Subject: behind it\r\n\r\n");
	struct message_target tg = { .acc = acc };
	struct message_writer *w;
	struct str got, pack;
	uint32_t uid;
	uint64_t place;

	assert_ok(message_writer_begin(t, acc, NULL, &w));
	assert_ok(message_writer_add(t, w, top.p, top.n));
	if (fill)
		assert_ok(message_writer_reserve(t, w, strlen(last), &place));
	else
		assert_ok(message_writer_add(t, w, room, strlen(room)));
	assert_ok(message_writer_add(t, w, rest.p, rest.n));
	assert_ok(message_writer_add(t, w, body.p, body.n));
	if (fill)
		assert_ok(message_writer_fill(t, w, place, str_c(last)));
	assert_ok(message_writer_commit(t, &w, &tg, 1));
	assert_ok(tg.err_r);
	uid = tg.place_r.uid;
	if (!fill)
		return;
	assert_ok(
	    message_read_all(t, acc, 1, uid, 2 << 20, task_arena(t), &got));
	assert_true(
	    str_starts(got, STR("X-Top: a\r\nResult: it passed\r\nSubject: "
				"behind it\r\n\r\n")));
	assert_true(str_ends(got, body));
	assert_ok(message_envelopes(t, acc, 1, &uid, 1, task_arena(t), &pack));
	assert_non_null(memmem(pack.p, pack.n, "Subject: behind it\r\n", 20));
}

ARIG_CASE(test_fill)
{
	struct account *a = create(t, r, 0, "abcdef");
	char *big = arena_alloc(task_arena(t), 700000);
	struct share_counts plain, filled;

	memset(big, 'x', 700000);
	deliver_filled(t, a, STR("y\r\n"), false);
	count(r, 0);
	deliver_filled(t, a, STR("y\r\n"), false);
	share_count_get(r->node[0].share, &plain);
	count(r, 0);
	deliver_filled(t, a, STR("y\r\n"), true);
	share_count_get(r->node[0].share, &filled);
	assert_int_equal(filled.calls[SHARE_WRITE], plain.calls[SHARE_WRITE]);
	count(r, 0);
	deliver_filled(t, a, str_of(big, 700000), false);
	share_count_get(r->node[0].share, &plain);
	count(r, 0);
	deliver_filled(t, a, str_of(big, 700000), true);
	share_count_get(r->node[0].share, &filled);
	assert_int_equal(filled.calls[SHARE_WRITE], plain.calls[SHARE_WRITE]);
	share_fault_set(r->node[0].fault, NULL, 0);
	account_close(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ARIG_TEST(test_deliver),
		ARIG_TEST(test_store),
		ARIG_TEST(test_fetch),
		ARIG_TEST(test_select),
		ARIG_TEST(test_fill),
	};

	log_set_level(LOG_ERROR_);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
