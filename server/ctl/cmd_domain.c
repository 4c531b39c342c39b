/* domain add, set, remove, list */
#include "server/ctl/ctl.h"
#include "server/ctl/nodes_util.h"
#include "storage/state_domain.h"
#include "storage/state_setting.h"

#define DOMAIN_PAGE 500

static const struct ctl_option domain_add_options[] = {
	{ "quota", CTL_SIZE, "BYTES", "of new accounts (0: the cluster's)" },
	{ "max-accounts", CTL_NUMBER, "N", "no more accounts than that" },
	{ "note", CTL_STRING, "TEXT", "for people" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

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

	if (e == NULL)
		ctl_say(c, "added domain %s", c->argv[0]);
	return e;
}

const struct ctl_command cmd_domain_add = {
	.name = "domain add",
	.args = "DOMAIN",
	.help = "Become responsible for a mail domain",
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

/* A share of before: raised here, if every node that may live knows how. */
may_yield static struct err *
domain_raise(struct task *t, struct ctl *c)
{
	struct nodes *nodes;
	struct err *e;
	uint32_t all;

	if (state_schema(c->state) >= STATE_DOMAIN_KEEP_SCHEMA)
		return NULL;
	e = ctl_nodes_look(t, c, &nodes);
	if (e != NULL)
		return e;
	all = ctl_nodes_format(t, c, nodes);
	nodes_free(&nodes);
	return state_schema_raise(t, c->state, all);
}

static const struct ctl_option domain_set_options[] = {
	{ "junk-keep", CTL_STRING, "TIME", "how long mail stays in Junk" },
	{ "trash-keep", CTL_STRING, "TIME", "and in Trash" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

may_yield static struct err *
domain_set_run(struct task *t, struct ctl *c)
{
	const struct ctl_value *junk = ctl_opt(c, "junk-keep");
	const struct ctl_value *trash = ctl_opt(c, "trash-keep");
	int64_t junk_s, trash_s;
	struct err *e = NULL;

	if (!junk->given && !trash->given)
		return err_new(task_arena(t), ERR_INVALID,
		    "give --junk-keep or --trash-keep", NULL);
	if (junk->given)
		e = domain_keep_parse(t, junk, &junk_s);
	if (e == NULL && trash->given)
		e = domain_keep_parse(t, trash, &trash_s);
	if (e == NULL)
		e = domain_raise(t, c);
	if (e == NULL)
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
	.help = "Change how long Junk and Trash keep mail",
	.more = "A message is expunged once it has been in the folder for "
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
domain_list_run(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "domain", "accounts",
		"max_accounts", "quota", "junk_keep", "trash_keep", "suspended",
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
