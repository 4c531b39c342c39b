/* dkim add, list, activate, retire, remove, rotate */
#include "server/ctl/ctl.h"
#include "server/ctl/dkim_util.h"
#include "server/ctl/nodes_util.h"
#include "storage/state_domain.h"
#include "storage/state_node.h"

/* --- add --- */

static const struct ctl_option dkim_add_options[] = {
	{ "selector", CTL_STRING, "NAME", "made from the date, if not given" },
	{ "algorithm", CTL_STRING, "NAME", "rsa (2048 bits) or ed25519; both" },
	{ "node", CTL_STRING, "NAME", "only this node signs with it" },
	{ "active", CTL_FLAG, NULL, "sign with it at once" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

may_yield static struct err *
dkim_add_run(struct task *t, struct ctl *c)
{
	static const char *const both[] = { "rsa", "ed25519" };
	const struct ctl_value *algorithm = ctl_opt(c, "algorithm");
	const struct ctl_value *selector = ctl_opt(c, "selector");
	struct state_node node = { .id = STR("") };
	struct state_domain_rules rules;
	struct arena *a = task_arena(t);
	struct err *e;

	if (selector->given && !algorithm->given)
		return err_new(a, ERR_INVALID,
		    "a selector is of one key: give --algorithm, too", NULL);
	e = ctl_schema_need(t, c, STATE_SENDING_SCHEMA);
	if (e == NULL)
		e = state_domain_rules(a, c->state, str_c(c->argv[0]), &rules);
	if (e == NULL && ctl_given(c, "node"))
		e = state_node_find(a, c->state, str_c(ctl_opt(c, "node")->s),
		    &node);
	for (unsigned i = 0; e == NULL && i < countof(both); i++) {
		struct state_dkim_key k = {
			.domain = str_c(c->argv[0]),
			.selector =
			    selector->given ? str_c(selector->s) : STR(""),
			.algorithm = str_c(both[i]),
			.node = node.id,
			.stage = ctl_given(c, "active") ? STATE_DKIM_ACTIVE
							: STATE_DKIM_NEW,
		};

		if (!algorithm->given || strcmp(algorithm->s, both[i]) == 0)
			e = ctl_dkim_make(t, c, &k);
		else if (strcmp(algorithm->s, both[!i]) != 0)
			e = err_new(a, ERR_INVALID,
			    "a key's algorithm is rsa or ed25519", NULL);
	}
	return e;
}

const struct ctl_command cmd_dkim_add = {
	.name = "dkim add",
	.args = "DOMAIN",
	.help = "Make keys that the domain's mail can be signed with",
	.more = "The keys are in the state, sealed with the cluster key. A new "
		"key signs nothing before it is activated: publish its record "
		"first, which is printed (domain dns shows it again). The "
		"cluster activates a new key itself when it is older than the "
		"setting dkim.publish_time and its record is found in the DNS. "
		"A domain's mail is signed with one active key of each "
		"algorithm; a key for a node stands in for the one for all on "
		"that node.",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.options = dkim_add_options,
	.run = dkim_add_run,
};

/* --- list --- */

static struct str
dkim_node_name(struct task *t, struct ctl *c, struct str id)
{
	struct state_node n;
	struct err *e;

	if (id.n == 0)
		return STR("all");
	e = state_node_find(task_arena(t), c->state, id, &n);
	return e == NULL ? n.name : id;
}

may_yield static struct err *
dkim_list_run(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "domain", "selector",
		"algorithm", "node", "state", "created", "activated",
		"retired" };
	struct ctl_out *o = ctl_out_list(t, c, columns, countof(columns));
	struct state_dkim_key *k;
	struct err *e;
	unsigned n;

	e = state_dkim_list(task_arena(t), c->state,
	    c->argc > 0 ? str_c(c->argv[0]) : STR(""), &k, &n);
	if (e != NULL)
		return e;
	for (unsigned i = 0; i < n; i++) {
		ctl_out_str(o, k[i].domain);
		ctl_out_str(o, k[i].selector);
		ctl_out_str(o, k[i].algorithm);
		ctl_out_str(o, dkim_node_name(t, c, k[i].node));
		ctl_out_str(o, str_c(state_dkim_stage_name(k[i].stage)));
		ctl_out_time(o, k[i].created);
		ctl_out_time(o, k[i].activated);
		ctl_out_time(o, k[i].retired);
	}
	return ctl_out_end(o);
}

const struct ctl_command cmd_dkim_list = {
	.name = "dkim list",
	.args = "[DOMAIN]",
	.help = "List the keys of one domain or of all",
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.run = dkim_list_run,
};

/* --- stages --- */

typedef struct err *(*dkim_change)(struct task *t, struct state *st,
    const char *by, struct str domain, struct str selector);

may_yield static struct err *
dkim_change_run(struct task *t, struct ctl *c, dkim_change fn, const char *done)
{
	struct err *e =
	    fn(t, c->state, ctl_by(t), str_c(c->argv[0]), str_c(c->argv[1]));

	if (e == NULL)
		ctl_say(c, "%s %s of %s", done, c->argv[1], c->argv[0]);
	return e;
}

may_yield static struct err *
dkim_activate_run(struct task *t, struct ctl *c)
{
	return dkim_change_run(t, c, state_dkim_activate, "activated");
}

const struct ctl_command cmd_dkim_activate = {
	.name = "dkim activate",
	.args = "DOMAIN SELECTOR",
	.help = "Sign with this key from now on",
	.more = "The key it stands in for is retired: it signs no more, but "
		"stays published for seven days, in which mail that it signed "
		"arrives. Activating a retired key again brings it back.",
	.min_args = 2,
	.max_args = 2,
	.need = CTL_NEED_STATE,
	.run = dkim_activate_run,
};

may_yield static struct err *
dkim_retire_run(struct task *t, struct ctl *c)
{
	return dkim_change_run(t, c, state_dkim_retire, "retired");
}

const struct ctl_command cmd_dkim_retire = {
	.name = "dkim retire",
	.args = "DOMAIN SELECTOR",
	.help = "Sign with this key no more; it is removed after seven days",
	.min_args = 2,
	.max_args = 2,
	.need = CTL_NEED_STATE,
	.run = dkim_retire_run,
};

may_yield static struct err *
dkim_remove_run(struct task *t, struct ctl *c)
{
	return dkim_change_run(t, c, state_dkim_remove, "removed");
}

const struct ctl_command cmd_dkim_remove = {
	.name = "dkim remove",
	.args = "DOMAIN SELECTOR",
	.help = "Remove a key at once (one that others may have learnt)",
	.min_args = 2,
	.max_args = 2,
	.need = CTL_NEED_STATE,
	.run = dkim_remove_run,
};

/* --- rotate --- */

/* Whether a new key waits to stand in for k. */
static bool
dkim_has_successor(const struct state_dkim_key *list, unsigned n,
    const struct state_dkim_key *k)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i].stage == STATE_DKIM_NEW &&
		    str_eq(list[i].algorithm, k->algorithm) &&
		    str_eq(list[i].node, k->node))
			return true;
	return false;
}

may_yield static struct err *
dkim_rotate_run(struct task *t, struct ctl *c)
{
	struct arena *a = task_arena(t);
	struct state_dkim_key *list;
	unsigned n, made = 0, waiting = 0;
	struct err *e;

	e = state_dkim_list(a, c->state, str_c(c->argv[0]), &list, &n);
	for (unsigned i = 0; e == NULL && i < n; i++) {
		struct state_dkim_key k = { .domain = list[i].domain,
			.algorithm = list[i].algorithm,
			.node = list[i].node };

		if (list[i].stage != STATE_DKIM_ACTIVE)
			continue;
		if (dkim_has_successor(list, n, &list[i])) {
			waiting++;
			continue;
		}
		e = ctl_dkim_make(t, c, &k);
		made++;
	}
	if (e != NULL || made > 0)
		return e;
	if (waiting > 0)
		return err_newf(a, ERR_CONFLICT,
		    "%s has new keys that wait already: see dkim list",
		    c->argv[0]);
	return err_newf(a, ERR_NOTFOUND, "%s has no active keys: see dkim add",
	    c->argv[0]);
}

const struct ctl_command cmd_dkim_rotate = {
	.name = "dkim rotate",
	.args = "DOMAIN",
	.help = "Make a new key for every active one, to stand in for it later",
	.more = "Nothing changes for receivers until the new keys are "
		"activated: publish their records, then dkim activate, or let "
		"the cluster do it (dkim add says when).",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.run = dkim_rotate_run,
};
