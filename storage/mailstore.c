/* mailstore.c - the accounts one worker has open */
#include "storage/mailstore.h"

#include <stdlib.h>

#include "storage/account_private.h"

#define MAILSTORE_PEND_BYTES (64UL << 20)
#define MAILSTORE_LIST_MAX 4000000
#define MAILSTORE_TRIES 4
#define MAILSTORE_BALLAST "ballast"
#define MAILSTORE_FULL_BYTES (256 * 1024)

struct mailstore_shelf {
	char xx[2];
	struct share_fh fh;
};

struct mailstore {
	struct mailstore_conf conf;
	struct journal_env jenv;
	struct account **accounts; /* sorted by id */
	unsigned n, size;
	struct mailstore_shelf *shelves; /* sorted */
	unsigned shelf_n, shelf_size;
	struct share_fh root; /* accounts/ */
	bool have_root;
	uint64_t stamp;
};

struct mailstore *
mailstore_new(const struct mailstore_conf *c)
{
	struct mailstore *ms = xcalloc(1, sizeof(*ms));

	ms->conf = *c;
	if (ms->conf.accounts == 0)
		ms->conf.accounts = MAILSTORE_ACCOUNTS;
	mailstore_set_keep_days(ms, c->keep_days);
	if (ms->conf.orphan_hours == 0)
		ms->conf.orphan_hours = MAILSTORE_ORPHAN_HOURS;
	ms->jenv = (struct journal_env){
		.store = c->store,
		.cache = c->cache,
		.no_background = c->no_background,
		.ckpt_every = c->ckpt_every,
	};
	return ms;
}

void
mailstore_drop(struct mailstore **msp)
{
	struct mailstore *ms = *msp;

	if (ms == NULL)
		return;
	*msp = NULL;
	for (unsigned i = 0; i < ms->n; i++)
		account_free(ms->accounts[i]);
	free(ms->accounts);
	free(ms->shelves);
	free(ms);
}

void
mailstore_close(struct task *t, struct mailstore **msp)
{
	struct mailstore *ms = *msp;

	if (ms == NULL)
		return;
	/* an account may disappear while we wait for it: begin again */
	for (unsigned i = 0; i < ms->n;) {
		struct account *acc = ms->accounts[i];

		invariant(acc->refs == acc->background);
		acc->refs++;
		account_settle(t, acc);
		acc->refs--;
		i = i < ms->n && ms->accounts[i] == acc ? i + 1 : 0;
	}
	mailstore_drop(msp);
}

struct store *
mailstore_store(const struct mailstore *ms)
{
	return ms->conf.store;
}

struct share *
mailstore_share(const struct mailstore *ms)
{
	return ms->conf.store->share;
}

struct sched *
mailstore_sched(const struct mailstore *ms)
{
	return ms->conf.store->sched;
}

const struct mailstore_conf *
mailstore_config(const struct mailstore *ms)
{
	return &ms->conf;
}

const struct journal_env *
mailstore_journal_env(const struct mailstore *ms)
{
	return &ms->jenv;
}

void
mailstore_set_keep_days(struct mailstore *ms, unsigned days)
{
	ms->conf.keep_days = days != 0 ? days : MAILSTORE_KEEP_DAYS;
}

unsigned
mailstore_open_count(const struct mailstore *ms)
{
	return ms->n;
}

bool
mailstore_pend_room(const struct mailstore *ms, size_t n)
{
	for (unsigned i = 0; i < ms->n; i++)
		n += ms->accounts[i]->envs.pending_bytes;
	return n <= MAILSTORE_PEND_BYTES;
}

/* --- the table of accounts --- */

static unsigned
mailstore_lower(const struct mailstore *ms, struct str id)
{
	unsigned lo = 0, hi = ms->n;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (str_cmp(str_c(ms->accounts[mid]->id), id) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void
mailstore_remove(struct mailstore *ms, unsigned i)
{
	account_free(ms->accounts[i]);
	ms->n--;
	memmove(ms->accounts + i, ms->accounts + i + 1,
	    (ms->n - i) * sizeof(*ms->accounts));
}

static bool
mailstore_may_remove(const struct account *acc)
{
	if (acc->refs > 0)
		return false;
	return acc->journal == NULL || journal_may_close(acc->journal);
}

static uint64_t
mailstore_rows(const struct mailstore *ms)
{
	uint64_t rows = 0;

	for (unsigned i = 0; i < ms->n; i++)
		rows += ms->accounts[i]->state.messages +
			ms->accounts[i]->state.tomb_count;
	return rows;
}

/* Room for one more: those nobody can find again first, then the least
 * recently used, while there are too many, or too large ones. */
static void
mailstore_evict(struct mailstore *ms)
{
	unsigned oldest;

	for (unsigned i = ms->n; i-- > 0;)
		if ((ms->accounts[i]->detached || !ms->accounts[i]->located) &&
		    mailstore_may_remove(ms->accounts[i]))
			mailstore_remove(ms, i);
	while (
	    ms->n > ms->conf.accounts || mailstore_rows(ms) > MAILSTORE_ROWS) {
		oldest = ms->n;
		for (unsigned i = 0; i < ms->n; i++)
			if (mailstore_may_remove(ms->accounts[i]) &&
			    (oldest == ms->n || ms->accounts[i]->used <
						    ms->accounts[oldest]->used))
				oldest = i;
		if (oldest == ms->n)
			return;
		mailstore_remove(ms, oldest);
	}
}

struct account *
mailstore_get(struct mailstore *ms, struct str id)
{
	unsigned at = mailstore_lower(ms, id);
	struct account *acc;

	for (unsigned i = at; i < ms->n; i++) {
		acc = ms->accounts[i];
		if (!str_eq(str_c(acc->id), id))
			break;
		if (acc->detached)
			continue;
		acc->refs++;
		acc->used = ++ms->stamp;
		return acc;
	}
	mailstore_evict(ms);
	at = mailstore_lower(ms, id);
	if (ms->n == ms->size) {
		ms->size = ms->size == 0 ? 16 : ms->size * 2;
		ms->accounts =
		    xrealloc(ms->accounts, ms->size, sizeof(*ms->accounts));
	}
	acc = account_new(ms, id);
	acc->refs = 1;
	acc->used = ++ms->stamp;
	memmove(ms->accounts + at + 1, ms->accounts + at,
	    (ms->n - at) * sizeof(*ms->accounts));
	ms->accounts[at] = acc;
	ms->n++;
	return acc;
}

void
mailstore_put(struct account *acc)
{
	invariant(acc->refs > 0);
	if (--acc->refs == 0)
		mailstore_evict(acc->ms);
}

/* --- directories --- */

struct err *
mailstore_lookup(struct task *t, struct mailstore *ms, enum share_lane lane,
    const struct share_fh *dir, struct str name, struct share_fh *fh_r,
    struct share_attr *attr_r)
{
	struct share *s = mailstore_share(ms);
	struct err *e;

	for (unsigned tries = 0; tries < MAILSTORE_TRIES; tries++) {
		e = share_lookup(t, s, lane, dir, name, fh_r, attr_r);
		if (!share_err_is_unknown(e) && !err_is(e, ERR_CONN))
			return e;
		if (task_check(t) != NULL)
			break;
	}
	return e;
}

static struct mailstore_shelf *
mailstore_shelf_find(struct mailstore *ms, struct str id, unsigned *at_r)
{
	unsigned i = 0;

	while (i < ms->shelf_n && memcmp(ms->shelves[i].xx, id.p, 2) < 0)
		i++;
	*at_r = i;
	return i < ms->shelf_n && memcmp(ms->shelves[i].xx, id.p, 2) == 0
		   ? &ms->shelves[i]
		   : NULL;
}

struct err *
mailstore_shelf(struct task *t, struct mailstore *ms, struct str id, bool fresh,
    struct share_fh *fh_r)
{
	struct share *s = mailstore_share(ms);
	struct mailstore_shelf *shelf;
	struct share_fh root, fh;
	unsigned at;
	struct err *e;

	shelf = mailstore_shelf_find(ms, id, &at);
	if (shelf != NULL && !fresh) {
		*fh_r = shelf->fh;
		return NULL;
	}
	if (!ms->have_root || fresh) {
		e = mailstore_lookup(t, ms, SHARE_LANE_COMMIT, share_root(s),
		    STR("accounts"), &root, NULL);
		if (e != NULL)
			return e;
		ms->root = root;
		ms->have_root = true;
	}
	root = ms->root;
	e = mailstore_lookup(t, ms, SHARE_LANE_COMMIT, &root, str_sub(id, 0, 2),
	    &fh, NULL);
	if (e != NULL)
		return e;
	*fh_r = fh;
	/* the table may have changed while we waited */
	shelf = mailstore_shelf_find(ms, id, &at);
	if (shelf == NULL) {
		if (ms->shelf_n == ms->shelf_size) {
			ms->shelf_size =
			    ms->shelf_size == 0 ? 16 : ms->shelf_size * 2;
			ms->shelves = xrealloc(ms->shelves, ms->shelf_size,
			    sizeof(*ms->shelves));
		}
		shelf = &ms->shelves[at];
		memmove(shelf + 1, shelf, (ms->shelf_n - at) * sizeof(*shelf));
		ms->shelf_n++;
		memcpy(shelf->xx, id.p, 2);
	}
	shelf->fh = fh;
	return NULL;
}

struct err *
mailstore_account_dir(struct task *t, struct mailstore *ms, struct str id,
    struct share_fh *dir_r)
{
	struct share_fh shelf;
	struct err *e;

	if (!account_id_is_valid(id))
		return err_new(task_arena(t), ERR_INVALID,
		    "this is not an account's id", NULL);
	e = mailstore_shelf(t, ms, id, false, &shelf);
	if (e == NULL)
		e = share_lookup(t, mailstore_share(ms), SHARE_LANE_ADMIN,
		    &shelf, id, dir_r, NULL);
	return e;
}

/* --- list --- */

static int
mailstore_id_cmp(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

struct mailstore_ids {
	struct str *ids;
	unsigned n, size;
};

static void
mailstore_ids_add(struct task *t, struct mailstore_ids *l, struct str id)
{
	struct str *grown;

	if (l->n == l->size) {
		l->size = l->size == 0 ? 64 : l->size * 2;
		grown = arena_array(task_arena(t), l->size, sizeof(*grown));
		if (l->n > 0)
			memcpy(grown, l->ids, l->n * sizeof(*grown));
		l->ids = grown;
	}
	l->ids[l->n++] = id;
}

static may_yield must_check struct err *
mailstore_list_shelf(struct task *t, struct mailstore *ms,
    const struct share_fh *root, struct str xx, struct mailstore_ids *l)
{
	struct share *s = mailstore_share(ms);
	struct share_dirent *d;
	struct share_fh fh;
	struct err *e;

	e = share_lookup(t, s, SHARE_LANE_ADMIN, root, xx, &fh, NULL);
	if (e == NULL)
		e = share_readdir(t, s, SHARE_LANE_ADMIN, &fh,
		    MAILSTORE_LIST_MAX, &d, NULL);
	if (err_is(e, ERR_NOENT) || err_is(e, ERR_NOTDIR))
		return NULL;
	if (e != NULL)
		return e;
	for (; d != NULL; d = d->next)
		if (account_id_is_valid(d->name) &&
		    memcmp(d->name.p, xx.p, 2) == 0)
			mailstore_ids_add(t, l, d->name);
	return NULL;
}

struct err *
mailstore_list(struct task *t, struct mailstore *ms, struct str **ids_r,
    unsigned *n_r)
{
	struct share *s = mailstore_share(ms);
	struct mailstore_ids l = { .n = 0 };
	struct share_dirent *d;
	struct share_fh root;
	struct err *e;

	*n_r = 0;
	*ids_r = NULL;
	e = share_lookup(t, s, SHARE_LANE_ADMIN, share_root(s), STR("accounts"),
	    &root, NULL);
	if (e == NULL)
		e = share_readdir(t, s, SHARE_LANE_ADMIN, &root, 10000, &d,
		    NULL);
	if (e != NULL)
		return e;
	for (; d != NULL; d = d->next) {
		if (d->name.n != 2)
			continue;
		e = mailstore_list_shelf(t, ms, &root, d->name, &l);
		if (e != NULL)
			return e;
	}
	if (l.n > 0)
		qsort(l.ids, l.n, sizeof(*l.ids), mailstore_id_cmp);
	*ids_r = l.ids;
	*n_r = l.n;
	return NULL;
}

/* --- ballast --- */

struct err *
mailstore_ballast_ensure(struct task *t, struct mailstore *ms)
{
	struct share *s = mailstore_share(ms);
	struct share_fsstat st;
	struct share_attr attr;
	struct share_stream *stream;
	struct err *e;
	char *zeros;

	e = share_lookup(t, s, SHARE_LANE_ADMIN, share_root(s),
	    STR(MAILSTORE_BALLAST), NULL, &attr);
	if (e == NULL && attr.size >= MAILSTORE_BALLAST_BYTES)
		return NULL;
	if (e != NULL && !err_is(e, ERR_NOENT))
		return e;
	e = share_fsstat(t, s, SHARE_LANE_ADMIN, &st);
	if (e != NULL)
		return e;
	if (st.free_bytes / 10 < MAILSTORE_BALLAST_BYTES)
		return NULL;
	e = share_stream_open(t, s, SHARE_LANE_ADMIN, share_root(s),
	    STR(MAILSTORE_BALLAST), &stream);
	if (e != NULL)
		return e;
	zeros = arena_alloc(task_arena(t), 65536);
	for (unsigned i = 0; e == NULL && i < MAILSTORE_BALLAST_BYTES / 65536;
	     i++) {
		/* not zeros: a compressing file system would keep nothing */
		task_random(t, zeros, 65536);
		e = share_stream_add(t, stream, zeros, 65536);
	}
	if (e != NULL) {
		share_stream_abort(&stream);
		return e;
	}
	return share_stream_close(t, &stream, NULL, NULL);
}

struct err *
mailstore_ballast_release(struct task *t, struct share *s, bool *freed_r)
{
	struct err *e;

	*freed_r = false;
	e = share_remove(t, s, SHARE_LANE_ADMIN, share_root(s),
	    STR(MAILSTORE_BALLAST));
	if (err_is(e, ERR_NOENT))
		return NULL;
	*freed_r = e == NULL;
	return e;
}

bool
mailstore_share_is_full(struct task *t, struct share *s, const struct err *e)
{
	struct share_fsstat st;
	struct err *asked;

	if (err_is(e, ERR_NOSPC) || err_is(e, ERR_DQUOT))
		return true;
	if (!err_is(e, ERR_UNKNOWN))
		return false;
	asked = share_fsstat(t, s, SHARE_LANE_ADMIN, &st);
	return asked == NULL && (st.free_bytes < MAILSTORE_FULL_BYTES ||
				    (st.total_files > 0 && st.free_files == 0));
}
