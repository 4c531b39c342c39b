/* test_remote.c - a session with a host that follows a script */
#include "tests/unit/host_rig.h"

#include "server/queue/remote.h"
#include "storage/queue.h"

/* --- the client --- */

struct text {
	struct str left;
	size_t piece;
	bool fails;
};

static struct err *
text_read(struct task *t, void *arg, void *into, size_t n, size_t *n_r)
{
	struct text *text = arg;

	if (text->left.n == 0 && text->fails)
		return err_new(task_arena(t), ERR_UNAVAIL, "the share is away",
		    NULL);
	if (n > text->piece)
		n = text->piece;
	*n_r = text->left.n < n ? text->left.n : n;
	memcpy(into, text->left.p, *n_r);
	text->left = str_sub(text->left, *n_r, text->left.n);
	return NULL;
}

static struct remote_target
target(struct net_rig *r, enum remote_tls tls)
{
	struct remote_target to = { .host = STR("mx.example.net"),
		.tls = tls,
		.hello = STR("n1.example.org") };

	net_addr_of_sockaddr((struct sockaddr *)&r->sa, &to.addr);
	return to;
}

static may_yield struct remote *
opened(struct task *t, struct net_rig *r)
{
	struct remote_target to = target(r, REMOTE_TLS_MAY);
	struct remote_reply why;
	struct remote *re;
	struct err *e = remote_open(t, &r->w, &to, &re, &why, NULL);

	if (e != NULL)
		fail_msg("%s", e->text);
	return re;
}

#define MESSAGE "Subject: x\r\n\r\n.\r\nbody\r\n"

static struct remote_mail
mail(struct text *text, struct remote_rcpt *to, unsigned n)
{
	static const char *const names[] = { "a@x.test", "b@x.test", "c@x.test",
		"d@x.test" };
	struct remote_mail m = { .from = STR("s@y.test"),
		.rcpts = to,
		.rcpt_n = n,
		.prefix = STR("X-First: 1\r\n"),
		.read = text_read,
		.arg = text };

	*text = (struct text){ STR(MESSAGE), 3, false };
	m.bytes = m.prefix.n + text->left.n;
	memset(to, 0, n * sizeof(*to));
	for (unsigned i = 0; i < n; i++)
		to[i].address = str_c(names[i]);
	return m;
}

#define HELLO                                                                  \
	">220 mx", "<EHLO n1.example.org", ">250-mx", ">250-PIPELINING",       \
	    ">250-SIZE 1000", ">250 8BITMIME"
#define PLAIN ">220 mx", "<EHLO n1.example.org", ">250 mx"
#define QUIT "<QUIT", ">221 bye"

/* The loop looks at the clock, which jumps. */
static may_yield void
tick(struct task *t, void *arg)
{
	struct net_rig *r = arg;

	while (!host.over) {
		task_sleep_ms(t, 1);
		if (host.late)
			r->ahead_ms += LATE_MS;
	}
}

static void
host_run(struct net_rig *r, void (*script)(struct task *t, struct net_rig *r))
{
	host.over = false;
	task_start(r->w.sched, "tick", tick, r);
	rig_run(r, script);
	host.over = true;
}

/* --- tests --- */

static may_yield void
whole(struct task *t, struct net_rig *r)
{
	static const char *const script[] = { ">220-mx", ">220 ready",
		"<EHLO n1.example.org", ">250-mx", ">250-PIPELINING",
		">250-SIZE 1000", ">250-8BITMIME", ">250-SMTPUTF8", ">250 DSN",
		/* one round trip: all of it comes before any answer */
		"<MAIL FROM:<s@y.test> SIZE=35 BODY=8BITMIME SMTPUTF8 "
		"RET=HDRS ENVID=e+3D1",
		"<RCPT TO:<a@x.test> NOTIFY=SUCCESS,DELAY "
		"ORCPT=rfc822;old+2Ba@x.test",
		"<RCPT TO:<b@x.test> NOTIFY=NEVER", "<RCPT TO:<c@x.test>",
		"<DATA", ">250 2.1.0 ok", ">250 2.1.5 ok", ">550 5.1.1 nobody",
		">250 2.1.5 ok", ">354 go", "data", ">250 2.0.0 queued as 1",
		QUIT, NULL };
	static const char said[] =
	    "S: 220-mx\nS: 220 ready\nC: EHLO n1.example.org\nS: 250-mx\n"
	    "S: 250-PIPELINING\nS: 250-SIZE 1000\nS: 250-8BITMIME\n"
	    "S: 250-SMTPUTF8\nS: 250 DSN\n"
	    "C: MAIL FROM:<s@y.test> SIZE=35 BODY=8BITMIME SMTPUTF8 RET=HDRS "
	    "ENVID=e+3D1\n"
	    "C: RCPT TO:<a@x.test> NOTIFY=SUCCESS,DELAY "
	    "ORCPT=rfc822;old+2Ba@x.test\n"
	    "C: RCPT TO:<b@x.test> NOTIFY=NEVER\nC: RCPT TO:<c@x.test>\n"
	    "C: DATA\nS: 250 2.1.0 ok\nS: 250 2.1.5 ok\n"
	    "S: 550 5.1.1 nobody\nS: 250 2.1.5 ok\nS: 354 go\n"
	    "* the message, 35 bytes, and the dot\n"
	    "S: 250 2.0.0 queued as 1\n";
	struct remote_rcpt to[3];
	struct text text;
	struct remote_mail m = mail(&text, to, 3);
	struct remote *re;
	struct buf told;

	host_script(script);
	re = opened(t, r);
	assert_string_equal(remote_tls_text(re), "");
	assert_true(remote_is_usable(re));
	m.body8 = m.utf8 = true;
	m.ret = QUEUE_HDRS;
	m.envid = STR("e=1");
	to[0].notify = QUEUE_NOTIFY_SUCCESS | QUEUE_NOTIFY_DELAY;
	to[0].original = STR("rfc822;old+a@x.test");
	to[1].notify = QUEUE_NOTIFY_NEVER;
	buf_init(&told, task_arena(t), REMOTE_TRANSCRIPT_MAX);
	assert_null(remote_send(t, re, &m, &told));
	assert_int_equal(to[0].reply.code, 250);
	test_row_str(0, to[0].reply.text, STR("queued as 1"));
	assert_string_equal(to[0].reply.enhanced, "2.0.0");
	assert_true(to[0].dsn_passed);
	assert_int_equal(to[1].reply.code, 550);
	assert_string_equal(to[1].reply.enhanced, "5.1.1");
	assert_false(to[1].dsn_passed);
	assert_int_equal(to[2].reply.code, 250);
	assert_false(m.unknown);
	test_row_str(0, buf_str(&host.data),
	    STR("X-First: 1\r\nSubject: x\r\n"
		"\r\n..\r\nbody\r\n"));
	/* the first line has the port */
	assert_memory_equal(told.p, "* mx.example.net 127.0.0.1 port ", 32);
	assert_string_equal(strchr(buf_cstr(&told), '\n') + 1, said);
	assert_true(remote_is_usable(re));
	remote_close(t, &re);
}

/* One transaction of two recipients; what they were answered, and whether the
 * session may go on. */
struct mixed {
	const char *script[24];
	unsigned code[2];
	bool unknown, usable;
};

#define RCPTS                                                                  \
	"<MAIL FROM:<s@y.test> SIZE=35", "<RCPT TO:<a@x.test>",                \
	    "<RCPT TO:<b@x.test>", "<DATA"

static const struct mixed mixed_rows[] = {
	{ { HELLO, RCPTS, ">250 a", ">250 b", ">451 c", ">354 d", "data",
	      ">250 e", QUIT },
	    { 250, 451 }, false, true },
	{ { HELLO, RCPTS, ">250 a", ">250 b", ">252 c", ">354 d", "data",
	      ">554 e", QUIT },
	    { 554, 554 }, false, true },
	/* MAIL refused, and DATA, too */
	{ { HELLO, RCPTS, ">550 5.7.1 a", ">503 b", ">503 c", ">503 d", QUIT },
	    { 550, 550 }, false, true },
	/* ... or not */
	{ { HELLO, RCPTS, ">451 a", ">503 b", ">503 c", ">354 d", "<.",
	      ">554 none", QUIT },
	    { 451, 451 }, false, true },
	/* no recipient, and DATA accepted */
	{ { HELLO, RCPTS, ">250 a", ">550 b", ">450 c", ">354 d", "<.",
	      ">554 none", QUIT },
	    { 550, 450 }, false, true },
	/* ... even the dot: nobody got anything */
	{ { HELLO, RCPTS, ">250 a", ">550 b", ">450 c", ">354 d", "<.",
	      ">250 fine", QUIT },
	    { 550, 450 }, false, true },
	{ { HELLO, RCPTS, ">250 a", ">550 b", ">450 c", ">503 d", QUIT },
	    { 550, 450 }, false, true },
	{ { HELLO, RCPTS, ">250 a", ">250 b", ">550 c", ">451 d", QUIT },
	    { 451, 550 }, false, true },
	/* 552 is full the first time, too many later (RFC 5321, 4.5.3.1.10) */
	{ { HELLO, RCPTS, ">250 a", ">552 b", ">250 c", ">354 d", "data",
	      ">250 e", QUIT },
	    { 552, 250 }, false, true },
	{ { HELLO, RCPTS, ">250 a", ">250 b", ">552 too many", ">354 d", "data",
	      ">250 e", QUIT },
	    { 250, 452 }, false, true },
	{ { HELLO, RCPTS, ">250 a", ">250 b", ">552 5.2.2 full", ">354 d",
	      "data", ">250 e", QUIT },
	    { 250, 552 }, false, true },
	/* 421 wherever it likes */
	{ { HELLO, RCPTS, ">421 a" }, { 421, 421 }, false, false },
	{ { HELLO, RCPTS, ">250 a", ">250 b", ">421 c" }, { 421, 421 }, false,
	    false },
	{ { HELLO, RCPTS, ">250 a", ">550 b", ">421 c" }, { 550, 421 }, false,
	    false },
	{ { HELLO, RCPTS, ">250 a", ">250 b", ">250 c", ">421 d" },
	    { 421, 421 }, false, false },
	{ { HELLO, RCPTS, ">250 a", ">250 b", ">250 c", ">354 d", "data",
	      ">421 e" },
	    { 421, 421 }, false, false },
	/* closed */
	{ { HELLO, RCPTS }, { 0, 0 }, false, false },
	{ { HELLO, RCPTS, ">250 a", ">250 b" }, { 0, 0 }, false, false },
	{ { HELLO, RCPTS, ">250 a", ">550 b", ">250 c" }, { 550, 0 }, false,
	    false },
	{ { HELLO, RCPTS, ">250 a", ">550 b", ">250 c", ">354 d", "data" },
	    { 550, 0 }, true, false },
	/* silent */
	{ { HELLO, RCPTS, ">250 a", ">250 b", "late", "eof" }, { 0, 0 }, false,
	    false },
	{ { HELLO, RCPTS, ">250 a", ">250 b", ">250 c", ">354 d", "data",
	      "late", "eof" },
	    { 0, 0 }, true, false },
	/* what makes no sense */
	{ { HELLO, RCPTS, ">250 a", ">354 b", ">250 c", ">354 d", "eof" },
	    { 0, 0 }, false, false },
	{ { HELLO, RCPTS, ">250 a", ">250 b", ">250 c", ">250 d", "eof" },
	    { 0, 0 }, false, false },
	{ { HELLO, RCPTS, ">250 a", ">250 b", ">250 c", ">354 d", "data",
	      ">354 e", "eof" },
	    { 0, 0 }, true, false },
	{ { HELLO, RCPTS, ">250 a", ">hello", "eof" }, { 0, 0 }, false, false },
	{ { HELLO, RCPTS, "raw 250-a\r\n550 b\r\n", "eof" }, { 0, 0 }, false,
	    false },
	/* one by one */
	{ { PLAIN, "<MAIL FROM:<s@y.test>", ">250 a", "<RCPT TO:<a@x.test>",
	      ">250 b", "<RCPT TO:<b@x.test>", ">550 c", "<DATA", ">354 d",
	      "data", ">250 e", QUIT },
	    { 250, 550 }, false, true },
	{ { PLAIN, "<MAIL FROM:<s@y.test>", ">550 a", QUIT }, { 550, 550 },
	    false, true },
	{ { PLAIN, "<MAIL FROM:<s@y.test>", ">250 a", "<RCPT TO:<a@x.test>",
	      ">550 b", "<RCPT TO:<b@x.test>", ">450 c", QUIT },
	    { 550, 450 }, false, true },
	{ { PLAIN, "<MAIL FROM:<s@y.test>", ">250 a", "<RCPT TO:<a@x.test>" },
	    { 0, 0 }, false, false },
	/* EHLO is not known */
	{ { ">220 old", "<EHLO n1.example.org", ">500 what", "<HELO n1*",
	      ">250 old", "<MAIL FROM:<s@y.test>", ">250 a",
	      "<RCPT TO:<a@x.test>", ">250 b", "<RCPT TO:<b@x.test>", ">250 c",
	      "<DATA", ">354 d", "data", ">250 e", QUIT },
	    { 250, 250 }, false, true },
	/* LF alone ends a reply, too */
	{ { HELLO, RCPTS, "raw 250 a\n250 b\n250 c\n354 d\n", "data", ">250 e",
	      QUIT },
	    { 250, 250 }, false, true },
};

static may_yield void
mixed(struct task *t, struct net_rig *r)
{
	for (size_t i = 0; i < countof(mixed_rows); i++) {
		const struct mixed *row = &mixed_rows[i];
		struct remote_rcpt to[2];
		struct text text;
		struct remote_mail m = mail(&text, to, 2);
		struct remote *re;

		host_script(row->script);
		re = opened(t, r);
		test_row(i, remote_send(t, re, &m, NULL) == NULL);
		for (unsigned k = 0; k < 2; k++) {
			if (to[k].reply.code != row->code[k])
				fail_msg("row %zu: recipient %u: %u, want %u",
				    i, k, to[k].reply.code, row->code[k]);
			test_row(i,
			    to[k].reply.code != 0 || to[k].reply.text.n > 0);
		}
		test_row(i, m.unknown == row->unknown);
		test_row(i, remote_is_usable(re) == row->usable);
		remote_close(t, &re);
		rig_await(t, &r->closed, (unsigned)i + 1);
		test_row(i, *host.script == NULL);
	}
}

/* What a host said before it went is no answer to the others. */
static may_yield void
gone(struct task *t, struct net_rig *r)
{
	static const char *const script[] = { PLAIN, "<MAIL*", ">250 a",
		"<RCPT*", "raw 550 1\r\n550 2\r\n550 3\r\n", "reset", NULL };
	struct remote_rcpt to[4];
	struct text text;
	struct remote_mail m = mail(&text, to, 4);
	struct remote *re;

	host_script(script);
	re = opened(t, r);
	assert_null(remote_send(t, re, &m, NULL));
	assert_int_equal(to[0].reply.code, 550);
	assert_int_equal(to[3].reply.code, 0);
	remote_close(t, &re);
	rig_await(t, &r->closed, 1);
}

/* Each answer comes in time, all of them do not. */
static may_yield void
slow(struct task *t, struct net_rig *r)
{
	static const char *const script[] = { PLAIN, "<MAIL*", "slow", ">250 a",
		"<RCPT*", "slow", ">550 1", "<RCPT*", "slow", ">250 2",
		"<RCPT*", "slow", ">250 3", "eof", NULL };
	struct remote_rcpt to[4];
	struct text text;
	struct remote_mail m = mail(&text, to, 4);
	struct remote *re;
	uint64_t before;

	host_script(script);
	re = opened(t, r);
	before = task_now_ms(t);
	assert_null(remote_send(t, re, &m, NULL));
	assert_in_range(task_now_ms(t) - before, 3 * SLOW_MS,
	    4 * SLOW_MS + 9999);
	assert_int_equal(to[0].reply.code, 550);
	for (unsigned i = 1; i < 4; i++)
		assert_int_equal(to[i].reply.code, 0);
	assert_int_equal(task_deadline(t), 0);
	remote_close(t, &re);
	rig_await(t, &r->closed, 1);
}

/* What is not sent at all. */
static may_yield void
refused_here(struct task *t, struct net_rig *r)
{
	static const char *const script[] = { ">220 mx", "<EHLO *", ">250-mx",
		">250-LIMITS RCPTMAX=1", ">250 SIZE 100", "<MAIL*", ">250 a",
		"<RCPT TO:<a@x.test>", ">250 b", "<DATA", ">354 go", "data",
		">250 done", QUIT, NULL };
	struct remote_rcpt to[3];
	struct text text;
	struct remote_mail m = mail(&text, to, 2);
	struct remote *re;

	host_script(script);
	re = opened(t, r);
	m.bytes = 101;
	assert_null(remote_send(t, re, &m, NULL));
	assert_int_equal(to[0].reply.code, 552);
	assert_string_equal(to[1].reply.enhanced, "5.3.4");
	m.bytes = 35;
	m.body8 = true;
	assert_null(remote_send(t, re, &m, NULL));
	assert_int_equal(to[0].reply.code, 554);
	assert_string_equal(to[1].reply.enhanced, "5.6.3");
	m.utf8 = true;
	assert_null(remote_send(t, re, &m, NULL));
	assert_string_equal(to[0].reply.enhanced, "5.6.7");
	m.utf8 = m.body8 = false;
	m.from = STR("a@b>\r\nRCPT TO:<x@y");
	assert_null(remote_send(t, re, &m, NULL));
	assert_string_equal(to[0].reply.enhanced, "5.1.7");
	m = mail(&text, to, 3);
	to[1].address = STR("a@b> NOTIFY=NEVER");
	assert_null(remote_send(t, re, &m, NULL));
	assert_int_equal(to[0].reply.code, 250);
	assert_string_equal(to[1].reply.enhanced, "5.1.3");
	assert_int_equal(to[2].reply.code, 452);
	remote_close(t, &re);
}

/* Several messages; RSET where one stopped in the middle; what happens while
 * nobody looks. */
static may_yield void
reuse(struct task *t, struct net_rig *r)
{
	static const char *const script[] = { HELLO, RCPTS, ">250 a", ">550 b",
		">550 c", ">503 d", "<RSET", ">250 ok", RCPTS, ">250 a",
		">250 b", ">250 c", ">354 d", "data", ">250 e", RCPTS, ">250 a",
		">250 b", ">250 c", ">354 d", "data", ">250 e", "raw 421 x\r\n",
		"--", HELLO, QUIT, "--", HELLO, RCPTS, ">250 a", ">550 b",
		">550 c", ">503 d", "<RSET", ">502 what", "eof", NULL };
	struct remote_rcpt to[2];
	struct text text;
	struct remote_mail m;
	struct remote *re;

	host_script(script);
	re = opened(t, r);
	for (unsigned i = 0; i < 3; i++) {
		m = mail(&text, to, 2);
		assert_null(remote_send(t, re, &m, NULL));
		assert_int_equal(to[0].reply.code, i == 0 ? 550 : 250);
	}
	rig_await(t, &r->closed, 1);
	assert_false(remote_is_usable(re));
	remote_close(t, &re);
	/* too old */
	re = opened(t, r);
	assert_true(remote_is_usable(re));
	r->ahead_ms += REMOTE_IDLE_MS + 1;
	assert_false(remote_is_usable(re));
	remote_close(t, &re);
	rig_await(t, &r->closed, 2);
	/* who does not take RSET has not refused the message */
	re = opened(t, r);
	m = mail(&text, to, 2);
	assert_null(remote_send(t, re, &m, NULL));
	assert_null(remote_send(t, re, &m, NULL));
	assert_int_equal(to[0].reply.code, 0);
	assert_false(remote_is_usable(re));
	remote_close(t, &re);
}

/* Before there is a message. */
static may_yield void
unwilling(struct task *t, struct net_rig *r)
{
	static const struct {
		const char *script[8];
		enum err_code code;
		unsigned why;
	} rows[] = {
		{ { ">554 5.7.1 no" }, ERR_DENIED, 554 },
		{ { ">421 later" }, ERR_UNAVAIL, 421 },
		{ { ">450 later" }, ERR_UNAVAIL, 450 },
		{ { ">SSH-2.0" }, ERR_UNAVAIL, 0 },
		{ { NULL }, ERR_UNAVAIL, 0 },
		{ { "late", "eof" }, ERR_UNAVAIL, 0 },
		{ { "raw 220-a\r\n", "late", "eof" }, ERR_UNAVAIL, 0 },
		{ { ">220 mx", "<EHLO*", ">421 no" }, ERR_UNAVAIL, 421 },
		{ { ">220 mx", "<EHLO*", ">550 no", "<HELO*", ">550 no" },
		    ERR_DENIED, 550 },
		{ { ">220 mx", "<EHLO*", "raw 250-mx\r\n250-x" }, ERR_UNAVAIL,
		    0 },
	};
	struct remote_reply why;
	struct remote *re;

	for (size_t i = 0; i < countof(rows); i++) {
		struct remote_target to = target(r, REMOTE_TLS_MAY);
		struct err *e;

		host_script(rows[i].script);
		e = remote_open(t, &r->w, &to, &re, &why, NULL);
		test_row(i, err_is(e, rows[i].code));
		test_row(i, why.code == rows[i].why);
		test_row(i, why.text.n > 0);
		rig_await(t, &r->closed, (unsigned)i + 1);
	}
}

static may_yield void
endless(struct task *t, struct net_rig *r)
{
	static const char *script[REMOTE_CONNECT_MS / 100];
	struct remote_target to = target(r, REMOTE_TLS_MAY);
	struct remote_reply why;
	struct remote *re;
	static char line[70000];
	unsigned n = 0;

	/* more lines than a reply may have */
	for (n = 0; n < 105; n++)
		script[n] = ">220-on and on";
	script[n++] = "eof";
	script[n] = NULL;
	host_script(script);
	assert_true(
	    err_is(remote_open(t, &r->w, &to, &re, &why, NULL), ERR_UNAVAIL));
	rig_await(t, &r->closed, 1);
	/* a line that does not end */
	memset(line, 'x', sizeof(line) - 1);
	memcpy(line, "raw 220 ", 8);
	script[0] = line;
	script[1] = "eof";
	script[2] = NULL;
	host_script(script);
	assert_true(
	    err_is(remote_open(t, &r->w, &to, &re, &why, NULL), ERR_UNAVAIL));
	rig_await(t, &r->closed, 2);
}

/* Nobody there; an address that is not ours; the task's own deadline. */
static may_yield void
unreachable(struct task *t, struct net_rig *r)
{
	static const char *const silent[] = { "eof", NULL };
	struct remote_target to = target(r, REMOTE_TLS_MAY);
	struct net_addr source;
	struct remote_reply why;
	struct remote *re;

	host_script(silent);
	task_set_deadline(t, task_now_ms(t) + 50);
	assert_true(
	    err_is(remote_open(t, &r->w, &to, &re, &why, NULL), ERR_UNAVAIL));
	task_set_deadline(t, 0);
	test_row_str(0, why.text, STR("no answer in time"));
	rig_await(t, &r->closed, 1);
	assert_true(net_addr_parse(STR("192.0.2.1"), &source));
	to.source = &source;
	assert_true(
	    err_is(remote_open(t, &r->w, &to, &re, &why, NULL), ERR_UNAVAIL));
	test_row_str(0, why.text,
	    STR("the address to send from is not this machine's"));
	/* of the other family: does not matter */
	assert_true(net_addr_parse(STR("2001:db8::1"), &source));
	listener_free(&r->l);
	assert_true(
	    err_is(remote_open(t, &r->w, &to, &re, &why, NULL), ERR_UNAVAIL));
	test_row_str(0, why.text, STR("Connection refused"));
	assert_int_equal(why.code, 0);
}

#define SECURE ">220 mx", "<EHLO*", ">250-mx", ">250 STARTTLS", "<STARTTLS"
#define AGAIN "tls", "<EHLO*", ">250-mx", ">250 PIPELINING"

static may_yield void
starttls(struct task *t, struct net_rig *r)
{
	static const struct {
		const char *script[24];
		const char *host, *tls; /* tls NULL: it fails */
		enum remote_tls mode;
		unsigned connections;
	} rows[] = {
		{ { SECURE, ">220 go", AGAIN, QUIT }, "mx.example.net",
		    " verified", REMOTE_TLS_MAY, 1 },
		{ { SECURE, ">220 go", AGAIN, QUIT }, "other.example",
		    "not verified (hostname mismatch)", REMOTE_TLS_MAY, 1 },
		{ { SECURE, ">220 go", AGAIN, QUIT }, "other.example",
		    "not verified (hostname mismatch)", REMOTE_TLS_MUST, 1 },
		{ { SECURE, ">220 go", AGAIN, QUIT }, "mx.example.net",
		    " verified", REMOTE_TLS_VERIFY, 1 },
		{ { SECURE, ">220 go", AGAIN, QUIT }, "[127.0.0.1]",
		    " verified", REMOTE_TLS_VERIFY, 1 },
		{ { SECURE, ">220 go", "tls", "eof" }, "other.example", NULL,
		    REMOTE_TLS_VERIFY, 1 },
		{ { SECURE, ">220 go", "tls", "eof" }, "[127.0.0.2]", NULL,
		    REMOTE_TLS_VERIFY, 1 },
		/* not offered, refused */
		{ { PLAIN, QUIT }, "mx.example.net", "", REMOTE_TLS_MAY, 1 },
		{ { PLAIN, "eof" }, "mx.example.net", NULL, REMOTE_TLS_MUST,
		    1 },
		{ { SECURE, ">454 not now", QUIT }, "mx.example.net", "",
		    REMOTE_TLS_MAY, 1 },
		{ { SECURE, ">454 not now", "eof" }, "mx.example.net", NULL,
		    REMOTE_TLS_MUST, 1 },
		{ { ">220 mx", "<EHLO*", ">250-mx", ">250 STARTTLS", QUIT },
		    "mx.example.net", "", REMOTE_TLS_NEVER, 1 },
		/* broken: once more without */
		{ { SECURE, ">220 go", "raw this is no handshake\r\n", "--",
		      ">220 mx", "<EHLO*", ">250-mx", ">250 STARTTLS", QUIT },
		    "mx.example.net", "", REMOTE_TLS_MAY, 2 },
		{ { SECURE, ">220 go", "--", PLAIN, QUIT }, "mx.example.net",
		    "", REMOTE_TLS_MAY, 2 },
		{ { SECURE, ">220 go", "late", "eof", "--", PLAIN, QUIT },
		    "mx.example.net", "", REMOTE_TLS_MAY, 2 },
		{ { SECURE, ">220 go", "raw this is no handshake\r\n" },
		    "mx.example.net", NULL, REMOTE_TLS_MUST, 1 },
		/* an answer smuggled in front of the handshake */
		{ { SECURE, "raw 220 go\r\n250 x\r\n", "eof", "--", PLAIN,
		      QUIT },
		    "mx.example.net", "", REMOTE_TLS_MAY, 2 },
	};
	unsigned before = 0;

	for (size_t i = 0; i < countof(rows); i++) {
		struct remote_target to = target(r, rows[i].mode);
		struct remote_reply why;
		struct remote *re = NULL;
		struct err *e;

		host_script(rows[i].script);
		to.host = str_c(rows[i].host);
		e = remote_open(t, &r->w, &to, &re, &why, NULL);
		if (rows[i].tls == NULL) {
			test_row(i, err_is(e, ERR_UNAVAIL));
			test_row(i, why.text.n > 0);
		} else {
			if (e != NULL)
				fail_msg("row %zu: %s", i, e->text);
			test_row(i,
			    strstr(remote_tls_text(re), rows[i].tls) != NULL);
			test_row(i, (*rows[i].tls == '\0') ==
					(*remote_tls_text(re) == '\0'));
			remote_close(t, &re);
		}
		before += rows[i].connections;
		rig_await(t, &r->closed, before);
		test_row(i, host.connections == rows[i].connections);
		test_row(i, *host.script == NULL);
	}
}

static bool
shows_secret(struct str s)
{
	return memmem(s.p, s.n, "s3cret", 6) != NULL ||
	       memmem(s.p, s.n, "NjcmV", 5) != NULL;
}

static may_yield void
auth(struct task *t, struct net_rig *r)
{
	static const struct {
		const char *script[24];
		bool ok;
		const char *told;
	} rows[] = {
		{ { ">220 mx", "<EHLO*", ">250-mx", ">250 AUTH LOGIN PLAIN",
		      "<AUTH PLAIN AHVzZXIAczNjcmV0", ">235 in", "<MAIL*",
		      ">550 no", QUIT },
		    true, "C: AUTH PLAIN ***\nS: 235 in\n" },
		{ { ">220 mx", "<EHLO*", ">250-mx", ">250 AUTH LOGIN",
		      "<AUTH LOGIN", ">334 VXNlcm5hbWU6",
		      "<dXNlcg==", ">334 UGFzc3dvcmQ6", "<czNjcmV0", ">235 in",
		      "<MAIL*", ">550 no", QUIT },
		    true, "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: ***\n" },
		{ { ">220 mx", "<EHLO*", ">250-mx", ">250 AUTH PLAIN",
		      "<AUTH PLAIN*", ">535 no", "eof" },
		    false, "C: AUTH PLAIN ***\nS: 535 no\n" },
		{ { ">220 mx", "<EHLO*", ">250-mx", ">250 AUTH GSSAPI", "eof" },
		    false, "S: 250 AUTH GSSAPI\n" },
		{ { ">220 mx", "<EHLO*", ">250-mx", ">250 AUTH LOGIN",
		      "<AUTH LOGIN", ">334 VXNlcm5hbWU6",
		      "<dXNlcg==", ">535 no", "eof" },
		    false, "C: ***\nS: 535 no\n" },
		/* hosts that repeat it: whole, or what is left of it */
		{ { ">220 mx", "<EHLO*", ">250-mx", ">250 AUTH PLAIN",
		      "<AUTH PLAIN*",
		      ">500 what is AUTH PLAIN AHVzZXIAczNjcmV0?", "eof" },
		    false, "C: AUTH PLAIN ***\nS: 500 ***\n" },
		{ { ">220 mx", "<EHLO*", ">250-mx", ">250 AUTH PLAIN",
		      "<AUTH PLAIN*", ">535-5.7.8 no",
		      ">535 5.7.8 no user/zNjcmV", "eof" },
		    false, "S: 535-5.7.8 no\nS: 535 ***\n" },
		{ { ">220 mx", "<EHLO*", ">250-mx", ">250 AUTH PLAIN",
		      "<AUTH PLAIN*", ">535-5.7.8 no", ">535 s3cret no",
		      "eof" },
		    false, "S: 535-5.7.8 no\nS: 535 ***\n" },
		{ { ">220 mx", "<EHLO*", ">250-mx", ">250 AUTH LOGIN",
		      "<AUTH LOGIN", ">334 VXNlcm5hbWU6",
		      "<dXNlcg==", ">334 UGFzc3dvcmQ6", "<czNjcmV0", ">235 in",
		      "<MAIL*", ">550 as czNjcmV0 you may not", QUIT },
		    true, "S: 235 in\nC: MAIL FROM:<s@y.test>\nS: 550 ***\n" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct remote_target to = target(r, REMOTE_TLS_IMPLICIT);
		struct remote_rcpt rcpt[1];
		struct text text;
		struct remote_mail m = mail(&text, rcpt, 1);
		struct remote_reply why;
		struct remote *re;
		struct buf told;
		struct err *e;

		host_script(rows[i].script);
		to.user = STR("user");
		to.password = STR("s3cret");
		buf_init(&told, task_arena(t), REMOTE_TRANSCRIPT_MAX);
		e = remote_open(t, &r->w, &to, &re, &why, &told);
		if (!rows[i].ok) {
			test_row(i, err_is(e, ERR_UNAVAIL));
			test_row(i,
			    strstr(buf_cstr(&told), rows[i].told) != NULL);
			test_row(i, !shows_secret(buf_str(&told)));
			test_row(i, !shows_secret(why.text));
			test_row(i, !shows_secret(str_c(e->text)));
			rig_await(t, &r->closed, (unsigned)i + 1);
			continue;
		}
		if (e != NULL)
			fail_msg("row %zu: %s", i, e->text);
		test_row(i, told.n == 0);
		test_row(i, remote_send(t, re, &m, &told) == NULL);
		test_row(i, strstr(buf_cstr(&told), rows[i].told) != NULL);
		test_row(i, !shows_secret(buf_str(&told)));
		test_row(i, !shows_secret(rcpt[0].reply.text));
		remote_close(t, &re);
		rig_await(t, &r->closed, (unsigned)i + 1);
	}
}

static may_yield void
auth_in_clear(struct task *t, struct net_rig *r)
{
	static const char *const script[] = { ">220 mx", "<EHLO*", ">250-mx",
		">250 AUTH PLAIN", "eof", NULL };
	struct remote_target to = target(r, REMOTE_TLS_MAY);
	struct remote_reply why;
	struct remote *re;

	host_script(script);
	to.user = STR("user");
	to.password = STR("s3cret");
	assert_true(
	    err_is(remote_open(t, &r->w, &to, &re, &why, NULL), ERR_UNAVAIL));
	test_row_str(0, why.text, STR("a password is only sent over TLS"));
	rig_await(t, &r->closed, 1);
}

/* A message of some size: whole through small buffers; a host that says no and
 * closes; one of ours that cannot be read to its end. */
static may_yield void
large(struct task *t, struct net_rig *r)
{
	static const char *const takes[] = { PLAIN, "<MAIL*", ">250 a",
		"<RCPT*", ">250 b", "<DATA", ">354 go", "data", ">250 done",
		QUIT, "--", PLAIN, "<MAIL*", ">250 a", "<RCPT*", ">250 b",
		"<DATA", ">354 go", ">552 5.3.4 too much", "--", PLAIN,
		"<MAIL*", ">250 a", "<RCPT*", ">250 b", "<DATA", ">354 go",
		"eof", NULL };
	size_t n = 8 << 20;
	char *big = arena_alloc(r->arena, n);
	struct remote_rcpt to[1];
	struct text text;
	struct remote_mail m;
	struct remote *re;

	memset(big, 'x', n);
	for (size_t i = 62; i + 2 <= n; i += 64)
		memcpy(big + i, "\r\n", 2);
	host_script(takes);
	for (unsigned round = 0; round < 3; round++) {
		struct err *e;

		re = opened(t, r);
		m = mail(&text, to, 1);
		text = (struct text){ str_of(big, n), 100000, round == 2 };
		m.bytes = n;
		if (round == 2)
			text.left.n = 100000;
		e = remote_send(t, re, &m, NULL);
		assert_true((e != NULL) == (round == 2));
		assert_int_equal(to[0].reply.code, round == 0	? 250
						   : round == 1 ? 552
								: 0);
		assert_false(m.unknown);
		assert_true(remote_is_usable(re) == (round == 0));
		remote_close(t, &re);
		rig_await(t, &r->closed, round + 1);
		if (round == 0)
			assert_int_equal(host.data.n, n + m.prefix.n);
		buf_clear(&host.data);
	}
}

#define TEST(name)                                                             \
	static void test_##name(void **state)                                  \
	{                                                                      \
		host_run(*state, name);                                        \
	}
TEST(whole)
TEST(mixed)
TEST(gone)
TEST(slow)
TEST(refused_here)
TEST(reuse)
TEST(unwilling)
TEST(endless)
TEST(unreachable)
TEST(starttls)
TEST(auth)
TEST(auth_in_clear)
TEST(large)

int
main(void)
{
#define HOST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
	const struct CMUnitTest tests[] = {
		HOST(whole),
		HOST(mixed),
		HOST(gone),
		HOST(slow),
		HOST(refused_here),
		HOST(reuse),
		HOST(unwilling),
		HOST(endless),
		HOST(unreachable),
		HOST(starttls),
		HOST(auth_in_clear),
		HOST(large),
		cmocka_unit_test_setup_teardown(test_auth, setup_implicit,
		    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
