/* trace_sweep.c - days that are over for long enough */
#include "server/trace/trace_private.h"
#include "storage/share/share.h"
#include "storage/share/store.h"

#define TRACE_DAYS_MAX 4000
#define TRACE_FILES_MAX 100000
#define TRACE_SWEEP_FILES 1000 /* of a day, in one call */
#define TRACE_DAY_S 86400

struct trace_sweep {
	struct share *s;
	struct share_fh dir;
	uint64_t keep_s;
	unsigned keep_from; /* the first day that stays */
	int64_t newest_ns;  /* by the share's clock */
	bool (*go_on)(void *arg);
	void *arg;
	unsigned removed;
};

static bool
trace_is_day(struct str name, unsigned *day_r)
{
	uint32_t v;

	if (name.n != 8 || !str_u32(name, &v))
		return false;
	*day_r = v;
	return true;
}

/* What another node removes meanwhile is gone, as it should be. */
static struct err *
trace_sweep_gone(struct err *e)
{
	return err_is(e, ERR_NOENT) || err_is(e, ERR_STALE) ? NULL : e;
}

static may_yield must_check struct err *
trace_sweep_attr(struct task *t, struct trace_sweep *w,
    const struct share_fh *dir, struct str name, struct share_fh *fh_r,
    int64_t *mtime_ns_r)
{
	struct share_attr at = { 0 };
	struct err *e =
	    share_lookup(t, w->s, SHARE_LANE_ADMIN, dir, name, fh_r, NULL);

	if (e == NULL)
		e = share_getattr(t, w->s, SHARE_LANE_ADMIN, fh_r, &at);
	*mtime_ns_r = at.mtime_ns;
	return e;
}

/*
 * Of our clock, which says what day it is, nothing is believed that the share's
 * does not say, too: a file goes only if something newer by the time to be kept
 * (less one day, for both ends) is there.
 */
static may_yield must_check struct err *
trace_sweep_file(struct task *t, struct trace_sweep *w,
    const struct share_fh *dir, struct str name, bool *kept_r)
{
	int64_t mtime_ns = 0, age_s;
	struct share_fh fh;
	struct err *e = trace_sweep_attr(t, w, dir, name, &fh, &mtime_ns);

	age_s = (w->newest_ns - mtime_ns) / 1000000000;
	if (e == NULL && age_s + TRACE_DAY_S < (int64_t)w->keep_s)
		*kept_r = true;
	else if (e == NULL)
		e = share_remove_quiet(t, w->s, SHARE_LANE_ADMIN, dir, name);
	return trace_sweep_gone(e);
}

static may_yield must_check struct err *
trace_sweep_day(struct task *t, struct trace_sweep *w, struct str day)
{
	struct share_dirent *d = NULL;
	struct share_fh fh;
	bool kept = false;
	unsigned n = 0;
	struct err *e =
	    share_lookup(t, w->s, SHARE_LANE_ADMIN, &w->dir, day, &fh, NULL);

	if (e == NULL)
		e = share_readdir(t, w->s, SHARE_LANE_ADMIN, &fh,
		    TRACE_FILES_MAX, &d, NULL);
	for (; e == NULL && d != NULL; d = d->next) {
		if (n++ == TRACE_SWEEP_FILES ||
		    (w->go_on != NULL && !w->go_on(w->arg)))
			return NULL;
		e = trace_sweep_file(t, w, &fh, d->name, &kept);
	}
	if (e == NULL && !kept) {
		e = share_rmdir(t, w->s, SHARE_LANE_ADMIN, &w->dir, day);
		w->removed += e == NULL;
	}
	/* A file of it came late. */
	return err_is(e, ERR_NOTEMPTY) ? NULL : trace_sweep_gone(e);
}

/* By the share's clock: when something was last made in some day. */
static may_yield must_check struct err *
trace_sweep_newest(struct task *t, struct trace_sweep *w,
    const struct share_dirent *d)
{
	struct err *e = NULL;
	struct share_fh fh;
	unsigned day;
	int64_t ns = 0;

	for (; e == NULL && d != NULL; d = d->next) {
		if (!trace_is_day(d->name, &day))
			continue;
		e = trace_sweep_gone(
		    trace_sweep_attr(t, w, &w->dir, d->name, &fh, &ns));
		if (ns > w->newest_ns)
			w->newest_ns = ns;
	}
	return e;
}

struct err *
trace_sweep(struct task *t, struct store *st, uint64_t keep_s,
    bool (*go_on)(void *arg), void *arg, unsigned *removed_r)
{
	struct trace_sweep w = { .s = st->share,
		.keep_s = keep_s,
		.go_on = go_on,
		.arg = arg };
	struct share_dirent *list = NULL;
	unsigned day;
	struct err *e;

	*removed_r = 0;
	w.keep_from = trace_day(task_wall_s(t) - (int64_t)keep_s - TRACE_DAY_S);
	e = share_walk(t, w.s, SHARE_LANE_ADMIN, STR(TRACE_DIR), &w.dir, NULL);
	if (e == NULL)
		e = share_readdir(t, w.s, SHARE_LANE_ADMIN, &w.dir,
		    TRACE_DAYS_MAX, &list, NULL);
	if (err_is(e, ERR_NOENT))
		return NULL;
	if (e == NULL)
		e = trace_sweep_newest(t, &w, list);
	for (struct share_dirent *d = list; e == NULL && d != NULL; d = d->next)
		if (trace_is_day(d->name, &day) && day < w.keep_from)
			e = trace_sweep_day(t, &w, d->name);
	*removed_r = w.removed;
	return e;
}
