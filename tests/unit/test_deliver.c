/* test_deliver.c - mail flow: who gets it, and how many calls it takes */
#include "deliver_rig.h"

const struct filter *const filters[] = { NULL };

/* --- cases --- */

ARIG_CASE(test_addresses)
{
	static const struct {
		const char *address;
		enum deliver_verdict v;
	} rows[] = {
		{ "alice@example.org", DELIVER_OK },
		{ "ALICE@Example.ORG", DELIVER_OK },
		{ "alice+shop@example.org", DELIVER_OK },
		{ "\"alice\"@example.org", DELIVER_OK },
		{ "@relay.example:alice@example.org", DELIVER_OK },
		{ "both@example.org", DELIVER_OK },
		{ "postmaster@example.org", DELIVER_OK },
		{ "Abuse@example.org", DELIVER_OK },
		{ "postmaster", DELIVER_OK },
		{ "per%cent@example.org", DELIVER_OK },
		{ "nobody@example.org", DELIVER_UNKNOWN },
		{ "\"a b\"@example.org", DELIVER_UNKNOWN },
		{ "alice@example.net", DELIVER_FOREIGN },
		{ "postmaster@example.net", DELIVER_FOREIGN },
		{ "@example.org:alice@example.net", DELIVER_FOREIGN },
		{ "alice%example.net@example.org", DELIVER_FOREIGN },
		{ "example.net!alice@example.org", DELIVER_FOREIGN },
		{ "\"alice@example.net\"@example.org", DELIVER_FOREIGN },
		{ "example.net!alice", DELIVER_FOREIGN },
		{ "alice%example.net", DELIVER_FOREIGN },
		{ "alice@[192.0.2.1]", DELIVER_FOREIGN },
		{ "alice", DELIVER_NO_DOMAIN },
		{ "away@example.org", DELIVER_OK },
		{ "mixed@example.org", DELIVER_OK },
		{ "circle@example.org", DELIVER_CIRCLE },
		{ "any@closed.example", DELIVER_SUSPENDED },
	};
	struct state_domain closed = { .name = STR("closed.example") };
	struct site s;
	struct deliver *d;

	site_open(t, r, &s);
	assert_ok(state_domain_add(t, s.st, "test", &closed));
	assert_ok(state_domain_suspend(t, s.st, "test", closed.name, true));
	add_account(t, r, &s, "per%cent@example.org", 0);
	add_alias(t, &s, "away@example.org", "x@example.net");
	add_alias(t, &s, "mixed@example.org", "x@example.net");
	add_alias(t, &s, "mixed@example.org", "bob@example.org");
	add_alias(t, &s, "circle@example.org", "round@example.org");
	add_alias(t, &s, "round@example.org", "circle@example.org");
	d = begin(&s.w[0], "a@example.net", 0);
	for (size_t i = 0; i < countof(rows); i++) {
		enum deliver_verdict v = rcpt(t, d, rows[i].address);

		if (v != rows[i].v)
			fail_msg("%s: %d", rows[i].address, (int)v);
	}
	deliver_free(&d);
	/* a catch-all takes neither what asks for relaying nor the others */
	add_alias(t, &s, "@example.org", "bob@example.org");
	d = begin(&s.w[0], "a@example.net", 0);
	assert_int_equal(rcpt(t, d, "who@example.org"), DELIVER_OK);
	assert_int_equal(rcpt(t, d, "a%b@example.org"), DELIVER_FOREIGN);
	assert_int_equal(rcpt(t, d, "a!b@example.org"), DELIVER_FOREIGN);
	assert_int_equal(deliver_rcpt_count(d), 1);
	deliver_free(&d);
	site_close(t, &s);
}

ARIG_CASE(test_headers)
{
	struct site s;
	struct deliver *d;
	const char *text;

	site_open(t, r, &s);
	d = begin(&s.w[0], "a@example.net", 0);
	assert_int_equal(rcpt(t, d, "alice+x@example.org"), DELIVER_OK);
	assert_int_equal(transmit(t, d, "Subject: x\r\n\r\ny\r\n", false),
	    DELIVER_OK);
	deliver_free(&d);
	text = newest(t, r, &s, "alice@example.org");
	assert_string_equal(text, "Return-Path: <a@example.net>\r\n"
				  "Delivered-To: alice@example.org\r\n"
				  "Received: from client ([192.0.2.1])\r\n"
				  "\tby mx1.example.org with ESMTP\r\n"
				  "\tid id-1\r\n"
				  "\tfor <alice+x@example.org>;\r\n"
				  "\tFri, 21 Nov 2025 21:01:28 +0000\r\n"
				  "Subject: x\r\n\r\ny\r\n");
	/* two accounts share a file: neither is told of the other */
	d = begin(&s.w[0], "", 0);
	assert_int_equal(rcpt(t, d, "alice@example.org"), DELIVER_OK);
	assert_int_equal(rcpt(t, d, "bob@example.org"), DELIVER_OK);
	assert_int_equal(transmit(t, d, "Subject: x\r\n\r\ny\r\n", false),
	    DELIVER_OK);
	deliver_free(&d);
	text = newest(t, r, &s, "alice@example.org");
	assert_ptr_equal(strstr(text, "Return-Path: <>\r\nReceived: "), text);
	assert_null(strstr(text, "bob"));
	assert_null(strstr(text, "for <"));
	assert_string_equal(text, newest(t, r, &s, "bob@example.org"));
	assert_int_equal(world.stats[STAT_MESSAGES_IN], 2);
	assert_int_equal(world.stats[STAT_DELIVERIES], 3);
	site_close(t, &s);
}

ARIG_CASE(test_same_twice)
{
	struct site s;
	struct deliver *d;

	site_open(t, r, &s);
	d = begin(&s.w[0], "a@example.net", 0);
	assert_int_equal(rcpt(t, d, "alice@example.org"), DELIVER_OK);
	assert_int_equal(rcpt(t, d, "Alice@example.org"), DELIVER_OK);
	assert_int_equal(rcpt(t, d, "alice+x@example.org"), DELIVER_OK);
	assert_int_equal(rcpt(t, d, "both@example.org"), DELIVER_OK);
	assert_int_equal(transmit(t, d, "Subject: x\r\n\r\n", true),
	    DELIVER_OK);
	assert_int_equal(deliver_rcpt_count(d), 4);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(deliver_rcpt_verdict(d, i), DELIVER_OK);
	deliver_free(&d);
	assert_int_equal(messages(t, r, &s, "alice@example.org"), 1);
	assert_int_equal(messages(t, r, &s, "bob@example.org"), 1);
	site_close(t, &s);
}

ARIG_CASE(test_quota)
{
	struct site s;
	struct deliver *d;
	struct uidset all;
	struct account *acc;

	site_open(t, r, &s);
	add_account(t, r, &s, "small@example.org", 1000);
	add_alias(t, &s, "two@example.org", "small@example.org");
	add_alias(t, &s, "two@example.org", "alice@example.org");
	d = begin(&s.w[1], "a@example.net", 2000);
	assert_int_equal(rcpt(t, d, "small@example.org"), DELIVER_OVERQUOTA);
	assert_int_equal(deliver_rcpt_count(d), 0);
	deliver_free(&d);
	/* what RCPT accepted is delivered, over quota if need be */
	for (unsigned i = 0; i < 4; i++) {
		d = begin(&s.w[1], "a@example.net", 0);
		if (rcpt(t, d, "small@example.org") == DELIVER_OK)
			assert_int_equal(transmit(t, d,
					     arig_message(t, i, 300).p, false),
			    DELIVER_OK);
		else
			assert_int_equal(i, 2);
		deliver_free(&d);
		if (i == 2)
			break;
	}
	assert_int_equal(messages(t, r, &s, "small@example.org"), 2);
	/* one full mailbox does not silence the others of an alias, and gets
	 * its copy */
	d = begin(&s.w[1], "a@example.net", 0);
	assert_int_equal(rcpt(t, d, "two@example.org"), DELIVER_OK);
	assert_int_equal(transmit(t, d, "Subject: x\r\n\r\n", false),
	    DELIVER_OK);
	deliver_free(&d);
	assert_int_equal(messages(t, r, &s, "small@example.org"), 3);
	/* emptied through the other node: this one must find out */
	acc = mailbox(t, r, &s, "small@example.org");
	uidset_init(&all, task_arena(t));
	uidset_add_range(&all, 1, 100);
	assert_ok(message_expunge(t, acc, 1, &all, false, NULL));
	account_close(&acc);
	d = begin(&s.w[1], "a@example.net", 0);
	assert_int_equal(rcpt(t, d, "small@example.org"), DELIVER_OK);
	deliver_free(&d);
	site_close(t, &s);
}

ARIG_CASE(test_loops)
{
	static const char own[] =
	    "Delivered-To: ALICE@example.org\r\nSubject: x\r\n\r\n";
	struct site s;
	struct deliver *d;

	site_open(t, r, &s);
	world.hops = 5;
	d = begin(&s.w[0], "a@example.net", 0);
	assert_int_equal(rcpt(t, d, "alice@example.org"), DELIVER_OK);
	assert_int_equal(transmit(t, d, own, false), DELIVER_LOOP);
	deliver_free(&d);
	/* one answer for all: SMTP */
	d = begin(&s.w[0], "a@example.net", 0);
	assert_int_equal(rcpt(t, d, "alice@example.org"), DELIVER_OK);
	assert_int_equal(rcpt(t, d, "bob@example.org"), DELIVER_OK);
	assert_int_equal(transmit(t, d, own, false), DELIVER_LOOP);
	deliver_free(&d);
	assert_int_equal(messages(t, r, &s, "bob@example.org"), 0);
	/* one each: LMTP */
	d = begin(&s.w[0], "a@example.net", 0);
	assert_int_equal(rcpt(t, d, "alice@example.org"), DELIVER_OK);
	assert_int_equal(rcpt(t, d, "bob@example.org"), DELIVER_OK);
	assert_int_equal(transmit(t, d, own, true), DELIVER_OK);
	assert_int_equal(deliver_rcpt_verdict(d, 0), DELIVER_LOOP);
	assert_int_equal(deliver_rcpt_verdict(d, 1), DELIVER_OK);
	deliver_free(&d);
	assert_int_equal(messages(t, r, &s, "alice@example.org"), 0);
	assert_int_equal(messages(t, r, &s, "bob@example.org"), 1);
	/* hops */
	d = begin(&s.w[0], "a@example.net", 0);
	assert_int_equal(rcpt(t, d, "bob@example.org"), DELIVER_OK);
	assert_int_equal(transmit(t, d,
			     "Received: 1\r\nReceived: 2\r\nReceived: 3\r\n"
			     "Received: 4\r\nReceived: 5\r\n\r\n",
			     false),
	    DELIVER_OK);
	deliver_free(&d);
	d = begin(&s.w[0], "a@example.net", 0);
	assert_int_equal(rcpt(t, d, "bob@example.org"), DELIVER_OK);
	assert_int_equal(transmit(t, d,
			     "Received: 1\r\nReceived: 2\r\nReceived: 3\r\n"
			     "Received: 4\r\nReceived: 5\r\nReceived: 6",
			     false),
	    DELIVER_LOOP);
	deliver_free(&d);
	assert_int_equal(messages(t, r, &s, "bob@example.org"), 2);
	site_close(t, &s);
}

ARIG_CASE(test_too_big)
{
	struct site s;
	struct deliver *d;

	site_open(t, r, &s);
	world.max_bytes = 100;
	d = begin(&s.w[0], "a@example.net", 0);
	assert_int_equal(rcpt(t, d, "alice@example.org"), DELIVER_OK);
	assert_int_equal(transmit(t, d, arig_message(t, 1, 300).p, false),
	    DELIVER_TOO_BIG);
	deliver_free(&d);
	assert_int_equal(messages(t, r, &s, "alice@example.org"), 0);
	site_close(t, &s);
}

/* A domain takes less than the cluster. */
ARIG_CASE(test_domain_max)
{
	struct state_domain rule = { .name = STR("small.example"),
		.rules = { .message_max = 1000 } };
	struct site s;
	struct deliver *d;

	site_open(t, r, &s);
	assert_ok(state_domain_add(t, s.st, "test", &rule));
	assert_ok(state_domain_set(t, s.st, "test", rule.name, &rule,
	    STATE_DOMAIN_MESSAGE_MAX));
	add_account(t, r, &s, "x@small.example", 0);
	d = begin(&s.w[0], "a@example.net", 1001);
	assert_int_equal(rcpt(t, d, "x@small.example"), DELIVER_TOO_BIG);
	assert_int_equal(rcpt(t, d, "alice@example.org"), DELIVER_OK);
	assert_int_equal(transmit(t, d, arig_message(t, 1, 2000).p, false),
	    DELIVER_OK);
	deliver_free(&d);
	d = begin(&s.w[0], "a@example.net", 0);
	assert_int_equal(rcpt(t, d, "X@Small.Example"), DELIVER_OK);
	assert_int_equal(transmit(t, d, arig_message(t, 1, 2000).p, false),
	    DELIVER_TOO_BIG);
	deliver_free(&d);
	d = begin(&s.w[0], "a@example.net", 1000);
	assert_int_equal(rcpt(t, d, "x@small.example"), DELIVER_OK);
	assert_int_equal(transmit(t, d, arig_message(t, 1, 300).p, false),
	    DELIVER_OK);
	deliver_free(&d);
	/* what its accounts send, too */
	world.client = (struct filter_client){ .known = true,
		.account = STR("x123"),
		.login = STR("x@small.example") };
	d = begin(&s.w[0], "x@small.example", 0);
	assert_int_equal(rcpt(t, d, "alice@example.org"), DELIVER_OK);
	assert_int_equal(transmit(t, d, arig_message(t, 1, 2000).p, false),
	    DELIVER_TOO_BIG);
	deliver_free(&d);
	site_close(t, &s);
}

ARIG_CASE(test_postmaster)
{
	struct state_domain other = { .name = STR("aaa.example") };
	struct site s;
	struct account *acc;
	struct deliver *d;

	/* nobody was named: the mail waits for whoever looks */
	site_open(t, r, &s);
	d = begin(&s.w[0], "a@example.net", 0);
	assert_int_equal(rcpt(t, d, "postmaster@example.org"), DELIVER_OK);
	assert_int_equal(rcpt(t, d, "postmaster"), DELIVER_OK);
	assert_int_equal(transmit(t, d, "Subject: x\r\n\r\n", false),
	    DELIVER_OK);
	deliver_free(&d);
	assert_ok(account_open(t, r->node[0].ms, STR(DELIVER_HOLD_ID), &acc));
	assert_int_equal(folder_by_id(acc, 1)->messages, 1);
	account_close(&acc);
	/* the setting, then the domain this host lies in */
	assert_ok(state_domain_add(t, s.st, "test", &other));
	world.postmaster = "bob@example.org";
	assert_ok(state_setting_set(t, s.st, "test", STR("domain.postmaster"),
	    STR("bob@example.org")));
	d = begin(&s.w[0], "a@example.net", 0);
	assert_int_equal(rcpt(t, d, "abuse@aaa.example"), DELIVER_OK);
	assert_int_equal(transmit(t, d, "Subject: x\r\n\r\n", false),
	    DELIVER_OK);
	deliver_free(&d);
	assert_int_equal(messages(t, r, &s, "bob@example.org"), 1);
	add_alias(t, &s, "postmaster@example.org", "alice@example.org");
	d = begin(&s.w[0], "a@example.net", 0);
	assert_int_equal(rcpt(t, d, "PostMaster"), DELIVER_OK);
	assert_int_equal(transmit(t, d, "Subject: x\r\n\r\n", false),
	    DELIVER_OK);
	deliver_free(&d);
	assert_int_equal(messages(t, r, &s, "alice@example.org"), 1);
	site_close(t, &s);
}

/* The account was removed between RCPT and the end of DATA. */
ARIG_CASE(test_gone)
{
	struct site s;
	struct account *acc;
	struct deliver *d;

	site_open(t, r, &s);
	d = begin(&s.w[1], "a@example.net", 0);
	assert_int_equal(rcpt(t, d, "alice@example.org"), DELIVER_OK);
	assert_int_equal(rcpt(t, d, "bob@example.org"), DELIVER_OK);
	acc = mailbox(t, r, &s, "alice@example.org");
	assert_ok(account_shut(t, acc));
	account_close(&acc);
	assert_int_equal(transmit(t, d, "Subject: x\r\n\r\n", false),
	    DELIVER_OK);
	assert_int_equal(deliver_rcpt_verdict(d, 0), DELIVER_UNKNOWN);
	assert_int_equal(deliver_rcpt_verdict(d, 1), DELIVER_OK);
	deliver_free(&d);
	d = begin(&s.w[1], "a@example.net", 0);
	assert_int_equal(rcpt(t, d, "alice@example.org"), DELIVER_UNKNOWN);
	deliver_free(&d);
	site_close(t, &s);
}

/* --- the share misbehaves --- */

static void
fault(struct arig *r, unsigned node, enum share_proc proc, enum err_code code)
{
	struct share_fault_rule rule = { .proc = proc,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = SHARE_FAULT_ALWAYS,
		.kind = SHARE_FAULT_BEFORE,
		.code = code };

	share_fault_set(r->node[node].fault, &rule, 1);
}

ARIG_CASE(test_share_full)
{
	struct site s;
	struct deliver *d;

	site_open(t, r, &s);
	d = begin(&s.w[0], "a@example.net", 0);
	assert_int_equal(rcpt(t, d, "alice@example.org"), DELIVER_OK);
	fault(r, 0, SHARE_WRITE, ERR_NOSPC);
	assert_int_equal(transmit(t, d, "Subject: x\r\n\r\n", false),
	    DELIVER_FULL);
	deliver_free(&d);
	share_fault_set(r->node[0].fault, NULL, 0);
	assert_int_equal(messages(t, r, &s, "alice@example.org"), 0);
	site_close(t, &s);
}

/* The share is away from the first call of RCPT on, or from DATA on. */
ARIG_CASE(test_share_away)
{
	struct site s;
	struct deliver *d;

	site_open(t, r, &s);
	fault(r, 1, SHARE_FAULT_ANY_PROC, ERR_UNAVAIL);
	d = begin(&s.w[1], "a@example.net", 0);
	assert_int_equal(rcpt(t, d, "alice@example.org"), DELIVER_TEMP);
	assert_int_equal(rcpt(t, d, "nobody@example.org"), DELIVER_UNKNOWN);
	share_fault_set(r->node[1].fault, NULL, 0);
	assert_int_equal(rcpt(t, d, "alice@example.org"), DELIVER_OK);
	fault(r, 1, SHARE_FAULT_ANY_PROC, ERR_UNAVAIL);
	assert_int_equal(transmit(t, d, "Subject: x\r\n\r\n", false),
	    DELIVER_TEMP);
	deliver_free(&d);
	share_fault_set(r->node[1].fault, NULL, 0);
	assert_int_equal(messages(t, r, &s, "alice@example.org"), 0);
	site_close(t, &s);
}

/*
 * Each call of a delivery to two goes wrong once, in each way.  What was
 * answered with 250 is there once; 5xx is never the answer; with 4xx there is
 * at most one copy.
 */
ARIG_CASE(test_every_call)
{
	static const struct {
		enum share_fault_kind kind;
		enum err_code code;
	} ways[] = {
		{ SHARE_FAULT_BEFORE, ERR_IO },
		{ SHARE_FAULT_BEFORE, ERR_NOSPC },
		{ SHARE_FAULT_BEFORE, ERR_STALE },
		{ SHARE_FAULT_AFTER, ERR_IO },
		{ SHARE_FAULT_LOST, ERR_NONE },
		{ SHARE_FAULT_TWICE, ERR_NONE },
	};
	static const char *const to[] = { "alice@example.org",
		"bob@example.org" };
	unsigned sent[2] = { 0 }, ok = 0, temp = 0;
	struct site s;

	site_open(t, r, &s);
	for (unsigned way = 0; way < countof(ways); way++)
		for (unsigned nth = 1; nth <= 12; nth++) {
			struct share_fault_rule rule = {
				.proc = SHARE_FAULT_ANY_PROC,
				.lane = SHARE_FAULT_ANY_LANE,
				.nth = nth,
				.kind = ways[way].kind,
				.code = ways[way].code
			};
			struct deliver *d = begin(&s.w[0], "a@example.net", 0);
			enum deliver_verdict v;

			for (unsigned i = 0; i < 2; i++)
				assert_int_equal(rcpt(t, d, to[i]), DELIVER_OK);
			share_fault_set(r->node[0].fault, &rule, 1);
			v = transmit(t, d, "Subject: x\r\n\r\n", false);
			share_fault_set(r->node[0].fault, NULL, 0);
			deliver_free(&d);
			assert_true(v == DELIVER_OK || deliver_is_temporary(v));
			ok += v == DELIVER_OK;
			temp += v != DELIVER_OK;
			for (unsigned i = 0; i < 2; i++) {
				unsigned now = messages(t, r, &s, to[i]);

				if (v == DELIVER_OK)
					assert_int_equal(now, sent[i] + 1);
				else
					assert_true(now - sent[i] <= 1);
				sent[i] = now;
			}
		}
	print_message("%u delivered, %u deferred\n", ok, temp);
	assert_true(ok > 0 && temp > 0);
	for (unsigned i = 0; i < 2; i++) {
		struct account *acc = mailbox(t, r, &s, to[i]);

		arig_check(t, acc);
		account_close(&acc);
	}
	site_close(t, &s);
}

/* --- how many calls (DESIGN 12) --- */

static may_yield_unchecked void
transaction(struct task *t, struct site *s, unsigned node,
    const char *const *to, unsigned n)
{
	struct deliver *d = begin(&s->w[node], "a@example.net", 0);

	for (unsigned i = 0; i < n; i++)
		assert_int_equal(rcpt(t, d, to[i]), DELIVER_OK);
	assert_int_equal(transmit(t, d, "Subject: x\r\n\r\ny\r\n", false),
	    DELIVER_OK);
	deliver_free(&d);
}

ARIG_CASE(test_budget)
{
	static const char *const two[] = { "alice@example.org",
		"bob@example.org" };
	struct account *acc;
	const char *shelf;
	struct site s;

	site_open(t, r, &s);
	transaction(t, &s, 0, two, 2);
	count(r, 0);
	transaction(t, &s, 0, two, 1);
	counted(r, 0, 4, 5);
	count(r, 0);
	transaction(t, &s, 0, two, 2);
	counted(r, 0, 5, 2 + 4 * 2);
	/* a node that has seen another account of the same shelf */
	acc = mailbox(t, r, &s, two[0]);
	shelf = arena_printf(task_arena(t), "%.2snone", account_id(acc).p);
	account_close(&acc);
	assert_err(account_open(t, r->node[1].ms, str_c(shelf), &acc),
	    ERR_NOTFOUND);
	count(r, 1);
	transaction(t, &s, 1, two, 1);
	counted(r, 1, 9, 14);
	site_close(t, &s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ARIG_TEST(test_addresses),
		ARIG_TEST(test_headers),
		ARIG_TEST(test_same_twice),
		ARIG_TEST(test_quota),
		ARIG_TEST(test_loops),
		ARIG_TEST(test_too_big),
		ARIG_TEST(test_domain_max),
		ARIG_TEST(test_postmaster),
		ARIG_TEST(test_gone),
		ARIG_TEST(test_share_full),
		ARIG_TEST(test_share_away),
		ARIG_TEST(test_every_call),
		ARIG_TEST(test_budget),
	};

	log_set_level(LOG_ERROR_);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
