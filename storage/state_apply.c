/* state_apply.c - changesets: recording, trying, applying; snapshots */
#include "storage/state_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/crypto.h"

static bool
state_apply_is_local(const char *table)
{
	return strcmp(table, "meta") == 0 || strcmp(table, "applied") == 0 ||
	       strncmp(table, "sqlite_", 7) == 0;
}

static void
state_apply_rollback(struct state_replica *r)
{
	/* Outside a transaction it is an error that says nothing. */
	sqlite3_exec(r->rw.h, "ROLLBACK", NULL, NULL, NULL);
}

static struct err *
state_apply_misfit(struct arena *a, const char *detail, const char *what)
{
	return err_new(a, ERR_CONFLICT,
	    "the change does not fit the state it is applied to", "%s: %s",
	    detail, what);
}

/*
 * SQLite drops the changes of a table that is missing, or has fewer columns or
 * another primary key, without a word (measured): look first.
 */
static struct err *
state_apply_fits(struct arena *a, struct state_replica *r, const char *table,
    int columns, const unsigned char *pk)
{
	struct state_q q;
	struct err *e;
	bool fits = true;
	int n = 0;

	if (state_apply_is_local(table))
		return state_apply_misfit(a, "local table", table);
	state_q_begin(&q, &r->rw, a, "SELECT pk FROM pragma_table_info(?)", "t",
	    str_c(table));
	while (state_q_row(&q)) {
		if (n < columns)
			fits &= (state_q_i64(&q, 0) > 0) == (pk[n] != 0);
		n++;
	}
	e = state_q_end(&q);
	if (e != NULL)
		return e;
	if (n == 0)
		return state_apply_misfit(a, "no such table", table);
	if (n != columns || !fits)
		return state_apply_misfit(a, "other columns", table);
	return NULL;
}

static struct err *
state_apply_scan(struct arena *a, struct state_replica *r, struct str cs)
{
	sqlite3_changeset_iter *it = NULL;
	const char *table, *last = NULL;
	unsigned char *pk;
	struct err *e = NULL;
	int columns, op, n, rc;

	rc = sqlite3changeset_start(&it, (int)cs.n, (void *)cs.p);
	if (rc != SQLITE_OK)
		return state_apply_misfit(a, "unreadable", sqlite3_errstr(rc));
	while (e == NULL && sqlite3changeset_next(it) == SQLITE_ROW) {
		if (sqlite3changeset_op(it, &table, &columns, &op, NULL) !=
			SQLITE_OK ||
		    sqlite3changeset_pk(it, &pk, &n) != SQLITE_OK) {
			e = state_apply_misfit(a, "unreadable", "operation");
		} else if (last == NULL || strcmp(last, table) != 0) {
			e = state_apply_fits(a, r, table, columns, pk);
			last = arena_strdup(a, table);
		}
	}
	rc = sqlite3changeset_finalize(it);
	if (e == NULL && rc != SQLITE_OK)
		e = state_apply_misfit(a, "unreadable", sqlite3_errstr(rc));
	return e;
}

struct state_apply_conflict {
	const char *kind;
	char table[64];
};

static int
state_apply_on_conflict(void *arg, int kind, sqlite3_changeset_iter *it)
{
	static const char *const names[] = { [SQLITE_CHANGESET_DATA] =
						 "other values",
		[SQLITE_CHANGESET_NOTFOUND] = "row is missing",
		[SQLITE_CHANGESET_CONFLICT] = "row exists",
		[SQLITE_CHANGESET_CONSTRAINT] = "constraint",
		[SQLITE_CHANGESET_FOREIGN_KEY] = "foreign key" };
	struct state_apply_conflict *c = arg;
	const char *table = NULL;
	int columns, op;

	if (c->kind == NULL) {
		c->kind = kind > 0 && kind < (int)countof(names) ? names[kind]
								 : "conflict";
		if (kind != SQLITE_CHANGESET_FOREIGN_KEY &&
		    sqlite3changeset_op(it, &table, &columns, &op, NULL) ==
			SQLITE_OK)
			snprintf(c->table, sizeof(c->table), "%s", table);
	}
	return SQLITE_CHANGESET_ABORT;
}

static struct err *
state_apply_changeset(struct arena *a, struct state_replica *r, struct str cs)
{
	struct state_apply_conflict c = { .kind = NULL };
	struct err *e;
	int rc;

	e = state_apply_scan(a, r, cs);
	if (e != NULL)
		return e;
	rc = sqlite3changeset_apply_v2(r->rw.h, (int)cs.n, (void *)cs.p, NULL,
	    state_apply_on_conflict, &c, NULL, NULL,
	    SQLITE_CHANGESETAPPLY_NOSAVEPOINT);
	if (rc == SQLITE_OK && c.kind == NULL)
		return NULL;
	if (c.kind != NULL || (rc & 0xff) == SQLITE_CONSTRAINT)
		return state_apply_misfit(a, c.kind ? c.kind : "constraint",
		    c.table);
	return state_db_err(&r->rw, a, rc);
}

static const char *
state_apply_step(const struct state_ident *id, uint32_t schema)
{
	if (schema <= STATE_SCHEMA)
		return state_schema_steps[schema - 1];
	return id->extra_steps[schema - STATE_SCHEMA - 1];
}

static struct err *
state_apply_schema(struct arena *a, struct state_replica *r,
    const struct state_ident *id, uint32_t schema)
{
	struct err *e;

	if (schema <= r->schema) /* two nodes raised it at once */
		return NULL;
	if (schema > id->schema_max)
		return err_newf(a, ERR_FORMAT,
		    "the state's schema was raised to %u, this program knows "
		    "%u: upgrade it",
		    schema, id->schema_max);
	if (schema != r->schema + 1)
		return state_apply_misfit(a, "schema", "version skipped");
	e = state_exec(&r->rw, a, state_apply_step(id, schema));
	if (e != NULL && !r->rw.damaged && !err_is(e, ERR_SYSTEM))
		return state_apply_misfit(a, "schema", e->detail);
	if (e == NULL)
		e = state_run(&r->rw, a,
		    "UPDATE meta SET value = ? WHERE key = 'schema'", "t",
		    str_c(arena_printf(a, "%u", schema)));
	return e != NULL ? e : state_sum_all(&r->rw, a, &r->sum);
}

static struct err *
state_apply_op(struct arena *a, struct state_replica *r,
    const struct state_ident *id, const struct state_op *op)
{
	switch (op->kind) {
	case STATE_OP_SCHEMA:
		return state_apply_schema(a, r, id, op->schema);
	case STATE_OP_CHANGESET:
		if (op->schema > id->schema_max)
			return err_new(a, ERR_FORMAT,
			    "the state was changed by a newer version", NULL);
		if (op->schema != r->schema)
			return state_apply_misfit(a, "schema",
			    "of another version");
		r->sum += state_sum_changeset(op->changeset);
		return state_apply_changeset(a, r, op->changeset);
	case STATE_OP_NONE:
		break;
	}
	return NULL;
}

static struct err *
state_apply_mark(struct arena *a, struct state_replica *r, uint64_t seq,
    const struct txid *txid)
{
	char hex[TXID_HEX + 1];
	struct err *e;

	txid_hex(txid, hex);
	e = state_run(&r->rw, a,
	    "UPDATE meta SET value ="
	    " CASE key WHEN 'seq' THEN ? WHEN 'txid' THEN ? ELSE ? END"
	    " WHERE key IN ('seq', 'txid', 'sum')",
	    "ttt", str_c(arena_printf(a, "%llu", (unsigned long long)seq)),
	    str_c(hex),
	    str_c(arena_printf(a, "%016llx", (unsigned long long)r->sum)));
	if (e == NULL)
		e = state_run(&r->rw, a,
		    "INSERT INTO applied (seq, txid) VALUES (?, ?)", "ut", seq,
		    str_c(hex));
	if (e == NULL && seq > STATE_APPLIED_KEEP)
		e = state_run(&r->rw, a, "DELETE FROM applied WHERE seq <= ?",
		    "u", seq - STATE_APPLIED_KEEP);
	return e;
}

static struct err *
state_apply_in(struct arena *a, struct state_replica *r,
    const struct state_ident *id, uint64_t low, uint64_t seq,
    const struct txid *txid, const struct state_op *op)
{
	struct err *e;

	e = state_replica_meta(a, r, &r->rw);
	if (e != NULL)
		return e;
	if (r->seq == seq && !txid_eq(&r->txid, txid))
		return state_apply_misfit(a, "fork", "another entry is there");
	if (r->seq >= seq) /* by another process of this node */
		return NULL;
	if (r->seq < low)
		return state_apply_misfit(a, "gap", "entries are missing");
	e = state_apply_op(a, r, id, op);
	if (e == NULL)
		e = state_apply_mark(a, r, seq, txid);
	if (e == NULL)
		e = state_exec(&r->rw, a, "COMMIT");
	if (e != NULL)
		return e;
	r->seq = seq;
	r->txid = *txid;
	if (op->kind == STATE_OP_SCHEMA && op->schema > r->schema)
		r->schema = op->schema;
	return NULL;
}

struct err *
state_replica_apply(struct arena *a, struct state_replica *r,
    const struct state_ident *id, uint64_t low, uint64_t seq,
    const struct txid *txid, const struct state_op *op)
{
	struct err *e;

	e = state_exec(&r->rw, a, "BEGIN IMMEDIATE");
	if (e != NULL)
		return e;
	e = state_apply_in(a, r, id, low, seq, txid, op);
	if (sqlite3_get_autocommit(r->rw.h) == 0)
		state_apply_rollback(r);
	return e;
}

struct err *
state_replica_trial(struct arena *a, struct state_replica *r, struct str cs)
{
	struct err *e;

	e = state_exec(&r->rw, a, "BEGIN IMMEDIATE");
	if (e != NULL)
		return e;
	e = state_apply_changeset(a, r, cs);
	state_apply_rollback(r);
	return e;
}

static struct err *
state_apply_attach(struct state_replica *r, struct arena *a, sqlite3_session *s)
{
	struct state_q q;
	struct err *e = NULL;
	const char *table;

	state_q_begin(&q, &r->rw, a,
	    "SELECT name FROM sqlite_schema WHERE type = 'table'", "");
	while (e == NULL && state_q_row(&q)) {
		table = arena_cstr(a, state_q_str(&q, 0));
		if (!state_apply_is_local(table))
			e = state_db_err(&r->rw, a,
			    sqlite3session_attach(s, table));
	}
	if (e != NULL) {
		err_ignore(state_q_end(&q)); /* e is the first */
		return e;
	}
	return state_q_end(&q);
}

static struct err *
state_apply_session(struct state_replica *r, struct state_tx *x, state_fn fn,
    void *arg, sqlite3_session *s, struct str *cs_r)
{
	struct err *e;
	void *p = NULL;
	int n = 0;

	e = state_apply_attach(r, x->a, s);
	if (e == NULL)
		e = fn(x, arg);
	if (e == NULL)
		e = state_db_err(&r->rw, x->a,
		    sqlite3session_changeset(s, &n, &p));
	if (e == NULL)
		*cs_r = arena_str(x->a, str_of(p, (size_t)n));
	sqlite3_free(p);
	return e;
}

struct err *
state_replica_record(struct state_replica *r, struct state_tx *x, state_fn fn,
    void *arg, struct str *cs_r)
{
	sqlite3_session *s = NULL;
	struct err *e;

	*cs_r = STR_NONE;
	e = state_db_err(&r->rw, x->a,
	    sqlite3session_create(r->rw.h, "main", &s));
	if (e == NULL)
		e = state_apply_session(r, x, fn, arg, s, cs_r);
	/* A session must not outlive what it watched. */
	sqlite3session_delete(s);
	state_apply_rollback(r);
	return e;
}

/* --- snapshots --- */

static struct err *
state_snapshot_hash(struct state_snapshot *s)
{
	struct crypto_sha256_ctx *c;
	static const size_t size = 65536;
	char *p = arena_alloc(s->arena, size);
	ssize_t n;
	int fd, saved;

	fd = open(s->to, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(s->arena, errno, "cannot read %s", s->to);
	c = crypto_sha256_new();
	while ((n = read(fd, p, size)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		crypto_sha256_add(c, p, (size_t)n);
	}
	saved = errno;
	crypto_sha256_end(&c, s->sha256);
	close(fd);
	return n == 0 ? NULL
		      : err_errno(s->arena, saved, "cannot read %s", s->to);
}

static struct err *
state_snapshot_look(struct state_snapshot *s, sqlite3 *h)
{
	struct state_replica r = { .rw = { .h = h } };
	struct err *e;

	e = state_replica_meta(s->arena, &r, &r.rw);
	s->seq = r.seq;
	s->schema = r.schema;
	return e;
}

static struct err *
state_snapshot_file(struct state_snapshot *s)
{
	struct state_db db = { .h = NULL }, made = { .h = NULL };
	struct err *e;

	e = state_db_err(&db, s->arena,
	    sqlite3_open_v2(s->from, &db.h,
		SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL));
	if (e == NULL)
		e = state_run(&db, s->arena, "VACUUM INTO ?", "t",
		    str_c(s->to));
	sqlite3_close(db.h);
	if (e == NULL)
		e = state_db_err(&made, s->arena,
		    sqlite3_open_v2(s->to, &made.h,
			SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL));
	if (e == NULL)
		e = state_snapshot_look(s, made.h);
	sqlite3_close(made.h);
	return e != NULL ? e : state_snapshot_hash(s);
}

static struct err *
state_snapshot_memory(struct state_snapshot *s)
{
	unsigned char *p;
	sqlite3_int64 n = 0;

	p = sqlite3_serialize(s->memory, "main", &n, 0);
	if (p == NULL)
		return err_new(s->arena, ERR_SYSTEM, "the local replica failed",
		    "sqlite3_serialize");
	s->bytes = arena_str(s->arena, str_of(p, (size_t)n));
	sqlite3_free(p);
	crypto_sha256(s->bytes.p, s->bytes.n, s->sha256);
	return state_snapshot_look(s, s->memory);
}

void
blocking_state_snapshot(void *arg)
{
	struct state_snapshot *s = arg;

	s->err =
	    s->from == NULL ? state_snapshot_memory(s) : state_snapshot_file(s);
}
