/* worker_state.c - following the state: settings, certificates, orders */
#include <stdlib.h>

#include "base/log.h"
#include "server/cluster/hints.h"
#include "server/net/counts.h"
#include "server/net/tls.h"
#include "server/worker_private.h"
#include "storage/state_key.h"
#include "storage/state_node.h"

/* --- settings --- */

static struct str
worker_setting_value(struct core *c, unsigned id)
{
	const struct conf *conf = c->w.conf;

	if (conf->setting_set[id])
		return conf->setting_text[id];
	if (c->w.state != NULL)
		return state_setting_text(c->setting_arena, c->w.state,
		    (enum state_setting)id, NULL);
	return str_c(state_setting_table[id].def);
}

unsigned
worker_keep_days(const struct worker *w)
{
	return (unsigned)(worker_setting(w, STATE_TOMBSTONE_KEEP) / 86400);
}

void
worker_settings_load(struct core *c)
{
	/* Who has just asked for a text may look at it a moment longer. */
	arena_free(&c->setting_arena_old);
	c->setting_arena_old = c->setting_arena;
	c->setting_arena = arena_new(0);
	for (unsigned id = 0; id < STATE_SETTINGS; id++) {
		struct str v = worker_setting_value(c, id);

		c->setting_text[id] = arena_str(c->setting_arena, v);
		/* Parsed before: by conf.c, or by the state. */
		err_ignore(state_setting_parse(c->setting_arena,
		    &state_setting_table[id], v, &c->setting_u64[id]));
	}
	if (c->w.mail != NULL)
		mailstore_set_keep_days(c->w.mail, worker_keep_days(&c->w));
}

uint64_t
worker_setting(const struct worker *w, enum state_setting id)
{
	return core_of(w)->setting_u64[id];
}

struct str
worker_setting_text(const struct worker *w, enum state_setting id)
{
	return core_of(w)->setting_text[id];
}

/* --- certificates --- */

static uint64_t
worker_certificates_sum(struct task *t, struct core *c)
{
	struct state_certificate *list;
	uint64_t sum = 14695981039346656037ULL;
	unsigned n;

	if (state_certificate_list(task_arena(t), c->w.state, &list, &n) !=
	    NULL)
		return c->certificates_sum;
	for (unsigned i = 0; i < n; i++)
		sum = (sum ^ str_hash(list[i].id) ^ str_hash(list[i].chain) ^
			  list[i].n) *
		      1099511628211ULL;
	return sum;
}

static void
worker_certificates(struct task *t, struct core *c)
{
	uint64_t sum = worker_certificates_sum(t, c);
	struct err *e;

	if (sum == c->certificates_sum)
		return;
	c->certificates_sum = sum;
	e = tls_load(task_arena(t), c->w.tls);
	if (e != NULL)
		log_error(t, "certificates not loaded", LOG_ERR(e));
	else
		log_info(t, "certificates loaded");
}

/* --- following --- */

void
worker_state_hint(struct worker *w, uint64_t seq)
{
	struct core *c = core_of(w);

	if (w->state == NULL || seq <= state_seq(w->state))
		return;
	c->state_kicked = true;
	task_cond_broadcast(&c->state_kick);
}

static void
worker_state_orders(struct task *t, struct core *c)
{
	struct state_node n;
	struct err *e;

	if (c->w.index != 0 || !c->named)
		return;
	e = state_node_find(task_arena(t), c->w.state, str_c(c->w.node_id), &n);
	if (e == NULL && n.drain != c->ordered_drain)
		worker_drain_order(c, n.drain);
	/* It may be a former worker 0's word. */
	counts_word_set(c->w.counts, COUNTS_DRAIN, c->w.draining);
	err_ignore(e); /* removed, or unreadable: nothing is ordered */
}

static void
worker_state_news(struct task *t, struct core *c)
{
	c->state_seen = state_seq(c->w.state);
	c->state_changed = false;
	worker_settings_load(c);
	worker_certificates(t, c);
	worker_state_orders(t, c);
	if (c->w.index != 0)
		return;
	counts_word_set(c->w.counts, COUNTS_STATE_SEQ, c->state_seen);
	hints_state(c->w.hints, c->state_seen);
}

static uint64_t
worker_state_pause(const struct core *c)
{
	uint64_t ms = WORKER_STATE_WORD_MS;

	if (c->w.index == 0) {
		ms = WORKER_STATE_POLL_MS;
		ms += rnd_below(sched_rnd(c->w.sched), ms / 5);
	}
	return ms;
}

/* Others look only when worker 0's word, a hint or a file says so: reading the
 * replica's number costs a system call or two. */
static may_yield void
worker_state_look(struct task *t, struct core *c)
{
	struct err *e;

	if (c->w.index != 0 && !c->state_kicked &&
	    counts_word(c->w.counts, COUNTS_STATE_SEQ) == state_seq(c->w.state))
		return;
	c->state_kicked = false;
	e = state_refresh(t, c->w.state);
	/* The share is away: lease and health say so. */
	if (e != NULL && !share_err_is_temporary(e) && !c->state_failing)
		log_error(t, "state not read", LOG_ERR(e));
	c->state_failing = e != NULL;
	if (c->w.index == 0)
		counts_word_set(c->w.counts, COUNTS_STATE_READONLY,
		    err_code(state_readonly(task_arena(t), c->w.state)));
}

void
worker_state_main(struct task *t, void *arg)
{
	struct core *c = arg;

	c->certificates_sum = worker_certificates_sum(t, c);
	worker_state_news(t, c);
	for (;;) {
		struct arena_mark mark = arena_mark(task_arena(t));

		if (!c->state_kicked && !c->state_changed)
			(void)task_cond_wait(t, &c->state_kick,
			    task_now_ms(t) + worker_state_pause(c));
		if (!c->state_changed)
			worker_state_look(t, c);
		if (c->state_changed || state_seq(c->w.state) != c->state_seen)
			worker_state_news(t, c);
		arena_rewind(task_arena(t), mark);
	}
}
