/* cmd_store.c - STORE and UID STORE */
#include "server/imap/imap_batch.h"
#include "server/imap/imap_commands.h"

#define STORE_OUT_BYTES (8U << 20) /* of one portion */

/*
 * store = "STORE" SP sequence-set [SP "(" "UNCHANGEDSINCE" SP
 *         mod-sequence-valzer ")"] SP store-att-flags
 * store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP
 *                   (flag-list / (flag *(SP flag)))
 *						RFC 3501, 6.4.6; RFC 7162, 3.1.3
 */
struct store_run {
	struct imap_cmd *cmd;
	struct account *acc;
	struct imap_set set;
	struct imap_flags flags;
	struct message_store st;
	bool silent, conditional;
	struct uidset uids;
};

static const struct store_word {
	const char *name;
	enum message_store_mode mode;
	bool silent;
} store_words[] = {
	{ "FLAGS", MESSAGE_STORE_REPLACE, false },
	{ "FLAGS.SILENT", MESSAGE_STORE_REPLACE, true },
	{ "+FLAGS", MESSAGE_STORE_ADD, false },
	{ "+FLAGS.SILENT", MESSAGE_STORE_ADD, true },
	{ "-FLAGS", MESSAGE_STORE_REMOVE, false },
	{ "-FLAGS.SILENT", MESSAGE_STORE_REMOVE, true },
};

static bool
store_modifiers(struct imap_in *in, struct store_run *r)
{
	if (!imap_is(in, '('))
		return true;
	if (!imap_char(in, '('))
		return false;
	if (!imap_word(in, "UNCHANGEDSINCE"))
		return imap_fail(in, "STORE knows no such modifier");
	r->conditional = true;
	return imap_sp(in) && imap_number64(in, &r->st.unchanged_since) &&
	       imap_char(in, ')') && imap_sp(in);
}

static bool
store_parse(struct imap_in *in, struct store_run *r)
{
	unsigned i;

	if (!imap_sp(in) || !imap_set(in, &r->set) || !imap_sp(in) ||
	    !store_modifiers(in, r))
		return false;
	for (i = 0; i < countof(store_words); i++)
		if (imap_word(in, store_words[i].name))
			break;
	if (i == countof(store_words))
		return imap_fail(in, "FLAGS, +FLAGS or -FLAGS expected here");
	r->st.mode = store_words[i].mode;
	r->silent = store_words[i].silent;
	return imap_sp(in) && imap_flags(in, imap_is(in, '('), &r->flags) &&
	       imap_end(in);
}

/* With CONDSTORE the new MODSEQ is told even by .SILENT (RFC 7162, 3.1.3). */
static void
store_tell(struct buf *b, const struct store_run *r, const struct imap_one *one)
{
	const char *space = "";

	buf_fmt(b, "* %u FETCH (", one->seq);
	if (r->cmd->uid) {
		buf_fmt(b, "UID %u", one->m.uid);
		space = " ";
	}
	if (!r->silent) {
		buf_c(b, space);
		buf_c(b, "FLAGS (");
		imap_flags_put(b, r->acc, one->m.flags, one->m.keywords);
		buf_char(b, ')');
		space = " ";
	}
	if (r->cmd->s->condstore) {
		buf_c(b, space);
		buf_fmt(b, "MODSEQ (%llu)", (unsigned long long)one->m.modseq);
	}
	buf_c(b, ")\r\n");
}

static may_yield void
store_tell_all(struct task *t, struct store_run *r)
{
	struct imap_session *s = r->cmd->s;
	struct imap_batch b;
	struct buf out;

	if (r->silent && !s->condstore)
		return;
	imap_view_tell_words(t, s);
	imap_batch_init(&b, t, s, r->acc, &r->st.stored_r);
	buf_init(&out, NULL, STORE_OUT_BYTES);
	while (!conn_is_ending(s->c) && imap_batch_next(t, &b)) {
		/* rows and names of keywords belong together: no yield until
		 * all of them are written */
		for (uint32_t i = 0; i < b.n; i++)
			if (!b.list[i].removed)
				store_tell(&out, r, &b.list[i]);
		conn_write(t, s->c, out.p, out.n);
		buf_clear(&out);
		task_yield(t);
	}
	buf_free(&out);
	imap_batch_free(&b);
}

/* Messages of the set that the account has no more. */
static uint64_t
store_missing(const struct store_run *r)
{
	const struct imap_view *v = &r->cmd->s->view;
	uint64_t asked = 0;

	for (uint32_t i = 0; i < r->uids.n; i++)
		asked += imap_view_seq(v, r->uids.r[i].hi) -
			 imap_view_seq(v, r->uids.r[i].lo) + 1;
	return asked - uidset_count(&r->st.stored_r) -
	       uidset_count(&r->st.modified_r);
}

/*
 * [MODIFIED ...] names those whose MODSEQ was higher, in the numbers of the
 * command.  Without .SILENT a message that is gone makes it NO (RFC 2180, 4.2).
 */
static struct err *
store_verdict(struct task *t, struct store_run *r)
{
	struct imap_cmd *cmd = r->cmd;
	struct uidset told;

	if (!uidset_is_empty(&r->st.modified_r)) {
		uidset_init(&told, task_arena(t));
		for (uint32_t i = 0; i < r->st.modified_r.n; i++) {
			const struct uid_range *u = &r->st.modified_r.r[i];

			if (cmd->uid)
				uidset_add_range(&told, u->lo, u->hi);
			else
				uidset_add_range(&told,
				    imap_view_seq(&cmd->s->view, u->lo),
				    imap_view_seq(&cmd->s->view, u->hi));
		}
		buf_c(&cmd->code, "MODIFIED ");
		imap_put_uidset(&cmd->code, &told);
		cmd->text = "some of the messages were changed meanwhile";
		return NULL;
	}
	if (r->silent || store_missing(r) == 0)
		return NULL;
	buf_c(&cmd->code, "EXPUNGEISSUED");
	return err_new(task_arena(t), ERR_NOTFOUND,
	    "some of the messages are not there any more", NULL);
}

static may_yield struct err *
cmd_store_run(struct task *t, struct imap_cmd *cmd)
{
	struct store_run r = { .cmd = cmd, .st.unchanged_since = UINT64_MAX };
	struct imap_session *s = cmd->s;
	struct err *e;

	if (!store_parse(&cmd->in, &r))
		return imap_bad(cmd, NULL);
	if (r.conditional)
		imap_condstore(t, s);
	e = imap_view_uids(cmd, &r.set, cmd->uid, &r.uids);
	if (e != NULL)
		return e;
	if (s->view.readonly) {
		buf_c(&cmd->code, "READ-ONLY");
		return err_new(task_arena(t), ERR_DENIED,
		    "the mailbox was opened with EXAMINE", NULL);
	}
	e = imap_account(t, cmd, false, &r.acc);
	if (e != NULL)
		return e;
	r.st.flags = r.flags.flags;
	r.st.keywords = r.flags.keywords;
	r.st.keyword_count = r.flags.n;
	e = message_store_flags(t, r.acc, s->view.folder, &r.uids, &r.st);
	if (e != NULL)
		return e;
	store_tell_all(t, &r);
	if (r.st.modseq_r != 0)
		imap_view_told(cmd,
		    arena_memdup(task_arena(t), &r.st.stored_r,
			sizeof(r.st.stored_r)),
		    r.st.modseq_r);
	return store_verdict(t, &r);
}

const struct imap_command cmd_store = {
	.name = "STORE",
	.states = IMAP_SELECTED,
	.flags = IMAP_UID_TOO | IMAP_KEEP_NUMBERS,
	.run = cmd_store_run,
};
