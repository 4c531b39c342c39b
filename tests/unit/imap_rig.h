/* imap_rig.h - IMAP's message commands over accounts of account_rig.h */
#ifndef TESTS_UNIT_IMAP_RIG_H
#define TESTS_UNIT_IMAP_RIG_H

#include "account_rig.h"

#include "server/cluster/follow.h"
#include "server/imap/imap_commands.h"

/*
 * The commands run as in a session; what surrounds them (the connection, the
 * session, the follower) is made here.
 */
static struct imap_session session;
static struct account *account;
static struct buf said;
static bool ended; /* by conn_end() */

void
conn_write(struct task *t, struct conn *c, const void *p, size_t n)
{
	(void)t;
	(void)c;
	buf_add(&said, p, n);
}

void
conn_puts(struct task *t, struct conn *c, const char *s)
{
	conn_write(t, c, s, strlen(s));
}

void
conn_printf(struct task *t, struct conn *c, const char *fmt, ...)
{
	va_list ap;
	char text[500];

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	conn_puts(t, c, text);
}

bool
conn_is_ending(const struct conn *c)
{
	(void)c;
	return ended;
}

void
conn_end(struct conn *c)
{
	(void)c;
	ended = true;
}

void
conn_kick(struct conn *c)
{
	(void)c;
}

struct follow *
follow_new(struct worker *w, struct account *acc, void (*fn)(void *arg),
    void *arg)
{
	(void)w;
	(void)acc;
	(void)fn;
	(void)arg;
	return NULL;
}

void
follow_free(struct follow **f)
{
	*f = NULL;
}

void imap_bye(struct task *t, struct imap_session *s, const char *text);
void
imap_bye(struct task *t, struct imap_session *s, const char *text)
{
	(void)t;
	(void)s;
	fail_msg("BYE %s", text);
}

struct err *
imap_bad(struct imap_cmd *cmd, const char *text)
{
	cmd->bad = true;
	return err_new(cmd->in.arena, ERR_INVALID,
	    text != NULL ? text : cmd->in.bad, NULL);
}

struct err *
imap_account(struct task *t, struct imap_cmd *cmd, bool refresh,
    struct account **acc_r)
{
	(void)cmd;
	*acc_r = account;
	return refresh ? account_refresh(t, account) : NULL;
}

void
imap_condstore(struct task *t, struct imap_session *s)
{
	(void)t;
	s->condstore = true;
}

void
imap_limit(struct imap_session *s, struct quota_limit *limit_r)
{
	(void)s;
	*limit_r = (struct quota_limit){ 0, 0 };
}

/* --- the rig --- */

/* INBOX of acc as a session sees it that was just selected. */
static inline void
select_inbox(struct task *t, struct account *acc)
{
	const struct folder *f = folder_by_id(acc, ACCOUNT_INBOX);

	account = acc;
	session = (struct imap_session){ .state = IMAP_SELECTED, .acc = acc };
	session.view = (struct imap_view){
		.folder = f->id,
		.uidvalidity = f->uidvalidity,
		.uidnext = f->uidnext,
		.modseq = account_head(acc),
		.expunged = account_head(acc),
	};
	session.view.uids =
	    message_uids(acc, f->id, task_arena(t), &session.view.n);
	buf_free(&said);
	buf_init(&said, NULL, 64 << 20);
}

/* Run a command; what it said is in said. */
static inline may_yield_unchecked struct err *
run(struct task *t, const struct imap_command *command, const char *args)
{
	struct imap_cmd cmd = { .s = &session };

	session.told = NULL;
	ended = false;
	buf_clear(&said);
	buf_init(&cmd.code, task_arena(t), 1 << 20);
	imap_in_init(&cmd.in, task_arena(t), str_c(args));
	return command->run(t, &cmd);
}

#endif
