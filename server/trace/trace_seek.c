/* trace_seek.c - which events belong to what was asked for */
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "server/net/addr.h"
#include "server/trace/trace_private.h"
#include "server/trace/trace_read.h"

#define TRACE_FILE_MAX 128
#define TRACE_SCOPED_MAX 512

/* Ids of transactions and of the queue; parent: what belongs together. */
struct trace_id {
	struct str text;
	unsigned parent;
};

struct trace_seek {
	struct arena *a, *hits; /* hits: of this reading */
	struct trace_query q;
	struct str needle;    /* the query as it stands in a line */
	struct trace_id *ids; /* TRACE_IDS_MAX */
	unsigned ids_n, ids_before;
	unsigned *slots; /* place + 1 */
	struct trace_hit *list;
	unsigned n, size;
	unsigned passes;
	size_t bytes;
	bool more;
	char file[TRACE_FILE_MAX]; /* being read */
};

#define TRACE_SLOTS (1U << 17)

/* Members that are compared as a whole. */
static const char *const trace_keys[] = { "from", "account", "user", "msgid",
	"ip", "id", "queue", "next", "rcpt" };

/* --- ids --- */

static unsigned *
trace_slot(struct trace_seek *k, struct str text)
{
	unsigned at = (unsigned)str_hash(text) % TRACE_SLOTS;

	while (
	    k->slots[at] != 0 && !str_eq(k->ids[k->slots[at] - 1].text, text))
		at = (at + 1) % TRACE_SLOTS;
	return &k->slots[at];
}

static bool
trace_id_is_known(struct trace_seek *k, struct str text)
{
	return text.n > 0 && *trace_slot(k, text) != 0;
}

/* Its place; TRACE_IDS_MAX: there are too many. */
static unsigned
trace_id_add(struct trace_seek *k, struct str text)
{
	unsigned *slot = trace_slot(k, text);

	if (*slot != 0)
		return *slot - 1;
	if (k->ids_n == TRACE_IDS_MAX) {
		k->more = true;
		return TRACE_IDS_MAX;
	}
	k->ids[k->ids_n].text = arena_str(k->a, text);
	k->ids[k->ids_n].parent = k->ids_n;
	*slot = ++k->ids_n;
	return k->ids_n - 1;
}

static unsigned
trace_id_root(struct trace_seek *k, unsigned i)
{
	while (k->ids[i].parent != i)
		i = k->ids[i].parent = k->ids[k->ids[i].parent].parent;
	return i;
}

/*
 * The ids of transactions begin anew when a worker does, and so does its file:
 * they are one's own only together.  Of another worker's events about a message
 * the queue's id, which is random, knows.
 */
static struct str
trace_scoped(const struct trace_seek *k, struct str id,
    char out[TRACE_SCOPED_MAX])
{
	int n;

	if (id.n == 0)
		return STR_NONE;
	n = snprintf(out, TRACE_SCOPED_MAX, "%s/" STR_FMT, k->file,
	    STR_ARG(id));
	return n > 0 && n < TRACE_SCOPED_MAX ? str_of(out, (size_t)n)
					     : STR_NONE;
}

void
trace_seek_file(struct trace_seek *k, struct str name)
{
	snprintf(k->file, sizeof(k->file), STR_FMT, STR_ARG(name));
}

/* --- looking at a line without parsing it --- */

static bool
trace_has(struct str line, struct str needle)
{
	char low, high;

	if (needle.n == 0 || needle.n > line.n)
		return false;
	low = needle.p[0];
	high = low >= 'a' && low <= 'z' ? (char)(low - 32) : low;
	for (size_t i = 0; i <= line.n - needle.n; i++)
		if ((line.p[i] == low || line.p[i] == high) &&
		    str_case_eq(str_sub(line, i, needle.n), needle))
			return true;
	return false;
}

/* The value behind key, which is "\"id\":\"": a quote within a value has a
 * backslash before it, so the key is one. */
static struct str
trace_peek(struct str line, struct str key)
{
	const char *p = memmem(line.p, line.n, key.p, key.n);
	struct str rest;
	ptrdiff_t end;

	if (p == NULL)
		return STR_NONE;
	rest = str_sub(line, (size_t)(p - line.p) + key.n, line.n);
	end = str_chr(rest, '"');
	return end < 0 ? STR_NONE : str_sub(rest, 0, (size_t)end);
}

static bool
trace_is_candidate(struct trace_seek *k, struct str line)
{
	struct str id = trace_peek(line, STR("\"id\":\""));
	char scoped[TRACE_SCOPED_MAX];

	return trace_has(line, k->needle) ||
	       trace_id_is_known(k, trace_scoped(k, id, scoped)) ||
	       trace_id_is_known(k, trace_peek(line, STR("\"queue\":\"")));
}

/* --- looking at an event --- */

static struct str
trace_bare(struct str s)
{
	if (s.n > 1 && s.p[0] == '<' && s.p[s.n - 1] == '>')
		return str_sub(s, 1, s.n - 2);
	return s;
}

static bool
trace_value_is(const struct trace_seek *k, struct str v)
{
	struct str q = k->q.text;

	if (q.n > 1 && q.p[0] == '@' && v.n > q.n)
		v = str_sub(v, v.n - q.n, q.n);
	return str_case_eq(trace_bare(v), trace_bare(q));
}

static bool
trace_is_asked(const struct trace_seek *k, const struct json *j)
{
	struct str s;

	for (unsigned i = 0; i < countof(trace_keys); i++) {
		const struct json *v = json_get(j, trace_keys[i]);

		if (v != NULL && json_str(v, &s) && trace_value_is(k, s))
			return true;
		for (size_t n = 0; v != NULL && n < json_count(v); n++)
			if (json_str(json_at(v, n), &s) && trace_value_is(k, s))
				return true;
	}
	return false;
}

static void
trace_keep(struct trace_seek *k, int64_t ms, struct str line, unsigned group)
{
	if (k->n == TRACE_FOUND_EVENTS ||
	    k->bytes + line.n > k->q.max_bytes) {
		k->more = true;
		return;
	}
	if (k->n == k->size) {
		k->size = k->size > 0 ? k->size * 2 : 64;
		k->list = xrealloc(k->list, k->size, sizeof(*k->list));
	}
	k->bytes += line.n;
	k->list[k->n++] =
	    (struct trace_hit){ ms, arena_str(k->hits, line), group };
}

/* An event that has neither stands alone. */
static void
trace_take(struct trace_seek *k, int64_t ms, struct str line, struct str id,
    struct str queue)
{
	unsigned one = id.n > 0 ? trace_id_add(k, id) : TRACE_IDS_MAX;
	unsigned two = queue.n > 0 ? trace_id_add(k, queue) : TRACE_IDS_MAX;

	if (one != TRACE_IDS_MAX && two != TRACE_IDS_MAX)
		k->ids[trace_id_root(k, two)].parent = trace_id_root(k, one);
	trace_keep(k, ms, line, one != TRACE_IDS_MAX ? one : two);
}

void
trace_seek_line(struct trace_seek *k, struct str line)
{
	struct str id = STR_NONE, queue = STR_NONE, what = STR_NONE;
	struct arena_mark m = arena_mark(k->hits);
	char scoped[TRACE_SCOPED_MAX];
	struct json *j = NULL;
	int64_t ms = 0;

	if (!trace_is_candidate(k, line))
		return;
	if (json_parse(k->hits, line, TRACE_EVENT_MAX, &j) != NULL ||
	    json_kind(j) != JSON_KIND_OBJ || !json_get_i64(j, "t", &ms)) {
		json_free(&j);
		arena_rewind(k->hits, m);
		return;
	}
	arena_rewind(k->hits, m);
	(void)json_get_str(j, "id", &id);
	(void)json_get_str(j, "queue", &queue);
	(void)json_get_str(j, "e", &what);
	/* whoever delivers from the queue names a transaction of another */
	id = queue.n > 0 && !str_eq_c(what, "smtp")
		 ? STR_NONE
		 : trace_scoped(k, id, scoped);
	if (ms >= k->q.since_ms && ms <= k->q.until_ms &&
	    (trace_is_asked(k, j) || trace_id_is_known(k, id) ||
		trace_id_is_known(k, queue)))
		trace_take(k, ms, line, id, queue);
	json_free(&j);
}

/* --- the search --- */

/* The query as it would stand in an event, and in a line of JSON. */
static void
trace_seek_text(struct trace_seek *k, struct str text)
{
	char ip[NET_TEXT_MAX];
	struct net_addr ad;
	struct buf b;

	text = str_trim(text);
	if (net_addr_parse(text, &ad) && ad.family != NET_UNIX)
		text = str_c(net_addr_text(&ad, ip));
	k->q.text = arena_str(k->a, text);
	buf_init(&b, k->a, 2 * TRACE_VALUE_MAX);
	trace_put_string(&b, trace_bare(text));
	for (size_t i = 0; i < b.n; i++)
		if (b.p[i] >= 'A' && b.p[i] <= 'Z')
			b.p[i] = (char)(b.p[i] + 32);
	k->needle = str_sub(buf_str(&b), 1, b.n - 2);
}

struct trace_seek *
trace_seek_new(const struct trace_query *q)
{
	struct trace_seek *k = xcalloc(1, sizeof(*k));

	k->a = arena_new(0);
	k->q = *q;
	if (q->max_bytes == 0 || q->max_bytes > TRACE_FOUND_BYTES)
		k->q.max_bytes = TRACE_FOUND_BYTES;
	trace_seek_text(k, q->text);
	k->ids = xcalloc(TRACE_IDS_MAX, sizeof(*k->ids));
	k->slots = xcalloc(TRACE_SLOTS, sizeof(*k->slots));
	return k;
}

bool
trace_seek_again(struct trace_seek *k)
{
	if (k->passes > 0 &&
	    (k->ids_n == k->ids_before || k->passes == TRACE_PASSES_MAX))
		return false;
	k->passes++;
	k->ids_before = k->ids_n;
	k->n = 0;
	k->bytes = 0;
	arena_free(&k->hits);
	k->hits = arena_new(2ULL * TRACE_FOUND_BYTES);
	return true;
}

static int
trace_hit_cmp(const void *x, const void *y)
{
	const struct trace_hit *a = x, *b = y;

	if (a->group != b->group)
		return a->group < b->group ? -1 : 1;
	return a->t < b->t ? -1 : a->t > b->t;
}

/*
 * Groups get numbers in the order of their first events: by time, then each
 * the number of the one whose root it shares.
 */
static void
trace_seek_groups(struct trace_seek *k)
{
	unsigned *number = xcalloc(TRACE_IDS_MAX, sizeof(*number)), next = 0;

	for (unsigned i = 0; i < k->n; i++)
		if (k->list[i].group != TRACE_IDS_MAX)
			k->list[i].group =
			    trace_id_root(k, k->list[i].group) + 1;
		else
			k->list[i].group = 0;
	for (unsigned i = 0; i < k->n; i++) {
		struct trace_hit *h = &k->list[i];

		if (h->group == 0)
			h->group = ++next;
		else if (number[h->group - 1] == 0)
			h->group = number[h->group - 1] = ++next;
		else
			h->group = number[h->group - 1];
	}
	free(number);
}

static int
trace_time_cmp(const void *x, const void *y)
{
	const struct trace_hit *a = x, *b = y;

	return a->t < b->t ? -1 : a->t > b->t;
}

void
trace_seek_end(struct arena *a, struct trace_seek *k, struct trace_found *f_r)
{
	if (k->n > 0) {
		qsort(k->list, k->n, sizeof(*k->list), trace_time_cmp);
		trace_seek_groups(k);
		qsort(k->list, k->n, sizeof(*k->list), trace_hit_cmp);
	}
	*f_r = (struct trace_found){ .n = k->n, .more = k->more };
	f_r->list = arena_array(a, (size_t)k->n + 1, sizeof(*f_r->list));
	for (unsigned i = 0; i < k->n; i++) {
		f_r->list[i] = k->list[i];
		f_r->list[i].line = arena_str(a, k->list[i].line);
	}
}

void
trace_seek_free(struct trace_seek **kp)
{
	struct trace_seek *k = *kp;

	if (k == NULL)
		return;
	arena_free(&k->a);
	arena_free(&k->hits);
	free(k->ids);
	free(k->slots);
	free(k->list);
	free(k);
	*kp = NULL;
}
