/* test_imap_fault.c - message commands while the share goes wrong */
#include "imap_rig.h"

#include "server/imap/imap_file.h"

#define LARGE 300000 /* several windows of a file */

/* Deliver three: small, large, small. */
static may_yield_unchecked struct account *
three(struct task *t, struct arig *r)
{
	struct account *a;
	bool made;

	assert_ok(account_create(t, r->node[0].ms, STR("abcdef"), &made, &a));
	for (unsigned i = 0; i < 3; i++) {
		struct message_target tg = { .acc = a };

		assert_ok(message_deliver(t,
		    arig_message(t, i, i == 1 ? LARGE : 500), &tg, 1));
		assert_ok(tg.err_r);
	}
	select_inbox(t, a);
	return a;
}

/* Whole answers "* n FETCH (...)", each literal as long as announced: how many;
 * *cut_r: the last one is not whole. */
static unsigned
answers(bool *cut_r)
{
	struct str rest = buf_str(&said);
	unsigned n = 0;

	*cut_r = false;
	while (rest.n > 0) {
		size_t at = 0;

		for (;;) {
			struct str line;
			const char *lf = memchr(rest.p + at, '\n', rest.n - at);
			const char *open;
			size_t from = at;

			if (lf == NULL) {
				*cut_r = true;
				return n;
			}
			at = (size_t)(lf - rest.p) + 1;
			line = str_sub(rest, from, at - from);
			open = memrchr(line.p, '{', line.n);
			if (!str_ends(line, STR("}\r\n")) || open == NULL)
				break;
			at += strtoul(open + 1, NULL, 10);
			if (at >= rest.n) {
				*cut_r = true;
				return n;
			}
		}
		assert_true(str_starts(rest, STR("* ")));
		assert_true(str_ends(str_sub(rest, 0, at), STR(")\r\n")));
		rest = str_sub(rest, at, rest.n);
		n++;
	}
	return n;
}

/* From the nth call of FETCH on, `times` fail.  A short literal never comes
 * without the end of the connection; what is told is whole. */
static may_yield_unchecked unsigned
fetch_fails(struct task *t, struct arig *r, enum err_code code, uint32_t times)
{
	struct account *a = three(t, r);
	struct share_fault_rule rule = { .proc = SHARE_FAULT_ANY_PROC,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = times,
		.kind = SHARE_FAULT_BEFORE,
		.code = code };
	unsigned calls, ends = 0, n;
	struct err *e;
	bool cut;

	share_fault_set(r->node[0].fault, NULL, 0);
	assert_ok(run(t, &cmd_fetch, " 1:* (UID BODY.PEEK[])"));
	calls = share_fault_calls(r->node[0].fault);
	assert_true(calls >= 8);
	assert_int_equal(answers(&cut), 3);
	assert_false(cut);
	for (rule.nth = 1; rule.nth <= calls; rule.nth++) {
		share_fault_set(r->node[0].fault, &rule, 1);
		e = run(t, &cmd_fetch, " 1:* (UID BODY.PEEK[])");
		assert_true(share_fault_hits(r->node[0].fault, 0) > 0);
		n = answers(&cut);
		assert_true(cut == ended);
		/* told all, or said no */
		assert_true(e != NULL || n == 3);
		assert_true(!cut || e != NULL);
		ends += ended;
	}
	share_fault_set(r->node[0].fault, NULL, 0);
	account_close(&a);
	return ends;
}

ARIG_CASE(test_fetch_once)
{
	/* tried again */
	assert_int_equal(fetch_fails(t, r, ERR_IO, 1), 0);
}

ARIG_CASE(test_fetch_io)
{
	/* the large one is read in five pieces: all but the first */
	assert_int_equal(fetch_fails(t, r, ERR_IO, SHARE_FAULT_ALWAYS), 4);
}

ARIG_CASE(test_fetch_unavailable)
{
	assert_int_equal(fetch_fails(t, r, ERR_UNAVAIL, SHARE_FAULT_ALWAYS), 4);
}

/* Nothing can be written: reading goes on, unseen. */
ARIG_CASE(test_seen_on_a_full_share)
{
	struct account *a = three(t, r);
	struct share_fault_rule rule = { .proc = SHARE_SYMLINK,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = SHARE_FAULT_ALWAYS,
		.kind = SHARE_FAULT_BEFORE,
		.code = ERR_NOSPC };
	bool cut;

	share_fault_set(r->node[0].fault, &rule, 1);
	assert_ok(run(t, &cmd_fetch, " 1 BODY[TEXT]"));
	assert_int_equal(answers(&cut), 1);
	assert_null(strstr(buf_cstr(&said), "FLAGS"));
	assert_non_null(run(t, &cmd_store, " 1 +FLAGS (\\Seen)"));
	assert_int_equal(said.n, 0);
	share_fault_set(r->node[0].fault, NULL, 0);
	assert_ok(run(t, &cmd_fetch, " 1 BODY[TEXT]"));
	assert_non_null(strstr(buf_cstr(&said), "FLAGS (\\Seen)"));
	account_close(&a);
}

/* SEARCH says NO when the share is away, not that there is nothing. */
ARIG_CASE(test_search_unavailable)
{
	struct account *a = three(t, r);
	struct share_fault_rule rule = { .proc = SHARE_READ,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = SHARE_FAULT_ALWAYS,
		.kind = SHARE_FAULT_BEFORE,
		.code = ERR_UNAVAIL };

	share_fault_set(r->node[0].fault, &rule, 1);
	assert_err(run(t, &cmd_search, " BODY 0123456789"), ERR_UNAVAIL);
	assert_int_equal(said.n, 0);
	assert_ok(run(t, &cmd_search, " LARGER 1000"));
	assert_string_equal(buf_cstr(&said), "* SEARCH 2\r\n");
	share_fault_set(r->node[0].fault, NULL, 0);
	assert_ok(run(t, &cmd_search, " BODY 0123456789"));
	assert_string_equal(buf_cstr(&said), "* SEARCH 1 2 3\r\n");
	account_close(&a);
}

/* The client is at the mercy of its own view: what another session removed is
 * told whole from its tombstone. */
ARIG_CASE(test_many_tombstones)
{
	struct account *a = three(t, r);
	struct uidset all;
	bool cut;

	uidset_init(&all, task_arena(t));
	uidset_add_range(&all, 1, 3);
	assert_ok(message_expunge(t, a, ACCOUNT_INBOX, &all, false, NULL));
	assert_ok(run(t, &cmd_fetch, " 1:3 (UID FLAGS ENVELOPE BODY.PEEK[])"));
	assert_int_equal(answers(&cut), 3);
	assert_err(run(t, &cmd_store, " 1 FLAGS (\\Seen)"), ERR_NOTFOUND);
	assert_ok(run(t, &cmd_store, " 1 FLAGS.SILENT (\\Seen)"));
	assert_ok(run(t, &cmd_search, " ALL"));
	assert_string_equal(buf_cstr(&said), "* SEARCH\r\n");
	account_close(&a);
}

/* A message whose header has so many bytes. */
static struct str
long_header(struct task *t, size_t bytes)
{
	struct buf b;

	buf_init(&b, task_arena(t), 1 << 20);
	while (b.n + 200 < bytes)
		buf_fmt(&b, "X-%zu: %060d\r\n", b.n, 7);
	buf_c(&b, "X-Last: ");
	while (b.n + 4 < bytes)
		buf_char(&b, 'x');
	buf_c(&b, "\r\n\r\nthe text");
	return buf_str(&b);
}

/* Without a pack the end of a header is looked for in the file, wherever the
 * window cuts it. */
ARIG_CASE(test_header_end)
{
	struct account *a;
	struct uidset all;
	uint32_t uid = 0;
	bool made, cut;

	assert_ok(account_create(t, r->node[0].ms, STR("abcdef"), &made, &a));
	for (size_t n = IMAP_FILE_WINDOW - 14; n < IMAP_FILE_WINDOW + 6; n++) {
		struct message_target tg = { .acc = a };

		assert_ok(message_deliver(t, long_header(t, n), &tg, 1));
		assert_ok(tg.err_r);
	}
	select_inbox(t, a);
	uidset_init(&all, task_arena(t));
	uidset_add_range(&all, 1, 20);
	assert_ok(message_expunge(t, a, ACCOUNT_INBOX, &all, false, NULL));
	for (size_t n = IMAP_FILE_WINDOW - 14; n < IMAP_FILE_WINDOW + 6; n++) {
		char args[100], want[200];

		snprintf(args, sizeof(args),
		    " %u (UID BODY.PEEK[TEXT] BODY.PEEK[HEADER]<%zu.9>)", ++uid,
		    n - 6);
		snprintf(want, sizeof(want),
		    "* %u FETCH (UID %u BODY[TEXT] {8}\r\nthe text "
		    "BODY[HEADER]<%zu> {6}\r\nxx\r\n\r\n)\r\n",
		    uid, uid, n - 6);
		assert_ok(run(t, &cmd_fetch, args));
		assert_int_equal(answers(&cut), 1);
		assert_string_equal(buf_cstr(&said), want);
	}
	account_close(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ARIG_TEST(test_fetch_once),
		ARIG_TEST(test_fetch_io),
		ARIG_TEST(test_fetch_unavailable),
		ARIG_TEST(test_seen_on_a_full_share),
		ARIG_TEST(test_search_unavailable),
		ARIG_TEST(test_many_tombstones),
		ARIG_TEST(test_header_end),
	};
	int failed;

	/* what goes wrong here is logged */
	log_set_level(LOG_ALARM_);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	buf_free(&said);
	return failed;
}
