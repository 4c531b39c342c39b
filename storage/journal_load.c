/* journal_load.c - a cold journal: newest checkpoint and tail; the short way */
#include <stdlib.h>

#include "base/log.h"
#include "storage/journal_private.h"

/*
 * Serial round trips, directories known (DESIGN 12):
 *	1  READDIRPLUS(ckpt), READDIR(log)
 *	2  READLINK of the newest checkpoint, LOOKUPs of the tail
 *	3  handles of the segments, READLINKs of the tail
 *	4  READs of our segments, READDIR(ckpt) for the reader's rule
 *	5  READs of the client's segments
 */
#define LOAD_TRIES 8

struct load {
	struct journal_ckpts k; /* names when it began */
	uint64_t *log;		/* numbers in log/, ascending */
	unsigned log_n;
	struct share_attr attr;
	bool attr_ok;
	struct manifest m;    /* seq 0: from the first entry on */
	struct journal_in *v; /* the tail; without one, entry m.seq */
	unsigned n;
	bool head_only; /* v is entry m.seq */
	bool cut;	/* there are names behind a gap */
	bool again;	/* a newer checkpoint appeared meanwhile */
};

static int
load_cmp(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y ? 1 : 0;
}

static may_yield must_check struct err *
load_names(struct task *t, struct journal *j, struct load *l, bool ckpts)
{
	struct journal_call kc, lc;
	struct share_dirent *d, *first;
	struct err *e, *e2;
	unsigned n = 0;

	journal_call_init(j, &kc, SHARE_READDIR, &j->ckpt);
	kc.op.plus = true;
	journal_call_init(j, &lc, SHARE_READDIR, &j->log);
	if (ckpts)
		journal_send(t, j, &kc);
	journal_send(t, j, &lc);
	e = ckpts ? journal_wait_ckpts(t, j, &kc, &l->k) : NULL;
	e2 = journal_wait_names(t, j, &lc, &first);
	if (e == NULL)
		e = e2;
	if (e == NULL && l->k.purged)
		e = journal_purged_err(t);
	if (e != NULL)
		return e;
	l->attr = lc.op.dir_attr_r;
	l->attr_ok = lc.op.dir_attr_ok;
	for (d = first; d != NULL; d = d->next)
		n++;
	l->log = arena_array(task_arena(t), n, sizeof(l->log[0]));
	for (d = first; d != NULL; d = d->next)
		if (seq_parse(d->name, &l->log[l->log_n]))
			l->log_n++;
	qsort(l->log, l->log_n, sizeof(l->log[0]), load_cmp);
	return NULL;
}

/*
 * The names above `seq` up to a gap; without any, seq itself.  A gap may be no
 * more than a READDIR that entries were made under.
 */
static void
load_tail(struct task *t, struct load *l, uint64_t seq)
{
	unsigned i, from = 0;

	while (from < l->log_n && l->log[from] <= seq)
		from++;
	for (i = from; i < l->log_n && l->log[i] == seq + 1 + (i - from);)
		i++;
	l->n = i - from;
	l->cut = i < l->log_n;
	l->head_only = l->n == 0 && seq > 0;
	if (l->head_only)
		l->n = 1;
	l->v = arena_array(task_arena(t), l->n, sizeof(l->v[0]));
	for (i = 0; i < l->n; i++)
		l->v[i].seq = l->head_only ? seq : seq + 1 + i;
}

/* The link of a checkpoint's name; a handle came with READDIRPLUS, mostly. */
static may_yield must_check struct err *
load_ckpt_fh(struct task *t, struct journal *j, struct journal_name *name)
{
	char text[SEQ_DIGITS + 1];
	struct journal_call c;
	struct err *e;

	if (name->fh.n > 0)
		return NULL;
	seq_name(name->seq, text);
	journal_call_init(j, &c, SHARE_LOOKUP, &j->ckpt);
	c.op.name = str_c(text);
	e = journal_call(t, j, &c);
	name->fh = c.op.fh_r;
	return e;
}

/* Trips 2 and 3. */
static may_yield must_check struct err *
load_read(struct task *t, struct journal *j, struct load *l,
    struct journal_name *name)
{
	unsigned part = l->n < JOURNAL_WINDOW ? l->n : JOURNAL_WINDOW;
	struct journal_lookups *segs;
	struct journal_call c;
	struct err *e = NULL, *e2;

	if (name != NULL) {
		e = load_ckpt_fh(t, j, name);
		if (e != NULL)
			return e;
		journal_call_init(j, &c, SHARE_READLINK, &name->fh);
		journal_send(t, j, &c);
	}
	journal_fetch_lookup_send(t, j, l->v, part);
	if (name != NULL)
		e = journal_wait(t, j, &c);
	e2 = journal_fetch_lookup_wait(t, j, l->v, part);
	if (e == NULL)
		e = e2;
	if (e == NULL && name != NULL)
		e = journal_manifest(t, j, c.op.text_r, &l->m);
	if (e == NULL && name != NULL && l->m.ckpt.seq != name->seq)
		e = err_new(task_arena(t), ERR_CORRUPT, "checkpoint is damaged",
		    "it is for another entry");
	if (e != NULL)
		return e;
	segs = journal_segs_send(t, j, &l->m);
	journal_fetch_read_send(t, j, l->v, part);
	e = journal_fetch_read_wait(t, j, l->v, part);
	e2 = journal_segs_wait(t, j, segs);
	if (e == NULL)
		e = e2;
	if (e == NULL && part < l->n)
		e = journal_fetch(t, j, l->v + part, l->n - part);
	if (e == NULL)
		e = journal_fetch_recs(t, j, l->v, l->n);
	return e;
}

static may_yield must_check struct err *
load_client(struct task *t, struct journal *j, const struct load *l)
{
	if (l->m.ckpt.seq == 0) {
		j->client->reset(j->arg);
		return NULL;
	}
	return j->client->load(t, j->arg, &l->m.ckpt);
}

/* Trips 4 and 5: our state and READDIR(ckpt), then the client's. */
static may_yield must_check struct err *
load_state(struct task *t, struct journal *j, struct load *l)
{
	struct journal_seg *segs;
	uint64_t base_upto = 0;
	struct journal_ckpts k;
	struct journal_call c;
	struct seg_run *run;
	struct str *data;
	struct err *e, *e2;
	unsigned n;

	n = journal_known_segs(t, &l->m, &segs);
	data = arena_array(task_arena(t), n, sizeof(data[0]));
	e = seg_run_begin(t, j, segs, n, task_arena(t), &run);
	if (e != NULL)
		return e;
	journal_call_init(j, &c, SHARE_READDIR, &j->ckpt);
	journal_send(t, j, &c);
	e = seg_run_end(t, &run, data);
	e2 = journal_wait_ckpts(t, j, &c, &k);
	if (e2 != NULL)
		return e2;
	if (k.purged)
		return journal_purged_err(t);
	/* The reader's rule. */
	if (k.top > l->k.top && SAFEGUARD(SAFE_READER_RULE)) {
		l->again = true;
		return NULL;
	}
	if (e != NULL)
		return e;
	known_clear(&j->known);
	if (!journal_known_load(&l->m, segs, data, n, &j->known, &base_upto))
		return err_new(task_arena(t), ERR_CORRUPT,
		    "checkpoint is damaged", "its list of txids");
	/* Last: the tail follows in the same turn, so that nobody sees the
	 * client's state go back to the checkpoint. */
	e = load_client(t, j, l);
	if (e != NULL)
		return e;
	if (l->m.ckpt.seq > 0)
		journal_set_base(j, &l->m, base_upto);
	return NULL;
}

/* The newest entry is never removed: without it something is wrong. */
static void
load_head(struct task *t, struct journal *j, const struct load *l)
{
	const struct journal_in *in = &l->v[0];

	if (in->err == NULL && txid_eq(&in->rec.txid, &l->m.ckpt.txid))
		j->head_fh = in->fh;
	else
		journal_set_readonly(t, j, ERR_CORRUPT, in->seq,
		    err_is(in->err, ERR_NOENT)
			? "the newest journal entry is missing"
			: "the newest journal entry is not its checkpoint's");
}

static void
load_apply(struct task *t, struct journal *j, struct load *l)
{
	const struct journal_in *in;
	unsigned i;

	for (i = 0; i < l->n; i++) {
		in = &l->v[i];
		if (err_is(in->err, ERR_NOENT)) {
			l->cut = true;
			return;
		}
		if (!err_is(in->err, ERR_CORRUPT) &&
		    !txid_eq(&in->rec.prev, &j->head_txid)) {
			journal_set_readonly(t, j, ERR_CORRUPT, in->seq,
			    "journal entry does not follow the one before");
			return;
		}
		if (journal_apply(t, j, in, false) != NULL)
			return; /* read-only: said there */
	}
}

/* From one checkpoint, or (name NULL) from the first entry on. */
static may_yield must_check struct err *
load_from(struct task *t, struct journal *j, struct load *l,
    struct journal_name *name)
{
	struct err *e;

	memset(&l->m, 0, sizeof(l->m));
	journal_segfh_clear(j);
	load_tail(t, l, name != NULL ? name->seq : 0);
	e = load_read(t, j, l, name);
	if (e != NULL)
		return e;
	journal_cold(j);
	e = load_state(t, j, l);
	if (e != NULL || l->again) {
		journal_cold(j);
		return e;
	}
	j->mode = JOURNAL_LOADED;
	j->head = l->m.ckpt.seq;
	j->head_txid = l->m.ckpt.txid;
	j->token = l->m.token;
	j->forget_at = l->m.forget_at;
	j->forgot = l->m.forgot;
	j->log_attr = l->attr;
	j->log_attr_ok = l->attr_ok;
	if (name != NULL && name->seq != l->k.top)
		j->ckpt_bad = l->k.top;
	if (l->head_only)
		load_head(t, j, l);
	else
		load_apply(t, j, l);
	if (j->client->changed != NULL)
		j->client->changed(j->arg);
	return NULL;
}

/* Whether another checkpoint may be better. */
static bool
load_is_damage(const struct err *e)
{
	return err_is(e, ERR_CORRUPT) || err_is(e, ERR_NOENT) ||
	       err_is(e, ERR_FORMAT) || err_is(e, ERR_INVALID);
}

/*
 * Newest first.  One that cannot be read may have been removed meanwhile, when
 * there is a newer one; else the older one will do if log/ still reaches back.
 */
static may_yield must_check struct err *
load_once(struct task *t, struct journal *j, struct load *l)
{
	struct err *e, *first = NULL;
	struct journal_ckpts now;
	unsigned i;

	e = load_names(t, j, l, true);
	if (e != NULL)
		return e;
	for (i = 0; i <= l->k.n; i++) {
		bool last = i == l->k.n;

		/* without any checkpoint the log must begin at entry 1 */
		if (last && i > 0 && (l->log_n == 0 || l->log[0] != 1))
			break;
		e = load_from(t, j, l, last ? NULL : &l->k.v[i]);
		if (l->again || !load_is_damage(e))
			return l->again ? NULL : e;
		if (first == NULL)
			first = e;
		e = journal_read_ckpts(t, j, &now);
		if (e != NULL)
			return e;
		if (now.top > l->k.top) {
			l->again = true;
			return NULL;
		}
		log_alarm(t, "checkpoint cannot be read",
		    LOG_C("journal", j->label),
		    LOG_U64("checkpoint", last ? 0 : l->k.v[i].seq),
		    LOG_ERR(first));
	}
	if (err_is(first, ERR_FORMAT))
		return first;
	return err_new(task_arena(t), ERR_CORRUPT, first->text, "%s: %s",
	    j->label, first->detail != NULL ? first->detail : "");
}

/* Read on over what looked like a gap; if it is one, say so. */
static may_yield must_check struct err *
load_over_gap(struct task *t, struct journal *j)
{
	uint64_t head = j->head;
	struct err *e;

	if (j->ro_code != ERR_NONE)
		return NULL;
	e = journal_advance(t, j, NULL);
	if (e == NULL && j->mode == JOURNAL_LOADED && j->head == head &&
	    j->ro_code == ERR_NONE)
		journal_set_readonly(t, j, ERR_CORRUPT, head + 1,
		    "journal entry is missing");
	return e;
}

struct err *
journal_load(struct task *t, struct journal *j)
{
	struct err *e = NULL;
	unsigned tries;
	struct load *l;

	if (j->load_depth >= LOAD_TRIES)
		goto busy;
	for (tries = 0; tries < LOAD_TRIES; tries++) {
		l = arena_alloc(task_arena(t), sizeof(*l));
		e = load_once(t, j, l);
		if (e != NULL)
			return e;
		if (l->again)
			continue;
		if (!l->cut)
			return NULL;
		j->load_depth++;
		e = load_over_gap(t, j);
		j->load_depth--;
		return e;
	}
busy:
	return err_new(task_arena(t), ERR_UNKNOWN,
	    "journal changes faster than it can be read", "%s", j->label);
}

/* -- the short way ----------------------------------------------------- */

/* The greatest name of log/ is the head: the newest entry is never removed. */
static may_yield must_check struct err *
peek_once(struct task *t, struct journal *j)
{
	struct load *l = arena_alloc(task_arena(t), sizeof(*l));
	struct journal_in in = { 0 };
	struct err *e;

	/* ckpt/ is not asked: nothing is concluded from the head alone, and
	 * verify asks after a blind commit */
	e = load_names(t, j, l, false);
	if (e != NULL)
		return e;
	if (l->log_n == 0)
		return journal_load(t, j);
	in.seq = l->log[l->log_n - 1];
	e = journal_fetch(t, j, &in, 1);
	if (e != NULL)
		return e;
	if (in.err != NULL)
		return journal_load(t, j);
	journal_cold(j);
	j->mode = JOURNAL_BLIND;
	j->head = in.seq - 1;
	e = journal_apply(t, j, &in, false);
	if (e != NULL)
		return journal_load(t, j);
	j->peek_head = j->head;
	j->log_attr_ok = false;
	return NULL;
}

static void
peek_report(struct task *t, struct journal *j, struct journal_entry *head_r)
{
	struct buf b;

	memset(head_r, 0, sizeof(*head_r));
	head_r->seq = j->head;
	head_r->txid = j->head_txid;
	buf_init(&b, task_arena(t), SHARE_SYMLINK_MAX);
	journal_totals(t, j, STR_NONE, &b);
	head_r->totals = buf_str(&b);
}

struct err *
journal_peek(struct task *t, struct journal *j, struct journal_entry *head_r)
{
	struct err *e = NULL;
	unsigned tries = 0;

	journal_lock(t, j);
	while (j->mode == JOURNAL_COLD) {
		e = journal_connect(t, j);
		if (e == NULL && j->mode == JOURNAL_COLD)
			e = peek_once(t, j);
		if (e != NULL && !journal_retry(t, j, e, &tries))
			break;
	}
	if (j->mode != JOURNAL_COLD) {
		e = NULL;
		peek_report(t, j, head_r);
	}
	journal_unlock(t, j);
	return e;
}

struct err *
journal_peek_again(struct task *t, struct journal *j)
{
	unsigned tries = 0;
	struct err *e;

	journal_lock(t, j);
	do {
		e = journal_connect(t, j);
		if (e == NULL)
			e = j->mode == JOURNAL_LOADED
				? journal_advance(t, j, NULL)
				: peek_once(t, j);
	} while (e != NULL && journal_retry(t, j, e, &tries));
	journal_unlock(t, j);
	return e;
}
