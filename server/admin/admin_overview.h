/* admin_overview.h - figures of the whole cluster that many look at often */
#ifndef SERVER_ADMIN_ADMIN_OVERVIEW_H
#define SERVER_ADMIN_ADMIN_OVERVIEW_H

#include "server/admin/admin.h"

#define ADMIN_OVERVIEW_FAILING 5 /* domains */
/* Messages that are looked at for them: the oldest. */
#define ADMIN_OVERVIEW_MESSAGES 2000
/* The queue's buckets are asked for so long. */
#define ADMIN_OVERVIEW_MS 5000
/* A worker reads its figures at most so often, however many ask. */
#define ADMIN_OVERVIEW_FRESH_MS 10000

/* How many there are; in a worker counted again when the state has changed. */
must_check struct err *admin_overview_count(struct arena *a,
    const struct admin *ad, uint64_t *domains_r, uint64_t *accounts_r);

struct admin_overview_queue {
	bool known; /* it could be read */
	unsigned messages, held;
	int64_t oldest_s; /* 0: it is empty */
	/* Domains with most recipients that were tried in vain, most first. */
	struct str failing[ADMIN_OVERVIEW_FAILING];
	unsigned failing_n;
};
/* In a worker; away: nothing is asked. */
may_yield void admin_overview_queue(struct task *t, const struct admin *ad,
    bool away, struct admin_overview_queue *q_r);

struct queue_message;
/* The domains of these messages that fail. */
void admin_overview_failing(struct arena *a,
    const struct queue_message *const *list, unsigned n,
    struct admin_overview_queue *q_r);

#endif
