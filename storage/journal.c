/* journal.c - an append-only, numbered log on the share: object and reading */
#include "storage/journal.h"

#include <stdlib.h>

#include "base/log.h"
#include "storage/journal_private.h"

static const char journal_lock_name[] = "a journal";

struct journal *
journal_new(const struct journal_env *env, const struct share_fh *dir,
    const char *label, const struct journal_client *client, void *arg)
{
	struct journal *j = xcalloc(1, sizeof(*j));

	j->env = env;
	j->st = env->store;
	j->share = env->store->share;
	j->sched = env->store->sched;
	j->client = client;
	j->arg = arg;
	j->dir = *dir;
	j->label = xstrdup(label);
	task_mutex_init(&j->lock);
	task_cond_init(&j->bg_cond);
	j->base_arena = arena_new(0);
	return j;
}

void
journal_free(struct journal **jp)
{
	struct journal *j = *jp;

	if (j == NULL)
		return;
	*jp = NULL;
	timer_cancel(j->sched, &j->timer);
	journal_cold(j);
	journal_segfh_clear(j);
	journal_kept_free(&j->kept);
	journal_kept_free(&j->again);
	journal_orphans_free(j);
	arena_free(&j->base_arena);
	free(j->ro_text);
	free(j->label);
	free(j);
}

void
journal_set_dir(struct journal *j, const struct share_fh *dir)
{
	j->dir = *dir;
	j->have_dirs = false;
}

void
journal_removed(struct journal *j)
{
	j->purged = true;
	timer_cancel(j->sched, &j->timer);
	journal_kept_free(&j->kept);
	journal_kept_free(&j->again);
}

bool
journal_may_close(const struct journal *j)
{
	uint64_t now_ms = sched_now_ms(j->sched);

	if (j->bg_running > 0 || j->lock.owner != NULL || j->fork_open)
		return false;
	return j->kept == NULL ||
	       (now_ms >= j->last_entry_ms + JOURNAL_KEEP_MS &&
		   share_conn(j->share, SHARE_LANE_COMMIT) == j->conn);
}

void
journal_lock(struct task *t, struct journal *j)
{
	task_lock(t, &j->lock);
	task_hold(t, journal_lock_name);
}

void
journal_unlock(struct task *t, struct journal *j)
{
	task_unhold(t, journal_lock_name);
	task_unlock(t, &j->lock);
}

/* The state as before anything was read; what was kept stays. */
void
journal_cold(struct journal *j)
{
	j->mode = JOURNAL_COLD;
	j->load_gen++;
	j->head = j->peek_head = 0;
	j->head_txid = (struct txid){ { 0 } };
	j->head_fh.n = 0;
	free(j->head_totals);
	j->head_totals = NULL;
	j->head_ours = false;
	known_clear(&j->known);
	j->token = j->forget_at = j->forgot = 0;
	j->log_attr_ok = false;
	j->ckpt_bad = 0;
	j->ro_code = ERR_NONE;
	j->base.ckpt.seq = 0;
	j->known_base_upto = 0;
}

/* -- state ------------------------------------------------------------- */

void
journal_kept_free(struct journal_kept **list)
{
	struct journal_kept *k;

	while ((k = *list) != NULL) {
		*list = k->next;
		free((void *)k->text.p);
		free((void *)k->ops.p);
		free(k);
	}
}

/* KEPT: what was committed or applied here, as it was seen on j->conn. */
void
journal_keep(struct journal *j, uint64_t seq, const struct txid *txid,
    const struct txid *prev, struct str text, struct str ops, bool counted)
{
	struct journal_kept **at = &j->kept, *k;

	/* nearly always behind the last */
	if (j->kept != NULL && j->kept_tail->seq < seq)
		at = &j->kept_tail->next;
	while (*at != NULL && (*at)->seq < seq)
		at = &(*at)->next;
	if (*at != NULL && (*at)->seq == seq) {
		k = *at;
		free((void *)k->text.p);
		free((void *)k->ops.p);
	} else {
		k = xcalloc(1, sizeof(*k));
		k->next = *at;
		*at = k;
		if (k->next == NULL)
			j->kept_tail = k;
	}
	k->seq = seq;
	k->counted = counted;
	k->txid = *txid;
	k->prev = *prev;
	k->conn = j->conn;
	k->seen_ms = sched_now_ms(j->sched);
	k->text = str_of(xmemdup(text.p, text.n), text.n);
	k->ops = STR_NONE;
	if (ops.n > 0)
		k->ops = str_of(xmemdup(ops.p, ops.n), ops.n);
}

void
journal_set_readonly(struct task *t, struct journal *j, enum err_code code,
    uint64_t seq, const char *text)
{
	if (j->ro_seq != seq || j->ro_code != code)
		log_alarm(t, "journal is read-only here",
		    LOG_C("journal", j->label), LOG_U64("entry", seq),
		    LOG_C("why", text));
	j->ro_code = code;
	j->ro_seq = seq;
	free(j->ro_text);
	j->ro_text = xstrdup(text);
}

struct err *
journal_readonly(struct task *t, const struct journal *j)
{
	if (j->ro_code == ERR_NONE)
		return NULL;
	return err_new(task_arena(t), j->ro_code, j->ro_text, "%s: entry %llu",
	    j->label, (unsigned long long)j->ro_seq);
}

/* What an entry's own operations mean to the journal. */
struct journal_effect {
	uint64_t token, forgot;
	bool forget, stale;
};

static bool
journal_effect(const struct journal *j, const struct journal_in *in,
    struct journal_effect *f)
{
	struct str ops = in->ops;
	struct record_op op;
	struct txid x;
	uint64_t v;

	*f = (struct journal_effect){ .token = j->token };
	while (record_next(&ops, &op)) {
		switch (op.letter) {
		case 0:
			return false;
		case 'C':
			if (!record_get_u64(&op, &v))
				return false;
			if (v > f->token)
				f->token = v;
			break;
		case 'T':
			if (!record_get_u64(&op, &v))
				return false;
			/* model fence: an outcome below the highest CLAIM */
			if (v < j->token && SAFEGUARD(SAFE_CLAIM))
				f->stale = true;
			break;
		case 'F':
			if (!record_get_u64(&op, &f->forgot) ||
			    f->forgot >= in->seq)
				return false;
			f->forget = true;
			break;
		case 'D':
			if (!record_get_txid(&op, &x))
				return false;
			break;
		default:
			break;
		}
	}
	return true;
}

static void
journal_void(struct journal *j, const struct journal_in *in)
{
	struct str ops = in->ops;
	struct record_op op;
	struct txid x;

	while (record_next(&ops, &op))
		if (op.letter == 'D' && record_get_txid(&op, &x) &&
		    known_find(&j->known, &x) == 0)
			known_add(&j->known, in->seq | KNOWN_VOID, &x);
}

/* The client first: nothing is changed if it refuses. */
static must_check struct err *
journal_take_effect(struct task *t, struct journal *j,
    const struct journal_in *in, bool *counted_r)
{
	struct journal_entry entry = {
		.seq = in->seq,
		.txid = in->rec.txid,
		.prev = in->rec.prev,
		.ops = in->ops,
		.totals = in->rec.totals,
	};
	struct journal_effect f;
	struct err *e;

	/* Replay is idempotent: known and voided txids are counted only. */
	*counted_r = true;
	if (known_find(&j->known, &in->rec.txid) != 0)
		return NULL;
	if (in->rec_gone)
		return err_new(task_arena(t), ERR_CORRUPT,
		    "operations of a journal entry are missing", NULL);
	if (!journal_effect(j, in, &f))
		return err_new(task_arena(t), ERR_CORRUPT,
		    "operations of a journal entry are damaged", NULL);
	if (f.stale)
		return NULL;
	*counted_r = false;
	if (j->mode == JOURNAL_LOADED) {
		e = j->client->apply(t, j->arg, &entry);
		if (e != NULL)
			return e;
	}
	j->token = f.token;
	known_add(&j->known, in->seq, &in->rec.txid);
	journal_void(j, in);
	if (f.forget) {
		j->forget_at = in->seq;
		if (f.forgot > j->forgot)
			j->forgot = f.forgot;
		known_forget(&j->known, j->forgot);
	}
	return NULL;
}

struct err *
journal_apply(struct task *t, struct journal *j, const struct journal_in *in,
    bool ours)
{
	struct err *e = in->err;
	bool counted = false;

	invariant(in->seq == j->head + 1);
	if (e == NULL)
		e = journal_take_effect(t, j, in, &counted);
	if (e != NULL) {
		journal_set_readonly(t, j, e->code, in->seq, e->text);
		return e;
	}
	j->ro_code = ERR_NONE;
	j->head = in->seq;
	j->head_txid = in->rec.txid;
	j->head_fh = in->fh;
	j->head_ours = ours;
	j->head_counted = counted;
	j->last_entry_ms = sched_now_ms(j->sched);
	if (j->mode == JOURNAL_BLIND) {
		free(j->head_totals);
		j->head_totals = xcalloc(1, in->rec.totals.n + 1);
		memcpy(j->head_totals, in->rec.totals.p, in->rec.totals.n);
	}
	journal_keep(j, in->seq, &in->rec.txid, &in->rec.prev, in->text,
	    in->rec.external ? in->ops : STR_NONE, counted);
	return NULL;
}

/* -- reading on -------------------------------------------------------- */

/* What one turn of reading on found. */
struct journal_turn {
	struct journal_in *v;
	unsigned n;   /* read, in order from head + 1 */
	bool end;     /* then there was no name */
	bool attr_ok; /* log/ as it was then */
	struct share_attr attr;
};

#define JOURNAL_TURN 256

/*
 * Names from head + 1 on: one look-up first (a poll mostly finds nothing), then
 * more and more at once, the links of one window with the names of the next.
 */
static may_yield must_check struct err *
journal_read_on(struct task *t, struct journal *j,
    const struct journal_in *first, struct journal_turn *turn)
{
	unsigned looked = 0, read = 0, window = 1, part, i;
	struct err *e, *e2;

	memset(turn, 0, sizeof(*turn));
	turn->v =
	    arena_array(task_arena(t), JOURNAL_TURN + 1, sizeof(turn->v[0]));
	if (first != NULL) {
		turn->v[0] = *first;
		looked = read = 1;
	}
	while (!turn->end && looked < JOURNAL_TURN) {
		part = JOURNAL_TURN - looked < window ? JOURNAL_TURN - looked
						      : window;
		for (i = 0; i < part; i++)
			turn->v[looked + i].seq = j->head + 1 + looked + i;
		journal_fetch_read_send(t, j, turn->v + read, looked - read);
		journal_fetch_lookup_send(t, j, turn->v + looked, part);
		e = journal_fetch_read_wait(t, j, turn->v + read,
		    looked - read);
		e2 = journal_fetch_lookup_wait(t, j, turn->v + looked, part);
		if (e == NULL)
			e = e2;
		if (e != NULL)
			return e;
		read = looked;
		for (i = 0; i < part && turn->v[looked].err == NULL; i++)
			looked++;
		if (i < part) {
			turn->end = true;
			turn->attr_ok = turn->v[looked].dir_attr_ok;
			turn->attr = turn->v[looked].dir_attr;
		}
		window = window < JOURNAL_WINDOW ? window * 4 : JOURNAL_WINDOW;
		if (window > JOURNAL_WINDOW)
			window = JOURNAL_WINDOW;
	}
	journal_fetch_read_send(t, j, turn->v + read, looked - read);
	e = journal_fetch_read_wait(t, j, turn->v + read, looked - read);
	if (e != NULL)
		return e;
	/* gone meanwhile: READDIR(ckpt) will say why */
	for (i = 0; i < looked && !err_is(turn->v[i].err, ERR_NOENT); i++)
		;
	if (i < looked)
		turn->end = turn->attr_ok = false;
	turn->n = i;
	return NULL;
}

/* CHAIN: an entry whose prev_txid does not fit is a fork (a READDIR(ckpt), sent
 * after it was read, showed no newer checkpoint). */
static may_yield must_check struct err *
journal_apply_turn(struct task *t, struct journal *j,
    const struct journal_turn *turn, bool *stop_r)
{
	struct err *e;
	unsigned i;

	*stop_r = true;
	e = journal_fetch_recs(t, j, turn->v, turn->n);
	if (e != NULL)
		return e;
	for (i = 0; i < turn->n; i++) {
		if (!err_is(turn->v[i].err, ERR_CORRUPT) &&
		    !txid_eq(&turn->v[i].rec.prev, &j->head_txid))
			return journal_fork(t, j,
			    "an entry does not follow ours");
		e = journal_apply(t, j, &turn->v[i], false);
		if (e != NULL)
			return NULL; /* read-only: said there */
	}
	*stop_r = turn->end;
	return NULL;
}

struct err *
journal_advance(struct task *t, struct journal *j,
    const struct journal_in *first)
{
	uint64_t before = j->head;
	struct journal_turn turn;
	struct journal_ckpts k;
	struct err *e = NULL;
	bool stop = false;

	for (; e == NULL && !stop; first = NULL) {
		e = journal_read_on(t, j, first, &turn);
		if (e != NULL)
			break;
		if (turn.n == 0 && turn.attr_ok && j->log_attr_ok &&
		    journal_attr_same(&turn.attr, &j->log_attr))
			break;
		/* The reader's rule: sent after the entries were read, it
		 * shows no checkpoint at or above the first of them. */
		if (turn.n == 0 || SAFEGUARD(SAFE_READER_RULE)) {
			e = journal_read_ckpts(t, j, &k);
			if (e != NULL)
				break;
			if (k.purged)
				return journal_purged_err(t);
			if (k.top > j->head && k.top != j->ckpt_bad)
				return journal_load(t, j);
			j->log_attr_ok = turn.attr_ok;
			j->log_attr = turn.attr;
		}
		if (turn.n == 0)
			break;
		e = journal_apply_turn(t, j, &turn, &stop);
	}
	if (j->head != before && j->mode == JOURNAL_LOADED &&
	    j->client->changed != NULL)
		j->client->changed(j->arg);
	return e;
}

struct err *
journal_sync(struct task *t, struct journal *j)
{
	unsigned tries = 0;
	struct err *e;

	for (;;) {
		e = journal_connect(t, j);
		if (e == NULL)
			e = j->mode == JOURNAL_LOADED
				? journal_advance(t, j, NULL)
				: journal_load(t, j);
		if (e == NULL || !journal_retry(t, j, e, &tries))
			return e;
	}
}

struct err *
journal_refresh(struct task *t, struct journal *j)
{
	struct err *e;

	journal_lock(t, j);
	e = journal_sync(t, j);
	/* what a fork left: reading goes on if that cannot be done now */
	if (e == NULL && j->fork_open)
		err_ignore(journal_append_again(t, j));
	journal_unlock(t, j);
	journal_arm(j);
	return e;
}

/* -- what is known ----------------------------------------------------- */

bool
journal_is_loaded(const struct journal *j)
{
	return j->mode == JOURNAL_LOADED;
}

uint64_t
journal_head(const struct journal *j)
{
	return j->head;
}

const struct txid *
journal_head_txid(const struct journal *j)
{
	return &j->head_txid;
}

uint64_t
journal_token(const struct journal *j)
{
	return j->token;
}

uint64_t
journal_forgotten(const struct journal *j)
{
	return j->forgot;
}

uint64_t
journal_find(const struct journal *j, const struct txid *x)
{
	uint64_t seq = known_find(&j->known, x);

	return seq & KNOWN_VOID ? 0 : seq;
}

bool
journal_is_voided(const struct journal *j, const struct txid *x)
{
	return (known_find(&j->known, x) & KNOWN_VOID) != 0;
}

/* Totals after ops; of a blind journal only those of the head are known. */
void
journal_totals(struct task *t, struct journal *j, struct str ops,
    struct buf *out)
{
	(void)t;
	if (j->mode == JOURNAL_LOADED)
		j->client->totals(j->arg, ops, out);
	else if (j->head_totals != NULL)
		buf_c(out, j->head_totals);
	if (out->n == 0)
		buf_char(out, '-');
}

/*
 * log/ last: whoever finds it finds the others too.  All on one connection: a
 * server that forgot the first ones between them would leave a journal without
 * seg/ (found by the simulation).
 */
struct err *
journal_mkdirs(struct task *t, struct store *st, const struct share_fh *dir)
{
	static const char *const names[] = { "seg", "ckpt", "log" };
	unsigned i, tries = 0;
	uint64_t conn = 0;
	struct err *e;

	for (i = 0; i < countof(names);) {
		struct share_op op = { .proc = SHARE_MKDIR,
			.lane = SHARE_LANE_COMMIT,
			.pin = conn,
			.fh = *dir,
			.name = str_c(names[i]),
			.mode = 0700,
			.arena = task_arena(t) };

		share_start(t, st->share, &op);
		e = share_finish(t, &op);
		if (e == NULL || err_is(e, ERR_EXIST)) {
			conn = op.conn;
			i++;
			continue;
		}
		if ((!share_err_is_unknown(e) && !err_is(e, ERR_CONN)) ||
		    ++tries > JOURNAL_TRIES)
			return e;
		conn = 0;
		i = 0;
		task_sleep_ms(t, (uint64_t)JOURNAL_RETRY_MS << tries);
	}
	return NULL;
}
