/* worker.h - one single-threaded process of a node: what every protocol sees */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "base/offload.h"
#include "base/task.h"
#include "server/conf.h"
#include "storage/mailstore.h"
#include "storage/segcache.h"
#include "storage/share/store.h"
#include "storage/state.h"
#include "storage/state_setting.h"

/*
 * Worker 0 also holds the node's lease, applies the state (the others open it
 * replica_only and are told), receives hints and forwards them, and runs the
 * cluster's jobs.  Listeners other than health and agent accept only while
 * `serving`: the share was opened once.  Later outages of the share do not
 * change that: sessions answer UNAVAILABLE.
 */
struct account;
struct conns;
struct dns;
struct queue_store;
struct tls;
struct trace;
struct auth;
struct hints;
struct follows;
struct counts;
struct health;
struct jobs;
struct lease;
struct nodes;
struct locks;
struct queue;
struct admin_queue;
struct admin_locks;
struct admin_overview;
struct admin_writer;
struct board;
struct underway;
struct lease_info;

struct worker {
	unsigned index, workers;
	const struct conf *conf; /* replaced by a reload: never keep parts */
	struct loop *loop;
	struct sched *sched;
	struct offload *offload;
	struct store *store;
	struct state *state;
	struct segcache *cache;
	struct mailstore *mail;
	/* storage/queue.h; NULL: no queue, so no mail for elsewhere is taken */
	struct queue_store *queue_store;
	struct conns *conns;	 /* net/listener.h: made by the first one */
	struct tls *tls;	 /* net/tls.h */
	struct dns *dns;	 /* dns/dns.h */
	struct counts *counts;	 /* net/counts.h: shared by all workers */
	struct auth *auth;	 /* auth/auth.h */
	struct hints *hints;	 /* cluster/hints.h */
	struct follows *follows; /* cluster/follow.h */
	struct health *health;	 /* cluster/health.h */
	struct trace *trace;	 /* trace/trace.h */
	/* worker 0, else NULL */
	struct lease *lease;
	struct nodes *nodes;
	struct locks *locks;
	struct jobs *jobs;   /* cluster/jobs.h */
	struct queue *queue; /* queue/queue.h; NULL: does not send */
	const char *node_id;
	bool serving, draining;
	struct board *board; /* cluster/board.h: shared by all workers */
	/* queue/underway.h: what worker 0 is at; it outlives it */
	struct underway *underway;
	/* admin/admin.h; NULL until something was to be changed here */
	struct admin_writer *writer;
	/* admin/admin_overview.h, admin_locks.h; NULL until somebody looked */
	struct admin_overview *overview;
	struct admin_locks *admin_locks;
	/* admin/admin_queue.h; NULL until somebody looked at the queue */
	struct admin_queue *admin_queue;
	/* For the API: searches of the trace, checks of zones. */
	unsigned tracing, checking;
};

/*
 * What holds on this node: the file's settings {}, else the state's value, else
 * the default.  Cached: costs nothing, never yields.
 */
uint64_t worker_setting(const struct worker *w, enum state_setting id);
/* Valid until the task yields. */
struct str worker_setting_text(const struct worker *w, enum state_setting id);
/* Worker 0: what the node says of itself in its lease. */
void worker_lease_info(const struct worker *w, struct lease_info *info_r);
/* Name in greetings, Received, Message-ID. */
const char *worker_hostname(const struct worker *w);

/* A hint: the state is at this entry somewhere. Looks, if that is news. */
void worker_state_hint(struct worker *w, uint64_t seq);

/* The account's mailbox, by id; like account_open, but ERR_UNAVAIL at once
 * while the share is known to be away. */
may_yield must_check struct err *worker_account_open(struct task *t,
    struct worker *w, struct str id, struct account **acc_r);
/* The same for delivery: account_open_blind. */
may_yield must_check struct err *worker_account_open_blind(struct task *t,
    struct worker *w, struct str id, struct account **acc_r);

/* Worker 0: the state is said to be at entry seq; refresh it if it is not. */
void worker_state_hint(struct worker *w, uint64_t seq);

/*
 * The one place where a storage error becomes a client's word.  TEMP: the share
 * is away, unknown outcome, timeout, lost race too often; others say what they
 * are.
 */
enum worker_outcome {
	WORKER_OK,
	WORKER_TEMP,	  /* 451 4.3.0, NO [UNAVAILABLE], -ERR [SYS/TEMP] */
	WORKER_FULL,	  /* the file system: 452 4.3.1, NO [UNAVAILABLE] */
	WORKER_OVERQUOTA, /* 452 4.2.2, NO [OVERQUOTA] */
	WORKER_GONE,	  /* account closed or removed: 550 5.1.1 */
	WORKER_NOTFOUND,
	WORKER_EXISTS,
	WORKER_LIMIT,
	WORKER_INVALID,
	WORKER_DENIED,
	WORKER_DAMAGED, /* corrupt, fork, newer format: NO [CORRUPTION] /
			 * 451; somebody must look */
	WORKER_BUG	/* what must not happen here: NO [SERVERBUG], 451 */
};
enum worker_outcome worker_outcome(const struct err *e);

#endif
