/* make_queue.c - a share with a bucket of the queue that has seen everything */

/*
 * usage: make_queue DIR ROUNDS
 *
 * Makes a share in the empty directory DIR and fills bucket 07 of its queue, in
 * ROUNDS rounds of which each ends with a checkpoint but the last; prints what
 * waits there, one line a recipient, as tests/format/reader_queue.py does.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "base/loop.h"
#include "storage/queue.h"
#include "storage/share/share_posix.h"

#define QFORMAT_BUCKET 7
#define QFORMAT_TOKEN 5

struct qformat {
	const char *dir;
	unsigned rounds, n;
	struct offload *offload;
	struct queue_store *qs;
	struct queue_bucket *b;
};

static void
must(struct err *e)
{
	if (e == NULL)
		return;
	fprintf(stderr, "make_queue: %s: %s (%s)\n", err_name(e->code), e->text,
	    e->detail ? e->detail : "");
	exit(1);
}

static struct queue_message
qformat_message(struct task *t, unsigned n, unsigned rcpts)
{
	struct queue_message m = {
		.from =
		    str_c(arena_printf(task_arena(t), "s%u@example.org", n)),
		.flags = n % 32,
		.arrived_s = 1763757888 + n,
		.envid = n % 2 ? STR("QQ %;,314") : STR_NONE,
		.account = STR("aa-format"),
		.trace = STR("0123"),
		.rcpt_n = rcpts,
	};

	m.rcpts = arena_array(task_arena(t), rcpts, sizeof(*m.rcpts));
	for (unsigned i = 0; i < rcpts; i++)
		m.rcpts[i] = (struct queue_rcpt){
			.address = str_c(arena_printf(task_arena(t),
			    "gr\xc3\xbc\xc3\x9f%u@example.net", i)),
			.original = i % 2 ? STR("rfc822;a b") : STR_NONE,
			.via = i % 3 ? STR_NONE : STR("list@example.org"),
			.notify = i % 16,
		};
	return m;
}

may_yield static struct txid
qformat_accept(struct task *t, struct qformat *f, unsigned rcpts)
{
	struct queue_message m = qformat_message(t, f->n++, rcpts);
	const char *text = arena_printf(task_arena(t),
	    "Subject: message %u\r\n\r\nbody\r\n", f->n);
	struct queue_writer *w;

	must(queue_writer_begin(t, f->qs, QFORMAT_BUCKET, &w));
	must(queue_writer_add(t, w, text, strlen(text)));
	must(queue_writer_commit(t, &w, &m));
	return m.txid;
}

may_yield static void
qformat_outcomes(struct task *t, struct qformat *f, const struct txid *x,
    unsigned n)
{
	struct queue_dsn dsn = { .bytes = STR("Subject: sorry\r\n\r\n"),
		.m = qformat_message(t, f->n++, 1) };
	struct queue_outcome *o = arena_array(task_arena(t), n, sizeof(*o));

	for (unsigned i = 0; i < n; i++)
		o[i] = (struct queue_outcome){ .rcpt = i,
			.state = (enum queue_state)(i % 3),
			.delay_told = i % 2,
			.tried_s = 1763757900,
			.next_s = 1763758900,
			.code = i % 3 ? 250 : 451,
			.answer = STR("mx1.example.net: 4.7.1 100% later; y") };
	must(queue_outcomes(t, f->b, QFORMAT_TOKEN, STR("n1"), x, 0, o, n, &dsn,
	    1));
}

may_yield static void
qformat_round(struct task *t, struct qformat *f)
{
	struct txid x[6];

	for (unsigned i = 0; i < countof(x); i++)
		x[i] = qformat_accept(t, f, i == 5 ? 200 : i + 1);
	must(queue_bucket_refresh(t, f->b));
	must(queue_order(t, f->b, &x[1], 0, QUEUE_ORDER_HOLD));
	must(queue_order(t, f->b, &x[2], 0, QUEUE_ORDER_HOLD));
	must(queue_order(t, f->b, &x[2], 0, QUEUE_ORDER_RELEASE));
	must(queue_order(t, f->b, &x[3], 0, QUEUE_ORDER_REMOVE));
	qformat_outcomes(t, f, &x[4], 5);
	qformat_outcomes(t, f, &x[5], 150);
	must(queue_order(t, f->b, &x[5], 0, QUEUE_ORDER_RETRY));
	qformat_outcomes(t, f, &x[1], 2);
}

may_yield static void
qformat_claim(struct task *t, struct qformat *f, uint64_t token)
{
	struct journal *j = queue_bucket_journal(f->b);
	struct journal_tx tx;

	journal_tx_init(t, j, &tx);
	tx.claim = true;
	tx.token = token;
	must(journal_commit(t, j, &tx));
}

may_yield static void
qformat_print(struct task *t, struct qformat *f, unsigned row)
{
	const struct queue_message *m =
	    queue_message_copy(task_arena(t), queue_bucket_nth(f->b, row));
	unsigned char sha[32];
	char hex[TXID_HEX + 1], into[1000];
	uint32_t n;
	struct buf b;

	must(queue_read(t, f->b, m, 0, into, sizeof(into), &n));
	crypto_sha256(into, n, sha);
	txid_hex(&m->txid, hex);
	buf_init(&b, task_arena(t), 1000);
	buf_hex(&b, sha, sizeof(sha));
	for (unsigned i = 0; i < m->rcpt_n; i++) {
		const struct queue_rcpt *r = &m->rcpts[i];

		printf("%s-%u %llu %u %d|%s|%s|%s|%s", hex, m->ordinal,
		    (unsigned long long)m->arrived_s, m->flags, m->held,
		    arena_cstr(task_arena(t), m->from),
		    arena_cstr(task_arena(t), m->envid),
		    arena_cstr(task_arena(t), m->trace), buf_cstr(&b));
		printf("|%s|%s|%s %u %c %d %u %lld %lld %u|%s|%s\n",
		    arena_cstr(task_arena(t), r->address),
		    arena_cstr(task_arena(t), r->original),
		    arena_cstr(task_arena(t), r->via), r->notify,
		    "WDFR"[r->state], r -> delay_told, r -> tries,
		    (long long)r -> tried_s, (long long)r -> next_s, r -> code,
		    arena_cstr(task_arena(t), r->answer),
		    arena_cstr(task_arena(t), r->node));
	}
}

may_yield static void
qformat_task(struct task *t, void *arg)
{
	struct qformat *f = arg;
	struct queue_conf qc = { .no_background = true };
	struct store *st;
	struct share *s;
	unsigned char uuid[16];

	must(share_posix_open(task_arena(t), task_sched(t), f->offload, f->dir,
	    &s));
	must(store_init(t, s, BARRIER_REPLY, uuid));
	must(store_open_share(t, s, NULL, &st));
	qc.store = st;
	f->qs = queue_store_new(&qc);
	qformat_accept(t, f, 1);
	must(queue_bucket_open(t, f->qs, QFORMAT_BUCKET, &f->b));
	qformat_claim(t, f, QFORMAT_TOKEN);
	for (unsigned i = 0; i < f->rounds; i++) {
		qformat_round(t, f);
		if (i + 1 < f->rounds)
			must(journal_maintain(t, queue_bucket_journal(f->b),
			    true));
	}
	for (unsigned i = 0; i < queue_bucket_count(f->b); i++)
		qformat_print(t, f, i);
	queue_store_close(t, &f->qs);
	store_close(&st);
}

int
main(int argc, char **argv)
{
	struct loop *l = loop_new(&clock_system, &rnd_system);
	struct qformat f = { .offload = offload_new(l, 2) };
	uint64_t rounds = 0;

	if (argc != 3 || !str_u64(str_c(argv[2]), &rounds) || rounds == 0)
		return 2;
	f.dir = argv[1];
	f.rounds = (unsigned)rounds;
	loop_run_task(l, "make_queue", qformat_task, &f);
	return 0;
}
