/* lock_probe.c - one node's lease and locks on a real server, driven by pytest
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/offload.h"
#include "locking/lock.h"

/*
 *	lock_probe URL LOCALDIR
 *
 * Reads commands, one a line, and answers each with one line:
 *
 *	lease			"lease MS" | "error CODE TEXT"
 *	acquire NAME SECONDS	"held TOKEN MS" | "error ..."
 *	check			"held" | "error ..."; asks the share if need be
 *	is-held			"yes" | "no"; by the clock alone
 *	claim			"claimed" | "error ..."
 *	outcome TEXT		commits under the lock's token, after a check:
 *				"recorded" | "error ..."
 *	force TEXT		the same without asking whether it is still
 *held, as a zombie would outcomes		"outcomes TOKEN TEXT..." (what
 *counts) release			"released"
 *	nodes			"nodes ID:LIFE..."
 *	locks			"locks NAME:STATE:TOKEN..."
 *	bye			releases the lease: "bye"
 *
 * Besides, as they happen: "session begun", "session ended", "refused TEXT"
 * (after which it exits with 1).  One journal, "jobs", stands for what a lock
 * protects.
 */
#define LINE_BYTES 400
#define OUTCOMES 64

struct probe {
	struct loop *loop;
	struct sched *sched;
	struct offload *offload;
	struct store *store;
	struct node *node;
	struct lease *lease;
	struct nodes *nodes;
	struct locks *locks;
	struct lock *lock;
	struct journal_env env;
	struct journal *journal;
	const char *url, *local;
	/* what the journal says */
	char outcome[OUTCOMES][40];
	unsigned outcome_n;
	const char *writing; /* compose's */
	/* input */
	struct task_cond input;
	char line[LINE_BYTES];
	size_t line_n;
	bool eof;
	int rc;
};

static void say(const char *fmt, ...) printf_like(1, 2);

static void
say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

static void
say_err(const struct err *e)
{
	say("error %s %s", err_name(err_code(e)), e->text);
}

/* The journal: its entries' texts. */

static void
jobs_reset(void *arg)
{
	((struct probe *)arg)->outcome_n = 0;
}

static struct err *
jobs_load(struct task *t, void *arg, const struct journal_ckpt *c)
{
	(void)arg;
	(void)c;
	return err_new(task_arena(t), ERR_CORRUPT, "a checkpoint of nobody's",
	    NULL);
}

static struct err *
jobs_apply(struct task *t, void *arg, const struct journal_entry *e)
{
	struct probe *p = arg;
	struct str ops = e->ops;
	struct record_op op;

	(void)t;
	while (record_next(&ops, &op)) {
		struct str text;

		if (op.letter != 'J' || !record_get_str(&op, &text) ||
		    p->outcome_n == OUTCOMES)
			continue;
		snprintf(p->outcome[p->outcome_n++], sizeof(p->outcome[0]),
		    STR_FMT, STR_ARG(text));
	}
	return NULL;
}

static void
jobs_totals(void *arg, struct str ops, struct buf *out)
{
	(void)arg;
	(void)ops;
	buf_char(out, '-');
}

static struct err *
jobs_save(struct task *t, void *arg, struct ckpt_writer *w)
{
	(void)t;
	(void)arg;
	(void)w;
	return NULL;
}

static const struct journal_client jobs_client = { .name = "jobs",
	.reset = jobs_reset,
	.load = jobs_load,
	.apply = jobs_apply,
	.totals = jobs_totals,
	.save = jobs_save };

static struct err *
jobs_compose(struct task *t, void *arg, struct buf *ops)
{
	(void)t;
	record_op(ops, 'J');
	record_text(ops, str_c(((struct probe *)arg)->writing));
	return NULL;
}

/* The lease. */

static void
probe_info(void *arg, struct lease_info *i)
{
	(void)arg;
	i->name = STR("probe");
	i->version = STR("0");
	i->hint = STR("");
	i->format = 1;
	i->ready = LEASE_READY;
}

static void
probe_changed(void *arg, bool held)
{
	(void)arg;
	say("session %s", held ? "begun" : "ended");
}

static void
probe_refused(void *arg, const char *sentence)
{
	(void)arg;
	say("refused %s", sentence);
	_exit(1);
}

static const struct lease_client probe_client = { .info = probe_info,
	.changed = probe_changed,
	.refused = probe_refused };

/* Commands. */

static may_yield void
cmd_lease(struct task *t, struct probe *p, char *arg)
{
	uint64_t from = task_now_ms(t);
	struct err *e = lease_acquire(t, p->lease);

	(void)arg;
	if (e != NULL)
		say_err(e);
	else
		say("lease %llu", (unsigned long long)(task_now_ms(t) - from));
}

static may_yield void
cmd_acquire(struct task *t, struct probe *p, char *arg)
{
	uint64_t from = task_now_ms(t);
	char *seconds = strchr(arg, ' ');
	struct err *e;

	if (seconds == NULL || p->lock != NULL) {
		say("error usage");
		return;
	}
	*seconds++ = '\0';
	task_set_deadline(t, from + 1000 * strtoull(seconds, NULL, 10));
	e = lock_acquire(t, p->locks, str_c(arg), &p->lock);
	task_set_deadline(t, 0);
	if (e != NULL)
		say_err(e);
	else
		say("held %llu %llu", (unsigned long long)lock_token(p->lock),
		    (unsigned long long)(task_now_ms(t) - from));
}

static may_yield void
cmd_check(struct task *t, struct probe *p, char *arg)
{
	struct err *e = lock_check(t, p->lock);

	(void)arg;
	if (e != NULL)
		say_err(e);
	else
		say("held");
}

static may_yield void
cmd_is_held(struct task *t, struct probe *p, char *arg)
{
	(void)t;
	(void)arg;
	say("%s", lock_is_held(p->lock) ? "yes" : "no");
}

static may_yield void
cmd_claim(struct task *t, struct probe *p, char *arg)
{
	struct err *e = lock_claim(t, p->lock, p->journal);

	(void)arg;
	if (e != NULL)
		say_err(e);
	else
		say("claimed");
}

static may_yield void
cmd_force(struct task *t, struct probe *p, char *arg)
{
	struct journal_tx tx;
	struct err *e;

	journal_tx_init(t, p->journal, &tx);
	tx.token = lock_token(p->lock);
	tx.compose = jobs_compose;
	tx.arg = p;
	p->writing = arg;
	e = journal_commit(t, p->journal, &tx);
	if (e != NULL)
		say_err(e);
	else
		say("recorded");
}

static may_yield void
cmd_outcome(struct task *t, struct probe *p, char *arg)
{
	struct err *e = lock_check(t, p->lock);

	if (e != NULL)
		say_err(e);
	else
		cmd_force(t, p, arg);
}

static may_yield void
cmd_outcomes(struct task *t, struct probe *p, char *arg)
{
	struct err *e = journal_refresh(t, p->journal);

	(void)arg;
	if (e != NULL) {
		say_err(e);
		return;
	}
	printf("outcomes %llu", (unsigned long long)journal_token(p->journal));
	for (unsigned i = 0; i < p->outcome_n; i++)
		printf(" %s", p->outcome[i]);
	say("%s", "");
}

static may_yield void
cmd_release(struct task *t, struct probe *p, char *arg)
{
	(void)arg;
	lock_release(t, &p->lock);
	say("released");
}

static may_yield void
cmd_nodes(struct task *t, struct probe *p, char *arg)
{
	static const char *const lives[] = { "unseen", "alive", "ended",
		"released" };
	struct node_view *v;
	struct err *e = nodes_refresh(t, p->nodes);
	unsigned n = nodes_list(p->nodes, task_arena(t), &v);

	(void)arg;
	if (e != NULL) {
		say_err(e);
		return;
	}
	printf("nodes");
	for (unsigned i = 0; i < n; i++)
		printf(" %s:%s%s", v[i].id, lives[v[i].life],
		    v[i].self ? ":self" : "");
	say("%s", "");
}

static may_yield void
cmd_locks(struct task *t, struct probe *p, char *arg)
{
	static const char *const states[] = { "free", "held", "orphan",
		"unreadable" };
	struct lock_view *v;
	struct err *e = lock_list(t, p->store, p->nodes, &v);

	(void)arg;
	if (e != NULL) {
		say_err(e);
		return;
	}
	printf("locks");
	for (; v != NULL; v = v->next)
		printf(" %s:%s:%llu", v->resource, states[v->state],
		    (unsigned long long)v->token);
	say("%s", "");
}

static const struct command {
	const char *name;
	bool needs_lock;
	void (*run)(struct task *t, struct probe *p, char *arg);
} commands[] = {
	{ "lease", false, cmd_lease },
	{ "acquire", false, cmd_acquire },
	{ "check", true, cmd_check },
	{ "is-held", true, cmd_is_held },
	{ "claim", true, cmd_claim },
	{ "force", true, cmd_force },
	{ "outcome", true, cmd_outcome },
	{ "outcomes", false, cmd_outcomes },
	{ "release", true, cmd_release },
	{ "nodes", false, cmd_nodes },
	{ "locks", false, cmd_locks },
};

/* One line from standard input, without its end; false: no more. */
static may_yield bool
probe_line(struct task *t, struct probe *p, char line[LINE_BYTES])
{
	char *end;

	while ((end = memchr(p->line, '\n', p->line_n)) == NULL) {
		if (p->eof)
			return false;
		task_cond_wait(t, &p->input, UINT64_MAX);
	}
	*end++ = '\0';
	memcpy(line, p->line, (size_t)(end - p->line));
	p->line_n -= (size_t)(end - p->line);
	memmove(p->line, end, p->line_n);
	return true;
}

static void
probe_readable(struct watch *w, int fd, int events, void *arg)
{
	struct probe *p = arg;
	ssize_t n = read(fd, p->line + p->line_n, sizeof(p->line) - p->line_n);

	(void)events;
	if (n <= 0) {
		p->eof = true;
		watch_set(w, 0);
	} else
		p->line_n += (size_t)n;
	task_cond_broadcast(&p->input);
}

static may_yield void
probe_commands(struct task *t, struct probe *p)
{
	char line[LINE_BYTES];

	while (probe_line(t, p, line) && strcmp(line, "bye") != 0) {
		struct arena_mark m = arena_mark(task_arena(t));
		char *arg = strchr(line, ' ');
		const struct command *c = commands;

		if (arg != NULL)
			*arg++ = '\0';
		while (c < commands + countof(commands) &&
		       strcmp(c->name, line) != 0)
			c++;
		if (c == commands + countof(commands) ||
		    (c->needs_lock && p->lock == NULL))
			say("error usage");
		else
			c->run(t, p, arg != NULL ? arg : line + strlen(line));
		arena_rewind(task_arena(t), m);
	}
}

static may_yield must_check struct err *
probe_open(struct task *t, struct probe *p)
{
	struct node_local local = node_local_dir(p->local);
	struct share_fh dir;
	struct err *e;

	e = node_open(task_arena(t), &local, &rnd_system, &p->node);
	if (e == NULL)
		e = store_open(t, p->loop, p->offload, p->url, NULL, &p->store);
	if (e == NULL)
		e = share_mkdir_path(t, p->store->share, SHARE_LANE_ADMIN,
		    STR("jobs"), &dir);
	if (e == NULL)
		e = journal_mkdirs(t, p->store, &dir);
	if (e != NULL)
		return e;
	p->env =
	    (struct journal_env){ .store = p->store, .no_background = true };
	p->journal = journal_new(&p->env, &dir, "jobs", &jobs_client, p);
	p->lease = lease_new(p->store, p->node, &probe_client, p);
	p->nodes = nodes_new(p->store, p->lease);
	p->locks = locks_new(p->store, p->lease, p->nodes);
	return NULL;
}

static may_yield void
probe_main(struct task *t, void *arg)
{
	struct probe *p = arg;
	struct watch *w;
	struct err *e = probe_open(t, p);

	if (e != NULL) {
		say_err(e);
		p->rc = 1;
		return;
	}
	say("ready %s", node_id(p->node));
	w = watch_new(p->loop, 0, probe_readable, p);
	watch_set(w, WATCH_READ);
	nodes_watch(p->nodes);
	probe_commands(t, p);
	watch_free(&w);
	lock_release(t, &p->lock);
	locks_settle(t, p->locks);
	nodes_watch_stop(t, p->nodes);
	lease_release(t, p->lease);
	say("bye");
	journal_settle(t, p->journal);
	journal_free(&p->journal);
	locks_free(&p->locks);
	nodes_free(&p->nodes);
	lease_free(&p->lease);
}

int
main(int argc, char **argv)
{
	struct probe p = { .rc = 0 };

	if (argc != 3) {
		fprintf(stderr, "usage: lock_probe URL LOCALDIR\n");
		return 2;
	}
	p.url = argv[1];
	p.local = argv[2];
	log_set_level(LOG_ALARM_);
	task_cond_init(&p.input);
	p.loop = loop_new(&clock_system, &rnd_system);
	p.sched = loop_sched(p.loop);
	p.offload = offload_new(p.loop, 2);
	loop_run_task(p.loop, "probe", probe_main, &p);
	store_close(&p.store);
	loop_run(p.loop, true);
	offload_free(&p.offload);
	loop_free(&p.loop);
	node_close(&p.node);
	return p.rc;
}
