/* folder_change.c - CREATE, DELETE, RENAME, SUBSCRIBE: one entry each */
#include <stdlib.h>

#include "storage/account_private.h"

/* The entries of one compose, over the state they will meet. */
struct folder_ops {
	struct task *t;
	struct account *acc;
	struct buf *ops;
	unsigned made; /* folders created by this entry */
};

static uint32_t
folder_draw_id(struct task *t, const struct account_state *s)
{
	unsigned char b[4];
	uint32_t id;

	do {
		task_random(t, b, sizeof(b));
		id = le32_get(b);
	} while (
	    id < ACCOUNT_FOLDER_RANDOM || account_state_folder(s, id) != NULL);
	return id;
}

static struct err *
folder_op_create(struct folder_ops *fo, struct str name, enum folder_use use,
    uint32_t *id_r)
{
	const struct account_state *s = &fo->acc->state;
	struct account_op op = {
		.letter = 'c',
		.folder = folder_draw_id(fo->t, s),
		.uidvalidity =
		    account_state_uidvalidity(s, task_wall_s(fo->t), fo->made),
		.use = (char)use,
		.text = name,
	};

	if (s->folder_count + fo->made >= FOLDERS_MAX)
		return err_new(task_arena(fo->t), ERR_LIMIT,
		    "the account has too many mailboxes", NULL);
	if (op.uidvalidity == UINT32_MAX)
		return err_new(task_arena(fo->t), ERR_LIMIT,
		    "the account has used up its UIDVALIDITYs", NULL);
	account_op_write(fo->ops, &op);
	fo->made++;
	*id_r = op.folder;
	return NULL;
}

/* RFC 9051, 6.3.4: "any superior hierarchical names that are needed" */
static struct err *
folder_op_superiors(struct folder_ops *fo, struct str name)
{
	uint32_t id;
	struct err *e;

	for (size_t i = 0; i < name.n; i++) {
		struct str above = str_sub(name, 0, i);

		if (name.p[i] != '/' ||
		    account_state_named(&fo->acc->state, above) != NULL)
			continue;
		e = folder_op_create(fo, above, FOLDER_USE_NONE, &id);
		if (e != NULL)
			return e;
	}
	return NULL;
}

static struct err *
folder_exists(struct arena *a)
{
	return err_new(a, ERR_DUPLICATE, "there is such a mailbox already",
	    NULL);
}

static struct err *
folder_missing(struct arena *a)
{
	return err_new(a, ERR_NOTFOUND, "there is no such mailbox", NULL);
}

/* --- create --- */

struct folder_creating {
	struct str name;
	enum folder_use use;
	uint32_t id;
};

static struct err *
folder_create_compose(struct task *t, struct account_tx *x, struct buf *ops)
{
	struct folder_creating *c = x->arg;
	struct folder_ops fo = { .t = t, .acc = x->acc, .ops = ops };
	struct err *e;

	if (account_state_named(&x->acc->state, c->name) != NULL)
		return folder_exists(task_arena(t));
	if (c->use != FOLDER_USE_NONE && folder_by_use(x->acc, c->use) != NULL)
		return err_newf(task_arena(t), ERR_DUPLICATE,
		    "there is a mailbox for %s already",
		    folder_use_name(c->use));
	e = folder_op_superiors(&fo, c->name);
	if (e == NULL)
		e = folder_op_create(&fo, c->name, c->use, &c->id);
	return e;
}

struct err *
folder_create(struct task *t, struct account *acc, struct str name,
    enum folder_use use, uint32_t *id_r)
{
	struct folder_creating c = { .use = use };
	struct account_tx x;
	struct err *e;

	e = folder_name_check(task_arena(t), name, &c.name);
	if (e != NULL)
		return e;
	account_tx_init(t, acc, &x);
	x.compose = folder_create_compose;
	x.arg = &c;
	e = account_commit(t, &x);
	if (e == NULL && id_r != NULL)
		*id_r = c.id;
	return e;
}

/* --- delete --- */

static struct err *
folder_delete_compose(struct task *t, struct account_tx *x, struct buf *ops)
{
	const struct str *name = x->arg;
	const struct folder_state *f =
	    account_state_named(&x->acc->state, *name);
	struct account_op op = { .letter = 'd' };

	if (f == NULL)
		return folder_missing(task_arena(t));
	if (f->pub.id == ACCOUNT_INBOX)
		return err_new(task_arena(t), ERR_INVALID,
		    "INBOX cannot be deleted", NULL);
	op.folder = f->pub.id;
	account_op_write(ops, &op);
	return NULL;
}

struct err *
folder_delete(struct task *t, struct account *acc, struct str name)
{
	struct account_tx x;
	struct str canon;
	struct err *e;

	e = folder_name_check(task_arena(t), name, &canon);
	if (e != NULL)
		return e;
	account_tx_init(t, acc, &x);
	x.compose = folder_delete_compose;
	x.arg = &canon;
	x.removes = true;
	return account_commit(t, &x);
}

/* --- rename --- */

struct folder_renaming {
	struct str from, to;
};

static struct err *
folder_rename_inbox(struct folder_ops *fo, const struct folder_renaming *r)
{
	const struct folder_state *inbox =
	    account_state_folder(&fo->acc->state, ACCOUNT_INBOX);
	struct account_op op = { .letter = 'm', .folder = ACCOUNT_INBOX };
	struct err *e;

	e = folder_op_superiors(fo, r->to);
	if (e == NULL)
		e = folder_op_create(fo, r->to, FOLDER_USE_NONE, &op.folder2);
	if (e != NULL || inbox == NULL || inbox->rows.n == 0)
		return e;
	uidset_init(&op.uids, task_arena(fo->t));
	for (uint32_t i = 0; i < inbox->rows.n; i++)
		uidset_add(&op.uids, inbox->rows.r[i].uid);
	account_op_write(fo->ops, &op);
	return NULL;
}

static struct err *
folder_rename_one(struct folder_ops *fo, const struct folder_renaming *r,
    const struct folder_state *f)
{
	struct buf name;
	struct str canon;
	struct account_op op = { .letter = 'r', .folder = f->pub.id };
	struct err *e;

	buf_init(&name, task_arena(fo->t), 2 * FOLDER_NAME_MAX);
	buf_str_add(&name, r->to);
	buf_str_add(&name, str_sub(f->pub.name, r->from.n, f->pub.name.n));
	e = folder_name_check(task_arena(fo->t), buf_str(&name), &canon);
	if (e != NULL)
		return e;
	if (account_state_named(&fo->acc->state, canon) != NULL)
		return folder_exists(task_arena(fo->t));
	op.text = canon;
	account_op_write(fo->ops, &op);
	return NULL;
}

static struct err *
folder_rename_compose(struct task *t, struct account_tx *x, struct buf *ops)
{
	const struct folder_renaming *r = x->arg;
	const struct account_state *s = &x->acc->state;
	struct folder_ops fo = { .t = t, .acc = x->acc, .ops = ops };
	struct err *e;

	if (account_state_named(s, r->from) == NULL &&
	    !folder_has_children(x->acc, r->from))
		return folder_missing(task_arena(t));
	if (account_state_named(s, r->to) != NULL)
		return folder_exists(task_arena(t));
	if (str_eq_c(r->from, "INBOX"))
		return folder_rename_inbox(&fo, r);
	e = folder_op_superiors(&fo, r->to);
	for (unsigned i = 0; e == NULL && i < s->folder_count; i++) {
		struct str name = s->by_name[i]->pub.name;

		if (str_eq(name, r->from) || folder_is_below(name, r->from))
			e = folder_rename_one(&fo, r, s->by_name[i]);
	}
	return e;
}

struct err *
folder_rename(struct task *t, struct account *acc, struct str from,
    struct str to)
{
	struct folder_renaming r;
	struct account_tx x;
	struct err *e;

	e = folder_name_check(task_arena(t), from, &r.from);
	if (e == NULL)
		e = folder_name_check(task_arena(t), to, &r.to);
	if (e == NULL && folder_is_below(r.to, r.from) &&
	    !str_eq_c(r.from, "INBOX"))
		e = err_new(task_arena(t), ERR_INVALID,
		    "a mailbox cannot be moved into itself", NULL);
	if (e != NULL)
		return e;
	account_tx_init(t, acc, &x);
	x.compose = folder_rename_compose;
	x.arg = &r;
	return account_commit(t, &x);
}

/* --- subscribe --- */

struct folder_subscribing {
	struct str name;
	bool on;
};

static struct err *
folder_subscribe_compose(struct task *t, struct account_tx *x, struct buf *ops)
{
	const struct folder_subscribing *fs = x->arg;
	struct account_op op = { .letter = fs->on ? 'u' : 'v',
		.text = fs->name };

	if (account_state_subscribed(&x->acc->state, fs->name) == fs->on) {
		x->nothing = true;
		return NULL;
	}
	if (fs->on && x->acc->state.sub_count >= FOLDER_SUBSCRIPTIONS_MAX)
		return err_new(task_arena(t), ERR_LIMIT,
		    "the account has too many subscriptions", NULL);
	account_op_write(ops, &op);
	return NULL;
}

struct err *
folder_subscribe(struct task *t, struct account *acc, struct str name, bool on)
{
	struct folder_subscribing fs = { .on = on };
	struct account_tx x;
	struct err *e;

	e = folder_name_check(task_arena(t), name, &fs.name);
	if (e != NULL)
		return e;
	account_tx_init(t, acc, &x);
	x.compose = folder_subscribe_compose;
	x.arg = &fs;
	return account_commit(t, &x);
}
