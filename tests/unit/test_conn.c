/* test_conn.c - connections: input, output, ends, timeouts */
#include "tests/unit/net_rig.h"

#include <sys/resource.h>

#include "base/log.h"

/*
 * The protocol of these tests, one command a line:
 *	say TEXT	says it
 *	big N		N bytes of x
 *	take N		says how many bytes came of N that follow
 *	line N		says the next line, at most N long
 *	floor N		conn_set_floor
 *	dead MS		conn_set_deadline, from now
 *	idle MS		conn_set_idle_timeout
 *	end		says bye and ends
 */
static may_yield void
toy_take(struct task *t, struct net_rig *r, struct conn *c, uint64_t n)
{
	uint64_t all = 0;
	char p[1000];
	size_t got;

	while (all < n) {
		struct err *e = conn_read(t, c, p,
		    n - all < sizeof(p) ? n - all : sizeof(p), &got);

		r->last_code = err_code(e);
		if (e != NULL) {
			if (err_is(e, ERR_TIMEOUT))
				conn_puts(t, c, "too slow\r\n");
			return;
		}
		all += got;
	}
	conn_printf(t, c, "took %llu\r\n", (unsigned long long)all);
}

static may_yield void
toy_line(struct task *t, struct net_rig *r, struct conn *c, uint64_t n)
{
	struct str line;
	bool bare;
	struct err *e = conn_read_line(t, c, n, &line, &bare);

	r->last_code = err_code(e);
	if (e == NULL)
		conn_printf(t, c, "%s [" STR_FMT "]\r\n",
		    bare ? "bare" : "line", STR_ARG(line));
	else if (err_is(e, ERR_LIMIT))
		conn_puts(t, c, "too long\r\n");
}

static may_yield void
toy_command(struct task *t, struct net_rig *r, struct conn *c, struct str line)
{
	struct str word, rest = line;
	uint64_t n = 0;

	str_split(&rest, ' ', &word);
	str_u64(rest, &n);
	if (str_eq_c(word, "say"))
		conn_printf(t, c, STR_FMT "\r\n", STR_ARG(rest));
	else if (str_eq_c(word, "big")) {
		char x[1000];

		memset(x, 'x', sizeof(x));
		for (; n > 0 && !conn_is_ending(c);
		     n -= n < sizeof(x) ? n : sizeof(x))
			conn_write(t, c, x, n < sizeof(x) ? n : sizeof(x));
	} else if (str_eq_c(word, "take"))
		toy_take(t, r, c, n);
	else if (str_eq_c(word, "line"))
		toy_line(t, r, c, n);
	else if (str_eq_c(word, "floor"))
		conn_set_floor(c, (uint32_t)n);
	else if (str_eq_c(word, "dead"))
		conn_set_deadline(c, task_now_ms(t) + n);
	else if (str_eq_c(word, "idle"))
		conn_set_idle_timeout(c, (uint32_t)n);
	else if (str_eq_c(word, "end")) {
		conn_puts(t, c, "bye\r\n");
		conn_end(c);
	} else
		conn_puts(t, c, "what?\r\n");
}

static may_yield void
toy_open(struct task *t, struct conn *c)
{
	struct net_rig *r = (struct net_rig *)conn_worker(c);

	r->opened++;
	r->last = c;
	conn_set_session(c, r);
	conn_printf(t, c, "hello %s\r\n", conn_id(c));
}

static may_yield void
toy_event(struct task *t, struct conn *c, unsigned events)
{
	struct net_rig *r = conn_session(c);
	struct str in;
	ptrdiff_t lf;

	if (events & CONN_EVENT_TIMEOUT) {
		r->timeouts++;
		conn_puts(t, c, "timeout\r\n");
		conn_end(c);
	}
	if (events & CONN_EVENT_KICK) {
		r->kicks++;
		conn_puts(t, c, "kicked\r\n");
	}
	if (events & CONN_EVENT_DRAIN) {
		r->drains++;
		conn_puts(t, c, "going\r\n");
		conn_end(c);
	}
	while (!conn_is_ending(c)) {
		char line[200];

		in = conn_buffered(c);
		lf = str_chr(in, '\n');
		if (lf < 1 || lf > (ptrdiff_t)sizeof(line))
			break;
		memcpy(line, in.p, (size_t)lf);
		conn_consume(c, (size_t)lf + 1);
		toy_command(t, r, c, str_of(line, (size_t)lf - 1));
	}
}

static void
toy_close(struct conn *c)
{
	struct net_rig *r = conn_session(c);

	r->closed++;
	r->last = NULL;
}

static const struct protocol toy = { .name = "smtp",
	.busy = "busy\r\n",
	.denied = "denied\r\n",
	.start_timeout_ms = 60000,
	.open = toy_open,
	.event = toy_event,
	.close = toy_close };

static int
setup(void **state)
{
	struct net_rig *r = rig_new();

	rig_listen(r, &toy, "127.0.0.1:0");
	*state = r;
	return 0;
}

static int
teardown(void **state)
{
	rig_free(*state);
	return 0;
}

/* A client that has read the greeting. */
static may_yield int
greeted(struct task *t, struct net_rig *r)
{
	unsigned before = r->opened;
	char c;
	int fd = rig_connect(r);

	do
		assert_int_equal(rig_recv(t, fd, &c, 1), 1);
	while (c != '\n');
	assert_int_equal(r->opened, before + 1);
	return fd;
}

static may_yield void
plain(struct task *t, struct net_rig *r)
{
	int fd = rig_connect(r);

	rig_expect(t, fd, "hello n1-0-000001\r\n");
	rig_puts(fd, "say one\r\nsay two\r\nsa");
	rig_expect(t, fd, "one\r\ntwo\r\n");
	rig_puts(fd, "y three\r\n");
	rig_expect(t, fd, "three\r\n");
	rig_puts(fd, "end\r\nsay never\r\n");
	rig_expect(t, fd, "bye\r\n");
	rig_expect_end(t, fd);
	rig_await(t, &r->closed, 1);
	assert_int_equal(stat_sum(r->w.counts, STAT_ACCEPTED), 1);
	assert_int_equal(stat_sum(r->w.counts, STAT_BYTES_IN), 45);
}

/* Bytes one at a time, and a command that reads for itself. */
static may_yield void
trickle(struct task *t, struct net_rig *r)
{
	static const char in[] = "take 10\r\n0123456789say yes\r\n";
	int fd = greeted(t, r);

	for (const char *p = in; *p != '\0'; p++) {
		rig_send(fd, p, 1);
		task_sleep_ms(t, 1);
	}
	rig_expect(t, fd, "took 10\r\nyes\r\n");
	close(fd);
	rig_await(t, &r->closed, 1);
	assert_int_equal(r->last_code, ERR_NONE);
}

/* The peer ends its side behind what it wants: it gets it. */
static may_yield void
half_closed(struct task *t, struct net_rig *r)
{
	int fd = greeted(t, r);

	rig_puts(fd, "say one\r\ntake 3\r\nabcsay two\r\nincompl");
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	rig_expect(t, fd, "one\r\ntook 3\r\ntwo\r\n");
	rig_expect_end(t, fd);
	rig_await(t, &r->closed, 1);
	/* in the middle of what a command waits for */
	fd = greeted(t, r);
	rig_puts(fd, "say one\r\ntake 4\r\nabc");
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	rig_expect(t, fd, "one\r\n");
	rig_expect_end(t, fd);
	rig_await(t, &r->closed, 2);
	assert_int_equal(r->last_code, ERR_UNAVAIL);
}

/* The last reply arrives although we end under input not read. */
static may_yield void
linger(struct task *t, struct net_rig *r)
{
	int fd = greeted(t, r);
	char *much = xcalloc(1, 300000);

	rig_puts(fd, "end\r\n");
	/* more than the receive buffer would otherwise be reset under */
	rig_send(fd, much, 60000);
	rig_await(t, &r->closed, 1);
	rig_send(fd, much, 200000);
	rig_expect(t, fd, "bye\r\n");
	assert_int_equal(conn_count(&r->w), 1);
	rig_expect_end(t, fd);
	while (conn_count(&r->w) > 0)
		task_sleep_ms(t, 1);
	/* one that never goes is left after CONN_LINGER_MS */
	fd = greeted(t, r);
	rig_puts(fd, "end\r\n");
	rig_await(t, &r->closed, 2);
	assert_int_equal(conn_count(&r->w), 1);
	r->ahead_ms += CONN_LINGER_MS;
	while (conn_count(&r->w) > 0)
		task_sleep_ms(t, 1);
	close(fd);
	free(much);
}

/* Reset while the protocol works, while nothing is on, with output waiting. */
static may_yield void
reset(struct task *t, struct net_rig *r)
{
	static const char *const inputs[] = { "say a\r\n", "take 100\r\nab",
		"big 50000000\r\n", "sa" };
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	for (unsigned i = 0; i < countof(inputs); i++) {
		int fd = greeted(t, r);

		rig_puts(fd, inputs[i]);
		rig_turns(t, 2);
		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now,
				     sizeof(now)),
		    0);
		close(fd);
		rig_await(t, &r->closed, i + 1);
	}
}

struct line_row {
	const char *in, *out;
};

static may_yield void
lines(struct task *t, struct net_rig *r)
{
	static const struct line_row rows[] = {
		{ "line 5\r\nabc\r\n", "line [abc]\r\n" },
		{ "line 5\r\nabcde\r\n", "line [abcde]\r\n" },
		{ "line 5\r\nabcdef\r\n", "too long\r\n" },
		{ "line 5\r\nabcdefghijkl\r\n", "too long\r\n" },
		{ "line 5\r\nabcde\n", "bare [abcde]\r\n" },
		{ "line 5\r\nabcdef\n", "too long\r\n" },
		{ "line 5\r\n\n", "bare []\r\n" },
		{ "line 5\r\n\r\n", "line []\r\n" },
		{ "line 5\r\na\rb\r\n", "line [a\rb]\r\n" },
		{ "line 5\r\nabcd\r\r\n", "line [abcd\r]\r\n" },
	};
	int fd = greeted(t, r);

	/* at once, then cut at every place */
	for (unsigned i = 0; i < countof(rows); i++)
		for (size_t cut = 0; cut < strlen(rows[i].in); cut++) {
			rig_send(fd, rows[i].in, cut);
			if (cut > 0)
				task_sleep_ms(t, 1);
			rig_puts(fd, rows[i].in + cut);
			rig_expect(t, fd, rows[i].out);
		}
	close(fd);
	rig_await(t, &r->closed, 1);
}

/* A long line is skipped to its end; one without an end ends the connection. */
static may_yield void
endless(struct task *t, struct net_rig *r)
{
	int fd = greeted(t, r);
	char *much = xcalloc(1, 100000);

	memset(much, 'x', 100000);
	rig_puts(fd, "line 1000\r\n");
	rig_send(fd, much, 100000);
	rig_puts(fd, "\r\nsay on\r\n");
	rig_expect(t, fd, "too long\r\non\r\n");
	rig_puts(fd, "line 1000\r\n");
	for (int i = 0; i < 12; i++) {
		if (send(fd, much, 100000, MSG_NOSIGNAL) < 0)
			break;
		task_sleep_ms(t, 1);
	}
	rig_await(t, &r->closed, 1);
	assert_int_equal(r->last_code, ERR_LIMIT);
	close(fd);
	free(much);
}

/* B45: costs one buffer, and ends. */
static may_yield void
not_reading(struct task *t, struct net_rig *r)
{
	int fd = greeted(t, r);
	size_t all = 0;
	char p[65536];
	ssize_t got;

	/* first one who takes it late */
	rig_puts(fd, "big 20000000\r\nsay done\r\n");
	rig_turns(t, 20);
	r->ahead_ms += CONN_WRITE_TIMEOUT_MS / 2;
	rig_turns(t, 20);
	while (
	    all < 20000000 &&
	    (got = rig_recv(t, fd, p,
		 sizeof(p) < 20000000 - all ? sizeof(p) : 20000000 - all)) > 0)
		all += (size_t)got;
	assert_int_equal(all, 20000000);
	rig_expect(t, fd, "done\r\n");
	close(fd);
	rig_await(t, &r->closed, 1);
	/* in a task */
	fd = greeted(t, r);
	rig_puts(fd, "big 50000000\r\n");
	rig_turns(t, 50);
	assert_int_equal(r->closed, 1);
	/* the kernel may find room for a little more once or twice */
	for (int i = 0; i < 10 && r->closed < 2; i++) {
		r->ahead_ms += CONN_WRITE_TIMEOUT_MS;
		rig_turns(t, 20);
	}
	assert_int_equal(r->closed, 2);
	close(fd);
}

/* The same when the command has returned: what is left is one buffer. */
static may_yield void
not_reading_rest(struct task *t, struct net_rig *r)
{
	int fd = greeted(t, r), size = 4096;
	char much[8192];
	unsigned n = 0;
	struct conn *c = r->last;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size,
			     sizeof(size)),
	    0);
	memset(much, 'x', sizeof(much));
	memcpy(much, "say ", 4);
	memcpy(much + 180, "\r\n", 2);
	/* says a little more each time until the kernel takes no more; then
	 * commands are not read either */
	while (n < 1000000) {
		for (int i = 0; i < 8; i++)
			if (send(fd, much, 182, MSG_NOSIGNAL | MSG_DONTWAIT) <
			    0)
				goto full;
		task_sleep_ms(t, 0);
		n++;
	}
full:
	assert_true(n < 1000000);
	assert_int_equal(r->closed, 0);
	/* others are told all the same */
	conn_kick(c);
	rig_await(t, &r->kicks, 1);
	for (int i = 0; i < 10 && r->closed < 1; i++) {
		r->ahead_ms += CONN_WRITE_TIMEOUT_MS;
		rig_turns(t, 20);
	}
	assert_int_equal(r->closed, 1);
	close(fd);
}

static may_yield void
idle(struct task *t, struct net_rig *r)
{
	int fd = greeted(t, r);

	/* input counts as life, kicks do not */
	r->ahead_ms += 50000;
	rig_puts(fd, "say a\r\n");
	rig_expect(t, fd, "a\r\n");
	r->ahead_ms += 50000;
	conn_kick(r->last);
	rig_expect(t, fd, "kicked\r\n");
	rig_turns(t, 10);
	assert_int_equal(r->timeouts, 0);
	r->ahead_ms += 10000;
	rig_expect(t, fd, "timeout\r\n");
	rig_expect_end(t, fd);
	rig_await(t, &r->closed, 1);
	assert_int_equal(r->timeouts, 1);
	/* in a command; a last word goes out */
	fd = greeted(t, r);
	rig_puts(fd, "idle 1000\r\ntake 5\r\nab");
	rig_turns(t, 10);
	r->ahead_ms += 1000;
	rig_expect(t, fd, "too slow\r\n");
	rig_expect_end(t, fd);
	assert_int_equal(r->last_code, ERR_TIMEOUT);
	assert_int_equal(r->timeouts, 1);
}

static may_yield void
deadline(struct task *t, struct net_rig *r)
{
	int fd = greeted(t, r);

	/* real time passes, too: not more than the rest of it */
	rig_puts(fd, "dead 100000\r\nsay a\r\n");
	rig_expect(t, fd, "a\r\n");
	r->ahead_ms += 35000;
	rig_puts(fd, "say b\r\n");
	rig_expect(t, fd, "b\r\n");
	r->ahead_ms += 35000;
	rig_puts(fd, "say c\r\n");
	rig_expect(t, fd, "c\r\n");
	r->ahead_ms += 30000;
	rig_expect(t, fd, "timeout\r\n");
	rig_expect_end(t, fd);
	fd = greeted(t, r);
	rig_puts(fd, "dead 100000\r\ntake 100\r\n");
	for (int i = 0; i < 10; i++) {
		rig_puts(fd, "x");
		rig_turns(t, 2);
		r->ahead_ms += 7000;
	}
	assert_int_equal(r->closed, 1);
	r->ahead_ms += 30000;
	rig_expect(t, fd, "too slow\r\n");
	rig_expect_end(t, fd);
	assert_int_equal(r->last_code, ERR_TIMEOUT);
}

/* B26: a byte every 10 s.  The idle timeout alone would wait for ever. */
static may_yield void
floor_bytes(struct task *t, struct net_rig *r)
{
	int fd = greeted(t, r), n = 0;

	rig_puts(fd, "floor 500\r\ntake 100000\r\n");
	for (; r->closed == 0 && n < 10; n++) {
		if (send(fd, "x", 1, MSG_NOSIGNAL) != 1)
			break;
		rig_turns(t, 5);
		r->ahead_ms += 10000;
		rig_turns(t, 5);
	}
	assert_in_range(n, 3, 4);
	rig_expect(t, fd, "too slow\r\n");
	rig_expect_end(t, fd);
	assert_int_equal(r->last_code, ERR_TIMEOUT);
	/* fast enough */
	fd = greeted(t, r);
	rig_puts(fd, "floor 500\r\ntake 150000\r\n");
	for (n = 0; n < 10; n++) {
		char p[15000] = { 0 };

		r->ahead_ms += 10000;
		rig_turns(t, 2);
		rig_send(fd, p, sizeof(p));
		rig_turns(t, 2);
	}
	rig_expect(t, fd, "took 150000\r\n");
	close(fd);
}

static may_yield void
kicks(struct task *t, struct net_rig *r)
{
	int fd = greeted(t, r);
	struct conn *c = r->last;

	conn_kick(c);
	conn_kick(c);
	rig_expect(t, fd, "kicked\r\n");
	rig_turns(t, 5);
	assert_int_equal(r->kicks, 1);
	/* while a command runs: afterwards */
	rig_puts(fd, "take 2\r\na");
	rig_turns(t, 5);
	conn_kick(c);
	rig_turns(t, 5);
	assert_int_equal(r->kicks, 1);
	rig_puts(fd, "b");
	rig_expect(t, fd, "took 2\r\nkicked\r\n");
	close(fd);
	rig_await(t, &r->closed, 1);
}

static may_yield void
drain(struct task *t, struct net_rig *r)
{
	int fds[5];

	for (int i = 0; i < 5; i++)
		fds[i] = greeted(t, r);
	assert_int_equal(conn_count(&r->w), 5);
	assert_int_equal(conn_drain(&r->w, &toy, 2), 2);
	rig_await(t, &r->closed, 2);
	assert_int_equal(r->drains, 2);
	assert_int_equal(conn_drain(&r->w, NULL, 100), 3);
	assert_int_equal(conn_drain(&r->w, NULL, 100), 0);
	for (int i = 0; i < 5; i++) {
		rig_expect(t, fds[i], "going\r\n");
		rig_expect_end(t, fds[i]);
	}
	assert_int_equal(r->closed, 5);
}

static may_yield void
tick(struct task *t, void *arg)
{
	unsigned *ticks = arg;

	while (*ticks > 0) {
		(*ticks)++;
		task_yield(t);
	}
}

/* A sender that is never waited for still leaves the others their turn. */
static may_yield void
fair(struct task *t, struct net_rig *r)
{
	int fd = greeted(t, r), quick = greeted(t, r);
	const size_t most = 20000000;
	char *much = xcalloc(1, 65536);
	size_t sent = 0;
	unsigned ticks = 1, before = 0;
	ssize_t n;

	rig_puts(fd, "take 20000000\r\n");
	task_start(r->w.sched, "tick", tick, &ticks);
	while (sent < most) {
		/* all the kernel takes, then one turn */
		while (sent < most &&
		       (n = send(fd, much,
			    most - sent < 65536 ? most - sent : 65536,
			    MSG_NOSIGNAL | MSG_DONTWAIT)) > 0)
			sent += (size_t)n;
		before = ticks;
		rig_puts(quick, "say a\r\n");
		rig_expect(t, quick, "a\r\n");
		assert_true(ticks > before);
	}
	rig_expect(t, fd, "took 20000000\r\n");
	ticks = 0;
	task_yield(t);
	close(fd);
	close(quick);
	free(much);
}

/* In whatever they are: all end. */
static may_yield void
abort_all(struct task *t, struct net_rig *r)
{
	static const char *const inputs[] = { "say a\r\n", "take 100\r\nab",
		"big 50000000\r\n", "sa", "end\r\n" };
	int fds[countof(inputs)];

	for (unsigned i = 0; i < countof(inputs); i++) {
		fds[i] = greeted(t, r);
		rig_puts(fds[i], inputs[i]);
	}
	rig_turns(t, 10);
	conn_abort_all(&r->w);
	rig_await(t, &r->closed, countof(inputs));
	assert_int_equal(conn_count(&r->w), 0);
	for (unsigned i = 0; i < countof(inputs); i++)
		close(fds[i]);
}

/* Out of file descriptors: said once, and goes on by itself. */
static may_yield void
emfile(struct task *t, struct net_rig *r)
{
	int fd = rig_connect(r), taken[1024], n = 0;
	uint64_t errors = log_count(LOG_ERROR_);

	while (n < 1024 && (taken[n] = dup(fd)) >= 0)
		n++;
	if (n == 1024) /* nobody limits us: nothing to see */
		skip();
	while (log_count(LOG_ERROR_) == errors)
		task_sleep_ms(t, 1);
	rig_turns(t, 5);
	while (n > 0)
		close(taken[--n]);
	r->ahead_ms += 1000;
	rig_expect(t, fd, "hello");
	assert_int_equal(log_count(LOG_ERROR_), errors + 1);
	close(fd);
}

#define TEST(fn)                                                               \
	static void test_##fn(void **state)                                    \
	{                                                                      \
		rig_run(*state, fn);                                           \
	}
TEST(plain)
TEST(trickle)
TEST(half_closed)
TEST(linger)
TEST(reset)
TEST(lines)
TEST(endless)
TEST(not_reading)
TEST(not_reading_rest)
TEST(idle)
TEST(deadline)
TEST(floor_bytes)
TEST(kicks)
TEST(drain)
TEST(fair)
TEST(abort_all)

static void
test_emfile(void **state)
{
	struct rlimit old, low;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = 200;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	rig_run(*state, emfile);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

#define ROW(fn) cmocka_unit_test_setup_teardown(test_##fn, setup, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		ROW(plain),
		ROW(trickle),
		ROW(half_closed),
		ROW(linger),
		ROW(reset),
		ROW(lines),
		ROW(endless),
		ROW(not_reading),
		ROW(not_reading_rest),
		ROW(idle),
		ROW(deadline),
		ROW(floor_bytes),
		ROW(kicks),
		ROW(drain),
		ROW(fair),
		ROW(abort_all),
		ROW(emfile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
