/* queue.c - the outbound queue: the store, its buckets, looking */
#include "storage/queue_private.h"

#include <stdio.h>
#include <stdlib.h>

#define QUEUE_LOOKUP_TRIES 4
#define QUEUE_DIR_MAX 1000 /* names in queue/ */

struct queue_store *
queue_store_new(const struct queue_conf *c)
{
	struct queue_store *qs = xcalloc(1, sizeof(*qs));

	qs->conf = *c;
	if (c->keep_hours == 0)
		qs->conf.keep_hours = QUEUE_KEEP_HOURS;
	if (c->orphan_hours == 0)
		qs->conf.orphan_hours = QUEUE_ORPHAN_HOURS;
	qs->jenv = (struct journal_env){ .store = c->store,
		.cache = c->cache,
		.no_background = c->no_background,
		.ckpt_every = c->ckpt_every };
	return qs;
}

static void
queue_bucket_free(struct queue_bucket *b)
{
	journal_free(&b->journal);
	queue_state_free(&b->state);
	free(b->finished);
	free(b);
}

void
queue_store_close(struct task *t, struct queue_store **qsp)
{
	struct queue_store *qs = *qsp;

	*qsp = NULL;
	if (qs == NULL)
		return;
	for (unsigned i = 0; i < QUEUE_BUCKETS; i++)
		if (qs->buckets[i] != NULL && qs->buckets[i]->journal != NULL)
			journal_settle(t, qs->buckets[i]->journal);
	for (unsigned i = 0; i < QUEUE_BUCKETS; i++)
		if (qs->buckets[i] != NULL)
			queue_bucket_free(qs->buckets[i]);
	free(qs);
}

struct queue_bucket *
queue_bucket_get(struct queue_store *qs, unsigned number)
{
	struct queue_bucket *b = qs->buckets[number];

	if (b != NULL)
		return b;
	b = xcalloc(1, sizeof(*b));
	b->qs = qs;
	b->number = number;
	snprintf(b->name, sizeof(b->name), "%02u", number % QUEUE_BUCKETS);
	snprintf(b->label, sizeof(b->label), "queue-%s", b->name);
	task_mutex_init(&b->lock);
	queue_state_init(&b->state, number);
	qs->buckets[number] = b;
	return b;
}

/* --- directories --- */

/* Answers that are lost on the way are asked for again. */
static may_yield must_check struct err *
queue_lookup(struct task *t, struct queue_store *qs, enum share_lane lane,
    const struct share_fh *dir, struct str name, struct share_fh *fh_r)
{
	struct share *s = qs->conf.store->share;
	struct err *e = NULL;

	for (unsigned tries = 0; tries < QUEUE_LOOKUP_TRIES; tries++) {
		e = share_lookup(t, s, lane, dir, name, fh_r, NULL);
		if (!share_err_is_unknown(e) && !err_is(e, ERR_CONN))
			return e;
		if (task_check(t) != NULL)
			break;
	}
	return e;
}

/* The directory, made if need be: EXIST and unknown outcomes are settled by
 * looking. */
static may_yield must_check struct err *
queue_subdir(struct task *t, struct queue_store *qs, enum share_lane lane,
    const struct share_fh *dir, struct str name, bool make,
    struct share_fh *fh_r)
{
	struct share *s = qs->conf.store->share;
	struct err *e = queue_lookup(t, qs, lane, dir, name, fh_r);

	if (!make || !err_is(e, ERR_NOENT))
		return e;
	e = share_mkdir(t, s, lane, dir, name, fh_r);
	if (e != NULL && !err_is(e, ERR_EXIST) && !share_err_is_unknown(e))
		return e;
	return e == NULL && fh_r->n > 0
		   ? NULL
		   : queue_lookup(t, qs, lane, dir, name, fh_r);
}

static may_yield must_check struct err *
queue_root(struct task *t, struct queue_store *qs, bool fresh, bool make,
    struct share_fh *fh_r)
{
	struct share *s = qs->conf.store->share;
	struct err *e;

	if (qs->have_root && !fresh) {
		*fh_r = qs->root;
		return NULL;
	}
	e = queue_subdir(t, qs, SHARE_LANE_COMMIT, share_root(s), STR("queue"),
	    make, fh_r);
	if (e == NULL) {
		qs->root = *fh_r;
		qs->have_root = true;
	}
	return e;
}

static may_yield must_check struct err *
queue_bucket_walk(struct task *t, struct queue_bucket *b, bool fresh, bool make)
{
	struct share_fh root, dir;
	struct err *e;

	e = queue_root(t, b->qs, fresh, make, &root);
	if (e == NULL)
		e = queue_subdir(t, b->qs, SHARE_LANE_COMMIT, &root,
		    str_c(b->name), make, &dir);
	if (e == NULL)
		b->dir = dir;
	return e;
}

struct err *
queue_bucket_locate(struct task *t, struct queue_bucket *b, bool make)
{
	struct err *e = NULL;

	if (b->located)
		return NULL;
	task_lock(t, &b->lock);
	if (!b->located) {
		e = queue_bucket_walk(t, b, false, make);
		if (err_is(e, ERR_STALE))
			e = queue_bucket_walk(t, b, true, make);
		if (e == NULL) {
			b->journal = journal_new(&b->qs->jenv, &b->dir,
			    b->label, &queue_client, b);
			b->located = true;
		}
	}
	task_unlock(t, &b->lock);
	return e;
}

struct err *
queue_bucket_relocate(struct task *t, struct queue_bucket *b)
{
	struct err *e;

	task_lock(t, &b->lock);
	e = queue_bucket_walk(t, b, true, false);
	if (e == NULL) {
		b->have_msg = false;
		memset(b->handles, 0, sizeof(b->handles));
		journal_set_dir(b->journal, &b->dir);
	}
	task_unlock(t, &b->lock);
	return e;
}

struct err *
queue_bucket_msg(struct task *t, struct queue_bucket *b, bool make,
    struct share_fh *fh_r)
{
	struct share_fh fh;
	struct err *e;

	if (b->have_msg) {
		*fh_r = b->msg;
		return NULL;
	}
	e = queue_subdir(t, b->qs, SHARE_LANE_BULK, &b->dir, STR("msg"), make,
	    &fh);
	if (e == NULL) {
		*fh_r = b->msg = fh;
		b->have_msg = true;
	}
	return e;
}

/*
 * The head, not too old: a commit begun on one from before the newest FORGET
 * would be held, and one on an old one reads all entries in between.
 */
static may_yield must_check struct err *
queue_bucket_look(struct task *t, struct queue_bucket *b)
{
	uint64_t now_ms = task_now_ms(t);
	bool known = journal_head(b->journal) > 0;
	struct journal_entry head;
	struct err *e;

	if (known && (b->writers > 0 || now_ms - b->looked_ms < QUEUE_LOOK_MS))
		return NULL;
	e = known ? journal_peek_again(t, b->journal)
		  : journal_peek(t, b->journal, &head);
	if (e == NULL)
		b->looked_ms = now_ms;
	return e;
}

struct err *
queue_bucket_ready(struct task *t, struct queue_bucket *b)
{
	struct share_fh msg;
	struct err *e;

	e = queue_bucket_locate(t, b, true);
	if (e == NULL)
		e = queue_bucket_msg(t, b, true, &msg);
	if (err_is(e, ERR_STALE) && b->located &&
	    queue_bucket_relocate(t, b) == NULL)
		e = queue_bucket_msg(t, b, true, &msg);
	if (e != NULL)
		return e;
	e = queue_bucket_look(t, b);
	if (err_is(e, ERR_STALE) && queue_bucket_relocate(t, b) == NULL)
		e = queue_bucket_look(t, b);
	if (!err_is(e, ERR_NOENT))
		return e;
	/* the first message in this bucket, ever; log/ comes last */
	e = journal_mkdirs(t, b->qs->conf.store, &b->dir);
	return e != NULL ? e : queue_bucket_look(t, b);
}

/* --- looking --- */

struct err *
queue_buckets(struct task *t, struct queue_store *qs, uint64_t *mask_r)
{
	struct share *s = qs->conf.store->share;
	struct share_dirent *d;
	struct share_fh root;
	uint32_t v;
	struct err *e;

	*mask_r = 0;
	e = queue_root(t, qs, false, false, &root);
	if (e == NULL)
		e = share_readdir(t, s, SHARE_LANE_COMMIT, &root, QUEUE_DIR_MAX,
		    &d, NULL);
	if (err_is(e, ERR_STALE)) {
		e = queue_root(t, qs, true, false, &root);
		if (e == NULL)
			e = share_readdir(t, s, SHARE_LANE_COMMIT, &root,
			    QUEUE_DIR_MAX, &d, NULL);
	}
	if (err_is(e, ERR_NOENT))
		return NULL;
	if (e != NULL)
		return e;
	for (; d != NULL; d = d->next)
		if (d->name.n == QUEUE_BUCKET_NAME && str_u32(d->name, &v) &&
		    v < QUEUE_BUCKETS)
			*mask_r |= 1ULL << v;
	return NULL;
}

struct err *
queue_bucket_refresh(struct task *t, struct queue_bucket *b)
{
	struct err *e = queue_bucket_locate(t, b, false);

	if (e != NULL)
		return e;
	e = journal_refresh(t, b->journal);
	if (err_is(e, ERR_STALE)) {
		e = queue_bucket_relocate(t, b);
		if (e == NULL)
			e = journal_refresh(t, b->journal);
	}
	/* it has no entries (any more) */
	if (e == NULL && b->reset_due)
		queue_state_drop(b);
	if (e == NULL)
		b->looked_ms = task_now_ms(t);
	return e;
}

struct err *
queue_bucket_open(struct task *t, struct queue_store *qs, unsigned bucket,
    struct queue_bucket **b_r)
{
	struct queue_bucket *b;
	struct err *e;

	*b_r = NULL;
	invariant(bucket < QUEUE_BUCKETS);
	b = queue_bucket_get(qs, bucket);
	if (!b->located || !journal_is_loaded(b->journal)) {
		e = queue_bucket_refresh(t, b);
		if (e != NULL)
			return e;
	}
	*b_r = b;
	return NULL;
}

struct journal *
queue_bucket_journal(struct queue_bucket *b)
{
	return b->journal;
}

unsigned
queue_bucket_number(const struct queue_bucket *b)
{
	return b->number;
}

unsigned
queue_bucket_count(const struct queue_bucket *b)
{
	return b->state.n;
}

const struct queue_message *
queue_bucket_nth(const struct queue_bucket *b, unsigned i)
{
	return queue_state_nth(&b->state, i);
}

const struct queue_message *
queue_bucket_find(const struct queue_bucket *b, const struct txid *txid,
    unsigned ordinal)
{
	struct queue_name name = { *txid, ordinal };

	return queue_state_find(&b->state, &name);
}

const struct queue_message *
queue_bucket_match(const struct queue_bucket *b, struct str rest, bool *one_r)
{
	const struct queue_message *found = NULL, *m;

	*one_r = true;
	for (unsigned i = 0; i < b->state.n; i++) {
		struct str tail;

		m = queue_state_nth(&b->state, i);
		tail = str_sub(m->id, QUEUE_BUCKET_NAME + 1, m->id.n);
		if (str_eq(tail, rest)) {
			*one_r = true;
			return m;
		}
		if (!str_starts(tail, rest))
			continue;
		*one_r = found == NULL;
		found = m;
	}
	return *one_r ? found : NULL;
}

struct queue_message *
queue_message_copy(struct arena *a, const struct queue_message *m)
{
	struct queue_message *c = arena_new_obj(a, struct queue_message);

	*c = *m;
	c->from = arena_str(a, m->from);
	c->envid = arena_str(a, m->envid);
	c->account = arena_str(a, m->account);
	c->id = arena_str(a, m->id);
	c->trace = arena_str(a, m->trace);
	c->rcpts = arena_array(a, m->rcpt_n, sizeof(*c->rcpts));
	for (unsigned i = 0; i < m->rcpt_n; i++) {
		struct queue_rcpt *r = &c->rcpts[i];

		*r = m->rcpts[i];
		r->address = arena_str(a, r->address);
		r->original = arena_str(a, r->original);
		r->via = arena_str(a, r->via);
		r->answer = arena_str(a, r->answer);
		r->node = arena_str(a, r->node);
	}
	return c;
}
