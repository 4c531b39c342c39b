#include "server/ctl/account_util.h"

#include "storage/quota.h"

#define ACCOUNT_MAKE_WIDTH 16

struct err *
ctl_account(struct task *t, struct ctl *c, const char *address,
    struct state_account *sa_r, struct account **acc_r)
{
	struct err *e =
	    state_account_find(task_arena(t), c->state, str_c(address), sa_r);

	if (e == NULL && acc_r != NULL)
		e = account_open(t, c->mail, sa_r->id, acc_r);
	return e == NULL ? NULL : err_wrap(task_arena(t), e, "%s", address);
}

void
ctl_account_limit(const struct state_account *sa, struct quota_limit *limit_r)
{
	*limit_r = (struct quota_limit){ .bytes = sa->quota_bytes,
		.messages = sa->quota_messages };
}

/* --- side by side --- */

struct ctl_each {
	struct err *(*fn)(struct task *t, void *arg, unsigned i);
	void *arg;
	unsigned n, next, running;
	uint64_t deadline;
	struct arena *arena; /* of the waiting task */
	struct err *first;
	struct task_cond done;
};

may_yield static void
ctl_each_task(struct task *t, void *arg)
{
	struct ctl_each *x = arg;

	task_set_deadline(t, x->deadline);
	while (x->first == NULL && x->next < x->n) {
		struct arena_mark m = arena_mark(task_arena(t));
		struct err *e = x->fn(t, x->arg, x->next++);
		if (e != NULL && x->first == NULL)
			x->first = err_new(x->arena, e->code, e->text,
			    e->detail ? "%s" : NULL, e->detail);
		arena_rewind(task_arena(t), m);
	}
	x->running--;
	task_cond_broadcast(&x->done);
}

struct err *
ctl_each(struct task *t, unsigned n, unsigned width,
    struct err *(*fn)(struct task *t, void *arg, unsigned i), void *arg)
{
	struct ctl_each x = { .fn = fn,
		.arg = arg,
		.n = n,
		.deadline = task_deadline(t),
		.arena = task_arena(t) };

	task_cond_init(&x.done);
	for (; x.running < width && x.running < n; x.running++)
		task_start(task_sched(t), task_name(t), ctl_each_task, &x);
	while (x.running > 0)
		task_cond_wait(t, &x.done, UINT64_MAX);
	return x.first;
}

/* --- new accounts --- */

struct account_make {
	struct ctl *c;
	struct state_account_new *list;
};

may_yield static struct err *
account_make_one(struct task *t, void *arg, unsigned i)
{
	struct account_make *m = arg;
	struct account *acc;
	bool made;
	struct err *e =
	    account_create(t, m->c->mail, m->list[i].id_r, &made, &acc);

	if (e == NULL)
		account_close(&acc);
	return e;
}

may_yield static struct err *
account_unmake_one(struct task *t, void *arg, unsigned i)
{
	struct account_make *m = arg;
	struct account *acc;
	struct err *e = account_open(t, m->c->mail, m->list[i].id_r, &acc);

	if (err_is(e, ERR_NOTFOUND))
		return NULL;
	if (e != NULL)
		return e;
	e = account_shut(t, acc);
	account_close(&acc);
	if (e == NULL)
		e = account_purge(t, m->c->mail, m->list[i].id_r);
	return e;
}

struct err *
ctl_accounts_make(struct task *t, struct ctl *c, struct state_account_new *list,
    unsigned n)
{
	struct account_make m = { .c = c, .list = list };
	struct err *e;

	/* Most refusals are known without making anything. */
	for (unsigned i = 0; i < n; i++) {
		struct state_account sa;
		char id[STATE_ID_CHARS + 1];
		e = state_account_find(task_arena(t), c->state, list[i].address,
		    &sa);
		if (e == NULL)
			return err_newf(task_arena(t), ERR_DUPLICATE,
			    STR_FMT " exists already", STR_ARG(sa.address));
		if (e->code != ERR_NOTFOUND)
			return e;
		state_account_id(sched_rnd(task_sched(t)), id);
		list[i].id_r = arena_str(task_arena(t), str_c(id));
	}
	e = ctl_each(t, n, ACCOUNT_MAKE_WIDTH, account_make_one, &m);
	if (e == NULL)
		e = state_account_add(t, c->state, ctl_by(t), list, n);
	if (e != NULL &&
	    (e->code == ERR_INVALID || e->code == ERR_LIMIT ||
		e->code == ERR_DUPLICATE || e->code == ERR_NOTFOUND)) {
		/* Best effort: what stays is an empty mailbox nobody names. */
		err_ignore(
		    ctl_each(t, n, ACCOUNT_MAKE_WIDTH, account_unmake_one, &m));
	}
	return e;
}
