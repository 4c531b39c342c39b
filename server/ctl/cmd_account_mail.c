/* account undelete, check: the mail inside */
#include "server/ctl/account_util.h"
#include "storage/folder.h"
#include "storage/message.h"
#include "storage/quota.h"

static const struct ctl_option account_undelete_options[] = {
	{ "list", CTL_FLAG, NULL, "only say what could come back" },
	{ "folder", CTL_STRING, "NAME", "only what was in this folder" },
	{ "to", CTL_STRING, "NAME", "put it there (default: where it was)" },
	{ "after", CTL_NUMBER, "ENTRY",
	    "only what entries above that number removed (see --list)" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

static struct err *
account_folder_option(struct task *t, struct ctl *c, struct account *acc,
    const char *option, uint32_t *id_r)
{
	const struct ctl_value *v = ctl_opt(c, option);
	const struct folder *f;

	*id_r = 0;
	if (!v->given)
		return NULL;
	f = folder_by_name(acc, str_c(v->s));
	if (f == NULL)
		return err_newf(task_arena(t), ERR_NOTFOUND,
		    "there is no folder %s", v->s);
	*id_r = f->id;
	return NULL;
}

static struct err *
account_undelete_list(struct task *t, struct ctl *c, struct account *acc,
    const struct tombstone **ts, unsigned n)
{
	static const char *const columns[] = { "folder", "uid", "size", "date",
		"removed_by_entry", "name" };
	struct ctl_out *o = ctl_out_list(t, c, columns, countof(columns));

	for (unsigned i = 0; i < n; i++) {
		const struct folder *f = folder_by_id(acc, ts[i]->folder);
		char name[MESSAGE_NAME_MAX + 1];
		message_name_format(&ts[i]->name, name);
		ctl_out_str(o, f ? f->name : STR("(removed)"));
		ctl_out_u64(o, ts[i]->uid);
		ctl_out_size(o, ts[i]->bytes);
		ctl_out_time(o, ts[i]->date);
		ctl_out_u64(o, ts[i]->modseq);
		ctl_out_str(o, str_c(name));
	}
	return ctl_out_end(o);
}

/* Those that the options name, in place. */
static unsigned
account_undelete_pick(const struct ctl *c, const struct tombstone **ts,
    unsigned n)
{
	const struct ctl_value *after = ctl_opt(c, "after");
	unsigned kept = 0;

	for (unsigned i = 0; i < n; i++)
		if (ts[i]->modseq > after->n)
			ts[kept++] = ts[i];
	return kept;
}

may_yield static struct err *
account_undelete_in(struct task *t, struct ctl *c,
    const struct state_account *sa, struct account *acc)
{
	const struct tombstone **ts;
	struct quota_limit limit;
	uint32_t folder, to;
	unsigned n, back;
	struct err *e = account_folder_option(t, c, acc, "folder", &folder);

	if (e == NULL)
		e = account_folder_option(t, c, acc, "to", &to);
	if (e != NULL)
		return e;
	n = message_tombstones(acc, folder, task_arena(t), &ts);
	n = account_undelete_pick(c, ts, n);
	if (ctl_given(c, "list"))
		return account_undelete_list(t, c, acc, ts, n);
	struct message_name *names =
	    arena_array(task_arena(t), n + 1, sizeof *names);
	for (unsigned i = 0; i < n; i++)
		names[i] = ts[i]->name;
	ctl_account_limit(sa, &limit);
	e = message_undelete(t, acc, names, n, to, &limit, &back);
	if (e == NULL)
		ctl_say(c, "%u of %u messages are back", back, n);
	return e;
}

may_yield static struct err *
account_undelete_run(struct task *t, struct ctl *c)
{
	struct state_account sa;
	struct account *acc;
	struct err *e = ctl_account(t, c, c->argv[0], &sa, &acc);

	if (e != NULL)
		return e;
	e = account_undelete_in(t, c, &sa, acc);
	account_close(&acc);
	return e;
}

const struct ctl_command cmd_account_undelete = {
	.name = "account undelete",
	.args = "ADDRESS",
	.help = "Bring back messages that were expunged",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_MAIL,
	.options = account_undelete_options,
	.run = account_undelete_run,
};

static const struct ctl_option account_check_options[] = {
	{ "all", CTL_FLAG, NULL, "every account of the state" },
	{ "deep", CTL_FLAG, NULL, "read every message too" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

struct account_check_run {
	struct ctl *c;
	struct ctl_out *problems;
	uint64_t accounts, messages, bytes;
	unsigned fatal, untidy;
};

may_yield static struct err *
account_check_one(struct task *t, struct account_check_run *r,
    const struct state_account *sa)
{
	struct account_check k = { .deep = ctl_given(r->c, "deep") };
	struct account *acc;
	struct err *e;

	task_set_deadline(t, task_now_ms(t) + r->c->timeout_ms);
	e = account_open(t, r->c->mail, sa->id, &acc);
	if (e == NULL) {
		e = account_check(t, acc, &k);
		account_close(&acc);
	}
	if (e != NULL && share_err_is_temporary(e))
		return e;
	if (e != NULL) {
		ctl_out_str(r->problems, sa->address);
		ctl_out_str(r->problems, STR("damaged"));
		ctl_out_str(r->problems, str_c(e->text));
		r->fatal++;
	}
	for (struct account_problem *p = k.first_r; p != NULL; p = p->next) {
		ctl_out_str(r->problems, sa->address);
		ctl_out_str(r->problems,
		    p->fatal ? STR("damaged") : STR("untidy"));
		ctl_out_str(r->problems, str_c(p->text));
	}
	r->accounts++;
	r->fatal += k.fatal_r;
	r->untidy += k.untidy_r;
	r->messages += k.messages_r;
	r->bytes += k.bytes_r;
	return NULL;
}

may_yield static struct err *
account_check_all(struct task *t, struct account_check_run *r)
{
	struct state_account_query q = { .max = 100 };
	struct state_account *list;
	unsigned n;

	do {
		struct err *e = state_account_list(task_arena(t), r->c->state,
		    &q, &list, &n);
		for (unsigned i = 0; e == NULL && i < n; i++)
			e = account_check_one(t, r, &list[i]);
		if (e != NULL)
			return e;
		if (n > 0)
			q.after = list[n - 1].address;
	} while (n == q.max);
	return NULL;
}

may_yield static struct err *
account_check_command(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "address", "kind", "problem" };
	struct account_check_run r = { .c = c };
	struct err *e = NULL;

	if (ctl_given(c, "all") == (c->argc > 0))
		return err_new(task_arena(t), ERR_INVALID,
		    "give addresses, or --all", NULL);
	r.problems = ctl_out_list(t, c, columns, countof(columns));
	if (ctl_given(c, "all"))
		e = account_check_all(t, &r);
	for (unsigned i = 0; e == NULL && i < c->argc; i++) {
		struct state_account sa;
		e = ctl_account(t, c, c->argv[i], &sa, NULL);
		if (e == NULL)
			e = account_check_one(t, &r, &sa);
	}
	if (e == NULL)
		e = ctl_out_end(r.problems);
	if (e != NULL)
		return e;
	ctl_note(c, "%llu accounts, %llu messages: %u damaged, %u untidy",
	    (unsigned long long)r.accounts, (unsigned long long)r.messages,
	    r.fatal, r.untidy);
	if (r.fatal > 0)
		c->exit_code = 1;
	return NULL;
}

const struct ctl_command cmd_account_check = {
	.name = "account check",
	.args = "ADDRESS...",
	.help = "Look for damage; exit status 1 if there is any",
	.more = "Damaged: mail or its order is not what the journal says. "
		"Untidy: files nothing names (a crash left them, or a delivery "
		"is under way); they are swept by themselves.",
	.min_args = 0,
	.max_args = 100000,
	.need = CTL_NEED_MAIL,
	.options = account_check_options,
	.run = account_check_command,
};
