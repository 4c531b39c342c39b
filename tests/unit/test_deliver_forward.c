/* test_deliver_forward.c - mail for accounts that forward */
#include "deliver_queue_rig.h"

#include "storage/state_forward.h"

const struct filter *const filters[] = { NULL };

static may_yield_unchecked void
forwards(struct task *t, struct site *s, const char *address,
    const char *target, bool keep)
{
	struct str targets[] = { str_c(target) };
	struct state_forward f = { targets, 1, keep };

	assert_ok(state_forward_set(t, s->st, "test", str_c(address), &f));
}

/* An account whose mail goes elsewhere: Delivered-To says that it was there,
 * and what comes round is a loop. */
ARIG_CASE(test_account_forwards)
{
	const struct queue_message *m;
	struct queue_bucket *b;
	struct deliver *d;
	struct site s;

	site_open(t, r, &s);
	forwards(t, &s, "alice@example.org", "x@example.net", false);
	d = begin(&s.w[0], "a@example.com", 0);
	assert_int_equal(rcpt(t, d, "alice+tag@example.org"), DELIVER_OK);
	assert_int_equal(transmit(t, d, "Subject: x\r\n\r\ny\r\n", false),
	    DELIVER_OK);
	b = bucket(t, &s);
	m = queue_bucket_nth(b, 0);
	assert_int_equal(m->rcpt_n, 1);
	is_rcpt(m, 0, "x@example.net", "alice@example.org",
	    "rfc822;alice+tag@example.org", 0);
	assert_non_null(
	    strstr(text(t, b, m), "Delivered-To: alice@example.org\r\n"));
	deliver_free(&d);
	assert_int_equal(messages(t, r, &s, "alice@example.org"), 0);
	d = begin(&s.w[0], "a@example.com", 0);
	assert_int_equal(rcpt(t, d, "alice@example.org"), DELIVER_OK);
	assert_int_equal(transmit(t, d,
			     "Delivered-To: Alice@example.org\r\n\r\n", true),
	    DELIVER_LOOP);
	deliver_free(&d);
	/* several at once: nobody learns of the others */
	d = begin(&s.w[0], "a@example.com", 0);
	assert_int_equal(rcpt(t, d, "alice@example.org"), DELIVER_OK);
	assert_int_equal(rcpt(t, d, "bob@example.org"), DELIVER_OK);
	assert_int_equal(transmit(t, d, "\r\n", false), DELIVER_OK);
	m = by_id(t, &s, deliver_queue_id(d));
	b = bucket_of(t, &s, deliver_queue_id(d));
	assert_null(strstr(text(t, b, m), "Delivered-To"));
	deliver_free(&d);
	site_close(t, &s);
}

/* Of who forwards nobody learns who gets the message as somebody else. */
ARIG_CASE(test_member_forwards)
{
	struct str targets[] = { STR("bob@example.org"), STR("x@example.net") };
	struct state_forward f = { targets, 2, true };
	const struct queue_message *m;
	struct queue_bucket *b;
	struct deliver *d;
	struct site s;

	site_open(t, r, &s);
	forwards(t, &s, "alice@example.org", "x@example.net", false);
	d = begin(&s.w[0], "a@example.com", 0);
	assert_int_equal(rcpt(t, d, "both@example.org"), DELIVER_OK);
	assert_int_equal(transmit(t, d, "\r\n", false), DELIVER_OK);
	m = by_id(t, &s, deliver_queue_id(d));
	b = bucket_of(t, &s, deliver_queue_id(d));
	assert_int_equal(m->rcpt_n, 2);
	is_rcpt(m, 0, "bob@example.org", "", "rfc822;both@example.org", 0);
	is_rcpt(m, 1, "x@example.net", "alice@example.org",
	    "rfc822;both@example.org", 0);
	assert_null(strstr(text(t, b, m), "alice@example.org"));
	deliver_free(&d);
	/* who gets it by that alone */
	assert_ok(
	    state_forward_set(t, s.st, "test", STR("alice@example.org"), &f));
	d = begin(&s.w[0], "a@example.com", 0);
	assert_int_equal(rcpt(t, d, "alice@example.org"), DELIVER_OK);
	assert_int_equal(transmit(t, d, "\r\n", false), DELIVER_OK);
	m = by_id(t, &s, deliver_queue_id(d));
	b = bucket_of(t, &s, deliver_queue_id(d));
	assert_int_equal(m->rcpt_n, 3);
	assert_non_null(
	    strstr(text(t, b, m), "Delivered-To: alice@example.org\r\n"));
	deliver_free(&d);
	site_close(t, &s);
}

/* What has come round is not forwarded again, whoever else gets it. */
ARIG_CASE(test_forwards_round)
{
	static const char round[] = "Delivered-To: alice@example.org\r\n\r\n";
	const struct queue_message *m;
	struct deliver *d;
	struct site s;

	site_open(t, r, &s);
	add_alias(t, &s, "al@example.org", "x@example.net");
	add_alias(t, &s, "away@example.org", "y@example.net");
	forwards(t, &s, "alice@example.org", "al@example.org", false);
	d = begin(&s.w[0], "a@example.com", 0);
	assert_int_equal(rcpt(t, d, "alice@example.org"), DELIVER_OK);
	assert_int_equal(rcpt(t, d, "bob@example.org"), DELIVER_OK);
	assert_int_equal(rcpt(t, d, "away@example.org"), DELIVER_OK);
	assert_int_equal(transmit(t, d, round, true), DELIVER_OK);
	assert_int_equal(deliver_rcpt_verdict(d, 0), DELIVER_LOOP);
	assert_int_equal(deliver_rcpt_verdict(d, 1), DELIVER_OK);
	assert_int_equal(deliver_rcpt_verdict(d, 2), DELIVER_OK);
	m = by_id(t, &s, deliver_queue_id(d));
	assert_int_equal(m->rcpt_n, 2);
	is_rcpt(m, 0, "bob@example.org", "", "", 0);
	is_rcpt(m, 1, "y@example.net", "away@example.org",
	    "rfc822;away@example.org", 0);
	deliver_free(&d);
	d = begin(&s.w[0], "a@example.com", 0);
	assert_int_equal(rcpt(t, d, "alice@example.org"), DELIVER_OK);
	assert_int_equal(transmit(t, d, round, false), DELIVER_LOOP);
	deliver_free(&d);
	site_close(t, &s);
}

/* Kept, too: in the queue under the account's own name, so that it is not
 * forwarded once more. */
ARIG_CASE(test_account_forwards_and_keeps)
{
	const struct queue_message *m;
	struct deliver *d;
	struct site s;

	site_open(t, r, &s);
	add_alias(t, &s, "al@example.org", "alice@example.org");
	forwards(t, &s, "alice@example.org", "x@example.net", true);
	d = begin(&s.w[0], "a@example.com", 0);
	assert_int_equal(rcpt(t, d, "al@example.org"), DELIVER_OK);
	assert_int_equal(transmit(t, d, "\r\n", false), DELIVER_OK);
	m = by_id(t, &s, deliver_queue_id(d));
	assert_int_equal(m->rcpt_n, 2);
	is_rcpt(m, 0, "alice@example.org", "alice@example.org",
	    "rfc822;al@example.org", 0);
	is_rcpt(m, 1, "x@example.net", "alice@example.org",
	    "rfc822;al@example.org", 0);
	deliver_free(&d);
	/* here: both mailboxes at once */
	forwards(t, &s, "alice@example.org", "bob@example.org", true);
	d = begin(&s.w[0], "a@example.com", 0);
	assert_int_equal(rcpt(t, d, "alice@example.org"), DELIVER_OK);
	assert_int_equal(transmit(t, d, "\r\n", false), DELIVER_OK);
	deliver_free(&d);
	assert_int_equal(messages(t, r, &s, "alice@example.org"), 1);
	assert_int_equal(messages(t, r, &s, "bob@example.org"), 1);
	site_close(t, &s);
}

/* A full mailbox loses its copy, not the message; and gets no more. */
ARIG_CASE(test_full_account_forwards)
{
	const struct queue_message *m;
	struct deliver *d;
	struct site s;

	site_open(t, r, &s);
	add_account(t, r, &s, "small@example.org", 10);
	add_account(t, r, &s, "tiny@example.org", 10);
	forwards(t, &s, "small@example.org", "x@example.net", true);
	for (unsigned i = 0; i < 3; i++) {
		d = begin(&s.w[0], "a@example.com", 0);
		assert_int_equal(rcpt(t, d, "small@example.org"), DELIVER_OK);
		assert_int_equal(transmit(t, d, "Subject: 1\r\n\r\n", false),
		    DELIVER_OK);
		m = by_id(t, &s, deliver_queue_id(d));
		assert_int_equal(m->rcpt_n, 2);
		deliver_free(&d);
	}
	/* what is in the queue is not in the mailbox yet */
	forwards(t, &s, "small@example.org", "bob@example.org", true);
	for (unsigned i = 0; i < 3; i++) {
		d = begin(&s.w[0], "a@example.com", 0);
		assert_int_equal(rcpt(t, d, "small@example.org"), DELIVER_OK);
		assert_int_equal(transmit(t, d, "Subject: 1\r\n\r\n", false),
		    DELIVER_OK);
		deliver_free(&d);
	}
	assert_int_equal(messages(t, r, &s, "small@example.org"), 1);
	assert_int_equal(messages(t, r, &s, "bob@example.org"), 3);
	/* nobody has room: then it is the sender's to try again */
	forwards(t, &s, "small@example.org", "tiny@example.org", true);
	d = begin(&s.w[0], "a@example.com", 0);
	assert_int_equal(rcpt(t, d, "small@example.org"), DELIVER_OK);
	assert_int_equal(transmit(t, d, "Subject: 1\r\n\r\n", false),
	    DELIVER_OK);
	deliver_free(&d);
	d = begin(&s.w[0], "a@example.com", 0);
	assert_int_equal(rcpt(t, d, "small@example.org"), DELIVER_OVERQUOTA);
	assert_int_equal(rcpt(t, d, "bob@example.org"), DELIVER_OK);
	assert_int_equal(transmit(t, d, "\r\n", false), DELIVER_OK);
	deliver_free(&d);
	assert_int_equal(messages(t, r, &s, "small@example.org"), 1);
	assert_int_equal(messages(t, r, &s, "tiny@example.org"), 1);
	site_close(t, &s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ARIG_TEST(test_account_forwards),
		ARIG_TEST(test_member_forwards),
		ARIG_TEST(test_forwards_round),
		ARIG_TEST(test_account_forwards_and_keeps),
		ARIG_TEST(test_full_account_forwards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
