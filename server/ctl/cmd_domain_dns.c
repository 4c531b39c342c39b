/* domain dns */
#include "server/admin/admin_domain.h"
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

may_yield static struct err *
domain_dns_run(struct task *t, struct ctl *c)
{
	struct admin ad = ctl_admin(t, c);
	struct admin_zone_conf z;
	struct err *e = admin_domain_zone(t, &ad, str_c(c->argv[0]), &z);

	return e != NULL ? e : domain_dns_print(t, c, &z);
}

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
		"is what a zone file has.",
	.min_args = 1,
	.max_args = 1,
	.need = CTL_NEED_STATE,
	.run = domain_dns_run,
};
