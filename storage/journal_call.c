/* journal_call.c - calls on the journal's connection, directories, names */
#include <stdlib.h>

#include "storage/journal_private.h"

void
journal_call_init(const struct journal *j, struct journal_call *c,
    enum share_proc proc, const struct share_fh *fh)
{
	struct share_fh copy = *fh; /* may be a result in c */

	memset(c, 0, sizeof(*c));
	c->op.proc = proc;
	c->op.lane = SHARE_LANE_COMMIT;
	c->op.fh = copy;
	c->op.pin = j->conn;
}

void
journal_send(struct task *t, struct journal *j, struct journal_call *c)
{
	c->sent_ms = sched_now_ms(j->sched);
	share_start(t, j->share, &c->op);
}

/* Whether the server spoke: it was alive then, on this connection. */
static bool
journal_is_answer(const struct err *e)
{
	switch (err_code(e)) {
	case ERR_UNKNOWN:
	case ERR_UNAVAIL:
	case ERR_CONN:
	case ERR_FOREIGN:
	case ERR_TIMEOUT:
		return false;
	default:
		return true;
	}
}

/* DESIGN 5, model rollback, AGE: bytes are kept until a reply comes, on the
 * connection the entry was seen on, 60 s later. */
static void
journal_kept_age(struct journal *j, uint64_t conn, uint64_t sent_ms)
{
	struct journal_kept *k;

	while ((k = j->kept) != NULL && k->conn == conn &&
	       sent_ms >= k->seen_ms + JOURNAL_KEEP_MS) {
		j->kept = k->next;
		k->next = NULL;
		journal_kept_free(&k);
	}
}

struct err *
journal_wait(struct task *t, struct journal *j, struct journal_call *c)
{
	struct err *e = share_finish(t, &c->op);

	if (c->op.conn == 0)
		return e;
	if (j->conn == 0)
		j->conn = c->op.conn; /* nothing was concluded before */
	if (c->op.conn != j->conn)
		return err_new(task_arena(t), ERR_CONN,
		    "connection to the share was made again", NULL);
	if (journal_is_answer(e) && !j->redoing)
		journal_kept_age(j, c->op.conn, c->sent_ms);
	return e;
}

struct err *
journal_call(struct task *t, struct journal *j, struct journal_call *c)
{
	journal_send(t, j, c);
	return journal_wait(t, j, c);
}

bool
journal_retry(struct task *t, struct journal *j, const struct err *e,
    unsigned *tries)
{
	const struct rnd *r = sched_rnd(j->sched);
	uint64_t ms = (uint64_t)JOURNAL_RETRY_MS << *tries;
	bool at_once = false;
	struct err *late;

	switch (err_code(e)) {
	case ERR_STALE:
		j->have_dirs = false;
		/* FALLTHROUGH */
	case ERR_CONN:
		at_once = *tries < 2;
		break;
	case ERR_UNKNOWN:
	case ERR_IO:
		break;
	default:
		return false;
	}
	late = task_check(t);
	if (*tries >= JOURNAL_TRIES || late != NULL)
		return false;
	++*tries;
	if (ms > JOURNAL_RETRY_MAX_MS)
		ms = JOURNAL_RETRY_MAX_MS;
	if (!at_once)
		task_sleep_ms(t, ms / 2 + rnd_below(r, ms / 2 + 1));
	return true;
}

struct err *
journal_dirs(struct task *t, struct journal *j)
{
	static const char *const names[] = { "log", "ckpt", "seg" };
	struct share_fh *const to[] = { &j->log, &j->ckpt, &j->seg };
	struct journal_call *c;
	struct err *e[3], *first = NULL;
	unsigned i;

	if (j->have_dirs)
		return NULL;
	c = arena_array(task_arena(t), countof(names), sizeof(*c));
	for (i = 0; i < countof(names); i++) {
		journal_call_init(j, &c[i], SHARE_LOOKUP, &j->dir);
		c[i].op.name = str_c(names[i]);
		journal_send(t, j, &c[i]);
	}
	for (i = 0; i < countof(names); i++) {
		e[i] = journal_wait(t, j, &c[i]);
		if (first == NULL && e[i] != NULL && !err_is(e[i], ERR_NOENT))
			first = e[i];
	}
	if (first != NULL)
		return first;
	if (e[0] != NULL)
		return err_wrap(task_arena(t), e[0], "no journal here");
	/* made before log/, removed after it */
	if (e[1] != NULL)
		return err_new(task_arena(t), ERR_CORRUPT,
		    "a journal's directory is damaged", "%s: no ckpt/",
		    j->label);
	/* Only now: who reads segments may be here at the same time, and have
	 * found what got lost on our way.  seg/ goes first when an account is
	 * purged. */
	for (i = 0; i < countof(names); i++)
		*to[i] = c[i].op.fh_r;
	if (e[2] != NULL)
		j->seg.n = 0;
	j->have_dirs = true;
	return NULL;
}

struct err *
journal_connect(struct task *t, struct journal *j)
{
	uint64_t now = share_conn(j->share, SHARE_LANE_COMMIT);

	if (j->conn != 0 && now == j->conn)
		return journal_dirs(t, j);
	/* Nothing is known: any connection will do. */
	if (j->mode == JOURNAL_COLD && j->kept == NULL) {
		j->conn = now;
		return journal_dirs(t, j);
	}
	/* Model rollback, REDO: before reading, committing, publishing or
	 * acknowledging anything. */
	if (!SAFEGUARD(SAFE_REDO_ORDER)) {
		j->conn = now;
		return journal_dirs(t, j);
	}
	return journal_redo(t, j);
}

static int
journal_dirent_cmp(const void *a, const void *b)
{
	const struct journal_name *x = a, *y = b;

	return x->seq < y->seq ? 1 : x->seq > y->seq ? -1 : 0;
}

/* Once through the directory; the first part is under way already. */
static may_yield must_check struct err *
journal_wait_names_once(struct task *t, struct journal *j,
    struct journal_call *c, struct share_dirent **first_r)
{
	struct share_dirent **last = first_r;
	uint64_t cookie = 0;
	unsigned n = 0;
	struct err *e;

	*first_r = NULL;
	for (;;) {
		e = journal_wait(t, j, c);
		if (e != NULL)
			return e;
		for (*last = c->op.entries_r; *last != NULL;
		     last = &(*last)->next)
			n++;
		if (c->op.eof_r)
			return NULL;
		if (c->op.cookie == cookie || n > JOURNAL_DIR_MAX)
			return err_new(task_arena(t), ERR_LIMIT,
			    "a journal's directory has no end", "%s", j->label);
		cookie = c->op.cookie;
		journal_send(t, j, c);
	}
}

struct err *
journal_wait_names(struct task *t, struct journal *j, struct journal_call *c,
    struct share_dirent **first_r)
{
	unsigned tries;
	struct err *e;

	for (tries = 0;; tries++) {
		e = journal_wait_names_once(t, j, c, first_r);
		/* the directory changed under a cookie: from the start */
		if (!err_is(e, ERR_CONFLICT) || tries == JOURNAL_TRIES)
			return e;
		c->op.cookie = c->op.cookie_verf = 0;
		journal_send(t, j, c);
	}
}

struct err *
journal_purged_err(struct task *t)
{
	return err_new(task_arena(t), ERR_CLOSED, "account was removed", NULL);
}

void
journal_note_ckpts(struct journal *j, const struct journal_ckpts *k)
{
	uint64_t older = k->n > 1 ? k->v[1].seq : 0;

	j->ckpt_top = k->top;
	j->purged = k->purged;
	j->ckpt_older = older;
	journal_collect_next(j);
}

struct err *
journal_wait_ckpts(struct task *t, struct journal *j, struct journal_call *c,
    struct journal_ckpts *k_r)
{
	struct share_dirent *d, *first;
	uint64_t seq;
	struct err *e;
	unsigned n = 0;

	memset(k_r, 0, sizeof(*k_r));
	e = journal_wait_names(t, j, c, &first);
	if (e != NULL)
		return e;
	for (d = first; d != NULL; d = d->next)
		n++;
	k_r->v = arena_array(task_arena(t), n, sizeof(k_r->v[0]));
	for (d = first; d != NULL; d = d->next) {
		if (!seq_parse(d->name, &seq))
			continue;
		if (seq == RECORD_SEQ_MAX) {
			k_r->purged = true;
			continue;
		}
		k_r->v[k_r->n].seq = seq;
		if (d->fh != NULL)
			k_r->v[k_r->n].fh = *d->fh;
		k_r->n++;
	}
	qsort(k_r->v, k_r->n, sizeof(k_r->v[0]), journal_dirent_cmp);
	k_r->top = k_r->n > 0 ? k_r->v[0].seq : 0;
	journal_note_ckpts(j, k_r);
	return NULL;
}

struct err *
journal_read_ckpts(struct task *t, struct journal *j, struct journal_ckpts *k_r)
{
	struct journal_call c;

	journal_call_init(j, &c, SHARE_READDIR, &j->ckpt);
	journal_send(t, j, &c);
	return journal_wait_ckpts(t, j, &c, k_r);
}

bool
journal_attr_same(const struct share_attr *a, const struct share_attr *b)
{
	return a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns &&
	       a->size == b->size && a->fileid == b->fileid;
}
