/* imap_view.c - the selected mailbox as the client has been told it is */
#include <stdlib.h>

#include "server/cluster/follow.h"
#include "server/imap/imap_private.h"

/*
 * \Recent is always 0: who saw a message first cannot be told between nodes
 * without writing at every SELECT, and RFC 9051 has removed it.  "* 0 RECENT"
 * comes with SELECT, as RFC 3501 demands, and never changes.
 */

/* Lines of one batch: between two the account may move on. */
#define IMAP_VIEW_BATCH 256
#define IMAP_VIEW_LINE 8192 /* of one FETCH: all keywords there can be */

struct imap_told {
	struct imap_told *next;
	struct uidset uids;
	uint64_t modseq;
};

void
imap_view_told(struct imap_cmd *cmd, const struct uidset *uids, uint64_t modseq)
{
	struct imap_told *told = arena_new_obj(cmd->in.arena, struct imap_told);

	*told = (struct imap_told){ cmd->s->told, *uids, modseq };
	cmd->s->told = told;
}

static bool
imap_view_is_told(const struct imap_session *s, const struct message *m)
{
	for (const struct imap_told *x = s->told; x != NULL; x = x->next)
		if (x->modseq == m->modseq && uidset_has(&x->uids, m->uid))
			return true;
	return false;
}

/* --- looking --- */

uint32_t
imap_view_lower(const struct imap_view *v, uint32_t uid)
{
	uint32_t lo = 0, hi = v->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (v->uids[mid] < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

uint32_t
imap_view_seq(const struct imap_view *v, uint32_t uid)
{
	uint32_t i = imap_view_lower(v, uid);

	return i < v->n && v->uids[i] == uid ? i + 1 : 0;
}

/* Messages lo..hi of the view, by UID; '*' is the last. */
static void
imap_view_uid_range(const struct imap_view *v, const struct imap_range *r,
    struct uidset *uids)
{
	uint32_t lo = r->lo, hi = r->hi, last, i, end;

	if (v->n == 0)
		return;
	last = v->uids[v->n - 1];
	if (r->star && (lo == 0 || lo > last)) {
		lo = last;
		hi = last;
	}
	i = imap_view_lower(v, lo);
	end = hi == UINT32_MAX ? v->n : imap_view_lower(v, hi + 1);
	if (i < end)
		uidset_add_range(uids, v->uids[i], v->uids[end - 1]);
}

struct err *
imap_view_uids(struct imap_cmd *cmd, const struct imap_set *set, bool uid,
    struct uidset *uids_r)
{
	const struct imap_view *v = &cmd->s->view;

	uidset_init(uids_r, cmd->in.arena);
	for (uint32_t i = 0; i < set->n; i++) {
		const struct imap_range *r = &set->r[i];
		uint32_t lo = r->lo, hi = r->hi;

		if (uid) {
			imap_view_uid_range(v, r, uids_r);
			continue;
		}
		if (r->star)
			hi = v->n;
		if (r->star && lo == 0)
			lo = v->n;
		/* "9:*" of five messages is a number beyond the end, too. */
		if (hi == 0 || hi > v->n || lo > v->n)
			return imap_bad(cmd, "There is no such message");
		uidset_add_range(uids_r, v->uids[lo - 1], v->uids[hi - 1]);
	}
	uidset_sort(uids_r);
	return NULL;
}

/* --- flags --- */

static const struct {
	uint8_t flag;
	const char *name;
} imap_flag_names[] = {
	{ MESSAGE_ANSWERED, "\\Answered" },
	{ MESSAGE_FLAGGED, "\\Flagged" },
	{ MESSAGE_DELETED, "\\Deleted" },
	{ MESSAGE_SEEN, "\\Seen" },
	{ MESSAGE_DRAFT, "\\Draft" },
};

void
imap_flags_put(struct buf *b, const struct account *acc, uint8_t flags,
    uint64_t keywords)
{
	bool first = true;

	for (size_t i = 0; i < countof(imap_flag_names); i++) {
		if (!(flags & imap_flag_names[i].flag))
			continue;
		if (!first)
			buf_char(b, ' ');
		first = false;
		buf_c(b, imap_flag_names[i].name);
	}
	for (unsigned bit = 0; keywords != 0; bit++, keywords >>= 1) {
		struct str name;

		if (!(keywords & 1))
			continue;
		name = message_keyword(acc, bit);
		if (name.n == 0)
			continue;
		if (!first)
			buf_char(b, ' ');
		first = false;
		buf_str_add(b, name);
	}
}

void
imap_view_put_words(struct buf *b, const struct account *acc, bool readonly)
{
	uint64_t keywords = 0;
	struct buf all;

	for (unsigned bit = 0; bit < MESSAGE_KEYWORDS; bit++)
		if (message_keyword(acc, bit).n > 0)
			keywords |= UINT64_C(1) << bit;
	buf_init(&all, b->arena, 8192);
	imap_flags_put(&all, acc, MESSAGE_FLAGS, keywords);
	buf_fmt(b, "* FLAGS (" STR_FMT ")\r\n", STR_ARG(buf_str(&all)));
	if (readonly)
		buf_c(b, "* OK [PERMANENTFLAGS ()] Read-only\r\n");
	else
		buf_fmt(b, "* OK [PERMANENTFLAGS (" STR_FMT " \\*)] Kept\r\n",
		    STR_ARG(buf_str(&all)));
}

/* Changes whenever FLAGS would. */
static uint64_t
imap_view_words(const struct account *acc)
{
	uint64_t words = 0;

	for (unsigned bit = 0; bit < MESSAGE_KEYWORDS; bit++) {
		struct str name = message_keyword(acc, bit);

		words = (words ^ (name.n > 0 ? str_hash(name) + 1 : 0)) *
			UINT64_C(0x100000001b3);
	}
	return words;
}

void
imap_view_tell_words(struct task *t, struct imap_session *s)
{
	uint64_t words = imap_view_words(s->acc);
	struct buf b;

	if (words == s->view.words)
		return;
	s->view.words = words;
	buf_init(&b, task_arena(t), 32 * 1024);
	imap_view_put_words(&b, s->acc, s->view.readonly);
	conn_write(t, s->c, b.p, b.n);
}

/* --- opening and closing --- */

static void
imap_view_grow(struct imap_view *v, uint32_t n)
{
	if (n <= v->size)
		return;
	/* A quarter more, so that new mail does not copy every time. */
	v->size = n + n / 4 + 8;
	v->uids = xrealloc(v->uids, v->size, sizeof(*v->uids));
}

/* Rows from UIDNEXT on come behind those that are there. */
static uint32_t
imap_view_append(struct imap_session *s, const struct folder *f)
{
	struct imap_view *v = &s->view;
	uint32_t idx = 0, had = v->n;

	if (v->uidnext > 1)
		(void)message_by_uid(s->acc, f->id, v->uidnext, &idx);
	imap_view_grow(v, v->n + (f->messages - idx));
	for (; idx < f->messages; idx++)
		v->uids[v->n++] = message_nth(s->acc, f->id, idx)->uid;
	v->uidnext = f->uidnext;
	return v->n - had;
}

static void
imap_view_changed(void *arg)
{
	struct imap_session *s = arg;

	if (s->idle != NULL)
		conn_kick(s->c);
}

void
imap_view_open(struct imap_session *s, const struct folder *f, bool readonly)
{
	imap_view_close(s);
	s->view = (struct imap_view){
		.folder = f->id,
		.uidvalidity = f->uidvalidity,
		.readonly = readonly,
		.modseq = account_head(s->acc),
		.expunged = account_head(s->acc),
		.uidnext = 1,
		.words = imap_view_words(s->acc),
	};
	/* What there is fits exactly: most views never grow. */
	s->view.size = f->messages;
	s->view.uids = xcalloc(f->messages + 1, sizeof(*s->view.uids));
	imap_view_append(s, f);
	s->follow = follow_new(s->w, s->acc, imap_view_changed, s);
	s->state = IMAP_SELECTED;
}

void
imap_view_close(struct imap_session *s)
{
	follow_free(&s->follow);
	free(s->view.uids);
	s->view = (struct imap_view){ .folder = 0 };
	if (s->state == IMAP_SELECTED)
		s->state = IMAP_USER;
}

/* --- telling --- */

/* UIDs of the view that are no rows any more: what tombstones do not say. */
static void
imap_view_compare(struct imap_session *s, uint32_t folder,
    struct uidset *expunged)
{
	uidset_init(expunged, expunged->arena);
	for (uint32_t i = 0; i < s->view.n; i++)
		if (message_by_uid(s->acc, folder, s->view.uids[i], NULL) ==
		    NULL)
			uidset_add(expunged, s->view.uids[i]);
}

/* Takes them out; the lines, highest number first, so that none moves another.
 * The client does not care for the order. */
static void
imap_view_expunge(struct imap_view *v, const struct uidset *expunged,
    struct uidset *seqs)
{
	uint32_t to = 0;

	for (uint32_t i = 0; i < v->n; i++) {
		if (uidset_has(expunged, v->uids[i]))
			uidset_add(seqs, i + 1);
		else
			v->uids[to++] = v->uids[i];
	}
	v->n = to;
}

static may_yield void
imap_view_put_expunged(struct task *t, struct imap_session *s,
    const struct uidset *seqs)
{
	for (uint32_t i = seqs->n; i > 0; i--)
		for (uint32_t seq = seqs->r[i - 1].hi; seq >= seqs->r[i - 1].lo;
		     seq--)
			conn_printf(t, s->c, "* %u EXPUNGE\r\n", seq);
}

static void
imap_view_put_flags(struct buf *b, const struct imap_session *s, uint32_t seq,
    const struct message *m)
{
	buf_fmt(b, "* %u FETCH (UID %u FLAGS (", seq, m->uid);
	imap_flags_put(b, s->acc, m->flags, m->keywords);
	buf_char(b, ')');
	if (s->condstore)
		buf_fmt(b, " MODSEQ (%llu)", (unsigned long long)m->modseq);
	buf_c(b, ")\r\n");
}

/* New flags of messages that the client had before. */
static may_yield void
imap_view_tell_flags(struct task *t, struct imap_session *s,
    const struct uidset *changed, uint32_t below)
{
	struct arena_mark mark = arena_mark(task_arena(t));
	struct buf b;
	unsigned lines = 0;

	buf_init(&b, task_arena(t), IMAP_VIEW_BATCH * IMAP_VIEW_LINE);
	for (uint32_t i = 0; i < changed->n; i++) {
		uint32_t at = imap_view_lower(&s->view, changed->r[i].lo);

		for (; at < s->view.n && s->view.uids[at] < below &&
		       s->view.uids[at] <= changed->r[i].hi;
		     at++) {
			const struct message *m = message_by_uid(s->acc,
			    s->view.folder, s->view.uids[at], NULL);

			if (m == NULL || imap_view_is_told(s, m))
				continue;
			imap_view_put_flags(&b, s, at + 1, m);
			if (++lines % IMAP_VIEW_BATCH != 0)
				continue;
			conn_write(t, s->c, b.p, b.n);
			buf_clear(&b);
		}
	}
	conn_write(t, s->c, b.p, b.n);
	arena_rewind(task_arena(t), mark);
}

/* The mailbox is not what it was: no sequence number means anything. */
static may_yield const struct folder *
imap_view_folder(struct task *t, struct imap_session *s)
{
	const struct folder *f = folder_by_id(s->acc, s->view.folder);

	if (account_is_closed(s->acc))
		imap_bye(t, s, "The account is closed");
	else if (f == NULL)
		imap_bye(t, s, "The selected mailbox was deleted");
	else if (f->uidvalidity != s->view.uidvalidity)
		imap_bye(t, s, "The selected mailbox has a new UIDVALIDITY");
	else
		return f;
	return NULL;
}

void
imap_view_sync(struct task *t, struct imap_session *s, bool keep_numbers)
{
	struct imap_view *v = &s->view;
	struct uidset changed, expunged, unused, seqs;
	uint64_t head = account_head(s->acc);
	uint32_t had_next = v->uidnext, came;
	const struct folder *f;
	bool complete;

	if (head == v->modseq && (keep_numbers || head == v->expunged))
		return;
	f = imap_view_folder(t, s);
	if (f == NULL)
		return;
	uidset_init(&changed, task_arena(t));
	uidset_init(&expunged, task_arena(t));
	uidset_init(&unused, task_arena(t));
	uidset_init(&seqs, task_arena(t));
	message_changes_since(s->acc, f->id, v->modseq, &changed, &expunged,
	    &complete);
	if (!keep_numbers) {
		if (v->expunged != v->modseq) /* they lagged behind */
			message_changes_since(s->acc, f->id, v->expunged,
			    &unused, &expunged, &complete);
		if (!complete)
			imap_view_compare(s, f->id, &expunged);
		if (!uidset_is_empty(&expunged))
			imap_view_expunge(v, &expunged, &seqs);
		v->expunged = head;
	}
	v->modseq = head;
	came = imap_view_append(s, f);
	/* The view is as it will be told; from here on others may run. */
	imap_view_put_expunged(t, s, &seqs);
	if (came > 0)
		conn_printf(t, s->c, "* %u EXISTS\r\n", v->n);
	imap_view_tell_words(t, s);
	imap_view_tell_flags(t, s, &changed, had_next);
}
