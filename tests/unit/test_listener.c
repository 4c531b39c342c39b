/* test_listener.c - who may connect, from where, and how often */
#include "tests/unit/net_rig.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/log.h"
#include "server/net/conn_private.h"

static may_yield void
tell_open(struct task *t, struct conn *c)
{
	struct net_rig *r = (struct net_rig *)conn_worker(c);
	char peer[NET_TEXT_MAX], local[NET_TEXT_MAX];

	r->opened++;
	r->last = c;
	conn_printf(t, c, "%s %u %s %u\r\n", net_addr_text(conn_peer(c), peer),
	    conn_peer(c)->family == NET_UNIX || r->hide_ports
		? 0
		: conn_peer(c)->port,
	    net_addr_text(conn_local(c), local),
	    r->hide_ports ? 0 : conn_local(c)->port);
}

static may_yield void
tell_event(struct task *t, struct conn *c, unsigned events)
{
	struct str in = conn_buffered(c);

	(void)events;
	conn_write(t, c, in.p, in.n);
	conn_consume(c, in.n);
}

static void
tell_close(struct conn *c)
{
	struct net_rig *r = (struct net_rig *)conn_worker(c);

	r->closed++;
	r->spoken = conn_has_spoken(c);
}

#define TELL(n)                                                                \
	{                                                                      \
		.name = n, .busy = "421 busy\r\n", .denied = "554 denied\r\n", \
		.start_timeout_ms = 60000, .open = tell_open,                  \
		.event = tell_event, .close = tell_close                       \
	}
static const struct protocol tell = TELL("smtp"), tell_imap = TELL("imap"),
			     tell_health = TELL("health");

static int
setup(void **state)
{
	struct net_rig *r = rig_new();

	r->hide_ports = true;
	r->exempt = "";
	*state = r;
	return 0;
}

static int
teardown(void **state)
{
	rig_free(*state);
	return 0;
}

/* Every connection that is wanted is there before the next is made. */
static may_yield int
ask(struct task *t, struct net_rig *r, const char *want)
{
	int fd = rig_connect(r);

	rig_expect(t, fd, want);
	return fd;
}

#define HELLO "127.0.0.1 0 127.0.0.1 0\r\n"

/* --- limits --- */

static may_yield void
per_client(struct task *t, struct net_rig *r)
{
	int fds[3];

	for (int i = 0; i < 3; i++)
		fds[i] = ask(t, r, HELLO);
	rig_expect_end(t, ask(t, r, "421 busy\r\n"));
	rig_expect_end(t, ask(t, r, "421 busy\r\n"));
	assert_int_equal(stat_sum(r->w.counts, STAT_REFUSED_LIMIT), 2);
	close(fds[0]);
	while (conn_count(&r->w) > 2)
		task_sleep_ms(t, 1);
	fds[0] = ask(t, r, HELLO);
	rig_expect_end(t, ask(t, r, "421 busy\r\n"));
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	while (conn_count(&r->w) > 0)
		task_sleep_ms(t, 1);
	/* exempt: by the setting, which may change */
	r->exempt = "192.0.2.0/24 junk  127.0.0.1";
	for (int i = 0; i < 3; i++)
		fds[i] = ask(t, r, HELLO);
	close(ask(t, r, HELLO));
	close(ask(t, r, HELLO));
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

static void
test_per_client(void **state)
{
	struct net_rig *r = *state;

	r->setting[STATE_NET_PER_CLIENT] = 3;
	rig_listen(r, &tell, "127.0.0.1:0");
	rig_run(r, per_client);
}

static void
test_per_client_imap(void **state)
{
	struct net_rig *r = *state;

	r->setting[STATE_NET_PER_CLIENT] = 1;
	r->setting[STATE_NET_PER_CLIENT_IMAP] = 3;
	rig_listen(r, &tell_imap, "127.0.0.1:0");
	rig_run(r, per_client);
}

static may_yield void
rate(struct task *t, struct net_rig *r)
{
	/* to the beginning of a minute */
	r->ahead_ms += 60000 - task_now_ms(t) % 60000;
	for (int i = 0; i < 5; i++)
		close(ask(t, r, HELLO));
	rig_expect_end(t, ask(t, r, "421 busy\r\n"));
	r->ahead_ms += 120000;
	close(ask(t, r, HELLO));
	assert_int_equal(stat_sum(r->w.counts, STAT_REFUSED_LIMIT), 1);
}

static void
test_rate(void **state)
{
	struct net_rig *r = *state;

	r->setting[STATE_NET_RATE_PER_CLIENT] = 5;
	rig_listen(r, &tell, "127.0.0.1:0");
	rig_run(r, rate);
}

/* Nine tenths for mail; all for whoever asks how we are; not one more. */
static may_yield void
node(struct task *t, struct net_rig *r)
{
	int fds[20];

	for (int i = 0; i < 18; i++)
		fds[i] = ask(t, r, HELLO);
	rig_expect_end(t, ask(t, r, "421 busy\r\n"));
	listener_free(&r->l);
	rig_listen(r, &tell_health, "127.0.0.1:0");
	for (int i = 18; i < 20; i++)
		fds[i] = ask(t, r, HELLO);
	rig_expect_end(t, ask(t, r, ""));
	for (int i = 0; i < 20; i++)
		close(fds[i]);
}

static void
test_node(void **state)
{
	struct net_rig *r = *state;

	r->setting[STATE_NET_CONNECTIONS] = 20;
	r->exempt = "127.0.0.1"; /* limits of the node are for all */
	rig_listen(r, &tell, "127.0.0.1:0");
	rig_run(r, node);
}

/* The lowest free descriptor. */
static rlim_t
next_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	close(fd);
	return (rlim_t)fd;
}

/* The spare quarter stays free, and those who have left make room. */
static may_yield void
files(struct task *t, struct net_rig *r)
{
	struct rlimit was, few;
	int fds[3];

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	few = was;
	/* four more, two of them clients' (the others are our ends) */
	few.rlim_cur = (next_fd() + 4) * 4 / 3 + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	fds[0] = ask(t, r, HELLO);
	fds[1] = ask(t, r, HELLO);
	fds[2] = ask(t, r, "421 busy\r\n");
	rig_expect_end(t, fds[2]);
	assert_true(next_fd() < few.rlim_cur - few.rlim_cur / 8);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	close(fds[0]);
	close(fds[1]);
	close(fds[2]);
}

static void
test_files(void **state)
{
	struct net_rig *r = *state;

	r->exempt = "127.0.0.1";
	rig_listen(r, &tell, "127.0.0.1:0");
	rig_run(r, files);
}

static may_yield void
denied(struct task *t, struct net_rig *r)
{
	rig_expect_end(t, ask(t, r, "554 denied\r\n"));
	assert_int_equal(r->opened, 0);
}

static void
test_allow(void **state)
{
	struct net_rig *r = *state;

	rig_network(r, "192.0.2.0/24", &r->lc.allow, &r->lc.allow_n);
	rig_listen(r, &tell, "127.0.0.1:0");
	rig_run(r, denied);
}

/* --- PROXY --- */

#define V2_LOCAL "\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00"
#define V2_FOUR                                                                \
	"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c"                                 \
	"\xc0\x00\x02\x01\xc0\x00\x02\x02\x12\x34\x03\xe1"

/* In one piece, and cut at every place; what follows is the protocol's. */
static may_yield void
proxied(struct task *t, struct net_rig *r)
{
	static const struct {
		struct str header;
		const char *says;
	} rows[] = {
		{ STR("PROXY TCP4 192.0.2.1 192.0.2.2 56324 993\r\n"),
		    "192.0.2.1 0 192.0.2.2 0\r\n" },
		{ STR("PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n"),
		    "2001:db8::1 0 2001:db8::2 0\r\n" },
		{ STR("PROXY UNKNOWN\r\n"), HELLO },
		{ STR(V2_LOCAL), HELLO },
		{ STR(V2_FOUR), "192.0.2.1 0 192.0.2.2 0\r\n" },
	};

	for (size_t i = 0; i < countof(rows); i++)
		for (size_t cut = 0; cut < rows[i].header.n; cut++) {
			int fd = rig_connect(r);
			char all[256];
			size_t n = rows[i].header.n;

			memcpy(all, rows[i].header.p, n);
			memcpy(all + n, "ping\n", 5);
			rig_send(fd, all, cut);
			if (cut > 0)
				task_sleep_ms(t, 1);
			assert_int_equal(r->opened, r->closed);
			rig_send(fd, all + cut, n + 5 - cut);
			rig_expect(t, fd, rows[i].says);
			rig_expect(t, fd, "ping\n");
			close(fd);
			rig_await(t, &r->closed, r->opened);
		}
}

static void
proxy_rig(struct net_rig *r, const struct protocol *p)
{
	r->setting[STATE_NET_RATE_PER_CLIENT] = 100000;
	rig_network(r, "127.0.0.0/8", &r->lc.proxy, &r->lc.proxy_n);
	rig_listen(r, p, "127.0.0.1:0");
}

static void
test_proxied(void **state)
{
	proxy_rig(*state, &tell);
	rig_run(*state, proxied);
}

/* The balancer is nobody's client: those behind it are counted. */
static may_yield void
proxied_limits(struct task *t, struct net_rig *r)
{
	static const char one[] = "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
			  two[] = "PROXY TCP4 192.0.2.9 192.0.2.2 1 2\r\n";
	int fds[8], n = 0;

	for (int i = 0; i < 3; i++) {
		fds[n] = rig_connect(r);
		rig_puts(fds[n], one);
		rig_expect(t, fds[n++], "192.0.2.1");
	}
	fds[n] = rig_connect(r);
	rig_puts(fds[n], one);
	rig_expect(t, fds[n++], "421 busy\r\n");
	fds[n] = rig_connect(r);
	rig_puts(fds[n], two);
	rig_expect(t, fds[n++], "192.0.2.9");
	for (int i = 0; i < 3; i++) {
		fds[n] = rig_connect(r);
		rig_send(fds[n], V2_LOCAL, sizeof(V2_LOCAL) - 1);
		rig_expect(t, fds[n++], "127.0.0.1");
	}
	while (n > 0)
		close(fds[--n]);
}

static void
test_proxied_limits(void **state)
{
	struct net_rig *r = *state;

	r->setting[STATE_NET_PER_CLIENT] = 3;
	proxy_rig(r, &tell);
	rig_run(r, proxied_limits);
}

/* B82, B83: junk, nothing, half of it and an end, half of it and silence. */
static may_yield void
proxy_bad(struct task *t, struct net_rig *r)
{
	static const struct str rows[] = {
		STR("EHLO x\r\n"),
		STR("PROXY TCP4 192.0.2.1\r\n"),
		STR("\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff"),
		STR("\x16\x03\x01\x02\x00\x01"),
		STR("PROXY UNKNOWN xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
	};
	uint64_t infos = log_count(LOG_INFO_);
	char c;
	int fd;

	for (size_t i = 0; i < countof(rows); i++) {
		fd = rig_connect(r);
		rig_send(fd, rows[i].p, rows[i].n);
		test_row(i, rig_recv(t, fd, &c, 1) <= 0); /* no banner */
		close(fd);
		r->ahead_ms += 2000; /* so that each is complained about */
	}
	assert_int_equal(log_count(LOG_INFO_), infos + countof(rows));
	fd = rig_connect(r);
	rig_puts(fd, "PROXY TCP4 ");
	close(fd);
	while (log_count(LOG_INFO_) == infos + countof(rows))
		task_sleep_ms(t, 1);
	/* real time passes, too: not more than the rest of it */
	r->setting[STATE_NET_PROXY_HEADER] = 120;
	fd = rig_connect(r);
	rig_puts(fd, "PROXY TCP4 ");
	rig_turns(t, 5);
	r->ahead_ms += 90000;
	rig_turns(t, 5);
	assert_int_equal(conn_count(&r->w), 1);
	r->ahead_ms += 30000;
	assert_true(rig_recv(t, fd, &c, 1) <= 0);
	close(fd);
	assert_int_equal(r->opened, 0);
}

static void
test_proxy_bad(void **state)
{
	proxy_rig(*state, &tell);
	rig_run(*state, proxy_bad);
}

/* Balancers look whether we are there: with and without a header, and with a
 * greeting they do not wait for.  Nothing is said about it. */
static may_yield void
probes(struct task *t, struct net_rig *r)
{
	uint64_t infos = log_count(LOG_INFO_);
	int fd = rig_connect(r);

	close(fd);
	while (
	    stat_sum(r->w.counts, STAT_ACCEPTED) < 1 || conn_count(&r->w) > 0)
		task_sleep_ms(t, 1);
	fd = rig_connect(r);
	rig_send(fd, V2_LOCAL, sizeof(V2_LOCAL) - 1);
	close(fd);
	rig_await(t, &r->closed, 1);
	assert_false(r->spoken);
	assert_int_equal(log_count(LOG_INFO_), infos);
}

static void
test_probes(void **state)
{
	proxy_rig(*state, &tell);
	rig_run(*state, probes);
}

/* B81, B84: where none is taken, and a second one behind the first. */
static may_yield void
spoof(struct task *t, struct net_rig *r, int fd)
{
	unsigned closed = r->closed;
	char c;

	rig_expect(t, fd, HELLO);
	rig_puts(fd, "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nx");
	assert_true(rig_recv(t, fd, &c, 1) <= 0);
	close(fd);
	rig_await(t, &r->closed, closed + 1);
}

static may_yield void
foreign(struct task *t, struct net_rig *r)
{
	int fd;

	spoof(t, r, rig_connect(r));
	fd = rig_connect(r);
	rig_expect(t, fd, HELLO);
	rig_send(fd, V2_FOUR, sizeof(V2_FOUR) - 1);
	rig_await(t, &r->closed, 2);
	close(fd);
	/* later it is only a bad command */
	fd = rig_connect(r);
	rig_expect(t, fd, HELLO);
	rig_puts(fd, "x");
	rig_expect(t, fd, "x");
	rig_puts(fd, "PROXY x");
	rig_expect(t, fd, "PROXY x");
	close(fd);
}

static void
test_foreign(void **state)
{
	rig_listen(*state, &tell, "127.0.0.1:0");
	rig_run(*state, foreign);
}

static may_yield void
second(struct task *t, struct net_rig *r)
{
	int fd = rig_connect(r);

	rig_send(fd, V2_LOCAL, sizeof(V2_LOCAL) - 1);
	spoof(t, r, fd);
}

static void
test_second(void **state)
{
	proxy_rig(*state, &tell);
	rig_run(*state, second);
}

/* --- addresses --- */

static may_yield void
both(struct task *t, struct net_rig *r)
{
	struct sockaddr_in6 *in6 = (void *)&r->sa;
	struct sockaddr_in in4 = { .sin_family = AF_INET,
		.sin_port = in6->sin6_port,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	in6->sin6_addr = in6addr_loopback;
	close(ask(t, r, "::1 0 ::1 0\r\n"));
	memcpy(&r->sa, &in4, sizeof(in4));
	r->sa_n = sizeof(in4);
	close(ask(t, r, HELLO));
}

static void
test_both_families(void **state)
{
	struct net_rig *r = *state;
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	if (fd < 0)
		skip();
	close(fd);
	rig_listen(r, &tell, "*:0");
	rig_run(r, both);
}

static may_yield void
over_unix(struct task *t, struct net_rig *r)
{
	for (int i = 0; i < 5; i++) /* over every limit */
		close(ask(t, r, "unix 0 unix 0\r\n"));
}

static void
test_unix(void **state)
{
	struct net_rig *r = *state;
	char dir[] = "sockXXXXXX", cwd[256], address[512], *path = address + 5;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct err *e;
	struct stat st;
	int fd;

	assert_non_null(mkdtemp(dir));
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	snprintf(address, sizeof(address), "unix:%s/%s/s", cwd, dir);
	if (strlen(path) >= sizeof(un.sun_path)) {
		rmdir(dir);
		skip();
	}
	strcpy(un.sun_path, path);
	r->setting[STATE_NET_RATE_PER_CLIENT] = 1;
	r->setting[STATE_NET_PER_CLIENT] = 1;
	r->lc.mode = 0620;
	/* one left over from a crash */
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	close(fd);
	rig_listen(r, &tell, address);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0620);
	rig_run(r, over_unix);
	/* somebody listens there: not ours to take */
	e = listener_bind(r->arena, &r->lc, 0, &fd);
	assert_true(err_is(e, ERR_SYSTEM));
	assert_non_null(strstr(e->text, "listens there already"));
	/* a file is not ours to remove */
	unlink(path);
	close(creat(path, 0600));
	e = listener_bind(r->arena, &r->lc, 0, &fd);
	assert_true(err_is(e, ERR_SYSTEM));
	assert_int_equal(stat(path, &st), 0);
	unlink(path);
	r->lc.group = "no-such-group";
	e = listener_bind(r->arena, &r->lc, 0, &fd);
	assert_true(err_is(e, ERR_SYSTEM));
	unlink(path);
	rmdir(dir);
}

static void
test_taken(void **state)
{
	struct net_rig *r = *state;
	struct net_listen *ad = r->lc.addresses;
	struct err *e;
	int fd;

	rig_listen(r, &tell, "127.0.0.1:0");
	ad = r->lc.addresses;
	memcpy(&ad->sa, &r->sa, r->sa_n);
	e = listener_bind(r->arena, &r->lc, 0, &fd);
	assert_non_null(e);
	assert_non_null(strstr(e->text, "127.0.0.1:0"));
}

static may_yield void
paused(struct task *t, struct net_rig *r)
{
	int fd;

	listener_pause(r->l, true);
	fd = rig_connect(r);
	rig_turns(t, 10);
	assert_int_equal(stat_sum(r->w.counts, STAT_ACCEPTED), 0);
	listener_pause(r->l, false);
	rig_expect(t, fd, HELLO);
	/* connections outlive the listener */
	listener_free(&r->l);
	rig_puts(fd, "x");
	rig_expect(t, fd, "x");
	assert_string_equal(conn_listener(r->last)->name, "test");
	close(fd);
}

static void
test_paused(void **state)
{
	rig_listen(*state, &tell, "127.0.0.1:0");
	rig_run(*state, paused);
}

/* Who has more than another worker leaves it what comes, for a moment. */
static may_yield void
ahead(struct task *t, struct net_rig *r)
{
	uint64_t began;
	int fds[10];

	/* 4 more, and an eighth of what the other has */
	for (int i = 0; i < 7; i++)
		fds[i] = ask(t, r, HELLO);
	assert_false(conn_is_ahead(&r->w));
	fds[7] = ask(t, r, HELLO);
	assert_true(conn_is_ahead(&r->w));
	began = task_now_ms(t);
	for (int i = 8; i < 10; i++)
		fds[i] = ask(t, r, HELLO);
	assert_true(task_now_ms(t) - began >= 4);
	/* not while it is paused */
	close(fds[0]);
	fds[0] = rig_connect(r);
	task_sleep_ms(t, 1);
	listener_pause(r->l, true);
	for (int i = 1; i < 10; i++)
		close(fds[i]);
	while (conn_count(&r->w) > 1)
		task_sleep_ms(t, 1);
	listener_pause(r->l, false);
	rig_expect(t, fds[0], HELLO);
	close(fds[0]);
	while (conn_count(&r->w) > 0)
		task_sleep_ms(t, 1);
}

static void
test_ahead(void **state)
{
	struct net_rig *r = *state;

	counts_join(r->w.counts, 1);
	stat_add(r->w.counts, STAT_CONN_IMAP, 2);
	stat_add(r->w.counts, STAT_CONN_SMTP, 1);
	counts_join(r->w.counts, 0);
	rig_listen(r, &tell, "127.0.0.1:0");
	rig_run(r, ahead);
	counts_join(r->w.counts, 1); /* clears it */
	counts_join(r->w.counts, 0);
}

#define ROW(fn) cmocka_unit_test_setup_teardown(test_##fn, setup, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		ROW(per_client),
		ROW(per_client_imap),
		ROW(rate),
		ROW(node),
		ROW(files),
		ROW(allow),
		ROW(proxied),
		ROW(proxied_limits),
		ROW(proxy_bad),
		ROW(probes),
		ROW(foreign),
		ROW(second),
		ROW(both_families),
		ROW(unix),
		ROW(taken),
		ROW(paused),
		ROW(ahead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
