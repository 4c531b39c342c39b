/* queue list, show, retry, hold, release, remove */
#include <stdlib.h>
#include <time.h>

#include "base/json.h"
#include "server/ctl/ctl.h"
#include "storage/queue.h"

/*
 * Straight from the share, whichever node holds which bucket.  Orders are
 * entries like any other: the holder sees them with its next look.
 */
#define QUEUECTL_AT_ONCE 8
#define QUEUECTL_LIMIT 1000
#define QUEUECTL_LIMIT_MAX 10000000
#define QUEUECTL_CHUNK 262144

struct queuectl {
	struct ctl *c;
	struct queue_store *qs;
	struct queue_bucket *buckets[QUEUE_BUCKETS];
	uint64_t mask;
};

may_yield static struct err *
queuectl_open_one(struct task *t, void *arg, unsigned i)
{
	struct queuectl *q = arg;
	struct err *e;

	if ((q->mask >> i & 1) == 0)
		return NULL;
	e = queue_bucket_open(t, q->qs, i, &q->buckets[i]);
	return err_is(e, ERR_NOENT) ? NULL : e; /* being made */
}

/* One bucket, or (QUEUE_BUCKETS) all. */
may_yield static struct err *
queuectl_open(struct task *t, struct ctl *c, unsigned bucket,
    struct queuectl *q)
{
	struct queue_conf conf = { .store = c->store, .no_background = true };
	struct err *e;

	*q = (struct queuectl){ .c = c, .qs = queue_store_new(&conf) };
	e = queue_buckets(t, q->qs, &q->mask);
	if (bucket < QUEUE_BUCKETS)
		q->mask &= 1ULL << bucket;
	if (e == NULL)
		e = admin_each(t, QUEUE_BUCKETS, QUEUECTL_AT_ONCE,
		    queuectl_open_one, q);
	return e;
}

/* --- which messages --- */

#define QUEUECTL_FILTERS                                                       \
	{ "domain", CTL_STRING, "DOMAIN",                                      \
		"only messages that wait for a recipient there" },             \
	    { "from", CTL_STRING, "ADDRESS",                                   \
		    "only from this sender (@DOMAIN: from anybody there)" },   \
	{                                                                      \
		"held", CTL_FLAG, NULL, "only messages that are held"          \
	}

static bool
queuectl_is_at(struct str address, struct str domain)
{
	return address.n > domain.n &&
	       address.p[address.n - domain.n - 1] == '@' &&
	       str_case_eq(str_sub(address, address.n - domain.n, domain.n),
		   domain);
}

static bool
queuectl_is_from(struct str from, struct str wanted)
{
	if (wanted.n > 0 && wanted.p[0] == '@')
		return queuectl_is_at(from, str_sub(wanted, 1, wanted.n - 1));
	/* null reverse-paths are written <> */
	if (str_eq_c(wanted, "<>"))
		return from.n == 0;
	return str_case_eq(from, wanted);
}

static bool
queuectl_matches(const struct ctl *c, const struct queue_message *m)
{
	const struct ctl_value *domain = ctl_opt(c, "domain");
	const struct ctl_value *from = ctl_opt(c, "from");
	bool found = !domain->given;

	if (ctl_given(c, "held") && !m->held)
		return false;
	if (from->given && !queuectl_is_from(m->from, str_c(from->s)))
		return false;
	for (unsigned i = 0; i < m->rcpt_n && !found; i++)
		found = m->rcpts[i].state == QUEUE_WAITING &&
			queuectl_is_at(m->rcpts[i].address, str_c(domain->s));
	return found;
}

/* Those of the filters, all buckets. Rows stay where they are: nothing reads
 * on. */
static unsigned
queuectl_pick(struct task *t, const struct queuectl *q,
    const struct queue_message ***list_r)
{
	unsigned n = 0, all = 0;

	for (unsigned k = 0; k < QUEUE_BUCKETS; k++)
		if (q->buckets[k] != NULL)
			all += queue_bucket_count(q->buckets[k]);
	*list_r = arena_array(task_arena(t), all + 1UL, sizeof(**list_r));
	for (unsigned k = 0; k < QUEUE_BUCKETS; k++) {
		const struct queue_bucket *b = q->buckets[k];

		for (unsigned i = 0; b != NULL && i < queue_bucket_count(b);
		     i++)
			if (queuectl_matches(q->c, queue_bucket_nth(b, i)))
				(*list_r)[n++] = queue_bucket_nth(b, i);
	}
	return n;
}

static struct err *
queuectl_no_such(struct task *t, const char *id)
{
	return err_newf(task_arena(t), ERR_NOTFOUND,
	    "there is no message %s in the queue", id);
}

/* The message of an id, its bucket opened (and to be closed in any case). */
may_yield static struct err *
queuectl_find(struct task *t, struct ctl *c, const char *id, struct queuectl *q,
    const struct queue_message **m_r)
{
	unsigned bucket;
	struct str rest;
	bool one;
	struct err *e;

	*q = (struct queuectl){ .c = c };
	if (!queue_id_parse(str_c(id), &bucket, &rest))
		return queuectl_no_such(t, id);
	e = queuectl_open(t, c, bucket, q);
	if (e != NULL)
		return e;
	if (q->buckets[bucket] == NULL)
		return queuectl_no_such(t, id);
	*m_r = queue_bucket_match(q->buckets[bucket], rest, &one);
	if (!one)
		return err_newf(task_arena(t), ERR_INVALID,
		    "several messages begin with %s", id);
	return *m_r != NULL ? NULL : queuectl_no_such(t, id);
}

/* --- list --- */

static const struct ctl_option queue_list_options[] = {
	QUEUECTL_FILTERS,
	{ "limit", CTL_NUMBER, "N", "at most so many (default: 1000)" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

static int
queuectl_cmp(const void *x, const void *y)
{
	const struct queue_message *a = *(const struct queue_message *const *)x;
	const struct queue_message *b = *(const struct queue_message *const *)y;

	if (a->arrived_s != b->arrived_s)
		return a->arrived_s < b->arrived_s ? -1 : 1;
	return str_cmp(a->id, b->id);
}

/* What there is to say about all recipients that wait. */
struct queuectl_sum {
	unsigned waiting;
	uint32_t tries;
	int64_t next_s;
	const struct queue_rcpt *last; /* tried last; NULL: none was */
	struct str *addresses;
};

static void
queuectl_sum(struct task *t, const struct queue_message *m,
    struct queuectl_sum *s)
{
	*s = (struct queuectl_sum){ .next_s = INT64_MAX };
	s->addresses =
	    arena_array(task_arena(t), m->rcpt_n + 1UL, sizeof(*s->addresses));
	for (unsigned i = 0; i < m->rcpt_n; i++) {
		const struct queue_rcpt *r = &m->rcpts[i];

		if (r->state != QUEUE_WAITING)
			continue;
		s->addresses[s->waiting++] = r->address;
		if (r->tries > s->tries)
			s->tries = r->tries;
		if (r->next_s < s->next_s)
			s->next_s = r->next_s;
		if (r->tries > 0 &&
		    (s->last == NULL || r->tried_s > s->last->tried_s))
			s->last = r;
	}
}

static struct str
queuectl_from(const struct queue_message *m)
{
	return m->from.n > 0 ? m->from : STR("<>");
}

/* People see the first recipient, and how many more there are. */
static void
queuectl_to(struct task *t, const struct ctl *c, struct ctl_out *o,
    const struct queuectl_sum *s)
{
	if (c->json || s->waiting < 2)
		ctl_out_strs(o, s->addresses, s->waiting);
	else
		ctl_out_str(o,
		    str_c(arena_printf(task_arena(t), STR_FMT " and %u more",
			STR_ARG(s->addresses[0]), s->waiting - 1)));
}

static void
queuectl_row(struct task *t, const struct ctl *c, struct ctl_out *o,
    const struct queue_message *m)
{
	struct queuectl_sum s;

	queuectl_sum(t, m, &s);
	ctl_out_str(o, m->id);
	ctl_out_str(o, m->held ? STR("held") : STR("waiting"));
	ctl_out_time(o, m->arrived_s);
	ctl_out_size(o, m->bytes);
	ctl_out_str(o, queuectl_from(m));
	queuectl_to(t, c, o, &s);
	ctl_out_u64(o, s.tries);
	ctl_out_time(o, s.next_s);
	ctl_out_str(o, s.last != NULL ? s.last->node : STR_NONE);
	ctl_out_str(o, s.last != NULL ? s.last->answer : STR_NONE);
}

may_yield static struct err *
queuectl_list(struct task *t, struct ctl *c, const struct queuectl *q)
{
	static const char *const columns[] = { "id", "state", "arrived", "size",
		"from", "to", "tries", "next_try", "node", "answer" };
	struct ctl_out *o = ctl_out_list(t, c, columns, countof(columns));
	const struct ctl_value *limit = ctl_opt(c, "limit");
	uint64_t most = limit->given ? limit->n : QUEUECTL_LIMIT;
	const struct queue_message **list;
	unsigned n = queuectl_pick(t, q, &list);
	struct err *e;

	if (most > QUEUECTL_LIMIT_MAX)
		most = QUEUECTL_LIMIT_MAX;
	qsort(list, n, sizeof(*list), queuectl_cmp);
	for (unsigned i = 0; i < n && i < most; i++)
		queuectl_row(t, c, o, list[i]);
	e = ctl_out_end(o);
	if (e == NULL && n > most)
		ctl_note(c, "and %llu more (see --limit)",
		    (unsigned long long)(n - most));
	return e;
}

may_yield static struct err *
queue_list_run(struct task *t, struct ctl *c)
{
	struct queuectl q;
	struct err *e = queuectl_open(t, c, QUEUE_BUCKETS, &q);

	if (e == NULL)
		e = queuectl_list(t, c, &q);
	queue_store_close(t, &q.qs);
	return e;
}

const struct ctl_command cmd_queue_list = {
	.name = "queue list",
	.args = "",
	.help = "List the messages that wait for delivery elsewhere",
	.more = "All of the cluster, oldest first. The answer is that to the "
		"last try of a recipient that still waits, and the node the "
		"one that tried. A next try in the past is due.",
	.need = CTL_NEED_SHARE,
	.options = queue_list_options,
	.run = queue_list_run,
};

/* --- show --- */

static const struct ctl_option queue_show_options[] = {
	{ "message", CTL_FLAG, NULL, "print the message itself" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

static const char *const queuectl_states[] = { "waiting", "delivered", "failed",
	"removed" };

static const char *
queuectl_time(struct task *t, int64_t s)
{
	struct tm tm;
	time_t when = (time_t)s;
	char text[40];

	if (s <= 0 || gmtime_r(&when, &tm) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return NULL;
	return arena_strdup(task_arena(t), text);
}

static void
queuectl_show_json(struct task *t, const struct queue_message *m)
{
	struct json *j = json_obj_new(), *list;
	struct str text;

	json_set_str(j, "id", m->id);
	json_set_str(j, "from", m->from);
	json_set_str(j, "state", m->held ? STR("held") : STR("waiting"));
	json_set_c(j, "arrived", queuectl_time(t, m->arrived_s));
	json_set_u64(j, "size", m->bytes);
	json_set_str(j, "account", m->account);
	json_set_str(j, "envid", m->envid);
	json_set_str(j, "trace", m->trace);
	json_set_bool(j, "utf8", (m->flags & QUEUE_UTF8) != 0);
	json_set_bool(j, "bounce", (m->flags & QUEUE_BOUNCE) != 0);
	list = json_set_arr(j, "recipients");
	for (unsigned i = 0; i < m->rcpt_n; i++) {
		const struct queue_rcpt *r = &m->rcpts[i];
		struct json *row = json_add_obj(list);

		json_set_str(row, "recipient", r->address);
		json_set_c(row, "state", queuectl_states[r->state]);
		json_set_u64(row, "tries", r->tries);
		json_set_c(row, "last_try", queuectl_time(t, r->tried_s));
		json_set_c(row, "next_try", queuectl_time(t, r->next_s));
		json_set_u64(row, "code", r->code);
		json_set_str(row, "answer", r->answer);
		json_set_str(row, "node", r->node);
		json_set_bool(row, "delay_told", r->delay_told);
		json_set_str(row, "original", r->original);
		json_set_str(row, "via", r->via);
	}
	text = json_print(task_arena(t), j, JSON_PRETTY);
	fwrite(text.p, 1, text.n, stdout);
	json_free(&j);
}

static struct err *
queuectl_show(struct task *t, struct ctl *c, const struct queue_message *m)
{
	static const char *const head[] = { "id", "state", "from", "arrived",
		"size", "account", "envid", "trace" };
	static const char *const columns[] = { "recipient", "state", "tries",
		"last_try", "next_try", "node", "answer" };
	struct ctl_out *o;
	struct err *e;

	if (c->json) {
		queuectl_show_json(t, m);
		return NULL;
	}
	o = ctl_out_list(t, c, head, countof(head));
	ctl_out_str(o, m->id);
	ctl_out_str(o, m->held ? STR("held") : STR("waiting"));
	ctl_out_str(o, queuectl_from(m));
	ctl_out_time(o, m->arrived_s);
	ctl_out_size(o, m->bytes);
	ctl_out_str(o, m->account);
	ctl_out_str(o, m->envid);
	ctl_out_str(o, m->trace);
	e = ctl_out_record_end(o);
	if (e != NULL)
		return e;
	ctl_note(c, "%s", "");
	o = ctl_out_list(t, c, columns, countof(columns));
	for (unsigned i = 0; i < m->rcpt_n; i++) {
		const struct queue_rcpt *r = &m->rcpts[i];

		ctl_out_str(o, r->address);
		ctl_out_str(o, str_c(queuectl_states[r->state]));
		ctl_out_u64(o, r->tries);
		ctl_out_time(o, r->tried_s);
		ctl_out_time(o, r->state == QUEUE_WAITING ? r->next_s : 0);
		ctl_out_str(o, r->node);
		ctl_out_str(o, r->answer);
	}
	return ctl_out_end(o);
}

/* Its bytes, as they are. */
may_yield static struct err *
queuectl_print(struct task *t, struct queue_bucket *b,
    const struct queue_message *row)
{
	const struct queue_message *m = queue_message_copy(task_arena(t), row);
	char *into = arena_alloc(task_arena(t), QUEUECTL_CHUNK);
	uint64_t at = 0;
	uint32_t n;
	struct err *e = NULL;

	while (e == NULL && at < m->bytes) {
		e = queue_read(t, b, m, at, into, QUEUECTL_CHUNK, &n);
		if (e == NULL && fwrite(into, 1, n, stdout) != n)
			e = err_new(task_arena(t), ERR_SYSTEM,
			    "cannot write the answer", NULL);
		at += n;
	}
	return e;
}

may_yield static struct err *
queue_show_run(struct task *t, struct ctl *c)
{
	const struct queue_message *m;
	struct queuectl q;
	struct err *e = queuectl_find(t, c, c->argv[0], &q, &m);

	if (e == NULL && ctl_given(c, "message"))
		e = queuectl_print(t, q.buckets[m->bucket], m);
	else if (e == NULL)
		e = queuectl_show(t, c, m);
	queue_store_close(t, &q.qs);
	return e;
}

const struct ctl_command cmd_queue_show = {
	.name = "queue show",
	.args = "ID",
	.help = "Show a message of the queue with all its recipients",
	.more = "ID is as queue list prints it, or any beginning of it that "
		"no other message has.",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_SHARE,
	.options = queue_show_options,
	.run = queue_show_run,
};

/* --- orders --- */

static const struct ctl_option queue_order_options[] = {
	QUEUECTL_FILTERS,
	{ "all", CTL_FLAG, NULL, "every message of the queue" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

/* Words for one message, and for how many. */
static const char *const queuectl_done[] = {
	[QUEUE_ORDER_HOLD] = "held",
	[QUEUE_ORDER_RELEASE] = "released",
	[QUEUE_ORDER_RETRY] = "to be tried now",
	[QUEUE_ORDER_REMOVE] = "removed",
};

may_yield static struct err *
queuectl_order_ids(struct task *t, struct ctl *c, enum queue_order o)
{
	struct err *first = NULL;

	for (unsigned i = 0; i < c->argc; i++) {
		const struct queue_message *m;
		struct queuectl q;
		struct err *e = queuectl_find(t, c, c->argv[i], &q, &m);

		if (e == NULL) {
			struct str id = arena_str(task_arena(t), m->id);
			struct txid txid = m->txid;

			e = queue_order(t, q.buckets[m->bucket], &txid,
			    m->ordinal, o);
			if (e == NULL)
				ctl_say(c, "message " STR_FMT " is %s",
				    STR_ARG(id), queuectl_done[o]);
		}
		queue_store_close(t, &q.qs);
		if (first == NULL)
			first = e;
	}
	return first;
}

/* All that the filters name, as they were when we looked. */
may_yield static struct err *
queuectl_order_picked(struct task *t, struct ctl *c, const struct queuectl *q,
    enum queue_order o)
{
	const struct queue_message **list;
	unsigned n = queuectl_pick(t, q, &list), done = 0;
	struct {
		unsigned bucket, ordinal;
		struct txid txid;
	} *names = arena_array(task_arena(t), n + 1UL, sizeof(*names));
	struct err *e = NULL;

	for (unsigned i = 0; i < n; i++) {
		names[i].bucket = list[i]->bucket;
		names[i].ordinal = list[i]->ordinal;
		names[i].txid = list[i]->txid;
	}
	for (unsigned i = 0; i < n && e == NULL; i++) {
		task_set_deadline(t, task_now_ms(t) + c->timeout_ms);
		e = queue_order(t, q->buckets[names[i].bucket], &names[i].txid,
		    names[i].ordinal, o);
		done += e == NULL;
		if (err_is(e, ERR_NOTFOUND)) /* delivered meanwhile */
			e = NULL;
	}
	ctl_say(c, "%u messages are %s", done, queuectl_done[o]);
	return e;
}

may_yield static struct err *
queuectl_order(struct task *t, struct ctl *c, enum queue_order o)
{
	bool filter = ctl_given(c, "domain") || ctl_given(c, "from") ||
		      ctl_given(c, "held");
	struct queuectl q;
	struct err *e;

	if ((c->argc > 0) + filter + ctl_given(c, "all") != 1)
		return err_new(task_arena(t), ERR_INVALID,
		    "give either IDs, or --domain, --from, --held, or --all",
		    NULL);
	if (c->argc > 0)
		return queuectl_order_ids(t, c, o);
	e = queuectl_open(t, c, QUEUE_BUCKETS, &q);
	if (e == NULL)
		e = queuectl_order_picked(t, c, &q, o);
	queue_store_close(t, &q.qs);
	return e;
}

may_yield static struct err *
queue_retry_run(struct task *t, struct ctl *c)
{
	return queuectl_order(t, c, QUEUE_ORDER_RETRY);
}

may_yield static struct err *
queue_hold_run(struct task *t, struct ctl *c)
{
	return queuectl_order(t, c, QUEUE_ORDER_HOLD);
}

may_yield static struct err *
queue_release_run(struct task *t, struct ctl *c)
{
	return queuectl_order(t, c, QUEUE_ORDER_RELEASE);
}

may_yield static struct err *
queue_remove_run(struct task *t, struct ctl *c)
{
	return queuectl_order(t, c, QUEUE_ORDER_REMOVE);
}

#define QUEUECTL_ORDER(what, sentence, paragraph)                              \
	const struct ctl_command cmd_queue_##what = {                          \
		.name = "queue " #what,                                        \
		.args = "[ID...]",                                             \
		.help = sentence,                                              \
		.more = paragraph,                                             \
		.max_args = 1000,                                              \
		.need = CTL_NEED_SHARE,                                        \
		.options = queue_order_options,                                \
		.run = queue_##what##_run,                                     \
	}

QUEUECTL_ORDER(retry, "Try messages of the queue now",
    "Whatever their next try is. A message that is held stays held.");
QUEUECTL_ORDER(hold, "Keep messages of the queue from being tried",
    "Until queue release; a message that arrives later is not held.");
QUEUECTL_ORDER(release, "End what queue hold ordered", NULL);
QUEUECTL_ORDER(remove, "Remove messages from the queue",
    "Nobody is told: the sender gets no report. What a node is just sending "
    "may still arrive.");
