/* imap_session.c - a connection from greeting to goodbye */
#include <stdlib.h>

#include "base/log.h"
#include "server/cluster/follow.h"
#include "server/imap/imap_private.h"
#include "server/imap/imap_protocol.h"

void
imap_bye(struct task *t, struct imap_session *s, const char *text)
{
	if (s->state == IMAP_GONE)
		return;
	conn_printf(t, s->c, "* BYE %s\r\n", text);
	s->state = IMAP_GONE;
	conn_end(s->c);
}

/* --- the account --- */

/* A copy that outlives the task. */
static void
imap_session_keep(struct imap_session *s, const struct state_account *account)
{
	struct str id = account->id, address = account->address;

	free(s->account_text);
	s->account_text = xcalloc(1, id.n + address.n + 2);
	memcpy(s->account_text, id.p, id.n);
	memcpy(s->account_text + id.n + 1, address.p, address.n);
	s->account = *account;
	s->account.id = str_of(s->account_text, id.n);
	s->account.address = str_of(s->account_text + id.n + 1, address.n);
	s->account.domain = s->account.name = s->account.volume = STR("");
}

static void
imap_session_log(struct task *t, struct imap_session *s)
{
	task_set_log(t, conn_id(s->c),
	    s->account_text != NULL ? s->account.address.p : NULL);
}

struct err *
imap_session_login(struct task *t, struct imap_cmd *cmd,
    const struct auth_login *l)
{
	struct imap_session *s = cmd->s;
	struct err *e = auth_session_begin(task_arena(t), s->w->auth,
	    l->account.id, conn_peer(s->c), &s->counted);

	if (e != NULL)
		return e;
	imap_session_keep(s, &l->account);
	free(s->app);
	s->app = xcalloc(1, l->app_id.n + 1);
	if (l->app_id.n > 0)
		memcpy(s->app, l->app_id.p, l->app_id.n);
	s->state_seq = 0; /* it may have changed while the login went on */
	s->state = IMAP_USER;
	s->errors = 0;
	conn_set_deadline(s->c, 0);
	conn_set_idle_timeout(s->c,
	    (uint32_t)worker_setting(s->w, STATE_IMAP_IDLE_TIMEOUT) * 1000);
	imap_session_log(t, s);
	return NULL;
}

/*
 * The state decides who may be served; what an administrator does holds for
 * sessions that are there already: removed, suspended (it or its domain),
 * signed out everywhere, a new password, an application password that is gone.
 */
bool
imap_session_recheck(struct task *t, struct imap_session *s)
{
	struct auth_login was = { .account = s->account,
		.app_id = str_c(s->app) };
	struct state_account now;

	if (s->account_text == NULL)
		return true;
	switch (auth_recheck(task_arena(t), s->w->auth, &was, &s->state_seq,
	    task_wall_s(t), &now)) {
	case AUTH_HOLDS:
		break;
	case AUTH_HOLDS_CLOSED:
		imap_bye(t, s, "The account is closed");
		return false;
	case AUTH_HOLDS_NOT:
		imap_bye(t, s, "Please log in again");
		return false;
	}
	if (now.id.n > 0) {
		imap_session_keep(s, &now);
		imap_session_log(t, s);
	}
	return true;
}

struct err *
imap_account(struct task *t, struct imap_cmd *cmd, bool refresh,
    struct account **acc_r)
{
	struct imap_session *s = cmd->s;
	struct account *acc = s->acc;
	struct err *e = NULL;

	*acc_r = NULL;
	if (acc == NULL || (account_is_purged(acc) && s->follow == NULL)) {
		account_close(&s->acc);
		e = worker_account_open(t, s->w, s->account.id, &acc);
		if (e == NULL) {
			s->acc = acc;
			refresh = !account_is_loaded(acc);
		}
	}
	if (e == NULL && (refresh || !account_is_loaded(acc)))
		e = account_refresh(t, acc);
	if (e == NULL && account_is_closed(acc))
		e = err_new(task_arena(t), ERR_CLOSED, "the account is closed",
		    NULL);
	if (e == NULL)
		*acc_r = acc;
	return e;
}

void
imap_limit(struct imap_session *s, struct quota_limit *limit_r)
{
	*limit_r = (struct quota_limit){
		.bytes = s->account.quota_bytes,
		.messages = s->account.quota_messages,
	};
}

void
imap_condstore(struct task *t, struct imap_session *s)
{
	const struct folder *f;

	if (s->condstore)
		return;
	s->condstore = true;
	if (s->state != IMAP_SELECTED)
		return;
	f = folder_by_id(s->acc, s->view.folder);
	if (f != NULL)
		conn_printf(t, s->c, "* OK [HIGHESTMODSEQ %llu] Highest\r\n",
		    (unsigned long long)f->highestmodseq);
}

/* --- the protocol's table --- */

static may_yield void
imap_open(struct task *t, struct conn *c)
{
	struct imap_session *s = xcalloc(1, sizeof(*s));
	uint64_t timeout_ms;
	struct buf b;

	s->c = c;
	s->w = conn_worker(c);
	s->state = IMAP_STRANGER;
	conn_set_session(c, s);
	timeout_ms = worker_setting(s->w, STATE_IMAP_LOGIN_TIMEOUT) * 1000;
	conn_set_idle_timeout(c, 0);
	conn_set_deadline(c, conn_began_ms(c) + timeout_ms);
	buf_init(&b, task_arena(t), 4096);
	buf_c(&b, "* OK [CAPABILITY ");
	imap_capability_put(&b, s);
	buf_fmt(&b, "] %s Shoal IMAP4rev1 ready\r\n", worker_hostname(s->w));
	conn_write(t, c, b.p, b.n);
}

/* Returns false when the session is over. */
static may_yield bool
imap_event_other(struct task *t, struct imap_session *s, unsigned events)
{
	if (events & CONN_EVENT_DRAIN) {
		imap_bye(t, s, "This node is going down, please reconnect");
		return false;
	}
	if (!(events & CONN_EVENT_TIMEOUT))
		return true;
	if (s->state == IMAP_STRANGER)
		imap_bye(t, s, "Nobody logged in for too long");
	else
		imap_bye(t, s, "Nothing was said for too long");
	return false;
}

static may_yield void
imap_event(struct task *t, struct conn *c, unsigned events)
{
	struct imap_session *s = conn_session(c);
	unsigned n = 0;

	imap_session_log(t, s);
	if (s->idle != NULL)
		imap_idle_event(t, s, events);
	/* What is there is still answered before a goodbye. */
	while (n < IMAP_BURST && !conn_is_ending(c) && conn_buffered(c).n > 0) {
		n++;
		if (s->idle != NULL)
			imap_idle_event(t, s, CONN_EVENT_INPUT);
		else
			imap_run(t, s);
	}
	if (n == IMAP_BURST) {
		err_ignore(conn_flush(t, c)); /* gone: conn_is_ending() */
		conn_kick(c);
	}
	if (!conn_is_ending(c))
		imap_event_other(t, s, events);
}

static void
imap_close(struct conn *c)
{
	struct imap_session *s = conn_session(c);

	if (s == NULL)
		return;
	imap_idle_stop(s);
	imap_view_close(s);
	account_close(&s->acc);
	auth_session_end(s->w->auth, &s->counted);
	free(s->account_text);
	free(s->app);
	free(s);
	conn_set_session(c, NULL);
}

#define IMAP_BUSY "* BYE [LIMIT] Too many connections, try again later\r\n"

const struct protocol imap_protocol = {
	.name = "imap",
	.busy = IMAP_BUSY,
	.start_timeout_ms = 60000,
	.open = imap_open,
	.event = imap_event,
	.close = imap_close,
};

const struct protocol imaps_protocol = {
	.name = "imaps",
	.tls = true,
	.busy = IMAP_BUSY,
	.start_timeout_ms = 60000,
	.open = imap_open,
	.event = imap_event,
	.close = imap_close,
};
