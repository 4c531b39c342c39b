/* journal_rig.h - nodes with one journal, whose state is a list of words */
#ifndef TESTS_UNIT_JOURNAL_RIG_H
#define TESTS_UNIT_JOURNAL_RIG_H

#include "base/log.h"
#include "storage/journal.h"
#include "tests/unit/share_rig.h"

/*
 * Operation a,<word> appends a word.  Totals are "n=<words>".  A checkpoint is
 * one segment, kind "words", with all of them.  Each node is a client of its
 * own: several share the directory log/ ckpt/ seg/ at the share's root.
 */
struct jnode {
	struct rig *rig;
	struct store st;
	struct journal_env env;
	struct journal *j;
	struct buf words;
	unsigned n, resets, loads, refiled, forked;
	bool files_gone; /* refile: a,gone... has no file any more */
	bool refuse;	 /* compose refuses */
	struct share_counts counts;
};

static inline void
jnode_reset(void *arg)
{
	struct jnode *n = arg;

	buf_clear(&n->words);
	n->n = 0;
	n->resets++;
}

static inline void
jnode_add(struct jnode *n, struct str word)
{
	buf_str_add(&n->words, word);
	buf_char(&n->words, ' ');
	n->n++;
}

static inline may_yield struct err *
jnode_load(struct task *t, void *arg, const struct journal_ckpt *c)
{
	struct str data[8], word;
	struct jnode *n = arg;
	unsigned i;
	struct err *e;

	for (i = 0; i < c->seg_count; i++) {
		if (!str_eq_c(c->segs[i].kind, "words"))
			continue;
		e = journal_seg_read(t, n->j, &c->segs[i], 1, task_arena(t),
		    data);
		if (e != NULL)
			return e;
		buf_clear(&n->words);
		n->n = 0;
		n->loads++;
		data[0] = str_trim(data[0]);
		while (str_split(&data[0], ' ', &word))
			jnode_add(n, word);
		return NULL;
	}
	return err_new(task_arena(t), ERR_CORRUPT, "no words", NULL);
}

static inline struct err *
jnode_apply(struct task *t, void *arg, const struct journal_entry *e)
{
	struct str ops = e->ops, word;
	struct jnode *n = arg;
	struct record_op op;

	while (record_next(&ops, &op)) {
		if (op.letter == 'z')
			return err_new(task_arena(t), ERR_FORMAT,
			    "operation of a newer version", NULL);
		if (op.letter != 'a')
			continue;
		if (!record_get_text(&op, task_arena(t), &word))
			return err_new(task_arena(t), ERR_CORRUPT, "bad word",
			    NULL);
		jnode_add(n, word);
	}
	return NULL;
}

static inline void
jnode_totals(void *arg, struct str ops, struct buf *out)
{
	struct jnode *n = arg;
	struct record_op op;
	unsigned more = 0;

	while (record_next(&ops, &op))
		more += op.letter == 'a';
	buf_fmt(out, "n=%u", n->n + more);
}

static inline struct err *
jnode_save(struct task *t, void *arg, struct ckpt_writer *w)
{
	struct jnode *n = arg;

	(void)t;
	ckpt_arg(w, str_c(arena_printf(task_arena(t), "n=%u", n->n)));
	ckpt_add(w, "words", STR("-"), buf_str(&n->words));
	return NULL;
}

static inline struct err *
jnode_refile(struct task *t, void *arg, const struct journal_entry *e,
    struct buf *ops_r, bool *whole_r)
{
	struct str ops = e->ops, word;
	struct jnode *n = arg;
	struct record_op op, copy;

	n->refiled++;
	while (record_next(&ops, &op)) {
		copy = op;
		if (op.letter == 'a' && n->files_gone &&
		    record_get_text(&copy, task_arena(t), &word) &&
		    str_starts(word, STR("gone"))) {
			*whole_r = false;
			continue;
		}
		record_op(ops_r, op.letter);
		if (op.any) {
			buf_char(ops_r, ',');
			buf_str_add(ops_r, op.fields);
		}
	}
	return NULL;
}

static inline void
jnode_forked(struct task *t, void *arg, struct buf *ops_r)
{
	struct jnode *n = arg;

	(void)t;
	n->forked++;
	record_op(ops_r, 'v');
}

static const struct journal_client jnode_client = {
	.name = "words",
	.reset = jnode_reset,
	.load = jnode_load,
	.apply = jnode_apply,
	.totals = jnode_totals,
	.save = jnode_save,
	.refile = jnode_refile,
	.forked = jnode_forked,
};

/* Nodes never checkpoint by themselves unless a test says so. */
static inline struct jnode *
jnode_new(struct rig *r, struct share *s)
{
	struct jnode *n = xcalloc(1, sizeof(*n));

	n->rig = r;
	n->st.share = s;
	n->st.sched = r->sched;
	n->st.profile = BARRIER_REPLY;
	n->env.store = &n->st;
	n->env.no_background = true;
	buf_init(&n->words, NULL, 1 << 24);
	n->j = journal_new(&n->env, share_root(s), "test", &jnode_client, n);
	return n;
}

static inline void
jnode_free(struct jnode **np)
{
	struct jnode *n = *np;

	journal_free(&n->j);
	buf_free(&n->words);
	free(n);
	*np = NULL;
}

/* As after a restart: nothing known, nothing kept. */
static inline void
jnode_restart(struct jnode *n)
{
	journal_free(&n->j);
	buf_clear(&n->words);
	n->n = 0;
	n->j = journal_new(&n->env, share_root(n->st.share), "test",
	    &jnode_client, n);
}

struct jnode_word {
	struct jnode *n;
	const char *word;
};

static inline struct err *
jnode_compose(struct task *t, void *arg, struct buf *ops)
{
	struct jnode_word *w = arg;

	if (w->n->refuse)
		return err_new(task_arena(t), ERR_OVERQUOTA, "refused", NULL);
	record_op(ops, 'a');
	record_text(ops, str_c(w->word));
	return NULL;
}

static inline struct err *
jnode_compose_blind(struct task *t, void *arg, const struct journal_entry *head,
    struct buf *ops, struct buf *totals)
{
	struct str n = head->totals;
	uint64_t v = 0;

	assert_true(head->seq == 0 || str_starts(n, STR("n=")));
	if (head->seq > 0)
		assert_true(str_u64(str_sub(n, 2, n.n), &v));
	buf_fmt(totals, "n=%llu", (unsigned long long)v + 1);
	return jnode_compose(t, arg, ops);
}

static inline may_yield_unchecked struct err *
jnode_commit_tx(struct task *t, struct jnode *n, struct journal_tx *tx,
    const char *word)
{
	struct jnode_word w = { n, word };
	struct err *e;

	tx->compose = jnode_compose;
	tx->compose_blind = jnode_compose_blind;
	tx->arg = &w;
	e = journal_commit(t, n->j, tx);
	tx->arg = NULL;
	return e;
}

static inline may_yield_unchecked struct err *
jnode_commit(struct task *t, struct jnode *n, const char *word)
{
	struct journal_tx tx;

	journal_tx_init(t, n->j, &tx);
	return jnode_commit_tx(t, n, &tx, word);
}

#define assert_words(n, want) jnode_assert_words(n, want, __FILE__, __LINE__)
static inline void
jnode_assert_words(struct jnode *n, const char *want, const char *file,
    int line)
{
	struct str s = str_trim(buf_str(&n->words));

	if (!str_eq_c(s, want)) {
		print_error("%s:%d: \"%s\" expected, got \"" STR_FMT "\"\n",
		    file, line, want, STR_ARG(s));
		_fail(file, line);
	}
}

/* A file below the share's directory, by path. */
static inline const char *
rig_path(struct rig *r, const char *fmt, ...)
{
	static char path[512];
	char rel[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(rel, sizeof(rel), fmt, ap);
	va_end(ap);
	snprintf(path, sizeof(path), "%s/%s", r->dir, rel);
	return path;
}

static inline bool
rig_has(struct rig *r, const char *dir, uint64_t seq)
{
	char name[SEQ_DIGITS + 1], link[2000];

	seq_name(seq, name);
	return readlink(rig_path(r, "%s/%s", dir, name), link, sizeof(link)) >=
	       0;
}

static inline void
rig_lose(struct rig *r, const char *dir, uint64_t seq)
{
	char name[SEQ_DIGITS + 1];

	seq_name(seq, name);
	assert_int_equal(unlink(rig_path(r, "%s/%s", dir, name)), 0);
}

#define assert_counts(r, serial_, total_)                                      \
	do {                                                                   \
		struct share_counts c_;                                        \
		share_count_get((r)->share, &c_);                              \
		if (c_.serial != (serial_) || c_.total != (total_))            \
			fail_msg("%u trips, %u calls", c_.serial,              \
			    (unsigned)c_.total);                               \
	} while (0)

/* Each test is a task with two nodes on one new journal. */
#define TEST(name)                                                             \
	static may_yield_unchecked void name##_task(struct task *t,            \
	    struct rig *r);                                                    \
	static void name(void **state)                                         \
	{                                                                      \
		rig_run(*state, name##_task);                                  \
	}                                                                      \
	static may_yield_unchecked void name##_task(struct task *t,            \
	    struct rig *r)

static inline may_yield_unchecked void
make(struct task *t, struct rig *r, struct jnode **a, struct jnode **b)
{
	*a = jnode_new(r, r->share);
	*b = jnode_new(r, r->share);
	assert_ok(journal_mkdirs(t, &(*a)->st, share_root(r->share)));
	assert_ok(journal_mkdirs(t, &(*a)->st, share_root(r->share)));
}

/* Each call takes a while: what is under way together is one round trip. */
static inline void
measure(struct rig *r)
{
	const struct share_fault_rule slow = { .proc = SHARE_FAULT_ANY_PROC,
		.lane = SHARE_FAULT_ANY_LANE,
		.times = SHARE_FAULT_ALWAYS,
		.kind = SHARE_FAULT_DELAY,
		.delay_ms = 1 };

	share_fault_set(r->fault, &slow, 1);
	share_count_reset(r->share);
}

#endif
