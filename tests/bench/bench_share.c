/* bench_share.c - small calls per second on one connection (prints only) */
#include <stdio.h>
#include <stdlib.h>

#include "base/loop.h"
#include "base/offload.h"
#include "storage/share/store.h"

/*
 *	bench_share URL [SECONDS]
 *
 * For each kind of call and each number of tasks that make them: calls per
 * second and mean latency.  Makes and removes a directory bench-<random>.
 */
#define LANE SHARE_LANE_COMMIT

struct bench {
	struct loop *loop;
	struct offload *offload;
	const char *url;
	uint64_t ms;
	int rc;
	struct share *share;
	struct share_fh dir, file;
	unsigned left;
	uint64_t end_ms, calls, serial;
	const struct bench_kind *kind;
};

struct bench_kind {
	const char *name;
	struct err *(*call)(struct task *t, struct bench *b);
};

static may_yield struct err *
bench_getattr(struct task *t, struct bench *b)
{
	struct share_attr a;

	return share_getattr(t, b->share, LANE, &b->dir, &a);
}

static may_yield struct err *
bench_lookup(struct task *t, struct bench *b)
{
	struct share_fh fh;
	struct err *e =
	    share_lookup(t, b->share, LANE, &b->dir, STR("none"), &fh, NULL);

	return err_is(e, ERR_NOENT) ? NULL : e;
}

static may_yield struct err *
bench_read(struct task *t, struct bench *b)
{
	char data[4096];
	uint32_t n;

	return share_read(t, b->share, LANE, &b->file, 0, data, sizeof(data),
	    &n, NULL);
}

static may_yield struct err *
bench_symlink(struct task *t, struct bench *b)
{
	char name[20];

	snprintf(name, sizeof(name), "%016llx",
	    (unsigned long long)b->serial++);
	return share_symlink(t, b->share, LANE, &b->dir, str_c(name),
	    STR("an entry of a journal, about as long as they are"), NULL,
	    NULL);
}

static may_yield struct err *
bench_write(struct task *t, struct bench *b)
{
	char data[4096] = "";
	char name[20];

	snprintf(name, sizeof(name), "%016llx",
	    (unsigned long long)b->serial++);
	return share_put(t, b->share, LANE, &b->dir, str_c(name), data,
	    sizeof(data), NULL);
}

static const struct bench_kind kinds[] = { { "getattr", bench_getattr },
	{ "lookup, absent", bench_lookup }, { "read 4 KiB", bench_read },
	{ "symlink", bench_symlink },
	{ "create and write 4 KiB, synced", bench_write } };

static may_yield_unchecked void
bench_caller(struct task *t, void *arg)
{
	struct bench *b = arg;

	while (task_now_ms(t) < b->end_ms && b->rc == 0) {
		struct arena_mark m = arena_mark(task_arena(t));
		struct err *e = b->kind->call(t, b);

		b->calls++;
		if (e != NULL) {
			fprintf(stderr, "%s: %s\n", b->kind->name, e->text);
			b->rc = 1;
		}
		arena_rewind(task_arena(t), m);
	}
	b->left--;
}

static may_yield void
bench_one(struct task *t, struct bench *b, unsigned callers)
{
	uint64_t from = task_now_ms(t);
	double s;

	b->end_ms = from + b->ms;
	b->calls = 0;
	b->left = callers;
	for (unsigned i = 0; i < callers; i++)
		task_start(task_sched(t), "bench", bench_caller, b);
	while (b->left > 0)
		task_sleep_ms(t, 5);
	s = (double)(task_now_ms(t) - from) / 1000;
	printf("%-32s %3u at once %10.0f/s %8.3f ms\n", b->kind->name, callers,
	    (double)b->calls / s, s * 1000 * callers / (double)b->calls);
}

static may_yield struct err *
bench_clean(struct task *t, struct bench *b, struct str name)
{
	struct share_dirent *d;
	struct err *e =
	    share_readdir(t, b->share, LANE, &b->dir, 10000000, &d, NULL);

	for (; e == NULL && d != NULL; d = d->next)
		e = share_remove_quiet(t, b->share, LANE, &b->dir, d->name);
	return e != NULL
		   ? e
		   : share_rmdir(t, b->share, LANE, share_root(b->share), name);
}

static may_yield struct err *
bench_all(struct task *t, struct bench *b)
{
	static const unsigned callers[] = { 1, 8, 64 };
	char name[40];
	struct err *e;

	e = store_open_backend(t, b->loop, b->offload, b->url, &b->share);
	if (e != NULL)
		return e;
	snprintf(name, sizeof(name), "bench-%016llx",
	    (unsigned long long)rnd_u64(sched_rnd(task_sched(t))));
	e = share_mkdir(t, b->share, LANE, share_root(b->share), str_c(name),
	    &b->dir);
	if (e == NULL)
		e = share_put(t, b->share, LANE, &b->dir, STR("file"), name, 40,
		    &b->file);
	for (unsigned i = 0; e == NULL && i < countof(kinds); i++)
		for (unsigned k = 0; k < countof(callers) && b->rc == 0; k++) {
			b->kind = &kinds[i];
			bench_one(t, b, callers[k]);
		}
	return e != NULL ? e : bench_clean(t, b, str_c(name));
}

static may_yield_unchecked void
bench_task(struct task *t, void *arg)
{
	struct bench *b = arg;
	struct err *e = bench_all(t, b);

	if (e != NULL) {
		fprintf(stderr, "%s\n", e->text);
		b->rc = 1;
	}
	share_close(&b->share);
}

int
main(int argc, char **argv)
{
	struct bench b = { .url = argv[1], .ms = 1000 };

	if (argc < 2) {
		fprintf(stderr, "usage: bench_share URL [SECONDS]\n");
		return 2;
	}
	if (argc > 2)
		b.ms = strtoul(argv[2], NULL, 10) * 1000;
	b.loop = loop_new(&clock_system, &rnd_system);
	b.offload = offload_new(b.loop, 2);
	loop_run_task(b.loop, "bench", bench_task, &b);
	loop_run(b.loop, true);
	offload_free(&b.offload);
	loop_free(&b.loop);
	return b.rc;
}
