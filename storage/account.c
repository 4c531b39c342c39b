/* account.c - one mailbox owner: one journal, its folders and messages */
#include "storage/account.h"

#include <stdlib.h>

#include "storage/account_private.h"

bool
account_id_is_valid(struct str id)
{
	if (id.n < 2 || id.n > ACCOUNT_ID_MAX)
		return false;
	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			(c == '-' && i > 1)))
			return false;
	}
	return true;
}

/* --- the object --- */

struct account *
account_new(struct mailstore *ms, struct str id)
{
	struct account *acc = xcalloc(1, sizeof(*acc));

	acc->ms = ms;
	acc->id = xcalloc(id.n + 1, 1);
	memcpy(acc->id, id.p, id.n);
	task_mutex_init(&acc->lock);
	task_mutex_init(&acc->month_lock);
	task_cond_init(&acc->idle);
	account_state_init(&acc->state);
	return acc;
}

void
account_free(struct account *acc)
{
	journal_free(&acc->journal);
	account_state_free(&acc->state);
	account_seg_clear(&acc->rows_seg);
	account_seg_clear(&acc->tomb_seg);
	account_env_unstage(acc);
	envs_free(&acc->envs);
	free(acc->merge.bytes);
	free(acc->id);
	free(acc);
}

void
account_seg_clear(struct account_seg *s)
{
	if (s->there) {
		free((char *)s->seg.kind.p);
		free((char *)s->seg.name.p);
		free((char *)s->seg.arg.p);
	}
	*s = (struct account_seg){ .there = false };
}

static struct str
account_seg_str(struct str s)
{
	return str_of(xmemdup(s.n > 0 ? s.p : "", s.n > 0 ? s.n : 1), s.n);
}

void
account_seg_set(struct account_seg *s, const struct journal_seg *seg)
{
	struct account_seg copy = { .there = true, .seg = *seg };

	copy.seg.kind = account_seg_str(seg->kind);
	copy.seg.name = account_seg_str(seg->name);
	copy.seg.arg = account_seg_str(seg->arg);
	account_seg_clear(s);
	*s = copy;
}

/* --- background --- */

struct account_work {
	struct account *acc;
	void (*fn)(struct task *t, struct account *acc);
};

static may_yield_unchecked void
account_work_run(struct task *t, void *arg)
{
	struct account_work *w = arg;
	struct account *acc = w->acc;

	w->fn(t, acc);
	free(w);
	acc->background--;
	if (acc->background == 0)
		task_cond_broadcast(&acc->idle);
	mailstore_put(acc);
}

void
account_background(struct account *acc, const char *name,
    void (*fn)(struct task *t, struct account *acc))
{
	struct account_work *w = xcalloc(1, sizeof(*w));

	w->acc = acc;
	w->fn = fn;
	acc->refs++;
	acc->background++;
	task_start(mailstore_sched(acc->ms), name, account_work_run, w);
}

void
account_settle(struct task *t, struct account *acc)
{
	/* a checkpoint of the journal's starts work of ours when published */
	do {
		while (acc->background > 0)
			task_cond_wait(t, &acc->idle, UINT64_MAX);
		if (acc->journal != NULL)
			journal_settle(t, acc->journal);
	} while (acc->background > 0);
}

/* --- directories --- */

static struct err *
account_notfound(struct arena *a, const struct account *acc)
{
	return err_new(a, ERR_NOTFOUND, "there is no such account", "id %s",
	    acc->id);
}

static may_yield must_check struct err *
account_walk(struct task *t, struct account *acc, bool fresh)
{
	struct str id = account_id(acc);
	struct share_fh shelf, dir;
	struct err *e;

	e = mailstore_shelf(t, acc->ms, id, fresh, &shelf);
	if (e == NULL)
		e = mailstore_lookup(t, acc->ms, SHARE_LANE_COMMIT, &shelf, id,
		    &dir, NULL);
	if (e != NULL)
		return e;
	acc->dir = dir;
	return NULL;
}

struct err *
account_locate(struct task *t, struct account *acc)
{
	struct err *e = NULL;

	if (acc->located)
		return NULL;
	task_lock(t, &acc->lock);
	if (!acc->located) {
		e = account_walk(t, acc, false);
		if (err_is(e, ERR_STALE))
			e = account_walk(t, acc, true);
		if (e == NULL) {
			acc->journal =
			    journal_new(mailstore_journal_env(acc->ms),
				&acc->dir, acc->id, &account_client, acc);
			acc->located = true;
		} else if (err_is(e, ERR_NOENT) || err_is(e, ERR_NOTDIR))
			e = account_notfound(task_arena(t), acc);
	}
	task_unlock(t, &acc->lock);
	return e;
}

/* Its directory was replaced (a restored backup): walk again. */
struct err *
account_relocate(struct task *t, struct account *acc)
{
	struct err *e;

	task_lock(t, &acc->lock);
	e = account_walk(t, acc, true);
	if (e == NULL) {
		account_month_forget(acc);
		journal_set_dir(acc->journal, &acc->dir);
	} else if (err_is(e, ERR_NOENT) || err_is(e, ERR_NOTDIR))
		e = account_notfound(task_arena(t), acc);
	task_unlock(t, &acc->lock);
	return e;
}

static may_yield must_check struct err *
account_msg_dir(struct task *t, struct account *acc)
{
	struct share_fh fh;
	struct err *e;

	if (acc->have_msg)
		return NULL;
	e = mailstore_lookup(t, acc->ms, SHARE_LANE_BULK, &acc->dir, STR("msg"),
	    &fh, NULL);
	if (e != NULL)
		return e;
	acc->msg = fh;
	acc->have_msg = true;
	return NULL;
}

static const struct account_month *
account_month_known(const struct account *acc, uint16_t month)
{
	for (unsigned i = 0; i < acc->month_n; i++)
		if (acc->months[i].month == month)
			return &acc->months[i];
	return NULL;
}

static may_yield must_check struct err *
account_month_look(struct task *t, struct account *acc, uint16_t month,
    bool create, struct share_fh *fh_r)
{
	struct share *s = mailstore_share(acc->ms);
	char name[7];
	struct err *e;

	e = account_msg_dir(t, acc);
	if (e != NULL)
		return e;
	message_month_format(month, name);
	e = mailstore_lookup(t, acc->ms, SHARE_LANE_BULK, &acc->msg,
	    str_c(name), fh_r, NULL);
	if (!create || !err_is(e, ERR_NOENT))
		return e;
	e = share_mkdir(t, s, SHARE_LANE_BULK, &acc->msg, str_c(name), fh_r);
	if (e == NULL)
		return NULL;
	/* EXIST, or an unknown outcome: what is there now? */
	if (!err_is(e, ERR_EXIST) && !share_err_is_unknown(e))
		return e;
	return mailstore_lookup(t, acc->ms, SHARE_LANE_BULK, &acc->msg,
	    str_c(name), fh_r, NULL);
}

void
account_month_forget(struct account *acc)
{
	acc->have_msg = false;
	acc->month_n = acc->month_next = 0;
}

struct err *
account_month_dir(struct task *t, struct account *acc, uint16_t month,
    bool create, struct share_fh *fh_r)
{
	const struct account_month *known = account_month_known(acc, month);
	struct account_month *slot;
	struct err *e = NULL;

	if (known != NULL) {
		*fh_r = known->fh;
		return NULL;
	}
	/* held while looking, so that a look-up begun ahead of time is waited
	 * for and not repeated */
	task_lock(t, &acc->month_lock);
	known = account_month_known(acc, month);
	if (known != NULL)
		*fh_r = known->fh;
	else
		e = account_month_look(t, acc, month, create, fh_r);
	if (known == NULL && e == NULL) {
		slot = &acc->months[acc->month_next];
		*slot = (struct account_month){ month, *fh_r };
		acc->month_next = (acc->month_next + 1) % ACCOUNT_MONTH_HANDLES;
		if (acc->month_n < ACCOUNT_MONTH_HANDLES)
			acc->month_n++;
	}
	task_unlock(t, &acc->month_lock);
	return e;
}

/* --- opening --- */

/* The journal's answer, as that of an account. */
static struct err *
account_opened(struct task *t, struct account *acc, struct err *e)
{
	if (err_is(e, ERR_NOENT) || err_is(e, ERR_CLOSED))
		return account_notfound(task_arena(t), acc);
	if (e == NULL && journal_head(acc->journal) == 0)
		return account_notfound(task_arena(t), acc);
	return e;
}

struct err *
account_refresh(struct task *t, struct account *acc)
{
	struct err *e = account_locate(t, acc);

	if (e != NULL)
		return e;
	e = journal_refresh(t, acc->journal);
	if (err_is(e, ERR_STALE)) {
		e = account_relocate(t, acc);
		if (e == NULL)
			e = journal_refresh(t, acc->journal);
	}
	e = account_opened(t, acc, e);
	if (e == NULL && acc->state.state == 'p')
		e = account_notfound(task_arena(t), acc);
	return e;
}

static may_yield must_check struct err *
account_open_checked(struct task *t, struct account *acc,
    struct account **acc_r, struct err *e)
{
	(void)t;
	if (e != NULL) {
		mailstore_put(acc);
		return e;
	}
	*acc_r = acc;
	return NULL;
}

static struct err *
account_id_check(struct arena *a, struct str id)
{
	if (account_id_is_valid(id))
		return NULL;
	return err_new(a, ERR_INVALID, "this is not an account's id", NULL);
}

struct err *
account_open(struct task *t, struct mailstore *ms, struct str id,
    struct account **acc_r)
{
	struct err *e = account_id_check(task_arena(t), id);
	struct account *acc;

	*acc_r = NULL;
	if (e != NULL)
		return e;
	acc = mailstore_get(ms, id);
	return account_open_checked(t, acc, acc_r, account_refresh(t, acc));
}

/* Runs beside the look-ups of the journal: a delivery will need it. */
static may_yield void
account_month_ahead(struct task *t, struct account *acc)
{
	struct share_fh fh;

	/* whoever needs it gets the error himself */
	err_ignore(account_month_dir(t, acc, message_month_of(task_wall_s(t)),
	    true, &fh));
}

static may_yield must_check struct err *
account_peek(struct task *t, struct account *acc)
{
	struct journal_entry head = { .seq = 0 };
	struct err *e = account_locate(t, acc);

	if (e != NULL)
		return e;
	if (!journal_is_loaded(acc->journal) && acc->month_n == 0)
		account_background(acc, "account-ahead", account_month_ahead);
	e = account_opened(t, acc, journal_peek(t, acc->journal, &head));
	if (e != NULL || account_is_loaded(acc))
		return e;
	/* an entry whose totals we cannot read: the whole account must be */
	if (!account_totals_parse(head.totals, &acc->totals))
		return account_refresh(t, acc);
	acc->have_totals = true;
	if (acc->totals.state == 'p')
		return account_notfound(task_arena(t), acc);
	return NULL;
}

struct err *
account_open_blind(struct task *t, struct mailstore *ms, struct str id,
    struct account **acc_r)
{
	struct err *e = account_id_check(task_arena(t), id);
	struct account *acc;

	*acc_r = NULL;
	if (e != NULL)
		return e;
	acc = mailstore_get(ms, id);
	return account_open_checked(t, acc, acc_r, account_peek(t, acc));
}

struct account *
account_ref(struct account *acc)
{
	acc->refs++;
	return acc;
}

void
account_close(struct account **accp)
{
	struct account *acc = *accp;

	*accp = NULL;
	if (acc != NULL)
		mailstore_put(acc);
}

struct err *
account_loaded(struct task *t, struct account *acc)
{
	return acc->journal != NULL && journal_is_loaded(acc->journal)
		   ? NULL
		   : account_refresh(t, acc);
}

struct err *
account_writable(struct arena *a, const struct account *acc)
{
	if (!account_is_closed(acc))
		return NULL;
	return err_new(a, ERR_CLOSED, "this account is closed", NULL);
}

/* --- creating --- */

static const struct account_default {
	uint32_t id;
	const char *name;
	enum folder_use use;
} account_defaults[] = {
	{ ACCOUNT_INBOX, "INBOX", FOLDER_USE_NONE },
	{ 2, "Drafts", FOLDER_USE_DRAFTS },
	{ 3, "Sent", FOLDER_USE_SENT },
	{ 4, "Junk", FOLDER_USE_JUNK },
	{ 5, "Trash", FOLDER_USE_TRASH },
	{ 6, "Archive", FOLDER_USE_ARCHIVE },
};

void
account_default_folders(struct task *t, const struct account_state *s,
    struct buf *ops)
{
	unsigned made = 0;

	for (unsigned i = 0; i < countof(account_defaults); i++) {
		const struct account_default *d = &account_defaults[i];
		struct account_op op = {
			.letter = 'c',
			.folder = d->id,
			.uidvalidity =
			    account_state_uidvalidity(s, task_wall_s(t), made),
			.use = (char)d->use,
			.subscribed = true,
			.text = str_c(d->name),
		};

		if (account_state_folder(s, d->id) != NULL ||
		    account_state_named(s, op.text) != NULL)
			continue;
		account_op_write(ops, &op);
		made++;
	}
}

static struct err *
account_create_compose(struct task *t, struct account_tx *x, struct buf *ops)
{
	if (x->acc->state.folder_count > 0) {
		x->nothing = true;
		return NULL;
	}
	account_default_folders(t, &x->acc->state, ops);
	return NULL;
}

static may_yield must_check struct err *
account_create_dirs(struct task *t, struct account *acc)
{
	struct share *s = mailstore_share(acc->ms);
	struct share_fh dir;
	struct err *e;
	char *path;

	path = arena_printf(task_arena(t), "accounts/%.2s/%s/msg", acc->id,
	    acc->id);
	e = share_mkdir_path(t, s, SHARE_LANE_COMMIT, str_c(path), &dir);
	if (e != NULL)
		return e;
	e = account_locate(t, acc);
	if (e != NULL)
		return e;
	return journal_mkdirs(t, mailstore_store(acc->ms), &acc->dir);
}

static may_yield must_check struct err *
account_create_entry(struct task *t, struct account *acc, bool *made_r)
{
	struct account_tx x;
	struct err *e;

	account_tx_init(t, acc, &x);
	x.compose = account_create_compose;
	x.when_closed = true;
	e = account_commit(t, &x);
	*made_r = e == NULL && !x.nothing;
	return e;
}

struct err *
account_create(struct task *t, struct mailstore *ms, struct str id,
    bool *made_r, struct account **acc_r)
{
	struct err *e = account_id_check(task_arena(t), id);
	struct account *acc;

	*made_r = false;
	*acc_r = NULL;
	if (e != NULL)
		return e;
	acc = mailstore_get(ms, id);
	e = account_refresh(t, acc);
	if (err_is(e, ERR_NOTFOUND) && !account_is_purged(acc)) {
		e = account_create_dirs(t, acc);
		if (e == NULL)
			e = journal_refresh(t, acc->journal);
		if (e == NULL)
			e = account_create_entry(t, acc, made_r);
	}
	return account_open_checked(t, acc, acc_r, e);
}

/* --- looking --- */

struct str
account_id(const struct account *acc)
{
	return str_c(acc->id);
}

struct mailstore *
account_mailstore(const struct account *acc)
{
	return acc->ms;
}

/* Once loaded, the state is there to look at, also while the journal reloads:
 * every account has an INBOX. */
bool
account_is_loaded(const struct account *acc)
{
	return acc->state.folder_count > 0;
}

static char
account_letter(const struct account *acc)
{
	if (account_is_loaded(acc))
		return acc->state.state;
	return acc->have_totals ? acc->totals.state : 'o';
}

bool
account_is_closed(const struct account *acc)
{
	return account_letter(acc) != 'o';
}

bool
account_is_purged(const struct account *acc)
{
	return account_letter(acc) == 'p';
}

uint64_t
account_head(const struct account *acc)
{
	return acc->journal == NULL ? 0 : journal_head(acc->journal);
}

uint64_t
account_forgotten(const struct account *acc)
{
	return acc->state.forgotten;
}

uint64_t
account_bytes(const struct account *acc)
{
	return account_is_loaded(acc) ? acc->state.bytes : acc->totals.bytes;
}

uint64_t
account_messages(const struct account *acc)
{
	return account_is_loaded(acc) ? acc->state.messages
				      : acc->totals.messages;
}

void
account_watch_add(struct account *acc, struct account_watch *w)
{
	w->next = acc->watches;
	w->prev = &acc->watches;
	if (w->next != NULL)
		w->next->prev = &w->next;
	acc->watches = w;
}

void
account_watch_remove(struct account_watch *w)
{
	if (w->prev == NULL)
		return;
	*w->prev = w->next;
	if (w->next != NULL)
		w->next->prev = w->prev;
	w->prev = NULL;
	w->next = NULL;
}

bool
account_hint(struct account *acc, uint64_t head)
{
	return head > account_head(acc);
}
