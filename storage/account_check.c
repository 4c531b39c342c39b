/* account_check.c - is everything there, and does it add up? */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "storage/account_private.h"

#define CHECK_WINDOW 32
#define CHECK_READ (256 * 1024)

struct checking {
	struct account *acc;
	struct account_check *c;
	struct account_problem **last;
};

static void check_say(struct task *t, struct checking *ck, bool fatal,
    const char *fmt, ...) printf_like(4, 5);

static void
check_say(struct task *t, struct checking *ck, bool fatal, const char *fmt, ...)
{
	struct account_problem *p =
	    arena_new_obj(task_arena(t), struct account_problem);
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	p->text = arena_strdup(task_arena(t), text);
	p->fatal = fatal;
	*ck->last = p;
	ck->last = &p->next;
	if (fatal)
		ck->c->fatal_r++;
	else
		ck->c->untidy_r++;
}

/* --- the journal --- */

static may_yield must_check struct err *
check_journal(struct task *t, struct checking *ck)
{
	struct journal_problem *first = NULL;
	struct err *e;

	e = journal_check(t, ck->acc->journal, &first);
	for (; first != NULL; first = first->next)
		check_say(t, ck, first->fatal, "journal: %s", first->text);
	return e;
}

/* --- what adds up --- */

static void
check_folder(struct task *t, struct checking *ck, const struct folder_state *f,
    uint64_t keywords)
{
	uint32_t last = 0, unseen = 0, deleted = 0;
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < f->rows.n; i++) {
		const struct message *m = &f->rows.r[i];

		if (m->uid <= last || m->uid >= f->pub.uidnext)
			check_say(t, ck, true,
			    STR_FMT ": UID %u is out of order",
			    STR_ARG(f->pub.name), m->uid);
		if (m->modseq > f->pub.highestmodseq)
			check_say(t, ck, true,
			    STR_FMT ": UID %u has a MODSEQ above HIGHESTMODSEQ",
			    STR_ARG(f->pub.name), m->uid);
		if ((m->keywords & ~keywords) != 0)
			check_say(t, ck, true,
			    STR_FMT ": UID %u has a keyword without a name",
			    STR_ARG(f->pub.name), m->uid);
		last = m->uid;
		bytes += m->bytes;
		unseen += (m->flags & MESSAGE_SEEN) == 0;
		deleted += (m->flags & MESSAGE_DELETED) != 0;
	}
	if (bytes != f->pub.bytes || unseen != f->pub.unseen ||
	    deleted != f->pub.deleted || f->rows.n != f->pub.messages)
		check_say(t, ck, true, STR_FMT ": counts do not add up",
		    STR_ARG(f->pub.name));
	ck->c->messages_r += f->rows.n;
	ck->c->bytes_r += bytes;
}

static int
check_name_cmp(const void *x, const void *y)
{
	const struct message_name *a = x, *b = y;
	int c = memcmp(a->txid.b, b->txid.b, sizeof(a->txid.b));

	if (c != 0)
		return c;
	return a->ordinal != b->ordinal ? (int)a->ordinal - (int)b->ordinal
					: (int)a->month - (int)b->month;
}

static void
check_sums(struct task *t, struct checking *ck)
{
	const struct account_state *s = &ck->acc->state;
	uint64_t keywords = 0;

	for (unsigned i = 0; i < MESSAGE_KEYWORDS; i++)
		if (s->keywords[i] != NULL)
			keywords |= 1ULL << i;
	if (account_state_folder(s, ACCOUNT_INBOX) == NULL)
		check_say(t, ck, true, "there is no INBOX");
	for (unsigned i = 0; i < s->folder_count; i++)
		check_folder(t, ck, s->by_name[i], keywords);
	if (ck->c->messages_r != s->messages || ck->c->bytes_r != s->bytes)
		check_say(t, ck, true, "usage does not add up");
	for (unsigned i = 0; i < s->tomb_count; i++)
		if (s->tombs[i].modseq <= s->forgotten ||
		    (i > 0 && s->tombs[i].modseq < s->tombs[i - 1].modseq))
			check_say(t, ck, true, "tombstones are out of order");
}

/* --- files --- */

/* All names that must have a file, sorted, with what is known of each. */
struct check_file {
	struct message_name name;
	uint64_t bytes;
	uint32_t folder, uid; /* 0: a tombstone */
	bool said;	      /* found damaged: once is enough */
};

struct check_files {
	struct check_file *v;
	unsigned n;
};

static void
check_files_collect(struct checking *ck, struct check_files *cf)
{
	const struct account_state *s = &ck->acc->state;

	cf->v = xcalloc(s->messages + s->tomb_count + 1, sizeof(*cf->v));
	for (unsigned i = 0; i < s->folder_count; i++)
		for (uint32_t j = 0; j < s->by_id[i]->rows.n; j++) {
			const struct message *m = &s->by_id[i]->rows.r[j];

			cf->v[cf->n++] = (struct check_file){
				.name = m->name,
				.bytes = m->bytes,
				.folder = s->by_id[i]->pub.id,
				.uid = m->uid,
			};
		}
	for (unsigned i = 0; i < s->tomb_count; i++)
		if (s->tombs[i].name.month != 0)
			cf->v[cf->n++] = (struct check_file){
				.name = s->tombs[i].name,
				.bytes = s->tombs[i].bytes,
			};
	qsort(cf->v, cf->n, sizeof(*cf->v), check_name_cmp);
}

static void
check_files_double(struct task *t, struct checking *ck,
    const struct check_files *cf)
{
	char text[MESSAGE_NAME_MAX + 1];

	for (unsigned i = 1; i < cf->n; i++) {
		if (!message_name_eq(&cf->v[i].name, &cf->v[i - 1].name))
			continue;
		message_name_format(&cf->v[i].name, text);
		check_say(t, ck, true, "two messages share the file %s", text);
	}
}

/* Whether it is still wanted: the account moves on while we look. */
static may_yield must_check struct err *
check_file_wanted(struct task *t, struct checking *ck,
    const struct check_file *f, bool *wanted_r)
{
	struct err *e = account_refresh(t, ck->acc);

	*wanted_r =
	    f->folder != 0
		? account_state_row_named(&ck->acc->state, &f->name, NULL) !=
		      NULL
		: account_state_tomb_named(&ck->acc->state, &f->name) != NULL;
	return e;
}

static may_yield must_check struct err *
check_file_missing(struct task *t, struct checking *ck, struct check_file *f,
    const char *what)
{
	char text[MESSAGE_NAME_MAX + 1], month[7];
	bool wanted;
	struct err *e = check_file_wanted(t, ck, f, &wanted);

	f->said = true;
	if (e != NULL || !wanted)
		return e;
	message_name_format(&f->name, text);
	message_month_format(f->name.month, month);
	if (f->folder == 0)
		check_say(t, ck, false,
		    "a removed message cannot be undeleted: msg/%s/%s %s",
		    month, text, what);
	else
		check_say(t, ck, true,
		    "UID %u of folder %u is damaged: msg/%s/%s %s", f->uid,
		    f->folder, month, text, what);
	return NULL;
}

static may_yield must_check struct err *
check_file_deep(struct task *t, struct checking *ck, struct check_file *f)
{
	struct message_file mf = { .bytes = f->bytes, .name = f->name };
	uint64_t at = 0;
	uint32_t got;
	char *chunk;
	struct err *e;

	e = message_lookup(t, ck->acc, &f->name, &mf.fh, NULL);
	chunk = xcalloc(1, CHECK_READ);
	while (e == NULL && at < mf.bytes) {
		e = message_file_read(t, ck->acc, &mf, at, chunk, CHECK_READ,
		    &got);
		at += got;
		if (e == NULL && got == 0)
			break;
	}
	free(chunk);
	if (err_is(e, ERR_NOENT))
		return NULL; /* said already */
	if (e == NULL && at != mf.bytes)
		return check_file_missing(t, ck, f, "cannot be read");
	return e;
}

struct check_call {
	struct share_op op;
	char name[MESSAGE_NAME_MAX + 1];
};

static may_yield must_check struct err *
check_window(struct task *t, struct checking *ck, struct check_file *v,
    unsigned n, struct check_call *calls)
{
	struct share *s = mailstore_share(ck->acc->ms);
	struct share_fh dir;
	struct err *e = NULL, *one;
	bool started[CHECK_WINDOW] = { false };

	for (unsigned i = 0; i < n && e == NULL; i++) {
		e = account_month_dir(t, ck->acc, v[i].name.month, false, &dir);
		if (err_is(e, ERR_NOENT)) {
			e = check_file_missing(t, ck, &v[i], "is missing");
			continue;
		}
		message_name_format(&v[i].name, calls[i].name);
		calls[i].op = (struct share_op){ .proc = SHARE_LOOKUP,
			.lane = SHARE_LANE_ADMIN,
			.fh = dir,
			.name = str_c(calls[i].name),
			.arena = task_arena(t) };
		started[i] = e == NULL;
		if (started[i])
			share_start(t, s, &calls[i].op);
	}
	for (unsigned i = 0; i < n; i++) {
		if (!started[i])
			continue;
		one = share_finish(t, &calls[i].op);
		if (e != NULL)
			continue; /* all that was started must be finished */
		if (one == NULL && !calls[i].op.attr_ok)
			one = share_getattr(t, s, SHARE_LANE_ADMIN,
			    &calls[i].op.fh_r, &calls[i].op.attr_r);
		if (err_is(one, ERR_NOENT))
			e = check_file_missing(t, ck, &v[i], "is missing");
		else if (one != NULL)
			e = one;
		else if (calls[i].op.attr_r.type != SHARE_REG)
			e = check_file_missing(t, ck, &v[i],
			    "is not a plain file");
		else if (calls[i].op.attr_r.size != v[i].bytes)
			e = check_file_missing(t, ck, &v[i],
			    "has another size");
	}
	return e;
}

/* What calls leave in the task's arena goes after each window, unless
 * something was said: that stays. */
struct check_mark {
	struct arena_mark mark;
	unsigned said;
};

static struct check_mark
check_mark(struct task *t, const struct checking *ck)
{
	return (struct check_mark){ arena_mark(task_arena(t)),
		ck->c->fatal_r + ck->c->untidy_r };
}

static void
check_rewind(struct task *t, const struct checking *ck,
    const struct check_mark *m)
{
	if (m->said == ck->c->fatal_r + ck->c->untidy_r)
		arena_rewind(task_arena(t), m->mark);
}

static may_yield must_check struct err *
check_files_there(struct task *t, struct checking *ck,
    const struct check_files *cf)
{
	struct check_call *calls = xcalloc(CHECK_WINDOW, sizeof(*calls));
	struct check_mark mark;
	struct err *e = NULL;

	for (unsigned i = 0; e == NULL && i < cf->n; i += CHECK_WINDOW) {
		unsigned n =
		    cf->n - i < CHECK_WINDOW ? cf->n - i : CHECK_WINDOW;

		mark = check_mark(t, ck);
		e = check_window(t, ck, cf->v + i, n, calls);
		if (e == NULL)
			check_rewind(t, ck, &mark);
	}
	free(calls);
	for (unsigned i = 0; ck->c->deep && e == NULL && i < cf->n; i++)
		if (cf->v[i].folder != 0 && !cf->v[i].said) {
			mark = check_mark(t, ck);
			e = check_file_deep(t, ck, &cf->v[i]);
			if (e == NULL)
				check_rewind(t, ck, &mark);
		}
	return e;
}

static may_yield must_check struct err *
check_month(struct task *t, struct checking *ck, const struct check_files *cf,
    struct str month)
{
	struct share *s = mailstore_share(ck->acc->ms);
	struct check_file key = { .uid = 0 };
	struct share_dirent *d;
	struct share_fh dir;
	struct err *e;

	if (!message_month_parse(month, &key.name.month)) {
		check_say(t, ck, false, "msg/" STR_FMT " does not belong here",
		    STR_ARG(month));
		return NULL;
	}
	e = account_month_dir(t, ck->acc, key.name.month, false, &dir);
	if (e == NULL)
		e = share_readdir(t, s, SHARE_LANE_ADMIN, &dir, ACCOUNT_DIR_MAX,
		    &d, NULL);
	if (err_is(e, ERR_NOENT))
		return NULL;
	for (; e == NULL && d != NULL; d = d->next) {
		uint16_t m = key.name.month;

		if (!message_name_parse(d->name, &key.name)) {
			check_say(t, ck, false,
			    "msg/" STR_FMT "/" STR_FMT " does not belong here",
			    STR_ARG(month), STR_ARG(d->name));
			key.name.month = m;
			continue;
		}
		key.name.month = m;
		if (bsearch(&key, cf->v, cf->n, sizeof(*cf->v),
			check_name_cmp) == NULL &&
		    !account_state_knows(&ck->acc->state, &key.name))
			ck->c->orphans_r++;
	}
	return e;
}

static may_yield must_check struct err *
check_orphans(struct task *t, struct checking *ck, const struct check_files *cf)
{
	struct share *s = mailstore_share(ck->acc->ms);
	struct share_dirent *d;
	struct share_fh msg;
	struct err *e;

	e = share_lookup(t, s, SHARE_LANE_ADMIN, &ck->acc->dir, STR("msg"),
	    &msg, NULL);
	if (e == NULL)
		e = share_readdir(t, s, SHARE_LANE_ADMIN, &msg, ACCOUNT_DIR_MAX,
		    &d, NULL);
	for (; e == NULL && d != NULL; d = d->next)
		e = check_month(t, ck, cf, d->name);
	if (e == NULL && ck->c->orphans_r > 0)
		check_say(t, ck, false, "%llu files belong to no message (yet)",
		    (unsigned long long)ck->c->orphans_r);
	return e;
}

/* --- env --- */

static may_yield must_check struct err *
check_env(struct task *t, struct checking *ck)
{
	struct account *acc = ck->acc;
	unsigned n = acc->envs.n;
	struct journal_seg *segs;
	struct str *data;
	struct arena *a;
	struct err *e;

	if (n == 0)
		return NULL;
	a = arena_new(2UL << 30);
	segs = arena_array(a, n, sizeof(*segs));
	data = arena_array(a, n, sizeof(*data));
	for (unsigned i = 0; i < n; i++) {
		segs[i] = acc->envs.segs[i].seg;
		segs[i].kind = arena_str(a, segs[i].kind);
		segs[i].name = arena_str(a, segs[i].name);
		segs[i].arg = arena_str(a, segs[i].arg);
	}
	e = journal_seg_read(t, acc->journal, segs, n, a, data);
	if (err_is(e, ERR_CORRUPT) || err_is(e, ERR_NOENT)) {
		/* only a cache: slow, not wrong */
		check_say(t, ck, false, "envelope data is damaged: %s",
		    e->text);
		e = NULL;
	}
	arena_free(&a);
	return e;
}

static may_yield must_check struct err *
account_check_once(struct task *t, struct account *acc, struct account_check *c)
{
	struct checking ck = { .acc = acc, .c = c, .last = &c->first_r };
	struct check_files cf = { .n = 0 };
	struct err *e, *ro;

	c->first_r = NULL;
	c->fatal_r = c->untidy_r = 0;
	c->messages_r = c->bytes_r = c->orphans_r = 0;
	e = account_refresh(t, acc);
	if (e != NULL)
		return e;
	ro = journal_readonly(t, acc->journal);
	if (ro != NULL)
		check_say(t, &ck, true, "read-only: %s", ro->text);
	e = check_journal(t, &ck);
	if (e != NULL)
		return e;
	check_sums(t, &ck);
	check_files_collect(&ck, &cf);
	check_files_double(t, &ck, &cf);
	e = check_files_there(t, &ck, &cf);
	if (e == NULL)
		e = check_orphans(t, &ck, &cf);
	if (e == NULL && c->deep)
		e = check_env(t, &ck);
	free(cf.v);
	return e;
}

struct err *
account_check(struct task *t, struct account *acc, struct account_check *c)
{
	struct err *e = account_check_once(t, acc, c);

	if (!err_is(e, ERR_STALE))
		return e;
	/* a directory was replaced under our handles */
	e = account_relocate(t, acc);
	return e != NULL ? e : account_check_once(t, acc, c);
}
