/* state_account_read.c - finding and listing accounts */
#include "base/buf.h"
#include "base/unicode.h"
#include "storage/state_account_private.h"
#include "storage/state_address.h"
#include "storage/state_setting.h"

void
state_account_row(struct state_q *q, void *account)
{
	struct state_account *ac = account;

	ac->id = state_q_str(q, 0);
	ac->address = state_q_str(q, 1);
	ac->domain = state_q_str(q, 2);
	ac->name = state_q_str(q, 3);
	ac->status = (enum state_account_status)state_q_i64(q, 4);
	ac->created = state_q_i64(q, 5);
	ac->changed = state_q_i64(q, 6);
	ac->removed = state_q_i64(q, 7);
	ac->purge_after = state_q_i64(q, 8);
	ac->quota_bytes = state_q_u64(q, 9);
	ac->quota_messages = state_q_u64(q, 10);
	ac->generation = state_q_u64(q, 11);
	ac->password_changed = state_q_i64(q, 12);
	ac->volume = state_q_str(q, 13);
}

static const struct state_rows state_account_rows = {
	sizeof(struct state_account), state_account_row, 0
};

struct err *
state_account_missing(struct arena *a, struct str address)
{
	return err_newf(a, ERR_NOTFOUND, "there is no account " STR_FMT,
	    STR_ARG(address));
}

struct err *
state_account_login(struct arena *a, struct str address, struct str *login_r)
{
	struct state_address ad;
	struct err *e = state_address_parse(a, address, &ad);

	*login_r = ad.full;
	return e;
}

static struct err *
state_account_one(struct state_db *db, struct arena *a, const char *sql,
    struct str key, struct state_account *ac_r)
{
	struct state_q q;
	struct err *e;
	bool found;

	*ac_r = (struct state_account){ .created = 0 };
	state_q_begin(&q, db, a, sql, "t", key);
	found = state_q_row(&q);
	if (found)
		state_account_row(&q, ac_r);
	e = state_q_end(&q);
	return e != NULL || found ? e : state_account_missing(a, key);
}

struct err *
state_account_by_login(struct state_db *db, struct arena *a, struct str login,
    struct state_account *ac_r)
{
	return state_account_one(db, a,
	    "SELECT " STATE_ACCOUNT_COLUMNS " FROM accounts WHERE login = ?",
	    login, ac_r);
}

struct err *
state_account_by_id(struct state_db *db, struct arena *a, struct str id,
    struct state_account *ac_r)
{
	return state_account_one(db, a,
	    "SELECT " STATE_ACCOUNT_COLUMNS " FROM accounts WHERE id = ?", id,
	    ac_r);
}

struct err *
state_account_find(struct arena *a, struct state *st, struct str address,
    struct state_account *account_r)
{
	struct state_db *db;
	struct str login;
	struct err *e;

	e = state_account_login(a, address, &login);
	if (e == NULL)
		e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	e = state_account_by_login(db, a, login, account_r);
	state_read_end(st);
	return e;
}

struct err *
state_account_get(struct arena *a, struct state *st, struct str id,
    struct state_account *account_r)
{
	struct state_db *db;
	struct err *e;

	e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	e = state_account_by_id(db, a, id, account_r);
	state_read_end(st);
	return e;
}

struct err *
state_search_pattern(struct arena *a, struct str search, struct str *pattern_r)
{
	struct str folded;
	struct buf b;
	struct err *e;
	size_t i;

	*pattern_r = STR("%");
	if (search.n == 0)
		return NULL;
	e = unicode_fold_nfc(a, search, &folded);
	if (e != NULL)
		return e;
	buf_init(&b, a, 2 * folded.n + 2);
	buf_char(&b, '%');
	for (i = 0; i < folded.n; i++) {
		if (strchr("%_\\", folded.p[i]) != NULL)
			buf_char(&b, '\\');
		buf_char(&b, folded.p[i]);
	}
	buf_char(&b, '%');
	*pattern_r = buf_str(&b);
	return NULL;
}

/*
 * Ids first, from an index alone where there is one for it: a cluster's
 * accounts are many, and their rows wide.  address is folded; names are as
 * people wrote them, and LIKE folds ASCII only.
 */
#define STATE_ACCOUNT_LIST(from, domain)                                       \
	"SELECT " STATE_ACCOUNT_COLUMNS " FROM accounts WHERE id IN ("         \
	"SELECT id FROM accounts " from " WHERE (address, id) > (?1, ?2)"      \
	" AND " domain " AND status BETWEEN ?4 AND ?10"                        \
	" AND (?5 = 0 OR purge_after <= ?6)"                                   \
	" AND (?7 = '' OR instr(address, ?7) > 0"                              \
	"  OR name LIKE ?8 ESCAPE '\\')"                                       \
	" ORDER BY address, id LIMIT ?9) ORDER BY address, id"

static const char *
state_account_list_sql(const struct state *st,
    const struct state_account_query *query)
{
	if (query->domain.n > 0)
		return STATE_ACCOUNT_LIST("INDEXED BY accounts_domain",
		    "domain = ?3");
	if (state_schema(st) < STATE_CONSOLE_SCHEMA)
		return STATE_ACCOUNT_LIST("", "?3 = ''");
	return STATE_ACCOUNT_LIST("INDEXED BY accounts_search", "?3 = ''");
}

struct err *
state_account_list(struct arena *a, struct state *st,
    const struct state_account_query *query, struct state_account **list_r,
    unsigned *n_r)
{
	struct str pattern, folded = STR_NONE, domain = STR_NONE;
	struct state_db *db;
	struct state_q q;
	struct err *e;

	*n_r = 0;
	*list_r = NULL;
	e = state_search_pattern(a, query->search, &pattern);
	if (e == NULL && query->search.n > 0)
		e = unicode_fold_nfc(a, query->search, &folded);
	if (e == NULL && query->domain.n > 0)
		e = state_domain_parse(a, query->domain, &domain);
	if (e == NULL)
		e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	state_q_begin(&q, db, a, state_account_list_sql(st, query),
	    "tttiiittii", query->after,
	    query->after_id.n > 0 || query->after.n == 0 ? query->after_id
							 : STR("~"),
	    domain,
	    (int64_t)(query->removed	 ? STATE_ACCOUNT_REMOVED
		      : query->suspended ? STATE_ACCOUNT_SUSPENDED
					 : STATE_ACCOUNT_ACTIVE),
	    (int64_t)query->due, query->now_s, folded, pattern,
	    (int64_t)(query->max > 0 ? query->max : 1000),
	    (int64_t)(query->removed  ? STATE_ACCOUNT_REMOVED
		      : query->active ? STATE_ACCOUNT_ACTIVE
				      : STATE_ACCOUNT_SUSPENDED));
	e = state_q_list(&q, st, &state_account_rows, list_r, n_r);
	state_read_end(st);
	return e;
}

struct err *
state_account_walk(struct arena *a, struct state *st, struct str from,
    struct str below, unsigned max, struct state_account **list_r,
    unsigned *n_r)
{
	return state_list(a, st, &state_account_rows, list_r, n_r,
	    "SELECT " STATE_ACCOUNT_COLUMNS " FROM accounts"
	    " WHERE id >= ? AND id < ? AND status != 2 ORDER BY id LIMIT ?",
	    "tti", from, below, (int64_t)max);
}

struct err *
state_account_count(struct arena *a, struct state *st, unsigned max,
    unsigned *n_r)
{
	struct state_db *db;
	int64_t n = 0;
	struct err *e;

	*n_r = 0;
	e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	e = state_number(db, a, &n,
	    "SELECT COUNT(*) FROM (SELECT 1 FROM accounts LIMIT ?)", "i",
	    (int64_t)max);
	state_read_end(st);
	*n_r = (unsigned)n;
	return e;
}

static struct err *
state_account_salt_in(struct state_db *db, struct arena *a, struct str login,
    const struct rnd *r, struct password_salt *salt_r)
{
	struct state_q q;
	struct str salt;
	struct err *e;
	bool found = false;

	state_q_begin(&q, db, a,
	    "SELECT scram_salt, scram_iterations FROM accounts"
	    " WHERE login = ?",
	    "t", login);
	if (state_q_row(&q)) {
		salt = state_q_str(&q, 0);
		salt_r->iterations = (uint32_t)state_q_u64(&q, 1);
		found = salt.n == sizeof(salt_r->salt);
		if (found)
			memcpy(salt_r->salt, salt.p, salt.n);
	}
	e = state_q_end(&q);
	if (e == NULL && !found)
		password_salt_make(r,
		    (uint32_t)state_setting_u64_in(db, a,
			STATE_PASSWORD_ITERATIONS),
		    salt_r);
	return e;
}

struct err *
state_account_salt(struct arena *a, struct state *st, struct str address,
    const struct rnd *r, struct password_salt *salt_r)
{
	struct state_db *db;
	struct str login;
	struct err *e;

	e = state_account_login(a, address, &login);
	if (e == NULL)
		e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	e = state_account_salt_in(db, a, login, r, salt_r);
	state_read_end(st);
	return e;
}
