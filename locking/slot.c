/* slot.c - little logs: head by READDIR(log), commit by SYMLINK */
#include "locking/slot.h"

#include <stdlib.h>

#include "base/safeguard.h"

/* A directory that changes while it is read, or whose handle went stale. */
#define SLOT_TRIES 5
/* Removed at once: their calls fit a small stack. */
#define SLOT_SWEEP_MAX 8
/* Marks cover SLOT_SWEEP_MS with a grain of SLOT_MARK_MS, and two more. */
#define SLOT_MARKS (SLOT_SWEEP_MS / SLOT_MARK_MS + 2)

struct slot_mark {
	uint64_t seq, ms;
};

/* Bytes that were, or will be, sent for one number. */
struct slot_try {
	uint64_t seq;
	struct txid txid;
	char text[SHARE_SYMLINK_MAX];
	size_t n;
	uint64_t first_ms; /* 0: not sent yet */
};

/* What one READDIR(log) showed. */
struct slot_scan {
	uint64_t greatest, lowest; /* 0: no names */
	uint64_t asked_ms, conn;
};

struct slot {
	struct store *st;
	char *path;
	struct task_mutex mutex;
	bool have_dir;
	struct share_fh dir; /* log/ */
	bool known;	     /* head was seen at least once */
	struct slot_head head;
	struct arena *text; /* of the head */
	struct arena_mark text_empty;
	uint64_t text_seq; /* number of the entry head.txid is of */
	uint64_t lowest;   /* name of the newest scan */
	uint64_t highest;  /* head ever seen */
	struct slot_mark marks[SLOT_MARKS];
	unsigned mark_n;
	uint64_t old_seq; /* names up to here were seen SLOT_SWEEP_MS ago */
	struct slot_try try;
	struct txid mine[SLOT_MINE];
	unsigned mine_n; /* ever written: the ring's position */
};

struct slot *
slot_new(struct store *st, const char *path)
{
	struct slot *s = xcalloc(1, sizeof(*s));

	s->st = st;
	s->path = xstrdup(path);
	s->text = arena_new(0);
	s->text_empty = arena_mark(s->text);
	task_mutex_init(&s->mutex);
	return s;
}

void
slot_free(struct slot **s)
{
	if (*s == NULL)
		return;
	arena_free(&(*s)->text);
	free((*s)->path);
	free(*s);
	*s = NULL;
}

const char *
slot_path(const struct slot *s)
{
	return s->path;
}

const struct slot_head *
slot_head(const struct slot *s)
{
	return &s->head;
}

uint64_t
slot_still_ms(const struct slot *s)
{
	/* A head that was shown again by nobody has not stood still. */
	if (s->head.asked_ms <= s->head.since_ms)
		return 0;
	return s->head.asked_ms - s->head.since_ms;
}

bool
slot_is_mine(const struct slot *s, const struct txid *x)
{
	unsigned n = s->mine_n < SLOT_MINE ? s->mine_n : SLOT_MINE;

	for (unsigned i = 0; i < n; i++)
		if (txid_eq(&s->mine[i], x))
			return true;
	return false;
}

static may_yield must_check struct err *
slot_call(struct task *t, struct slot *s, struct share_op *op)
{
	op->lane = SHARE_LANE_LEASE;
	share_start(t, s->st->share, op);
	return share_finish(t, op);
}

/* Handle of log/; ERR_NOENT if it does not exist and is not to be made. */
static may_yield must_check struct err *
slot_open(struct task *t, struct slot *s, bool make)
{
	struct str path;
	struct err *e;

	if (s->have_dir)
		return NULL;
	path = str_c(arena_printf(task_arena(t), "%s/log", s->path));
	e = share_walk(t, s->st->share, SHARE_LANE_LEASE, path, &s->dir, NULL);
	if (err_is(e, ERR_NOENT) && make)
		e = share_mkdir_path(t, s->st->share, SHARE_LANE_LEASE, path,
		    &s->dir);
	s->have_dir = e == NULL;
	return e;
}

/* Names that are no numbers are somebody's litter. */
static void
slot_scan_names(const struct share_dirent *d, struct slot_scan *sc)
{
	for (uint64_t seq; d != NULL; d = d->next) {
		if (!seq_parse(d->name, &seq))
			continue;
		if (seq > sc->greatest)
			sc->greatest = seq;
		if (sc->lowest == 0 || seq < sc->lowest)
			sc->lowest = seq;
	}
}

/* READDIR(log) once through, on one connection.  Every part is sent after
 * asked_ms, and names that were there at asked_ms and stay are in some part. */
static may_yield must_check struct err *
slot_scan_once(struct task *t, struct slot *s, uint64_t pin,
    struct slot_scan *sc)
{
	struct share_op op = { .proc = SHARE_READDIR,
		.fh = s->dir,
		.pin = pin };
	uint64_t last;

	*sc = (struct slot_scan){ .asked_ms = task_now_ms(t) };
	do {
		struct arena_mark m = arena_mark(task_arena(t));
		struct err *e;

		last = op.cookie;
		e = slot_call(t, s, &op);
		if (e != NULL)
			return e;
		slot_scan_names(op.entries_r, sc);
		arena_rewind(task_arena(t), m);
		if (!op.eof_r && op.cookie == last)
			return err_new(task_arena(t), ERR_IO,
			    "the share lists a directory without end",
			    "READDIR of %s/log", s->path);
		sc->conn = op.pin = op.conn;
	} while (!op.eof_r);
	return NULL;
}

static may_yield must_check struct err *
slot_scan(struct task *t, struct slot *s, uint64_t pin, struct slot_scan *sc)
{
	struct err *e = NULL;

	for (unsigned i = 0; i < SLOT_TRIES; i++) {
		e = slot_open(t, s, false);
		if (e == NULL)
			e = slot_scan_once(t, s, pin, sc);
		if (err_is(e, ERR_STALE))
			s->have_dir = false;
		else if (!err_is(e, ERR_CONFLICT)) /* a cookie went bad */
			break;
	}
	if (err_is(e, ERR_NOENT)) {
		*sc = (struct slot_scan){ .asked_ms = task_now_ms(t),
			.conn = share_conn(s->st->share, SHARE_LANE_LEASE) };
		return NULL;
	}
	return e;
}

/* The head as a naive reader would find it, for proofs only. */
static may_yield must_check struct err *
slot_scan_lookup(struct task *t, struct slot *s, struct slot_scan *sc)
{
	char name[SEQ_DIGITS + 1];
	struct err *e = slot_open(t, s, false);

	*sc = (struct slot_scan){ .asked_ms = task_now_ms(t),
		.greatest = s->head.seq,
		.lowest = s->lowest };
	while (e == NULL) {
		struct share_op op = { .proc = SHARE_LOOKUP, .fh = s->dir };

		seq_name(sc->greatest + 1, name);
		op.name = str_c(name);
		e = slot_call(t, s, &op);
		sc->conn = op.conn;
		if (e == NULL)
			sc->greatest++;
	}
	return err_is(e, ERR_NOENT) ? NULL : e;
}

static void
slot_mark(struct slot *s, uint64_t now_ms)
{
	struct slot_mark *m = s->marks;

	while (s->mark_n > 0 && now_ms - m[0].ms >= SLOT_SWEEP_MS) {
		s->old_seq = m[0].seq;
		memmove(m, m + 1, --s->mark_n * sizeof(*m));
	}
	if (s->head.seq == 0 || s->mark_n == SLOT_MARKS ||
	    (s->mark_n > 0 && now_ms - m[s->mark_n - 1].ms < SLOT_MARK_MS))
		return;
	m[s->mark_n++] = (struct slot_mark){ s->head.seq, now_ms };
}

/* Every change of the head goes through here. */
static void
slot_note(struct slot *s, const struct slot_scan *sc, uint64_t now_ms)
{
	struct slot_head *h = &s->head;

	if (sc->greatest < h->seq) { /* the server forgot */
		s->mark_n = 0;
		s->old_seq = 0;
	}
	if (!s->known || sc->greatest != h->seq || sc->conn != h->conn) {
		if (sc->greatest != h->seq || !s->known) {
			h->moves += s->known;
			h->rises += s->known && sc->greatest > s->highest;
			h->changed_ms = now_ms;
		}
		h->seq = sc->greatest;
		h->conn = sc->conn;
		h->read = h->mine = false;
		h->since_ms = now_ms;
		h->ops = STR_NONE;
		h->bad = NULL;
	}
	if (sc->greatest > s->highest)
		s->highest = sc->greatest;
	h->asked_ms = sc->asked_ms;
	s->lowest = sc->lowest;
	s->known = true;
	slot_mark(s, now_ms);
}

/* The text of entry seq; ERR_NOENT if there is no such name, ERR_STALE if it
 * may have been swept between the two calls.  conn_r is the connection that
 * showed it. */
static may_yield must_check struct err *
slot_read_text(struct task *t, struct slot *s, uint64_t seq, struct str *text_r,
    uint64_t *conn_r)
{
	char name[SEQ_DIGITS + 1];
	struct share_op look = { .proc = SHARE_LOOKUP, .fh = s->dir };
	struct share_op link = { .proc = SHARE_READLINK };
	struct err *e;

	seq_name(seq, name);
	look.name = str_c(name);
	e = slot_call(t, s, &look);
	if (e != NULL)
		return e;
	link.fh = look.fh_r;
	link.pin = look.conn;
	e = slot_call(t, s, &link);
	if (err_is(e, ERR_NOENT))
		return err_new(task_arena(t), ERR_STALE,
		    "an entry was removed while it was read", NULL);
	*text_r = link.text_r;
	*conn_r = link.conn;
	return e;
}

static void
slot_set_text(struct slot *s, struct str text)
{
	struct slot_head *h = &s->head;
	struct txid before = h->txid;
	bool again = s->text_seq == h->seq && !txid_is_zero(&before);
	struct record r;

	arena_rewind(s->text, s->text_empty);
	h->bad = record_parse(s->text, arena_str(s->text, text), &r);
	if (h->bad == NULL && (r.seq != h->seq || r.external))
		h->bad = err_newf(s->text, ERR_CORRUPT,
		    "entry %llu of %s is another's record",
		    (unsigned long long)h->seq, s->path);
	h->read = true;
	h->txid = h->bad == NULL ? r.txid : (struct txid){ { 0 } };
	h->ops = h->bad == NULL ? r.ops : STR_NONE;
	h->mine = h->bad == NULL && slot_is_mine(s, &h->txid);
	/* The same number, another entry: a server forgot in between. */
	if (again && !txid_eq(&before, &h->txid)) {
		h->moves++;
		h->changed_ms = h->since_ms;
	}
	s->text_seq = h->seq;
}

static may_yield must_check struct err *
slot_look(struct task *t, struct slot *s)
{
	struct slot_scan sc;
	struct err *e;

	if (s->known && !SAFEGUARD(SAFE_LEASE_READDIR))
		e = slot_scan_lookup(t, s, &sc);
	else
		e = slot_scan(t, s, 0, &sc);
	if (e == NULL)
		slot_note(s, &sc, task_now_ms(t));
	return e;
}

static may_yield must_check struct err *
slot_poll_locked(struct task *t, struct slot *s, bool want_text)
{
	struct err *e = NULL;

	for (unsigned i = 0; i < SLOT_TRIES; i++) {
		struct str text;
		uint64_t conn;

		e = slot_look(t, s);
		if (e != NULL || !want_text || s->head.seq == 0 || s->head.read)
			return e;
		e = slot_read_text(t, s, s->head.seq, &text, &conn);
		if (e == NULL && conn == s->head.conn) {
			slot_set_text(s, text);
			return NULL;
		}
		if (err_is(e, ERR_STALE))
			s->have_dir = false;
		else if (e != NULL && !err_is(e, ERR_NOENT))
			return e;
	}
	return e != NULL ? e
			 : err_new(task_arena(t), ERR_CONN,
			       "the connection to the share does not last",
			       "reading the head of %s", s->path);
}

struct err *
slot_poll(struct task *t, struct slot *s, bool want_text)
{
	struct err *e;

	task_lock(t, &s->mutex);
	e = slot_poll_locked(t, s, want_text);
	task_unlock(t, &s->mutex);
	return e;
}

static must_check struct err *
slot_try_new(struct task *t, struct slot *s, struct str ops)
{
	struct slot_try *tr = &s->try;
	struct record r = { .prev = s->head.txid,
		.seq = s->head.seq + 1,
		.format = RECORD_FORMAT,
		.ops = ops,
		.totals = STR("-") };
	struct buf b;

	task_random(t, &r.txid, sizeof(r.txid));
	buf_init(&b, task_arena(t), sizeof(tr->text));
	record_format(&b, &r);
	if (!buf_ok(&b))
		return err_new(task_arena(t), ERR_LIMIT,
		    "an entry is too long for a link", "%s", s->path);
	*tr = (struct slot_try){ .seq = r.seq, .txid = r.txid, .n = b.n };
	memcpy(tr->text, b.p, b.n);
	s->mine[s->mine_n++ % SLOT_MINE] = tr->txid;
	return NULL;
}

/* SYMLINK; *ours_r: the entry is there and ours, seen on *conn_r. */
static may_yield must_check struct err *
slot_send(struct task *t, struct slot *s, bool *ours_r, uint64_t *conn_r)
{
	struct slot_try *tr = &s->try;
	char name[SEQ_DIGITS + 1];
	struct share_op op = { .proc = SHARE_SYMLINK,
		.fh = s->dir,
		.text = { tr->text, tr->n } };
	struct record r;
	struct str text;
	struct err *e;

	seq_name(tr->seq, name);
	op.name = str_c(name);
	if (tr->first_ms == 0 || !SAFEGUARD(SAFE_FIRST_SENDING))
		tr->first_ms = task_now_ms(t);
	e = slot_call(t, s, &op);
	*ours_r = e == NULL;
	*conn_r = op.conn;
	if (!err_is(e, ERR_EXIST))
		return e;
	e = slot_read_text(t, s, tr->seq, &text, conn_r);
	if (err_is(e, ERR_NOENT)) /* long since swept: others are ahead */
		return NULL;
	if (e != NULL)
		return e;
	e = record_parse(task_arena(t), text, &r);
	*ours_r = e == NULL && txid_eq(&r.txid, &tr->txid);
	err_ignore(e); /* what is no record is not ours */
	return NULL;
}

/* On the lane of commits, whatever its connection now is: the READDIR after it
 * proves what is needed. */
static may_yield must_check struct err *
slot_barrier(struct task *t, struct slot *s)
{
	struct err *e = NULL;

	for (unsigned i = 0; i < SLOT_TRIES && s->st->barrier != NULL; i++) {
		e = barrier_wait(t, s->st->barrier,
		    share_conn(s->st->share, SHARE_LANE_COMMIT));
		if (!err_is(e, ERR_CONN)) /* or made just now */
			break;
	}
	return e;
}

/*
 * Is ours the greatest name?  For a durable entry the barrier comes between.
 * It travels on another lane, but the READDIR's connection, which is the
 * SYMLINK's, says that one server did all three.
 */
static may_yield must_check struct err *
slot_verify(struct task *t, struct slot *s, bool durable, uint64_t conn,
    struct slot_scan *sc)
{
	struct err *e = durable ? slot_barrier(t, s) : NULL;

	if (e != NULL)
		return e;
	if (SAFEGUARD(SAFE_LEASE_READDIR))
		return slot_scan(t, s, conn, sc);
	*sc = (struct slot_scan){ .greatest = s->try.seq,
		.lowest = s->lowest,
		.asked_ms = task_now_ms(t),
		.conn = conn };
	return NULL;
}

static void
slot_won(struct slot *s, struct slot_op *op, uint64_t conn)
{
	struct slot_try *tr = &s->try;

	slot_set_text(s, str_of(tr->text, tr->n));
	op->outcome_r = SLOT_WON;
	op->txid_r = tr->txid;
	op->first_ms_r = tr->first_ms;
	op->conn_r = conn;
}

/* NULL: *op has the outcome. */
static may_yield must_check struct err *
slot_attempt(struct task *t, struct slot *s, struct slot_op *op)
{
	struct slot_scan sc;
	uint64_t conn = 0;
	bool ours = false;
	struct err *e = slot_open(t, s, true);

	if (e == NULL)
		e = slot_send(t, s, &ours, &conn);
	if (err_is(e, ERR_STALE) || err_is(e, ERR_NOENT))
		s->have_dir = false; /* walk again, or make it again */
	if (e != NULL)
		return e;
	if (ours) {
		e = slot_verify(t, s, op->durable, conn, &sc);
		if (e != NULL)
			return e;
		slot_note(s, &sc, task_now_ms(t));
		if (sc.greatest == s->try.seq) {
			slot_won(s, op, conn);
			return NULL;
		}
	}
	op->outcome_r = SLOT_LOST;
	e = slot_poll_locked(t, s, true);
	err_ignore(e); /* lost is known, by whom will be asked again */
	return NULL;
}

/* Sleep before identical bytes are sent again; false at the deadline. */
static may_yield bool
slot_pause(struct task *t)
{
	uint64_t now = task_now_ms(t), end = task_deadline(t);
	uint64_t ms = SLOT_RETRY_MS / 2 +
		      rnd_below(sched_rnd(task_sched(t)), SLOT_RETRY_MS);

	if (end != 0 && now >= end)
		return false;
	if (end != 0 && ms > end - now)
		ms = end - now;
	task_sleep_ms(t, ms);
	return end == 0 || task_now_ms(t) < end;
}

static may_yield must_check struct err *
slot_append_locked(struct task *t, struct slot *s, struct slot_op *op)
{
	struct err *e = s->known ? NULL : slot_look(t, s);

	if (e != NULL)
		return e;
	e = slot_try_new(t, s, op->ops);
	if (e != NULL)
		return e;
	op->seq_r = s->try.seq;
	do
		e = slot_attempt(t, s, op);
	while (e != NULL && slot_pause(t));
	return e;
}

struct err *
slot_append(struct task *t, struct slot *s, struct slot_op *op)
{
	struct err *e;

	task_lock(t, &s->mutex);
	e = slot_append_locked(t, s, op);
	task_unlock(t, &s->mutex);
	return e;
}

/* Names from s->lowest on, all at once; how many are gone. */
static may_yield unsigned
slot_remove(struct task *t, struct slot *s, unsigned n)
{
	struct share_op op[SLOT_SWEEP_MAX];
	char name[SLOT_SWEEP_MAX][SEQ_DIGITS + 1];
	unsigned gone = 0;

	for (unsigned i = 0; i < n; i++) {
		seq_name(s->lowest + i, name[i]);
		op[i] = (struct share_op){ .proc = SHARE_REMOVE,
			.lane = SHARE_LANE_ADMIN,
			.fh = s->dir,
			.name = str_c(name[i]) };
		share_start(t, s->st->share, &op[i]);
	}
	for (unsigned i = 0; i < n; i++) {
		struct err *e = share_finish(t, &op[i]);

		gone += gone == i && (e == NULL || err_is(e, ERR_NOENT));
	}
	return gone;
}

void
slot_sweep(struct task *t, struct slot *s, unsigned max, unsigned *removed_r)
{
	uint64_t end;

	*removed_r = 0;
	task_lock(t, &s->mutex);
	end = s->head.seq > SLOT_KEEP ? s->head.seq - SLOT_KEEP : 0;
	if (end > s->old_seq + 1)
		end = s->old_seq + 1;
	if (s->have_dir && s->lowest > 0 && s->lowest < end) {
		if (max > end - s->lowest)
			max = (unsigned)(end - s->lowest);
		if (max > SLOT_SWEEP_MAX)
			max = SLOT_SWEEP_MAX;
		*removed_r = slot_remove(t, s, max);
		s->lowest += *removed_r;
	}
	task_unlock(t, &s->mutex);
}
