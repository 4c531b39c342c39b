/* test_account.c - accounts, folders and messages, from two nodes */
#include "account_words.h"

#include <time.h>

#include "storage/account_private.h"

/* --- creating and opening --- */

ARIG_CASE(test_create)
{
	struct account *a, *b, *x;
	bool made;

	a = create(t, r, 0, "abcdef");
	assert_int_equal(folder_count(a), 6);
	assert_int_equal(account_head(a), 1);
	assert_string_equal(folder_use_name(
				folder_by_name(a, STR("Junk"))->use),
	    "\\Junk");
	assert_ptr_equal(folder_by_name(a, STR("inBox")),
	    folder_by_id(a, ACCOUNT_INBOX));
	assert_true(folder_by_id(a, ACCOUNT_INBOX)->subscribed);
	/* again, from the other node too: nothing */
	assert_ok(account_create(t, r->node[1].ms, STR("abcdef"), &made, &b));
	assert_false(made);
	assert_int_equal(account_head(b), 1);
	assert_int_equal(folder_by_use(a, FOLDER_USE_SENT)->uidvalidity,
	    folder_by_use(b, FOLDER_USE_SENT)->uidvalidity);
	assert_ok(account_open(t, r->node[0].ms, STR("abcdef"), &x));
	assert_ptr_equal(x, a);
	account_close(&x);
	assert_err(account_open(t, r->node[0].ms, STR("abnone"), &x),
	    ERR_NOTFOUND);
	assert_err(account_open_blind(t, r->node[0].ms, STR("zznone"), &x),
	    ERR_NOTFOUND);
	assert_err(account_open(t, r->node[0].ms, STR("../etc"), &x),
	    ERR_INVALID);
	arig_check(t, a);
	account_close(&a);
	account_close(&b);
	arig_assert_quiet(r);
}

/* Every call of creating may be lost: what is repeated in the end is there. */
ARIG_CASE(test_create_lost)
{
	for (uint32_t nth = 1; nth < 40; nth++) {
		struct share_fault_rule rule = { .proc = SHARE_FAULT_ANY_PROC,
			.lane = SHARE_FAULT_ANY_LANE,
			.nth = nth,
			.kind = nth % 2 ? SHARE_FAULT_LOST : SHARE_FAULT_BEFORE,
			.code = ERR_UNKNOWN };
		const char *id = arena_printf(task_arena(t), "ab%u", nth);
		struct account *acc;
		struct err *e = NULL;
		bool made;

		share_fault_set(r->node[0].fault, &rule, 1);
		for (unsigned i = 0; i < 5; i++) {
			e = account_create(t, r->node[0].ms, str_c(id), &made,
			    &acc);
			if (e == NULL)
				break;
		}
		share_fault_set(r->node[0].fault, NULL, 0);
		assert_ok(e);
		assert_int_equal(folder_count(acc), 6);
		account_close(&acc);
	}
}

/* --- messages --- */

ARIG_CASE(test_deliver)
{
	struct account *a = create(t, r, 0, "abcdef");
	struct account *b = other(t, r, 1, "abcdef");
	struct message_place p, q;
	struct str bytes;

	p = arig_deliver(t, a, "INBOX", 1);
	assert_int_equal(p.uid, 1);
	assert_int_equal(p.folder, ACCOUNT_INBOX);
	assert_int_equal(p.uidvalidity, folder_by_id(a, 1)->uidvalidity);
	q = arig_deliver(t, b, "Sent", 2);
	assert_int_equal(q.uid, 1);
	p = arig_deliver(t, a, "", 3);
	assert_int_equal(p.uid, 2);
	assert_ok(account_refresh(t, b));
	assert_string_equal(show(t, b, "INBOX"), "1 2");
	assert_string_equal(show(t, b, "Sent"), "1");
	assert_int_equal(account_messages(b), 3);
	assert_ok(message_read_all(t, b, ACCOUNT_INBOX, 2, 1 << 20,
	    task_arena(t), &bytes));
	assert_true(str_eq(bytes, arig_message(t, 3, 300)));
	assert_err(message_read_all(t, b, ACCOUNT_INBOX, 3, 1 << 20,
		       task_arena(t), &bytes),
	    ERR_NOTFOUND);
	arig_check(t, a);
	arig_check(t, b);
	account_close(&a);
	account_close(&b);
	arig_assert_quiet(r);
}

/* In pieces, over two writes and more. */
ARIG_CASE(test_deliver_long)
{
	struct account *a = create(t, r, 0, "abcdef");
	struct str text = arig_message(t, 1, 1500000), got;
	struct message_target tg = { .acc = a, .flags = MESSAGE_SEEN };
	struct message_writer *w;
	struct message_file f;
	char part[100];
	uint32_t n;

	assert_ok(message_writer_begin(t, a, NULL, &w));
	for (size_t at = 0; at < text.n; at += 10007) {
		struct str piece = str_sub(text, at, 10007);

		assert_ok(message_writer_add(t, w, piece.p, piece.n));
	}
	assert_int_equal(message_writer_bytes(w), text.n);
	assert_ok(message_writer_commit(t, &w, &tg, 1));
	assert_null(w);
	assert_ok(tg.err_r);
	assert_ok(message_read_all(t, a, 1, 1, 2 << 20, task_arena(t), &got));
	assert_true(str_eq(got, text));
	assert_err(message_read_all(t, a, 1, 1, 1000, task_arena(t), &got),
	    ERR_LIMIT);
	assert_ok(message_file_open(t, a, 1, 1, &f));
	assert_ok(message_file_read(t, a, &f, 1400000, part, 100, &n));
	assert_int_equal(n, 100);
	assert_memory_equal(part, text.p + 1400000, 100);
	assert_ok(message_file_read(t, a, &f, text.n - 7, part, 100, &n));
	assert_int_equal(n, 7);
	assert_ok(message_file_read(t, a, &f, text.n + 7, part, 100, &n));
	assert_int_equal(n, 0);
	/* aborted: nothing is left */
	assert_ok(message_writer_begin(t, a, NULL, &w));
	assert_ok(message_writer_add(t, w, text.p, text.n));
	message_writer_abort(t, &w);
	assert_string_equal(show(t, a, "INBOX"), "1S");
	arig_check(t, a);
	account_close(&a);
}

ARIG_CASE(test_deliver_many)
{
	struct account *a[5];
	struct message_target tg[5] = { 0 };
	struct str bytes;

	for (unsigned i = 0; i < 5; i++) {
		a[i] = create(t, r, 0, arena_printf(task_arena(t), "ab%u", i));
		tg[i].acc = a[i];
	}
	tg[2].folder = STR("Nowhere");
	tg[3].folder = STR("Junk");
	assert_ok(account_shut(t, a[4]));
	assert_ok(message_deliver(t, arig_message(t, 9, 100), tg, 5));
	assert_ok(tg[0].err_r);
	assert_ok(tg[1].err_r);
	assert_err(tg[2].err_r, ERR_NOTFOUND);
	assert_ok(tg[3].err_r);
	assert_err(tg[4].err_r, ERR_CLOSED);
	assert_ok(message_read_all(t, a[3], tg[3].place_r.folder, 1, 1 << 20,
	    task_arena(t), &bytes));
	assert_true(str_eq(bytes, arig_message(t, 9, 100)));
	for (unsigned i = 0; i < 5; i++) {
		struct account_check c = { .deep = true };

		/* what was refused left no file */
		assert_ok(account_check(t, a[i], &c));
		assert_int_equal(c.fatal_r, 0);
		assert_int_equal(c.orphans_r, 0);
		account_close(&a[i]);
	}
	arig_assert_quiet(r);
}

ARIG_CASE(test_deliver_blind)
{
	struct account *a = create(t, r, 0, "abcdef"), *b;
	struct quota_limit limit = { .bytes = 2000 };
	struct message_place p;

	arig_deliver(t, a, "INBOX", 1);
	assert_ok(account_open_blind(t, r->node[1].ms, STR("abcdef"), &b));
	assert_false(account_is_loaded(b));
	assert_int_equal(account_messages(b), 1);
	assert_int_equal(account_bytes(b), account_bytes(a));
	assert_ok(quota_check(task_arena(t), b, &limit, 100, 1));
	assert_err(quota_check(task_arena(t), b, &limit, 2000, 1),
	    ERR_OVERQUOTA);
	p = arig_deliver(t, b, "INBOX", 2);
	assert_false(account_is_loaded(b));
	assert_int_equal(p.uid, 2);
	/* lost the race, still blind */
	arig_deliver(t, a, "INBOX", 3);
	p = arig_deliver(t, b, "INBOX", 4);
	assert_int_equal(p.uid, 4);
	assert_ok(account_refresh(t, a));
	assert_string_equal(show(t, a, "INBOX"), "1 2 3 4");
	/* another folder needs it loaded */
	p = arig_deliver(t, b, "Junk", 5);
	assert_true(account_is_loaded(b));
	assert_int_equal(p.uid, 1);
	arig_check(t, b);
	assert_ok(account_refresh(t, a));
	assert_ok(account_shut(t, a));
	account_close(&b);
	arig_crash(t, r, 1);
	assert_ok(account_open_blind(t, r->node[1].ms, STR("abcdef"), &b));
	assert_true(account_is_closed(b));
	account_close(&a);
	account_close(&b);
	arig_assert_quiet(r);
}

ARIG_CASE(test_store)
{
	struct account *a = create(t, r, 0, "abcdef");
	struct account *b = other(t, r, 1, "abcdef");
	struct message_store s = { .mode = MESSAGE_STORE_ADD,
		.flags = MESSAGE_FLAGGED,
		.unchanged_since = UINT64_MAX };
	struct str bad[] = { STR("a b"), STR(""), STR("(x"), STR("a\nb") };
	struct uidset all = uids(t, "1:4294967295");

	for (unsigned i = 1; i <= 4; i++)
		arig_deliver(t, a, "INBOX", i);
	store(t, a, "1:2.9", MESSAGE_STORE_ADD, MESSAGE_SEEN, "$Label1");
	store(t, b, "2:4", MESSAGE_STORE_ADD, MESSAGE_DELETED, "x");
	assert_string_equal(show(t, b, "INBOX"),
	    "1S[$Label1] 2ST[$Label1][x] 3T[x] 4T[x]");
	store(t, a, "2", MESSAGE_STORE_REPLACE, MESSAGE_DRAFT, NULL);
	store(t, a, "1.4", MESSAGE_STORE_REMOVE, MESSAGE_SEEN, "X");
	assert_string_equal(show(t, a, "INBOX"), "1[$Label1] 2D 3T[x] 4T");
	/* nothing changes: no entry */
	assert_ok(account_refresh(t, b));
	s.mode = MESSAGE_STORE_REMOVE;
	assert_ok(message_store_flags(t, b, 1, &all, &s));
	assert_int_equal(s.modseq_r, 0);
	assert_int_equal(uidset_count(&s.stored_r), 4);
	/* UNCHANGEDSINCE */
	s.mode = MESSAGE_STORE_ADD;
	s.unchanged_since = message_by_uid(b, 1, 3, NULL)->modseq;
	assert_ok(message_store_flags(t, b, 1, &all, &s));
	assert_int_equal(uidset_count(&s.stored_r), 1);
	assert_int_equal(uidset_count(&s.modified_r), 3);
	assert_string_equal(show(t, b, "INBOX"), "1[$Label1] 2D 3FT[x] 4T");
	s.keyword_count = 1;
	for (unsigned i = 0; i < countof(bad); i++) {
		s.keywords = &bad[i];
		assert_err(message_store_flags(t, b, 1, &all, &s), ERR_INVALID);
	}
	s.keyword_count = 0;
	assert_err(message_store_flags(t, b, 99, &all, &s), ERR_NOTFOUND);
	arig_check(t, b);
	account_close(&a);
	account_close(&b);
	arig_assert_quiet(r);
}

ARIG_CASE(test_keywords_full)
{
	struct account *a = create(t, r, 0, "abcdef");
	struct uidset one = uids(t, "1");
	struct message_store s = { .unchanged_since = UINT64_MAX,
		.keyword_count = 1 };
	struct str word;

	arig_deliver(t, a, "INBOX", 1);
	s.keywords = &word;
	for (unsigned i = 0; i < MESSAGE_KEYWORDS; i++) {
		word = str_c(arena_printf(task_arena(t), "k%u", i));
		assert_ok(message_store_flags(t, a, 1, &one, &s));
	}
	word = STR("more");
	assert_err(message_store_flags(t, a, 1, &one, &s), ERR_LIMIT);
	s.mode = MESSAGE_STORE_REPLACE;
	assert_err(message_store_flags(t, a, 1, &one, &s), ERR_LIMIT);
	s.keyword_count = 0;
	assert_ok(message_store_flags(t, a, 1, &one, &s));
	s.keyword_count = 1;
	assert_ok(message_store_flags(t, a, 1, &one, &s));
	assert_string_equal(show(t, a, "INBOX"), "1[more]");
	arig_check(t, a);
	account_close(&a);
}

ARIG_CASE(test_expunge_undelete)
{
	struct account *a = create(t, r, 0, "abcdef");
	struct account *b = other(t, r, 1, "abcdef");
	const struct tombstone **tombs;
	struct message_name names[2];
	struct uidset gone, changed, all = uids(t, "1:9");
	struct str bytes;
	bool complete;
	uint64_t since;
	unsigned n;

	for (unsigned i = 1; i <= 5; i++)
		arig_deliver(t, a, "INBOX", i);
	store(t, a, "2:4", MESSAGE_STORE_ADD, MESSAGE_DELETED, NULL);
	since = account_head(a);
	assert_ok(message_expunge(t, b, 1, &all, true, &gone));
	assert_int_equal(uidset_count(&gone), 3);
	assert_ok(account_refresh(t, a));
	assert_string_equal(show(t, a, "INBOX"), "1 5");
	/* a session of the other node can still read it */
	assert_ok(message_read_all(t, a, 1, 3, 1 << 20, task_arena(t), &bytes));
	uidset_init(&changed, task_arena(t));
	uidset_init(&gone, task_arena(t));
	message_changes_since(a, 1, since, &changed, &gone, &complete);
	assert_true(complete);
	assert_int_equal(uidset_count(&changed), 0);
	assert_int_equal(uidset_count(&gone), 3);
	n = message_tombstones(a, 1, task_arena(t), &tombs);
	assert_int_equal(n, 3);
	names[0] = tombs[0]->name;
	names[1] = tombs[2]->name;
	assert_ok(message_undelete(t, a, names, 2, 0, NULL, &n));
	assert_int_equal(n, 2);
	assert_string_equal(show(t, a, "INBOX"), "1 5 6 7");
	assert_ok(message_read_all(t, a, 1, 7, 1 << 20, task_arena(t), &bytes));
	assert_true(str_eq(bytes, arig_message(t, 4, 400)));
	/* nothing to expunge: no entry */
	since = account_head(a);
	assert_ok(message_expunge(t, a, 1, &all, true, NULL));
	assert_int_equal(account_head(a), since);
	/* a folder that is gone: back into INBOX */
	assert_ok(folder_create(t, a, STR("x/y"), FOLDER_USE_NONE, NULL));
	arig_deliver(t, a, "x/y", 8);
	assert_ok(folder_delete(t, a, STR("x/y")));
	n = message_tombstones(a, 0, task_arena(t), &tombs);
	assert_int_equal(n, 4);
	names[0] = tombs[3]->name;
	assert_ok(message_undelete(t, a, names, 1, 0, NULL, &n));
	assert_string_equal(show(t, a, "INBOX"), "1 5 6 7 8");
	arig_check(t, a);
	account_close(&a);
	account_close(&b);
	arig_assert_quiet(r);
}

ARIG_CASE(test_copy_move)
{
	struct account *a = create(t, r, 0, "abcdef");
	struct account *b = other(t, r, 1, "abcdef");
	uint32_t junk = folder_by_name(a, STR("Junk"))->id;
	struct quota_limit limit;
	struct message_moved m;
	struct uidset set = uids(t, "2:4.77");
	struct str bytes;

	for (unsigned i = 1; i <= 40; i++)
		arig_deliver(t, a, "INBOX", i);
	store(t, a, "3", MESSAGE_STORE_ADD, MESSAGE_SEEN, "w");
	assert_ok(account_refresh(t, b));
	assert_ok(message_copy(t, b, 1, &set, junk, NULL, &m));
	assert_int_equal(m.n, 3);
	assert_int_equal(m.from_r[2], 4);
	assert_int_equal(m.to_r[2], 3);
	assert_string_equal(show(t, b, "Junk"), "1 2S[w] 3");
	set = uids(t, "1:100");
	assert_ok(message_copy(t, b, 1, &set, 1, NULL, &m));
	assert_int_equal(m.n, 40);
	assert_int_equal(folder_by_id(b, 1)->messages, 80);
	set = uids(t, "1:79");
	assert_ok(message_move(t, a, 1, &set, junk, &m));
	assert_int_equal(m.n, 79);
	assert_int_equal(m.to_r[0], 4);
	assert_int_equal(m.uidvalidity, folder_by_id(a, junk)->uidvalidity);
	assert_string_equal(show(t, a, "INBOX"), "80");
	assert_ok(message_read_all(t, a, junk, 4 + 45, 1 << 20, task_arena(t),
	    &bytes));
	assert_true(str_eq(bytes, arig_message(t, 6, 600)));
	assert_err(message_move(t, a, 1, &set, 99, &m), ERR_NOTFOUND);
	assert_err(message_copy(t, a, 99, &set, 1, NULL, &m), ERR_NOTFOUND);
	assert_err(message_move(t, a, 1, &set, 1, &m), ERR_INVALID);
	limit = (struct quota_limit){ .messages = account_messages(a) + 1 };
	set = uids(t, "1:2");
	assert_err(message_copy(t, a, junk, &set, 1, &limit, &m),
	    ERR_OVERQUOTA);
	set = uids(t, "1");
	assert_ok(message_copy(t, a, junk, &set, 1, &limit, &m));
	arig_check(t, a);
	assert_ok(account_refresh(t, b));
	arig_check(t, b);
	account_close(&a);
	account_close(&b);
	arig_assert_quiet(r);
}

/* --- folders --- */

ARIG_CASE(test_folder_names)
{
	static const struct {
		const char *name;
		enum err_code code;
	} v[] = {
		{ "a", ERR_NONE },
		{ "a/b/c", ERR_NONE },
		{ "Gr\xc3\xbc\xc3\x9f"
		  "e",
		    ERR_NONE },
		{ "a b.c\\d\"e", ERR_NONE },
		{ "", ERR_INVALID },
		{ "/etc", ERR_INVALID },
		{ "../../x", ERR_INVALID },
		{ "a//b", ERR_INVALID },
		{ "a/", ERR_INVALID },
		{ ".", ERR_INVALID },
		{ "a/..", ERR_INVALID },
		{ "a\rb", ERR_INVALID },
		{ "a\x7f", ERR_INVALID },
		{ "a\xc2\x85", ERR_INVALID },
		{ "a%b", ERR_INVALID },
		{ "a*", ERR_INVALID },
		{ "\xff", ERR_INVALID },
		{ "\xed\xa0\x80", ERR_INVALID },
		{ "inbox/x", ERR_NONE },
	};
	char deep[2 * FOLDER_DEPTH_MAX], wide[FOLDER_LEVEL_MAX + 1];
	struct str canon;

	(void)r;
	for (size_t i = 0; i < countof(v); i++)
		if (err_code(folder_name_check(task_arena(t), str_c(v[i].name),
			&canon)) != v[i].code)
			fail_msg("%zu: %s", i, v[i].name);
	assert_true(str_eq_c(canon, "INBOX/x"));
	assert_err(folder_name_check(task_arena(t), str_of("a\0b", 3), &canon),
	    ERR_INVALID);
	for (size_t i = 0; i < sizeof(deep); i++)
		deep[i] = i % 2 ? '/' : 'a';
	assert_err(folder_name_check(task_arena(t),
		       str_of(deep, sizeof(deep) - 1), &canon),
	    ERR_LIMIT);
	assert_ok(folder_name_check(task_arena(t),
	    str_of(deep, sizeof(deep) - 3), &canon));
	memset(wide, 'a', sizeof(wide));
	assert_err(folder_name_check(task_arena(t),
		       str_of(wide, FOLDER_LEVEL_MAX), &canon),
	    ERR_INVALID);
	assert_ok(folder_name_check(task_arena(t),
	    str_of(wide, FOLDER_LEVEL_MAX - 1), &canon));
}

ARIG_CASE(test_folders)
{
	struct account *a = create(t, r, 0, "abcdef");
	struct account *b = other(t, r, 1, "abcdef");
	uint32_t top, id, validity;

	assert_ok(folder_create(t, a, STR("w/x/y"), FOLDER_USE_NONE, &id));
	assert_int_equal(folder_count(a), 9);
	assert_true(folder_has_children(a, STR("w")));
	validity = folder_by_id(a, id)->uidvalidity;
	assert_err(folder_create(t, b, STR("w/x"), FOLDER_USE_NONE, NULL),
	    ERR_DUPLICATE);
	assert_err(folder_create(t, b, STR("Inbox"), FOLDER_USE_NONE, NULL),
	    ERR_DUPLICATE);
	assert_err(folder_create(t, b, STR("T2"), FOLDER_USE_TRASH, NULL),
	    ERR_DUPLICATE);
	arig_deliver(t, b, "w/x/y", 1);
	assert_ok(folder_rename(t, b, STR("w"), STR("v/w")));
	assert_ok(account_refresh(t, a));
	assert_string_equal(show(t, a, "v/w/x/y"), "1");
	assert_string_equal(show(t, a, "w/x/y"), "none");
	assert_int_equal(folder_by_id(a, id)->uidvalidity, validity);
	assert_err(folder_rename(t, a, STR("v"), STR("v/q")), ERR_INVALID);
	assert_err(folder_rename(t, a, STR("v/w/x"), STR("Junk")),
	    ERR_DUPLICATE);
	assert_err(folder_rename(t, a, STR("w"), STR("q")), ERR_NOTFOUND);
	assert_err(folder_delete(t, a, STR("inbox")), ERR_INVALID);
	/* the same name again: a higher UIDVALIDITY */
	assert_ok(folder_delete(t, a, STR("v/w/x/y")));
	assert_ok(folder_create(t, a, STR("v/w/x/y"), FOLDER_USE_NONE, &id));
	assert_true(folder_by_id(a, id)->uidvalidity > validity);
	assert_int_equal(folder_by_id(a, id)->uidnext, 1);
	/* RENAME INBOX moves its messages and leaves what is below */
	assert_ok(folder_create(t, a, STR("inbox/sub"), FOLDER_USE_NONE, NULL));
	arig_deliver(t, a, "INBOX", 2);
	arig_deliver(t, a, "INBOX", 3);
	assert_ok(folder_rename(t, a, STR("INBOX"), STR("old/mail")));
	assert_string_equal(show(t, a, "INBOX"), "");
	assert_string_equal(show(t, a, "old/mail"), "1 2");
	assert_non_null(folder_by_name(a, STR("INBOX/sub")));
	top = folder_by_id(a, ACCOUNT_INBOX)->uidnext;
	assert_int_equal(top, 3);
	/* subscriptions stand alone */
	assert_ok(folder_subscribe(t, a, STR("no/such"), true));
	assert_ok(folder_subscribe(t, a, STR("no/such"), true));
	assert_true(folder_subscribed(a, STR("no/such")));
	assert_ok(folder_subscribe(t, a, STR("Junk"), false));
	assert_false(folder_by_name(a, STR("Junk"))->subscribed);
	assert_int_equal(folder_subscription_count(a), 6);
	arig_check(t, a);
	assert_ok(account_refresh(t, b));
	arig_check(t, b);
	account_close(&a);
	account_close(&b);
	arig_assert_quiet(r);
}

/* --- quota, closed, purged --- */

ARIG_CASE(test_quota)
{
	struct account *a = create(t, r, 0, "abcdef");
	struct quota_limit limit = { .bytes = 1000 };
	struct message_target tg = { .acc = a, .limit = &limit };
	struct account_maintain m = { .force = true };
	struct quota_usage u;

	assert_err(quota_read(t, r->node[1].ms, STR("abcdef"), &u),
	    ERR_NOTFOUND);
	assert_ok(message_deliver(t, arig_message(t, 1, 500), &tg, 1));
	assert_ok(tg.err_r);
	assert_ok(message_deliver(t, arig_message(t, 1, 500), &tg, 1));
	assert_err(tg.err_r, ERR_OVERQUOTA);
	/* what RCPT accepted is delivered */
	tg.limit = NULL;
	assert_ok(message_deliver(t, arig_message(t, 1, 500), &tg, 1));
	assert_ok(tg.err_r);
	assert_err(quota_check(task_arena(t), a, &limit, 0, 0), ERR_OVERQUOTA);
	assert_ok(account_maintain(t, a, &m));
	assert_ok(quota_read(t, r->node[1].ms, STR("abcdef"), &u));
	assert_int_equal(u.messages, 2);
	assert_int_equal(u.bytes, account_bytes(a));
	assert_int_equal(u.head, account_head(a));
	assert_err(quota_read(t, r->node[1].ms, STR("abnone"), &u),
	    ERR_NOTFOUND);
	arig_check(t, a);
	account_close(&a);
}

ARIG_CASE(test_closed)
{
	struct account *a = create(t, r, 0, "abcdef");
	struct account *b = other(t, r, 1, "abcdef"), *x;
	struct message_target tg = { .acc = b };
	struct uidset all = uids(t, "1:9");

	arig_deliver(t, a, "INBOX", 1);
	assert_err(account_purge(t, r->node[0].ms, STR("abcdef")),
	    ERR_CONFLICT);
	assert_ok(account_refresh(t, b));
	assert_ok(account_shut(t, a));
	assert_ok(account_shut(t, a));
	/* b is stale: its commit replays CLOSED first */
	assert_ok(message_deliver(t, arig_message(t, 1, 5), &tg, 1));
	assert_err(tg.err_r, ERR_CLOSED);
	assert_err(message_expunge(t, b, 1, &all, false, NULL), ERR_CLOSED);
	assert_err(folder_create(t, b, STR("x"), FOLDER_USE_NONE, NULL),
	    ERR_CLOSED);
	assert_ok(account_reopen(t, b));
	assert_ok(message_deliver(t, arig_message(t, 1, 5), &tg, 1));
	assert_ok(tg.err_r);
	arig_check(t, b);
	assert_ok(account_shut(t, b));
	account_close(&b);
	assert_ok(account_purge(t, r->node[1].ms, STR("abcdef")));
	assert_ok(account_purge(t, r->node[1].ms, STR("abcdef")));
	assert_err(account_open(t, r->node[1].ms, STR("abcdef"), &x),
	    ERR_NOTFOUND);
	/* a still has its handles */
	tg = (struct message_target){ .acc = a };
	err_ignore(message_deliver(t, arig_message(t, 1, 5), &tg, 1));
	assert_true(account_refresh(t, a) != NULL);
	assert_true(account_reopen(t, a) != NULL);
	account_close(&a);
}

/* --- checkpoints --- */

/* What a node loads from a checkpoint and the tail is what the other has. */
ARIG_CASE(test_checkpoint)
{
	struct account *a = create(t, r, 0, "abcdef"), *b;
	struct account_maintain m = { .force = true };
	uint32_t junk = folder_by_name(a, STR("Junk"))->id;
	struct uidset gone, changed, set;
	struct message_moved moved;
	const char *text, *text2;
	bool complete;

	for (unsigned i = 1; i <= 300; i++) {
		arig_deliver(t, a, "INBOX", i);
		if (i % 100 == 0)
			assert_ok(account_maintain(t, a, &m));
	}
	store(t, a, "5:10", MESSAGE_STORE_ADD, MESSAGE_FLAGGED, "kw");
	set = uids(t, "20:29");
	assert_ok(message_expunge(t, a, 1, &set, false, &gone));
	assert_ok(folder_create(t, a, STR("x/y"), FOLDER_USE_NONE, NULL));
	set = uids(t, "30:35");
	assert_ok(message_move(t, a, 1, &set, junk, &moved));
	assert_ok(account_maintain(t, a, &m));
	store(t, a, "11", MESSAGE_STORE_ADD, MESSAGE_SEEN, NULL);
	text = show(t, a, "INBOX");
	text2 = show(t, a, "Junk");
	for (unsigned round = 0; round < 2; round++) {
		arig_crash(t, r, 1);
		b = other(t, r, 1, "abcdef");
		assert_string_equal(show(t, b, "INBOX"), text);
		assert_string_equal(show(t, b, "Junk"), text2);
		assert_int_equal(account_bytes(b), account_bytes(a));
		uidset_init(&gone, task_arena(t));
		uidset_init(&changed, task_arena(t));
		message_changes_since(b, 1, 301, &changed, &gone, &complete);
		assert_int_equal(uidset_count(&gone), 16);
		arig_check(t, b);
		/* and the other goes on from there */
		assert_ok(account_maintain(t, b, &m));
		account_close(&b);
	}
	account_close(&a);
	arig_assert_quiet(r);
}

ARIG_CASE(test_envelopes)
{
	struct account *a = create(t, r, 0, "abcdef"), *b;
	struct account_maintain m = { .force = true };
	struct str packs[260], want[260];
	uint32_t list[260];
	struct uidset set = uids(t, "5");

	for (unsigned i = 0; i < 260; i++)
		list[i] = i + 1;
	for (unsigned i = 1; i <= 250; i++) {
		arig_deliver(t, a, "INBOX", i);
		if (i % 20 == 0)
			assert_ok(account_maintain(t, a, &m));
	}
	/* merged: few segments */
	assert_true(a->envs.n <= 8);
	assert_ok(message_envelopes(t, a, 1, list, 260, task_arena(t), want));
	arig_crash(t, r, 1);
	b = other(t, r, 1, "abcdef");
	assert_ok(message_envelopes(t, b, 1, list, 260, task_arena(t), packs));
	for (unsigned i = 0; i < 250; i++) {
		assert_true(want[i].n > 20);
		assert_true(str_eq(packs[i], want[i]));
	}
	assert_int_equal(packs[255].n, 0);
	/* those who deliver need not be those who checkpoint */
	arig_deliver(t, a, "INBOX", 251);
	assert_ok(message_expunge(t, a, 1, &set, false, NULL));
	assert_ok(account_refresh(t, b));
	assert_ok(account_maintain(t, b, &m));
	assert_true(message_by_uid(b, 1, 251, NULL)->env != 0);
	account_close(&a);
	arig_crash(t, r, 0);
	a = other(t, r, 0, "abcdef");
	arig_check(t, a);
	account_close(&a);
	account_close(&b);
	arig_assert_quiet(r);
}

/* --- forgetting and orphans --- */

ARIG_CASE(test_forget)
{
	struct account *a = create(t, r, 0, "abcdef");
	struct account_maintain m = { .force = true };
	struct uidset set = uids(t, "1:3"), changed, gone;
	const struct tombstone **tombs;
	struct str bytes;
	bool complete;

	for (unsigned i = 1; i <= 5; i++)
		arig_deliver(t, a, "INBOX", i);
	assert_ok(message_expunge(t, a, 1, &set, false, NULL));
	assert_ok(account_maintain(t, a, &m));
	assert_int_equal(m.forgotten_r, 0);
	r->now += 86400 * 1000ULL * 2;
	assert_ok(account_maintain(t, a, &m));
	assert_int_equal(m.forgotten_r, 0);
	assert_int_equal(message_tombstones(a, 0, task_arena(t), &tombs), 3);
	assert_ok(message_read_all(t, a, 1, 2, 1 << 20, task_arena(t), &bytes));
	r->now += 86400 * 1000ULL * 31;
	/* the share's clock is far behind ours: ours may be wrong */
	r->wall = (int64_t)time(NULL) - (int64_t)(r->now / 1000) + 90000;
	m.force = false;
	assert_ok(account_maintain(t, a, &m));
	assert_int_equal(m.forgotten_r, 0);
	r->wall -= 90000;
	assert_ok(account_maintain(t, a, &m));
	assert_true(m.forgotten_r >= 7);
	assert_int_equal(m.files_removed, 3);
	assert_int_equal(message_tombstones(a, 0, task_arena(t), &tombs), 0);
	assert_int_equal(account_forgotten(a), m.forgotten_r);
	assert_err(message_read_all(t, a, 1, 2, 1 << 20, task_arena(t), &bytes),
	    ERR_NOTFOUND);
	uidset_init(&gone, task_arena(t));
	uidset_init(&changed, task_arena(t));
	message_changes_since(a, 1, 2, &changed, &gone, &complete);
	assert_false(complete);
	arig_check(t, a);
	account_close(&a);
}

#define DAY_MS (86400 * 1000ULL)

static may_yield_unchecked unsigned
expired(struct task *t, struct account *a, unsigned days)
{
	const struct folder *f = folder_by_use(a, FOLDER_USE_TRASH);
	bool left;
	uint32_t n;

	assert_ok(message_expire(t, a, f->id, days * 86400ULL, &n, &left));
	assert_true(left == (folder_by_use(a, FOLDER_USE_TRASH)->messages > 0));
	return n;
}

ARIG_CASE(test_expire)
{
	struct account *a;
	struct message_store seen = { .mode = MESSAGE_STORE_ADD,
		.flags = MESSAGE_SEEN,
		.unchanged_since = UINT64_MAX };
	struct account_maintain m = { .sweep = false };
	struct uidset one = uids(t, "1"), two = uids(t, "2");
	struct message_moved mv;
	uint32_t trash;

	r->wall -= 400 * 86400; /* never ahead of the share's clock */
	a = create(t, r, 0, "abcdef");
	trash = folder_by_use(a, FOLDER_USE_TRASH)->id;
	for (unsigned i = 1; i <= 4; i++)
		arig_deliver(t, a, "INBOX", i);
	assert_int_equal(expired(t, a, 7), 0);
	/* old mail, but not long in Trash */
	r->now += 20 * DAY_MS;
	assert_ok(message_move(t, a, 1, &one, trash, &mv));
	assert_int_equal(expired(t, a, 7), 0);
	r->now += 6 * DAY_MS;
	assert_ok(message_move(t, a, 1, &two, trash, &mv));
	assert_int_equal(expired(t, a, 7), 0);
	/* touched again: what came behind it says how old it is */
	r->now += 2 * DAY_MS;
	assert_ok(message_store_flags(t, a, trash, &one, &seen));
	assert_int_equal(expired(t, a, 7), 0);
	r->now += 4 * DAY_MS;
	assert_int_equal(expired(t, a, 7), 0);
	r->now += 2 * DAY_MS;
	assert_int_equal(expired(t, a, 7), 2);
	assert_int_equal(expired(t, a, 7), 0);
	/* an account that nobody touches: the first look marks the day */
	r->now += DAY_MS;
	two = uids(t, "3");
	assert_ok(message_move(t, a, 1, &two, trash, &mv));
	r->now += 90 * DAY_MS;
	assert_ok(account_maintain(t, a, &m));
	assert_true(m.forgotten_r > 0);
	assert_int_equal(expired(t, a, 100), 0);
	r->now += 12 * DAY_MS;
	assert_int_equal(expired(t, a, 100), 1);
	assert_int_equal(folder_by_id(a, 1)->messages, 1);
	arig_check(t, a);
	account_close(&a);
}

/* Whoever's clock runs ahead removes nothing. */
ARIG_CASE(test_expire_clock)
{
	struct account *a;

	r->wall = (int64_t)time(NULL) - (int64_t)(r->now / 1000) - 30 * 86400;
	a = create(t, r, 0, "abcdef");
	r->now += 2 * DAY_MS;
	arig_deliver(t, a, "Trash", 1);
	r->now += 38 * DAY_MS;
	assert_int_equal(expired(t, a, 7), 0);
	r->wall -= 10 * 86400;
	assert_int_equal(expired(t, a, 7), 1);
	account_close(&a);
}

ARIG_CASE(test_orphans)
{
	struct account *a = create(t, r, 0, "abcdef");
	struct account *b = other(t, r, 1, "abcdef");
	struct account_maintain m = { .sweep = true };
	struct account_check c = { .deep = false };
	struct message_target tg = { .acc = a };
	struct share_fault_rule no_remove = { .proc = SHARE_REMOVE,
		.lane = SHARE_LANE_BULK,
		.times = SHARE_FAULT_ALWAYS,
		.kind = SHARE_FAULT_BEFORE,
		.code = ERR_ACCESS };
	struct message_writer *w;

	arig_deliver(t, a, "INBOX", 1);
	/* one is being delivered while the other node sweeps */
	assert_ok(message_writer_begin(t, a, NULL, &w));
	assert_ok(message_writer_add(t, w, "a: b\r\n\r\nc\r\n", 11));
	assert_ok(account_maintain(t, b, &m));
	assert_int_equal(m.files_removed, 0);
	m.young = true;
	assert_ok(account_maintain(t, b, &m));
	assert_int_equal(m.orphans_voided, 1);
	assert_int_equal(m.files_removed, 1);
	/* its file is gone: it cannot be committed, by no name */
	assert_err(message_writer_commit(t, &w, &tg, 1), ERR_STALE);
	assert_int_equal(folder_by_id(a, 1)->messages, 1);
	/* only voided: again, under another name */
	assert_ok(message_writer_begin(t, a, NULL, &w));
	assert_ok(message_writer_add(t, w, "a: b\r\n\r\nc\r\n", 11));
	share_fault_set(r->node[1].fault, &no_remove, 1);
	assert_err(account_maintain(t, b, &m), ERR_ACCESS);
	share_fault_set(r->node[1].fault, NULL, 0);
	assert_ok(message_writer_commit(t, &w, &tg, 1));
	assert_ok(tg.err_r);
	assert_int_equal(tg.place_r.uid, 2);
	assert_ok(account_maintain(t, b, &m));
	assert_ok(account_check(t, b, &c));
	assert_int_equal(c.fatal_r, 0);
	assert_int_equal(c.orphans_r, 0);
	arig_deliver(t, a, "INBOX", 2);
	arig_check(t, a);
	account_close(&a);
	account_close(&b);
}

struct told {
	char id[ACCOUNT_ID_MAX + 1];
	uint64_t seq;
	unsigned n;
};

static void
told_committed(void *arg, struct str id, uint64_t seq)
{
	struct told *d = arg;

	snprintf(d->id, sizeof(d->id), STR_FMT, STR_ARG(id));
	d->seq = seq;
	d->n++;
}

/* Only entries of this mailstore's own, each once. */
ARIG_CASE(test_committed)
{
	struct mailstore_conf c = *mailstore_config(r->node[1].ms);
	struct told told = { .n = 0 };
	struct account *a, *b;
	struct mailstore *ms;
	bool made;

	c.committed = told_committed;
	c.arg = &told;
	ms = mailstore_new(&c);
	assert_ok(account_create(t, r->node[0].ms, STR("abcdef"), &made, &a));
	assert_ok(account_open_blind(t, ms, STR("abcdef"), &b));
	arig_deliver(t, a, "INBOX", 1);
	assert_ok(account_refresh(t, b));
	assert_int_equal(told.n, 0);
	account_close(&b);
	account_close(&a);
	mailstore_close(t, &ms);
	ms = mailstore_new(&c);
	for (unsigned i = 1; i <= 2; i++) {
		/* blind, then loaded */
		assert_ok(account_open_blind(t, ms, STR("abcdef"), &b));
		arig_deliver(t, b, "INBOX", 1 + i);
		assert_int_equal(told.n, i);
		assert_int_equal(told.seq, 2 + i);
		assert_string_equal(told.id, "abcdef");
		assert_ok(account_refresh(t, b));
		account_close(&b);
	}
	/* nothing to do: no entry */
	assert_ok(account_create(t, ms, STR("abcdef"), &made, &b));
	assert_false(made);
	assert_int_equal(told.n, 2);
	account_close(&b);
	mailstore_close(t, &ms);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ARIG_TEST(test_create),
		ARIG_TEST(test_create_lost),
		ARIG_TEST(test_deliver),
		ARIG_TEST(test_deliver_long),
		ARIG_TEST(test_deliver_many),
		ARIG_TEST(test_deliver_blind),
		ARIG_TEST(test_store),
		ARIG_TEST(test_keywords_full),
		ARIG_TEST(test_expunge_undelete),
		ARIG_TEST(test_copy_move),
		ARIG_TEST(test_folder_names),
		ARIG_TEST(test_folders),
		ARIG_TEST(test_quota),
		ARIG_TEST(test_closed),
		ARIG_TEST(test_checkpoint),
		ARIG_TEST(test_envelopes),
		ARIG_TEST(test_forget),
		ARIG_TEST(test_expire),
		ARIG_TEST(test_expire_clock),
		ARIG_TEST(test_orphans),
		ARIG_TEST(test_committed),
	};

	log_set_level(LOG_ERROR_);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
