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
 * reads: an entry that was confirmed) and publishes to counts.h; every worker
 * answers /health/... and agent checks from there.
 */
#define HEALTH_FRESH_MS 15000

enum health_state {
	HEALTH_STARTING,
	HEALTH_READY,
	HEALTH_UNREADY,
	HEALTH_DRAINING
};

struct health;
struct worker;

struct health *health_new(struct worker *w);
void health_free(struct health **h);
/* As any worker sees it; why: a word for /health/ready ("lease", "share"). */
enum health_state health_now(const struct worker *w, const char **why_r);
/* "up ready 100%\n", "up drain\n", "down\n" (HAProxy agent-check, complete). */
void health_agent_text(const struct worker *w, char *text_r, unsigned size);

#endif
