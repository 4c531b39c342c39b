/* cmd_list.c - LIST and LSUB (RFC 3501, 6.3.8 and 6.3.9; RFC 3348, 6154) */
#include "server/imap/imap_commands.h"
#include "server/imap/imap_private.h"

/* Names, or steps of matching, before others get their turn. */
#define IMAP_LIST_BATCH 200
#define IMAP_LIST_BATCH_STEPS 1000000
#define IMAP_LIST_LINE (8 * FOLDER_NAME_MAX)
/* All steps of one command: some tenths of a second.  Ten thousand names and a
 * pattern that somebody means need less than a hundredth of it. */
#define IMAP_LIST_STEPS 100000000

/*
 * Names are copied before anything is written: the account may move on while
 * the client takes them.  A superior that does not exist is listed, too, with
 * \Noselect, so that a client that goes down level by level finds what is
 * below.  There can be a hundred of those for each name: they are made up while
 * writing.
 */
struct imap_list_name {
	struct str name;
	enum folder_use use;
	bool missing; /* only subscribed */
	bool children;
};

struct imap_list {
	struct arena *arena;
	const char *word; /* "LIST" */
	bool lsub;
	struct str pattern, pattern_inbox;
	struct imap_list_name *names; /* sorted */
	unsigned n;
	uint64_t steps;
	struct buf out;
};

/* INBOX is matched in any case, also as the first level. */
static bool
imap_list_matches(struct imap_list *l, struct str name)
{
	if (imap_match(l->pattern, name, &l->steps))
		return true;
	return l->pattern_inbox.p != NULL && str_starts(name, STR("INBOX")) &&
	       (name.n == 5 || name.p[5] == '/') &&
	       imap_match(l->pattern_inbox, name, &l->steps);
}

/* Whether a folder lives below: in the order of names it is the first at or
 * behind "name/".  (folder_has_children looks at all.) */
static bool
imap_list_children(const struct account *acc, struct str name)
{
	char text[FOLDER_NAME_MAX + 1];
	struct str below = str_of(text, name.n + 1);
	unsigned lo = 0, hi = folder_count(acc);

	if (name.n > FOLDER_NAME_MAX)
		return false;
	memcpy(text, name.p, name.n);
	text[name.n] = '/';
	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (str_cmp(folder_nth(acc, mid)->name, below) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < folder_count(acc) &&
	       str_starts(folder_nth(acc, lo)->name, below);
}

static void
imap_list_folders(struct imap_list *l, const struct account *acc)
{
	l->n = folder_count(acc);
	l->names = arena_array(l->arena, l->n, sizeof(*l->names));
	for (unsigned i = 0; i < l->n; i++) {
		const struct folder *f = folder_nth(acc, i);

		l->names[i] = (struct imap_list_name){
			.name = arena_str(l->arena, f->name),
			.use = f->use,
			.children = imap_list_children(acc, f->name),
		};
	}
}

static void
imap_list_subscriptions(struct imap_list *l, const struct account *acc)
{
	l->n = folder_subscription_count(acc);
	l->names = arena_array(l->arena, l->n, sizeof(*l->names));
	for (unsigned i = 0; i < l->n; i++) {
		struct str name = folder_subscription_nth(acc, i);
		const struct folder *f = folder_by_name(acc, name);

		l->names[i] = (struct imap_list_name){
			.name = arena_str(l->arena, name),
			.use = f != NULL ? f->use : FOLDER_USE_NONE,
			.missing = f == NULL,
			.children = imap_list_children(acc, name),
		};
	}
}

static bool
imap_list_has(const struct imap_list *l, struct str name)
{
	unsigned lo = 0, hi = l->n;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;
		int cmp = str_cmp(l->names[mid].name, name);

		if (cmp == 0)
			return true;
		if (cmp < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

static void
imap_list_put(struct imap_list *l, const struct imap_list_name *x)
{
	struct buf *b = &l->out;

	if (!imap_list_matches(l, x->name))
		return;
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
 * The superiors of names[i] that are no names: what lies below one comes in one
 * piece, and its first name brings it.  LSUB has them only for patterns that
 * end in '%', which do not reach what is below (RFC 3501, 6.3.9).
 */
static void
imap_list_superiors(struct imap_list *l, unsigned i)
{
	struct str name = l->names[i].name;
	struct str before = i > 0 ? l->names[i - 1].name : STR("");

	if (l->lsub && !str_ends(l->pattern, STR("%")))
		return;
	for (size_t k = 1; k < name.n; k++) {
		struct imap_list_name above = {
			.name = str_sub(name, 0, k),
			.use = FOLDER_USE_NONE,
			.missing = true,
			.children = true,
		};

		if (name.p[k] == '/' &&
		    !str_starts(before, str_sub(name, 0, k + 1)) &&
		    !imap_list_has(l, above.name))
			imap_list_put(l, &above);
	}
}

/* What is ready goes out; others run. */
static may_yield void
imap_list_flush(struct task *t, struct imap_session *s, struct imap_list *l)
{
	conn_write(t, s->c, l->out.p, l->out.n);
	buf_clear(&l->out);
	task_yield(t);
}

static may_yield struct err *
imap_list_write(struct task *t, struct imap_session *s, struct imap_list *l)
{
	uint64_t flushed = l->steps = IMAP_LIST_STEPS;

	buf_init(&l->out, l->arena, IMAP_LIST_BATCH * IMAP_LIST_LINE * 100UL);
	for (unsigned i = 0; i < l->n; i++) /* first */
		if (str_eq_c(l->names[i].name, "INBOX"))
			imap_list_put(l, &l->names[i]);
	for (unsigned i = 0; i < l->n && !conn_is_ending(s->c); i++) {
		imap_list_superiors(l, i);
		if (!str_eq_c(l->names[i].name, "INBOX"))
			imap_list_put(l, &l->names[i]);
		if ((i + 1) % IMAP_LIST_BATCH != 0 && l->steps > 0 &&
		    flushed - l->steps < IMAP_LIST_BATCH_STEPS &&
		    l->out.n < CONN_OUTPUT_BYTES)
			continue;
		imap_list_flush(t, s, l);
		flushed = l->steps;
		if (l->steps == 0)
			return err_new(task_arena(t), ERR_LIMIT,
			    "the pattern needs too much work", NULL);
	}
	conn_write(t, s->c, l->out.p, l->out.n);
	return NULL;
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
	return imap_list_write(t, cmd->s, &l);
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
