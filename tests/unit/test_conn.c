/* test_conn.c - connections: input, output, ends, timeouts */
#include "tests/unit/net_rig.h"

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
	while (!conn_is_ending(c) || conn_buffered(c).n > 0) {
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
	close(fd);
	rig_await(t, &r->closed, 1);
}

static void
test_plain(void **state)
{
	rig_run(*state, plain);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_plain, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
