/* worker_node.c - worker 0: the node's identity, lease and name */
#include <stdlib.h>

#include "base/log.h"
#include "locking/lease.h"
#include "locking/lock.h"
#include "locking/nodes.h"
#include "server/cluster/board.h"
#include "server/cluster/health.h"
#include "server/cluster/jobs.h"
#include "server/net/counts.h"
#include "server/queue/queue.h"
#include "server/worker_private.h"
#include "storage/localdir.h"
#include "storage/state_node.h"

#define WORKER_NAME_LOOK_MS 1000

struct err *
worker_node_open(struct task *t, struct core *c)
{
	struct node_local local;
	struct err *e;

	e = localdir_check(task_arena(t), c->w.conf->local, false);
	if (e != NULL)
		return e;
	local = node_local_dir(c->w.conf->local);
	e = node_open(task_arena(t), &local, sched_rnd(c->w.sched), &c->node);
	if (e == NULL)
		c->w.node_id = node_id(c->node);
	return e;
}

/* --- the lease's questions --- */

static enum lease_ready
worker_node_ready(const struct core *c)
{
	static const enum lease_ready of[] = {
		[HEALTH_STARTING] = LEASE_STARTING,
		[HEALTH_READY] = LEASE_READY,
		[HEALTH_UNREADY] = LEASE_UNREADY,
		[HEALTH_DRAINING] = LEASE_DRAINING,
	};

	if (c->w.draining)
		return LEASE_DRAINING;
	return of[health_now(&c->w, NULL)];
}

static enum lease_certificate
worker_node_certificate(const struct core *c)
{
	if (counts_word(c->w.counts, COUNTS_CERT_SELF) != 0)
		return LEASE_CERT_SELF;
	if (c->w.conf->certificates_n > 0)
		return LEASE_CERT_FILE;
	return counts_word(c->w.counts, COUNTS_CERT_EXPIRES) != 0
		   ? LEASE_CERT_STATE
		   : LEASE_CERT_NONE;
}

static void
worker_node_counters(const struct worker *w, struct lease_info *info_r)
{
	static const enum stat_id of[LEASE_COUNTERS] = {
		[LEASE_MESSAGES_IN] = STAT_MESSAGES_IN,
		[LEASE_DELIVERED] = STAT_DELIVERIES,
		[LEASE_RELAYED] = STAT_RELAYED,
		[LEASE_REJECTED] = STAT_REJECTED,
		[LEASE_DEFERRED] = STAT_DEFERRED,
		[LEASE_LOGINS] = STAT_LOGINS,
		[LEASE_LOGINS_FAILED] = STAT_LOGINS_FAILED,
	};

	info_r->counted = true;
	for (unsigned i = 0; i < LEASE_COUNTERS; i++)
		info_r->counters[i] = stat_sum(w->counts, of[i]);
}

void
worker_lease_info(const struct worker *w, struct lease_info *info_r)
{
	const struct core *c = core_of(w);
	const struct conf *conf = w->conf;
	double load = 0;

	if (getloadavg(&load, 1) != 1 || load < 0)
		load = 0;
	info_r->name = str_c(conf->node);
	info_r->version = STR(PACKAGE_VERSION);
	info_r->hint = str_c(conf->cluster.address);
	info_r->format = STATE_SCHEMA;
	info_r->ready = worker_node_ready(c);
	info_r->sessions = (uint32_t)stat_sum(c->w.counts, STAT_SESSIONS);
	info_r->load = (uint32_t)(load * 100);
	info_r->sends = conf->send != 0 && !c->w.draining;
	info_r->certificate = worker_node_certificate(c);
	info_r->cert_expires =
	    (int64_t)counts_word(c->w.counts, COUNTS_CERT_EXPIRES);
	info_r->latency_us = lease_latency_us(c->w.lease);
	worker_node_counters(w, info_r);
}

static void
worker_node_info(void *arg, struct lease_info *info_r)
{
	worker_lease_info(arg, info_r);
}

static void
worker_node_changed(void *arg, bool held)
{
	struct core *c = arg;

	if (!held && !c->releasing)
		log_warn(NULL, "no lease: this node's locks are lost");
	health_update(c->w.health);
}

static void
worker_node_refused(void *arg, const char *sentence)
{
	worker_refuse(arg, sentence);
}

static const struct lease_client worker_node_client = {
	.info = worker_node_info,
	.changed = worker_node_changed,
	.refused = worker_node_refused,
};

/* --- the name --- */

enum worker_name { NAME_OURS, NAME_TAKEN, NAME_FREE, NAME_WAIT };

/* Who has our name: does it live? */
static may_yield enum worker_name
worker_name_holder(struct task *t, struct core *c, struct str *id_r)
{
	struct arena *a = task_arena(t);
	struct state_node n;
	struct node_view v;
	struct err *e;

	e = state_node_find(a, c->w.state, str_c(c->w.conf->node), &n);
	if (e != NULL)
		return NAME_WAIT; /* gone meanwhile: ask again */
	*id_r = n.id;
	e = nodes_refresh(t, c->w.nodes);
	if (e != NULL)
		return NAME_WAIT;
	if (!nodes_find(c->w.nodes, a, n.id, &v))
		return NAME_FREE; /* it never had a lease */
	if (v.life == NODE_RELEASED || v.life == NODE_ENDED)
		return NAME_FREE;
	return v.life == NODE_ALIVE && v.moved ? NAME_TAKEN : NAME_WAIT;
}

static may_yield enum worker_name
worker_name_put(struct task *t, struct core *c, struct str *holder_r)
{
	struct arena *a = task_arena(t);
	struct state_node n = { .id = str_c(c->w.node_id),
		.name = str_c(c->w.conf->node),
		.address = str_c(c->w.conf->cluster.address),
		.joined = task_wall_s(t) };
	struct state_node now;
	struct err *e;

	/* What an administrator noted stays. */
	if (state_node_find(a, c->w.state, n.id, &now) == NULL)
		n.note = now.note;
	e = state_node_put(t, c->w.state,
	    arena_printf(a, "node:%s", c->w.conf->node), &n);
	if (e == NULL)
		return NAME_OURS;
	if (err_is(e, ERR_DUPLICATE))
		return worker_name_holder(t, c, holder_r);
	if (!share_err_is_temporary(e) && !err_is(e, ERR_READONLY))
		log_error(t, "node not noted in the state", LOG_ERR(e));
	return NAME_WAIT;
}

/*
 * The state has one row for each name.  A row whose node is gone (a machine
 * that was set up again) is taken over; one whose node lives is not.
 */
static may_yield void
worker_node_name(struct task *t, struct core *c)
{
	struct arena *a = task_arena(t);
	struct str holder = STR_NONE;
	enum worker_name is;
	bool said = false;

	while ((is = worker_name_put(t, c, &holder)) != NAME_OURS) {
		if (is == NAME_TAKEN) {
			worker_refuse(c,
			    arena_printf(a,
				"another node is called \"%s\" and lives "
				"(id " STR_FMT "): give this one another name",
				c->w.conf->node, STR_ARG(holder)));
			return;
		}
		if (is == NAME_FREE) {
			log_warn(t, "name taken over from a node that is gone",
			    LOG_C("name", c->w.conf->node),
			    LOG_STR("id", holder));
			err_ignore(state_node_remove(t, c->w.state,
			    arena_printf(a, "node:%s", c->w.conf->node),
			    holder)); /* seen at the next look */
			continue;
		}
		if (!said)
			log_info(t, "waiting to be noted in the state",
			    LOG_C("name", c->w.conf->node));
		said = true;
		task_sleep_ms(t, WORKER_NAME_LOOK_MS);
	}
	c->named = c->w.serving = true;
	health_update(c->w.health);
	c->state_changed = true; /* orders may wait for us */
	task_cond_broadcast(&c->state_kick);
}

void
worker_node_main(struct task *t, void *arg)
{
	struct core *c = arg;
	struct err *e;

	c->w.lease = lease_new(c->w.store, c->node, &worker_node_client, c);
	c->w.nodes = nodes_new(c->w.store, c->w.lease);
	c->w.locks = locks_new(c->w.store, c->w.lease, c->w.nodes);
	e = lease_acquire(t, c->w.lease);
	if (e != NULL)
		return; /* refused: worker_node_refused() has said it */
	health_update(c->w.health);
	nodes_watch(c->w.nodes);
	(void)board_run_new(&c->w); /* as long as the process */
	c->w.jobs = jobs_new(&c->w);
	c->w.queue = queue_new(&c->w);
	worker_node_name(t, c);
}
