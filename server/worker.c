/* worker.c - one single-threaded process of a node */
#include "server/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "server/auth/auth.h"
#include "server/channel.h"
#include "server/cluster/follow.h"
#include "server/cluster/health.h"
#include "server/cluster/hints.h"
#include "server/dns/dns.h"
#include "server/net/listener.h"
#include "server/net/tls.h"
#include "server/privs.h"
#include "server/queue/queue.h"
#include "server/trace/trace.h"
#include "server/worker_private.h"
#include "storage/account.h"
#include "storage/clusterkey.h"
#include "storage/localdir.h"
#include "storage/queue.h"
#include "storage/share/share_count.h"

/* --- to the master --- */

void
worker_tell(struct core *c, int type, const char *text)
{
	struct str s = str_sub(str_c(text), 0, CHANNEL_BYTES);

	/* A master that does not read is gone, or about to say so. */
	(void)channel_send(c->channel, (enum channel_type)type, s.p, s.n, NULL,
	    0);
}

void
worker_refuse(struct core *c, const char *sentence)
{
	worker_tell(c, CHANNEL_REFUSED, sentence);
	c->phase = WORKER_ENDING;
	loop_stop(c->w.loop);
}

/* --- from the master --- */

static void
worker_channel_log(struct core *c, struct channel_msg *m)
{
	if (m->fds_n != 1)
		return;
	logfile_use(&c->log, c->w.conf, m->fds[0]);
	m->fds_n = 0;
}

static void
worker_channel_conf(struct core *c, struct channel_msg *m)
{
	struct str packed;

	if (m->fds_n < 1 || !channel_file_map(m->fds[0], &packed))
		return;
	worker_reload(c, packed, m->data, m->n, m->fds + 1, m->fds_n - 1);
	worker_tell(c, CHANNEL_TAKEN, "");
	channel_file_unmap(&packed);
	close(m->fds[0]);
	m->fds_n = 0; /* the sockets are the listeners' */
}

static void
worker_channel_message(struct core *c, struct channel_msg *m)
{
	if (m->type == CHANNEL_CONF)
		worker_channel_conf(c, m);
	else if (m->type == CHANNEL_LOG)
		worker_channel_log(c, m);
	else if (m->type == CHANNEL_PING)
		worker_tell(c, CHANNEL_PONG, "");
	else if (m->type == CHANNEL_DRAIN)
		worker_drain_begin(c);
	else if (m->type == CHANNEL_FINISH)
		worker_drain_finish(c);
	for (unsigned i = 0; i < m->fds_n; i++)
		close(m->fds[i]);
}

static void
worker_channel(struct watch *watch, int fd, int events, void *arg)
{
	struct core *c = arg;
	struct channel_msg m;
	enum channel_got got;

	(void)watch;
	(void)events;
	while ((got = channel_recv(fd, &m)) == CHANNEL_MSG)
		worker_channel_message(c, &m);
	if (got == CHANNEL_GONE) /* the master is dead */
		_exit(1);
}

/* --- opening --- */

static may_yield must_check struct err *
worker_open_store(struct task *t, struct core *c)
{
	unsigned char uuid[16];
	struct clusterkey key;
	struct share *s;
	struct err *e =
	    clusterkey_load(task_arena(t), c->w.conf->local, NULL, &key, uuid);

	clusterkey_wipe(&key);
	if (e != NULL)
		return e;
	e = store_open_backend(t, c->w.loop, c->w.offload, c->w.conf->share,
	    &s);
	if (e != NULL)
		return e;
	return store_open_share(t, share_count_new(s), uuid, &c->w.store);
}

static void
worker_state_applied(void *arg)
{
	struct core *c = arg;

	c->state_changed = true;
	task_cond_broadcast(&c->state_kick);
}

static may_yield must_check struct err *
worker_open_state(struct task *t, struct core *c)
{
	struct state_conf conf = { .store = c->w.store,
		.offload = c->w.offload,
		.local = c->w.conf->local,
		.replica_only = c->w.index != 0,
		.changed = worker_state_applied,
		.arg = c };
	struct err *e = clusterkey_load(task_arena(t), c->w.conf->local,
	    c->w.store->uuid, &conf.key, NULL);

	if (e == NULL)
		e = state_open(t, &conf, &c->w.state, NULL);
	clusterkey_wipe(&conf.key);
	return e;
}

static void
worker_committed(void *arg, struct str account_id, uint64_t seq)
{
	struct core *c = arg;

	hints_account(c->w.hints, account_id, seq);
}

static void
worker_queued(void *arg, unsigned bucket, uint64_t seq)
{
	struct core *c = arg;

	queue_tell(&c->w, bucket, seq);
}

static bool
worker_is_full(void *arg)
{
	struct core *c = arg;

	return counts_word(c->w.counts, COUNTS_SHARE_FULL) != 0;
}

static void
worker_open_mail(struct core *c)
{
	struct mailstore_conf conf = { .store = c->w.store,
		.keep_days = worker_keep_days(&c->w),
		.committed = worker_committed,
		.full = worker_is_full,
		.arg = c };

	c->w.cache = segcache_new(c->w.offload,
	    arena_printf(c->arena, "%s/segcache", c->w.conf->local),
	    WORKER_CACHE_BYTES);
	conf.cache = c->w.cache;
	c->w.mail = mailstore_new(&conf);
}

static void
worker_open_queue(struct core *c)
{
	const struct queue_conf conf = { .store = c->w.store,
		.cache = c->w.cache,
		.committed = worker_queued,
		.full = worker_is_full,
		.arg = c };

	c->w.queue_store = queue_store_new(&conf);
}

static void
worker_load_tls(struct task *t, struct core *c)
{
	struct err *e = tls_load(task_arena(t), c->w.tls);

	if (e != NULL)
		log_error(t, "certificates not loaded", LOG_ERR(e));
}

static may_yield must_check struct err *
worker_open_all(struct task *t, struct core *c)
{
	struct err *e = NULL;

	if (c->w.index == 0 && c->node == NULL)
		e = worker_node_open(t, c);
	if (e == NULL && c->w.store == NULL)
		e = worker_open_store(t, c);
	if (e == NULL && c->w.state == NULL)
		e = worker_open_state(t, c);
	return e;
}

/*
 * What time may mend.  A node that refuses to start is seen by who starts it;
 * one that stops because a server was odd for a moment, while a worker was
 * started again, is an outage.  For a replica_only state also that worker 0 has
 * not made the replica yet.
 */
static bool
worker_open_may_wait(const struct core *c, const struct err *e)
{
	if (share_err_is_temporary(e) || err_is(e, ERR_IO) ||
	    err_is(e, ERR_STALE) || err_is(e, ERR_NOSPC) ||
	    err_is(e, ERR_DQUOT) || err_is(e, ERR_SYSTEM))
		return true;
	return c->w.index != 0 && c->w.store != NULL && c->w.state == NULL;
}

static void
worker_up(struct core *c)
{
	if (!c->up)
		worker_tell(c, CHANNEL_UP, "");
	c->up = true;
}

/* Until the share answers, with back-off; says so once. */
static may_yield bool
worker_open_wait(struct task *t, struct core *c)
{
	uint64_t ms = WORKER_RETRY_MS;
	struct err *e;
	bool said = false;

	while ((e = worker_open_all(t, c)) != NULL) {
		if (!worker_open_may_wait(c, e)) {
			worker_refuse(c, e->text);
			return false;
		}
		if (!said && c->w.index == 0) {
			log_warn(t, "waiting for the share", LOG_ERR(e));
			worker_tell(c, CHANNEL_STATUS,
			    arena_printf(task_arena(t),
				"waiting for the share: %s", e->text));
			said = true;
		}
		if (c->w.index != 0 || said)
			worker_up(c);
		task_sleep_ms(t, ms);
		if (c->phase != WORKER_OPENING)
			return false;
		ms =
		    ms * 2 < WORKER_RETRY_MAX_MS ? ms * 2 : WORKER_RETRY_MAX_MS;
	}
	return true;
}

static may_yield void
worker_open_main(struct task *t, void *arg)
{
	struct core *c = arg;

	if (!worker_open_wait(t, c))
		return;
	worker_settings_load(c);
	worker_open_mail(c);
	worker_open_queue(c);
	worker_load_tls(t, c);
	c->w.hints = hints_new(&c->w, c->sibling, c->siblings, c->siblings_n);
	c->w.follows = follows_new(&c->w);
	c->w.trace = trace_new(&c->w);
	c->w.auth = auth_new(&c->w);
	task_start(c->w.sched, "state", worker_state_main, c);
	if (c->w.index == 0) {
		task_start(c->w.sched, "node", worker_node_main, c);
		task_start(c->w.sched, "room", worker_room_main, c);
	}
	if (c->phase != WORKER_OPENING)
		return; /* told to stop meanwhile */
	c->phase = WORKER_SERVING;
	/* Worker 0, who says whether the node is ready, has a name first. */
	c->w.serving = c->w.index != 0 || c->named;
	worker_listen_update(c);
	worker_up(c);
	if (c->w.index == 0)
		worker_tell(c, CHANNEL_STATUS, "serving");
}

/* --- statistics --- */

static void
worker_stat(struct timer *tm, void *arg)
{
	struct core *c = arg;
	struct share_counts n;

	if (c->w.store != NULL) {
		share_count_get(c->w.store->share, &n);
		stat_add(c->w.counts, STAT_SHARE_CALLS,
		    (int64_t)(n.total - c->share_calls));
		stat_add(c->w.counts, STAT_SHARE_FAILED,
		    (int64_t)(n.failed - c->share_failed));
		c->share_calls = n.total;
		c->share_failed = n.failed;
	}
	/* Worker 0 has the order from the state. */
	if (c->w.index != 0 &&
	    c->ordered_drain != (counts_word(c->w.counts, COUNTS_DRAIN) != 0))
		worker_drain_order(c, !c->ordered_drain);
	timer_set(c->w.sched, tm, WORKER_STAT_MS, worker_stat, c);
}

/* --- the process --- */

static void
worker_signals(void)
{
	static const int ignored[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1,
		SIGPIPE };

	/* The master says what they mean; a terminal sends them to all. */
	for (unsigned i = 0; i < countof(ignored); i++)
		signal(ignored[i], SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
}

static void
worker_give_up_rights(struct core *c)
{
	struct err *e = privs_drop(c->arena, c->w.conf->user, c->w.conf->group);

	if (e != NULL) {
		worker_tell(c, CHANNEL_REFUSED, e->text);
		_exit(1);
	}
	if (!privs_die_with(c->master))
		_exit(1);
}

static void
worker_init(struct core *c, const struct worker_start *s)
{
	struct worker *w = &c->w;

	c->arena = arena_new(0);
	c->channel = s->channel;
	c->master = s->master;
	c->log = s->log;
	c->sibling = s->sibling;
	c->siblings = s->siblings;
	c->siblings_n = s->siblings_n;
	task_cond_init(&c->state_kick);
	w->index = s->index;
	w->workers = s->workers;
	w->conf = s->conf;
	w->counts = s->counts;
	w->board = s->board;
	w->underway = s->underway;
	worker_set_hostname(c);
	worker_settings_load(c);
}

void
worker_run(const struct worker_start *s)
{
	struct core *c = xcalloc(1, sizeof(*c));
	struct worker *w = &c->w;

	worker_init(c, s);
	worker_signals();
	prctl(PR_SET_NAME, s->index == 0 ? "shoald-0" : "shoald-n", 0, 0, 0);
	worker_give_up_rights(c);
	/* Before there are threads; without seccomp it goes on without. */
	(void)privs_seccomp();
	umask(077);
	w->loop = loop_new(&clock_system, &rnd_system);
	w->sched = loop_sched(w->loop);
	sched_set_log_name(w->sched, w->conf->node, (int)w->index);
	w->offload = offload_new(w->loop, WORKER_THREADS);
	counts_join(w->counts, w->index);
	w->tls = tls_new(w);
	w->dns = dns_new(w);
	w->health = health_new(w);
	c->channel_watch = watch_new(w->loop, c->channel, worker_channel, c);
	watch_set(c->channel_watch, WATCH_READ);
	worker_listen_begin(c, s->sockets, s->sockets_n);
	worker_stat(&c->stat_timer, c);
	task_start(w->sched, "open", worker_open_main, c);
	loop_run(w->loop, false);
	/* Everything is on the share or told; the kernel frees the rest. */
	_exit(0);
}

/* --- what protocols ask --- */

void
worker_set_hostname(struct core *c)
{
	if (c->hostname == NULL ||
	    strcmp(c->hostname, c->w.conf->hostname) != 0)
		c->hostname = arena_strdup(c->arena, c->w.conf->hostname);
}

const char *
worker_hostname(const struct worker *w)
{
	return core_of(w)->hostname;
}

/* Nothing was sent, or nothing came back in time: the share is away. */
static bool
worker_is_away(const struct err *e)
{
	return err_is(e, ERR_UNAVAIL) || err_is(e, ERR_TIMEOUT);
}

static may_yield must_check struct err *
worker_account_try(struct task *t, struct worker *w, struct str id, bool blind,
    struct account **acc_r)
{
	struct core *c = core_of(w);
	bool probe = c->away_until_ms != 0;
	struct err *e;

	*acc_r = NULL;
	/* One at a time tries whether it is back. */
	if (w->mail == NULL ||
	    (probe &&
		(c->away_probing || sched_now_ms(w->sched) < c->away_until_ms)))
		return err_new(task_arena(t), ERR_UNAVAIL,
		    "the share does not answer", NULL);
	if (probe)
		c->away_probing = true;
	e = blind ? account_open_blind(t, w->mail, id, acc_r)
		  : account_open(t, w->mail, id, acc_r);
	if (probe)
		c->away_probing = false;
	if (worker_is_away(e))
		c->away_until_ms = sched_now_ms(w->sched) + WORKER_AWAY_MS;
	else
		c->away_until_ms = 0;
	return e;
}

struct err *
worker_account_open(struct task *t, struct worker *w, struct str id,
    struct account **acc_r)
{
	return worker_account_try(t, w, id, false, acc_r);
}

struct err *
worker_account_open_blind(struct task *t, struct worker *w, struct str id,
    struct account **acc_r)
{
	return worker_account_try(t, w, id, true, acc_r);
}

enum worker_outcome
worker_outcome(const struct err *e)
{
	static const enum worker_outcome table[ERR_CODES] = {
		[ERR_NONE] = WORKER_OK,
		[ERR_NOENT] = WORKER_NOTFOUND,
		[ERR_EXIST] = WORKER_EXISTS,
		[ERR_NOTDIR] = WORKER_DAMAGED,
		[ERR_ISDIR] = WORKER_DAMAGED,
		[ERR_NOTEMPTY] = WORKER_DAMAGED,
		[ERR_STALE] = WORKER_TEMP,
		[ERR_MLINK] = WORKER_TEMP,
		[ERR_XDEV] = WORKER_TEMP,
		[ERR_NOSPC] = WORKER_FULL,
		[ERR_DQUOT] = WORKER_FULL,
		[ERR_ROFS] = WORKER_TEMP,
		[ERR_ACCESS] = WORKER_TEMP,
		[ERR_NAMETOOLONG] = WORKER_INVALID,
		[ERR_IO] = WORKER_TEMP,
		[ERR_UNKNOWN] = WORKER_TEMP,
		[ERR_UNAVAIL] = WORKER_TEMP,
		[ERR_CONN] = WORKER_TEMP,
		[ERR_FOREIGN] = WORKER_TEMP,
		[ERR_CORRUPT] = WORKER_DAMAGED,
		[ERR_FORMAT] = WORKER_DAMAGED,
		[ERR_FORK] = WORKER_DAMAGED,
		[ERR_HELD] = WORKER_TEMP,
		[ERR_VOIDED] = WORKER_TEMP,
		[ERR_CLOSED] = WORKER_GONE,
		[ERR_OVERQUOTA] = WORKER_OVERQUOTA,
		[ERR_NOTFOUND] = WORKER_NOTFOUND,
		[ERR_DUPLICATE] = WORKER_EXISTS,
		[ERR_CONFLICT] = WORKER_TEMP,
		[ERR_READONLY] = WORKER_TEMP,
		[ERR_LOST] = WORKER_TEMP,
		[ERR_INVALID] = WORKER_INVALID,
		[ERR_LIMIT] = WORKER_LIMIT,
		[ERR_TIMEOUT] = WORKER_TEMP,
		[ERR_DENIED] = WORKER_DENIED,
		[ERR_SYSTEM] = WORKER_TEMP,
	};
	enum err_code code = err_code(e);

	return (unsigned)code < ERR_CODES ? table[code] : WORKER_BUG;
}
