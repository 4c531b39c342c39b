/* board_run.c - worker 0: writing down how the nodes are */
#include <stdlib.h>

#include "base/log.h"
#include "locking/lease.h"
#include "server/cluster/board.h"
#include "server/worker.h"
#include "storage/state_node.h"

#define BOARD_TICK_MS 1000
/* Of one reading of all leases. */
#define BOARD_READ_MS 10000
/* Rates are over so long, or, when leases were read less often, between the
 * last two; not over more than BOARD_RATE_MAX_MS. */
#define BOARD_RATE_MS 15000
#define BOARD_RATE_MAX_MS 180000
#define BOARD_POINTS 8

/* Counters at one time: the node's own, of which only differences count. */
struct board_point {
	uint64_t at_ms; /* 0: none */
	uint64_t counters[LEASE_COUNTERS];
};

struct board_seen {
	uint64_t used_ms; /* 0: free */
	char id[NODE_ID_HEX + 1];
	struct board_point points[BOARD_POINTS]; /* oldest first */
	unsigned n;
	struct board_point noted; /* in the newest sample */
	struct board_sample sample;
};

struct board_run {
	struct worker *w;
	struct timer tick;
	bool reading;
	uint64_t read_ms, put_ms, note_ms;
	struct board_seen seen[BOARD_NODES];
};

/* --- rates --- */

static bool
board_rates(const struct board_point *from, const struct board_point *to,
    double *rates_r)
{
	uint64_t ms = to->at_ms - from->at_ms;

	if (from->at_ms == 0 || to->at_ms <= from->at_ms ||
	    ms > BOARD_RATE_MAX_MS)
		return false;
	for (unsigned i = 0; i < LEASE_COUNTERS; i++)
		if (to->counters[i] < from->counters[i])
			return false;
	for (unsigned i = 0; i < LEASE_COUNTERS; i++)
		rates_r[i] = (double)(to->counters[i] - from->counters[i]) *
			     1000 / (double)ms;
	return true;
}

static struct board_seen *
board_seen_get(struct board_run *r, const char *id)
{
	struct board_seen *s, *best = &r->seen[0];

	for (unsigned i = 0; i < BOARD_NODES; i++) {
		s = &r->seen[i];
		if (s->used_ms > 0 && strcmp(s->id, id) == 0)
			return s;
		if (s->used_ms < best->used_ms)
			best = s;
	}
	*best = (struct board_seen){ .n = 0 };
	memcpy(best->id, id, NODE_ID_HEX);
	return best;
}

/* A newer point; what does not follow from those before begins anew. */
static void
board_seen_add(struct board_seen *s, const struct board_point *p)
{
	double rates[LEASE_COUNTERS];
	unsigned drop = 0;

	if (s->n > 0 && s->points[s->n - 1].at_ms == p->at_ms)
		return;
	if (s->n > 0 && !board_rates(&s->points[s->n - 1], p, rates))
		s->n = 0;
	while (s->n - drop > 1 &&
	       (s->n - drop == BOARD_POINTS ||
		   p->at_ms - s->points[drop].at_ms > BOARD_RATE_MS))
		drop++;
	memmove(s->points, s->points + drop,
	    (s->n - drop) * sizeof(s->points[0]));
	s->n -= drop;
	s->points[s->n++] = *p;
}

static void
board_rate(struct board_run *r, struct board_view *v, uint64_t now_ms)
{
	struct board_seen *s = board_seen_get(r, v->node.id);
	struct board_point p = { .at_ms = (uint64_t)v->node.wall_s * 1000 };

	s->used_ms = now_ms > 0 ? now_ms : 1;
	if (v->node.self)
		p.at_ms = s->used_ms; /* said just now */
	memcpy(p.counters, v->node.info.counters, sizeof(p.counters));
	if (!v->node.read || !v->node.info.counted || p.at_ms == 0) {
		s->n = 0;
		return;
	}
	board_seen_add(s, &p);
	v->rated = s->n > 1 &&
		   board_rates(&s->points[0], &s->points[s->n - 1], v->rates);
}

/* --- looking --- */

static bool
board_has_row(const struct state_node *rows, unsigned n, const char *id)
{
	for (unsigned i = 0; i < n; i++)
		if (str_eq_c(rows[i].id, id))
			return true;
	return false;
}

/* Ourselves we know without looking. */
static void
board_self(struct worker *w, struct node_view *v)
{
	v->life = NODE_ALIVE;
	v->moved = lease_is_valid(w->lease);
	v->read = true;
	v->bad = NULL;
	v->session = *lease_session(w->lease);
	v->age_ms = v->moved ? lease_age_ms(w->lease) : BOARD_SILENT_MS + 1;
	v->wall_s = sched_wall_s(w->sched);
	worker_lease_info(w, &v->info);
}

/* Also before nodes/ was read, and when our directory there is gone. */
static unsigned
board_with_self(struct worker *w, struct arena *a, struct node_view **v_r,
    unsigned n)
{
	struct node_view *list = arena_array(a, n + 1, sizeof(*list));
	unsigned at = 0;

	for (unsigned i = 0; i < n; i++)
		if ((*v_r)[i].self)
			return n;
	while (at < n && strcmp((*v_r)[at].id, w->node_id) < 0)
		at++;
	memcpy(list, *v_r, at * sizeof(*list));
	memcpy(list + at + 1, *v_r + at, (n - at) * sizeof(*list));
	list[at] = (struct node_view){ .id = w->node_id, .self = true };
	*v_r = list;
	return n + 1;
}

/* Those that the state has a row for, and whoever else is alive, as
 * admin_nodes_list() has them. */
static unsigned
board_gather(struct board_run *r, struct arena *a, struct board_view *list,
    unsigned *left_out_r)
{
	struct worker *w = r->w;
	struct state_node *rows = NULL;
	struct node_view *v;
	unsigned n, rows_n = 0, kept = 0;

	*left_out_r = 0;
	/* the state is followed elsewhere, where trouble with it is said */
	err_ignore(state_node_list(a, w->state, &rows, &rows_n));
	n = nodes_list(w->nodes, a, &v);
	n = board_with_self(w, a, &v, n);
	for (unsigned i = 0; i < n; i++) {
		if (v[i].self)
			board_self(w, &v[i]);
		if (!(v[i].life == NODE_ALIVE && v[i].moved) &&
		    !board_has_row(rows, rows_n, v[i].id))
			continue;
		if (kept == BOARD_NODES)
			(*left_out_r)++;
		else
			list[kept++] = (struct board_view){ .node = v[i] };
	}
	return kept;
}

static void
board_sample(struct board_run *r, const struct board_view *v, int64_t now_s)
{
	struct board_seen *s = board_seen_get(r, v->node.id);
	const struct board_point *p = s->n > 0 ? &s->points[s->n - 1] : NULL;
	double rates[LEASE_COUNTERS];

	if (v->node.life != NODE_ALIVE || !v->node.moved || !v->node.read)
		return;
	s->sample.at_s = now_s;
	s->sample.sessions = v->node.info.sessions;
	s->sample.load = v->node.info.load;
	s->sample.latency_us = v->node.info.latency_us;
	/* of a lease that was not read again meanwhile they are the same */
	if (p == NULL || p->at_ms != s->noted.at_ms) {
		s->sample.rated = p != NULL && board_rates(&s->noted, p, rates);
		for (unsigned i = 0; i < LEASE_COUNTERS; i++)
			s->sample.rates[i] =
			    s->sample.rated ? (float)rates[i] : 0;
		s->noted = p != NULL ? *p : (struct board_point){ .at_ms = 0 };
	}
	board_note(r->w->board, str_c(v->node.id), &s->sample);
}

static void
board_write(struct board_run *r)
{
	struct worker *w = r->w;
	struct arena *a = arena_new(0);
	struct board_view *list = arena_array(a, BOARD_NODES, sizeof(*list));
	unsigned left_out, n = board_gather(r, a, list, &left_out);
	uint64_t now = sched_now_ms(w->sched);
	bool note =
	    r->note_ms == 0 || now - r->note_ms >= BOARD_STEP_S * 1000ULL;

	for (unsigned i = 0; i < n; i++) {
		board_rate(r, &list[i], now);
		if (note)
			board_sample(r, &list[i], sched_wall_s(w->sched));
	}
	board_put(w->board, now, list, n, left_out);
	r->put_ms = now;
	if (note)
		r->note_ms = now;
	arena_free(&a);
}

static may_yield void
board_read_main(struct task *t, void *arg)
{
	struct board_run *r = arg;

	task_set_deadline(t, task_now_ms(t) + BOARD_READ_MS);
	/* Errors are the share's, which others report; ages grow. */
	err_ignore(nodes_refresh(t, r->w->nodes));
	board_write(r);
	r->read_ms = task_now_ms(t);
	r->reading = false;
}

static void
board_tick(struct timer *tm, void *arg)
{
	struct board_run *r = arg;
	struct worker *w = r->w;
	uint64_t now = sched_now_ms(w->sched);

	if (r->reading) {
		;
	} else if (board_is_wanted(w->board, now) &&
		   (r->read_ms == 0 || now - r->read_ms >= BOARD_FAST_MS)) {
		r->reading = true;
		task_start(w->sched, "board", board_read_main, r);
	} else if (r->put_ms == 0 || now - r->put_ms >= BOARD_SLOW_MS) {
		board_write(r);
	}
	timer_set(w->sched, tm, BOARD_TICK_MS, board_tick, r);
}

struct board_run *
board_run_new(struct worker *w)
{
	struct board_run *r = xcalloc(1, sizeof(*r));

	r->w = w;
	board_tick(&r->tick, r);
	return r;
}

void
board_run_free(struct board_run **r)
{
	if (*r == NULL)
		return;
	timer_cancel((*r)->w->sched, &(*r)->tick);
	free(*r);
	*r = NULL;
}
