/* state_sum.c - a sum over all values: finds what rots inside a page */
#include "storage/state_private.h"

/*
 * SQLite has no page checksums: a bit that flips inside a text is a fine
 * database.  meta.sum is the sum, modulo 2^64, of a hash of every value
 * together with its table, its row's key and its column.  A sum does not depend
 * on order, so an applied changeset moves it by what it names, and a check adds
 * everything up again.  It is against accidents, not against people.
 */
#define STATE_SUM_COLUMNS 64

static uint64_t
state_sum_mix(uint64_t h, const void *p, size_t n)
{
	/* FNV-1a, stirred so that sums of similar values do not cancel. */
	h ^= str_hash(str_of(p, n)) + 0x9e3779b97f4a7c15ULL + (h << 6);
	h ^= h >> 30;
	h *= 0xbf58476d1ce4e5b9ULL;
	h ^= h >> 27;
	h *= 0x94d049bb133111ebULL;
	return h ^ h >> 31;
}

static uint64_t
state_sum_value(uint64_t h, sqlite3_value *v)
{
	int type = sqlite3_value_type(v);
	int64_t i;
	double d;

	h = state_sum_mix(h, &type, sizeof(type));
	switch (type) {
	case SQLITE_INTEGER:
		i = sqlite3_value_int64(v);
		return state_sum_mix(h, &i, sizeof(i));
	case SQLITE_FLOAT:
		d = sqlite3_value_double(v);
		return state_sum_mix(h, &d, sizeof(d));
	case SQLITE_NULL:
		return h;
	default:
		return state_sum_mix(h, sqlite3_value_blob(v),
		    (size_t)sqlite3_value_bytes(v));
	}
}

static uint64_t
state_sum_cell(uint64_t row, int column, sqlite3_value *v)
{
	return state_sum_value(state_sum_mix(row, &column, sizeof(column)), v);
}

/* --- of a changeset --- */

typedef int (*state_sum_side)(sqlite3_changeset_iter *it, int column,
    sqlite3_value **v_r);

/* Table and key of the row; the key is in old, or for an INSERT in new. */
static uint64_t
state_sum_row(sqlite3_changeset_iter *it, const char *table, int columns,
    const unsigned char *pk, state_sum_side side)
{
	uint64_t h = state_sum_mix(0, table, strlen(table));
	sqlite3_value *v;
	int i;

	for (i = 0; i < columns; i++)
		if (pk[i] != 0 && side(it, i, &v) == SQLITE_OK && v != NULL)
			h = state_sum_value(h, v);
	return h;
}

static uint64_t
state_sum_values(sqlite3_changeset_iter *it, uint64_t row, int columns,
    const unsigned char *skip, state_sum_side side)
{
	uint64_t sum = 0;
	sqlite3_value *v;
	int i;

	for (i = 0; i < columns; i++)
		if ((skip == NULL || skip[i] == 0) &&
		    side(it, i, &v) == SQLITE_OK && v != NULL)
			sum += state_sum_cell(row, i, v);
	return sum;
}

uint64_t
state_sum_changeset(struct str cs)
{
	sqlite3_changeset_iter *it = NULL;
	uint64_t sum = 0, row;
	const char *table;
	unsigned char *pk, *skip;
	int columns, op, n;

	if (sqlite3changeset_start(&it, (int)cs.n, (void *)cs.p) != SQLITE_OK)
		return 0;
	while (sqlite3changeset_next(it) == SQLITE_ROW) {
		sqlite3changeset_op(it, &table, &columns, &op, NULL);
		sqlite3changeset_pk(it, &pk, &n);
		row = state_sum_row(it, table, columns, pk,
		    op == SQLITE_INSERT ? sqlite3changeset_new
					: sqlite3changeset_old);
		/* An UPDATE names its key, and of the rest what changed. */
		skip = op == SQLITE_UPDATE ? pk : NULL;
		if (op != SQLITE_INSERT)
			sum -= state_sum_values(it, row, columns, skip,
			    sqlite3changeset_old);
		if (op != SQLITE_DELETE)
			sum += state_sum_values(it, row, columns, skip,
			    sqlite3changeset_new);
	}
	sqlite3changeset_finalize(it);
	return sum;
}

/* --- of everything --- */

static struct err *
state_sum_table(struct state_db *db, struct arena *a, const char *table,
    uint64_t *sum)
{
	unsigned char pk[STATE_SUM_COLUMNS] = { 0 };
	struct state_q q;
	struct err *e;
	uint64_t row;
	int n = 0, i;

	state_q_begin(&q, db, a, "SELECT pk FROM pragma_table_info(?)", "t",
	    str_c(table));
	while (state_q_row(&q) && n < STATE_SUM_COLUMNS)
		pk[n++] = state_q_i64(&q, 0) > 0;
	e = state_q_end(&q);
	if (e != NULL)
		return e;
	state_q_begin(&q, db, a, arena_printf(a, "SELECT * FROM \"%s\"", table),
	    "");
	while (state_q_row(&q)) {
		row = state_sum_mix(0, table, strlen(table));
		for (i = 0; i < n; i++)
			if (pk[i] != 0)
				row = state_sum_value(row,
				    sqlite3_column_value(q.s, i));
		for (i = 0; i < n; i++)
			*sum += state_sum_cell(row, i,
			    sqlite3_column_value(q.s, i));
	}
	return state_q_end(&q);
}

struct err *
state_sum_all(struct state_db *db, struct arena *a, uint64_t *sum_r)
{
	struct err *e = NULL, *end;
	struct state_q q;

	*sum_r = 0;
	state_q_begin(&q, db, a,
	    "SELECT name FROM sqlite_schema WHERE type = 'table'"
	    " AND name NOT IN ('meta', 'applied')"
	    " AND name NOT LIKE 'sqlite%'",
	    "");
	while (e == NULL && state_q_row(&q))
		e = state_sum_table(db, a, arena_cstr(a, state_q_str(&q, 0)),
		    sum_r);
	end = state_q_end(&q);
	return e != NULL ? e : end;
}
