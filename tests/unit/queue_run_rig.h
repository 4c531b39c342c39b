/* queue_run_rig.h - nodes that deliver the queue, hosts replaced */
#ifndef TESTS_UNIT_QUEUE_RUN_RIG_H
#define TESTS_UNIT_QUEUE_RUN_RIG_H

#include "locking/lease.h"
#include "locking/lock.h"
#include "locking/nodes.h"
#include "server/mailauth/dkim.h"
#include "server/net/counts.h"
#include "server/queue/answer.h"
#include "server/queue/queue_private.h"
#include "server/queue/remote.h"
#include "server/worker_private.h"
#include "storage/account.h"
#include "storage/folder.h"
#include "storage/message.h"
#include "storage/queue_private.h"
#include "storage/state_alias.h"
#include "storage/state_dkim.h"
#include "storage/state_setting.h"

/* The rig's nodes are not locking/node.h's. */
#define node member
#define node_open member_open
#include "tests/unit/state_rig.h"
#undef node
#undef node_open
#include "tests/unit/test.h"

#define MINUTE_MS 60000ULL
#define HOUR_MS (60 * MINUTE_MS)

/* --- the share --- */

static struct share *counting, *faulty; /* counting's inner one */

static inline void
share_goes_away(void)
{
	static const struct share_fault_rule away = { .proc =
							  SHARE_FAULT_ANY_PROC,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = SHARE_FAULT_ALWAYS,
		.kind = SHARE_FAULT_BEFORE,
		.code = ERR_UNAVAIL };

	share_fault_set(faulty, &away, 1);
}

/* --- other hosts --- */

struct remote {
	unsigned sent;
};

static struct {
	bool down; /* no host answers */
	bool loops;
	bool break_off;	     /* in the middle of a message */
	unsigned code;	     /* what RCPT is answered */
	const char *special; /* but for this address: */
	unsigned special_code;
	bool dsn;
	bool then_away; /* the share, once the message is taken */
	unsigned slow_ms;
	/* seen */
	unsigned opened, sent, rcpts, most, open;
	char from[300], last[300], prefix[100];
	uint64_t bytes;
} hosts;

bool
queue_open(struct task *t, struct queue_sender *s, struct queue_failure *why)
{
	(void)t;
	if (s->r != NULL)
		return true;
	hosts.opened++;
	*why = (struct queue_failure){ .state = QUEUE_WAITING,
		.host_failed = true,
		.answer = STR("mx.y.org: 4.4.1 connection refused") };
	if (hosts.loops)
		*why = (struct queue_failure){ .state = QUEUE_FAILED,
			.answer = STR("5.4.6 y.org leads back to us") };
	if (hosts.down || hosts.loops)
		return false;
	s->r = xcalloc(1, sizeof(*s->r));
	strcpy(s->host, "mx.y.org");
	hosts.open++;
	if (hosts.open > hosts.most)
		hosts.most = hosts.open;
	return true;
}

void
remote_close(struct task *t, struct remote **r)
{
	(void)t;
	if (*r != NULL)
		hosts.open--;
	free(*r);
	*r = NULL;
}

bool
remote_is_usable(const struct remote *r)
{
	(void)r;
	return !hosts.break_off;
}

const char *
remote_tls_text(const struct remote *r)
{
	(void)r;
	return "";
}

static inline may_yield must_check struct err *
remote_read(struct task *t, struct remote_mail *m)
{
	char piece[1000];
	size_t n = 1;
	struct err *e = NULL;

	hosts.bytes = 0;
	while (e == NULL && n > 0) {
		e = m->read(t, m->arg, piece, sizeof(piece), &n);
		hosts.bytes += n;
	}
	return e;
}

struct err *
remote_send(struct task *t, struct remote *r, struct remote_mail *m,
    struct buf *transcript)
{
	struct err *e = NULL;

	if (hosts.slow_ms > 0)
		task_sleep_ms(t, hosts.slow_ms);
	if (!hosts.break_off)
		e = remote_read(t, m);
	if (e != NULL)
		return e;
	r->sent++;
	hosts.sent++;
	if (hosts.then_away)
		share_goes_away();
	buf_c(transcript, "> MAIL\n");
	snprintf(hosts.from, sizeof(hosts.from), STR_FMT, STR_ARG(m->from));
	snprintf(hosts.prefix, sizeof(hosts.prefix), STR_FMT,
	    STR_ARG(m->prefix));
	for (unsigned i = 0; i < m->rcpt_n; i++) {
		struct remote_rcpt *rc = &m->rcpts[i];

		hosts.rcpts++;
		rc->reply.code = hosts.code;
		if (hosts.special != NULL &&
		    str_eq_c(rc->address, hosts.special))
			rc->reply.code = hosts.special_code;
		rc->reply.text = STR("so it is");
		rc->dsn_passed = hosts.dsn;
		if (hosts.break_off)
			rc->reply =
			    (struct remote_reply){ .text =
						       STR("connection lost") };
		snprintf(hosts.last, sizeof(hosts.last), STR_FMT,
		    STR_ARG(rc->address));
	}
	return NULL;
}

/* --- nodes --- */

/* Looks from outside, as shoalctl does. */
static struct queue_store *eyes;

struct runner {
	struct core core;
	struct conf conf;
	struct node *id;
	struct str name;
	struct share *share; /* faulty */
};

static inline void
runner_info(void *arg, struct lease_info *info_r)
{
	struct runner *r = arg;

	info_r->name = r->name;
	info_r->format = STATE_SCHEMA;
	info_r->sends = !r->core.w.draining;
	info_r->ready = r->core.w.draining ? LEASE_DRAINING : LEASE_READY;
}

static inline void
runner_refused(void *arg, const char *sentence)
{
	(void)arg;
	fail_msg("%s", sentence);
}

static const struct lease_client runner_client = {
	.info = runner_info,
	.refused = runner_refused,
};

static inline void
runner_queued(void *arg, unsigned bucket, uint64_t seq)
{
	struct runner *r = arg;

	queue_tell(&r->core.w, bucket, seq);
}

/* The node's share object, with one around it that counts. */
static inline may_yield_unchecked void
counted(struct task *t, struct cluster *c, struct member *n)
{
	unsigned char uuid[16];

	memcpy(uuid, n->store->uuid, sizeof(uuid));
	state_close(&n->st);
	store_close(&n->store);
	faulty = cluster_share(c, task_arena(t));
	counting = share_count_new(faulty);
	assert_ok(store_open_share(t, counting, uuid, &n->store));
	n->conf.store = n->store;
}

static inline may_yield_unchecked struct worker *
runner_start(struct task *t, struct cluster *c, unsigned i)
{
	struct runner *r = arena_new_obj(task_arena(t), struct runner);
	struct worker *w = &r->core.w;
	struct mailstore_conf mc = { .store = c->member[i].store,
		.no_background = true };
	struct queue_conf qc = { .store = c->member[i].store,
		.no_background = true,
		.committed = runner_queued,
		.arg = r };
	struct node_local local = node_local_dir(c->member[i].local);

	memset(&hosts, 0, sizeof(hosts));
	hosts.code = 250;
	if (i == 0)
		counted(t, c, &c->member[i]);
	mc.store = qc.store = c->member[i].store;
	if (eyes == NULL) {
		qc.store = c->member[2].store;
		qc.committed = NULL;
		eyes = queue_store_new(&qc);
		qc.store = c->member[i].store;
		qc.committed = runner_queued;
	}
	r->name = str_c(arena_printf(task_arena(t), "n%u", i + 1));
	r->conf.node = r->name.p;
	r->conf.send = 1;
	r->core.hostname = "mail.x.org";
	assert_ok(node_open(task_arena(t), &local, &c->rig.rnd, &r->id));
	w->node_id = node_id(r->id);
	w->workers = 1;
	w->conf = &r->conf;
	w->sched = c->rig.sched;
	w->store = c->member[i].store;
	w->state = member_open(t, c, i);
	w->mail = mailstore_new(&mc);
	w->queue_store = queue_store_new(&qc);
	w->counts = counts_new(1);
	counts_join(w->counts, 0);
	worker_settings_load(&r->core);
	w->lease = lease_new(w->store, r->id, &runner_client, r);
	w->nodes = nodes_new(w->store, w->lease);
	w->locks = locks_new(w->store, w->lease, w->nodes);
	w->serving = true;
	assert_ok(lease_acquire(t, w->lease));
	nodes_watch(w->nodes);
	w->queue = queue_new(w);
	return w;
}

static inline may_yield_unchecked void
runner_stop(struct task *t, struct worker *w)
{
	struct runner *r = (struct runner *)core_of(w);

	queue_stop(t, w->queue);
	queue_free(&w->queue);
	queue_store_close(t, &w->queue_store);
	if (eyes != NULL)
		queue_store_close(t, &eyes);
	mailstore_close(t, &w->mail);
	nodes_watch_stop(t, w->nodes);
	locks_settle(t, w->locks);
	lease_release(t, w->lease);
	locks_free(&w->locks);
	nodes_free(&w->nodes);
	lease_free(&w->lease);
	counts_free(&w->counts);
	arena_free(&r->core.setting_arena);
	arena_free(&r->core.setting_arena_old);
	node_close(&r->id);
}

static inline may_yield_unchecked void
set(struct task *t, struct worker *w, const char *name, const char *value)
{
	assert_ok(
	    state_setting_set(t, w->state, "test", str_c(name), str_c(value)));
	worker_settings_load(core_of(w));
}

/* --- messages --- */

static inline may_yield_unchecked struct queue_message
put_to(struct task *t, struct worker *w, unsigned bucket, const char *from,
    const char *const *to, unsigned n, unsigned notify)
{
	struct queue_rcpt *rcpts =
	    arena_array(task_arena(t), n, sizeof(*rcpts));
	struct queue_message m = { .from = str_c(from),
		.arrived_s = task_wall_s(t),
		.rcpts = rcpts,
		.rcpt_n = n };
	static const char text[] =
	    "From: <a@x.org>\r\nSubject: hello\r\n\r\nbody\r\n";
	struct queue_writer *qw;

	for (unsigned i = 0; i < n; i++)
		rcpts[i] = (struct queue_rcpt){ .address = str_c(to[i]),
			.notify = notify };
	assert_ok(queue_writer_begin(t, w->queue_store, bucket, &qw));
	assert_ok(queue_writer_add(t, qw, text, sizeof(text) - 1));
	assert_ok(queue_writer_commit(t, &qw, &m));
	return m;
}

static inline may_yield_unchecked struct queue_message
put(struct task *t, struct worker *w, unsigned bucket, const char *from,
    const char *to)
{
	return put_to(t, w, bucket, from, &to, 1, 0);
}

/* Rows of all buckets, as anybody sees them. */
static inline may_yield_unchecked unsigned
queued(struct task *t, struct worker *w)
{
	struct arena_mark mark = arena_mark(task_arena(t));
	struct queue_bucket *b;
	unsigned n = 0;
	uint64_t mask;

	(void)w;
	assert_ok(queue_buckets(t, eyes, &mask));
	for (unsigned i = 0; i < QUEUE_BUCKETS; i++) {
		if ((mask >> i & 1) == 0)
			continue;
		assert_ok(queue_bucket_open(t, eyes, i, &b));
		assert_ok(queue_bucket_refresh(t, b));
		n += queue_bucket_count(b);
	}
	arena_rewind(task_arena(t), mark);
	return n;
}

static inline may_yield_unchecked const struct queue_message *
row(struct task *t, struct worker *w, const struct queue_message *m)
{
	struct queue_bucket *b;

	(void)w;
	assert_ok(queue_bucket_open(t, eyes, m->bucket, &b));
	assert_ok(queue_bucket_refresh(t, b));
	return queue_bucket_find(b, &m->txid, m->ordinal);
}

/* Until the condition holds, or ms have passed. */
#define WAIT(t, ms, cond)                                                      \
	do {                                                                   \
		uint64_t until_ = task_now_ms(t) + (ms);                       \
		while (!(cond) && task_now_ms(t) < until_)                     \
			task_sleep_ms(t, (ms) / 500 + 50);                     \
		assert_true(cond);                                             \
	} while (0)

static inline may_yield_unchecked struct str
inbox(struct task *t, struct worker *w, const char *address, unsigned *n_r)
{
	struct state_account ac;
	struct account *acc;
	struct str bytes = STR_NONE;
	const struct message *m;

	assert_ok(
	    state_account_find(task_arena(t), w->state, str_c(address), &ac));
	assert_ok(account_open(t, w->mail, ac.id, &acc));
	*n_r = folder_by_name(acc, STR("INBOX"))->messages;
	if (*n_r > 0) {
		uint32_t id = folder_by_name(acc, STR("INBOX"))->id;

		m = message_nth(acc, id, *n_r - 1);
		assert_ok(message_read_all(t, acc, id, m->uid, 1 << 20,
		    task_arena(t), &bytes));
	}
	account_close(&acc);
	return bytes;
}

static inline may_yield_unchecked void
ours(struct task *t, struct worker *w, const char *address)
{
	struct state_account ac;
	struct account *acc;
	bool made;

	assert_ok(add_account(t, w->state, address));
	assert_ok(
	    state_account_find(task_arena(t), w->state, str_c(address), &ac));
	assert_ok(account_create(t, w->mail, ac.id, &made, &acc));
	account_close(&acc);
}

static inline bool
has(struct str s, const char *what)
{
	return memmem(s.p, s.n, what, strlen(what)) != NULL;
}

#endif
