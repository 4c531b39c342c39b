/* tls add, tls list, tls remove */
#include "server/admin/admin_tls.h"
#include "server/ctl/ctl.h"
#include "server/ctl/localfile.h"
#include "storage/state_key.h"

#define TLS_SOON_S (14 * 86400)

may_yield static struct err *
tls_add_run(struct task *t, struct ctl *c)
{
	struct admin ad = ctl_admin(t, c);
	struct state_certificate crt;
	struct str chain, key;
	struct err *e;

	e = ctl_read_file(t, c, c->argv[0], STATE_SECRET_MAX, &chain, NULL);
	if (e == NULL)
		e = ctl_read_file(t, c, c->argv[1], STATE_SECRET_MAX, &key,
		    NULL);
	if (e == NULL)
		e = admin_tls_add(t, &ad, chain, key, &crt);
	if (e != NULL)
		return e;
	for (unsigned i = 0; i < crt.n; i++)
		ctl_note(c, "certificate for " STR_FMT, STR_ARG(crt.names[i]));
	ctl_say(c, "added certificate " STR_FMT, STR_ARG(crt.id));
	if (crt.expires < task_wall_s(t) + TLS_SOON_S)
		fprintf(stderr, "shoalctl: note: it expires within 14 days\n");
	return NULL;
}

const struct ctl_command cmd_tls_add = {
	.name = "tls add",
	.args = "CERTIFICATE KEY",
	.help = "Give all nodes a certificate and its private key",
	.more = "Two PEM files; the first holds the certificate and what "
		"leads to its root. The names come from the certificate; names "
		"that another one has move to this one, so that renewing is "
		"adding. Clients get by SNI the certificate that has their "
		"name, without SNI the oldest one. The key is sealed with the "
		"cluster key. A node whose configuration has a section tls "
		"uses that instead.",
	.min_args = 2,
	.max_args = 2,
	.files = true,
	.need = CTL_NEED_STATE,
	.run = tls_add_run,
};

may_yield static struct err *
tls_list_run(struct task *t, struct ctl *c)
{
	static const char *const columns[] = { "id", "names", "expires",
		"added", "state" };
	struct ctl_out *o = ctl_out_list(t, c, columns, countof(columns));
	struct state_certificate *list;
	int64_t now = task_wall_s(t);
	unsigned n;
	struct err *e;

	e = state_certificate_list(task_arena(t), c->state, &list, &n);
	if (e != NULL)
		return e;
	for (unsigned i = 0; i < n; i++) {
		ctl_out_str(o, list[i].id);
		ctl_out_strs(o, list[i].names, list[i].n);
		ctl_out_time(o, list[i].expires);
		ctl_out_time(o, list[i].created);
		ctl_out_str(o, list[i].expires <= now ? STR("expired")
			       : list[i].expires < now + TLS_SOON_S
				   ? STR("expires soon")
				   : STR("valid"));
	}
	return ctl_out_end(o);
}

const struct ctl_command cmd_tls_list = {
	.name = "tls list",
	.args = "",
	.help = "List the cluster's certificates",
	.need = CTL_NEED_STATE,
	.run = tls_list_run,
};

may_yield static struct err *
tls_remove_run(struct task *t, struct ctl *c)
{
	struct admin ad = ctl_admin(t, c);
	struct str what;
	struct err *e = admin_tls_remove(t, &ad, str_c(c->argv[0]), &what);

	if (e == NULL)
		ctl_say(c, "removed certificate " STR_FMT, STR_ARG(what));
	return e;
}

const struct ctl_command cmd_tls_remove = {
	.name = "tls remove",
	.args = "ID|NAME",
	.help = "Take a certificate away from all nodes",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.run = tls_remove_run,
};
