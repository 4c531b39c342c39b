/* account_salvage.c - what a damaged account's journal still says */
#include <stdlib.h>

#include "base/crypto.h"
#include "base/log.h"
#include "storage/account_private.h"

#define SALVAGE_HEADS 64 /* head segments tried, newest first */
#define SALVAGE_SEG_MAX (512UL << 20)

/*
 * The state is put together from the newest head segment that can be read (with
 * its bases; each has a checksum of its own, so manifests are not needed) and
 * from every entry behind it that can be read.  What is between is lost: the
 * files of such messages are found by the rebuild.
 */
struct salvage_seg {
	uint64_t seq; /* the checkpoint it was written for */
	struct str name;
};

struct salvage {
	struct account *acc;
	struct share *share;
	struct share_fh log, seg;
	bool have_log, have_seg;
	struct salvage_seg *segs; /* newest first */
	unsigned seg_n;
	uint64_t *entries; /* rising */
	unsigned entry_n;
	unsigned applied, unreadable;
};

static int
salvage_seg_cmp(const void *x, const void *y)
{
	const struct salvage_seg *a = x, *b = y;

	return a->seq > b->seq ? -1 : a->seq < b->seq;
}

static int
salvage_seq_cmp(const void *x, const void *y)
{
	const uint64_t *a = x, *b = y;

	return *a < *b ? -1 : *a > *b;
}

static may_yield must_check struct err *
salvage_names(struct task *t, struct salvage *s, const char *dir,
    struct share_fh *fh_r, bool *there_r, struct share_dirent **d_r)
{
	struct err *e;

	*d_r = NULL;
	e = mailstore_lookup(t, s->acc->ms, SHARE_LANE_ADMIN, &s->acc->dir,
	    str_c(dir), fh_r, NULL);
	if (e == NULL)
		e = share_readdir(t, s->share, SHARE_LANE_ADMIN, fh_r,
		    ACCOUNT_DIR_MAX, d_r, NULL);
	*there_r = e == NULL;
	return err_is(e, ERR_NOENT) ? NULL : e;
}

static may_yield must_check struct err *
salvage_list(struct task *t, struct salvage *s)
{
	struct share_dirent *d, *first;
	unsigned n = 0;
	struct err *e;

	e = salvage_names(t, s, "seg", &s->seg, &s->have_seg, &first);
	for (d = first; d != NULL; d = d->next)
		n++;
	s->segs = arena_array(task_arena(t), n + 1UL, sizeof(*s->segs));
	for (d = first; d != NULL; d = d->next)
		if (d->name.n > SEQ_DIGITS &&
		    seq_parse(str_sub(d->name, 0, SEQ_DIGITS),
			&s->segs[s->seg_n].seq))
			s->segs[s->seg_n++].name = d->name;
	qsort(s->segs, s->seg_n, sizeof(*s->segs), salvage_seg_cmp);
	if (e == NULL)
		e = salvage_names(t, s, "log", &s->log, &s->have_log, &first);
	n = 0;
	for (d = first; d != NULL; d = d->next)
		n++;
	s->entries = arena_array(task_arena(t), n + 1UL, sizeof(uint64_t));
	for (d = first; d != NULL; d = d->next)
		if (seq_parse(d->name, &s->entries[s->entry_n]))
			s->entry_n++;
	qsort(s->entries, s->entry_n, sizeof(uint64_t), salvage_seq_cmp);
	return e;
}

/* --- segments --- */

/* A file of seg/; damaged or missing is an empty string. */
static may_yield must_check struct err *
salvage_read(struct task *t, struct salvage *s, struct str name,
    struct arena *a, struct str *data_r)
{
	struct err *e;

	*data_r = STR_NONE;
	e = share_get(t, s->share, SHARE_LANE_ADMIN, &s->seg, name,
	    SALVAGE_SEG_MAX, a, data_r);
	if (e != NULL && share_err_is_unknown(e))
		return e;
	return NULL;
}

/* Every segment of this kind written for that checkpoint is tried in turn: the
 * number in it decides. */
static may_yield must_check struct err *
salvage_base(struct task *t, struct salvage *s, uint64_t seq, const char *end,
    struct arena *a, struct str *data_r)
{
	struct err *e = NULL;

	*data_r = STR_NONE;
	for (unsigned i = 0; e == NULL && i < s->seg_n; i++) {
		if (s->segs[i].seq != seq ||
		    !str_ends(s->segs[i].name, str_c(end)))
			continue;
		e = salvage_read(t, s, s->segs[i].name, a, data_r);
		if (data_r->n >= 20 && le32_get(data_r->p + data_r->n - 4) ==
					   crc32c(0, data_r->p, data_r->n - 4))
			break;
	}
	return e;
}

static may_yield must_check struct err *
salvage_head(struct task *t, struct salvage *s, struct str name,
    struct account_state *state, uint64_t *seq_r, bool *good_r)
{
	struct arena *a = arena_new(4UL << 30);
	struct account_ckpt_bases bases;
	struct str head, rows, tomb;
	struct err *e, *bad;

	*good_r = false;
	e = salvage_read(t, s, name, a, &head);
	if (e == NULL && head.n >= 40) {
		/* see account_ckpt.h: the numbers of the bases */
		e = salvage_base(t, s, le64_get(head.p + 16), ".rows", a,
		    &rows);
		if (e == NULL)
			e = salvage_base(t, s, le64_get(head.p + 24), ".tomb",
			    a, &tomb);
		if (e == NULL) {
			bad = account_ckpt_load(task_arena(t), state, head,
			    rows, tomb, seq_r, &bases);
			*good_r = bad == NULL;
			if (bad != NULL)
				account_state_free(state);
		}
	}
	arena_free(&a);
	return e;
}

static may_yield must_check struct err *
salvage_ckpt(struct task *t, struct salvage *s, struct account_state *state,
    uint64_t *seq_r)
{
	unsigned tried = 0;
	bool good = false;
	struct err *e = NULL;

	*seq_r = 0;
	for (unsigned i = 0;
	     e == NULL && !good && i < s->seg_n && tried < SALVAGE_HEADS; i++) {
		if (!str_ends(s->segs[i].name, STR(".head")))
			continue;
		tried++;
		e = salvage_head(t, s, s->segs[i].name, state, seq_r, &good);
	}
	if (!good)
		*seq_r = 0;
	return e;
}

/* --- entries --- */

static may_yield must_check struct err *
salvage_ops(struct task *t, struct salvage *s, const struct record *rec,
    struct str *ops_r, bool *good_r)
{
	unsigned char sha[CRYPTO_SHA256_BYTES];
	char name[TXID_HEX + 5];
	struct err *e;

	*good_r = true;
	*ops_r = rec->ops;
	if (!rec->external)
		return NULL;
	txid_hex(&rec->txid, name);
	memcpy(name + TXID_HEX, ".rec", 5);
	e = salvage_read(t, s, str_c(name), task_arena(t), ops_r);
	*good_r = ops_r->n >= rec->ops_bytes;
	if (!*good_r)
		return e;
	ops_r->n = rec->ops_bytes;
	crypto_sha256(ops_r->p, ops_r->n, sha);
	*good_r = memcmp(sha, rec->ops_sha256, sizeof(sha)) == 0;
	return e;
}

static may_yield must_check struct err *
salvage_entry(struct task *t, struct salvage *s, struct account_state *state,
    uint64_t seq, bool *good_r)
{
	char name[SEQ_DIGITS + 1];
	struct account_op *ops;
	struct share_attr attr;
	struct share_fh fh;
	struct record rec;
	struct str text;
	unsigned n;
	struct err *e;

	*good_r = false;
	seq_name(seq, name);
	e = mailstore_lookup(t, s->acc->ms, SHARE_LANE_ADMIN, &s->log,
	    str_c(name), &fh, &attr);
	if (e == NULL && attr.type != SHARE_LNK)
		return NULL;
	if (e == NULL)
		e = share_readlink(t, s->share, SHARE_LANE_ADMIN, &fh, &text);
	if (e != NULL)
		return share_err_is_unknown(e) ? e : NULL;
	if (record_parse(task_arena(t), text, &rec) != NULL || rec.seq != seq)
		return NULL;
	e = salvage_ops(t, s, &rec, &text, good_r);
	if (e != NULL || !*good_r)
		return e;
	*good_r =
	    account_ops_parse(task_arena(t), text, &rec.txid, &ops, &n) == NULL;
	if (*good_r)
		account_state_apply(state, ops, n, seq);
	return NULL;
}

static may_yield must_check struct err *
salvage_entries(struct task *t, struct salvage *s, struct account_state *state,
    uint64_t from)
{
	struct err *e = NULL;
	bool good;

	for (unsigned i = 0; e == NULL && i < s->entry_n; i++) {
		struct arena_mark mark = arena_mark(task_arena(t));

		if (s->entries[i] <= from)
			continue;
		e = salvage_entry(t, s, state, s->entries[i], &good);
		if (e != NULL)
			break;
		if (good)
			s->applied++;
		else
			s->unreadable++;
		arena_rewind(task_arena(t), mark);
	}
	return e;
}

struct err *
account_salvage(struct task *t, struct account *acc,
    struct account_state *state)
{
	struct salvage s = { .acc = acc, .share = mailstore_share(acc->ms) };
	uint64_t seq = 0;
	struct err *e;

	e = salvage_list(t, &s);
	if (e == NULL && s.have_seg)
		e = salvage_ckpt(t, &s, state, &seq);
	if (e == NULL && s.have_log)
		e = salvage_entries(t, &s, state, seq);
	if (e == NULL)
		log_warn(t, "account salvaged", LOG_C("account", acc->id),
		    LOG_U64("checkpoint", seq), LOG_U64("entries", s.applied),
		    LOG_U64("unreadable", s.unreadable));
	return e;
}
