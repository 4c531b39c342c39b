/* jobs_walk.c - visiting every account now and then */
#include "base/log.h"
#include "server/cluster/jobs_private.h"
#include "storage/folder.h"
#include "storage/message.h"
#include "storage/state_account.h"
#include "storage/state_domain.h"

#define JOBS_PAGE 100
#define JOBS_WALK_MS 60000 /* then others have their turn */

/* What ids are written in, as SQLite sorts it. */
static const char jobs_digits[] = "234567abcdefghijklmnopqrstuvwxyz";

void
jobs_edge(uint64_t at_s, uint64_t period_s, bool end,
    char edge_r[JOBS_EDGE_CHARS + 1])
{
	/* 40 bits, and at_s has fewer than 24 */
	uint64_t at = (at_s % period_s << 40) / period_s;

	if (end && at_s % period_s == 0) {
		memcpy(edge_r, "~", 2);
		return;
	}
	for (unsigned i = JOBS_EDGE_CHARS; i-- > 0; at >>= 5)
		edge_r[i] = jobs_digits[at & 31];
	edge_r[JOBS_EDGE_CHARS] = '\0';
}

unsigned
jobs_weekday(struct str id)
{
	return (unsigned)(str_hash(id) % 7);
}

/* --- one account --- */

may_yield static struct err *
jobs_expire(struct task *t, struct account *acc, enum folder_use use,
    uint64_t keep_s, struct jobs_visit *v)
{
	const struct folder *f = folder_by_use(acc, use);
	struct err *e;
	uint32_t n;
	bool left;

	if (f == NULL || keep_s == 0)
		return NULL;
	e = message_expire(t, acc, f->id, keep_s, &n, &left);
	if (e == NULL && n > 0)
		log_info(t, "retention", LOG_STR("account", v->id),
		    LOG_C("folder", folder_use_name(use)), LOG_U64("n", n));
	v->expired_r += n;
	return e;
}

may_yield static struct err *
jobs_visit_open(struct task *t, struct worker *w, struct account *acc,
    struct jobs_visit *v)
{
	struct account_maintain m = { .sweep = true };
	struct state_retention r;
	struct err *e;

	e = account_refresh(t, acc);
	if (e != NULL || account_is_closed(acc))
		return e;
	e = state_domain_retention(task_arena(t), w->state, v->domain, &r);
	if (e == NULL)
		e = jobs_expire(t, acc, FOLDER_USE_JUNK, r.junk_s, v);
	if (e == NULL)
		e = jobs_expire(t, acc, FOLDER_USE_TRASH, r.trash_s, v);
	if (e == NULL && v->maintain)
		e = account_maintain(t, acc, &m);
	return e;
}

struct err *
jobs_visit(struct task *t, struct worker *w, struct jobs_visit *v)
{
	struct account *acc = NULL;
	struct err *e;

	v->expired_r = 0;
	e = worker_account_open(t, w, v->id, &acc);
	if (e != NULL)
		return e;
	e = jobs_visit_open(t, w, acc, v);
	account_close(&acc);
	return e;
}

/* --- the walk --- */

may_yield static void
jobs_account(struct task *t, struct jobs *j, const struct state_account *sa)
{
	uint64_t day = (uint64_t)task_wall_s(t) / JOBS_DAY_S;
	struct jobs_visit v = { .id = sa->id,
		.domain = sa->domain,
		.maintain = j->period_s == JOBS_WEEK_S ||
			    day % 7 == jobs_weekday(sa->id) };
	struct err *e = jobs_visit(t, j->w, &v);

	/* Being made, or being removed. */
	if (err_is(e, ERR_NOTFOUND) || err_is(e, ERR_CLOSED))
		return;
	if (e != NULL)
		log_warn(t, "job failed", LOG_C("job", "walk"),
		    LOG_STR("account", sa->id), LOG_ERR(e));
}

/* Ids from `from` to below `to`. False: stopped in the middle. */
may_yield static bool
jobs_walk_range(struct task *t, struct jobs *j, const char *from,
    const char *to)
{
	struct arena_mark m = arena_mark(task_arena(t));
	char next[STATE_ID_CHARS * 2];
	struct state_account *list;
	unsigned n;
	struct err *e;

	snprintf(next, sizeof(next), "%s", from);
	do {
		arena_rewind(task_arena(t), m);
		e = state_account_walk(task_arena(t), j->w->state, str_c(next),
		    str_c(to), JOBS_PAGE, &list, &n);
		if (e != NULL) {
			log_warn(t, "job failed", LOG_C("job", "walk"),
			    LOG_ERR(e));
			return false;
		}
		for (unsigned i = 0; i < n; i++) {
			/* The least id above the last one. */
			snprintf(next, sizeof(next), STR_FMT "!",
			    STR_ARG(list[i].id));
			if (!jobs_go_on(j))
				return false;
			jobs_account(t, j, &list[i]);
			jobs_sleep(t, j, JOBS_ACCOUNT_MS);
		}
	} while (n == JOBS_PAGE);
	arena_rewind(task_arena(t), m);
	return true;
}

/* How long a period is may change with settings and numbers. */
static void
jobs_walk_period(struct task *t, struct jobs *j)
{
	struct arena_mark m = arena_mark(task_arena(t));
	uint64_t now = (uint64_t)task_wall_s(t), period = JOBS_WEEK_S;
	bool used = false;
	unsigned n = 0;
	struct err *e;

	e = state_retention_is_used(task_arena(t), j->w->state, &used);
	if (e == NULL && used)
		e = state_account_count(task_arena(t), j->w->state,
		    JOBS_DAILY_MAX + 1, &n);
	if (e == NULL && used && n <= JOBS_DAILY_MAX)
		period = JOBS_DAY_S;
	arena_rewind(task_arena(t), m);
	/* The clock was set back, or so much was missed that it comes anyhow.
	 */
	if (period != j->period_s || j->walked_s > now + JOBS_OVERLAP_S ||
	    j->walked_s + period < now)
		j->walked_s = now - JOBS_OVERLAP_S;
	j->period_s = period;
}

void
jobs_walk(struct task *t, struct jobs *j)
{
	char from[JOBS_EDGE_CHARS + 1], to[JOBS_EDGE_CHARS + 1];

	uint64_t until = task_now_ms(t) + JOBS_WALK_MS;

	jobs_walk_period(t, j);
	while (j->walked_s < (uint64_t)task_wall_s(t) &&
	       task_now_ms(t) < until && jobs_go_on(j)) {
		uint64_t next = j->walked_s + JOBS_CHUNK_S;
		uint64_t end = (j->walked_s / j->period_s + 1) * j->period_s;
		if (next > (uint64_t)task_wall_s(t))
			next = (uint64_t)task_wall_s(t);
		if (next > end)
			next = end;
		jobs_edge(j->walked_s, j->period_s, false, from);
		jobs_edge(next, j->period_s, true, to);
		if (!jobs_walk_range(t, j, from, to))
			return;
		j->walked_s = next;
	}
}
