/* state_tag.c - which version of an object somebody has seen */
#include "storage/state_tag.h"

#include "base/crypto.h"
#include "storage/state_address.h"
#include "storage/state_admin_private.h"
#include "storage/state_domain.h"
#include "storage/state_setting.h"

/*
 * What a kind consists of: rows of several queries, in order.  ?1 of the first
 * is the key as it was normalised; of the others, the first column of the first
 * row.  A query is left out below its schema: raising the schema changes tags
 * once, on every node at the same entry.
 *
 * Left out is what changes without anybody changing the object: generations,
 * accounts.changed (kept better, a password changes it), nodes.address, the
 * steps of TOTP; and secrets, of which there is only whether they are there.
 */
static const struct state_tag_part {
	enum state_tag_kind kind;
	uint32_t schema;
	const char *sql;
} state_tag_parts[] = {
	{ STATE_TAG_DOMAIN, 1,
	    "SELECT name, display, note, created, suspended, quota_default,"
	    " accounts_max FROM domains WHERE name = ?1" },
	{ STATE_TAG_DOMAIN, STATE_DOMAIN_KEEP_SCHEMA,
	    "SELECT junk_keep, trash_keep FROM domains WHERE name = ?1" },
	{ STATE_TAG_DOMAIN, STATE_SENDING_SCHEMA,
	    "SELECT separators, messages_default, message_max,"
	    " recipients_per_day, dmarc, outgoing FROM domains"
	    " WHERE name = ?1" },

	{ STATE_TAG_ACCOUNT, 1,
	    "SELECT id, COALESCE(login, ''), address, domain, name, status,"
	    " created, removed, purge_after, quota_bytes, quota_messages,"
	    " password_changed, volume FROM accounts"
	    " WHERE login = ?1 OR id = ?1" },
	{ STATE_TAG_ACCOUNT, STATE_SENDING_SCHEMA,
	    "SELECT address, created FROM identities WHERE account = ?1"
	    " ORDER BY address" },
	{ STATE_TAG_ACCOUNT, STATE_CONSOLE_SCHEMA,
	    "SELECT forward_keep, secret_totp != x'' FROM accounts"
	    " WHERE id = ?1" },
	{ STATE_TAG_ACCOUNT, STATE_CONSOLE_SCHEMA,
	    "SELECT target FROM forwards WHERE account = ?1"
	    " ORDER BY target" },

	{ STATE_TAG_ALIAS, 1,
	    "SELECT address, domain, created FROM aliases"
	    " WHERE address = ?1" },
	{ STATE_TAG_ALIAS, 1,
	    "SELECT target FROM alias_targets WHERE address = ?1"
	    " ORDER BY target" },

	{ STATE_TAG_GROUP, 1,
	    "SELECT address, domain, name, posters, created FROM groups"
	    " WHERE address = ?1" },
	{ STATE_TAG_GROUP, 1,
	    "SELECT member FROM group_members WHERE address = ?1"
	    " ORDER BY member" },

	{ STATE_TAG_ADMIN, 1,
	    "SELECT login, role, domain, created FROM admins"
	    " WHERE login = ?1" },
	{ STATE_TAG_ADMIN, STATE_CONSOLE_SCHEMA,
	    "SELECT m.name, COALESCE(c.secret_totp, m.secret_totp) != x''"
	    " FROM admins m LEFT JOIN accounts c ON c.login = m.login"
	    " WHERE m.login = ?1" },

	/* One is always there, at its default. */
	{ STATE_TAG_SETTING, 1,
	    "SELECT ?1, COALESCE((SELECT value FROM settings WHERE name = ?1),"
	    " '')" },

	{ STATE_TAG_NODE, 1,
	    "SELECT id, name, note, drain, joined FROM nodes"
	    " WHERE id = ?1 OR name = ?1 ORDER BY id != ?1 LIMIT 1" },

	{ STATE_TAG_ROUTE, STATE_SENDING_SCHEMA,
	    "SELECT pattern, hosts, tls, user, note, created,"
	    " secret_password != x'' FROM routes WHERE pattern = ?1" },

	{ STATE_TAG_DKIM, 1, "SELECT name FROM domains WHERE name = ?1" },
	{ STATE_TAG_DKIM, 1,
	    "SELECT id, selector, algorithm, public, active, created FROM keys"
	    " WHERE kind = 'dkim' AND domain = ?1 ORDER BY selector, id" },
	{ STATE_TAG_DKIM, STATE_SENDING_SCHEMA,
	    "SELECT id, node, activated, retired FROM keys"
	    " WHERE kind = 'dkim' AND domain = ?1 ORDER BY selector, id" },
};

static struct err *
state_tag_missing(struct arena *a, struct str key)
{
	return err_newf(a, ERR_NOTFOUND, "there is no " STR_FMT, STR_ARG(key));
}

/* The key as the first query wants it. */
static struct err *
state_tag_key(struct arena *a, enum state_tag_kind kind, struct str key,
    struct str *key_r)
{
	struct state_address ad;
	struct err *e = NULL;

	*key_r = key;
	switch (kind) {
	case STATE_TAG_DOMAIN:
	case STATE_TAG_DKIM:
		return state_domain_parse(a, key, key_r);
	case STATE_TAG_ACCOUNT:
		if (!state_admin_is_account(key))
			return NULL; /* an id */
		/* fall through */
	case STATE_TAG_GROUP:
		e = state_address_parse(a, key, &ad);
		*key_r = ad.full;
		return e;
	case STATE_TAG_ALIAS:
		e = state_address_parse_any(a, key, &ad);
		*key_r = ad.full;
		return e;
	case STATE_TAG_ADMIN:
		return state_admin_login(a, key, key_r);
	case STATE_TAG_SETTING:
		return state_setting_desc_find(key) != NULL
			   ? NULL
			   : state_tag_missing(a, key);
	case STATE_TAG_ROUTE:
		return state_route_pattern(a, key, key_r);
	case STATE_TAG_NODE:
		return NULL;
	case STATE_TAG_NONE:
	case STATE_TAG_KINDS:
		break;
	}
	invariant(!"a kind of tag");
	return NULL;
}

static void
state_tag_add(struct crypto_sha256_ctx *c, struct str s)
{
	unsigned char head[8];
	unsigned i;

	for (i = 0; i < sizeof(head); i++)
		head[i] = (unsigned char)((uint64_t)s.n >> (8 * i));
	crypto_sha256_add(c, head, sizeof(head));
	crypto_sha256_add(c, s.p, s.n);
}

/* Numbers are digested as SQLite writes them. *first_r: first value, if there
 * is a row and first_r is not NULL. */
static struct err *
state_tag_query(struct state_db *db, struct arena *a, const char *sql,
    struct str key, struct crypto_sha256_ctx *c, struct str *first_r,
    bool *found_r)
{
	struct state_q q;
	struct str s;
	int i;

	*found_r = false;
	state_tag_add(c, STR("query"));
	state_q_begin(&q, db, a, sql, "t", key);
	while (state_q_row(&q)) {
		for (i = 0; i < sqlite3_column_count(q.s); i++) {
			s = state_q_str(&q, i);
			if (first_r != NULL && !*found_r && i == 0)
				*first_r = s;
			state_tag_add(c, s);
		}
		*found_r = true;
	}
	return state_q_end(&q);
}

static struct err *
state_tag_digest(struct state_db *db, struct arena *a, uint32_t schema,
    enum state_tag_kind kind, struct str key, struct crypto_sha256_ctx *c)
{
	const struct state_tag_part *p;
	struct str id = STR_NONE;
	bool first = true, found = false;
	struct err *e = NULL;
	unsigned i;

	for (i = 0; e == NULL && i < countof(state_tag_parts); i++) {
		p = &state_tag_parts[i];
		if (p->kind != kind || p->schema > schema)
			continue;
		e = state_tag_query(db, a, p->sql, first ? key : id, c,
		    first ? &id : NULL, &found);
		if (e == NULL && first && !found)
			break;
		first = false;
	}
	return e != NULL || !first ? e : state_tag_missing(a, key);
}

static struct err *
state_tag_in(struct state_db *db, struct arena *a, uint32_t schema,
    enum state_tag_kind kind, struct str key, char tag_r[STATE_TAG_CHARS + 1])
{
	unsigned char sum[CRYPTO_SHA256_BYTES];
	struct crypto_sha256_ctx *c;
	struct str name;
	struct buf hex;
	struct err *e;

	tag_r[0] = '\0';
	e = state_tag_key(a, kind, key, &name);
	if (e != NULL)
		return e;
	c = crypto_sha256_new();
	e = state_tag_digest(db, a, schema, kind, name, c);
	crypto_sha256_end(&c, sum);
	if (e != NULL)
		return e;
	buf_init(&hex, a, STATE_TAG_CHARS + 1);
	buf_hex(&hex, sum, STATE_TAG_CHARS / 2);
	memcpy(tag_r, buf_cstr(&hex), STATE_TAG_CHARS + 1);
	return NULL;
}

struct err *
state_tag(struct arena *a, struct state *st, enum state_tag_kind kind,
    struct str key, char tag_r[STATE_TAG_CHARS + 1])
{
	struct state_db *db;
	struct err *e;

	tag_r[0] = '\0';
	e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	e = state_tag_in(db, a, state_schema(st), kind, key, tag_r);
	state_read_end(st);
	return e;
}

/* --- expecting --- */

void
state_expect_begin(struct task *t, struct state *st, struct state_expect *x)
{
	x->unmet = x->met = false;
	x->task = t;
	x->next = st->expects;
	st->expects = x;
}

void
state_expect_end(struct state *st, struct state_expect *x)
{
	struct state_expect **p;

	for (p = &st->expects; *p != NULL; p = &(*p)->next)
		if (*p == x) {
			*p = x->next;
			return;
		}
}

struct err *
state_expect_check(struct task *t, struct state *st, struct state_db *db,
    struct arena *a)
{
	char tag[STATE_TAG_CHARS + 1];
	struct state_expect *x;
	struct err *e = NULL;

	for (x = st->expects; e == NULL && x != NULL; x = x->next) {
		if (x->task != t || x->met)
			continue;
		e = state_tag_in(db, a, st->r->schema, x->kind, x->key, tag);
		x->unmet = err_is(e, ERR_NOTFOUND) ||
			   (e == NULL && !str_eq_c(x->tag, "*") &&
			       !str_eq_c(x->tag, tag));
		if (x->unmet)
			e = err_newf(a, ERR_CONFLICT,
			    STR_FMT " was changed meanwhile: look at it again",
			    STR_ARG(x->key));
	}
	return e;
}

void
state_expect_met(struct task *t, struct state *st)
{
	struct state_expect *x;

	for (x = st->expects; x != NULL; x = x->next)
		if (x->task == t)
			x->met = true;
}
