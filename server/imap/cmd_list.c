/* cmd_list.c - LIST and LSUB (RFC 3501, 6.3.8 and 6.3.9; RFC 3348, 6154) */
#include <stdlib.h>

#include "server/imap/imap_commands.h"
#include "server/imap/imap_private.h"

/* Names matched before others get their turn. */
#define IMAP_LIST_BATCH 200
#define IMAP_LIST_LINE (8 * FOLDER_NAME_MAX)

/*
 * Names are copied before anything is written: the account may move on while
 * the client takes them.  A superior that does not exist is listed, too, with
 * \Noselect, so that a client that goes down level by level finds what is
 * below.
 */
struct imap_list_name {
	struct str name;
	enum folder_use use;
	bool missing;  /* LIST: not there; LSUB: not subscribed or not there */
	bool superior; /* only because of what is below it */
	bool children;
};

struct imap_list {
	struct arena *arena;
	const char *word; /* "LIST" */
	bool lsub;
	struct str pattern, pattern_inbox;
	struct imap_list_name *names;
	unsigned n, size;
};

static struct imap_list_name *
imap_list_add(struct imap_list *l, struct str name)
{
	struct imap_list_name *more, *x;

	if (l->n == l->size) {
		l->size = l->size == 0 ? 64 : l->size * 2;
		more = arena_array(l->arena, l->size, sizeof(*more));
		if (l->n > 0)
			memcpy(more, l->names, l->n * sizeof(*more));
		l->names = more;
	}
	x = &l->names[l->n++];
	*x = (struct imap_list_name){ .name = arena_str(l->arena, name),
		.use = FOLDER_USE_NONE };
	return x;
}

/* INBOX is matched in any case, also as the first level. */
static bool
imap_list_matches(const struct imap_list *l, struct str name)
{
	if (imap_match(l->pattern, name))
		return true;
	return l->pattern_inbox.p != NULL && str_starts(name, STR("INBOX")) &&
	       (name.n == 5 || name.p[5] == '/') &&
	       imap_match(l->pattern_inbox, name);
}

/*
 * The superiors of names[i] that nobody added yet: names come sorted, so what
 * lies below a superior comes in one piece, and its first name adds it.
 */
static void
imap_list_superiors(struct imap_list *l, const struct account *acc,
    struct str name, struct str before)
{
	for (size_t i = 1; i < name.n; i++) {
		struct str above = str_sub(name, 0, i);
		struct imap_list_name *x;

		if (name.p[i] != '/' ||
		    str_starts(before, str_sub(name, 0, i + 1)))
			continue;
		if (l->lsub ? folder_subscribed(acc, above)
			    : folder_by_name(acc, above) != NULL)
			continue;
		x = imap_list_add(l, above);
		x->missing = x->superior = x->children = true;
	}
}

static void
imap_list_folders(struct imap_list *l, const struct account *acc)
{
	struct str before = STR("");

	for (unsigned i = 0; i < folder_count(acc); i++) {
		const struct folder *f = folder_nth(acc, i);
		struct imap_list_name *x;

		imap_list_superiors(l, acc, f->name, before);
		before = f->name;
		x = imap_list_add(l, f->name);
		x->use = f->use;
		x->children = folder_has_children(acc, f->name);
	}
}

static void
imap_list_subscriptions(struct imap_list *l, const struct account *acc)
{
	struct str before = STR("");

	for (unsigned i = 0; i < folder_subscription_count(acc); i++) {
		struct str name = folder_subscription_nth(acc, i);
		struct imap_list_name *x;
		const struct folder *f = folder_by_name(acc, name);

		imap_list_superiors(l, acc, name, before);
		before = name;
		x = imap_list_add(l, name);
		x->missing = f == NULL;
		x->use = f != NULL ? f->use : FOLDER_USE_NONE;
		x->children = folder_has_children(acc, name);
	}
}

/* INBOX before the others, then as they are. */
static int
imap_list_cmp(const void *a, const void *b)
{
	const struct imap_list_name *x = a, *y = b;
	bool x_inbox = str_eq_c(x->name, "INBOX");
	bool y_inbox = str_eq_c(y->name, "INBOX");

	if (x_inbox != y_inbox)
		return x_inbox ? -1 : 1;
	return str_cmp(x->name, y->name);
}

static void
imap_list_put(struct buf *b, const struct imap_list *l,
    const struct imap_list_name *x)
{
	buf_fmt(b, "* %s (", l->word);
	if (x->missing)
		buf_c(b, "\\Noselect ");
	buf_c(b, x->children ? "\\HasChildren" : "\\HasNoChildren");
	if (x->use != FOLDER_USE_NONE)
		buf_fmt(b, " %s", folder_use_name(x->use));
	buf_c(b, ") \"/\" ");
	imap_put_mailbox(b, x->name);
	buf_c(b, "\r\n");
}

/*
 * LSUB answers for a superior that is not subscribed only if the pattern does
 * not reach what is below (RFC 3501, 6.3.9: "%").
 */
static bool
imap_list_shows(const struct imap_list *l, const struct imap_list_name *x)
{
	if (!imap_list_matches(l, x->name))
		return false;
	if (!l->lsub || !x->superior)
		return true;
	for (unsigned i = 0; i < l->n; i++) {
		const struct imap_list_name *y = &l->names[i];

		if (!y->superior && y->name.n > x->name.n &&
		    y->name.p[x->name.n] == '/' &&
		    str_starts(y->name, x->name) &&
		    imap_list_matches(l, y->name))
			return false;
	}
	return true;
}

static may_yield void
imap_list_write(struct task *t, struct imap_session *s,
    const struct imap_list *l)
{
	struct buf b;

	buf_init(&b, task_arena(t), IMAP_LIST_BATCH * IMAP_LIST_LINE);
	for (unsigned i = 0; i < l->n && !conn_is_ending(s->c); i++) {
		if (imap_list_shows(l, &l->names[i]))
			imap_list_put(&b, l, &l->names[i]);
		if ((i + 1) % IMAP_LIST_BATCH != 0)
			continue;
		conn_write(t, s->c, b.p, b.n);
		buf_clear(&b);
		task_yield(t);
	}
	conn_write(t, s->c, b.p, b.n);
}

/* The reference is put in front, as it is; a run of wildcards is one. */
static bool
imap_list_pattern(struct imap_list *l, struct str reference, struct str pattern)
{
	struct buf b;
	char *inbox;

	buf_init(&b, l->arena, reference.n + pattern.n);
	buf_str_add(&b, reference);
	for (size_t i = 0; i < pattern.n; i++) {
		char c = pattern.p[i];
		char last = b.n > 0 ? b.p[b.n - 1] : '\0';

		if ((c == '*' || c == '%') && last == '*')
			continue;
		if (c == '%' && last == '%')
			continue;
		if (c == '*' && last == '%')
			b.n--;
		buf_char(&b, c);
	}
	/* Longer than any name, wildcards apart: it matches none. */
	if (b.n > 2 * FOLDER_NAME_MAX + 1)
		return false;
	l->pattern = buf_str(&b);
	if (!str_case_eq_c(str_sub(l->pattern, 0, 5), "INBOX"))
		return true;
	inbox = arena_cstr(l->arena, l->pattern);
	memcpy(inbox, "INBOX", 5);
	l->pattern_inbox = str_of(inbox, l->pattern.n);
	return true;
}

/* list = "LIST" SP mailbox SP list-mailbox */
static may_yield struct err *
imap_list_run(struct task *t, struct imap_cmd *cmd, bool lsub)
{
	struct imap_list l = { .arena = task_arena(t),
		.word = lsub ? "LSUB" : "LIST",
		.lsub = lsub };
	struct str reference, pattern;
	struct account *acc;
	struct err *e;

	if (!imap_sp(&cmd->in) || !imap_mailbox(&cmd->in, &reference) ||
	    !imap_sp(&cmd->in) || !imap_list_mailbox(&cmd->in, &pattern) ||
	    !imap_end(&cmd->in))
		return imap_bad(cmd, NULL);
	/* What separates levels, and the root: names have none. */
	if (pattern.n == 0 && !lsub) {
		conn_puts(t, cmd->s->c, "* LIST (\\Noselect) \"/\" \"\"\r\n");
		return NULL;
	}
	e = imap_account(t, cmd, true, &acc);
	if (e != NULL || !imap_list_pattern(&l, reference, pattern))
		return e;
	if (lsub)
		imap_list_subscriptions(&l, acc);
	else
		imap_list_folders(&l, acc);
	if (l.n > 0)
		qsort(l.names, l.n, sizeof(*l.names), imap_list_cmp);
	imap_list_write(t, cmd->s, &l);
	return NULL;
}

static may_yield struct err *
cmd_list(struct task *t, struct imap_cmd *cmd)
{
	return imap_list_run(t, cmd, false);
}

static may_yield struct err *
cmd_lsub(struct task *t, struct imap_cmd *cmd)
{
	return imap_list_run(t, cmd, true);
}

const struct imap_command imap_cmd_list = {
	.name = "LIST",
	.states = IMAP_USER | IMAP_SELECTED,
	.run = cmd_list,
};

const struct imap_command imap_cmd_lsub = {
	.name = "LSUB",
	.states = IMAP_USER | IMAP_SELECTED,
	.run = cmd_lsub,
};
