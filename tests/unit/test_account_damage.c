/* test_account_damage.c - accounts on a bad disk, and on a full one */
#include "account_words.h"

/* --- damage and rebuild --- */

static void
shell(struct arig *r, const char *cmd)
{
	char text[300];

	snprintf(text, sizeof(text), "cd '%s/accounts/ab/abcdef' && %s", r->dir,
	    cmd);
	assert_int_equal(system(text), 0);
}

static may_yield_unchecked struct account *
damaged(struct task *t, struct arig *r, struct account_check *c)
{
	struct account *a;

	*c = (struct account_check){ .deep = true };
	arig_crash(t, r, 0);
	assert_ok(account_open(t, r->node[0].ms, STR("abcdef"), &a));
	assert_ok(account_check(t, a, c));
	return a;
}

/* Files that are gone, cut off, or nobody's: one entry puts it right. */
ARIG_CASE(test_rebuild_files)
{
	struct account *a = create(t, r, 0, "abcdef"), *b;
	struct account_rebuild rb = { .young = true };
	struct account_check c;
	struct message_place p;
	char name[MESSAGE_NAME_MAX + 1];
	struct str bytes;

	for (unsigned i = 1; i <= 5; i++)
		p = arig_deliver(t, a, "INBOX", i);
	b = other(t, r, 1, "abcdef");
	message_name_format(&p.name, name);
	shell(r, arena_printf(task_arena(t),
		     "cp msg/*/%s msg/202501-x; mkdir msg/202501; "
		     "mv msg/202501-x msg/202501/" HEX32 "-4; rm msg/202511/%s",
		     name, name));
	message_name_format(&message_by_uid(a, 1, 2, NULL)->name, name);
	shell(r, arena_printf(task_arena(t), "truncate -s 10 msg/*/%s", name));
	/* a damaged message errors, the rest works */
	assert_err(message_read_all(t, a, 1, 5, 1 << 20, task_arena(t), &bytes),
	    ERR_CORRUPT);
	assert_err(message_read_all(t, a, 1, 2, 1 << 20, task_arena(t), &bytes),
	    ERR_CORRUPT);
	assert_ok(message_read_all(t, a, 1, 1, 1 << 20, task_arena(t), &bytes));
	account_close(&a);
	a = damaged(t, r, &c);
	assert_int_equal(c.fatal_r, 2);
	assert_int_equal(c.orphans_r, 1);
	account_close(&a);
	assert_ok(account_rebuild(t, r->node[0].ms, STR("abcdef"), &rb));
	assert_int_equal(rb.lost_r, 2);
	assert_int_equal(rb.kept_r, 3);
	assert_int_equal(rb.recovered_r, 1);
	assert_false(rb.uidvalidity_changed_r);
	assert_ok(account_refresh(t, b));
	assert_string_equal(show(t, b, "INBOX"), "1 3 4");
	assert_string_equal(show(t, b, "Recovered"), "1");
	arig_check(t, b);
	/* nothing left to do */
	assert_ok(account_rebuild(t, r->node[0].ms, STR("abcdef"), &rb));
	assert_int_equal(rb.lost_r + rb.recovered_r, 0);
	assert_int_equal(rb.kept_r, 4);
	account_close(&b);
}

/* What may happen to a journal, and how much of it can be said afterwards. */
static const struct {
	const char *what;
	bool folders, flags; /* survive */
} damages[] = {
	{ "ln -sfn garbage log/0000000000000009", true, true },
	{ "rm log/0000000000000008 log/0000000000000009", true, true },
	{ "ln -sfn garbage log/$(ls log | tail -1)", true, true },
	{ "rm -r ckpt && mkdir ckpt && rm -f log/000000000000000[1-5]", true,
	    true },
	{ "for f in ckpt/*; do ln -sfn garbage $f; done", true, true },
	{ "for f in seg/*.head; do printf x >$f; done", true, true },
	{ "rm -rf ckpt log seg", false, false },
	{ "rm -rf log", true, false },
	{ "rm -rf log/*", true, false },
};

ARIG_CASE(test_rebuild_journal)
{
	log_set_level(LOG_ALARM_ + 1);
	for (size_t i = 0; i < countof(damages); i++) {
		struct account *a, *b;
		struct account_rebuild rb = { .young = true };
		struct account_maintain m = { .force = true };
		struct message_target tg = { 0 };
		uint32_t validity, n = 0;
		struct err *e;

		a = create(t, r, 0, "abcdef");
		b = other(t, r, 1, "abcdef");
		for (unsigned j = 1; j <= 4; j++)
			arig_deliver(t, a, "Junk", j);
		assert_ok(account_maintain(t, a, &m));
		for (unsigned j = 1; j <= 4; j++)
			arig_deliver(t, a, "INBOX", j);
		store(t, a, "2", MESSAGE_STORE_ADD, MESSAGE_SEEN, NULL);
		assert_ok(account_refresh(t, b));
		validity = folder_by_id(a, 1)->uidvalidity;
		account_close(&a);
		arig_crash(t, r, 0);
		shell(r, damages[i].what);
		e = account_rebuild(t, r->node[0].ms, STR("abcdef"), &rb);
		if (e != NULL)
			fail_msg("%s: %s", damages[i].what, e->text);
		a = other(t, r, 0, "abcdef");
		assert_true(folder_by_id(a, 1)->uidvalidity >= validity);
		assert_int_equal(account_messages(a), 8);
		for (unsigned j = 0; j < folder_count(a); j++)
			n += folder_nth(a, j)->messages;
		assert_int_equal(n, 8);
		if (damages[i].folders)
			assert_int_equal(folder_by_name(a, STR("Junk"))
					     ->messages,
			    4);
		assert_int_equal(account_bytes(a) > 1000, 1);
		arig_deliver(t, a, "INBOX", 9);
		arig_check(t, a);
		/* the other node, which knew the old history, follows; at once
		 * or when it is told that its handles are gone */
		tg.acc = b;
		e = message_deliver(t, arig_message(t, 10, 10), &tg, 1);
		if (e != NULL || tg.err_r != NULL) {
			account_close(&b);
			arig_crash(t, r, 1);
			b = other(t, r, 1, "abcdef");
			arig_deliver(t, b, "INBOX", 10);
		}
		assert_ok(account_refresh(t, a));
		assert_ok(account_refresh(t, b));
		assert_string_equal(show(t, a, "INBOX"), show(t, b, "INBOX"));
		arig_check(t, b);
		assert_int_equal(account_messages(b), 10);
		assert_ok(account_shut(t, a));
		account_close(&a);
		account_close(&b);
		assert_ok(account_purge(t, r->node[0].ms, STR("abcdef")));
		arig_crash(t, r, 0);
		arig_crash(t, r, 1);
	}
	log_set_level(LOG_ERROR_);
}

/* --- a full disk --- */

/* Deliveries fail for the time being; removing works, with the ballast. */
ARIG_CASE(test_full)
{
	struct account *a = create(t, r, 0, "abcdef");
	struct message_target tg = { .acc = a };
	struct uidset all = uids(t, "1:1000");
	struct share_attr attr;
	struct err *e;
	struct share_fault_rule full = { .proc = SHARE_SYMLINK,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = 3,
		.kind = SHARE_FAULT_BEFORE,
		.code = ERR_NOSPC };

	arig_deliver(t, a, "INBOX", 1);
	/* made only where there is ten times as much */
	assert_ok(mailstore_ballast_ensure(t, r->node[0].ms));
	e = share_walk(t, r->node[0].share, SHARE_LANE_ADMIN, STR("ballast"),
	    NULL, &attr);
	if (e == NULL)
		assert_int_equal(attr.size, MAILSTORE_BALLAST_BYTES);
	else
		shell(r, "printf x >../../../ballast");
	share_fault_set(r->node[0].fault, &full, 1);
	assert_ok(message_deliver(t, arig_message(t, 2, 10), &tg, 1));
	assert_err(tg.err_r, ERR_NOSPC);
	assert_int_equal(account_messages(a), 1);
	assert_ok(share_walk(t, r->node[0].share, SHARE_LANE_ADMIN,
	    STR("ballast"), NULL, NULL));
	share_fault_set(r->node[0].fault, &full, 1);
	assert_ok(message_expunge(t, a, ACCOUNT_INBOX, &all, false, NULL));
	assert_err(share_walk(t, r->node[0].share, SHARE_LANE_ADMIN,
		       STR("ballast"), NULL, NULL),
	    ERR_NOENT);
	assert_int_equal(account_messages(a), 0);
	share_fault_set(r->node[0].fault, NULL, 0);
	arig_check(t, a);
	account_close(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ARIG_TEST(test_rebuild_files),
		ARIG_TEST(test_rebuild_journal),
		ARIG_TEST(test_full),
	};

	log_set_level(LOG_ERROR_);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
