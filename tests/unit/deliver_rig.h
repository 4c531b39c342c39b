/* deliver_rig.h - a worker's mail flow over the rig of accounts */
#ifndef TESTS_UNIT_DELIVER_RIG_H
#define TESTS_UNIT_DELIVER_RIG_H

#include "account_rig.h"

#include "server/net/counts.h"
#include "server/smtp/deliver.h"
#include "server/worker.h"
#include "storage/queue.h"
#include "storage/state_account.h"
#include "storage/state_alias.h"
#include "storage/state_domain.h"

/* --- what a worker would be --- */

static struct {
	uint64_t hops, max_bytes;
	bool any_from; /* not submission.check_from */
	const char *postmaster, *hostname;
	uint64_t stats[STATS];
	struct filter_client client; /* of whose mail comes next */
} world;

unsigned queue_bucket_for(struct worker *w);
unsigned
queue_bucket_for(struct worker *w)
{
	(void)w;
	return QUEUE_BUCKETS;
}

uint64_t
worker_setting(const struct worker *w, enum state_setting id)
{
	(void)w;
	if (id == STATE_SUBMISSION_FROM)
		return !world.any_from;
	return id == STATE_SMTP_HOPS ? world.hops : world.max_bytes;
}

struct str
worker_setting_text(const struct worker *w, enum state_setting id)
{
	(void)w;
	assert_int_equal(id, STATE_POSTMASTER);
	return str_c(world.postmaster);
}

const char *
worker_hostname(const struct worker *w)
{
	(void)w;
	return world.hostname;
}

may_yield_unchecked struct err *
worker_account_open_blind(struct task *t, struct worker *w, struct str id,
    struct account **acc_r)
{
	return account_open_blind(t, w->mail, id, acc_r);
}

enum worker_outcome
worker_outcome(const struct err *e)
{
	switch (err_code(e)) {
	case ERR_NONE:
		return WORKER_OK;
	case ERR_NOSPC:
	case ERR_DQUOT:
		return WORKER_FULL;
	case ERR_OVERQUOTA:
		return WORKER_OVERQUOTA;
	case ERR_CLOSED:
		return WORKER_GONE;
	default:
		return WORKER_TEMP;
	}
}

void
stat_add(struct counts *c, enum stat_id s, int64_t delta)
{
	(void)c;
	world.stats[s] += (uint64_t)delta;
}

/* --- rig --- */

struct site {
	struct worker w[ARIG_NODES];
	struct state *st;
};

static inline may_yield_unchecked void
add_account(struct task *t, struct arig *r, struct site *s, const char *address,
    uint64_t quota)
{
	struct state_account_new n = { .address = str_c(address),
		.quota_bytes = quota,
		.quota_set = true };
	struct account *acc;
	bool made;

	assert_ok(state_account_add(t, s->st, "test", &n, 1));
	assert_ok(account_create(t, r->node[0].ms, n.id_r, &made, &acc));
	account_close(&acc);
}

static inline may_yield_unchecked void
add_alias(struct task *t, struct site *s, const char *address,
    const char *target)
{
	assert_ok(
	    state_alias_add(t, s->st, "test", str_c(address), str_c(target)));
}

static inline may_yield_unchecked void
site_open(struct task *t, struct arig *r, struct site *s)
{
	struct state_conf conf = { .store = r->node[0].store,
		.no_background = true };
	struct state_domain d = { .name = STR("example.org") };

	world.hops = 50;
	world.any_from = false;
	world.max_bytes = 1 << 20;
	world.postmaster = "";
	world.hostname = "mx1.example.org";
	memset(world.stats, 0, sizeof(world.stats));
	world.client = (struct filter_client){ .known = false };
	clusterkey_make(&r->rnd, &conf.key);
	assert_ok(state_create(t, &conf));
	assert_ok(state_open(t, &conf, &s->st, NULL));
	assert_ok(state_domain_add(t, s->st, "test", &d));
	for (unsigned i = 0; i < ARIG_NODES; i++) {
		struct queue_conf qc = { .store = r->node[i].store,
			.no_background = true };

		s->w[i] = (struct worker){ .mail = r->node[i].ms,
			.store = r->node[i].store,
			.state = s->st,
			.queue_store = queue_store_new(&qc) };
	}
	add_account(t, r, s, "alice@example.org", 0);
	add_account(t, r, s, "bob@example.org", 0);
	add_alias(t, s, "both@example.org", "alice@example.org");
	add_alias(t, s, "both@example.org", "bob@example.org");
}

static inline may_yield_unchecked void
site_close(struct task *t, struct site *s)
{
	for (unsigned i = 0; i < ARIG_NODES; i++)
		queue_store_close(t, &s->w[i].queue_store);
	state_close(&s->st);
}

static inline may_yield_unchecked struct deliver *
begin(struct worker *w, const char *from, uint64_t size)
{
	struct smtp_mail m = { .from = { .mailbox = str_c(from) },
		.has_size = size > 0,
		.size = size };

	return deliver_new(w, &m, world.client.known ? &world.client : NULL);
}

static inline may_yield_unchecked enum deliver_verdict
rcpt(struct task *t, struct deliver *d, const char *address)
{
	struct smtp_rcpt r;

	assert_int_equal(smtp_parse_rcpt(str_c(arena_printf(task_arena(t),
					     "TO:<%s>", address)),
			     &r),
	    SMTP_OK);
	return deliver_rcpt(t, d, &r);
}

static inline may_yield_unchecked enum deliver_verdict
transmit(struct task *t, struct deliver *d, const char *text, bool apart)
{
	struct smtp_trace tr = { .hello = STR("client"),
		.peer = STR("[192.0.2.1]"),
		.id = STR("id-1"),
		.extended = true };

	deliver_begin(t, d, &tr);
	deliver_add(t, d, text, strlen(text));
	return deliver_commit(t, d, apart);
}

static inline may_yield_unchecked struct account *
mailbox(struct task *t, struct arig *r, struct site *s, const char *address)
{
	struct state_account a;
	struct account *acc;

	assert_ok(state_account_find(task_arena(t), s->st, str_c(address), &a));
	assert_ok(account_open(t, r->node[0].ms, a.id, &acc));
	assert_ok(account_refresh(t, acc));
	return acc;
}

static inline may_yield_unchecked unsigned
messages(struct task *t, struct arig *r, struct site *s, const char *address)
{
	struct account *acc = mailbox(t, r, s, address);
	unsigned n = folder_by_id(acc, 1)->messages;

	account_close(&acc);
	return n;
}

static inline may_yield_unchecked const char *
newest(struct task *t, struct arig *r, struct site *s, const char *address)
{
	struct account *acc = mailbox(t, r, s, address);
	uint32_t uid = folder_by_id(acc, 1)->uidnext - 1;
	struct str text;

	assert_ok(
	    message_read_all(t, acc, 1, uid, 1 << 20, task_arena(t), &text));
	account_close(&acc);
	return arena_cstr(task_arena(t), text);
}

/* --- how many calls --- */

static inline void
count(struct arig *r, unsigned node)
{
	static const struct share_fault_rule wire = { .proc =
							  SHARE_FAULT_ANY_PROC,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = SHARE_FAULT_ALWAYS,
		.kind = SHARE_FAULT_DELAY,
		.delay_ms = 1 };

	share_fault_set(r->node[node].fault, &wire, 1);
	share_count_reset(r->node[node].share);
}

#define counted(r, node, trips, calls)                                         \
	counted_at((r), (node), (trips), (calls), __FILE__, __LINE__)
static inline void
counted_at(struct arig *r, unsigned node, unsigned trips, unsigned calls,
    const char *file, int line)
{
	struct share_counts c;

	share_count_get(r->node[node].share, &c);
	share_fault_set(r->node[node].fault, NULL, 0);
	print_message("%u of %u trips, %llu of %u calls\n", c.serial, trips,
	    (unsigned long long)c.total, calls);
	if (c.serial > trips || c.total > calls)
		_fail(file, line);
}

#endif
