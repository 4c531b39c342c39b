/* share_fault.c - a wrapper that makes chosen calls go wrong */
#include "storage/share/share_fault.h"

#include <stdlib.h>

#include "storage/share/share_private.h"

struct fault_rule {
	struct share_fault_rule r;
	uint32_t seen, hits;
};

struct fault_share {
	struct share share;
	struct share *inner;
	struct sched *sched;
	struct fault_rule *rules;
	unsigned n_rules, calls;
	uint64_t conn_bump, verf_bump;
	struct fault_call *waiting; /* with a timer set */
	bool closing;
};

struct fault_call {
	struct share_op copy; /* first: complete() is given this */
	struct fault_share *fs;
	struct share_op *op;	   /* NULL once answered */
	struct share_fault_rule r; /* a copy: rules may be replaced */
	bool have_rule, again;
	uint64_t conn_bump;
	struct timer timer;
	struct fault_call *next, **prev;
	struct arena *arena; /* LATE: what the op pointed to */
};

static bool
fault_match(const struct share_fault_rule *r, const struct share_op *op)
{
	struct str name = op->proc == SHARE_LINK ? op->to_name : op->name;

	return (r->proc == SHARE_FAULT_ANY_PROC || r->proc == op->proc) &&
	       (r->lane == SHARE_FAULT_ANY_LANE || r->lane == op->lane) &&
	       (r->name == NULL || str_starts(name, str_c(r->name)));
}

static const struct share_fault_rule *
fault_find(struct fault_share *fs, const struct share_op *op)
{
	for (unsigned i = 0; i < fs->n_rules; i++) {
		struct fault_rule *f = &fs->rules[i];
		uint64_t nth = f->r.nth != 0 ? f->r.nth : 1;
		uint64_t times = f->r.times != 0 ? f->r.times : 1;

		if (!fault_match(&f->r, op))
			continue;
		f->seen++;
		if (f->seen < nth)
			continue;
		if (times != SHARE_FAULT_ALWAYS && f->seen >= nth + times)
			continue;
		f->hits++;
		return &f->r;
	}
	return NULL;
}

static void
fault_unlink(struct fault_call *fc)
{
	timer_cancel(fc->fs->sched, &fc->timer);
	if (fc->prev == NULL)
		return;
	*fc->prev = fc->next;
	if (fc->next != NULL)
		fc->next->prev = fc->prev;
	fc->prev = NULL;
}

static void
fault_free(struct fault_call *fc)
{
	fault_unlink(fc);
	arena_free(&fc->arena);
	free(fc);
}

static void
fault_wait(struct fault_call *fc, void (*fn)(struct timer *tm, void *arg))
{
	struct fault_share *fs = fc->fs;

	fc->next = fs->waiting;
	fc->prev = &fs->waiting;
	if (fc->next != NULL)
		fc->next->prev = &fc->next;
	fs->waiting = fc;
	timer_set(fs->sched, &fc->timer, fc->r.delay_ms, fn, fc);
}

static void
fault_end(struct fault_call *fc)
{
	struct share_op *op = fc->op;

	fault_free(fc);
	if (op != NULL)
		share_complete(op);
}

static void
fault_delayed(struct timer *tm, void *arg)
{
	(void)tm;
	fault_end(arg);
}

static void
fault_effects(struct fault_share *fs, const struct share_fault_rule *r)
{
	if (r->reconnect)
		fs->conn_bump++;
	if (r->new_verf)
		fs->verf_bump++;
}

static void fault_pass(struct fault_call *fc);

static void
fault_done(struct share_op *copy)
{
	struct fault_call *fc = (struct fault_call *)copy;
	struct fault_share *fs = fc->fs;
	struct share_op *op = fc->op;

	if (fc->again && !fs->closing) {
		fc->again = false;
		fault_pass(fc);
		return;
	}
	if (op == NULL) {
		fault_end(fc);
		return;
	}
	share_answer(op, copy);
	if (fc->have_rule)
		fault_effects(fs, &fc->r);
	if (op->conn != 0)
		op->conn += fc->conn_bump;
	op->verf_r += fs->verf_bump;
	if (fc->have_rule &&
	    (fc->r.kind == SHARE_FAULT_AFTER || fc->r.kind == SHARE_FAULT_LOST))
		op->err = share_err(op->arena,
		    fc->r.kind == SHARE_FAULT_LOST ? ERR_UNKNOWN : fc->r.code,
		    "injected after executing");
	if (fc->have_rule && fc->r.kind == SHARE_FAULT_DELAY)
		fault_wait(fc, fault_delayed);
	else
		fault_end(fc);
}

/* Hand the call on, as the rule wants it; the caller's op stays as it is. */
static void
fault_pass(struct fault_call *fc)
{
	struct share_op in = *fc->op;

	if (in.pin != 0)
		in.pin -= fc->conn_bump;
	if (fc->have_rule && fc->r.kind == SHARE_FAULT_SHORT &&
	    in.length > fc->r.length)
		in.length = fc->r.length;
	share_forward(fc->fs->inner, &in, &fc->copy, fault_done, NULL);
}

static void
fault_late(struct timer *tm, void *arg)
{
	struct fault_call *fc = arg;
	struct share_op late = fc->copy;

	(void)tm;
	fault_unlink(fc);
	share_forward(fc->fs->inner, &late, &fc->copy, fault_done, NULL);
}

/* The op ends now, its call is executed when nobody waits for it any more. */
static void
fault_start_late(struct fault_call *fc)
{
	struct share_op *op = fc->op, *copy = &fc->copy;
	struct arena *a = fc->arena = arena_new(0);

	*copy = *op;
	copy->arena = a;
	copy->pin = 0;
	copy->name = arena_str(a, op->name);
	copy->to_name = arena_str(a, op->to_name);
	copy->text = arena_str(a, op->text);
	if (op->proc == SHARE_WRITE)
		copy->data = arena_memdup(a, op->data, op->length);
	if (op->proc == SHARE_READ)
		copy->into = arena_alloc(a, op->length + 1);
	fc->op = NULL;
	fault_wait(fc, fault_late);
	op->conn = share_conn(fc->fs->inner, op->lane) + fc->conn_bump;
	op->err = share_err(op->arena, ERR_UNKNOWN, "injected, executed later");
	share_complete(op);
}

static void
fault_refuse(struct fault_share *fs, struct share_op *op, enum err_code code)
{
	if (code != ERR_CONN && code != ERR_UNAVAIL)
		op->conn = share_conn(&fs->share, op->lane);
	if (code != ERR_NONE)
		op->err =
		    share_err(op->arena, code, "injected before executing");
	share_complete(op);
}

static void
fault_submit(struct share *s, struct share_op *op)
{
	struct fault_share *fs = (struct fault_share *)s;
	const struct share_fault_rule *r;
	struct fault_call *fc;

	fs->calls++;
	if (op->pin != 0 && op->pin != share_conn(s, op->lane)) {
		fault_refuse(fs, op, ERR_CONN);
		return;
	}
	r = fault_find(fs, op);
	if (r != NULL && r->kind == SHARE_FAULT_BEFORE) {
		fault_effects(fs, r);
		fault_refuse(fs, op, r->code);
		return;
	}
	fc = xcalloc(1, sizeof(*fc));
	fc->fs = fs;
	fc->op = op;
	fc->conn_bump = fs->conn_bump;
	fc->have_rule = r != NULL;
	if (r != NULL)
		fc->r = *r;
	if (r != NULL && r->kind == SHARE_FAULT_LATE) {
		fault_effects(fs, r);
		fault_start_late(fc);
		return;
	}
	fc->again = r != NULL && r->kind == SHARE_FAULT_TWICE;
	fault_pass(fc);
}

static uint64_t
fault_conn(const struct share *s, enum share_lane lane)
{
	const struct fault_share *fs = (const struct fault_share *)s;
	uint64_t conn = share_conn(fs->inner, lane);

	return conn != 0 ? conn + fs->conn_bump : 0;
}

static void
fault_expect(struct share *s, const unsigned char uuid[16])
{
	share_expect(((struct fault_share *)s)->inner, uuid);
}

static void
fault_reconnect(struct share *s)
{
	struct fault_share *fs = (struct fault_share *)s;

	fs->conn_bump++;
	share_reconnect(fs->inner);
}

static void
fault_close(struct share *s)
{
	struct fault_share *fs = (struct fault_share *)s;

	fs->closing = true;
	share_close(&fs->inner);
	while (fs->waiting != NULL) {
		struct fault_call *fc = fs->waiting;

		if (fc->op != NULL)
			fc->op->err = share_err(fc->op->arena, ERR_UNKNOWN,
			    "the share was closed");
		fault_end(fc);
	}
	free(fs->rules);
	free(fs);
}

static const struct share_vtable fault_vtable = { .submit = fault_submit,
	.conn = fault_conn,
	.expect = fault_expect,
	.reconnect = fault_reconnect,
	.close = fault_close };

struct share *
share_fault_new(struct sched *sc, struct share *inner)
{
	struct fault_share *fs = xcalloc(1, sizeof(*fs));

	fs->share.vt = &fault_vtable;
	fs->share.name = share_name(inner);
	fs->share.root = *share_root(inner);
	fs->share.durable = inner->durable;
	fs->inner = inner;
	fs->sched = sc;
	return &fs->share;
}

void
share_fault_set(struct share *s, const struct share_fault_rule *rules,
    unsigned n)
{
	struct fault_share *fs = (struct fault_share *)s;

	invariant(s->vt == &fault_vtable);
	free(fs->rules);
	fs->rules = xcalloc(n + 1, sizeof(*fs->rules));
	for (unsigned i = 0; i < n; i++)
		fs->rules[i].r = rules[i];
	fs->n_rules = n;
	fs->calls = 0;
}

unsigned
share_fault_hits(const struct share *s, unsigned i)
{
	const struct fault_share *fs = (const struct fault_share *)s;

	invariant(s->vt == &fault_vtable && i < fs->n_rules);
	return fs->rules[i].hits;
}

unsigned
share_fault_calls(const struct share *s)
{
	invariant(s->vt == &fault_vtable);
	return ((const struct fault_share *)s)->calls;
}
