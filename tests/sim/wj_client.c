/* wj_client.c - the journal workload's replica of the replayed state */
#include "wj.h"

#include <stdio.h>
#include <stdlib.h>

void
wj_state_init(struct wj_state *s, struct sim_node *n)
{
	*s = (struct wj_state){ .n = n };
	buf_init(&s->delta, NULL, 16 << 20);
}

const struct wj_row *
wj_row(const struct wj_state *s, const char *name)
{
	for (unsigned i = 0; i < s->rows_n; i++)
		if (strcmp(s->rows[i].name, name) == 0)
			return &s->rows[i];
	return NULL;
}

static void
wj_reset(void *arg)
{
	struct wj_state *s = arg;

	s->rows_n = s->entries_n = 0;
	s->forgotten = 0;
	memset(s->jobs, 0, sizeof(s->jobs));
	buf_clear(&s->delta);
	s->delta_n = 0;
	s->base_seq = 0;
	s->base.kind = STR_NONE;
}

static void
wj_entry_add(struct wj_state *s, uint64_t seq, const struct txid *x)
{
	if (s->entries_n == s->entries_size) {
		s->entries_size =
		    s->entries_size == 0 ? 64 : s->entries_size * 2;
		s->entries =
		    xrealloc(s->entries, s->entries_size, sizeof(*s->entries));
	}
	s->entries[s->entries_n++] =
	    (struct wj_entry){ .seq = seq, .txid = *x };
}

static bool
wj_name(struct record_op *op, char name_r[WJ_NAME])
{
	struct str raw;

	if (!record_get_str(op, &raw) || raw.n >= WJ_NAME)
		return false;
	memcpy(name_r, raw.p, raw.n);
	name_r[raw.n] = '\0';
	return true;
}

static bool
wj_op_add(struct wj_state *s, struct record_op *op, uint64_t seq)
{
	struct wj_row row = { .seq = seq };

	if (!wj_name(op, row.name) || (op->any && !wj_name(op, row.source)))
		return false;
	if (wj_row(s, row.name) != NULL)
		return true;
	if (s->rows_n == s->rows_size) {
		s->rows_size = s->rows_size == 0 ? 64 : s->rows_size * 2;
		s->rows = xrealloc(s->rows, s->rows_size, sizeof(*s->rows));
	}
	s->rows[s->rows_n++] = row;
	return true;
}

static bool
wj_op_remove(struct wj_state *s, struct record_op *op, uint64_t seq)
{
	char name[WJ_NAME];
	struct wj_row *row;

	if (!wj_name(op, name))
		return false;
	row = (struct wj_row *)wj_row(s, name);
	if (row != NULL && row->gone == 0)
		row->gone = seq;
	return true;
}

static bool
wj_op_forget(struct wj_state *s, struct record_op *op, uint64_t seq)
{
	unsigned kept = 0;
	uint64_t upto;

	(void)seq;
	if (!record_get_u64(op, &upto))
		return false;
	if (upto > s->forgotten)
		s->forgotten = upto;
	for (unsigned i = 0; i < s->rows_n; i++)
		if (s->rows[i].gone == 0 || s->rows[i].gone > upto)
			s->rows[kept++] = s->rows[i];
	s->rows_n = kept;
	return true;
}

static bool
wj_op_outcome(struct wj_state *s, struct record_op *op, uint64_t seq)
{
	uint64_t job;

	if (!record_get_u64(op, &job) || job >= WJ_JOBS)
		return false;
	if (s->jobs[job] != 0)
		sim_fail(s->n->w,
		    "%s: job %llu gets a second outcome in entry %llu, after "
		    "%llu",
		    s->n->name, (unsigned long long)job,
		    (unsigned long long)seq, (unsigned long long)s->jobs[job]);
	s->jobs[job] = seq;
	return true;
}

static bool
wj_ops(struct wj_state *s, struct str ops, uint64_t seq)
{
	struct record_op op;

	while (record_next(&ops, &op)) {
		bool ok = true;

		switch (op.letter) {
		case 'a':
			ok = wj_op_add(s, &op, seq);
			break;
		case 'x':
			ok = wj_op_remove(s, &op, seq);
			break;
		case 'F':
			ok = wj_op_forget(s, &op, seq);
			break;
		case 'o':
			ok = wj_op_outcome(s, &op, seq);
			break;
		}
		if (!ok)
			return false;
	}
	return true;
}

static struct err *
wj_apply(struct task *t, void *arg, const struct journal_entry *e)
{
	struct wj_state *s = arg;
	char hex[TXID_HEX + 1];

	wj_applied(s, e);
	wj_entry_add(s, e->seq, &e->txid);
	if (!wj_ops(s, e->ops, e->seq))
		return err_new(task_arena(t), ERR_CORRUPT, "bad operation",
		    NULL);
	txid_hex(&e->txid, hex);
	buf_fmt(&s->delta, "%llu %s " STR_FMT "\n", (unsigned long long)e->seq,
	    hex, STR_ARG(e->ops));
	s->delta_n++;
	return NULL;
}

/* How many rows ops would leave, so that totals can be checked. */
static void
wj_totals(void *arg, struct str ops, struct buf *out)
{
	struct wj_state *s = arg;
	struct record_op op;
	unsigned rows = 0;

	for (unsigned i = 0; i < s->rows_n; i++)
		rows += s->rows[i].gone == 0;
	while (record_next(&ops, &op)) {
		char name[WJ_NAME];
		const struct wj_row *row;

		if ((op.letter != 'a' && op.letter != 'x') ||
		    !wj_name(&op, name))
			continue;
		row = wj_row(s, name);
		if (op.letter == 'a' && row == NULL)
			rows++;
		if (op.letter == 'x' && row != NULL && row->gone == 0)
			rows--;
	}
	buf_u64(out, rows);
}

/*
 * Segments: "base", all as lines; "delta", the entries since, as they came.
 *
 *	r name source seq gone	j job seq	f seq	e seq txid
 */
void
wj_state_dump(const struct wj_state *s, struct buf *b)
{
	char hex[TXID_HEX + 1];

	buf_fmt(b, "f %llu\n", (unsigned long long)s->forgotten);
	for (unsigned i = 0; i < s->rows_n; i++)
		buf_fmt(b, "r %s %s %llu %llu\n", s->rows[i].name,
		    s->rows[i].source[0] ? s->rows[i].source : "-",
		    (unsigned long long)s->rows[i].seq,
		    (unsigned long long)s->rows[i].gone);
	for (unsigned i = 0; i < WJ_JOBS; i++)
		if (s->jobs[i] != 0)
			buf_fmt(b, "j %u %llu\n", i,
			    (unsigned long long)s->jobs[i]);
	for (unsigned i = 0; i < s->entries_n; i++) {
		txid_hex(&s->entries[i].txid, hex);
		buf_fmt(b, "e %llu %s\n", (unsigned long long)s->entries[i].seq,
		    hex);
	}
}

static void
wj_load_row(struct wj_state *s, struct str line)
{
	struct wj_row row = { 0 };
	struct str name, source, seq, gone;

	if (!str_split(&line, ' ', &name) || !str_split(&line, ' ', &source) ||
	    !str_split(&line, ' ', &seq) || !str_split(&line, ' ', &gone))
		return;
	memcpy(row.name, name.p, name.n);
	if (!str_eq_c(source, "-"))
		memcpy(row.source, source.p, source.n);
	str_u64(seq, &row.seq);
	str_u64(gone, &row.gone);
	if (s->rows_n == s->rows_size) {
		s->rows_size = s->rows_size == 0 ? 64 : s->rows_size * 2;
		s->rows = xrealloc(s->rows, s->rows_size, sizeof(*s->rows));
	}
	s->rows[s->rows_n++] = row;
}

static void
wj_load_line(struct wj_state *s, struct str line)
{
	struct str kind, piece;
	struct txid x;
	uint64_t a, b;

	if (!str_split(&line, ' ', &kind))
		return;
	if (str_eq_c(kind, "r")) {
		wj_load_row(s, line);
	} else if (str_eq_c(kind, "f")) {
		str_u64(line, &s->forgotten);
	} else if (str_eq_c(kind, "j")) {
		if (str_split(&line, ' ', &piece) && str_u64(piece, &a) &&
		    str_u64(line, &b))
			s->jobs[a] = b;
	} else if (str_split(&line, ' ', &piece) && str_u64(piece, &a) &&
		   txid_parse(line, &x)) {
		wj_entry_add(s, a, &x);
	}
}

static bool
wj_load_delta(struct wj_state *s, struct str data)
{
	struct str line, seq, txid;
	struct txid x;
	uint64_t n;

	buf_str_add(&s->delta, data);
	while (str_split(&data, '\n', &line)) {
		if (line.n == 0)
			continue;
		if (!str_split(&line, ' ', &seq) ||
		    !str_split(&line, ' ', &txid) || !str_u64(seq, &n) ||
		    !txid_parse(txid, &x))
			return false;
		wj_entry_add(s, n, &x);
		if (!wj_ops(s, line, n))
			return false;
		s->delta_n++;
	}
	return true;
}

static void
wj_keep_seg(struct wj_state *s, const struct journal_seg *seg)
{
	s->base = *seg;
	s->base.kind = str_of(xmemdup(seg->kind.p, seg->kind.n), seg->kind.n);
	s->base.name = str_of(xmemdup(seg->name.p, seg->name.n), seg->name.n);
	s->base.arg = str_of(xmemdup(seg->arg.p, seg->arg.n), seg->arg.n);
	str_u64(seg->arg, &s->base_seq);
}

static may_yield_unchecked struct err *
wj_load(struct task *t, void *arg, const struct journal_ckpt *c)
{
	struct wj_state *s = arg;
	struct journal_seg segs[2];
	struct str data[2], line;
	unsigned n = 0;
	struct err *e;

	for (unsigned i = 0; i < c->seg_count; i++)
		if (n < 2 && !str_eq_c(c->segs[i].kind, "txid"))
			segs[n++] = c->segs[i];
	if (n != 2)
		sim_fail(s->n->w, "%s: checkpoint %llu has %u segments of ours",
		    s->n->name, (unsigned long long)c->seq, n);
	e = journal_seg_read(t, s->j, segs, 2, task_arena(t), data);
	if (e != NULL)
		return e;
	wj_reset(s);
	wj_keep_seg(s, &segs[0]);
	while (str_split(&data[0], '\n', &line))
		wj_load_line(s, line);
	if (!wj_load_delta(s, data[1]))
		return err_new(task_arena(t), ERR_CORRUPT, "bad delta", NULL);
	sim_say(s->n->w, s->n, "loads checkpoint %llu",
	    (unsigned long long)c->seq);
	return NULL;
}

static may_yield_unchecked struct err *
wj_save(struct task *t, void *arg, struct ckpt_writer *w)
{
	struct wj_state *s = arg;
	struct buf b;
	char seq[24];

	snprintf(seq, sizeof(seq), "%llu",
	    (unsigned long long)journal_head(s->j));
	s->save_base = s->base.kind.n == 0 || s->delta_n > 8;
	if (!s->save_base) {
		ckpt_keep(w, &s->base);
		ckpt_add(w, "delta", STR("-"), buf_str(&s->delta));
		return NULL;
	}
	buf_init(&b, task_arena(t), 16 << 20);
	wj_state_dump(s, &b);
	ckpt_add(w, "base", str_c(seq), buf_str(&b));
	ckpt_add(w, "delta", STR("-"), STR("\n"));
	return NULL;
}

static void
wj_saved(void *arg, const struct journal_ckpt *c)
{
	struct wj_state *s = arg;
	struct str rest, line, seq;
	uint64_t n;
	struct buf later;

	sim_say(s->n->w, s->n, "has published checkpoint %llu",
	    (unsigned long long)c->seq);
	if (!s->save_base)
		return;
	for (unsigned i = 0; i < c->seg_count; i++)
		if (str_eq_c(c->segs[i].kind, "base"))
			wj_keep_seg(s, &c->segs[i]);
	/* What came while it was being written stays. */
	rest = buf_str(&s->delta);
	buf_init(&later, NULL, 16 << 20);
	s->delta_n = 0;
	while (str_split(&rest, '\n', &line)) {
		struct str whole = line;

		if (str_split(&line, ' ', &seq) && str_u64(seq, &n) &&
		    n > c->seq) {
			buf_str_add(&later, whole);
			buf_c(&later, "\n");
			s->delta_n++;
		}
	}
	buf_free(&s->delta);
	s->delta = later;
}

/* Make sure of the file that one ADD names; false: it is lost. */
static may_yield struct err *
wj_refile_one(struct task *t, struct wj_state *s, const char *name,
    const char *source, bool *there_r)
{
	struct wj_world *ww = wj_world(s->n);
	struct share_fh fh;
	struct err *e = share_lookup(t, s->n->share, SHARE_LANE_ADMIN, &ww->msg,
	    str_c(name), NULL, NULL);

	*there_r = e == NULL;
	if (!err_is(e, ERR_NOENT) || source[0] == '\0')
		return err_is(e, ERR_NOENT) ? NULL : e;
	e = share_lookup(t, s->n->share, SHARE_LANE_ADMIN, &ww->msg,
	    str_c(source), &fh, NULL);
	if (err_is(e, ERR_NOENT))
		return NULL;
	if (e == NULL)
		e = share_link(t, s->n->share, SHARE_LANE_ADMIN, &fh, &ww->msg,
		    str_c(name));
	if (err_is(e, ERR_EXIST))
		e = NULL;
	*there_r = e == NULL;
	return e;
}

static may_yield_unchecked struct err *
wj_refile(struct task *t, void *arg, const struct journal_entry *en,
    struct buf *ops_r, bool *whole_r)
{
	struct wj_state *s = arg;
	struct str ops = en->ops, before;
	struct record_op op;

	*whole_r = true;
	for (before = ops; record_next(&ops, &op); before = ops) {
		struct str text = str_of(before.p, before.n - ops.n);
		char name[WJ_NAME], source[WJ_NAME] = "";
		bool there = true;

		if (text.n > 0 && text.p[text.n - 1] == ';')
			text.n--;
		if (op.letter == 'a') {
			struct err *e;

			if (!wj_name(&op, name) ||
			    (op.any && !wj_name(&op, source)))
				sim_fail(s->n->w, "refile: bad operation");
			e = wj_refile_one(t, s, name, source, &there);
			if (e != NULL)
				return e;
		}
		if (!there) {
			sim_say(s->n->w, s->n, "the file %s is gone", name);
			*whole_r = false;
			continue;
		}
		if (ops_r->n > 0)
			buf_char(ops_r, ';');
		buf_str_add(ops_r, text);
	}
	return NULL;
}

static void
wj_forked(struct task *t, void *arg, struct buf *ops_r)
{
	struct wj_state *s = arg;

	(void)t;
	sim_say(s->n->w, s->n, "history has forked");
	wj_world(s->n)->forks++;
	if (s->n->w->forgot == 0)
		sim_fail(s->n->w,
		    "%s: history forked, but the server never forgot",
		    s->n->name);
	record_op(ops_r, 'p');
	record_text(ops_r, STR("forked"));
}

const struct journal_client wj_client = {
	.name = "sim",
	.reset = wj_reset,
	.load = wj_load,
	.apply = wj_apply,
	.totals = wj_totals,
	.save = wj_save,
	.saved = wj_saved,
	.refile = wj_refile,
	.forked = wj_forked,
};
