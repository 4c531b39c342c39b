/* journal_ckpt.c - checkpoints: describing, writing, publishing */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/log.h"
#include "storage/journal_private.h"

/*
 * A checkpoint is described with the journal locked (exactly the state at the
 * head), written without the lock, and published with it: no checkpoint above,
 * and entry N seen with its txid on the connection that the SYMLINK is pinned
 * to (model rollback, PUBC).
 *
 * Every checkpoint owns its segments' names: one kept from before is LINKed to
 * a name of this number.  So what a slow publisher refers to cannot be removed
 * with the checkpoint it was kept from.
 */
enum ckpt_source { CKPT_BYTES, CKPT_FILE, CKPT_KEEP };

struct ckpt_part {
	enum ckpt_source source;
	struct journal_seg seg; /* as published */
	struct str bytes;
	const char *path;
	struct str from; /* CKPT_KEEP: its name until now */
	bool made;	 /* the name may be there */
};

struct ckpt_writer {
	struct journal *j;
	struct arena *arena;
	struct manifest m;
	struct str arg;
	struct ckpt_part part[JOURNAL_SEGS_MAX];
	unsigned n;
	uint64_t gen, known_base_upto;
	struct str link; /* text of ckpt/<N> */
	bool link_file;	 /* the manifest is a file: the last part */
	bool sent, published;
};

#define CKPT_CHUNK (1U << 20)

/* -- describing -------------------------------------------------------- */

static bool
ckpt_is_token(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (s.p[i] < 0x21 || s.p[i] > 0x7e)
			return false;
	return s.n > 0;
}

void
ckpt_arg(struct ckpt_writer *w, struct str arg)
{
	invariant(ckpt_is_token(arg));
	w->arg = arena_str(w->arena, arg);
}

static struct ckpt_part *
ckpt_part_new(struct ckpt_writer *w, enum ckpt_source source, const char *kind,
    struct str arg)
{
	struct ckpt_part *p = &w->part[w->n];
	char seq[SEQ_DIGITS + 1];
	uint64_t x = rnd_u64(sched_rnd(w->j->sched));

	invariant(w->n < JOURNAL_SEGS_MAX - 1);
	invariant(ckpt_is_token(arg));
	w->n++;
	seq_name(w->m.ckpt.seq, seq);
	p->source = source;
	p->seg.kind = str_c(arena_strdup(w->arena, kind));
	p->seg.arg = arena_str(w->arena, arg);
	p->seg.name = str_c(arena_printf(w->arena, "%s-%016llx.%s", seq,
	    (unsigned long long)x, kind));
	return p;
}

void
ckpt_add(struct ckpt_writer *w, const char *kind, struct str arg,
    struct str bytes)
{
	struct ckpt_part *p = ckpt_part_new(w, CKPT_BYTES, kind, arg);

	p->bytes = arena_str(w->arena, bytes);
	p->seg.bytes = bytes.n;
	crypto_sha256(bytes.p, bytes.n, p->seg.sha256);
}

void
ckpt_add_file(struct ckpt_writer *w, const char *kind, struct str arg,
    const char *path)
{
	ckpt_part_new(w, CKPT_FILE, kind, arg)->path =
	    arena_strdup(w->arena, path);
}

void
ckpt_keep(struct ckpt_writer *w, const struct journal_seg *seg)
{
	struct ckpt_part *p;

	p = ckpt_part_new(w, CKPT_KEEP, arena_cstr(w->arena, seg->kind),
	    seg->arg);
	p->from = arena_str(w->arena, seg->name);
	p->seg.bytes = seg->bytes;
	memcpy(p->seg.sha256, seg->sha256, sizeof(p->seg.sha256));
}

/* The journal's own segments: a base, and a delta while that is no more than a
 * quarter of it. */
static void
ckpt_known(struct ckpt_writer *w)
{
	struct journal *j = w->j;
	const struct journal_seg *base = NULL;
	char arg[24];
	struct buf b;
	unsigned i;

	for (i = 0; i < j->base.ckpt.seg_count && base == NULL; i++)
		if (j->base.ckpt.seq > 0 &&
		    str_eq_c(j->base.ckpt.segs[i].kind, "txid"))
			base = &j->base.ckpt.segs[i];
	snprintf(arg, sizeof(arg), "%llu", (unsigned long long)j->head);
	buf_init(&b, NULL, SIZE_MAX / 2);
	if (base != NULL)
		known_write(&j->known, j->known_base_upto, &b);
	if (base != NULL && b.n * JOURNAL_SEG_SLACK <= base->bytes &&
	    base->bytes <= 2 * j->known.n * KNOWN_ROW_BYTES) {
		w->known_base_upto = j->known_base_upto;
		ckpt_keep(w, base);
		if (b.n > 0)
			ckpt_add(w, "txid", str_c(arg), buf_str(&b));
	} else {
		buf_clear(&b);
		known_write(&j->known, 0, &b);
		w->known_base_upto = j->head;
		ckpt_add(w, "txid", str_c(arg), buf_str(&b));
	}
	buf_free(&b);
}

bool
journal_ckpt_is_due(const struct journal *j)
{
	uint64_t every =
	    j->env->ckpt_every != 0 ? j->env->ckpt_every : JOURNAL_CKPT_EVERY;
	uint64_t behind = j->head > j->ckpt_top ? j->head - j->ckpt_top : 0;

	if (behind == 0 || j->mode == JOURNAL_COLD || j->purged)
		return false;
	/* who committed each 128th; anyone who finds it overdue; the last
	 * committer after ten idle minutes; what could not be read */
	return j->ckpt_wanted || behind >= every + every / 4 ||
	       j->ckpt_bad != 0 ||
	       (j->head_ours && sched_now_ms(j->sched) >=
				    j->last_entry_ms + JOURNAL_CKPT_IDLE_MS);
}

/* Locked, at the head: whether there is something to do, and the description.
 */
static may_yield must_check struct err *
ckpt_describe_locked(struct task *t, struct journal *j, struct ckpt_writer *w,
    bool force, bool *due_r)
{
	struct journal_ckpts k;
	struct err *e;

	*due_r = false;
	e = journal_sync(t, j);
	if (e == NULL)
		e = journal_read_ckpts(t, j, &k);
	if (e == NULL && k.purged)
		e = journal_purged_err(t);
	if (e != NULL)
		return e;
	/* `wanted` is of an entry that another's checkpoint may cover now */
	if (j->ckpt_wanted && k.top >= j->ckpt_wanted)
		j->ckpt_wanted = 0;
	if (j->head <= k.top || j->ro_code != ERR_NONE || j->fork_open ||
	    (!force && !journal_ckpt_is_due(j)))
		return NULL;
	*due_r = true;
	w->gen = j->load_gen;
	w->m.ckpt.seq = j->head;
	w->m.ckpt.txid = j->head_txid;
	w->m.token = j->token;
	w->m.forget_at = j->forget_at;
	w->m.forgot = j->forgot;
	e = j->client->save(t, j->arg, w);
	if (e != NULL)
		return e;
	ckpt_known(w);
	return NULL;
}

static may_yield must_check struct err *
ckpt_describe(struct task *t, struct journal *j, struct ckpt_writer *w,
    bool force, bool *due_r)
{
	struct err *e;

	if (j->client->prepare != NULL) {
		e = journal_refresh(t, j);
		if (e == NULL)
			e = j->client->prepare(t, j->arg);
		if (e != NULL)
			return e;
	}
	journal_lock(t, j);
	e = ckpt_describe_locked(t, j, w, force, due_r);
	journal_unlock(t, j);
	return e;
}

/* -- writing ----------------------------------------------------------- */

/* A local file, read piece by piece where that may block. */
struct ckpt_file {
	const char *path;
	int fd, errnum;
	char *p;
	ssize_t n;
};

static void
blocking_file_read(void *arg)
{
	struct ckpt_file *f = arg;

	if (f->fd < 0)
		f->fd = open(f->path, O_RDONLY | O_CLOEXEC);
	f->n = f->fd < 0 ? -1 : read(f->fd, f->p, CKPT_CHUNK);
	f->errnum = errno;
}

static void
blocking_file_end(void *arg)
{
	struct ckpt_file *f = arg;

	if (f->fd >= 0)
		close(f->fd);
	unlink(f->path);
}

static may_yield void
ckpt_blocking(struct task *t, struct journal *j, void (*fn)(void *arg),
    void *arg)
{
	if (j->env->offload != NULL)
		offload_run(t, j->env->offload, fn, arg);
	else
		fn(arg);
}

static may_yield must_check struct err *
ckpt_stream(struct task *t, struct journal *j, struct ckpt_part *p,
    struct ckpt_file *f, struct share_stream **st)
{
	struct crypto_sha256_ctx *sha;
	struct err *e;

	e = share_stream_open(t, j->share, SHARE_LANE_BULK, &j->seg,
	    p->seg.name, st);
	if (e != NULL)
		return e;
	sha = crypto_sha256_new();
	for (;;) {
		ckpt_blocking(t, j, blocking_file_read, f);
		if (f->n <= 0)
			break;
		crypto_sha256_add(sha, f->p, (size_t)f->n);
		p->seg.bytes += (uint64_t)f->n;
		e = share_stream_add(t, *st, f->p, (size_t)f->n);
		if (e != NULL)
			break;
	}
	crypto_sha256_end(&sha, p->seg.sha256);
	if (e == NULL && f->n < 0)
		e = err_errno(task_arena(t), f->errnum, "%s", f->path);
	return e;
}

static may_yield must_check struct err *
ckpt_write_file(struct task *t, struct journal *j, struct ckpt_part *p)
{
	struct ckpt_file f = { .path = p->path, .fd = -1 };
	struct share_stream *st = NULL;
	uint64_t size = 0;
	struct err *e;

	f.p = xcalloc(1, CKPT_CHUNK);
	e = ckpt_stream(t, j, p, &f, &st);
	if (e != NULL)
		share_stream_abort(&st);
	else
		e = share_stream_close(t, &st, NULL, &size);
	ckpt_blocking(t, j, blocking_file_end, &f);
	free(f.p);
	return e;
}

/* The same bytes under a name of this checkpoint: a link, or else a copy. */
static may_yield must_check struct err *
ckpt_write_kept(struct task *t, struct journal *j, struct ckpt_part *p)
{
	struct journal_seg from = p->seg;
	unsigned tries = 0;
	struct share_fh fh;
	struct str data;
	struct err *e;

	from.name = p->from;
	do {
		e = share_lookup(t, j->share, SHARE_LANE_BULK, &j->seg, p->from,
		    &fh, NULL);
		if (e == NULL)
			e = barrier_link(t, j->share, j->st->barrier, &fh,
			    &j->seg, p->seg.name);
	} while (e != NULL && journal_retry(t, j, e, &tries));
	if (!err_is(e, ERR_MLINK) && !err_is(e, ERR_XDEV))
		return e;
	e = journal_seg_read(t, j, &from, 1, task_arena(t), &data);
	if (e != NULL)
		return e;
	return share_put(t, j->share, SHARE_LANE_BULK, &j->seg, p->seg.name,
	    data.p, data.n, NULL);
}

static may_yield must_check struct err *
ckpt_write_part(struct task *t, struct journal *j, struct ckpt_part *p)
{
	p->made = true;
	switch (p->source) {
	case CKPT_FILE:
		return ckpt_write_file(t, j, p);
	case CKPT_KEEP:
		return ckpt_write_kept(t, j, p);
	default:
		return share_put(t, j->share, SHARE_LANE_BULK, &j->seg,
		    p->seg.name, p->bytes.p, p->bytes.n, NULL);
	}
}

/* The manifest: in the link if it fits there, else a file as well. */
static may_yield must_check struct err *
ckpt_write_manifest(struct task *t, struct journal *j, struct ckpt_writer *w)
{
	struct journal_seg *segs;
	struct manifest_ref ref;
	struct ckpt_part *p;
	struct buf b;
	unsigned i;

	segs = arena_array(w->arena, w->n, sizeof(segs[0]));
	for (i = 0; i < w->n; i++)
		segs[i] = w->part[i].seg;
	w->m.ckpt.segs = segs;
	w->m.ckpt.seg_count = w->n;
	w->m.ckpt.arg = w->arg;
	buf_init(&b, w->arena, JOURNAL_MANIFEST_MAX);
	manifest_format(&b, &w->m);
	if (!buf_ok(&b))
		return err_new(task_arena(t), ERR_LIMIT,
		    "checkpoint's description is too long", "%s", j->label);
	w->m.text = w->link = buf_str(&b);
	if (b.n <= SHARE_SYMLINK_MAX)
		return NULL;
	p = ckpt_part_new(w, CKPT_BYTES, "manifest", STR("-"));
	p->bytes = w->m.text;
	ref.bytes = w->m.text.n;
	ref.name = w->m.file = p->seg.name;
	crypto_sha256(w->m.text.p, w->m.text.n, ref.sha256);
	buf_init(&b, w->arena, SHARE_SYMLINK_MAX);
	manifest_ref_format(&b, &ref);
	w->link = buf_str(&b);
	return ckpt_write_part(t, j, p);
}

static may_yield must_check struct err *
ckpt_write(struct task *t, struct journal *j, struct ckpt_writer *w)
{
	struct err *e;
	unsigned i;

	for (i = 0; i < w->n; i++) {
		e = ckpt_write_part(t, j, &w->part[i]);
		if (e != NULL)
			return e;
	}
	return ckpt_write_manifest(t, j, w);
}

/* -- publishing -------------------------------------------------------- */

/* What the name ckpt/<N> says; ERR_NOENT. */
static may_yield must_check struct err *
ckpt_link_read(struct task *t, struct journal *j, uint64_t seq,
    struct str *text_r)
{
	char name[SEQ_DIGITS + 1];
	struct journal_call c;
	struct err *e;

	seq_name(seq, name);
	journal_call_init(j, &c, SHARE_LOOKUP, &j->ckpt);
	c.op.name = str_c(name);
	e = journal_call(t, j, &c);
	if (e != NULL)
		return e;
	journal_call_init(j, &c, SHARE_READLINK, &c.op.fh_r);
	e = journal_call(t, j, &c);
	*text_r = c.op.text_r;
	return e;
}

/*
 * Above the newest, and entry N seen here with its txid.  *go_r false without
 * an error: it is (or is not) published, nothing more is to be done.
 */
static may_yield must_check struct err *
ckpt_may_publish(struct task *t, struct journal *j, struct ckpt_writer *w,
    bool *go_r)
{
	struct journal_in in = { .seq = w->m.ckpt.seq };
	struct journal_ckpts k;
	struct journal_call c;
	struct str text;
	struct err *e, *e2;

	*go_r = false;
	journal_call_init(j, &c, SHARE_READDIR, &j->ckpt);
	journal_send(t, j, &c);
	journal_fetch_lookup_send(t, j, &in, 1);
	e = journal_wait_ckpts(t, j, &c, &k);
	e2 = journal_fetch_lookup_wait(t, j, &in, 1);
	if (e == NULL)
		e = e2;
	if (e == NULL) {
		journal_fetch_read_send(t, j, &in, 1);
		e = journal_fetch_read_wait(t, j, &in, 1);
	}
	if (e != NULL)
		return e;
	if (k.purged || k.top > w->m.ckpt.seq)
		return NULL;
	if (k.top == w->m.ckpt.seq) {
		e = ckpt_link_read(t, j, k.top, &text);
		if (e == NULL)
			w->published = str_eq(text, w->link);
		return e;
	}
	if (in.err != NULL || !txid_eq(&in.rec.txid, &w->m.ckpt.txid))
		return err_new(task_arena(t), ERR_FORK,
		    "the entry of a checkpoint is not there", "%s: %llu",
		    j->label, (unsigned long long)in.seq);
	*go_r = true;
	return NULL;
}

static may_yield must_check struct err *
ckpt_publish_once(struct task *t, struct journal *j, struct ckpt_writer *w)
{
	char name[SEQ_DIGITS + 1];
	struct journal_call c;
	bool go;
	struct err *e;

	e = journal_connect(t, j);
	if (e != NULL)
		return e;
	/* reloaded meanwhile: the client's state is another */
	if (w->gen != j->load_gen)
		return err_new(task_arena(t), ERR_CONFLICT,
		    "journal was loaded again", NULL);
	e = ckpt_may_publish(t, j, w, &go);
	if (e != NULL || !go)
		return e;
	seq_name(w->m.ckpt.seq, name);
	journal_call_init(j, &c, SHARE_SYMLINK, &j->ckpt);
	c.op.name = str_c(name);
	c.op.text = w->link;
	e = journal_call(t, j, &c);
	if (!err_is(e, ERR_UNAVAIL) && !err_is(e, ERR_CONN))
		w->sent = true;
	if (err_is(e, ERR_EXIST)) /* ours, executed twice, or another's */
		return err_new(task_arena(t), ERR_UNKNOWN, "look again", NULL);
	w->published = e == NULL;
	return e;
}

static may_yield void
ckpt_published(struct task *t, struct journal *j, struct ckpt_writer *w)
{
	if (j->ckpt_top < w->m.ckpt.seq) {
		j->ckpt_older = j->ckpt_top;
		j->ckpt_top = w->m.ckpt.seq;
		journal_collect_next(j);
	}
	j->ckpt_bad = 0;
	if (j->ckpt_wanted <= w->m.ckpt.seq)
		j->ckpt_wanted = 0;
	if (w->gen == j->load_gen) {
		journal_set_base(j, &w->m, w->known_base_upto);
		if (j->client->saved != NULL)
			j->client->saved(j->arg, &j->base.ckpt);
	}
	log_debug(t, "journal", "checkpoint published",
	    LOG_C("journal", j->label), LOG_U64("entry", w->m.ckpt.seq),
	    LOG_U64("segments", w->n));
}

static may_yield must_check struct err *
ckpt_publish(struct task *t, struct journal *j, struct ckpt_writer *w)
{
	unsigned tries = 0;
	struct err *e;

	journal_lock(t, j);
	do {
		e = ckpt_publish_once(t, j, w);
	} while (e != NULL && journal_retry(t, j, e, &tries));
	if (w->published)
		ckpt_published(t, j, w);
	journal_unlock(t, j);
	return w->published ? NULL : e;
}

/* Files of a checkpoint that was never sent.  Those of an unknown outcome stay
 * (model journal, PUBKEEP) until a greater name is there: journal_collect. */
static may_yield void
ckpt_cleanup(struct task *t, struct journal *j, struct ckpt_writer *w)
{
	unsigned i;

	for (i = 0; i < w->n; i++) {
		if (w->part[i].path != NULL && !w->part[i].made)
			unlink(w->part[i].path);
		/* what stays behind is collected later */
		if (w->part[i].made && !w->sent)
			err_ignore(share_remove_quiet(t, j->share,
			    SHARE_LANE_ADMIN, &j->seg, w->part[i].seg.name));
	}
}

struct err *
journal_checkpoint(struct task *t, struct journal *j, bool force)
{
	struct ckpt_writer *w;
	bool due = false;
	struct err *e;

	while (j->saving) /* one at a time */
		task_cond_wait(t, &j->bg_cond, UINT64_MAX);
	j->saving = true;
	w = xcalloc(1, sizeof(*w));
	w->j = j;
	w->arena = arena_new(0);
	w->arg = STR("-");
	e = ckpt_describe(t, j, w, force, &due);
	if (e == NULL && due)
		e = ckpt_write(t, j, w);
	if (e == NULL && due)
		e = ckpt_publish(t, j, w);
	if (!w->published)
		ckpt_cleanup(t, j, w);
	arena_free(&w->arena);
	free(w);
	j->saving = false;
	task_cond_broadcast(&j->bg_cond);
	return e;
}
