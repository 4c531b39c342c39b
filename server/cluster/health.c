/* health.c - whether this node should get connections */
#include "server/cluster/health.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "locking/lease.h"
#include "server/net/counts.h"
#include "server/net/tls.h"
#include "server/worker.h"

/* How often certificates are looked at. */
#define HEALTH_TLS_MS 1000

enum health_why {
	HEALTH_WHY_STARTING,
	HEALTH_WHY_READY,
	HEALTH_WHY_DRAINING,
	HEALTH_WHY_LEASE,
	HEALTH_WHY_WORKER,
	HEALTH_WHYS
};
static const struct {
	const char *word;
	enum health_state state;
} health_whys[HEALTH_WHYS] = {
	[HEALTH_WHY_STARTING] = { "starting", HEALTH_STARTING },
	[HEALTH_WHY_READY] = { "ready", HEALTH_READY },
	[HEALTH_WHY_DRAINING] = { "draining", HEALTH_DRAINING },
	[HEALTH_WHY_LEASE] = { "lease", HEALTH_UNREADY },
	[HEALTH_WHY_WORKER] = { "worker", HEALTH_UNREADY },
};

struct health {
	struct worker *w;
	struct timer tick;
	uint64_t tls_at_ms; /* certificates were looked at */
	enum health_why why;
};

unsigned
health_percent(double load, unsigned processors)
{
	double each = load / (processors > 0 ? processors : 1);
	unsigned percent = 100;

	if (each > HEALTH_LOAD_FULL)
		percent = (unsigned)(100 * HEALTH_LOAD_FULL / each);
	percent -= percent % 5;
	return percent < HEALTH_PERCENT_MIN ? HEALTH_PERCENT_MIN : percent;
}

static enum health_why
health_decide(const struct worker *w)
{
	if (w->draining)
		return HEALTH_WHY_DRAINING;
	if (!w->serving || w->lease == NULL)
		return HEALTH_WHY_STARTING;
	if (!lease_is_valid(w->lease) ||
	    lease_age_ms(w->lease) > HEALTH_FRESH_MS)
		return HEALTH_WHY_LEASE;
	return HEALTH_WHY_READY;
}

static void
health_publish_load(struct worker *w)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	double load;

	if (getloadavg(&load, 1) != 1)
		load = 0;
	counts_word_set(w->counts, COUNTS_READY_LOAD,
	    health_percent(load, n > 0 ? (unsigned)n : 1));
}

static void
health_publish_tls(struct health *h, uint64_t now)
{
	struct worker *w = h->w;
	struct tls_status s;
	struct arena *a;

	if (w->tls == NULL ||
	    (h->tls_at_ms > 0 && now - h->tls_at_ms < HEALTH_TLS_MS))
		return;
	h->tls_at_ms = now;
	a = arena_new(0);
	tls_status(a, w->tls, &s);
	counts_word_set(w->counts, COUNTS_CERT_EXPIRES,
	    s.n > 0 && s.expires > 0 ? (uint64_t)s.expires : 0);
	counts_word_set(w->counts, COUNTS_CERT_SELF,
	    s.source != NULL && str_eq_c(str_c(s.source), "self-signed"));
	arena_free(&a);
}

static void
health_publish(struct health *h)
{
	struct worker *w = h->w;
	uint64_t now = sched_now_ms(w->sched);
	enum health_why why = health_decide(w);

	counts_word_set(w->counts, COUNTS_READY, health_whys[why].state);
	counts_word_set(w->counts, COUNTS_READY_WHY, why);
	counts_word_set(w->counts, COUNTS_READY_AT, now > 0 ? now : 1);
	if (w->lease != NULL) {
		counts_word_set(w->counts, COUNTS_LEASE_AGE_MS,
		    lease_age_ms(w->lease));
		counts_word_set(w->counts, COUNTS_LATENCY_US,
		    lease_latency_us(w->lease));
	}
	health_publish_load(w);
	health_publish_tls(h, now);
	if (why == h->why)
		return;
	h->why = why;
	if (health_whys[why].state == HEALTH_UNREADY)
		log_warn(NULL, "not ready",
		    LOG_C("why", health_whys[why].word));
	else
		log_info(NULL, "health", LOG_C("is", health_whys[why].word));
	/* The other nodes read it in the lease. */
	if (w->lease != NULL)
		lease_renew_soon(w->lease);
}

static void
health_tick(struct timer *tm, void *arg)
{
	struct health *h = arg;

	health_publish(h);
	timer_set(h->w->sched, tm, HEALTH_TICK_MS, health_tick, h);
}

struct health *
health_new(struct worker *w)
{
	struct health *h = xcalloc(1, sizeof(*h));

	h->w = w;
	h->why = HEALTH_WHY_STARTING;
	if (w->index == 0)
		health_tick(&h->tick, h);
	return h;
}

void
health_free(struct health **h)
{
	if (*h == NULL)
		return;
	timer_cancel((*h)->w->sched, &(*h)->tick);
	free(*h);
	*h = NULL;
}

void
health_update(struct health *h)
{
	if (h != NULL && h->w->index == 0)
		health_publish(h);
}

enum health_state
health_now(const struct worker *w, const char **why_r)
{
	uint64_t why = counts_word(w->counts, COUNTS_READY_WHY);
	uint64_t at = counts_word(w->counts, COUNTS_READY_AT);

	/* Not w->draining: all workers say the same at the same time. */
	if (counts_word(w->counts, COUNTS_DRAIN) != 0)
		why = HEALTH_WHY_DRAINING;
	else if (at == 0)
		why = HEALTH_WHY_STARTING;
	else if (why >= HEALTH_WHYS ||
		 sched_now_ms(w->sched) > at + HEALTH_FRESH_MS)
		why = HEALTH_WHY_WORKER;
	if (why_r != NULL)
		*why_r = health_whys[why].word;
	return health_whys[why].state;
}

void
health_agent_text(const struct worker *w, char *text_r, unsigned size)
{
	switch (health_now(w, NULL)) {
	case HEALTH_READY:
		snprintf(text_r, size, "up ready %u%%\n",
		    (unsigned)counts_word(w->counts, COUNTS_READY_LOAD));
		break;
	case HEALTH_DRAINING:
		/* Sessions that are there may go on. */
		snprintf(text_r, size, "up drain\n");
		break;
	default:
		snprintf(text_r, size, "down\n");
	}
}
