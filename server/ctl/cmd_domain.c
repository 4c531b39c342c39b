/* domain add, set, suspend, restore, remove, list */
#include "server/admin/admin_domain.h"
#include "server/ctl/ctl.h"
#include "server/ctl/dkim_util.h"
#include "server/ctl/nodes_util.h"
#include "storage/state_domain.h"
#include "storage/state_setting.h"

#define DOMAIN_PAGE 500

static const struct ctl_option domain_add_options[] = {
	{ "quota", CTL_SIZE, "BYTES", "of new accounts (0: the cluster's)" },
	{ "max-accounts", CTL_NUMBER, "N", "no more accounts than that" },
	{ "note", CTL_STRING, "TEXT", "for people" },
	{ "no-dkim", CTL_FLAG, NULL, "make no keys to sign its mail with" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

/* So that its mail is signed from the beginning. */
may_yield static struct err *
domain_add_keys(struct task *t, struct ctl *c)
{
	struct state_dkim_key keys[ADMIN_DOMAIN_KEYS];
	struct admin ad = ctl_admin(t, c);
	struct err *e = ctl_schema_need(t, c, STATE_SENDING_SCHEMA);
	unsigned n;

	if (e == NULL && state_schema(c->state) < STATE_SENDING_SCHEMA) {
		ctl_note(c, "some node is too old for keys: upgrade all nodes, "
			    "then shoalctl dkim add --active");
		return NULL;
	}
	if (e != NULL)
		return e;
	e = admin_domain_keys(t, &ad, str_c(c->argv[0]), keys, &n);
	for (unsigned i = 0; i < n; i++)
		ctl_dkim_say(t, c, &keys[i]);
	return e;
}

may_yield static struct err *
domain_add_run(struct task *t, struct ctl *c)
{
	const struct ctl_value *note = ctl_opt(c, "note");
	struct state_domain d = {
		.name = str_c(c->argv[0]),
		.note = note->given ? str_c(note->s) : STR(""),
		.quota_default = ctl_opt(c, "quota")->n,
		.accounts_max = ctl_opt(c, "max-accounts")->n,
	};
	struct err *e = state_domain_add(t, c->state, ctl_by(t), &d);

	if (e != NULL)
		return e;
	ctl_say(c, "added domain %s", c->argv[0]);
	return ctl_given(c, "no-dkim") ? NULL : domain_add_keys(t, c);
}

const struct ctl_command cmd_domain_add = {
	.name = "domain add",
	.args = "DOMAIN",
	.help = "Become responsible for a mail domain",
	.more = "Its mail is signed from now on (DKIM), with an RSA and an "
		"Ed25519 key; domain dns prints the records that its zone "
		"needs.",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.options = domain_add_options,
	.run = domain_add_run,
};

may_yield static struct err *
domain_remove_run(struct task *t, struct ctl *c)
{
	struct err *e =
	    state_domain_remove(t, c->state, ctl_by(t), str_c(c->argv[0]));

	if (e == NULL)
		ctl_say(c, "removed domain %s", c->argv[0]);
	return e;
}

const struct ctl_command cmd_domain_remove = {
	.name = "domain remove",
	.args = "DOMAIN",
	.help = "Give up a domain that has no accounts, aliases or groups left",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.run = domain_remove_run,
};

/* "30d", "forever", "default". */
static struct err *
domain_keep_parse(struct task *t, const struct ctl_value *v, int64_t *keep_r)
{
	uint64_t n;
	struct err *e;

	if (strcmp(v->s, "default") == 0)
		*keep_r = STATE_KEEP_DEFAULT;
	else if (strcmp(v->s, "forever") == 0)
		*keep_r = 0;
	else {
		e = state_setting_parse(task_arena(t),
		    &state_setting_table[STATE_JUNK_KEEP], str_c(v->s), &n);
		if (e != NULL)
			return err_newf(task_arena(t), ERR_INVALID,
			    "%s is no duration such as 30d; forever and "
			    "default are words, too",
			    v->s);
		*keep_r = (int64_t)n;
	}
	return NULL;
}

static const char *
domain_keep_text(struct task *t, int64_t keep)
{
	static const struct {
		int64_t s;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };

	if (keep <= 0)
		return keep == 0 ? "forever" : "default";
	for (unsigned i = 0; i < countof(units); i++)
		if (keep % units[i].s == 0)
			return arena_printf(task_arena(t), "%lld%c",
			    (long long)(keep / units[i].s), units[i].unit);
	return "?";
}

static const struct ctl_option domain_set_options[] = {
	{ "junk-keep", CTL_STRING, "TIME", "how long mail stays in Junk" },
	{ "trash-keep", CTL_STRING, "TIME", "and in Trash" },
	{ "quota", CTL_SIZE, "BYTES", "of new accounts (0: the cluster's)" },
	{ "quota-messages", CTL_NUMBER, "N", "the same in messages (0: none)" },
	{ "max-accounts", CTL_NUMBER, "N", "no more accounts than that (0)" },
	{ "note", CTL_STRING, "TEXT", "for people" },
	{ "separators", CTL_STRING, "CHARS",
	    "that may stand between a name and its detail; \"\": none" },
	{ "message-max", CTL_SIZE, "BYTES",
	    "largest message from and to it (0: the cluster's)" },
	{ "recipients-per-day", CTL_STRING, "N",
	    "of each account; unlimited, default" },
	{ "dmarc", CTL_STRING, "WHAT",
	    "the most a sender's policy does: published, quarantine, ignore" },
	{ "outgoing", CTL_STRING, "YES|NO", "whether its accounts may send" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

/* A word of a list; its place. */
static struct err *
domain_set_word(struct task *t, const char *option, const char *s,
    const char *const *words, unsigned n, unsigned *place_r)
{
	const char *all = "";

	for (unsigned i = 0; i < n; i++) {
		if (strcmp(s, words[i]) == 0) {
			*place_r = i;
			return NULL;
		}
		all = arena_printf(task_arena(t), "%s%s%s", all,
		    i > 0 ? ", " : "", words[i]);
	}
	return err_newf(task_arena(t), ERR_INVALID, "--%s is one of %s", option,
	    all);
}

static struct err *
domain_set_recipients(struct task *t, const char *s, int64_t *n_r)
{
	uint64_t n;

	if (strcmp(s, "unlimited") == 0)
		*n_r = 0;
	else if (strcmp(s, "default") == 0)
		*n_r = STATE_RECIPIENTS_DEFAULT;
	else if (str_u64(str_c(s), &n) && n > 0 && n <= INT32_MAX)
		*n_r = (int64_t)n;
	else
		return err_new(task_arena(t), ERR_INVALID,
		    "--recipients-per-day is a number, unlimited or default",
		    NULL);
	return NULL;
}

/* What was given into d; *what_r: its bits. */
static struct err *
domain_set_read(struct task *t, struct ctl *c, struct state_domain *d,
    unsigned *what_r)
{
	static const char *const dmarc[] = { "published", "ignore",
		"quarantine" };
	static const char *const answers[] = { "no", "yes" };
	static const struct {
		const char *option;
		enum state_domain_what bit;
	} bits[] = {
		{ "quota", STATE_DOMAIN_QUOTA },
		{ "quota-messages", STATE_DOMAIN_MESSAGES },
		{ "max-accounts", STATE_DOMAIN_ACCOUNTS },
		{ "note", STATE_DOMAIN_NOTE },
		{ "separators", STATE_DOMAIN_SEPARATORS },
		{ "message-max", STATE_DOMAIN_MESSAGE_MAX },
		{ "recipients-per-day", STATE_DOMAIN_RECIPIENTS },
		{ "dmarc", STATE_DOMAIN_DMARC },
		{ "outgoing", STATE_DOMAIN_OUTGOING },
	};
	struct err *e = NULL;
	unsigned place = 0;

	for (unsigned i = 0; i < countof(bits); i++)
		if (ctl_given(c, bits[i].option))
			*what_r |= bits[i].bit;
	d->quota_default = ctl_opt(c, "quota")->n;
	d->accounts_max = ctl_opt(c, "max-accounts")->n;
	d->rules.messages_default = ctl_opt(c, "quota-messages")->n;
	d->rules.message_max = ctl_opt(c, "message-max")->n;
	if (ctl_given(c, "note"))
		d->note = str_c(ctl_opt(c, "note")->s);
	if (ctl_given(c, "separators"))
		d->rules.separators = str_c(ctl_opt(c, "separators")->s);
	if (ctl_given(c, "recipients-per-day"))
		e = domain_set_recipients(t,
		    ctl_opt(c, "recipients-per-day")->s,
		    &d->rules.recipients_per_day);
	if (e == NULL && ctl_given(c, "dmarc")) {
		e = domain_set_word(t, "dmarc", ctl_opt(c, "dmarc")->s, dmarc,
		    countof(dmarc), &place);
		d->rules.dmarc = (enum state_domain_dmarc)((int)place - 1);
	}
	if (e == NULL && ctl_given(c, "outgoing")) {
		e = domain_set_word(t, "outgoing", ctl_opt(c, "outgoing")->s,
		    answers, countof(answers), &place);
		d->rules.outgoing = place == 1;
	}
	return e;
}

may_yield static struct err *
domain_set_run(struct task *t, struct ctl *c)
{
	const struct ctl_value *junk = ctl_opt(c, "junk-keep");
	const struct ctl_value *trash = ctl_opt(c, "trash-keep");
	struct state_domain d = { .note = STR("") };
	int64_t junk_s, trash_s;
	unsigned what = 0;
	struct err *e;

	e = domain_set_read(t, c, &d, &what);
	if (e == NULL && !junk->given && !trash->given && what == 0)
		e = err_new(task_arena(t), ERR_INVALID,
		    "say what to change: see shoalctl domain set --help", NULL);
	if (e == NULL && junk->given)
		e = domain_keep_parse(t, junk, &junk_s);
	if (e == NULL && trash->given)
		e = domain_keep_parse(t, trash, &trash_s);
	if (e == NULL)
		e = ctl_schema_need(t, c, STATE_SENDING_SCHEMA);
	if (e == NULL && what != 0)
		e = state_domain_set(t, c->state, ctl_by(t), str_c(c->argv[0]),
		    &d, what);
	if (e == NULL && (junk->given || trash->given))
		e = state_domain_keep(t, c->state, ctl_by(t), str_c(c->argv[0]),
		    junk->given ? &junk_s : NULL,
		    trash->given ? &trash_s : NULL);
	if (e == NULL)
		ctl_say(c, "changed domain %s", c->argv[0]);
	return e;
}

const struct ctl_command cmd_domain_set = {
	.name = "domain set",
	.args = "DOMAIN",
	.help = "Change a domain's limits and rules",
	.more = "What is not given stays. --quota and --quota-messages are for "
		"accounts that are added later. With several separators, or "
		"one that occurs in names, too, an address belongs to the "
		"longest name that is somebody's. DMARC policies of senders "
		"are applied as published, or at most by putting mail into "
		"Junk, or not at all. "
		"A message in Junk or Trash is expunged once it has been in "
		"the folder for "
		"that long, not once it is that old: moving a year-old message "
		"to Trash starts the time. When it came there is known to a "
		"day, and where it is touched later, or nothing else happens "
		"in the account, it may stay up to a week longer; it never "
		"goes early. TIME is written as 30d or 12h, forever, or "
		"default for what the settings retention.junk and "
		"retention.trash say. The expunged message can be undeleted "
		"like any other.",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.options = domain_set_options,
	.run = domain_set_run,
};

may_yield static struct err *
domain_suspend_run(struct task *t, struct ctl *c)
{
	struct err *e = state_domain_suspend(t, c->state, ctl_by(t),
	    str_c(c->argv[0]), true);

	if (e == NULL)
		ctl_say(c, "suspended domain %s", c->argv[0]);
	return e;
}

const struct ctl_command cmd_domain_suspend = {
	.name = "domain suspend",
	.args = "DOMAIN",
	.help = "Refuse mail for a domain and its accounts' logins",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.run = domain_suspend_run,
};

may_yield static struct err *
domain_restore_run(struct task *t, struct ctl *c)
{
	struct err *e = state_domain_suspend(t, c->state, ctl_by(t),
	    str_c(c->argv[0]), false);

	if (e == NULL)
		ctl_say(c, "restored domain %s", c->argv[0]);
	return e;
}

const struct ctl_command cmd_domain_restore = {
	.name = "domain restore",
	.args = "DOMAIN",
	.help = "End a domain's suspension",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.run = domain_restore_run,
};

static void
domain_list_rules(struct ctl_out *o, const struct state_domain_rules *r)
{
	static const char *const dmarc[] = { "published", "ignore",
		"quarantine" };

	ctl_out_u64(o, r->messages_default);
	ctl_out_str(o, r->separators.n > 0 ? r->separators : STR("none"));
	ctl_out_size(o, r->message_max);
	if (r->recipients_per_day > 0)
		ctl_out_u64(o, (uint64_t)r->recipients_per_day);
	else
		ctl_out_str(o, str_c(r->recipients_per_day == 0 ? "unlimited"
								: "default"));
	ctl_out_str(o, str_c(dmarc[(int)r->dmarc + 1]));
	ctl_out_bool(o, r->outgoing);
}

may_yield static struct err *
domain_list_run(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "domain", "accounts",
		"max_accounts", "quota", "junk_keep", "trash_keep",
		"quota_messages", "separators", "message_max",
		"recipients_per_day", "dmarc", "outgoing", "suspended",
		"created", "note" };
	struct ctl_out *o = ctl_out_list(t, c, columns, countof(columns));
	struct str after = STR("");
	struct state_domain *d;
	unsigned n;

	do {
		struct err *e = state_domain_list(task_arena(t), c->state,
		    after, DOMAIN_PAGE, &d, &n);
		if (e != NULL)
			return e;
		for (unsigned i = 0; i < n; i++) {
			ctl_out_str(o, d[i].name);
			ctl_out_u64(o, d[i].accounts);
			ctl_out_u64(o, d[i].accounts_max);
			ctl_out_size(o, d[i].quota_default);
			ctl_out_str(o,
			    str_c(domain_keep_text(t, d[i].junk_keep)));
			ctl_out_str(o,
			    str_c(domain_keep_text(t, d[i].trash_keep)));
			domain_list_rules(o, &d[i].rules);
			ctl_out_bool(o, d[i].suspended);
			ctl_out_time(o, d[i].created);
			ctl_out_str(o, d[i].note);
			after = d[i].name;
		}
	} while (n == DOMAIN_PAGE);
	return ctl_out_end(o);
}

const struct ctl_command cmd_domain_list = {
	.name = "domain list",
	.args = "",
	.help = "List the domains",
	.need = CTL_NEED_STATE,
	.run = domain_list_run,
};
