/* cmd_search.c - SEARCH and UID SEARCH */
#include "base/log.h"
#include "server/imap/imap_batch.h"
#include "server/imap/imap_body.h"
#include "server/imap/imap_commands.h"
#include "server/imap/imap_file.h"
#include "server/imap/imap_search.h"

/* Keys looked at before others may run, and bytes of text. */
#define SEARCH_TURN_KEYS 20000
#define SEARCH_TURN_BYTES (256U << 10)
#define SEARCH_OUT_BYTES (1U << 20)

/*
 * search = "SEARCH" [SP "CHARSET" SP astring] 1*(SP search-key)
 *						RFC 3501, 6.4.4; RFC 7162, 3.1.5
 *
 * First everybody is asked what the rows say; only those that are undecided
 * then are looked at in their envelope data, then in their header, then in
 * their bodies.  A message that cannot be read does not match.
 */
struct search_run {
	struct imap_cmd *cmd;
	struct account *acc;
	struct imap_search s;
	struct imap_searcher sr;
	struct imap_file file;
	unsigned char *hit; /* by sequence number - 1 */
	struct uidset maybe;
	uint64_t modseq; /* highest of those found */
	unsigned turn;	 /* bytes of text since others ran */
	uint32_t unreadable;
};

static void
search_decide(struct search_run *r, const struct imap_search_subject *sub,
    enum imap_tri is)
{
	if (is != IMAP_YES)
		return;
	r->hit[sub->seq - 1] = 1;
	if (sub->m->modseq > r->modseq)
		r->modseq = sub->m->modseq;
}

/* --- rows --- */

static may_yield void
search_rows(struct task *t, struct search_run *r)
{
	const struct imap_view *v = &r->cmd->s->view;
	uint32_t per_turn = SEARCH_TURN_KEYS / r->s.keys + 1, row = 0;

	imap_search_keywords(&r->s, r->acc);
	imap_search_begin(&r->sr);
	for (uint32_t i = 0; i < v->n; i++, row++) {
		const struct message *m = message_nth(r->acc, v->folder, row);
		struct imap_search_subject sub = { .seq = i + 1 };
		enum imap_tri is;

		if (m == NULL || m->uid != v->uids[i])
			m = message_by_uid(r->acc, v->folder, v->uids[i], &row);
		if (m == NULL) { /* expunged; row is the one behind it */
			row--;
			continue;
		}
		sub.m = m;
		is = imap_search_eval(&r->s, &sub);
		if (is == IMAP_MAYBE)
			uidset_add(&r->maybe, m->uid);
		search_decide(r, &sub, is);
		if ((i + 1) % per_turn != 0)
			continue;
		if (conn_is_ending(r->cmd->s->c))
			return;
		task_yield(t);
		imap_search_keywords(&r->s, r->acc);
	}
}

/* --- files --- */

static may_yield void
search_turn(struct task *t, struct search_run *r, size_t bytes)
{
	r->turn += (unsigned)bytes;
	if (r->turn < SEARCH_TURN_BYTES)
		return;
	r->turn = 0;
	task_yield(t);
	imap_search_keywords(&r->s, r->acc);
}

static may_yield must_check struct err *
search_block(struct task *t, struct search_run *r, uint64_t from, uint64_t to,
    void (*fn)(struct imap_searcher *sr, struct str header))
{
	struct buf header;
	struct err *e;

	if (to - from > IMAP_HEADER_BYTES)
		to = from + IMAP_HEADER_BYTES;
	buf_init(&header, NULL, IMAP_HEADER_BYTES);
	e = imap_file_copy(t, &r->file, from, to, &header);
	if (e == NULL)
		fn(&r->sr, buf_str(&header));
	search_turn(t, r, header.n);
	buf_free(&header);
	return e;
}

static may_yield must_check struct err *
search_part(struct task *t, struct search_run *r, const struct mime_part *p)
{
	uint64_t at = p->body_start;
	struct imap_decoder d;
	struct str piece;
	struct err *e = NULL;

	if (at >= p->body_end)
		return NULL;
	imap_search_part(&r->sr, &d, p);
	while (at < p->body_end && !imap_finder_is_done(r->sr.finder)) {
		e = imap_file_get(t, &r->file, at, p->body_end - at, &piece);
		if (e != NULL)
			break;
		imap_decoder_feed(&d, piece);
		at += piece.n;
		search_turn(t, r, piece.n);
	}
	imap_decoder_end(&d);
	imap_search_found(&r->sr);
	return e;
}

static may_yield must_check struct err *
search_bodies(struct task *t, struct search_run *r,
    const struct mime_part *root, const struct imap_search_subject *sub)
{
	struct err *e = NULL;

	for (const struct mime_part *p = root; e == NULL && p != NULL;
	     p = mime_part_next(p)) {
		if (p != root && p->body_start > p->header_start)
			e = search_block(t, r, p->header_start, p->body_start,
			    imap_search_inner_header);
		if (e == NULL && imap_search_reads(p))
			e = search_part(t, r, p);
		if (imap_search_eval(&r->s, sub) != IMAP_MAYBE ||
		    conn_is_ending(r->cmd->s->c))
			break;
	}
	return e;
}

static may_yield must_check struct err *
search_file(struct task *t, struct search_run *r, const struct mime_packed *p,
    const struct imap_search_subject *sub)
{
	const struct mime_part *root = p != NULL ? p->root : NULL;
	struct arena *a = task_arena(t);
	struct err *e;

	e = imap_file_open(t, &r->file, r->cmd->s->view.folder, sub->m->uid);
	if (e == NULL && root == NULL)
		e = imap_file_header_end(t, &r->file, a, &root);
	if (e == NULL)
		e = search_block(t, r, root->header_start, root->body_start,
		    imap_search_header);
	if (e != NULL || !imap_search_wants_body(&r->sr) ||
	    imap_search_eval(&r->s, sub) != IMAP_MAYBE)
		return e;
	if (p == NULL || !p->has_structure)
		e = imap_file_parse(t, &r->file, a, &root);
	return e == NULL ? search_bodies(t, r, root, sub) : e;
}

/* --- one message that the row did not decide --- */

static may_yield must_check struct err *
search_message(struct task *t, struct search_run *r, const struct imap_one *one)
{
	struct imap_search_subject sub = { .m = &one->m, .seq = one->seq };
	struct mime_packed packed;
	bool has_pack = false;
	struct err *e = NULL;

	imap_search_begin(&r->sr);
	imap_search_keywords(&r->s, r->acc);
	if (one->pack.n > 0) {
		struct err *bad =
		    mime_unpack(task_arena(t), one->pack, NULL, &packed);

		/* a cache: the file says it, too */
		has_pack = bad == NULL;
	}
	if (has_pack)
		imap_search_pack(&r->sr, &packed);
	if (imap_search_eval(&r->s, &sub) == IMAP_MAYBE)
		e = search_file(t, r, has_pack ? &packed : NULL, &sub);
	if (e != NULL)
		return e;
	imap_search_finish(&r->sr);
	search_decide(r, &sub, imap_search_eval(&r->s, &sub));
	return NULL;
}

static may_yield must_check struct err *
search_portion(struct task *t, struct search_run *r, struct imap_batch *b)
{
	struct err *e = imap_batch_packs(t, b);

	for (uint32_t i = 0; e == NULL && i < b->n; i++) {
		struct arena_mark mark = arena_mark(task_arena(t));

		if (b->list[i].removed || conn_is_ending(r->cmd->s->c))
			continue;
		e = search_message(t, r, &b->list[i]);
		if (err_is(e, ERR_CORRUPT) || err_is(e, ERR_NOTFOUND) ||
		    err_is(e, ERR_NOENT)) {
			/* one that was moved away meanwhile is no damage */
			r->unreadable += !err_is(e, ERR_NOTFOUND);
			e = NULL;
		}
		if (e == NULL)
			arena_rewind(task_arena(t), mark);
		search_turn(t, r, 1024);
	}
	return e;
}

static may_yield must_check struct err *
search_messages(struct task *t, struct search_run *r)
{
	struct imap_batch b;
	struct err *e = NULL;

	imap_batch_init(&b, t, r->cmd->s, r->acc, &r->maybe);
	imap_file_init(&r->file, r->acc);
	while (e == NULL && !conn_is_ending(r->cmd->s->c) &&
	       imap_batch_next(t, &b)) {
		struct arena_mark mark = arena_mark(task_arena(t));

		e = search_portion(t, r, &b);
		if (e == NULL)
			arena_rewind(task_arena(t), mark);
	}
	imap_file_free(&r->file);
	imap_batch_free(&b);
	if (r->unreadable > 0)
		log_error(t, "messages cannot be read and were not searched",
		    LOG_U64("messages", r->unreadable));
	return e;
}

/* --- answer --- */

/* "*" SP "SEARCH" *(SP nz-number) [SP "(" "MODSEQ" SP mod-sequence-value ")"]
 */
static may_yield void
search_tell(struct task *t, struct search_run *r)
{
	const struct imap_view *v = &r->cmd->s->view;
	struct conn *c = r->cmd->s->c;
	struct buf out;
	bool any = false;

	buf_init(&out, NULL, SEARCH_OUT_BYTES);
	buf_c(&out, "* SEARCH");
	for (uint32_t i = 0; i < v->n; i++) {
		if (!r->hit[i])
			continue;
		any = true;
		buf_char(&out, ' ');
		buf_u64(&out, r->cmd->uid ? v->uids[i] : i + 1);
		if (out.n < CONN_OUTPUT_BYTES)
			continue;
		conn_write(t, c, out.p, out.n);
		buf_clear(&out);
	}
	if (any && r->s.modseq)
		buf_fmt(&out, " (MODSEQ %llu)", (unsigned long long)r->modseq);
	buf_c(&out, "\r\n");
	conn_write(t, c, out.p, out.n);
	buf_free(&out);
}

static may_yield struct err *
cmd_search_run(struct task *t, struct imap_cmd *cmd)
{
	struct search_run r = { .cmd = cmd };
	const struct imap_view *v = &cmd->s->view;
	struct arena *a = task_arena(t);
	struct err *e;

	if (!imap_sp(&cmd->in) || !imap_search_parse(&cmd->in, &r.s)) {
		if (!r.s.bad_charset)
			return imap_bad(cmd, NULL);
		buf_c(&cmd->code, "BADCHARSET (UTF-8 US-ASCII)");
		return err_new(a, ERR_INVALID, "unknown charset", NULL);
	}
	if (r.s.modseq)
		imap_condstore(t, cmd->s);
	e = imap_account(t, cmd, false, &r.acc);
	if (e != NULL)
		return e;
	imap_searcher_init(&r.sr, &r.s, a, v->n,
	    v->n > 0 ? v->uids[v->n - 1] : 0);
	r.hit = arena_alloc(a, v->n);
	uidset_init(&r.maybe, a);
	search_rows(t, &r);
	if (!uidset_is_empty(&r.maybe))
		e = search_messages(t, &r);
	if (e == NULL)
		search_tell(t, &r);
	return e;
}

const struct imap_command cmd_search = {
	.name = "SEARCH",
	.states = IMAP_SELECTED,
	.flags = IMAP_UID_TOO | IMAP_KEEP_NUMBERS,
	.run = cmd_search_run,
};
