/* state_check.c - are replicas equal, is one sound */
#include "storage/state_private.h"

#include "base/crypto.h"

static void
state_digest_value(struct crypto_sha256_ctx *c, sqlite3_stmt *s, int col)
{
	unsigned char head[9];
	int64_t v = sqlite3_column_int64(s, col);
	int type = sqlite3_column_type(s, col);
	uint64_t n;
	unsigned i;

	if (type == SQLITE_TEXT || type == SQLITE_BLOB) {
		const void *p = sqlite3_column_blob(s, col);

		n = (uint64_t)sqlite3_column_bytes(s, col);
		v = (int64_t)n;
		head[0] = (unsigned char)type;
		for (i = 0; i < 8; i++)
			head[1 + i] = (unsigned char)(n >> (8 * i));
		crypto_sha256_add(c, head, sizeof(head));
		crypto_sha256_add(c, p, (size_t)n);
		return;
	}
	head[0] = (unsigned char)type;
	for (i = 0; i < 8; i++)
		head[1 + i] = (unsigned char)((uint64_t)v >> (8 * i));
	crypto_sha256_add(c, head, sizeof(head));
}

static struct err *
state_digest_table(struct state_db *db, struct arena *a, struct str table,
    struct crypto_sha256_ctx *c)
{
	struct str key = STR("1");
	struct state_q q;
	struct err *e;
	int i, n;

	crypto_sha256_add(c, table.p, table.n);
	state_q_begin(&q, db, a,
	    "SELECT group_concat('\"' || name || '\"')"
	    " FROM pragma_table_info(?) WHERE pk > 0",
	    "t", table);
	if (state_q_row(&q))
		key = state_q_str(&q, 0);
	e = state_q_end(&q);
	if (e != NULL)
		return e;
	state_q_begin(&q, db, a,
	    arena_printf(a, "SELECT * FROM \"" STR_FMT "\" ORDER BY " STR_FMT,
		STR_ARG(table), STR_ARG(key)),
	    "");
	while (state_q_row(&q)) {
		n = sqlite3_column_count(q.s);
		for (i = 0; i < n; i++)
			state_digest_value(c, q.s, i);
	}
	return state_q_end(&q);
}

struct err *
state_digest(struct arena *a, struct state *st, unsigned char sha256_r[32])
{
	struct crypto_sha256_ctx *c;
	struct state_db *db;
	struct state_q q;
	struct err *e, *end;

	e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	c = crypto_sha256_new();
	state_q_begin(&q, db, a,
	    "SELECT name FROM sqlite_schema WHERE type = 'table'"
	    " AND name NOT IN ('meta', 'applied')"
	    " AND name NOT LIKE 'sqlite%' ORDER BY name",
	    "");
	while (e == NULL && state_q_row(&q))
		e = state_digest_table(db, a, state_q_str(&q, 0), c);
	end = state_q_end(&q);
	crypto_sha256_end(&c, sha256_r);
	state_read_end(st);
	return e != NULL ? e : end;
}

/* What business functions see to; each row is a problem. */
static const struct {
	const char *sql, *text;
} state_check_rules[] = {
	{ "SELECT address FROM accounts WHERE domain NOT IN"
	  " (SELECT name FROM domains)",
	    "account of a domain that does not exist" },
	{ "SELECT address FROM accounts WHERE status != 2 AND"
	  " (login IS NULL OR login != address)",
	    "account that cannot log in by its address" },
	{ "SELECT address FROM accounts WHERE status = 2 AND login NOTNULL",
	    "removed account that still has its login" },
	{ "SELECT id FROM app_passwords WHERE account NOT IN"
	  " (SELECT id FROM accounts)",
	    "application password of no account" },
	{ "SELECT address FROM aliases WHERE domain NOT IN"
	  " (SELECT name FROM domains)",
	    "alias of a domain that does not exist" },
	{ "SELECT address FROM alias_targets WHERE address NOT IN"
	  " (SELECT address FROM aliases)",
	    "target of an alias that does not exist" },
	{ "SELECT address FROM aliases WHERE address NOT IN"
	  " (SELECT address FROM alias_targets)",
	    "alias without a target" },
	{ "SELECT address FROM groups WHERE domain NOT IN"
	  " (SELECT name FROM domains)",
	    "group of a domain that does not exist" },
	{ "SELECT address FROM groups WHERE posters NOT IN"
	  " ('anyone', 'domain', 'members')",
	    "group whose writers are unknown" },
	{ "SELECT address FROM group_members WHERE address NOT IN"
	  " (SELECT address FROM groups)",
	    "member of a group that does not exist" },
	{ "SELECT login FROM accounts WHERE login IN"
	  " (SELECT address FROM aliases UNION SELECT address FROM groups)",
	    "address that is an account and an alias or group" },
	{ "SELECT name FROM certificate_names WHERE certificate NOT IN"
	  " (SELECT id FROM certificates)",
	    "name of a certificate that does not exist" },
};

/* Those of STATE_SENDING_SCHEMA's tables and columns. */
static const struct {
	const char *sql, *text;
} state_check_sending[] = {
	{ "SELECT address FROM identities WHERE account NOT IN"
	  " (SELECT id FROM accounts)",
	    "identity of no account" },
	{ "SELECT selector || '._domainkey.' || domain FROM keys"
	  " WHERE kind = 'dkim' AND domain NOT IN (SELECT name FROM domains)",
	    "DKIM key of a domain that does not exist" },
	{ "SELECT selector || '._domainkey.' || domain FROM keys"
	  " WHERE kind = 'dkim' GROUP BY domain, selector"
	  " HAVING COUNT(*) > 1",
	    "selector of several DKIM keys" },
	{ "SELECT id FROM keys WHERE active != 0 AND retired != 0",
	    "key that is active and retired" },
	{ "SELECT pattern FROM routes WHERE tls NOT IN"
	  " ('may', 'must', 'verify', 'never', 'implicit')",
	    "route with an unknown TLS mode" },
	{ "SELECT pattern FROM routes WHERE hosts = ''",
	    "route without a host" },
	{ "SELECT pattern FROM routes WHERE user != ''"
	  " AND tls NOT IN ('must', 'verify', 'implicit')",
	    "route that would send a password in clear" },
	{ "SELECT name FROM domains WHERE recipients_per_day < -1"
	  " OR dmarc NOT BETWEEN -1 AND 1 OR outgoing NOT IN (0, 1)",
	    "domain with rules out of bounds" },
};

/* Those of STATE_CONSOLE_SCHEMA. */
static const struct {
	const char *sql, *text;
} state_check_console[] = {
	{ "SELECT login FROM admins WHERE role NOT IN"
	  " ('system', 'domain', 'readonly')",
	    "administrator with an unknown role" },
	{ "SELECT login FROM admins WHERE (role = 'system' AND domain != '')"
	  " OR (role = 'domain' AND domain = '')",
	    "administrator whose role and domain do not fit" },
	{ "SELECT login FROM admins WHERE domain != '' AND domain NOT IN"
	  " (SELECT name FROM domains)",
	    "administrator of a domain that does not exist" },
	{ "SELECT login FROM admins WHERE login LIKE '%@%' AND login NOT IN"
	  " (SELECT login FROM accounts WHERE login NOTNULL)",
	    "administrator by an account that does not exist" },
	{ "SELECT id FROM tokens WHERE owner NOT IN"
	  " (SELECT login FROM admins)",
	    "token of no administrator" },
	{ "SELECT id FROM admin_invites WHERE domain != '' AND domain NOT IN"
	  " (SELECT name FROM domains)",
	    "invitation to a domain that does not exist" },
	{ "SELECT id FROM admin_invites WHERE inviter != '' AND inviter NOT IN"
	  " (SELECT login FROM admins WHERE role = 'system')",
	    "invitation by nobody who may invite" },
	{ "SELECT target FROM forwards WHERE account NOT IN"
	  " (SELECT id FROM accounts)",
	    "forwarding of no account" },
	{ "SELECT a.address FROM forwards f JOIN accounts a ON a.id = f.account"
	  " WHERE f.target = a.address",
	    "account that forwards to itself" },
};

static void
state_check_add(struct arena *a, struct state_problem ***last, const char *text,
    struct str what)
{
	struct state_problem *p = arena_new_obj(a, struct state_problem);

	p->text = arena_printf(a, "%s: " STR_FMT, text, STR_ARG(what));
	**last = p;
	*last = &p->next;
}

static struct err *
state_check_query(struct state_db *db, struct arena *a, const char *sql,
    const char *text, struct state_problem ***last)
{
	struct state_q q;
	struct str s;

	state_q_begin(&q, db, a, sql, "");
	while (state_q_row(&q)) {
		s = state_q_str(&q, 0);
		if (!str_eq_c(s, "ok"))
			state_check_add(a, last, text, s);
	}
	return state_q_end(&q);
}

static struct err *
state_check_sum(struct state_db *db, struct arena *a,
    struct state_problem ***last)
{
	struct state_replica r = { .seq = 0 };
	uint64_t sum;
	struct err *e;

	e = state_replica_meta(a, &r, db);
	if (e == NULL)
		e = state_sum_all(db, a, &sum);
	if (e == NULL && sum != r.sum)
		state_check_add(a, last, "the replica's values",
		    STR("their sum is wrong"));
	return e;
}

struct err *
state_check(struct arena *a, struct state *st, struct state_problem **first_r)
{
	struct state_problem **last = first_r;
	struct state_db *db;
	struct err *e;
	unsigned i;

	*first_r = NULL;
	e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	e = state_check_query(db, a, "PRAGMA integrity_check",
	    "the replica's file", &last);
	if (e == NULL)
		e = state_check_sum(db, a, &last);
	for (i = 0; e == NULL && i < countof(state_check_rules); i++)
		e = state_check_query(db, a, state_check_rules[i].sql,
		    state_check_rules[i].text, &last);
	for (i = 0; e == NULL && i < countof(state_check_sending) &&
		    state_schema(st) >= STATE_SENDING_SCHEMA;
	     i++)
		e = state_check_query(db, a, state_check_sending[i].sql,
		    state_check_sending[i].text, &last);
	for (i = 0; e == NULL && i < countof(state_check_console) &&
		    state_schema(st) >= STATE_CONSOLE_SCHEMA;
	     i++)
		e = state_check_query(db, a, state_check_console[i].sql,
		    state_check_console[i].text, &last);
	state_read_end(st);
	return e;
}
