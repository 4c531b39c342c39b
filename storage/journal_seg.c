/* journal_seg.c - segments of a checkpoint: handles and content */
#include <stdlib.h>

#include "base/crypto.h"
#include "storage/journal_private.h"
#include "storage/segcache.h"

/* -- handles ----------------------------------------------------------- */

/* From here on one READDIRPLUS(seg) is fewer calls than the look-ups. */
#define SEG_PLUS_FROM 4
/* READs of segments under way at once. */
#define SEG_WINDOW 8

void
journal_segfh_clear(struct journal *j)
{
	while (j->segfh_n > 0)
		free(j->segfh[--j->segfh_n].name);
}

const struct share_fh *
journal_segfh_find(const struct journal *j, struct str name)
{
	unsigned i;

	for (i = 0; i < j->segfh_n; i++)
		if (str_eq_c(name, j->segfh[i].name))
			return &j->segfh[i].fh;
	return NULL;
}

void
journal_segfh_add(struct journal *j, struct str name, const struct share_fh *fh)
{
	struct journal_segfh *s;
	unsigned i;

	for (i = 0; i < j->segfh_n; i++)
		if (str_eq_c(name, j->segfh[i].name))
			break;
	if (i == j->segfh_n) {
		if (i == JOURNAL_SEGS_MAX) { /* the oldest goes */
			free(j->segfh[0].name);
			memmove(j->segfh, j->segfh + 1,
			    (i - 1) * sizeof(j->segfh[0]));
			i = --j->segfh_n;
		}
		s = &j->segfh[i];
		s->name = xcalloc(1, name.n + 1);
		memcpy(s->name, name.p, name.n);
		j->segfh_n++;
	}
	j->segfh[i].fh = *fh;
}

static void
journal_segfh_drop(struct journal *j, struct str name)
{
	unsigned i;

	for (i = 0; i < j->segfh_n; i++) {
		if (!str_eq_c(name, j->segfh[i].name))
			continue;
		free(j->segfh[i].name);
		j->segfh[i] = j->segfh[--j->segfh_n];
		return;
	}
}

struct journal_lookups {
	const struct journal_seg *segs;
	struct share_op *op;
	unsigned n; /* look-ups; 0: op is a READDIRPLUS, or nothing */
	bool plus;
};

static void
seg_lookup_start(struct task *t, struct journal *j, struct share_op *op,
    struct str name)
{
	*op = (struct share_op){ .proc = SHARE_LOOKUP,
		.lane = SHARE_LANE_BULK,
		.fh = j->seg,
		.name = name };
	share_start(t, j->share, op);
}

struct journal_lookups *
journal_segs_send(struct task *t, struct journal *j, const struct manifest *m)
{
	struct journal_lookups *l = arena_alloc(task_arena(t), sizeof(*l));
	unsigned i, n = m->ckpt.seg_count;

	/* Behind a cache most of them are never read. */
	if (j->env->cache != NULL || n == 0 || j->seg.n == 0)
		return l;
	l->segs = m->ckpt.segs;
	l->plus = n >= SEG_PLUS_FROM;
	l->n = l->plus ? 1 : n;
	l->op = xcalloc(l->n, sizeof(l->op[0]));
	if (l->plus) {
		l->op[0] = (struct share_op){ .proc = SHARE_READDIR,
			.lane = SHARE_LANE_BULK,
			.fh = j->seg,
			.plus = true };
		share_start(t, j->share, &l->op[0]);
		return l;
	}
	for (i = 0; i < n; i++)
		seg_lookup_start(t, j, &l->op[i], l->segs[i].name);
	return l;
}

/* Only a help: what it does not find is looked up when it is read. */
struct err *
journal_segs_wait(struct task *t, struct journal *j, struct journal_lookups *l)
{
	struct share_dirent *d;
	unsigned i;

	for (i = 0; i < l->n; i++) {
		struct err *e = share_finish(t, &l->op[i]);

		if (e != NULL)
			continue;
		if (!l->plus) {
			journal_segfh_add(j, l->segs[i].name, &l->op[i].fh_r);
			continue;
		}
		for (d = l->op[i].entries_r; d != NULL; d = d->next)
			if (d->fh != NULL && d->fh->n > 0 &&
			    seg_name_parse(d->name, &(uint64_t){ 0 }, NULL))
				journal_segfh_add(j, d->name, d->fh);
	}
	free(l->op);
	l->op = NULL;
	l->n = 0;
	return NULL;
}

/* -- content ----------------------------------------------------------- */

/* One READ of a part of one segment. */
struct seg_part {
	struct share_op op;
	unsigned seg;
	bool used;
};

/* Segments being read whole; parts in order, SEG_WINDOW at once. */
struct seg_run {
	struct journal *j;
	const struct journal_seg *segs;
	unsigned n;
	char **into;
	bool *cached;
	struct share_fh *fh;
	struct seg_part part[SEG_WINDOW];
	unsigned next_seg; /* where the next part is */
	uint64_t next_at;
};

static struct err *
seg_bad(struct task *t, const struct journal_seg *s, const char *what)
{
	return err_new(task_arena(t), ERR_CORRUPT,
	    "a checkpoint's segment is damaged", STR_FMT ": %s",
	    STR_ARG(s->name), what);
}

static void
seg_part_start(struct task *t, struct seg_run *r, struct seg_part *p,
    unsigned seg, uint64_t at, uint64_t n)
{
	p->used = true;
	p->seg = seg;
	p->op = (struct share_op){ .proc = SHARE_READ,
		.lane = SHARE_LANE_BULK,
		.fh = r->fh[seg],
		.offset = at,
		.into = r->into[seg] + at,
		.length = n < SHARE_READ_MAX ? (uint32_t)n : SHARE_READ_MAX };
	share_start(t, r->j->share, &p->op);
}

/* Start the next part in a free place; false when there is none left. */
static bool
seg_run_next(struct task *t, struct seg_run *r, struct seg_part *p)
{
	uint64_t n;

	while (r->next_seg < r->n &&
	       (r->cached[r->next_seg] ||
		   r->next_at >= r->segs[r->next_seg].bytes)) {
		r->next_seg++;
		r->next_at = 0;
	}
	if (r->next_seg == r->n)
		return false;
	n = r->segs[r->next_seg].bytes - r->next_at;
	seg_part_start(t, r, p, r->next_seg, r->next_at, n);
	r->next_at += p->op.length;
	return true;
}

/* Handles of what is not known yet, all in one go. */
static may_yield must_check struct err *
seg_run_lookup(struct task *t, struct seg_run *r)
{
	struct share_op *op = xcalloc(r->n + 1, sizeof(op[0]));
	const struct share_fh *fh;
	struct err *first = NULL;
	unsigned i;

	for (i = 0; i < r->n; i++) {
		fh = journal_segfh_find(r->j, r->segs[i].name);
		if (fh != NULL)
			r->fh[i] = *fh;
		else if (!r->cached[i] && r->segs[i].bytes > 0)
			seg_lookup_start(t, r->j, &op[i], r->segs[i].name);
	}
	for (i = 0; i < r->n; i++) {
		struct err *e;

		if (op[i].name.n == 0)
			continue;
		e = share_finish(t, &op[i]);
		r->fh[i] = op[i].fh_r;
		if (e == NULL)
			journal_segfh_add(r->j, r->segs[i].name, &r->fh[i]);
		else if (first == NULL)
			first = err_is(e, ERR_NOENT)
				    ? err_wrap(task_arena(t), e,
					  "a checkpoint's segment is "
					  "missing: " STR_FMT,
					  STR_ARG(r->segs[i].name))
				    : e;
	}
	free(op);
	return first;
}

struct err *
seg_run_begin(struct task *t, struct journal *j, const struct journal_seg *segs,
    unsigned n, struct arena *a, struct seg_run **r_r)
{
	struct arena *ta = task_arena(t);
	struct seg_run *r = xcalloc(1, sizeof(*r));
	struct err *e = NULL;
	unsigned i;

	*r_r = r;
	r->j = j;
	r->segs = segs;
	r->n = n;
	r->into = arena_array(ta, n, sizeof(r->into[0]));
	r->cached = arena_array(ta, n, sizeof(r->cached[0]));
	r->fh = arena_array(ta, n, sizeof(r->fh[0]));
	e = journal_dirs(t, j);
	if (e == NULL && j->seg.n == 0)
		e = err_new(ta, ERR_CORRUPT, "a journal's directory is damaged",
		    "no seg/");
	for (i = 0; i < n && e == NULL; i++) {
		struct str data;

		if (segs[i].bytes > JOURNAL_READ_MAX) {
			e = seg_bad(t, &segs[i], "too large");
			break;
		}
		if (j->env->cache != NULL &&
		    segcache_get(t, j->env->cache, segs[i].sha256,
			segs[i].bytes, a, &data)) {
			r->cached[i] = true;
			r->into[i] = (char *)data.p;
			continue;
		}
		r->into[i] = arena_alloc(a, segs[i].bytes + 1);
	}
	if (e == NULL)
		e = seg_run_lookup(t, r);
	for (i = 0; i < SEG_WINDOW && e == NULL; i++)
		if (!seg_run_next(t, r, &r->part[i]))
			break;
	if (e != NULL) {
		free(r);
		*r_r = NULL;
	}
	return e;
}

/* The part has ended: go on behind it, or with the next one. */
static struct err *
seg_part_done(struct task *t, struct seg_run *r, struct seg_part *p, bool stop)
{
	const struct share_op *op = &p->op;
	uint32_t left = op->length - op->count_r;

	p->used = false;
	if (op->err != NULL) {
		if (err_is(op->err, ERR_STALE))
			journal_segfh_drop(r->j, r->segs[p->seg].name);
		return op->err;
	}
	if (left > 0 && (op->eof_r || op->count_r == 0))
		return seg_bad(t, &r->segs[p->seg], "too short");
	if (stop)
		return NULL;
	if (left > 0)
		seg_part_start(t, r, p, p->seg, op->offset + op->count_r, left);
	else
		(void)seg_run_next(t, r, p);
	return NULL;
}

static struct err *
seg_run_verify(struct task *t, struct seg_run *r, struct str *data_r)
{
	unsigned char sha[CRYPTO_SHA256_BYTES];
	unsigned i;

	for (i = 0; i < r->n; i++) {
		const struct journal_seg *s = &r->segs[i];

		data_r[i] = str_of(r->into[i], s->bytes);
		if (r->cached[i])
			continue;
		crypto_sha256(data_r[i].p, data_r[i].n, sha);
		if (memcmp(sha, s->sha256, sizeof(sha)) != 0)
			return seg_bad(t, s, "hash is wrong");
		if (r->j->env->cache != NULL)
			segcache_put(t, r->j->env->cache, s->sha256, data_r[i]);
	}
	return NULL;
}

struct err *
seg_run_end(struct task *t, struct seg_run **rp, struct str *data_r)
{
	struct seg_run *r = *rp;
	struct err *e = NULL, *e2;
	bool more = true;
	unsigned i;

	*rp = NULL;
	while (more) {
		more = false;
		for (i = 0; i < SEG_WINDOW; i++) {
			if (!r->part[i].used)
				continue;
			e2 = share_finish(t, &r->part[i].op);
			err_ignore(e2); /* is looked at as op.err */
			e2 = seg_part_done(t, r, &r->part[i], e != NULL);
			if (e == NULL)
				e = e2;
			more = true;
		}
	}
	if (e == NULL && data_r != NULL)
		e = seg_run_verify(t, r, data_r);
	free(r);
	return e;
}

struct err *
journal_seg_read(struct task *t, struct journal *j,
    const struct journal_seg *segs, unsigned n, struct arena *a,
    struct str *data_r)
{
	struct seg_run *r;
	unsigned tries = 0;
	struct err *e;

	for (;;) {
		e = seg_run_begin(t, j, segs, n, a, &r);
		if (e == NULL)
			e = seg_run_end(t, &r, data_r);
		if (e == NULL || !journal_retry(t, j, e, &tries))
			return e;
		/* journal_retry takes STALE for the directories' */
		e = journal_dirs(t, j);
		if (e != NULL)
			return e;
	}
}

static may_yield must_check struct err *
seg_range_once(struct task *t, struct journal *j, const struct journal_seg *seg,
    uint64_t offset, void *into, uint32_t n, uint32_t *count_r)
{
	const struct share_fh *known = journal_segfh_find(j, seg->name);
	struct share_fh fh;
	struct err *e;

	e = journal_dirs(t, j);
	if (e != NULL)
		return e;
	if (j->seg.n == 0)
		return err_new(task_arena(t), ERR_CORRUPT,
		    "a journal's directory is damaged", "no seg/");
	if (known != NULL) {
		fh = *known;
	} else {
		e = share_lookup(t, j->share, SHARE_LANE_BULK, &j->seg,
		    seg->name, &fh, NULL);
		if (e != NULL)
			return e;
		journal_segfh_add(j, seg->name, &fh);
	}
	e = share_read(t, j->share, SHARE_LANE_BULK, &fh, offset, into,
	    n < SHARE_READ_MAX ? n : SHARE_READ_MAX, count_r, NULL);
	if (err_is(e, ERR_STALE))
		journal_segfh_drop(j, seg->name);
	return e;
}

struct err *
journal_seg_range(struct task *t, struct journal *j,
    const struct journal_seg *seg, uint64_t offset, void *into, uint32_t n,
    uint32_t *count_r)
{
	uint32_t have = 0, part;
	unsigned tries = 0;
	struct err *e;

	*count_r = 0;
	while (have < n) {
		e = journal_dirs(t, j);
		if (e == NULL)
			e = seg_range_once(t, j, seg, offset + have,
			    (char *)into + have, n - have, &part);
		if (e != NULL && !journal_retry(t, j, e, &tries))
			return e;
		if (e != NULL)
			continue;
		have += part;
		if (part == 0)
			break;
	}
	*count_r = have;
	return NULL;
}

/* -- the journal's own ------------------------------------------------- */

struct err *
journal_manifest(struct task *t, struct journal *j, struct str link,
    struct manifest *m_r)
{
	struct journal_seg seg = { .kind = STR("manifest"), .arg = STR("-") };
	struct arena *a = task_arena(t);
	struct manifest_ref ref;
	struct str text = link;
	struct err *e;

	if (link.n > 0 && link.p[0] == '@') {
		if (!manifest_ref_parse(link, &ref))
			return err_new(a, ERR_CORRUPT, "checkpoint is damaged",
			    "reference to its manifest");
		seg.name = arena_str(a, ref.name);
		seg.bytes = ref.bytes;
		memcpy(seg.sha256, ref.sha256, sizeof(seg.sha256));
		e = journal_seg_read(t, j, &seg, 1, a, &text);
		if (e != NULL)
			return e;
	}
	e = manifest_parse(a, text, m_r);
	m_r->file = seg.name;
	return e;
}

unsigned
journal_known_segs(struct task *t, const struct manifest *m,
    struct journal_seg **segs_r)
{
	unsigned i, n = 0;

	*segs_r =
	    arena_array(task_arena(t), m->ckpt.seg_count, sizeof(**segs_r));
	for (i = 0; i < m->ckpt.seg_count; i++)
		if (str_eq_c(m->ckpt.segs[i].kind, "txid"))
			(*segs_r)[n++] = m->ckpt.segs[i];
	return n;
}

/* arg is the number up to which a segment goes: base first, then the delta. */
bool
journal_known_load(const struct manifest *m, const struct journal_seg *segs,
    const struct str *data, unsigned n, struct known *k, uint64_t *base_upto_r)
{
	uint64_t upto;
	unsigned i;

	*base_upto_r = 0;
	for (i = 0; i < n; i++) {
		if (!str_u64(segs[i].arg, &upto) || upto > m->ckpt.seq ||
		    !known_read(k, data[i], m->forgot, upto))
			return false;
		if (i == 0)
			*base_upto_r = upto;
	}
	return true;
}

struct err *
journal_seg_known(struct task *t, struct journal *j, const struct manifest *m,
    struct known *k_r)
{
	struct journal_seg *segs;
	struct str *data;
	uint64_t upto;
	struct err *e;
	unsigned n;

	memset(k_r, 0, sizeof(*k_r));
	n = journal_known_segs(t, m, &segs);
	data = arena_array(task_arena(t), n, sizeof(data[0]));
	e = journal_seg_read(t, j, segs, n, task_arena(t), data);
	if (e == NULL && !journal_known_load(m, segs, data, n, k_r, &upto))
		e = err_new(task_arena(t), ERR_CORRUPT, "checkpoint is damaged",
		    "its list of txids");
	if (e != NULL)
		known_clear(k_r);
	return e;
}

/* Remember what was loaded or saved: what the next one may keep. */
void
journal_set_base(struct journal *j, const struct manifest *m,
    uint64_t known_base_upto)
{
	struct arena *a = arena_new(0);
	struct err *e;

	e = manifest_parse(a, arena_str(a, m->text), &j->base);
	invariant(e == NULL);
	arena_free(&j->base_arena);
	j->base_arena = a;
	j->base.file = arena_str(a, m->file);
	j->known_base_upto = known_base_upto;
}
