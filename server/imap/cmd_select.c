/* cmd_select.c - SELECT and EXAMINE (RFC 3501, 6.3.1; RFC 7162, 3.1.8) */
#include "server/imap/imap_commands.h"
#include "server/imap/imap_private.h"

/*
 * select = "SELECT" SP mailbox [SP "(" select-param *(SP select-param) ")"]
 * The one parameter there is, is CONDSTORE.
 */
static bool
imap_select_parse(struct imap_cmd *cmd, struct str *name_r, bool *condstore_r)
{
	struct imap_in *in = &cmd->in;

	*condstore_r = false;
	if (!imap_sp(in) || !imap_mailbox(in, name_r))
		return false;
	if (imap_at_end(in))
		return true;
	if (!imap_sp(in) || !imap_char(in, '('))
		return false;
	if (!imap_word(in, "CONDSTORE"))
		return imap_fail(in, "there is no such parameter");
	*condstore_r = true;
	return imap_char(in, ')') && imap_end(in);
}

/* Sequence number of the first message without \Seen; 0: none. */
static uint32_t
imap_select_unseen(const struct account *acc, const struct folder *f)
{
	if (f->unseen == 0)
		return 0;
	for (uint32_t i = 0; i < f->messages; i++)
		if (!(message_nth(acc, f->id, i)->flags & MESSAGE_SEEN))
			return i + 1;
	return 0;
}

static void
imap_select_put(struct buf *b, const struct account *acc,
    const struct folder *f, bool readonly)
{
	uint32_t unseen = imap_select_unseen(acc, f);

	imap_view_put_words(b, acc, readonly);
	buf_fmt(b, "* %u EXISTS\r\n* 0 RECENT\r\n", f->messages);
	if (unseen > 0)
		buf_fmt(b, "* OK [UNSEEN %u] First unseen\r\n", unseen);
	buf_fmt(b, "* OK [UIDVALIDITY %u] UIDs valid\r\n", f->uidvalidity);
	buf_fmt(b, "* OK [UIDNEXT %u] Next UID\r\n", f->uidnext);
	buf_fmt(b, "* OK [HIGHESTMODSEQ %llu] Highest\r\n",
	    (unsigned long long)f->highestmodseq);
}

static may_yield struct err *
imap_select(struct task *t, struct imap_cmd *cmd, bool readonly)
{
	struct imap_session *s = cmd->s;
	bool condstore, had = s->state == IMAP_SELECTED;
	const struct folder *f;
	struct account *acc;
	struct str name;
	struct buf b;
	struct err *e;

	if (!imap_select_parse(cmd, &name, &condstore))
		return imap_bad(cmd, NULL);
	/* Even if nothing is selected instead (RFC 3501, 6.3.1). */
	imap_view_close(s);
	e = imap_account(t, cmd, true, &acc);
	if (e == NULL) {
		f = folder_by_name(acc, name);
		if (f == NULL)
			e = err_new(task_arena(t), ERR_NOTFOUND,
			    "There is no such mailbox", NULL);
	}
	buf_init(&b, task_arena(t), 64 * 1024);
	if (had)
		buf_c(&b, "* OK [CLOSED] The mailbox before is closed\r\n");
	if (e == NULL) {
		imap_select_put(&b, acc, f, readonly);
		imap_view_open(s, f, readonly);
		s->condstore |= condstore;
		buf_c(&cmd->code, readonly ? "READ-ONLY" : "READ-WRITE");
	}
	conn_write(t, s->c, b.p, b.n);
	return e;
}

static may_yield struct err *
cmd_select(struct task *t, struct imap_cmd *cmd)
{
	return imap_select(t, cmd, false);
}

static may_yield struct err *
cmd_examine(struct task *t, struct imap_cmd *cmd)
{
	return imap_select(t, cmd, true);
}

const struct imap_command imap_cmd_select = {
	.name = "SELECT",
	.states = IMAP_USER | IMAP_SELECTED,
	.run = cmd_select,
};

const struct imap_command imap_cmd_examine = {
	.name = "EXAMINE",
	.states = IMAP_USER | IMAP_SELECTED,
	.run = cmd_examine,
};
