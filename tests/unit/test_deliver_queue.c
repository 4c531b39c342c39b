/* test_deliver_queue.c - mail for elsewhere, and what filters make of mail */
#include "deliver_queue_rig.h"

#include "server/queue/srs.h"
#include "storage/state_srs.h"

/* --- a filter that does as it is told --- */

static struct {
	enum filter_verdict at_header, at_end;
	const char *add, *room, *last; /* fields */
	struct str header, body;       /* as it saw them */
	unsigned room_no;
} told;

static void *
told_begin(struct filter_msg *m)
{
	told.header = told.body = STR_NONE;
	return m->client->known ? &told : NULL;
}

static void
told_header(struct task *t, struct filter_msg *m, void *state,
    struct headers *h)
{
	(void)t;
	(void)state;
	told.header = arena_str(m->arena, h->original);
	if (told.add != NULL)
		headers_prepend(h, str_c(told.add));
	if (told.room != NULL)
		assert_true(filter_room(m, h, str_c(told.room), &told.room_no));
	filter_say(m, told.at_header, 450, "4.7.9", "not at header");
}

static void
told_body(void *state, struct str piece)
{
	static char kept[1000];

	(void)state;
	assert_true(told.body.n + piece.n <= sizeof(kept));
	memcpy(kept + told.body.n, piece.p, piece.n);
	told.body = str_of(kept, told.body.n + piece.n);
}

static void
told_end(struct task *t, struct filter_msg *m, void *state)
{
	(void)t;
	(void)state;
	if (told.last != NULL)
		filter_fill(m, told.room_no, str_c(told.last));
	filter_say(m, told.at_end, 554, "5.7.9", "not at end");
}

static const struct filter told_filter = {
	.name = "told",
	.begin = told_begin,
	.header = told_header,
	.body = told_body,
	.end = told_end,
};
const struct filter *const filters[] = { &told_filter, NULL };

/* --- helpers --- */

static void
is_stranger(void)
{
	world.client = (struct filter_client){ .known = true };
	memset(&told, 0, sizeof(told));
}

static void
is_alice(void)
{
	is_stranger();
	world.client.account = STR("x123");
	world.client.login = STR("alice@example.org");
}

static may_yield_unchecked enum deliver_verdict
rcpt_dsn(struct task *t, struct deliver *d, const char *args)
{
	struct smtp_rcpt r;

	assert_int_equal(smtp_parse_rcpt(str_c(args), &r), SMTP_OK);
	return deliver_rcpt(t, d, &r);
}

/* --- cases --- */

/* An alias that leads away: everything goes through the queue, at once. */
ARIG_CASE(test_forward)
{
	const struct queue_message *m;
	struct queue_bucket *b;
	struct deliver *d;
	struct site s;
	const char *got;

	site_open(t, r, &s);
	is_stranger();
	add_alias(t, &s, "away@example.org", "x@example.net");
	add_alias(t, &s, "mixed@example.org", "X@example.net");
	add_alias(t, &s, "mixed@example.org", "bob@example.org");
	d = begin(&s.w[0], "a@example.com", 0);
	assert_int_equal(rcpt(t, d, "alice@example.org"), DELIVER_OK);
	assert_int_equal(rcpt(t, d, "mixed@example.org"), DELIVER_OK);
	/* the same once more */
	assert_int_equal(rcpt(t, d, "away@example.org"), DELIVER_OK);
	assert_int_equal(rcpt(t, d, "Mixed@example.org"), DELIVER_OK);
	assert_int_equal(transmit(t, d, "Subject: x\r\n\r\ny\r\n", true),
	    DELIVER_OK);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(deliver_rcpt_verdict(d, i), DELIVER_OK);
	b = bucket(t, &s);
	m = queue_bucket_nth(b, 0);
	test_row_str(0, m->id, deliver_queue_id(d));
	test_row_str(1, m->from, STR("a@example.com"));
	test_row_str(2, m->trace, STR("id-1"));
	assert_int_equal(m->rcpt_n, 3);
	is_rcpt(m, 0, "alice@example.org", "", "", 0);
	is_rcpt(m, 1, "bob@example.org", "", "rfc822;mixed@example.org", 0);
	is_rcpt(m, 2, "x@example.net", "mixed@example.org",
	    "rfc822;mixed@example.org", 0);
	got = text(t, b, m);
	assert_string_equal(got, "Received: from client ([192.0.2.1])\r\n"
				 "\tby mx1.example.org with ESMTP\r\n"
				 "\tid id-1;\r\n"
				 "\tFri, 21 Nov 2025 21:01:28 +0000\r\n"
				 "Subject: x\r\n\r\ny\r\n");
	deliver_free(&d);
	/* nothing went the other way */
	assert_int_equal(messages(t, r, &s, "alice@example.org"), 0);
	assert_int_equal(messages(t, r, &s, "bob@example.org"), 0);
	assert_int_equal(world.stats[STAT_MESSAGES_IN], 1);
	site_close(t, &s);
}

/* Refused; or, if somebody gets all mail for our domain, his. */
static may_yield_unchecked void
not_relayed(struct task *t, struct site *s, const char *from, const char *to,
    bool all)
{
	struct deliver *d = begin(&s->w[0], from, 0);
	struct smtp_rcpt p;
	const char *args = arena_printf(task_arena(t), "TO:<%s>", to);

	if (smtp_parse_rcpt(str_c(args), &p) == SMTP_OK &&
	    deliver_rcpt(t, d, &p) == DELIVER_OK) {
		if (!all)
			fail_msg("%s: taken", to);
		assert_int_equal(transmit(t, d, "\r\n", false), DELIVER_OK);
		if (deliver_queue_id(d).n > 0)
			fail_msg("%s: queued", to);
	}
	deliver_free(&d);
}

/* Whoever has not logged in writes to us, whatever he calls it. */
ARIG_CASE(test_no_relay)
{
	static const char *const rows[] = {
		"x@example.net",
		"X@EXAMPLE.NET",
		"x%example.net@example.org",
		"x%25example.net@example.org",
		"x@example.net%example.org@example.org",
		"@example.org:x@example.net",
		"@example.org,@mx1.example.org:x@example.net",
		"example.net!x@example.org",
		"example.net!x",
		"x%example.net",
		"\"x@example.net\"@example.org",
		"\"x@example.net\"",
		"\"x%example.net\"@example.org",
		"\"example.net!x\"@example.org",
		"\"x\"@example.net",
		"x@[192.0.2.1]",
		"x@[127.0.0.1]",
		"x@[IPv6:::1]",
		"alice@[IPv6:2001:db8::1]",
		"x@mx1.example.org",
		"x@sub.example.org",
		"x@example.org.example.net",
		"x@xn--mller-kva.example",
		"\xc3\xbc@example.net",
		"\xc3\xbc@m\xc3\xbcller.example",
		"x@\xef\xbd\x85xample.net", /* fullwidth e */
		"SRS0=aaaa=bb=example.net=x@example.org",
		"SRS1=aaaa=example.com==bbbb=cc=example.net=x@example.org",
		"srs0+aaaa=bb=example.net=x@example.org",
		"SRS0=aaaa=bb=example.net=x@example.net",
		"x@example.net@example.org",
		"x@example.net\\@example.org",
		"x@example.org.",
		"x@example.net.",
		"x@.example.net",
		"x @example.net",
		"x@localhost",
		"x@localhost.example.net",
		"postmaster@example.net",
		"<x@example.net>",
		"-oQ/tmp@example.net",
		"|sh@example.net",
		"`id`@example.net",
	};
	static const char *const from[] = { "a@example.com",
		"alice@example.org", "" };
	struct site s;

	site_open(t, r, &s);
	assert_ok(state_srs_rotate(t, s.st, "test"));
	is_stranger();
	/* who says he is one of us, bounces, and a catch-all change nothing */
	for (unsigned i = 0; i < countof(from); i++) {
		if (i == 1)
			add_alias(t, &s, "@example.org", "bob@example.org");
		for (size_t j = 0; j < countof(rows); j++)
			not_relayed(t, &s, from[i], rows[j], i > 0);
	}
	site_close(t, &s);
}

ARIG_CASE(test_submission)
{
	static const struct {
		const char *address;
		enum deliver_verdict v;
	} rows[] = {
		{ "x@example.net", DELIVER_OK },
		{ "\"x y\"@example.net", DELIVER_OK },
		{ "x%y@example.net", DELIVER_OK },
		{ "X@Example.NET", DELIVER_OK },
		{ "bob@example.org", DELIVER_OK },
		{ "nobody@example.org", DELIVER_UNKNOWN },
		{ "x%example.net@example.org", DELIVER_FOREIGN },
		{ "\"x@example.net\"@example.org", DELIVER_FOREIGN },
		{ "x@[192.0.2.1]", DELIVER_FOREIGN },
		{ "example.net!x", DELIVER_FOREIGN },
		{ "x", DELIVER_NO_DOMAIN },
	};
	const struct queue_message *m;
	struct queue_bucket *b;
	struct deliver *d;
	struct site s;

	site_open(t, r, &s);
	is_alice();
	d = begin(&s.w[0], "alice@example.org", 0);
	for (size_t i = 0; i < countof(rows); i++)
		test_row(i, rcpt(t, d, rows[i].address) == rows[i].v);
	assert_int_equal(transmit(t, d, "Subject: x\r\n\r\n", false),
	    DELIVER_OK);
	deliver_free(&d);
	b = bucket(t, &s);
	m = queue_bucket_nth(b, 0);
	test_row_str(0, m->account, STR("x123"));
	assert_int_equal(m->rcpt_n, 4);
	is_rcpt(m, 0, "bob@example.org", "", "", 0);
	is_rcpt(m, 1, "x@example.net", "", "", 0);
	is_rcpt(m, 2, "\"x y\"@example.net", "", "", 0);
	is_rcpt(m, 3, "x%y@example.net", "", "", 0);
	site_close(t, &s);
}

/* Each address in From is a question: so many, whatever fields they are in. */
ARIG_CASE(test_from_is_bounded)
{
	static const struct {
		unsigned fields, each;
		enum deliver_verdict v;
	} rows[] = {
		{ 1, 100, DELIVER_OK },
		{ 50, 2, DELIVER_OK },
		{ 1, 101, DELIVER_NOT_YOURS },
		{ 51, 2, DELIVER_NOT_YOURS },
		{ 2000, 1, DELIVER_NOT_YOURS },
	};
	struct state_account alice;
	struct site s;

	site_open(t, r, &s);
	is_alice();
	assert_ok(state_account_find(task_arena(t), s.st,
	    STR("alice@example.org"), &alice));
	world.client.account = alice.id;
	for (size_t i = 0; i < countof(rows); i++) {
		struct deliver *d = begin(&s.w[0], "alice@example.org", 0);
		struct buf b;

		buf_init(&b, task_arena(t), 200000);
		for (unsigned j = 0; j < rows[i].fields; j++)
			for (unsigned k = 0; k < rows[i].each; k++)
				buf_fmt(&b, "%salice@example.org%s",
				    k == 0 ? "From: " : "",
				    k + 1 < rows[i].each ? ",\r\n " : "\r\n");
		buf_c(&b, "\r\n");
		buf_char(&b, '\0');
		assert_true(buf_ok(&b));
		assert_int_equal(rcpt(t, d, "bob@example.org"), DELIVER_OK);
		test_row(i, transmit(t, d, b.p, false) == rows[i].v);
		deliver_free(&d);
	}
	site_close(t, &s);
}

/* What is not seen may be a Bcc: none is passed on. */
ARIG_CASE(test_header_is_cut)
{
	struct site s;

	site_open(t, r, &s);
	is_alice();
	world.any_from = true;
	for (unsigned fields = 1000; fields <= 3000; fields += 2000) {
		struct deliver *d = begin(&s.w[0], "alice@example.org", 0);
		struct buf b;

		buf_init(&b, task_arena(t), 100000);
		for (unsigned i = 0; i < fields; i++)
			buf_fmt(&b, "X-%u: y\r\n", i);
		buf_c(&b,
		    "Bcc: x@example.net\r\nFrom: bob@example.org\r\n\r\n");
		buf_char(&b, '\0');
		assert_true(buf_ok(&b));
		assert_int_equal(rcpt(t, d, "bob@example.org"), DELIVER_OK);
		assert_int_equal(transmit(t, d, b.p, false),
		    fields == 1000 ? DELIVER_OK : DELIVER_TOO_BIG);
		deliver_free(&d);
	}
	assert_null(strstr(newest(t, r, &s, "bob@example.org"), "Bcc"));
	site_close(t, &s);
}

/* Mailboxes and others together are one entry. */
ARIG_CASE(test_most_recipients)
{
	struct queue_bucket *b;
	struct deliver *d;
	struct site s;

	site_open(t, r, &s);
	is_alice();
	d = begin(&s.w[0], "alice@example.org", 0);
	for (unsigned i = 0; i + 1 < DELIVER_ACCOUNTS_MAX; i++) {
		struct arena_mark mark = arena_mark(task_arena(t));

		assert_int_equal(rcpt(t, d,
				     arena_printf(task_arena(t),
					 "u%u@example.net", i)),
		    DELIVER_OK);
		arena_rewind(task_arena(t), mark);
	}
	assert_int_equal(rcpt(t, d, "both@example.org"), DELIVER_MANY);
	assert_int_equal(rcpt(t, d, "bob@example.org"), DELIVER_OK);
	assert_int_equal(rcpt(t, d, "alice@example.org"), DELIVER_MANY);
	assert_int_equal(rcpt(t, d, "x@example.com"), DELIVER_MANY);
	assert_int_equal(transmit(t, d, "\r\n", false), DELIVER_OK);
	deliver_free(&d);
	b = bucket(t, &s);
	assert_int_equal(queue_bucket_nth(b, 0)->rcpt_n, DELIVER_ACCOUNTS_MAX);
	site_close(t, &s);
}

/* Results in our name: from whom they stay. */
ARIG_CASE(test_forged)
{
#define RESULTS "Authentication-Results: "
	static const char *const fields[] = {
		RESULTS "mx1.example.org; dmarc=pass\r\n",
		RESULTS "(c) \"MX2.example.org\" 1; dmarc=pass\r\n",
		RESULTS "\r\n example.org.; none\r\n",
		"authentication-results :mx1.example.org\r\n",
		RESULTS "\r\n",
		RESULTS "mx.example.net; none\r\n",
		RESULTS "badexample.org; none\r\n",
	};
	static const struct {
		bool trusted, login;
		size_t from; /* those stay */
	} rows[] = {
		{ false, false, 5 },
		{ false, true, 5 },
		{ true, true, 5 },
		{ true, false, 0 },
	};
	struct buf in;
	struct site s;

	site_open(t, r, &s);
	buf_init(&in, task_arena(t), 1000);
	for (size_t i = 0; i < countof(fields); i++)
		buf_c(&in, fields[i]);
	buf_c(&in, "From: alice@example.org\r\n\r\n");
	buf_char(&in, '\0');
	for (size_t i = 0; i < countof(rows); i++) {
		struct state_account alice;
		struct deliver *d;
		const char *got;

		is_stranger();
		assert_ok(state_account_find(task_arena(t), s.st,
		    STR("alice@example.org"), &alice));
		if (rows[i].login) {
			is_alice();
			world.client.account = alice.id;
		}
		world.client.trusted = rows[i].trusted;
		d = begin(&s.w[0], "alice@example.org", 0);
		assert_int_equal(rcpt(t, d, "bob@example.org"), DELIVER_OK);
		assert_int_equal(transmit(t, d, in.p, false), DELIVER_OK);
		deliver_free(&d);
		got = newest(t, r, &s, "bob@example.org");
		for (size_t j = 0; j < countof(fields); j++)
			test_row(i * 10 + j, (strstr(got, fields[j]) != NULL) ==
						 (j >= rows[i].from));
	}
	site_close(t, &s);
}

/* A header full of them costs no more than some: what is left goes unread. */
ARIG_CASE(test_forged_many)
{
	struct deliver *d;
	struct site s;
	const char *got;
	struct buf in;
	unsigned n = 0;

	site_open(t, r, &s);
	is_stranger();
	buf_init(&in, task_arena(t), HEADERS_BYTES_MAX);
	for (unsigned i = 0; i < 1000; i++) {
		buf_c(&in, RESULTS);
		for (unsigned j = 0; j < 100; j++)
			buf_c(&in, "a.");
		buf_c(&in, "net; none\r\n");
	}
	buf_c(&in, "Subject: x\r\n\r\n");
	buf_char(&in, '\0');
	assert_true(buf_ok(&in));
	d = begin(&s.w[0], "a@example.com", 0);
	assert_int_equal(rcpt(t, d, "bob@example.org"), DELIVER_OK);
	assert_int_equal(transmit(t, d, in.p, false), DELIVER_OK);
	deliver_free(&d);
	got = newest(t, r, &s, "bob@example.org");
	assert_non_null(strstr(got, "\r\nSubject: x\r\n"));
	while ((got = strstr(got, RESULTS)) != NULL) {
		got++;
		n++;
	}
	assert_int_equal(n, 2); /* 101 questions each, 256 in all */
	site_close(t, &s);
}

ARIG_CASE(test_dsn)
{
	struct smtp_mail mail;
	const struct queue_message *m;
	struct queue_bucket *b;
	struct deliver *d;
	struct site s;

	site_open(t, r, &s);
	add_alias(t, &s, "away@example.org", "x@example.net");
	/* what is asked for but delivery needs no queue */
	d = begin(&s.w[0], "a@example.com", 0);
	assert_int_equal(rcpt_dsn(t, d,
			     "TO:<alice@example.org> NOTIFY=FAILURE,DELAY"),
	    DELIVER_OK);
	assert_int_equal(transmit(t, d, "\r\n", false), DELIVER_OK);
	assert_int_equal(deliver_queue_id(d).n, 0);
	deliver_free(&d);
	assert_int_equal(messages(t, r, &s, "alice@example.org"), 1);
	assert_int_equal(smtp_parse_mail(STR("FROM:<a@example.com> RET=HDRS "
					     "ENVID=a+2Bb BODY=8BITMIME"),
			     &mail),
	    SMTP_OK);
	d = deliver_new(&s.w[0], &mail, NULL);
	assert_int_equal(rcpt_dsn(t, d,
			     "TO:<alice@example.org> NOTIFY=SUCCESS "
			     "ORCPT=rfc822;a+2Bx@y"),
	    DELIVER_OK);
	assert_int_equal(rcpt_dsn(t, d,
			     "TO:<away@example.org> NOTIFY=SUCCESS,FAILURE"),
	    DELIVER_OK);
	assert_int_equal(rcpt_dsn(t, d, "TO:<both@example.org> NOTIFY=SUCCESS"),
	    DELIVER_OK);
	assert_int_equal(transmit(t, d, "\r\n", false), DELIVER_OK);
	deliver_free(&d);
	b = bucket(t, &s);
	m = queue_bucket_nth(b, 0);
	assert_int_equal(m->flags, QUEUE_HDRS); /* it is all ASCII */
	test_row_str(0, m->envid, STR("a+b"));
	assert_int_equal(m->rcpt_n, 3);
	is_rcpt(m, 0, "alice@example.org", "", "rfc822;a+x@y",
	    QUEUE_NOTIFY_SUCCESS);
	/* members of a list are not told of */
	is_rcpt(m, 1, "bob@example.org", "", "rfc822;both@example.org",
	    QUEUE_NOTIFY_NEVER);
	is_rcpt(m, 2, "x@example.net", "away@example.org",
	    "rfc822;away@example.org",
	    QUEUE_NOTIFY_SUCCESS | QUEUE_NOTIFY_FAILURE);
	site_close(t, &s);
}

/* Whether a host has to take 8-bit bytes is seen, not believed. */
ARIG_CASE(test_8bit)
{
	static const struct {
		const char *from, *text, *add, *last;
		bool eight;
	} rows[] = {
		{ "FROM:<a@b.c> BODY=8BITMIME", "A: b\r\n\r\nc\r\n", NULL, NULL,
		    false },
		{ "FROM:<a@b.c> BODY=8BITMIME", "A: b\r\n\r\n\xc3\xa9\r\n",
		    NULL, NULL, true },
		{ "FROM:<a@b.c> BODY=7BIT", "A: b\r\n\r\n\xff", NULL, NULL,
		    true },
		{ "FROM:<a@b.c>", "A: \x80\r\n\r\n", NULL, NULL, true },
		{ "FROM:<a@b.c>", "A: \x7f\r\n\r\n", NULL, NULL, false },
		/* what filters put in */
		{ "FROM:<a@b.c>", "\r\n", "B: \xc3\xa9\r\n", NULL, true },
		{ "FROM:<a@b.c>", "\r\n", NULL, "R: \xc3\xa9\r\n", true },
	};
	const struct queue_message *m;
	struct smtp_mail mail;
	struct deliver *d;
	struct site s;

	site_open(t, r, &s);
	add_alias(t, &s, "away@example.org", "x@example.net");
	for (size_t i = 0; i < countof(rows); i++) {
		is_stranger();
		told.add = rows[i].add;
		told.room = rows[i].last != NULL ? "R: 12\r\n" : NULL;
		told.last = rows[i].last;
		test_row(i,
		    smtp_parse_mail(str_c(rows[i].from), &mail) == SMTP_OK);
		d = deliver_new(&s.w[0], &mail, &world.client);
		test_row(i, rcpt(t, d, "away@example.org") == DELIVER_OK);
		test_row(i, transmit(t, d, rows[i].text, false) == DELIVER_OK);
		m = by_id(t, &s, deliver_queue_id(d));
		test_row(i,
		    m->flags == (rows[i].eight ? (unsigned)QUEUE_8BIT : 0));
		deliver_free(&d);
	}
	site_close(t, &s);
}

/* A bounce to a sender that we rewrote. */
ARIG_CASE(test_bounce)
{
	struct queue_bucket *b;
	struct deliver *d;
	struct site s;
	struct str srs;
	char *to;

	site_open(t, r, &s);
	is_stranger();
	add_alias(t, &s, "@example.org", "bob@example.org");
	assert_ok(state_srs_rotate(t, s.st, "test"));
	assert_ok(srs_forward(task_arena(t), s.st, task_wall_s(t),
	    STR("x@example.net"), STR("example.org"), &srs));
	to = arena_cstr(task_arena(t), srs);
	/* only bounces */
	d = begin(&s.w[0], "a@example.com", 0);
	assert_int_equal(rcpt(t, d, to), DELIVER_OK);
	assert_int_equal(transmit(t, d, "\r\n", false), DELIVER_OK);
	assert_int_equal(deliver_queue_id(d).n, 0);
	deliver_free(&d);
	assert_int_equal(messages(t, r, &s, "bob@example.org"), 1);
	d = begin(&s.w[0], "", 0);
	assert_int_equal(rcpt(t, d, to), DELIVER_OK);
	assert_int_equal(transmit(t, d, "\r\n", false), DELIVER_OK);
	deliver_free(&d);
	b = bucket(t, &s);
	is_rcpt(queue_bucket_nth(b, 0), 0, "x@example.net", "", "", 0);
	site_close(t, &s);
}

ARIG_CASE(test_loop)
{
	static const char own[] =
	    "Delivered-To: alice@example.org\r\nSubject: x\r\n\r\n";
	struct queue_bucket *b;
	struct deliver *d;
	struct site s;

	site_open(t, r, &s);
	add_alias(t, &s, "mixed@example.org", "x@example.net");
	add_alias(t, &s, "mixed@example.org", "alice@example.org");
	d = begin(&s.w[0], "a@example.com", 0);
	assert_int_equal(rcpt(t, d, "mixed@example.org"), DELIVER_OK);
	assert_int_equal(transmit(t, d, own, false), DELIVER_LOOP);
	deliver_free(&d);
	/* LMTP: the others get it */
	d = begin(&s.w[0], "a@example.com", 0);
	assert_int_equal(rcpt(t, d, "mixed@example.org"), DELIVER_OK);
	assert_int_equal(rcpt(t, d, "alice@example.org"), DELIVER_OK);
	assert_int_equal(transmit(t, d, own, true), DELIVER_OK);
	assert_int_equal(deliver_rcpt_verdict(d, 0), DELIVER_OK);
	assert_int_equal(deliver_rcpt_verdict(d, 1), DELIVER_LOOP);
	deliver_free(&d);
	b = bucket(t, &s);
	assert_int_equal(queue_bucket_nth(b, 0)->rcpt_n, 1);
	is_rcpt(queue_bucket_nth(b, 0), 0, "x@example.net", "mixed@example.org",
	    "rfc822;mixed@example.org", 0);
	site_close(t, &s);
}

/* Each call goes wrong once, in each way: what was answered with 250 is in the
 * queue once, and with 4xx at most once. */
ARIG_CASE(test_every_call)
{
	static const struct {
		enum share_fault_kind kind;
		enum err_code code;
	} ways[] = {
		{ SHARE_FAULT_BEFORE, ERR_IO },
		{ SHARE_FAULT_BEFORE, ERR_NOSPC },
		{ SHARE_FAULT_AFTER, ERR_IO },
		{ SHARE_FAULT_LOST, ERR_NONE },
		{ SHARE_FAULT_TWICE, ERR_NONE },
	};
	unsigned sent = 0, ok = 0, temp = 0;
	struct queue_bucket *b;
	struct site s;

	site_open(t, r, &s);
	is_alice();
	for (unsigned way = 0; way < countof(ways); way++)
		for (unsigned nth = 1; nth <= 8; nth++) {
			struct share_fault_rule rule = {
				.proc = SHARE_FAULT_ANY_PROC,
				.lane = SHARE_FAULT_ANY_LANE,
				.nth = nth,
				.kind = ways[way].kind,
				.code = ways[way].code
			};
			struct deliver *d =
			    begin(&s.w[0], "alice@example.org", 0);
			enum deliver_verdict v;
			unsigned now;

			assert_int_equal(rcpt(t, d, "x@example.net"),
			    DELIVER_OK);
			share_fault_set(r->node[0].fault, &rule, 1);
			v = transmit(t, d, "\r\n", false);
			share_fault_set(r->node[0].fault, NULL, 0);
			deliver_free(&d);
			assert_true(v == DELIVER_OK || deliver_is_temporary(v));
			ok += v == DELIVER_OK;
			temp += v != DELIVER_OK;
			now = queued(t, &s, &b);
			if (v == DELIVER_OK)
				assert_int_equal(now, sent + 1);
			else
				assert_true(now - sent <= 1);
			sent = now;
		}
	print_message("%u queued, %u deferred\n", ok, temp);
	assert_true(ok > 0 && temp > 0);
	site_close(t, &s);
}

/* --- filters --- */

ARIG_CASE(test_filter_fields)
{
	struct deliver *d;
	struct site s;
	const char *got;

	site_open(t, r, &s);
	is_stranger();
	told.add = "X-Added: 1\r\n";
	told.room = "X-Room: nothing known\r\n";
	told.last = "X-Room: all good\r\n";
	d = begin(&s.w[0], "a@example.com", 0);
	assert_int_equal(rcpt(t, d, "alice@example.org"), DELIVER_OK);
	assert_int_equal(rcpt(t, d, "bob@example.org"), DELIVER_OK);
	assert_int_equal(transmit(t, d, "Subject: x\r\n\r\nbody\r\n", false),
	    DELIVER_OK);
	test_row_str(0, told.header, STR("Subject: x\r\n"));
	test_row_str(1, told.body, STR("body\r\n"));
	deliver_free(&d);
	got = newest(t, r, &s, "bob@example.org");
	assert_non_null(strstr(got, "+0000\r\nX-Room: all good     \r\n"
				    "X-Added: 1\r\nSubject: x\r\n\r\nbody"));
	/* not filled: as it was */
	told.last = NULL;
	d = begin(&s.w[0], "a@example.com", 0);
	assert_int_equal(rcpt(t, d, "bob@example.org"), DELIVER_OK);
	assert_int_equal(transmit(t, d, "Subject: x\r\n", false), DELIVER_OK);
	test_row_str(2, told.header, STR("Subject: x\r\n"));
	deliver_free(&d);
	got = newest(t, r, &s, "bob@example.org");
	assert_non_null(strstr(got, "X-Room: nothing known\r\nX-Added: 1\r\n"));
	site_close(t, &s);
}

ARIG_CASE(test_filter_verdicts)
{
	static const struct {
		enum filter_verdict header, end;
		enum deliver_verdict v;
		unsigned code, inbox, junk;
	} rows[] = {
		{ FILTER_ACCEPT, FILTER_ACCEPT, DELIVER_OK, 0, 1, 0 },
		{ FILTER_JUNK, FILTER_ACCEPT, DELIVER_OK, 0, 0, 1 },
		{ FILTER_ACCEPT, FILTER_QUARANTINE, DELIVER_OK, 0, 0, 1 },
		{ FILTER_JUNK, FILTER_REJECT, DELIVER_REJECTED, 554, 0, 0 },
		{ FILTER_DEFER, FILTER_ACCEPT, DELIVER_DEFERRED, 450, 0, 0 },
		{ FILTER_REJECT, FILTER_JUNK, DELIVER_REJECTED, 450, 0, 0 },
	};
	const struct folder *f;
	struct account *acc;
	struct site s;
	uint32_t inbox = 0, junk = 0;

	site_open(t, r, &s);
	for (size_t i = 0; i < countof(rows); i++) {
		struct deliver *d;
		const char *enhanced, *said;
		unsigned code;

		is_stranger();
		told.at_header = rows[i].header;
		told.at_end = rows[i].end;
		/* each time a node that has not read the account */
		d = begin(&s.w[i % 2], "a@example.com", 0);
		assert_int_equal(rcpt(t, d, "alice@example.org"), DELIVER_OK);
		test_row(i,
		    transmit(t, d, "Subject: x\r\n\r\n", false) == rows[i].v);
		if (rows[i].code > 0) {
			deliver_said(d, &code, &enhanced, &said);
			test_row(i, code == rows[i].code);
		}
		deliver_free(&d);
		inbox += rows[i].inbox;
		junk += rows[i].junk;
		acc = mailbox(t, r, &s, "alice@example.org");
		f = folder_by_use(acc, FOLDER_USE_JUNK);
		test_row(i, folder_by_id(acc, 1)->messages == inbox);
		test_row(i, f->messages == junk);
		account_close(&acc);
	}
	site_close(t, &s);
}

/* On the way through the queue it is not forgotten. */
ARIG_CASE(test_filter_queue)
{
	struct queue_bucket *b;
	struct deliver *d;
	struct site s;

	site_open(t, r, &s);
	is_stranger();
	told.at_end = FILTER_JUNK;
	add_alias(t, &s, "away@example.org", "x@example.net");
	d = begin(&s.w[0], "a@example.com", 0);
	assert_int_equal(rcpt(t, d, "away@example.org"), DELIVER_OK);
	assert_int_equal(rcpt(t, d, "alice@example.org"), DELIVER_OK);
	assert_int_equal(transmit(t, d, "\r\n", false), DELIVER_OK);
	deliver_free(&d);
	b = bucket(t, &s);
	assert_int_equal(queue_bucket_nth(b, 0)->flags, QUEUE_JUNK);
	site_close(t, &s);
}

/* --- calls --- */

/* Each has been used: it is any that a message goes to. */
static may_yield_unchecked void
all_buckets(struct task *t, struct site *s)
{
	struct queue_rcpt to = { .address = STR("x@example.net") };

	for (unsigned i = 0; i < QUEUE_BUCKETS; i++) {
		struct queue_message m = { .rcpts = &to, .rcpt_n = 1 };
		struct queue_writer *w;

		assert_ok(queue_writer_begin(t, s->w[0].queue_store, i, &w));
		assert_ok(queue_writer_add(t, w, "\r\n", 2));
		assert_ok(queue_writer_commit(t, &w, &m));
	}
}

ARIG_CASE(test_budget)
{
	struct site s;

	site_open(t, r, &s);
	all_buckets(t, &s);
	is_alice();
	for (unsigned i = 0; i < 3; i++) {
		struct deliver *d = begin(&s.w[0], "alice@example.org", 0);

		assert_int_equal(rcpt(t, d, "x@example.net"), DELIVER_OK);
		assert_int_equal(rcpt(t, d, "y@example.com"), DELIVER_OK);
		assert_int_equal(rcpt(t, d, "bob@example.org"), DELIVER_OK);
		if (i == 2)
			count(r, 0);
		assert_int_equal(transmit(t, d, "\r\n", false), DELIVER_OK);
		deliver_free(&d);
	}
	/* CREATE, WRITE, SYMLINK, and READDIR with GETATTR to verify, whoever
	 * and how many the recipients are */
	counted(r, 0, 4, 5);
	site_close(t, &s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ARIG_TEST(test_forward),
		ARIG_TEST(test_no_relay),
		ARIG_TEST(test_submission),
		ARIG_TEST(test_from_is_bounded),
		ARIG_TEST(test_header_is_cut),
		ARIG_TEST(test_most_recipients),
		ARIG_TEST(test_forged),
		ARIG_TEST(test_forged_many),
		ARIG_TEST(test_dsn),
		ARIG_TEST(test_8bit),
		ARIG_TEST(test_bounce),
		ARIG_TEST(test_loop),
		ARIG_TEST(test_every_call),
		ARIG_TEST(test_filter_fields),
		ARIG_TEST(test_filter_verdicts),
		ARIG_TEST(test_filter_queue),
		ARIG_TEST(test_budget),
	};

	log_set_level(LOG_ERROR_);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
