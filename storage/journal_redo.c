/* journal_redo.c - a server that forgot: redo, fork, append again */
#include <stdlib.h>

#include "base/log.h"
#include "storage/journal_private.h"

/*
 * A server may lose the last entries (a power cut of one that does not sync).
 * On a new connection, before anything else, every entry whose bytes are kept
 * (KEPT) and the head that is known (HEAD) must be there, ascending: known to
 * the newest checkpoint at that number (BELOW), or in log/ with that txid, or
 * missing with its predecessor in place (GAP): then it is made again, verbatim.
 * Anything else is a fork.  Letters are those of model rollback.
 */
struct redo {
	struct journal_ckpts k;
	bool have_m;
	struct manifest m;
	const struct known *known; /* what m knows */
	struct known own;
	struct journal_in *v; /* kept entries and head, ascending */
	struct journal_kept **kept;
	unsigned n;
	bool created, again;
	const char *fork;
};

/* The checkpoint k.top, or an older one if that cannot be read. */
static may_yield must_check struct err *
redo_manifest(struct task *t, struct journal *j, struct redo *r)
{
	char name[SEQ_DIGITS + 1];
	struct journal_call c;
	struct err *e = NULL;
	unsigned i;

	for (i = 0; i < r->k.n; i++) {
		seq_name(r->k.v[i].seq, name);
		journal_call_init(j, &c, SHARE_LOOKUP, &j->ckpt);
		c.op.name = str_c(name);
		e = journal_call(t, j, &c);
		if (e == NULL) {
			journal_call_init(j, &c, SHARE_READLINK, &c.op.fh_r);
			e = journal_call(t, j, &c);
		}
		if (e == NULL)
			e = journal_manifest(t, j, c.op.text_r, &r->m);
		if (e == NULL && r->m.ckpt.seq == j->base.ckpt.seq &&
		    str_eq(r->m.text, j->base.text)) {
			r->known = &j->known; /* it came from, or to, us */
			r->have_m = true;
			return NULL;
		}
		if (e == NULL)
			e = journal_seg_known(t, j, &r->m, &r->own);
		if (e == NULL) {
			r->known = &r->own;
			r->have_m = true;
			return NULL;
		}
		if (err_is(e, ERR_NOENT)) { /* it went: look again */
			r->again = true;
			return NULL;
		}
		if (!err_is(e, ERR_CORRUPT) && !err_is(e, ERR_FORMAT))
			return e;
	}
	return NULL;
}

static uint64_t
redo_top(const struct redo *r)
{
	return r->have_m ? r->m.ckpt.seq : 0;
}

/* Which txid the checkpoint has at seq; NULL: it cannot tell. */
static const struct txid *
redo_ckpt_txid(const struct redo *r, uint64_t seq)
{
	if (seq == r->m.ckpt.seq)
		return &r->m.ckpt.txid;
	return known_at(r->known, seq);
}

static void
redo_list(struct task *t, const struct journal *j, struct redo *r)
{
	struct journal_kept *k;
	bool head = j->mode != JOURNAL_COLD && j->head > 0;
	unsigned n = 1;

	for (k = j->kept; k != NULL; k = k->next)
		n++;
	r->v = arena_array(task_arena(t), n, sizeof(r->v[0]));
	r->kept = arena_array(task_arena(t), n, sizeof(r->kept[0]));
	for (k = j->kept; k != NULL; k = k->next) {
		if (head && k->seq > j->head) {
			r->v[r->n++].seq = j->head;
			head = false;
		}
		if (k->seq == j->head)
			head = false;
		r->kept[r->n] = k;
		r->v[r->n++].seq = k->seq;
	}
	if (head)
		r->v[r->n++].seq = j->head;
}

/* -- one entry --------------------------------------------------------- */

/* GAP: the predecessor is there, with that txid. */
static may_yield must_check struct err *
redo_predecessor(struct task *t, struct journal *j, const struct redo *r,
    const struct journal_kept *k, bool *good_r)
{
	struct journal_in in = { .seq = k->seq - 1 };
	const struct txid *x;
	struct err *e;

	*good_r = txid_is_zero(&k->prev);
	if (in.seq == 0)
		return NULL;
	if (in.seq <= redo_top(r)) {
		x = redo_ckpt_txid(r, in.seq);
		*good_r = x != NULL && txid_eq(x, &k->prev);
		return NULL;
	}
	e = journal_fetch_links(t, j, &in, 1);
	*good_r = in.err == NULL && txid_eq(&in.rec.txid, &k->prev);
	return e;
}

/* A kept entry as the client knows entries. */
static must_check struct err *
redo_entry(struct task *t, const struct journal_kept *k,
    struct journal_entry *e_r, bool *external_r)
{
	struct record rec;
	struct err *e;

	e = record_parse(task_arena(t), arena_str(task_arena(t), k->text),
	    &rec);
	if (e != NULL)
		return e;
	*external_r = rec.external;
	e_r->seq = k->seq;
	e_r->txid = k->txid;
	e_r->prev = k->prev;
	e_r->totals = rec.totals;
	e_r->ops = rec.external ? arena_str(task_arena(t), k->ops) : rec.ops;
	return NULL;
}

/* The entry's files are made sure of, before it is there (model files,
 * RELINK).  *whole_r: all of them. */
static may_yield must_check struct err *
redo_files(struct task *t, struct journal *j, const struct journal_kept *k,
    struct buf *ops, bool *whole_r)
{
	struct journal_entry entry;
	bool external;
	struct err *e;

	*whole_r = true;
	e = redo_entry(t, k, &entry, &external);
	if (e != NULL)
		return e;
	if (external) {
		e = journal_put_rec(t, j, &k->txid, entry.ops);
		if (e != NULL)
			return e;
	}
	if (j->client->refile == NULL || k->counted) {
		buf_str_add(ops, entry.ops);
		return NULL;
	}
	return j->client->refile(t, j->arg, &entry, ops, whole_r);
}

/* Make it again, verbatim; *there_r what is in its place afterwards. */
static may_yield must_check struct err *
redo_create(struct task *t, struct journal *j, struct redo *r,
    const struct journal_kept *k, struct journal_in *in)
{
	char name[SEQ_DIGITS + 1];
	struct journal_call c;
	bool good = false, whole;
	struct buf ops;
	struct err *e;

	e = redo_predecessor(t, j, r, k, &good);
	if (e != NULL)
		return e;
	if (!good) {
		r->fork = "the predecessor of a lost entry is not there";
		return NULL;
	}
	buf_init(&ops, task_arena(t), RECORD_OPS_MAX);
	e = redo_files(t, j, k, &ops, &whole);
	if (e != NULL)
		return e;
	if (!whole) {
		r->fork = "files of a lost entry are gone";
		return NULL;
	}
	seq_name(k->seq, name);
	journal_call_init(j, &c, SHARE_SYMLINK, &j->log);
	c.op.name = str_c(name);
	c.op.text = arena_str(task_arena(t), k->text);
	e = journal_call(t, j, &c);
	if (e != NULL && !err_is(e, ERR_EXIST))
		return e; /* unknown: begin again */
	log_warn(t, "journal entry was lost and is there again",
	    LOG_C("journal", j->label), LOG_U64("entry", k->seq));
	r->created = true;
	/* another node may have been first */
	return journal_fetch_links(t, j, in, 1);
}

static may_yield must_check struct err *
redo_one(struct task *t, struct journal *j, struct redo *r, unsigned i)
{
	struct journal_in *in = &r->v[i];
	struct journal_kept *k = r->kept[i];
	const struct txid *want = k != NULL ? &k->txid : &j->head_txid;
	bool counted = k != NULL ? k->counted : j->head_counted;
	const struct txid *x;
	struct err *e;

	if (in->seq <= redo_top(r)) { /* BELOW */
		/* r->known may be ours, and a later FORGET was applied */
		uint64_t forgot =
		    r->m.forgot > j->forgot ? r->m.forgot : j->forgot;

		x = redo_ckpt_txid(r, in->seq);
		if (x != NULL ? !txid_eq(x, want)
			      : !counted && in->seq > forgot)
			r->fork = "the checkpoint does not know an entry";
	} else {
		if (err_is(in->err, ERR_NOENT)) {
			if (k == NULL) {
				r->fork = "the head is gone";
				return NULL;
			}
			e = redo_create(t, j, r, k, in);
			if (e != NULL || r->fork != NULL)
				return e;
		}
		if (err_is(in->err, ERR_NOENT))
			return err_new(task_arena(t), ERR_UNKNOWN,
			    "journal entry did not stay", NULL);
		/* a damaged one is reported when it is read */
		if (!err_is(in->err, ERR_CORRUPT) &&
		    !txid_eq(&in->rec.txid, want))
			r->fork = "another entry is in its place";
		/* appended again after a fork that passed us by: the number is
		 * the old one, what is below it is not (CHAIN) */
		else if (k != NULL && in->err == NULL &&
			 !txid_eq(&in->rec.prev, &k->prev))
			r->fork = "the entry stands on another history";
	}
	if (r->fork != NULL)
		return NULL;
	if (k != NULL) {
		k->conn = j->conn;
		k->seen_ms = sched_now_ms(j->sched);
	}
	if (in->seq == j->head && j->mode != JOURNAL_COLD) {
		j->head_fh = in->fh;
		if (in->seq == r->k.top && err_is(in->err, ERR_NOENT))
			journal_set_readonly(t, j, ERR_CORRUPT, in->seq,
			    "the newest journal entry is missing");
	}
	return NULL;
}

static may_yield must_check struct err *
redo_entries(struct task *t, struct journal *j, struct redo *r)
{
	struct journal_ckpts now;
	struct err *e;
	unsigned i;

	e = journal_fetch_links(t, j, r->v, r->n);
	for (i = 0; i < r->n && e == NULL && r->fork == NULL; i++)
		e = redo_one(t, j, r, i);
	if (e != NULL || (r->fork == NULL && !r->created))
		return e;
	/* A fork, or what was made in a hole, unless READDIR(ckpt), sent
	 * after, shows a newer checkpoint: ask that. */
	e = journal_read_ckpts(t, j, &now);
	if (e != NULL)
		return e;
	if (now.top > r->k.top) {
		r->again = true;
		return NULL;
	}
	return r->fork != NULL ? journal_fork(t, j, r->fork) : NULL;
}

static may_yield must_check struct err *
redo_once(struct task *t, struct journal *j, bool *again_r)
{
	struct redo *r = arena_alloc(task_arena(t), sizeof(*r));
	struct err *e;

	/* the first call, not pinned, finds the connection */
	j->conn = 0;
	e = journal_dirs(t, j);
	if (e == NULL)
		e = journal_read_ckpts(t, j, &r->k);
	if (e == NULL && r->k.purged)
		e = journal_purged_err(t);
	if (e != NULL)
		return e;
	redo_list(t, j, r);
	/* number of the first one's predecessor: GAP may ask for it */
	if (r->n > 0 && r->k.top + 1 >= r->v[0].seq)
		e = redo_manifest(t, j, r);
	if (e == NULL && !r->again)
		e = redo_entries(t, j, r);
	known_clear(&r->own);
	*again_r = r->again;
	return e;
}

struct err *
journal_redo(struct task *t, struct journal *j)
{
	unsigned tries = 0;
	bool again = false;
	struct err *e;

	for (;;) {
		j->redoing = true;
		e = redo_once(t, j, &again);
		j->redoing = false;
		if (e == NULL && !again)
			return NULL;
		if (e == NULL)
			e = err_new(task_arena(t), ERR_UNKNOWN,
			    "journal changes faster than it can be checked",
			    "%s", j->label);
		if (!journal_retry(t, j, e, &tries))
			break;
	}
	j->conn = 0; /* not done */
	return e;
}

/* -- fork -------------------------------------------------------------- */

static bool
fork_is_noop(const struct journal_kept *k, struct task *t)
{
	struct journal_entry entry;
	bool external;

	return redo_entry(t, k, &entry, &external) != NULL ||
	       str_eq_c(entry.ops, "N");
}

/* KEPT: what the journal lacks now is to be appended again. */
static void
fork_queue(struct task *t, struct journal *j, struct journal_kept **old)
{
	struct journal_kept **last = &j->again, *k;

	while (*last != NULL)
		last = &(*last)->next;
	while ((k = *old) != NULL) {
		*old = k->next;
		k->next = NULL;
		if (k->counted || known_find(&j->known, &k->txid) != 0 ||
		    fork_is_noop(k, t)) {
			journal_kept_free(&k);
			continue;
		}
		*last = k;
		last = &k->next;
	}
}

struct err *
journal_fork(struct task *t, struct journal *j, const char *why)
{
	struct journal_kept *old = j->kept;
	struct err *e;

	log_alarm(t, "journal forked: the share lost entries",
	    LOG_C("journal", j->label), LOG_C("why", why),
	    LOG_U64("head", j->head));
	j->kept = NULL;
	e = journal_load(t, j);
	if (e != NULL) {
		/* the redo will find it again */
		journal_kept_free(&j->kept);
		j->kept = old;
		for (; old != NULL; old = old->next)
			j->kept_tail = old;
		j->conn = 0;
		return e;
	}
	fork_queue(t, j, &old);
	j->fork_open = true;
	j->fork_told = false;
	return NULL;
}

/* -- append again ------------------------------------------------------ */

static struct err *
again_compose(struct task *t, void *arg, struct buf *ops)
{
	(void)t;
	buf_str_add(ops, buf_str(arg));
	return NULL;
}

static may_yield must_check struct err *
again_tell(struct task *t, struct journal *j)
{
	struct journal_tx tx;
	struct buf ops;
	struct err *e;

	if (j->fork_told || j->client->forked == NULL)
		return NULL;
	buf_init(&ops, task_arena(t), RECORD_OPS_MAX);
	j->client->forked(t, j->arg, &ops);
	if (ops.n > 0) {
		journal_tx_init(t, j, &tx);
		tx.compose = again_compose;
		tx.arg = &ops;
		e = journal_commit_locked(t, j, &tx);
		if (e != NULL)
			return e;
	}
	j->fork_told = true;
	return NULL;
}

static may_yield must_check struct err *
again_one(struct task *t, struct journal *j, struct journal_kept *k)
{
	struct journal_tx tx;
	struct buf ops;
	bool whole;
	struct err *e;

	if (known_find(&j->known, &k->txid) != 0)
		return NULL; /* another node was first */
	/* model giveup, OLD: it may have been known, or voided */
	if (k->seq <= j->forgot && SAFEGUARD(SAFE_FORGET)) {
		log_alarm(t,
		    "older than what the journal remembers: not appended again",
		    LOG_C("journal", j->label), LOG_U64("entry", k->seq));
		return NULL;
	}
	buf_init(&ops, task_arena(t), RECORD_OPS_MAX);
	e = redo_files(t, j, k, &ops, &whole);
	/* a LINK, whoever made it, is durable before an entry names it */
	if (e == NULL)
		e = journal_barrier(t, j);
	if (e != NULL)
		return e;
	if (!whole)
		log_alarm(t, "files of a lost journal entry are gone",
		    LOG_C("journal", j->label), LOG_U64("entry", k->seq));
	if (ops.n == 0)
		return NULL;
	journal_tx_init(t, j, &tx);
	tx.txid = k->txid;
	tx.compose = again_compose;
	tx.arg = &ops;
	e = journal_commit_locked(t, j, &tx);
	if (err_is(e, ERR_VOIDED))
		return NULL;
	return e;
}

struct err *
journal_append_again(struct task *t, struct journal *j)
{
	struct journal_kept *k;
	struct err *e;

	j->appending = true;
	e = j->mode == JOURNAL_LOADED ? NULL : journal_load(t, j);
	if (e == NULL)
		e = again_tell(t, j);
	while (e == NULL && (k = j->again) != NULL) {
		e = again_one(t, j, k);
		/* a fork meanwhile only ever adds behind */
		if (e != NULL || j->again != k)
			break;
		j->again = k->next;
		k->next = NULL;
		journal_kept_free(&k);
	}
	j->appending = false;
	if (e == NULL && j->again == NULL)
		j->fork_open = false;
	if (e != NULL)
		log_warn(t, "lost journal entries are not yet back",
		    LOG_C("journal", j->label), LOG_ERR(e));
	return e;
}
