/* account_env.c - envelope data of messages: gathering, keeping, fetching */
#include <stdlib.h>

#include "base/log.h"
#include "mime/pack.h"
#include "mime/parser.h"
#include "storage/account_private.h"

/* What one checkpoint reads of messages that others delivered: the rest waits
 * for the next one, or for the first who asks. */
#define ENV_GATHER_MESSAGES 256
#define ENV_GATHER_BYTES (32U << 20)
#define ENV_CHUNK (256 * 1024)
#define ENV_PARSE_ARENA (64U << 20)

/* --- parsing --- */

static may_yield must_check struct err *
account_env_feed(struct task *t, struct account *acc,
    const struct message_file *f, struct mime_parser *p, char *chunk)
{
	uint64_t at = 0;
	uint32_t got;
	struct err *e;

	while (at < f->bytes) {
		e = message_file_read(t, acc, f, at, chunk, ENV_CHUNK, &got);
		if (e != NULL)
			return e;
		if (got == 0)
			break;
		mime_parser_feed(p, str_of(chunk, got));
		at += got;
	}
	return NULL;
}

struct err *
account_env_parse(struct task *t, struct account *acc, const struct message *m,
    struct arena *a, struct str *pack_r)
{
	struct message_file f = { .bytes = m->bytes, .name = m->name };
	struct arena *work = arena_new(ENV_PARSE_ARENA);
	struct mime_parser *p;
	struct share_attr attr;
	struct err *e;

	e = message_lookup(t, acc, &f.name, &f.fh, &attr);
	if (e == NULL && attr.size != f.bytes)
		e = err_new(task_arena(t), ERR_CORRUPT,
		    "the message's file has another size", NULL);
	if (e == NULL) {
		p = mime_parser_new(work, NULL);
		e = account_env_feed(t, acc, &f, p,
		    arena_alloc(work, ENV_CHUNK));
		if (e == NULL)
			*pack_r =
			    arena_str(a, mime_pack(work, mime_parser_finish(p),
					     ENV_PACK_MAX));
	}
	arena_free(&work);
	return e;
}

void
account_env_pend(struct account *acc, const struct message_name *name,
    struct str pack)
{
	if (mailstore_pend_room(acc->ms, pack.n))
		envs_pend(&acc->envs, name, pack);
}

/* --- gathering for a checkpoint --- */

static unsigned
account_env_missing(struct account *acc, struct message *list, unsigned max)
{
	uint64_t bytes = 0;
	unsigned n = 0;

	/* newest first in each folder: those are asked for */
	for (unsigned i = 0; i < acc->state.folder_count; i++) {
		const struct rows *rows = &acc->state.by_id[i]->rows;

		for (uint32_t j = rows->n; j-- > 0 && n < max;) {
			const struct message *m = &rows->r[j];

			if (m->env != 0 ||
			    envs_pending(&acc->envs, &m->name) != NULL)
				continue;
			bytes += m->bytes;
			if (bytes > ENV_GATHER_BYTES)
				return n;
			list[n++] = *m;
		}
	}
	return n;
}

static may_yield void
account_env_gather(struct task *t, struct account *acc)
{
	struct message *list = xcalloc(ENV_GATHER_MESSAGES, sizeof(*list));
	unsigned n = account_env_missing(acc, list, ENV_GATHER_MESSAGES);
	struct arena_mark mark;
	struct str pack;
	struct err *e;

	for (unsigned i = 0; i < n; i++) {
		mark = arena_mark(task_arena(t));
		e = account_env_parse(t, acc, &list[i], task_arena(t), &pack);
		if (e == NULL)
			account_env_pend(acc, &list[i].name, pack);
		else if (!err_is(e, ERR_NOENT) && !err_is(e, ERR_CORRUPT))
			n = 0; /* the share is in trouble: not now */
		arena_rewind(task_arena(t), mark);
	}
	free(list);
}

/* Read the last segments that are to be merged. */
static may_yield void
account_env_merge_read(struct task *t, struct account *acc)
{
	struct account_merge *m = &acc->merge;
	struct envs *es = &acc->envs;
	unsigned count;
	uint32_t units = 0;
	struct arena *a;
	struct journal_seg *segs;
	struct str *data;
	struct err *e;

	free(m->bytes);
	*m = (struct account_merge){ .count = 0 };
	for (unsigned i = 0; i < es->pending_count; i++)
		units += es->pending[i]->bytes / ENV_UNIT + 3;
	count = units == 0 ? 0 : envs_merge_count(es, units);
	if (count == 0 ||
	    (uint64_t)(envs_end(es) - es->segs[es->n - count].start) *
		    ENV_UNIT >
		2ULL * ENV_MERGE_BYTES)
		return;
	a = arena_new(0);
	segs = arena_array(a, count, sizeof(*segs));
	data = arena_array(a, count, sizeof(*data));
	for (unsigned i = 0; i < count; i++) {
		segs[i] = es->segs[es->n - count + i].seg;
		segs[i].kind = arena_str(a, segs[i].kind);
		segs[i].name = arena_str(a, segs[i].name);
		segs[i].arg = arena_str(a, segs[i].arg);
	}
	m->start = es->segs[es->n - count].start;
	m->end = envs_end(es);
	e = journal_seg_read(t, acc->journal, segs, count, a, data);
	if (e == NULL) {
		m->bytes = xcalloc(m->end - m->start, ENV_UNIT);
		for (unsigned i = 0; i < count; i++) {
			uint32_t start = 0;

			/* checked when it was added */
			(void)str_u32(segs[i].arg, &start);
			memcpy(m->bytes + (size_t)(start - m->start) * ENV_UNIT,
			    data[i].p + ENV_HEADER_BYTES,
			    data[i].n - ENV_HEADER_BYTES);
		}
		m->count = count;
	}
	/* not merged this time: no harm */
	err_ignore(e);
	arena_free(&a);
}

struct err *
account_env_prepare(struct task *t, struct account *acc)
{
	account_env_gather(t, acc);
	account_env_merge_read(t, acc);
	return NULL;
}

/* --- saving --- */

void
account_env_unstage(struct account *acc)
{
	struct folder_state *f;
	struct message *m;

	/* the last checkpoint was not published: their places are nowhere */
	for (unsigned i = 0; i < acc->staged.env_n; i++) {
		struct account_env_row *row = &acc->staged.env_rows[i];

		f = account_state_folder(&acc->state, row->folder);
		m = f == NULL ? NULL : rows_find(&f->rows, row->uid);
		if (m == NULL || !message_name_eq(&m->name, &row->name))
			m = (struct message *)
			    account_state_row_named(&acc->state, &row->name,
				NULL); /* moved */
		if (m != NULL)
			m->env = m->env_units = 0;
	}
	free(acc->staged.env_rows);
	acc->staged = (struct account_staged){ .active = false };
}

struct env_saving {
	struct account *acc;
	struct buf *out;
	uint32_t start, next;
	struct account_env_row *rows;
	unsigned n;
};

static bool
account_env_place(struct env_saving *es, uint32_t folder, struct message *m)
{
	const struct env_pack *p;
	uint32_t units;
	size_t before = es->out->n;

	p = envs_pending(&es->acc->envs, &m->name);
	if (p == NULL || es->n == ENV_PENDING_MAX)
		return true;
	units = env_record_write(es->out, &m->name, str_of(p->data, p->bytes));
	if (units == 0 || units > UINT16_MAX ||
	    es->next > ENV_PLACE_MAX - units) {
		es->out->n = before;
		return false;
	}
	m->env = es->next;
	m->env_units = (uint16_t)units;
	m->unsaved = m->modseq <= es->acc->bases.rows;
	es->next += units;
	es->rows[es->n++] = (struct account_env_row){ folder, m->uid, m->name };
	return true;
}

/* Segments that some row points into. */
static void
account_env_live(const struct account *acc, bool *live)
{
	const struct account_state *s = &acc->state;
	const struct env_seg *seg = NULL;

	for (unsigned i = 0; i < s->folder_count; i++)
		for (uint32_t j = 0; j < s->by_id[i]->rows.n; j++) {
			const struct message *m = &s->by_id[i]->rows.r[j];

			if (m->env == 0)
				continue;
			/* neighbours are mostly in the same one */
			if (seg == NULL || m->env < seg->start ||
			    m->env - seg->start >= seg->units)
				seg =
				    envs_find(&acc->envs, m->env, m->env_units);
			if (seg != NULL)
				live[seg - acc->envs.segs] = true;
		}
}

void
account_env_save(struct task *t, struct account *acc, struct ckpt_writer *w,
    uint64_t seq)
{
	struct account_state *s = &acc->state;
	struct account_merge *merge = &acc->merge;
	struct env_saving es = { .acc = acc };
	struct arena *a = arena_new(0);
	bool *live = arena_array(a, acc->envs.n + 1, sizeof(*live));
	unsigned keep = acc->envs.n;
	uint32_t header;
	struct buf out;
	bool room = true;

	(void)t;
	(void)seq;
	account_env_live(acc, live);
	buf_init(&out, a, 2UL * ENV_MERGE_BYTES + 2 * ENV_PENDING_BYTES);
	es.start = es.next = envs_end(&acc->envs);
	if (merge->count > 0 && merge->end == es.start) {
		es.start = merge->start;
		keep -= merge->count;
	}
	env_header_write(&out, es.start);
	header = (uint32_t)out.n;
	if (keep < acc->envs.n)
		buf_add(&out, merge->bytes,
		    (size_t)(merge->end - merge->start) * ENV_UNIT);
	es.out = &out;
	es.rows = xcalloc(ENV_PENDING_MAX, sizeof(*es.rows));
	for (unsigned i = 0; i < s->folder_count && room; i++)
		for (uint32_t j = s->by_id[i]->rows.n; j-- > 0 && room;)
			if (s->by_id[i]->rows.r[j].env == 0 &&
			    acc->envs.pending_count > 0)
				room =
				    account_env_place(&es, s->by_id[i]->pub.id,
					&s->by_id[i]->rows.r[j]);
	for (unsigned i = 0; i < keep; i++)
		if (live[i])
			ckpt_keep(w, &acc->envs.segs[i].seg);
	if (out.n > header && buf_ok(&out))
		ckpt_add(w, "env",
		    str_c(arena_printf(a, "%lu", (unsigned long)es.start)),
		    buf_str(&out));
	acc->staged.env_rows = es.rows;
	acc->staged.env_n = es.n;
	free(merge->bytes);
	*merge = (struct account_merge){ .count = 0 };
	arena_free(&a);
}

/* --- fetching --- */

struct env_want {
	uint32_t index; /* in the caller's list */
	struct message m;
};

struct env_fetch {
	struct account *acc;
	struct arena *arena;
	struct str *packs;
	struct env_want *want; /* those in segments, by place */
	unsigned n;
	struct env_want *parse; /* those to be read */
	unsigned parse_n;
};

static int
env_want_cmp(const void *x, const void *y)
{
	const struct env_want *a = x, *b = y;

	return a->m.env < b->m.env ? -1 : a->m.env > b->m.env;
}

static void
env_fetch_sort(struct env_fetch *f, uint32_t folder, const uint32_t *uids,
    uint32_t n)
{
	const struct env_pack *p;
	const struct message *m;

	for (uint32_t i = 0; i < n; i++) {
		f->packs[i] = STR_NONE;
		m = message_by_uid(f->acc, folder, uids[i], NULL);
		if (m == NULL)
			continue;
		p = envs_pending(&f->acc->envs, &m->name);
		if (p != NULL)
			f->packs[i] =
			    arena_str(f->arena, str_of(p->data, p->bytes));
		else if (m->env != 0 &&
			 envs_find(&f->acc->envs, m->env, m->env_units) != NULL)
			f->want[f->n++] = (struct env_want){ i, *m };
		else
			f->parse[f->parse_n++] = (struct env_want){ i, *m };
	}
	qsort(f->want, f->n, sizeof(*f->want), env_want_cmp);
}

/* How many from `from` on lie so near that one READ gets them. */
static unsigned
env_fetch_run(const struct env_fetch *f, unsigned from,
    const struct env_seg *seg)
{
	const struct message *first = &f->want[from].m, *last = first;
	unsigned n = 1;

	for (; from + n < f->n; n++) {
		const struct message *m = &f->want[from + n].m;

		if (m->env - seg->start >= seg->units ||
		    m->env_units > seg->units - (m->env - seg->start) ||
		    (uint64_t)(m->env + m->env_units - first->env) * ENV_UNIT >
			SHARE_READ_MAX ||
		    (m->env > last->env + last->env_units &&
			(m->env - last->env - last->env_units) * ENV_UNIT >
			    ENV_READ_GAP))
			break;
		last = m;
	}
	return n;
}

static may_yield void
env_fetch_range(struct task *t, struct env_fetch *f, unsigned from, unsigned n,
    const struct env_seg *seg_now)
{
	const struct message *first = &f->want[from].m;
	const struct message *last = &f->want[from + n - 1].m;
	uint32_t bytes = (last->env + last->env_units - first->env) * ENV_UNIT;
	uint64_t at = ENV_HEADER_BYTES +
		      (uint64_t)(first->env - seg_now->start) * ENV_UNIT;
	struct journal_seg seg = seg_now->seg;
	char *data = arena_alloc(f->arena, bytes);
	uint32_t got = 0;
	struct err *e;

	/* the list of segments may change while we read */
	seg.kind = arena_str(f->arena, seg.kind);
	seg.name = arena_str(f->arena, seg.name);
	seg.arg = arena_str(f->arena, seg.arg);
	e = journal_seg_range(t, f->acc->journal, &seg, at, data, bytes, &got);
	/* a cache: what it does not give is read from the message */
	if (e != NULL)
		got = 0;
	for (unsigned i = from; i < from + n; i++) {
		struct env_want *w = &f->want[i];
		uint32_t off = (w->m.env - first->env) * ENV_UNIT;
		uint32_t len = w->m.env_units * (uint32_t)ENV_UNIT;

		if (off > got || len > got - off ||
		    !env_record_read(str_of(data + off, len), &w->m.name,
			&f->packs[w->index]))
			f->parse[f->parse_n++] = *w;
	}
}

static may_yield must_check struct err *
env_fetch_parse(struct task *t, struct env_fetch *f)
{
	struct err *e;

	for (unsigned i = 0; i < f->parse_n; i++) {
		struct env_want *w = &f->parse[i];

		e = account_env_parse(t, f->acc, &w->m, f->arena,
		    &f->packs[w->index]);
		if (err_is(e, ERR_NOENT) || err_is(e, ERR_CORRUPT))
			log_error(t, "message cannot be read",
			    LOG_C("account", f->acc->id),
			    LOG_U64("uid", w->m.uid), LOG_ERR(e));
		else if (e != NULL)
			return e;
		else
			account_env_pend(f->acc, &w->m.name,
			    f->packs[w->index]);
	}
	return NULL;
}

struct err *
message_envelopes(struct task *t, struct account *acc, uint32_t folder,
    const uint32_t *uids, uint32_t n, struct arena *a, struct str *packs_r)
{
	struct env_fetch f = { .acc = acc, .arena = a, .packs = packs_r };
	const struct env_seg *seg;
	unsigned run;

	f.want = arena_array(a, n + 1U, sizeof(*f.want));
	f.parse = arena_array(a, n + 1U, sizeof(*f.parse));
	env_fetch_sort(&f, folder, uids, n);
	for (unsigned i = 0; i < f.n; i += run) {
		seg = envs_find(&acc->envs, f.want[i].m.env,
		    f.want[i].m.env_units);
		run = 1;
		if (seg == NULL) /* merged away while we read */
			f.parse[f.parse_n++] = f.want[i];
		else {
			run = env_fetch_run(&f, i, seg);
			env_fetch_range(t, &f, i, run, seg);
		}
	}
	return env_fetch_parse(t, &f);
}
