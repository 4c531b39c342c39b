/* account_rebuild.c - a mailbox from the plain files */
#include <stdlib.h>

#include "base/log.h"
#include "storage/account_private.h"

#define REBUILD_FOLDER "Recovered"
#define REBUILD_YOUNG_S 86400
#define REBUILD_BATCH 5000 /* files put into one entry */

/* A file of msg/, as it is. */
struct rebuild_file {
	struct message_name name;
	uint64_t bytes;
	int64_t time;
	bool known;  /* a row or tombstone names it */
	bool linked; /* in this batch */
	bool taken;  /* by the entry */
};

struct rebuild {
	struct account *acc;
	struct account_rebuild *r;
	struct rebuild_file *files; /* sorted by name */
	unsigned n, size;
	int64_t share_now;
	/* Rows of later entries are not judged by the listing: their files may
	 * be younger than it is. */
	uint64_t listed_at;
	struct uidset gone; /* of the folder at work */
};

static int
rebuild_file_cmp(const void *x, const void *y)
{
	const struct message_name *a = x, *b = y;
	int c = memcmp(a->txid.b, b->txid.b, sizeof(a->txid.b));

	if (c != 0)
		return c;
	return a->ordinal != b->ordinal ? (int)a->ordinal - (int)b->ordinal
					: (int)a->month - (int)b->month;
}

/* --- the files --- */

static may_yield must_check struct err *
rebuild_file(struct task *t, struct rebuild *rb, const struct share_fh *dir,
    struct str text, const struct message_name *name)
{
	struct share_attr attr;
	struct share_fh fh;
	struct err *e;

	e = mailstore_lookup(t, rb->acc->ms, SHARE_LANE_ADMIN, dir, text, &fh,
	    &attr);
	if (err_is(e, ERR_NOENT))
		return NULL;
	if (e != NULL || attr.type != SHARE_REG ||
	    attr.size > MESSAGE_BYTES_MAX)
		return e;
	if (rb->share_now < attr.mtime_ns / 1000000000)
		rb->share_now = attr.mtime_ns / 1000000000;
	if (rb->n == rb->size) {
		rb->size = rb->size == 0 ? 64 : rb->size * 2;
		rb->files = xrealloc(rb->files, rb->size, sizeof(*rb->files));
	}
	rb->files[rb->n++] = (struct rebuild_file){
		.name = *name,
		.bytes = attr.size,
		.time = attr.mtime_ns / 1000000000,
	};
	return NULL;
}

static may_yield must_check struct err *
rebuild_month(struct task *t, struct rebuild *rb, const struct share_fh *msg,
    struct str month_name)
{
	struct share *s = mailstore_share(rb->acc->ms);
	struct message_name name;
	struct share_dirent *d;
	struct share_fh dir;
	uint16_t month;
	struct err *e;

	if (!message_month_parse(month_name, &month))
		return NULL;
	e = mailstore_lookup(t, rb->acc->ms, SHARE_LANE_ADMIN, msg, month_name,
	    &dir, NULL);
	if (e == NULL)
		e = share_readdir(t, s, SHARE_LANE_ADMIN, &dir, ACCOUNT_DIR_MAX,
		    &d, NULL);
	for (; e == NULL && d != NULL; d = d->next) {
		struct arena_mark mark = arena_mark(task_arena(t));

		if (!message_name_parse(d->name, &name))
			continue;
		name.month = month;
		e = rebuild_file(t, rb, &dir, d->name, &name);
		if (e == NULL)
			arena_rewind(task_arena(t), mark);
	}
	return e;
}

static may_yield must_check struct err *
rebuild_walk(struct task *t, struct rebuild *rb)
{
	struct share *s = mailstore_share(rb->acc->ms);
	struct share_dirent *d;
	struct share_fh msg;
	struct err *e;

	e = mailstore_lookup(t, rb->acc->ms, SHARE_LANE_ADMIN, &rb->acc->dir,
	    STR("msg"), &msg, NULL);
	if (err_is(e, ERR_NOENT))
		return share_mkdir(t, s, SHARE_LANE_ADMIN, &rb->acc->dir,
		    STR("msg"), NULL);
	if (e == NULL)
		e = share_readdir(t, s, SHARE_LANE_ADMIN, &msg, ACCOUNT_DIR_MAX,
		    &d, NULL);
	for (; e == NULL && d != NULL; d = d->next)
		e = rebuild_month(t, rb, &msg, d->name);
	if (e == NULL && rb->n > 0)
		qsort(rb->files, rb->n, sizeof(*rb->files), rebuild_file_cmp);
	return e;
}

/* --- what must change --- */

static struct rebuild_file *
rebuild_find(const struct rebuild *rb, const struct message_name *name)
{
	return rb->n == 0 ? NULL
			  : bsearch(name, rb->files, rb->n, sizeof(*rb->files),
				rebuild_file_cmp);
}

/* Files that a row or tombstone names. */
static void
rebuild_mark(struct rebuild *rb, const struct account_state *s)
{
	struct rebuild_file *file;

	for (unsigned i = 0; i < s->folder_count; i++)
		for (uint32_t j = 0; j < s->by_id[i]->rows.n; j++) {
			file = rebuild_find(rb, &s->by_id[i]->rows.r[j].name);
			if (file != NULL)
				file->known = true;
		}
	for (unsigned i = 0; i < s->tomb_count; i++) {
		file = rebuild_find(rb, &s->tombs[i].name);
		if (file != NULL)
			file->known = true;
	}
}

/* Rows without their file; a file of another size counts as another file. */
static void
rebuild_lost(struct rebuild *rb, const struct account_state *s, struct buf *ops,
    struct arena *a)
{
	for (unsigned i = 0; i < s->folder_count; i++) {
		const struct folder_state *f = s->by_id[i];
		struct account_op op = { .letter = 'x', .folder = f->pub.id };

		uidset_init(&op.uids, a);
		for (uint32_t j = 0; j < f->rows.n; j++) {
			const struct message *m = &f->rows.r[j];
			struct rebuild_file *file = rebuild_find(rb, &m->name);

			if (m->modseq > rb->listed_at ||
			    (file != NULL && file->bytes == m->bytes)) {
				rb->r->kept_r++;
				continue;
			}
			uidset_add(&op.uids, m->uid);
			rb->r->lost_r++;
		}
		if (!uidset_is_empty(&op.uids))
			account_op_write(ops, &op);
	}
}

static bool
rebuild_is_found(const struct rebuild *rb, const struct rebuild_file *f)
{
	/* an empty file is no message: a CREATE whose WRITE never came, or one
	 * that came late, after the file had been removed */
	return !f->known && f->bytes > 0 &&
	       (rb->r->young || f->time + REBUILD_YOUNG_S <= rb->share_now);
}

static uint32_t
rebuild_folder(struct task *t, const struct account_state *s, struct buf *ops)
{
	const struct folder_state *f =
	    account_state_named(s, STR(REBUILD_FOLDER));
	struct account_op op = {
		.letter = 'c',
		.use = FOLDER_USE_NONE,
		.subscribed = true,
		.text = STR(REBUILD_FOLDER),
	};
	unsigned char b[4];

	if (f != NULL)
		return f->pub.id;
	do {
		task_random(t, b, sizeof(b));
		op.folder = le32_get(b);
	} while (op.folder < ACCOUNT_FOLDER_RANDOM ||
		 account_state_folder(s, op.folder) != NULL);
	op.uidvalidity = account_state_uidvalidity(s, task_wall_s(t), 0);
	account_op_write(ops, &op);
	return op.folder;
}

/*
 * Files that nothing names.  Their owner may still live, and may remove its own
 * name when it gives up: so each gets a name of ours (every row owns its own),
 * and the owner's txid is voided by the entry that says so.
 */
struct rebuild_batch {
	struct rebuild *rb;
	struct txid txid;
	uint16_t month;
	unsigned from, next; /* part of rb->files that was looked at */
};

static bool
rebuild_wants(const struct rebuild *rb, const struct account_state *s,
    const struct rebuild_file *f)
{
	return rebuild_is_found(rb, f) && !account_state_knows(s, &f->name) &&
	       !journal_is_voided(rb->acc->journal, &f->name.txid);
}

static struct message_name
rebuild_name(const struct rebuild_batch *b, unsigned i)
{
	return (struct message_name){ .txid = b->txid,
		.ordinal = (uint16_t)(i - b->from),
		.month = b->month };
}

static may_yield must_check struct err *
rebuild_link(struct task *t, struct rebuild_batch *b, unsigned i)
{
	struct rebuild_file *f = &b->rb->files[i];
	struct message_name name = rebuild_name(b, i);
	struct share_fh fh;
	struct err *e;

	e = message_lookup(t, b->rb->acc, &f->name, &fh, NULL);
	if (e == NULL)
		e = message_link(t, b->rb->acc, &fh, &name);
	f->linked = e == NULL;
	return err_is(e, ERR_NOENT) ? NULL : e; /* removed meanwhile */
}

static may_yield must_check struct err *
rebuild_batch_link(struct task *t, struct rebuild_batch *b,
    const struct account_state *s)
{
	struct err *e = NULL;

	b->month = message_month_of(task_wall_s(t));
	for (b->next = b->from; e == NULL && b->next < b->rb->n &&
				b->next - b->from < REBUILD_BATCH;
	     b->next++) {
		struct arena_mark mark = arena_mark(task_arena(t));

		if (!rebuild_wants(b->rb, s, &b->rb->files[b->next]))
			continue;
		e = rebuild_link(t, b, b->next);
		if (e == NULL)
			arena_rewind(task_arena(t), mark);
	}
	return e;
}

/* Of each file one name goes: the owner's if the entry took it, else ours. */
static may_yield void
rebuild_batch_end(struct task *t, struct rebuild_batch *b, bool committed)
{
	for (unsigned i = b->from; i < b->next; i++) {
		struct rebuild_file *f = &b->rb->files[i];
		struct message_name ours = rebuild_name(b, i);
		struct arena_mark mark = arena_mark(task_arena(t));

		/* what stays behind is an orphan: the sweep finds it */
		if (f->linked)
			err_ignore(message_unlink(t, b->rb->acc,
			    committed && f->taken ? &f->name : &ours));
		arena_rewind(task_arena(t), mark);
	}
}

static void
rebuild_batch_void(const struct rebuild_batch *b, struct buf *ops)
{
	const struct txid *last = NULL;

	for (unsigned i = b->from; i < b->next; i++) {
		const struct rebuild_file *f = &b->rb->files[i];

		if (!f->taken || (last != NULL && txid_eq(last, &f->name.txid)))
			continue;
		last = &f->name.txid;
		record_op(ops, 'D');
		record_txid(ops, last);
	}
}

static void
rebuild_batch_write(struct task *t, struct rebuild_batch *b,
    const struct account_state *s, struct buf *ops)
{
	uint32_t folder = 0;

	for (unsigned i = b->from; i < b->next; i++) {
		struct rebuild_file *f = &b->rb->files[i];
		struct account_op op = {
			.letter = 'a',
			.bytes = f->bytes,
			.name = rebuild_name(b, i),
			.time = f->time < 0 ? 0 : (uint64_t)f->time,
		};
		struct buf source;

		f->taken = f->linked && rebuild_wants(b->rb, s, f);
		if (!f->taken)
			continue;
		if (folder == 0)
			folder = rebuild_folder(t, s, ops);
		op.folder = folder;
		if (op.time > UINT32_MAX)
			op.time = UINT32_MAX;
		buf_init(&source, task_arena(t), 128);
		account_source_format(&source, STR_NONE, &f->name);
		op.source = buf_str(&source);
		account_op_write(ops, &op);
		b->rb->r->recovered_r++;
	}
}

/* --- a journal that can be read: entries --- */

struct rebuild_entry {
	struct rebuild *rb;
	struct rebuild_batch batch;
	bool lost_done;
	unsigned kept, lost, recovered; /* before this entry */
};

static struct err *
rebuild_compose(struct task *t, struct account_tx *x, struct buf *ops)
{
	struct rebuild_entry *re = x->arg;
	struct account_rebuild *r = re->rb->r;
	size_t before = ops->n;

	/* again from where this entry begins: the state may have moved on */
	r->kept_r = re->kept;
	r->lost_r = re->lost;
	r->recovered_r = re->recovered;
	if (!re->lost_done)
		rebuild_lost(re->rb, &x->acc->state, ops, task_arena(t));
	rebuild_batch_write(t, &re->batch, &x->acc->state, ops);
	rebuild_batch_void(&re->batch, ops);
	/* the first is committed even if it says nothing: a checkpoint can be
	 * made above one that is damaged */
	x->nothing = ops->n == before && re->lost_done;
	return NULL;
}

static may_yield must_check struct err *
rebuild_commit(struct task *t, struct rebuild_entry *re)
{
	struct rebuild *rb = re->rb;
	struct account_tx x;
	struct err *e;

	re->kept = rb->r->kept_r;
	re->lost = rb->r->lost_r;
	re->recovered = rb->r->recovered_r;
	account_tx_init(t, rb->acc, &x);
	/* What FORGET forgets may have had a file in the listing. */
	x.tx.begun = rb->listed_at;
	x.compose = rebuild_compose;
	x.when_closed = true;
	x.arg = re;
	re->batch.txid = x.tx.txid;
	e = rebuild_batch_link(t, &re->batch, &rb->acc->state);
	if (e == NULL)
		e = account_commit(t, &x);
	if (e == NULL || journal_err_is_verdict(e))
		rebuild_batch_end(t, &re->batch, e == NULL);
	return e;
}

static may_yield must_check struct err *
rebuild_in_place(struct task *t, struct rebuild *rb)
{
	struct rebuild_entry re = { .rb = rb, .batch = { .rb = rb } };
	struct err *e;

	/* which files rows name is known before the first are taken */
	rebuild_mark(rb, &rb->acc->state);
	do {
		e = rebuild_commit(t, &re);
		re.lost_done = true;
		re.batch.from = re.batch.next;
	} while (e == NULL && re.batch.from < rb->n);
	return e != NULL ? e : journal_maintain(t, rb->acc->journal, true);
}

/* --- a journal that cannot be read: a checkpoint above it --- */

static void
rebuild_apply(struct task *t, struct account_state *s, struct str text,
    const struct txid *txid, uint64_t seq)
{
	struct account_op *ops;
	unsigned n;
	struct err *e;

	if (text.n == 0)
		return;
	e = account_ops_parse(task_arena(t), text, txid, &ops, &n);
	invariant(e == NULL);
	account_state_apply(s, ops, n, seq);
}

/* Folders every account has, and new UIDVALIDITYs for all: nobody can say any
 * more which UIDs were given out. */
static void
rebuild_folders(struct task *t, struct account_state *s, uint64_t seq)
{
	static const struct txid none;
	struct buf ops;

	buf_init(&ops, task_arena(t), RECORD_OPS_MAX);
	account_default_folders(t, s, &ops);
	rebuild_apply(t, s, buf_str(&ops), &none, seq);
	buf_clear(&ops);
	for (unsigned i = 0; i < s->folder_count; i++) {
		struct account_op op = {
			.letter = 'w',
			.folder = s->by_id[i]->pub.id,
			.uidvalidity =
			    account_state_uidvalidity(s, task_wall_s(t), i),
		};

		account_op_write(&ops, &op);
	}
	rebuild_apply(t, s, buf_str(&ops), &none, seq);
}

/* Owners of what is found are held: they began before the checkpoint.  Their
 * names stay, for the sweep to void. */
static may_yield must_check struct err *
rebuild_above_found(struct task *t, struct rebuild *rb, struct account_state *s,
    uint64_t seq)
{
	struct rebuild_batch b = { .rb = rb };
	struct err *e = NULL;
	struct buf ops;

	buf_init(&ops, NULL, RECORD_OPS_MAX);
	for (; e == NULL && b.from < rb->n; b.from = b.next) {
		struct arena_mark mark = arena_mark(task_arena(t));

		task_random(t, &b.txid, sizeof(b.txid));
		e = rebuild_batch_link(t, &b, s);
		if (e != NULL)
			break;
		buf_clear(&ops);
		rebuild_batch_write(t, &b, s, &ops);
		rebuild_apply(t, s, buf_str(&ops), &b.txid, seq);
		arena_rewind(task_arena(t), mark);
	}
	buf_free(&ops);
	return e;
}

static may_yield must_check struct err *
rebuild_above(struct task *t, struct rebuild *rb)
{
	struct account *acc = rb->acc;
	struct account_state s;
	static const struct txid none;
	uint64_t top, seq;
	struct buf ops;
	char was;
	struct err *e;

	account_state_init(&s);
	e = account_salvage(t, acc, &s);
	if (e == NULL)
		e = journal_repair_top(t, acc->journal, &top);
	if (e != NULL) {
		account_state_free(&s);
		return e;
	}
	was = s.state; /* what is closed stays so, but must be repaired */
	s.state = 'o';
	rebuild_folders(t, &s, top + 1);
	buf_init(&ops, NULL, UINT32_MAX);
	rebuild_mark(rb, &s);
	rebuild_lost(rb, &s, &ops, task_arena(t));
	rebuild_apply(t, &s, buf_str(&ops), &none, top + 1);
	buf_free(&ops);
	e = rebuild_above_found(t, rb, &s, top + 1);
	if (e != NULL) {
		account_state_free(&s);
		return e;
	}
	s.state = was;
	account_state_drop(acc);
	acc->state = s;
	/* all of it goes into the segments: there is no base */
	acc->state.base_seq = 0;
	acc->state.gone_count = 0;
	for (unsigned i = 0; i < acc->state.folder_count; i++)
		for (uint32_t j = 0; j < acc->state.by_id[i]->rows.n; j++)
			acc->state.by_id[i]->rows.r[j].env =
			    acc->state.by_id[i]->rows.r[j].env_units = 0;
	rb->r->uidvalidity_changed_r = true;
	return journal_supersede(t, acc->journal, &seq);
}

static may_yield must_check struct err *
rebuild_run(struct task *t, struct rebuild *rb)
{
	struct account *acc = rb->acc;
	struct err *e, *bad;

	e = account_locate(t, acc);
	if (e == NULL)
		e = journal_mkdirs(t, mailstore_store(acc->ms), &acc->dir);
	if (e != NULL)
		return e;
	if (account_refresh(t, acc) == NULL)
		rb->listed_at = account_head(acc);
	e = rebuild_walk(t, rb);
	if (e != NULL)
		return e;
	bad = account_refresh(t, acc);
	if (bad == NULL)
		bad = journal_readonly(t, acc->journal);
	if (bad == NULL)
		return rebuild_in_place(t, rb);
	if (err_is(bad, ERR_CORRUPT) || err_is(bad, ERR_NOENT) ||
	    (err_is(bad, ERR_NOTFOUND) && !account_is_purged(acc))) {
		rb->listed_at = UINT64_MAX;
		return rebuild_above(t, rb);
	}
	return bad; /* a newer version's, or the share is in trouble */
}

struct err *
account_rebuild(struct task *t, struct mailstore *ms, struct str id,
    struct account_rebuild *r)
{
	struct rebuild rb = { .r = r };
	struct err *e;

	r->kept_r = r->recovered_r = r->lost_r = 0;
	r->uidvalidity_changed_r = false;
	if (!account_id_is_valid(id))
		return err_new(task_arena(t), ERR_INVALID,
		    "this is not an account's id", NULL);
	rb.acc = mailstore_get(ms, id);
	e = rebuild_run(t, &rb);
	free(rb.files);
	mailstore_put(rb.acc);
	return e;
}
