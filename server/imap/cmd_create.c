/* cmd_create.c - CREATE (RFC 3501, 6.3.3; RFC 6154, 3) */
#include "server/imap/imap_commands.h"

static const enum folder_use imap_uses[] = { FOLDER_USE_DRAFTS, FOLDER_USE_SENT,
	FOLDER_USE_JUNK, FOLDER_USE_TRASH, FOLDER_USE_ARCHIVE };

struct imap_create {
	struct str name;
	enum folder_use use;
	unsigned uses; /* asked for */
	bool unknown;  /* a use that we do not have: \All, \Flagged, ... */
};

/* use-attr = "\" atom */
static bool
imap_create_use(struct imap_in *in, struct imap_create *c)
{
	struct str name;
	bool found = false;

	if (!imap_char(in, '\\') || !imap_atom(in, &name))
		return false;
	for (size_t i = 0; i < countof(imap_uses) && !found; i++) {
		found = str_case_eq_c(name, folder_use_name(imap_uses[i]) + 1);
		if (found)
			c->use = imap_uses[i];
	}
	c->unknown |= !found;
	c->uses++;
	return true;
}

/* create = "CREATE" SP mailbox [SP "(" "USE" SP "(" [use-attr *(SP use-attr)]
 * ")" ")"] */
static bool
imap_create_parse(struct imap_in *in, struct imap_create *c)
{
	if (!imap_sp(in) || !imap_mailbox(in, &c->name))
		return false;
	if (imap_at_end(in))
		return true;
	if (!imap_sp(in) || !imap_char(in, '('))
		return false;
	if (!imap_word(in, "USE"))
		return imap_fail(in, "there is no such parameter");
	if (!imap_sp(in) || !imap_char(in, '('))
		return false;
	while (!imap_is(in, ')'))
		if ((c->uses > 0 && !imap_sp(in)) || !imap_create_use(in, c))
			return false;
	return imap_char(in, ')') && imap_char(in, ')') && imap_end(in);
}

static may_yield struct err *
cmd_create(struct task *t, struct imap_cmd *cmd)
{
	struct imap_create c = { .use = FOLDER_USE_NONE };
	struct account *acc;
	uint32_t id;
	struct err *e;

	if (!imap_create_parse(&cmd->in, &c))
		return imap_bad(cmd, NULL);
	/* "a/" says that there will be names below; the name is "a". */
	if (c.name.n > 1 && str_ends(c.name, STR("/")))
		c.name.n--;
	e = imap_account(t, cmd, true, &acc);
	if (e != NULL)
		return e;
	if (c.unknown || c.uses > 1 ||
	    (c.use != FOLDER_USE_NONE && folder_by_use(acc, c.use) != NULL)) {
		buf_c(&cmd->code, "USEATTR");
		return err_new(task_arena(t), ERR_INVALID,
		    "A mailbox has one special use, and a use one mailbox",
		    NULL);
	}
	return folder_create(t, acc, c.name, c.use, &id);
}

const struct imap_command imap_cmd_create = {
	.name = "CREATE",
	.states = IMAP_USER | IMAP_SELECTED,
	.run = cmd_create,
};
