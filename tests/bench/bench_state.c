/* bench_state.c - what lists and searches cost in a large cluster */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/loop.h"
#include "storage/share/share_posix.h"
#include "storage/state_account.h"
#include "storage/state_alias.h"
#include "storage/state_domain.h"

/*
 *	bench_state [ACCOUNTS]
 *
 * Prints milliseconds of the processor and judges nothing.  Share and replica
 *are a local directory; the accounts have passwords, as real ones do, all the
 *same one.
 */
#define BENCH_ACCOUNTS 100000
#define BENCH_DOMAINS 50
#define BENCH_TIMES 10

struct bench {
	struct loop *loop;
	const char *dir;
	unsigned accounts;
	struct state *st;
};

static double
bench_now_ms(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void
bench_die(const struct err *e)
{
	if (e == NULL)
		return;
	fprintf(stderr, "bench_state: %s (%s)\n", e->text,
	    e->detail != NULL ? e->detail : "");
	exit(1);
}

/* --- filling --- */

static may_yield void
bench_add(struct task *t, struct bench *b, const struct password *p)
{
	static const char *const first[] = { "Anna", "Bjarne", "Chloe", "David",
		"Emma", "Finn", "Greta", "Hugo", "Ida", "Jonas" };
	struct state_account_new list[STATE_BATCH_MAX];
	struct arena *a = task_arena(t);

	for (unsigned i = 0; i < b->accounts; i += STATE_BATCH_MAX) {
		struct arena_mark m = arena_mark(a);

		for (unsigned k = 0; k < STATE_BATCH_MAX; k++)
			list[k] = (struct state_account_new){
				.address = str_c(
				    arena_printf(a, "%s.%06u@d%02u.example",
					first[(i + k) % 10], i + k,
					(i + k) % BENCH_DOMAINS)),
				.name = str_c(arena_printf(a, "%s Example %u",
				    first[(i + k) % 10], i + k)),
				.password = p
			};
		bench_die(state_account_add(t, b->st, "bench", list,
		    STATE_BATCH_MAX));
		arena_rewind(a, m);
	}
}

static may_yield void
bench_fill(struct task *t, struct bench *b)
{
	struct password_salt salt;
	struct password p;
	double t0 = bench_now_ms(CLOCK_MONOTONIC);

	for (unsigned i = 0; i < BENCH_DOMAINS; i++) {
		struct state_domain d = { .name =
					      str_c(arena_printf(task_arena(t),
						  "d%02u.example", i)) };

		bench_die(state_domain_add(t, b->st, "bench", &d));
	}
	password_salt_make(&rnd_system, PASSWORD_ITERATIONS, &salt);
	bench_die(password_make(t, NULL, STR("correct horse"),
	    PASSWORD_COST_MIN, &salt, &p));
	bench_add(t, b, &p);
	printf("%u accounts added, %.0f s\n", b->accounts,
	    (bench_now_ms(CLOCK_MONOTONIC) - t0) / 1e3);
}

/* --- asking --- */

static void
bench_list(struct task *t, struct bench *b, const char *what,
    const struct state_account_query *q)
{
	double least = 1e9, most = 0;
	struct state_account *list;
	unsigned n = 0;

	for (unsigned i = 0; i < BENCH_TIMES; i++) {
		struct arena_mark m = arena_mark(task_arena(t));
		double t0 = bench_now_ms(CLOCK_THREAD_CPUTIME_ID), took;

		bench_die(
		    state_account_list(task_arena(t), b->st, q, &list, &n));
		took = bench_now_ms(CLOCK_THREAD_CPUTIME_ID) - t0;
		least = took < least ? took : least;
		most = took > most ? took : most;
		arena_rewind(task_arena(t), m);
	}
	printf("%-44s %7.1f ms, at most %.1f (%u rows)\n", what, least, most,
	    n);
}

static const struct {
	const char *what;
	struct state_account_query q;
} bench_queries[] = {
	{ "first page of all", { .max = 100 } },
	{ "first page of a domain",
	    { .domain = STR("d42.example"), .max = 100 } },
	{ "a page from the middle",
	    { .after = STR("ida.049998@d48.example"), .max = 100 } },
	{ "search, many match", { .search = STR("emma"), .max = 100 } },
	{ "search, one matches",
	    { .search = STR("greta.099996"), .max = 100 } },
	{ "search by name, one matches",
	    { .search = STR("Example 98765"), .max = 100 } },
	{ "search, none matches", { .search = STR("zebra"), .max = 100 } },
	{ "search in a domain, none matches", { .domain = STR("d42.example"),
						  .search = STR("zebra"),
						  .max = 100 } },
	{ "removed ones, there are none", { .removed = true, .max = 100 } },
};

static may_yield void
bench_task(struct task *t, void *arg)
{
	struct bench *b = arg;
	struct state_conf conf = { .synchronous = "OFF" };
	struct share *s;
	unsigned char uuid[16];

	conf.local = arena_printf(task_arena(t), "%s/local", b->dir);
	bench_die(share_posix_open(task_arena(t), loop_sched(b->loop), NULL,
	    arena_printf(task_arena(t), "%s/share", b->dir), &s));
	bench_die(store_init(t, s, BARRIER_REPLY, uuid));
	bench_die(store_open_share(t, s, NULL, &conf.store));
	clusterkey_make(&rnd_system, &conf.key);
	bench_die(state_create(t, &conf));
	bench_die(state_open(t, &conf, &b->st, NULL));
	bench_fill(t, b);
	for (size_t i = 0; i < countof(bench_queries); i++)
		bench_list(t, b, bench_queries[i].what, &bench_queries[i].q);
	state_settle(t, b->st);
	state_close(&b->st);
	store_close(&conf.store);
}

int
main(int argc, char **argv)
{
	char dir[] = "/dev/shm/bench-state.XXXXXX", cmd[100];
	struct bench b = { .dir = dir,
		.accounts =
		    argc > 1 ? (unsigned)atoi(argv[1]) : BENCH_ACCOUNTS };

	if (mkdtemp(dir) == NULL)
		return 1;
	snprintf(cmd, sizeof(cmd), "mkdir %s/share %s/local", dir, dir);
	if (system(cmd) != 0)
		return 1;
	b.loop = loop_new(&clock_system, &rnd_system);
	loop_run_task(b.loop, "bench", bench_task, &b);
	loop_free(&b.loop);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd) != 0;
}
