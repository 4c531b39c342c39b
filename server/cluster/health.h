/* health.h - whether this node should get connections */
#ifndef SERVER_CLUSTER_HEALTH_H
#define SERVER_CLUSTER_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/task.h"

/*
 * Honest: ready only if, within HEALTH_FRESH_MS, a write to the share and a
 * read of it back succeeded and the lease was renewed, and the node is neither
 * starting nor draining.  Worker 0 probes (the renewals are the writes and
 * reads: an entry that was confirmed) and publishes to counts.h, each
 * HEALTH_TICK_MS; every worker answers /health/... and agent checks from there.
 * What a worker 0 that is gone has left there counts no more after
 * HEALTH_FRESH_MS.
 *
 * The words: "ready"; "starting"; "draining"; "lease" (not renewed: the share
 * is away or slow, or another took it); "worker" (nobody publishes).
 *
 * Worker 0 publishes for metrics, too: age of the lease, latency of the share,
 * the entry of the state, which certificate expires first.
 *
 * The agent's percentage is about load: the whole weight up to
 * HEALTH_LOAD_FULL of load average per processor, less in proportion above it,
 * never under HEALTH_PERCENT_MIN, in steps of 5 (a balancer that hears 97, 96,
 * 98 only moves connections about).
 */
#define HEALTH_FRESH_MS 15000
#define HEALTH_TICK_MS 500
#define HEALTH_LOAD_FULL 1.0
#define HEALTH_PERCENT_MIN 10

enum health_state {
	HEALTH_STARTING,
	HEALTH_READY,
	HEALTH_UNREADY,
	HEALTH_DRAINING
};

struct health;
struct worker;

/* On every worker; only worker 0's does anything.  w->lease may come later. */
struct health *health_new(struct worker *w);
void health_free(struct health **h);
/* Publish now: the node began to serve, or to drain. */
void health_update(struct health *h);
/* As any worker sees it; why: a word for /health/ready ("lease", "share"). */
enum health_state health_now(const struct worker *w, const char **why_r);
/* "up ready 100%\n", "up drain\n", "down\n" (HAProxy agent-check, complete). */
void health_agent_text(const struct worker *w, char *text_r, unsigned size);
/* Percentage for a load average on so many processors. */
unsigned health_percent(double load, unsigned processors);

#endif
