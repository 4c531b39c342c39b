/* journal_repair.c - superseding a journal that cannot be read */
#include "storage/journal_private.h"

#define REPAIR_TRIES 64
/* Names may be gone that others still know: above those, too. */
#define REPAIR_STEP 1000000

/* Greatest name of log/ and ckpt/. */
static may_yield must_check struct err *
repair_top(struct task *t, struct journal *j, uint64_t *top_r)
{
	struct journal_call c;
	struct journal_ckpts k;
	struct share_dirent *d;
	uint64_t seq;
	struct err *e;

	e = journal_read_ckpts(t, j, &k);
	if (e == NULL && k.purged)
		e = journal_purged_err(t);
	if (e != NULL)
		return e;
	*top_r = k.top > j->head ? k.top : j->head;
	journal_call_init(j, &c, SHARE_READDIR, &j->log);
	journal_send(t, j, &c);
	e = journal_wait_names(t, j, &c, &d);
	for (; e == NULL && d != NULL; d = d->next)
		if (seq_parse(d->name, &seq) && seq > *top_r)
			*top_r = seq;
	return e;
}

struct err *
journal_repair_top(struct task *t, struct journal *j, uint64_t *top_r)
{
	unsigned tries = 0;
	struct err *e;

	journal_lock(t, j);
	do {
		e = journal_connect(t, j);
		if (e == NULL)
			e = repair_top(t, j, top_r);
	} while (e != NULL && journal_retry(t, j, e, &tries));
	journal_unlock(t, j);
	return e;
}

/*
 * The entry nobody can follow: its prev_txid is random, so that a node which
 * still knows the old history meets a fork there, reloads, and finds the
 * checkpoint.
 */
static may_yield must_check struct err *
repair_entry(struct task *t, struct journal *j, struct journal_in *in,
    uint64_t seq)
{
	char name[SEQ_DIGITS + 1];
	struct journal_call c;
	struct buf text, totals;

	in->seq = in->rec.seq = seq;
	in->rec.format = RECORD_FORMAT;
	in->rec.ops = STR("N");
	buf_init(&totals, task_arena(t), SHARE_SYMLINK_MAX);
	j->client->totals(j->arg, STR("N"), &totals);
	in->rec.totals = buf_str(&totals);
	buf_init(&text, task_arena(t), SHARE_SYMLINK_MAX);
	record_format(&text, &in->rec);
	in->text = buf_str(&text);
	if (!buf_ok(&text))
		return err_new(task_arena(t), ERR_LIMIT,
		    "too much for one change", NULL);
	seq_name(seq, name);
	journal_call_init(j, &c, SHARE_SYMLINK, &j->log);
	c.op.name = str_c(name);
	c.op.text = in->text;
	return journal_call(t, j, &c);
}

/* A number of our own above all others. */
static may_yield must_check struct err *
repair_take(struct task *t, struct journal *j, struct journal_in *in)
{
	unsigned tries = 0;
	uint64_t top;
	struct err *e;

	for (unsigned i = 0; i < REPAIR_TRIES; i++) {
		e = journal_connect(t, j);
		if (e == NULL)
			e = repair_top(t, j, &top);
		/* a txid for each try: one of unknown outcome is left behind,
		 * below the one that counts */
		task_random(t, &in->rec.txid, sizeof(in->rec.txid));
		task_random(t, &in->rec.prev, sizeof(in->rec.prev));
		if (e == NULL)
			e = repair_entry(t, j, in, top + REPAIR_STEP);
		if (e == NULL ||
		    (!err_is(e, ERR_EXIST) && !journal_retry(t, j, e, &tries)))
			return e;
	}
	return e;
}

/* What the new checkpoint stands above is of no use to anybody: whoever still
 * wants it finds it gone, and the checkpoint. */
static may_yield must_check struct err *
repair_remove_below(struct task *t, struct journal *j,
    const struct share_fh *dir, uint64_t seq)
{
	struct share_dirent *d;
	uint64_t at;
	struct err *e;

	e = share_readdir(t, j->share, SHARE_LANE_ADMIN, dir, JOURNAL_DIR_MAX,
	    &d, NULL);
	for (; e == NULL && d != NULL; d = d->next)
		if (seq_parse(d->name, &at) && at < seq)
			e = share_remove_quiet(t, j->share, SHARE_LANE_ADMIN,
			    dir, d->name);
	return e;
}

struct err *
journal_supersede(struct task *t, struct journal *j, uint64_t *seq_r)
{
	struct journal_in in = { 0 };
	struct journal_ckpts k;
	struct err *e;

	journal_lock(t, j);
	/* what was kept belongs to the history that ends here */
	journal_kept_free(&j->kept);
	journal_kept_free(&j->again);
	j->fork_open = false;
	journal_cold(j);
	e = repair_take(t, j, &in);
	if (e == NULL)
		e = journal_read_ckpts(t, j, &k);
	if (e == NULL) {
		j->mode = JOURNAL_LOADED;
		j->head = in.seq;
		j->head_txid = in.rec.txid;
		j->head_ours = true;
		/* which txids there were is not known any more: whatever was
		 * begun before is held */
		j->forget_at = in.seq;
		j->forgot = in.seq - 1;
		known_add(&j->known, in.seq, &in.rec.txid);
		j->last_entry_ms = sched_now_ms(j->sched);
		*seq_r = in.seq;
	}
	journal_unlock(t, j);
	/* the client's state counts only with its checkpoint */
	if (e == NULL)
		e = journal_checkpoint(t, j, true);
	if (e == NULL && j->ckpt_top < in.seq)
		e = err_new(task_arena(t), ERR_CONFLICT,
		    "another repairs this journal", NULL);
	if (e == NULL)
		e = repair_remove_below(t, j, &j->log, in.seq);
	if (e == NULL)
		e = repair_remove_below(t, j, &j->ckpt, in.seq);
	if (e != NULL) {
		journal_lock(t, j);
		journal_cold(j);
		journal_unlock(t, j);
	}
	return e;
}
