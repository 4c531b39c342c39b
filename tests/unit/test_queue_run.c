/* test_queue_run.c - nodes that deliver the queue, hosts replaced */
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

static may_yield must_check struct err *
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

static void
runner_info(void *arg, struct lease_info *info_r)
{
	struct runner *r = arg;

	info_r->name = r->name;
	info_r->format = STATE_SCHEMA;
	info_r->sends = !r->core.w.draining;
	info_r->ready = r->core.w.draining ? LEASE_DRAINING : LEASE_READY;
}

static void
runner_refused(void *arg, const char *sentence)
{
	(void)arg;
	fail_msg("%s", sentence);
}

static const struct lease_client runner_client = {
	.info = runner_info,
	.refused = runner_refused,
};

static void
runner_queued(void *arg, unsigned bucket, uint64_t seq)
{
	struct runner *r = arg;

	queue_tell(&r->core.w, bucket, seq);
}

static struct share *counting, *faulty; /* counting's inner one */

/* The node's share object, with one around it that counts. */
static may_yield_unchecked void
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

static may_yield_unchecked struct worker *
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

static may_yield_unchecked void
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

static may_yield_unchecked void
set(struct task *t, struct worker *w, const char *name, const char *value)
{
	assert_ok(
	    state_setting_set(t, w->state, "test", str_c(name), str_c(value)));
	worker_settings_load(core_of(w));
}

/* --- messages --- */

static may_yield_unchecked struct queue_message
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

static may_yield_unchecked struct queue_message
put(struct task *t, struct worker *w, unsigned bucket, const char *from,
    const char *to)
{
	return put_to(t, w, bucket, from, &to, 1, 0);
}

/* Rows of all buckets, as anybody sees them. */
static may_yield_unchecked unsigned
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

static may_yield_unchecked const struct queue_message *
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

static may_yield_unchecked struct str
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

static may_yield_unchecked void
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

static bool
has(struct str s, const char *what)
{
	return memmem(s.p, s.n, what, strlen(what)) != NULL;
}

/* --- tests --- */

TEST(test_relay)
{
	struct worker *w = runner_start(t, c, 0);
	const char *many[] = { "b@y.org", "c@y.org", "d@Y.org" };
	unsigned n;

	put(t, w, 3, "a@x.org", "b@y.org");
	WAIT(t, 5000, hosts.sent == 1);
	assert_string_equal(hosts.from, "a@x.org");
	assert_string_equal(hosts.last, "b@y.org");
	assert_int_equal(hosts.bytes, 41);
	WAIT(t, 1000, queued(t, w) == 0);
	/* one transaction for those of one destination, the session is kept */
	put_to(t, w, 3, "a@x.org", many, 3, 0);
	WAIT(t, 1000, queued(t, w) == 0);
	assert_int_equal(hosts.sent, 2);
	assert_int_equal(hosts.rcpts, 4);
	assert_int_equal(hosts.opened, 1);
	task_sleep_ms(t, REMOTE_IDLE_MS + 1000);
	assert_int_equal(hosts.open, 0);
	n = (unsigned)stat_sum(w->counts, STAT_RELAYED);
	assert_int_equal(n, 4);
	assert_int_equal(stat_sum(w->counts, STAT_QUEUE_MESSAGES), 0);
	runner_stop(t, w);
}

/* Deferred, again, and again: then it goes. */
TEST(test_deferred)
{
	struct worker *w = runner_start(t, c, 0);
	const struct queue_message *now;
	struct queue_message m;

	hosts.code = 451;
	m = put(t, w, 3, "a@x.org", "b@y.org");
	WAIT(t, 5000, hosts.sent == 1);
	task_sleep_ms(t, 2 * MINUTE_MS);
	assert_int_equal(hosts.sent, 1);
	now = row(t, w, &m);
	assert_int_equal(now->rcpts[0].tries, 1);
	assert_int_equal(now->rcpts[0].code, 451);
	assert_true(str_eq_c(now->rcpts[0].answer, "mx.y.org: 451 so it is"));
	WAIT(t, 5 * MINUTE_MS, hosts.sent == 2);
	/* a message that is refused for now is nothing against the host */
	put(t, w, 3, "a@x.org", "c@y.org");
	WAIT(t, 2000, hosts.sent == 3);
	hosts.code = 250;
	WAIT(t, 30 * MINUTE_MS, queued(t, w) == 0);
	assert_int_equal(hosts.sent, 5);
	runner_stop(t, w);
}

/* One DSN, whoever failed, to a mailbox here. */
TEST(test_failed)
{
	struct worker *w = runner_start(t, c, 0);
	const char *to[] = { "b@y.org", "c@y.org", "d@y.org" };
	struct str dsn;
	unsigned n;

	assert_ok(add_domain(t, w->state, "x.org"));
	ours(t, w, "a@x.org");
	hosts.code = 550;
	hosts.special = "d@y.org";
	hosts.special_code = 250;
	put_to(t, w, 3, "a@x.org", to, 3, 0);
	WAIT(t, 10000, queued(t, w) == 0);
	dsn = inbox(t, w, "a@x.org", &n);
	assert_int_equal(n, 1);
	assert_true(has(dsn, "Return-Path: <>\r\nDelivered-To: a@x.org\r\n"));
	assert_true(has(dsn, "Final-Recipient: rfc822; b@y.org\r\n"));
	assert_true(has(dsn, "Final-Recipient: rfc822; c@y.org\r\n"));
	assert_false(has(dsn, "d@y.org"));
	assert_true(has(dsn, "Diagnostic-Code: smtp; 550 so it is\r\n"));
	assert_true(has(dsn, "Subject: hello\r\n"));
	assert_int_equal(hosts.sent, 1);
	/* a bounce of a bounce, and one that nobody asked for */
	put(t, w, 3, "", "b@y.org");
	put_to(t, w, 3, "a@x.org", to, 1, QUEUE_NOTIFY_NEVER);
	WAIT(t, 10000, queued(t, w) == 0);
	assert_int_equal(hosts.sent, 3);
	/* the sender is nobody: the DSN fails, and that is the end */
	put(t, w, 3, "nobody@x.org", "b@y.org");
	WAIT(t, 10000, queued(t, w) == 0);
	/* a way that leads back to us */
	hosts.loops = true;
	task_sleep_ms(t, REMOTE_IDLE_MS + 1000);
	put(t, w, 3, "a@x.org", "b@y.org");
	WAIT(t, 10000, queued(t, w) == 0);
	dsn = inbox(t, w, "a@x.org", &n);
	assert_int_equal(n, 2);
	assert_true(has(dsn, "Status: 5.4.6\r\n"));
	runner_stop(t, w);
}

/* Success is told if asked for: by us, unless the next host does. */
TEST(test_success)
{
	struct worker *w = runner_start(t, c, 0);
	const char *to = "b@y.org", *here = "b@x.org";
	struct str dsn;
	unsigned n;

	assert_ok(add_domain(t, w->state, "x.org"));
	ours(t, w, "a@x.org");
	ours(t, w, "b@x.org");
	hosts.dsn = true;
	put_to(t, w, 3, "a@x.org", &to, 1, QUEUE_NOTIFY_SUCCESS);
	WAIT(t, 10000, queued(t, w) == 0);
	inbox(t, w, "a@x.org", &n);
	assert_int_equal(n, 0);
	hosts.dsn = false;
	put_to(t, w, 3, "a@x.org", &to, 1, QUEUE_NOTIFY_SUCCESS);
	WAIT(t, 10000, queued(t, w) == 0);
	dsn = inbox(t, w, "a@x.org", &n);
	assert_int_equal(n, 1);
	assert_true(has(dsn, "Action: relayed\r\n"));
	put_to(t, w, 3, "a@x.org", &here, 1, QUEUE_NOTIFY_SUCCESS);
	WAIT(t, 10000, queued(t, w) == 0);
	dsn = inbox(t, w, "a@x.org", &n);
	assert_int_equal(n, 2);
	assert_true(has(dsn, "Action: delivered\r\n"));
	inbox(t, w, "b@x.org", &n);
	assert_int_equal(n, 1);
	runner_stop(t, w);
}

/* A destination that is down is asked once, not once a message; its senders are
 * told of the delay, once; in the end of the failure. */
TEST(test_down)
{
	struct worker *w = runner_start(t, c, 0);
	struct str dsn;
	unsigned n;

	assert_ok(add_domain(t, w->state, "x.org"));
	ours(t, w, "a@x.org");
	set(t, w, "queue.delay_notice", "1h");
	set(t, w, "queue.lifetime", "4h");
	hosts.down = true;
	for (unsigned i = 0; i < 5; i++)
		put(t, w, i % 2, "a@x.org", "b@y.org");
	task_sleep_ms(t, 3 * MINUTE_MS);
	/* those of the two buckets that were first, at most */
	assert_true(hosts.opened >= 1 && hosts.opened <= 5);
	n = hosts.opened;
	put(t, w, 2, "a@x.org", "c@y.org");
	task_sleep_ms(t, MINUTE_MS / 2);
	assert_int_equal(hosts.opened, n);
	/* another destination is not concerned */
	put(t, w, 2, "a@x.org", "c@z.org");
	WAIT(t, 5000, hosts.opened == n + 1);
	task_sleep_ms(t, HOUR_MS + HOUR_MS / 10);
	dsn = inbox(t, w, "a@x.org", &n);
	assert_int_equal(n, 7);
	assert_true(has(dsn, "Action: delayed\r\n"));
	task_sleep_ms(t, 2 * HOUR_MS);
	inbox(t, w, "a@x.org", &n);
	assert_int_equal(n, 7);
	assert_int_equal(queued(t, w), 7);
	task_sleep_ms(t, 2 * HOUR_MS);
	assert_int_equal(queued(t, w), 0);
	dsn = inbox(t, w, "a@x.org", &n);
	assert_int_equal(n, 14);
	assert_true(has(dsn, "Action: failed\r\n"));
	runner_stop(t, w);
}

/* A host that breaks off over one message takes the next. */
TEST(test_break_off)
{
	struct worker *w = runner_start(t, c, 0);
	struct queue_message m;

	hosts.break_off = true;
	m = put(t, w, 3, "a@x.org", "b@y.org");
	WAIT(t, 5000, hosts.sent == 1);
	task_sleep_ms(t, 2000);
	assert_int_not_equal(row(t, w, &m)->rcpts[0].code, 0);
	hosts.break_off = false;
	put(t, w, 3, "a@x.org", "c@y.org");
	WAIT(t, 5000, hosts.sent == 2);
	WAIT(t, 1000, queued(t, w) == 1);
	runner_stop(t, w);
}

TEST(test_orders)
{
	struct worker *w = runner_start(t, c, 0);
	struct queue_bucket *b;
	struct queue_message m;

	hosts.down = true;
	m = put(t, w, 3, "a@x.org", "b@y.org");
	WAIT(t, 5000, hosts.opened == 1);
	assert_ok(queue_bucket_open(t, eyes, 3, &b));
	task_sleep_ms(t, 1000);
	hosts.down = false;
	/* now, whatever the destination did */
	assert_ok(queue_order(t, b, &m.txid, m.ordinal, QUEUE_ORDER_RETRY));
	WAIT(t, QUEUE_BUSY_MS + 1000, queued(t, w) == 0);
	hosts.down = true;
	task_sleep_ms(t, REMOTE_IDLE_MS + 1000);
	m = put(t, w, 3, "a@x.org", "b@y.org");
	WAIT(t, 5000, hosts.opened == 3);
	task_sleep_ms(t, 1000);
	assert_ok(queue_order(t, b, &m.txid, m.ordinal, QUEUE_ORDER_HOLD));
	hosts.down = false;
	task_sleep_ms(t, HOUR_MS);
	assert_int_equal(queued(t, w), 1);
	assert_int_equal(hosts.sent, 1);
	assert_ok(queue_order(t, b, &m.txid, m.ordinal, QUEUE_ORDER_RELEASE));
	WAIT(t, QUEUE_BUSY_MS + 1000, queued(t, w) == 0);
	hosts.down = true;
	task_sleep_ms(t, REMOTE_IDLE_MS + 1000);
	m = put(t, w, 3, "a@x.org", "b@y.org");
	task_sleep_ms(t, 2000);
	assert_ok(queue_order(t, b, &m.txid, m.ordinal, QUEUE_ORDER_REMOVE));
	assert_int_equal(queued(t, w), 0);
	runner_stop(t, w);
}

/* Many messages of one destination: no more sessions than the setting says. */
TEST(test_limits)
{
	struct worker *w = runner_start(t, c, 0);

	set(t, w, "queue.per_destination", "3");
	hosts.slow_ms = 500;
	for (unsigned i = 0; i < 100; i++)
		put(t, w, i % 4, "a@x.org", "b@y.org");
	WAIT(t, 60000, hosts.sent == 100);
	WAIT(t, 5000, queued(t, w) == 0);
	assert_int_equal(hosts.most, 3);
	assert_int_equal(hosts.rcpts, 100);
	assert_true(hosts.opened <= 6);
	runner_stop(t, w);
}

/*
 * The share does not answer while a message is being sent: the lease ends, the
 * message is broken off before its end, and is sent when there is a lease
 * again: by then the bucket has another token.
 */
TEST(test_lease_lost)
{
	static const struct share_fault_rule away = { .proc =
							  SHARE_FAULT_ANY_PROC,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = SHARE_FAULT_ALWAYS,
		.kind = SHARE_FAULT_BEFORE,
		.code = ERR_UNAVAIL };
	struct worker *w = runner_start(t, c, 0);

	hosts.slow_ms = 40000;
	put(t, w, 3, "a@x.org", "b@y.org");
	WAIT(t, 5000, hosts.opened == 1);
	share_fault_set(faulty, &away, 1);
	task_sleep_ms(t, 50000);
	assert_false(lease_is_valid(w->lease));
	assert_int_equal(hosts.sent, 0);
	assert_int_equal(hosts.open, 0);
	hosts.slow_ms = 0;
	share_fault_set(faulty, NULL, 0);
	WAIT(t, 3 * MINUTE_MS, hosts.sent == 1);
	WAIT(t, 5000, queued(t, w) == 0);
	assert_string_equal(hosts.last, "b@y.org");
	runner_stop(t, w);
}

/* Here: an alias, a group with somebody elsewhere, nobody. */
TEST(test_local)
{
	struct worker *w = runner_start(t, c, 0);
	const char *to[] = { "all@x.org", "b@x.org", "none@x.org" };
	const char *roles[] = { "Postmaster@x.org", "postmaster", "nobody" };
	struct account *acc;
	struct str got;
	unsigned n;

	assert_ok(add_domain(t, w->state, "x.org"));
	ours(t, w, "a@x.org");
	ours(t, w, "b@x.org");
	assert_ok(state_alias_add(t, w->state, "test", STR("all@x.org"),
	    STR("a@x.org")));
	assert_ok(state_alias_add(t, w->state, "test", STR("all@x.org"),
	    STR("b@x.org")));
	assert_ok(state_alias_add(t, w->state, "test", STR("all@x.org"),
	    STR("c@y.org")));
	put_to(t, w, 3, "a@x.org", to, 3, 0);
	WAIT(t, 10000, queued(t, w) == 0);
	/* reached twice, delivered once; and the bounce for nobody */
	inbox(t, w, "b@x.org", &n);
	assert_int_equal(n, 1);
	got = inbox(t, w, "a@x.org", &n);
	assert_int_equal(n, 2);
	assert_true(has(got, "none@x.org\r\nAction: failed\r\n"));
	assert_int_equal(hosts.sent, 1);
	assert_string_equal(hosts.last, "c@y.org");
	/* whom nobody reads: kept; no address at all: the sender is told */
	put_to(t, w, 3, "a@x.org", roles, 3, 0);
	WAIT(t, 10000, queued(t, w) == 0);
	assert_ok(account_open(t, w->mail, STR("postmaster"), &acc));
	assert_int_equal(folder_by_name(acc, STR("INBOX"))->messages, 1);
	account_close(&acc);
	got = inbox(t, w, "a@x.org", &n);
	assert_int_equal(n, 3);
	assert_true(has(got, "Final-Recipient: rfc822; nobody\r\n"));
	assert_true(has(got, "Status: 5.1.3\r\n"));
	runner_stop(t, w);
}

/* Signed is what somebody of ours wrote, with the keys of the From's domain. */
TEST(test_sign)
{
	static const struct {
		const char *header, *from;
	} rows[] = {
		{ "A: b\r\nFrom: x@y\r\nC: d\r\n", " x@y\r\n" },
		{ "from:\r\n x@y\r\nC: d\r\n", "\r\n x@y\r\n" },
		{ "A: b\r\n From: x@y\r\n", "" },
		{ "Fro", "" },
		{ "From:", "" },
		{ "", "" },
	};
	struct worker *w = runner_start(t, c, 0);
	struct state_dkim_key k = { .domain = STR("x.org"),
		.selector = STR("s1"),
		.algorithm = STR("ed25519"),
		.stage = STATE_DKIM_ACTIVE };
	struct queue_message m = { .bytes = 41 };
	struct str pem, prefix;

	for (unsigned i = 0; i < countof(rows); i++)
		test_row_str(i, queue_sign_from(str_c(rows[i].header)),
		    str_c(rows[i].from));
	assert_ok(add_domain(t, w->state, "x.org"));
	assert_ok(blocking_dkim_key_new(task_arena(t), "ed25519", &pem,
	    &k.public_part));
	assert_ok(state_dkim_add(t, w->state, "test", &k, pem));
	hosts.down = true;
	m = put(t, w, 3, "a@x.org", "b@y.org");
	WAIT(t, 5000, hosts.opened == 1);
	task_sleep_ms(t, 1000);
	assert_ok(queue_sign(t, w->queue, &m, &prefix));
	assert_int_equal(prefix.n, 0);
	m.account = STR("someone");
	assert_ok(queue_sign(t, w->queue, &m, &prefix));
	assert_true(str_starts(prefix, STR("DKIM-Signature: ")));
	assert_true(has(prefix, "d=x.org") && has(prefix, "s=s1"));
	assert_true(str_ends(prefix, STR("\r\n")));
	m.account = STR_NONE;
	m.flags = QUEUE_BOUNCE;
	assert_ok(queue_sign(t, w->queue, &m, &prefix));
	assert_true(prefix.n > 0);
	runner_stop(t, w);
}

static unsigned
held(const struct worker *w)
{
	unsigned n = 0;

	for (unsigned b = 0; b < QUEUE_BUCKETS; b++)
		n += queue_is_held(w->queue, b);
	return n;
}

/* Each has its own part; who drains hands over; who comes gets his. */
TEST(test_two)
{
	struct worker *w1 = runner_start(t, c, 0), *w2;
	unsigned n;

	hosts.down = true;
	for (unsigned b = 0; b < QUEUE_BUCKETS; b++)
		put(t, w1, b, "a@x.org",
		    arena_printf(task_arena(t), "b@y%u.org", b));
	WAIT(t, 10000, held(w1) == QUEUE_BUCKETS);
	w2 = runner_start(t, c, 1);
	hosts.down = true;
	/* seen, and kept no longer than QUEUE_LEAST_MS */
	WAIT(t, 3 * MINUTE_MS,
	    held(w2) >= QUEUE_BUCKETS / 4 &&
		held(w1) + held(w2) == QUEUE_BUCKETS);
	n = held(w2);
	task_sleep_ms(t, 10 * MINUTE_MS);
	assert_int_equal(held(w2), n);
	assert_int_equal(held(w1), QUEUE_BUCKETS - n);
	/* the back-off came along: whose bucket it is makes no more attempts */
	n = hosts.opened;
	w2->draining = true;
	lease_renew_soon(w2->lease);
	task_sleep_ms(t, 3000);
	assert_int_equal(held(w2), 0);
	WAIT(t, MINUTE_MS, held(w1) == QUEUE_BUCKETS);
	assert_true(hosts.opened - n < QUEUE_BUCKETS / 2);
	runner_stop(t, w2);
	runner_stop(t, w1);
}

/*
 * What a message costs its holder (docs/outgoing-mail.md), told by a hint of
 * another node, whose calls are not counted: 5 to find its entry, 2 for the
 * file, 5 for the outcome, 1 to remove the file.
 */
TEST(test_budget)
{
	struct worker *w = runner_start(t, c, 0), other = { .workers = 1 };
	struct share_counts before, after;
	struct queue_message m;
	uint64_t calls, background;

	other.queue_store = eyes;
	put(t, w, 3, "a@x.org", "b@y.org");
	WAIT(t, 5000, hosts.sent == 1);
	task_sleep_ms(t, 1000);
	share_count_get(counting, &before);
	for (unsigned i = 0; i < 20; i++) {
		m = put(t, &other, 3, "a@x.org", "b@y.org");
		queue_hint(w, 3, m.seq != 0 ? m.seq : 1000 + i);
		WAIT(t, 2000, hosts.sent == 2 + i);
		task_sleep_ms(t, 100);
	}
	share_count_get(counting, &after);
	calls = after.total - before.total;
	WAIT(t, 2000, queued(t, w) == 0);
	/* as long again, without mail */
	share_count_get(counting, &before);
	task_sleep_ms(t, 20 * 160);
	share_count_get(counting, &after);
	background = after.total - before.total;
	print_message("calls of 20 messages: %llu, of as much time: %llu\n",
	    (unsigned long long)calls, (unsigned long long)background);
	assert_true(calls - background <= 20 * 13);
	runner_stop(t, w);
}

/*
 * What an idle node costs: it holds every bucket, nothing happens, and no hints
 * tell that nothing does.  What is asked for without a queue is taken off.
 */
TEST(test_idle)
{
	struct worker *w = runner_start(t, c, 0);
	struct share_counts before, after;
	uint64_t with, without;

	for (unsigned b = 0; b < QUEUE_BUCKETS; b++)
		put(t, w, b, "a@x.org", "b@y.org");
	WAIT(t, 60000, queued(t, w) == 0);
	assert_int_equal(held(w), QUEUE_BUCKETS);
	task_sleep_ms(t, 30 * MINUTE_MS);
	share_count_get(counting, &before);
	task_sleep_ms(t, 10 * MINUTE_MS);
	share_count_get(counting, &after);
	with = after.total - before.total;
	queue_stop(t, w->queue);
	share_count_get(counting, &before);
	task_sleep_ms(t, 10 * MINUTE_MS);
	share_count_get(counting, &after);
	without = after.total - before.total;
	print_message("calls in 10 minutes: %llu, without queue %llu\n",
	    (unsigned long long)with, (unsigned long long)without);
	/* 0.5 a second for one bucket after another, and the list */
	assert_true(with - without >= 64 && with - without <= 330);
	runner_stop(t, w);
}

int
main(void)
{
#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, cluster_setup, cluster_teardown)
	const struct CMUnitTest tests[] = {
		T(test_relay),
		T(test_deferred),
		T(test_failed),
		T(test_success),
		T(test_down),
		T(test_break_off),
		T(test_orders),
		T(test_limits),
		T(test_lease_lost),
		T(test_local),
		T(test_sign),
		T(test_two),
		T(test_budget),
		T(test_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
