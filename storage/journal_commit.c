/* journal_commit.c - appending one entry, and settling unknown outcomes */
#include "base/crypto.h"
#include "storage/journal_private.h"

/*
 * One commit is a loop.  Each turn looks at what is known: the txid may be in
 * the journal by now; the number that was tried may belong to another.  Then it
 * sends: SYMLINK head + 1, and after OK or EEXIST with our txid the verify
 * (model journal, V_OURS, NOCK, GETH), on the same connection (SAME).  Whatever
 * is no verdict leaves the number `open`, and the same bytes are sent again.
 */
struct attempt {
	struct journal_tx *tx;
	uint64_t deadline_ms, hard_ms;
	struct journal_in in; /* as composed for seq */
	struct txid prev;
	struct str rec_ops; /* what seg/<txid>.rec has */
	bool open;	    /* sent, and not settled */
	bool synced;	    /* the state was read in this commit */
	bool foreign;	    /* another's entry was seen there */
	bool giving_up;
	struct journal_in noop; /* then sent instead */
	struct err *why; /* refused, or no space: the verdict if given up */
	unsigned tries, lost, no_space;
};

/* Refusals for want of space before the commit is given up, and before it is
 * left open. */
#define ATTEMPT_NO_SPACE 3
/* Lost races with growing pauses; from then on ATTEMPT_SHORT_MS. */
#define ATTEMPT_PATIENCE 3
#define ATTEMPT_SHORT_MS 2

/* -- composing --------------------------------------------------------- */

static bool
attempt_is_token(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (s.p[i] < 0x21 || s.p[i] > 0x7e)
			return false;
	return true;
}

/* The journal does not remember all that was committed since it was begun. */
static bool
attempt_is_forgotten(const struct journal *j, const struct attempt *a)
{
	return j->forget_at > a->tx->begun && SAFEGUARD(SAFE_FORGET);
}

/* What the state at the head says about this transaction. */
static must_check struct err *
attempt_allowed(struct task *t, struct journal *j, const struct attempt *a)
{
	const struct journal_tx *tx = a->tx;
	struct arena *ar = task_arena(t);

	if (j->purged)
		return journal_purged_err(t);
	if (j->ro_code != ERR_NONE)
		return err_newf(ar, ERR_READONLY, "read-only here: %s",
		    j->ro_text);
	/* model files, HOLD */
	if (attempt_is_forgotten(j, a))
		return err_new(ar, ERR_HELD,
		    "older than what the journal remembers: held",
		    "begun at %llu, FORGET is %llu",
		    (unsigned long long)tx->begun,
		    (unsigned long long)j->forget_at);
	/* after HOLD: what was committed, and forgotten, may be voided too */
	if (journal_is_voided(j, &tx->txid))
		return err_new(ar, ERR_VOIDED,
		    "its name was voided meanwhile: begin again", NULL);
	if (tx->token != 0 && j->token > tx->token && SAFEGUARD(SAFE_CLAIM))
		return err_new(ar, ERR_LOST, "another holds the lock now",
		    "token %llu, claimed is %llu",
		    (unsigned long long)tx->token,
		    (unsigned long long)j->token);
	return NULL;
}

/* Operations and totals on top of the state at the head. */
static must_check struct err *
attempt_ops(struct task *t, struct journal *j, struct attempt *a,
    struct buf *ops, struct buf *totals)
{
	const struct journal_tx *tx = a->tx;
	struct journal_entry head = { .seq = j->head, .txid = j->head_txid };
	struct buf b;
	struct err *e = NULL;

	if (tx->token != 0) {
		record_op(ops, tx->claim ? 'C' : 'T');
		record_u64(ops, tx->token);
	}
	if (j->mode == JOURNAL_BLIND || tx->compose == NULL) {
		if (tx->compose_blind != NULL) {
			buf_init(&b, task_arena(t), SHARE_SYMLINK_MAX);
			journal_totals(t, j, STR_NONE, &b);
			head.totals = buf_str(&b);
			e = tx->compose_blind(t, tx->arg, &head, ops, totals);
		}
	} else {
		e = tx->compose(t, tx->arg, ops);
	}
	if (e != NULL)
		return e;
	if (ops->n == 0)
		record_op(ops, 'N');
	if (totals->n == 0)
		journal_totals(t, j, buf_str(ops), totals);
	if (!buf_ok(ops))
		return err_new(task_arena(t), ERR_LIMIT,
		    "too much for one change", NULL);
	if (!buf_ok(totals) || !attempt_is_token(buf_str(totals)) ||
	    !attempt_is_token(buf_str(ops)))
		return err_new(task_arena(t), ERR_INVALID,
		    "a journal entry would be malformed", "%s", j->label);
	return NULL;
}

/* The text of in->rec: in the link, or beside it if it is too long. */
static must_check struct err *
attempt_text(struct task *t, struct journal_in *in)
{
	struct buf b;

	buf_init(&b, task_arena(t), SHARE_SYMLINK_MAX);
	record_format(&b, &in->rec);
	if (!buf_ok(&b) && !in->rec.external) {
		in->rec.external = true;
		in->rec.ops_bytes = in->ops.n;
		in->rec.ops = STR_NONE;
		crypto_sha256(in->ops.p, in->ops.n, in->rec.ops_sha256);
		buf_clear(&b);
		record_format(&b, &in->rec);
	}
	if (!buf_ok(&b))
		return err_new(task_arena(t), ERR_LIMIT,
		    "too much for one change", "totals too long");
	in->text = buf_str(&b);
	return NULL;
}

static must_check struct err *
attempt_fill(struct task *t, struct journal *j, struct journal_in *in,
    const struct txid *txid, struct str ops, struct str totals)
{
	memset(in, 0, sizeof(*in));
	in->seq = j->head + 1;
	in->ops = ops;
	in->rec.txid = *txid;
	in->rec.seq = in->seq;
	in->rec.prev = j->head_txid;
	in->rec.format = RECORD_FORMAT;
	in->rec.ops = ops;
	in->rec.totals = totals;
	return attempt_text(t, in);
}

struct err *
journal_put_rec(struct task *t, struct journal *j, const struct txid *txid,
    struct str ops)
{
	char name[TXID_HEX + 5];

	txid_hex(txid, name);
	memcpy(name + TXID_HEX, ".rec", 5);
	return share_put(t, j->share, SHARE_LANE_BULK, &j->seg, str_c(name),
	    ops.p, ops.n, NULL);
}

/* A new entry for head + 1.  *refused_r: e is the composer's word. */
static may_yield must_check struct err *
attempt_compose(struct task *t, struct journal *j, struct attempt *a,
    bool *refused_r)
{
	struct buf ops, totals;
	struct err *e;

	*refused_r = true;
	e = attempt_allowed(t, j, a);
	if (e != NULL)
		return e;
	/* drawn in the dark, but nothing has ever been forgotten until now */
	if (a->tx->begun == 0 && j->forget_at == 0)
		a->tx->begun = j->head > 0 ? j->head : 1;
	buf_init(&ops, task_arena(t), RECORD_OPS_MAX);
	buf_init(&totals, task_arena(t), SHARE_SYMLINK_MAX);
	e = attempt_ops(t, j, a, &ops, &totals);
	if (e == NULL)
		e = attempt_fill(t, j, &a->in, &a->tx->txid, buf_str(&ops),
		    buf_str(&totals));
	if (e != NULL)
		return e;
	*refused_r = false;
	a->prev = j->head_txid;
	/* Files the record refers to are durable first. */
	if (a->in.rec.external && !str_eq(a->rec_ops, a->in.ops)) {
		e = journal_put_rec(t, j, &a->tx->txid, a->in.ops);
		if (e != NULL)
			return e;
		a->rec_ops = a->in.ops;
	}
	return NULL;
}

/*
 * To give up, head + 1 is occupied with a NOOP of its own txid.  It voids ours:
 * a reader may have applied our entry before the server forgot it, and would
 * append it again after we said that it is not there.
 */
static must_check struct err *
attempt_noop(struct task *t, struct journal *j, struct attempt *a)
{
	struct buf totals, ops;
	struct txid x;

	if (a->noop.seq == j->head + 1 &&
	    txid_eq(&a->noop.rec.prev, &j->head_txid))
		return NULL;
	task_random(t, &x, sizeof(x));
	buf_init(&totals, task_arena(t), SHARE_SYMLINK_MAX);
	buf_init(&ops, task_arena(t), SHARE_SYMLINK_MAX);
	record_op(&ops, 'D');
	record_txid(&ops, &a->tx->txid);
	journal_totals(t, j, buf_str(&ops), &totals);
	a->prev = j->head_txid;
	a->in.seq = j->head + 1;
	return attempt_fill(t, j, &a->noop, &x, buf_str(&ops),
	    buf_str(&totals));
}

/* -- sending ----------------------------------------------------------- */

struct err *
journal_barrier(struct task *t, struct journal *j)
{
	struct err *e;

	if (j->st->barrier == NULL)
		return NULL;
	e = barrier_wait(t, j->st->barrier,
	    SAFEGUARD(SAFE_ONE_CONN) ? j->conn
				     : share_conn(j->share, SHARE_LANE_COMMIT));
	/* No verdict on the entry, which is there: a full share, say. */
	if (e != NULL && journal_err_is_verdict(e))
		return err_new(task_arena(t), ERR_UNKNOWN,
		    "it is not known whether the change is durable", "%s",
		    e->text);
	return e;
}

/* What verify asks about the head: by handle, or by name while the handle is
 * not known. */
static bool
verify_head_init(const struct journal *j, struct journal_call *c,
    char name[SEQ_DIGITS + 1])
{
	if (j->head == 0)
		return false;
	if (j->head_fh.n > 0) {
		journal_call_init(j, c, SHARE_GETATTR, &j->head_fh);
		return true;
	}
	journal_call_init(j, c, SHARE_LOOKUP, &j->log);
	seq_name(j->head, name);
	c->op.name = str_c(name);
	return true;
}

/*
 * Verify that head + 1, which is ours, was not created into a hole: no
 * checkpoint above the head, and the head's own entry still there, both sent
 * after the SYMLINK's answer, together, on its connection.  *good_r false: what
 * is known was changed (reload, redo), look again.
 */
static may_yield must_check struct err *
attempt_verify(struct task *t, struct journal *j, bool *good_r)
{
	char name[SEQ_DIGITS + 1];
	struct journal_call kc, hc;
	struct journal_ckpts k;
	bool ask_head = verify_head_init(j, &hc, name);
	struct err *e, *e2 = NULL;

	*good_r = false;
	journal_call_init(j, &kc, SHARE_READDIR, &j->ckpt);
	if (!SAFEGUARD(SAFE_ONE_CONN))
		kc.op.pin = hc.op.pin = j->conn = 0;
	journal_send(t, j, &kc);
	if (ask_head)
		journal_send(t, j, &hc);
	e = journal_wait_ckpts(t, j, &kc, &k);
	if (ask_head)
		e2 = journal_wait(t, j, &hc);
	if (e != NULL)
		return e;
	if (k.purged)
		return NULL;
	if (k.top > j->head && SAFEGUARD(SAFE_VERIFY_CKPT))
		return journal_load(t, j);
	if (err_is(e2, ERR_NOENT) || err_is(e2, ERR_STALE)) {
		/* The server forgot without a new connection. */
		j->conn = 0;
		if (err_is(e2, ERR_STALE))
			j->have_dirs = false;
		return err_new(task_arena(t), ERR_CONN,
		    "the journal's head is gone", NULL);
	}
	if (e2 != NULL)
		return e2;
	*good_r = true;
	return journal_barrier(t, j);
}

/* SAFE_ONE_CONN: SYMLINK, verify and barrier travel on one connection.  Without
 * the rule they are asked again on any other, until there is an answer. */
static may_yield must_check struct err *
attempt_verify_there(struct task *t, struct journal *j, bool *good_r)
{
	struct err *e = attempt_verify(t, j, good_r);

	for (unsigned i = 0; i < 1000 && e != NULL && !SAFEGUARD(SAFE_ONE_CONN);
	     i++) {
		task_sleep_ms(t, 100);
		e = attempt_verify(t, j, good_r);
	}
	return e;
}

static must_check struct err *
attempt_done(struct task *t, struct journal *j, struct attempt *a,
    const struct journal_in *in)
{
	bool ours = in->rec.seq != 0 && txid_eq(&in->rec.txid, &a->tx->txid);
	struct err *e;

	a->open = false;
	a->tx->open = a->tx->sent_conn = 0;
	if (ours)
		a->tx->seq_r = in->seq;
	e = journal_apply(t, j, in, true);
	if (e == NULL && j->mode == JOURNAL_LOADED &&
	    j->client->changed != NULL)
		j->client->changed(j->arg);
	return e;
}

/* EEXIST: whose is it?  *in_r is what there is to verify, if it is ours. */
static may_yield must_check struct err *
attempt_look(struct task *t, struct journal *j, struct attempt *a,
    struct journal_in *in_r, bool *ours_r)
{
	struct journal_in there = { .seq = a->in.seq };
	struct err *e;

	*ours_r = false;
	if (!SAFEGUARD(SAFE_OWN_TXID)) {
		*ours_r = true;
		return NULL;
	}
	e = journal_fetch(t, j, &there, 1);
	if (e != NULL)
		return e;
	if (err_is(there.err, ERR_NOENT)) /* removed: a checkpoint is above */
		return journal_advance(t, j, NULL);
	if (there.err == NULL &&
	    (txid_eq(&there.rec.txid, &a->tx->txid) ||
		(a->giving_up &&
		    txid_eq(&there.rec.txid, &a->noop.rec.txid)))) {
		if (!str_eq(in_r->text, there.text))
			*in_r = there; /* of an earlier call */
		in_r->fh = there.fh;
		*ours_r = true;
		return NULL;
	}
	a->foreign = !err_is(there.err, ERR_CORRUPT);
	a->lost++;
	return journal_advance(t, j, &there);
}

/* A full share: the answer is unknown like any other, but hardly improves. */
static void
attempt_no_space(struct attempt *a, struct err *e)
{
	if (!err_is(e, ERR_NOSPC) && !err_is(e, ERR_DQUOT))
		return;
	a->why = e;
	if (++a->no_space == ATTEMPT_NO_SPACE)
		a->giving_up = true;
	if (a->no_space == 2 * ATTEMPT_NO_SPACE)
		a->hard_ms = 0;
}

/* SYMLINK and all that follows; *done_r: committed (or the NOOP is). */
static may_yield must_check struct err *
attempt_send(struct task *t, struct journal *j, struct attempt *a, bool *done_r)
{
	struct journal_in in = a->giving_up ? a->noop : a->in;
	char name[SEQ_DIGITS + 1];
	struct journal_call c;
	bool good;
	struct err *e;

	seq_name(in.seq, name);
	journal_call_init(j, &c, SHARE_SYMLINK, &j->log);
	c.op.name = str_c(name);
	c.op.text = in.text;
	e = journal_call(t, j, &c);
	if (!err_is(e, ERR_UNAVAIL) && !err_is(e, ERR_CONN)) {
		a->open = true;
		a->tx->open = in.seq;
		if (a->tx->sent_conn == 0)
			a->tx->sent_conn = j->conn;
	}
	if (e == NULL) {
		in.fh = c.op.fh_r;
	} else if (err_is(e, ERR_EXIST)) {
		e = attempt_look(t, j, a, &in, &good);
		if (e != NULL || !good)
			return e;
	} else {
		attempt_no_space(a, e);
		return e;
	}
	if (!a->giving_up || txid_eq(&in.rec.txid, &a->tx->txid) ||
	    SAFEGUARD(SAFE_VERIFIED_NOOP)) {
		e = attempt_verify_there(t, j, &good);
		if (e != NULL || !good)
			return e;
	}
	if (c.op.dir_attr_ok) {
		j->log_attr = c.op.dir_attr_r;
		j->log_attr_ok = true;
	}
	*done_r = txid_eq(&in.rec.txid, &a->tx->txid);
	return attempt_done(t, j, a, &in);
}

/* -- the loop ---------------------------------------------------------- */

/* A blind journal will do for what was begun after it was read. */
static bool
attempt_may_be_blind(const struct journal *j, const struct journal_tx *tx)
{
	return j->mode == JOURNAL_BLIND && tx->compose_blind != NULL &&
	       tx->token == 0 && tx->begun >= j->peek_head;
}

/*
 * Another's entry is in the number we tried.  Ours was never there if the
 * server cannot have forgotten it meanwhile; else it may come back through a
 * reader.
 */
static void
attempt_settle(const struct journal *j, struct attempt *a)
{
	a->open = a->foreign = false;
	a->tx->open = 0;
	if (a->tx->sent_conn == j->conn && !attempt_is_forgotten(j, a))
		a->tx->sent_conn = 0;
}

static may_yield must_check struct err *
attempt_ready(struct task *t, struct journal *j, struct attempt *a)
{
	struct err *e;

	e = journal_connect(t, j);
	if (e == NULL && j->mode != JOURNAL_LOADED &&
	    !attempt_may_be_blind(j, a->tx)) {
		e = journal_load(t, j);
		a->synced = e == NULL;
	}
	if (e == NULL && j->fork_open && !j->appending)
		e = journal_append_again(t, j);
	/* an earlier call left a number open: first see what became of it */
	if (e == NULL && !a->open && a->tx->open > j->head) {
		e = journal_advance(t, j, NULL);
		a->synced = e == NULL;
		a->open = e == NULL && a->tx->open > j->head;
		a->in.seq = 0; /* its bytes are not known any more */
		if (e == NULL && !a->open)
			attempt_settle(j, a);
	}
	return e;
}

static bool
attempt_is_unreadable(const struct journal *j, const struct attempt *a)
{
	return j->ro_code != ERR_NONE && j->ro_seq == a->in.seq;
}

/* The number that was tried is decided, and not ours. */
static bool
attempt_is_settled(const struct journal *j, const struct attempt *a)
{
	if (a->in.seq == 0)
		return a->tx->open <= j->head;
	/* ... though it cannot be read by this version */
	if (a->foreign && attempt_is_unreadable(j, a))
		return true;
	return j->head + 1 != a->in.seq || !txid_eq(&j->head_txid, &a->prev);
}

static must_check struct err *
attempt_gave_up(struct task *t, const struct attempt *a)
{
	if (a->why != NULL)
		return a->why;
	return err_new(task_arena(t), ERR_CONFLICT,
	    "could not be committed in time", "%u tries, %u lost", a->tries,
	    a->lost);
}

/* Trying again may help. */
static bool
attempt_is_passing(const struct err *e)
{
	return share_err_is_unknown(e) || err_is(e, ERR_CONN) ||
	       err_is(e, ERR_STALE);
}

/* Something was sent that may be there, or turn up. */
static bool
attempt_is_in_doubt(const struct attempt *a)
{
	return a->open || a->tx->sent_conn != 0;
}

/* Refusals that are true whatever became of what was sent. */
static bool
attempt_is_final(const struct err *e)
{
	return err_is(e, ERR_HELD) || err_is(e, ERR_VOIDED) ||
	       err_is(e, ERR_LOST);
}

/* Compose; a refusal counts only on the state as it is now. */
static may_yield must_check struct err *
attempt_next(struct task *t, struct journal *j, struct attempt *a, bool *over_r)
{
	bool refused;
	struct err *e;

	*over_r = false;
	e = attempt_compose(t, j, a, &refused);
	if (e == NULL || !refused) {
		*over_r = e != NULL && !a->open && !attempt_is_passing(e);
		return e;
	}
	if (!a->synced) {
		e = journal_advance(t, j, NULL);
		a->synced = e == NULL;
		return e != NULL ? e
				 : err_new(task_arena(t), ERR_CONN,
				       "compose again", NULL);
	}
	if (!attempt_is_in_doubt(a) || (!a->open && attempt_is_final(e))) {
		/* model giveup, SEEN: forgotten with the VOID or the CLAIM that
		 * refuses it, what was sent may come back */
		struct err *barrier =
		    attempt_is_final(e) ? journal_barrier(t, j) : NULL;

		*over_r = barrier == NULL;
		return barrier != NULL ? barrier : e;
	}
	a->why = e; /* and occupy the open number first */
	a->giving_up = true;
	return NULL;
}

/* One turn; *over_r: the result is final. */
static may_yield must_check struct err *
attempt_turn(struct task *t, struct journal *j, struct attempt *a, bool *over_r)
{
	uint64_t now_ms;
	struct err *e;

	*over_r = j->purged;
	if (j->purged)
		return journal_purged_err(t);
	e = attempt_ready(t, j, a);
	*over_r = err_is(e, ERR_NOENT); /* the journal itself is gone */
	if (e != NULL)
		return e;
	/* DESIGN 5, 3: by checkpoint or tail the journal knows our txid */
	a->tx->seq_r = journal_find(j, &a->tx->txid);
	if (a->tx->seq_r != 0) {
		if (a->in.seq == a->tx->seq_r)
			journal_keep(j, a->in.seq, &a->tx->txid, &a->prev,
			    a->in.text,
			    a->in.rec.external ? a->in.ops : STR_NONE, false);
		e = journal_barrier(t, j);
		*over_r = e == NULL;
		return e;
	}
	if (a->open && attempt_is_settled(j, a))
		attempt_settle(j, a);
	if (!a->open && a->tx->sent_conn != 0 && attempt_is_forgotten(j, a)) {
		*over_r = true; /* nobody knows, or ever will */
		return attempt_allowed(t, j, a);
	}
	now_ms = sched_now_ms(j->sched);
	if (now_ms >= a->deadline_ms)
		a->giving_up = true;
	if (a->giving_up && !attempt_is_in_doubt(a)) {
		*over_r = true;
		return attempt_gave_up(t, a);
	}
	if (!a->giving_up && (!a->open || a->in.seq == 0)) {
		e = attempt_next(t, j, a, over_r);
		if (e != NULL)
			return e;
	}
	if (a->giving_up) {
		e = attempt_noop(t, j, a);
		if (e != NULL)
			return e;
	}
	return attempt_send(t, j, a, over_r);
}

/*
 * Between two turns: jitter after a lost race, back-off after an error.  Who
 * loses on and on waits less and less: a race that one loses another has won,
 * so nothing is gained by waiting longer, and whoever has just won is quicker
 * to try again than whoever has to read first (measured: with growing pauses
 * two of five writers of one account got nowhere for a minute).
 */
static may_yield void
attempt_pause(struct task *t, struct journal *j, struct attempt *a,
    const struct err *e)
{
	unsigned n = e == NULL ? a->lost : a->tries;
	uint64_t ms = (uint64_t)JOURNAL_RETRY_MS << (n < 6 ? n : 6);

	if (e == NULL && a->lost > ATTEMPT_PATIENCE)
		ms = ATTEMPT_SHORT_MS;
	a->tries++;
	if (a->tries <= 2 && ((e == NULL && a->lost == 0) ||
				 err_is(e, ERR_CONN) || err_is(e, ERR_STALE)))
		return;
	if (ms > JOURNAL_RETRY_MAX_MS)
		ms = JOURNAL_RETRY_MAX_MS;
	task_sleep_ms(t, rnd_below(sched_rnd(j->sched), ms) + 1);
}

/* Whether the commit goes on after e. */
static bool
attempt_goes_on(struct journal *j, const struct attempt *a, const struct err *e)
{
	uint64_t now_ms = sched_now_ms(j->sched);

	if (e == NULL)
		return now_ms < a->hard_ms &&
		       (a->foreign || !a->open || !attempt_is_unreadable(j, a));
	if (err_is(e, ERR_STALE))
		j->have_dirs = false;
	/* whatever it is, an open number must be settled */
	if (a->open)
		return now_ms < a->hard_ms && !attempt_is_unreadable(j, a);
	return now_ms <
		   (attempt_is_in_doubt(a) ? a->hard_ms : a->deadline_ms) &&
	       attempt_is_passing(e);
}

struct err *
journal_commit_locked(struct task *t, struct journal *j, struct journal_tx *tx)
{
	struct attempt a = { .tx = tx };
	bool over = false;
	struct err *e;

	a.deadline_ms = task_deadline(t);
	if (a.deadline_ms == 0)
		a.deadline_ms = sched_now_ms(j->sched) + JOURNAL_COMMIT_MS;
	a.hard_ms = a.deadline_ms + JOURNAL_GIVEUP_MS;
	if (tx->resumed && tx->sent_conn == 0)
		tx->sent_conn = UINT64_MAX; /* a connection nobody has */
	for (;;) {
		e = attempt_turn(t, j, &a, &over);
		tx->maybe_r = attempt_is_in_doubt(&a);
		if (over)
			return e;
		if (!attempt_goes_on(j, &a, e))
			break;
		attempt_pause(t, j, &a, e);
	}
	/* The time was over after a turn that failed in nothing, but did not
	 * commit (the NOOP is in; or it was lost, or seen without barrier). */
	if (e == NULL && journal_find(j, &tx->txid) != 0)
		a.open = true;
	else if (e == NULL && !attempt_is_in_doubt(&a))
		e = attempt_gave_up(t, &a);
	if (attempt_is_in_doubt(&a) && !err_is(e, ERR_CLOSED))
		e = err_new(task_arena(t), ERR_UNKNOWN,
		    "it is not known whether the change was made",
		    "%s: entry %llu: %s", j->label,
		    (unsigned long long)tx->open, e != NULL ? e->text : "");
	return e;
}

void
journal_tx_init(struct task *t, struct journal *j, struct journal_tx *tx)
{
	memset(tx, 0, sizeof(*tx));
	task_random(t, &tx->txid, sizeof(tx->txid));
	tx->begun = j->head;
}

struct err *
journal_commit(struct task *t, struct journal *j, struct journal_tx *tx)
{
	struct err *e;

	journal_lock(t, j);
	e = journal_commit_locked(t, j, tx);
	journal_unlock(t, j);
	if (e == NULL)
		journal_committed(j, tx->seq_r);
	journal_arm(j);
	return e;
}

bool
journal_err_is_verdict(const struct err *e)
{
	switch (err_code(e)) {
	case ERR_NONE:
	case ERR_NOENT:
	case ERR_STALE:
	case ERR_ROFS:
	case ERR_ACCESS:
	case ERR_IO:
	case ERR_UNKNOWN:
	case ERR_UNAVAIL:
	case ERR_CONN:
	case ERR_FOREIGN:
	case ERR_CORRUPT:
	case ERR_FORMAT:
	case ERR_FORK:
	case ERR_TIMEOUT:
	case ERR_SYSTEM:
		return false;
	default:
		return true;
	}
}
