/* state_session.c - console sessions that were signed out before their time */
#include "storage/state_admin_private.h"

#define STATE_SESSION_ID_CHARS 32
#define STATE_SESSION_SWEEP 1000
/* That clocks of nodes may differ by: a session that is over here is believed
 * by no other node when it has been over for so long. */
#define STATE_SESSION_SLACK_S 3600

struct state_session_work {
	struct str id;
	int64_t expires;
};

static struct err *
state_session_end_run(struct state_tx *x, void *arg)
{
	const struct state_session_work *w = arg;
	struct err *e;
	bool have = false;

	e = state_console_check(x);
	if (e == NULL)
		e = state_exists(x->db, x->a, &have,
		    "SELECT 1 FROM sessions_ended WHERE id = ?", "t", w->id);
	if (e != NULL || have)
		return e;
	e = state_run(x->db, x->a,
	    "DELETE FROM sessions_ended WHERE id IN (SELECT id"
	    " FROM sessions_ended WHERE expires < ? ORDER BY id LIMIT ?)",
	    "ii", x->now_s - STATE_SESSION_SLACK_S,
	    (int64_t)STATE_SESSION_SWEEP);
	return e != NULL ? e
			 : state_run(x->db, x->a,
			       "INSERT INTO sessions_ended (id, expires)"
			       " VALUES (?, ?)",
			       "ti", w->id, w->expires);
}

struct err *
state_session_end(struct task *t, struct state *st, struct str id,
    int64_t expires)
{
	struct state_session_work w = { .id = id, .expires = expires };
	unsigned char b[STATE_SESSION_ID_CHARS / 2];

	if (!str_unhex(id, b, sizeof(b)))
		return err_new(task_arena(t), ERR_INVALID, "not a session",
		    NULL);
	return state_change(t, st, "session", state_session_end_run, &w);
}

struct err *
state_session_is_ended(struct arena *a, struct state *st, struct str id,
    bool *ended_r)
{
	struct state_db *db;
	struct err *e;

	*ended_r = false;
	e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	if (state_schema(st) >= STATE_CONSOLE_SCHEMA)
		e = state_exists(db, a, ended_r,
		    "SELECT 1 FROM sessions_ended WHERE id = ?", "t", id);
	state_read_end(st);
	return e;
}
