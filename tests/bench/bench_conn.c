/* bench_conn.c - what a connection costs while nothing happens on it */
#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/loop.h"
#include "server/net/counts.h"
#include "server/net/listener.h"
#include "server/net/tls.h"
#include "server/net/tls_conn.h"
#include "server/worker.h"

/*
 *	bench_conn [CONNECTIONS [plain|tls]]
 *
 * A worker in a process of its own; the clients are this one.  Every connection
 * says one command and is then idle, as in IDLE.  Printed: the worker's memory
 * a connection (private resident pages; the kernel's sockets come on top), and
 * how long it takes to tell all of them something.
 */
#define BENCH_CONNECTIONS 5000
#define BENCH_ANSWER "+ idling\r\n"
#define BENCH_NEWS "* 1 EXISTS\r\n"

static unsigned bench_n = BENCH_CONNECTIONS;
static int bench_pipe[2], bench_orders[2];

uint64_t
worker_setting(const struct worker *w, enum state_setting id)
{
	(void)w;
	return id == STATE_NET_TLS_HANDSHAKE || id == STATE_NET_PROXY_HEADER
		   ? 60
		   : 1000000;
}

struct str
worker_setting_text(const struct worker *w, enum state_setting id)
{
	(void)w;
	(void)id;
	return STR("127.0.0.0/8");
}

const char *
worker_hostname(const struct worker *w)
{
	(void)w;
	return "localhost";
}

static double
bench_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static noreturn_fn void
bench_die(const char *what)
{
	fprintf(stderr, "bench_conn: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* --- the worker --- */

struct bench_session {
	struct conn *c;
	struct bench_session *next;
};

static struct bench_session *bench_sessions;
static unsigned bench_idle, bench_told;

static may_yield void
bench_open(struct task *t, struct conn *c)
{
	struct bench_session *s = xcalloc(1, sizeof(*s));

	s->c = c;
	s->next = bench_sessions;
	bench_sessions = s;
	conn_set_session(c, s);
	conn_puts(t, c, "* OK\r\n");
}

/* Private pages, in bytes. */
static unsigned long
bench_memory(void)
{
	unsigned long size, resident, shared;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f == NULL ||
	    fscanf(f, "%lu %lu %lu", &size, &resident, &shared) != 3)
		bench_die("/proc/self/statm");
	fclose(f);
	return (resident - shared) * (unsigned long)sysconf(_SC_PAGESIZE);
}

static void
bench_report(void)
{
	unsigned long m[2] = { bench_memory(), mallinfo2().uordblks };

	if (write(bench_pipe[1], m, sizeof(m)) != sizeof(m))
		bench_die("write");
}

static may_yield void
bench_event(struct task *t, struct conn *c, unsigned events)
{
	if (events & CONN_EVENT_INPUT) {
		conn_consume(c, conn_buffered(c).n);
		conn_puts(t, c, BENCH_ANSWER);
		bench_idle++;
	}
	if (events & CONN_EVENT_KICK) {
		conn_puts(t, c, BENCH_NEWS);
		bench_told++;
	}
}

static void
bench_close(struct conn *c)
{
	(void)c;
}

static const struct protocol bench_plain = { .name = "imap",
	.open = bench_open,
	.event = bench_event,
	.close = bench_close };
static const struct protocol bench_tls = { .name = "imaps",
	.tls = true,
	.open = bench_open,
	.event = bench_event,
	.close = bench_close };

/* One byte: 'm' tell the memory, 'k' kick all. */
static void
bench_order(struct watch *watch, int fd, int events, void *arg)
{
	char order;

	(void)watch;
	(void)events;
	(void)arg;
	if (read(fd, &order, 1) != 1)
		_exit(0);
	if (order == 'k')
		for (struct bench_session *s = bench_sessions; s != NULL;
		     s = s->next)
			conn_kick(s->c);
	else
		bench_report();
}

static void
bench_worker(int fd, bool tls, char *dir)
{
	struct conf conf = { .node = "bench", .local = dir };
	struct conf_listener lc = { .name = "bench", .protocol = "imap" };
	struct worker w = { .conf = &conf, .workers = 1 };
	struct arena *a = arena_new(0);
	struct watch *orders;
	struct err *e;

	w.loop = loop_new(&clock_system, &rnd_system);
	w.sched = loop_sched(w.loop);
	w.counts = counts_new(1);
	counts_join(w.counts, 0);
	w.tls = tls_new(&w);
	e = tls ? tls_load(a, w.tls) : NULL;
	if (e != NULL) {
		fprintf(stderr, "bench_conn: %s\n", e->text);
		_exit(1);
	}
	listener_new(&w, &lc, tls ? &bench_tls : &bench_plain, fd);
	orders = watch_new(w.loop, bench_orders[0], bench_order, NULL);
	watch_set(orders, WATCH_READ);
	for (;;)
		loop_run(w.loop, false);
}

/* --- the clients: blocking, one after the other --- */

struct bench_client {
	int fd;
	struct tls_conn *tls;
};

static void
bench_client_read(struct bench_client *c, const char *want)
{
	char p[256];
	size_t got, n = 0, want_n = strlen(want);
	ssize_t r;

	while (n < want_n) {
		if (c->tls == NULL) {
			r = read(c->fd, p + n, want_n - n);
			got = r > 0 ? (size_t)r : 0;
		} else if (tls_conn_read(c->tls, p + n, want_n - n, &got) !=
			   TLS_OK)
			got = 0;
		if (got == 0)
			bench_die("a client is cut off");
		n += got;
	}
	if (memcmp(p, want, want_n) != 0)
		bench_die("a client reads something else");
}

static void
bench_client_start(struct bench_client *c, const struct sockaddr_in *in4,
    bool tls)
{
	struct arena *a = arena_new(0);
	size_t put;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 ||
	    connect(c->fd, (const struct sockaddr *)in4, sizeof(*in4)) != 0)
		bench_die("connect");
	if (tls && (tls_conn_client(a, c->fd, "localhost", TLS_TRUST_ANY,
			&c->tls) != NULL ||
		       tls_conn_handshake(c->tls) != TLS_OK))
		bench_die("TLS");
	bench_client_read(c, "* OK\r\n");
	if (c->tls == NULL)
		put = (size_t)write(c->fd, "a IDLE\r\n", 8);
	else if (tls_conn_write(c->tls, "a IDLE\r\n", 8, &put) != TLS_OK)
		put = 0;
	if (put != 8)
		bench_die("write");
	bench_client_read(c, BENCH_ANSWER);
	arena_free(&a);
}

/* m_r[0]: private pages; m_r[1]: what malloc has given out of them. */
static void
bench_ask_memory(unsigned long m_r[2])
{
	if (write(bench_orders[1], "m", 1) != 1 ||
	    read(bench_pipe[0], m_r, 2 * sizeof(m_r[0])) != 2 * sizeof(m_r[0]))
		bench_die("the worker is gone");
}

static void
bench_run(bool tls, char *dir)
{
	struct bench_client *c = xcalloc(bench_n, sizeof(*c));
	struct sockaddr_in in4 = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(in4);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), status;
	unsigned long before[2], after[2];
	double t0, t1, t2;
	pid_t pid;

	if (fd < 0 || bind(fd, (struct sockaddr *)&in4, n) != 0 ||
	    listen(fd, 1024) != 0 ||
	    getsockname(fd, (struct sockaddr *)&in4, &n) != 0 ||
	    pipe(bench_pipe) != 0 || pipe(bench_orders) != 0)
		bench_die("socket");
	pid = fork();
	if (pid == 0)
		bench_worker(fd, tls, dir);
	close(fd);
	/* the first few pay for what all share */
	for (unsigned i = 0; i < 64; i++)
		bench_client_start(&c[i], &in4, tls);
	bench_ask_memory(before);
	t0 = bench_now();
	for (unsigned i = 64; i < bench_n; i++)
		bench_client_start(&c[i], &in4, tls);
	t1 = bench_now();
	bench_ask_memory(after);
	printf("%s: %u idle connections, %lu bytes each (%lu of malloc's; %lu "
	       "KB in "
	       "all), %.0f a second\n",
	    tls ? "tls" : "plain", bench_n,
	    (after[0] - before[0]) / (bench_n - 64),
	    (after[1] - before[1]) / (bench_n - 64), after[0] / 1024,
	    (bench_n - 64) / (t1 - t0));
	t1 = bench_now();
	if (write(bench_orders[1], "k", 1) != 1)
		bench_die("write");
	for (unsigned i = 0; i < bench_n; i++)
		bench_client_read(&c[i], BENCH_NEWS);
	t2 = bench_now();
	bench_ask_memory(after);
	printf("%s: all told within %.0f ms, then %lu KB in all\n",
	    tls ? "tls" : "plain", (t2 - t1) * 1000, after[0] / 1024);
	fflush(stdout);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	for (unsigned i = 0; i < bench_n; i++) {
		tls_conn_free(&c[i].tls);
		close(c[i].fd);
	}
	free(c);
}

int
main(int argc, char **argv)
{
	char dir[] = "bench_connXXXXXX", path[64];
	struct rlimit lim;

	if (argc > 1 && atoi(argv[1]) > 64)
		bench_n = (unsigned)atoi(argv[1]);
	if (getrlimit(RLIMIT_NOFILE, &lim) == 0) {
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
	if (mkdtemp(dir) == NULL)
		bench_die(dir);
	if (argc < 3 || strcmp(argv[2], "plain") == 0)
		bench_run(false, dir);
	if (argc < 3 || strcmp(argv[2], "tls") == 0)
		bench_run(true, dir);
	snprintf(path, sizeof(path), "%s/self.pem", dir);
	unlink(path);
	rmdir(dir);
	return 0;
}
