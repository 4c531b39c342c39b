/* imap_batch.c - the messages of a command, in portions */
#include "server/imap/imap_batch.h"

#include <stdlib.h>

/* What a pack of unknown size is taken for, and units of those that are known
 * (envseg.h). */
#define BATCH_PACK_BYTES 2048
#define BATCH_PACK_UNIT 16

void
imap_batch_init(struct imap_batch *b, struct task *t, struct imap_session *s,
    struct account *acc, const struct uidset *uids)
{
	uint64_t most = uidset_count(uids);

	*b = (struct imap_batch){ .s = s, .acc = acc, .uids = uids };
	if (most > s->view.n)
		most = s->view.n;
	if (most > IMAP_BATCH)
		most = IMAP_BATCH;
	b->list = arena_array(task_arena(t), most, sizeof(*b->list));
}

/* The next message of the view that is in the set; false at the end. */
static bool
imap_batch_step(struct imap_batch *b)
{
	const struct imap_view *v = &b->s->view;

	while (b->range < b->uids->n) {
		if (!b->inside)
			b->at = imap_view_lower(v, b->uids->r[b->range].lo);
		else
			b->at++;
		b->inside = true;
		if (b->at < v->n && v->uids[b->at] <= b->uids->r[b->range].hi)
			return true;
		b->inside = false;
		b->range++;
	}
	return false;
}

/* Rows lie as the view does, but for what came and went. */
static const struct message *
imap_batch_row(struct imap_batch *b, uint32_t uid)
{
	uint32_t folder = b->s->view.folder;
	const struct message *m = message_nth(b->acc, folder, b->row);

	if (m == NULL || m->uid != uid)
		m = message_by_uid(b->acc, folder, uid, &b->row);
	b->row++;
	return m;
}

static int
imap_batch_cmp(const void *x, const void *y)
{
	const struct tombstone *a = x, *b = y;

	return a->uid < b->uid ? -1 : a->uid > b->uid;
}

/* A hundred thousand may have gone at once, so they are sorted, and looked up
 * again only when there may be more of them. */
static void
imap_batch_bury(struct task *t, struct imap_batch *b)
{
	struct arena_mark mark = arena_mark(task_arena(t));
	const struct tombstone **list;

	b->tombs_n =
	    message_tombstones(b->acc, b->s->view.folder, task_arena(t), &list);
	b->tombs = xrealloc(b->tombs, b->tombs_n + 1UL, sizeof(*b->tombs));
	for (unsigned i = 0; i < b->tombs_n; i++)
		b->tombs[i] = *list[i];
	qsort(b->tombs, b->tombs_n, sizeof(*b->tombs), imap_batch_cmp);
	b->tombs_head = account_head(b->acc);
	arena_rewind(task_arena(t), mark);
}

static const struct tombstone *
imap_batch_tomb(struct task *t, struct imap_batch *b, uint32_t uid)
{
	struct tombstone key = { .uid = uid };

	if (b->tombs == NULL || b->tombs_head != account_head(b->acc))
		imap_batch_bury(t, b);
	return bsearch(&key, b->tombs, b->tombs_n, sizeof(key), imap_batch_cmp);
}

void
imap_batch_free(struct imap_batch *b)
{
	free(b->tombs);
	b->tombs = NULL;
}

static bool
imap_batch_take(struct task *t, struct imap_batch *b, struct imap_one *one)
{
	uint32_t uid = b->s->view.uids[b->at];
	const struct message *m = imap_batch_row(b, uid);
	const struct tombstone *tomb;

	*one = (struct imap_one){ .seq = b->at + 1 };
	if (m != NULL) {
		one->m = *m;
		return m->modseq > b->since;
	}
	tomb = imap_batch_tomb(t, b, uid);
	if (tomb == NULL) {
		b->gone += b->since == 0;
		return false;
	}
	one->removed = true;
	one->m = (struct message){ .uid = uid,
		.flags = tomb->flags,
		.modseq = tomb->modseq,
		.bytes = tomb->bytes,
		.date = tomb->date,
		.name = tomb->name };
	return b->since == 0;
}

bool
imap_batch_next(struct task *t, struct imap_batch *b)
{
	size_t bytes = 0;

	b->n = 0;
	while (b->n < IMAP_BATCH && bytes < IMAP_BATCH_BYTES &&
	       imap_batch_step(b)) {
		const struct message *m = &b->list[b->n].m;

		if (!imap_batch_take(t, b, &b->list[b->n]))
			continue;
		b->n++;
		bytes += m->env != 0 ? (size_t)m->env_units * BATCH_PACK_UNIT
				     : BATCH_PACK_BYTES;
	}
	return b->n > 0;
}

struct err *
imap_batch_packs(struct task *t, struct imap_batch *b)
{
	struct arena *a = task_arena(t);
	uint32_t *uids = arena_array(a, b->n, sizeof(*uids));
	struct str *packs = arena_array(a, b->n, sizeof(*packs));
	struct err *e;

	for (uint32_t i = 0; i < b->n; i++)
		uids[i] = b->list[i].m.uid;
	e = message_envelopes(t, b->acc, b->s->view.folder, uids, b->n, a,
	    packs);
	for (uint32_t i = 0; e == NULL && i < b->n; i++)
		b->list[i].pack = packs[i];
	return e;
}
