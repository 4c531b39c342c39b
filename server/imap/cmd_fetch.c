/* cmd_fetch.c - FETCH and UID FETCH */
#include "base/log.h"
#include "server/imap/imap_commands.h"
#include "server/imap/imap_fetch.h"

#define FETCH_TURN 128 /* messages, then others run */

/*
 * fetch = "FETCH" SP sequence-set SP fetch-atts [fetch-modifiers]
 *						RFC 3501, 6.4.5; RFC 7162, 3.1.4
 */
struct fetch_run {
	struct imap_cmd *cmd;
	struct account *acc;
	struct imap_fetch f;
	struct uidset uids, seen;
	struct imap_fetcher fr;
	uint64_t seen_modseq;
	uint32_t first_damaged, damaged;
	uint32_t gone; /* while it ran, without a file to read */
	struct err *damage;
};

static bool
fetch_sets_seen(const struct fetch_run *r)
{
	if (r->cmd->s->view.readonly)
		return false;
	for (unsigned i = 0; i < r->f.sections_n; i++)
		if (!r->f.sections[i].peek)
			return true;
	return false;
}

/*
 * \Seen for all of them in one entry, before they are sent, so that their FLAGS
 * can go along (RFC 3501, 6.4.5).  Reading must work where nothing can be
 * written (a full share, an account that is read-only): then they stay unseen.
 */
static may_yield void
fetch_set_seen(struct task *t, struct fetch_run *r)
{
	struct message_store st = { .mode = MESSAGE_STORE_ADD,
		.flags = MESSAGE_SEEN,
		.unchanged_since = UINT64_MAX };
	struct imap_batch b;
	struct err *e;

	imap_batch_init(&b, t, r->cmd->s, r->acc, &r->uids);
	b.since = r->f.changed_since;
	while (imap_batch_next(t, &b))
		for (uint32_t i = 0; i < b.n; i++)
			if (!b.list[i].removed &&
			    (b.list[i].m.flags & MESSAGE_SEEN) == 0)
				uidset_add(&r->seen, b.list[i].m.uid);
	imap_batch_free(&b);
	if (uidset_is_empty(&r->seen))
		return;
	e = message_store_flags(t, r->acc, r->cmd->s->view.folder, &r->seen,
	    &st);
	if (e != NULL) {
		log_info(t, "messages stay unseen", LOG_ERR(e));
		uidset_init(&r->seen, task_arena(t));
		return;
	}
	r->fr.seen = &r->seen;
	r->seen_modseq = st.modseq_r;
}

static may_yield must_check struct err *
fetch_portion(struct task *t, struct fetch_run *r, struct imap_batch *b)
{
	struct imap_session *s = r->cmd->s;
	struct err *e = NULL;

	if (imap_fetch_wants_packs(&r->f, b->n, &b->list[0].m))
		e = imap_batch_packs(t, b);
	for (uint32_t i = 0; e == NULL && i < b->n; i++) {
		e = imap_fetch_one(t, &r->fr, &b->list[i]);
		if (conn_is_ending(s->c))
			break;
		if (i % FETCH_TURN == FETCH_TURN - 1)
			task_yield(t);
		if (e == NULL || r->fr.broken || !imap_fetch_is_damage(e))
			continue;
		if (err_is(e, ERR_NOTFOUND)) {
			/* moved away since the portion was taken: as if it had
			 * been gone then */
			r->gone++;
			e = NULL;
			continue;
		}
		if (r->damaged++ == 0) {
			r->first_damaged = b->list[i].m.uid;
			r->damage = e;
		}
		e = NULL;
	}
	return e;
}

static may_yield must_check struct err *
fetch_all(struct task *t, struct fetch_run *r, uint32_t *gone_r)
{
	struct imap_session *s = r->cmd->s;
	struct imap_batch b;
	struct err *e = NULL;

	imap_batch_init(&b, t, s, r->acc, &r->uids);
	b.since = r->f.changed_since;
	while (e == NULL && !conn_is_ending(s->c) && imap_batch_next(t, &b)) {
		struct arena_mark mark = arena_mark(task_arena(t));
		uint32_t damaged = r->damaged;

		e = fetch_portion(t, r, &b);
		/* what went wrong is to be told at the end */
		if (e == NULL && r->damaged == damaged)
			arena_rewind(task_arena(t), mark);
		task_yield(t);
	}
	imap_fetch_flush(t, &r->fr);
	imap_batch_free(&b);
	*gone_r = b.gone + r->gone;
	return e;
}

/* The client has everything that could be had; the tagged line says that it is
 * not all. */
static struct err *
fetch_verdict(struct task *t, struct fetch_run *r, uint32_t gone)
{
	if (r->damaged > 0) {
		log_error(t, "messages cannot be read",
		    LOG_U64("messages", r->damaged),
		    LOG_U64("first_uid", r->first_damaged), LOG_ERR(r->damage));
		return err_new(task_arena(t), ERR_CORRUPT,
		    "some of the messages cannot be read", NULL);
	}
	if (gone == 0)
		return NULL;
	buf_c(&r->cmd->code, "EXPUNGEISSUED");
	return err_new(task_arena(t), ERR_NOTFOUND,
	    "some of the messages are not there any more", NULL);
}

static may_yield must_check struct err *
fetch_run(struct task *t, struct fetch_run *r)
{
	struct imap_session *s = r->cmd->s;
	uint32_t gone;
	struct err *e;

	if (r->f.items & IMAP_FETCH_MODSEQ)
		imap_condstore(t, s);
	if (r->f.items & IMAP_FETCH_FLAGS)
		imap_view_tell_words(t, s);
	imap_fetcher_init(&r->fr, s, r->acc, &r->f);
	if (fetch_sets_seen(r))
		fetch_set_seen(t, r);
	e = fetch_all(t, r, &gone);
	if (r->fr.broken && !conn_is_ending(s->c)) {
		log_error(t, "a message broke off, so the session ends",
		    LOG_ERR(e));
		conn_end(s->c);
	}
	imap_fetcher_free(&r->fr);
	/* else those that were left out would not hear of it */
	if (e == NULL && r->seen_modseq != 0 && r->damaged == 0)
		imap_view_told(r->cmd,
		    arena_memdup(task_arena(t), &r->seen, sizeof(r->seen)),
		    r->seen_modseq);
	return e != NULL ? e : fetch_verdict(t, r, gone);
}

static may_yield struct err *
cmd_fetch_run(struct task *t, struct imap_cmd *cmd)
{
	struct fetch_run r = { .cmd = cmd };
	struct imap_in *in = &cmd->in;
	struct imap_set set;
	struct err *e;

	if (!imap_sp(in) || !imap_set(in, &set) || !imap_sp(in) ||
	    !imap_fetch_parse(in, &r.f))
		return imap_bad(cmd, NULL);
	if (cmd->uid)
		r.f.items |= IMAP_FETCH_UID;
	e = imap_view_uids(cmd, &set, cmd->uid, &r.uids);
	if (e == NULL)
		e = imap_account(t, cmd, false, &r.acc);
	if (e != NULL)
		return e;
	uidset_init(&r.seen, task_arena(t));
	return fetch_run(t, &r);
}

const struct imap_command cmd_fetch = {
	.name = "FETCH",
	.states = IMAP_SELECTED,
	.flags = IMAP_UID_TOO | IMAP_KEEP_NUMBERS,
	.run = cmd_fetch_run,
};
