/* token list, add, remove */
#include "server/auth/principal.h"
#include "server/ctl/admin_util.h"
#include "server/ctl/nodes_util.h"
#include "storage/state_admin.h"

#define TOKEN_EXPIRES_MAX_S (3650 * 86400ULL)

may_yield static struct err *
token_list_run(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "id", "owner", "label", "scopes",
		"created", "expires" };
	struct ctl_out *o = ctl_out_list(t, c, columns, countof(columns));
	struct state_token *list;
	struct err *e;
	unsigned n;

	e = state_token_list(task_arena(t), c->state,
	    c->argc > 0 ? str_c(c->argv[0]) : STR(""), &list, &n);
	if (e != NULL)
		return e;
	for (unsigned i = 0; i < n; i++) {
		ctl_out_str(o, list[i].id);
		ctl_out_str(o, list[i].owner);
		ctl_out_str(o, list[i].label);
		ctl_out_str(o, list[i].scopes);
		ctl_out_time(o, list[i].created);
		ctl_out_time(o, list[i].expires);
	}
	return ctl_out_end(o);
}

const struct ctl_command cmd_token_list = {
	.name = "token list",
	.args = "[LOGIN]",
	.help = "List the tokens of one administrator or of all",
	.more = "One that has expired works no more, but is listed for another "
		"month, so that one sees why a program stopped.",
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.run = token_list_run,
};

static const struct ctl_option token_add_options[] = {
	{ "label", CTL_STRING, "TEXT", "what it is for" },
	{ "scopes", CTL_STRING, "SCOPES",
	    "what it may: \"accounts:write queue:read\"" },
	{ "expires", CTL_STRING, "TIME",
	    "how long it works: 90d, 12h (default: until it is removed)" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

may_yield static struct err *
token_add_run(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "id", "owner", "label", "scopes",
		"expires", "token" };
	struct state_token tok = { .owner = str_c(c->argv[0]),
		.label = ctl_text(c, "label"),
		.scopes = ctl_text(c, "scopes") };
	struct ctl_out *o;
	uint32_t scopes;
	struct str text;
	struct err *e;

	if (tok.label.n == 0 || tok.scopes.n == 0)
		return err_new(task_arena(t), ERR_INVALID,
		    "give --label and --scopes", NULL);
	e = principal_scopes_parse(task_arena(t), tok.scopes, &scopes);
	if (e == NULL)
		e = ctl_expires(t, c, 0, TOKEN_EXPIRES_MAX_S, &tok.expires);
	if (e == NULL)
		e = ctl_schema_need(t, c, STATE_CONSOLE_SCHEMA);
	if (e == NULL)
		e = state_token_add(t, c->state, ctl_by(t), &tok, &text);
	if (e != NULL)
		return e;
	if (!c->json) {
		ctl_note(c, STR_FMT, STR_ARG(text));
		return NULL;
	}
	o = ctl_out_list(t, c, columns, countof(columns));
	ctl_out_str(o, tok.id);
	ctl_out_str(o, tok.owner);
	ctl_out_str(o, tok.label);
	ctl_out_str(o, tok.scopes);
	ctl_out_time(o, tok.expires);
	ctl_out_str(o, text);
	return ctl_out_record_end(o);
}

const struct ctl_command cmd_token_add = {
	.name = "token add",
	.args = "LOGIN",
	.help = "Make a token for a program that uses the API, and print it",
	.more = "It does what administrator LOGIN may, and no more than its "
		"scopes: words AREA:read or AREA:write, AREA one of me, "
		"domains, accounts, queue, trace, nodes, settings, audit, "
		"admins, or * for all. It is printed once.",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.options = token_add_options,
	.run = token_add_run,
};

may_yield static struct err *
token_remove_run(struct task *t, struct ctl *c)
{
	struct err *e =
	    state_token_remove(t, c->state, ctl_by(t), str_c(c->argv[0]));

	if (e == NULL)
		ctl_say(c, "removed token %s", c->argv[0]);
	return e;
}

const struct ctl_command cmd_token_remove = {
	.name = "token remove",
	.args = "ID",
	.help = "Take a token back",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.run = token_remove_run,
};
