/* journal_task.c - what a journal does in the background */
#include "base/log.h"
#include "storage/journal_private.h"

/*
 * One task at a time, started when something is due: the checkpoint, the
 * collection, and a sign of life for entries whose bytes are kept.  A timer
 * waits for the next thing that will be.  After a failure a minute passes.
 */
#define JOURNAL_BG_PAUSE_MS (60 * 1000)

static bool
bg_kept_is_due(const struct journal *j)
{
	return j->kept != NULL &&
	       sched_now_ms(j->sched) >= j->kept->seen_ms + JOURNAL_KEEP_MS;
}

static bool
bg_is_due(const struct journal *j)
{
	return bg_kept_is_due(j) || journal_ckpt_is_due(j) ||
	       journal_collect_is_due(j);
}

/* An answer 60 s later says that the server still has what it had; and if it
 * is another connection, the redo is done now, not when somebody comes. */
static may_yield must_check struct err *
bg_kept(struct task *t, struct journal *j)
{
	struct journal_call c;
	unsigned tries = 0;
	struct err *e;

	journal_lock(t, j);
	do {
		e = journal_connect(t, j);
		if (e == NULL) {
			journal_call_init(j, &c, SHARE_GETATTR, &j->log);
			e = journal_call(t, j, &c);
		}
		if (e == NULL && j->fork_open)
			e = journal_append_again(t, j);
	} while (e != NULL && journal_retry(t, j, e, &tries));
	journal_unlock(t, j);
	return e;
}

static may_yield must_check struct err *
bg_step(struct task *t, struct journal *j)
{
	struct err *e = NULL;

	if (bg_kept_is_due(j))
		e = bg_kept(t, j);
	if (e == NULL && journal_ckpt_is_due(j))
		e = journal_checkpoint(t, j, false);
	if (e == NULL && journal_collect_is_due(j))
		e = journal_collect(t, j);
	return e;
}

static may_yield_unchecked void
bg_task(struct task *t, void *arg)
{
	struct journal *j = arg;
	struct err *e;

	task_set_log(t, NULL, j->label);
	e = bg_step(t, j);
	/* conflict: it was loaded again meanwhile; there is a next time */
	if (e != NULL && !err_is(e, ERR_CLOSED) && !err_is(e, ERR_NOENT) &&
	    !err_is(e, ERR_CONFLICT))
		log_warn(t, "journal maintenance failed",
		    LOG_C("journal", j->label), LOG_ERR(e));
	/* also when nothing could be done: never a loop without a pause */
	j->bg_not_before_ms =
	    e == NULL && !bg_is_due(j)
		? 0
		: sched_now_ms(j->sched) + JOURNAL_BG_PAUSE_MS;
	j->bg_running--;
	task_cond_broadcast(&j->bg_cond);
	journal_arm(j);
}

static void
bg_timer(struct timer *tm, void *arg)
{
	(void)tm;
	journal_arm(arg);
}

static void
bg_earlier(uint64_t *at_ms, bool wanted, uint64_t ms)
{
	if (wanted && ms < *at_ms)
		*at_ms = ms;
}

/* When something will be due if nothing else happens; UINT64_MAX: never. */
static uint64_t
bg_next_ms(const struct journal *j)
{
	uint64_t at_ms = UINT64_MAX;

	if (bg_is_due(j))
		at_ms = sched_now_ms(j->sched);
	if (j->kept != NULL)
		bg_earlier(&at_ms, true, j->kept->seen_ms + JOURNAL_KEEP_MS);
	bg_earlier(&at_ms,
	    j->mode != JOURNAL_COLD && j->head_ours && j->head > j->ckpt_top,
	    j->last_entry_ms + JOURNAL_CKPT_IDLE_MS);
	bg_earlier(&at_ms, j->mode == JOURNAL_LOADED && j->collect_seq > 0,
	    j->collect_seen_ms + JOURNAL_COLLECT_MS);
	if (at_ms < j->bg_not_before_ms)
		at_ms = j->bg_not_before_ms;
	return at_ms;
}

void
journal_arm(struct journal *j)
{
	uint64_t now_ms = sched_now_ms(j->sched), at_ms;

	if (j->env->no_background || j->bg_running > 0 || j->purged)
		return;
	timer_cancel(j->sched, &j->timer);
	at_ms = bg_next_ms(j);
	if (at_ms == UINT64_MAX)
		return;
	if (at_ms > now_ms) {
		timer_set(j->sched, &j->timer, at_ms - now_ms, bg_timer, j);
		return;
	}
	j->bg_running++;
	task_start(j->sched, "journal", bg_task, j);
}

void
journal_committed(struct journal *j, uint64_t seq)
{
	uint32_t every =
	    j->env->ckpt_every != 0 ? j->env->ckpt_every : JOURNAL_CKPT_EVERY;

	if (seq % every == 0)
		j->ckpt_wanted = seq;
}

struct err *
journal_maintain(struct task *t, struct journal *j, bool force)
{
	struct err *e = NULL;

	if (j->mode != JOURNAL_LOADED)
		e = journal_refresh(t, j);
	if (e == NULL && bg_kept_is_due(j))
		e = bg_kept(t, j);
	if (e == NULL && (force || journal_ckpt_is_due(j)))
		e = journal_checkpoint(t, j, force);
	if (e == NULL && journal_collect_is_due(j))
		e = journal_collect(t, j);
	return e;
}

void
journal_settle(struct task *t, struct journal *j)
{
	while (j->bg_running > 0)
		task_cond_wait(t, &j->bg_cond, UINT64_MAX);
}
