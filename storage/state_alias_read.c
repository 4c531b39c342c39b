/* state_alias_read.c - finding and listing aliases and groups */
#include "storage/state_account_private.h"
#include "storage/state_address.h"
#include "storage/state_alias_private.h"

static const char *const state_alias_list_sql[] = {
	"SELECT a.address, a.created, '', '', t.target"
	" FROM (SELECT * FROM aliases WHERE address > ?1"
	"  AND (?2 = '' OR domain = ?2) AND (?4 = '' OR address = ?4)"
	"  AND (?5 = '' OR address LIKE ?5 ESCAPE '\\')"
	"  ORDER BY address LIMIT ?3) a"
	" LEFT JOIN alias_targets t ON t.address = a.address"
	" ORDER BY a.address, t.target",
	"SELECT a.address, a.created, a.name, a.posters, t.member"
	" FROM (SELECT * FROM groups WHERE address > ?1"
	"  AND (?2 = '' OR domain = ?2) AND (?4 = '' OR address = ?4)"
	"  AND (?5 = '' OR address LIKE ?5 ESCAPE '\\')"
	"  ORDER BY address LIMIT ?3) a"
	" LEFT JOIN group_members t ON t.address = a.address"
	" ORDER BY a.address, t.member",
};

struct state_alias_query {
	struct str domain, after;
	struct str just;    /* this address only; empty: all */
	struct str pattern; /* for LIKE; empty: all */
	unsigned max;
};

static struct err *
state_alias_read(struct state_db *db, struct arena *a, bool groups,
    const struct state_alias_query *query, struct state_alias **list_r,
    unsigned *n_r)
{
	struct state_alias *list = NULL, *row = NULL;
	struct str address, target;
	struct state_q q;

	*n_r = 0;
	state_q_begin(&q, db, a, state_alias_list_sql[groups], "ttitt",
	    query->after, query->domain, (int64_t)query->max, query->just,
	    query->pattern);
	while (state_q_row(&q)) {
		address = state_q_str(&q, 0);
		if (row == NULL || !str_eq(row->address, address)) {
			list = state_list_add(a, list, n_r, sizeof(*list));
			row = &list[*n_r - 1];
			*row = (struct state_alias){ .address = address,
				.created = state_q_i64(&q, 1),
				.group = groups,
				.name = state_q_str(&q, 2),
				.posters = state_q_str(&q, 3) };
		}
		target = state_q_str(&q, 4);
		if (target.n == 0) /* a group without members */
			continue;
		row->targets = state_list_add(a, row->targets, &row->n,
		    sizeof(*row->targets));
		row->targets[row->n - 1] = target;
	}
	*list_r = list;
	return state_q_end(&q);
}

struct err *
state_alias_search(struct arena *a, struct state *st, bool groups,
    struct str domain, struct str search, struct str after, unsigned max,
    struct state_alias **list_r, unsigned *n_r)
{
	struct state_alias_query q = { .after = after, .max = max };
	struct state_db *db;
	struct err *e = NULL;

	*n_r = 0;
	*list_r = NULL;
	if (domain.n > 0)
		e = state_domain_parse(a, domain, &q.domain);
	if (e == NULL && search.n > 0)
		e = state_search_pattern(a, search, &q.pattern);
	if (e == NULL)
		e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	e = state_alias_read(db, a, groups, &q, list_r, n_r);
	state_read_end(st);
	return e;
}

struct err *
state_alias_list(struct arena *a, struct state *st, bool groups,
    struct str domain, struct str after, unsigned max,
    struct state_alias **list_r, unsigned *n_r)
{
	return state_alias_search(a, st, groups, domain, STR_NONE, after, max,
	    list_r, n_r);
}

struct err *
state_alias_find(struct arena *a, struct state *st, struct str address,
    struct state_alias *alias_r)
{
	struct state_alias_query q = { .max = 1 };
	struct state_alias *list;
	struct state_address ad;
	struct state_db *db;
	struct err *e;
	unsigned n = 0;

	e = state_address_parse_any(a, address, &ad);
	if (e == NULL)
		e = state_read_begin(a, st, &db);
	if (e != NULL)
		return e;
	q.just = ad.full;
	e = state_alias_read(db, a, false, &q, &list, &n);
	if (e == NULL && n == 0)
		e = state_alias_read(db, a, true, &q, &list, &n);
	state_read_end(st);
	if (e == NULL && n == 0)
		e = err_newf(a, ERR_NOTFOUND,
		    "there is no alias or group " STR_FMT, STR_ARG(ad.full));
	if (e == NULL)
		*alias_r = list[0];
	return e;
}

struct err *
state_alias_naming(struct arena *a, struct state *st, bool groups,
    struct str target, struct str **list_r, unsigned *n_r)
{
	struct state_address ad;
	struct err *e;

	*n_r = 0;
	*list_r = NULL;
	e = state_address_parse(a, target, &ad);
	if (e == NULL)
		e = state_list(a, st, &state_rows_str, list_r, n_r,
		    groups ? "SELECT address FROM group_members"
			     " WHERE member = ? ORDER BY address"
			   : "SELECT address FROM alias_targets"
			     " WHERE target = ? ORDER BY address",
		    "t", ad.full);
	return e;
}
