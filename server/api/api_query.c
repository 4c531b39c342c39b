/* api_query.c - the query of a request, and the pages of a list */
#include "server/api/api_private.h"

#include <stdio.h>
#include <time.h>

#include "base/crypto.h"
#include "base/utf8.h"

/* --- times --- */

static bool
api_digits(struct str *rest, unsigned n, int *v_r)
{
	int v = 0;

	if (rest->n < n)
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (rest->p[i] < '0' || rest->p[i] > '9')
			return false;
		v = v * 10 + (rest->p[i] - '0');
	}
	*rest = str_sub(*rest, n, rest->n);
	*v_r = v;
	return true;
}

static bool
api_mark(struct str *rest, const char *any)
{
	if (rest->n == 0 || strchr(any, rest->p[0]) == NULL)
		return false;
	*rest = str_sub(*rest, 1, rest->n);
	return true;
}

/* time-offset = "Z" / ("+" / "-") time-hour ":" time-minute */
static bool
api_offset(struct str *rest, int *seconds_r)
{
	bool west = rest->n > 0 && rest->p[0] == '-';
	int h, m;

	*seconds_r = 0;
	if (api_mark(rest, "Zz"))
		return true;
	if (!api_mark(rest, "+-") || !api_digits(rest, 2, &h) ||
	    !api_mark(rest, ":") || !api_digits(rest, 2, &m) || h > 23 ||
	    m > 59)
		return false;
	*seconds_r = (h * 60 + m) * 60 * (west ? -1 : 1);
	return true;
}

/* date-time = full-date "T" full-time	RFC 3339, 5.6 */
bool
api_time_parse(struct str text, int64_t *wall_s)
{
	struct tm tm = { 0 }, same;
	int year, month, offset, digit;
	time_t at;

	if (!api_digits(&text, 4, &year) || !api_mark(&text, "-") ||
	    !api_digits(&text, 2, &month) || !api_mark(&text, "-") ||
	    !api_digits(&text, 2, &tm.tm_mday) || !api_mark(&text, "Tt ") ||
	    !api_digits(&text, 2, &tm.tm_hour) || !api_mark(&text, ":") ||
	    !api_digits(&text, 2, &tm.tm_min) || !api_mark(&text, ":") ||
	    !api_digits(&text, 2, &tm.tm_sec))
		return false;
	if (api_mark(&text, ".")) {
		if (!api_digits(&text, 1, &digit))
			return false;
		while (api_digits(&text, 1, &digit))
			;
	}
	if (!api_offset(&text, &offset) || text.n > 0 || year < 1970 ||
	    tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 59)
		return false;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	same = tm;
	at = timegm(&same);
	/* the 31st of February */
	if (same.tm_mon != tm.tm_mon || same.tm_mday != tm.tm_mday)
		return false;
	*wall_s = (int64_t)at - offset;
	return true;
}

void
api_time_format(int64_t wall_s, char text[32])
{
	time_t at = (time_t)wall_s;
	struct tm tm;

	if (gmtime_r(&at, &tm) == NULL || tm.tm_year > 8099) {
		at = 0;
		gmtime_r(&at, &tm);
	}
	strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* --- cursors: base64url(crc32c(id, after), after) --- */

static uint32_t
api_cursor_sum(const char *id, struct str after)
{
	return crc32c(crc32c(0, id, strlen(id)), after.p, after.n);
}

struct str
api_cursor_format(struct arena *a, const char *id, struct str after)
{
	struct buf b;

	buf_init(&b, a, after.n + 4);
	buf_le32(&b, api_cursor_sum(id, after));
	buf_str_add(&b, after);
	return base64url_encode(a, buf_str(&b));
}

bool
api_cursor_parse(struct arena *a, const char *id, struct str cursor,
    struct str *after)
{
	struct str in;

	if (cursor.n > API_CURSOR_MAX || !base64url_decode(a, cursor, &in) ||
	    in.n < 4)
		return false;
	*after = str_sub(in, 4, in.n);
	return le32_get(in.p) == api_cursor_sum(id, *after);
}

/* --- parameters --- */

static const struct api_query api_pages[] = {
	{ "limit", API_U64, NULL, NULL },
	{ "cursor", API_STR, NULL, NULL },
	{ NULL, API_STR, NULL, NULL },
};

static const struct api_query *
api_query_of(const struct api_query *list, struct str name)
{
	for (; list != NULL && list->name != NULL; list++)
		if (str_eq_c(name, list->name))
			return list;
	return NULL;
}

static bool
api_query_is_word(const char *const *words, struct str v)
{
	for (; *words != NULL; words++)
		if (str_eq_c(v, *words))
			return true;
	return false;
}

static bool
api_query_fits(const struct api_query *q, struct str v)
{
	uint64_t u;
	int64_t at;

	switch (q->kind) {
	case API_U64:
		return str_u64(v, &u) && u <= INT64_MAX;
	case API_BOOL:
		return str_eq_c(v, "true") || str_eq_c(v, "false");
	case API_TIME:
		return api_time_parse(v, &at);
	case API_WORD:
		return api_query_is_word(q->words, v);
	default:
		return v.n <= API_QUERY_MAX && utf8_is_valid(v);
	}
}

static struct err *
api_query_bad(struct api *x, struct str name, const char *what)
{
	return api_refuse(x, 422, "bad_field",
	    arena_printf(x->a, "parameter %.*s: %s",
		(int)(name.n < 100 ? name.n : 100), name.p, what));
}

static struct err *
api_query_add(struct api *x, struct str pair)
{
	struct api_own *own = x->own;
	const struct api_query *q;
	ptrdiff_t eq = str_chr(pair, '=');
	struct api_param p;

	p.name = eq < 0 ? pair : str_sub(pair, 0, (size_t)eq);
	p.value = eq < 0 ? STR("") : str_sub(pair, (size_t)eq + 1, pair.n);
	if (!http_decode(x->a, p.name, true, &p.name) ||
	    !http_decode(x->a, p.value, true, &p.value) ||
	    !utf8_is_valid(p.name))
		return api_refuse(x, 400, "bad_query",
		    "the query is not well-formed");
	q = api_query_of(x->route->query, p.name);
	if (q == NULL && (x->route->flags & API_LIST))
		q = api_query_of(api_pages, p.name);
	if (q == NULL)
		return api_query_bad(x, p.name, "there is no such parameter");
	if (api_query_str(x, q->name).p != NULL)
		return api_query_bad(x, p.name, "given twice");
	if (!str_eq_c(p.name, "cursor") && !api_query_fits(q, p.value))
		return api_query_bad(x, p.name, "it cannot be that");
	if (own->query_n == API_QUERIES_MAX)
		return api_query_bad(x, p.name, "too many");
	own->query[own->query_n++] = p;
	return NULL;
}

static struct err *
api_query_pages(struct api *x)
{
	uint64_t limit = api_query_u64(x, "limit", API_PAGE);
	struct str cursor = api_query_str(x, "cursor");

	if (limit == 0 || limit > API_PAGE_MAX)
		return api_query_bad(x, STR("limit"), "from 1 to 1000");
	x->own->limit = (unsigned)limit;
	if (cursor.n > 0 &&
	    !api_cursor_parse(x->a, x->route->id, cursor, &x->own->after))
		return api_query_bad(x, STR("cursor"), "it is none of ours");
	return NULL;
}

struct err *
api_query_parse(struct api *x, struct str query)
{
	struct str rest = query, pair;
	struct err *e;

	while (str_split(&rest, '&', &pair)) {
		e = pair.n == 0 ? NULL : api_query_add(x, pair);
		if (e != NULL)
			return e;
	}
	return (x->route->flags & API_LIST) ? api_query_pages(x) : NULL;
}

/* --- for handlers --- */

struct str
api_query_str(const struct api *x, const char *name)
{
	for (unsigned i = 0; i < x->own->query_n; i++)
		if (str_eq_c(x->own->query[i].name, name))
			return x->own->query[i].value;
	return STR_NONE;
}

uint64_t
api_query_u64(const struct api *x, const char *name, uint64_t def)
{
	uint64_t v;

	return str_u64(api_query_str(x, name), &v) ? v : def;
}

bool
api_query_bool(const struct api *x, const char *name, bool def)
{
	struct str v = api_query_str(x, name);

	return v.p == NULL ? def : str_eq_c(v, "true");
}

int64_t
api_query_time(const struct api *x, const char *name, int64_t def)
{
	int64_t at;

	return api_time_parse(api_query_str(x, name), &at) ? at : def;
}

unsigned
api_limit(const struct api *x)
{
	return x->own->limit;
}

struct str
api_after(const struct api *x)
{
	return x->own->after;
}

struct err *
api_cursor_gone(struct api *x)
{
	return api_refuse(x, 400, "bad_query",
	    "what the cursor named is gone: begin again");
}

void
api_next(struct api *x, struct str after)
{
	invariant(x->route->flags & API_LIST);
	x->next = arena_str(x->a, after);
}
