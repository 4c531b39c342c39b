/* state_query.c - statements with sticky errors */
#include "storage/state_private.h"

#include <stdarg.h>

/* What SQLite's primary result codes mean to callers. */
static const struct {
	int rc;
	enum err_code code;
	const char *text;
	bool damaged;
} state_q_codes[] = {
	{ SQLITE_CORRUPT, ERR_CORRUPT, "the local replica is damaged", true },
	{ SQLITE_NOTADB, ERR_CORRUPT, "the local replica is damaged", true },
	{ SQLITE_CONSTRAINT, ERR_DUPLICATE, "exists already", false },
	{ SQLITE_FULL, ERR_SYSTEM, "the local disk is full", false },
	{ SQLITE_BUSY, ERR_SYSTEM, "the local replica is locked", false },
	{ SQLITE_READONLY, ERR_SYSTEM, "the local replica is read-only",
	    false },
	{ SQLITE_CANTOPEN, ERR_SYSTEM, "the local replica cannot be opened",
	    false },
	{ SQLITE_TOOBIG, ERR_LIMIT, "too long", false },
};

struct err *
state_db_err(struct state_db *db, struct arena *a, int rc)
{
	const char *msg =
	    db->h != NULL ? sqlite3_errmsg(db->h) : sqlite3_errstr(rc);
	unsigned i;

	if (rc == SQLITE_OK || rc == SQLITE_DONE || rc == SQLITE_ROW)
		return NULL;
	if ((rc & 0xff) == SQLITE_NOMEM)
		panic("out of memory in SQLite");
	for (i = 0; i < countof(state_q_codes); i++)
		if ((rc & 0xff) == state_q_codes[i].rc) {
			db->damaged |= state_q_codes[i].damaged;
			return err_new(a, state_q_codes[i].code,
			    state_q_codes[i].text, "sqlite %d: %s", rc, msg);
		}
	return err_new(a, ERR_SYSTEM, "the local replica failed",
	    "sqlite %d: %s", rc, msg);
}

static int
state_q_bind_str(sqlite3_stmt *s, int i, char type, struct str v)
{
	const char *p = v.p != NULL ? v.p : "";

	if (type == 't')
		return sqlite3_bind_text64(s, i, p, v.n, SQLITE_TRANSIENT,
		    SQLITE_UTF8);
	return sqlite3_bind_blob64(s, i, p, v.n, SQLITE_TRANSIENT);
}

static void
state_q_bind(struct state_q *q, int i, char type, va_list *ap)
{
	uint64_t u;
	int rc;

	switch (type) {
	case 't':
	case 'b':
		rc = state_q_bind_str(q->s, i, type, va_arg(*ap, struct str));
		break;
	case 'i':
		rc = sqlite3_bind_int64(q->s, i, va_arg(*ap, int64_t));
		break;
	case 'u':
		u = va_arg(*ap, uint64_t);
		if (u > INT64_MAX && q->err == NULL)
			q->err = err_new(q->a, ERR_LIMIT,
			    "the number is too large", NULL);
		rc = sqlite3_bind_int64(q->s, i, (int64_t)(u & INT64_MAX));
		break;
	case 'n':
		rc = sqlite3_bind_null(q->s, i);
		break;
	default:
		panic("unknown parameter type '%c'", type);
	}
	if (rc != SQLITE_OK && q->err == NULL)
		q->err = state_db_err(q->db, q->a, rc);
}

static void
state_q_vbegin(struct state_q *q, struct state_db *db, struct arena *a,
    const char *sql, const char *types, va_list *ap)
{
	int i, rc;

	*q = (struct state_q){ .db = db, .a = a };
	rc = sqlite3_prepare_v2(db->h, sql, -1, &q->s, NULL);
	if (rc != SQLITE_OK) {
		q->err = state_db_err(db, a, rc);
		return;
	}
	for (i = 0; types[i] != '\0'; i++)
		state_q_bind(q, i + 1, types[i], ap);
}

void
state_q_begin(struct state_q *q, struct state_db *db, struct arena *a,
    const char *sql, const char *types, ...)
{
	va_list ap;

	va_start(ap, types);
	state_q_vbegin(q, db, a, sql, types, &ap);
	va_end(ap);
}

bool
state_q_row(struct state_q *q)
{
	int rc;

	if (q->err != NULL || q->done)
		return false;
	rc = sqlite3_step(q->s);
	if (rc == SQLITE_ROW)
		return true;
	q->done = true;
	q->err = state_db_err(q->db, q->a, rc);
	return false;
}

struct err *
state_q_end(struct state_q *q)
{
	sqlite3_finalize(q->s);
	q->s = NULL;
	return q->err;
}

struct str
state_q_str(struct state_q *q, int col)
{
	const void *p;

	/* The blob of a text value is its bytes. */
	p = sqlite3_column_blob(q->s, col);
	return arena_str(q->a,
	    str_of(p, (size_t)sqlite3_column_bytes(q->s, col)));
}

int64_t
state_q_i64(struct state_q *q, int col)
{
	return sqlite3_column_int64(q->s, col);
}

uint64_t
state_q_u64(struct state_q *q, int col)
{
	int64_t v = sqlite3_column_int64(q->s, col);

	return v < 0 ? 0 : (uint64_t)v;
}

struct err *
state_run(struct state_db *db, struct arena *a, const char *sql,
    const char *types, ...)
{
	struct state_q q;
	va_list ap;

	va_start(ap, types);
	state_q_vbegin(&q, db, a, sql, types, &ap);
	va_end(ap);
	while (state_q_row(&q))
		;
	return state_q_end(&q);
}

bool
state_did(const struct state_db *db)
{
	return sqlite3_changes(db->h) > 0;
}

struct err *
state_exists(struct state_db *db, struct arena *a, bool *yes_r, const char *sql,
    const char *types, ...)
{
	struct state_q q;
	va_list ap;

	va_start(ap, types);
	state_q_vbegin(&q, db, a, sql, types, &ap);
	va_end(ap);
	*yes_r = state_q_row(&q);
	return state_q_end(&q);
}

struct err *
state_number(struct state_db *db, struct arena *a, int64_t *n_r,
    const char *sql, const char *types, ...)
{
	struct state_q q;
	va_list ap;

	va_start(ap, types);
	state_q_vbegin(&q, db, a, sql, types, &ap);
	va_end(ap);
	*n_r = state_q_row(&q) ? state_q_i64(&q, 0) : 0;
	return state_q_end(&q);
}

struct err *
state_exec(struct state_db *db, struct arena *a, const char *sql)
{
	return state_db_err(db, a, sqlite3_exec(db->h, sql, NULL, NULL, NULL));
}

void *
state_list_add(struct arena *a, void *list, unsigned *n, size_t size)
{
	/* Doubles at powers of two. */
	if (*n == 0 || ((*n & (*n - 1)) == 0 && *n >= 8)) {
		void *p = arena_array(a, *n < 8 ? 8 : (size_t)*n * 2, size);

		if (*n > 0)
			memcpy(p, list, *n * size);
		list = p;
	}
	(*n)++;
	return list;
}

static void
state_rows_read_str(struct state_q *q, void *row)
{
	struct str *s = row;

	*s = state_q_str(q, 0);
}

const struct state_rows state_rows_str = { sizeof(struct str),
	state_rows_read_str, 0 };

struct err *
state_q_list(struct state_q *q, const struct state *st,
    const struct state_rows *rows, void *list_r, unsigned *n_r)
{
	char *list = NULL;

	*n_r = 0;
	q->st = st;
	while (state_q_row(q)) {
		list = state_list_add(q->a, list, n_r, rows->size);
		rows->read(q, list + (*n_r - 1) * rows->size);
	}
	memcpy(list_r, &list, sizeof(list));
	return state_q_end(q);
}

struct err *
state_list(struct arena *a, struct state *st, const struct state_rows *rows,
    void *list_r, unsigned *n_r, const char *sql, const char *types, ...)
{
	struct state_db *db;
	struct state_q q;
	struct err *e;
	va_list ap;

	*n_r = 0;
	memset(list_r, 0, sizeof(void *));
	e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	if (state_schema(st) >= rows->schema) {
		va_start(ap, types);
		state_q_vbegin(&q, db, a, sql, types, &ap);
		va_end(ap);
		e = state_q_list(&q, st, rows, list_r, n_r);
	}
	state_read_end(st);
	return e;
}
