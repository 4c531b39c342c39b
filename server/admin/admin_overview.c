/* admin_overview.c - figures of the whole cluster that many look at often */
#include "server/admin/admin_overview.h"

#include <stdlib.h>

#include "server/admin/admin_queue.h"
#include "server/admin/admin_share.h"
#include "server/worker.h"

/* Different domains that are counted. */
#define ADMIN_OVERVIEW_DOMAINS 200
#define ADMIN_OVERVIEW_RCPTS 20000 /* looked at in one turn */

/* A worker's: what was counted, and at which entry of the state; figures of the
 * queue, and when they were read. */
struct admin_overview {
	uint64_t seq, domains, accounts;
	uint64_t at_ms; /* 0: they were not */
	struct admin_overview_queue queue;
	struct arena *arena; /* its texts */
};

static struct admin_overview *
admin_overview_of(struct worker *w)
{
	if (w->overview == NULL)
		w->overview = xcalloc(1, sizeof(*w->overview));
	return w->overview;
}

struct err *
admin_overview_count(struct arena *a, const struct admin *ad,
    uint64_t *domains_r, uint64_t *accounts_r)
{
	struct admin_overview *o = admin_overview_of(ad->worker);
	uint64_t seq = state_seq(ad->state);
	struct err *e;

	if (o->seq != seq) {
		e = admin_count_all(a, ad, &o->domains, &o->accounts);
		if (e != NULL) {
			o->seq = 0;
			return e;
		}
		o->seq = seq;
	}
	*domains_r = o->domains;
	*accounts_r = o->accounts;
	return NULL;
}

/* --- the queue --- */

struct admin_failing {
	struct str domain;
	unsigned n;
};

static void
admin_failing_add(struct admin_failing *list, unsigned *n, struct str domain)
{
	for (unsigned i = 0; i < *n; i++)
		if (str_case_eq(list[i].domain, domain)) {
			list[i].n++;
			return;
		}
	if (*n < ADMIN_OVERVIEW_DOMAINS)
		list[(*n)++] =
		    (struct admin_failing){ .domain = domain, .n = 1 };
}

static int
admin_failing_cmp(const void *a, const void *b)
{
	const struct admin_failing *x = a, *y = b;

	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	return str_cmp(x->domain, y->domain);
}

static struct str
admin_failing_domain(struct str address)
{
	size_t i = address.n;

	while (i > 0 && address.p[i - 1] != '@')
		i--;
	return i == 0 ? STR_NONE : str_sub(address, i, address.n - i);
}

void
admin_overview_failing(struct arena *a, const struct queue_message *const *m,
    unsigned n, struct admin_overview_queue *q_r)
{
	struct admin_failing *list =
	    arena_array(a, ADMIN_OVERVIEW_DOMAINS, sizeof(*list));
	unsigned domains = 0, left = ADMIN_OVERVIEW_RCPTS;

	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < m[i]->rcpt_n && left > 0;
		     k++, left--) {
			const struct queue_rcpt *r = &m[i]->rcpts[k];
			struct str domain = admin_failing_domain(r->address);

			if (r->state == QUEUE_WAITING && r->tries > 0 &&
			    domain.n > 0)
				admin_failing_add(list, &domains, domain);
		}
	qsort(list, domains, sizeof(*list), admin_failing_cmp);
	for (q_r->failing_n = 0; q_r->failing_n < domains &&
				 q_r->failing_n < ADMIN_OVERVIEW_FAILING;
	     q_r->failing_n++)
		q_r->failing[q_r->failing_n] =
		    arena_str(a, list[q_r->failing_n].domain);
}

static void
admin_overview_sum(struct arena *a, const struct admin_queue *q,
    struct admin_overview_queue *q_r)
{
	struct admin_queue_filter all = { .state = ADMIN_QUEUE_ANY },
				  held = { .state = ADMIN_QUEUE_HELD };
	const struct queue_message **list;
	unsigned n;

	n = admin_queue_pick(a, q, &all, ADMIN_OVERVIEW_MESSAGES, &list,
	    &q_r->messages);
	q_r->oldest_s = n > 0 ? list[0]->arrived_s : 0;
	admin_overview_failing(a, list, n, q_r);
	(void)admin_queue_pick(a, q, &held, 1, &list, &q_r->held);
	q_r->known = true;
}

static void
admin_overview_copy(struct arena *a, const struct admin_overview_queue *from,
    struct admin_overview_queue *to)
{
	*to = *from;
	for (unsigned i = 0; i < to->failing_n; i++)
		to->failing[i] = arena_str(a, from->failing[i]);
}

static may_yield void
admin_overview_read(struct task *t, const struct admin *ad,
    struct admin_overview_queue *q_r)
{
	uint64_t deadline = task_deadline(t);
	uint64_t soon = task_now_ms(t) + ADMIN_OVERVIEW_MS;
	struct admin_queue *q;
	struct err *e;

	*q_r = (struct admin_overview_queue){ .known = false };
	if (deadline == 0 || soon < deadline)
		task_set_deadline(t, soon);
	e = admin_queue_open(t, ad, &q);
	if (e == NULL) {
		e = admin_queue_look(t, q);
		if (e == NULL)
			admin_overview_sum(task_arena(t), q, q_r);
		admin_queue_close(t, &q);
	}
	task_set_deadline(t, deadline);
	err_ignore(e); /* that it is not known is the answer */
}

void
admin_overview_queue(struct task *t, const struct admin *ad, bool away,
    struct admin_overview_queue *q_r)
{
	struct admin_overview *o = admin_overview_of(ad->worker);

	if (away) {
		*q_r = (struct admin_overview_queue){ .known = false };
		return;
	}
	if (o->at_ms != 0 &&
	    task_now_ms(t) - o->at_ms < ADMIN_OVERVIEW_FRESH_MS) {
		admin_overview_copy(task_arena(t), &o->queue, q_r);
		return;
	}
	admin_overview_read(t, ad, q_r);
	if (!q_r->known)
		return;
	arena_free(&o->arena);
	o->arena = arena_new(0);
	admin_overview_copy(o->arena, q_r, &o->queue);
	o->at_ms = task_now_ms(t);
}
