/* queue_probe.c - puts messages and outcomes into the queue, for tests */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/offload.h"
#include "storage/queue.h"

/*
 *	queue_probe URL accept BUCKET FROM RCPT...
 *		the message is read from standard input; prints its id
 *	queue_probe URL outcome TOKEN ID PLACE STATE NEXT CODE ANSWER
 *		as the holder of the lock with this token: what became of the
 *		recipient in that place (from 0); STATE: waiting, delivered,
 *		failed; NEXT: time of the next try
 */
#define MESSAGE_MAX (1 << 20)

struct probe {
	struct loop *loop;
	struct store *store;
	struct queue_store *qs;
	int argc;
	char **argv;
	int rc;
};

static may_yield must_check struct err *
probe_accept(struct task *t, struct probe *p)
{
	struct queue_message m = { .from = str_c(p->argv[4]),
		.rcpt_n = (unsigned)(p->argc - 5) };
	char *text = arena_alloc(task_arena(t), MESSAGE_MAX);
	size_t n = fread(text, 1, MESSAGE_MAX, stdin);
	struct queue_writer *w;
	struct err *e;

	m.rcpts = arena_array(task_arena(t), m.rcpt_n, sizeof(*m.rcpts));
	for (unsigned i = 0; i < m.rcpt_n; i++)
		m.rcpts[i].address = str_c(p->argv[5 + i]);
	e = queue_writer_begin(t, p->qs, (unsigned)atoi(p->argv[3]), &w);
	if (e != NULL)
		return e;
	e = queue_writer_add(t, w, text, n);
	if (e != NULL) {
		queue_writer_abort(t, &w);
		return e;
	}
	e = queue_writer_commit(t, &w, &m);
	if (e == NULL)
		printf(STR_FMT "\n", STR_ARG(m.id));
	return e;
}

static enum queue_state
probe_state(const char *word)
{
	if (strcmp(word, "delivered") == 0)
		return QUEUE_DELIVERED;
	return strcmp(word, "failed") == 0 ? QUEUE_FAILED : QUEUE_WAITING;
}

static may_yield must_check struct err *
probe_outcome(struct task *t, struct probe *p)
{
	struct queue_outcome o = { .rcpt = (unsigned)atoi(p->argv[5]),
		.state = probe_state(p->argv[6]),
		.tried_s = task_wall_s(t),
		.next_s = atoll(p->argv[7]),
		.code = (unsigned)atoi(p->argv[8]),
		.answer = str_c(p->argv[9]) };
	uint64_t token = (uint64_t)atoll(p->argv[3]);
	const struct queue_message *m;
	struct queue_bucket *b;
	struct txid txid;
	unsigned bucket;
	struct str rest;
	bool one;
	struct err *e;

	if (!queue_id_parse(str_c(p->argv[4]), &bucket, &rest))
		return err_new(task_arena(t), ERR_INVALID, "no id", NULL);
	e = queue_bucket_open(t, p->qs, bucket, &b);
	if (e != NULL)
		return e;
	m = queue_bucket_match(b, rest, &one);
	if (m == NULL)
		return err_new(task_arena(t), ERR_NOTFOUND, "no row", NULL);
	txid = m->txid;
	return queue_outcomes(t, b, token, STR("n1"), &txid, m->ordinal, &o, 1,
	    NULL, 0);
}

static may_yield void
probe_main(struct task *t, void *arg)
{
	struct probe *p = arg;
	struct queue_conf conf = { .no_background = true };
	struct offload *offload = offload_new(p->loop, 2);
	bool accept = strcmp(p->argv[2], "accept") == 0;
	struct err *e =
	    store_open(t, p->loop, offload, p->argv[1], NULL, &p->store);

	if (e == NULL) {
		conf.store = p->store;
		p->qs = queue_store_new(&conf);
		e = accept ? probe_accept(t, p) : probe_outcome(t, p);
		queue_store_close(t, &p->qs);
	}
	if (e != NULL) {
		printf("error %s %s\n", err_name(err_code(e)), e->text);
		p->rc = 1;
	}
	store_close(&p->store);
	offload_free(&offload);
}

int
main(int argc, char **argv)
{
	struct probe p = { .argc = argc, .argv = argv };
	bool good =
	    argc > 5 && (strcmp(argv[2], "accept") == 0 ||
			    (strcmp(argv[2], "outcome") == 0 && argc == 10));

	if (!good) {
		fprintf(stderr, "usage: see the head of queue_probe.c\n");
		return 2;
	}
	log_set_level(LOG_ALARM_);
	p.loop = loop_new(&clock_system, &rnd_system);
	loop_run_task(p.loop, "probe", probe_main, &p);
	loop_run(p.loop, true);
	loop_free(&p.loop);
	return p.rc;
}
