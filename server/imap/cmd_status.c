/* cmd_status.c - STATUS (RFC 3501, 6.3.10; RFC 7162, 8438, 9208) */
#include "server/imap/imap_commands.h"

enum {
	IMAP_STATUS_MESSAGES = 1,
	IMAP_STATUS_RECENT = 2,
	IMAP_STATUS_UIDNEXT = 4,
	IMAP_STATUS_UIDVALIDITY = 8,
	IMAP_STATUS_UNSEEN = 16,
	IMAP_STATUS_HIGHESTMODSEQ = 32,
	IMAP_STATUS_SIZE = 64,
	IMAP_STATUS_DELETED = 128,
	IMAP_STATUS_DELETED_STORAGE = 256
};

static const struct {
	const char *name;
	unsigned item;
} imap_status_items[] = {
	{ "MESSAGES", IMAP_STATUS_MESSAGES },
	{ "RECENT", IMAP_STATUS_RECENT },
	{ "UIDNEXT", IMAP_STATUS_UIDNEXT },
	{ "UIDVALIDITY", IMAP_STATUS_UIDVALIDITY },
	{ "UNSEEN", IMAP_STATUS_UNSEEN },
	{ "HIGHESTMODSEQ", IMAP_STATUS_HIGHESTMODSEQ },
	{ "SIZE", IMAP_STATUS_SIZE },
	{ "DELETED", IMAP_STATUS_DELETED },
	{ "DELETED-STORAGE", IMAP_STATUS_DELETED_STORAGE },
};

/* status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")" */
static bool
imap_status_parse(struct imap_in *in, struct str *name_r, unsigned *items_r)
{
	*items_r = 0;
	if (!imap_sp(in) || !imap_mailbox(in, name_r) || !imap_sp(in) ||
	    !imap_char(in, '('))
		return false;
	do {
		struct str word;
		unsigned item = 0;

		if ((*items_r != 0 && !imap_sp(in)) || !imap_atom(in, &word))
			return false;
		for (size_t i = 0; i < countof(imap_status_items); i++)
			if (str_case_eq_c(word, imap_status_items[i].name))
				item = imap_status_items[i].item;
		if (item == 0)
			return imap_fail(in, "there is no such status item");
		*items_r |= item;
	} while (!imap_is(in, ')'));
	return imap_char(in, ')') && imap_end(in);
}

static uint64_t
imap_status_deleted_bytes(const struct account *acc, const struct folder *f)
{
	uint64_t bytes = 0;

	if (f->deleted == 0)
		return 0;
	for (uint32_t i = 0; i < f->messages; i++) {
		const struct message *m = message_nth(acc, f->id, i);

		if (m->flags & MESSAGE_DELETED)
			bytes += m->bytes;
	}
	return bytes;
}

static uint64_t
imap_status_value(const struct account *acc, const struct folder *f,
    unsigned item)
{
	switch (item) {
	case IMAP_STATUS_MESSAGES:
		return f->messages;
	case IMAP_STATUS_UIDNEXT:
		return f->uidnext;
	case IMAP_STATUS_UIDVALIDITY:
		return f->uidvalidity;
	case IMAP_STATUS_UNSEEN:
		return f->unseen;
	case IMAP_STATUS_HIGHESTMODSEQ:
		return f->highestmodseq;
	case IMAP_STATUS_SIZE:
		return f->bytes;
	case IMAP_STATUS_DELETED:
		return f->deleted;
	case IMAP_STATUS_DELETED_STORAGE:
		return imap_status_deleted_bytes(acc, f);
	default:
		return 0; /* RECENT: imap_view.c */
	}
}

static may_yield struct err *
cmd_status(struct task *t, struct imap_cmd *cmd)
{
	const struct folder *f;
	struct account *acc;
	struct str name;
	const char *sep = "";
	unsigned items;
	struct buf b;
	struct err *e;

	if (!imap_status_parse(&cmd->in, &name, &items))
		return imap_bad(cmd, NULL);
	e = imap_account(t, cmd, true, &acc);
	if (e != NULL)
		return e;
	f = folder_by_name(acc, name);
	if (f == NULL)
		return err_new(task_arena(t), ERR_NOTFOUND,
		    "There is no such mailbox", NULL);
	buf_init(&b, task_arena(t), 16384);
	buf_c(&b, "* STATUS ");
	imap_put_mailbox(&b, f->name);
	buf_c(&b, " (");
	for (size_t i = 0; i < countof(imap_status_items); i++) {
		if (!(items & imap_status_items[i].item))
			continue;
		buf_fmt(&b, "%s%s %llu", sep, imap_status_items[i].name,
		    (unsigned long long)imap_status_value(acc, f,
			imap_status_items[i].item));
		sep = " ";
	}
	buf_c(&b, ")\r\n");
	/* Asking for HIGHESTMODSEQ enables CONDSTORE (RFC 7162, 3.1). */
	if (items & IMAP_STATUS_HIGHESTMODSEQ)
		imap_condstore(t, cmd->s);
	conn_write(t, cmd->s->c, b.p, b.n);
	return NULL;
}

const struct imap_command imap_cmd_status = {
	.name = "STATUS",
	.states = IMAP_USER | IMAP_SELECTED,
	.run = cmd_status,
};
