/* domain dns */
#include "server/admin/admin_domain.h"
#include "server/admin/admin_zone_check.h"
#include "server/conf.h"
#include "server/ctl/ctl.h"

static struct err *
domain_dns_print(struct task *t, struct ctl *c, const struct admin_zone_conf *z)
{
	static const char *const columns[] = { "name", "type", "data", "line" };
	struct admin_zone_record *list;
	struct ctl_out *o;
	unsigned n;

	admin_zone_build(task_arena(t), z, &list, &n);
	if (c->json) {
		o = ctl_out_list(t, c, columns, countof(columns));
		for (unsigned i = 0; i < n; i++) {
			ctl_out_str(o, list[i].name);
			ctl_out_str(o, str_c(list[i].type));
			ctl_out_str(o, list[i].data);
			ctl_out_str(o,
			    admin_zone_line(task_arena(t), &list[i]));
		}
		return ctl_out_end(o);
	}
	if (z->hosts_n == 0)
		printf("; no host names are known: shoalctl settings set "
		       "domain.mx_hosts \"NAME...\"\n");
	if (z->keys_n == 0)
		printf("; no keys to sign with: shoalctl dkim add " STR_FMT
		       "\n",
		    STR_ARG(z->domain));
	for (unsigned i = 0; i < n; i++)
		printf(STR_FMT "\n",
		    STR_ARG(admin_zone_line(task_arena(t), &list[i])));
	return NULL;
}

/* --- what the DNS says --- */

static void
domain_dns_row(struct task *t, const struct ctl *c, struct ctl_out *o,
    const struct admin_zone_record *r, const struct admin_zone_seen *s)
{
	ctl_out_str(o, r->name);
	ctl_out_str(o, str_c(r->type));
	ctl_out_str(o, str_c(admin_zone_status_name(s->status)));
	ctl_out_strs(o, s->found, s->n);
	if (!c->json)
		return;
	ctl_out_str(o, r->data);
	ctl_out_str(o, admin_zone_line(task_arena(t), r));
}

may_yield static struct err *
domain_dns_check(struct task *t, struct ctl *c, const struct admin_zone_conf *z)
{
	static const char *const columns[] = { "name", "type", "status",
		"found", "data", "line" };
	const struct conf *conf = ctl_dns_conf(t, c);
	struct dns *dns = dns_new_for(c->loop, &conf);
	struct admin_zone_record *list;
	struct admin_zone_seen *seen;
	struct ctl_out *o;
	struct err *e;
	bool wrong = false;
	unsigned n;

	admin_zone_build(task_arena(t), z, &list, &n);
	seen = arena_array(task_arena(t), n + 1UL, sizeof(*seen));
	admin_zone_check(t, dns, list, n, seen);
	dns_free(&dns);
	o = ctl_out_list(t, c, columns,
	    c->json ? countof(columns) : countof(columns) - 2);
	for (unsigned i = 0; i < n; i++) {
		domain_dns_row(t, c, o, &list[i], &seen[i]);
		wrong |= seen[i].status == ADMIN_ZONE_MISSING ||
			 seen[i].status == ADMIN_ZONE_DIFFERENT;
	}
	e = ctl_out_end(o);
	if (wrong)
		c->exit_code = 1;
	for (unsigned i = 0; wrong && i < n; i++)
		if (seen[i].status == ADMIN_ZONE_MISSING ||
		    seen[i].status == ADMIN_ZONE_DIFFERENT)
			ctl_note(c, STR_FMT,
			    STR_ARG(admin_zone_line(task_arena(t), &list[i])));
	return e;
}

may_yield static struct err *
domain_dns_run(struct task *t, struct ctl *c)
{
	struct admin ad = ctl_admin(t, c);
	struct admin_zone_conf z;
	struct err *e = admin_domain_zone(t, &ad, str_c(c->argv[0]), &z);

	if (e != NULL)
		return e;
	return ctl_given(c, "check") ? domain_dns_check(t, c, &z)
				     : domain_dns_print(t, c, &z);
}

static const struct ctl_option domain_dns_options[] = {
	{ "check", CTL_FLAG, NULL, "say which of them the DNS has" },
	{ NULL, CTL_FLAG, NULL, NULL },
};

const struct ctl_command cmd_domain_dns = {
	.name = "domain dns",
	.args = "DOMAIN",
	.help = "Print the DNS records that the domain needs, for its zone",
	.more = "MX names the hosts of the setting domain.mx_hosts, or, "
		"without it, this node's hostname and those nodes whose names "
		"are host names; SRV names client.host, or the same hosts. SPF "
		"and DMARC are what domain.spf and "
		"domain.dmarc say. DKIM keys are shown from the moment they "
		"are made until seven days after they were retired. SRV "
		"records (RFC 6186, RFC 8314) are for what this node listens "
		"for; autoconfig and autodiscover are there with a listener "
		"for https. With --json data of a TXT record is its whole "
		"text, line "
		"is what a zone file has. With --check the DNS is asked, all "
		"at once and for 5 seconds at most, and each record is ok, "
		"missing, different (found is what there is) or unknown (no "
		"answer); records are compared by what they mean: a key by "
		"itself, DMARC tag by tag. Those that are not there follow, "
		"and the command exits with 1.",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.options = domain_dns_options,
	.run = domain_dns_run,
};
