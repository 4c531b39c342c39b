/* state_token.c - tokens with which programs do what their owner may */
#include "storage/state_admin_private.h"

#define STATE_TOKEN_PREFIX "shoal_"
#define STATE_TOKEN_COLUMNS                                                    \
	"SELECT id, owner, label, scopes, created, expires, hash FROM tokens"

struct state_token_work {
	struct state_token *tok;
	struct str owner, text;
};

static struct err *
state_token_missing(struct arena *a)
{
	return err_new(a, ERR_NOTFOUND, "there is no such token", NULL);
}

static void
state_token_row(struct state_q *q, void *row)
{
	struct state_token *tok = row;

	*tok = (struct state_token){ .id = state_q_str(q, 0),
		.owner = state_q_str(q, 1),
		.label = state_q_str(q, 2),
		.scopes = state_q_str(q, 3),
		.created = state_q_i64(q, 4),
		.expires = state_q_i64(q, 5) };
}

static const struct state_rows state_token_rows = { sizeof(struct state_token),
	state_token_row, STATE_CONSOLE_SCHEMA };

/* --- changing --- */

static struct err *
state_token_room(struct state_tx *x, struct str owner)
{
	int64_t n = 0;
	struct err *e;

	e = state_run(x->db, x->a,
	    "DELETE FROM tokens WHERE expires != 0 AND expires <= ?", "i",
	    x->now_s - STATE_TOKEN_KEEP_S);
	if (e == NULL)
		e = state_number(x->db, x->a, &n,
		    "SELECT COUNT(*) FROM tokens WHERE owner = ?", "t", owner);
	if (e == NULL && n >= STATE_TOKENS_MAX)
		e = err_newf(x->a, ERR_LIMIT,
		    STR_FMT " has %d tokens: remove some", STR_ARG(owner),
		    STATE_TOKENS_MAX);
	return e;
}

static struct err *
state_token_add_run(struct state_tx *x, void *arg)
{
	struct state_token_work *w = arg;
	struct state_token *tok = w->tok;
	struct str secret;
	struct err *e;

	e = state_console_check(x);
	if (e == NULL)
		e = state_admin_must_exist(x, w->owner);
	if (e == NULL && tok->expires != 0 && tok->expires <= x->now_s)
		e = err_new(x->a, ERR_INVALID,
		    "a token ends in the future, or never", NULL);
	if (e == NULL)
		e = state_token_room(x, w->owner);
	if (e != NULL)
		return e;
	tok->id = state_random_id(x->a, x->rnd);
	tok->created = x->now_s;
	secret = state_secret_make(x);
	w->text =
	    str_c(arena_printf(x->a, STATE_TOKEN_PREFIX STR_FMT "_" STR_FMT,
		STR_ARG(tok->id), STR_ARG(secret)));
	e = state_run(x->db, x->a,
	    "INSERT INTO tokens (id, owner, label, scopes, created, expires,"
	    " hash) VALUES (?, ?, ?, ?, ?, ?, ?)",
	    "ttttiib", tok->id, w->owner, tok->label, tok->scopes, tok->created,
	    tok->expires, state_secret_hash(x->a, secret));
	return e != NULL ? e
			 : state_audit(x, "token.add", w->owner,
			       str_c(arena_printf(x->a, STR_FMT " " STR_FMT,
				   STR_ARG(tok->id), STR_ARG(tok->scopes))));
}

/* Words of "area:right", a blank between two. */
static struct err *
state_token_scopes(struct arena *a, struct str scopes)
{
	bool ok = scopes.n > 0 && scopes.n <= STATE_TOKEN_SCOPES_MAX;
	size_t i;

	for (i = 0; ok && i < scopes.n; i++)
		ok = (scopes.p[i] >= 'a' && scopes.p[i] <= 'z') ||
		     memchr(" :*-", scopes.p[i], 4) != NULL;
	return ok ? NULL
		  : err_new(a, ERR_INVALID,
			"scopes are words like accounts:write, a blank between "
			"two",
			NULL);
}

struct err *
state_token_add(struct task *t, struct state *st, const char *by,
    struct state_token *tok, struct str *text_r)
{
	struct state_token_work w = { .tok = tok };
	struct arena *a = task_arena(t);
	struct err *e;

	*text_r = STR_NONE;
	e = state_admin_login(a, tok->owner, &w.owner);
	if (e == NULL && tok->label.n == 0)
		e = err_new(a, ERR_INVALID, "a token has a label", NULL);
	if (e == NULL)
		e = state_admin_text(a, tok->label, STATE_TOKEN_LABEL_MAX,
		    "a label");
	if (e == NULL)
		e = state_token_scopes(a, tok->scopes);
	if (e == NULL)
		e = state_change(t, st, by, state_token_add_run, &w);
	if (e != NULL)
		return e;
	tok->owner = w.owner;
	*text_r = w.text;
	return NULL;
}

static struct err *
state_token_get(struct state_db *db, struct arena *a, struct str id,
    struct state_token *tok_r, struct str *hash_r)
{
	struct state_q q;
	struct err *e;
	bool found;

	state_q_begin(&q, db, a, STATE_TOKEN_COLUMNS " WHERE id = ?", "t", id);
	found = state_q_row(&q);
	if (found) {
		state_token_row(&q, tok_r);
		*hash_r = state_q_str(&q, 6);
	}
	e = state_q_end(&q);
	return e != NULL || found ? e : state_token_missing(a);
}

static struct err *
state_token_remove_run(struct state_tx *x, void *arg)
{
	const struct str *id = arg;
	struct state_token tok;
	struct str hash;
	struct err *e;

	e = state_console_check(x);
	if (e == NULL)
		e = state_token_get(x->db, x->a, *id, &tok, &hash);
	if (e == NULL)
		e = state_run(x->db, x->a, "DELETE FROM tokens WHERE id = ?",
		    "t", *id);
	/* whoever got hold of it may have invited himself */
	if (e == NULL)
		e = state_run(x->db, x->a,
		    "DELETE FROM admin_invites WHERE token = ?", "t", *id);
	return e != NULL ? e : state_audit(x, "token.remove", tok.owner, *id);
}

struct err *
state_token_remove(struct task *t, struct state *st, const char *by,
    struct str id)
{
	return state_change(t, st, by, state_token_remove_run, &id);
}

/* --- reading --- */

struct err *
state_token_find(struct arena *a, struct state *st, struct str text,
    int64_t now_s, struct state_token *tok_r)
{
	struct str id, secret, hash;
	struct state_db *db;
	struct err *e;

	*tok_r = (struct state_token){ .created = 0 };
	if (!state_secret_split(text, STR(STATE_TOKEN_PREFIX), '_', &id,
		&secret))
		return state_token_missing(a);
	e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	if (state_schema(st) >= STATE_CONSOLE_SCHEMA)
		e = state_token_get(db, a, id, tok_r, &hash);
	else
		e = state_token_missing(a);
	state_read_end(st);
	if (e == NULL && (!state_secret_is(secret, hash) ||
			     (tok_r->expires != 0 && tok_r->expires <= now_s)))
		e = state_token_missing(a);
	if (e != NULL)
		*tok_r = (struct state_token){ .created = 0 };
	return e;
}

struct err *
state_token_list(struct arena *a, struct state *st, struct str owner,
    struct state_token **list_r, unsigned *n_r)
{
	struct str login = STR_NONE;
	struct err *e = NULL;

	*n_r = 0;
	*list_r = NULL;
	if (owner.n > 0)
		e = state_admin_login(a, owner, &login);
	if (e == NULL)
		e = state_list(a, st, &state_token_rows, list_r, n_r,
		    STATE_TOKEN_COLUMNS " WHERE ?1 = '' OR owner = ?1"
					" ORDER BY owner, created, id",
		    "t", login);
	return e;
}
