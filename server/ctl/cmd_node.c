/* node invite, node list, node drain, node resume, node remove, join */
#include <unistd.h>

#include "server/admin/admin_nodes.h"
#include "server/ctl/ctl.h"
#include "server/ctl/nodes_util.h"
#include "storage/invite.h"
#include "storage/localdir.h"

may_yield static struct err *
node_invite_run(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "code", "expires", "share" };
	struct admin ad = ctl_admin(t, c);
	struct str code;
	struct invite inv;
	struct err *e = admin_node_invite(t, &ad, c->share_url, &code, &inv);

	if (e != NULL)
		return e;
	if (!c->json) {
		ctl_note(c, STR_FMT, STR_ARG(code));
		return NULL;
	}
	struct ctl_out *o = ctl_out_list(t, c, columns, countof(columns));
	ctl_out_str(o, code);
	ctl_out_time(o, inv.expires);
	ctl_out_str(o, str_c(inv.url));
	return ctl_out_record_end(o);
}

const struct ctl_command cmd_node_invite = {
	.name = "node invite",
	.args = "",
	.help = "Print a code that makes one machine a node",
	.more = "The code holds the share's address and a secret under which "
		"the cluster key lies on the share. It works once, and until "
		"the setting node.invite_expires. Treat it like a root "
		"password.",
	.need = CTL_NEED_STATE,
	.run = node_invite_run,
};

static const struct ctl_option join_options[] = {
	{ "name", CTL_STRING, "NAME", "of this machine (default: host name)" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

may_yield static struct err *
join_run(struct task *t, struct ctl *c)
{
	const struct ctl_value *name = ctl_opt(c, "name");
	char host[256] = "node";
	struct invite inv;
	bool had;
	struct err *e = invite_parse(task_arena(t), str_c(c->argv[0]), &inv);

	if (e == NULL && c->local == NULL)
		e = err_new(task_arena(t), ERR_INVALID,
		    "give --local DIR, this node's own directory", NULL);
	if (e == NULL)
		e = localdir_check(task_arena(t), c->local, true);
	if (e != NULL)
		return e;
	if (gethostname(host, sizeof host - 1) < 0)
		strcpy(host, "node");
	/* Only the address may differ here: a mounted path, another name. */
	const char *url = c->share_url ? c->share_url : inv.url;
	e = store_open(t, c->loop, c->offload, url, NULL, &c->store);
	if (e == NULL)
		e = invite_join(t, c->store, &inv, c->local,
		    name->given ? name->s : host, &had);
	if (e == NULL)
		e = ctl_note_url(t, c, url);
	if (e != NULL)
		return e;
	ctl_say(c,
	    had ? "%s belongs to this cluster already; the code was "
		  "not used"
		: "%s belongs to the cluster now",
	    c->local);
	return NULL;
}

const struct ctl_command cmd_join = {
	.name = "join",
	.args = "CODE",
	.help = "Make DIR a node's directory, with a code of node invite",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_NOTHING,
	.options = join_options,
	.run = join_run,
};

may_yield static struct err *
node_list_run(struct task *t, struct ctl *c)
{
	struct admin ad = ctl_admin(t, c);
	struct nodes *nodes;
	struct err *e = admin_nodes_look(t, &ad, &nodes);

	if (e != NULL)
		return e;
	e = ctl_nodes_print(t, c, nodes);
	nodes_free(&nodes);
	return e;
}

const struct ctl_command cmd_node_list = {
	.name = "node list",
	.args = "",
	.help = "List the nodes as their leases show them",
	.more = "A node is alive if its lease moved while the command "
		"watched, which takes up to six seconds.",
	.need = CTL_NEED_STATE,
	.run = node_list_run,
};

may_yield static struct err *
node_order(struct task *t, struct ctl *c, bool drain)
{
	struct admin ad = ctl_admin(t, c);
	bool changed;
	struct err *e;

	e = admin_node_drain(t, &ad, str_c(c->argv[0]), drain, &changed);
	if (e == NULL && !changed)
		ctl_say(c,
		    drain ? "%s is being drained already"
			  : "%s is not being drained",
		    c->argv[0]);
	else if (e == NULL)
		ctl_say(c,
		    drain ? "%s is told to drain; node list shows how far it is"
			  : "%s is told to serve again",
		    c->argv[0]);
	return e;
}

may_yield static struct err *
node_drain_run(struct task *t, struct ctl *c)
{
	return node_order(t, c, true);
}

may_yield static struct err *
node_resume_run(struct task *t, struct ctl *c)
{
	return node_order(t, c, false);
}

const struct ctl_command cmd_node_drain = {
	.name = "node drain",
	.args = "NODE",
	.help = "Let a node give up its work, without stopping it",
	.more = "The node tells balancers that it is not ready, hands its "
		"locks back and lets idle sessions go little by little; who "
		"connects nevertheless is served. The order is kept in the "
		"state: a node that is started again is still drained. NODE "
		"is a name or an id.",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.run = node_drain_run,
};

const struct ctl_command cmd_node_resume = {
	.name = "node resume",
	.args = "NODE",
	.help = "End what node drain ordered",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.run = node_resume_run,
};

may_yield static struct err *
node_remove_run(struct task *t, struct ctl *c)
{
	struct admin ad = ctl_admin(t, c);
	struct state_node n;
	struct err *e = admin_node_remove(t, &ad, str_c(c->argv[0]), &n);

	if (e == NULL)
		ctl_say(c, "node " STR_FMT " is forgotten", STR_ARG(n.name));
	return e;
}

const struct ctl_command cmd_node_remove = {
	.name = "node remove",
	.args = "NODE",
	.help = "Forget a node that is gone for good",
	.more = "A node that lives is not removed: stop it first. Whether one "
		"that died lives shows after 35 seconds. DKIM keys that only "
		"this node had are retired. Its machine still "
		"has the cluster key: destroy DIR there. A node that is "
		"started again from it comes back. NODE is a name or an id.",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.run = node_remove_run,
};
