/* route set, remove, list, show; srs rotate */
#include "server/ctl/ctl.h"
#include "server/ctl/nodes_util.h"
#include "storage/state_route.h"
#include "storage/state_srs.h"

static const struct ctl_option route_set_options[] = {
	{ "tls", CTL_STRING, "MODE",
	    "may (default), must, verify, never, implicit" },
	{ "user", CTL_STRING, "NAME", "log in there" },
	{ "password-stdin", CTL_FLAG, NULL, "with the password on stdin" },
	{ "note", CTL_STRING, "TEXT", "for people" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

static struct str
route_hosts(struct arena *a, struct ctl *c)
{
	const char *hosts = c->argv[1];

	for (unsigned i = 2; i < c->argc; i++)
		hosts = arena_printf(a, "%s %s", hosts, c->argv[i]);
	return str_c(hosts);
}

may_yield static struct err *
route_set_run(struct task *t, struct ctl *c)
{
	const struct ctl_value *tls = ctl_opt(c, "tls");
	const struct ctl_value *user = ctl_opt(c, "user");
	const struct ctl_value *note = ctl_opt(c, "note");
	struct state_route r = {
		.pattern = str_c(c->argv[0]),
		.hosts = route_hosts(task_arena(t), c),
		.user = user->given ? str_c(user->s) : STR(""),
		.note = note->given ? str_c(note->s) : STR(""),
	};
	struct err *e = NULL;

	if (tls->given && !state_route_tls_parse(str_c(tls->s), &r.tls))
		return err_newf(task_arena(t), ERR_INVALID,
		    "%s is not may, must, verify, never or implicit", tls->s);
	if (ctl_given(c, "password-stdin"))
		e = ctl_read_secret(t, &r.password);
	if (e == NULL)
		e = ctl_schema_need(t, c, STATE_SENDING_SCHEMA);
	if (e == NULL)
		e = state_route_set(t, c->state, ctl_by(t), &r);
	if (e == NULL)
		ctl_say(c, "mail for %s goes to " STR_FMT, c->argv[0],
		    STR_ARG(r.hosts));
	return e;
}

const struct ctl_command cmd_route_set = {
	.name = "route set",
	.args = "PATTERN HOST...",
	.help = "Send mail for a domain to these hosts instead of to its MX",
	.more = "PATTERN is a domain, .DOMAIN for everything below it, or * "
		"for all; the most precise one holds. HOST is a name, "
		"NAME:PORT, [ADDRESS]:PORT, or mx:DOMAIN for the hosts that "
		"take mail for that domain; they are tried in this order. "
		"TLS: may encrypts if it can, must always, verify also checks "
		"the certificate against the host's name, implicit does so "
		"from the first byte (port 465), never does not. A password "
		"is sealed with the cluster key and only sent with must, "
		"verify or implicit. A route that is there already is "
		"replaced as a whole.",
	.min_args = 2,
	.max_args = 1 + STATE_ROUTE_HOSTS_MAX,
	.need = CTL_NEED_STATE,
	.options = route_set_options,
	.run = route_set_run,
};

may_yield static struct err *
route_remove_run(struct task *t, struct ctl *c)
{
	struct err *e =
	    state_route_remove(t, c->state, ctl_by(t), str_c(c->argv[0]));

	if (e == NULL)
		ctl_say(c, "removed the route for %s", c->argv[0]);
	return e;
}

const struct ctl_command cmd_route_remove = {
	.name = "route remove",
	.args = "PATTERN",
	.help = "Remove a route",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.run = route_remove_run,
};

static const char *const route_columns[] = { "pattern", "hosts", "tls", "user",
	"note", "created" };

static void
route_row(struct ctl_out *o, const struct state_route *r)
{
	ctl_out_str(o, r->pattern);
	ctl_out_str(o, r->hosts);
	ctl_out_str(o, str_c(state_route_tls_name(r->tls)));
	ctl_out_str(o, r->user);
	ctl_out_str(o, r->note);
	ctl_out_time(o, r->created);
}

may_yield static struct err *
route_list_run(struct task *t, struct ctl *c)
{
	struct ctl_out *o =
	    ctl_out_list(t, c, route_columns, countof(route_columns));
	struct state_route *r;
	struct err *e;
	unsigned n;

	e = state_route_list(task_arena(t), c->state, &r, &n);
	for (unsigned i = 0; e == NULL && i < n; i++)
		route_row(o, &r[i]);
	return e != NULL ? e : ctl_out_end(o);
}

const struct ctl_command cmd_route_list = {
	.name = "route list",
	.args = "",
	.help = "List the routes",
	.need = CTL_NEED_STATE,
	.run = route_list_run,
};

may_yield static struct err *
route_show_run(struct task *t, struct ctl *c)
{
	struct ctl_out *o =
	    ctl_out_list(t, c, route_columns, countof(route_columns));
	struct state_route r;
	struct err *e;

	e = state_route_find(task_arena(t), c->state, str_c(c->argv[0]), &r);
	if (e != NULL)
		return e;
	route_row(o, &r);
	return ctl_out_record_end(o);
}

const struct ctl_command cmd_route_show = {
	.name = "route show",
	.args = "DOMAIN",
	.help = "Show which route mail for a domain takes",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.run = route_show_run,
};

may_yield static struct err *
srs_rotate_run(struct task *t, struct ctl *c)
{
	struct err *e = ctl_schema_need(t, c, STATE_SENDING_SCHEMA);

	if (e == NULL)
		e = state_srs_rotate(t, c->state, ctl_by(t));
	if (e == NULL)
		ctl_say(c, "made a new secret");
	return e;
}

const struct ctl_command cmd_srs_rotate = {
	.name = "srs rotate",
	.args = "",
	.help = "Make a new secret for the senders of forwarded mail",
	.more = "Forwarded mail gets a sender of ours, signed with a secret of "
		"the state. The cluster makes a new one every year; bounces to "
		"senders that the old one signed are accepted for 21 days, in "
		"which it is kept.",
	.need = CTL_NEED_STATE,
	.run = srs_rotate_run,
};
