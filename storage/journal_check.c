/* journal_check.c - every entry and checkpoint that is there, verified */
#include <stdlib.h>

#include "storage/journal_private.h"

#define CHECK_SEGS_BYTES (2UL << 30) /* of one checkpoint */

struct check {
	struct journal *j;
	struct journal_problem *first, **last;
	struct journal_ckpts k;
	struct manifest *m; /* of k.v; seq 0: not readable */
};

static void
check_say(struct task *t, struct check *c, bool fatal, const char *text)
{
	struct journal_problem *p = arena_alloc(task_arena(t), sizeof(*p));

	p->text = text;
	p->fatal = fatal;
	*c->last = p;
	c->last = &p->next;
}

static const char *
check_err(struct task *t, const char *what, uint64_t seq, const struct err *e)
{
	return arena_printf(task_arena(t), "%s %llu: %s%s%s%s", what,
	    (unsigned long long)seq, e->text, e->detail != NULL ? " (" : "",
	    e->detail != NULL ? e->detail : "", e->detail != NULL ? ")" : "");
}

/* Errors of the share end the check; all others are findings. */
static bool
check_is_finding(const struct err *e)
{
	return err_is(e, ERR_CORRUPT) || err_is(e, ERR_FORMAT) ||
	       err_is(e, ERR_NOENT) || err_is(e, ERR_INVALID);
}

/* -- checkpoints ------------------------------------------------------- */

static may_yield must_check struct err *
check_ckpt_read(struct task *t, struct check *c, unsigned i)
{
	char name[SEQ_DIGITS + 1];
	struct journal *j = c->j;
	struct manifest *m = &c->m[i];
	struct share_fh fh;
	struct str text, *data;
	struct known known;
	struct arena *a;
	struct err *e;

	seq_name(c->k.v[i].seq, name);
	e = share_lookup(t, j->share, SHARE_LANE_ADMIN, &j->ckpt, str_c(name),
	    &fh, NULL);
	if (e == NULL)
		e = share_readlink(t, j->share, SHARE_LANE_ADMIN, &fh, &text);
	if (e == NULL)
		e = journal_manifest(t, j, text, m);
	if (e != NULL)
		return e;
	if (m->ckpt.seq != c->k.v[i].seq)
		return err_new(task_arena(t), ERR_CORRUPT,
		    "checkpoint is damaged", "it is for another entry");
	/* the segments of twenty checkpoints are more than an arena holds */
	a = arena_new(CHECK_SEGS_BYTES);
	data = arena_array(a, m->ckpt.seg_count, sizeof(data[0]));
	e = journal_seg_read(t, j, m->ckpt.segs, m->ckpt.seg_count, a, data);
	arena_free(&a);
	if (e == NULL)
		e = journal_seg_known(t, j, m, &known);
	if (e != NULL)
		return e;
	if (known_at(&known, m->ckpt.seq) != NULL &&
	    !txid_eq(known_at(&known, m->ckpt.seq), &m->ckpt.txid))
		e = err_new(task_arena(t), ERR_CORRUPT, "checkpoint is damaged",
		    "its txids contradict each other");
	known_clear(&known);
	return e;
}

static may_yield must_check struct err *
check_ckpts(struct task *t, struct check *c)
{
	struct err *e;
	unsigned i;

	c->m = arena_array(task_arena(t), c->k.n, sizeof(c->m[0]));
	for (i = 0; i < c->k.n; i++) {
		e = check_ckpt_read(t, c, i);
		if (e == NULL)
			continue;
		if (!check_is_finding(e))
			return e;
		/* the older ones are only the way back */
		check_say(t, c, i == 0,
		    check_err(t, "checkpoint", c->k.v[i].seq, e));
		c->m[i].ckpt.seq = 0;
	}
	if (c->k.top > c->j->head)
		check_say(t, c, true,
		    "there is a checkpoint above the newest entry");
	return NULL;
}

/* -- entries ----------------------------------------------------------- */

static int
check_cmp(const void *a, const void *b)
{
	const struct journal_in *x = a, *y = b;

	return x->seq < y->seq ? -1 : x->seq > y->seq ? 1 : 0;
}

/* Above the older checkpoint everything must be there, each entry behind its
 * predecessor; at or below it entries may be missing. */
static void
check_chain(struct task *t, struct check *c, const struct journal_in *v,
    unsigned n)
{
	uint64_t from = c->k.n > 1 ? c->k.v[1].seq : 0, want = from + 1;
	const struct journal_in *before = NULL;
	unsigned i;

	for (i = 0; i < n; i++) {
		if (v[i].seq > from) {
			/* one line a gap: a repair may leave a wide one */
			if (want < v[i].seq)
				check_say(t, c, v[i].seq - 1 > c->k.top,
				    arena_printf(task_arena(t),
					"entry %llu is missing (to %llu)",
					(unsigned long long)want,
					(unsigned long long)v[i].seq - 1));
			want = v[i].seq + 1;
		}
		if (v[i].err != NULL) {
			if (!err_is(v[i].err, ERR_NOENT))
				check_say(t, c, v[i].seq > c->k.top,
				    check_err(t, "entry", v[i].seq, v[i].err));
		} else if (v[i].rec_gone) {
			check_say(t, c, v[i].seq > c->k.top,
			    arena_printf(task_arena(t),
				"entry %llu: its operations are missing",
				(unsigned long long)v[i].seq));
		} else if (before != NULL && before->seq + 1 == v[i].seq &&
			   before->err == NULL &&
			   !txid_eq(&v[i].rec.prev, &before->rec.txid)) {
			check_say(t, c, v[i].seq > c->k.top,
			    arena_printf(task_arena(t),
				"entry %llu does not follow the one before",
				(unsigned long long)v[i].seq));
		}
		before = &v[i];
	}
	if (c->j->head >= want && c->j->ro_code == ERR_NONE)
		check_say(t, c, true, "the newest entry is missing");
}

static may_yield must_check struct err *
check_log(struct task *t, struct check *c)
{
	struct journal *j = c->j;
	struct share_dirent *d, *first;
	struct journal_in *v;
	unsigned n = 0, most = 0;
	struct err *e;

	e = share_readdir(t, j->share, SHARE_LANE_ADMIN, &j->log,
	    JOURNAL_DIR_MAX, &first, NULL);
	if (e != NULL)
		return e;
	for (d = first; d != NULL; d = d->next)
		most++;
	v = arena_array(task_arena(t), most, sizeof(v[0]));
	for (d = first; d != NULL; d = d->next) {
		if (seq_parse(d->name, &v[n].seq))
			n++;
		else
			check_say(t, c, false,
			    arena_printf(task_arena(t),
				"log/" STR_FMT " is not an entry",
				STR_ARG(d->name)));
	}
	qsort(v, n, sizeof(v[0]), check_cmp);
	e = journal_fetch(t, j, v, n);
	if (e == NULL)
		check_chain(t, c, v, n);
	return e;
}

/* -- segments that nothing names --------------------------------------- */

static bool
check_is_named(const struct check *c, struct str name)
{
	unsigned i, k;

	for (i = 0; i < c->k.n; i++) {
		if (c->m[i].ckpt.seq == 0 || str_eq(name, c->m[i].file))
			return true; /* unreadable: may name anything */
		for (k = 0; k < c->m[i].ckpt.seg_count; k++)
			if (str_eq(name, c->m[i].ckpt.segs[k].name))
				return true;
	}
	return false;
}

static may_yield must_check struct err *
check_segs(struct task *t, struct check *c)
{
	struct journal *j = c->j;
	struct share_dirent *d;
	struct txid x;
	uint64_t seq;
	struct err *e;
	bool untidy;

	e = share_readdir(t, j->share, SHARE_LANE_ADMIN, &j->seg,
	    JOURNAL_DIR_MAX, &d, NULL);
	for (; e == NULL && d != NULL; d = d->next) {
		if (seg_name_parse(d->name, &seq, NULL))
			untidy = seq <= c->k.top && !check_is_named(c, d->name);
		else if (d->name.n > 4 && str_ends(d->name, STR(".rec")) &&
			 txid_parse(str_sub(d->name, 0, d->name.n - 4), &x))
			untidy = known_find(&j->known, &x) == 0;
		else
			untidy = true;
		if (untidy)
			check_say(t, c, false,
			    arena_printf(task_arena(t),
				"seg/" STR_FMT " belongs to nothing",
				STR_ARG(d->name)));
	}
	return e;
}

static may_yield must_check struct err *
check_once(struct task *t, struct journal *j, struct check *c)
{
	struct err *e;

	*c = (struct check){ .j = j };
	c->last = &c->first;
	e = journal_sync(t, j);
	if (check_is_finding(e) && !err_is(e, ERR_NOENT)) {
		check_say(t, c, true, check_err(t, "journal", 0, e));
		e = NULL;
	}
	if (e == NULL)
		e = journal_read_ckpts(t, j, &c->k);
	if (e == NULL && j->ro_code != ERR_NONE)
		check_say(t, c, true,
		    arena_printf(task_arena(t), "read-only at entry %llu: %s",
			(unsigned long long)j->ro_seq, j->ro_text));
	if (e == NULL)
		e = check_ckpts(t, c);
	if (e == NULL)
		e = check_log(t, c);
	if (e == NULL && j->seg.n > 0)
		e = check_segs(t, c);
	return e;
}

/* Others may collect meanwhile what is being read: then from the start. */
struct err *
journal_check(struct task *t, struct journal *j,
    struct journal_problem **first_r)
{
	unsigned tries = 0;
	struct check c;
	struct err *e;

	journal_lock(t, j);
	do {
		e = check_once(t, j, &c);
	} while (e != NULL && journal_retry(t, j, e, &tries));
	journal_unlock(t, j);
	*first_r = c.first;
	return e;
}
