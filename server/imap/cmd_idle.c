/* cmd_idle.c - IDLE (RFC 2177) */
#include <stdlib.h>

#include "server/cluster/follow.h"
#include "server/imap/imap_commands.h"
#include "server/imap/imap_private.h"

/*
 * Between two events an idling session has no task: follow.h kicks the
 * connection when entries were applied, and event() tells what they were.
 * "* OK Still here" every two minutes keeps the connection in the tables of NAT
 * and balancers, and finds clients that are gone.
 */
struct imap_idle {
	struct imap_session *s;
	struct timer alive;
	bool alive_due;
	size_t tag_n;
	char tag[];
};

static void
imap_idle_alive(struct timer *tm, void *arg)
{
	struct imap_idle *i = arg;

	(void)tm;
	i->alive_due = true;
	conn_kick(i->s->c);
}

static void
imap_idle_wait(struct imap_idle *i)
{
	timer_set(i->s->w->sched, &i->alive, IMAP_ALIVE_MS, imap_idle_alive, i);
}

static may_yield struct err *
cmd_idle(struct task *t, struct imap_cmd *cmd)
{
	struct imap_session *s = cmd->s;
	struct account *acc;
	struct imap_idle *i;
	struct err *e;

	if (!imap_end(&cmd->in))
		return imap_bad(cmd, NULL);
	if (s->state == IMAP_SELECTED) {
		e = imap_account(t, cmd, true, &acc);
		if (e != NULL)
			return e;
	}
	conn_puts(t, s->c, "+ idling\r\n");
	i = xcalloc(1, sizeof(*i) + cmd->tag.n);
	i->s = s;
	i->tag_n = cmd->tag.n;
	memcpy(i->tag, cmd->tag.p, cmd->tag.n);
	s->idle = i;
	if (s->follow != NULL)
		follow_idle(s->follow, true);
	imap_idle_wait(i);
	cmd->later = true;
	/* What came since is told now: later nobody is kicked for it. */
	if (s->state == IMAP_SELECTED)
		imap_view_sync(t, s, false);
	return NULL;
}

void
imap_idle_stop(struct imap_session *s)
{
	if (s->idle == NULL)
		return;
	timer_cancel(s->w->sched, &s->idle->alive);
	if (s->follow != NULL)
		follow_idle(s->follow, false);
	free(s->idle);
	s->idle = NULL;
}

/* idle = "IDLE" CRLF "DONE"; anything else ends it, too, as BAD (B46). */
static may_yield void
imap_idle_done(struct task *t, struct imap_session *s)
{
	struct imap_cmd cmd = { .s = s };
	struct imap_reader r;
	struct str line;
	struct err *e;

	conn_set_deadline(s->c, task_now_ms(t) + IMAP_COMMAND_TIMEOUT_MS);
	imap_reader_init(&r, s);
	e = imap_reader_line(t, &r, r.line_max, &line);
	conn_set_deadline(s->c, 0);
	if (e != NULL && !err_is(e, ERR_LIMIT)) {
		imap_reader_free(&r);
		conn_end(s->c);
		return;
	}
	imap_in_init(&cmd.in, task_arena(t), STR(""));
	buf_init(&cmd.code, task_arena(t), 100);
	cmd.tag =
	    arena_str(task_arena(t), str_of(s->idle->tag, s->idle->tag_n));
	imap_idle_stop(s);
	if (e == NULL && str_case_eq_c(line, "DONE"))
		e = NULL;
	else
		e = imap_bad(&cmd, "IDLE ends with DONE");
	imap_reader_free(&r);
	imap_answer(t, &cmd, "IDLE", e);
}

void
imap_idle_event(struct task *t, struct imap_session *s, unsigned events)
{
	/* The task goes on as long as there is input: "IDLE", "DONE" may come
	 * any number of times. */
	struct arena_mark mark = arena_mark(task_arena(t));

	if (!imap_session_recheck(t, s))
		return;
	if (s->state == IMAP_SELECTED)
		imap_view_sync(t, s, false);
	if (s->idle->alive_due && !conn_is_ending(s->c)) {
		s->idle->alive_due = false;
		conn_puts(t, s->c, "* OK Still here\r\n");
		imap_idle_wait(s->idle);
	}
	/* INPUT is also said when what came was taken already. */
	if ((events & CONN_EVENT_INPUT) && !conn_is_ending(s->c) &&
	    conn_buffered(s->c).n > 0)
		imap_idle_done(t, s);
	arena_rewind(task_arena(t), mark);
}

const struct imap_command imap_cmd_idle = {
	.name = "IDLE",
	.states = IMAP_USER | IMAP_SELECTED,
	.run = cmd_idle,
};
