/* account add, also in batches */
#include <stdlib.h>

#include "server/admin/admin_account.h"
#include "server/ctl/csv.h"
#include "server/ctl/ctl.h"
#include "server/ctl/localfile.h"

#define ACCOUNT_BATCH_BYTES (1UL << 30)

static const struct ctl_option account_add_options[] = {
	{ "password-stdin", CTL_FLAG, NULL, "read the password from stdin" },
	{ "hash-stdin", CTL_FLAG, NULL,
	    "read a hash from stdin: {SHA512-CRYPT}..., {BLF-CRYPT}..." },
	{ "quota", CTL_SIZE, "BYTES", "0: unlimited (default: the domain's)" },
	{ "name", CTL_STRING, "NAME", "of the person" },
	{ "batch", CTL_FILE, "FILE",
	    "CSV: address,secret[,quota[,name]]; - is stdin" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

/* secret: a hash if it begins with a scheme, else a password in the clear. */
may_yield static struct err *
account_secret(struct task *t, struct ctl *c, struct str address,
    struct str secret, bool is_hash, const struct password **p_r)
{
	struct password *p = arena_new_obj(task_arena(t), struct password);
	struct admin ad = ctl_admin(t, c);

	*p_r = p;
	if (is_hash)
		return password_import(task_arena(t), secret, p);
	return admin_password_make(t, &ad, address, secret, p);
}

struct err *
ctl_read_password(struct task *t, struct ctl *c, struct str address,
    const struct password **p_r)
{
	struct str secret;
	bool hash = ctl_given(c, "hash-stdin");

	*p_r = NULL;
	if (!hash && !ctl_given(c, "password-stdin"))
		return NULL;
	struct err *e = ctl_read_secret(t, &secret);
	return e != NULL ? e : account_secret(t, c, address, secret, hash, p_r);
}

/* --- batch --- */

struct account_batch {
	struct ctl *c;
	struct csv csv;
	struct state_account_new list[STATE_BATCH_MAX];
	struct str secret[STATE_BATCH_MAX];
	unsigned line[STATE_BATCH_MAX];
	unsigned n, total;
};

static struct err *
account_batch_row(struct task *t, struct account_batch *b,
    const struct str *field, unsigned n)
{
	struct state_account_new *new = &b->list[b->n];

	*new = (struct state_account_new){ .address = str_trim(field[0]) };
	b->secret[b->n] = n > 1 ? field[1] : STR("");
	b->line[b->n] = b->csv.line;
	if (n > 2 && str_trim(field[2]).n > 0) {
		const char *q = arena_cstr(task_arena(t), str_trim(field[2]));
		new->quota_set = ctl_parse_size(q, &new->quota_bytes);
		if (!new->quota_set)
			return err_newf(task_arena(t), ERR_INVALID,
			    "line %u: %s is no quota", b->csv.line, q);
	}
	if (n > 3)
		new->name = str_trim(field[3]);
	b->n++;
	return NULL;
}

static struct err *
account_batch_read(struct task *t, struct account_batch *b)
{
	struct str field[CSV_FIELDS_MAX];
	unsigned n;

	b->n = 0;
	while (b->n < STATE_BATCH_MAX) {
		enum csv_result r = csv_next(&b->csv, task_arena(t), field, &n);
		if (r == CSV_END)
			break;
		if (r != CSV_RECORD || n > 4)
			return err_newf(task_arena(t), ERR_INVALID,
			    "line %u: %s", b->csv.line,
			    r == CSV_BAD_QUOTE ? "a quote is out of place"
					       : "too many fields");
		if (b->csv.line == 1 && str_case_eq_c(field[0], "address"))
			continue; /* a heading */
		struct err *e = account_batch_row(t, b, field, n);
		if (e != NULL)
			return e;
	}
	return NULL;
}

may_yield static struct err *
account_batch_secret(struct task *t, void *arg, unsigned i)
{
	struct account_batch *b = arg;
	struct str s = b->secret[i];
	bool hash = s.n > 0 && (s.p[0] == '{' || s.p[0] == '$');
	const struct password *p;

	if (s.n == 0)
		return NULL;
	struct err *e =
	    account_secret(t, b->c, b->list[i].address, s, hash, &p);
	if (e != NULL)
		return err_wrap(task_arena(t), e, "line %u", b->line[i]);
	/* The task's arena ends before the list does. */
	struct password *keep = xmemdup(p, sizeof *p);
	keep->hash = str_of(xmemdup(p->hash.p, p->hash.n), p->hash.n);
	b->list[i].password = keep;
	return NULL;
}

static void
account_batch_wipe(struct account_batch *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		struct password *p = (struct password *)b->list[i].password;
		if (p == NULL)
			continue;
		free((void *)p->hash.p);
		free(p);
	}
}

may_yield static struct err *
account_batch_run(struct task *t, struct ctl *c, const char *file)
{
	struct account_batch *b =
	    arena_new_obj(task_arena(t), struct account_batch);
	struct admin ad = ctl_admin(t, c);
	struct str text;
	struct err *e =
	    ctl_read_file(t, c, file, ACCOUNT_BATCH_BYTES, &text, NULL);

	if (e != NULL)
		return e;
	b->c = c;
	csv_init(&b->csv, text);
	do {
		struct arena_mark m = arena_mark(task_arena(t));
		task_set_deadline(t, task_now_ms(t) + c->timeout_ms);
		e = account_batch_read(t, b);
		if (e == NULL)
			e = admin_each(t, b->n, 4, account_batch_secret, b);
		if (e == NULL && b->n > 0)
			e = admin_accounts_add(t, &ad, b->list, b->n);
		account_batch_wipe(b);
		if (e != NULL)
			return err_wrap(task_arena(t), e,
			    "%u accounts were added, then at line %u", b->total,
			    b->n ? b->line[0] : b->csv.line);
		b->total += b->n;
		arena_rewind(task_arena(t), m);
	} while (b->n == STATE_BATCH_MAX);
	ctl_say(c, "added %u accounts", b->total);
	return NULL;
}

may_yield static struct err *
account_add_run(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "address", "id" };
	const struct ctl_value *quota = ctl_opt(c, "quota");
	const struct ctl_value *name = ctl_opt(c, "name");
	const struct ctl_value *batch = ctl_opt(c, "batch");
	struct admin ad = ctl_admin(t, c);
	struct err *e;

	if (batch->given && c->argc == 0)
		return account_batch_run(t, c, batch->s);
	if (batch->given || c->argc != 1)
		return err_new(task_arena(t), ERR_INVALID,
		    "give one ADDRESS, or --batch FILE", NULL);
	struct state_account_new new = {
		.address = str_c(c->argv[0]),
		.name = name->given ? str_c(name->s) : STR(""),
		.quota_bytes = quota->n,
		.quota_set = quota->given,
	};
	e = ctl_read_password(t, c, new.address, &new.password);
	if (e == NULL)
		e = admin_accounts_add(t, &ad, &new, 1);
	if (e != NULL)
		return e;
	if (!c->json) {
		ctl_say(c, "added account " STR_FMT "%s",
		    STR_ARG(new.address_r),
		    new.password ? ""
				 : " (without a password: nobody can log in)");
		return NULL;
	}
	struct ctl_out *o = ctl_out_list(t, c, columns, countof(columns));
	ctl_out_str(o, new.address_r);
	ctl_out_str(o, new.id_r);
	return ctl_out_record_end(o);
}

const struct ctl_command cmd_account_add = {
	.name = "account add",
	.args = "ADDRESS | --batch FILE",
	.help = "Add an account, or a file of them",
	.more = "The file is CSV (RFC 4180), one account a line: address, "
		"secret, quota, name; a first line that begins with "
		"\"address\" is a heading. The secret is a password, or a "
		"hash with its scheme ({SHA512-CRYPT}, {BLF-CRYPT}, {CRYPT}, "
		"or crypt(5) text). A hundred accounts are one change: all of "
		"them are added or none; after an error the message says how "
		"many were, and the rest can be given again.",
	.min_args = 0,
	.max_args = 1,
	.need = CTL_NEED_MAIL,
	.options = account_add_options,
	.run = account_add_run,
};

static const struct ctl_option account_password_options[] = {
	{ "password-stdin", CTL_FLAG, NULL, "read the password from stdin" },
	{ "hash-stdin", CTL_FLAG, NULL, "read a hash from stdin" },
	{ "none", CTL_FLAG, NULL, "no more logins with a password" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

may_yield static struct err *
account_password_run(struct task *t, struct ctl *c)
{
	const struct password *p;
	struct err *e = ctl_read_password(t, c, str_c(c->argv[0]), &p);

	if (e == NULL && (p == NULL) != ctl_given(c, "none"))
		e = err_new(task_arena(t), ERR_INVALID,
		    "give one of --password-stdin, --hash-stdin, --none", NULL);
	if (e == NULL)
		e = state_account_password(t, c->state, ctl_by(t),
		    str_c(c->argv[0]), p, false);
	if (e == NULL)
		ctl_say(c, "changed the password of %s", c->argv[0]);
	return e;
}

const struct ctl_command cmd_account_password = {
	.name = "account password",
	.args = "ADDRESS",
	.help = "Set a password; sessions that used the old one end",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.options = account_password_options,
	.run = account_password_run,
};
