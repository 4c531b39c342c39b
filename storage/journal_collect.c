/* journal_collect.c - removing what no reader needs any more */
#include <stdlib.h>

#include "base/log.h"
#include "storage/journal_private.h"

/*
 * With two checkpoints published and JOURNAL_COLLECT_MS after the older was
 * first seen here, these may go, in any order ("the older" is the one that
 * waited; meanwhile there may be newer ones):
 *	entries at or below the older, never the newest entry
 *	names in ckpt/ at or below the older but the two greatest
 *	segments at or below the older that neither manifest names
 *	seg/<txid>.rec with its entry; of a txid that nobody knows, after
 *	JOURNAL_ORPHAN_MS and a committed VOID of it
 * Files of a publish whose outcome was unknown have a number that is greater
 * than the older until a greater name is there, so they stay as long.
 */
#define JOURNAL_ORPHAN_MS (60 * 60 * 1000)
#define JOURNAL_ORPHANS_MAX 10000 /* noted at a time */

/* A .rec that no entry known here has. */
struct journal_orphan {
	struct journal_orphan *next;
	struct txid txid;
	uint64_t since_ms;
	bool seen; /* in the present sweep */
};

struct collect {
	struct journal_ckpts k;
	uint64_t upto; /* entries */
	uint64_t older;
	struct manifest m[JOURNAL_KEEP_CKPT];
	bool all_gone; /* nothing at or below `upto` is left */
	unsigned removed;
};

void
journal_orphans_free(struct journal *j)
{
	struct journal_orphan *o;

	while ((o = j->orphans) != NULL) {
		j->orphans = o->next;
		free(o);
	}
}

void
journal_collect_next(struct journal *j)
{
	if (j->collect_seq != 0 || j->ckpt_older <= j->collected)
		return;
	j->collect_seq = j->ckpt_older;
	j->collect_seen_ms = sched_now_ms(j->sched);
}

bool
journal_collect_is_due(const struct journal *j)
{
	return j->mode == JOURNAL_LOADED && !j->purged && j->collect_seq > 0 &&
	       sched_now_ms(j->sched) >=
		   j->collect_seen_ms + JOURNAL_COLLECT_MS;
}

/* -- removing ---------------------------------------------------------- */

#define COLLECT_WINDOW 8

/* Names to remove, several at once.  A name that is gone already is fine. */
struct removals {
	struct share_op op[COLLECT_WINDOW];
	unsigned n, done;
	struct err *err;
};

static may_yield void
removals_wait(struct task *t, struct removals *r)
{
	unsigned i;

	for (i = 0; i < r->n; i++) {
		struct err *e = share_finish(t, &r->op[i]);

		if (e == NULL)
			r->done++;
		else if (!err_is(e, ERR_NOENT) && r->err == NULL)
			r->err = e;
	}
	r->n = 0;
}

static may_yield void
removals_add(struct task *t, struct journal *j, struct removals *r,
    const struct share_fh *dir, struct str name)
{
	struct share_op *op;

	if (r->n == COLLECT_WINDOW)
		removals_wait(t, r);
	op = &r->op[r->n++];
	*op = (struct share_op){ .proc = SHARE_REMOVE,
		.lane = SHARE_LANE_ADMIN,
		.fh = *dir,
		.name = name };
	share_start(t, j->share, op);
}

/* Entries up to c->upto, but never the newest one. */
static may_yield must_check struct err *
collect_log(struct task *t, struct journal *j, struct collect *c)
{
	struct removals *r = arena_alloc(task_arena(t), sizeof(*r));
	struct share_dirent *first, *d;
	uint64_t seq, newest = 0;
	struct err *e;

	e = share_readdir(t, j->share, SHARE_LANE_ADMIN, &j->log,
	    JOURNAL_DIR_MAX, &first, NULL);
	if (e != NULL)
		return e;
	for (d = first; d != NULL; d = d->next)
		if (seq_parse(d->name, &seq) && seq > newest)
			newest = seq;
	for (d = first; d != NULL; d = d->next)
		if (seq_parse(d->name, &seq) && seq <= c->upto &&
		    (seq != newest || !SAFEGUARD(SAFE_NEWEST_ENTRY)))
			removals_add(t, j, r, &j->log, d->name);
	removals_wait(t, r);
	c->removed += r->done;
	c->all_gone = r->err == NULL;
	return r->err;
}

static may_yield must_check struct err *
collect_ckpts(struct task *t, struct journal *j, struct collect *c)
{
	struct removals *r = arena_alloc(task_arena(t), sizeof(*r));
	char name[SEQ_DIGITS + 1];
	unsigned i;

	for (i = JOURNAL_KEEP_CKPT; i < c->k.n; i++) {
		if (c->k.v[i].seq > c->older)
			continue;
		seq_name(c->k.v[i].seq, name);
		removals_add(t, j, r, &j->ckpt,
		    arena_str(task_arena(t), str_c(name)));
	}
	removals_wait(t, r);
	c->removed += r->done;
	return r->err;
}

/* -- segments ---------------------------------------------------------- */

/* The two manifests that stay: with one unreadable, no segment goes. */
static may_yield must_check struct err *
collect_manifests(struct task *t, struct journal *j, struct collect *c)
{
	char name[SEQ_DIGITS + 1];
	struct share_fh fh;
	struct str text;
	struct err *e;
	unsigned i;

	for (i = 0; i < JOURNAL_KEEP_CKPT; i++) {
		seq_name(c->k.v[i].seq, name);
		e = share_lookup(t, j->share, SHARE_LANE_ADMIN, &j->ckpt,
		    str_c(name), &fh, NULL);
		if (e == NULL)
			e = share_readlink(t, j->share, SHARE_LANE_ADMIN, &fh,
			    &text);
		if (e == NULL)
			e = journal_manifest(t, j, text, &c->m[i]);
		if (e != NULL)
			return e;
	}
	return NULL;
}

static bool
collect_is_named(const struct collect *c, struct str name)
{
	unsigned i, k;

	for (i = 0; i < JOURNAL_KEEP_CKPT; i++) {
		if (str_eq(name, c->m[i].file))
			return true;
		for (k = 0; k < c->m[i].ckpt.seg_count; k++)
			if (str_eq(name, c->m[i].ckpt.segs[k].name))
				return true;
	}
	return false;
}

static bool
collect_rec_txid(struct str name, struct txid *x_r)
{
	return str_ends(name, STR(".rec")) &&
	       txid_parse(str_sub(name, 0, name.n - 4), x_r);
}

/* Noted since when; true when it is time for a VOID. */
static bool
collect_orphan(struct journal *j, const struct txid *x, unsigned *n)
{
	uint64_t now_ms = sched_now_ms(j->sched);
	struct journal_orphan **at = &j->orphans, *o;

	for (; (o = *at) != NULL; at = &o->next)
		if (txid_eq(&o->txid, x))
			break;
	if (o == NULL) {
		if (++*n > JOURNAL_ORPHANS_MAX)
			return false;
		o = xcalloc(1, sizeof(*o));
		o->txid = *x;
		o->since_ms = now_ms;
		*at = o;
	}
	o->seen = true;
	return now_ms >= o->since_ms + JOURNAL_ORPHAN_MS;
}

static struct err *
collect_void_compose(struct task *t, void *arg, struct buf *ops)
{
	(void)t;
	record_op(ops, 'D');
	record_txid(ops, arg);
	return NULL;
}

/* Model files, VOIDS: its owner may still live; after this it begins again. */
static may_yield must_check struct err *
collect_void(struct task *t, struct journal *j, struct txid *x)
{
	struct journal_tx tx;

	if (!SAFEGUARD(SAFE_VOID))
		return NULL;
	journal_tx_init(t, j, &tx);
	tx.compose = collect_void_compose;
	tx.arg = x;
	return journal_commit(t, j, &tx);
}

/* Whether seg/<txid>.rec may go. */
static may_yield must_check struct err *
collect_rec(struct task *t, struct journal *j, const struct collect *c,
    struct txid *x, unsigned *orphans, bool *go_r)
{
	uint64_t row = known_find(&j->known, x);
	struct err *e;

	*go_r = false;
	if (row & KNOWN_VOID) {
		*go_r = true;
		return NULL;
	}
	if (row != 0) {
		*go_r = row <= c->upto && c->all_gone;
		return NULL;
	}
	if (!collect_orphan(j, x, orphans))
		return NULL;
	e = collect_void(t, j, x);
	if (e != NULL)
		return e;
	/* committed meanwhile: then the VOID meant nothing */
	*go_r = journal_find(j, x) == 0;
	return NULL;
}

static void
collect_orphans_end(struct journal *j)
{
	struct journal_orphan **at = &j->orphans, *o;

	while ((o = *at) != NULL) {
		if (o->seen) {
			o->seen = false;
			at = &o->next;
			continue;
		}
		*at = o->next;
		free(o);
	}
}

static may_yield must_check struct err *
collect_segs(struct task *t, struct journal *j, struct collect *c)
{
	struct removals *r = arena_alloc(task_arena(t), sizeof(*r));
	struct share_dirent *d, *first;
	unsigned orphans = 0;
	struct err *e;
	uint64_t seq;
	struct txid x;
	bool go;

	/* listed before the manifests are read: what is made later stays */
	e = share_readdir(t, j->share, SHARE_LANE_ADMIN, &j->seg,
	    JOURNAL_DIR_MAX, &first, NULL);
	if (e == NULL)
		e = collect_manifests(t, j, c);
	for (d = first; e == NULL && d != NULL; d = d->next) {
		go = false;
		if (seg_name_parse(d->name, &seq, NULL))
			go = seq <= c->older && !collect_is_named(c, d->name);
		else if (collect_rec_txid(d->name, &x))
			e = collect_rec(t, j, c, &x, &orphans, &go);
		if (e == NULL && go)
			removals_add(t, j, r, &j->seg, d->name);
	}
	removals_wait(t, r);
	collect_orphans_end(j);
	c->removed += r->done;
	return e != NULL ? e : r->err;
}

/* -- all of it --------------------------------------------------------- */

static may_yield must_check struct err *
collect_begin(struct task *t, struct journal *j, struct collect *c)
{
	struct err *e;

	journal_lock(t, j);
	e = journal_sync(t, j);
	if (e == NULL)
		e = journal_read_ckpts(t, j, &c->k);
	journal_unlock(t, j);
	if (e != NULL)
		return e;
	if (c->k.n < JOURNAL_KEEP_CKPT || j->collect_seq > c->k.v[1].seq) {
		j->collect_seq = 0; /* it went: wait again */
		journal_collect_next(j);
	}
	c->older = j->collect_seq;
	c->upto = SAFEGUARD(SAFE_NEWEST_ENTRY) ? c->older : c->k.top;
	return NULL;
}

struct err *
journal_collect(struct task *t, struct journal *j)
{
	struct collect *c = arena_alloc(task_arena(t), sizeof(*c));
	struct err *e;

	e = collect_begin(t, j, c);
	if (e != NULL || c->k.purged || !journal_collect_is_due(j))
		return e;
	e = collect_log(t, j, c);
	if (e == NULL)
		e = collect_ckpts(t, j, c);
	if (e == NULL && j->seg.n > 0)
		e = collect_segs(t, j, c);
	if (e != NULL)
		return e;
	j->collected = c->older;
	j->collect_seq = 0;
	journal_collect_next(j);
	log_debug(t, "journal", "collected", LOG_C("journal", j->label),
	    LOG_U64("upto", c->upto), LOG_U64("removed", c->removed));
	return NULL;
}
