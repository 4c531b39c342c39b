/* bench_account.c - ratios of accounts: calls, bytes written, time to load */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/loop.h"
#include "storage/account_private.h"
#include "storage/share/share_count.h"
#include "storage/share/share_posix.h"

/*
 *	bench_account [MESSAGES]
 *
 * Prints ratios and judges nothing.  The share is a local directory; counted
 * are the calls an NFS server would get, which do not depend on the machine.
 */
#define BENCH_MESSAGES 20000
#define BENCH_BODY 8000
#define BENCH_ROWS 100000

struct bench {
	struct share *count;
	struct store *store;
	struct mailstore *ms;
	struct loop *loop;
	unsigned messages;
	const char *dir;
	struct share_counts c;
	double t0;
};

static double
bench_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
bench_die(const struct err *e)
{
	if (e == NULL)
		return;
	fprintf(stderr, "bench_account: %s (%s)\n", e->text,
	    e->detail != NULL ? e->detail : "");
	exit(1);
}

static void
bench_begin(struct bench *b)
{
	share_count_reset(b->count);
	b->t0 = bench_now();
}

static double
bench_end(struct bench *b)
{
	share_count_get(b->count, &b->c);
	return bench_now() - b->t0;
}

static may_yield struct account *
bench_account(struct task *t, struct bench *b, const char *id)
{
	struct account *acc;
	bool made;

	bench_die(account_create(t, b->ms, str_c(id), &made, &acc));
	return acc;
}

static may_yield void
bench_reopen(struct task *t, struct bench *b, struct account **acc)
{
	struct mailstore_conf conf = { .store = b->store };

	account_close(acc);
	mailstore_close(t, &b->ms);
	b->ms = mailstore_new(&conf);
}

/* Deliveries with the checkpoints they cause: calls and bytes per message. */
static may_yield void
bench_deliver(struct task *t, struct bench *b)
{
	struct account *acc = bench_account(t, b, "benchdeliver");
	struct account_maintain m = { .force = true };
	uint64_t bytes = 0;
	struct buf text;
	double s;

	bench_begin(b);
	for (unsigned i = 0; i < b->messages; i++) {
		struct arena_mark mark = arena_mark(task_arena(t));
		struct message_target tg = { .acc = acc };

		buf_init(&text, task_arena(t), 1 << 20);
		buf_fmt(&text,
		    "From: sender%u@example.org\r\nTo: alice@example.org\r\n"
		    "Subject: message %u\r\n"
		    "Message-ID: <%u.bench@example.org>\r\n\r\n",
		    i, i, i);
		while (text.n < BENCH_BODY)
			buf_c(&text, "All work and no play.\r\n");
		bytes += text.n;
		bench_die(message_deliver(t, buf_str(&text), &tg, 1));
		bench_die(tg.err_r);
		/* a share this near leaves the background no turn */
		if (i % 64 == 0)
			account_settle(t, acc);
		arena_rewind(task_arena(t), mark);
	}
	account_settle(t, acc);
	s = bench_end(b);
	printf("deliver, warm, with checkpoints  %8.2f calls a message\n",
	    (double)b->c.total / b->messages);
	printf("                                 %8.2f bytes written a byte of "
	       "mail\n",
	    (double)b->c.bytes_written / (double)bytes);
	printf("                                 %8.0f messages a second "
	       "here\n",
	    b->messages / s);
	bench_die(account_maintain(t, acc, &m));
	bench_reopen(t, b, &acc);

	bench_begin(b);
	bench_die(account_open(t, b->ms, STR("benchdeliver"), &acc));
	s = bench_end(b);
	printf("open, cold, %6u messages       %8.2f ms, %llu calls, "
	       "%.1f bytes read a message\n",
	    b->messages, s * 1000, (unsigned long long)b->c.total,
	    (double)b->c.bytes_read / b->messages);
	account_close(&acc);
}

static may_yield void
bench_fetch(struct task *t, struct bench *b)
{
	unsigned n = b->messages < 1000 ? b->messages : 1000;
	uint32_t *uids = arena_array(task_arena(t), n, sizeof(*uids));
	struct str *packs = arena_array(task_arena(t), n, sizeof(*packs));
	struct account *acc;
	double s;

	for (unsigned i = 0; i < n; i++)
		uids[i] = b->messages - n + i + 1;
	bench_die(account_open(t, b->ms, STR("benchdeliver"), &acc));
	bench_begin(b);
	bench_die(message_envelopes(t, acc, ACCOUNT_INBOX, uids, n,
	    task_arena(t), packs));
	s = bench_end(b);
	printf("fetch %u envelopes             %8.2f ms, %llu calls, %.0f "
	       "bytes "
	       "read a message\n",
	    n, s * 1000, (unsigned long long)b->c.total,
	    (double)b->c.bytes_read / n);
	account_close(&acc);
}

/* The replayed state alone: entries applied, segments written and read. */
static void
bench_state(struct task *t)
{
	struct arena *a = arena_new(0);
	struct account_ckpt_bases bases = { .rows = 2 }, got;
	struct account_state s, again;
	struct account_op *ops;
	struct buf text, head, rows;
	uint64_t seq;
	unsigned n;
	double t0, add, write, load, copy;

	(void)t;
	account_state_init(&s);
	ops = arena_array(a, BENCH_ROWS + 1, sizeof(*ops));
	ops[0] = (struct account_op){ .letter = 'c',
		.folder = 1,
		.uidvalidity = 1,
		.use = '-',
		.text = STR("INBOX") };
	for (n = 1; n <= BENCH_ROWS; n++) {
		ops[n] = (struct account_op){ .letter = 'a',
			.folder = 1,
			.bytes = n,
			.name = { .ordinal = (uint16_t)n, .month = 600 } };
		memcpy(ops[n].name.txid.b, &n, sizeof(n));
	}
	t0 = bench_now();
	account_state_apply(&s, ops, n, 2);
	add = bench_now() - t0;
	buf_init(&head, a, 1 << 20);
	buf_init(&rows, a, 1 << 30);
	buf_init(&text, a, 1 << 30);
	t0 = bench_now();
	account_ckpt_rows(&rows, &s, 2);
	account_ckpt_head(&head, &s, 2, &bases);
	write = bench_now() - t0;
	account_state_init(&again);
	t0 = bench_now();
	bench_die(account_ckpt_load(a, &again, buf_str(&head), buf_str(&rows),
	    STR_NONE, &seq, &got));
	load = bench_now() - t0;
	t0 = bench_now();
	buf_str_add(&text, buf_str(&rows));
	copy = bench_now() - t0;
	printf("rows: %d of them in ms: apply %.1f, write %.1f, load %.1f, "
	       "copy %.1f\n",
	    BENCH_ROWS, add * 1000, write * 1000, load * 1000, copy * 1000);
	printf("rows in memory                   %8.1f bytes each (names "
	       "%.1f)\n",
	    (double)s.by_id[0]->rows.size * sizeof(struct message) / BENCH_ROWS,
	    (double)s.name_size * 8 / BENCH_ROWS);
	account_state_free(&s);
	account_state_free(&again);
	arena_free(&a);
}

static may_yield_unchecked void
bench_run(struct task *t, void *arg)
{
	struct bench *b = arg;
	struct mailstore_conf conf = { 0 };
	unsigned char uuid[16];
	struct share *posix;

	bench_die(share_posix_open(task_arena(t), loop_sched(b->loop), NULL,
	    b->dir, &posix));
	bench_die(store_init(t, posix, BARRIER_REPLY, uuid));
	b->count = share_count_new(posix);
	bench_die(store_open_share(t, b->count, NULL, &b->store));
	conf.store = b->store;
	b->ms = mailstore_new(&conf);
	bench_state(t);
	bench_deliver(t, b);
	bench_fetch(t, b);
	mailstore_close(t, &b->ms);
	store_close(&b->store);
}

int
main(int argc, char **argv)
{
	char dir[] = "bench-account.XXXXXX", cmd[64];
	struct bench b = { .messages = argc > 1 ? (unsigned)atoi(argv[1])
						: BENCH_MESSAGES,
		.dir = dir };

	if (b.messages == 0 || mkdtemp(dir) == NULL) {
		fprintf(stderr, "usage: bench_account [MESSAGES]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	b.loop = loop_new(&clock_system, &rnd_system);
	loop_run_task(b.loop, "bench", bench_run, &b);
	loop_free(&b.loop);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
	return system(cmd) == 0 ? 0 : 1;
}
