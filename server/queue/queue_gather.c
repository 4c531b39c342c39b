/* queue_gather.c - what is due, by destination */
#include "server/queue/dsn.h"
#include "server/queue/queue_private.h"
#include "server/queue/underway.h"
#include "storage/state_address.h"
#include "storage/state_domain.h"

/* --- what somebody is at --- */

static bool
queue_job_eq(const struct dest_job *a, const struct dest_job *b)
{
	return a->bucket == b->bucket && a->ordinal == b->ordinal &&
	       txid_eq(&a->txid, &b->txid);
}

bool
queue_is_run(const struct queue *q, const struct dest_job *j,
    const struct dest *d)
{
	for (const struct queue_run *r = q->runs; r != NULL; r = r->next)
		if (r->dest == d && queue_job_eq(&r->job, j))
			return true;
	return false;
}

bool
queue_is_busy(const struct queue *q, const struct dest_job *j)
{
	for (const struct queue_run *r = q->runs; r != NULL; r = r->next)
		if (queue_job_eq(&r->job, j))
			return true;
	return false;
}

void
queue_run_begin(struct queue *q, struct queue_run *r)
{
	r->place = underway_begin(q->w->underway, &r->job,
	    queue_suspect_dest(r->dest));
	r->next = q->runs;
	q->runs = r;
	q->hold[r->job.bucket].running++;
}

void
queue_run_end(struct queue *q, struct queue_run *r)
{
	struct queue_run **place = &q->runs;

	while (*place != r)
		place = &(*place)->next;
	*place = r->next;
	q->hold[r->job.bucket].running--;
	/* what waited for it */
	q->hold[r->job.bucket].seq = 0;
	/* suspects, perhaps of other buckets while this one is given away */
	if (underway_end(q->w->underway, r->place))
		for (unsigned b = 0; b < QUEUE_BUCKETS; b++)
			q->hold[b].seq = 0;
	queue_kick(q);
}

/* --- whose a destination is --- */

static void
queue_dest_ours(struct queue *q, struct arena *a, struct dest *d)
{
	struct arena_mark mark = arena_mark(a);
	struct state_domain domain;
	struct str name;

	if (d->ours_seq == state_seq(q->w->state) && d->ours_seq != 0)
		return;
	d->ours_seq = state_seq(q->w->state);
	/* without a domain nobody else is meant (<postmaster>) */
	d->ours = d->name[0] == '\0' ||
		  (state_domain_parse(a, str_c(d->name), &name) == NULL &&
		      state_domain_find(a, q->w->state, name, &domain) == NULL);
	arena_rewind(a, mark);
}

/* --- one recipient --- */

unsigned
queue_due(const struct queue_message *m, const struct dest *d, int64_t now_s,
    unsigned *places, unsigned max)
{
	char name[SCHEDULE_DEST_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < m->rcpt_n && n < max; i++) {
		if (!schedule_is_due(&m->rcpts[i], now_s))
			continue;
		if (!schedule_dest(m->rcpts[i].address, name))
			name[0] = '\0';
		if (strcmp(name, d->name) == 0)
			places[n++] = i;
	}
	return n;
}

struct queue_gathering {
	struct queue *q;
	struct arena *a;
	struct schedule s;
	int64_t now_s;
	struct queue_hold *h;
	struct dest_job job;
	const struct queue_message *m;
	bool late;
};

static void
queue_due_at(struct queue_gathering *g, int64_t at_s)
{
	if (at_s < g->h->due_s)
		g->h->due_s = at_s;
}

static void
queue_gather_dest(struct queue_gathering *g, struct dest *d,
    const struct queue_rcpt *r)
{
	struct dest_job *last =
	    dest_jobs(d) > 0 ? &d->jobs[d->jobs_n - 1] : NULL;

	if (last != NULL && queue_job_eq(last, &g->job))
		return;
	if (queue_is_run(g->q, &g->job, d))
		return; /* its end kicks */
	if (d->until_s > g->now_s && !queue_rcpt_is_forced(r) &&
	    !schedule_is_over(&g->s, g->m->arrived_s, g->now_s)) {
		queue_due_at(g, d->until_s);
		queue_due_at(g, schedule_end_s(&g->s, g->m->arrived_s));
		return;
	}
	if (!dest_push(d, &g->job)) {
		g->h->again = true;
		return;
	}
	if (dest_jobs(d) == 1) {
		queue_dest_ours(g->q, g->a, d);
		d->listed = g->q->listed;
		g->q->listed = d;
	}
}

static void
queue_gather_rcpt(struct queue_gathering *g, const struct queue_rcpt *r)
{
	char name[SCHEDULE_DEST_MAX];

	if (r->state != QUEUE_WAITING)
		return;
	if (!r->delay_told && g->s.notice_s > 0 &&
	    dsn_is_wanted(g->m, r, DSN_DELAYED)) {
		if (schedule_is_late(&g->s, g->m->arrived_s, g->now_s))
			g->late = true;
		else
			queue_due_at(g, g->m->arrived_s + g->s.notice_s);
	}
	if (!schedule_is_due(r, g->now_s)) {
		queue_due_at(g, r->next_s);
		return;
	}
	if (!schedule_dest(r->address, name))
		name[0] = '\0';
	queue_gather_dest(g, dests_get(g->q->dests, str_c(name)), r);
}

static void
queue_gather_late(struct queue_gathering *g)
{
	struct queue *q = g->q;

	if (!g->late || queue_is_busy(q, &g->job))
		return; /* its end kicks */
	if (q->late_n < DEST_JOBS)
		q->late[q->late_n++] = g->job;
	else
		g->h->again = true;
}

static void
queue_gather_bucket(struct queue_gathering *g, unsigned bucket)
{
	struct queue_hold *h = &g->q->hold[bucket];
	unsigned n = queue_bucket_count(h->b);

	g->h = h;
	h->seq = journal_head(queue_bucket_journal(h->b));
	h->due_s = INT64_MAX;
	h->again = false;
	for (unsigned i = 0; i < n; i++) {
		const struct queue_message *m = queue_bucket_nth(h->b, i);

		if (m->held)
			continue;
		g->m = m;
		g->late = false;
		g->job = (struct dest_job){ .bucket = bucket,
			.ordinal = m->ordinal,
			.txid = m->txid };
		if (!underway_may_begin(g->q->w->underway, &g->job))
			continue; /* the end of who is tried kicks */
		for (unsigned r = 0; r < m->rcpt_n; r++)
			queue_gather_rcpt(g, &m->rcpts[r]);
		queue_gather_late(g);
	}
}

/* Nothing of it has changed, and nothing has become due. */
static bool
queue_is_known(const struct queue_gathering *g, const struct queue_hold *h)
{
	return h->seq == journal_head(queue_bucket_journal(h->b)) &&
	       h->due_s > g->now_s && !h->again;
}

/* It costs a look at every row: while there is known work once a second is
 * enough for very many of them. */
uint64_t
queue_gather_early_ms(const struct queue *q)
{
	uint64_t every = q->rows / 64, since;
	bool work = false;

	for (const struct dest *d = q->listed; d != NULL && !work;
	     d = d->listed)
		work = dest_jobs(d) > 0;
	since = sched_now_ms(q->w->sched) - q->gathered_ms;
	if (every > 1000)
		every = 1000;
	return work && since < every ? every - since : 0;
}

/*
 * All lists of jobs are made anew: what is in them was not begun.  That costs
 * a look at every row of the buckets that have something to do, once for
 * DEST_JOBS jobs of a destination.
 */
void
queue_gather(struct queue *q)
{
	struct queue_gathering g = { .q = q,
		.a = arena_new(0),
		.now_s = sched_wall_s(q->w->sched) };
	struct dest *d;
	bool idle = true;

	if (queue_gather_early_ms(q) > 0) {
		arena_free(&g.a);
		return;
	}
	queue_schedule(q, &g.s);
	q->gather = false;
	/* As long as every destination has jobs left nothing need be found. */
	for (unsigned b = 0; b < QUEUE_BUCKETS; b++)
		if (queue_goes_on(q, b) && !queue_is_known(&g, &q->hold[b]))
			idle = false;
	if (idle) {
		arena_free(&g.a);
		return;
	}
	q->gathered_ms = sched_now_ms(q->w->sched);
	while ((d = q->listed) != NULL) {
		q->listed = d->listed;
		d->listed = NULL;
		dest_empty(d);
	}
	q->late_n = 0;
	for (unsigned i = 0, from = (unsigned)rnd_below(sched_rnd(q->w->sched),
				 QUEUE_BUCKETS);
	     i < QUEUE_BUCKETS; i++) {
		unsigned b = (from + i) % QUEUE_BUCKETS;

		if (queue_goes_on(q, b) &&
		    sched_now_ms(q->w->sched) >= q->hold[b].pause_ms)
			queue_gather_bucket(&g, b);
	}
	dests_trim(q->dests, g.now_s);
	arena_free(&g.a);
}

uint64_t
queue_gather_wait_ms(const struct queue *q)
{
	int64_t now = sched_wall_s(q->w->sched), first = INT64_MAX;

	for (unsigned b = 0; b < QUEUE_BUCKETS; b++)
		if (queue_goes_on(q, b) && q->hold[b].due_s < first)
			first = q->hold[b].due_s;
	if (first <= now)
		return 200; /* whatever it is, it is being done */
	return first - now > 3600 ? 3600 * 1000
				  : (uint64_t)(first - now) * 1000;
}
