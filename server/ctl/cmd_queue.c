/* queue list, show, retry, hold, release, remove */
#include <limits.h>
#include <time.h>

#include "base/json.h"
#include "server/admin/admin_queue.h"
#include "server/ctl/ctl.h"
#include "storage/state_audit.h"

#define QUEUECTL_LIMIT 1000
#define QUEUECTL_LIMIT_MAX 10000000
#define QUEUECTL_CHUNK 262144

/* --- which messages --- */

#define QUEUECTL_FILTERS                                                       \
	{ "domain", CTL_STRING, "DOMAIN",                                      \
		"only messages that wait for a recipient there" },             \
	    { "from", CTL_STRING, "ADDRESS",                                   \
		    "only from this sender (@DOMAIN: from anybody there)" },   \
	{                                                                      \
		"held", CTL_FLAG, NULL, "only messages that are held"          \
	}

static void
queuectl_filter(const struct ctl *c, struct admin_queue_filter *f)
{
	const struct ctl_value *domain = ctl_opt(c, "domain");
	const struct ctl_value *from = ctl_opt(c, "from");

	*f = (struct admin_queue_filter){
		.state =
		    ctl_given(c, "held") ? ADMIN_QUEUE_HELD : ADMIN_QUEUE_ANY,
		.domain = domain->given ? str_c(domain->s) : STR_NONE,
		.from = from->given ? str_c(from->s) : STR_NONE,
	};
}

may_yield static struct err *
queuectl_open(struct task *t, struct ctl *c, struct admin_queue **q_r)
{
	struct admin ad = ctl_admin(t, c);

	*q_r = NULL;
	return admin_queue_open(t, &ad, q_r);
}

/* --- list --- */

static const struct ctl_option queue_list_options[] = {
	QUEUECTL_FILTERS,
	{ "limit", CTL_NUMBER, "N",
	    "at most so many (default 1000, never more than 10000000)" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

static struct str
queuectl_from(const struct queue_message *m)
{
	return m->from.n > 0 ? m->from : STR("<>");
}

/* People see the first recipient, and how many more there are. */
static void
queuectl_to(struct task *t, const struct ctl *c, struct ctl_out *o,
    const struct admin_queue_sum *s)
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
	struct admin_queue_sum s;

	admin_queue_sum(task_arena(t), m, STR_NONE, &s);
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
queuectl_list(struct task *t, struct ctl *c, const struct admin_queue *q)
{
	static const char *const columns[] = { "id", "state", "arrived", "size",
		"from", "to", "tries", "next_try", "node", "answer" };
	struct ctl_out *o = ctl_out_list(t, c, columns, countof(columns));
	unsigned most = ctl_limit(c, QUEUECTL_LIMIT, QUEUECTL_LIMIT_MAX);
	const struct queue_message **list;
	struct admin_queue_filter f;
	unsigned n, all;
	struct err *e;

	queuectl_filter(c, &f);
	n = admin_queue_pick(task_arena(t), q, &f, most, &list, &all);
	for (unsigned i = 0; i < n; i++)
		queuectl_row(t, c, o, list[i]);
	e = ctl_out_end(o);
	if (e == NULL && all > n)
		ctl_note(c, "and %u more (see --limit)", all - n);
	return e;
}

may_yield static struct err *
queue_list_run(struct task *t, struct ctl *c)
{
	struct admin_queue *q;
	struct err *e = queuectl_open(t, c, &q);

	if (e == NULL)
		e = admin_queue_look(t, q);
	if (e == NULL)
		e = queuectl_list(t, c, q);
	admin_queue_close(t, &q);
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
		json_set_c(row, "state", admin_queue_rcpt_state(r->state));
		json_set_u64(row, "tries", r->tries);
		json_set_c(row, "last_try", queuectl_time(t, r->tried_s));
		json_set_c(row, "next_try",
		    queuectl_time(t, admin_queue_next_s(r)));
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
		ctl_out_str(o, str_c(admin_queue_rcpt_state(r->state)));
		ctl_out_u64(o, r->tries);
		ctl_out_time(o, r->tried_s);
		ctl_out_time(o, admin_queue_next_s(r));
		ctl_out_str(o, r->node);
		ctl_out_str(o, r->answer);
	}
	return ctl_out_end(o);
}

/* Its bytes, as they are. */
may_yield static struct err *
queuectl_print(struct task *t, struct admin_queue *q,
    const struct queue_message *row)
{
	const struct queue_message *m = queue_message_copy(task_arena(t), row);
	char *into = arena_alloc(task_arena(t), QUEUECTL_CHUNK);
	uint64_t at = 0;
	uint32_t n;
	struct err *e = NULL;

	while (e == NULL && at < m->bytes) {
		e = admin_queue_read(t, q, m, at, into, QUEUECTL_CHUNK, &n);
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
	struct admin_queue *q;
	struct err *e = queuectl_open(t, c, &q);

	if (e == NULL)
		e = admin_queue_find(t, q, str_c(c->argv[0]), true, &m);
	if (e == NULL && ctl_given(c, "message"))
		e = queuectl_print(t, q, m);
	else if (e == NULL)
		e = queuectl_show(t, c, m);
	admin_queue_close(t, &q);
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

struct queuectl_order {
	enum queue_order o;
	struct queuectl_named {
		unsigned bucket, ordinal;
		struct txid txid;
	} * list;
	struct str *ids; /* of these */
	unsigned n;
};

static void
queuectl_order_add(struct task *t, struct queuectl_order *k,
    const struct queue_message *m)
{
	k->ids[k->n] = arena_str(task_arena(t), m->id);
	k->list[k->n++] = (struct queuectl_named){ .bucket = m->bucket,
		.ordinal = m->ordinal,
		.txid = m->txid };
}

static void
queuectl_order_room(struct task *t, struct queuectl_order *k, unsigned n)
{
	k->ids = arena_array(task_arena(t), n + 1UL, sizeof(*k->ids));
	k->list = arena_array(task_arena(t), n + 1UL, sizeof(*k->list));
}

may_yield static struct err *
queuectl_order_note(struct task *t, struct ctl *c,
    const struct queuectl_order *k, struct str how)
{
	struct admin ad = ctl_admin(t, c);

	return k->n == 0 ? NULL
			 : admin_queue_note(t, &ad, k->o, k->ids, k->n, how);
}

may_yield static struct err *
queuectl_order_one(struct task *t, struct admin_queue *q,
    const struct queuectl_order *k, unsigned i)
{
	return admin_queue_order(t, q, k->list[i].bucket, &k->list[i].txid,
	    k->list[i].ordinal, k->o);
}

/* All of them, whatever is wrong with one. */
may_yield static struct err *
queuectl_order_ids(struct task *t, struct ctl *c, struct admin_queue *q,
    struct queuectl_order *k)
{
	const struct queue_message *m;
	struct err *e, *first = NULL;

	queuectl_order_room(t, k, c->argc);
	for (unsigned i = 0; i < c->argc; i++) {
		e = admin_queue_find(t, q, str_c(c->argv[i]), true, &m);
		if (e == NULL)
			queuectl_order_add(t, k, m);
		else if (first == NULL)
			first = e;
	}
	e = queuectl_order_note(t, c, k, STR_NONE);
	if (e != NULL)
		return e;
	for (unsigned i = 0; i < k->n; i++) {
		e = queuectl_order_one(t, q, k, i);
		if (e == NULL)
			ctl_say(c, "message " STR_FMT " is %s",
			    STR_ARG(k->ids[i]), queuectl_done[k->o]);
		else if (first == NULL)
			first = e;
	}
	return first;
}

/* For the audit. */
static struct str
queuectl_how(struct task *t, const struct ctl *c)
{
	struct buf b;

	buf_init(&b, task_arena(t), STATE_AUDIT_MAX);
	if (ctl_given(c, "all"))
		buf_c(&b, " --all");
	if (ctl_given(c, "held"))
		buf_c(&b, " --held");
	if (ctl_given(c, "domain"))
		buf_fmt(&b, " --domain %.200s", ctl_opt(c, "domain")->s);
	if (ctl_given(c, "from"))
		buf_fmt(&b, " --from %.200s", ctl_opt(c, "from")->s);
	return str_trim(buf_str(&b));
}

/* All that the filters name, as they were when we looked. */
may_yield static struct err *
queuectl_order_picked(struct task *t, struct ctl *c, struct admin_queue *q,
    struct queuectl_order *k)
{
	const struct queue_message **list;
	struct admin_queue_filter f;
	unsigned n, done = 0;
	struct err *e;

	queuectl_filter(c, &f);
	n = admin_queue_pick(task_arena(t), q, &f, UINT_MAX, &list, NULL);
	queuectl_order_room(t, k, n);
	for (unsigned i = 0; i < n; i++)
		queuectl_order_add(t, k, list[i]);
	task_set_deadline(t, task_now_ms(t) + c->timeout_ms);
	e = queuectl_order_note(t, c, k, queuectl_how(t, c));
	if (e != NULL)
		return e;
	for (unsigned i = 0; i < k->n && e == NULL; i++) {
		task_set_deadline(t, task_now_ms(t) + c->timeout_ms);
		e = queuectl_order_one(t, q, k, i);
		done += e == NULL;
		if (err_is(e, ERR_NOTFOUND)) /* delivered meanwhile */
			e = NULL;
	}
	ctl_say(c, "%u messages are %s", done, queuectl_done[k->o]);
	return e;
}

may_yield static struct err *
queuectl_order(struct task *t, struct ctl *c, enum queue_order o)
{
	bool filter = ctl_given(c, "domain") || ctl_given(c, "from") ||
		      ctl_given(c, "held");
	struct queuectl_order k = { .o = o };
	struct admin_queue *q;
	struct err *e;

	if ((c->argc > 0) + filter + ctl_given(c, "all") != 1)
		return err_new(task_arena(t), ERR_INVALID,
		    "give either IDs, or --domain, --from, --held, or --all",
		    NULL);
	e = queuectl_open(t, c, &q);
	if (e == NULL && c->argc > 0)
		e = queuectl_order_ids(t, c, q, &k);
	else if (e == NULL)
		e = admin_queue_look(t, q);
	if (e == NULL && c->argc == 0)
		e = queuectl_order_picked(t, c, q, &k);
	admin_queue_close(t, &q);
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
		.need = CTL_NEED_STATE,                                        \
		.options = queue_order_options,                                \
		.run = queue_##what##_run,                                     \
	}

QUEUECTL_ORDER(retry, "Try messages of the queue now",
    "Whatever their next try is, and though their destination did not answer "
    "others. A message that is held stays held.");
QUEUECTL_ORDER(hold, "Keep messages of the queue from being tried",
    "Until queue release; a message that arrives later is not held.");
QUEUECTL_ORDER(release, "End what queue hold ordered",
    "Every order to the queue is noted in the audit first.");
QUEUECTL_ORDER(remove, "Remove messages from the queue",
    "Nobody is told: the sender gets no report. What a node is just sending "
    "may still arrive.");
