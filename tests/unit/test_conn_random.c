/* test_conn_random.c - clients that do anything, in any order */
#include "tests/unit/net_rig.h"

#include "base/log.h"

/*
 * Honest clients say numbers and want them back in order, however their bytes
 * are cut; rude ones send and end as they like.  Meanwhile connections are
 * kicked, told to drain, cut off, and the clock jumps.  Afterwards every
 * session that was opened is closed, nothing is counted any more, and all that
 * honest clients were not cut off from has come.  A seed names the run.
 */
#define RANDOM_CLIENTS 24
#define RANDOM_RUNS 100
#define RANDOM_COMMANDS 60

struct random_rig {
	struct net_rig *r;
	struct rnd_seeded seeded;
	struct rnd rnd;
	unsigned running;
	bool rude_world; /* connections are cut off */
};

static may_yield void
say_open(struct task *t, struct conn *c)
{
	((struct net_rig *)conn_worker(c))->opened++;
	((struct net_rig *)conn_worker(c))->last = c;
	conn_puts(t, c, "hello\n");
}

/* A line that begins with r is read with the one behind it by the command. */
static may_yield void
say_line(struct task *t, struct conn *c, struct str line)
{
	struct str next;

	if (line.n == 0 || line.p[0] != 'r') {
		conn_printf(t, c, STR_FMT "\n", STR_ARG(line));
		return;
	}
	task_yield(t);
	if (conn_read_line(t, c, 1000, &next, NULL) == NULL)
		conn_printf(t, c, "r" STR_FMT "\n", STR_ARG(next));
}

static may_yield void
say_event(struct task *t, struct conn *c, unsigned events)
{
	char line[64];
	ptrdiff_t lf;

	if (events & (CONN_EVENT_TIMEOUT | CONN_EVENT_DRAIN))
		conn_end(c);
	while (!conn_is_ending(c)) {
		struct str in = conn_buffered(c);

		lf = str_chr(in, '\n');
		if (lf < 0 && in.n > sizeof(line))
			conn_end(c);
		if (lf < 0)
			return;
		if ((size_t)lf > sizeof(line))
			lf = sizeof(line);
		memcpy(line, in.p, (size_t)lf);
		conn_consume(c, (size_t)lf + (in.p[lf] == '\n'));
		say_line(t, c, str_of(line, (size_t)lf));
	}
}

static void
say_close(struct conn *c)
{
	struct net_rig *r = (struct net_rig *)conn_worker(c);

	r->closed++;
	if (r->last == c)
		r->last = NULL;
}

static const struct protocol say = { .name = "imap",
	.start_timeout_ms = 600000,
	.open = say_open,
	.event = say_event,
	.close = say_close };

static unsigned
any(struct random_rig *x, unsigned n)
{
	return (unsigned)rnd_below(&x->rnd, n);
}

/* What is to be said and what has to come back. */
static void
script(struct random_rig *x, struct buf *out, struct buf *want)
{
	buf_c(want, "hello\n");
	for (unsigned i = 0; i < RANDOM_COMMANDS; i++) {
		bool r = any(x, 4) == 0;
		uint64_t n = any(x, 1000000);

		buf_c(out, r ? "r\n" : "");
		buf_u64(out, n);
		buf_c(out, "\n");
		buf_c(want, r ? "r" : "");
		buf_u64(want, n);
		buf_c(want, "\n");
	}
}

static may_yield void
honest(struct task *t, void *arg)
{
	struct random_rig *x = arg;
	char got[64 * RANDOM_COMMANDS];
	struct buf out, want;
	size_t sent = 0, n = 0;
	int fd = rig_connect(x->r);
	ssize_t part;

	buf_init(&out, task_arena(t), sizeof(got));
	buf_init(&want, task_arena(t), sizeof(got));
	script(x, &out, &want);
	while (sent < out.n) {
		size_t piece = 1 + any(x, any(x, 3) == 0 ? 500 : 9);

		if (piece > out.n - sent)
			piece = out.n - sent;
		part = send(fd, out.p + sent, piece, MSG_NOSIGNAL);
		if (part < 0)
			break;
		sent += piece;
		if (any(x, 3) == 0)
			task_sleep_ms(t, any(x, 3));
	}
	shutdown(fd, SHUT_WR);
	while (n < want.n &&
	       (part = rig_recv(t, fd, got + n, sizeof(got) - n)) > 0)
		n += (size_t)part;
	/* all, or, of those that are cut off, a beginning */
	if (x->rude_world)
		assert_true(n <= want.n);
	else
		assert_int_equal(n, want.n);
	assert_memory_equal(got, want.p, n);
	close(fd);
	x->running--;
}

static may_yield void
rude(struct task *t, void *arg)
{
	struct random_rig *x = arg;
	struct linger now = { .l_onoff = 1, .l_linger = 0 };
	int fd = rig_connect(x->r);
	char junk[3000];

	for (unsigned i = any(x, 20); i > 0; i--) {
		size_t n = 1 + any(x, sizeof(junk) - 1);

		rnd_system.fill(NULL, junk, n);
		for (size_t k = 0; k < n; k++)
			if (any(x, 6) == 0)
				junk[k] = "\n\r r"[any(x, 4)];
		if (send(fd, junk, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
		if (any(x, 2) == 0)
			task_sleep_ms(t, any(x, 3));
		if (any(x, 10) == 0)
			shutdown(fd, SHUT_WR);
		if (any(x, 3) == 0)
			while (recv(fd, junk, sizeof(junk), MSG_DONTWAIT) > 0)
				;
	}
	if (any(x, 2) == 0)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
	x->running--;
}

static may_yield void
world(struct task *t, struct random_rig *x)
{
	switch (any(x, x->rude_world ? 6 : 2)) {
	case 0:
	case 1:
		if (x->r->last != NULL)
			conn_kick(x->r->last);
		break;
	case 2:
		conn_drain(&x->r->w, &say, any(x, 4));
		break;
	case 3:
		if (any(x, 10) == 0)
			conn_abort_all(&x->r->w);
		break;
	case 4:
		x->r->ahead_ms += any(x, 20000);
		break;
	default:
		if (x->r->last != NULL)
			conn_end(x->r->last);
		break;
	}
	task_sleep_ms(t, any(x, 4));
}

static may_yield void
run(struct task *t, struct net_rig *r)
{
	for (unsigned seed = 1; seed <= RANDOM_RUNS; seed++) {
		struct random_rig x = { .r = r,
			.rude_world = seed % 2 == 0,
			.running = RANDOM_CLIENTS };

		rnd_seed(&x.seeded, seed);
		x.rnd = rnd_of_seeded(&x.seeded);
		for (unsigned i = 0; i < RANDOM_CLIENTS; i++)
			task_start(r->w.sched, "client",
			    any(&x, 3) == 0 ? rude : honest, &x);
		while (x.running > 0)
			world(t, &x);
	}
}

static void
test_random(void **state)
{
	struct net_rig *r = rig_new();

	(void)state;
	r->setting[STATE_NET_RATE_PER_CLIENT] = 1000000;
	rig_listen(r, &say, "127.0.0.1:0");
	rig_run(r, run);
	assert_int_equal(log_count(LOG_ERROR_) + log_count(LOG_ALARM_), 0);
	rig_free(r); /* and looks whether all is closed and counted out */
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
