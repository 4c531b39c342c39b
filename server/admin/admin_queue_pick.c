/* admin_queue_pick.c - which messages of the queue, and what is said of them */
#include <stdlib.h>

#include "server/admin/admin_queue_private.h"

/* --- filters --- */

bool
admin_queue_is_at(struct str address, struct str domain)
{
	return address.n > domain.n &&
	       address.p[address.n - domain.n - 1] == '@' &&
	       str_case_eq(str_sub(address, address.n - domain.n, domain.n),
		   domain);
}

static bool
admin_queue_is_from(struct str from, struct str wanted)
{
	if (wanted.p[0] == '@')
		return admin_queue_is_at(from,
		    str_sub(wanted, 1, wanted.n - 1));
	/* null reverse-paths are written <> */
	if (str_eq_c(wanted, "<>"))
		return from.n == 0;
	return str_case_eq(from, wanted);
}

bool
admin_queue_shows(const struct queue_message *m, const struct queue_rcpt *r,
    struct str within)
{
	return within.n == 0 || admin_queue_is_at(m->from, within) ||
	       admin_queue_is_at(r->address, within) ||
	       admin_queue_is_at(r->via, within);
}

static bool
admin_queue_waits_at(const struct queue_message *m,
    const struct admin_queue_filter *f)
{
	for (unsigned i = 0; i < m->rcpt_n; i++)
		if (m->rcpts[i].state == QUEUE_WAITING &&
		    admin_queue_shows(m, &m->rcpts[i], f->within) &&
		    admin_queue_is_at(m->rcpts[i].address, f->domain))
			return true;
	return false;
}

static bool
admin_queue_is_within(const struct queue_message *m, struct str domain)
{
	bool is = admin_queue_is_at(m->from, domain);

	for (unsigned i = 0; i < m->rcpt_n && !is; i++)
		is = admin_queue_is_at(m->rcpts[i].address, domain) ||
		     admin_queue_is_at(m->rcpts[i].via, domain);
	return is;
}

static bool
admin_queue_is_found(const struct queue_message *m,
    const struct admin_queue_filter *f)
{
	bool is =
	    str_case_has(m->id, f->search) || str_case_has(m->from, f->search);

	for (unsigned i = 0; i < m->rcpt_n && !is; i++)
		is = m->rcpts[i].state == QUEUE_WAITING &&
		     admin_queue_shows(m, &m->rcpts[i], f->within) &&
		     (str_case_has(m->rcpts[i].address, f->search) ||
			 str_case_has(m->rcpts[i].answer, f->search));
	return is;
}

static bool
admin_queue_is_after(const struct queue_message *m,
    const struct admin_queue_filter *f)
{
	if (!f->has_after || m->arrived_s > f->after_s)
		return true;
	return m->arrived_s == f->after_s && str_cmp(m->id, f->after_id) > 0;
}

bool
admin_queue_matches(const struct queue_message *m,
    const struct admin_queue_filter *f)
{
	if (f->state != ADMIN_QUEUE_ANY &&
	    m->held != (f->state == ADMIN_QUEUE_HELD))
		return false;
	return admin_queue_is_after(m, f) &&
	       (f->from.n == 0 || admin_queue_is_from(m->from, f->from)) &&
	       (f->within.n == 0 || admin_queue_is_within(m, f->within)) &&
	       (f->domain.n == 0 || admin_queue_waits_at(m, f)) &&
	       (f->search.n == 0 || admin_queue_is_found(m, f));
}

/* --- the first of them --- */

static int
admin_queue_cmp(const void *x, const void *y)
{
	const struct queue_message *a = *(const struct queue_message *const *)x;
	const struct queue_message *b = *(const struct queue_message *const *)y;

	if (a->arrived_s != b->arrived_s)
		return a->arrived_s < b->arrived_s ? -1 : 1;
	return str_cmp(a->id, b->id);
}

static bool
admin_queue_is_later(const struct queue_message *a,
    const struct queue_message *b)
{
	return admin_queue_cmp(&a, &b) > 0;
}

/* A heap with the latest on top, which gives way to an earlier one: a page of
 * a long queue is not worth sorting all of it. */
static void
admin_queue_sink(const struct queue_message **heap, unsigned n, unsigned at)
{
	for (;;) {
		unsigned big = at;

		for (unsigned k = 2 * at + 1; k <= 2 * at + 2 && k < n; k++)
			if (admin_queue_is_later(heap[k], heap[big]))
				big = k;
		if (big == at)
			return;
		const struct queue_message *m = heap[at];
		heap[at] = heap[big];
		heap[big] = m;
		at = big;
	}
}

static void
admin_queue_offer(const struct queue_message **heap, unsigned *n, unsigned most,
    const struct queue_message *m)
{
	if (*n < most) {
		heap[(*n)++] = m;
		if (*n == most)
			for (unsigned i = most / 2; i-- > 0;)
				admin_queue_sink(heap, most, i);
	} else if (most > 0 && admin_queue_is_later(heap[0], m)) {
		heap[0] = m;
		admin_queue_sink(heap, most, 0);
	}
}

unsigned
admin_queue_pick(struct arena *a, const struct admin_queue *q,
    const struct admin_queue_filter *f, unsigned most,
    const struct queue_message ***list_r, unsigned *all_r)
{
	unsigned n = 0, all = 0, rows = 0;

	for (unsigned k = 0; k < QUEUE_BUCKETS; k++)
		if (q->buckets[k] != NULL)
			rows += queue_bucket_count(q->buckets[k]);
	if (most > rows)
		most = rows;
	*list_r = arena_array(a, most + 1UL, sizeof(**list_r));
	for (unsigned k = 0; k < QUEUE_BUCKETS; k++) {
		const struct queue_bucket *b = q->buckets[k];

		for (unsigned i = 0; b != NULL && i < queue_bucket_count(b);
		     i++) {
			const struct queue_message *m = queue_bucket_nth(b, i);

			if (!admin_queue_matches(m, f))
				continue;
			all++;
			admin_queue_offer(*list_r, &n, most, m);
		}
	}
	qsort(*list_r, n, sizeof(**list_r), admin_queue_cmp);
	if (all_r != NULL)
		*all_r = all;
	return n;
}

/* --- what there is to say --- */

int64_t
admin_queue_next_s(const struct queue_rcpt *r)
{
	return r->state == QUEUE_WAITING && r->next_s > QUEUE_NOW ? r->next_s
								  : 0;
}

const char *
admin_queue_rcpt_state(enum queue_state s)
{
	static const char *const words[] = {
		[QUEUE_WAITING] = "waiting",
		[QUEUE_DELIVERED] = "delivered",
		[QUEUE_FAILED] = "failed",
		[QUEUE_REMOVED] = "removed",
	};

	return words[s];
}

void
admin_queue_sum(struct arena *a, const struct queue_message *m,
    struct str within, struct admin_queue_sum *s)
{
	*s = (struct admin_queue_sum){ .next_s = INT64_MAX };
	s->addresses = arena_array(a, m->rcpt_n + 1UL, sizeof(*s->addresses));
	for (unsigned i = 0; i < m->rcpt_n; i++) {
		const struct queue_rcpt *r = &m->rcpts[i];

		if (r->state != QUEUE_WAITING ||
		    !admin_queue_shows(m, r, within))
			continue;
		s->addresses[s->waiting++] = r->address;
		if (r->tries > s->tries)
			s->tries = r->tries;
		if (admin_queue_next_s(r) < s->next_s)
			s->next_s = admin_queue_next_s(r);
		if (r->tries > 0 &&
		    (s->last == NULL || r->tried_s > s->last->tried_s))
			s->last = r;
	}
	if (s->waiting == 0)
		s->next_s = 0;
}
