/* cmd_copy.c - COPY, MOVE and their UID forms */
#include "server/imap/imap_commands.h"

#define COPY_CODE_BYTES (1U << 20)

/*
 * copy = "COPY" SP sequence-set SP mailbox	RFC 3501, 6.4.7
 * move = "MOVE" SP sequence-set SP mailbox	RFC 6851
 *
 * All or none.  A message that another session has expunged makes it NO
 * (RFC 2180, 4.4): it would be missing from the copies without a word.
 *
 * MOVE into the same mailbox is allowed where COPY into it is (RFC 6851, 3.3):
 * the messages get new UIDs.  It is made of two entries, a copy and an expunge:
 * if the node dies between them the messages are there twice, never not at all.
 */
struct copy_run {
	struct imap_cmd *cmd;
	struct account *acc;
	struct imap_set set;
	struct str mailbox;
	struct uidset uids;
	uint32_t to;
	struct message_moved moved;
};

static struct err *
copy_target(struct task *t, struct copy_run *r)
{
	const struct folder *f = folder_by_name(r->acc, r->mailbox);

	if (f == NULL) {
		buf_c(&r->cmd->code, "TRYCREATE");
		return err_new(task_arena(t), ERR_NOTFOUND,
		    "there is no such mailbox", NULL);
	}
	r->to = f->id;
	return NULL;
}

/* Is every message of the set that the client knows of still there? */
static struct err *
copy_present(struct task *t, struct copy_run *r)
{
	const struct imap_view *v = &r->cmd->s->view;

	for (uint32_t i = 0; i < r->uids.n; i++) {
		uint32_t seq = imap_view_seq(v, r->uids.r[i].lo), row = 0;

		for (; seq != 0 && seq <= v->n &&
		       v->uids[seq - 1] <= r->uids.r[i].hi;
		     seq++, row++) {
			uint32_t uid = v->uids[seq - 1];
			const struct message *m =
			    message_nth(r->acc, v->folder, row);

			if (m != NULL && m->uid == uid)
				continue;
			if (message_by_uid(r->acc, v->folder, uid, &row) !=
			    NULL)
				continue;
			buf_c(&r->cmd->code, "EXPUNGEISSUED");
			return err_new(task_arena(t), ERR_NOTFOUND,
			    "some of the messages are not there any more",
			    NULL);
		}
	}
	return NULL;
}

/* resp-code-copy = "COPYUID" SP nz-number SP uid-set SP uid-set (RFC 4315) */
static bool
copy_uids(struct task *t, const struct copy_run *r, struct buf *b)
{
	struct uidset from, to;

	if (r->moved.n == 0)
		return false;
	uidset_init(&from, task_arena(t));
	uidset_init(&to, task_arena(t));
	for (uint32_t i = 0; i < r->moved.n; i++) {
		uidset_add(&from, r->moved.from_r[i]);
		uidset_add(&to, r->moved.to_r[i]);
	}
	buf_fmt(b, "COPYUID %u ", r->moved.uidvalidity);
	imap_put_uidset(b, &from);
	buf_char(b, ' ');
	imap_put_uidset(b, &to);
	return true;
}

static may_yield must_check struct err *
copy_begin(struct task *t, struct copy_run *r)
{
	struct imap_in *in = &r->cmd->in;
	struct err *e;

	if (!imap_sp(in) || !imap_set(in, &r->set) || !imap_sp(in) ||
	    !imap_mailbox(in, &r->mailbox) || !imap_end(in))
		return imap_bad(r->cmd, NULL);
	e = imap_view_uids(r->cmd, &r->set, r->cmd->uid, &r->uids);
	if (e == NULL)
		e = imap_account(t, r->cmd, false, &r->acc);
	if (e == NULL)
		e = copy_target(t, r);
	/* another node may just have made it */
	if (err_is(e, ERR_NOTFOUND)) {
		buf_clear(&r->cmd->code);
		e = account_refresh(t, r->acc);
		if (e == NULL)
			e = copy_target(t, r);
	}
	return e == NULL ? copy_present(t, r) : e;
}

static may_yield struct err *
cmd_copy_run(struct task *t, struct imap_cmd *cmd)
{
	struct copy_run r = { .cmd = cmd };
	struct quota_limit limit;
	struct err *e = copy_begin(t, &r);

	if (e != NULL)
		return e;
	imap_limit(cmd->s, &limit);
	e = message_copy(t, r.acc, cmd->s->view.folder, &r.uids, r.to, &limit,
	    &r.moved);
	if (e == NULL)
		(void)copy_uids(t, &r, &cmd->code);
	return e;
}

static may_yield must_check struct err *
move_in_place(struct task *t, struct copy_run *r)
{
	struct uidset from;
	struct quota_limit limit;
	struct err *e;

	imap_limit(r->cmd->s, &limit);
	e = message_copy(t, r->acc, r->to, &r->uids, r->to, &limit, &r->moved);
	if (e != NULL)
		return e;
	uidset_init(&from, task_arena(t));
	for (uint32_t i = 0; i < r->moved.n; i++)
		uidset_add(&from, r->moved.from_r[i]);
	return message_expunge(t, r->acc, r->to, &from, false, NULL);
}

static may_yield struct err *
cmd_move_run(struct task *t, struct imap_cmd *cmd)
{
	struct copy_run r = { .cmd = cmd };
	struct imap_session *s = cmd->s;
	struct err *e = copy_begin(t, &r);
	struct buf code;

	if (e != NULL)
		return e;
	if (s->view.readonly) {
		buf_c(&cmd->code, "READ-ONLY");
		return err_new(task_arena(t), ERR_DENIED,
		    "the mailbox was opened with EXAMINE", NULL);
	}
	e = r.to == s->view.folder ? move_in_place(t, &r)
				   : message_move(t, r.acc, s->view.folder,
					 &r.uids, r.to, &r.moved);
	if (e != NULL)
		return e;
	/* before the EXPUNGE responses, which the session sends now */
	buf_init(&code, task_arena(t), COPY_CODE_BYTES);
	if (copy_uids(t, &r, &code) && buf_ok(&code)) {
		conn_puts(t, s->c, "* OK [");
		conn_write(t, s->c, code.p, code.n);
		conn_puts(t, s->c, "] moved\r\n");
	}
	return NULL;
}

const struct imap_command cmd_copy = {
	.name = "COPY",
	.states = IMAP_SELECTED,
	.flags = IMAP_UID_TOO,
	.run = cmd_copy_run,
};

const struct imap_command cmd_move = {
	.name = "MOVE",
	.states = IMAP_SELECTED,
	.flags = IMAP_UID_TOO,
	.run = cmd_move_run,
};
