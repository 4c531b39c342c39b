/* state_domain.c - mail domains this cluster is responsible for */
#include "storage/state_domain.h"

#include "base/unicode.h"
#include "storage/state_address.h"
#include "storage/state_private.h"
#include "storage/state_setting.h"

struct err *
state_domain_get_in(struct state_db *db, struct arena *a, struct str name,
    bool *suspended_r, uint64_t *quota_default_r, uint64_t *accounts_max_r)
{
	struct state_q q;
	struct err *e;
	bool found;

	state_q_begin(&q, db, a,
	    "SELECT suspended, quota_default, accounts_max FROM domains"
	    " WHERE name = ?",
	    "t", name);
	found = state_q_row(&q);
	if (found) {
		*suspended_r = state_q_i64(&q, 0) != 0;
		*quota_default_r = state_q_u64(&q, 1);
		*accounts_max_r = state_q_u64(&q, 2);
	}
	e = state_q_end(&q);
	if (e == NULL && !found)
		e = err_newf(a, ERR_NOTFOUND, "there is no domain " STR_FMT,
		    STR_ARG(name));
	return e;
}

struct state_domain_change {
	const struct state_domain *d;
	struct str name, display;
	bool suspended;
};

static struct err *
state_domain_add_run(struct state_tx *x, void *arg)
{
	struct state_domain_change *c = arg;
	struct err *e;
	bool have;

	e = state_exists(x->db, x->a, &have,
	    "SELECT 1 FROM domains WHERE name = ?", "t", c->name);
	if (e == NULL && have)
		e = err_newf(x->a, ERR_DUPLICATE,
		    "there is a domain " STR_FMT " already", STR_ARG(c->name));
	if (e == NULL)
		e = state_run(x->db, x->a,
		    "INSERT INTO domains (name, display, note, created,"
		    " suspended, quota_default, accounts_max)"
		    " VALUES (?, ?, ?, ?, 0, ?, ?)",
		    "tttiuu", c->name, c->display, c->d->note,
		    (int64_t)x->now_s, c->d->quota_default, c->d->accounts_max);
	return e != NULL ? e : state_audit(x, "domain.add", c->name, STR_NONE);
}

struct err *
state_domain_add(struct task *t, struct state *st, const char *by,
    const struct state_domain *d)
{
	struct arena *a = task_arena(t);
	struct state_domain_change c = { .d = d };
	struct err *e;

	e = state_domain_parse(a, d->name, &c.name);
	if (e == NULL)
		e = unicode_domain_shown(a, c.name, &c.display);
	if (e == NULL && (d->note.n > 1000 || !unicode_is_utf8(d->note)))
		e = err_new(a, ERR_INVALID, "the note is too long", NULL);
	return e != NULL ? e
			 : state_change(t, st, by, state_domain_add_run, &c);
}

/* What still has addresses in the domain. */
static const struct {
	const char *sql, *text;
} state_domain_users[] = {
	{ "SELECT 1 FROM accounts WHERE domain = ? AND status != 2 LIMIT 1",
	    "the domain has accounts" },
	{ "SELECT 1 FROM accounts WHERE domain = ? LIMIT 1",
	    "the domain has removed accounts whose grace is not over" },
	{ "SELECT 1 FROM aliases WHERE domain = ? LIMIT 1",
	    "the domain has aliases" },
	{ "SELECT 1 FROM groups WHERE domain = ? LIMIT 1",
	    "the domain has groups" },
};

/* What goes with it: whoever has the domain next did not let anybody write in
 * its name. */
static const struct {
	uint32_t schema;
	const char *sql;
} state_domain_goes[] = {
	{ 1, "DELETE FROM keys WHERE kind = 'dkim' AND domain = ?" },
	{ STATE_SENDING_SCHEMA, "DELETE FROM routes WHERE pattern = ?" },
	{ STATE_SENDING_SCHEMA,
	    "DELETE FROM identities"
	    " WHERE substr(address, instr(address, '@') + 1) = ?" },
	{ 1, "DELETE FROM domains WHERE name = ?" },
};

static struct err *
state_domain_must_exist(struct state_tx *x, struct str name)
{
	uint64_t quota, max;
	bool suspended;

	return state_domain_get_in(x->db, x->a, name, &suspended, &quota, &max);
}

static struct err *
state_domain_remove_run(struct state_tx *x, void *arg)
{
	struct state_domain_change *c = arg;
	struct err *e;
	unsigned i;
	bool yes;

	e = state_domain_must_exist(x, c->name);
	for (i = 0; e == NULL && i < countof(state_domain_users); i++) {
		e = state_exists(x->db, x->a, &yes, state_domain_users[i].sql,
		    "t", c->name);
		if (e == NULL && yes)
			e = err_new(x->a, ERR_CONFLICT,
			    state_domain_users[i].text, NULL);
	}
	for (i = 0; e == NULL && i < countof(state_domain_goes); i++)
		if (state_schema(x->st) >= state_domain_goes[i].schema)
			e = state_run(x->db, x->a, state_domain_goes[i].sql,
			    "t", c->name);
	if (e == NULL)
		e = state_admin_domain_goes(x, c->name);
	return e != NULL ? e
			 : state_audit(x, "domain.remove", c->name, STR_NONE);
}

struct err *
state_domain_remove(struct task *t, struct state *st, const char *by,
    struct str name)
{
	struct state_domain_change c = { .d = NULL };
	struct err *e;

	e = state_domain_parse(task_arena(t), name, &c.name);
	return e != NULL ? e
			 : state_change(t, st, by, state_domain_remove_run, &c);
}

static struct err *
state_domain_suspend_run(struct state_tx *x, void *arg)
{
	struct state_domain_change *c = arg;
	uint64_t quota, max;
	struct err *e;
	bool now;

	e = state_domain_get_in(x->db, x->a, c->name, &now, &quota, &max);
	if (e != NULL || now == c->suspended)
		return e;
	e = state_run(x->db, x->a,
	    "UPDATE domains SET suspended = ? WHERE name = ?", "it",
	    (int64_t)c->suspended, c->name);
	if (e == NULL && c->suspended)
		e = state_admin_invites_end_domain(x, c->name);
	return e != NULL
		   ? e
		   : state_audit(x,
			 c->suspended ? "domain.suspend" : "domain.restore",
			 c->name, STR_NONE);
}

struct err *
state_domain_suspend(struct task *t, struct state *st, const char *by,
    struct str name, bool suspended)
{
	struct state_domain_change c = { .suspended = suspended };
	struct err *e;

	e = state_domain_parse(task_arena(t), name, &c.name);
	return e != NULL
		   ? e
		   : state_change(t, st, by, state_domain_suspend_run, &c);
}

/* --- changing --- */

struct state_domain_setting {
	struct str name;
	const struct state_domain *d;
	unsigned what;
};

static struct err *
state_domain_set_number(struct state_tx *x,
    const struct state_domain_setting *s, const char *column, uint64_t v)
{
	return state_run(x->db, x->a,
	    arena_printf(x->a, "UPDATE domains SET %s = ? WHERE name = ?",
		column),
	    "ut", v, s->name);
}

/* Those of the first schema. */
static struct err *
state_domain_set_old(struct state_tx *x, const struct state_domain_setting *s)
{
	struct err *e = NULL;

	if ((s->what & STATE_DOMAIN_QUOTA) != 0)
		e = state_domain_set_number(x, s, "quota_default",
		    s->d->quota_default);
	if (e == NULL && (s->what & STATE_DOMAIN_ACCOUNTS) != 0)
		e = state_domain_set_number(x, s, "accounts_max",
		    s->d->accounts_max);
	if (e == NULL && (s->what & STATE_DOMAIN_NOTE) != 0)
		e = state_run(x->db, x->a,
		    "UPDATE domains SET note = ? WHERE name = ?", "tt",
		    s->d->note, s->name);
	return e;
}

/* All of them are written: only what differs gets into the changeset. */
static struct err *
state_domain_set_rules(struct state_tx *x, const struct state_domain_setting *s)
{
	const struct state_domain_rules *n = &s->d->rules;
	struct state_domain_rules r;
	struct err *e;

	e = state_sending_check(x);
	if (e == NULL)
		e = state_domain_rules_in(x->db, x->a, x->st, s->name, &r);
	if (e != NULL)
		return e;
	if ((s->what & STATE_DOMAIN_SEPARATORS) != 0)
		r.separators = n->separators;
	if ((s->what & STATE_DOMAIN_MESSAGES) != 0)
		r.messages_default = n->messages_default;
	if ((s->what & STATE_DOMAIN_MESSAGE_MAX) != 0)
		r.message_max = n->message_max;
	if ((s->what & STATE_DOMAIN_RECIPIENTS) != 0)
		r.recipients_per_day = n->recipients_per_day;
	if ((s->what & STATE_DOMAIN_DMARC) != 0)
		r.dmarc = n->dmarc;
	if ((s->what & STATE_DOMAIN_OUTGOING) != 0)
		r.outgoing = n->outgoing;
	return state_run(x->db, x->a,
	    "UPDATE domains SET separators = ?, messages_default = ?,"
	    " message_max = ?, recipients_per_day = ?, dmarc = ?,"
	    " outgoing = ? WHERE name = ?",
	    "tuuiiit", r.separators, r.messages_default, r.message_max,
	    r.recipients_per_day, (int64_t)r.dmarc, (int64_t)r.outgoing,
	    s->name);
}

static struct err *
state_domain_set_run(struct state_tx *x, void *arg)
{
	const unsigned old =
	    STATE_DOMAIN_QUOTA | STATE_DOMAIN_ACCOUNTS | STATE_DOMAIN_NOTE;
	const struct state_domain_setting *s = arg;
	struct err *e;

	e = state_domain_must_exist(x, s->name);
	if (e == NULL)
		e = state_domain_set_old(x, s);
	if (e == NULL && (s->what & ~old) != 0)
		e = state_domain_set_rules(x, s);
	return e != NULL ? e
			 : state_audit(x, "domain.set", s->name,
			       str_c(arena_printf(x->a, "what %#x", s->what)));
}

static bool
state_separators_are_valid(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (s.p[i] == '\0' ||
		    strchr("!#$%&'*+-/=?^_`{|}~", s.p[i]) == NULL)
			return false;
	return s.n <= STATE_SEPARATORS_MAX;
}

static const char *
state_domain_set_fault(const struct state_domain *d, unsigned what)
{
	const struct state_domain_rules *r = &d->rules;

	if ((what & STATE_DOMAIN_NOTE) != 0 &&
	    (d->note.n > 1000 || !unicode_is_utf8(d->note)))
		return "the note is too long";
	if ((what & STATE_DOMAIN_SEPARATORS) != 0 &&
	    !state_separators_are_valid(r->separators))
		return "separators are up to 8 of !#$%&'*+-/=?^_`{|}~";
	if ((what & STATE_DOMAIN_RECIPIENTS) != 0 &&
	    r->recipients_per_day < STATE_RECIPIENTS_DEFAULT)
		return "not a number of recipients";
	if ((what & STATE_DOMAIN_DMARC) != 0 &&
	    (r->dmarc < STATE_DMARC_PUBLISHED ||
		r->dmarc > STATE_DMARC_QUARANTINE))
		return "not a policy";
	return NULL;
}

struct err *
state_domain_set(struct task *t, struct state *st, const char *by,
    struct str name, const struct state_domain *d, unsigned what)
{
	struct state_domain_setting s = { .d = d, .what = what };
	const char *fault = state_domain_set_fault(d, what);
	struct err *e;

	if (fault != NULL)
		return err_new(task_arena(t), ERR_INVALID, fault, NULL);
	e = state_domain_parse(task_arena(t), name, &s.name);
	return e != NULL ? e
			 : state_change(t, st, by, state_domain_set_run, &s);
}

/* --- retention --- */

struct state_domain_keeping {
	struct str name;
	const int64_t *junk, *trash;
};

static struct err *
state_domain_keep_run(struct state_tx *x, void *arg)
{
	struct state_domain_keeping *k = arg;
	struct state_domain_change c = { .name = k->name };
	struct str detail;
	struct err *e;

	if (state_schema(x->st) < STATE_DOMAIN_KEEP_SCHEMA)
		return err_new(x->a, ERR_CONFLICT,
		    "some node is too old for this setting: upgrade all nodes",
		    NULL);
	e = state_domain_must_exist(x, c.name);
	if (e == NULL && k->junk != NULL)
		e = state_run(x->db, x->a,
		    "UPDATE domains SET junk_keep = ? WHERE name = ?", "it",
		    *k->junk, k->name);
	if (e == NULL && k->trash != NULL)
		e = state_run(x->db, x->a,
		    "UPDATE domains SET trash_keep = ? WHERE name = ?", "it",
		    *k->trash, k->name);
	if (e != NULL)
		return e;
	detail = str_c(arena_printf(x->a, "junk %lld trash %lld",
	    (long long)(k->junk != NULL ? *k->junk : -2),
	    (long long)(k->trash != NULL ? *k->trash : -2)));
	return state_audit(x, "domain.keep", k->name, detail);
}

static bool
state_domain_keep_is_valid(const int64_t *keep)
{
	return keep == NULL ||
	       (*keep >= STATE_KEEP_DEFAULT && *keep <= STATE_KEEP_MAX);
}

struct err *
state_domain_keep(struct task *t, struct state *st, const char *by,
    struct str name, const int64_t *junk, const int64_t *trash)
{
	struct state_domain_keeping k = { .junk = junk, .trash = trash };
	struct err *e;

	if (!state_domain_keep_is_valid(junk) ||
	    !state_domain_keep_is_valid(trash))
		return err_new(task_arena(t), ERR_INVALID,
		    "messages are kept for at most 100 years, or for ever",
		    NULL);
	e = state_domain_parse(task_arena(t), name, &k.name);
	return e != NULL ? e
			 : state_change(t, st, by, state_domain_keep_run, &k);
}

static struct err *
state_retention_in(struct state_db *db, struct arena *a, const struct state *st,
    struct str name, struct state_retention *r)
{
	int64_t junk = STATE_KEEP_DEFAULT, trash = STATE_KEEP_DEFAULT;
	struct err *e = NULL;
	struct state_q q;

	if (state_schema(st) >= STATE_DOMAIN_KEEP_SCHEMA) {
		state_q_begin(&q, db, a,
		    "SELECT junk_keep, trash_keep FROM domains WHERE name = ?",
		    "t", name);
		if (state_q_row(&q)) {
			junk = state_q_i64(&q, 0);
			trash = state_q_i64(&q, 1);
		}
		e = state_q_end(&q);
	}
	r->junk_s = junk >= 0 ? (uint64_t)junk
			      : state_setting_u64_in(db, a, STATE_JUNK_KEEP);
	r->trash_s = trash >= 0 ? (uint64_t)trash
				: state_setting_u64_in(db, a, STATE_TRASH_KEEP);
	return e;
}

struct err *
state_domain_retention(struct arena *a, struct state *st, struct str name,
    struct state_retention *r_r)
{
	struct state_db *db;
	struct err *e;

	*r_r = (struct state_retention){ .junk_s = 0 };
	e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	e = state_retention_in(db, a, st, name, r_r);
	state_read_end(st);
	if (e != NULL) /* nothing is removed on a guess */
		*r_r = (struct state_retention){ .junk_s = 0 };
	return e;
}

struct err *
state_retention_is_used(struct arena *a, struct state *st, bool *used_r)
{
	struct state_retention r;
	struct state_db *db;
	struct err *e;

	*used_r = false;
	e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	/* Of no domain: the settings. */
	e = state_retention_in(db, a, st, STR(""), &r);
	*used_r = r.junk_s > 0 || r.trash_s > 0;
	if (e == NULL && !*used_r &&
	    state_schema(st) >= STATE_DOMAIN_KEEP_SCHEMA)
		e = state_exists(db, a, used_r,
		    "SELECT 1 FROM domains WHERE junk_keep > 0"
		    " OR trash_keep > 0",
		    "");
	state_read_end(st);
	return e;
}

/* --- reading --- */

static void
state_domain_rules_row(struct state_q *q, int col, struct state_domain_rules *r)
{
	r->separators = state_q_str(q, col);
	r->messages_default = state_q_u64(q, col + 1);
	r->message_max = state_q_u64(q, col + 2);
	r->recipients_per_day = state_q_i64(q, col + 3);
	r->dmarc = (enum state_domain_dmarc)state_q_i64(q, col + 4);
	r->outgoing = state_q_i64(q, col + 5) != 0;
}

static void
state_domain_row(struct state_q *q, void *row)
{
	struct state_domain *d = row;

	d->name = state_q_str(q, 0);
	d->display = state_q_str(q, 1);
	d->note = state_q_str(q, 2);
	d->created = state_q_i64(q, 3);
	d->suspended = state_q_i64(q, 4) != 0;
	d->quota_default = state_q_u64(q, 5);
	d->accounts_max = state_q_u64(q, 6);
	d->accounts = state_q_u64(q, 7);
	d->junk_keep = state_q_i64(q, 8);
	d->trash_keep = state_q_i64(q, 9);
	state_domain_rules_row(q, 10, &d->rules);
}

static const struct state_rows state_domain_all = { sizeof(struct state_domain),
	state_domain_row, 0 };

static const char *
state_domain_rules_columns(const struct state *st)
{
	return state_schema(st) >= STATE_SENDING_SCHEMA
		   ? "separators, messages_default, message_max,"
		     " recipients_per_day, dmarc, outgoing"
		   : "'+', 0, 0, -1, -1, 1";
}

#define STATE_DOMAIN_COLUMNS                                                   \
	"SELECT name, display, note, created, suspended, quota_default,"       \
	" accounts_max, (SELECT COUNT(*) FROM accounts"                        \
	"  WHERE domain = domains.name AND status != 2),"

/* One and the same result, whatever the schema is. */
static const char *
state_domain_sql(struct arena *a, const struct state *st, const char *rest)
{
	bool keeps = state_schema(st) >= STATE_DOMAIN_KEEP_SCHEMA;

	return arena_printf(a, STATE_DOMAIN_COLUMNS "%s, %s FROM domains %s",
	    keeps ? "junk_keep, trash_keep" : "-1, -1",
	    state_domain_rules_columns(st), rest);
}

struct err *
state_domain_rules_in(struct state_db *db, struct arena *a,
    const struct state *st, struct str name, struct state_domain_rules *r_r)
{
	struct state_q q;
	struct err *e;
	bool found;

	state_q_begin(&q, db, a,
	    arena_printf(a, "SELECT %s FROM domains WHERE name = ?",
		state_domain_rules_columns(st)),
	    "t", name);
	found = state_q_row(&q);
	if (found)
		state_domain_rules_row(&q, 0, r_r);
	e = state_q_end(&q);
	if (e == NULL && !found)
		e = err_newf(a, ERR_NOTFOUND, "there is no domain " STR_FMT,
		    STR_ARG(name));
	return e;
}

struct err *
state_domain_rules(struct arena *a, struct state *st, struct str name,
    struct state_domain_rules *r_r)
{
	struct state_db *db;
	struct str ascii;
	struct err *e;

	*r_r = (struct state_domain_rules){ .outgoing = false };
	e = state_domain_parse(a, name, &ascii);
	if (e == NULL)
		e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	e = state_domain_rules_in(db, a, st, ascii, r_r);
	state_read_end(st);
	return e;
}

struct err *
state_domain_find(struct arena *a, struct state *st, struct str name,
    struct state_domain *d_r)
{
	struct state_db *db;
	struct state_q q;
	struct str ascii;
	struct err *e;
	bool found;

	*d_r = (struct state_domain){ .created = 0 };
	e = state_domain_parse(a, name, &ascii);
	if (e == NULL)
		e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	state_q_begin(&q, db, a, state_domain_sql(a, st, "WHERE name = ?"), "t",
	    ascii);
	found = state_q_row(&q);
	if (found)
		state_domain_row(&q, d_r);
	e = state_q_end(&q);
	state_read_end(st);
	if (e == NULL && !found)
		e = err_newf(a, ERR_NOTFOUND, "there is no domain " STR_FMT,
		    STR_ARG(ascii));
	return e;
}

struct err *
state_domain_list(struct arena *a, struct state *st, struct str after,
    unsigned max, struct state_domain **list_r, unsigned *n_r)
{
	struct state_db *db;
	struct state_q q;
	struct err *e;

	*n_r = 0;
	*list_r = NULL;
	e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	state_q_begin(&q, db, a,
	    state_domain_sql(a, st, "WHERE name > ? ORDER BY name LIMIT ?"),
	    "ti", after, (int64_t)max);
	e = state_q_list(&q, st, &state_domain_all, list_r, n_r);
	state_read_end(st);
	return e;
}
