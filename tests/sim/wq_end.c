/* wq_end.c - the queue workload's end: all is sent, all agree */
#include "wq.h"

/* Everything goes out. */
static may_yield must_check struct err *
wq_drain(struct task *t, struct sim_node *n, struct queue_bucket *b, unsigned k,
    struct lock *lock)
{
	struct err *e = wq_refresh(t, n, b);

	for (unsigned i = 0; e == NULL && i < queue_bucket_count(b); i++) {
		struct txid txid = queue_bucket_nth(b, i)->txid;
		unsigned ordinal = queue_bucket_nth(b, i)->ordinal;

		e = queue_order(t, b, &txid, ordinal, QUEUE_ORDER_RELEASE);
		if (e == NULL)
			e = queue_order(t, b, &txid, ordinal,
			    QUEUE_ORDER_RETRY);
	}
	return e != NULL ? e : wq_hold(t, n, b, k, lock, 20);
}

static may_yield void
wq_drain_bucket(struct task *t, struct sim_node *n, unsigned k)
{
	struct wq_proc *p = wq_proc(n);
	struct queue_bucket *b;
	struct lock *lock;
	struct err *e = NULL;

	for (unsigned i = 0; i < 60; i++) {
		struct arena_mark mark = arena_mark(task_arena(t));

		e = queue_bucket_open(t, p->qs, wq_buckets[k], &b);
		if (err_is(e, ERR_NOENT))
			return; /* nobody ever came here */
		task_set_deadline(t, task_now_ms(t) + 5 * 60000);
		if (e == NULL)
			e = lease_acquire(t, p->lease);
		if (e == NULL)
			e = lock_acquire(t, p->locks, str_c(wq_locks[k]),
			    &lock);
		task_set_deadline(t, 0);
		if (e == NULL) {
			wq_taken(n, k, lock);
			e = wq_drain(t, n, b, k, lock);
			lock_release(t, &lock);
		}
		if (e == NULL && queue_bucket_count(b) == 0)
			return;
		if (e == NULL)
			arena_rewind(task_arena(t), mark);
	}
	sim_fail(n->w, "%s: bucket %u does not get empty: %s (%s)", n->name,
	    wq_buckets[k], e != NULL ? e->text : "",
	    e != NULL && e->detail != NULL ? e->detail : "");
}

/* Every replica holds the same, to the byte. */
static void
wq_compare(struct sim_node *n, const struct queue_bucket *b, unsigned k)
{
	struct buf *first = &wq_book(n->w)->dump[k], dump;

	buf_init(&dump, NULL, QUEUE_SEG_MAX);
	queue_ckpt_write(&dump, &b->state, 0);
	if (first->n == 0)
		*first = dump;
	else if (!str_eq(buf_str(first), buf_str(&dump)))
		sim_fail(n->w, "%s: bucket %u is not as others see it", n->name,
		    wq_buckets[k]);
	for (unsigned i = 0; i < queue_bucket_count(b); i++)
		if (!wq_mail(n, wq_mail_of_row(n, queue_bucket_nth(b, i)))
			 ->kept)
			sim_fail(n->w, "message %s is still in bucket %u",
			    queue_bucket_nth(b, i)->id.p, wq_buckets[k]);
}

static may_yield void
wq_finish(struct task *t, struct sim_node *n, unsigned k)
{
	struct journal_problem *problem = NULL;
	struct queue_bucket *b;
	struct err *e;
	int i = 0;

	do {
		e = queue_bucket_open(t, wq_proc(n)->qs, wq_buckets[k], &b);
		if (err_is(e, ERR_NOENT))
			return;
		if (e == NULL)
			e = wq_refresh(t, n, b);
		if (e == NULL)
			e = journal_check(t, queue_bucket_journal(b), &problem);
		if (e != NULL)
			task_sleep_ms(t, 3000);
	} while (e != NULL && ++i < 20);
	if (e != NULL)
		sim_fail(n->w, "%s: bucket %u at the end: %s (%s)", n->name,
		    wq_buckets[k], e->text, e->detail ? e->detail : "");
	for (; problem != NULL; problem = problem->next)
		if (problem->fatal)
			sim_fail(n->w, "%s: bucket %u: %s", n->name,
			    wq_buckets[k], problem->text);
	wq_compare(n, b, k);
}

may_yield_unchecked void
wq_final(struct task *t, struct sim_node *n, unsigned pass)
{
	for (unsigned k = 0; k < WQ_BUCKETS; k++)
		if (pass == 0)
			wq_drain_bucket(t, n, k);
		else
			wq_finish(t, n, k);
	if (pass > 0)
		return;
	locks_settle(t, wq_proc(n)->locks);
	for (int i = 0; i < 3; i++)
		wq_mail(n, wq_accept(t, n))->kept = true;
}
